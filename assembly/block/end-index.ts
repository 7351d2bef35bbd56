// Waiting requests by the sector behind their last one, for back merges (elv_rqhash_find of block/elevator.c).
//
// Verbs: endClaim, endInsert, endRemove, endFind. Layout: one hash table for all drives; chains through the requests, newest first.
// Invariant: endKey is the end that the request had when it was inserted.

import { arenaClaim } from '../base/arena';
import { mix64 } from '../base/identity';
import { Drive } from '../drive/drive-table';
import { Request } from '../drive/request';
import { OP_READ } from '../layout';
import { isMergeable } from './merge';

@unmanaged
class EndIndex {
  base: usize;
  mask: u32;
}

const index = changetype<EndIndex>(memory.data(offsetof<EndIndex>(), 8));

/** `buckets`: a power of two. */
export function endClaim(buckets: u32): void {
  index.base = arenaClaim((<u64>buckets) << 2, 16);
  index.mask = buckets - 1;
}

function bucketOf(drive: Drive, end: u64): usize {
  const hash = <u32>mix64(end ^ ((<u64>drive.index) << 52));
  return index.base + ((<usize>(hash & index.mask)) << 2);
}

export function endInsert(drive: Drive, request: Request): void {
  request.endKey = request.sector + request.sectorCount;
  const bucket = bucketOf(drive, request.endKey);
  const head = load<usize>(bucket);
  request.endNext = head;
  request.endPrevious = 0;
  if (head != 0) changetype<Request>(head).endPrevious = changetype<usize>(request);
  store<usize>(bucket, changetype<usize>(request));
}

export function endRemove(drive: Drive, request: Request): void {
  if (request.endPrevious != 0) changetype<Request>(request.endPrevious).endNext = request.endNext;
  else store<usize>(bucketOf(drive, request.endKey), request.endNext);
  if (request.endNext != 0) changetype<Request>(request.endNext).endPrevious = request.endPrevious;
}

/** A request of the direction that ends before `sector` and may merge, the newest; or 0. */
export function endFind(drive: Drive, isRead: bool, sector: u64): usize {
  let pointer = load<usize>(bucketOf(drive, sector));
  while (pointer != 0) {
    const request = changetype<Request>(pointer);
    const isSame = request.endKey == sector && request.drive == changetype<usize>(drive);
    if (isSame && (request.operation == OP_READ) == isRead && isMergeable(request.operation, request.flags))
      return pointer;
    pointer = request.endNext;
  }
  return 0;
}
