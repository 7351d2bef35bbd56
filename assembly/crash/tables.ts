// What is kept of a write log: its writes, requests, crash points and marks, in tables made when the explorer opens.
//
// Verbs: writeAt, requestAt, pointAt, markAt, lossAt. Tables are arrays in the order of the log.
// Invariant: a write's place in its table is the order of submission, by which kept writes to one sector apply.

import {
  CRASH_ERROR,
  CRASH_LOSS_PATTERN,
  CRASH_LOSS_SIZE,
  CRASH_MARK_SIZE,
  CRASH_MARK_TEXT,
  CRASH_POINT_NUMBER,
  CRASH_POINT_SIZE,
  CRASH_REPORT_SIZE,
  CRASH_VISIT_ORDINAL,
  CRASH_WRITE_FAILED,
  CRASH_WRITE_LINK,
  CRASH_WRITE_SIZE,
} from '../layout';

/** Of a step: it never comes. Of a write, a point, a piece: there is none. */
export const NEVER: u32 = 0xffffffff;

@unmanaged
export class Write {
  // what the host reads: CRASH_WRITE_…
  sector: u64;
  /** Offset of its bytes in the log. */
  payload: u64;
  number: u64;
  tag: u64;
  sectors: u32;
  operation: u32;
  flags: u32;
  domain: u32;
  submitted: u32;
  completed: u32;
  durable: u32;
  failed: u32;
  chain: u32;
  link: u32;
  // the explorer's own: it does not tear, as it says itself or as others stand and fall with it
  isSolid: u32;
  /** Its chain among those of the log, counted from 1; 0: none. */
  chainIndex: u32;
  /** The next uncertain write of the chain, and the first one of its link. */
  chainNext: u32;
  linkFirst: u32;
  /** In a sample: the place of what it stands and falls with, NEVER when nothing of it can be seen; of the last one of a link, how many links of the chain come before. */
  item: u32;
  rank: u32;
  /** Where its sectors, and the hashes of their content, are. */
  slot: u32;
  hashIndex: u32;
  /** Address of its bytes in memory, or 0. */
  cached: usize;
  extensionBefore: u32;
  extensionAfter: u32;
  /** Its pieces and cells among those of the crash point. */
  pieceFirst: u32;
  pieceCount: u32;
  /** Pieces that can be seen. */
  liveCount: u32;
  cellFirst: u32;
  /** What its garbage looks like. */
  pattern: u32;
  /** The next completed write that is not durable (while the log is read), or of its domain (at a crash point). */
  next: u32;
  /** With tearing by bytes: its bytes that are there, and where damage ends behind them, wanted and in the image. */
  cut: u64;
  damageEnd: u64;
  builtCut: u64;
  builtDamageEnd: u64;
}

/** A request that the drive took: a write of one or more entries of the table of writes, or a flush. */
@unmanaged
export class Request {
  number: u64;
  firstWrite: u32;
  writeCount: u32;
  submitted: u32;
  operation: u32;
  flags: u32;
  domain: u32;
  isCompleted: u32;
  /** Sectors that reached the media, and whether parts of them are writes of their own. */
  sectors: u32;
  hasParts: u32;
  padding: u32;
  sector: u64;
  payload: u64;
  /** Where the write was meant to go, which is where its parts say that they are. */
  intended: u64;
}

@unmanaged
export class Point {
  step: u32;
  lastStep: u32;
  kind: u32;
  write: u32;
  number: u64;
}

@unmanaged
export class Mark {
  step: u32;
  bytes: u32;
  text: u64;
}

@unmanaged
export class Loss {
  write: u32;
  kind: u32;
  from: u64;
  bytes: u64;
  pattern: u32;
  padding: u32;
}

/** What crashReport() points at: CRASH_… of layout.ts. */
@unmanaged
export class Report {
  error: u32;
  errorEntry: u32;
  errorOffset: u64;
  entryCount: u32;
  writeCount: u32;
  pointCount: u32;
  markCount: u32;
  writes: usize;
  points: usize;
  marks: usize;
  losses: usize;
  lossCapacity: u32;
  point: u32;
  states: f64;
  statesLog2: f64;
  ordinals: f64;
  isExhaustive: u32;
  uncertain: u32;
  hashLow: u64;
  hashHigh: u64;
  image: u32;
  isNew: u32;
  firstPoint: u32;
  lastPoint: u32;
  imageStates: u32;
  firstVisit: u32;
  distinct: u32;
  visitCount: u32;
  statesBuilt: f64;
  visitPoint: u32;
  visitNext: u32;
  visitOrdinal: f64;
  memoryBytes: u64;
}

@unmanaged
class Requests {
  base: usize;
  count: u32;
}

export const report = changetype<Report>(memory.data(offsetof<Report>(), 16));
export const requests = changetype<Requests>(memory.data(offsetof<Requests>(), 16));

/** Compared while compiling: the host reads these structs by the offsets of layout.ts. */
export function checkLayout(): void {
  if (offsetof<Write>() != CRASH_WRITE_SIZE) ERROR('a write is not as layout.ts says');
  if (offsetof<Write>('failed') != CRASH_WRITE_FAILED) ERROR('a write is not as layout.ts says');
  if (offsetof<Write>('link') != CRASH_WRITE_LINK) ERROR('a write is not as layout.ts says');
  if (offsetof<Point>() != CRASH_POINT_SIZE) ERROR('a crash point is not as layout.ts says');
  if (offsetof<Point>('number') != CRASH_POINT_NUMBER) ERROR('a crash point is not as layout.ts says');
  if (offsetof<Mark>() != CRASH_MARK_SIZE) ERROR('a mark is not as layout.ts says');
  if (offsetof<Mark>('text') != CRASH_MARK_TEXT) ERROR('a mark is not as layout.ts says');
  if (offsetof<Loss>() != CRASH_LOSS_SIZE) ERROR('a loss is not as layout.ts says');
  if (offsetof<Loss>('pattern') != CRASH_LOSS_PATTERN) ERROR('a loss is not as layout.ts says');
  if (offsetof<Report>() != CRASH_REPORT_SIZE) ERROR('the report is not as layout.ts says');
  if (offsetof<Report>('error') != CRASH_ERROR) ERROR('the report is not as layout.ts says');
  if (offsetof<Report>('visitOrdinal') != CRASH_VISIT_ORDINAL) ERROR('the report is not as layout.ts says');
}

export function writeAt(index: u32): Write {
  return changetype<Write>(report.writes + <usize>index * offsetof<Write>());
}

export function requestAt(index: u32): Request {
  return changetype<Request>(requests.base + <usize>index * offsetof<Request>());
}

export function pointAt(index: u32): Point {
  return changetype<Point>(report.points + <usize>index * offsetof<Point>());
}

export function markAt(index: u32): Mark {
  return changetype<Mark>(report.marks + <usize>index * offsetof<Mark>());
}

export function lossAt(index: u32): Loss {
  return changetype<Loss>(report.losses + <usize>index * offsetof<Loss>());
}

/** Uncertain at a step: submitted, not durable, and not found to have failed. */
export function isUncertain(write: Write, step: u32): bool {
  return write.submitted <= step && write.durable > step && write.failed > step;
}

/** On the media for sure at a step. */
export function isDurable(write: Write, step: u32): bool {
  return write.durable <= step;
}
