// A power cut: which of the writes that no flush covers reach the media.
//
// Verbs: cutPower, choiceCount, isUnit. First every uncertain write is undone, newest first, each slot taking what it would
// bring back; then those that are kept are done again in the order in which they were submitted. So the kept writes of a sector apply
// in that order, and a sector with several ends with what was durable or with any of them.
// Layout: with a mask, one bit for each choice, lowest bit of the lowest byte first: writes in submission order; when writes
// may tear, one for each unit of each write, ascending. Units lie at multiples of their size on the drive.
// Invariant: nothing outside an uncertain write's own sectors changes.

import { EINVAL, EIO, ENODEV } from '../base/errno';
import { identityDraw, mix64, nextGeneration } from '../base/identity';
import { record, recording } from '../base/record';
import {
  CUT_ALL,
  CUT_MASK,
  CUT_NONE,
  CUT_RANDOM,
  DRIVE_FLAG_DISCARD_ZEROES,
  DRIVE_FLAG_READ_ONLY,
  OP_DISCARD,
  PROMISE_ATOMIC,
  PROMISE_ATOMIC64K,
  PROMISE_ATOMIC512,
  PROMISE_SEQUENTIAL,
  RECORD_KEPT,
  RECORD_LOST,
} from '../layout';
import { SECTOR_SHIFT, SECTOR_SIZE } from '../limits';
import { backingSync } from './backing';
import { Drive } from './drive-table';
import { layersExposed, layersSettled } from './fault-layers';
import { Cached, cacheCopyBack, cacheSwap } from './volatile-cache';

/** Draws of a power cut; any number that no other purpose has. */
const PURPOSE: u64 = 0x706f7765722d6375;
/** Place of these draws in the table of generations: not that of the drive's own. */
const PLACE: u32 = 0x8000;
const MAX_UNIT_BYTES: u32 = 65536;

@unmanaged
class Cut {
  choose: u32;
  unitBytes: u32;
  mask: usize;
  maskBytes: u32;
  seed: u64;
  /** The number of the next choice. */
  next: u64;
  /** The write at hand, and with PROMISE_SEQUENTIAL the one behind which all is lost. */
  write: u64;
  lastWrite: u64;
}

const cut = changetype<Cut>(memory.data(offsetof<Cut>(), 16));

/** True for a size that writes may tear in: 0 (not at all), or a power of two from a sector to 64 KiB. */
export function isUnit(unitBytes: u32): bool {
  if (unitBytes == 0) return true;
  return popcnt(unitBytes) == 1 && unitBytes >= <u32>SECTOR_SIZE && unitBytes <= MAX_UNIT_BYTES;
}

/**
 * Sectors of a unit of this write, or 0 when it is kept or lost as one. The drive's promises of atomic sizes make units larger. A discard
 * is torn even where writes are not, unless the drive promises zeros: a sector may read as before.
 */
function unitSectors(drive: Drive, entry: Cached, unitBytes: u32): u32 {
  if (entry.operation == OP_DISCARD && (drive.flags & DRIVE_FLAG_DISCARD_ZEROES) == 0)
    return max<u32>(unitBytes, SECTOR_SIZE) >> SECTOR_SHIFT;
  if (unitBytes == 0 || entry.isUntorn != 0 || (drive.promises & PROMISE_ATOMIC) != 0) return 0;
  let unit = unitBytes;
  let size: u32 = SECTOR_SIZE;
  for (let promise: u32 = PROMISE_ATOMIC512; promise <= <u32>PROMISE_ATOMIC64K; promise <<= 1) {
    if (drive.promises & promise) unit = max(unit, size);
    size <<= 1;
  }
  return unit >> SECTOR_SHIFT;
}

/** How many choices one write is. */
export function choiceCount(drive: Drive, entry: Cached, unitBytes: u32): u32 {
  const unit = unitSectors(drive, entry, unitBytes);
  if (unit == 0) return 1;
  return <u32>((entry.sector + entry.sectorCount - 1) / unit - entry.sector / unit) + 1;
}

function choiceTotal(drive: Drive): u64 {
  let total: u64 = 0;
  for (let pointer = drive.cachedHead; pointer != 0; pointer = changetype<Cached>(pointer).next)
    total += choiceCount(drive, changetype<Cached>(pointer), cut.unitBytes);
  return total;
}

/** Decides the next choice: the part of `entry` from `sector` on. */
function isKept(drive: Drive, entry: Cached, sector: u64): bool {
  const number = cut.next++;
  if (cut.choose == CUT_MASK)
    return ((load<u8>(cut.mask + <usize>(number >> 3)) >> (<u8>number & 7)) & 1) != 0;
  if (cut.choose != CUT_RANDOM) return cut.choose == CUT_ALL;
  if ((drive.promises & PROMISE_SEQUENTIAL) != 0 && cut.write != cut.lastWrite)
    return cut.write < cut.lastWrite;
  const generation = nextGeneration(PLACE | drive.index, entry.operation, sector);
  return (identityDraw(cut.seed, drive.index, entry.operation, sector, generation) & 1) != 0;
}

/** Does the kept parts of one write again. Sectors kept, or a negative errno. */
function redo(drive: Drive, entry: Cached): i64 {
  const end = entry.sector + entry.sectorCount;
  const unit = unitSectors(drive, entry, cut.unitBytes);
  let kept: i64 = 0;
  let from = entry.sector;
  while (from < end) {
    const to = unit == 0 ? end : min<u64>(end, (from / unit + 1) * unit);
    if (isKept(drive, entry, from)) {
      const result = cacheCopyBack(drive, entry, from, to);
      if (result != 0) return result;
      if (drive.layerCount != 0) layersSettled(drive, from, to);
      kept += to - from;
    }
    from = to;
  }
  return kept;
}

