// The block layer: bios become requests, wait under a plug, merge, and go to the drive up to its queue depth.
//
// Verbs: blockInit, plugBegin, plugEnd, plugOpen, plugClose, plugLeave, plugRelease, submitBio, requestDone, blockMaxSectors, blockMaxSegments.
// The order of blk_mq_submit_bio (Linux v6.1): plug merge (only the last request of the same drive), then the last 8
// waiting requests of the drive (as its scheduler has it), then a new request; flush and FUA bypass the plug; the plug is flushed at 32 requests
// (64 over several drives), behind a last request of 128 KiB, and at its outermost end. Plugs nest.
// A bio that may not wait (REQ_NOWAIT) joins a request, or ends with EAGAIN where a request of its own would have to wait for room.
// Layout: the plug is one list of requests in arrival order; what has left it waits in drive-queue.ts and scheduler.ts.
// Invariant: a request is in the plug, in one drive's list, or with the drive; never in two of them.

import { countMany } from '../base/counters';
import { complete } from '../base/dispatch';
import { EAGAIN, EBUSY, EINVAL } from '../base/errno';
import { record, recording } from '../base/record';
import { Drive } from '../drive/drive-table';
import { BIO_FUA, BIO_NOWAIT, BIO_PREFLUSH, Bio, Request, requestTake } from '../drive/request';
import {
  COUNTER_PGPGIN,
  COUNTER_PGPGOUT,
  MERGE_FLAGS,
  MERGE_NO_CANDIDATE,
  MERGE_SWITCHED_OFF,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
  RECORD_QUEUED,
  SCHEDULER_NONE,
} from '../layout';
import { PLUG_FLUSH_SECTORS, PLUG_MAX_REQUESTS } from '../limits';
import { queueBypass, queueInsert, queueRun } from './drive-queue';
import { flushInsert, flushIsNeeded, flushStepDone } from './flush';
import { isMergeable, MERGED, mergeInit, mergeLimits, tryMerge } from './merge';
import { endRequest } from './request-end';
import { schedulerMerge, schedulerRoom } from './scheduler';
import { statMerged, statPending, statStarted } from './stat';

@unmanaged
class Block {
  plugDepth: u32;
  plugHead: usize;
  plugTail: usize;
  plugCount: u32;
  /** The plug holds requests of more than one drive. */
  plugIsMixed: u32;
  /** A client's own plug is open (plugOpen). */
  isOpen: u32;
}

const block = changetype<Block>(memory.data(offsetof<Block>(), 16));

export function blockInit(maxSectors: u32, maxSegments: u32, isMerging: bool): void {
  mergeInit(maxSectors, maxSegments, isMerging);
}

/** Sectors of one request; whoever builds a bio keeps within it. */
export function blockMaxSectors(): u32 {
  return mergeLimits.maxSectors;
}

/** Pieces of one request; whoever builds a bio keeps within it. */
export function blockMaxSegments(): u32 {
  return mergeLimits.maxSegments;
}

export function plugBegin(): void {
  block.plugDepth++;
}

export function plugEnd(): void {
  assert(block.plugDepth > 0, 'a plug ended that had not begun');
  if (--block.plugDepth == 0) plugFlush();
}

/**
 * Opens the plug of a client: its requests (plugBegin, plugLeave) stay until plugClose, or until it waits and its thread would block
 * (plugRelease). 0 or EBUSY.
 */
export function plugOpen(): i32 {
  if (block.isOpen != 0) return -EBUSY;
  block.isOpen = 1;
  return 0;
}

/** Sends what the client's plug holds, and closes it. 0 or EINVAL. */
export function plugClose(): i32 {
  if (block.isOpen == 0) return -EINVAL;
  block.isOpen = 0;
  plugFlush();
  return 0;
}

/** Ends a plug that leaves its requests in the client's, if that is open. */
export function plugLeave(): void {
  if (block.isOpen != 0 && block.plugDepth == 1) block.plugDepth = 0;
  else plugEnd();
}

/** Events are about to run: what a client's plug holds goes, as when its thread blocks. */
export function plugRelease(): void {
  if (block.plugHead != 0 && block.plugDepth == 0) plugFlush();
}

function plugFlush(): void {
  let pointer = block.plugHead;
  block.plugHead = 0;
  block.plugTail = 0;
  block.plugCount = 0;
  block.plugIsMixed = 0;
  // a scheduler gets all requests of the plug before it chooses
  let waiting: usize = 0;
  while (pointer != 0) {
    const request = changetype<Request>(pointer);
    pointer = request.next;
    const drive = changetype<Drive>(request.drive);
    queueInsert(drive, request);
    if (drive.scheduler == <u32>SCHEDULER_NONE) {
      queueRun(drive);
    } else if (drive.isInPlug == 0) {
      drive.isInPlug = 1;
      drive.nextInPlug = waiting;
      waiting = changetype<usize>(drive);
    }
  }
  while (waiting != 0) {
    const drive = changetype<Drive>(waiting);
    waiting = drive.nextInPlug;
    drive.isInPlug = 0;
    queueRun(drive);
  }
}

