// Linux's merge tests: may this bio join that request, and at which end?
//
// Verbs: mergeInit, tryMerge, isAdjacent, mergeRequests. Rules of blk_rq_merge_ok, ll_back_merge_fn and ll_front_merge_fn (block/blk-merge.c): same drive,
// same operation, neither marked no-merge, PREFLUSH or FUA, adjacent, and the sums of sectors and segments within the limits.
// Invariant: a merge that fails on a limit marks the request "never merge" (req_set_nomerge), so it is not asked again.

import { count } from '../base/counters';
import { record, recording } from '../base/record';
import { Drive } from '../drive/drive-table';
import { BIO_FUA, BIO_NO_MERGE, BIO_PREFLUSH, Bio, Request, requestGive } from '../drive/request';
import {
  COUNTER_BLOCK_READ_MERGES,
  COUNTER_BLOCK_WRITE_MERGES,
  MERGE_FLAGS,
  MERGE_NOT_ADJACENT,
  MERGE_OPERATION_DIFFERS,
  MERGE_TOO_MANY_SECTORS,
  MERGE_TOO_MANY_SEGMENTS,
  OP_READ,
  OP_WRITE,
  RECORD_BACK_MERGED,
  RECORD_FRONT_MERGED,
} from '../layout';
import { statTakenIn } from './stat';

/** tryMerge's answer when the bio joined; every other answer is a MERGE_… reason of layout.ts. */
export const MERGED: u32 = 255;

/** Sectors and pieces of one request, and whether there is any merging. */
@unmanaged
class Limits {
  maxSectors: u32;
  maxSegments: u32;
  isMerging: u32;
}

export const mergeLimits = changetype<Limits>(memory.data(offsetof<Limits>(), 8));

export function mergeInit(maxSectors: u32, maxSegments: u32, isMerging: bool): void {
  mergeLimits.maxSectors = maxSectors;
  mergeLimits.maxSegments = maxSegments;
  mergeLimits.isMerging = isMerging ? 1 : 0;
}

export function isMergeable(operation: u32, flags: u32): bool {
  return (
    (operation == OP_READ || operation == OP_WRITE) && (flags & (BIO_NO_MERGE | BIO_FUA | BIO_PREFLUSH)) == 0
  );
}

function joinBack(request: Request, bio: Bio): void {
  changetype<Bio>(request.bioTail).next = changetype<usize>(bio);
  request.bioTail = changetype<usize>(bio);
}

function joinFront(request: Request, bio: Bio): void {
  bio.next = request.bioHead;
  request.bioHead = changetype<usize>(bio);
  request.sector = bio.sector;
}

/** Joins the bio to the request, or says why not. Both are for the same drive; the request has not been started. */
export function tryMerge(request: Request, bio: Bio): u32 {
  if (request.operation != bio.operation) return MERGE_OPERATION_DIFFERS;
  if (!isMergeable(request.operation, request.flags) || !isMergeable(bio.operation, bio.flags))
    return MERGE_FLAGS;
  const isBack = request.sector + request.sectorCount == bio.sector;
  if (!isBack && bio.sector + bio.sectorCount != request.sector) return MERGE_NOT_ADJACENT;
  if (request.sectorCount + bio.sectorCount > mergeLimits.maxSectors) {
    request.flags |= BIO_NO_MERGE;
    return MERGE_TOO_MANY_SECTORS;
  }
  if (request.segmentCount + bio.segmentCount > mergeLimits.maxSegments) {
    request.flags |= BIO_NO_MERGE;
    return MERGE_TOO_MANY_SEGMENTS;
  }
  if (isBack) joinBack(request, bio);
  else joinFront(request, bio);
  request.sectorCount += bio.sectorCount;
  request.segmentCount += bio.segmentCount;
  request.bioCount++;
  count(bio.operation == OP_READ ? COUNTER_BLOCK_READ_MERGES : COUNTER_BLOCK_WRITE_MERGES);
  if (recording()) {
    const kind = isBack ? RECORD_BACK_MERGED : RECORD_FRONT_MERGED;
    record(
      kind,
      bio.operation,
      changetype<Drive>(bio.drive).index,
      bio.id,
      bio.sector,
      bio.sectorCount,
      request.id,
    );
  }
  return MERGED;
}

/** `next` begins where `request` ends, is of the same operation, and both together are within the limits (ll_merge_requests_fn). */
export function isAdjacent(request: Request, next: Request): bool {
  return (
    request.operation == next.operation &&
    request.sector + request.sectorCount == next.sector &&
    request.sectorCount + next.sectorCount <= mergeLimits.maxSectors &&
    request.segmentCount + next.segmentCount <= mergeLimits.maxSegments
  );
}

/** All bios of `next` join the back of `request`, and `next` is given back (attempt_merge). */
export function mergeRequests(request: Request, next: Request): void {
  count(next.operation == OP_READ ? COUNTER_BLOCK_READ_MERGES : COUNTER_BLOCK_WRITE_MERGES);
  statTakenIn(next);
  if (recording()) {
    const drive = changetype<Drive>(next.drive).index;
    for (let pointer = next.bioHead; pointer != 0; pointer = changetype<Bio>(pointer).next) {
      const bio = changetype<Bio>(pointer);
      record(RECORD_BACK_MERGED, bio.operation, drive, bio.id, bio.sector, bio.sectorCount, request.id);
    }
  }
  changetype<Bio>(request.bioTail).next = next.bioHead;
  request.bioTail = next.bioTail;
  request.sectorCount += next.sectorCount;
  request.segmentCount += next.segmentCount;
  request.bioCount += next.bioCount;
  request.startedAt = min<u64>(request.startedAt, next.startedAt);
  requestGive(next);
}
