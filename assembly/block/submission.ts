// Requests of whole sectors that a client submits to a drive by hand, and reaps by hand.
//
// Verbs: submissionClaim, submissionInit, submissionStart, submissionDone, submissionReap. A submission goes through the block layer as
// bios within its limits, around the page cache; it ends when the last of them has, and waits to be reaped in the order of ends.
// Layout: one record a submission, with a span of its own; a handle is the number of its record.
// Invariant: a submission either gets all its bios or none, so it never waits for one.

import { KIND_BLOCK_DEVICE_DONE } from '../base/dispatch';
import { EAGAIN } from '../base/errno';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { Span } from '../base/span';
import { Drive, movesBytes } from '../drive/drive-table';
import {
  BIO_FUA,
  BIO_NO_MERGE,
  BIO_NOWAIT,
  BIO_PREFLUSH,
  Bio,
  bioGive,
  bioPool,
  bioTake,
} from '../drive/request';
import {
  BLOCK_DONE_HANDLE,
  BLOCK_DONE_RESULT,
  BLOCK_DONE_SIZE,
  BLOCK_FUA,
  BLOCK_NO_MERGE,
  BLOCK_NOWAIT,
  BLOCK_PREFLUSH,
  OP_READ,
  OP_WRITE,
} from '../layout';
import { MAX_DISCARD_SECTORS, SECTOR_SHIFT } from '../limits';
import { blockMaxSectors, plugBegin, plugLeave, submitBio } from './queue';

@unmanaged
class Submission {
  /** Among those that have ended. */
  next: usize;
  /** Bios that have not ended. */
  pending: u32;
  result: i32;
  // the next three words are a Span
  spanNext: usize;
  spanAddress: usize;
  spanLength: u32;
}

@unmanaged
class Ended {
  head: usize;
  tail: usize;
}

export const submissionPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const ended = changetype<Ended>(memory.data(offsetof<Ended>(), 16));

export function submissionClaim(capacity: u32): void {
  poolClaim(submissionPool, offsetof<Submission>(), capacity);
}

export function submissionInit(): void {
  // the client's flags are the bio's
  if (
    BIO_NO_MERGE != BLOCK_NO_MERGE ||
    BIO_FUA != BLOCK_FUA ||
    BIO_PREFLUSH != BLOCK_PREFLUSH ||
    BIO_NOWAIT != BLOCK_NOWAIT
  )
    ERROR('the flags of a submission are not those of a bio');
  poolInit(submissionPool);
}

function spanOf(submission: Submission): Span {
  return changetype<Span>(changetype<usize>(submission) + offsetof<Submission>('spanNext'));
}

function handleOf(submission: Submission): u32 {
  return <u32>((changetype<usize>(submission) - submissionPool.base) / submissionPool.recordSize);
}

/** One bio of the submission over `count` sectors from the one number `from` of its own. */
function submitPart(
  submission: Submission,
  drive: Drive,
  operation: u32,
  sector: u64,
  from: u32,
  sectorCount: u32,
  flags: u32,
  tag: u64,
  domain: u32,
): void {
  const bio = changetype<Bio>(bioTake());
  const hasBytes = operation == OP_READ || operation == OP_WRITE;
  bio.doneKind = KIND_BLOCK_DEVICE_DONE;
  bio.owner = changetype<usize>(submission);
  bio.drive = changetype<usize>(drive);
  bio.operation = operation;
  bio.sector = sector + from;
  bio.sectorCount = sectorCount;
  bio.segmentCount = hasBytes ? 1 : 0;
  bio.flags = flags;
  bio.tag = tag;
  bio.domain = domain;
  if (hasBytes && movesBytes()) {
    bio.span = changetype<usize>(spanOf(submission));
    bio.spanOffset = from << SECTOR_SHIFT;
  }
  submitBio(bio);
}

/**
 * Starts a request whose range, address and flags were checked. Its handle, or EAGAIN while too many are not reaped or too few
 * bios are free.
 */
export function submissionStart(
  drive: Drive,
  operation: u32,
  sector: u64,
  sectorCount: u32,
  address: usize,
  flags: u32,
  tag: u64,
  domain: u32,
): i32 {
  const hasBytes = operation == OP_READ || operation == OP_WRITE;
  const most: u32 = hasBytes ? blockMaxSectors() : MAX_DISCARD_SECTORS;
  const parts = max<u32>(sectorCount / most + (sectorCount % most != 0 ? 1 : 0), 1);
  if (parts > bioPool.capacity - bioPool.used) return -EAGAIN;
  const pointer = poolTake(submissionPool);
  if (pointer == 0) return -EAGAIN;
  const submission = changetype<Submission>(pointer);
  submission.next = 0;
  submission.pending = parts;
  submission.result = 0;
  const span = spanOf(submission);
  span.next = 0;
  span.address = address;
  span.length = hasBytes ? sectorCount << SECTOR_SHIFT : 0;
  let from: u32 = 0;
  plugBegin();
  for (let part: u32 = 1; part < parts; part++) {
    // the front parts of a split bio do not merge (bio_split sets REQ_NOMERGE)
    submitPart(submission, drive, operation, sector, from, most, flags | BIO_NO_MERGE, tag, domain);
    from += most;
  }
  submitPart(submission, drive, operation, sector, from, sectorCount - from, flags, tag, domain);
  plugLeave();
  return <i32>handleOf(submission);
}

/** Handler of KIND_BLOCK_DEVICE_DONE: a bio has ended; with the last one the submission waits to be reaped. */
export function submissionDone(bioPointer: usize, result: i32): void {
  const submission = changetype<Submission>(changetype<Bio>(bioPointer).owner);
  bioGive(bioPointer);
  if (result < 0 && submission.result == 0) submission.result = result;
  if (--submission.pending > 0) return;
  const pointer = changetype<usize>(submission);
  if (ended.tail != 0) changetype<Submission>(ended.tail).next = pointer;
  else ended.head = pointer;
  ended.tail = pointer;
}

/** Writes at most `most` BLOCK_DONE_… entries, oldest end first; their handles are free then. How many. */
export function submissionReap(out: usize, most: u32): u32 {
  let reaped: u32 = 0;
  while (reaped < most && ended.head != 0) {
    const submission = changetype<Submission>(ended.head);
    ended.head = submission.next;
    if (ended.head == 0) ended.tail = 0;
    store<u32>(out, handleOf(submission), BLOCK_DONE_HANDLE);
    store<i32>(out, submission.result, BLOCK_DONE_RESULT);
    out += BLOCK_DONE_SIZE;
    poolGive(submissionPool, changetype<usize>(submission));
    reaped++;
  }
  return reaped;
}
