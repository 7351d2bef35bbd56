// One request of the block layer: checks, padding, waiting for overlaps, splitting, FUA (block/io.c of QEMU).
//
// Verbs: requestsClaim, requestsInit, requestTake, requestStart, requestResume, engineDone, requestsSpansBack. A request goes
// through its steps in the order of sheet request-merging §6; between two steps it waits for its engine job, for another
// request, or for spans.
// Invariants: a write of part of a block of `alignment` bytes reads the rest first and is serialising; an error in a chunk
// ends the request, and chunks before it stay written; each request ends with one completion of (doneKind, owner).

import { complete, KIND_BLOCK_RESUME } from '../base/dispatch';
import { EIO, ENOMEM, EPERM } from '../base/errno';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { Span, SpanCursor, spanAdvance, spanAwait, spanGiveChain, spanTake } from '../base/span';
import { movesBytes } from '../drive/drive-table';
import { OP_DISCARD, OP_FLUSH, OP_READ, OP_WRITE, OP_WRITE_ZEROES } from '../layout';
import { BLOCK_REQUEST_MAX_BYTES, SECTOR_SHIFT } from '../limits';
import { sharedGive, sharedTake } from '../rings/shared-memory';
import {
  BlockNode,
  BlockRequest,
  findConflict,
  isDirect,
  isReadOnly,
  isUnsafe,
  JOB_FUA,
  JOB_MAY_UNMAP,
  nodeDrive,
  trackedBegin,
  trackedEnd,
  waitFor,
} from './block-node';
import { engineSubmit } from './engine';

/** The write is on the media when the request ends (BDRV_REQ_FUA). */
export const REQUEST_FUA: u32 = 1;
/** The blocks of a write-zeroes may be given back (BDRV_REQ_MAY_UNMAP). */
export const REQUEST_MAY_UNMAP: u32 = 2;

const STEP_CONFLICT: u32 = 0;
const STEP_READ_FIRST: u32 = 1;
const STEP_READ_LAST: u32 = 2;
const STEP_TRANSFER: u32 = 3;
const STEP_FUA_FLUSH: u32 = 4;
const STEP_FLUSH: u32 = 5;

/** What detect-zeroes makes of a write of zeros. */
export const DETECT_OFF: u32 = 0;
export const DETECT_ON: u32 = 1;
export const DETECT_UNMAP: u32 = 2;

@unmanaged
class Settings {
  alignment: u32;
  maxTransfer: u32;
  detectZeroes: u32;
  /** Discards are done; else they answer success and nothing happens (discard=ignore). */
  doesDiscard: u32;
  /** FUA is a flush after the write. */
  emulatesFua: u32;
  /** Requests that found no span. */
  starvedHead: usize;
  starvedTail: usize;
}

export const blockRequestPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const settings = changetype<Settings>(memory.data(offsetof<Settings>(), 16));
const cursor = changetype<SpanCursor>(memory.data(offsetof<SpanCursor>(), 8));

export function requestsClaim(requestCount: u32): void {
  poolClaim(blockRequestPool, offsetof<BlockRequest>(), requestCount);
}

/** `alignment`: request_alignment, a power of two; `maxTransfer`: bytes of one job, a multiple of it. */
export function requestsInit(
  alignment: u32,
  maxTransfer: u32,
  detectZeroes: u32,
  doesDiscard: bool,
  emulatesFua: bool,
): void {
  poolInit(blockRequestPool);
  memory.fill(changetype<usize>(settings), 0, offsetof<Settings>());
  settings.alignment = alignment;
  settings.maxTransfer = maxTransfer;
  settings.detectZeroes = detectZeroes;
  settings.doesDiscard = doesDiscard ? 1 : 0;
  settings.emulatesFua = emulatesFua ? 1 : 0;
}

/** A request with everything set that its maker knows; there is one for each request of a guest. */
export function requestTake(
  node: BlockNode,
  kind: u32,
  offset: u64,
  bytes: u64,
  flags: u32,
  spans: usize,
  doneKind: u32,
  owner: usize,
): BlockRequest {
  const pointer = poolTake(blockRequestPool);
  assert(pointer != 0, 'no request of the block layer is left');
  memory.fill(pointer, 0, offsetof<BlockRequest>());
  const request = changetype<BlockRequest>(pointer);
  request.node = changetype<usize>(node);
  request.kind = kind;
  request.offset = offset;
  request.bytes = bytes;
  request.start = offset;
  request.length = bytes;
  request.flags = flags;
  request.spans = spans;
  request.doneKind = doneKind;
  request.owner = owner;
  return request;
}

