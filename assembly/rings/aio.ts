// Submission of 64-byte iocbs, and their completion (fs/aio.c io_submit_one, aio_complete).
//
// Verbs: aioClaim, aioInit, ioSubmit, ioCancel, aioDone. The checks and their order are those of sheet linux-aio §10.
// Invariants: the iocb and its iovec array are copied at submission and may be reused at once; the key word is all that
// is written to an iocb; an iocb that was refused leaves nothing behind.

import { clientOffset, isClientRange } from '../base/client-memory';
import { count } from '../base/counters';
import { complete, KIND_AIO_DONE } from '../base/dispatch';
import { EAGAIN, EBADF, EFAULT, EINVAL, EOPNOTSUPP, EPERM } from '../base/errno';
import {
  FLAG_APPEND,
  FLAG_DSYNC,
  FLAG_SYNC,
  OPERATION_DATASYNC,
  OPERATION_READ,
  OPERATION_SYNC,
  OPERATION_WRITE,
  Operation,
  operationTake,
} from '../base/operation';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { record, recording } from '../base/record';
import { Span, spanGiveChain, spanTake } from '../base/span';
import { errseqCheckAndAdvance, Inode } from '../cache/inode';
import { holdFile, OpenFile, openFileOf, releaseFile } from '../files/descriptor';
import { startOperation } from '../files/file-operation';
import {
  COUNTER_AIO_PARTIAL_SUBMITS,
  COUNTER_AIO_SUBMITTED,
  IOCB_BUF,
  IOCB_CMD_FDSYNC,
  IOCB_CMD_FSYNC,
  IOCB_CMD_POLL,
  IOCB_CMD_PREAD,
  IOCB_CMD_PREADV,
  IOCB_CMD_PWRITE,
  IOCB_CMD_PWRITEV,
  IOCB_DATA,
  IOCB_FILDES,
  IOCB_FLAG_IOPRIO,
  IOCB_FLAG_RESFD,
  IOCB_FLAGS,
  IOCB_KEY,
  IOCB_LIO_OPCODE,
  IOCB_NBYTES,
  IOCB_OFFSET,
  IOCB_REQPRIO,
  IOCB_RESERVED2,
  IOCB_RESFD,
  IOCB_RW_FLAGS,
  IOCB_SIZE,
  IOVEC_BASE,
  IOVEC_LENGTH,
  IOVEC_SIZE,
  OPEN_READ,
  OPEN_WRITE,
  RECORD_AIO_ACCEPTED,
  RWF_APPEND,
  RWF_DSYNC,
  RWF_HIPRI,
  RWF_SYNC,
} from '../layout';
import { MAX_IOVECS, MAX_TRANSFER_BYTES } from '../limits';
import { AioContext, findContext, putEvent, refill } from './aio-context';

const PRIORITY_CLASS_SHIFT: u32 = 13;

const PRIORITY_REAL_TIME: u32 = 1;

const PRIORITY_IDLE: u32 = 3;

/** POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM: a regular file or disk is always ready for these. */
const POLL_READY: u32 = 0x145;

@unmanaged
class Kiocb {
  context: usize;
  opened: usize;
  /** A sync or a synchronous write: it reports what write-back met. */
  reportsErrors: u32;
  data: u64;
  object: u64;
}

export const kiocbPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));

/** `operationCount`: requests in flight at one time. */
export function aioClaim(operationCount: u32): void {
  poolClaim(kiocbPool, offsetof<Kiocb>(), operationCount);
}

export function aioInit(): void {
  poolInit(kiocbPool);
}

/** Puts one segment behind `tail`. False when no span is free. */
function addSpan(tail: usize, address: u64, length: u64): bool {
  const span = spanTake(<usize>address, <u32>length);
  if (span == 0) return false;
  changetype<Span>(tail).next = span;
  return true;
}

