// The slot of a drive's scheduler: where requests wait, in which order they leave, and which of them a bio may join.
//
// Verbs: schedulerInsert, schedulerNext, schedulerMerge, schedulerRoom. One file a scheduler.
// Invariant: a request that a scheduler was given is in it until schedulerNext hands it out, or another request takes it in, which
// takes one from drive.queueCount.

import { Drive } from '../drive/drive-table';
import { Bio, Request } from '../drive/request';
import { SCHEDULER_DEADLINE } from '../layout';
import { SCHEDULER_MAX_DEPTH } from '../limits';
import { deadlineInsert, deadlineMerge, deadlineNext } from './deadline';
import { noopInsert, noopMerge, noopNext } from './noop';

function isDeadline(drive: Drive): bool {
  return drive.scheduler == <u32>SCHEDULER_DEADLINE;
}

export function schedulerInsert(drive: Drive, request: Request): void {
  if (isDeadline(drive)) deadlineInsert(drive, request);
  else noopInsert(drive, request);
}

/** Takes the request that goes to the drive next, or 0. */
export function schedulerNext(drive: Drive): usize {
  return isDeadline(drive) ? deadlineNext(drive) : noopNext(drive);
}

/** Merges a bio into a waiting request. MERGED, or why not: `reason` when there is nothing to ask. */
export function schedulerMerge(drive: Drive, bio: Bio, reason: u32): u32 {
  return isDeadline(drive) ? deadlineMerge(drive, bio, reason) : noopMerge(drive, bio, reason);
}

/** Requests that a drive has at one time before one that may not wait has to (nr_requests: blk_mq_init_sched). */
export function schedulerRoom(drive: Drive): u32 {
  return isDeadline(drive) ? 2 * min<u32>(drive.queueDepth, SCHEDULER_MAX_DEPTH) : drive.queueDepth;
}
