// Synchronous file calls: start an operation, pump until it has ended.
//
// Verbs: fileOpen, filePread, filePwrite, filePreadv, filePwritev, fileSync, fileDiscard, fileTruncate, fileSize, fileClose. Offsets are whole numbers in f64.
// Invariant: one call runs at a time; a result is bytes, 0, or a negative Linux errno.

import { clientBytes, isClientRange } from '../base/client-memory';
import { KIND_CALL_DONE } from '../base/dispatch';
import { EAGAIN, EBADF, EDEADLK, EFAULT, EINVAL } from '../base/errno';
import {
  FLAG_DIRECT,
  FLAG_DSYNC,
  FLAG_SYNC,
  OPERATION_DATASYNC,
  OPERATION_DISCARD,
  OPERATION_READ,
  OPERATION_SYNC,
  OPERATION_TRUNCATE,
  OPERATION_WRITE,
  Operation,
  operationTake,
} from '../base/operation';
import { Span, spanDropChain, spanGiveChain, spanTake } from '../base/span';
import { errseqCheckAndAdvance, Inode } from '../cache/inode';
import {
  descriptorClose,
  descriptorOpen,
  notFile,
  OpenFile,
  openFileOf,
  readThrough,
} from '../files/descriptor';
import { startOperation } from '../files/file-operation';
import { IOCB_CMD_PREADV, IOVEC_LENGTH, IOVEC_SIZE, OPEN_READ, OPEN_WRITE } from '../layout';
import { MAX_IOVECS, MAX_TRANSFER_BYTES } from '../limits';
import { importSegments } from '../rings/iocb';
import { pumpOne } from './pump';

/** The synchronous call that is running: result i32, isDone u32, its number u32; and how many were given up as a deadlock and have not ended yet. */
const call: usize = memory.data(16, 8);
/** The span before the first of a vector. */
const anchor: usize = memory.data(16, 16);
/** Calls given up that may be in flight; further ones answer EAGAIN. */
const MAX_GIVEN_UP: u32 = 4;

/** Handler of KIND_CALL_DONE. */
export function callDone(number: usize, result: i32): void {
  if (<u32>number != load<u32>(call, 8)) {
    store<u32>(call, load<u32>(call, 12) - 1, 12);
    return;
  }
  store<i32>(call, result);
  store<u32>(call, 1, 4);
}

/** A call begins: its number, which KIND_CALL_DONE is completed with, or 0 while too many are given up. */
export function callBegin(): u32 {
  if (load<u32>(call, 12) >= MAX_GIVEN_UP) return 0;
  const number = max<u32>(load<u32>(call, 8) + 1, 1);
  store<u32>(call, 0, 4);
  store<u32>(call, number, 8);
  return number;
}

/** Pumps until the call that was started has ended. EDEADLK when nothing can end it (a held drive). */
export function callFinish(): i32 {
  while (load<u32>(call, 4) == 0) {
    if (!pumpOne()) {
      // its number is used up: whatever it answers later is for nobody
      store<u32>(call, load<u32>(call, 8) + 1, 8);
      store<u32>(call, load<u32>(call, 12) + 1, 12);
      return -EDEADLK;
    }
  }
  return load<i32>(call);
}

/** An operation on a descriptor, as a call that has begun; 0 when there is none, and then the spans are given back. */
function callOperation(opened: OpenFile, kind: u8, offset: u64, bytes: u64, spans: usize): usize {
  const number = callBegin();
  const pointer: usize = number == 0 ? 0 : operationTake();
  if (pointer == 0) {
    spanGiveChain(spans);
    return 0;
  }
  const operation = changetype<Operation>(pointer);
  operation.kind = kind;
  operation.flags = <u16>opened.operationFlags;
  operation.inode = opened.inode;
  operation.position = offset;
  operation.length = bytes;
  operation.spans = spans;
  operation.doneKind = KIND_CALL_DONE;
  operation.owner = number;
  readThrough(operation, opened);
  return pointer;
}

