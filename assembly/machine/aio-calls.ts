// Linux AIO as exports: the parts of io_submit, io_getevents and io_destroy that plug, pump and wait.
//
// Verbs: aioSubmit, aioGetevents, aioDestroy. Waiting is virtual: it takes events of the machine, never real time.

import { isClientRange } from '../base/client-memory';
import { advanceTo, END_OF_TIME, eventCount, eventNextTime, timeAfter } from '../base/clock';
import { dispatchPending } from '../base/dispatch';
import { EDEADLK, EFAULT } from '../base/errno';
import { plugBegin, plugEnd } from '../block/queue';
import { IO_EVENT_SIZE } from '../layout';
import { ioSubmit } from '../rings/aio';
import { ioCheckReap, ioDestroyEnd, ioInFlight, ioReap } from '../rings/aio-context';
import { machineRunDue, pumpOne } from './pump';

/** io_submit with a plug around it, then everything that is due. */
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
    if (reaped >= minimum) return reaped;
    if (dispatchPending() == 0) {
      if (eventCount() == 0) {
        if (deadline != u64.MAX_VALUE) advanceTo(deadline);
        return reaped;
      }
      if (eventNextTime() > deadline) {
        advanceTo(deadline);
        return reaped;
      }
    }
    pumpOne();
  }
}

/** io_destroy: waits for the context's requests, discards its events. EDEADLK when a held drive keeps them from ending. */
export function aioDestroy(context: i32): i32 {
  while (true) {
    const inFlight = ioInFlight(<u32>context);
    if (inFlight < 0) return inFlight;
    if (inFlight == 0) return ioDestroyEnd(<u32>context);
    if (!pumpOne()) return -EDEADLK;
  }
}
