// The drive's volatile write cache: which writes would not survive a power cut.
//
// Verbs: cacheWriteStarted, cacheWriteCompleted, cacheFlush, cachePowerCut. The backing always holds the newest bytes;
// an entry is bookkeeping plus, when undo is on, the place of the bytes that the write replaced.
// Layout: entries of one drive form a list in the order in which the writes started.
// Invariant: an entry exists from the start of a write until a flush that was submitted after the write's completion
// has completed, or the write was forced to the media (FUA, destage). A durable entry stays only while an older
// volatile one could otherwise undo it.

import { arenaClaim } from '../base/arena';
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
import { backingRead, backingWrite } from './backing';
import { Drive } from './drive';
import { Request } from './request';

const STATE_STARTED: u32 = 0;
const STATE_COMPLETED: u32 = 1;
const STATE_DURABLE: u32 = 2;
const BOUNCE_SIZE: u32 = 65536;
const NO_UNDO: u64 = u64.MAX_VALUE;

@unmanaged
class Cached {
  next: usize;
  previous: usize;
  sector: u64;
  sectorCount: u32;
  state: u32;
  /** The drive's count of completed writes when this one completed. */
  completed: u64;
  /** Where the replaced bytes are in the undo file, or NO_UNDO. */
  undoOffset: u64;
  requestId: u32;
  padding: u32;
}

@unmanaged
class CacheState {
  bounce: usize;
  iovec: u64;
}

const cachedPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const state = changetype<CacheState>(memory.data(offsetof<CacheState>(), 16));

/** `entries`: sum over all drives of the writes they may hold plus those in flight. */
export function volatileClaim(entries: u32, hasUndo: bool): void {
  poolClaim(cachedPool, offsetof<Cached>(), entries);
  state.bounce = hasUndo ? arenaClaim(BOUNCE_SIZE, 4096) : 0;
}

export function volatileInit(): void {
  poolInit(cachedPool);
}

function copyBytes(fromFd: i32, fromOffset: u64, toFd: i32, toOffset: u64, bytes: u64): i32 {
  const iovec = changetype<usize>(state) + offsetof<CacheState>('iovec');
  while (bytes > 0) {
    const step = <u32>min<u64>(bytes, BOUNCE_SIZE);
    store<usize>(iovec, state.bounce);
    store<u32>(iovec, step, 4);
    let result = backingRead(fromFd, iovec, 1, step, fromOffset);
    if (result != 0) return result;
    store<usize>(iovec, state.bounce);
    store<u32>(iovec, step, 4);
    result = backingWrite(toFd, iovec, 1, step, toOffset);
    if (result != 0) return result;
    fromOffset += step;
    toOffset += step;
    bytes -= step;
  }
  return 0;
}

function unlink(drive: Drive, entry: Cached): void {
  if (entry.previous != 0) changetype<Cached>(entry.previous).next = entry.next;
  else drive.cachedHead = entry.next;
  if (entry.next != 0) changetype<Cached>(entry.next).previous = entry.previous;
  else drive.cachedTail = entry.previous;
  drive.cachedCount--;
  poolGive(cachedPool, changetype<usize>(entry));
}

/** Durable entries at the old end protect nothing any more. */
function trim(drive: Drive): void {
  while (drive.cachedHead != 0 && changetype<Cached>(drive.cachedHead).state == STATE_DURABLE) {
    unlink(drive, changetype<Cached>(drive.cachedHead));
  }
  if (drive.cachedHead == 0) drive.undoNext = 0;
}

function destageOldest(drive: Drive): void {
  let pointer = drive.cachedHead;
  while (pointer != 0) {
    const entry = changetype<Cached>(pointer);
    if (entry.state == STATE_COMPLETED) {
      entry.state = STATE_DURABLE;
      drive.volatileCount--;
      count(COUNTER_DRIVE_DESTAGED);
      if (recording())
        record(RECORD_DESTAGED, OP_WRITE, drive.index, entry.requestId, entry.sector, entry.sectorCount, 0);
      trim(drive);
      return;
    }
    pointer = entry.next;
  }
}