/** Starts an operation on a descriptor and waits for it. */
export function runCall(opened: OpenFile, kind: u8, offset: u64, bytes: u64, spans: usize): i32 {
  const pointer = callOperation(opened, kind, offset, bytes, spans);
  if (pointer == 0) return -EAGAIN;
  startOperation(changetype<Operation>(pointer));
  return callFinish();
}

/** As runCall, for an operation that has a mode and no bytes to move. */
export function runCallWithMode(opened: OpenFile, kind: u8, offset: u64, bytes: u64, mode: u32): i32 {
  const pointer = callOperation(opened, kind, offset, bytes, 0);
  if (pointer == 0) return -EAGAIN;
  changetype<Operation>(pointer).mode = mode;
  startOperation(changetype<Operation>(pointer));
  return callFinish();
}

/** A whole number from 0 to 2^53 - 1. */
export function isOffset(offset: f64): bool {
  return offset >= 0 && offset <= 9007199254740991 && floor(offset) == offset;
}

/** Reports the error that the mapping holds for this open file, if any. */
export function withFileError(opened: OpenFile, result: i32): i32 {
  const cursor = changetype<usize>(opened) + offsetof<OpenFile>('errseqCursor');
  const error = errseqCheckAndAdvance(changetype<Inode>(opened.inode), cursor);
  return error != 0 && result >= 0 ? error : result;
}

function transfer(descriptor: i32, buffer: i32, bytes: i32, offset: f64, kind: u8, needed: u32): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return notFile(descriptor);
  const opened = changetype<OpenFile>(pointer);
  if ((opened.openFlags & needed) == 0) return -EBADF;
  if (bytes < 0 || bytes > MAX_TRANSFER_BYTES || !isOffset(offset)) return -EINVAL;
  if (bytes == 0) return 0;
  const readable = clientBytes(<u32>buffer, <u32>bytes);
  const isDirect = (opened.operationFlags & FLAG_DIRECT) != 0;
  if (readable == 0 || (isDirect && readable < <u32>bytes)) return -EFAULT;
  const span = spanTake(<usize>buffer, readable);
  if (span == 0) return -EAGAIN;
  return move(opened, kind, <u64>offset, <u32>bytes, readable, span);
}

/** Starts a transfer of `bytes`, of which the first `readable` have memory, the chain `spans`, and waits for it. */
function move(opened: OpenFile, kind: u8, offset: u64, bytes: u32, readable: u32, spans: usize): i32 {
  const started = callOperation(opened, kind, offset, bytes, spans);
  if (started == 0) return -EAGAIN;
  if (readable < bytes) changetype<Operation>(started).readable = readable;
  startOperation(changetype<Operation>(started));
  const result = callFinish();
  const isSynchronous = (opened.operationFlags & (FLAG_DSYNC | FLAG_SYNC)) != 0;
  return kind == OPERATION_WRITE && isSynchronous ? withFileError(opened, result) : result;
}

/** What `count` iovecs (IOVEC_…) in client memory ask for, in bytes; EINVAL above MAX_IOVECS or MAX_TRANSFER_BYTES, EFAULT. */
function vectorBytes(iovecs: u32, count: i32): i64 {
  if (count < 0 || count > MAX_IOVECS) return -EINVAL;
  if (count > 0 && !isClientRange(iovecs, <u64>count * IOVEC_SIZE)) return -EFAULT;
  let total: u64 = 0;
  for (let index = 0; index < count; index++) {
    const length = load<u64>(<usize>iovecs + <usize>index * IOVEC_SIZE, IOVEC_LENGTH);
    if (length > <u64>MAX_TRANSFER_BYTES - total) return -EINVAL;
    total += length;
  }
  return <i64>total;
}

