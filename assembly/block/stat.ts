// What each drive has done, as /sys/block/*/stat tells it (Documentation/block/stat.rst, block/blk-core.c).
//
// Verbs: statClaim, statStarted, statMerged, statTakenIn, statCounted, statLeft, statPending, statOf. A request is counted when it ends, a bio that joins another's
// request when it joins. Write-zeroes are writes, as Linux counts them; flushes have no sectors, and are those that went to the drive.
// Layout: a Stat for each drive: four groups of four u64, by operation.
// Invariant: a drive is busy from the first request that is with it or waits for it to the end of the last.

import { arenaClaim } from '../base/arena';
import { now } from '../base/clock';
import { Drive, driveAt } from '../drive/drive-table';
import { Bio, Request } from '../drive/request';
import {
  DISK_STAT_DISCARD_IOS,
  DISK_STAT_FLUSH_IOS,
  DISK_STAT_FLUSH_TICKS,
  DISK_STAT_IN_FLIGHT,
  DISK_STAT_IO_TICKS,
  DISK_STAT_READ_IOS,
  DISK_STAT_SIZE,
  DISK_STAT_TIME_IN_QUEUE,
  DISK_STAT_WRITE_IOS,
  OP_DISCARD,
  OP_FLUSH,
  OP_READ,
} from '../layout';

const NANOSECONDS_A_TICK: u64 = 1000000;

/** Requests, bios merged into them, sectors, and the time of all requests together. */
@unmanaged
class Group {
  ios: u64;
  merges: u64;
  sectors: u64;
  nanoseconds: u64;
}

const GROUP_SIZE: usize = offsetof<Group>();
const GROUPS_SIZE: usize = GROUP_SIZE * 4;

@unmanaged
class Stat {
  busyNs: u64;
  busySince: u64;
  /** Requests that have not ended. */
  pending: u32;
}

const STAT_SIZE: usize = GROUPS_SIZE + 24;
const stats: usize = memory.data(8, 8);
/** What statOf answers with. */
const shown: usize = memory.data(DISK_STAT_SIZE, 8);

export function statClaim(driveCount: u32): void {
  store<usize>(stats, arenaClaim(<u64>driveCount * STAT_SIZE, 16));
}

function recordOf(drive: u32): usize {
  return load<usize>(stats) + <usize>drive * STAT_SIZE;
}

function groupIndex(operation: u32): usize {
  if (operation == OP_READ) return 0;
  if (operation == OP_DISCARD) return 2;
  return operation == OP_FLUSH ? 3 : 1;
}

function groupOf(drive: u32, index: usize): Group {
  return changetype<Group>(recordOf(drive) + index * GROUP_SIZE);
}

function statAt(drive: u32): Stat {
  return changetype<Stat>(recordOf(drive) + GROUPS_SIZE);
}

/** A request begins to wait for its drive. */
export function statStarted(request: Request): void {
  const stat = statAt(changetype<Drive>(request.drive).index);
  request.startedAt = now();
  if (stat.pending++ == 0) stat.busySince = now();
}

/** A bio joined a request. */
export function statMerged(bio: Bio): void {
  groupOf(changetype<Drive>(bio.drive).index, groupIndex(bio.operation)).merges++;
}

/** A request joined another: one merge, as for a bio. */
export function statTakenIn(request: Request): void {
  groupOf(changetype<Drive>(request.drive).index, groupIndex(request.operation)).merges++;
  statLeft(request);
}

/** Requests of a drive that have not ended. */
export function statPending(drive: u32): u32 {
  return statAt(drive).pending;
}

/** The drive has carried out a request. */
export function statCounted(request: Request): void {
  const drive = changetype<Drive>(request.drive).index;
  const group = groupOf(drive, groupIndex(request.operation));
  group.ios++;
  group.sectors += request.sectorCount;
  group.nanoseconds += now() - request.startedAt;
}

/** A request waits for its drive no more. */
export function statLeft(request: Request): void {
  const stat = statAt(changetype<Drive>(request.drive).index);
  if (--stat.pending == 0) stat.busyNs += now() - stat.busySince;
}

/** Address of what a drive has done up to now (DISK_STAT_…); good until the next call. */
export function statOf(drive: u32): usize {
  let queued: u64 = 0;
  for (let index: usize = 0; index < 4; index++) queued += groupOf(drive, index).nanoseconds;
  showGroup(drive, 0, DISK_STAT_READ_IOS);
  showGroup(drive, 1, DISK_STAT_WRITE_IOS);
  showGroup(drive, 2, DISK_STAT_DISCARD_IOS);
  const flushes = groupOf(drive, 3);
  store<u64>(shown, flushes.ios, DISK_STAT_FLUSH_IOS);
  store<u64>(shown, flushes.nanoseconds / NANOSECONDS_A_TICK, DISK_STAT_FLUSH_TICKS);
  const stat = statAt(drive);
  const busy = stat.busyNs + (stat.pending > 0 ? now() - stat.busySince : 0);
  store<u64>(shown, driveAt(drive).inFlight, DISK_STAT_IN_FLIGHT);
  store<u64>(shown, busy / NANOSECONDS_A_TICK, DISK_STAT_IO_TICKS);
  store<u64>(shown, queued / NANOSECONDS_A_TICK, DISK_STAT_TIME_IN_QUEUE);
  return shown;
}

/** The four fields of a group, in their order, ticks in milliseconds. */
function showGroup(drive: u32, index: usize, at: usize): void {
  const group = groupOf(drive, index);
  memory.copy(shown + at, changetype<usize>(group), GROUP_SIZE);
  store<u64>(shown + at + offsetof<Group>('nanoseconds'), group.nanoseconds / NANOSECONDS_A_TICK);
}
