// One request of the block layer: checks, padding, waiting for overlaps, splitting, FUA (block/io.c of QEMU).
//
// Verbs: requestsClaim, requestsInit, requestTake, requestStart, requestResume, engineDone. A request goes through its steps
// in the order of sheet request-merging §6; between two steps it waits for its engine job, for another request, or for a
// flush before its own.
// Invariants: a write of part of a block of `alignment` bytes reads the rest first and is serialising; an error in a chunk
// ends the request, and chunks before it stay written; each request ends with one completion of (doneKind, owner). Beside
// the data it was given, a request has at most BLOCK_REQUEST_SPANS spans at a time, so that it never waits for any.

import { complete } from '../base/dispatch';
import { EIO, ENOMEM, EPERM } from '../base/errno';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { Span, spanGiveChain, spanTakeReserved } from '../base/span';
import { movesBytes } from '../drive/drive-table';
import { OP_DISCARD, OP_FLUSH, OP_READ, OP_WRITE, OP_WRITE_ZEROES } from '../layout';
import { BLOCK_REQUEST_MAX_BYTES, MAX_TRANSFER_BYTES, SECTOR_SHIFT } from '../limits';
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
const STEP_FLUSH: u32 = 4;

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
}

export const blockRequestPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const settings = changetype<Settings>(memory.data(offsetof<Settings>(), 16));

export function requestsClaim(requestCount: u32): void {
  poolClaim(blockRequestPool, offsetof<BlockRequest>(), requestCount);
}

/**
 * `alignment`: request_alignment, a power of two; `maxTransfer`: bytes of one job, a multiple of it, cut down to what one system
 * call can move.
 */
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
  settings.maxTransfer = min<u32>(maxTransfer, MAX_TRANSFER_BYTES);
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
  request.isWaiting = 0;
  run(changetype<BlockNode>(request.node), request);
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
    if (request.pad != 0) joinPads(request);
  }
  if (request.step != STEP_TRANSFER) {
    readEdge(node, request);
    return;
  }
  detectZeroes(request);
  transferChunk(node, request);
}

/** Puts the blocks at the ends before and behind the data. */
function joinPads(request: BlockRequest): void {
  let last = request.spans;
  while (changetype<Span>(last).next != 0) last = changetype<Span>(last).next;
  if (request.tail > 0) {
    const back = spanTakeReserved(request.pad + request.padBytes - request.tail, request.tail);
    changetype<Span>(last).next = back;
  }
  if (request.head > 0) {
    const front = spanTakeReserved(request.pad, request.head);
    changetype<Span>(front).next = request.spans;
    request.spans = front;
  }
}

/** Reads a block that the write covers in part, or both in one when they are all of it. */
function readEdge(node: BlockNode, request: BlockRequest): void {
  const isWhole = request.length == <u64>request.padBytes;
  const isFirst = request.step == STEP_READ_FIRST && (request.head > 0 || isWhole);
  const bytes = isWhole ? request.padBytes : settings.alignment;
  const memoryOffset = isFirst ? 0 : request.padBytes - bytes;
  const span = spanTakeReserved(request.pad + memoryOffset, bytes);
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

/** detect-zeroes: a write of nothing but zeros, what was read around it among them, becomes a write-zeroes. */
function detectZeroes(request: BlockRequest): void {
  if (settings.detectZeroes == DETECT_OFF || request.kind != OP_WRITE || !movesBytes()) return;
  if (!isZero(request.spans)) return;
  request.kind = OP_WRITE_ZEROES;
  if (settings.detectZeroes == DETECT_UNMAP) request.flags |= REQUEST_MAY_UNMAP;
  spanGiveChain(request.spans);
  request.spans = 0;
}

/** Takes the first `bytes` off the request's data. */
function cutChain(request: BlockRequest, bytes: u64): usize {
  const head = request.spans;
  let left = <u32>bytes;
  let last = changetype<Span>(head);
  while (last.length < left) {
    left -= last.length;
    last = changetype<Span>(last.next);
  }
  request.spans = last.next;
  if (last.length > left) {
    const rest = spanTakeReserved(last.address + left, last.length - left);
    changetype<Span>(rest).next = last.next;
    request.spans = rest;
    last.length = left;
  }
  last.next = 0;
  return head;
}

/** FUA is a flush afterwards: by configuration, and always for write-zeroes, which no drive takes with FUA. */
function needsFlush(request: BlockRequest): bool {
  return settings.emulatesFua != 0 || request.kind == OP_WRITE_ZEROES;
}

function jobFlags(request: BlockRequest): u32 {
  let flags: u32 = 0;
  if ((request.flags & REQUEST_FUA) != 0 && !needsFlush(request)) flags |= JOB_FUA;
  if (request.flags & REQUEST_MAY_UNMAP) flags |= JOB_MAY_UNMAP;
  return flags;
}

/** Submits the next chunk of at most max_transfer bytes. */
function transferChunk(node: BlockNode, request: BlockRequest): void {
  const left = request.length - request.done;
  const bytes = isTransfer(request) ? min<u64>(left, settings.maxTransfer) : left;
  const spans = isTransfer(request) ? cutChain(request, bytes) : 0;
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
    // chunks before this one are written, and perhaps a part of it: a flush has something to do
    if (request.isReading == 0 && request.kind != OP_READ) node.writeGeneration++;
    end(request, result);
    return;
  }
  if (request.isReading != 0) {
    request.isReading = 0;
    run(node, request);
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
  if (isForced && needsFlush(request)) {
    queueFlush(node, request);
    return;
  }
  // what is on the media needs no flush
  if (isForced && wasClean) node.flushedGeneration = node.writeGeneration;
  end(request, 0);
}

/** bdrv_co_flush of a guest. */
function startFlush(node: BlockNode, request: BlockRequest): void {
  if (isUnsafe(node) || isReadOnly(node)) giveUp(request, 0);
  else queueFlush(node, request);
}

/** One flush at a time: this one runs, or waits for those before it. */
function queueFlush(node: BlockNode, request: BlockRequest): void {
  request.step = STEP_FLUSH;
  if (node.isFlushing == 0) {
    runFlush(node, request);
    return;
  }
  const pointer = changetype<usize>(request);
  request.next = 0;
  if (node.flushTail != 0) changetype<BlockRequest>(node.flushTail).next = pointer;
  else node.flushHead = pointer;
  node.flushTail = pointer;
}

/** Ends a flush, or the write that it belongs to. */
function endFlush(request: BlockRequest, result: i32): void {
  if (request.kind == OP_FLUSH) giveUp(request, result);
  else end(request, result);
}

/** Nothing is to be done when nothing was written since the last good flush. */
function runFlush(node: BlockNode, request: BlockRequest): void {
  if (node.flushError != 0 || node.writeGeneration == node.flushedGeneration) {
    endFlush(request, node.flushError);
    return;
  }
  node.isFlushing = 1;
  request.generation = node.writeGeneration;
  submitJob(node, request, OP_FLUSH, 0, 0, 0, 0);
}

function flushDone(node: BlockNode, request: BlockRequest, result: i32): void {
  node.isFlushing = 0;
  if (result == 0) node.flushedGeneration = max<u64>(node.flushedGeneration, request.generation);
  else if (!isDirect(node)) node.flushError = result;
  endFlush(request, result);
  while (node.isFlushing == 0 && node.flushHead != 0) {
    const next = changetype<BlockRequest>(node.flushHead);
    node.flushHead = next.next;
    if (node.flushHead == 0) node.flushTail = 0;
    runFlush(node, next);
  }
}
