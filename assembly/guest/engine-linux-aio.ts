// Linux AIO as QEMU uses it: one queue for all devices, submitted in batches (block/linux-aio.c).
//
// Verbs: linuxAioClaim, linuxAioInit, linuxAioOpen, linuxAioSubmit, linuxAioBegin, linuxAioEnd, linuxAioReady, linuxAioRetry. Jobs wait in
// `pending` until the batch is full or the plug ends; then their iocbs go to io_submit of rings/aio.
// Layout in client memory: MAX_EVENTS iocbs with room for some iovecs each, their addresses, and events.
// Invariants: at most MAX_EVENTS jobs are in flight; what io_submit refuses for now stays queued, and somebody always comes
// back for it: a completion of its own, or of another user of AIO when nothing is in flight.

import { arenaClaim } from '../base/arena';
import { complete, KIND_ENGINE_AIO_READY, KIND_ENGINE_AIO_RETRY, KIND_ENGINE_DONE } from '../base/dispatch';
import { EAGAIN, ENOMEM, ENOSPC } from '../base/errno';
import { Span, spanGiveChain, spanOpenReserve, spanPieces } from '../base/span';
import { descriptorOpen } from '../files/descriptor';
import {
  IO_EVENT_DATA,
  IO_EVENT_RES,
  IO_EVENT_SIZE,
  IOCB_BUF,
  IOCB_CMD_FDSYNC,
  IOCB_CMD_PREAD,
  IOCB_CMD_PREADV,
  IOCB_CMD_PWRITE,
  IOCB_CMD_PWRITEV,
  IOCB_DATA,
  IOCB_FILDES,
  IOCB_LIO_OPCODE,
  IOCB_NBYTES,
  IOCB_OFFSET,
  IOCB_RW_FLAGS,
  IOCB_SIZE,
  IOVEC_BASE,
  IOVEC_LENGTH,
  IOVEC_SIZE,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
  OPEN_DIRECT,
  OPEN_READ,
  OPEN_WRITE,
  RWF_DSYNC,
} from '../layout';
import { LINUX_AIO_IOVECS, LINUX_AIO_MAX_EVENTS } from '../limits';
import { ioSubmit } from '../rings/aio';
import { ioNotify, ioReap, ioSetup } from '../rings/aio-context';
import { kiocbAwait } from '../rings/kiocb';
import { sharedGive, sharedTake } from '../rings/shared-memory';
import { BlockNode, BlockRequest, isReadOnly, JOB_FUA } from './block-node';

const SLOT_BYTES: u32 = IOCB_SIZE + LINUX_AIO_IOVECS * IOVEC_SIZE;
/** A job that is not prepared yet. */
const NO_SLOT: u32 = u32.MAX_VALUE;
/** `result` of a job that the kernel has. */
const ACCEPTED: i32 = 1;

@unmanaged
class LinuxAio {
  slots: usize;
  pointers: usize;
  events: usize;
  /** The word that io_setup fills: the context's handle. */
  context: usize;
  /** i32 for each device: its descriptor, or 0. */
  descriptors: usize;
  /** u32 for each slot: 0, or its request; a free one is found from `nextSlot` on. */
  users: usize;
  nextSlot: u32;
  pendingHead: usize;
  pendingTail: usize;
  inQueue: u32;
  inFlight: u32;
  isBlocked: u32;
  plugDepth: u32;
  batch: u32;
}

const aio = changetype<LinuxAio>(memory.data(offsetof<LinuxAio>(), 16));

export function linuxAioClaim(): void {
  aio.slots = arenaClaim(<u64>LINUX_AIO_MAX_EVENTS * SLOT_BYTES, 64);
  aio.pointers = arenaClaim(<u64>LINUX_AIO_MAX_EVENTS * 4, 16);
  aio.events = arenaClaim(<u64>LINUX_AIO_MAX_EVENTS * IO_EVENT_SIZE, 64);
  aio.context = arenaClaim(8, 8);
}

/** Claims what clients may not name. */
export function linuxAioClaimPrivate(deviceCount: u32): void {
  aio.descriptors = arenaClaim(<u64>deviceCount * 4, 16);
  aio.users = arenaClaim(<u64>LINUX_AIO_MAX_EVENTS * 4, 16);
}

/** `batch`: iocbs of one io_submit (aio-max-batch). */
export function linuxAioInit(batch: u32): void {
  aio.batch = batch;
}

/** True when there is a context; else io_setup is tried, now and again with the next job. */
export function linuxAioOpen(): bool {
  if (load<u64>(aio.context) != 0) return true;
  if (ioSetup(LINUX_AIO_MAX_EVENTS, <u32>aio.context) != 0) return false;
  ioNotify(load<u32>(aio.context), KIND_ENGINE_AIO_READY);
  return true;
}

