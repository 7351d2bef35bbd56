// What a scene asks for, as a small picture: each request a bar on the address axis, the first at the top; a sync is a line across.
//
// Verbs: thumbnailOf (pure), Thumbnail. It is drawn from the scene's data, before anything has run.

import type { Size } from '../../core/options.ts';
import { parseSize } from '../../core/size.ts';
import type { Hue } from '../model/types.ts';
import type { Scene, TransferWork, Work } from '../scene/types.ts';

export const THUMBNAIL_WIDTH = 56;
export const THUMBNAIL_HEIGHT = 40;
const MAX_ROWS = 20;
const SHORTEST = 3;
const MAX_BAR = 3;

export interface ThumbnailBar {
  readonly hue: Hue;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

interface Row {
  readonly hue: Hue;
  /** Bytes; undefined: over everything. */
  readonly range: readonly [first: number, end: number] | undefined;
}

const HUES: Readonly<Record<TransferWork['op'], Hue>> = {
  read: 'read',
  write: 'write',
  discard: 'discard',
  writeZeroes: 'discard',
};

const bytes = (size: Size): number => Number(parseSize(size, 'size'));

/** A place for the request of a random row: the same each time, and spread evenly (the golden ratio's fractions). */
function scattered(index: number): number {
  return (index * 0.618_034) % 1;
}

function rowsOfTransfer(work: TransferWork): Row[] {
  const length = bytes(work.length);
  const first = bytes(work.offset);
  const count = work.count ?? 1;
  const stride = work.stride === undefined ? length : bytes(work.stride);
  const span = Math.max(length, work.span === undefined ? count * stride : bytes(work.span));
  const shown = Math.min(count, MAX_ROWS / 2);
  return Array.from({ length: shown }, (_, at): Row => {
    const index = Math.floor((at * count) / shown);
    const within = (index * (work.pattern === 'stride' ? stride : length)) % span;
    const places = { sequential: within, stride: within, reverse: span - length - within, random: 0 };
    const place =
      work.pattern === 'random'
        ? scattered(index + 1) * (span - length)
        : places[work.pattern ?? 'sequential'];
    const start = first + Math.max(0, place);
    return { hue: HUES[work.op], range: [start, start + length] };
  });
}

function rowsOf(work: Work): Row[] {
  switch (work.op) {
    case 'read':
    case 'write':
    case 'discard':
    case 'writeZeroes':
      return rowsOfTransfer(work);
    case 'fsync':
    case 'fdatasync':
    case 'flush':
    case 'sync':
    case 'fsyncDirectory':
      return [{ hue: 'flush', range: undefined }];
    default:
      return [];
  }
}

/** As many of the rows as there is room for, evenly taken. */
function thin(rows: readonly Row[]): readonly Row[] {
  if (rows.length <= MAX_ROWS) return rows;
  return Array.from({ length: MAX_ROWS }, (_, at) => rows[Math.floor((at * rows.length) / MAX_ROWS)] as Row);
}

export function thumbnailOf(scene: Scene): ThumbnailBar[] {
  const rows = thin(scene.chapters.flatMap(({ work }) => work.flatMap(rowsOf)));
  const ranges = rows.flatMap(({ range }) => (range === undefined ? [] : [range]));
  const first = Math.min(...ranges.map(([start]) => start));
  const size = Math.max(1, Math.max(...ranges.map(([, end]) => end)) - first);
  const pitch = THUMBNAIL_HEIGHT / Math.max(rows.length, 8);
  const height = Math.min(MAX_BAR, pitch * 0.7);
  return rows.map(({ hue, range }, at): ThumbnailBar => {
    const top = at * pitch + (pitch - height) / 2;
    if (range === undefined)
      return { hue, left: 0, top: top + height / 4, width: THUMBNAIL_WIDTH, height: height / 2 };
    const width = Math.max(SHORTEST, ((range[1] - range[0]) / size) * THUMBNAIL_WIDTH);
    const left = Math.min(THUMBNAIL_WIDTH - width, ((range[0] - first) / size) * THUMBNAIL_WIDTH);
    return { hue, left, top, width, height };
  });
}

export function Thumbnail({ scene }: { scene: Scene }) {
  return (
    <svg class="thumbnail" viewBox={`0 0 ${THUMBNAIL_WIDTH} ${THUMBNAIL_HEIGHT}`} aria-hidden="true">
      {thumbnailOf(scene).map(({ hue, left, top, width, height }) => (
        <rect key={top} class={hue} x={left} y={top} width={width} height={height} />
      ))}
    </svg>
  );
}
