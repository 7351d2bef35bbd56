// BlueStore's aio_queue as exports: creation and end, and the two calls that wait.
//
// Verbs: aioQueueCreate, aioQueueInit, aioQueueShutdown, aioQueueDestroy, aioQueueSubmitBatch, aioQueueGetNextCompleted.
// A sleep between two tries is virtual time that passes, with the events in it. Nobody reaps while submit_batch sleeps.

import { isClientRange } from '../base/client-memory';
import { EBADF, EFAULT, EINVAL } from '../base/errno';
import {
  AIO_BATCH_CALLS,
  AIO_BATCH_DONE,
  AIO_BATCH_INITIAL_DELAY_US,
  AIO_BATCH_PRIV,
  AIO_BATCH_RETRIES,
  AIO_BATCH_RULE,
  AIO_BATCH_SIZE,
  AIO_BATCH_SLEPT,
  AIO_BATCH_SUBMIT_RETRIES,
  AIO_RULE_OLDER,
  AIO_RULE_WINDOW,
} from '../layout';
import {
  DEFAULT_AIO_REAP,
  DEFAULT_SUBMIT_DELAY_US,
  DEFAULT_SUBMIT_RETRIES,
  MAX_SUBMIT_RETRIES,
} from '../limits';
import { ioReap } from '../rings/aio-context';
import {
  AioQueue,
  queueBegin,
  queueCreate,
  queueDeliver,
  queueDestroy,
  queueEvents,
  queueFind,
  queueInit,
  queueOffer,
  queueSetPriv,
  queueShutdown,
  queueTimespec,
} from '../rings/aio-queue';
import {
  BATCH_DONE,
  BATCH_OFFER,
  BATCH_SLEEP,
  Batch,
  batchOffer,
  delayNanoseconds,
} from '../rings/submit-batch';
import { aioGetevents } from './aio-calls';
import { passTime } from './pump';

/** The batch of the call that is running. */
const batch = changetype<Batch>(memory.data(offsetof<Batch>(), 16));

/** A queue that hands at most `maxIodepth` requests to one io_submit: its handle (1 and up), or EMFILE. */
export function aioQueueCreate(maxIodepth: i32): i32 {
  return queueCreate(maxIodepth, false);
}

/** init(): what io_setup answers; EINVAL with ABORT_INIT_TWICE the second time. */
export function aioQueueInit(handle: i32): i32 {
  const queue = queueFind(handle);
  return queue == null ? -EBADF : queueInit(queue);
}

/** shutdown(): 0, also when nothing is to be shut down; EBUSY while I/O is pending. */
export function aioQueueShutdown(handle: i32): i32 {
  const queue = queueFind(handle);
  return queue == null ? -EBADF : queueShutdown(queue);
}

/** The destructor: 0, or EBUSY with ABORT_NOT_SHUT_DOWN. */
export function aioQueueDestroy(handle: i32): i32 {
  const queue = queueFind(handle);
  return queue == null ? -EBADF : queueDestroy(queue);
}

/** Reads the options of a batch (AIO_BATCH_…; 0: the defaults) and begins it. 0, EFAULT or EINVAL. */
function begin(queue: AioQueue, count: u32, options: usize): i32 {
  if (options == 0) {
    const delay = delayNanoseconds(DEFAULT_SUBMIT_DELAY_US);
    return queueBegin(queue, batch, AIO_RULE_WINDOW, count, DEFAULT_SUBMIT_RETRIES, delay);
  }
  if (!isClientRange(options, AIO_BATCH_SIZE)) return -EFAULT;
  const rule = load<u32>(options, AIO_BATCH_RULE);
  const retries = load<u32>(options, AIO_BATCH_SUBMIT_RETRIES);
  const delay = delayNanoseconds(load<u64>(options, AIO_BATCH_INITIAL_DELAY_US));
  if (rule > <u32>AIO_RULE_OLDER || retries > <u32>MAX_SUBMIT_RETRIES) return -EINVAL;
  return queueBegin(queue, batch, rule, count, retries, delay);
}

/** Offers until the batch is done, and sleeps where it has to. */
function run(queue: AioQueue, aios: usize, priv: u64): void {
  let next = BATCH_OFFER;
  while (next != BATCH_DONE) {
    if (next == BATCH_SLEEP) passTime(batch.sleep);
    const earlierEnd = batch.windowEnd;
    const offered = batchOffer(batch);
    if (offered == 0) return;
    if (batch.windowEnd > earlierEnd) queueSetPriv(aios, earlierEnd, batch.windowEnd, priv);
    next = queueOffer(queue, batch, offered, aios + ((<usize>batch.done) << 2));
  }
}

/**
 * submit_batch: `count` requests, their addresses (4 bytes each) at `aios`; `options` is a struct AIO_BATCH_… that also
 * takes the results, or 0. How many were accepted, all of them; or a negative errno, and some may be running.
 */
export function aioQueueSubmitBatch(handle: i32, aios: i32, count: i32, options: i32): i32 {
  const queue = queueFind(handle);
  if (queue == null) return -EBADF;
  if (count < 0) return -EINVAL;
  const out = <usize>(<u32>options);
  const begun = begin(queue, <u32>count, out);
  if (begun != 0) return begun;
  run(queue, <u32>aios, out == 0 ? 0 : load<u64>(out, AIO_BATCH_PRIV));
  if (out != 0) {
    store<u32>(out, batch.done, AIO_BATCH_DONE);
    store<u32>(out, load<u32>(out, AIO_BATCH_RETRIES) + batch.retries, AIO_BATCH_RETRIES);
    store<u64>(out, batch.slept, AIO_BATCH_SLEPT);
    store<u32>(out, batch.calls, AIO_BATCH_CALLS);
  }
  return batch.result;
}

/**
 * get_next_completed: waits, in virtual time, at most `timeoutMs` (negative: without limit) for one event; at most
 * `maximum` request addresses go to `aios` (4 bytes each), results into the requests. How many, or a negative errno.
 */
export function aioQueueGetNextCompleted(handle: i32, timeoutMs: i32, aios: i32, maximum: i32): i32 {
  const queue = queueFind(handle);
  if (queue == null) return -EBADF;
  if (maximum > 0 && !isClientRange(<u32>aios, (<u64>maximum) << 2)) return -EFAULT;
  const timespec = queueTimespec();
  store<i64>(timespec, timeoutMs / 1000);
  store<i64>(timespec, <i64>(timeoutMs % 1000) * 1000000, 8);
  const events = queueEvents();
  let taken = 0;
  // the events cross in parts; only the first part waits
  while (true) {
    const wanted = min<i32>(maximum - taken, DEFAULT_AIO_REAP);
    const reaped =
      taken == 0
        ? aioGetevents(queue.context, 1, wanted, <i32>events, <i32>timespec)
        : ioReap(queue.context, <u32>wanted, <u32>events);
    if (reaped < 0) return taken > 0 ? taken : reaped;
    queueDeliver(events, <u32>reaped, <usize>(<u32>aios) + ((<usize>taken) << 2));
    taken += reaped;
    if (reaped < wanted || taken == maximum) return taken;
  }
}