/**
 * Builds the span chain of a transfer behind `anchor` (a span on the stack of static data). The number of bytes, or a
 * negative errno: EFAULT, EINVAL, EAGAIN. A bad base after good segments ends the transfer there.
 */
function importSegments(anchor: usize, opcode: u32, buffer: u64, segmentCount: u64): i64 {
  changetype<Span>(anchor).next = 0;
  if (opcode == IOCB_CMD_PREAD || opcode == IOCB_CMD_PWRITE) {
    const length = min<u64>(segmentCount, MAX_TRANSFER_BYTES);
    if (length == 0) return 0;
    if (buffer == 0 || !isClientRange(buffer, length)) return -EFAULT;
    return addSpan(anchor, buffer, length) ? <i64>length : -EAGAIN;
  }
  if (segmentCount > <u64>MAX_IOVECS) return -EINVAL;
  if (segmentCount == 0) return 0;
  if (buffer == 0 || !isClientRange(buffer, segmentCount * IOVEC_SIZE)) return -EFAULT;
  let total: u64 = 0;
  let tail = anchor;
  for (let index: u64 = 0; index < segmentCount; index++) {
    const length = load<u64>(<usize>(buffer + index * IOVEC_SIZE), IOVEC_LENGTH);
    if (<i64>length < 0) return -EINVAL;
  }
  for (let index: u64 = 0; index < segmentCount && total < <u64>MAX_TRANSFER_BYTES; index++) {
    const iovec = <usize>(buffer + index * IOVEC_SIZE);
    const address = load<u64>(iovec, IOVEC_BASE);
    const length = min<u64>(load<u64>(iovec, IOVEC_LENGTH), MAX_TRANSFER_BYTES - total);
    if (length == 0) continue;
    if (address == 0 || !isClientRange(address, length)) {
      if (total == 0) return -EFAULT;
      break;
    }
    if (!addSpan(tail, address, length)) return -EAGAIN;
    tail = changetype<Span>(tail).next;
    total += length;
  }
  return <i64>total;
}

const anchorSpan: usize = memory.data(16, 16);

function checkPriority(iocb: usize): i32 {
  if ((load<u32>(iocb, IOCB_FLAGS) & IOCB_FLAG_IOPRIO) == 0) return 0;
  const priorityClass = <u32>load<u16>(iocb, IOCB_REQPRIO) >> PRIORITY_CLASS_SHIFT;
  if (priorityClass > PRIORITY_IDLE) return -EINVAL;
  return priorityClass == PRIORITY_REAL_TIME ? -EPERM : 0;
}

function isKnown(opcode: u32): bool {
  return (
    opcode <= <u32>IOCB_CMD_FDSYNC ||
    opcode == IOCB_CMD_POLL ||
    opcode == IOCB_CMD_PREADV ||
    opcode == IOCB_CMD_PWRITEV
  );
}

