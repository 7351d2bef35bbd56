// A virtual disk: it takes a request, moves the bytes, and says when it is done.
//
// Verbs: driveStart, driveCancel, driveHold, driveRelease. A write's bytes go to the backing when the drive starts it, a read's
// bytes come from there when it is done (transfer.ts); a flush covers exactly the writes that had completed when it started.
// Faults are decided when the drive takes a request (faults.ts).
// Invariant: inFlight counts requests between start and done, the held ones included; driveStart never completes a
// request itself.

import { count, countMany } from '../base/counters';
import { callHandler, complete, KIND_DRIVE_RELEASED, KIND_REQUEST_DONE } from '../base/dispatch';
import { ECANCELED, EINVAL, ENODEV, ENOENT, EROFS, ETIMEDOUT } from '../base/errno';
import { nextGeneration } from '../base/identity';
import { record, recording } from '../base/record';
import {
  COUNTER_DRIVE_DISCARD_BYTES,
  COUNTER_DRIVE_DISCARDS,
  COUNTER_DRIVE_ERRORS,
  COUNTER_DRIVE_FLUSHES,
  COUNTER_DRIVE_READ_BYTES,
  COUNTER_DRIVE_READS,
  COUNTER_DRIVE_WRITE_BYTES,
  COUNTER_DRIVE_WRITE_ZEROES,
  COUNTER_DRIVE_WRITES,
  DRIVE_FLAG_LOGGED,
  DRIVE_FLAG_READ_ONLY,
  FAULT_ACT_ORPHAN,
  OP_DISCARD,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
  OP_WRITE_ZEROES,
  RECORD_ABORTED,
  RECORD_COMPLETED,
  RECORD_FLUSHED,
  RECORD_ISSUED,
} from '../layout';
import { SECTOR_SHIFT } from '../limits';
import { backingSync } from './backing';
import { Drive, movesBytes } from './drive-table';
import { driveTimesEnded, driveTimesStarted } from './drive-times';
import { faultsDecide, settleRoom } from './faults';
import { lateBegin, lateCancel, lateEnd } from './late';
import { BIO_FUA, FAULTED_FUA_IGNORED, FAULTED_IGNORED, FAULTED_LATE, Request } from './request';
import { serviceStart } from './service';
import { transferLog, transferRead, transferStart } from './transfer';
import { cacheFlush, cacheFlushFailed, cacheWriteCompleted } from './volatile-cache';
import { logCompleted } from './write-log';

function countStart(request: Request): void {
  const bytes = (<u64>request.sectorCount) << SECTOR_SHIFT;
  switch (request.operation) {
    case OP_READ:
      count(COUNTER_DRIVE_READS);
      countMany(COUNTER_DRIVE_READ_BYTES, bytes);
      break;
    case OP_WRITE:
      count(COUNTER_DRIVE_WRITES);
      countMany(COUNTER_DRIVE_WRITE_BYTES, bytes);
      break;
    case OP_DISCARD:
      count(COUNTER_DRIVE_DISCARDS);
      countMany(COUNTER_DRIVE_DISCARD_BYTES, bytes);
      break;
    case OP_WRITE_ZEROES:
      count(COUNTER_DRIVE_WRITE_ZEROES);
      break;
    default:
      count(COUNTER_DRIVE_FLUSHES);
  }
}

/** Takes a request. It ends, at the time the model says, with KIND_REQUEST_DONE (owner: the request). */
export function driveStart(drive: Drive, request: Request): void {
  assert(
    request.sector <= drive.sizeSectors && request.sectorCount <= drive.sizeSectors - request.sector,
    'a request lies outside its drive',
  );
  drive.inFlight++;
  driveTimesStarted(drive, request);
  countStart(request);
  if (recording()) {
    record(
      RECORD_ISSUED,
      request.operation,
      drive.index,
      request.id,
      request.sector,
      request.sectorCount,
      request.bioCount,
    );
  }
  request.flushMark = drive.completedWrites;
  request.mediaSector = request.sector;
  request.fault = 0;
  request.faultFlags = 0;
  if (drive.needsIdentity != 0)
    request.generation = nextGeneration(drive.index, request.operation, request.sector);
  if (drive.ruleCount != 0) faultsDecide(drive, request);
  start(drive, request);
  if (drive.flags & DRIVE_FLAG_LOGGED) transferLog(drive, request);
  serviceStart(drive, request);
}

/** What changes bytes does so now, unless it has failed already. */
function start(drive: Drive, request: Request): void {
  if (request.result != 0 || request.operation == OP_READ || request.operation == OP_FLUSH) return;
  if (drive.flags & DRIVE_FLAG_READ_ONLY) {
    request.result = -EROFS;
    return;
  }
  request.result = transferStart(drive, request);
  if (drive.ruleCount != 0 && request.roomRule != 0) settleRoom(drive, request);
}

/** Handler of KIND_DRIVE_SERVED: the media is done. */
export function driveServed(pointer: usize, _result: i32): void {
  const request = changetype<Request>(pointer);
  const drive = changetype<Drive>(request.drive);
  if ((request.faultFlags & FAULTED_LATE) != 0 && lateBegin(drive, request)) return;
  answer(drive, request);
}

