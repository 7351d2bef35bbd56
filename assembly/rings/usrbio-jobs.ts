// Jobs of the USRBIO daemon: which requests of a ring are worked on together, and in which order jobs wait for a worker
// (jobsToProc of IoRing.cc in 3FS).
//
// Verbs: jobsClaim, jobsInit, submitIos, postRing, formJobs, dequeue. A job is a run of neighbouring submissions; how many
// depends on the ring's io_depth and timeout. Without enable_priority all jobs share one queue.
// Invariant: a request is in one job at most; what is in jobs and what has not been fetched never exceed the ring's entries.

import { eventAt, now, timeAfter } from '../base/clock';
import { count } from '../base/counters';
import { complete, KIND_USRBIO_HOLD, KIND_USRBIO_SCAN } from '../base/dispatch';
import { EINVAL } from '../base/errno';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { record, recording } from '../base/record';
import {
  COUNTER_USRBIO_JOBS,
  HF3FS_RING_SQE_HEAD,
  RECORD_USRBIO_JOB,
  USRBIO_FLAG_PRIORITY,
  USRBIO_FLAG_READ_ONLY,
  USRBIO_JOB_ALL,
  USRBIO_JOB_DEPTH,
  USRBIO_JOB_REST,
  USRBIO_JOB_TIMEOUT,
} from '../layout';
import { MAX_USRBIO_JOBS, USRBIO_HIGH_JOBS, USRBIO_LOW_JOBS, USRBIO_NORMAL_JOBS } from '../limits';
import {
  marker,
  PRIORITY_HIGH,
  PRIORITY_LOW,
  PRIORITY_NORMAL,
  Ring,
  resultsReady,
  ringOfStruct,
} from './usrbio-ring';

const NANOSECONDS_A_MILLISECOND: u64 = 1000000;

@unmanaged
export class Job {
  /** The next younger job of the ring. */
  next: usize;
  /** The next job in the queue of its priority, or among those that wait for room. */
  queueNext: usize;
  ring: usize;
  id: u32;
  /** Its requests: places of the submission queue. */
  first: u32;
  requestCount: u32;
  /** How far it has been started: request, and bytes of it. */
  started: u32;
  startedBytes: u64;
  /** Parts that are not joined yet, in order; the first one is in flight or not even that. */
  firstPart: usize;
  lastPart: usize;
  /** The request being joined: its bytes so far, gaps included, or its first error. */
  total: i64;
  isFinished: u32;
}

@unmanaged
class JobQueue {
  head: usize;
  tail: usize;
  length: u32;
  /** Forming of jobs has stopped because the queue is full. */
  isBlocked: u32;
}

@unmanaged
class Jobs {
  flags: u32;
  nextId: u32;
  /** Priorities whose semaphore has been posted and not been looked at: a bit each. */
  posted: u32;
}

const QUEUE_COUNT: u32 = 3;

export const jobPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const jobs = changetype<Jobs>(memory.data(offsetof<Jobs>(), 16));
const queues: usize = memory.data(64, 16);

export function jobsClaim(): void {
  poolClaim(jobPool, offsetof<Job>(), MAX_USRBIO_JOBS);
}

/** `flags`: USRBIO_FLAG_…. */
export function jobsInit(flags: u32): void {
  poolInit(jobPool);
  jobs.flags = flags;
  assert(QUEUE_COUNT * offsetof<JobQueue>() <= 64, 'the job queues have no room');
}

/** The client is a read-only user. */
export function isReadOnlyUser(): bool {
  return (jobs.flags & USRBIO_FLAG_READ_ONLY) != 0;
}

function queueAt(priority: u32): JobQueue {
  return changetype<JobQueue>(queues + <usize>priority * offsetof<JobQueue>());
}

/** Without enable_priority all jobs share the queue of the normal ones. */
function queueOf(ring: Ring): u32 {
  return jobs.flags & USRBIO_FLAG_PRIORITY ? ring.priority : PRIORITY_NORMAL;
}

function queueLimit(priority: u32): u32 {
  if (priority == PRIORITY_HIGH) return USRBIO_HIGH_JOBS;
  return priority == PRIORITY_LOW ? USRBIO_LOW_JOBS : USRBIO_NORMAL_JOBS;
}

function enqueue(job: Job, priority: u32): void {
  const queue = queueAt(priority);
  const pointer = changetype<usize>(job);
  job.queueNext = 0;
  if (queue.tail != 0) changetype<Job>(queue.tail).queueNext = pointer;
  else queue.head = pointer;
  queue.tail = pointer;
  queue.length++;
}

/** The next job for a worker: of the highest priority that has one. 0 when there is none. */
export function dequeue(): usize {
  for (let priority: u32 = 0; priority < QUEUE_COUNT; priority++) {
    const queue = queueAt(priority);
    const pointer = queue.head;
    if (pointer == 0) continue;
    queue.head = changetype<Job>(pointer).queueNext;
    if (queue.head == 0) queue.tail = 0;
    queue.length--;
    unblock(queue);
    return pointer;
  }
  return 0;
}

