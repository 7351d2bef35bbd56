// aio_queue_t: BlueStore's submission and completion queue over one AIO context (src/blk/aio/aio.cc of Ceph).
//
// Verbs: queueClaim, queueClaimPrivate, queueCreate, queueInit, queueShutdown, queueDestroy, queueState, queueFind,
// queueOffer (one io_submit of a batch), queueDeliver (events become results). What waits is in machine/aio-queue-calls.ts.
// Layout: a private table; a queue's handle is its place in it plus 1. Client memory holds what io_setup and io_getevents
// write to.
// Invariant: what aborts Ceph changes nothing here but the queue's ABORT_ reason, and is answered with an errno.

import { arenaClaim } from '../base/arena';
import { isClientRange } from '../base/client-memory';
import { EBADF, EBUSY, EINVAL, EMFILE } from '../base/errno';
import { record, recording } from '../base/record';
import { plugBegin, plugEnd } from '../block/queue';
import {
  ABORT_BATCH_TOO_LONG,
  ABORT_DESTROY_FAILED,
  ABORT_INIT_TWICE,
  ABORT_NONE,
  ABORT_NOT_SHUT_DOWN,
  AIO_QUEUE_ABORT,
  AIO_QUEUE_CONTEXT,
  AIO_QUEUE_MAX_IODEPTH,
  AIO_QUEUE_SIZE,
  AIO_RULE_OLDER,
  AIO_T_PRIV,
  AIO_T_RVAL,
  AIO_T_SIZE,
  IO_EVENT_OBJ,
  IO_EVENT_RES,
  IO_EVENT_SIZE,
  RECORD_AIO_QUEUE_RETRY,
  RECORD_AIO_QUEUE_SUBMIT,
} from '../layout';
import { DEFAULT_AIO_REAP, MAX_AIO_QUEUES, MAX_OLDER_BATCH } from '../limits';
import { ioSubmit } from './aio';
import { ioDestroyEnd, ioInFlight, ioSetup } from './aio-context';
import { BATCH_SLEEP, Batch, batchAnswer, batchBegin } from './submit-batch';

@unmanaged
export class AioQueue {
  // the first four words are what AIO_QUEUE_… names
  abortReason: u32;
  context: u32;
  maxIodepth: i32;
  isLive: u32;
  /** A device of the core owns it: clients can not name it. */
  isOwned: u32;
}

@unmanaged
class Queues {
  table: usize;
  /** In client memory: the word that io_setup fills, the timespec of io_getevents, and DEFAULT_AIO_REAP events. */
  scratch: usize;
}

const queues = changetype<Queues>(memory.data(offsetof<Queues>(), 16));
const TIMESPEC: usize = 16;
const EVENTS: usize = 32;

/** Claims what the calls on contexts need in client memory. */
export function queueClaim(): void {
  queues.scratch = arenaClaim(EVENTS + <u64>DEFAULT_AIO_REAP * IO_EVENT_SIZE, 16);
}

export function queueClaimPrivate(): void {
  if (offsetof<AioQueue>('abortReason') != AIO_QUEUE_ABORT) ERROR('AIO_QUEUE_ABORT');
  if (offsetof<AioQueue>('context') != AIO_QUEUE_CONTEXT) ERROR('AIO_QUEUE_CONTEXT');
  if (offsetof<AioQueue>('maxIodepth') != AIO_QUEUE_MAX_IODEPTH) ERROR('AIO_QUEUE_MAX_IODEPTH');
  if (offsetof<AioQueue>('isLive') + 4 != AIO_QUEUE_SIZE) ERROR('AIO_QUEUE_SIZE');
  queues.table = arenaClaim(<u64>MAX_AIO_QUEUES * offsetof<AioQueue>(), 16);
}

/** 16 bytes in client memory for a timeout. */
export function queueTimespec(): usize {
  return queues.scratch + TIMESPEC;
}

/** Room for DEFAULT_AIO_REAP events in client memory. */
export function queueEvents(): usize {
  return queues.scratch + EVENTS;
}

function queueAt(index: u32): AioQueue {
  return changetype<AioQueue>(queues.table + <usize>index * offsetof<AioQueue>());
}

/** Any live queue, or null. */
export function queueOf(handle: i32): AioQueue | null {
  const index = <u32>handle - 1;
  if (index >= <u32>MAX_AIO_QUEUES) return null;
  const queue = queueAt(index);
  return queue.isLive != 0 ? queue : null;
}

/** The queue that a client names, or null. */
export function queueFind(handle: i32): AioQueue | null {
  const queue = queueOf(handle);
  return queue == null || queue.isOwned != 0 ? null : queue;
}

function queueNumber(queue: AioQueue): u32 {
  return <u32>((changetype<usize>(queue) - queues.table) / offsetof<AioQueue>()) + 1;
}

/** Ceph would abort here: notes why, and answers `result`. */
export function queueAbort(queue: AioQueue, reason: u32, result: i32): i32 {
  queue.abortReason = reason;
  return result;
}

