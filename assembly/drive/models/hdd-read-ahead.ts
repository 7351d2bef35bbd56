// The read-ahead buffer: after a read the head reads on, until the buffer is full or there is something else to do.
//
// Verbs: aheadBegin, aheadCatchUp, aheadHolds, aheadContinues, aheadTake, aheadStop, aheadForget. There is one run of sectors, behind the last read; what was
// handed to the host is forgotten, and so is all of it when the host writes into it. It passes under the head at the nominal
// rate; what it has read is known whenever somebody asks, so it needs no events.
// Invariant: while it runs, (cylinder, head) is where the head was at aheadTime.

import { FOR_EVER, headFollows, journey, travel } from './hdd-media';
import { Hdd } from './hdd-state';

/** A read has ended at `time` in front of `sector`; the head is there. */
export function aheadBegin(hdd: Hdd, sector: u64, time: u64): void {
  hdd.aheadFirst = sector;
  hdd.aheadNext = sector;
  hdd.aheadTime = time;
  hdd.aheadLimit = min<u64>(sector + hdd.readAhead, hdd.sectors);
  hdd.isReadingAhead = hdd.readAhead > 0 ? 1 : 0;
}

/** Brings aheadNext and the head to where they are at `time`. A head that has come to the limit stays on its track. */
export function aheadCatchUp(hdd: Hdd, time: u64): void {
  if (hdd.isReadingAhead == 0 || time <= hdd.aheadTime) return;
  travel(hdd, hdd.aheadTime, hdd.aheadNext, hdd.aheadLimit - hdd.aheadNext, false, time);
  headFollows(hdd);
  hdd.aheadNext += journey.sectors;
  hdd.aheadTime = hdd.aheadNext == hdd.aheadLimit ? time : journey.ended;
}

/** All of the range is in the buffer. */
export function aheadHolds(hdd: Hdd, sector: u64, count: u64): bool {
  return sector >= hdd.aheadFirst && sector + count <= hdd.aheadNext;
}

/** The head comes to the end of the range if it just reads on. */
export function aheadContinues(hdd: Hdd, sector: u64, count: u64): bool {
  return (
    hdd.isReadingAhead != 0 &&
    sector >= hdd.aheadFirst &&
    sector <= hdd.aheadNext &&
    sector + count > hdd.aheadNext
  );
}

/** Fills in `journey` for a read that aheadContinues(). */
export function aheadTravel(hdd: Hdd, end: u64): void {
  travel(hdd, hdd.aheadTime, hdd.aheadNext, end - hdd.aheadNext, false, FOR_EVER);
}

/** The host has read up to `end` out of the buffer: there is room behind it. */
export function aheadTake(hdd: Hdd, end: u64): void {
  hdd.aheadFirst = end;
  if (hdd.isReadingAhead != 0) hdd.aheadLimit = min<u64>(end + hdd.readAhead, hdd.sectors);
}

/** The head leaves at `time`; what was read stays in the buffer. */
export function aheadStop(hdd: Hdd, time: u64): void {
  aheadCatchUp(hdd, time);
  hdd.isReadingAhead = 0;
}

/** The host writes a range: a buffer that has some of it, or would come to it, is given up. */
export function aheadForget(hdd: Hdd, sector: u64, count: u64, time: u64): void {
  const end = hdd.isReadingAhead != 0 ? hdd.aheadLimit : hdd.aheadNext;
  if (sector >= end || sector + count <= hdd.aheadFirst) return;
  aheadStop(hdd, time);
  hdd.aheadFirst = 0;
  hdd.aheadNext = 0;
}
