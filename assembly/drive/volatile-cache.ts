// The drive's volatile write cache: which writes would not survive a power cut.
//
// Verbs: cacheWriteStarted, cacheWriteCompleted, cacheFlush, cacheFlushFailed; cacheSwap and cacheCopyBack for power-cut.ts; cacheSave,
// cacheLoad, cacheSettle, cacheForget for a machine that goes on with another's drives. The backing always holds the newest bytes; an
// entry is bookkeeping plus, when undo is on, the bytes that losing the write would bring back.
// Layout: entries of one drive form a list in the order in which the writes started; entry n of the pool keeps its bytes
// in slot n of the undo file, so that what is held is bounded by the entries.
// Invariants: an entry exists from the start of a write until a flush that was submitted after the write's completion
// has completed, or the write was forced to the media (FUA, destage). What becomes durable over an older entry is
// copied into that entry's bytes, so that losing the older write does not take the durable one along.

import { arenaClaim } from '../base/arena';
import { count } from '../base/counters';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { record, recording } from '../base/record';
import { COUNTER_DRIVE_DESTAGED, OP_WRITE, RECORD_DESTAGED, RECORD_VOLATILE } from '../layout';
import { SECTOR_SHIFT } from '../limits';
import { backingCopy, backingSwap } from './backing';
import { Drive, driveAt, driveCount } from './drive-table';
import { layersSettled } from './fault-layers';
import { BIO_UNTORN, Bio, Request } from './request';

export const STATE_STARTED: u32 = 0;
const STATE_COMPLETED: u32 = 1;
/** A flush that should have covered it has failed, and no later one does. */
const STATE_ORPHAN: u32 = 2;
/** Shift count of a slot of the undo file: more than MAX_DISCARD_SECTORS. */
const SLOT_SHIFT: u64 = 31;

@unmanaged
export class Cached {
  next: usize;
  previous: usize;
  sector: u64;
  sectorCount: u32;
  state: u32;
  /** The drive's count of completed writes when this one completed. */
  completed: u64;
  requestId: u32;
  operation: u32;
  /** What the caller called it: the tag of its first bio. */
  tag: u64;
  /** Its bio says that it is kept or lost as one. */
  isUntorn: u32;
  reserved: u32;
}

/** The pool and the drives' lists, as cacheSave leaves them for cacheLoad of another machine with the same config. */
@unmanaged
class SavedPool {
  free: usize;
  fresh: usize;
  used: u32;
  peak: u32;
}

@unmanaged
class SavedDrive {
  head: usize;
  tail: usize;
  count: u32;
  volatileCount: u32;
  completedWrites: u64;
}

@unmanaged
class CacheState {
  saved: usize;
}

const cachedPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const state = changetype<CacheState>(memory.data(offsetof<CacheState>(), 16));

/** `entries`: sum over all drives of the writes they may hold plus those in flight. */
export function volatileClaim(entries: u32): void {
  poolClaim(cachedPool, offsetof<Cached>(), entries);
  state.saved = arenaClaim(savedBytes(), 16);
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
  if (drive.layerCount != 0) layersSettled(drive, entry.sector, end);
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
  entry.operation = request.operation;
  entry.tag = changetype<Bio>(request.bioHead).tag;
  entry.isUntorn = changetype<Bio>(request.bioHead).flags & BIO_UNTORN ? 1 : 0;
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

/** The media and the entry's slot change what they hold of its sectors [from, to): undo becomes redo. 0 or an errno. */
export function cacheSwap(drive: Drive, entry: Cached, from: u64, to: u64): i32 {
  return backingSwap(
    drive.undoFd,
    undoOffset(entry, from),
    drive.fd,
    from << SECTOR_SHIFT,
    (to - from) << SECTOR_SHIFT,
  );
}

/** The media get what the entry's slot holds of its sectors [from, to). 0 or an errno. */
export function cacheCopyBack(drive: Drive, entry: Cached, from: u64, to: u64): i32 {
  return backingCopy(
    drive.undoFd,
    undoOffset(entry, from),
    drive.fd,
    from << SECTOR_SHIFT,
    (to - from) << SECTOR_SHIFT,
  );
}

function savedBytes(): u32 {
  return offsetof<SavedPool>() + driveCount() * offsetof<SavedDrive>();
}

function savedDrive(index: u32): SavedDrive {
  return changetype<SavedDrive>(state.saved + offsetof<SavedPool>() + <usize>index * offsetof<SavedDrive>());
}

/** Brings the saved record up to date: with the entries it is all that another machine must have. */
export function cacheSave(): void {
  const pool = changetype<SavedPool>(state.saved);
  pool.free = cachedPool.free;
  pool.fresh = cachedPool.fresh;
  pool.used = cachedPool.used;
  pool.peak = cachedPool.peak;
  for (let index: u32 = 0; index < driveCount(); index++) {
    const drive = driveAt(index);
    const saved = savedDrive(index);
    saved.head = drive.cachedHead;
    saved.tail = drive.cachedTail;
    saved.count = drive.cachedCount;
    saved.volatileCount = drive.volatileCount;
    saved.completedWrites = drive.completedWrites;
  }
}

/** Address and bytes of the saved record, and of the entries that were ever used. */
export function cacheSavedAddress(): usize {
  return state.saved;
}

export function cacheSavedBytes(): u32 {
  return savedBytes();
}

export function cacheEntriesAddress(): usize {
  return cachedPool.base;
}

export function cacheEntriesBytes(): u32 {
  return <u32>(cachedPool.fresh - cachedPool.base);
}

/** Takes over the caches of another machine's drives: their saved record and entries are in place. */
export function cacheLoad(): void {
  const pool = changetype<SavedPool>(state.saved);
  cachedPool.free = pool.free;
  cachedPool.fresh = pool.fresh;
  cachedPool.used = pool.used;
  cachedPool.peak = pool.peak;
  for (let index: u32 = 0; index < driveCount(); index++) {
    const drive = driveAt(index);
    const saved = savedDrive(index);
    drive.cachedHead = saved.head;
    drive.cachedTail = saved.tail;
    drive.cachedCount = saved.count;
    drive.volatileCount = saved.volatileCount;
    drive.completedWrites = saved.completedWrites;
  }
}

/** Nobody waits any more for the writes that the drive has begun: they are in its cache, which makes room for them. */
export function cacheSettle(drive: Drive): void {
  for (let pointer = drive.cachedHead; pointer != 0; pointer = changetype<Cached>(pointer).next) {
    const entry = changetype<Cached>(pointer);
    if (entry.state != STATE_STARTED) continue;
    entry.state = STATE_COMPLETED;
    entry.completed = ++drive.completedWrites;
    drive.volatileCount++;
  }
  for (let over = <i32>(drive.volatileCount - drive.volatileLimit); over > 0; over--) destageOldest(drive);
}

/** The cache of a drive without requests has lost its power: it is empty. */
export function cacheForget(drive: Drive): void {
  assert(drive.inFlight == 0, 'a cache is forgotten under a request');
  while (drive.cachedHead != 0) unlink(drive, changetype<Cached>(drive.cachedHead));
  drive.volatileCount = 0;
}
