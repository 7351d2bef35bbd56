// What each drive has in hand, and for how long: queue depths, and the times that requests spend at a drive.
//
// Verbs: driveTimesClaim, driveTimesStarted, driveTimesEnded, driveTimesOf, driveTimesHistogram. A request is at its drive
// from the start of its service to its completion; what waits in the block layer's queues is not.
// Layout: DRIVE_TIMES_… for each drive, and one histogram of all drives in a machine that replays.

import { arenaClaim } from '../base/arena';
import { now } from '../base/clock';
import { histogramAdd } from '../base/histogram';
import {
  DRIVE_TIMES_MOST,
  DRIVE_TIMES_REQUESTS,
  DRIVE_TIMES_SIZE,
  DRIVE_TIMES_TOTAL_NS,
  HISTOGRAM_SIZE,
} from '../layout';
import { Drive } from './drive-table';
import { Request } from './request';

@unmanaged
class Times {
  base: usize;
  /** 0: nobody asks. */
  histogram: usize;
}

const times = changetype<Times>(memory.data(offsetof<Times>(), 8));

export function driveTimesClaim(driveCount: u32, hasHistogram: bool): void {
  times.base = arenaClaim(<u64>driveCount * DRIVE_TIMES_SIZE, 16);
  times.histogram = hasHistogram ? arenaClaim(HISTOGRAM_SIZE, 16) : 0;
}

/** Address of what a drive has had in hand (DRIVE_TIMES_…). */
export function driveTimesOf(drive: u32): usize {
  return times.base + <usize>drive * DRIVE_TIMES_SIZE;
}

/** The histogram of all drives, or 0. */
export function driveTimesHistogram(): usize {
  return times.histogram;
}

/** The drive has taken the request: it counts as in flight. */
export function driveTimesStarted(drive: Drive, request: Request): void {
  request.takenAt = now();
  const account = driveTimesOf(drive.index);
  if (drive.inFlight > load<u64>(account, DRIVE_TIMES_MOST))
    store<u64>(account, drive.inFlight, DRIVE_TIMES_MOST);
}

/** The drive is done with the request. */
export function driveTimesEnded(drive: Drive, request: Request): void {
  const nanoseconds = now() - request.takenAt;
  const account = driveTimesOf(drive.index);
  store<u64>(account, load<u64>(account, DRIVE_TIMES_TOTAL_NS) + nanoseconds, DRIVE_TIMES_TOTAL_NS);
  store<u64>(account, load<u64>(account, DRIVE_TIMES_REQUESTS) + 1, DRIVE_TIMES_REQUESTS);
  if (times.histogram != 0) histogramAdd(times.histogram, nanoseconds);
}
