// What a survivor holds of a scene's writes, sector by sector: there, replaced by a later write, partly there, or lost; and whether a promise is broken.
//
// Verbs: judgeSectors, withReplaced. Each write carries bytes of its own (scene/stamp.ts), so that what a sector holds says who wrote it last. A sector's
// possible contents are those behind each of its writes in turn; the newest one that is found tells how far it came.
// Invariant: a promise is broken only where a sector lacks a promised write, and nothing that came after it is there instead.

import { SECTOR_SIZE } from '../../../assembly/limits.ts';
import { isWrite, type LedgerRow, promisedWrites, type Replacement } from './ledger.ts';

/** The bytes that a write puts at `offset` of its target, `length` of them within it. */
export type BytesOf = (row: LedgerRow, offset: number, length: number) => Uint8Array;

/** What a target holds: `length` bytes from `offset` on, fewer where it is shorter. Several where it is not known under which name it is. */
export type ReadTarget = (target: string, offset: number, length: number) => readonly Uint8Array[];

/** replaced: a later write is there instead. */
export type WriteFate = 'there' | 'replaced' | 'partly' | 'lost';

export interface JudgedWrite {
  /** Index of its row in the ledger. */
  readonly row: number;
  readonly fate: WriteFate;
  readonly isPromised: boolean;
  /** It was promised, and is not there. */
  readonly isBroken: boolean;
  readonly sectorCount: number;
  readonly lostCount: number;
  /** For each sector from its first: 0 lost, 1 there, 2 replaced. */
  readonly sectors: Uint8Array;
}

export interface Judged {
  readonly writes: readonly JudgedWrite[];
  readonly promisedThere: number;
  readonly promisedLost: number;
  /** Not promised, and there all the same. */
  readonly luckyThere: number;
  readonly unpromisedLost: number;
  /** Sectors whose bytes nobody wrote: damage. */
  readonly foreignSectors: number;
}

export const LOST = 0;
export const THERE = 1;
export const REPLACED = 2;

/** The last of the writes of a sector that is there, from 0; -1: none; undefined: bytes that nobody wrote. */
function lastThere(
  found: readonly Uint8Array[],
  writes: readonly LedgerRow[],
  start: number,
  bytesOf: BytesOf,
): number | undefined {
  const content = new Uint8Array(SECTOR_SIZE);
  let last: number | undefined = isAmong(found, content) ? -1 : undefined;
  writes.forEach((write, place) => {
    const from = Math.max(start, write.offsetBytes);
    const to = Math.min(start + SECTOR_SIZE, write.offsetBytes + write.lengthBytes);
    const bytes = write.op === 'write' ? bytesOf(write, from, to - from) : new Uint8Array(to - from);
    content.set(bytes, from - start);
    // two writes in flight at once may have come in the other order
    const isAlone = to - from === SECTOR_SIZE && isAmong(found, bytes);
    if (isAlone || isAmong(found, content)) last = place;
  });
  return last;
}

function isAmong(found: readonly Uint8Array[], content: Uint8Array): boolean {
  return found.some((bytes) => isSame(bytes, content));
}