/** Before the bytes of a write, discard or write-zeroes reach the backing: saves what they replace. 0 or an errno. */
export function cacheWriteStarted(drive: Drive, request: Request): i32 {
  if (drive.volatileLimit == 0) return 0;
  let undoOffset = NO_UNDO;
  if (drive.undoFd >= 0) {
    const bytes = (<u64>request.sectorCount) << SECTOR_SHIFT;
    undoOffset = drive.undoNext;
    const result = copyBytes(drive.fd, request.sector << SECTOR_SHIFT, drive.undoFd, undoOffset, bytes);
    if (result != 0) return result;
    drive.undoNext = undoOffset + bytes;
  }
  const pointer = poolTake(cachedPool);
  assert(pointer != 0, 'more cached writes than were provided for');
  const entry = changetype<Cached>(pointer);
  entry.sector = request.sector;
  entry.sectorCount = request.sectorCount;
  entry.state = STATE_STARTED;
  entry.completed = 0;
  entry.undoOffset = undoOffset;
  entry.requestId = request.id;
  entry.next = 0;
  entry.previous = drive.cachedTail;
  if (drive.cachedTail != 0) changetype<Cached>(drive.cachedTail).next = pointer;
  else drive.cachedHead = pointer;
  drive.cachedTail = pointer;
  drive.cachedCount++;
  request.cached = pointer;
  return 0;
}

/** The drive reports a write complete: it is in the volatile cache now, or on the media if `isForced` (FUA). */
export function cacheWriteCompleted(drive: Drive, request: Request, isForced: bool): void {
  if (request.cached == 0) return;
  const entry = changetype<Cached>(request.cached);
  request.cached = 0;
  entry.completed = ++drive.completedWrites;
  if (isForced) {
    entry.state = STATE_DURABLE;
    trim(drive);
    return;
  }
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
}

/** A flush that was submitted when `mark` writes had completed has completed; returns how many writes it covered. */
export function cacheFlush(drive: Drive, mark: u64): u32 {
  let covered: u32 = 0;
  let pointer = drive.cachedHead;
  while (pointer != 0) {
    const entry = changetype<Cached>(pointer);
    if (entry.state == STATE_COMPLETED && entry.completed <= mark) {
      entry.state = STATE_DURABLE;
      covered++;
    }
    pointer = entry.next;
  }
  drive.volatileCount -= covered;
  trim(drive);
  return covered;
}

/** True when a younger durable entry holds the sector, so that undoing an older write must not touch it. */
function isProtected(entry: Cached, sector: u64): bool {
  let pointer = entry.next;
  while (pointer != 0) {
    const younger = changetype<Cached>(pointer);
    if (
      younger.state == STATE_DURABLE &&
      sector >= younger.sector &&
      sector - younger.sector < younger.sectorCount
    )
      return true;
    pointer = younger.next;
  }
  return false;
}

function hasYoungerDurable(entry: Cached): bool {
  for (let pointer = entry.next; pointer != 0; pointer = changetype<Cached>(pointer).next) {
    if (changetype<Cached>(pointer).state == STATE_DURABLE) return true;
  }
  return false;
}

function undo(drive: Drive, entry: Cached): i32 {
  if (!hasYoungerDurable(entry)) {
    return copyBytes(
      drive.undoFd,
      entry.undoOffset,
      drive.fd,
      entry.sector << SECTOR_SHIFT,
      (<u64>entry.sectorCount) << SECTOR_SHIFT,
    );
  }
  for (let index: u64 = 0; index < entry.sectorCount; index++) {
    if (isProtected(entry, entry.sector + index)) continue;
    const result = copyBytes(
      drive.undoFd,
      entry.undoOffset + (index << SECTOR_SHIFT),
      drive.fd,
      (entry.sector + index) << SECTOR_SHIFT,
      1 << SECTOR_SHIFT,
    );
    if (result != 0) return result;
  }
  return 0;
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
    if (entry.state != STATE_DURABLE) {
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
        const result = undo(drive, entry);
        if (result != 0) return result;
        lost++;
      }
    }
    pointer = entry.previous;
  }
  return lost;
}
