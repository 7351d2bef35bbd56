// Wait queues: who is parked on what.
//
// Verbs: park, wakeAll, wakeOne. A waiter is any record whose first word is a link and second word its resume kind.
// Layout: one word holds the whole queue: the address of the last waiter, whose link is the first (a ring).
// Invariant: a record is in at most one queue; waking queues a completion, so it runs from the pump in order of parking.

import { complete } from './dispatch';

@unmanaged
export class Waiter {
  next: usize;
  resumeKind: u32;
}

/** Adds `waiter` at the end of the queue whose word is at `queue`. */
export function park(queue: usize, waiter: usize): void {
  const last = load<usize>(queue);
  if (last == 0) {
    changetype<Waiter>(waiter).next = waiter;
  } else {
    changetype<Waiter>(waiter).next = changetype<Waiter>(last).next;
    changetype<Waiter>(last).next = waiter;
  }
  store<usize>(queue, waiter);
}

/** Wakes the first waiter. False when nobody waits. */
export function wakeOne(queue: usize): bool {
  const last = load<usize>(queue);
  if (last == 0) return false;
  const first = changetype<Waiter>(last).next;
  if (first == last) store<usize>(queue, 0);
  else changetype<Waiter>(last).next = changetype<Waiter>(first).next;
  changetype<Waiter>(first).next = 0;
  complete(changetype<Waiter>(first).resumeKind, first, 0);
  return true;
}

export function wakeAll(queue: usize): void {
  while (wakeOne(queue)) {}
}
