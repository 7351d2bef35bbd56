// Operation records: everything at the file level that can wait (read, write, sync, discard, truncate).
//
// Verbs: operationTake, operationTag, setOperationTag, operationFinish, operationGive. An operation that must wait parks itself (wait-queue.ts) and
// its step function returns PENDING; whoever wakes it completes KIND_OPERATION_RESUME and it goes on where it stood.
// Invariant: an operation that is parked for a frame or a bio holds no pinned page, so waiting can never be circular.

import { READ_CHUNK_PAGES } from '../limits';
import { complete, KIND_OPERATION_RESUME } from './dispatch';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from './pool';
import { SpanCursor, spanGiveChain } from './span';

export const OPERATION_READ: u8 = 0;
export const OPERATION_WRITE: u8 = 1;
export const OPERATION_DISCARD: u8 = 2;
export const OPERATION_WRITE_ZEROES: u8 = 3;
export const OPERATION_SYNC: u8 = 4;
export const OPERATION_DATASYNC: u8 = 5;
/** `position` is the new size. */
export const OPERATION_TRUNCATE: u8 = 6;
/** `mode`: FALLOCATE_…. */
export const OPERATION_FALLOCATE: u8 = 7;
/** sync_file_range; `mode`: SYNC_RANGE_…. */
export const OPERATION_SYNC_RANGE: u8 = 8;
/** syncfs: every file of the volume. */
export const OPERATION_SYNC_ALL: u8 = 9;
/** Drops every page of the volume, from file `position` on. */
export const OPERATION_FORGET: u8 = 10;

/** Around the page cache (O_DIRECT). */
export const FLAG_DIRECT: u16 = 1;
/** Data, and what is needed to read it back, is on the media at completion (O_DSYNC, RWF_DSYNC). */
export const FLAG_DSYNC: u16 = 2;
/** As FLAG_DSYNC, with all metadata (O_SYNC, RWF_SYNC). */
export const FLAG_SYNC: u16 = 4;
/** The write goes to the end of the file (O_APPEND, RWF_APPEND). */
export const FLAG_APPEND: u16 = 16;
/** Syncs answer success without doing anything (cache=unsafe). */
export const FLAG_UNSAFE: u16 = 32;
/** What would have to wait before its I/O starts is not done: short, or EAGAIN (RWF_NOWAIT). */
export const FLAG_NOWAIT: u16 = 64;
/** Its submitter copies to aligned memory where the drive asks for it: any address is good (QEMU's bounce buffers). */
export const FLAG_BOUNCED: u16 = 128;

/** The answer of a step function that has parked itself. No errno and no byte count has this value. */
export const PENDING: i32 = i32.MIN_VALUE;

@unmanaged
export class Operation {
  // the first two words are a Waiter
  next: usize;
  resumeKind: u32;
  kind: u8;
  step: u8;
  flags: u16;
  inode: usize;
  position: u64;
  /** Bytes asked for; up to 2^52 for a discard, at most MAX_TRANSFER_BYTES else. */
  length: u64;
  /** Bytes done. */
  done: u64;
  /** Bytes below this file position are written as zeros (the gap between the old end of file and a write). */
  zeroUntil: u64;
  /** Pages below this index have been counted as accessed. */
  countedUntil: u64;
  spans: usize;
  // the next two words are a SpanCursor
  cursorSpan: usize;
  cursorOffset: u32;
  doneKind: u32;
  owner: usize;
  error: i32;
  /** Bios in flight for this operation. */
  pending: u32;
  /** Pages pinned in `pages`, and how many of them are dealt with. */
  pinnedCount: u32;
  pinnedDone: u32;
  id: u32;
  syncStep: u32;
  /** The inode's count of write-back errors when the operation began to clean its range. */
  errorMark: u32;
  /** The transaction that frees blocks for it, or 0. */
  spaceTransaction: u64;
  /** The transaction that a sync waits for. */
  transaction: u64;
  /** Number of the last ioend that a sync waits for. */
  ioendMark: u64;
  /** How it holds the lock of its inode (LOCK_… of files/inode-lock). */
  inodeLock: u32;
  hasBegun: u32;
  /** Bytes of the caller's buffer that exist; a transfer through the cache stops there with EFAULT. u32.MAX_VALUE: all of them. */
  readable: u32;
  /** What a direct transfer has seen to (files/direct). */
  directFlags: u32;
  /** Mode of a fallocate or sync_file_range; a sync's own after that. */
  mode: u32;
  /** The readahead state (cache/readahead) of whoever it reads for, or 0. */
  readahead: usize;
  /** The open file that state belongs to: held until the operation ends; or 0. */
  opened: usize;
  /** What its submitter calls it, for the write log; 0: nothing. */
  tag: u64;
  /** On a volume with records: how far what it has changed is written (files/file-operation), and what it will answer then. */
  keepStep: u32;
  result: i32;
  /** The iterator over mappings (cache/iomap-iter), ITERATOR_SIZE bytes. */
  iterator: u64;
}

/** Bytes that cache/iomap-iter keeps in an operation. */
export const ITERATOR_SIZE: usize = 88;
const PAGES_OFFSET: usize = offsetof<Operation>('iterator') + ITERATOR_SIZE;

@unmanaged
class OperationState {
  nextId: u32;
  waiters: usize;
  /** The tag of operations that are taken now. */
  tag: u64;
}

export const operationPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const state = changetype<OperationState>(memory.data(offsetof<OperationState>(), 16));

export function operationClaim(capacity: u32): void {
  poolClaim(operationPool, <u32>PAGES_OFFSET + READ_CHUNK_PAGES * 4, capacity);
}

export function operationInit(): void {
  poolInit(operationPool);
  state.nextId = 1;
}

/** A cleared operation, or 0 when all are in use. The caller fills kind, flags, inode, position, length, spans, doneKind, owner. */
export function operationTake(): usize {
  const pointer = poolTake(operationPool);
  if (pointer == 0) return 0;
  memory.fill(pointer, 0, PAGES_OFFSET);
  const operation = changetype<Operation>(pointer);
  operation.resumeKind = KIND_OPERATION_RESUME;
  operation.readable = u32.MAX_VALUE;
  operation.id = state.nextId++;
  operation.tag = state.tag;
  return pointer;
}

export function operationTag(): u64 {
  return state.tag;
}

/** The tag of operations that are taken from now on. */
export function setOperationTag(tag: u64): void {
  state.tag = tag;
}

/** Gives the spans and the record back and queues the submitter's completion. */
export function operationFinish(operation: Operation, result: i32): void {
  assert(operation.pending == 0 && operation.pinnedCount == 0, 'an operation ended with I/O in flight');
  spanGiveChain(operation.spans);
  complete(operation.doneKind, operation.owner, result);
  poolGive(operationPool, changetype<usize>(operation));
}

export function operationCursor(operation: Operation): SpanCursor {
  return changetype<SpanCursor>(changetype<usize>(operation) + offsetof<Operation>('cursorSpan'));
}

export function operationPage(operation: Operation, index: u32): usize {
  return load<usize>(changetype<usize>(operation) + PAGES_OFFSET + ((<usize>index) << 2));
}

export function setOperationPage(operation: Operation, index: u32, page: usize): void {
  store<usize>(changetype<usize>(operation) + PAGES_OFFSET + ((<usize>index) << 2), page);
}