/** Checks 1 to 12 of sheet §10 that need no memory, in their order. 0 or a negative errno. */
function checkIocb(iocb: usize, context: AioContext): i32 {
  if (load<u64>(iocb, IOCB_RESERVED2) != 0) return -EINVAL;
  if (load<u64>(iocb, IOCB_BUF) >> 32 != 0 || load<i64>(iocb, IOCB_NBYTES) < 0) return -EINVAL;
  if (context.available == 0) refill(context);
  if (context.available == 0) return -EAGAIN;
  if (openFileOf(load<i32>(iocb, IOCB_FILDES)) == 0) return -EBADF;
  if (load<u32>(iocb, IOCB_FLAGS) & IOCB_FLAG_RESFD) {
    // no descriptor of this machine is an eventfd yet
    return openFileOf(load<i32>(iocb, IOCB_RESFD)) == 0 ? -EBADF : -EINVAL;
  }
  store<u32>(iocb, 0, IOCB_KEY);
  const opcode = <u32>load<u16>(iocb, IOCB_LIO_OPCODE);
  if (!isKnown(opcode)) return -EINVAL;
  const opened = changetype<OpenFile>(openFileOf(load<i32>(iocb, IOCB_FILDES)));
  const rwFlags = load<u32>(iocb, IOCB_RW_FLAGS);
  if (opcode == IOCB_CMD_FSYNC || opcode == IOCB_CMD_FDSYNC) {
    const isClean =
      load<u64>(iocb, IOCB_BUF) == 0 &&
      load<u64>(iocb, IOCB_NBYTES) == 0 &&
      load<u64>(iocb, IOCB_OFFSET) == 0;
    return isClean && rwFlags == 0 ? 0 : -EINVAL;
  }
  if (opcode == IOCB_CMD_POLL) {
    const isClean = load<u64>(iocb, IOCB_NBYTES) == 0 && load<u64>(iocb, IOCB_OFFSET) == 0 && rwFlags == 0;
    return isClean && load<u64>(iocb, IOCB_BUF) <= 0xffff ? 0 : -EINVAL;
  }
  const priority = checkPriority(iocb);
  if (priority != 0) return priority;
  if (rwFlags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND)) return -EOPNOTSUPP;
  const needed: u32 = opcode == IOCB_CMD_PREAD || opcode == IOCB_CMD_PREADV ? OPEN_READ : OPEN_WRITE;
  return opened.openFlags & needed ? 0 : -EBADF;
}

function operationKind(opcode: u32): u8 {
  switch (opcode) {
    case IOCB_CMD_PREAD:
    case IOCB_CMD_PREADV:
      return OPERATION_READ;
    case IOCB_CMD_PWRITE:
    case IOCB_CMD_PWRITEV:
      return OPERATION_WRITE;
    case IOCB_CMD_FSYNC:
      return OPERATION_SYNC;
    default:
      return OPERATION_DATASYNC;
  }
}

/** Submits one iocb; 0 or the error that io_submit stops with. */
function submitOne(context: AioContext, iocb: usize): i32 {
  const checked = checkIocb(iocb, context);
  if (checked != 0) return checked;
  const opcode = <u32>load<u16>(iocb, IOCB_LIO_OPCODE);
  const opened = changetype<OpenFile>(openFileOf(load<i32>(iocb, IOCB_FILDES)));
  const isTransfer = opcode != IOCB_CMD_FSYNC && opcode != IOCB_CMD_FDSYNC && opcode != IOCB_CMD_POLL;
  const offset = load<i64>(iocb, IOCB_OFFSET);
  let bytes: i64 = 0;
  if (isTransfer) {
    bytes = importSegments(anchorSpan, opcode, load<u64>(iocb, IOCB_BUF), load<u64>(iocb, IOCB_NBYTES));
    const isBadRange = bytes >= 0 && (offset < 0 || bytes > i64.MAX_VALUE - offset);
    if (bytes < 0 || isBadRange) {
      spanGiveChain(changetype<Span>(anchorSpan).next);
      return isBadRange ? -EINVAL : <i32>bytes;
    }
  } else {
    changetype<Span>(anchorSpan).next = 0;
  }
  const kiocbPointer = poolTake(kiocbPool);
  const operationPointer = kiocbPointer != 0 && opcode != IOCB_CMD_POLL ? operationTake() : 0;
  if (kiocbPointer == 0 || (operationPointer == 0 && opcode != IOCB_CMD_POLL)) {
    if (kiocbPointer != 0) poolGive(kiocbPool, kiocbPointer);
    spanGiveChain(changetype<Span>(anchorSpan).next);
    return -EAGAIN;
  }
  const kiocb = changetype<Kiocb>(kiocbPointer);
  kiocb.context = changetype<usize>(context);
  kiocb.opened = changetype<usize>(opened);
  kiocb.data = load<u64>(iocb, IOCB_DATA);
  kiocb.object = <u64>iocb;
  holdFile(opened);
  context.available--;
  context.inFlight++;
  count(COUNTER_AIO_SUBMITTED);
  if (recording()) {
    record(
      RECORD_AIO_ACCEPTED,
      operationKind(opcode),
      changetype<Inode>(opened.inode).index,
      clientOffset(<u64>iocb),
      <u64>offset,
      <u32>bytes,
      opcode,
    );
  }
  kiocb.reportsErrors = 0;
  if (opcode == IOCB_CMD_POLL) {
    complete(KIND_AIO_DONE, kiocbPointer, load<u32>(iocb, IOCB_BUF) & POLL_READY);
    return 0;
  }
  const operation = changetype<Operation>(operationPointer);
  operation.kind = operationKind(opcode);
  operation.flags = <u16>opened.operationFlags;
  const rwFlags = load<u32>(iocb, IOCB_RW_FLAGS);
  if (rwFlags & RWF_DSYNC) operation.flags |= FLAG_DSYNC;
  if (rwFlags & RWF_SYNC) operation.flags |= FLAG_SYNC;
  if (rwFlags & RWF_APPEND) operation.flags |= FLAG_APPEND;
  const isSynchronousWrite =
    operation.kind == OPERATION_WRITE && (operation.flags & (FLAG_DSYNC | FLAG_SYNC)) != 0;
  kiocb.reportsErrors = !isTransfer || isSynchronousWrite ? 1 : 0;
  operation.inode = opened.inode;
  operation.position = isTransfer ? <u64>offset : 0;
  operation.length = <u64>bytes;
  operation.spans = changetype<Span>(anchorSpan).next;
  operation.doneKind = KIND_AIO_DONE;
  operation.owner = kiocbPointer;
  startOperation(operation);
  return 0;
}

