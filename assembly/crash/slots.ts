// The sectors that the log touches: a slot for each, in the order of the drive.
//
// Verbs: slotsCount, slotsClaim, slotsInit, slotAt, slotOf, cellsOf.
// Layout: runs of touched sectors, sorted; a run's sectors have consecutive slots.
// Invariant: a write's sectors, and those around it that its damage may reach, lie in one run, so its slots are consecutive.

import { arenaClaim } from '../base/arena';
import { extensionAfter, extensionBefore } from './model';
import { NEVER, report, Write, writeAt } from './tables';

/** Sectors of one log that fit into 4 GiB of memory: beyond that nothing is tried. */
export const MAX_SLOTS: u64 = 1 << 26;

@unmanaged
class Run {
  start: u64;
  end: u64;
  slot: u32;
  padding: u32;
}

/** A sector: what the built image holds there, and what is known of it. */
@unmanaged
export class Slot {
  sector: u64;
  /** Hash of the content in the image, and in the base image. */
  low: u64;
  high: u64;
  baseLow: u64;
  baseHigh: u64;
  /** The newest durable write here, counted from 1; 0: the base image. */
  floor: u32;
  /** The newest uncertain cell here, or 0. */
  head: u32;
  isDirty: u32;
  isBaseKnown: u32;
}

@unmanaged
class Slots {
  runs: usize;
  runCount: u32;
  base: usize;
  count: u32;
}

export const slots = changetype<Slots>(memory.data(offsetof<Slots>(), 16));

export function slotAt(index: u32): Slot {
  return changetype<Slot>(slots.base + <usize>index * offsetof<Slot>());
}

function runAt(index: u32): Run {
  return changetype<Run>(slots.runs + <usize>index * offsetof<Run>());
}

/** Claims room for the runs, one for each write at most. */
export function runsClaim(): void {
  slots.runs = arenaClaim(<u64>report.writeCount * offsetof<Run>(), 64);
}

/** Sectors of a write with those around it that its damage may reach. */
export function cellsOf(write: Write): u32 {
  return write.extensionBefore + write.sectors + write.extensionAfter;
}

/** Finds the runs, and counts the slots. */
export function slotsCount(): u64 {
  for (let index: u32 = 0; index < report.writeCount; index++) {
    const write = writeAt(index);
    write.extensionBefore = extensionBefore(write);
    write.extensionAfter = extensionAfter(write);
    const run = runAt(index);
    run.start = write.sector - write.extensionBefore;
    run.end = write.sector + write.sectors + write.extensionAfter;
  }
  sortRuns(report.writeCount);
  slots.runCount = 0;
  let count: u64 = 0;
  for (let index: u32 = 0; index < report.writeCount; index++) {
    const next = runAt(index);
    if (slots.runCount > 0 && next.start <= runAt(slots.runCount - 1).end) {
      const run = runAt(slots.runCount - 1);
      if (next.end > run.end) {
        count += next.end - run.end;
        run.end = next.end;
      }
      continue;
    }
    const run = runAt(slots.runCount++);
    run.start = next.start;
    run.end = next.end;
    run.slot = <u32>count;
    count += run.end - run.start;
  }
  return count;
}

function swapRuns(first: u32, second: u32): void {
  const a = runAt(first);
  const b = runAt(second);
  const start = a.start;
  const end = a.end;
  a.start = b.start;
  a.end = b.end;
  b.start = start;
  b.end = end;
}

/** Heapsort by start. */
function sortRuns(count: u32): void {
  for (let index = count >> 1; index > 0; index--) siftDown(index - 1, count);
  for (let end = count; end > 1; end--) {
    swapRuns(0, end - 1);
    siftDown(0, end - 1);
  }
}

function siftDown(from: u32, count: u32): void {
  let parent = from;
  while (true) {
    let child = parent * 2 + 1;
    if (child >= count) return;
    if (child + 1 < count && runAt(child).start < runAt(child + 1).start) child++;
    if (runAt(parent).start >= runAt(child).start) return;
    swapRuns(parent, child);
    parent = child;
  }
}

export function slotsClaim(count: u32): void {
  slots.count = count;
  slots.base = arenaClaim(<u64>count * offsetof<Slot>(), 64);
}

/** Names the slots and tells each write where its own begin. Their memory is fresh: all else in them is 0. */
export function slotsInit(): void {
  for (let index: u32 = 0; index < slots.runCount; index++) {
    const run = runAt(index);
    const count = <u32>(run.end - run.start);
    for (let within: u32 = 0; within < count; within++) slotAt(run.slot + within).sector = run.start + within;
  }
  for (let index: u32 = 0; index < report.writeCount; index++) {
    writeAt(index).slot = slotOf(writeAt(index).sector);
  }
}

/** The slot of a sector, or NEVER where the log touches nothing. */
export function slotOf(sector: u64): u32 {
  let low: u32 = 0;
  let high = slots.runCount;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runAt(middle).end <= sector) low = middle + 1;
    else high = middle;
  }
  if (low == slots.runCount || runAt(low).start > sector) return NEVER;
  return runAt(low).slot + <u32>(sector - runAt(low).start);
}
