// The deadline scheduler: batches in sector order, reads first, and nobody waits for ever (block/mq-deadline.c of Linux v6.1).
//
// Verbs: deadlineClaim, deadlineInit, deadlineInsert, deadlineNext, deadlineMerge. For reads and for everything else a tree by sector and a FIFO by expiry.
// What goes next: (1) the next higher sector of the direction, up to fifoBatch of them; else (2) reads, unless writes wait and were passed
// over writesStarved times; else (3) writes; (4) from the head of the FIFO if that has expired or no sector is higher, else from the
// next higher one. There are no priority classes here, as requests have none.
// Merging as block/elevator.c: a bio with the request that merged last, else behind a request that ends where it begins, else before one that
// begins where it ends; the request that grew then takes in its neighbour; a new request goes behind one that ends where it begins.
// Layout: a Deadline for each drive that has this scheduler.
// Invariant: a waiting request is in its direction's tree and FIFO, and by its end when it may merge.

import { arenaClaim } from '../base/arena';
import { now } from '../base/clock';
import { Drive, driveAt, driveCount } from '../drive/drive-table';
import { Bio, Request } from '../drive/request';
import {
  CONFIG_DRIVE_FIFO_BATCH,
  CONFIG_DRIVE_FRONT_MERGES,
  CONFIG_DRIVE_READ_EXPIRE,
  CONFIG_DRIVE_SIZE,
  CONFIG_DRIVE_WRITE_EXPIRE,
  CONFIG_DRIVE_WRITES_STARVED,
  OP_READ,
  SCHEDULER_DEADLINE,
} from '../layout';
import { endFind, endInsert, endRemove } from './end-index';
import { isAdjacent, isMergeable, MERGED, mergeLimits, mergeRequests, tryMerge } from './merge';
import { sortedFind, sortedInsert, sortedRemove } from './sorted';

const READS: u32 = 0;
const WRITES: u32 = 1;
const NANOSECONDS_A_MILLISECOND: u64 = 1000000;

/** One direction. */
@unmanaged
class Direction {
  root: usize;
  fifoHead: usize;
  fifoTail: usize;
  /** The next higher sector behind the last that went to the drive, or 0. */
  following: usize;
}

const DIRECTION_SIZE: usize = offsetof<Direction>();
const DIRECTIONS_SIZE: usize = DIRECTION_SIZE * 2;

@unmanaged
class Deadline {
  readExpireNs: u64;
  writeExpireNs: u64;
  writesStarved: u32;
  fifoBatch: u32;
  frontMerges: u32;
  /** The direction of the batch, how many of it went, and how often reads were chosen while writes waited. */
  lastDirection: u32;
  batching: u32;
  starved: u32;
  /** The request that merged last, or 0. */
  lastMerge: usize;
  nextStamp: u32;
}

const STATE_SIZE: usize = DIRECTIONS_SIZE + offsetof<Deadline>();
/** Where the states of all drives begin. */
const states: usize = memory.data(8, 8);

/** `driveTotal`: drives that have this scheduler. */
export function deadlineClaim(driveTotal: u32): void {
  store<usize>(states, arenaClaim(<u64>driveTotal * (STATE_SIZE + 16), 16));
}

/** Reads the tunables of each drive from its config; `config`: that of drive 0. */
export function deadlineInit(config: usize): void {
  let state = load<usize>(states);
  for (let index: u32 = 0; index < driveCount(); index++) {
    const drive = driveAt(index);
    if (drive.scheduler != <u32>SCHEDULER_DEADLINE) continue;
    const from = config + <usize>index * CONFIG_DRIVE_SIZE;
    drive.schedulerState = state;
    memory.fill(state, 0, STATE_SIZE);
    const deadline = deadlineOf(drive);
    deadline.readExpireNs = <u64>load<u32>(from, CONFIG_DRIVE_READ_EXPIRE) * NANOSECONDS_A_MILLISECOND;
    deadline.writeExpireNs = <u64>load<u32>(from, CONFIG_DRIVE_WRITE_EXPIRE) * NANOSECONDS_A_MILLISECOND;
    deadline.writesStarved = load<u32>(from, CONFIG_DRIVE_WRITES_STARVED);
    deadline.fifoBatch = load<u32>(from, CONFIG_DRIVE_FIFO_BATCH);
    deadline.frontMerges = load<u32>(from, CONFIG_DRIVE_FRONT_MERGES);
    deadline.nextStamp = 1;
    state += (STATE_SIZE + 15) & ~15;
  }
}