/**
 * Sheet §9. `pointers`: `requestCount` iocb addresses of 4 bytes each. How many were accepted, or the error of the
 * first. The caller holds a plug around it.
 */
export function ioSubmit(handle: u32, requestCount: i32, pointers: u32): i32 {
  if (requestCount < 0) return -EINVAL;
  const context = findContext(handle);
  if (context == null) return -EINVAL;
  const wanted = min<u32>(<u32>requestCount, context.nr);
  for (let index: u32 = 0; index < wanted; index++) {
    const pointerAddress = <u64>pointers + ((<u64>index) << 2);
    let result = -EFAULT;
    if (pointers != 0 && isClientRange(pointerAddress, 4)) {
      const iocb = load<u32>(<usize>pointerAddress);
      if (iocb != 0 && isClientRange(iocb, IOCB_SIZE)) result = submitOne(context, iocb);
    }
    if (result != 0) {
      if (index == 0) return result;
      count(COUNTER_AIO_PARTIAL_SUBMITS);
      return <i32>index;
    }
  }
  return <i32>wanted;
}

/** Handler of KIND_AIO_DONE: the event goes on the ring. */
export function aioDone(kiocbPointer: usize, result: i32): void {
  const kiocb = changetype<Kiocb>(kiocbPointer);
  const context = changetype<AioContext>(kiocb.context);
  const opened = changetype<OpenFile>(kiocb.opened);
  if (kiocb.reportsErrors != 0) {
    const error = errseqCheckAndAdvance(
      changetype<Inode>(opened.inode),
      kiocb.opened + offsetof<OpenFile>('errseqCursor'),
    );
    if (error != 0 && result >= 0) result = error;
  }
  releaseFile(opened);
  putEvent(context, kiocb.data, kiocb.object, result);
  poolGive(kiocbPool, kiocbPointer);
}

/** Sheet §12: reads, writes and syncs have no cancel routine, so a valid call finds nothing to cancel: EINVAL. */
export function ioCancel(_handle: u32, iocb: u32): i32 {
  if (iocb == 0 || !isClientRange(iocb, IOCB_SIZE)) return -EFAULT;
  if (load<u32>(iocb, IOCB_KEY) != 0) return -EINVAL;
  return -EINVAL;
}
