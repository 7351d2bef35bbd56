// A block node: one drive as QEMU's block layer sees it, and which requests are on their way to it (block/io.c).
//
// Verbs: nodesClaim, nodesInit, nodeAt, trackedBegin, trackedEnd, findConflict.
// Layout: an array of BlockNode records; tracked requests are a doubly linked list through BlockRequest.
// Invariants: two requests whose ranges overlap never run together when one of them is serialising; a request that waits
// is skipped by those that look for a conflict, so waiting is never circular.

import { arenaClaim } from '../base/arena';
import { complete, KIND_BLOCK_RESUME } from '../base/dispatch';
import { ReadaheadState, readaheadOpen } from '../cache/readahead';
import { Drive, driveAt } from '../drive/drive-table';
import {
  CACHE_MODE_DIRECTSYNC,
  CACHE_MODE_NONE,
  CACHE_MODE_UNSAFE,
  CACHE_MODE_WRITETHROUGH,
  DRIVE_FLAG_READ_ONLY,
} from '../layout';

/** The write is on the media when the job ends (RWF_DSYNC). */
export const JOB_FUA: u32 = 1;
/** The pieces do not suit the drive: a linear copy stands in for them. */
export const JOB_MISALIGNED: u32 = 2;
/** A write-zeroes may give the blocks back. */
export const JOB_MAY_UNMAP: u32 = 4;

@unmanaged
export class BlockNode {
  index: u32;
  cacheMode: u32;
  /** bdrv_drained_begin less bdrv_drained_end. */
  quiesced: u32;
  /** Requests between entrance and the end of their completion handler. */
  inFlight: u32;
  /** Requests that arrived while quiesced, oldest first. */
  waitingHead: usize;
  waitingTail: usize;
  tracked: usize;
  /** How many of them are serialising. */
  serialisingCount: u32;
  /** Writes finished, and how many of them the last good flush covered. */
  writeGeneration: u64;
  flushedGeneration: u64;
  /** The flush that runs, and those that wait for it. */
  isFlushing: u32;
  flushHead: usize;
  flushTail: usize;
  /** fdatasync has failed: what the file holds is unknown, and every later flush fails. */
  flushError: i32;
  /** How far the write-back errors of the file have been reported here. */
  errseqCursor: u32;
  /** What the open image knows of its reads: a ReadaheadState. */
  readahead: u64;
}

/** Bytes of a node's record. */
const NODE_SIZE: usize = offsetof<BlockNode>('readahead') + offsetof<ReadaheadState>();

/** One request from entrance to completion. */
@unmanaged
export class BlockRequest {
  /** Neighbour in the one queue it waits in. */
  next: usize;
  trackedNext: usize;
  trackedPrevious: usize;
  node: usize;
  /** OP_…, and what has been done (block-request.ts). */
  kind: u32;
  step: u32;
  flags: u32;
  /** What was asked for. */
  offset: u64;
  bytes: u64;
  /** The same, widened to the alignment, and how much of it is done. */
  start: u64;
  length: u64;
  done: u64;
  /** The data; 0 once it was handed over. */
  spans: usize;
  head: u32;
  tail: u32;
  /** Memory of the blocks at the two ends. */
  pad: usize;
  padBytes: u32;
  isSerialising: u32;
  isWaiting: u32;
  /** Its job reads a block at an end. */
  isReading: u32;
  waiters: usize;
  doneKind: u32;
  owner: usize;
  result: i32;
  /** The write generation when a flush began. */
  generation: u64;
  // what the engine is doing for it
  jobNext: usize;
  jobKind: u32;
  jobFlags: u32;
  jobStart: u64;
  jobLength: u64;
  jobSpans: usize;
  /** A linear copy that stands in for misaligned pieces, and the pieces of a read that it goes to. */
  bounce: usize;
  bounceTarget: usize;
  /** Its iocb, counted from 0, or its iovecs in shared memory. */
  slot: u32;
  iovecs: usize;
  iovecBytes: u32;
}

@unmanaged
class Nodes {
  base: usize;
  count: u32;
}

const nodes = changetype<Nodes>(memory.data(offsetof<Nodes>(), 16));

