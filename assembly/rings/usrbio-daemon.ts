// The USRBIO daemon: forms jobs of what rings hold, works on them, and puts the results back (IoRing.cc, PioV.cc of 3FS).
//
// Verbs: submitIos, and the handlers daemonScan (somebody has posted), partDone (a part came back from the files), holdOver
// (a rest has waited long enough). A job is a run of requests that end together; its requests are cut at file chunks.
// Invariants: the results of a job appear together, in the order of submission, when its last part has ended; a place of
// the submission queue is free again when all jobs up to its own have ended; no part starts inside a submit.

import { eventAt, now, timeAfter } from '../base/clock';
import { count } from '../base/counters';
import { complete, KIND_NONE, KIND_USRBIO_HOLD, KIND_USRBIO_PART, KIND_USRBIO_SCAN } from '../base/dispatch';
import { EBADF, EINVAL, ENODATA, EROFS } from '../base/errno';
import {
  FLAG_DIRECT,
  FLAG_DSYNC,
  FLAG_SYNC,
  OPERATION_READ,
  OPERATION_WRITE,
  Operation,
  operationTake,
} from '../base/operation';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { record, recording } from '../base/record';
import { spanAwait, spanTake } from '../base/span';
import { errseqLast, Inode, inodeAt, inodeCount } from '../cache/inode';
import { Drive, movesBytes } from '../drive/drive-table';
import { startOperation } from '../files/file-operation';
import { chunkBytes, holePresent } from '../files/holes';
import {
  COUNTER_USRBIO_COMPLETED,
  COUNTER_USRBIO_JOBS,
  DRIVE_FLAG_READ_ONLY,
  HF3FS_ARGS_BUFFER_ID,
  HF3FS_ARGS_BUFFER_OFFSET,
  HF3FS_ARGS_FILE,
  HF3FS_ARGS_FILE_OFFSET,
  HF3FS_ARGS_LENGTH,
  HF3FS_ARGS_USERDATA,
  HF3FS_IOR_FORBID_READ_HOLES,
  HF3FS_RING_SQE_HEAD,
  HF3FS_SQE_SLOT,
  RECORD_USRBIO_DONE,
  RECORD_USRBIO_JOB,
  USRBIO_FLAG_PRIORITY,
  USRBIO_FLAG_READ_ONLY,
  USRBIO_JOB_ALL,
  USRBIO_JOB_DEPTH,
  USRBIO_JOB_REST,
  USRBIO_JOB_TIMEOUT,
} from '../layout';
import {
  MAX_USRBIO_JOBS,
  SECTOR_SIZE,
  USRBIO_HIGH_JOBS,
  USRBIO_JOBS_A_LOOK,
  USRBIO_LOW_JOBS,
  USRBIO_NORMAL_JOBS,
  USRBIO_WORKERS,
} from '../limits';
import { bufferFind, bufferHold, bufferRelease, SharedBuffer } from './usrbio-buffer';
import {
  argsOf,
  keepResult,
  keptResult,
  keptSlot,
  marker,
  moveFinished,
  PRIORITY_HIGH,
  PRIORITY_LOW,
  PRIORITY_NORMAL,
  postResults,
  publishResult,
  Ring,
  resultsReady,
  ringAt,
  ringEnd,
  ringFreeUnused,
  ringOfStruct,
  slotFlags,
  submissionAt,
} from './usrbio-ring';

const NANOSECONDS_A_MILLISECOND: u64 = 1000000;

