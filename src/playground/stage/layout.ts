// Where everything stands: a StackState and a width become lanes, marks, strips and words with their places, in CSS pixels.
//
// Verbs: layoutStage. Pure: the same state, extent and width give the same layout. The lanes draw it, the picture prints it, and the
// keyboard walks it. Heights come from the extent of the whole run, so that nothing moves for want of room while it is played.
// Invariant: every mark lies inside its lane, and no two marks of a lane overlap.

import { formatCount, formatCounted } from '../model/describe.ts';
import type { StackState } from '../model/types.ts';
import type { RunExtent } from './extent.ts';
import * as g from './geometry.ts';
import { cacheFacts, layoutCache } from './layout-cache.ts';
import { layoutDriveBand } from './layout-drives.ts';
import { layoutGuests, layoutRings } from './layout-rings.ts';
import { wrapText } from './text.ts';
import type { Label, LaneBox, LaneContent, LaneKind, Mark, Place, StageLayout } from './types.ts';

const TITLES: Record<LaneKind, readonly [title: string, purpose: string]> = {
  applications: ['Applications', 'what they asked for, in flight or done'],
  guest: ['Guest', 'its disk’s queue, merged by multireq'],
  cache: ['Page cache', 'pages of files, held in memory'],
  block: ['Block layer', 'requests wait and merge, by address'],
  drive: ['Drive', 'from in service to the media'],
};

export function layoutStage(state: StackState, extent: RunExtent, width: number): StageLayout {
  const builder = new Builder(width);
  if (state.rings.length > 0 || state.guests.length === 0)
    builder.lane('applications', ringFacts(state), (place) => layoutRings(state, extent, place));
  if (state.guests.length > 0) builder.lane('guest', '', (place) => layoutGuests(state, place));
  builder.lane('cache', cacheFacts(state), (place) => layoutCache(state, extent, place));
  const bands = driveBands(state.drives.length, builder.contentWidth);
  for (const drives of bands) {
    const layout = layoutDriveBand(state, extent, drives, builder.contentLeft, builder.contentWidth);
    builder.lane('block', blockFacts(state, drives), layout.block, drives[0]);
    builder.lane(
      'drive',
      drives.length === 1 ? driveFacts(state, drives[0] ?? 0) : '',
      layout.drive,
      drives[0],
    );
  }
  return builder.stage();
}

/** Drives side by side as long as each has room; the others below. */
function driveBands(count: number, width: number): number[][] {
  const columns = Math.max(1, Math.floor((width + g.DRIVE_GAP) / (g.DRIVE_MIN_WIDTH + g.DRIVE_GAP)));
  const rows = Math.ceil(count / columns);
  const each = Math.ceil(count / Math.max(1, rows));
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: Math.min(each, count - row * each) }, (_, column) => row * each + column),
  );
}

class Builder {
  readonly #width: number;
  readonly #isWide: boolean;
  readonly contentLeft: number;
  readonly contentWidth: number;
  readonly #lanes: LaneBox[] = [];
  readonly #contents: LaneContent[] = [];
  readonly #marks: Mark[] = [];
  #y = 0;

  constructor(width: number) {
    this.#width = Math.max(g.MIN_WIDTH, Math.min(g.MAX_WIDTH, Math.floor(width)));
    this.#isWide = this.#width >= g.WIDE_FROM;
    this.contentLeft = this.#isWide ? g.GUTTER + g.GUTTER_GAP : 0;
    this.contentWidth = this.#width - this.contentLeft;
  }

  lane(kind: LaneKind, facts: string, fill: (place: Place) => LaneContent, drive?: number): void {
    const [title, purpose] = TITLES[kind];
    const lines = this.#isWide ? g.WIDE_LINES : g.NARROW_LINES;
    const contentY = this.#y + lines.height;
    const content = fill({ left: this.contentLeft, top: contentY, width: this.contentWidth });
    const purposeLines = this.#purposeLines(purpose, content.words);
    const titleFoot = lines.purpose + (purposeLines.length - (this.#isWide ? 0 : 1)) * g.PURPOSE_LINE;
    const isOneLine = this.#isWide && content.words !== '';
    const height = isOneLine
      ? lines.title + lines.foot
      : Math.ceil(Math.max(lines.height + content.height, titleFoot) + lines.foot);
    // words in a lane begin where its axis does
    const indent = this.#isWide ? g.FLUSH_COLUMN : 0;
    this.#lanes.push({
      key: drive === undefined || drive === 0 ? kind : `${kind}${drive}`,
      kind,
      title,
      purposeLines,
      words: this.#isWide ? content.words : '',
      facts: content.words === '' ? facts : '',
      x: 0,
      y: this.#y,
      width: this.#width,
      height,
      contentX: this.contentLeft + indent,
      contentY,
      contentWidth: this.contentWidth - indent,
      isWide: this.#isWide,
    });
    this.#contents.push(content);
    for (const mark of content.marks) this.#marks.push({ ...mark, lane: this.#lanes.length - 1 });
    this.#y += height;
  }

  /** What a lane is for; a narrow one has no other line to say why it is empty. */
  #purposeLines(purpose: string, words: string): string[] {
    if (!this.#isWide) return wrapText(words || purpose, this.#width, g.LABEL_SIZE);
    return words === '' ? wrapText(purpose, g.GUTTER, g.LABEL_SIZE) : [];
  }

  stage(): StageLayout {
    const all = this.#contents;
    return {
      width: this.#width,
      height: this.#y,
      lanes: this.#lanes,
      marks: this.#marks,
      strips: all.flatMap(({ strips }) => strips),
      labels: all.flatMap(({ labels }): readonly Label[] => labels),
      guides: all.flatMap(({ guides }) => guides),
      slots: all.map(({ slots }) => slots).join(''),
      brackets: all.flatMap(({ brackets }) => brackets),
    };
  }
}

function ringFacts({ rings }: StackState): string {
  if (rings.length === 0) return '';
  const inFlight = rings.reduce((sum, ring) => sum + ring.inFlight, 0);
  const ended = rings.reduce((sum, ring) => sum + ring.completed, 0);
  const failed = rings.reduce((sum, ring) => sum + ring.failed, 0);
  const parts = [`${formatCount(inFlight)} in flight`, `${formatCount(ended)} done`];
  if (failed > 0) parts.push(`${formatCount(failed)} failed`);
  return parts.join(' · ');
}

function blockFacts({ drives }: StackState, shown: readonly number[]): string {
  const these = shown.flatMap((index) => drives[index] ?? []);
  const waiting = these.reduce((sum, drive) => sum + drive.waiting.length, 0);
  const merges = these.reduce((sum, drive) => sum + drive.merges, 0);
  return `${formatCount(waiting)} waiting · ${formatCounted(merges, 'merge')}`;
}

function driveFacts({ drives, shape }: StackState, index: number): string {
  const drive = drives[index];
  if (drive === undefined) return '';
  const parts = [shape.drives[index]?.model ?? ''];
  if (drive.reads > 0) parts.push(formatCounted(drive.reads, 'read'));
  if (drive.writes > 0) parts.push(formatCounted(drive.writes, 'write'));
  if (drive.flushes > 0) parts.push(`${formatCount(drive.flushes)} flush${drive.flushes === 1 ? '' : 'es'}`);
  return parts.join(' · ');
}
