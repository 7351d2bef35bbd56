// The USRBIO daemon: workers take jobs, and the results of a job are shown together (IoRing.cc, FuseClients.cc of 3FS).
//
// Verbs: daemonClaim, daemonInit, daemonSpansBack, and the handlers daemonScan (somebody has posted), partDone (a part came back
// from the files), holdOver (a rest has waited long enough). Jobs are formed in usrbio-jobs.ts, worked off in usrbio-parts.ts.
// Invariants: the results of a job appear together, in the order of submission, when its last part has ended; a place of
// the submission queue is free again when all jobs up to its own have ended; no part starts inside a submit.

import { eventAt, now } from '../base/clock';
import { count } from '../base/counters';
import { complete, KIND_NONE, KIND_USRBIO_HOLD } from '../base/dispatch';
import { record, recording } from '../base/record';
import { COUNTER_USRBIO_COMPLETED, RECORD_USRBIO_DONE } from '../layout';
import { USRBIO_JOBS_A_LOOK, USRBIO_WORKERS } from '../limits';
import { dequeue, formJobs, giveJob, Job, jobsClaim, jobsInit, takePosted } from './usrbio-jobs';
import { joinParts, Part, partFinished, partsClaim, partsInit, startPart } from './usrbio-parts';
import {
  keptResult,
  keptSlot,
  moveFinished,
  postResults,
  publishResult,
  Ring,
  ringAt,
  ringEnd,
  ringFreeUnused,
} from './usrbio-ring';

@unmanaged
class Daemon {
  working: u32;
  /** Jobs that wait for parts or spans. */
  starvedHead: usize;
  starvedTail: usize;
}

const daemon = changetype<Daemon>(memory.data(offsetof<Daemon>(), 16));

export function daemonClaim(partCount: u32): void {
  jobsClaim();
  partsClaim(partCount);
}

/** `flags`: USRBIO_FLAG_…. */
export function daemonInit(flags: u32): void {
  jobsInit(flags);
  partsInit();
}

/** Handler of KIND_USRBIO_HOLD. The event may be of an older hold, or of a ring that is gone. */
export function holdOver(ringPointer: usize, _result: i32): void {
  const ring = changetype<Ring>(ringPointer);
  ring.isTimed = 0;
  if (ring.isLive == 0 || ring.isHolding == 0) return;
  if (now() < ring.holdUntil) {
    ring.isTimed = 1;
    eventAt(ring.holdUntil, KIND_USRBIO_HOLD, ringPointer);
    return;
  }
  formJobs(ring, USRBIO_JOBS_A_LOOK);
  work();
}

/** Handler of KIND_USRBIO_SCAN: looks at every ring of a priority until none has a job to form. */
export function daemonScan(priority: usize, _result: i32): void {
  takePosted(<u32>priority);
  let hasFormed = true;
  while (hasFormed) {
    hasFormed = false;
    for (let index: u32 = 0; index < ringEnd(); index++) {
      const ring = ringAt(index);
      if (ring.isLive == 0 || ring.priority != <u32>priority) continue;
      if (formJobs(ring, USRBIO_JOBS_A_LOOK) > 0) hasFormed = true;
    }
    work();
  }
}

/** Gives queued jobs to free workers. */
function work(): void {
  while (daemon.working < <u32>USRBIO_WORKERS) {
    const pointer = dequeue();
    if (pointer == 0) return;
    daemon.working++;
    startJob(changetype<Job>(pointer));
  }
}

/** Starts what is left of a job; without room for its next part it waits among the starved. */
function startJob(job: Job): void {
  const ring = changetype<Ring>(job.ring);
  while (job.started < job.requestCount) {
    if (!startPart(job, ring)) {
      starve(job);
      return;
    }
  }
  if (job.firstPart == 0) endJob(job);
}

function starve(job: Job): void {
  const pointer = changetype<usize>(job);
  job.queueNext = 0;
  if (daemon.starvedTail != 0) changetype<Job>(daemon.starvedTail).queueNext = pointer;
  else daemon.starvedHead = pointer;
  daemon.starvedTail = pointer;
}

/** Goes on with the jobs that have waited longest, as long as there is room. */
function feedStarved(): void {
  while (daemon.starvedHead != 0) {
    const pointer = daemon.starvedHead;
    daemon.starvedHead = changetype<Job>(pointer).queueNext;
    if (daemon.starvedHead == 0) daemon.starvedTail = 0;
    startJob(changetype<Job>(pointer));
    // it starved again, and so would the others
    if (daemon.starvedTail == pointer) return;
  }
}

/** Spans have come back. */
export function daemonSpansBack(): void {
  feedStarved();
  work();
}

/** Handler of KIND_USRBIO_PART. */
export function partDone(pointer: usize, result: i32): void {
  const part = changetype<Part>(pointer);
  const job = changetype<Job>(part.job);
  partFinished(part, result);
  joinParts(job);
  if (job.firstPart == 0 && job.started == job.requestCount) endJob(job);
  feedStarved();
  work();
}

/** Shows the results of a job, together and in order. */
function publishResults(job: Job, ring: Ring): void {
  for (let index: u32 = 0; index < job.requestCount; index++) {
    count(COUNTER_USRBIO_COMPLETED);
    if (ring.isLive == 0) continue;
    const place = (job.first + index) % ring.places;
    publishResult(ring, place);
    if (recording())
      record(
        RECORD_USRBIO_DONE,
        ring.isForRead != 0 ? 0 : 1,
        ring.index,
        keptSlot(ring, place),
        0,
        1,
        <u32>keptResult(ring, place),
      );
  }
}

/** The last part has ended. */
function endJob(job: Job): void {
  const ring = changetype<Ring>(job.ring);
  publishResults(job, ring);
  job.isFinished = 1;
  ring.processing -= job.requestCount;
  while (ring.firstJob != 0 && changetype<Job>(ring.firstJob).isFinished != 0) {
    const oldest = changetype<Job>(ring.firstJob);
    moveFinished(ring, oldest.requestCount);
    ring.firstJob = oldest.next;
    if (ring.firstJob == 0) ring.lastJob = 0;
    giveJob(oldest);
  }
  daemon.working--;
  if (ring.isLive == 0) {
    ringFreeUnused(ring);
    return;
  }
  postResults(ring);
  if (ring.notifyKind != KIND_NONE) complete(ring.notifyKind, ring.index + 1, 0);
  // the worker tries to form one more job of the same ring
  formJobs(ring, 1);
}
