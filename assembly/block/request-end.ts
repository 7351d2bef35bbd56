// The end of a request: what the block layer counts, and whom it tells.
//
// Verbs: endRequest, countRequest. Invariant: every bio is told once, from the pump, after the request is given back.

import { count, countMany } from '../base/counters';
import { callHandler } from '../base/dispatch';
import { Bio, Request, requestGive } from '../drive/request';
import {
  COUNTER_BLOCK_DISCARDS,
  COUNTER_BLOCK_FLUSHES,
  COUNTER_BLOCK_READ_SECTORS,
  COUNTER_BLOCK_READS,
  COUNTER_BLOCK_WRITE_SECTORS,
  COUNTER_BLOCK_WRITES,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
} from '../layout';
import { statCounted, statLeft } from './stat';

/** Counts a request that the drive has carried out. */
export function countRequest(request: Request): void {
  switch (request.operation) {
    case OP_READ:
      count(COUNTER_BLOCK_READS);
      countMany(COUNTER_BLOCK_READ_SECTORS, request.sectorCount);
      break;
    case OP_WRITE:
      count(COUNTER_BLOCK_WRITES);
      countMany(COUNTER_BLOCK_WRITE_SECTORS, request.sectorCount);
      break;
    case OP_FLUSH:
      count(COUNTER_BLOCK_FLUSHES);
      break;
    default:
      count(COUNTER_BLOCK_DISCARDS);
  }
  statCounted(request);
}

/** Tells every bio of a request its result, and gives the request back. A flush was counted as the drive's, which may have served several. */
export function endRequest(request: Request, result: i32): void {
  if (request.operation != OP_FLUSH) countRequest(request);
  statLeft(request);
  let bioPointer = request.bioHead;
  requestGive(request);
  while (bioPointer != 0) {
    const bio = changetype<Bio>(bioPointer);
    const next = bio.next;
    bio.result = result;
    callHandler(bio.doneKind, bioPointer, result);
    bioPointer = next;
  }
}
