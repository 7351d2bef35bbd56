// IOContext: a group of requests to a BlueStore device, queued first, then submitted together (src/blk/BlockDevice.h).
//
// Verbs: contextsClaim, contextTake, contextGive, contextOf, contextNotify, contextSubmit, contextSleep, contextTakeDone,
// contextRequestDone (for the AIO thread). What is queued comes from io-request.ts. Users inside the core take a context,
// name a (kind, owner) with contextNotify, queue, and call contextSubmit until it is not PENDING, contextSleep()
// nanoseconds apart; the end comes as a completion.
// Invariant: numPending and numRunning count the two lists; numRunning rises before the kernel sees a request.

import { complete, KIND_NONE } from '../base/dispatch';
import { EBUSY, EIO, EMFILE } from '../base/errno';
import { PENDING } from '../base/operation';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import {
  ABORT_SUBMIT,
  AIO_T_PRIV,
  IO_CONTEXT_ALLOW_EIO,
  IO_CONTEXT_NUM_PENDING,
  IO_CONTEXT_NUM_RUNNING,
  IO_CONTEXT_PRIV,
  IO_CONTEXT_RESULT,
  IO_CONTEXT_RETRIES,
  IO_CONTEXT_SLEPT,
} from '../layout';
import { MAX_IO_CONTEXTS } from '../limits';
import { AioQueue, queueBegin, queueOffer } from './aio-queue';
import {
  AIO_ACCEPTED,
  AioList,
  aiosExist,
  DeviceAio,
  deviceAioAddress,
  deviceAioGive,
  deviceAioGiveAll,
  deviceAioPointers,
  deviceAioSplice,
  deviceAioUnlink,
} from './device-aio';
import { checkAlive, deviceKill, KernelDevice } from './kernel-device';
import { BATCH_OFFER, BATCH_SLEEP, Batch, batchOffer } from './submit-batch';

@unmanaged
export class IoContext {
  // the first words are what IO_CONTEXT_… names
  priv: u64;
  numPending: u32;
  numRunning: u32;
  result: i32;
  allowEio: u32;
  retries: u32;
  isLive: u32;
  slept: u64;
  /** 0 when its device was closed. */
  device: usize;
  pendingFirst: usize;
  pendingLast: usize;
  runningFirst: usize;
  runningLast: usize;
  /** A batch is on its way: the first request that was not accepted. */
  isSubmitting: u32;
  cursor: usize;
  /** Whom the end of the last running request is told, or KIND_NONE. */
  doneKind: u32;
  doneOwner: usize;
  /** Ends that wait on the device's list, and the next context there. */
  doneCount: u32;
  nextDone: usize;
  batch: u64;
}

/** The record ends with a Batch. */
const CONTEXT_SIZE: u32 = <u32>offsetof<IoContext>('batch') + <u32>offsetof<Batch>();

export const contextPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));

export function contextsClaim(): void {
  if (offsetof<IoContext>('priv') != IO_CONTEXT_PRIV) ERROR('IO_CONTEXT_PRIV');
  if (offsetof<IoContext>('numPending') != IO_CONTEXT_NUM_PENDING) ERROR('IO_CONTEXT_NUM_PENDING');
  if (offsetof<IoContext>('numRunning') != IO_CONTEXT_NUM_RUNNING) ERROR('IO_CONTEXT_NUM_RUNNING');
  if (offsetof<IoContext>('result') != IO_CONTEXT_RESULT) ERROR('IO_CONTEXT_RESULT');
  if (offsetof<IoContext>('allowEio') != IO_CONTEXT_ALLOW_EIO) ERROR('IO_CONTEXT_ALLOW_EIO');
  if (offsetof<IoContext>('retries') != IO_CONTEXT_RETRIES) ERROR('IO_CONTEXT_RETRIES');
  if (offsetof<IoContext>('slept') != IO_CONTEXT_SLEPT) ERROR('IO_CONTEXT_SLEPT');
  poolClaim(contextPool, CONTEXT_SIZE, aiosExist() ? MAX_IO_CONTEXTS : 0);
}

