// The write log: what happens to the drives, as a stream of entries with the bytes of each write.
//
// Verbs: logClaim, logInit, logAttach, logSubmitted, logSubmittedAs, logCompleted, logMark, logFlush, logRead.
// Layout: the stream of layout.ts (LOG_…). Its tail is in a buffer; an entry that does not fit there goes to the log's file
// together with what the buffer holds, bytes and all, in one gather write.
// Invariants: file and buffer together are whole entries in the order in which things happened. After an error of the file
// nothing is added any more, so that what is there stays the true beginning. Logging changes no decision.

import { arenaClaim } from '../base/arena';
import { now } from '../base/clock';
import { count, countMany } from '../base/counters';
import { EFBIG, EINVAL, ENODEV } from '../base/errno';
import { record, recording } from '../base/record';
import {
  COUNTER_LOG_ENTRIES,
  COUNTER_LOG_SPILLED_BYTES,
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
  LOG_ENTRY_SIZE,
  LOG_ENTRY_TAG,
  LOG_ENTRY_TIME,
  LOG_FLAG_FUA,
  LOG_FLAG_IGNORED,
  LOG_FLAG_TOGETHER,
  LOG_FLAG_UNTORN,
  LOG_HEADER_DRIVES,
  LOG_HEADER_MAGIC,
  LOG_HEADER_SIZE,
  LOG_HEADER_VERSION,
  LOG_MAGIC_HIGH,
  LOG_MAGIC_LOW,
  LOG_MARK,
  LOG_PART,
  LOG_STATE_SIZE,
  LOG_SUBMIT,
  LOG_VERSION,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
  RECORD_MARK,
} from '../layout';
import { MAX_MARK_BYTES, SECTOR_SHIFT } from '../limits';
import { backingRead, backingSync, backingWrite } from './backing';
import { Drive } from './drive-table';
import { gatherPart } from './gather';
import { BIO_FUA, BIO_TOGETHER, BIO_UNTORN, Bio, Request } from './request';

/** Payloads are padded to a multiple of this. */
const PADDING: u32 = 8;

@unmanaged
class WriteLog {
  // what logState() shows: LOG_STATE_…
  /** Bytes of the whole stream, and of the part of it that is in the file. */
  bytes: u64;
  spilled: u64;
  /** Entries that came after an error of the file. */
  dropped: u64;
  /** 0, or the negative errno that ended the log. */
  error: i32;
  markCount: u32;
  // the log's own
  buffer: usize;
  /** Bytes of the buffer; 0: no log. */
  capacity: u32;
  used: u32;
  /** WASI descriptor of the file, or -1. */
  fd: i32;
  /** For the buffer, the entry, and the pieces of a payload. */
  iovecs: usize;
  nextNumber: u64;
  zeros: u64;
}

const log = changetype<WriteLog>(memory.data(offsetof<WriteLog>(), 16));
/** The entry that is being made. */
const entry: usize = memory.data(LOG_ENTRY_SIZE, 16);

/** `capacity`: bytes of the buffer, 0 for no log; `maxSegments`: the most pieces of one request. */
export function logClaim(capacity: u32, maxSegments: u32): void {
  if (offsetof<WriteLog>('buffer') != LOG_STATE_SIZE) ERROR('the state of the log is not as layout.ts says');
  log.capacity = capacity;
  if (capacity == 0) return;
  log.buffer = arenaClaim(capacity, 64);
  log.iovecs = arenaClaim(<u64>(maxSegments + 2) * 8, 16);
}

/** Begins the stream. */
export function logInit(driveCount: u32): void {
  log.fd = -1;
  if (log.capacity == 0) return;
  log.nextNumber = 1;
  log.used = LOG_HEADER_SIZE;
  log.bytes = LOG_HEADER_SIZE;
  store<u32>(log.buffer, LOG_MAGIC_LOW, LOG_HEADER_MAGIC);
  store<u32>(log.buffer, LOG_MAGIC_HIGH, LOG_HEADER_MAGIC + 4);
  store<u32>(log.buffer, LOG_VERSION, LOG_HEADER_VERSION);
  store<u32>(log.buffer, driveCount, LOG_HEADER_DRIVES);
}

/** Gives the log its file, which is empty: an open WASI descriptor. 0, or EINVAL for a machine without a log. */
export function logAttach(fd: i32): i32 {
  if (log.capacity == 0) return -EINVAL;
  log.fd = fd;
  return 0;
}

/** Address of LOG_STATE_…, which the next call may change. */
export function logState(): i32 {
  return <i32>changetype<usize>(log);
}

function setIovec(index: u32, address: usize, bytes: u32): void {
  const iovec = log.iovecs + ((<usize>index) << 3);
  store<usize>(iovec, address);
  store<u32>(iovec, bytes, 4);
}