function deadlineOf(drive: Drive): Deadline {
  return changetype<Deadline>(drive.schedulerState + DIRECTIONS_SIZE);
}

function directionOf(drive: Drive, index: u32): Direction {
  return changetype<Direction>(drive.schedulerState + <usize>index * DIRECTION_SIZE);
}

/** Discards and write-zeroes go with the writes. */
function directionIndex(operation: u32): u32 {
  return operation == OP_READ ? READS : WRITES;
}

function sort(drive: Drive, request: Request): void {
  const direction = directionOf(drive, directionIndex(request.operation));
  sortedInsert(changetype<usize>(direction), request, deadlineOf(drive).nextStamp++);
}

/** Takes a request out of everything. */
function remove(drive: Drive, request: Request): void {
  const direction = directionOf(drive, directionIndex(request.operation));
  if (direction.following == changetype<usize>(request)) direction.following = request.sortedNext;
  sortedRemove(changetype<usize>(direction), request);
  if (request.previous != 0) changetype<Request>(request.previous).next = request.next;
  else direction.fifoHead = request.next;
  if (request.next != 0) changetype<Request>(request.next).previous = request.previous;
  else direction.fifoTail = request.previous;
  if (request.endKey != 0) endRemove(drive, request);
  if (deadlineOf(drive).lastMerge == changetype<usize>(request)) deadlineOf(drive).lastMerge = 0;
}

/** The request has grown at its end. */
function reindexEnd(drive: Drive, request: Request): void {
  endRemove(drive, request);
  endInsert(drive, request);
  deadlineOf(drive).lastMerge = changetype<usize>(request);
}

/** Makes `next`, which waits, a part of `request`: it leaves with the earlier of both expiries, from that one's place in the FIFO. */
function takeIn(drive: Drive, request: Request, next: Request): bool {
  if (!isMergeable(request.operation, request.flags) || !isMergeable(next.operation, next.flags))
    return false;
  if (!isAdjacent(request, next)) return false;
  const isSooner = next.expiresAt < request.expiresAt;
  if (isSooner) moveInFifo(drive, request, next);
  remove(drive, next);
  drive.queueCount--;
  mergeRequests(request, next);
  reindexEnd(drive, request);
  return true;
}

/** Puts `request` in the FIFO behind `other`, with its expiry. */
function moveInFifo(drive: Drive, request: Request, other: Request): void {
  const direction = directionOf(drive, directionIndex(request.operation));
  const self = changetype<usize>(request);
  if (request.previous != 0) changetype<Request>(request.previous).next = request.next;
  else direction.fifoHead = request.next;
  if (request.next != 0) changetype<Request>(request.next).previous = request.previous;
  else direction.fifoTail = request.previous;
  request.next = other.next;
  request.previous = changetype<usize>(other);
  if (other.next != 0) changetype<Request>(other.next).previous = self;
  else direction.fifoTail = self;
  other.next = self;
  request.expiresAt = other.expiresAt;
}

/** A new request becomes the end of one that waits, if there is one; that may then be the end of another. */
function mergeInserted(drive: Drive, request: Request): bool {
  if (mergeLimits.isMerging == 0 || !isMergeable(request.operation, request.flags)) return false;
  const last = deadlineOf(drive).lastMerge;
  if (last != 0 && takeNew(drive, changetype<Request>(last), request)) return true;
  const isRead = request.operation == OP_READ;
  const found = endFind(drive, isRead, request.sector);
  if (found == 0 || !takeNew(drive, changetype<Request>(found), request)) return false;
  let grown = changetype<Request>(found);
  while (true) {
    const before = endFind(drive, isRead, grown.sector);
    if (before == 0 || !takeIn(drive, changetype<Request>(before), grown)) return true;
    grown = changetype<Request>(before);
  }
}

/** As takeIn, of a request that does not wait yet. */
function takeNew(drive: Drive, request: Request, next: Request): bool {
  if (!isMergeable(request.operation, request.flags) || !isAdjacent(request, next)) return false;
  drive.queueCount--;
  mergeRequests(request, next);
  reindexEnd(drive, request);
  return true;
}