export function contextsInit(): void {
  poolInit(contextPool);
}

/** Requests that are queued. */
export function pendingOf(context: IoContext): AioList {
  return changetype<AioList>(changetype<usize>(context) + offsetof<IoContext>('pendingFirst'));
}

function runningOf(context: IoContext): AioList {
  return changetype<AioList>(changetype<usize>(context) + offsetof<IoContext>('runningFirst'));
}

function batchOf(context: IoContext): Batch {
  return changetype<Batch>(changetype<usize>(context) + offsetof<IoContext>('batch'));
}

function numberOf(context: IoContext): i32 {
  return <i32>((changetype<usize>(context) - contextPool.base) / CONTEXT_SIZE) + 1;
}

/** The context with this handle, or null. */
export function contextOf(handle: i32): IoContext | null {
  const index = <u32>handle - 1;
  if (index >= contextPool.capacity) return null;
  const pointer = contextPool.base + <usize>index * CONTEXT_SIZE;
  if (pointer >= contextPool.fresh) return null;
  const context = changetype<IoContext>(pointer);
  return context.isLive != 0 ? context : null;
}

/** The device of a context, or null when it was closed. */
export function contextDevice(context: IoContext): KernelDevice | null {
  return context.device == 0 ? null : changetype<KernelDevice>(context.device);
}

/** A context of a device: its handle, or EMFILE. `priv`: not 0 to hear of the end on the device's list. */
export function contextTake(device: KernelDevice, priv: u64, allowEio: bool): i32 {
  const pointer = poolTake(contextPool);
  if (pointer == 0) return -EMFILE;
  memory.fill(pointer, 0, CONTEXT_SIZE);
  const context = changetype<IoContext>(pointer);
  context.priv = priv;
  context.allowEio = allowEio ? 1 : 0;
  context.isLive = 1;
  context.device = changetype<usize>(device);
  context.doneKind = KIND_NONE;
  return numberOf(context);
}

/** For users inside the core: the end of the last running request completes (kind, owner) with the context's result, and goes on no list. */
export function contextNotify(context: IoContext, kind: u32, owner: usize): void {
  context.doneKind = kind;
  context.doneOwner = owner;
}

/** Ends a context; requests that were only queued are forgotten. 0, or EBUSY while requests of an open device run. */
export function contextGive(context: IoContext): i32 {
  if (context.numRunning > 0 && context.device != 0) return -EBUSY;
  deviceAioGiveAll(pendingOf(context));
  deviceAioGiveAll(runningOf(context));
  if (context.doneCount > 0) unlist(changetype<KernelDevice>(context.device), context);
  context.isLive = 0;
  poolGive(contextPool, changetype<usize>(context));
  return 0;
}

/** The device is closed: what runs of its contexts never completes. */
export function contextsOrphan(device: usize): void {
  for (let pointer = contextPool.base; pointer < contextPool.fresh; pointer += CONTEXT_SIZE) {
    const context = changetype<IoContext>(pointer);
    if (context.isLive == 0 || context.device != device) continue;
    context.device = 0;
    context.isSubmitting = 0;
    context.doneCount = 0;
  }
}

/** The queued requests begin to run: they stand before the older ones, and a batch of them begins. */
function beginBatch(context: IoContext, device: KernelDevice): i32 {
  const count = context.numPending;
  context.cursor = context.pendingFirst;
  deviceAioSplice(runningOf(context), pendingOf(context));
  context.numRunning += count;
  context.numPending = 0;
  context.isSubmitting = 1;
  return queueBegin(
    changetype<AioQueue>(device.queue),
    batchOf(context),
    device.rule,
    count,
    device.submitRetries,
    device.submitDelay,
  );
}