function isTransfer(request: BlockRequest): bool {
  return request.kind == OP_READ || request.kind == OP_WRITE;
}

/** Ends a request that was never tracked. */
function giveUp(request: BlockRequest, result: i32): void {
  spanGiveChain(request.spans);
  if (request.pad != 0) sharedGive(request.pad, request.padBytes);
  complete(request.doneKind, request.owner, result);
  poolGive(blockRequestPool, changetype<usize>(request));
}

/** Ends a tracked request. */
function end(request: BlockRequest, result: i32): void {
  const node = changetype<BlockNode>(request.node);
  trackedEnd(node, request);
  giveUp(request, result);
}

/** The checks that need nothing else. 1: go on; 0: done; else a negative errno. */
function check(node: BlockNode, request: BlockRequest): i32 {
  const size = nodeDrive(node).sizeSectors << SECTOR_SHIFT;
  if (request.offset > size || request.bytes > size - request.offset) return -EIO;
  if (isTransfer(request) && request.bytes > <u64>BLOCK_REQUEST_MAX_BYTES) return -EIO;
  if (request.bytes == 0) return 0;
  if (request.kind != OP_READ && isReadOnly(node)) return -EPERM;
  return request.kind == OP_DISCARD && settings.doesDiscard == 0 ? 0 : 1;
}

/** bdrv_pad_request: widens the range to whole blocks and takes memory for those at its ends. 0 or ENOMEM. */
function pad(request: BlockRequest): i32 {
  const mask = <u64>settings.alignment - 1;
  const head = <u32>(request.offset & mask);
  const tail = <u32>((0 - (request.offset + request.bytes)) & mask);
  if ((head | tail) == 0) return 0;
  request.head = head;
  request.tail = tail;
  request.start = request.offset - head;
  request.length = request.bytes + head + tail;
  request.padBytes =
    head > 0 && tail > 0 && request.length > <u64>settings.alignment
      ? settings.alignment * 2
      : settings.alignment;
  request.pad = sharedTake(request.padBytes);
  if (request.pad == 0) return -ENOMEM;
  request.isSerialising = request.kind == OP_WRITE ? 1 : 0;
  return 0;
}

/** Begins a request that its node has let in. */
export function requestStart(request: BlockRequest): void {
  const node = changetype<BlockNode>(request.node);
  if (request.kind == OP_FLUSH) {
    startFlush(node, request);
    return;
  }
  let result = check(node, request);
  if (result == 1 && isTransfer(request)) result = pad(request) == 0 ? 1 : -ENOMEM;
  if (result != 1) {
    giveUp(request, result);
    return;
  }
  if (isUnsafe(node)) request.flags &= ~REQUEST_FUA;
  trackedBegin(node, request);
  run(node, request);
}

/** Handler of KIND_BLOCK_RESUME: what the request waited for has gone. */
export function requestResume(pointer: usize, _result: i32): void {
  const request = changetype<BlockRequest>(pointer);
  run(changetype<BlockNode>(request.node), request);
}

/** No span is free: the request goes on when some come back. */
function starve(request: BlockRequest): void {
  const pointer = changetype<usize>(request);
  request.next = 0;
  if (settings.starvedTail != 0) changetype<BlockRequest>(settings.starvedTail).next = pointer;
  else settings.starvedHead = pointer;
  settings.starvedTail = pointer;
  spanAwait();
}

/** Spans have come back. */
export function requestsSpansBack(): void {
  let pointer = settings.starvedHead;
  settings.starvedHead = 0;
  settings.starvedTail = 0;
  while (pointer != 0) {
    const next = changetype<BlockRequest>(pointer).next;
    complete(KIND_BLOCK_RESUME, pointer, 0);
    pointer = next;
  }
}

function submitJob(
  node: BlockNode,
  request: BlockRequest,
  kind: u32,
  start: u64,
  length: u64,
  spans: usize,
  flags: u32,
): void {
  request.jobKind = kind;
  request.jobStart = start;
  request.jobLength = length;
  request.jobSpans = spans;
  request.jobFlags = flags;
  engineSubmit(node, request);
}