export function deadlineInsert(drive: Drive, request: Request): void {
  if (mergeInserted(drive, request)) return;
  const deadline = deadlineOf(drive);
  const index = directionIndex(request.operation);
  const direction = directionOf(drive, index);
  sort(drive, request);
  request.endKey = 0;
  if (isMergeable(request.operation, request.flags)) {
    endInsert(drive, request);
    if (deadline.lastMerge == 0) deadline.lastMerge = changetype<usize>(request);
  }
  request.expiresAt = now() + (index == READS ? deadline.readExpireNs : deadline.writeExpireNs);
  request.next = 0;
  request.previous = direction.fifoTail;
  if (direction.fifoTail != 0) changetype<Request>(direction.fifoTail).next = changetype<usize>(request);
  else direction.fifoHead = changetype<usize>(request);
  direction.fifoTail = changetype<usize>(request);
}

/** The direction that goes next when the batch is over. Something waits. */
function chooseDirection(drive: Drive): u32 {
  const deadline = deadlineOf(drive);
  const haveWrites = directionOf(drive, WRITES).fifoHead != 0;
  if (directionOf(drive, READS).fifoHead != 0) {
    if (!haveWrites || deadline.starved++ < deadline.writesStarved) return READS;
  }
  deadline.starved = 0;
  return WRITES;
}

/** Takes the request that goes to the drive next, or 0. */
export function deadlineNext(drive: Drive): usize {
  const deadline = deadlineOf(drive);
  let direction = directionOf(drive, deadline.lastDirection);
  let pointer = direction.following;
  if (pointer == 0 || deadline.batching >= deadline.fifoBatch) {
    if (directionOf(drive, READS).fifoHead == 0 && directionOf(drive, WRITES).fifoHead == 0) return 0;
    deadline.lastDirection = chooseDirection(drive);
    deadline.batching = 0;
    direction = directionOf(drive, deadline.lastDirection);
    const oldest = direction.fifoHead;
    const hasExpired = changetype<Request>(oldest).expiresAt <= now();
    pointer = hasExpired || direction.following == 0 ? oldest : direction.following;
  }
  deadline.batching++;
  const request = changetype<Request>(pointer);
  const following = request.sortedNext;
  remove(drive, request);
  direction.following = following;
  return pointer;
}

/** The waiting request that a bio is tried with, or 0. */
function candidateFor(drive: Drive, bio: Bio): usize {
  const deadline = deadlineOf(drive);
  const last = deadline.lastMerge;
  if (last != 0) {
    const request = changetype<Request>(last);
    const isNear =
      request.sector + request.sectorCount == bio.sector || bio.sector + bio.sectorCount == request.sector;
    if (isNear && request.operation == bio.operation && isMergeable(request.operation, request.flags))
      return last;
  }
  const behind = endFind(drive, bio.operation == OP_READ, bio.sector);
  if (behind != 0 || deadline.frontMerges == 0) return behind;
  const direction = directionOf(drive, directionIndex(bio.operation));
  const before = sortedFind(changetype<usize>(direction), bio.sector + bio.sectorCount);
  if (before == 0) return 0;
  const request = changetype<Request>(before);
  const isGood = request.operation == bio.operation && isMergeable(request.operation, request.flags);
  return isGood ? before : 0;
}

/** Merges a bio into a waiting request. MERGED, or why not: `reason` when there is nothing to ask. */
export function deadlineMerge(drive: Drive, bio: Bio, reason: u32): u32 {
  const pointer = candidateFor(drive, bio);
  if (pointer == 0) return reason;
  const request = changetype<Request>(pointer);
  const sector = request.sector;
  const result = tryMerge(request, bio);
  if (result != MERGED) {
    // it merges no more (req_set_nomerge)
    if (deadlineOf(drive).lastMerge == pointer) deadlineOf(drive).lastMerge = 0;
    return result;
  }
  if (request.sector == sector) {
    const next = request.sortedNext;
    if (next == 0 || !takeIn(drive, request, changetype<Request>(next))) reindexEnd(drive, request);
    return MERGED;
  }
  const previous = request.sortedPrevious;
  if (previous == 0 || !takeIn(drive, changetype<Request>(previous), request)) {
    const direction = directionOf(drive, directionIndex(request.operation));
    // its place among its neighbours may be another, which one is to follow is not
    sortedRemove(changetype<usize>(direction), request);
    sort(drive, request);
    deadlineOf(drive).lastMerge = pointer;
  }
  return MERGED;
}