/** One io_submit of the next requests of the batch. BATCH_…. */
function offerWindow(context: IoContext, device: KernelDevice, offered: u32): u32 {
  const batch = batchOf(context);
  const pointers = deviceAioPointers();
  const number = <u64>numberOf(context);
  let pointer = context.cursor;
  for (let index: u32 = 0; index < offered; index++) {
    const aio = changetype<DeviceAio>(pointer);
    const at = deviceAioAddress(aio);
    store<u64>(at, number, AIO_T_PRIV);
    store<u32>(pointers + ((<usize>index) << 2), <u32>at);
    pointer = aio.next;
  }
  const before = batch.done;
  const next = queueOffer(changetype<AioQueue>(device.queue), batch, offered, pointers);
  for (let accepted = batch.done - before; accepted > 0; accepted--) {
    const aio = changetype<DeviceAio>(context.cursor);
    aio.state = AIO_ACCEPTED;
    context.cursor = aio.next;
  }
  return next;
}

/** Nanoseconds that the submitter sleeps when contextSubmit has answered PENDING. */
export function contextSleep(context: IoContext): u64 {
  return batchOf(context).sleep;
}

/**
 * aio_submit, one step of it: 0 when all that was queued is with the kernel; PENDING to be called again after
 * contextSleep() nanoseconds; ENOTRECOVERABLE, also when the batch failed, which kills the device.
 */
export function contextSubmit(context: IoContext, device: KernelDevice): i32 {
  const alive = checkAlive(device);
  if (alive != 0) return alive;
  const batch = batchOf(context);
  if (context.isSubmitting == 0) {
    if (context.numPending == 0) return 0;
    const begun = beginBatch(context, device);
    if (begun != 0) return deviceKill(device, ABORT_SUBMIT, begun);
  }
  let next = BATCH_OFFER;
  while (next == BATCH_OFFER) {
    const offered = batchOffer(batch);
    if (offered == 0) break;
    next = offerWindow(context, device, offered);
  }
  if (next == BATCH_SLEEP) return PENDING;
  context.isSubmitting = 0;
  context.retries += batch.retries;
  context.slept += batch.slept;
  return batch.result < 0 ? deviceKill(device, ABORT_SUBMIT, batch.result) : 0;
}

function list(device: KernelDevice, context: IoContext): void {
  if (context.doneCount++ > 0) return;
  const pointer = changetype<usize>(context);
  context.nextDone = 0;
  if (device.doneTail != 0) changetype<IoContext>(device.doneTail).nextDone = pointer;
  else device.doneHead = pointer;
  device.doneTail = pointer;
}

function unlist(device: KernelDevice, context: IoContext): void {
  const pointer = changetype<usize>(context);
  let previous: usize = 0;
  let at = device.doneHead;
  while (at != pointer) {
    previous = at;
    at = changetype<IoContext>(at).nextDone;
  }
  if (previous != 0) changetype<IoContext>(previous).nextDone = context.nextDone;
  else device.doneHead = context.nextDone;
  if (device.doneTail == pointer) device.doneTail = previous;
  context.doneCount = 0;
}

/** The handle of the context that ended first of those not taken yet, or 0. One that ended twice is taken twice. */
export function contextTakeDone(device: KernelDevice): i32 {
  if (device.doneHead == 0) return 0;
  const context = changetype<IoContext>(device.doneHead);
  if (context.doneCount == 1) unlist(device, context);
  else context.doneCount--;
  return numberOf(context);
}

/** A request of the context was reaped; `isGood` unless it failed with an error that the context allows. The last one tells the owner. */
export function contextRequestDone(device: KernelDevice, aio: DeviceAio, isGood: bool): void {
  const context = changetype<IoContext>(aio.context);
  if (!isGood) context.result = -EIO;
  deviceAioUnlink(runningOf(context), aio);
  deviceAioGive(aio);
  if (--context.numRunning > 0) return;
  if (context.doneKind != KIND_NONE) complete(context.doneKind, context.doneOwner, context.result);
  else if (context.priv != 0) list(device, context);
}
