// The write cache of a disk: writes that were reported complete and are not on the platters yet.
//
// Verbs: entriesBytes, entryFits, entryAdd, entryCovers, entryTake, entryDone, entryInHand. They leave in elevator order: upwards from where
// the last one was, then from the lowest again.
// Layout: an array of 40-byte entries sorted by first sector, equal ones in the order in which they came.
// Invariant: cacheUsed and the number of entries count the one that is being written, which is not in the array, so that its room
// is not given away before it is on the platters.

import { SECTOR_SHIFT } from '../../limits';
import { Hdd } from './hdd-state';

@unmanaged
export class Entry {
  sector: u64;
  /** The order in which writes came. */
  sequence: u64;
  /** When its data has come over the interface. */
  readyAt: u64;
  sectorCount: u32;
  /** The write's identity, for the draw of its latency. */
  generation: u32;
  padding: u64;
}

const ENTRY_SIZE: usize = offsetof<Entry>();

/** The entry that is being written, one for each disk behind its array. */
export function entryInHand(hdd: Hdd): Entry {
  return entryAt(hdd, hdd.entryCapacity);
}

/** Bytes of the cache's bookkeeping for `capacity` entries. */
export function entriesBytes(capacity: u64): u64 {
  return (capacity + 1) * ENTRY_SIZE;
}

function entryAt(hdd: Hdd, index: u32): Entry {
  return changetype<Entry>(hdd.entries + <usize>index * ENTRY_SIZE);
}

/** True when there is room for a write of `sectorCount` sectors now. */
export function entryFits(hdd: Hdd, sectorCount: u32): bool {
  return (
    hdd.entryCount + hdd.isDestaging < hdd.entryCapacity &&
    hdd.cacheUsed + ((<u64>sectorCount) << SECTOR_SHIFT) <= hdd.cacheBytes
  );
}

/** How many entries begin before `sector`, or at it if `withEqual`. */
function countBefore(hdd: Hdd, sector: u64, withEqual: bool): u32 {
  let low: u32 = 0;
  let high = hdd.entryCount;
  while (low < high) {
    const middle = (low + high) >> 1;
    const first = entryAt(hdd, middle).sector;
    if (first < sector || (withEqual && first == sector)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A write that fits is in the cache; its data has come at `readyAt`. */
export function entryAdd(hdd: Hdd, sector: u64, sectorCount: u32, generation: u32, readyAt: u64): void {
  const index = countBefore(hdd, sector, true);
  const entry = entryAt(hdd, index);
  memory.copy(
    changetype<usize>(entry) + ENTRY_SIZE,
    changetype<usize>(entry),
    <usize>(hdd.entryCount - index) * ENTRY_SIZE,
  );
  entry.sector = sector;
  entry.sectorCount = sectorCount;
  entry.generation = generation;
  entry.sequence = hdd.nextSequence++;
  entry.readyAt = readyAt;
  hdd.entryCount++;
  hdd.cacheUsed += (<u64>sectorCount) << SECTOR_SHIFT;
}

/** True when the last entry that begins at or before the range holds all of it. */
export function entryCovers(hdd: Hdd, sector: u64, sectorCount: u32): bool {
  const index = countBefore(hdd, sector, true);
  if (index == 0) return false;
  const entry = entryAt(hdd, index - 1);
  return sector + sectorCount <= entry.sector + entry.sectorCount;
}

/** Takes the next entry of the elevator out of the array, of those that came before `boundary`; see entryInHand. There is one. */
export function entryTake(hdd: Hdd, boundary: u64): void {
  let index = countBefore(hdd, hdd.elevator, false);
  for (let tries: u32 = 0; ; tries++, index++) {
    assert(tries <= hdd.entryCount, 'a flush waits for a write that is not in the cache');
    if (index >= hdd.entryCount) index = 0;
    if (entryAt(hdd, index).sequence < boundary) break;
  }
  const entry = entryAt(hdd, index);
  memory.copy(changetype<usize>(entryInHand(hdd)), changetype<usize>(entry), ENTRY_SIZE);
  hdd.elevator = entry.sector + entry.sectorCount;
  hdd.entryCount--;
  memory.copy(
    changetype<usize>(entry),
    changetype<usize>(entry) + ENTRY_SIZE,
    <usize>(hdd.entryCount - index) * ENTRY_SIZE,
  );
  hdd.isDestaging = 1;
}

/** The entry in hand is on the platters. */
export function entryDone(hdd: Hdd): void {
  hdd.isDestaging = 0;
  hdd.cacheUsed -= (<u64>entryInHand(hdd).sectorCount) << SECTOR_SHIFT;
}