/** A queue of `maxIodepth` requests for one io_submit; io_setup judges the number. Its handle, or EMFILE. */
export function queueCreate(maxIodepth: i32, isOwned: bool): i32 {
  for (let index: u32 = 0; index < <u32>MAX_AIO_QUEUES; index++) {
    const queue = queueAt(index);
    if (queue.isLive != 0) continue;
    queue.abortReason = ABORT_NONE;
    queue.context = 0;
    queue.maxIodepth = maxIodepth;
    queue.isLive = 1;
    queue.isOwned = isOwned ? 1 : 0;
    return <i32>index + 1;
  }
  return -EMFILE;
}

/** init(): io_setup. What that answers; EINVAL for a second init, which aborts Ceph. */
export function queueInit(queue: AioQueue): i32 {
  if (queue.context != 0) return queueAbort(queue, ABORT_INIT_TWICE, -EINVAL);
  const word = queues.scratch;
  store<u64>(word, 0);
  const result = ioSetup(<u32>queue.maxIodepth, <u32>word);
  if (result == 0) queue.context = load<u32>(word);
  return result;
}

/** Requests that the kernel has not completed. */
export function queueInFlight(queue: AioQueue): i32 {
  return queue.context == 0 ? 0 : max<i32>(ioInFlight(queue.context), 0);
}

/** shutdown(): io_destroy. 0, also for a queue without a context; EBUSY while I/O is pending, and nothing has changed. */
export function queueShutdown(queue: AioQueue): i32 {
  if (queue.context == 0) return 0;
  if (queueInFlight(queue) > 0) return -EBUSY;
  const result = ioDestroyEnd(queue.context);
  queue.context = 0;
  return result == 0 ? 0 : queueAbort(queue, ABORT_DESTROY_FAILED, result);
}

/** The destructor. 0, or EBUSY for a queue that was not shut down, which aborts Ceph. */
export function queueDestroy(queue: AioQueue): i32 {
  if (queue.context != 0) return queueAbort(queue, ABORT_NOT_SHUT_DOWN, -EBUSY);
  queue.isLive = 0;
  return 0;
}

/** Where a queue's state (AIO_QUEUE_…) is, or EBADF. */
export function aioQueueState(handle: i32): i32 {
  const queue = queueFind(handle);
  return queue == null ? -EBADF : <i32>changetype<usize>(queue);
}

/** Begins a batch on a queue. 0; EINVAL for more than the older rule can count, which aborts Ceph. */
export function queueBegin(
  queue: AioQueue,
  batch: Batch,
  rule: u32,
  count: u32,
  retries: u32,
  delay: u64,
): i32 {
  if (rule == AIO_RULE_OLDER && count > <u32>MAX_OLDER_BATCH)
    return queueAbort(queue, ABORT_BATCH_TOO_LONG, -EINVAL);
  batchBegin(batch, rule, queue.maxIodepth, count, retries, delay);
  return 0;
}

/** Stores `priv` in the requests `from` to `to` of an array of aio_t addresses; what is no aio_t is left to io_submit. */
export function queueSetPriv(aios: usize, from: u32, to: u32, priv: u64): void {
  for (let index = from; index < to; index++) {
    const pointer = aios + ((<usize>index) << 2);
    if (!isClientRange(pointer, 4)) return;
    const aio = load<u32>(pointer);
    if (isClientRange(aio, AIO_T_SIZE)) store<u64>(aio, priv, AIO_T_PRIV);
  }
}

/** One io_submit: `offered` requests of a batch, their addresses at `pointers` in client memory. BATCH_…. */
export function queueOffer(queue: AioQueue, batch: Batch, offered: u32, pointers: usize): u32 {
  const first = batch.done;
  plugBegin();
  const answer = queue.context == 0 ? -EINVAL : ioSubmit(queue.context, <i32>offered, <u32>pointers);
  plugEnd();
  const next = batchAnswer(batch, answer);
  if (batch.abortReason != <u32>ABORT_NONE) queue.abortReason = batch.abortReason;
  if (recording()) {
    const number = queueNumber(queue);
    record(RECORD_AIO_QUEUE_SUBMIT, 0, number, 0, first, offered, <u32>answer);
    if (next == BATCH_SLEEP)
      record(RECORD_AIO_QUEUE_RETRY, 0, number, 0, batch.sleep, batch.retries, batch.attempts);
  }
  return next;
}

/**
 * `count` reaped events at `events`: their aio_t addresses go to `aios` (4 bytes each), their results into the requests.
 * An object that is no aio_t keeps its address, and nothing is written there.
 */
export function queueDeliver(events: usize, count: u32, aios: usize): void {
  for (let index: u32 = 0; index < count; index++) {
    const event = events + <usize>index * IO_EVENT_SIZE;
    const aio = load<u64>(event, IO_EVENT_OBJ);
    store<u32>(aios + ((<usize>index) << 2), <u32>aio);
    if (isClientRange(aio, AIO_T_SIZE)) store<i64>(<usize>aio, load<i64>(event, IO_EVENT_RES), AIO_T_RVAL);
  }
}