/** Takes the steps that need no waiting. */
function run(node: BlockNode, request: BlockRequest): void {
  if (request.step == STEP_CONFLICT) {
    const other = findConflict(node, request);
    if (other != null) {
      waitFor(request, other);
      return;
    }
    request.step = request.isSerialising != 0 ? STEP_READ_FIRST : STEP_TRANSFER;
    if (!joinPads(request)) {
      request.step = STEP_CONFLICT;
      starve(request);
      return;
    }
    detectZeroes(request);
  }
  if (request.step == STEP_READ_FIRST || request.step == STEP_READ_LAST) readEdge(node, request);
  else if (request.step == STEP_TRANSFER) transferChunk(node, request);
  else if (request.step == STEP_FUA_FLUSH) submitJob(node, request, OP_FLUSH, 0, 0, 0, 0);
}

/** Puts the blocks at the ends before and behind the data. False when no span is free; nothing has changed then. */
function joinPads(request: BlockRequest): bool {
  if (request.pad == 0) return true;
  const front = request.head > 0 ? spanTake(request.pad, request.head) : 0;
  const back = request.tail > 0 ? spanTake(request.pad + request.padBytes - request.tail, request.tail) : 0;
  if ((request.head > 0 && front == 0) || (request.tail > 0 && back == 0)) {
    spanGiveChain(front);
    spanGiveChain(back);
    return false;
  }
  let last = request.spans;
  while (changetype<Span>(last).next != 0) last = changetype<Span>(last).next;
  changetype<Span>(last).next = back;
  if (front != 0) {
    changetype<Span>(front).next = request.spans;
    request.spans = front;
  }
  return true;
}

/** Reads a block that the write covers in part, or both in one when they are all of it. */
function readEdge(node: BlockNode, request: BlockRequest): void {
  const isWhole = request.length == <u64>request.padBytes;
  const isFirst = request.step == STEP_READ_FIRST && (request.head > 0 || isWhole);
  const bytes = isWhole ? request.padBytes : settings.alignment;
  const memoryOffset = isFirst ? 0 : request.padBytes - bytes;
  const span = spanTake(request.pad + memoryOffset, bytes);
  if (span == 0) {
    starve(request);
    return;
  }
  const start = isFirst ? request.start : request.start + request.length - bytes;
  request.step = isFirst && !isWhole && request.tail > 0 ? STEP_READ_LAST : STEP_TRANSFER;
  request.isReading = 1;
  submitJob(node, request, OP_READ, start, bytes, span, 0);
}

function isZero(head: usize): bool {
  for (let pointer = head; pointer != 0; pointer = changetype<Span>(pointer).next) {
    const span = changetype<Span>(pointer);
    for (let offset: u32 = 0; offset < span.length; offset++) {
      if (load<u8>(span.address + offset) != 0) return false;
    }
  }
  return true;
}

/** detect-zeroes: a write of nothing but zeros becomes a write-zeroes. */
function detectZeroes(request: BlockRequest): void {
  if (settings.detectZeroes == DETECT_OFF || request.kind != OP_WRITE || request.pad != 0 || !movesBytes())
    return;
  if (!isZero(request.spans)) return;
  request.kind = OP_WRITE_ZEROES;
  if (settings.detectZeroes == DETECT_UNMAP) request.flags |= REQUEST_MAY_UNMAP;
  spanGiveChain(request.spans);
  request.spans = 0;
}

/** A chain of its own over the next `bytes` of the request's data, or 0 when no span is free. */
function cutChain(request: BlockRequest, bytes: u64): usize {
  let head: usize = 0;
  let tail: usize = 0;
  cursor.span = request.spans;
  cursor.offset = 0;
  spanAdvance(cursor, <u32>request.done);
  for (let left = bytes; left > 0; ) {
    const from = changetype<Span>(cursor.span);
    const step = <u32>min<u64>(left, from.length - cursor.offset);
    if (step > 0) {
      const span = spanTake(from.address + cursor.offset, step);
      if (span == 0) {
        spanGiveChain(head);
        return 0;
      }
      if (tail != 0) changetype<Span>(tail).next = span;
      else head = span;
      tail = span;
      left -= step;
    }
    cursor.span = from.next;
    cursor.offset = 0;
  }
  return head;
}

