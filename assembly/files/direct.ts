// Direct I/O, discards and write-zeroes: operations that go to the drive without the page cache holding their data.
//
// Verbs: directTransfer, drivePieces, operationBioDone (fs/iomap/direct-io.c). The range is cut into bios within the
// block layer's limits; the operation waits until all have ended; any error makes the whole call return it.
// Coherence: a direct transfer first writes back what is dirty in its range; a direct write then drops the pages. When
// that write-back fails a read answers its error and a write goes through the cache instead.
// Invariant: `operation.done` counts bytes whose bios have been submitted.

import { complete, KIND_OPERATION_BIO, KIND_OPERATION_RESUME } from '../base/dispatch';
import { EAGAIN, EINVAL } from '../base/errno';
import {
  FLAG_BOUNCED,
  FLAG_DIRECT,
  FLAG_DSYNC,
  FLAG_NOWAIT,
  FLAG_SYNC,
  OPERATION_DISCARD,
  OPERATION_READ,
  OPERATION_WRITE,
  OPERATION_WRITE_ZEROES,
  Operation,
  operationCursor,
  PENDING,
} from '../base/operation';
import { Span, spanAdvance, spanPieces } from '../base/span';
import { park } from '../base/wait-queue';
import { blockMaxSectors, blockMaxSegments, submitBio } from '../block/queue';
import { bufferedWrite } from '../cache/buffered-write';
import { errseqLast, Inode } from '../cache/inode';
import { canGoAroundNow } from '../cache/nowait';
import { invalidateRange, writebackRange } from '../cache/writeback';
import { Drive, movesBytes } from '../drive/drive-table';
import { BIO_FUA, BIO_NO_MERGE, Bio, bioGive, bioTake, bioWaiters } from '../drive/request';
import { OP_DISCARD, OP_READ, OP_WRITE, OP_WRITE_ZEROES } from '../layout';
import { MAX_DISCARD_SECTORS, SECTOR_SHIFT, SECTOR_SIZE } from '../limits';

const STEP_START: u8 = 0;
const STEP_CLEAN: u8 = 1;
const STEP_DROP: u8 = 2;
const STEP_SUBMIT: u8 = 3;
const STEP_WAIT: u8 = 4;

/** Bytes that fit in one bio from the operation's cursor: whole sectors, at most `maxSegments` pieces. */
function bytesOfNextBio(operation: Operation, left: u64): u32 {
  const bytes = <u32>min<u64>(left, (<u64>blockMaxSectors()) << SECTOR_SHIFT);
  let room: u32 = 0;
  let span = operation.cursorSpan;
  let offset = operation.cursorOffset;
  for (let pieces: u32 = 0; pieces < blockMaxSegments() && room < bytes && span != 0; ) {
    const length = changetype<Span>(span).length - offset;
    if (length > 0) pieces++;
    room += length;
    span = changetype<Span>(span).next;
    offset = 0;
  }
  return min<u32>(bytes, room) & ~(<u32>SECTOR_SIZE - 1);
}

function bioOperation(operation: Operation): u32 {
  switch (operation.kind) {
    case OPERATION_READ:
      return OP_READ;
    case OPERATION_WRITE:
      return OP_WRITE;
    case OPERATION_DISCARD:
      return OP_DISCARD;
    default:
      return OP_WRITE_ZEROES;
  }
}

/** Handler of KIND_OPERATION_BIO: one bio of an operation ended; the last one resumes it. */
export function operationBioDone(bioPointer: usize, result: i32): void {
  const bio = changetype<Bio>(bioPointer);
  const operation = changetype<Operation>(bio.owner);
  bioGive(bioPointer);
  if (result < 0 && operation.error == 0) operation.error = result;
  assert(operation.pending > 0, 'a bio ended twice');
  operation.pending--;
  // while it still submits it is not waiting for this
  if (operation.pending == 0 && operation.step == STEP_WAIT)
    complete(KIND_OPERATION_RESUME, changetype<usize>(operation), 0);
}

/**
 * Submits the rest of the range as bios. 0 when all are on their way; PENDING when no bio is free. Where that may not be
 * waited for the range ends before it: EAGAIN when nothing has been submitted.
 */
function submitPieces(operation: Operation, inode: Inode): i32 {
  const isTransfer = operation.kind == OPERATION_READ || operation.kind == OPERATION_WRITE;
  const isForced = operation.kind == OPERATION_WRITE && (operation.flags & (FLAG_DSYNC | FLAG_SYNC)) != 0;
  while (operation.done < operation.length) {
    const left = operation.length - operation.done;
    const bytes = isTransfer
      ? bytesOfNextBio(operation, left)
      : <u32>min<u64>(left, (<u64>MAX_DISCARD_SECTORS) << SECTOR_SHIFT);
    assert(bytes > 0, 'a direct transfer with pieces below a sector');
    const pointer = bioTake();
    if (pointer == 0) {
      if (operation.flags & FLAG_NOWAIT) {
        operation.length = operation.done;
        return operation.done == 0 ? -EAGAIN : 0;
      }
      park(bioWaiters(), changetype<usize>(operation));
      return PENDING;
    }
    const bio = changetype<Bio>(pointer);
    bio.doneKind = KIND_OPERATION_BIO;
    bio.owner = changetype<usize>(operation);
    bio.drive = inode.drive;
    bio.file = inode.index;
    bio.operation = bioOperation(operation);
    // the front parts of a split bio do not merge (bio_split sets REQ_NOMERGE)
    bio.flags = (isForced ? BIO_FUA : 0) | (bytes < left ? BIO_NO_MERGE : 0);
    bio.sector = inode.extentSector + ((operation.position + operation.done) >> SECTOR_SHIFT);
    bio.sectorCount = bytes >> SECTOR_SHIFT;
    bio.segmentCount = 0;
    if (isTransfer) {
      bio.segmentCount = spanPieces(operation.cursorSpan, operation.cursorOffset, bytes);
      if (movesBytes()) {
        bio.span = operation.cursorSpan;
        bio.spanOffset = operation.cursorOffset;
      }
      spanAdvance(operationCursor(operation), bytes);
    }
    operation.done += bytes;
    operation.pending++;
    submitBio(bio);
  }
  return 0;
}

