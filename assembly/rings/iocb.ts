// What an iocb asks for: its checks, and its segments as spans (fs/aio.c io_submit_one, aio_prep_rw, import_iovec).
//
// Verbs: checkIocb, isTransfer, importSegments, askedBytes. The checks and their order are those of sheet linux-aio §10.
// Invariant: the key word is all that is written to an iocb.

import { clientBytes, isClientRange } from '../base/client-memory';
import { EAGAIN, EBADF, EFAULT, EINVAL, EOPNOTSUPP, EPERM } from '../base/errno';
import { Span, spanTake } from '../base/span';
import { descriptorOf, isFile, OpenFile } from '../files/descriptor';
import { eventfdOf, notEventfd } from '../files/eventfd';
import {
  IOCB_BUF,
  IOCB_CMD_FDSYNC,
  IOCB_CMD_FSYNC,
  IOCB_CMD_POLL,
  IOCB_CMD_PREAD,
  IOCB_CMD_PREADV,
  IOCB_CMD_PWRITE,
  IOCB_CMD_PWRITEV,
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
  IOVEC_BASE,
  IOVEC_LENGTH,
  IOVEC_SIZE,
  OPEN_READ,
  OPEN_WRITE,
  RWF_APPEND,
  RWF_ATOMIC,
  RWF_NOAPPEND,
  RWF_NOSIGNAL,
} from '../layout';
import { MAX_IOVECS, MAX_TRANSFER_BYTES } from '../limits';
import { AioContext, refill } from './aio-context';

const PRIORITY_CLASS_SHIFT: u32 = 13;

const PRIORITY_REAL_TIME: u32 = 1;

const PRIORITY_IDLE: u32 = 3;

function checkPriority(iocb: usize): i32 {
  if ((load<u32>(iocb, IOCB_FLAGS) & IOCB_FLAG_IOPRIO) == 0) return 0;
  const priorityClass = <u32>load<u16>(iocb, IOCB_REQPRIO) >> PRIORITY_CLASS_SHIFT;
  if (priorityClass > PRIORITY_IDLE) return -EINVAL;
  return priorityClass == PRIORITY_REAL_TIME ? -EPERM : 0;
}

/** kiocb_set_rw_flags. No drive here writes atomically; DONTCACHE and NOSIGNAL are hints and HIPRI is for pollers. */
function checkRwFlags(flags: u32): i32 {
  if (flags & ~((RWF_NOSIGNAL << 1) - 1)) return -EOPNOTSUPP;
  if ((flags & RWF_APPEND) != 0 && (flags & RWF_NOAPPEND) != 0) return -EINVAL;
  return flags & RWF_ATOMIC ? -EOPNOTSUPP : 0;
}

function isKnown(opcode: u32): bool {
  return (
    opcode <= <u32>IOCB_CMD_FDSYNC ||
    opcode == IOCB_CMD_POLL ||
    opcode == IOCB_CMD_PREADV ||
    opcode == IOCB_CMD_PWRITEV
  );
}

/** Checks 2 to 12 of sheet §10, in their order. 0 or a negative errno. */
export function checkIocb(iocb: usize, context: AioContext): i32 {
  if (load<u64>(iocb, IOCB_RESERVED2) != 0) return -EINVAL;
  if (load<u64>(iocb, IOCB_BUF) >> 32 != 0 || load<i64>(iocb, IOCB_NBYTES) < 0) return -EINVAL;
  if (context.available == 0) refill(context);
  if (context.available == 0) return -EAGAIN;
  const target = descriptorOf(load<i32>(iocb, IOCB_FILDES));
  if (target == 0) return -EBADF;
  if (load<u32>(iocb, IOCB_FLAGS) & IOCB_FLAG_RESFD) {
    const resfd = load<i32>(iocb, IOCB_RESFD);
    if (eventfdOf(resfd) == 0) return notEventfd(resfd);
  }
  store<u32>(iocb, 0, IOCB_KEY);
  const opcode = <u32>load<u16>(iocb, IOCB_LIO_OPCODE);
  if (!isKnown(opcode)) return -EINVAL;
  const rwFlags = load<u32>(iocb, IOCB_RW_FLAGS);
  if (opcode == IOCB_CMD_FSYNC || opcode == IOCB_CMD_FDSYNC) {
    const isClean =
      load<u64>(iocb, IOCB_BUF) == 0 &&
      load<u64>(iocb, IOCB_NBYTES) == 0 &&
      load<u64>(iocb, IOCB_OFFSET) == 0;
    return isClean && rwFlags == 0 && isFile(target) ? 0 : -EINVAL;
  }
  if (opcode == IOCB_CMD_POLL) {
    const isClean = load<u64>(iocb, IOCB_NBYTES) == 0 && load<u64>(iocb, IOCB_OFFSET) == 0 && rwFlags == 0;
    return isClean && load<u64>(iocb, IOCB_BUF) <= 0xffff ? 0 : -EINVAL;
  }
  const priority = checkPriority(iocb);
  if (priority != 0) return priority;
  const flags = checkRwFlags(rwFlags);
  if (flags != 0) return flags;
  // an eventfd is open both ways, but it has neither read_iter nor write_iter
  if (!isFile(target)) return -EINVAL;
  const needed: u32 = opcode == IOCB_CMD_PREAD || opcode == IOCB_CMD_PREADV ? OPEN_READ : OPEN_WRITE;
  return changetype<OpenFile>(target).openFlags & needed ? 0 : -EBADF;
}

