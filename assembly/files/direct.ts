// Direct I/O: transfers between the caller's memory and the drive, around the page cache (fs/iomap/direct-io.c).
//
// Verbs: directTransfer, areSpansAligned. Each mapping of the range is cut into bios within the block layer's limits; the
// operation waits until all have ended; any error makes the whole call return it.
// Coherence: a direct transfer first writes back what is dirty in its range; a direct write drops the pages then, and once
// more when it has ended. When that write-back fails a read answers its error and a write goes through the cache instead.
// Invariant: the parts of a block that a write leaves out are zeros on the drive before the block counts as written.

import { KIND_OPERATION_BIO } from '../base/dispatch';
import { EAGAIN, EINVAL, EIO } from '../base/errno';
import {
  FLAG_BOUNCED,
  FLAG_DIRECT,
  FLAG_DSYNC,
  FLAG_NOWAIT,
  FLAG_SYNC,
  OPERATION_WRITE,
  Operation,
  operationCursor,
  PENDING,
} from '../base/operation';
import { Span, spanAdvance, spanPieces, spanZero } from '../base/span';
import { park } from '../base/wait-queue';
import { blockMaxSectors, blockMaxSegments, submitBio } from '../block/queue';
import { bufferedWrite } from '../cache/buffered-write';
import { errseqLast, errseqSet, Inode } from '../cache/inode';
import {
  IOMAP_DELALLOC,
  IOMAP_DIRECT,
  IOMAP_F_DIRTY,
  IOMAP_F_NEW,
  IOMAP_HOLE,
  IOMAP_MAPPED,
  IOMAP_NOWAIT,
  IOMAP_WRITE,
  Iomap,
  ioendDone,
  iomapSector,
} from '../cache/iomap';
import {
  IomapIter,
  iterAdvance,
  iteratorOf,
  iterBegin,
  iterFail,
  iterLeft,
  iterNext,
} from '../cache/iomap-iter';
import { canGoAroundNow } from '../cache/nowait';
import { invalidateRange, writebackRange } from '../cache/writeback';
import { Drive, movesBytes } from '../drive/drive-table';
import { BIO_FUA, BIO_NO_MERGE, BIO_NOWAIT, BIO_TOGETHER, Bio, bioTake, bioWaiters } from '../drive/request';
import { OP_READ, OP_WRITE, OP_WRITE_ZEROES } from '../layout';
import { SECTOR_SHIFT, SECTOR_SIZE } from '../limits';
import { STEP_SUBMIT, STEP_WAIT } from './drive-range';

const STEP_START: u8 = 0;
const STEP_CLEAN: u8 = 1;
const STEP_DROP: u8 = 2;
/** The data has arrived: what the file system makes of it, and the pages once more. */
const STEP_ARRIVED: u8 = 5;

// bits of Operation.directFlags
const HEAD_ZEROED: u32 = 1;
const TAIL_ZEROED: u32 = 2;
/** Something of a synchronous write was not FUA: it needs a sync. */
export const DIRECT_NEEDS_SYNC: u32 = 4;

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

/** A record is to follow the data of the held mapping, in one chain with it. */
function isShownLater(operation: Operation, inode: Inode): bool {
  if (inode.chain == 0) return false;
  const isLonger = operation.position + operation.length > inode.diskSize;
  return isLonger || iteratorOf(operation).type != IOMAP_MAPPED;
}

/** A bio of the operation over sectors of the held mapping; 0 when there is none, and the operation is parked unless it may not wait. */
function takeBio(operation: Operation, inode: Inode, position: u64, bytes: u32): usize {
  const pointer = bioTake();
  if (pointer == 0) {
    if ((operation.flags & FLAG_NOWAIT) == 0) park(bioWaiters(), changetype<usize>(operation));
    return 0;
  }
  const bio = changetype<Bio>(pointer);
  bio.doneKind = KIND_OPERATION_BIO;
  bio.owner = changetype<usize>(operation);
  bio.drive = inode.drive;
  bio.file = inode.index;
  bio.tag = operation.tag;
  bio.domain = inode.volumeInode;
  if (operation.kind == OPERATION_WRITE && isShownLater(operation, inode)) {
    bio.chain = inode.chain;
    bio.flags = BIO_NO_MERGE | BIO_TOGETHER;
  }
  bio.sector = iomapSector(changetype<Iomap>(iteratorOf(operation)), position);
  bio.sectorCount = bytes >> SECTOR_SHIFT;
  bio.segmentCount = 0;
  operation.pending++;
  return pointer;
}

/** What a synchronous write asks of a bio. */
function forceFlag(operation: Operation, inode: Inode, iter: IomapIter): u32 {
  if (operation.kind != OPERATION_WRITE || (operation.flags & (FLAG_DSYNC | FLAG_SYNC)) == 0) return 0;
  // a file on a volume: only where nothing but the data itself has to reach the drive
  const isAlone = iter.type == IOMAP_MAPPED && (iter.flags & (IOMAP_F_NEW | IOMAP_F_DIRTY)) == 0;
  if (inode.volumeInode == 0 || (isAlone && (operation.flags & FLAG_SYNC) == 0)) return BIO_FUA;
  operation.directFlags |= DIRECT_NEEDS_SYNC;
  return 0;
}