function note(drive: Drive, entry: Cached, kept: u32): void {
  if (!recording()) return;
  const isTorn = kept != 0 && kept != entry.sectorCount;
  record(
    kept == 0 ? RECORD_LOST : RECORD_KEPT,
    entry.operation,
    drive.index,
    entry.requestId,
    entry.sector,
    entry.sectorCount,
    isTorn ? kept : 0,
  );
}

/** All or nothing: no slot is needed for a redo. Writes lost, or an errno. */
function cutWhole(drive: Drive, isKeeping: bool): i32 {
  let lost = 0;
  for (let pointer = drive.cachedTail; pointer != 0; pointer = changetype<Cached>(pointer).previous) {
    const entry = changetype<Cached>(pointer);
    note(drive, entry, isKeeping ? entry.sectorCount : 0);
    if (isKeeping) {
      if (drive.layerCount != 0) layersSettled(drive, entry.sector, entry.sector + entry.sectorCount);
      continue;
    }
    const result = cacheCopyBack(drive, entry, entry.sector, entry.sector + entry.sectorCount);
    if (result != 0) return result;
    lost++;
  }
  return lost;
}

/** A subset. Writes of which a part was lost, or an errno. */
function cutSubset(drive: Drive): i32 {
  for (let pointer = drive.cachedTail; pointer != 0; pointer = changetype<Cached>(pointer).previous) {
    const entry = changetype<Cached>(pointer);
    const result = cacheSwap(drive, entry, entry.sector, entry.sector + entry.sectorCount);
    if (result != 0) return result;
  }
  let lost = 0;
  for (let pointer = drive.cachedHead; pointer != 0; pointer = changetype<Cached>(pointer).next) {
    const entry = changetype<Cached>(pointer);
    const kept = redo(drive, entry);
    cut.write++;
    if (kept < 0) return <i32>kept;
    note(drive, entry, <u32>kept);
    if (kept != entry.sectorCount) lost++;
  }
  return lost;
}

/** Draws where a cut of media in call order ends: at any of the writes, which may be torn, or behind them all. */
function lastWriteOf(drive: Drive): u64 {
  return identityDraw(cut.seed, PLACE | drive.index, 0, 0, 0) % (<u64>drive.cachedCount + 1);
}

/**
 * Leaves the image as the media would be. `choose`: CUT_…; `unitBytes`: see isUnit; the mask is of CUT_MASK, the seed of CUT_RANDOM.
 * Returns how many writes were lost, wholly or in part; EINVAL for a mask that has not exactly the bytes it needs or
 * a bit too many, or that no drive which promises SEQUENTIAL could leave, ENODEV without an undo file, EIO when the image fails.
 */
export function cutPower(
  drive: Drive,
  choose: u32,
  unitBytes: u32,
  mask: usize,
  maskBytes: u32,
  seed: u32,
): i32 {
  if (drive.flags & DRIVE_FLAG_READ_ONLY) return 0;
  if (choose > <u32>CUT_MASK || !isUnit(unitBytes)) return -EINVAL;
  if (choose != CUT_ALL && drive.volatileLimit != 0 && drive.undoFd < 0) return -ENODEV;
  cut.choose = choose;
  cut.unitBytes = unitBytes;
  cut.mask = mask;
  cut.maskBytes = maskBytes;
  cut.seed = mix64(PURPOSE + seed);
  cut.next = 0;
  const total = choiceTotal(drive);
  cut.write = 0;
  cut.lastWrite = choose == CUT_RANDOM ? lastWriteOf(drive) : 0;
  if (choose == CUT_MASK && !isMaskOf(total)) return -EINVAL;
  if (choose == CUT_MASK && (drive.promises & PROMISE_SEQUENTIAL) != 0 && !isPrefix(drive)) return -EINVAL;
  const isWhole = choose == CUT_NONE || choose == CUT_ALL;
  const lost = isWhole ? cutWhole(drive, choose == CUT_ALL) : cutSubset(drive);
  if (drive.layerCount != 0) layersExposed(drive);
  if (lost >= 0 && drive.fd >= 0 && backingSync(drive.fd) != 0) return -EIO;
  return lost;
}

function isMaskOf(total: u64): bool {
  if (<u64>cut.maskBytes != (total + 7) >> 3) return false;
  const used = <u32>total & 7;
  return used == 0 || load<u8>(cut.mask + cut.maskBytes - 1) >> <u8>used == 0;
}

/** True when no write is kept, in part even, behind one of which a part is lost: what media in call order may hold. */
function isPrefix(drive: Drive): bool {
  let number: u32 = 0;
  let isOver = false;
  for (let pointer = drive.cachedHead; pointer != 0; pointer = changetype<Cached>(pointer).next) {
    let isLost = false;
    for (let left = choiceCount(drive, changetype<Cached>(pointer), cut.unitBytes); left > 0; left--) {
      const bit = (load<u8>(cut.mask + <usize>(number >> 3)) >> (<u8>number & 7)) & 1;
      number++;
      if (bit == 0) isLost = true;
      else if (isOver) return false;
    }
    if (isLost) isOver = true;
  }
  return true;
}