/** A read or a write: what is neither a sync nor a poll. */
export function isTransfer(opcode: u32): bool {
  return opcode != IOCB_CMD_FSYNC && opcode != IOCB_CMD_FDSYNC && opcode != IOCB_CMD_POLL;
}

/** Puts one segment behind `tail`. False when no span is free. */
function addSpan(tail: usize, address: u64, length: u64): bool {
  const span = spanTake(<usize>address, <u32>length);
  if (span == 0) return false;
  changetype<Span>(tail).next = span;
  return true;
}

/** u64: what the segments of the last importSegments ask for. */
const asked: usize = memory.data(8, 8);

/** Bytes that the segments of the last importSegments ask for: more than it answered when memory ends before them. */
export function askedBytes(): u64 {
  return load<u64>(asked);
}

/** How many bytes of a segment there are: for direct I/O all of them or none, for it takes whole segments. */
function segmentBytes(address: u64, length: u64, isDirect: bool): u32 {
  if (address == 0) return 0;
  const bytes = clientBytes(address, <u32>length);
  return isDirect && bytes < <u32>length ? 0 : bytes;
}

/**
 * Builds the span chain of a transfer behind `anchor` (a span on the stack of static data). The number of bytes, or a
 * negative errno: EFAULT, EINVAL, EAGAIN. Where client memory ends behind the first byte the chain ends too.
 */
export function importSegments(
  anchor: usize,
  opcode: u32,
  buffer: u64,
  segmentCount: u64,
  isDirect: bool,
): i64 {
  changetype<Span>(anchor).next = 0;
  store<u64>(asked, 0);
  if (opcode == IOCB_CMD_PREAD || opcode == IOCB_CMD_PWRITE) {
    const length = min<u64>(segmentCount, MAX_TRANSFER_BYTES);
    store<u64>(asked, length);
    if (length == 0) return 0;
    const bytes = segmentBytes(buffer, length, isDirect);
    if (bytes == 0) return -EFAULT;
    return addSpan(anchor, buffer, bytes) ? <i64>bytes : -EAGAIN;
  }
  if (segmentCount > <u64>MAX_IOVECS) return -EINVAL;
  if (segmentCount == 0) return 0;
  if (buffer == 0 || !isClientRange(buffer, segmentCount * IOVEC_SIZE)) return -EFAULT;
  for (let index: u64 = 0; index < segmentCount; index++) {
    const length = load<u64>(<usize>(buffer + index * IOVEC_SIZE), IOVEC_LENGTH);
    if (<i64>length < 0) return -EINVAL;
  }
  return importVector(anchor, buffer, segmentCount, isDirect);
}

/** The chain of an array of iovecs that lies in client memory. */
function importVector(anchor: usize, iovecs: u64, segmentCount: u64, isDirect: bool): i64 {
  let total: u64 = 0;
  let good: u64 = 0;
  let tail = anchor;
  for (let index: u64 = 0; index < segmentCount && total < <u64>MAX_TRANSFER_BYTES; index++) {
    const iovec = <usize>(iovecs + index * IOVEC_SIZE);
    const address = load<u64>(iovec, IOVEC_BASE);
    const length = min<u64>(load<u64>(iovec, IOVEC_LENGTH), MAX_TRANSFER_BYTES - total);
    if (length == 0) continue;
    const bytes = good == total ? segmentBytes(address, length, isDirect) : 0;
    total += length;
    if (bytes == 0) continue;
    if (!addSpan(tail, address, bytes)) return -EAGAIN;
    tail = changetype<Span>(tail).next;
    good += bytes;
  }
  store<u64>(asked, total);
  return good == 0 && total > 0 ? -EFAULT : <i64>good;
}