/** Zeroes [position, position + bytes) of the held mapping on the drive. False when no bio was free. */
function zeroOnDrive(operation: Operation, inode: Inode, position: u64, bytes: u32): bool {
  const pointer = takeBio(operation, inode, position, bytes);
  if (pointer == 0) return false;
  changetype<Bio>(pointer).operation = OP_WRITE_ZEROES;
  submitBio(changetype<Bio>(pointer));
  return true;
}

/** Zeroes what the first and last block of a write have beside it, where they held nothing before. False when no bio was free. */
function zeroAround(operation: Operation, inode: Inode, iter: IomapIter): bool {
  if (inode.volumeInode == 0 || operation.kind != OPERATION_WRITE) return true;
  const inBlock = ((<u64>1) << inode.blockShift) - 1;
  const isNew = iter.type != IOMAP_MAPPED || (iter.flags & IOMAP_F_NEW) != 0;
  const head = <u32>(operation.position & inBlock);
  const isFirst = iter.position == operation.position;
  if (isFirst && isNew && head > 0 && (operation.directFlags & HEAD_ZEROED) == 0) {
    if (!zeroOnDrive(operation, inode, operation.position - head, head)) return false;
    operation.directFlags |= HEAD_ZEROED;
  }
  const end = operation.position + operation.length;
  const tail = <u32>(end & inBlock);
  const isLast = end <= iter.offset + iter.length;
  const isBehind = end >= inode.size;
  if (isLast && (isNew || isBehind) && tail > 0 && (operation.directFlags & TAIL_ZEROED) == 0) {
    if (!zeroOnDrive(operation, inode, end, <u32>(inBlock + 1) - tail)) return false;
    operation.directFlags |= TAIL_ZEROED;
  }
  return true;
}

/** Reads what has no place on the drive: zeros. */
function readNothing(operation: Operation, iter: IomapIter): void {
  const bytes = <u32>iterLeft(iter);
  if (movesBytes()) spanZero(operationCursor(operation), bytes);
  else spanAdvance(operationCursor(operation), bytes);
  iterAdvance(iter, bytes);
}

/** Submits the held mapping as bios. 0; PENDING when no bio is free, EAGAIN where that may not be waited for. */
function submitMapping(operation: Operation, inode: Inode, iter: IomapIter): i32 {
  const isWrite = operation.kind == OPERATION_WRITE;
  if (isWrite && (iter.type == IOMAP_HOLE || iter.type == IOMAP_DELALLOC)) return -EIO;
  if (!isWrite && iter.type != IOMAP_MAPPED) {
    readNothing(operation, iter);
    return 0;
  }
  if (!zeroAround(operation, inode, iter)) return operation.flags & FLAG_NOWAIT ? -EAGAIN : PENDING;
  while (iterLeft(iter) > 0) {
    const left = iterLeft(iter);
    const bytes = bytesOfNextBio(operation, left);
    assert(bytes > 0, 'a direct transfer with pieces below a sector');
    const pointer = takeBio(operation, inode, iter.position, bytes);
    if (pointer == 0) return operation.flags & FLAG_NOWAIT ? -EAGAIN : PENDING;
    const bio = changetype<Bio>(pointer);
    bio.operation = isWrite ? OP_WRITE : OP_READ;
    // the front parts of a split bio do not merge (bio_split sets REQ_NOMERGE)
    const nowait: u32 = operation.flags & FLAG_NOWAIT ? BIO_NOWAIT : 0;
    bio.flags |= forceFlag(operation, inode, iter) | nowait | (bytes < left ? BIO_NO_MERGE : 0);
    bio.segmentCount = spanPieces(operation.cursorSpan, operation.cursorOffset, bytes);
    if (movesBytes()) {
      bio.span = operation.cursorSpan;
      bio.spanOffset = operation.cursorOffset;
    }
    spanAdvance(operationCursor(operation), bytes);
    iterAdvance(iter, bytes);
    submitBio(bio);
  }
  return 0;
}

/**
 * Submits the rest of the range, mapping by mapping. 0 when all is on its way; PENDING when no bio is free. Where that may
 * not be waited for the range ends before it; EAGAIN when nothing has been submitted.
 */
function submitAll(operation: Operation, inode: Inode): i32 {
  const iter = iteratorOf(operation);
  let isHolding = iter.isHeld != 0;
  while (true) {
    const next = isHolding ? 1 : iterNext(iter);
    if (next < 0) operation.error = operation.error == 0 ? next : operation.error;
    if (next <= 0) return 0;
    isHolding = false;
    const result = submitMapping(operation, inode, iter);
    if (result == PENDING) return PENDING;
    if (result == -EAGAIN && iter.position > operation.position) {
      operation.length = iter.position - operation.position;
      iter.left = 0;
    } else if (result < 0) {
      operation.error = result;
      iterFail(iter, result);
      iter.left = 0;
    }
  }
}

