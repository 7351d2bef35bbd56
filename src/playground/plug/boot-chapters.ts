// What a system does that comes up after a crash, chapter by chapter: the cut itself, the mount, recovery, and what is left read back.
//
// Verbs: bootChapters. Each thing that is done begins when all before it has ended; it looks at the drive as it is then.
// Invariant: the same survivor does the same, so that a boot that is played again makes the same records.

import { PAGE_SIZE, SECTOR_SIZE } from '../../../assembly/limits.ts';
import type { Machine } from '../../machine.ts';
import { formatBytes, formatCount } from '../model/describe.ts';
import type { Chapter, SceneNote } from '../scene/types.ts';
import type { Survivor } from '../worker/plug-protocol.ts';
import { isWrite } from './ledger.ts';
import type { Reader } from './reader.ts';
import { homesNamed, XV6_BLOCK_BYTES, XV6_HEADER } from './xv6.ts';

/** More is not read back: the run is there to be watched. */
const MOST_READS = 48;
const MOST_BYTES = 262_144;

/** What a boot works with. */
export interface BootParts {
  readonly machine: Machine;
  readonly reader: Reader;
}

/** Begins one thing. */
export type BootAct = (parts: BootParts) => void;

export interface BootChapter {
  readonly told: Chapter;
  /** One after the other. */
  readonly acts: readonly BootAct[];
}

/** `hasCut`: the machine has made records of what the cut decided. `isRead`: what is left is read back, to be looked at. */
export function bootChapters(
  survivor: Survivor,
  { hasCut, isXv6, isRead }: { readonly hasCut: boolean; readonly isXv6: boolean; readonly isRead: boolean },
): BootChapter[] {
  return [
    ...(hasCut ? [CUT] : []),
    ...(survivor.files === undefined ? [] : [MOUNT]),
    ...(isXv6 ? recovery(survivor) : []),
    ...(isRead && !isXv6 ? [survivor.files === undefined ? readRanges(survivor) : readFiles(survivor)] : []),
  ];
}

function chapter(title: string, text: string, acts: readonly BootAct[], ...notes: SceneNote[]): BootChapter {
  return { told: { title, text, work: [], notes }, acts };
}

const CUT = chapter(
  'The power is cut',
  'Memory is gone. Of the writes that no flush covered, the media has what you let it keep.',
  [],
  {
    kind: 'kept',
    text: 'This write had no flush behind it, and reached the media all the same: luck, not a promise.',
  },
  { kind: 'lost', text: 'This write never reached the media. Where it would be is marked below as lost.' },
);

const MOUNT = chapter(
  'The volume is mounted',
  'The mount reads its names, then the journal, and writes home what a committed transaction there says.',
  [({ machine }) => machine.beginMount()],
  { kind: 'commit', text: 'The mount leaves a transaction of its own behind: the journal begins anew.' },
  { kind: 'flushed', text: 'A flush: what was replayed is durable before the journal may be overwritten.' },
);

const MISS: SceneNote = {
  kind: 'pageMiss',
  text: 'A miss: memory has forgotten everything, the media is asked.',
};

/** Each place that was written by then, through an empty page cache. */
function readRanges({ rows }: Survivor): BootChapter {
  const all = mergedRanges(rows.filter(isWrite).filter(({ lengthBytes }) => lengthBytes > 0));
  const ranges = all.slice(0, MOST_READS);
  if (ranges.length === 0) ranges.push({ target: 'drive0', from: 0, to: PAGE_SIZE });
  const isLong = ranges.some(({ from, to }) => to - from > MOST_BYTES);
  return chapter(
    'What is left is read',
    `The page cache is empty, so each place that was written is read from the media again.${leftOut('places', ranges.length, all.length, isLong)}`,
    ranges.map(
      ({ target, from, to }): BootAct =>
        ({ reader }) =>
          reader.read(target, from, Math.min(to - from, MOST_BYTES)),
    ),
    MISS,
  );
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

function readFiles({ files = [] }: Survivor): BootChapter {
  const named = files.slice(0, MOST_READS);
  const isLong = named.some(({ bytes }) => bytes > MOST_BYTES);
  return chapter(
    'The files are read',
    `Names and sizes are back. Each file is read from the media, for the page cache is empty.${leftOut('files', named.length, files.length, isLong)}`,
    named.map(
      ({ path, bytes }): BootAct =>
        ({ reader }) =>
          // an empty file is asked for a sector that it does not have
          reader.read(path, 0, Math.max(SECTOR_SIZE, Math.min(bytes, MOST_BYTES))),
    ),
    MISS,
  );
}

/** Recovery of the xv6 log (kernel/log.c, recover_from_log): install_trans, then an empty header. */
function recovery({ xv6 }: Survivor): BootChapter[] {
  const sectorCount = XV6_BLOCK_BYTES / SECTOR_SIZE;
  const read =
    (block: number): BootAct =>
    ({ machine }) =>
      void machine.blockDevice(0).submit({ operation: 'read', sector: block * sectorCount, sectorCount });
  const flush: BootAct = ({ machine }) => void machine.blockDevice(0).submit({ operation: 'flush' });
  /** Writes what the read before has found: the drive holds it. */
  const copy =
    (from: number, to: number): BootAct =>
    ({ machine }) => {
      const data = new Uint8Array(XV6_BLOCK_BYTES);
      machine.memory(0).read(data, from * XV6_BLOCK_BYTES);
      machine.blockDevice(0).submit({ operation: 'write', sector: to * sectorCount, data });
    };
  const empty: BootAct = ({ machine }) =>
    void machine
      .blockDevice(0)
      .submit({ operation: 'writeZeroes', sector: XV6_HEADER * sectorCount, sectorCount });
  const homes = homesNamed(xv6?.named);
  const header = chapter(
    'Recovery reads the header',
    homes.length === 0
      ? 'The header is empty: no transaction was committed and unfinished. Nothing is copied.'
      : `The header names homes ${homes.join(' and ')}: that transaction was committed. Its blocks are in the log.`,
    [read(XV6_HEADER)],
  );
  if (homes.length === 0) return [header];
  return [
    header,
    chapter(
      'The log is copied home',
      'Whatever is in the log now goes to the homes that the header names. Copying it twice does no harm.',
      [...homes.flatMap((home, place) => [read(place), copy(place, home)]), flush],
      { kind: 'flushed', text: 'The homes are durable before the header is emptied.' },
    ),
    chapter('The header is emptied', 'Recovery is over: the next crash finds nothing to copy.', [
      empty,
      flush,
    ]),
  ];
}