/** Where the pieces of a payload belong: behind the buffer's iovec and the entry's. */
function payloadIovecs(): usize {
  return log.iovecs + 16;
}

/** Writes what the buffer holds, and the first `pieces` of the other iovecs, `bytes` long. 0 or the errno that ends the log. */
function spill(pieces: u32, bytes: u32): i32 {
  const total = log.used + bytes;
  if (total == 0) return 0;
  setIovec(0, log.buffer, log.used);
  let result = log.fd < 0 ? -ENODEV : 0;
  if (result == 0) result = backingWrite(log.fd, log.iovecs, pieces + 1, total, log.spilled);
  if (result != 0) {
    log.error = result;
    return result;
  }
  log.spilled += total;
  log.used = 0;
  countMany(COUNTER_LOG_SPILLED_BYTES, total);
  return 0;
}

/** Adds the entry, and its payload in `pieces` iovecs, whole with padding. False when the log has ended. */
function append(pieces: u32, payloadBytes: u32): bool {
  if (log.error != 0) {
    log.dropped++;
    return false;
  }
  const bytes: u32 = LOG_ENTRY_SIZE + payloadBytes;
  if (bytes > log.capacity - log.used) {
    setIovec(1, entry, LOG_ENTRY_SIZE);
    if (spill(pieces + 1, bytes) != 0) {
      log.dropped++;
      return false;
    }
  } else {
    let to = log.buffer + log.used;
    memory.copy(to, entry, LOG_ENTRY_SIZE);
    to += LOG_ENTRY_SIZE;
    const end = payloadIovecs() + ((<usize>pieces) << 3);
    for (let iovec = payloadIovecs(); iovec < end; iovec += 8) {
      memory.copy(to, load<usize>(iovec), load<u32>(iovec, 4));
      to += load<u32>(iovec, 4);
    }
    log.used += bytes;
  }
  log.bytes += bytes;
  count(COUNTER_LOG_ENTRIES);
  return true;
}

function beginEntry(kind: u32, drive: u32, operation: u32, number: u64): void {
  memory.fill(entry, 0, LOG_ENTRY_SIZE);
  store<u8>(entry, <u8>kind, LOG_ENTRY_KIND);
  store<u8>(entry, <u8>operation, LOG_ENTRY_OPERATION);
  store<u16>(entry, <u16>drive, LOG_ENTRY_DRIVE);
  store<u64>(entry, number, LOG_ENTRY_NUMBER);
  store<u64>(entry, now(), LOG_ENTRY_TIME);
}

function setRange(sector: u64, sectorCount: u32, intended: u64): void {
  store<u64>(entry, sector, LOG_ENTRY_SECTOR);
  store<u32>(entry, sectorCount, LOG_ENTRY_SECTORS);
  store<u64>(entry, intended, LOG_ENTRY_INTENDED);
}

/** The drive has taken a request, and done with its bytes what the media will hold. For a drive that is logged. */
export function logSubmitted(drive: Drive, request: Request): void {
  request.logNumber = 0;
  request.logCount = 0;
  // what failed at once has changed nothing
  logSubmittedAs(drive, request, 0, request.sectorCount, request.result != 0 ? LOG_FLAG_IGNORED : 0);
}

/**
 * As logSubmitted, where a fault has changed what the media sees: of a write, `sectorCount` sectors from the `skip`-th on go to
 * their place behind mediaSector. May be called again for further parts, each a request of its own to the log, after
 * logNumber and logCount were set to 0. `flags`: LOG_FLAG_… but FUA, which the request tells.
 */
export function logSubmittedAs(
  drive: Drive,
  request: Request,
  skip: u32,
  sectorCount: u32,
  flags: u32,
): void {
  if (request.operation == OP_READ) return;
  const number = log.nextNumber++;
  beginEntry(LOG_SUBMIT, drive.index, request.operation, number);
  setRange(request.mediaSector + skip, sectorCount, request.sector + skip);
  store<u32>(entry, flags | logFlags(request.flags), LOG_ENTRY_FLAGS);
  // a flush before or behind data is of no bio
  const isAlike = request.bioHead != 0 && haveSameOrigin(request);
  if (isAlike) setOrigin(changetype<Bio>(request.bioHead));
  let pieces: u32 = 0;
  let payloadBytes: u32 = 0;
  if (request.operation == OP_WRITE) {
    payloadBytes = sectorCount << SECTOR_SHIFT;
    pieces = gatherPart(request, skip, sectorCount, payloadIovecs());
    store<u32>(entry, payloadBytes, LOG_ENTRY_PAYLOAD);
  }
  request.logNumber = number;
  request.logCount++;
  if (append(pieces, payloadBytes) && request.bioCount > 1)
    logParts(drive, request, number, request.sector + skip, sectorCount);
}