/** Checks alignment and cuts the range to the file. 0 to go on, or the answer. */
function checkRange(operation: Operation, inode: Inode): i32 {
  if (((operation.position | operation.length) & (SECTOR_SIZE - 1)) != 0) return -EINVAL;
  const isWrite = operation.kind == OPERATION_WRITE;
  const end = isWrite ? inode.capacity : (inode.size + SECTOR_SIZE - 1) & ~(<u64>SECTOR_SIZE - 1);
  if (isWrite && operation.position >= end) return -(<i32>inode.fullErrno);
  const room =
    end > operation.position && (isWrite || operation.position < inode.size) ? end - operation.position : 0;
  operation.length = min<u64>(operation.length, room);
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

/** The first step: what the range needs before it may go around the cache. 0 to go on, or the answer. */
function start(operation: Operation, inode: Inode): i32 {
  const isWrite = operation.kind == OPERATION_WRITE;
  const result = checkRange(operation, inode);
  if (result != 0 || operation.length == 0) return result;
  if (!areSpansAligned(operation, inode)) return -EINVAL;
  operation.step = inode.pageCount > 0 ? STEP_CLEAN : STEP_SUBMIT;
  operation.errorMark = inode.writebackErrors;
  if ((operation.flags & FLAG_NOWAIT) != 0 && operation.step == STEP_CLEAN) {
    if (!canGoAroundNow(inode, operation.position, operation.position + operation.length, isWrite))
      return -EAGAIN;
    operation.step = isWrite ? STEP_DROP : STEP_SUBMIT;
  }
  return 0;
}

/** Writes back what is dirty in the range, and drops its pages for a write. 0, PENDING, or the answer of a read that could not. */
function makeCoherent(operation: Operation, inode: Inode, end: u64): i32 {
  const isWrite = operation.kind == OPERATION_WRITE;
  while (operation.step == STEP_CLEAN || operation.step == STEP_DROP) {
    if (operation.step == STEP_CLEAN) {
      if (writebackRange(operation, inode, operation.position, end) == PENDING) return PENDING;
      if (inode.writebackErrors != operation.errorMark) {
        if (!isWrite) return errseqLast(inode);
        // the cached bytes are the only copy, so the pages may not be dropped (-ENOTBLK of Linux)
        operation.flags &= ~FLAG_DIRECT;
        operation.step = STEP_START;
        return 0;
      }
    }
    const dropped = isWrite ? invalidateRange(operation, inode, operation.position, end) : 0;
    // a page that was dirtied while this one waited is written as well
    operation.step = dropped == 1 ? STEP_CLEAN : STEP_DROP;
    if (dropped == PENDING) return PENDING;
    if (dropped == 0) operation.step = STEP_SUBMIT;
  }
  return 0;
}

/** The data of a write is on the drive: the file system takes note, and pages that came up meanwhile go. PENDING while one is busy. */
function arrived(operation: Operation, inode: Inode, end: u64): i32 {
  if (operation.step == STEP_WAIT) {
    operation.step = STEP_ARRIVED;
    inode.size = max<u64>(inode.size, end);
    ioendDone(inode, operation.position, operation.length, true, 0);
  }
  if (inode.pageCount > 0 && (operation.flags & FLAG_NOWAIT) == 0) {
    const dropped = invalidateRange(operation, inode, operation.position, end);
    if (dropped == PENDING) return PENDING;
    // a dirty page hides what was written: the next sync says so
    if (dropped == 1) errseqSet(inode, EIO);
  }
  return <i32>operation.length;
}

/** Bytes transferred, a negative errno, or PENDING. For reads and writes with O_DIRECT. */
export function directTransfer(operation: Operation, inode: Inode): i32 {
  const isWrite = operation.kind == OPERATION_WRITE;
  if (operation.step == STEP_START) {
    const started = start(operation, inode);
    if (started != 0 || operation.step == STEP_START) return started;
  }
  if (operation.step == STEP_CLEAN || operation.step == STEP_DROP) {
    const result = makeCoherent(operation, inode, operation.position + operation.length);
    if (result != 0) return result;
    if ((operation.flags & FLAG_DIRECT) == 0) return bufferedWrite(operation, inode);
  }
  if (operation.step == STEP_SUBMIT) {
    const iter = iteratorOf(operation);
    if (iter.inode == 0) {
      const nowait: u32 = operation.flags & FLAG_NOWAIT ? IOMAP_NOWAIT : 0;
      const flags = IOMAP_DIRECT | nowait | (isWrite ? IOMAP_WRITE : 0);
      iterBegin(iter, inode, operation.position, operation.length, flags);
    }
    if (submitAll(operation, inode) == PENDING) return PENDING;
    operation.step = STEP_WAIT;
  }
  if (operation.pending > 0) return PENDING;
  if (operation.error != 0) return operation.error;
  if (isWrite) return arrived(operation, inode, operation.position + operation.length);
  const room = inode.size > operation.position ? inode.size - operation.position : 0;
  return <i32>min<u64>(operation.length, room);
}
