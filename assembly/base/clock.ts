// Virtual time and the event heap.
//
// Verbs: now, eventAt, eventInBackground, eventPop, eventCancel, eventCount, awaitedCount. Time is in nanoseconds from the opening of the
// machine and moves only when the pump takes the next event. Events in the background (the flusher's clock) happen when
// time passes them; nobody waits for one, so a machine that has only those left is idle.
// Layout: a binary min-heap of 24-byte events: time u64, sequence u64 (shared low bits with kind), owner.
// Invariant: ordered by (time, sequence), so equal times leave in the order in which they were set.

import { arenaClaim } from './arena';

const EVENT_SIZE: usize = 24;
/** Bit of an event's kind: it is in the background. */
const BACKGROUND: u32 = 0x80000000;

@unmanaged
class Event {
  time: u64;
  sequence: u64;
  kind: u32;
  owner: usize;
}

@unmanaged
class Clock {
  now: u64;
  sequence: u64;
  base: usize;
  count: u32;
  capacity: u32;
  /** Events in the background among them. */
  backgroundCount: u32;
}

const clock = changetype<Clock>(memory.data(offsetof<Clock>(), 16));

export function clockClaim(capacity: u32): void {
  clock.capacity = capacity;
  clock.base = arenaClaim(<u64>capacity * EVENT_SIZE, 16);
}

/** The end of time: 2^63 ns, 292 years. Nothing is due later. */
export const END_OF_TIME: u64 = 0x8000000000000000;

/** `nanoseconds` from now, at most END_OF_TIME. */
export function timeAfter(nanoseconds: u64): u64 {
  const left = END_OF_TIME - clock.now;
  return nanoseconds > left ? END_OF_TIME : clock.now + nanoseconds;
}

export function now(): u64 {
  return clock.now;
}

/** Moves time forward to `time`; used by the pump and by waits with a timeout, never backwards. */
export function advanceTo(time: u64): void {
  assert(time >= clock.now, 'time went backwards');
  clock.now = time;
}

export function eventCount(): u32 {
  return clock.count;
}

/** Events that are not in the background. */
export function awaitedCount(): u32 {
  return clock.count - clock.backgroundCount;
}

/** Time of the next event. Only valid while eventCount() > 0. */
export function eventNextTime(): u64 {
  return changetype<Event>(clock.base).time;
}

function eventAddress(index: u32): usize {
  return clock.base + <usize>index * EVENT_SIZE;
}

function isBefore(left: Event, right: Event): bool {
  return left.time < right.time || (left.time == right.time && left.sequence < right.sequence);
}

/** At `time` (≥ now) the pump completes (kind, owner, 0). */
export function eventAt(time: u64, kind: u32, owner: usize): void {
  assert(clock.count < clock.capacity, 'the event heap is full');
  let index = clock.count++;
  const sequence = clock.sequence++;
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    const parent = changetype<Event>(eventAddress(parentIndex));
    if (parent.time <= time) break;
    memory.copy(eventAddress(index), eventAddress(parentIndex), EVENT_SIZE);
    index = parentIndex;
  }
  const event = changetype<Event>(eventAddress(index));
  event.time = time;
  event.sequence = sequence;
  event.kind = kind;
  event.owner = owner;
}

/** As eventAt; but no wait of a machine lasts until this event. */
export function eventInBackground(time: u64, kind: u32, owner: usize): void {
  eventAt(time, kind | BACKGROUND, owner);
  clock.backgroundCount++;
}

/** Copies the next event to `out` (24 bytes: time, sequence, kind, owner), removes it and moves the clock to its time. */
export function eventPop(out: usize): void {
  memory.copy(out, clock.base, EVENT_SIZE);
  clock.now = changetype<Event>(out).time;
  if (changetype<Event>(out).kind & BACKGROUND) {
    changetype<Event>(out).kind &= ~BACKGROUND;
    clock.backgroundCount--;
  }
  removeAt(0);
}

/** Takes back an event that has not come, and is awaited. False when there is none of that kind and owner. */
export function eventCancel(kind: u32, owner: usize): bool {
  for (let index: u32 = 0; index < clock.count; index++) {
    const event = changetype<Event>(eventAddress(index));
    if (event.kind != kind || event.owner != owner) continue;
    removeAt(index);
    return true;
  }
  return false;
}

/** The last event takes the place of the one at `index`, and sinks or rises to where it belongs. */
function removeAt(index: u32): void {
  const last = --clock.count;
  if (index == last) return;
  const moved = changetype<Event>(eventAddress(last));
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    if (!isBefore(moved, changetype<Event>(eventAddress(parentIndex)))) break;
    memory.copy(eventAddress(index), eventAddress(parentIndex), EVENT_SIZE);
    index = parentIndex;
  }
  while (true) {
    let child = index * 2 + 1;
    if (child >= last) break;
    if (
      child + 1 < last &&
      isBefore(changetype<Event>(eventAddress(child + 1)), changetype<Event>(eventAddress(child)))
    )
      child++;
    if (!isBefore(changetype<Event>(eventAddress(child)), moved)) break;
    memory.copy(eventAddress(index), eventAddress(child), EVENT_SIZE);
    index = child;
  }
  memory.copy(eventAddress(index), eventAddress(last), EVENT_SIZE);
}