/** Checks alignment and cuts the range to the file. 0 to go on, or the answer. */
function checkRange(operation: Operation, inode: Inode): i32 {
  if (((operation.position | operation.length) & (SECTOR_SIZE - 1)) != 0) return -EINVAL;
  const end =
    operation.kind == OPERATION_READ
      ? (inode.size + SECTOR_SIZE - 1) & ~(<u64>SECTOR_SIZE - 1)
      : inode.capacity;
  if (operation.position >= end) return operation.kind == OPERATION_READ ? 0 : -(<i32>inode.fullErrno);
  if (operation.length > end - operation.position) {
    if (operation.kind == OPERATION_DISCARD || operation.kind == OPERATION_WRITE_ZEROES) return -EINVAL;
    operation.length = end - operation.position;
  }
  return 0;
}

/** Each piece of a direct transfer must be whole sectors, and lie where the drive can reach it. */
export function areSpansAligned(operation: Operation, inode: Inode): bool {
  const isBounced = (operation.flags & FLAG_BOUNCED) != 0;
  const addressMask: u32 = isBounced ? 0 : changetype<Drive>(inode.drive).dmaMask;
  for (let span = operation.spans; span != 0; span = changetype<Span>(span).next) {
    const length = changetype<Span>(span).length;
    if ((length & (SECTOR_SIZE - 1)) != 0) return false;
    if ((<u32>changetype<Span>(span).address & addressMask) != 0) return false;
  }
  return true;
}

/** Bytes transferred, a negative errno, or PENDING. For reads and writes with O_DIRECT. */
export function directTransfer(operation: Operation, inode: Inode): i32 {
  const isWrite = operation.kind == OPERATION_WRITE;
  if (operation.step == STEP_START) {
    const result = checkRange(operation, inode);
    if (result != 0) return result;
    if (!isWrite && operation.position >= inode.size) return 0;
    if (!areSpansAligned(operation, inode)) return -EINVAL;
    operation.step = inode.pageCount > 0 ? STEP_CLEAN : STEP_SUBMIT;
    operation.errorMark = inode.writebackErrors;
    if ((operation.flags & FLAG_NOWAIT) != 0 && operation.step == STEP_CLEAN) {
      if (!canGoAroundNow(inode, operation.position, operation.position + operation.length, isWrite))
        return -EAGAIN;
      operation.step = isWrite ? STEP_DROP : STEP_SUBMIT;
    }
  }
  const end = operation.position + operation.length;
  while (operation.step == STEP_CLEAN || operation.step == STEP_DROP) {
    if (operation.step == STEP_CLEAN) {
      if (writebackRange(operation, inode, operation.position, end) == PENDING) return PENDING;
      if (inode.writebackErrors != operation.errorMark) {
        if (!isWrite) return errseqLast(inode);
        // the cached bytes are the only copy, so the pages may not be dropped (-ENOTBLK of Linux)
        operation.flags &= ~FLAG_DIRECT;
        operation.step = STEP_START;
        return bufferedWrite(operation, inode);
      }
    }
    const dropped = isWrite ? invalidateRange(operation, inode, operation.position, end) : 0;
    // a page that was dirtied while this one waited is written as well
    operation.step = dropped == 1 ? STEP_CLEAN : STEP_DROP;
    if (dropped == PENDING) return PENDING;
    if (dropped == 0) operation.step = STEP_SUBMIT;
  }
  if (operation.step == STEP_SUBMIT) {
    const submitted = submitPieces(operation, inode);
    if (submitted != 0) return submitted;
    operation.step = STEP_WAIT;
  }
  if (operation.pending > 0) return PENDING;
  if (operation.error != 0) return operation.error;
  if (isWrite) {
    inode.size = max<u64>(inode.size, operation.position + operation.length);
    return <i32>operation.length;
  }
  return <i32>min<u64>(operation.length, inode.size - operation.position);
}

/** Sends the whole range of a discard or write-zeroes to the drive. 0, a negative errno, or PENDING. `step` starts at STEP_SUBMIT. */
export function driveRange(operation: Operation, inode: Inode): i32 {
  if (operation.step == STEP_SUBMIT) {
    if (submitPieces(operation, inode) == PENDING) return PENDING;
    operation.step = STEP_WAIT;
  }
  if (operation.pending > 0) return PENDING;
  return operation.error;
}

/** Readies the operation for driveRange over whole sectors that lie in the file's room. */
export function readyDriveRange(operation: Operation, position: u64, length: u64): void {
  operation.position = position;
  operation.length = length;
  operation.done = 0;
  operation.step = STEP_SUBMIT;
}

/** The first step of a discard: checks the range. 0 to go on (then step is STEP_SUBMIT), or a negative errno. */
export function startDriveRange(operation: Operation, inode: Inode): i32 {
  const result = checkRange(operation, inode);
  if (result == 0) operation.step = STEP_SUBMIT;
  return result;
}
