// Linux AIO: contexts, their rings of io_events, and submission of 64-byte iocbs (fs/aio.c).
//
// Verbs: ioSetup, ioDestroyStart, ioSubmit, ioReap, ioCancel, aioDone. A context's handle is the address of its ring.
// Layout: the ring is what Linux maps into a process: a 32-byte header (id, nr, head, tail, magic …), then nr events.
// Invariants: a slot is taken when an iocb is accepted and comes back when its event is reaped; events are in the order
// of completion; the iocb and its iovec array are copied at submission and may be reused at once.

import { arenaClaim } from '../base/arena';
import { clientOffset, isClientRange } from '../base/client-memory';
import { count } from '../base/counters';
import { complete, KIND_AIO_DONE, KIND_NONE } from '../base/dispatch';
import { EAGAIN, EBADF, EFAULT, EINVAL, ENOMEM, EOPNOTSUPP, EPERM } from '../base/errno';
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
  AIO_RING_COMPAT,
  AIO_RING_HEAD,
  AIO_RING_HEADER_LENGTH,
  AIO_RING_HEADER_SIZE,
  AIO_RING_ID,
  AIO_RING_INCOMPAT,
  AIO_RING_MAGIC,
  AIO_RING_MAGIC_VALUE,
  AIO_RING_NR,
  AIO_RING_TAIL,
  COUNTER_AIO_COMPLETED,
  COUNTER_AIO_PARTIAL_SUBMITS,
  COUNTER_AIO_SUBMITTED,
  IO_EVENT_DATA,
  IO_EVENT_OBJ,
  IO_EVENT_RES,
  IO_EVENT_RES2,
  IO_EVENT_SIZE,
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
  OPEN_READ,
  OPEN_WRITE,
  RECORD_AIO_ACCEPTED,
  RECORD_AIO_EVENT,
  RWF_APPEND,
  RWF_DSYNC,
  RWF_HIPRI,
  RWF_SYNC,
} from '../layout';
import { MAX_AIO_CONTEXTS, MAX_IOVECS, MAX_TRANSFER_BYTES, PAGE_SIZE } from '../limits';

const IOVEC_SIZE: u64 = 16;
const IOVEC_LENGTH: usize = 8;
/** The ring has room for twice the request, at least 4 events a processor; the machine has one. */
const MIN_EVENTS: u32 = 4;
const MAX_RING_EVENTS: u32 = 8388608;
const PRIORITY_CLASS_SHIFT: u32 = 13;
const PRIORITY_REAL_TIME: u32 = 1;
const PRIORITY_IDLE: u32 = 3;
/** POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM: a regular file or disk is always ready for these. */
const POLL_READY: u32 = 0x145;

@unmanaged
class AioContext {
  ring: usize;
  pageCount: u32;
  /** Events the ring holds. */
  nr: u32;
  /** What io_setup asked for: it counts against aio-max-nr. */
  asked: u32;
  /** Slots that an iocb may take. */
  available: u32;
  inFlight: u32;
  isLive: u32;
  /** KIND_… to complete (owner: the handle) when an event is put on the ring, or KIND_NONE. */
  notifyKind: u32;
}

@unmanaged
class Kiocb {
  context: usize;
  opened: usize;
  opcode: u32;
  data: u64;
  object: u64;
}

@unmanaged
class Aio {
  contexts: usize;
  ringBase: usize;
  ringPages: u32;
  maxNr: u32;
  usedNr: u32;
  pageMap: usize;
}

const aio = changetype<Aio>(memory.data(offsetof<Aio>(), 16));
export const kiocbPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));

/** `maxNr`: fs.aio-max-nr. Rings for it are claimed: twice that many events, and rounding for each context. */
export function aioClaim(maxNr: u32): void {
  aio.maxNr = maxNr;
  aio.ringPages = <u32>((<u64>maxNr * 2 * IO_EVENT_SIZE) / PAGE_SIZE) + (maxNr > 0 ? MAX_AIO_CONTEXTS : 0);
  aio.ringBase = arenaClaim(<u64>aio.ringPages * PAGE_SIZE, PAGE_SIZE);
}

/** Claims what clients may not name. */
export function aioClaimPrivate(operationCount: u32): void {
  aio.pageMap = arenaClaim(aio.ringPages, 16);
  aio.contexts = arenaClaim(<u64>MAX_AIO_CONTEXTS * offsetof<AioContext>(), 16);
  poolClaim(kiocbPool, offsetof<Kiocb>(), operationCount);
}

