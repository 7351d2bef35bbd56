// Moves runs of sectors between the volume's memory and its drive, within the block layer's limits.
//
// Verbs: sectorIoInit, ioBegin, ioRun, ioBioDone, ioResumed. One transfer at a time: the journal, a checkpoint, a mount and a format
// each do one after another. What is transferred is named as runs: one range, the sectors that are not home, or a
// transaction (headers, then its sectors from the shadow).
// Layout: BIO_SLOTS bios in flight, with SPANS_A_BIO spans each of its own: it never waits for spans that an operation holds
// which waits for the journal.
// Invariant: a bio covers sectors that follow each other on the drive; after an error no further bio is sent.

import { KIND_JOURNAL_BIO, KIND_JOURNAL_RESUME } from '../../base/dispatch';
import { PENDING } from '../../base/operation';
import { Span } from '../../base/span';
import { park } from '../../base/wait-queue';
import { blockMaxSectors, blockMaxSegments, plugBegin, plugEnd, submitBio } from '../../block/queue';
import { Drive } from '../../drive/drive-table';
import { Bio, bioGive, bioTake, bioWaiters } from '../../drive/request';
import { LOG_DOMAIN_METADATA, OP_FLUSH, OP_WRITE, OP_WRITE_ZEROES } from '../../layout';
import { MAX_DISCARD_SECTORS, SECTOR_SHIFT } from '../../limits';
import { hasRecords, volume } from './geometry';
import { image, nextBit, testBit } from './image';
import { transactionSector } from './transaction';

export const RUNS_RANGE: u32 = 0;
export const RUNS_NOT_HOME: u32 = 1;
export const RUNS_TRANSACTION: u32 = 2;

const BIO_SLOTS: u32 = 8;
const SPANS_A_BIO: u32 = 16;
const SPAN_TABLE_SIZE: i32 = 1536;

@unmanaged
class SectorIo {
  // the first two words are a Waiter
  next: usize;
  resumeKind: u32;
  isParked: u32;
  operation: u32;
  flags: u32;
  runs: u32;
  address: usize;
  sector: u64;
  /** Sectors dealt with, and where to stop, as `runs` counts them. */
  position: u32;
  end: u32;
  error: i32;
  pending: u32;
  /** A bit for each slot that is free. */
  freeSlots: u32;
  /** Bios that have ended: none of them is merged, so as many requests. */
  endedWrites: u64;
  // the next run
  runSector: u64;
  runAddress: usize;
  runCount: u32;
}

const io = changetype<SectorIo>(memory.data(offsetof<SectorIo>(), 16));
const SPANS: usize = memory.data(SPAN_TABLE_SIZE, 16);

export function sectorIoInit(): void {
  assert(
    <u32>SPAN_TABLE_SIZE == BIO_SLOTS * SPANS_A_BIO * offsetof<Span>(),
    'the span table has another size',
  );
  io.resumeKind = KIND_JOURNAL_RESUME;
  io.freeSlots = (1 << BIO_SLOTS) - 1;
}

/** Writes that this file has sent and that have ended. */
export function ioEndedWrites(): u64 {
  return io.endedWrites;
}

/**
 * Begins a transfer of `count` sectors; ioRun carries it out. RUNS_RANGE: between `sector` of the drive and `address`;
 * RUNS_NOT_HOME: from the shadow to the home area, `count` is metaSectors; RUNS_TRANSACTION: to the journal at `sector`.
 * OP_FLUSH takes a count of 1.
 */
export function ioBegin(
  operation: u32,
  flags: u32,
  runs: u32,
  sector: u64,
  address: usize,
  sectorCount: u32,
): void {
  assert(io.pending == 0 && io.position == io.end, 'two transfers of the volume at once');
  io.operation = operation;
  io.flags = flags;
  io.runs = runs;
  io.sector = sector;
  io.address = address;
  io.position = 0;
  io.end = sectorCount;
  io.error = 0;
}

/** Finds the run at the position. False when nothing is left. */
function findRun(): bool {
  if (io.runs == RUNS_NOT_HOME) io.position = nextBit(image.notHome, io.position);
  if (io.position >= io.end) return false;
  const position = io.position;
  if (io.runs == RUNS_NOT_HOME) {
    let count: u32 = 1;
    while (position + count < io.end && testBit(image.notHome, position + count)) count++;
    io.runSector = volume.homeSector + position;
    io.runAddress = image.shadow + ((<usize>position) << SECTOR_SHIFT);
    io.runCount = count;
  } else if (io.runs == RUNS_TRANSACTION) {
    io.runSector = io.sector + position;
    io.runAddress = transactionSector(position);
    io.runCount = 1;
  } else {
    io.runSector = io.sector + position;
    io.runAddress = io.address + ((<usize>position) << SECTOR_SHIFT);
    io.runCount = io.end - position;
  }
  return true;
}