function jobFlags(request: BlockRequest): u32 {
  let flags: u32 = 0;
  if ((request.flags & REQUEST_FUA) != 0 && settings.emulatesFua == 0) flags |= JOB_FUA;
  if (request.flags & REQUEST_MAY_UNMAP) flags |= JOB_MAY_UNMAP;
  return flags;
}

/** Submits the next chunk of at most max_transfer bytes. */
function transferChunk(node: BlockNode, request: BlockRequest): void {
  const left = request.length - request.done;
  const bytes = isTransfer(request) ? min<u64>(left, settings.maxTransfer) : left;
  let spans: usize = 0;
  if (isTransfer(request)) {
    if (bytes == request.length) {
      spans = request.spans;
      request.spans = 0;
    } else {
      spans = cutChain(request, bytes);
      if (spans == 0) {
        starve(request);
        return;
      }
    }
  }
  submitJob(node, request, request.kind, request.start + request.done, bytes, spans, jobFlags(request));
}

/** Handler of KIND_ENGINE_DONE: the job of a request has ended. */
export function engineDone(pointer: usize, result: i32): void {
  const request = changetype<BlockRequest>(pointer);
  const node = changetype<BlockNode>(request.node);
  if (request.step == STEP_FLUSH) {
    flushDone(node, request, result);
    return;
  }
  if (result < 0) {
    end(request, result);
    return;
  }
  if (request.isReading != 0) {
    request.isReading = 0;
    run(node, request);
    return;
  }
  if (request.step == STEP_FUA_FLUSH) {
    node.flushedGeneration = max<u64>(node.flushedGeneration, request.generation);
    end(request, 0);
    return;
  }
  request.done += request.jobLength;
  if (request.done < request.length) {
    transferChunk(node, request);
    return;
  }
  finishTransfer(node, request);
}

/** All chunks are done: the generation of writes moves, before a flush that is meant to cover this one. */
function finishTransfer(node: BlockNode, request: BlockRequest): void {
  if (request.kind == OP_READ) {
    end(request, 0);
    return;
  }
  const isForced = (request.flags & REQUEST_FUA) != 0;
  const wasClean = node.flushedGeneration == node.writeGeneration;
  node.writeGeneration++;
  if (isForced && settings.emulatesFua != 0) {
    request.generation = node.writeGeneration;
    request.step = STEP_FUA_FLUSH;
    submitJob(node, request, OP_FLUSH, 0, 0, 0, 0);
    return;
  }
  // what is on the media needs no flush
  if (isForced && wasClean) node.flushedGeneration = node.writeGeneration;
  end(request, 0);
}

/** bdrv_co_flush: one at a time; nothing to do when nothing was written since the last one. */
function startFlush(node: BlockNode, request: BlockRequest): void {
  request.step = STEP_FLUSH;
  if (isUnsafe(node) || isReadOnly(node)) {
    giveUp(request, 0);
    return;
  }
  if (node.isFlushing == 0) {
    runFlush(node, request);
    return;
  }
  const pointer = changetype<usize>(request);
  if (node.flushTail != 0) changetype<BlockRequest>(node.flushTail).next = pointer;
  else node.flushHead = pointer;
  node.flushTail = pointer;
}

function runFlush(node: BlockNode, request: BlockRequest): void {
  if (node.flushError != 0 || node.writeGeneration == node.flushedGeneration) {
    giveUp(request, node.flushError);
    return;
  }
  node.isFlushing = 1;
  request.generation = node.writeGeneration;
  submitJob(node, request, OP_FLUSH, 0, 0, 0, 0);
}

function flushDone(node: BlockNode, request: BlockRequest, result: i32): void {
  node.isFlushing = 0;
  if (result == 0) node.flushedGeneration = max<u64>(node.flushedGeneration, request.generation);
  else if (!isDirect(node)) node.flushError = -EIO;
  giveUp(request, result);
  while (node.isFlushing == 0 && node.flushHead != 0) {
    const next = changetype<BlockRequest>(node.flushHead);
    node.flushHead = next.next;
    if (node.flushHead == 0) node.flushTail = 0;
    runFlush(node, next);
  }
}
