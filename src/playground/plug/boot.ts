// The boot of a survivor, as a run that can be watched: the power cut, the mount, recovery, and what is left read back.
//
// Verbs: watchBoot. Nobody steps this machine: mounting and reading run all events that they need, and the steps are found again in the
// records (worker/live-log.ts). What is done to it decides by what it has read, as a system that boots does.
// Invariant: the same survivor makes the same records.

import { RECORD_KEPT, RECORD_KIND, RECORD_LOST } from '../../../assembly/layout.ts';
import { PAGE_SIZE, SECTOR_SIZE } from '../../../assembly/limits.ts';
import type { Machine } from '../../machine.ts';
import { formatBytes, formatCount } from '../model/describe.ts';
import { SceneRun } from '../scene/run.ts';
import type { Chapter, Scene, SceneNote } from '../scene/types.ts';
import { LiveLog } from '../worker/live-log.ts';
import type { Boot, Survivor } from '../worker/plug-protocol.ts';
import type { FileShape, RunPart } from '../worker/protocol.ts';
import { shapeOf } from '../worker/shape.ts';
import { isWrite } from './ledger.ts';
import { homesNamed, XV6_BLOCK_BYTES, XV6_HEADER } from './xv6.ts';

/** More is not read back: the run is there to be watched. */
const MOST_READS = 48;
const MOST_BYTES = 262_144;

/** Boots `machine`, a survivor of the scene that nothing was done to, and closes it. */
export function watchBoot(scene: Scene, survivor: Survivor, machine: Machine): Boot {
  try {
    const tape = new Tape(machine);
    tape.takeStart();
    const files = survivor.files === undefined ? [] : namedFiles(scene, survivor, machine);
    if (scene.check === 'xv6-log') recoverLog(tape, machine, survivor);
    else if (survivor.files === undefined) readRanges(tape, machine, survivor);
    else readFiles(tape, machine, files);
    const bootScene: Scene = { ...scene, clients: [], chapters: tape.chapters };
    const shape = shapeOf(new SceneRun(machine, bootScene));
    return { scene: bootScene, shape: { ...shape, files: [...shape.files, ...files] }, parts: tape.parts };
  } finally {
    machine.close();
  }
}

type Telling = Pick<Chapter, 'title' | 'text'> & { readonly notes?: readonly SceneNote[] };

/** What has been recorded so far, chapter by chapter. */
class Tape {
  readonly chapters: Chapter[] = [];
  readonly #log: LiveLog;
  #parts: RunPart[] = [];

  constructor(machine: Machine) {
    this.#log = new LiveLog(machine);
  }

  /** With its end marked. */
  get parts(): readonly RunPart[] {
    return this.#parts.map((part, index) => ({ ...part, isLast: index === this.#parts.length - 1 }));
  }

  /** What the machine has done before anybody asked it for something: the cut is its first step. */
  takeStart(): void {
    const parts = this.#log.take();
    const first = parts[0];
    if (first === undefined) return;
    const kind = first.records[RECORD_KIND];
    const hasCut = kind === RECORD_KEPT || kind === RECORD_LOST;
    const chapter = this.chapters.length;
    if (hasCut) this.#tell(CUT);
    if (parts.length > 1 || first.recordEnds.length > 1 || !hasCut) this.#tell(MOUNT);
    for (const part of parts) part.chapters.fill(this.chapters.length - 1);
    if (hasCut) first.chapters[0] = chapter;
    this.#parts.push(...parts);
  }

  /** Does something, and records it as a chapter of its own. */
  play(told: Telling, body: () => void): void {
    body();
    const parts = this.#log.take();
    if (parts.length === 0) return;
    this.#tell(told);
    for (const part of parts) part.chapters.fill(this.chapters.length - 1);
    this.#parts.push(...parts);
  }

  #tell({ title, text, notes = [] }: Telling): void {
    this.chapters.push({ title, text, work: [], notes });
  }
}

const CUT: Telling = {
  title: 'The power is cut',
  text: 'Memory is gone. Of the writes that no flush covered, the media has what you let it keep.',
  notes: [
    {
      kind: 'kept',
      text: 'This write had no flush behind it, and reached the media all the same: luck, not a promise.',
    },
    { kind: 'lost', text: 'This write never reached the media. Where it would be is marked below as lost.' },
  ],
};

/** Without a volume a drive that comes up does nothing before it is asked. */
const MOUNT: Telling = {
  title: 'The volume is mounted',
  text: 'The mount reads its names, then the journal, and writes home what a committed transaction there says.',
  notes: [
    { kind: 'commit', text: 'The mount leaves a transaction of its own behind: the journal begins anew.' },
    {
      kind: 'flushed',
      text: 'A flush: what was replayed is durable before the journal may be overwritten.',
    },
  ],
};