function plugAdd(request: Request): void {
  const limit: u32 = block.plugIsMixed ? PLUG_MAX_REQUESTS * 2 : PLUG_MAX_REQUESTS;
  if (
    block.plugTail != 0 &&
    (block.plugCount >= limit || changetype<Request>(block.plugTail).sectorCount >= <u32>PLUG_FLUSH_SECTORS)
  ) {
    plugFlush();
  }
  request.next = 0;
  request.previous = block.plugTail;
  if (block.plugTail != 0) {
    const last = changetype<Request>(block.plugTail);
    if (last.drive != request.drive) block.plugIsMixed = 1;
    last.next = changetype<usize>(request);
  } else {
    block.plugHead = changetype<usize>(request);
  }
  block.plugTail = changetype<usize>(request);
  block.plugCount++;
}

/** Merges into the plug's last request of the same drive, or into one of the drive's last waiting ones; else why not. */
function mergeIntoWaiting(bio: Bio): u32 {
  let reason: u32 = MERGE_NO_CANDIDATE;
  let pointer = block.plugTail;
  while (pointer != 0 && changetype<Request>(pointer).drive != bio.drive)
    pointer = changetype<Request>(pointer).previous;
  if (pointer != 0) {
    reason = tryMerge(changetype<Request>(pointer), bio);
    if (reason == MERGED) return MERGED;
  }
  return schedulerMerge(changetype<Drive>(bio.drive), bio, reason);
}

/**
 * Takes a bio whose fields are all set and whose size is within the limits. It ends with a call of its doneKind's
 * handler, owner the bio, from the pump.
 */
export function submitBio(bio: Bio): void {
  assert(bio.sectorCount > 0 || bio.operation == OP_FLUSH, 'a bio without sectors');
  if (bio.operation == OP_READ) countMany(COUNTER_PGPGIN, bio.sectorCount);
  else if (bio.operation == OP_WRITE) countMany(COUNTER_PGPGOUT, bio.sectorCount);
  const drive = changetype<Drive>(bio.drive);
  if (drive.volatileLimit == 0) {
    // what has completed is on the media: a flush has nothing to do (submit_bio_noacct)
    bio.flags &= ~(BIO_FUA | BIO_PREFLUSH);
    if (bio.operation == OP_FLUSH) {
      complete(bio.doneKind, changetype<usize>(bio), 0);
      return;
    }
  }
  const mergeable = isMergeable(bio.operation, bio.flags);
  let reason: u32 = MERGE_SWITCHED_OFF;
  if (mergeLimits.isMerging != 0) {
    reason = mergeable ? mergeIntoWaiting(bio) : MERGE_FLAGS;
    if (reason == MERGED) {
      statMerged(bio);
      return;
    }
  }
  if ((bio.flags & BIO_NOWAIT) != 0 && statPending(drive.index) >= schedulerRoom(drive)) {
    bio.result = -EAGAIN;
    complete(bio.doneKind, changetype<usize>(bio), -EAGAIN);
    return;
  }
  const request = requestTake(bio);
  statStarted(request);
  if (recording()) {
    record(
      RECORD_QUEUED,
      bio.operation,
      drive.index,
      request.id,
      bio.sector,
      bio.sectorCount,
      reason | (bio.id << 8),
    );
  }
  sendRequest(drive, request);
}

/** A new request goes where it belongs: into the plug or to the drive's queue, flushes and FUA past both. */
function sendRequest(drive: Drive, request: Request): void {
  if (flushIsNeeded(drive, request.operation, request.flags)) {
    flushInsert(drive, request);
  } else if (request.flags & BIO_FUA) {
    queueBypass(drive, request, false);
  } else if (block.plugDepth > 0) {
    plugAdd(request);
    return;
  } else {
    queueInsert(drive, request);
  }
  queueRun(drive);
}

/** Handler of KIND_REQUEST_DONE: ends the request, or a step of its flush sequence, and starts what waited for the drive. */
export function requestDone(pointer: usize, result: i32): void {
  const request = changetype<Request>(pointer);
  const drive = changetype<Drive>(request.drive);
  if (request.flushSteps != 0) flushStepDone(drive, request, result);
  else endRequest(request, result);
  queueRun(drive);
}
