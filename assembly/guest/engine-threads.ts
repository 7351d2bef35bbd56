// The thread pool: jobs wait in one queue until one of N workers is free (util/thread-pool.c, handle_aiocb_rw of QEMU).
//
// Verbs: threadsInit, threadsSubmit, threadDone. A worker does one job at a time, and waits for it; in virtual time.
// Invariant: at most `workers` jobs have an operation; the others wait in order of arrival.

import { complete, KIND_ENGINE_DONE, KIND_ENGINE_THREAD } from '../base/dispatch';
import { EINVAL, ENOMEM } from '../base/errno';
import {
  FLAG_BOUNCED,
  FLAG_DIRECT,
  FLAG_DSYNC,
  FLAG_UNSAFE,
  OPERATION_DATASYNC,
  OPERATION_DISCARD,
  OPERATION_READ,
  OPERATION_WRITE,
  OPERATION_WRITE_ZEROES,
  Operation,
  operationTake,
} from '../base/operation';
import { SpanCursor, spanCopyIn, spanCopyOut, spanGiveChain, spanTakeReserved } from '../base/span';
import { errseqCheckAndAdvance, inodeAt } from '../cache/inode';
import { movesBytes } from '../drive/drive-table';
import { startOperation } from '../files/file-operation';
import { OP_DISCARD, OP_FLUSH, OP_READ, OP_WRITE } from '../layout';
import { sharedGive, sharedTake } from '../rings/shared-memory';
import {
  BlockNode,
  BlockRequest,
  isDirect,
  isUnsafe,
  JOB_FUA,
  JOB_MISALIGNED,
  readaheadStateOf,
} from './block-node';

@unmanaged
class Threads {
  workers: u32;
  working: u32;
  queueHead: usize;
  queueTail: usize;
}

const threads = changetype<Threads>(memory.data(offsetof<Threads>(), 16));
const cursor = changetype<SpanCursor>(memory.data(offsetof<SpanCursor>(), 8));

export function threadsInit(workers: u32): void {
  memory.fill(changetype<usize>(threads), 0, offsetof<Threads>());
  threads.workers = workers;
}

/** Starts a job, or lets it wait for a worker. */
export function threadsSubmit(request: BlockRequest): void {
  if (threads.working < threads.workers) {
    threads.working++;
    work(request);
    return;
  }
  const pointer = changetype<usize>(request);
  request.jobNext = 0;
  if (threads.queueTail != 0) changetype<BlockRequest>(threads.queueTail).jobNext = pointer;
  else threads.queueHead = pointer;
  threads.queueTail = pointer;
}

function operationKind(kind: u32): u8 {
  switch (kind) {
    case OP_READ:
      return OPERATION_READ;
    case OP_WRITE:
      return OPERATION_WRITE;
    case OP_FLUSH:
      return OPERATION_DATASYNC;
    case OP_DISCARD:
      return OPERATION_DISCARD;
    default:
      return OPERATION_WRITE_ZEROES;
  }
}

function operationFlags(node: BlockNode, request: BlockRequest): u16 {
  let flags: u16 = 0;
  // what the drive can not reach was copied to where it can
  if (isDirect(node)) flags |= FLAG_DIRECT | FLAG_BOUNCED;
  if (isUnsafe(node)) flags |= FLAG_UNSAFE;
  if (request.jobFlags & JOB_FUA) flags |= FLAG_DSYNC;
  return flags;
}

/** Puts a linear copy in the place of misaligned pieces. 0, or ENOMEM without shared memory. */
function bounce(request: BlockRequest): i32 {
  const bytes = request.jobLength;
  const copy = sharedTake(bytes);
  if (copy == 0) return -ENOMEM;
  request.bounce = copy;
  if (request.jobKind == OP_READ) {
    request.bounceTarget = request.jobSpans;
  } else {
    cursor.span = request.jobSpans;
    cursor.offset = 0;
    if (movesBytes()) spanCopyOut(cursor, copy, <u32>bytes);
    spanGiveChain(request.jobSpans);
  }
  request.jobSpans = spanTakeReserved(copy, <u32>bytes);
  return 0;
}

/** A worker begins a job. */
function work(request: BlockRequest): void {
  const pointer = changetype<usize>(request);
  if (request.jobFlags & JOB_MISALIGNED) {
    const bounced = bounce(request);
    if (bounced != 0) {
      spanGiveChain(request.jobSpans);
      complete(KIND_ENGINE_THREAD, pointer, bounced);
      return;
    }
  }
  const node = changetype<BlockNode>(request.node);
  const operationPointer = operationTake();
  assert(operationPointer != 0, 'no operation is left for a job of the block layer');
  const operation = changetype<Operation>(operationPointer);
  operation.kind = operationKind(request.jobKind);
  operation.flags = operationFlags(node, request);
  operation.inode = changetype<usize>(inodeAt(node.index));
  operation.position = request.jobStart;
  operation.length = request.jobLength;
  operation.spans = request.jobSpans;
  operation.doneKind = KIND_ENGINE_THREAD;
  operation.owner = pointer;
  operation.readahead = changetype<usize>(readaheadStateOf(node));
  startOperation(operation);
}

/** Copies what a read brought to the guest's pieces, and gives the copy back. */
function unbounce(request: BlockRequest, isGood: bool): void {
  if (request.bounce == 0) return;
  if (request.bounceTarget != 0) {
    cursor.span = request.bounceTarget;
    cursor.offset = 0;
    if (isGood && movesBytes()) spanCopyIn(cursor, request.bounce, <u32>request.jobLength);
    spanGiveChain(request.bounceTarget);
    request.bounceTarget = 0;
  }
  sharedGive(request.bounce, request.jobLength);
  request.bounce = 0;
}

/** 0, or an error of the page cache's write-back that nobody has been told of. */
function writebackError(node: BlockNode): i32 {
  const cursor = changetype<usize>(node) + offsetof<BlockNode>('errseqCursor');
  return errseqCheckAndAdvance(inodeAt(node.index), cursor);
}

/** Handler of KIND_ENGINE_THREAD: a worker has ended its job, and takes the next. */
export function threadDone(pointer: usize, result: i32): void {
  const request = changetype<BlockRequest>(pointer);
  const isTransfer = request.jobKind == OP_READ || request.jobKind == OP_WRITE;
  // the file ends where the device does, so a transfer that moved less failed in the middle
  if (isTransfer && result >= 0 && <u64>result < request.jobLength) result = -EINVAL;
  unbounce(request, result >= 0);
  if (result >= 0 && (request.jobKind == OP_FLUSH || (request.jobFlags & JOB_FUA) != 0))
    result = writebackError(changetype<BlockNode>(request.node));
  complete(KIND_ENGINE_DONE, pointer, min<i32>(result, 0));
  const next = threads.queueHead;
  if (next == 0) {
    threads.working--;
    return;
  }
  threads.queueHead = changetype<BlockRequest>(next).jobNext;
  if (threads.queueHead == 0) threads.queueTail = 0;
  work(changetype<BlockRequest>(next));
}
