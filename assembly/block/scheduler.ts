// The slot of a drive's scheduler: where requests wait, in which order they leave, and which of them a bio may join.
//
// Verbs: schedulerInsert, schedulerNext, schedulerMerge. One file a scheduler.
// Invariant: a request that a scheduler was given is in it until schedulerNext hands it out, or another request takes it in.

import { Drive } from '../drive/drive-table';
import { Bio, Request } from '../drive/request';
import { noopInsert, noopMerge, noopNext } from './noop';

export function schedulerInsert(drive: Drive, request: Request): void {
  noopInsert(drive, request);
}

/** Takes the request that goes to the drive next, or 0. */
export function schedulerNext(drive: Drive): usize {
  return noopNext(drive);
}

/** Merges a bio into a waiting request. MERGED, or why not: `reason` when there is nothing to ask. */
export function schedulerMerge(drive: Drive, bio: Bio, reason: u32): u32 {
  return noopMerge(drive, bio, reason);
}