/** Handler of KIND_DRIVE_LATE: a delay is over. */
export function driveLate(pointer: usize, _result: i32): void {
  const request = changetype<Request>(pointer);
  const drive = changetype<Drive>(request.drive);
  lateEnd(drive, request);
  answer(drive, request);
}

function noteAborted(drive: Drive, request: Request, result: i32): void {
  request.result = result;
  if (!recording()) return;
  record(
    RECORD_ABORTED,
    request.operation,
    drive.index,
    request.id,
    request.sector,
    request.sectorCount,
    <u32>result,
  );
}

/** Handler of KIND_DRIVE_TIMEOUT: the drive's timeout is over before the request was. */
export function driveTimedOut(pointer: usize, _result: i32): void {
  const request = changetype<Request>(pointer);
  const drive = changetype<Drive>(request.drive);
  lateEnd(drive, request);
  noteAborted(drive, request, -ETIMEDOUT);
  answer(drive, request);
}

/** Ends a late or stuck request: it fails with ECANCELED when the pump runs. 0, or ENOENT when none of that identity is late. */
export function driveCancel(drive: Drive, id: u32): i32 {
  const pointer = lateCancel(drive, id);
  if (pointer == 0) return -ENOENT;
  noteAborted(drive, changetype<Request>(pointer), -ECANCELED);
  complete(KIND_DRIVE_RELEASED, pointer, 0);
  return 0;
}

/** The completion goes up unless a test holds it. */
function answer(drive: Drive, request: Request): void {
  const pointer = changetype<usize>(request);
  if (drive.isHolding != 0) {
    request.next = 0;
    request.previous = drive.heldTail;
    if (drive.heldTail != 0) changetype<Request>(drive.heldTail).next = pointer;
    else drive.heldHead = pointer;
    drive.heldTail = pointer;
    drive.heldCount++;
    return;
  }
  finish(drive, request);
}

function finishFlush(drive: Drive, request: Request): i32 {
  if (request.faultFlags & FAULTED_IGNORED) return 0;
  if (movesBytes()) {
    if (drive.fd < 0) return -ENODEV;
    const result = backingSync(drive.fd);
    if (result != 0) return result;
  }
  const covered = cacheFlush(drive, request.flushMark);
  if (covered < 0) return covered;
  if (recording())
    record(RECORD_FLUSHED, OP_FLUSH, drive.index, request.id, 0, <u32>covered, drive.volatileCount);
  return 0;
}

function finishTransfer(drive: Drive, request: Request): i32 {
  if (request.operation == OP_READ) return transferRead(drive, request);
  if (request.operation == OP_FLUSH) return finishFlush(drive, request);
  const isForced =
    (request.flags & BIO_FUA) != 0 && (request.faultFlags & (FAULTED_FUA_IGNORED | FAULTED_IGNORED)) == 0;
  const result = isForced && movesBytes() ? backingSync(drive.fd) : 0;
  const cached = cacheWriteCompleted(drive, request, isForced && result == 0);
  return result != 0 ? result : cached;
}

/** The request ends with an error: of a write it stays uncertain what it has left. */
function finishFailed(drive: Drive, request: Request): void {
  cacheWriteCompleted(drive, request, false);
  if (request.fault != 0 && request.faultAction == FAULT_ACT_ORPHAN)
    cacheFlushFailed(drive, request.flushMark);
}

function finish(drive: Drive, request: Request): void {
  if (request.result == 0) request.result = finishTransfer(drive, request);
  else finishFailed(drive, request);
  if (request.result != 0) count(COUNTER_DRIVE_ERRORS);
  if (drive.flags & DRIVE_FLAG_LOGGED) logCompleted(drive, request);
  drive.inFlight--;
  driveTimesEnded(drive, request);
  if (recording()) {
    record(
      RECORD_COMPLETED,
      request.operation,
      drive.index,
      request.id,
      request.sector,
      request.sectorCount,
      <u32>request.result,
    );
  }
  callHandler(KIND_REQUEST_DONE, changetype<usize>(request), request.result);
}

/** From now on completions of this drive wait until they are released (true), or go up as they come (false: releases all). */
export function driveHold(drive: Drive, isHolding: bool): void {
  drive.isHolding = isHolding ? 1 : 0;
  if (isHolding) return;
  while (drive.heldHead != 0) driveRelease(drive, 0);
}

/** Lets the held completion number `index` (0 is the oldest) go up. Its effects run when the pump runs. 0 or an errno. */
export function driveRelease(drive: Drive, index: u32): i32 {
  if (index >= drive.heldCount) return -EINVAL;
  let pointer = drive.heldHead;
  for (; index > 0; index--) pointer = changetype<Request>(pointer).next;
  const request = changetype<Request>(pointer);
  if (request.previous != 0) changetype<Request>(request.previous).next = request.next;
  else drive.heldHead = request.next;
  if (request.next != 0) changetype<Request>(request.next).previous = request.previous;
  else drive.heldTail = request.previous;
  drive.heldCount--;
  request.next = 0;
  request.previous = 0;
  complete(KIND_DRIVE_RELEASED, pointer, 0);
  return 0;
}

/** Handler of KIND_DRIVE_RELEASED. */
export function driveReleased(pointer: usize, _result: i32): void {
  const request = changetype<Request>(pointer);
  finish(changetype<Drive>(request.drive), request);
}