function post(priority: u32): void {
  const bit: u32 = 1 << priority;
  if (jobs.posted & bit) return;
  jobs.posted |= bit;
  complete(KIND_USRBIO_SCAN, priority, 0);
}

/** There is room again: whoever could not form a job for this queue looks once more. */
function unblock(queue: JobQueue): void {
  if (queue.isBlocked == 0) return;
  queue.isBlocked = 0;
  for (let priority: u32 = 0; priority < QUEUE_COUNT; priority++) post(priority);
}

/** Posts the semaphore of the ring's priority. */
export function postRing(ring: Ring): void {
  post(ring.priority);
}

/** hf3fs_submit_ios: 0, or EINVAL for no ring. The daemon looks at every ring of the priority. */
export function submitIos(ior: u32): i32 {
  const ring = ringOfStruct(ior);
  if (ring == null) return -EINVAL;
  postRing(ring);
  return 0;
}

/** Places from `from` up to `to`. */
function distance(ring: Ring, from: u32, to: u32): u32 {
  return to >= from ? to - from : ring.places - from + to;
}

/** Requests that have been prepared and are in no job. A marker that the client has spoilt can not reach a place in use. */
function unclaimed(ring: Ring): u32 {
  const prepared = distance(ring, ring.claimed, marker(ring, HF3FS_RING_SQE_HEAD));
  const inUse = distance(ring, ring.finished, ring.claimed);
  return min<u32>(prepared, ring.entries - inUse);
}

/** Results that there is room for. */
function completionRoom(ring: Ring): u32 {
  const taken = ring.processing + resultsReady(ring);
  return taken < ring.entries ? ring.entries - taken : 0;
}

/** Requests of the next job by the ring's io_depth, or 0 when none can be formed now. */
function nextJobSize(ring: Ring): u32 {
  const available = min<u32>(unclaimed(ring), completionRoom(ring));
  if (available == 0) {
    ring.isHolding = 0;
    return 0;
  }
  const depth = <u32>abs<i32>(ring.ioDepth);
  if (depth != 0 && available >= depth) {
    ring.isHolding = 0;
    return depth;
  }
  if (ring.ioDepth > 0) return 0;
  if (ring.ioDepth == 0 || ring.timeoutMs == 0) return available;
  return hold(ring) ? 0 : available;
}

/** True while a rest is held back in the hope of more. */
function hold(ring: Ring): bool {
  if (ring.isHolding == 0) {
    ring.isHolding = 1;
    ring.holdUntil = timeAfter(<u64>ring.timeoutMs * NANOSECONDS_A_MILLISECOND);
    if (ring.isTimed == 0) {
      ring.isTimed = 1;
      eventAt(ring.holdUntil, KIND_USRBIO_HOLD, changetype<usize>(ring));
    }
    return true;
  }
  if (now() < ring.holdUntil) return true;
  ring.isHolding = 0;
  return false;
}

function reasonOf(ring: Ring, size: u32): u32 {
  if (ring.ioDepth == 0) return USRBIO_JOB_ALL;
  if (size == <u32>abs<i32>(ring.ioDepth)) return USRBIO_JOB_DEPTH;
  return ring.timeoutMs == 0 ? USRBIO_JOB_REST : USRBIO_JOB_TIMEOUT;
}

/** Forms up to `limit` jobs of a ring (jobsToProc) and queues them. How many. */
export function formJobs(ring: Ring, limit: u32): u32 {
  const priority = queueOf(ring);
  const queue = queueAt(priority);
  let formed: u32 = 0;
  while (formed < limit) {
    if (queue.length >= queueLimit(priority) || jobPool.used == jobPool.capacity) {
      queue.isBlocked = 1;
      return formed;
    }
    const size = nextJobSize(ring);
    if (size == 0) return formed;
    formJob(ring, size, priority);
    formed++;
  }
  return formed;
}

function formJob(ring: Ring, size: u32, priority: u32): void {
  const pointer = poolTake(jobPool);
  memory.fill(pointer, 0, offsetof<Job>());
  const job = changetype<Job>(pointer);
  job.ring = changetype<usize>(ring);
  job.id = jobs.nextId++;
  job.first = ring.claimed;
  job.requestCount = size;
  ring.claimed = (ring.claimed + size) % ring.places;
  ring.processing += size;
  if (ring.lastJob != 0) changetype<Job>(ring.lastJob).next = pointer;
  else ring.firstJob = pointer;
  ring.lastJob = pointer;
  count(COUNTER_USRBIO_JOBS);
  if (recording())
    record(RECORD_USRBIO_JOB, ring.isForRead != 0 ? 0 : 1, ring.index, job.id, 0, size, reasonOf(ring, size));
  enqueue(job, priority);
}

/** The semaphore of a priority is taken. */
export function takePosted(priority: u32): void {
  jobs.posted &= ~((<u32>1) << priority);
}

/** The job has ended and no older one of its ring is left: its record is free, for a ring that may have stopped for want of one. */
export function giveJob(job: Job): void {
  poolGive(jobPool, changetype<usize>(job));
  for (let priority: u32 = 0; priority < QUEUE_COUNT; priority++) unblock(queueAt(priority));
}
