// What waits for a drive: what bypasses its scheduler first, then what that hands out.
//
// Verbs: queueInsert, queueBypass, queueRun, queueHold. Linux's hctx->dispatch list and elevator (block/blk-mq-sched.c). Flushes, FUA writes and
// the writes of a flush sequence bypass the scheduler.
// Invariant: a request is in one of the two or with the drive; the drive never has more than its queue depth.

import { driveStart } from '../drive/drive';
import { Drive } from '../drive/drive-table';
import { Request } from '../drive/request';
import { schedulerInsert, schedulerNext } from './scheduler';

/** Gives the scheduler a request; queueRun sends what it chooses. */
export function queueInsert(drive: Drive, request: Request): void {
  drive.queueCount++;
  schedulerInsert(drive, request);
}

/** A request that goes before all that the scheduler has; `isFirst`: also before others that do. */
export function queueBypass(drive: Drive, request: Request, isFirst: bool): void {
  const pointer = changetype<usize>(request);
  drive.queueCount++;
  if (isFirst) {
    request.next = drive.bypassHead;
    drive.bypassHead = pointer;
    if (drive.bypassTail == 0) drive.bypassTail = pointer;
    return;
  }
  request.next = 0;
  if (drive.bypassTail != 0) changetype<Request>(drive.bypassTail).next = pointer;
  else drive.bypassHead = pointer;
  drive.bypassTail = pointer;
}

function takeNext(drive: Drive): usize {
  const pointer = drive.bypassHead;
  if (pointer == 0) return schedulerNext(drive);
  drive.bypassHead = changetype<Request>(pointer).next;
  if (drive.bypassHead == 0) drive.bypassTail = 0;
  return pointer;
}

/** Sends requests to the drive while it takes some. */
export function queueRun(drive: Drive): void {
  while (drive.queueCount > 0 && drive.inFlight < drive.queueDepth && drive.isQueueHeld == 0) {
    drive.queueCount--;
    driveStart(drive, changetype<Request>(takeNext(drive)));
  }
}

/** From now on requests wait (true), or go to the drive as it takes them (false). */
export function queueHold(drive: Drive, isHolding: bool): void {
  drive.isQueueHeld = isHolding ? 1 : 0;
  queueRun(drive);
}