/** `bytes` may end early, at the end of a file. */
function isSame(bytes: Uint8Array, content: Uint8Array): boolean {
  return bytes.every((byte, index) => byte === content[index]) && isBlank(content.subarray(bytes.length));
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Each sector's writes, by target and number of the sector. */
function bySector(rows: readonly LedgerRow[]): Map<string, Map<number, LedgerRow[]>> {
  const targets = new Map<string, Map<number, LedgerRow[]>>();
  for (const row of rows) {
    if (!isWrite(row) || row.lengthBytes === 0) continue;
    const sectors = targets.get(row.target) ?? new Map<number, LedgerRow[]>();
    targets.set(row.target, sectors);
    const last = Math.floor((row.offsetBytes + row.lengthBytes - 1) / SECTOR_SIZE);
    for (let sector = Math.floor(row.offsetBytes / SECTOR_SIZE); sector <= last; sector++) {
      const writes = sectors.get(sector);
      if (writes === undefined) sectors.set(sector, [row]);
      else writes.push(row);
    }
  }
  return targets;
}

/** True when `later` began after `earlier` had ended. */
function isBehind(later: LedgerRow, earlier: LedgerRow | undefined): boolean {
  return earlier === undefined || (earlier.ended !== undefined && earlier.ended.at < later.begunAt);
}

/** What became of one write while its sectors are gone through. */
class Tally {
  readonly #row: LedgerRow;
  readonly #first: number;
  readonly #sectors: Uint8Array;
  #isBroken = false;

  constructor(row: LedgerRow) {
    this.#row = row;
    this.#first = Math.floor(row.offsetBytes / SECTOR_SIZE);
    const end = Math.ceil((row.offsetBytes + row.lengthBytes) / SECTOR_SIZE);
    this.#sectors = new Uint8Array(end - this.#first);
  }

  note(sector: number, state: number, isBroken: boolean): void {
    this.#sectors[sector - this.#first] = state;
    this.#isBroken ||= isBroken;
  }

  judged(isPromised: boolean): JudgedWrite {
    const sectors = this.#sectors;
    const lostCount = sectors.filter((state) => state === LOST).length;
    const isThere = sectors.includes(THERE);
    const whole = isThere ? 'there' : 'replaced';
    const fate: WriteFate = lostCount === 0 ? whole : lostCount === sectors.length ? 'lost' : 'partly';
    const { index } = this.#row;
    const isBroken = isPromised && this.#isBroken;
    return { row: index, fate, isPromised, isBroken, sectorCount: sectors.length, lostCount, sectors };
  }
}

/** Judges what a survivor holds. `promised`: indexes of the rows that must be there; default: what `rows` say themselves. */
export function judgeSectors(
  rows: readonly LedgerRow[],
  bytesOf: BytesOf,
  read: ReadTarget,
  promised: ReadonlySet<number> = promisedWrites(rows),
): Judged {
  const tallies = new Map<number, Tally>();
  for (const row of rows) if (isWrite(row) && row.lengthBytes > 0) tallies.set(row.index, new Tally(row));
  let foreignSectors = 0;
  for (const [target, sectors] of bySector(rows)) {
    for (const [sector, writes] of sectors) {
      const start = sector * SECTOR_SIZE;
      const found = read(target, start, SECTOR_SIZE);
      const last = lastThere(found, writes, start, bytesOf);
      if (last === undefined) foreignSectors++;
      const there = last === undefined ? undefined : writes[last];
      writes.forEach((write, place) => {
        const isLost = last === undefined || place > last;
        const state = isLost ? LOST : place === last ? THERE : REPLACED;
        tallies.get(write.index)?.note(sector, state, isLost && isBehind(write, there));
      });
    }
  }
  const writes = [...tallies].map(([index, tally]) => tally.judged(promised.has(index)));
  return summed(writes, foreignSectors);
}

/**
 * What was judged, where other files have taken the names of some: a file whose name another one has, whole, is replaced, not lost.
 * `replacements`: those that the survivor has.
 */
export function withReplaced(
  judged: Judged,
  rows: readonly LedgerRow[],
  replacements: readonly Replacement[],
): Judged {
  const targetOf = ({ row }: JudgedWrite): string | undefined => rows[row]?.target;
  const gone = new Set<string>();
  // the newest first: whoever has replaced another may have been replaced since
  for (const { target, by, step } of [...replacements].reverse()) {
    const before = judged.writes.filter(
      (write) => targetOf(write) === by && (rows[write.row]?.begunStep ?? 0) <= step,
    );
    const isWhole = before.length > 0 && before.every(({ lostCount }) => lostCount === 0);
    if (isWhole || gone.has(by)) gone.add(target);
  }
  const writes = judged.writes.map((write): JudgedWrite => {
    if (write.lostCount === 0 || !gone.has(targetOf(write) ?? '')) return write;
    const sectors = new Uint8Array(write.sectorCount).fill(REPLACED);
    return { ...write, fate: 'replaced', isBroken: false, lostCount: 0, sectors };
  });
  return summed(writes, judged.foreignSectors);
}

function summed(writes: readonly JudgedWrite[], foreignSectors: number): Judged {
  const count = (test: (write: JudgedWrite) => boolean) => writes.filter(test).length;
  return {
    writes,
    promisedThere: count(({ isPromised, isBroken }) => isPromised && !isBroken),
    promisedLost: count(({ isBroken }) => isBroken),
    luckyThere: count(({ isPromised, lostCount }) => !isPromised && lostCount === 0),
    unpromisedLost: count(({ isPromised, lostCount }) => !isPromised && lostCount > 0),
    foreignSectors,
  };
}
