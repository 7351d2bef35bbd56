// No scheduler (`none`): requests wait for their drive in the order in which they came.
//
// Verbs: noopInsert, noopNext, noopMerge. Layout: each drive's own list, by next and previous of its requests.
// Invariant: of the waiting requests only the last QUEUE_MERGE_DEPTH are asked to take a bio (blk_bio_list_merge).

import { Drive } from '../drive/drive-table';
import { Bio, Request } from '../drive/request';
import { QUEUE_MERGE_DEPTH } from '../limits';
import { MERGED, tryMerge } from './merge';

export function noopInsert(drive: Drive, request: Request): void {
  request.next = 0;
  request.previous = drive.queueTail;
  if (drive.queueTail != 0) changetype<Request>(drive.queueTail).next = changetype<usize>(request);
  else drive.queueHead = changetype<usize>(request);
  drive.queueTail = changetype<usize>(request);
}

/** Takes the request that has waited longest, or 0. */
export function noopNext(drive: Drive): usize {
  const pointer = drive.queueHead;
  if (pointer == 0) return 0;
  const request = changetype<Request>(pointer);
  drive.queueHead = request.next;
  if (request.next != 0) changetype<Request>(request.next).previous = 0;
  else drive.queueTail = 0;
  return pointer;
}

/** Merges a bio into a waiting request. MERGED, or why not: `reason` when there is nothing to ask. */
export function noopMerge(drive: Drive, bio: Bio, reason: u32): u32 {
  let pointer = drive.queueTail;
  for (let depth: u32 = 0; depth < <u32>QUEUE_MERGE_DEPTH && pointer != 0; depth++) {
    reason = tryMerge(changetype<Request>(pointer), bio);
    if (reason == MERGED) return MERGED;
    pointer = changetype<Request>(pointer).previous;
  }
  return reason;
}