export function aioInit(): void {
  poolInit(kiocbPool);
}

function contextAt(index: u32): AioContext {
  return changetype<AioContext>(aio.contexts + <usize>index * offsetof<AioContext>());
}

/** The live context with this handle, or null. Linux reads the id at the handle's address; so does this, checked. */
function findContext(handle: u32): AioContext | null {
  if (!isClientRange(handle, AIO_RING_HEADER_SIZE)) return null;
  const id = load<u32>(handle, AIO_RING_ID);
  if (id >= <u32>MAX_AIO_CONTEXTS) return null;
  const context = contextAt(id);
  return context.isLive != 0 && context.ring == handle ? context : null;
}

/** First fit over the ring pages. The page number, or -1. */
function takePages(pageCount: u32): i32 {
  let run: u32 = 0;
  for (let page: u32 = 0; page < aio.ringPages; page++) {
    run = load<u8>(aio.pageMap + page) == 0 ? run + 1 : 0;
    if (run == pageCount) {
      const first = page + 1 - pageCount;
      memory.fill(aio.pageMap + first, 1, pageCount);
      return <i32>first;
    }
  }
  return -1;
}

/** Sheet §7, in its order: EFAULT, EINVAL, EAGAIN, ENOMEM. On failure the word at `contextAddress` is untouched. */
export function ioSetup(eventCount: u32, contextAddress: u32): i32 {
  if (contextAddress == 0 || !isClientRange(contextAddress, 8)) return -EFAULT;
  if (load<u64>(contextAddress) != 0 || eventCount == 0) return -EINVAL;
  const events = max<u32>(eventCount, MIN_EVENTS) * 2;
  if (events > MAX_RING_EVENTS) return -EINVAL;
  if (events == 0 || eventCount > aio.maxNr || aio.usedNr + eventCount > aio.maxNr) return -EAGAIN;
  let id: u32 = 0;
  while (id < <u32>MAX_AIO_CONTEXTS && contextAt(id).isLive != 0) id++;
  if (id == <u32>MAX_AIO_CONTEXTS) return -ENOMEM;
  const pageCount = (AIO_RING_HEADER_SIZE + IO_EVENT_SIZE * (events + 2) + PAGE_SIZE - 1) / PAGE_SIZE;
  const firstPage = takePages(pageCount);
  if (firstPage < 0) return -ENOMEM;
  const context = contextAt(id);
  context.ring = aio.ringBase + <usize>firstPage * PAGE_SIZE;
  context.pageCount = pageCount;
  context.nr = pageCount * (PAGE_SIZE / IO_EVENT_SIZE) - 1;
  context.asked = eventCount;
  context.available = context.nr - 1;
  context.inFlight = 0;
  context.isLive = 1;
  context.notifyKind = KIND_NONE;
  aio.usedNr += eventCount;
  const ring = context.ring;
  store<u32>(ring, id, AIO_RING_ID);
  store<u32>(ring, context.nr, AIO_RING_NR);
  store<u32>(ring, 0, AIO_RING_HEAD);
  store<u32>(ring, 0, AIO_RING_TAIL);
  store<u32>(ring, AIO_RING_MAGIC_VALUE, AIO_RING_MAGIC);
  store<u32>(ring, 1, AIO_RING_COMPAT);
  store<u32>(ring, 0, AIO_RING_INCOMPAT);
  store<u32>(ring, AIO_RING_HEADER_SIZE, AIO_RING_HEADER_LENGTH);
  store<u64>(contextAddress, <u64>ring);
  return 0;
}

/** Requests of a context that have not completed; -EINVAL for no such context. io_destroy waits until it is 0. */
export function ioInFlight(handle: u32): i32 {
  const context = findContext(handle);
  return context == null ? -EINVAL : <i32>context.inFlight;
}

/** Ends a context with nothing in flight: unreaped events are discarded, the quota comes back. */
export function ioDestroyEnd(handle: u32): i32 {
  const context = findContext(handle);
  if (context == null) return -EINVAL;
  assert(context.inFlight == 0, 'a busy context was destroyed');
  context.isLive = 0;
  aio.usedNr -= context.asked;
  memory.fill(aio.pageMap + (context.ring - aio.ringBase) / PAGE_SIZE, 0, context.pageCount);
  store<u32>(context.ring, 0, AIO_RING_MAGIC);
  return 0;
}

