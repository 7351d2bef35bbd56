// Linux AIO as exports: the parts of io_submit, io_getevents and io_destroy that plug, pump and wait.
//
// Verbs: aioSubmit, aioGetevents, aioPgetevents, aioDestroy. Waiting is virtual: it takes events of the machine, never real time.

import { isClientRange } from '../base/client-memory';
import { END_OF_TIME, timeAfter } from '../base/clock';
import { EDEADLK, EFAULT, EINVAL } from '../base/errno';
import { plugBegin, plugEnd } from '../block/queue';
import { IO_EVENT_SIZE } from '../layout';
import { ioSubmit } from '../rings/aio';
import { ioCheckReap, ioDestroyEnd, ioInFlight, ioReap } from '../rings/aio-context';
import { cancelPolls } from '../rings/aio-poll';
import { machineRunDue, pumpOne, pumpUntil } from './pump';

/** io_submit with a plug around it. */
export function aioSubmit(context: i32, requestCount: i32, pointers: i32): i32 {
  plugBegin();
  const result = ioSubmit(<u32>context, requestCount, <u32>pointers);
  plugEnd();
  return result;
}

/**
 * io_getevents. `timeout`: address of {seconds s64, nanoseconds s64} in client memory, 0 to wait without limit; virtual
 * time passes. Due completions are run even for minimum 0. When nothing can happen any more it returns what there is.
 */
export function aioGetevents(context: i32, minimum: i32, maximum: i32, events: i32, timeout: i32): i32 {
  if (timeout != 0 && !isClientRange(<u32>timeout, 16)) return -EFAULT;
  const checked = ioCheckReap(<u32>context, minimum, maximum);
  if (checked != 0) return checked;
  machineRunDue();
  let deadline = u64.MAX_VALUE;
  if (timeout != 0) {
    const seconds = load<i64>(<usize>timeout);
    const nanoseconds = load<i64>(<usize>timeout, 8);
    // a negative part waits for ever, as Linux does
    if (seconds >= 0 && nanoseconds >= 0 && seconds < 9000000000)
      deadline = timeAfter(<u64>seconds * 1000000000 + min<u64>(<u64>nanoseconds, END_OF_TIME - 1));
  }
  let reaped = 0;
  while (true) {
    const result = ioReap(<u32>context, <u32>(maximum - reaped), <u32>events + reaped * IO_EVENT_SIZE);
    if (result < 0) return reaped > 0 ? reaped : result;
    reaped += result;
    if (reaped >= minimum || !pumpUntil(deadline)) return reaped;
  }
}

/** Bytes of a Linux sigset_t. */
const SIGSET_BYTES: u64 = 8;

/**
 * io_pgetevents: aioGetevents with a signal mask, `signals`: 0 or the address of {mask address u64, size u64}. The struct is
 * checked as Linux does (EFAULT; EINVAL for a mask that is not 8 bytes) but nothing else is done with it: a client of
 * this machine has no signals, so no call ends with EINTR.
 */
export function aioPgetevents(
  context: i32,
  minimum: i32,
  maximum: i32,
  events: i32,
  timeout: i32,
  signals: i32,
): i32 {
  if (timeout != 0 && !isClientRange(<u32>timeout, 16)) return -EFAULT;
  if (signals != 0) {
    if (!isClientRange(<u32>signals, 16)) return -EFAULT;
    const mask = load<u64>(<usize>signals);
    if (mask != 0 && load<u64>(<usize>signals, 8) != SIGSET_BYTES) return -EINVAL;
    if (mask != 0 && !isClientRange(mask, SIGSET_BYTES)) return -EFAULT;
  }
  return aioGetevents(context, minimum, maximum, events, timeout);
}

/**
 * io_destroy: cancels the context's waiting polls, waits for its requests, discards its events. EDEADLK when a held drive
 * keeps them from ending: the context lives on, without its polls.
 */
export function aioDestroy(context: i32): i32 {
  const cancelled = cancelPolls(<u32>context);
  if (cancelled != 0) return cancelled;
  while (true) {
    const inFlight = ioInFlight(<u32>context);
    if (inFlight == 0) return ioDestroyEnd(<u32>context);
    if (!pumpOne()) return -EDEADLK;
  }
}
