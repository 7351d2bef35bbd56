// Reading a write log: which write is on the media for sure, which is uncertain and which is not yet there, at every step.
//
// Verbs: logCount, logTablesClaim, logFill. Steps count the entries of the log: a crash at step c comes behind the first c of them.
// A flush that completes makes durable what had completed before it was submitted; a write with FUA makes its own bytes durable.
// A flush that fails may leave what it should have covered to no later flush. What the drive ignored never reaches the media. A write that failed is not there from then on; one that was given up (it took
// too long, or was cancelled) stays uncertain, as nobody knows; what a fault left of a torn write is there whatever its result.
// Invariant: the set of images that a crash can leave changes at crash points and nowhere between them.

import { arenaClaim } from '../base/arena';
import { ECANCELED, ETIMEDOUT } from '../base/errno';
import {
  CRASH_AT_DURABLE_WRITE,
  CRASH_AT_FAILURE,
  CRASH_AT_FLUSH,
  CRASH_AT_START,
  CRASH_AT_SUBMIT,
  CRASH_DEVICE_LYING,
  CRASH_DEVICE_NO_CACHE,
  CRASH_FLUSH_DOMAIN,
  CRASH_LOG_COMPLETED_TWICE,
  CRASH_LOG_NUMBER,
  CRASH_LOG_PART,
  CRASH_LOG_UNKNOWN_REQUEST,
  LOG_COMPLETE,
  LOG_ENTRY_CHAIN,
  LOG_ENTRY_DOMAIN,
  LOG_ENTRY_DRIVE,
  LOG_ENTRY_FLAGS,
  LOG_ENTRY_INTENDED,
  LOG_ENTRY_KIND,
  LOG_ENTRY_NUMBER,
  LOG_ENTRY_OPERATION,
  LOG_ENTRY_PAYLOAD,
  LOG_ENTRY_RESULT,
  LOG_ENTRY_SECTOR,
  LOG_ENTRY_SECTORS,
  LOG_ENTRY_TAG,
  LOG_FLAG_FUA,
  LOG_FLAG_FUA_IGNORED,
  LOG_FLAG_IGNORED,
  LOG_FLAG_ORPHANING,
  LOG_FLAG_TOGETHER,
  LOG_FLAG_TORN,
  LOG_FLAG_UNTORN,
  LOG_MARK,
  LOG_PART,
  LOG_SUBMIT,
  OP_FLUSH,
  OP_WRITE,
} from '../layout';
import { SECTOR_SHIFT } from '../limits';
import { entryAddress, entryCount, nextEntry, payloadOffset, refuse, streamOpen } from './log-stream';
import { hasDomains, model } from './model';
import { markAt, NEVER, pointAt, Request, report, requestAt, requests, Write, writeAt } from './tables';

@unmanaged
class Reading {
  /** Completed writes that are not durable, linked by Write.next. */
  open: u32;
  /** Writes, requests, points and marks that tables must hold at most. */
  writes: u32;
  requests: u32;
  points: u32;
  marks: u32;
  /** Some part of a request is in a chain, or does not tear. */
  hasChainedParts: u32;
}

/** What a part of a request says for itself. */
const PART_FLAGS: u32 = LOG_FLAG_UNTORN | LOG_FLAG_TOGETHER;

const reading = changetype<Reading>(memory.data(offsetof<Reading>(), 16));

function isOurs(entry: usize): bool {
  return <u32>load<u16>(entry, LOG_ENTRY_DRIVE) == model.drive;
}

/** First pass: how much there is. 0 or an errno, with the reason in the report. */
export function logCount(fd: i32): i32 {
  reading.writes = 0;
  reading.requests = 0;
  reading.points = 1;
  reading.marks = 0;
  reading.hasChainedParts = 0;
  const opened = streamOpen(fd);
  if (opened != 0) return opened;
  while (true) {
    const found = nextEntry();
    if (found <= 0) return found;
    const entry = entryAddress();
    const kind = <u32>load<u8>(entry, LOG_ENTRY_KIND);
    if (kind == <u32>LOG_MARK) {
      reading.marks++;
    } else if (isOurs(entry)) {
      if (kind != <u32>LOG_PART) reading.points++;
      if (kind == <u32>LOG_SUBMIT) reading.requests++;
      if (kind != <u32>LOG_COMPLETE) reading.writes++;
      if (kind == <u32>LOG_PART && isChained(entry)) reading.hasChainedParts = 1;
    }
  }
}

