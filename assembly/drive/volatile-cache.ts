// The drive's volatile write cache: which writes would not survive a power cut.
//
// Verbs: cacheWriteStarted, cacheWriteCompleted, cacheFlush, cacheFlushFailed, cachePowerCut. The backing always holds the newest bytes;
// an entry is bookkeeping plus, when undo is on, the bytes that losing the write would bring back.
// Layout: entries of one drive form a list in the order in which the writes started; entry n of the pool keeps its bytes
// in slot n of the undo file, so that what is held is bounded by the entries.
// Invariants: an entry exists from the start of a write until a flush that was submitted after the write's completion
// has completed, or the write was forced to the media (FUA, destage). What becomes durable over an older entry is
// copied into that entry's bytes, so that losing the older write does not take the durable one along.

import { count } from '../base/counters';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { record, recording } from '../base/record';
import {
  COUNTER_DRIVE_DESTAGED,
  OP_WRITE,
  RECORD_DESTAGED,
  RECORD_KEPT,
  RECORD_LOST,
  RECORD_VOLATILE,
} from '../layout';
import { SECTOR_SHIFT } from '../limits';
import { backingCopy } from './backing';
import { Drive } from './drive-table';
import { Request } from './request';

const STATE_STARTED: u32 = 0;
const STATE_COMPLETED: u32 = 1;
/** A flush that should have covered it has failed, and no later one does. */
const STATE_ORPHAN: u32 = 2;
/** Shift count of a slot of the undo file: more than MAX_DISCARD_SECTORS. */
const SLOT_SHIFT: u64 = 31;

@unmanaged
class Cached {
  next: usize;
  previous: usize;
  sector: u64;
  sectorCount: u32;
  state: u32;
  /** The drive's count of completed writes when this one completed. */
  completed: u64;
  requestId: u32;
  padding: u32;
}

const cachedPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));

/** `entries`: sum over all drives of the writes they may hold plus those in flight. */
export function volatileClaim(entries: u32): void {
  poolClaim(cachedPool, offsetof<Cached>(), entries);
}

export function volatileInit(): void {
  poolInit(cachedPool);
}

function unlink(drive: Drive, entry: Cached): void {
  if (entry.previous != 0) changetype<Cached>(entry.previous).next = entry.next;
  else drive.cachedHead = entry.next;
  if (entry.next != 0) changetype<Cached>(entry.next).previous = entry.previous;
  else drive.cachedTail = entry.previous;
  drive.cachedCount--;
  poolGive(cachedPool, changetype<usize>(entry));
}

/** Where in the undo file the entry keeps the bytes of a sector that it covers. */
function undoOffset(entry: Cached, sector: u64): u64 {
  const slot = (changetype<usize>(entry) - cachedPool.base) / cachedPool.recordSize;
  return ((<u64>slot) << SLOT_SHIFT) + ((sector - entry.sector) << SECTOR_SHIFT);
}

/** The first entry from `pointer` on that touches sectors [from, to), or 0. */
function findTouching(pointer: usize, from: u64, to: u64): usize {
  while (pointer != 0) {
    const entry = changetype<Cached>(pointer);
    if (entry.sector < to && from < entry.sector + entry.sectorCount) return pointer;
    pointer = entry.next;
  }
  return 0;
}

/** Copies what sectors [from, to) held right after `entry` was written into the undo bytes of `older`. 0 or an errno. */
function copyAfter(drive: Drive, entry: Cached, older: Cached, from: u64, to: u64): i32 {
  while (from < to) {
    let end = to;
    let fd = drive.fd;
    let offset = from << SECTOR_SHIFT;
    if (findTouching(entry.next, from, to) != 0) {
      // the next younger write of a sector has kept what it replaced
      end = from + 1;
      const younger = findTouching(entry.next, from, end);
      if (younger != 0) {
        fd = drive.undoFd;
        offset = undoOffset(changetype<Cached>(younger), from);
      }
    }
    const result = backingCopy(
      fd,
      offset,
      drive.undoFd,
      undoOffset(older, from),
      (end - from) << SECTOR_SHIFT,
    );
    if (result != 0) return result;
    from = end;
  }
  return 0;
}

/** The write is on the media: older uncertain writes of its sectors can not take it along, and the entry goes. 0 or an errno. */
function makeDurable(drive: Drive, entry: Cached): i32 {
  const end = entry.sector + entry.sectorCount;
  let pointer = drive.undoFd >= 0 ? drive.cachedHead : 0;
  while (pointer != 0 && pointer != changetype<usize>(entry)) {
    const older = changetype<Cached>(pointer);
    const from = max<u64>(older.sector, entry.sector);
    const to = min<u64>(older.sector + older.sectorCount, end);
    if (from < to) {
      const result = copyAfter(drive, entry, older, from, to);
      if (result != 0) return result;
    }
    pointer = older.next;
  }
  if (entry.state != STATE_STARTED) drive.volatileCount--;
  unlink(drive, entry);
  return 0;
}

/** The oldest entry in a state, or 0. */
function oldestIn(drive: Drive, entryState: u32): usize {
  let pointer = drive.cachedHead;
  while (pointer != 0 && changetype<Cached>(pointer).state != entryState)
    pointer = changetype<Cached>(pointer).next;
  return pointer;
}