export function nodesClaim(nodeCount: u32): void {
  nodes.count = nodeCount;
  nodes.base = arenaClaim(<u64>nodeCount * NODE_SIZE, 64);
}

/** Node n is drive n. */
export function nodesInit(cacheMode: u32): void {
  memory.fill(nodes.base, 0, <usize>nodes.count * NODE_SIZE);
  for (let index: u32 = 0; index < nodes.count; index++) {
    nodeAt(index).index = index;
    nodeAt(index).cacheMode = cacheMode;
    readaheadOpen(readaheadStateOf(nodeAt(index)));
  }
}

export function nodeAt(index: u32): BlockNode {
  return changetype<BlockNode>(nodes.base + <usize>index * NODE_SIZE);
}

export function readaheadStateOf(node: BlockNode): ReadaheadState {
  return changetype<ReadaheadState>(changetype<usize>(node) + offsetof<BlockNode>('readahead'));
}

export function nodeDrive(node: BlockNode): Drive {
  return driveAt(node.index);
}

export function isReadOnly(node: BlockNode): bool {
  return (nodeDrive(node).flags & DRIVE_FLAG_READ_ONLY) != 0;
}

/** cache.direct: around the page cache. */
export function isDirect(node: BlockNode): bool {
  return node.cacheMode == CACHE_MODE_NONE || node.cacheMode == CACHE_MODE_DIRECTSYNC;
}

/** cache.no-flush. */
export function isUnsafe(node: BlockNode): bool {
  return node.cacheMode == CACHE_MODE_UNSAFE;
}

/** cache.writeback: a completed write may be volatile. */
export function hasWriteCache(node: BlockNode): bool {
  return node.cacheMode != CACHE_MODE_WRITETHROUGH && node.cacheMode != CACHE_MODE_DIRECTSYNC;
}

export function trackedBegin(node: BlockNode, request: BlockRequest): void {
  const pointer = changetype<usize>(request);
  node.serialisingCount += request.isSerialising;
  request.trackedPrevious = 0;
  request.trackedNext = node.tracked;
  if (node.tracked != 0) changetype<BlockRequest>(node.tracked).trackedPrevious = pointer;
  node.tracked = pointer;
}

/** Takes a request off the list; whoever waited for it looks again, the oldest first: it is waiting until it does. */
export function trackedEnd(node: BlockNode, request: BlockRequest): void {
  node.serialisingCount -= request.isSerialising;
  if (request.trackedPrevious != 0)
    changetype<BlockRequest>(request.trackedPrevious).trackedNext = request.trackedNext;
  else node.tracked = request.trackedNext;
  if (request.trackedNext != 0)
    changetype<BlockRequest>(request.trackedNext).trackedPrevious = request.trackedPrevious;
  while (request.waiters != 0) {
    const waiter = changetype<BlockRequest>(request.waiters);
    request.waiters = waiter.next;
    complete(KIND_BLOCK_RESUME, changetype<usize>(waiter), 0);
  }
}

/** Lets `request` wait until `other` has ended, behind those that wait already. */
export function waitFor(request: BlockRequest, other: BlockRequest): void {
  let link = changetype<usize>(other) + offsetof<BlockRequest>('waiters');
  while (load<usize>(link) != 0) link = load<usize>(link) + offsetof<BlockRequest>('next');
  request.next = 0;
  request.isWaiting = 1;
  store<usize>(link, changetype<usize>(request));
}

/** A tracked request that this one must not run beside, or null. Ranges are the widened ones. */
export function findConflict(node: BlockNode, request: BlockRequest): BlockRequest | null {
  if (node.serialisingCount == 0) return null;
  for (let pointer = node.tracked; pointer != 0; pointer = changetype<BlockRequest>(pointer).trackedNext) {
    const other = changetype<BlockRequest>(pointer);
    if (pointer == changetype<usize>(request) || other.isWaiting != 0) continue;
    if (other.isSerialising == 0 && request.isSerialising == 0) continue;
    if (other.start < request.start + request.length && request.start < other.start + other.length)
      return other;
  }
  return null;
}