@unmanaged
class Job {
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

/** What lies in one chunk of one request; the whole request when it can not be carried out. */
@unmanaged
class Part {
  next: usize;
  job: usize;
  /** Its request, counted within the job. */
  request: u32;
  slot: u32;
  userdata: u64;
  /** Where it begins in the request. */
  offset: u64;
  length: u32;
  /** Bytes of it that exist in the file (a read). */
  present: u32;
  /** It is the last of its request. */
  isLast: u32;
  isDone: u32;
  address: usize;
  /** The buffer that it holds, or 0. */
  buffer: usize;
  result: i32;
  /** The inode whose write-back errors a synchronous write reports, or 0, and how many there were when it began. */
  inode: usize;
  errorMark: u32;
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
class Daemon {
  flags: u32;
  working: u32;
  nextId: u32;
  /** Priorities whose semaphore has been posted and not been looked at: a bit each. */
  posted: u32;
  /** Jobs that wait for parts, operations or spans. */
  starvedHead: usize;
  starvedTail: usize;
}

const QUEUE_COUNT: u32 = 3;

export const jobPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
export const partPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const daemon = changetype<Daemon>(memory.data(offsetof<Daemon>(), 16));
const queues: usize = memory.data(64, 16);

export function daemonClaim(partCount: u32): void {
  poolClaim(jobPool, offsetof<Job>(), MAX_USRBIO_JOBS);
  poolClaim(partPool, offsetof<Part>(), partCount);
}

/** `flags`: USRBIO_FLAG_…. */
export function daemonInit(flags: u32): void {
  poolInit(jobPool);
  poolInit(partPool);
  daemon.flags = flags;
  assert(QUEUE_COUNT * offsetof<JobQueue>() <= 64, 'the job queues have no room');
}

// ---- the queues of jobs ----

function queueAt(priority: u32): JobQueue {
  return changetype<JobQueue>(queues + <usize>priority * offsetof<JobQueue>());
}

/** Without enable_priority all jobs share the queue of the normal ones. */
function queueOf(ring: Ring): u32 {
  return daemon.flags & USRBIO_FLAG_PRIORITY ? ring.priority : PRIORITY_NORMAL;
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
function dequeue(): usize {
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

// ---- forming jobs ----

function post(priority: u32): void {
  const bit: u32 = 1 << priority;
  if (daemon.posted & bit) return;
  daemon.posted |= bit;
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

/** Requests of the next job by the ring's io_depth, or 0; what is the reason goes to `reasonOfJob`. */
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

function reasonOf(ring: Ring, size: u32): u32 {
  if (ring.ioDepth == 0) return USRBIO_JOB_ALL;
  if (size == <u32>abs<i32>(ring.ioDepth)) return USRBIO_JOB_DEPTH;
  return ring.timeoutMs == 0 ? USRBIO_JOB_REST : USRBIO_JOB_TIMEOUT;
}

/** Forms up to `limit` jobs of a ring (jobsToProc) and queues them. How many. */
function formJobs(ring: Ring, limit: u32): u32 {
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
  job.id = daemon.nextId++;
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

/** Handler of KIND_USRBIO_SCAN: looks at every ring of a priority until none has a job to form. */
export function daemonScan(priority: usize, _result: i32): void {
  daemon.posted &= ~((<u32>1) << (<u32>priority));
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

// ---- working on jobs ----

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

/** Why a request can not be carried out (sheet §6, in its order), or 0. */
function checkRequest(ring: Ring, args: usize): i32 {
  if (ring.isForRead == 0 && (daemon.flags & USRBIO_FLAG_READ_ONLY) != 0) return -EROFS;
  const file = load<u64>(args, HF3FS_ARGS_FILE);
  if (file >= <u64>inodeCount()) return -EBADF;
  const drive = changetype<Drive>(inodeAt(<u32>file).drive);
  if (ring.isForRead == 0 && (drive.flags & DRIVE_FLAG_READ_ONLY) != 0) return -EROFS;
  const buffer = bufferFind(args + HF3FS_ARGS_BUFFER_ID);
  if (buffer == null || buffer.isRing != 0) return -EINVAL;
  const offset = load<u64>(args, HF3FS_ARGS_BUFFER_OFFSET);
  const bytes = load<u64>(args, HF3FS_ARGS_LENGTH);
  const room = <u64>buffer.bytes;
  if (bytes == 0 || offset > room || bytes > room - offset) return -EINVAL;
  const block = <u64>buffer.blockSize;
  if (block != 0 && offset / block != (offset + bytes - 1) / block) return -EINVAL;
  const fileOffset = load<u64>(args, HF3FS_ARGS_FILE_OFFSET);
  return fileOffset > <u64>i64.MAX_VALUE - bytes ? -EINVAL : 0;
}

/** A part of the request that the job is at, behind its other parts. 0 when the pool is empty. */
function addPart(job: Job, slot: u32, args: usize): usize {
  const pointer = poolTake(partPool);
  if (pointer == 0) return 0;
  memory.fill(pointer, 0, offsetof<Part>());
  const part = changetype<Part>(pointer);
  part.job = changetype<usize>(job);
  part.request = job.started;
  part.slot = slot;
  part.userdata = load<u64>(args, HF3FS_ARGS_USERDATA);
  part.offset = job.startedBytes;
  if (job.lastPart != 0) changetype<Part>(job.lastPart).next = pointer;
  else job.firstPart = pointer;
  job.lastPart = pointer;
  return pointer;
}

/** `last`: the last part of the request that has been started. */
function nextRequest(job: Job, last: Part): void {
  last.isLast = 1;
  job.started++;
  job.startedBytes = 0;
}

/** A request, or what is left of it, that fails before it reaches a file. */
function refuse(job: Job, slot: u32, args: usize, result: i32): bool {
  const pointer = addPart(job, slot, args);
  if (pointer == 0) return false;
  const part = changetype<Part>(pointer);
  part.result = result;
  part.isDone = 1;
  nextRequest(job, part);
  joinParts(job);
  return true;
}

/** Bytes of [position, position + length) that a read finds in the file. */
function presentBytes(inode: Inode, position: u64, length: u32): u32 {
  if (position >= inode.size) return 0;
  return <u32>holePresent(inode, position, min<u64>(length, inode.size - position));
}

/** Starts the next part of a job. False when there is no room for it now. */
function startPart(job: Job, ring: Ring): bool {
  const slot = load<u32>(submissionAt(ring, (job.first + job.started) % ring.places), HF3FS_SQE_SLOT);
  const args = argsOf(ring, min<u32>(slot, ring.entries));
  const refusal = slot < ring.entries ? checkRequest(ring, args) : -EINVAL;
  if (refusal != 0) return refuse(job, slot, args, refusal);
  const buffer = changetype<SharedBuffer>(bufferFind(args + HF3FS_ARGS_BUFFER_ID));
  const inode = inodeAt(load<u32>(args, HF3FS_ARGS_FILE));
  const bytes = load<u64>(args, HF3FS_ARGS_LENGTH);
  // the client has shortened a request that is on its way
  if (job.startedBytes >= bytes) return refuse(job, slot, args, -EINVAL);
  const fileOffset = load<u64>(args, HF3FS_ARGS_FILE_OFFSET);
  // also where the file ends or has a hole, and nothing is read
  if ((slotFlags(ring, slot) & FLAG_DIRECT) != 0 && ((fileOffset | bytes) & (SECTOR_SIZE - 1)) != 0)
    return refuse(job, slot, args, -EINVAL);
  const position = fileOffset + job.startedBytes;
  const length = <u32>min<u64>(bytes - job.startedBytes, chunkBytes() - (position % chunkBytes()));
  const present = ring.isForRead != 0 ? presentBytes(inode, position, length) : length;
  if (partPool.used == partPool.capacity) return false;
  const address = buffer.address + <usize>(load<u64>(args, HF3FS_ARGS_BUFFER_OFFSET) + job.startedBytes);
  if (present > 0 && !startTransfer(ring, inode, slot, position, length, present, address)) return false;
  const pointer = addPart(job, slot, args);
  const part = changetype<Part>(pointer);
  part.length = length;
  part.present = present;
  part.address = address;
  part.buffer = changetype<usize>(buffer);
  if (ring.isForRead == 0 && (slotFlags(ring, slot) & (FLAG_DSYNC | FLAG_SYNC)) != 0) {
    part.inode = changetype<usize>(inode);
    part.errorMark = inode.writebackErrors;
  }
  bufferHold(buffer);
  job.startedBytes += length;
  if (job.startedBytes == bytes) nextRequest(job, part);
  if (present > 0) {
    const operation = changetype<Operation>(load<usize>(startedOperation));
    operation.owner = pointer;
    startOperation(operation);
  } else {
    part.isDone = 1;
    joinParts(job);
  }
  return true;
}

/** The operation that startTransfer has made ready. */
const startedOperation: usize = memory.data(8, 8);

/** Makes the operation of a part ready. False when there is no operation or no span. */
function startTransfer(
  ring: Ring,
  inode: Inode,
  slot: u32,
  position: u64,
  length: u32,
  present: u32,
  address: usize,
): bool {
  const flags = slotFlags(ring, slot);
  const isDirect = (flags & FLAG_DIRECT) != 0;
  // a direct read takes whole sectors also where the file or a hole ends
  const bytes = isDirect ? min<u32>((present + SECTOR_SIZE - 1) & ~(<u32>SECTOR_SIZE - 1), length) : present;
  const span = spanTake(address, bytes);
  if (span == 0) {
    spanAwait();
    return false;
  }
  const pointer = operationTake();
  assert(pointer != 0, 'a part of a USRBIO request found no operation');
  const operation = changetype<Operation>(pointer);
  operation.kind = ring.isForRead != 0 ? OPERATION_READ : OPERATION_WRITE;
  operation.flags = flags;
  operation.inode = changetype<usize>(inode);
  operation.position = position;
  operation.length = bytes;
  operation.spans = span;
  operation.doneKind = KIND_USRBIO_PART;
  store<usize>(startedOperation, pointer);
  return true;
}

/** Handler of KIND_USRBIO_PART. */
export function partDone(pointer: usize, result: i32): void {
  const part = changetype<Part>(pointer);
  const job = changetype<Job>(part.job);
  part.result = result;
  if (part.inode != 0 && result >= 0) {
    const inode = changetype<Inode>(part.inode);
    if (inode.writebackErrors != part.errorMark) part.result = errseqLast(inode);
  }
  part.isDone = 1;
  joinParts(job);
  if (job.firstPart == 0 && job.started == job.requestCount) endJob(job);
  feedStarved();
  work();
}

/** Adds what one part brought to its request (concatIoRes). A gap before data is a hole: zeros, and counted. */
function joinPart(job: Job, ring: Ring, part: Part): void {
  if (job.total < 0) return;
  if (part.result < 0) {
    job.total = part.result;
    return;
  }
  const moved = min<u32>(<u32>part.result, part.present);
  if (moved == 0) return;
  const gap = part.offset - <u64>job.total;
  if (gap > 0 && (ring.isForRead == 0 || (ring.flags & HF3FS_IOR_FORBID_READ_HOLES) != 0)) {
    job.total = -ENODATA;
    return;
  }
  if (gap > 0 && movesBytes()) memory.fill(part.address - <usize>gap, 0, <usize>gap);
  job.total = <i64>(part.offset + moved);
}

/** Joins the parts that have come back, in order, up to the first that has not; gives them back. */
function joinParts(job: Job): void {
  const ring = changetype<Ring>(job.ring);
  while (job.firstPart != 0 && changetype<Part>(job.firstPart).isDone != 0) {
    const pointer = job.firstPart;
    const part = changetype<Part>(pointer);
    joinPart(job, ring, part);
    if (part.isLast != 0) {
      keepResult(ring, (job.first + part.request) % ring.places, part.slot, part.userdata, job.total);
      job.total = 0;
    }
    job.firstPart = part.next;
    if (job.firstPart == 0) job.lastPart = 0;
    if (part.buffer != 0) bufferRelease(changetype<SharedBuffer>(part.buffer));
    poolGive(partPool, pointer);
  }
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
    poolGive(jobPool, changetype<usize>(oldest));
    // forming may also have stopped because there was no record for a job
    for (let priority: u32 = 0; priority < QUEUE_COUNT; priority++) unblock(queueAt(priority));
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