/** Events on the ring that have not been reaped. The client may have moved head itself: a head outside the ring counts as empty. */
function eventsOnRing(context: AioContext): u32 {
  const head = load<u32>(context.ring, AIO_RING_HEAD);
  const tail = load<u32>(context.ring, AIO_RING_TAIL) % context.nr;
  if (head >= context.nr) return 0;
  return tail >= head ? tail - head : context.nr - head + tail;
}

/** Slots that the client freed by moving head itself are found when slots run out (user_refill_reqs_available). */
function refill(context: AioContext): void {
  const outstanding = context.inFlight + eventsOnRing(context);
  if (outstanding < context.nr - 1) context.available = context.nr - 1 - outstanding;
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
    const address = load<u64>(iovec);
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
  kiocb.opcode = opcode;
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
  const isSync = kiocb.opcode == IOCB_CMD_FSYNC || kiocb.opcode == IOCB_CMD_FDSYNC;
  if (isSync || (result > 0 && (opened.operationFlags & (FLAG_DSYNC | FLAG_SYNC)) != 0)) {
    const error = errseqCheckAndAdvance(
      changetype<Inode>(opened.inode),
      kiocb.opened + offsetof<OpenFile>('errseqCursor'),
    );
    if (error != 0 && result >= 0) result = error;
  }
  releaseFile(opened);
  const ring = context.ring;
  const tail = load<u32>(ring, AIO_RING_TAIL) % context.nr;
  const event = ring + AIO_RING_HEADER_SIZE + <usize>tail * IO_EVENT_SIZE;
  store<u64>(event, kiocb.data, IO_EVENT_DATA);
  store<u64>(event, kiocb.object, IO_EVENT_OBJ);
  store<i64>(event, <i64>result, IO_EVENT_RES);
  store<i64>(event, 0, IO_EVENT_RES2);
  store<u32>(ring, (tail + 1) % context.nr, AIO_RING_TAIL);
  context.inFlight--;
  count(COUNTER_AIO_COMPLETED);
  if (recording()) record(RECORD_AIO_EVENT, 0, 0, clientOffset(kiocb.object), kiocb.data, 1, <u32>result);
  poolGive(kiocbPool, kiocbPointer);
  if (context.notifyKind != KIND_NONE) complete(context.notifyKind, ring, 0);
}

/** From now on each event of the context also completes (kind, handle). For users inside the core. */
export function ioNotify(handle: u32, kind: u32): void {
  const context = findContext(handle);
  if (context != null) context.notifyKind = kind;
}

/** Checks of io_getevents that come before it waits (sheet §13). 0 or EINVAL. */
export function ioCheckReap(handle: u32, minimum: i32, maximum: i32): i32 {
  if (findContext(handle) == null) return -EINVAL;
  return minimum < 0 || minimum > maximum ? -EINVAL : 0;
}

/** Moves up to `maximum` events from the ring to `events`; how many, or EFAULT (then none has left the ring). */
export function ioReap(handle: u32, maximum: u32, events: u32): i32 {
  const context = findContext(handle);
  if (context == null) return -EINVAL;
  const ring = context.ring;
  const ready = min<u32>(eventsOnRing(context), maximum);
  if (ready == 0) return 0;
  if (events == 0 || !isClientRange(events, <u64>ready * IO_EVENT_SIZE)) return -EFAULT;
  let head = load<u32>(ring, AIO_RING_HEAD);
  for (let index: u32 = 0; index < ready; index++) {
    memory.copy(
      <usize>events + <usize>index * IO_EVENT_SIZE,
      ring + AIO_RING_HEADER_SIZE + <usize>head * IO_EVENT_SIZE,
      IO_EVENT_SIZE,
    );
    head = head + 1 == context.nr ? 0 : head + 1;
  }
  store<u32>(ring, head, AIO_RING_HEAD);
  // never more than the ring has room for, whatever the client wrote into the header
  context.available = min<u32>(
    context.available + ready,
    context.nr - 1 - min<u32>(context.nr - 1, context.inFlight),
  );
  return <i32>ready;
}

/** Sheet §12: reads, writes and syncs have no cancel routine, so a valid call finds nothing to cancel: EINVAL. */
export function ioCancel(_handle: u32, iocb: u32): i32 {
  if (iocb == 0 || !isClientRange(iocb, IOCB_SIZE)) return -EFAULT;
  if (load<u32>(iocb, IOCB_KEY) != 0) return -EINVAL;
  return -EINVAL;
}