/** Makes room: the oldest completed write goes to the media; one that a failed flush left behind only when there is no other. */
function destageOldest(drive: Drive): void {
  let pointer = oldestIn(drive, STATE_COMPLETED);
  if (pointer == 0) pointer = oldestIn(drive, STATE_ORPHAN);
  if (pointer == 0) return;
  const entry = changetype<Cached>(pointer);
  count(COUNTER_DRIVE_DESTAGED);
  if (recording())
    record(RECORD_DESTAGED, OP_WRITE, drive.index, entry.requestId, entry.sector, entry.sectorCount, 0);
  // room is needed whatever the backing answers
  if (makeDurable(drive, entry) != 0) {
    drive.volatileCount--;
    unlink(drive, entry);
  }
}

/** Before the bytes of a write, discard or write-zeroes reach the backing: saves what they replace. 0 or an errno. */
export function cacheWriteStarted(drive: Drive, request: Request): i32 {
  if (drive.volatileLimit == 0) return 0;
  const pointer = poolTake(cachedPool);
  assert(pointer != 0, 'more cached writes than were provided for');
  const entry = changetype<Cached>(pointer);
  entry.sector = request.mediaSector;
  entry.sectorCount = request.sectorCount;
  entry.state = STATE_STARTED;
  entry.completed = 0;
  entry.requestId = request.id;
  if (drive.undoFd >= 0) {
    const result = backingCopy(
      drive.fd,
      request.mediaSector << SECTOR_SHIFT,
      drive.undoFd,
      undoOffset(entry, request.mediaSector),
      (<u64>request.sectorCount) << SECTOR_SHIFT,
    );
    if (result != 0) {
      poolGive(cachedPool, pointer);
      return result;
    }
  }
  entry.next = 0;
  entry.previous = drive.cachedTail;
  if (drive.cachedTail != 0) changetype<Cached>(drive.cachedTail).next = pointer;
  else drive.cachedHead = pointer;
  drive.cachedTail = pointer;
  drive.cachedCount++;
  request.cached = pointer;
  return 0;
}

/** The drive reports a write complete: it is in the volatile cache now, or on the media if `isForced` (FUA). 0 or the errno that kept it from the media. */
export function cacheWriteCompleted(drive: Drive, request: Request, isForced: bool): i32 {
  if (request.cached == 0) return 0;
  const entry = changetype<Cached>(request.cached);
  request.cached = 0;
  entry.completed = ++drive.completedWrites;
  const result = isForced ? makeDurable(drive, entry) : 0;
  if (isForced && result == 0) return 0;
  entry.state = STATE_COMPLETED;
  drive.volatileCount++;
  if (recording())
    record(
      RECORD_VOLATILE,
      request.operation,
      drive.index,
      request.id,
      request.sector,
      request.sectorCount,
      drive.volatileCount,
    );
  if (drive.volatileCount > drive.volatileLimit) destageOldest(drive);
  return result;
}

/** A flush that was submitted when `mark` writes had completed has completed. How many writes it covered, or an errno. */
export function cacheFlush(drive: Drive, mark: u64): i32 {
  let covered = 0;
  let pointer = drive.cachedHead;
  while (pointer != 0) {
    const entry = changetype<Cached>(pointer);
    pointer = entry.next;
    if (entry.state != STATE_COMPLETED || entry.completed > mark) continue;
    const result = makeDurable(drive, entry);
    if (result != 0) return result;
    covered++;
  }
  return covered;
}

/**
 * A flush that was submitted when `mark` writes had completed has failed: what it should have covered stays uncertain, also
 * when a later flush succeeds, until it is overwritten or the cache needs its room.
 */
export function cacheFlushFailed(drive: Drive, mark: u64): void {
  for (let pointer = drive.cachedHead; pointer != 0; pointer = changetype<Cached>(pointer).next) {
    const entry = changetype<Cached>(pointer);
    if (entry.state == STATE_COMPLETED && entry.completed <= mark) entry.state = STATE_ORPHAN;
  }
}

/**
 * Ends the drive's life. With keepAll every uncertain write (volatile, or started and not completed) survives; else
 * none does: newest first, each is undone. Returns how many writes were lost, or an errno.
 */
export function cachePowerCut(drive: Drive, keepAll: bool): i32 {
  let lost = 0;
  let pointer = drive.cachedTail;
  while (pointer != 0) {
    const entry = changetype<Cached>(pointer);
    if (recording()) {
      record(
        keepAll ? RECORD_KEPT : RECORD_LOST,
        OP_WRITE,
        drive.index,
        entry.requestId,
        entry.sector,
        entry.sectorCount,
        0,
      );
    }
    if (!keepAll) {
      const result = backingCopy(
        drive.undoFd,
        undoOffset(entry, entry.sector),
        drive.fd,
        entry.sector << SECTOR_SHIFT,
        (<u64>entry.sectorCount) << SECTOR_SHIFT,
      );
      if (result != 0) return result;
      lost++;
    }
    pointer = entry.previous;
  }
  return lost;
}