/** What of a request's flags the log keeps. */
function logFlags(flags: u32): u32 {
  let kept: u32 = flags & BIO_FUA ? LOG_FLAG_FUA : 0;
  if (flags & BIO_UNTORN) kept |= LOG_FLAG_UNTORN;
  return flags & BIO_TOGETHER ? kept | LOG_FLAG_TOGETHER : kept;
}

/** All bios of the request have the same tag, domain and chain. */
function haveSameOrigin(request: Request): bool {
  const first = changetype<Bio>(request.bioHead);
  for (let pointer = first.next; pointer != 0; pointer = changetype<Bio>(pointer).next) {
    const bio = changetype<Bio>(pointer);
    if (bio.tag != first.tag || bio.domain != first.domain || bio.chain != first.chain) return false;
  }
  return true;
}

function setOrigin(bio: Bio): void {
  store<u64>(entry, bio.tag, LOG_ENTRY_TAG);
  store<u32>(entry, bio.domain, LOG_ENTRY_DOMAIN);
  store<u32>(entry, bio.chain, LOG_ENTRY_CHAIN);
}

/** A part for each bio that has some of the sectors from `sector` on, as they were asked for. */
function logParts(drive: Drive, request: Request, number: u64, sector: u64, sectorCount: u32): void {
  for (let pointer = request.bioHead; pointer != 0; pointer = changetype<Bio>(pointer).next) {
    const bio = changetype<Bio>(pointer);
    beginEntry(LOG_PART, drive.index, request.operation, number);
    // a flush may stand for writes that asked for one
    if (request.operation != OP_FLUSH) {
      const from = max<u64>(bio.sector, sector);
      const to = min<u64>(bio.sector + bio.sectorCount, sector + sectorCount);
      if (from >= to) continue;
      setRange(from, <u32>(to - from), from);
    }
    setOrigin(bio);
    if (!append(0, 0)) return;
  }
}

/** The drive reports a request complete, with its result. */
export function logCompleted(drive: Drive, request: Request): void {
  if (request.logNumber == 0) return;
  const first = request.logNumber + 1 - request.logCount;
  for (let number = first; number <= request.logNumber; number++) {
    beginEntry(LOG_COMPLETE, drive.index, request.operation, number);
    setRange(request.sector, request.sectorCount, request.sector);
    if (request.flags & BIO_FUA) store<u32>(entry, LOG_FLAG_FUA, LOG_ENTRY_FLAGS);
    store<i32>(entry, request.result, LOG_ENTRY_RESULT);
    append(0, 0);
  }
}

/** A mark with `bytes` of text. Its number, counted from 1; EINVAL without a log, EFBIG for a text that is too long, or what ended the log. */
export function logMark(text: usize, bytes: u32): i32 {
  if (log.capacity == 0) return -EINVAL;
  if (bytes > <u32>MAX_MARK_BYTES) return -EFBIG;
  beginEntry(LOG_MARK, 0, 0, 0);
  const padded = (bytes + (PADDING - 1)) & ~(PADDING - 1);
  store<u32>(entry, padded, LOG_ENTRY_PAYLOAD);
  setIovec(2, text, bytes);
  setIovec(3, changetype<usize>(log) + offsetof<WriteLog>('zeros'), padded - bytes);
  if (!append(2, padded)) return log.error;
  const number = ++log.markCount;
  if (recording()) record(RECORD_MARK, 0, 0, 0, number, 0, 0);
  return <i32>number;
}

/** Brings the whole stream to the file, and the file to its disk. 0; EINVAL without a log; or what ended the log. */
export function logFlush(): i32 {
  if (log.capacity == 0) return -EINVAL;
  if (log.error != 0) return log.error;
  const result = spill(0, 0);
  return result != 0 ? result : backingSync(log.fd);
}

/** Copies the stream from `offset` on to `out`: how many bytes, at most `bytes` and fewer at its end; or an errno. */
export function logRead(out: usize, bytes: u32, offset: u64): i32 {
  if (offset >= log.bytes) return 0;
  const wanted = <u32>min<u64>(bytes, log.bytes - offset);
  const fromFile = offset < log.spilled ? <u32>min<u64>(wanted, log.spilled - offset) : 0;
  if (fromFile > 0) {
    setIovec(0, out, fromFile);
    const result = backingRead(log.fd, log.iovecs, 1, fromFile, offset);
    if (result != 0) return result;
  }
  const from = log.buffer + <usize>(offset + fromFile - log.spilled);
  memory.copy(out + fromFile, from, wanted - fromFile);
  return <i32>wanted;
}
