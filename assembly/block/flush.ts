// Flush sequences: what PREFLUSH and FUA become on a drive with a volatile cache (block/blk-flush.c,
// Documentation/block/writeback_cache_control.rst).
//
// Verbs: flushClaim, flushIsNeeded, flushInsert, flushStepDone. A request takes up to three steps: a flush before its data, the data, and a
// flush behind it where FUA was asked for and the drive has none. A flush alone is the first step and no data.
// Layout: a FlushQueue for each drive, with two lists of requests that want a flush: one grows while the flush of the other is at the
// drive. The flush itself is a carrier: a request with the number of the first that it serves. When all that it serves are flushes it has their
// bios, which say what it is for; else it has none, and is for everything.
// Invariants: one flush is at a drive at a time, so whatever comes meanwhile shares the next one; while data of a sequence is at the drive
// the next flush waits, at most FLUSH_TIMEOUT_NS, so that those who shared a flush before share the one behind as well; a step
// that fails ends its request.

import { arenaClaim } from '../base/arena';
import { now } from '../base/clock';
import { Drive } from '../drive/drive-table';
import { BIO_FUA, BIO_PREFLUSH, Bio, Request, requestGive, requestTakeCarrier } from '../drive/request';
import { DRIVE_FLAG_NO_FUA, OP_FLUSH } from '../layout';
import { queueBypass } from './drive-queue';
import { countRequest, endRequest } from './request-end';

/** FLUSH_PENDING_TIMEOUT, 5 s. */
const FLUSH_TIMEOUT_NS: u64 = 5000000000;

// bits of Request.flushSteps: steps that are not done, and what the request is
const STEP_PREFLUSH: u32 = 1;
const STEP_DATA: u32 = 2;
const STEP_POSTFLUSH: u32 = 4;
const STEPS_ALL: u32 = 7;
const IS_CARRIER: u32 = 8;

/** Requests that want a flush, by next. */
@unmanaged
class Waiting {
  head: usize;
  tail: usize;
}

const WAITING_SIZE: usize = offsetof<Waiting>();

@unmanaged
class FlushQueue {
  // two Waiting lists
  firstHead: usize;
  firstTail: usize;
  secondHead: usize;
  secondTail: usize;
  /** Number of the list that grows, and of the one whose flush is at the drive: the same when none is. */
  pending: u32;
  running: u32;
  /** Requests of a sequence whose data is at the drive, or on its way. */
  dataInFlight: u32;
  /** When the list that grows got its first. */
  pendingSince: u64;
}

const queues: usize = memory.data(8, 8);

export function flushClaim(driveCount: u32): void {
  store<usize>(queues, arenaClaim(<u64>driveCount * offsetof<FlushQueue>(), 16));
}

function queueOf(drive: Drive): FlushQueue {
  return changetype<FlushQueue>(load<usize>(queues) + <usize>drive.index * offsetof<FlushQueue>());
}

function listOf(queue: FlushQueue, index: u32): Waiting {
  return changetype<Waiting>(changetype<usize>(queue) + <usize>index * WAITING_SIZE);
}

/** A request of a drive with a volatile cache needs flushes beside its data. */
export function flushIsNeeded(drive: Drive, operation: u32, flags: u32): bool {
  if (operation == OP_FLUSH || (flags & BIO_PREFLUSH) != 0) return true;
  return (flags & BIO_FUA) != 0 && (drive.flags & DRIVE_FLAG_NO_FUA) != 0;
}

/** Takes a request that needs flushes through its steps. It has one bio, as it merges with nothing. */
export function flushInsert(drive: Drive, request: Request): void {
  let steps: u32 = request.operation == OP_FLUSH ? STEP_PREFLUSH : STEP_DATA;
  if (request.flags & BIO_PREFLUSH) steps |= STEP_PREFLUSH;
  if (drive.flags & DRIVE_FLAG_NO_FUA) {
    if (request.flags & BIO_FUA) steps |= STEP_POSTFLUSH;
    request.flags &= ~BIO_FUA;
  }
  request.flags &= ~BIO_PREFLUSH;
  request.flushSteps = steps;
  nextStep(drive, request);
  kick(drive);
}

/** The request goes on with the first step that is not done. */
function nextStep(drive: Drive, request: Request): void {
  const queue = queueOf(drive);
  const isData = (request.flushSteps & STEPS_ALL & ~STEP_POSTFLUSH) == STEP_DATA;
  if (isData) {
    queue.dataInFlight++;
    queueBypass(drive, request, true);
    return;
  }
  const list = listOf(queue, queue.pending);
  request.next = 0;
  if (list.tail != 0) {
    changetype<Request>(list.tail).next = changetype<usize>(request);
  } else {
    list.head = changetype<usize>(request);
    queue.pendingSince = now();
  }
  list.tail = changetype<usize>(request);
}

/** Sends a flush for all that want one, unless one is at the drive, or data that may want to share it. */
function kick(drive: Drive): void {
  const queue = queueOf(drive);
  const list = listOf(queue, queue.pending);
  if (queue.pending != queue.running || list.head == 0) return;
  if (queue.dataInFlight > 0 && now() < queue.pendingSince + FLUSH_TIMEOUT_NS) return;
  queue.pending ^= 1;
  const carrier = requestTakeCarrier(changetype<Request>(list.head));
  carrier.flushSteps = IS_CARRIER;
  carrier.startedAt = now();
  if (areFlushes(list)) lendBios(list, carrier);
  queueBypass(drive, carrier, false);
}

function areFlushes(list: Waiting): bool {
  for (let pointer = list.head; pointer != 0; pointer = changetype<Request>(pointer).next) {
    if (changetype<Request>(pointer).operation != OP_FLUSH) return false;
  }
  return true;
}

function lendBios(list: Waiting, carrier: Request): void {
  for (let pointer = list.head; pointer != 0; pointer = changetype<Request>(pointer).next) {
    const bioPointer = changetype<Request>(pointer).bioHead;
    if (carrier.bioTail != 0) changetype<Bio>(carrier.bioTail).next = bioPointer;
    else carrier.bioHead = bioPointer;
    carrier.bioTail = bioPointer;
    carrier.bioCount++;
  }
}

/** The drive has ended a step of a sequence. */
export function flushStepDone(drive: Drive, request: Request, result: i32): void {
  if (request.flushSteps == IS_CARRIER) {
    carrierDone(drive, request, result);
  } else {
    queueOf(drive).dataInFlight--;
    stepDone(drive, request, STEP_DATA, result);
  }
  kick(drive);
}

function stepDone(drive: Drive, request: Request, step: u32, result: i32): void {
  request.flushSteps &= ~step;
  if (result >= 0 && request.flushSteps != 0) {
    nextStep(drive, request);
    return;
  }
  request.flushSteps = 0;
  endRequest(request, result);
}

/** The flush at the drive has ended: those that it served go on. */
function carrierDone(drive: Drive, carrier: Request, result: i32): void {
  const queue = queueOf(drive);
  const list = listOf(queue, queue.running);
  countRequest(carrier);
  requestGive(carrier);
  let pointer = list.head;
  list.head = 0;
  list.tail = 0;
  queue.running ^= 1;
  while (pointer != 0) {
    const request = changetype<Request>(pointer);
    pointer = request.next;
    changetype<Bio>(request.bioHead).next = 0;
    const step = request.flushSteps & STEP_PREFLUSH ? STEP_PREFLUSH : STEP_POSTFLUSH;
    stepDone(drive, request, step, result);
  }
}