function isChained(entry: usize): bool {
  return load<u32>(entry, LOG_ENTRY_CHAIN) != 0 || (load<u32>(entry, LOG_ENTRY_FLAGS) & PART_FLAGS) != 0;
}

export function logTablesClaim(): void {
  report.writes = arenaClaim(<u64>reading.writes * offsetof<Write>(), 64);
  requests.base = arenaClaim(<u64>reading.requests * offsetof<Request>(), 64);
  report.points = arenaClaim(<u64>reading.points * 24, 64);
  report.marks = arenaClaim(<u64>reading.marks * 16, 64);
}

/** Second pass: fills the tables. 0 or an errno, with the reason in the report. */
export function logFill(fd: i32): i32 {
  reading.open = NEVER;
  report.writeCount = 0;
  requests.count = 0;
  report.pointCount = 0;
  report.markCount = 0;
  addPoint(CRASH_AT_START, NEVER, 0, 0);
  let found = streamOpen(fd);
  if (found != 0) return found;
  while (true) {
    found = nextEntry();
    if (found <= 0) break;
    const entry = entryAddress();
    const kind = <u32>load<u8>(entry, LOG_ENTRY_KIND);
    if (kind == <u32>LOG_MARK) {
      addMark(entry);
      continue;
    }
    if (!isOurs(entry)) continue;
    if (kind == <u32>LOG_SUBMIT) found = submitted(entry);
    else if (kind == <u32>LOG_PART) found = partOf(entry);
    else found = completed(entry);
    if (found != 0) return found;
  }
  report.entryCount = entryCount();
  for (let index: u32 = 0; index < report.pointCount; index++) {
    const isLast = index + 1 == report.pointCount;
    pointAt(index).lastStep = isLast ? report.entryCount : pointAt(index + 1).step - 1;
  }
  return found;
}

function addPoint(kind: u32, write: u32, number: u64, step: u32): void {
  const point = pointAt(report.pointCount++);
  point.step = step;
  point.kind = kind;
  point.write = write;
  point.number = number;
}

function addMark(entry: usize): void {
  const mark = markAt(report.markCount++);
  mark.step = entryCount();
  mark.bytes = load<u32>(entry, LOG_ENTRY_PAYLOAD);
  mark.text = payloadOffset();
}

/** Takes a request into its table, and a write that reaches the media into the writes. */
function submitted(entry: usize): i32 {
  const number = load<u64>(entry, LOG_ENTRY_NUMBER);
  if (requests.count > 0 && number <= requestAt(requests.count - 1).number) return refuse(CRASH_LOG_NUMBER);
  const request = requestAt(requests.count++);
  request.number = number;
  request.operation = load<u8>(entry, LOG_ENTRY_OPERATION);
  request.flags = load<u32>(entry, LOG_ENTRY_FLAGS);
  request.domain = load<u32>(entry, LOG_ENTRY_DOMAIN);
  request.submitted = entryCount();
  request.isCompleted = 0;
  request.firstWrite = report.writeCount;
  request.writeCount = 0;
  request.intended = load<u64>(entry, LOG_ENTRY_INTENDED);
  request.sector = load<u64>(entry, LOG_ENTRY_SECTOR);
  request.sectors = load<u32>(entry, LOG_ENTRY_SECTORS);
  request.payload = payloadOffset();
  request.hasParts = 0;
  if (request.operation == <u32>OP_FLUSH || request.flags & LOG_FLAG_IGNORED || request.sectors == 0)
    return 0;
  const write = addWrite(request);
  write.sector = request.sector;
  write.sectors = request.sectors;
  write.payload = request.payload;
  write.tag = load<u64>(entry, LOG_ENTRY_TAG);
  write.domain = request.domain;
  write.chain = load<u32>(entry, LOG_ENTRY_CHAIN);
  addPoint(CRASH_AT_SUBMIT, request.firstWrite, number, request.submitted);
  return 0;
}

function addWrite(request: Request): Write {
  const write = writeAt(report.writeCount++);
  request.writeCount++;
  write.number = request.number;
  write.operation = request.operation;
  write.flags = request.flags;
  write.submitted = request.submitted;
  write.completed = NEVER;
  write.durable = NEVER;
  write.failed = NEVER;
  return write;
}

