// Requests and bios: what the block layer hands to a drive.
//
// A bio is one submitter's piece: a run of sectors, the spans that hold its bytes, and whom to tell. A request is one
// or more adjacent bios that the drive serves as one. Both come from pools.
// Verbs: bioTake, bioGive, bioOffer, requestTake, requestTakeCarrier, requestGive.
// Invariant: a request's bios cover its sectors without gap or overlap, in ascending order; a request has at least
// one bio, so the request pool (as large as the bio pool) can not run out first.

import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { wakeOne } from '../base/wait-queue';
import { OP_FLUSH } from '../layout';

/** Not to be merged with others. */
export const BIO_NO_MERGE: u32 = 1;
/** Complete only when its own bytes are on the media. */
export const BIO_FUA: u32 = 2;
/** What completed before is durable before its own bytes are moved. */
export const BIO_PREFLUSH: u32 = 4;
/** Fails with EAGAIN instead of waiting for room in the drive's queue. */
export const BIO_NOWAIT: u32 = 8;
/** For the write log: the write does not tear. */
export const BIO_UNTORN: u32 = 16;
/** For the write log: there only together with the next write of its chain that has no such flag. */
export const BIO_TOGETHER: u32 = 32;

// bits of Request.faultFlags: what the drive makes of a request, whatever it answers
/** Success is answered and nothing happens: a lost write, an ignored flush. */
export const FAULTED_IGNORED: u32 = 1;
/** FUA was asked for, and the write is a plain one. */
export const FAULTED_FUA_IGNORED: u32 = 2;
/** Not all of the sectors are written. */
export const FAULTED_TORN: u32 = 4;
/** The completion comes late, or never. */
export const FAULTED_LATE: u32 = 8;
export const FAULTED_STUCK: u32 = 16;
/** It is among the drive's late requests. */
export const FAULTED_PARKED: u32 = 32;

@unmanaged
export class Bio {
  next: usize;
  doneKind: u32;
  owner: usize;
  drive: usize;
  sector: u64;
  sectorCount: u32;
  operation: u32;
  flags: u32;
  file: u32;
  /** First byte: `spanOffset` bytes into `span`; 0 when the machine moves no bytes. */
  span: usize;
  spanOffset: u32;
  segmentCount: u32;
  id: u32;
  // for the submitter's own use
  firstPage: usize;
  pageCount: u32;
  result: i32;
  // an ioend's: its file range, flags, number, and its neighbours among those of its file
  ioendStart: u64;
  ioendBytes: u32;
  ioendFlags: u32;
  ioendNumber: u64;
  ioendPrevious: usize;
  ioendNext: usize;
  /** What the caller called this write, and what it belongs to, for the write log; 0: nothing. */
  tag: u64;
  domain: u32;
  /** For the write log: of the uncertain writes of a chain only the first ones can be there; 0: none. */
  chain: u32;
}

@unmanaged
export class Request {
  next: usize;
  previous: usize;
  bioHead: usize;
  bioTail: usize;
  drive: usize;
  sectorCount: u32;
  sector: u64;
  segmentCount: u32;
  bioCount: u32;
  operation: u32;
  flags: u32;
  id: u32;
  result: i32;
  /** When it began to wait for the drive, and when the drive took it. */
  startedAt: u64;
  takenAt: u64;
  /** The volatile-cache entry of a write, or 0. */
  cached: usize;
  /** For a flush: completed writes of the drive when it started. */
  flushMark: u64;
  /** Its number in the write log; the last one of `logCount` when it is torn into several. */
  logNumber: u64;
  logCount: u32;
  /** Earlier requests of its operation at its first sector, when the drive decides by identity. */
  generation: u32;
  /** The rule that decides what becomes of it, or 0; what it does; FAULTED_…. */
  fault: usize;
  faultAction: u32;
  faultFlags: u32;
  /** Where on the media it reads or writes: `sector`, unless a fault leads it astray. */
  mediaSector: u64;
  /** How much later than its model says it ends. */
  faultDelay: u64;
  /** Thousandths of its service time that are added. */
  faultFactor: u64;
  /** 64 random bits for what the fault has to choose. */
  faultDraw: u64;
  /** For the drive's model: a time or number, and a count. */
  modelMark: u64;
  modelCount: u32;
  /** Where it stands in a flush sequence (block/flush.ts), or 0. */
  flushSteps: u32;
  /** The rule that counts a thin drive's room, or 0, and the sectors that held zeros before. */
  roomRule: usize;
  roomBefore: u32;
  // for the scheduler's own use: its place by sector, by end, and by expiry (block/sorted, block/end-index, block/deadline)
  sortStamp: u32;
  sortKey: u64;
  sortPriority: u32;
  sortedLeft: usize;
  sortedRight: usize;
  sortedNext: usize;
  sortedPrevious: usize;
  endNext: usize;
  endKey: u64;
  expiresAt: u64;
  endPrevious: usize;
}