function descriptorOf(node: BlockNode): i32 {
  const address = aio.descriptors + ((<usize>node.index) << 2);
  if (load<i32>(address) != 0) return load<i32>(address);
  const flags: u32 = OPEN_DIRECT | OPEN_READ | (isReadOnly(node) ? 0 : OPEN_WRITE);
  const descriptor = descriptorOpen(node.index, flags);
  if (descriptor > 0) store<i32>(address, descriptor);
  return descriptor;
}

/** A slot that no job has. Only called while fewer than all are taken. */
function takeSlot(request: BlockRequest): u32 {
  while (true) {
    const slot = aio.nextSlot;
    aio.nextSlot = slot + 1 == LINUX_AIO_MAX_EVENTS ? 0 : slot + 1;
    const user = aio.users + ((<usize>slot) << 2);
    if (load<usize>(user) != 0) continue;
    store<usize>(user, changetype<usize>(request));
    return slot;
  }
}

function slotAt(slot: u32): usize {
  return aio.slots + <usize>slot * SLOT_BYTES;
}

/** Writes the job's pieces as iovecs, in the slot or in shared memory. Where they are, or 0. */
function putIovecs(request: BlockRequest, count: u32): usize {
  let at = slotAt(request.slot) + IOCB_SIZE;
  if (count > <u32>LINUX_AIO_IOVECS) {
    request.iovecBytes = count * IOVEC_SIZE;
    request.iovecs = sharedTake(request.iovecBytes);
    if (request.iovecs == 0) return 0;
    at = request.iovecs;
  }
  let to = at;
  for (let pointer = request.jobSpans; pointer != 0; pointer = changetype<Span>(pointer).next) {
    const span = changetype<Span>(pointer);
    if (span.length == 0) continue;
    store<u64>(to, span.address, IOVEC_BASE);
    store<u64>(to, span.length, IOVEC_LENGTH);
    to += IOVEC_SIZE;
  }
  return at;
}

/** Fills the iocb of a job. 0 or a negative errno. */
function prepare(node: BlockNode, request: BlockRequest): i32 {
  const descriptor = descriptorOf(node);
  if (descriptor < 0) return descriptor;
  const iocb = slotAt(request.slot);
  memory.fill(iocb, 0, IOCB_SIZE);
  store<u64>(iocb, request.slot, IOCB_DATA);
  store<i32>(iocb, descriptor, IOCB_FILDES);
  if (request.jobKind == OP_FLUSH) {
    store<u16>(iocb, IOCB_CMD_FDSYNC, IOCB_LIO_OPCODE);
    return 0;
  }
  const isRead = request.jobKind == OP_READ;
  const count = spanPieces(request.jobSpans, 0, <u32>request.jobLength);
  if (count == 1) {
    let pointer = request.jobSpans;
    while (changetype<Span>(pointer).length == 0) pointer = changetype<Span>(pointer).next;
    store<u16>(iocb, <u16>(isRead ? IOCB_CMD_PREAD : IOCB_CMD_PWRITE), IOCB_LIO_OPCODE);
    store<u64>(iocb, changetype<Span>(pointer).address, IOCB_BUF);
    store<u64>(iocb, request.jobLength, IOCB_NBYTES);
  } else {
    const iovecs = putIovecs(request, count);
    if (iovecs == 0) return -ENOMEM;
    store<u16>(iocb, <u16>(isRead ? IOCB_CMD_PREADV : IOCB_CMD_PWRITEV), IOCB_LIO_OPCODE);
    store<u64>(iocb, iovecs, IOCB_BUF);
    store<u64>(iocb, count, IOCB_NBYTES);
  }
  store<u64>(iocb, request.jobStart, IOCB_OFFSET);
  if (!isRead && (request.jobFlags & JOB_FUA) != 0) store<u32>(iocb, RWF_DSYNC, IOCB_RW_FLAGS);
  return 0;
}

/** Ends a job: its slot, iovecs and pieces are free again. */
function endJob(request: BlockRequest, result: i32): void {
  if (request.slot != NO_SLOT) store<usize>(aio.users + ((<usize>request.slot) << 2), 0);
  if (request.iovecs != 0) sharedGive(request.iovecs, request.iovecBytes);
  request.iovecs = 0;
  spanGiveChain(request.jobSpans);
  request.jobSpans = 0;
  complete(KIND_ENGINE_DONE, changetype<usize>(request), result);
}

function takePending(): BlockRequest {
  const request = changetype<BlockRequest>(aio.pendingHead);
  aio.pendingHead = request.jobNext;
  if (aio.pendingHead == 0) aio.pendingTail = 0;
  aio.inQueue--;
  return request;
}

