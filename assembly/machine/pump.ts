// The pump: the only place where virtual time moves and completions run.
//
// Verbs: pumpOne, passTime, machineStep, machineStepUntil, machineRun, machineRunDue, machineAdvance. A completion that is due comes before an event
// of the heap; equal times keep their order.
// Invariant: nothing below calls the pump; an event handler never waits.

import { advanceTo, awaitedCount, eventCount, eventNextTime, eventPop, now, timeAfter } from '../base/clock';
import { count } from '../base/counters';
import { callHandler, dispatchOne, dispatchPending } from '../base/dispatch';
import { EINVAL } from '../base/errno';
import { recordsSwitch } from '../base/record';
import { plugRelease } from '../block/queue';
import { COUNTER_STEPS } from '../layout';

const event: usize = memory.data(32, 16);

/** Runs one completion, or takes the next event. False when nothing is pending but what happens in the background. */
export function pumpOne(): bool {
  plugRelease();
  if (dispatchPending() == 0 && awaitedCount() == 0) return false;
  pumpNext();
  return true;
}

/** Runs one completion, or takes the next event, which is there. */
function pumpNext(): void {
  count(COUNTER_STEPS);
  if (dispatchOne()) return;
  eventPop(event);
  callHandler(load<u32>(event, 16), load<usize>(event, 20), 0);
}

/**
 * Lets the next thing happen that is due by `deadline`, an absolute time, or u64.MAX_VALUE for a wait without end. False
 * when there is none; then it is the deadline, if there is one.
 */
export function pumpUntil(deadline: u64): bool {
  plugRelease();
  const isEndless = deadline == u64.MAX_VALUE;
  const isDue = eventCount() > 0 && eventNextTime() <= deadline && (!isEndless || awaitedCount() > 0);
  if (dispatchPending() > 0 || isDue) {
    pumpNext();
    return true;
  }
  if (!isEndless && deadline > now()) advanceTo(deadline);
  return false;
}

/** Runs one event. 1, or 0 when the machine is idle: then time must pass (machineAdvance) for the flusher to do its work. */
export function machineStep(): i32 {
  return pumpOne() ? 1 : 0;
}

/**
 * Runs one event that is due by `timeNs`, an absolute virtual time (a whole number from 0 to 2^53), also one in the background: 1. 0 when there
 * is none: then it is that time, or later. Or EINVAL.
 */
export function machineStepUntil(timeNs: f64): i32 {
  if (!(timeNs >= 0 && timeNs <= 9007199254740992)) return -EINVAL;
  return pumpUntil(<u64>timeNs) ? 1 : 0;
}

/** Runs until nothing is pending, at most `limit` events. How many were run. */
export function machineRun(limit: i32): i32 {
  let ran = 0;
  while (ran < limit && pumpOne()) ran++;
  return ran;
}

/** Runs all that is due now, without moving the clock. How many events were run. */
export function machineRunDue(): i32 {
  let ran = 0;
  plugRelease();
  while (dispatchPending() > 0 || (eventCount() > 0 && eventNextTime() <= now())) {
    pumpNext();
    ran++;
  }
  return ran;
}

/** Lets `nanoseconds` pass, events included. */
export function passTime(nanoseconds: u64): void {
  plugRelease();
  const until = timeAfter(nanoseconds);
  while (dispatchPending() > 0 || (eventCount() > 0 && eventNextTime() <= until)) pumpNext();
  advanceTo(until);
}

/** Lets `nanoseconds` (a whole number from 0 to 2^53) of virtual time pass, events included. 0 or EINVAL. */
export function machineAdvance(nanoseconds: f64): i32 {
  if (!(nanoseconds >= 0 && nanoseconds <= 9007199254740992)) return -EINVAL;
  passTime(<u64>nanoseconds);
  return 0;
}

export function machineRecord(isOn: i32): void {
  recordsSwitch(isOn != 0);
}