/** Each place that the scene had written by then, through an empty page cache. */
function readRanges(tape: Tape, machine: Machine, { rows }: Survivor): void {
  const all = mergedRanges(rows.filter(isWrite).filter(({ lengthBytes }) => lengthBytes > 0));
  const ranges = all.slice(0, MOST_READS);
  if (ranges.length === 0) ranges.push({ target: 'drive0', from: 0, to: PAGE_SIZE });
  const isLong = ranges.some(({ from, to }) => to - from > MOST_BYTES);
  const told: Telling = {
    title: 'What is left is read',
    text: `The page cache is empty, so each place that was written is read from the media again.${leftOut('places', ranges.length, all.length, isLong)}`,
    notes: [{ kind: 'pageMiss', text: 'A miss: memory has forgotten everything, the media is asked.' }],
  };
  tape.play(told, () => {
    for (const { target, from, to } of ranges) {
      const file = machine.openFile(target);
      file.read(Math.min(to - from, MOST_BYTES), from);
      file.close();
    }
  });
}

/** What of it is not read back, in words; nothing when all is. */
function leftOut(things: 'places' | 'files', readCount: number, count: number, isLong: boolean): string {
  const first = ` Here the first ${formatCount(readCount)} of ${formatCount(count)} ${things}.`;
  const part = ` Of long ${things} the first ${formatBytes(MOST_BYTES)}.`;
  return `${count > readCount ? first : ''}${isLong ? part : ''}`;
}

interface Range {
  readonly target: string;
  readonly from: number;
  readonly to: number;
}

/** What was written, target by target, in the order of addresses; places that touch are one. */
function mergedRanges(
  rows: readonly { readonly target: string; readonly offsetBytes: number; readonly lengthBytes: number }[],
): Range[] {
  const sorted = rows
    .map(({ target, offsetBytes, lengthBytes }) => ({
      target,
      from: offsetBytes,
      to: offsetBytes + lengthBytes,
    }))
    .sort((left, right) => left.target.localeCompare(right.target) || left.from - right.from);
  const ranges: Range[] = [];
  for (const next of sorted) {
    const last = ranges.at(-1);
    if (last === undefined || last.target !== next.target || last.to < next.from) ranges.push(next);
    else if (next.to > last.to) ranges[ranges.length - 1] = { ...last, to: next.to };
  }
  return ranges;
}

function readFiles(tape: Tape, machine: Machine, files: readonly FileShape[]): void {
  const named = files.slice(0, MOST_READS);
  const isLong = named.some(({ pageCount }) => pageCount * PAGE_SIZE > MOST_BYTES);
  const told: Telling = {
    title: 'The files are read',
    text: `Names and sizes are back. Each file is read from the media, for the page cache is empty.${leftOut('files', named.length, files.length, isLong)}`,
    notes: [{ kind: 'pageMiss', text: 'A miss: memory has forgotten everything, the media is asked.' }],
  };
  tape.play(told, () => {
    for (const { name } of named) {
      const file = machine.fs.open(name);
      file.read(new Uint8Array(MOST_BYTES));
      file.close();
    }
  });
}

/** The files that came up, as records number them. */
function namedFiles(scene: Scene, { files = [] }: Survivor, machine: Machine): FileShape[] {
  const { volume } = scene.machine;
  const drive = typeof volume === 'object' ? (volume.drive ?? 0) : 0;
  return files.map(({ path, bytes }) => ({
    number: machine.volumeFileNumber(machine.fs.stat(path).inode),
    name: path,
    drive,
    pageCount: Math.ceil(bytes / PAGE_SIZE),
  }));
}

/** Recovery of the xv6 log (kernel/log.c, recover_from_log): install_trans, then an empty header. */
function recoverLog(tape: Tape, machine: Machine, { xv6 }: Survivor): void {
  const device = machine.blockDevice(0);
  const sectors = XV6_BLOCK_BYTES / SECTOR_SIZE;
  const homes = homesNamed(xv6?.named);
  const header: Telling = {
    title: 'Recovery reads the header',
    text:
      homes.length === 0
        ? 'The header is empty: no transaction was committed and unfinished. Nothing is copied.'
        : `The header names homes ${homes.join(' and ')}: that transaction was committed. Its blocks are in the log.`,
  };
  tape.play(header, () => device.read(XV6_HEADER * sectors, sectors));
  if (homes.length > 0) {
    const copy: Telling = {
      title: 'The log is copied home',
      text: 'Whatever is in the log now goes to the homes that the header names. Copying it twice does no harm.',
      notes: [{ kind: 'flushed', text: 'The homes are durable before the header is emptied.' }],
    };
    tape.play(copy, () => {
      homes.forEach((home, place) => {
        device.write(home * sectors, device.read(place * sectors, sectors));
      });
      device.flush();
    });
    const clear: Telling = {
      title: 'The header is emptied',
      text: 'Recovery is over: the next crash finds nothing to copy.',
    };
    tape.play(clear, () => {
      device.writeZeroes(XV6_HEADER * sectors, sectors);
      device.flush();
    });
  }
}
