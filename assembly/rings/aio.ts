// Submission of 64-byte iocbs (fs/aio.c io_submit, io_submit_one).
//
// Verbs: ioSubmit. What is refused stands in iocb.ts; a read, write or sync becomes an operation, a poll waits by itself.
// Invariants: the iocb and its iovec array are copied at submission and may be reused at once; an iocb that was refused
// leaves nothing behind.

import { clientOffset, isClientRange } from '../base/client-memory';
import { count } from '../base/counters';
import { KIND_AIO_DONE } from '../base/dispatch';
import { EAGAIN, EFAULT, EINVAL } from '../base/errno';
import {
  FLAG_APPEND,
  FLAG_DIRECT,
  FLAG_DSYNC,
  FLAG_NOWAIT,
  FLAG_SYNC,
  OPERATION_DATASYNC,
  OPERATION_READ,
  OPERATION_SYNC,
  OPERATION_WRITE,
  Operation,
  operationTake,
} from '../base/operation';
import { record, recording } from '../base/record';
import { Span, spanDropChain } from '../base/span';
import { Inode } from '../cache/inode';
import { descriptorOf, isFile, OpenFile, readThrough } from '../files/descriptor';
import { startOperation } from '../files/file-operation';
import {
  COUNTER_AIO_PARTIAL_SUBMITS,
  COUNTER_AIO_SUBMITTED,
  IOCB_BUF,
  IOCB_CMD_FSYNC,
  IOCB_CMD_POLL,
  IOCB_CMD_PREAD,
  IOCB_CMD_PREADV,
  IOCB_CMD_PWRITE,
  IOCB_CMD_PWRITEV,
  IOCB_FILDES,
  IOCB_LIO_OPCODE,
  IOCB_NBYTES,
  IOCB_OFFSET,
  IOCB_RW_FLAGS,
  IOCB_SIZE,
  RECORD_AIO_ACCEPTED,
  RWF_APPEND,
  RWF_DSYNC,
  RWF_NOAPPEND,
  RWF_NOWAIT,
  RWF_SYNC,
} from '../layout';
import { AioContext, contextNumber, findContext } from './aio-context';
import { pollStart } from './aio-poll';
import { askedBytes, checkIocb, importSegments, isTransfer } from './iocb';
import { Kiocb, kiocbPool, kiocbTake } from './kiocb';

const anchorSpan: usize = memory.data(16, 16);

/** The device of a record about a request that is for no file. */
const NO_FILE: u32 = 0xffff;
/** Where a record of an accepted iocb has the number of its context. */
const CONTEXT_SHIFT: u32 = 8;

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

/** The flags of an operation: those of its file, and what RWF_… adds or takes away. */
function operationFlags(fileFlags: u32, rwFlags: u32): u16 {
  let flags = fileFlags;
  if (rwFlags & RWF_NOAPPEND) flags &= ~(<u32>FLAG_APPEND);
  if (rwFlags & RWF_DSYNC) flags |= FLAG_DSYNC;
  if (rwFlags & RWF_SYNC) flags |= FLAG_SYNC;
  if (rwFlags & RWF_APPEND) flags |= FLAG_APPEND;
  if (rwFlags & RWF_NOWAIT) flags |= FLAG_NOWAIT;
  return <u16>flags;
}

function noteAccepted(context: AioContext, iocb: usize, target: usize, bytes: u32): void {
  context.available--;
  context.inFlight++;
  count(COUNTER_AIO_SUBMITTED);
  if (!recording()) return;
  const opcode = <u32>load<u16>(iocb, IOCB_LIO_OPCODE);
  record(
    RECORD_AIO_ACCEPTED,
    operationKind(opcode),
    isFile(target) ? changetype<Inode>(changetype<OpenFile>(target).inode).index : NO_FILE,
    clientOffset(<u64>iocb),
    load<u64>(iocb, IOCB_OFFSET),
    bytes,
    opcode | (contextNumber(context) << CONTEXT_SHIFT),
  );
}

function submitPoll(context: AioContext, iocb: usize, target: usize): i32 {
  const pointer = kiocbTake(context, iocb, target);
  if (pointer == 0) return -EAGAIN;
  noteAccepted(context, iocb, target, 0);
  pollStart(context, pointer, load<u32>(iocb, IOCB_BUF));
  return 0;
}

/** The bytes of a read or write whose spans are now behind the anchor, or a negative errno and no spans. */
function importTransfer(iocb: usize, opcode: u32, isDirect: bool): i64 {
  const buffer = load<u64>(iocb, IOCB_BUF);
  const bytes = importSegments(anchorSpan, opcode, buffer, load<u64>(iocb, IOCB_NBYTES), isDirect);
  const offset = load<i64>(iocb, IOCB_OFFSET);
  const isBadRange = bytes >= 0 && (offset < 0 || <i64>askedBytes() > i64.MAX_VALUE - offset);
  if (bytes >= 0 && !isBadRange) return bytes;
  spanDropChain(changetype<Span>(anchorSpan).next);
  return isBadRange ? -EINVAL : bytes;
}

/** Submits one iocb; 0 or the error that io_submit stops with. */
function submitOne(context: AioContext, iocb: usize): i32 {
  const checked = checkIocb(iocb, context);
  if (checked != 0) return checked;
  const opcode = <u32>load<u16>(iocb, IOCB_LIO_OPCODE);
  const target = descriptorOf(load<i32>(iocb, IOCB_FILDES));
  if (opcode == IOCB_CMD_POLL) return submitPoll(context, iocb, target);
  changetype<Span>(anchorSpan).next = 0;
  const isDirect = isFile(target) && (changetype<OpenFile>(target).operationFlags & FLAG_DIRECT) != 0;
  const bytes = isTransfer(opcode) ? importTransfer(iocb, opcode, isDirect) : 0;
  if (bytes < 0) return <i32>bytes;
  const operationPointer = kiocbPool.used < kiocbPool.capacity ? operationTake() : 0;
  if (operationPointer == 0) {
    spanDropChain(changetype<Span>(anchorSpan).next);
    return -EAGAIN;
  }
  const kiocbPointer = kiocbTake(context, iocb, target);
  noteAccepted(context, iocb, target, <u32>bytes);
  const opened = changetype<OpenFile>(target);
  const operation = changetype<Operation>(operationPointer);
  operation.kind = operationKind(opcode);
  operation.flags = operationFlags(opened.operationFlags, load<u32>(iocb, IOCB_RW_FLAGS));
  operation.inode = opened.inode;
  operation.position = load<u64>(iocb, IOCB_OFFSET);
  operation.length = <u64>bytes;
  if (isTransfer(opcode) && !isDirect && askedBytes() > <u64>bytes) {
    // what lies behind the end of memory is asked for, and not reached
    operation.length = askedBytes();
    operation.readable = <u32>bytes;
  }
  operation.spans = changetype<Span>(anchorSpan).next;
  operation.doneKind = KIND_AIO_DONE;
  operation.owner = kiocbPointer;
  readThrough(operation, opened);
  const isSynchronousWrite =
    operation.kind == OPERATION_WRITE && (operation.flags & (FLAG_DSYNC | FLAG_SYNC)) != 0;
  changetype<Kiocb>(kiocbPointer).reportsErrors = !isTransfer(opcode) || isSynchronousWrite ? 1 : 0;
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