function transferVector(descriptor: i32, iovecs: i32, count: i32, offset: f64, kind: u8, needed: u32): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return notFile(descriptor);
  const opened = changetype<OpenFile>(pointer);
  if ((opened.openFlags & needed) == 0) return -EBADF;
  const total = isOffset(offset) ? vectorBytes(<u32>iovecs, count) : -EINVAL;
  if (total <= 0) return <i32>total;
  const isDirect = (opened.operationFlags & FLAG_DIRECT) != 0;
  const bytes = importSegments(anchor, IOCB_CMD_PREADV, <u32>iovecs, count, isDirect);
  const spans = changetype<Span>(anchor).next;
  if (bytes < 0) {
    spanDropChain(spans);
    return <i32>bytes;
  }
  const wanted = isDirect ? <u32>bytes : <u32>total;
  return move(opened, kind, <u64>offset, wanted, <u32>bytes, spans);
}

/**
 * pread: bytes read into client memory at `buffer` (short at the end of the file), or a negative errno. A buffer that ends
 * outside client memory: short, EFAULT if it begins there.
 */
export function filePread(descriptor: i32, buffer: i32, bytes: i32, offset: f64): i32 {
  return transfer(descriptor, buffer, bytes, offset, OPERATION_READ, OPEN_READ);
}

/** pwrite: bytes written, or a negative errno (ENOSPC at the end of the file's room). A buffer that ends outside client memory: short, EFAULT if it begins there. */
export function filePwrite(descriptor: i32, buffer: i32, bytes: i32, offset: f64): i32 {
  return transfer(descriptor, buffer, bytes, offset, OPERATION_WRITE, OPEN_WRITE);
}

/** preadv: filePread into `count` iovecs {address u64, bytes u64}; EINVAL for more than 1,024 of them or 0x7ffff000 bytes. */
export function filePreadv(descriptor: i32, iovecs: i32, count: i32, offset: f64): i32 {
  return transferVector(descriptor, iovecs, count, offset, OPERATION_READ, OPEN_READ);
}

/** pwritev: filePwrite from `count` iovecs. */
export function filePwritev(descriptor: i32, iovecs: i32, count: i32, offset: f64): i32 {
  return transferVector(descriptor, iovecs, count, offset, OPERATION_WRITE, OPEN_WRITE);
}

/** fsync, or fdatasync with `dataOnly`: write back, wait, flush the drive; 0 or the error, each reported once per open file. */
export function fileSync(descriptor: i32, dataOnly: i32): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return notFile(descriptor);
  const opened = changetype<OpenFile>(pointer);
  return withFileError(opened, runCall(opened, dataOnly != 0 ? OPERATION_DATASYNC : OPERATION_SYNC, 0, 0, 0));
}

/** Discards whole sectors: cached pages of the range become clean zeros, the drive is told. 0 or a negative errno. */
export function fileDiscard(descriptor: i32, offset: f64, bytes: f64): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return notFile(descriptor);
  const opened = changetype<OpenFile>(pointer);
  if ((opened.openFlags & OPEN_WRITE) == 0) return -EBADF;
  if (!isOffset(offset) || !isOffset(bytes)) return -EINVAL;
  return runCall(opened, OPERATION_DISCARD, <u64>offset, <u64>bytes, 0);
}

/**
 * ftruncate of a flat file: what is new reads as zeros. 0; EINVAL for a whole drive or without OPEN_WRITE; EFBIG for
 * more than the file's room.
 */
export function fileTruncate(descriptor: i32, size: f64): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return notFile(descriptor);
  const opened = changetype<OpenFile>(pointer);
  if (changetype<Inode>(opened.inode).isBlockDevice != 0) return -EINVAL;
  if ((opened.openFlags & OPEN_WRITE) == 0 || !isOffset(size)) return -EINVAL;
  return runCall(opened, OPERATION_TRUNCATE, <u64>size, 0, 0);
}

/** The file's size in bytes, or a negative errno. */
export function fileSize(descriptor: i32): f64 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return notFile(descriptor);
  return <f64>changetype<Inode>(changetype<OpenFile>(pointer).inode).size;
}

/** A descriptor for file number `file` (drives first, then flat files), or a negative errno. `flags`: OPEN_…. */
export function fileOpen(file: i32, flags: i32): i32 {
  return descriptorOpen(<u32>file, <u32>flags);
}

export function fileClose(descriptor: i32): i32 {
  return descriptorClose(descriptor);
}
