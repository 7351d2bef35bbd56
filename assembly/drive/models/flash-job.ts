// A request in the hands of a drive of flash.
//
// Verbs: jobTake, jobServed. One job for each request from its start to the setting of its end; there are as many as bios, and so
// enough. Layout: a pool.

import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../../base/pool';
import { Request } from '../request';
import { servedAt } from '../served';
import { Flash, UNIT_SECTORS_SHIFT } from './flash-state';

@unmanaged
export class Job {
  next: usize;
  request: usize;
  flash: usize;
  /** Reads: parts on their way; writes that wait for programs: those; flushes: units not programmed yet. */
  left: u32;
  /** Reads: all parts are on their way or done. */
  isDispatched: u32;
  /** Its units on the drive: [from, to). Reads: where dispatching goes on. */
  from: u64;
  to: u64;
  /** Reads: end of the last transfer, 0 before the first. */
  end: u64;
  /** Flushes: programs with a smaller number are waited for. */
  mark: u64;
  /** Reads: bytes that need no die. Writes: units taken of the buffer. */
  ready: u32;
  padding: u32;
}

const jobPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));

export function jobsClaim(count: u32): void {
  poolClaim(jobPool, offsetof<Job>(), count);
}

export function jobsInit(): void {
  poolInit(jobPool);
}

export function jobsInUse(): u32 {
  return jobPool.used;
}

export function jobTake(flash: Flash, request: Request): Job {
  const pointer = poolTake(jobPool);
  assert(pointer != 0, 'more flash jobs than bios');
  const job = changetype<Job>(pointer);
  memory.fill(pointer, 0, offsetof<Job>());
  job.request = changetype<usize>(request);
  job.flash = changetype<usize>(flash);
  job.from = request.mediaSector >> UNIT_SECTORS_SHIFT;
  const end = request.mediaSector + request.sectorCount;
  job.to = (end + (1 << UNIT_SECTORS_SHIFT) - 1) >> UNIT_SECTORS_SHIFT;
  return job;
}

/** Its request ends at `time`; the job is over. */
export function jobServed(job: Job, time: u64): void {
  const request = changetype<Request>(job.request);
  poolGive(jobPool, changetype<usize>(job));
  servedAt(request, time);
}