/** A part of the request submitted last: where domains or chains matter, a write of its own. */
function partOf(entry: usize): i32 {
  if (requests.count == 0) return refuse(CRASH_LOG_PART);
  const request = requestAt(requests.count - 1);
  if (request.number != load<u64>(entry, LOG_ENTRY_NUMBER) || request.isCompleted != 0) {
    return refuse(CRASH_LOG_PART);
  }
  if ((!hasDomains() && reading.hasChainedParts == 0) || request.writeCount == 0) return 0;
  const sector = load<u64>(entry, LOG_ENTRY_SECTOR);
  const sectors = load<u32>(entry, LOG_ENTRY_SECTORS);
  if (sector < request.intended || sectors == 0) return refuse(CRASH_LOG_PART);
  const from = sector - request.intended;
  // of a torn write the last parts may not be there
  if (from >= <u64>request.sectors) return 0;
  const part = request.hasParts == 0 ? writeAt(request.firstWrite) : addWrite(request);
  request.hasParts = 1;
  part.sector = request.sector + from;
  part.sectors = <u32>min<u64>(sectors, request.sectors - from);
  part.payload =
    request.operation == <u32>OP_WRITE ? request.payload + (from << SECTOR_SHIFT) : request.payload;
  part.tag = load<u64>(entry, LOG_ENTRY_TAG);
  part.domain = load<u32>(entry, LOG_ENTRY_DOMAIN);
  part.chain = load<u32>(entry, LOG_ENTRY_CHAIN);
  part.flags = (request.flags & ~PART_FLAGS) | (load<u32>(entry, LOG_ENTRY_FLAGS) & PART_FLAGS);
  return 0;
}

/** The request of this number, by bisection. 0: there is none. */
function requestOf(number: u64): usize {
  let low: u32 = 0;
  let high = requests.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (requestAt(middle).number < number) low = middle + 1;
    else high = middle;
  }
  if (low == requests.count || requestAt(low).number != number) return 0;
  return changetype<usize>(requestAt(low));
}

function completed(entry: usize): i32 {
  const found = requestOf(load<u64>(entry, LOG_ENTRY_NUMBER));
  if (found == 0) return refuse(CRASH_LOG_UNKNOWN_REQUEST);
  const request = changetype<Request>(found);
  if (request.isCompleted != 0) return refuse(CRASH_LOG_COMPLETED_TWICE);
  request.isCompleted = 1;
  const result = load<i32>(entry, LOG_ENTRY_RESULT);
  if (request.operation == <u32>OP_FLUSH) flushCompleted(request, result);
  else writeCompleted(request, result);
  return 0;
}

function writeCompleted(request: Request, result: i32): void {
  if (request.writeCount == 0 || result == -ETIMEDOUT || result == -ECANCELED) return;
  const step = entryCount();
  const isFailed = result < 0 && (request.flags & LOG_FLAG_TORN) == 0;
  const isFua = (request.flags & LOG_FLAG_FUA) != 0 && (request.flags & LOG_FLAG_FUA_IGNORED) == 0;
  const isDurable =
    (isFua && model.device != <u32>CRASH_DEVICE_LYING) || model.device == <u32>CRASH_DEVICE_NO_CACHE;
  for (let index: u32 = 0; index < request.writeCount; index++) {
    const number = request.firstWrite + index;
    const write = writeAt(number);
    if (isFailed) {
      write.failed = step;
      continue;
    }
    write.completed = step;
    if (isDurable) {
      write.durable = step;
    } else {
      write.next = reading.open;
      reading.open = number;
    }
  }
  if (isFailed) addPoint(CRASH_AT_FAILURE, NEVER, request.number, step);
  else if (isDurable) addPoint(CRASH_AT_DURABLE_WRITE, NEVER, request.number, step);
}

/** Makes durable what had completed when the flush was submitted, and what it was issued for; or leaves it to no flush. */
function flushCompleted(request: Request, result: i32): void {
  const isOrphaning = result < 0 && (request.flags & LOG_FLAG_ORPHANING) != 0;
  if (!isOrphaning && (result < 0 || request.flags & LOG_FLAG_IGNORED)) return;
  if (model.device == <u32>CRASH_DEVICE_LYING) return;
  const onlyDomain = model.flushScope == <u32>CRASH_FLUSH_DOMAIN ? request.domain : 0;
  let kept = NEVER;
  let index = reading.open;
  while (index != NEVER) {
    const write = writeAt(index);
    const next = write.next;
    const isCovered = write.completed < request.submitted && (onlyDomain == 0 || write.domain == onlyDomain);
    if (isCovered) {
      if (!isOrphaning) write.durable = entryCount();
    } else {
      write.next = kept;
      kept = index;
    }
    index = next;
  }
  reading.open = kept;
  if (!isOrphaning) addPoint(CRASH_AT_FLUSH, NEVER, request.number, entryCount());
}
