// What submit_batch of BlueStore's aio_queue decides between two calls of io_submit (src/blk/aio/aio.cc of Ceph).
//
// Verbs: batchBegin, batchOffer, batchAnswer. Whoever drives a batch asks how many requests to offer, calls io_submit
// with them, and hands the answer back: then the batch is done, goes on at once, or sleeps first.
// Two rules. AIO_RULE_WINDOW: requests go through a window of max_iodepth; a window accepted in part is a retry, and it
// is filled anew only when all of it was accepted, which also resets attempts and delay. AIO_RULE_OLDER: every
// acceptance is progress and resets them; only EAGAIN sleeps.
// Invariant: the requests before `done` were accepted, in order; those offered begin there.

import { END_OF_TIME } from '../base/clock';
import { EAGAIN, ENOTRECOVERABLE } from '../base/errno';
import { ABORT_NOTHING_ACCEPTED, AIO_RULE_OLDER } from '../layout';

/** What to do next. */
export const BATCH_DONE: u32 = 0;
export const BATCH_OFFER: u32 = 1;
export const BATCH_SLEEP: u32 = 2;

@unmanaged
export class Batch {
  rule: u32;
  depth: u32;
  count: u32;
  done: u32;
  /** Index behind the last request in the window. */
  windowEnd: u32;
  maxAttempts: u32;
  attempts: u32;
  /** Retries so far, and calls of io_submit. */
  retries: u32;
  calls: u32;
  /** ABORT_…: Ceph would have aborted at an answer. */
  abortReason: u32;
  /** What submit_batch answers once it is done. */
  result: i32;
  padding: u32;
  firstDelay: u64;
  /** Nanoseconds: of the next retry; of the sleep that BATCH_SLEEP asks for; of all sleeps. */
  delay: u64;
  sleep: u64;
  slept: u64;
}

/** Doubles nanoseconds, but never past the end of time. */
function doubled(nanoseconds: u64): u64 {
  return nanoseconds >= END_OF_TIME / 2 ? END_OF_TIME : nanoseconds * 2;
}

function resetAttempts(batch: Batch): void {
  batch.attempts = batch.maxAttempts;
  batch.delay = batch.firstDelay;
}

/** A first delay, given in microseconds; none is longer than the end of time. */
export function delayNanoseconds(microseconds: u64): u64 {
  return min<u64>(microseconds, END_OF_TIME / 1000) * 1000;
}

/** A batch of `count` requests for a queue of `maxIodepth`. The delay before the first retry is in nanoseconds. */
export function batchBegin(
  batch: Batch,
  rule: u32,
  maxIodepth: i32,
  count: u32,
  retries: u32,
  delay: u64,
): void {
  memory.fill(changetype<usize>(batch), 0, offsetof<Batch>());
  batch.rule = rule;
  batch.depth = <u32>max<i32>(maxIodepth, 1);
  batch.count = count;
  batch.maxAttempts = retries;
  batch.firstDelay = delay;
  resetAttempts(batch);
}

/** Requests that the next io_submit takes, from number `done` on; 0: the batch is done, with `result`. */
export function batchOffer(batch: Batch): u32 {
  const isWindowOpen = batch.rule == AIO_RULE_OLDER || batch.done == batch.windowEnd;
  if (isWindowOpen) batch.windowEnd = batch.done + min<u32>(batch.depth, batch.count - batch.done);
  if (batch.windowEnd == batch.done) batch.result = <i32>batch.done;
  return batch.windowEnd - batch.done;
}

function retry(batch: Batch): u32 {
  if (batch.attempts == 0) {
    batch.result = -EAGAIN;
    return BATCH_DONE;
  }
  batch.attempts--;
  batch.retries++;
  batch.sleep = batch.delay;
  batch.slept += min<u64>(batch.delay, END_OF_TIME - batch.slept);
  batch.delay = doubled(batch.delay);
  return BATCH_SLEEP;
}

/** io_submit answered: how many of those offered it accepted, or a negative errno. BATCH_…. */
export function batchAnswer(batch: Batch, answer: i32): u32 {
  const offered = batch.windowEnd - batch.done;
  batch.calls++;
  if (answer == -EAGAIN) return retry(batch);
  if (answer < 0) {
    batch.result = answer;
    return BATCH_DONE;
  }
  assert(<u32>answer <= offered, 'io_submit accepted more than it was offered');
  batch.done += <u32>answer;
  if (batch.rule == AIO_RULE_OLDER) {
    if (answer == 0) {
      batch.abortReason = ABORT_NOTHING_ACCEPTED;
      batch.result = -ENOTRECOVERABLE;
      return BATCH_DONE;
    }
  } else if (<u32>answer < offered) {
    return retry(batch);
  }
  resetAttempts(batch);
  return BATCH_OFFER;
}