function slotSpan(slot: u32, index: u32): Span {
  return changetype<Span>(SPANS + <usize>(slot * SPANS_A_BIO + index) * offsetof<Span>());
}

/** Gives the bio as many runs as fit. */
function fill(bio: Bio, slot: u32): void {
  const maxSpans = min<u32>(SPANS_A_BIO, blockMaxSegments());
  let spans: u32 = 0;
  let last = changetype<Span>(0);
  while (findRun() && bio.sectorCount < blockMaxSectors()) {
    if (bio.sectorCount > 0 && bio.sector + bio.sectorCount != io.runSector) return;
    const count = min<u32>(io.runCount, blockMaxSectors() - bio.sectorCount);
    const bytes = count << SECTOR_SHIFT;
    const isFollowing = spans > 0 && last.address + last.length == io.runAddress;
    if (isFollowing) {
      last.length += bytes;
    } else {
      if (spans == maxSpans) return;
      const span = slotSpan(slot, spans++);
      span.next = 0;
      span.address = io.runAddress;
      span.length = bytes;
      if (spans == 1) bio.span = changetype<usize>(span);
      else last.next = changetype<usize>(span);
      last = span;
    }
    if (bio.sectorCount == 0) bio.sector = io.runSector;
    bio.sectorCount += count;
    bio.segmentCount = spans;
    io.position += count;
  }
}

/** Sends one bio. False when there is none, or no slot for it. */
function submitNext(): bool {
  if (io.freeSlots == 0) return false;
  const pointer = bioTake();
  if (pointer == 0) {
    park(bioWaiters(), changetype<usize>(io));
    io.isParked = 1;
    return false;
  }
  const slot = ctz<u32>(io.freeSlots);
  io.freeSlots &= ~(1 << slot);
  const bio = changetype<Bio>(pointer);
  bio.doneKind = KIND_JOURNAL_BIO;
  bio.owner = slot;
  bio.drive = volume.drive;
  // what a volume with records makes durable is all of it
  bio.domain = io.operation == OP_FLUSH && hasRecords() ? 0 : LOG_DOMAIN_METADATA;
  bio.operation = io.operation;
  bio.flags = io.flags;
  bio.sector = 0;
  bio.sectorCount = 0;
  bio.segmentCount = 0;
  if (io.operation == OP_FLUSH) {
    io.position = io.end;
  } else if (io.operation == OP_WRITE_ZEROES) {
    bio.sector = io.sector + io.position;
    bio.sectorCount = min<u32>(io.end - io.position, MAX_DISCARD_SECTORS);
    io.position += bio.sectorCount;
  } else {
    fill(bio, slot);
  }
  io.pending++;
  submitBio(bio);
  return true;
}

function hasMore(): bool {
  if (io.error != 0) return false;
  return io.operation == OP_FLUSH || io.operation == OP_WRITE_ZEROES ? io.position < io.end : findRun();
}

/** Sends what can be sent. 0 or the errno when the transfer is over, else PENDING. */
export function ioRun(): i32 {
  if (io.isParked != 0) return PENDING;
  plugBegin();
  let isGoing = true;
  while (isGoing && hasMore()) isGoing = submitNext();
  plugEnd();
  if (io.pending > 0 || io.isParked != 0) return PENDING;
  // told once: the next step may begin nothing
  const result = io.error;
  io.position = io.end;
  io.error = 0;
  return result;
}

/** A bio of the transfer has ended. */
export function ioBioDone(pointer: usize, result: i32): void {
  const bio = changetype<Bio>(pointer);
  io.freeSlots |= 1 << (<u32>bio.owner);
  const isCounted = bio.operation == OP_WRITE || bio.operation == OP_WRITE_ZEROES;
  if (isCounted && changetype<Drive>(volume.drive).volatileLimit != 0) io.endedWrites++;
  bioGive(pointer);
  io.pending--;
  if (result < 0 && io.error == 0) io.error = result;
}

/** A bio is free again for the transfer that waits for one. */
export function ioResumed(): void {
  io.isParked = 0;
}