@unmanaged
class RequestState {
  nextBioId: u32;
  nextRequestId: u32;
  bioWaiters: usize;
}

export const bioPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
export const requestPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const state = changetype<RequestState>(memory.data(offsetof<RequestState>(), 16));

/** Beside a request for each bio there is one for each drive's flush. */
export function requestClaim(bioCount: u32, driveCount: u32): void {
  poolClaim(bioPool, offsetof<Bio>(), bioCount);
  poolClaim(requestPool, offsetof<Request>(), bioCount + driveCount);
}

export function requestInit(): void {
  poolInit(bioPool);
  poolInit(requestPool);
  state.nextBioId = 1;
  state.nextRequestId = 1;
}

/** The queue word where operations wait for a bio. */
export function bioWaiters(): usize {
  return changetype<usize>(state) + offsetof<RequestState>('bioWaiters');
}

/** A bio with identity, no flags and no pages, or 0: then park on bioWaiters(). */
export function bioTake(): usize {
  const pointer = poolTake(bioPool);
  if (pointer == 0) return 0;
  const bio = changetype<Bio>(pointer);
  bio.next = 0;
  bio.flags = 0;
  bio.file = 0;
  bio.span = 0;
  bio.spanOffset = 0;
  bio.firstPage = 0;
  bio.pageCount = 0;
  bio.result = 0;
  bio.tag = 0;
  bio.domain = 0;
  bio.chain = 0;
  bio.id = state.nextBioId++;
  return pointer;
}

/** Wakes the next waiter if a bio is free: whoever was woken for it may have found that it needs none. */
export function bioOffer(): void {
  if (bioPool.used < bioPool.capacity) wakeOne(bioWaiters());
}

export function bioGive(bio: usize): void {
  poolGive(bioPool, bio);
  wakeOne(bioWaiters());
}

/** A request that holds just this bio. */
export function requestTake(bio: Bio): Request {
  const pointer = poolTake(requestPool);
  assert(pointer != 0, 'more requests than bios');
  const request = changetype<Request>(pointer);
  request.next = 0;
  request.previous = 0;
  request.bioHead = changetype<usize>(bio);
  request.bioTail = changetype<usize>(bio);
  request.drive = bio.drive;
  request.sector = bio.sector;
  request.sectorCount = bio.sectorCount;
  request.segmentCount = bio.segmentCount;
  request.bioCount = 1;
  request.operation = bio.operation;
  request.flags = bio.flags;
  request.result = 0;
  request.cached = 0;
  request.flushSteps = 0;
  request.id = state.nextRequestId++;
  return request;
}

/** A flush that serves `first` and perhaps others, whose bios it borrows: it has the number of the first. */
export function requestTakeCarrier(first: Request): Request {
  const pointer = poolTake(requestPool);
  assert(pointer != 0, 'two flushes of one drive');
  memory.fill(pointer, 0, offsetof<Request>());
  const request = changetype<Request>(pointer);
  request.drive = first.drive;
  request.operation = OP_FLUSH;
  request.id = first.id;
  return request;
}

export function requestGive(request: Request): void {
  poolGive(requestPool, changetype<usize>(request));
}