/** iocbs of the next io_submit at most. */
function batchLimit(): u32 {
  return min<u32>(aio.batch, LINUX_AIO_MAX_EVENTS - aio.inFlight);
}

/** Prepares pending jobs and lists their iocbs, up to the batch's limit. How many; fewer where one can not be prepared. */
function gather(): u32 {
  const limit = batchLimit();
  let offered: u32 = 0;
  for (let pointer = aio.pendingHead; pointer != 0 && offered < limit; ) {
    const request = changetype<BlockRequest>(pointer);
    if (request.slot == NO_SLOT) {
      request.slot = takeSlot(request);
      request.result = prepare(changetype<BlockNode>(request.node), request);
    }
    if (request.result != 0) break;
    store<u32>(aio.pointers + ((<usize>offered) << 2), <u32>slotAt(request.slot));
    offered++;
    pointer = request.jobNext;
  }
  return offered;
}

/** ioq_submit: hands over what is pending, until nothing is left or the kernel takes no more. An error fails the first job only. */
function submitPending(): void {
  while (aio.inQueue > 0 && aio.inFlight < <u32>LINUX_AIO_MAX_EVENTS) {
    const offered = gather();
    if (offered == 0) {
      const request = takePending();
      endJob(request, request.result);
      continue;
    }
    // the pieces of a job are named twice, by itself and by the kernel: the second time out of the reserve
    spanOpenReserve(true);
    const result = ioSubmit(load<u32>(aio.context), <i32>offered, <u32>aio.pointers);
    spanOpenReserve(false);
    if (result == -EAGAIN || result == 0) break;
    if (result < 0) {
      endJob(takePending(), result);
      continue;
    }
    for (let accepted = 0; accepted < result; accepted++) takePending().result = ACCEPTED;
    aio.inFlight += <u32>result;
    if (<u32>result < offered && aio.inQueue > 0 && changetype<BlockRequest>(aio.pendingHead).result == 0)
      break;
  }
  aio.isBlocked = aio.inQueue > 0 ? 1 : 0;
  if (aio.isBlocked != 0 && aio.inFlight == 0) kiocbAwait(KIND_ENGINE_AIO_RETRY);
}

/** Queues a job; it goes out when the batch is full, or at the end of the plug. */
export function linuxAioSubmit(request: BlockRequest): void {
  request.iovecs = 0;
  request.slot = NO_SLOT;
  request.result = 0;
  const pointer = changetype<usize>(request);
  request.jobNext = 0;
  if (aio.pendingTail != 0) changetype<BlockRequest>(aio.pendingTail).jobNext = pointer;
  else aio.pendingHead = pointer;
  aio.pendingTail = pointer;
  aio.inQueue++;
  if (aio.isBlocked != 0) return;
  if (aio.plugDepth == 0 || aio.inQueue >= batchLimit()) submitPending();
}

export function linuxAioBegin(): void {
  aio.plugDepth++;
}

/** The outermost end submits what has gathered. */
export function linuxAioEnd(): void {
  if (--aio.plugDepth == 0 && aio.isBlocked == 0 && aio.inQueue > 0) submitPending();
}

/** The job in a slot, or 0: the ring lies in client memory, so an event can name a slot that nothing is awaited of. */
function acceptedAt(slot: u64): usize {
  if (slot >= <u64>LINUX_AIO_MAX_EVENTS) return 0;
  const pointer = load<usize>(aio.users + ((<usize>slot) << 2));
  return pointer != 0 && changetype<BlockRequest>(pointer).result == ACCEPTED ? pointer : 0;
}

/** Handler of KIND_ENGINE_AIO_READY: reaps, ends the jobs, and submits what waited. */
export function linuxAioReady(handle: usize, _result: i32): void {
  const reaped = ioReap(<u32>handle, LINUX_AIO_MAX_EVENTS, <u32>aio.events);
  for (let index = 0; index < reaped; index++) {
    const event = aio.events + <usize>index * IO_EVENT_SIZE;
    const pointer = acceptedAt(load<u64>(event, IO_EVENT_DATA));
    if (pointer == 0) continue;
    const request = changetype<BlockRequest>(pointer);
    const result = load<i64>(event, IO_EVENT_RES);
    const isShort = request.jobKind == OP_WRITE && result >= 0 && <u64>result < request.jobLength;
    aio.inFlight--;
    endJob(request, isShort ? -ENOSPC : <i32>min<i64>(result, 0));
  }
  if (reaped > 0 && aio.inQueue > 0) submitPending();
}

/** Handler of KIND_ENGINE_AIO_RETRY: the kernel has a kiocb to spare. */
export function linuxAioRetry(_owner: usize, _result: i32): void {
  if (aio.inQueue > 0) submitPending();
}
