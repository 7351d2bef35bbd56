// The one entrance to a file: an operation is started here and stepped here until it ends.
//
// Verbs: startOperation, resumeOperation, submitFlush. Read and write go through the cache or around it, sync writes
// back and flushes the drive, discard cleans the cache and tells the drive, truncate moves the end.
// Invariant: a step begins and ends a plug and submits the page I/O that it gathered; the submitter hears of the end
// through (doneKind, owner) from the pump, never from inside startOperation.

import { EAGAIN, EISDIR, ENOSPC, EOPNOTSUPP, EROFS } from '../base/errno';
import {
  FLAG_APPEND,
  FLAG_DIRECT,
  FLAG_DSYNC,
  FLAG_NOWAIT,
  FLAG_SYNC,
  FLAG_UNSAFE,
  OPERATION_DATASYNC,
  OPERATION_DISCARD,
  OPERATION_FALLOCATE,
  OPERATION_FORGET,
  OPERATION_READ,
  OPERATION_SYNC,
  OPERATION_SYNC_ALL,
  OPERATION_SYNC_RANGE,
  OPERATION_TRUNCATE,
  OPERATION_WRITE,
  OPERATION_WRITE_ZEROES,
  Operation,
  operationCursor,
  operationFinish,
  PENDING,
} from '../base/operation';
import { record, recording } from '../base/record';
import { plugBegin, plugEnd } from '../block/queue';
import { bufferedRead } from '../cache/buffered-read';
import { bufferedWrite } from '../cache/buffered-write';
import { Inode } from '../cache/inode';
import { iteratorOf } from '../cache/iomap-iter';
import { canReadNow, canWriteNow } from '../cache/nowait';
import { pageIoSubmit } from '../cache/page-io';
import { discardRange, writebackRange } from '../cache/writeback';
import { bioOffer } from '../drive/request';
import { RECORD_OPERATION_ENDED, RECORD_OPERATION_STARTED } from '../layout';
import { PAGE_SIZE, SECTOR_SIZE } from '../limits';
import { releaseDescriptor } from './descriptor';
import { areSpansAligned, DIRECT_NEEDS_SYNC, directTransfer } from './direct';
import { driveRange, startDriveRange } from './drive-range';
import { holesWrite } from './holes';
import { lockInode, unlockInode } from './inode-lock';
import { STEP_CLEAN, stepSync, stepSyncAll, stepSyncRange, syncSteps } from './sync';
import { truncate } from './truncate';
import { pendingBlockCount } from './volume/blocks';
import { fallocateFile } from './volume/fallocate';
import { truncateFile } from './volume/file-size';
import { hasRecords, volume } from './volume/geometry';
import { runningTransaction } from './volume/image';
import { diskInodeOf, inodeModified } from './volume/inodes';
import { journalHasFailed, journalWait } from './volume/journal';
import { keepSteps } from './volume/record-maps';
import { stepForget } from './volume/unmount';

/** Operation.keepStep: where a change on a volume with records stands. */
const KEEP_NOTHING: u32 = 0;
const KEEP_DATA: u32 = 1;
const KEEP_RECORDS: u32 = 2;

function stepDiscard(operation: Operation, inode: Inode): i32 {
  if (operation.step == 0) {
    // also checks; the cache is cleaned before anything goes to the drive
    const result = startDriveRange(operation, inode);
    if (result != 0) return result;
    operation.step = STEP_CLEAN;
  }
  if (operation.step == STEP_CLEAN) {
    if (discardRange(operation, inode, operation.position, operation.position + operation.length) == PENDING)
      return PENDING;
    startDriveRange(operation, inode);
  }
  return driveRange(operation, inode);
}

/**
 * RWF_NOWAIT through the cache: page after page, as long as the next one needs no waiting. Bytes done, or EAGAIN when
 * the first page would have to wait, or when the gap between the end of the file and a write wants zeros.
 */
function bufferedNow(operation: Operation, inode: Inode): i32 {
  const isRead = operation.kind == OPERATION_READ;
  const limit = isRead ? inode.size : inode.capacity;
  if (operation.position >= limit)
    return isRead ? bufferedRead(operation, inode) : bufferedWrite(operation, inode);
  if (!isRead && operation.position > inode.size) return -EAGAIN;
  const wanted = min<u64>(operation.length, limit - operation.position);
  operation.length = 0;
  while (operation.length < wanted) {
    const position = operation.position + operation.length;
    const bytes = <u32>min<u64>(wanted - operation.length, PAGE_SIZE - (position & (PAGE_SIZE - 1)));
    const canNow = isRead ? canReadNow(inode, position, bytes) : canWriteNow(inode, position, bytes);
    if (!canNow) return operation.done > 0 ? <i32>operation.done : -EAGAIN;
    operation.length += bytes;
    operation.step = 0;
    const result = isRead ? bufferedRead(operation, inode) : bufferedWrite(operation, inode);
    assert(result != PENDING, 'a transfer waits that may not');
    if (operation.done < operation.length) return result;
  }
  return <i32>operation.done;
}

function bufferedTransfer(operation: Operation, inode: Inode): i32 {
  if (operation.flags & FLAG_NOWAIT) return bufferedNow(operation, inode);
  return operation.kind == OPERATION_READ ? bufferedRead(operation, inode) : bufferedWrite(operation, inode);
}

function stepTransfer(operation: Operation, inode: Inode): i32 {
  const isDirect = (operation.flags & FLAG_DIRECT) != 0;
  if (operation.kind == OPERATION_READ || operation.step < STEP_CLEAN) {
    const result = isDirect ? directTransfer(operation, inode) : bufferedTransfer(operation, inode);
    if (operation.kind == OPERATION_READ) return result;
    const isSynchronous =
      (operation.flags & (FLAG_DSYNC | FLAG_SYNC)) != 0 && (operation.flags & FLAG_UNSAFE) == 0;
    // a direct synchronous write was FUA; a buffered one, or one that fell back, is written back and flushed now
    const isForced = (operation.flags & FLAG_DIRECT) != 0 && (operation.directFlags & DIRECT_NEEDS_SYNC) == 0;
    if (result <= 0 || !isSynchronous || isForced) return result;
    operation.done = <u64>result;
    operation.step = STEP_CLEAN;
    // the file is free for others while this one syncs (generic_write_sync comes behind the unlock)
    unlockInode(operation, inode);
  }
  const end = operation.position + operation.length;
  const dataOnly = (operation.flags & FLAG_SYNC) == 0;
  const result = syncSteps(operation, inode, operation.position, end, dataOnly);
  return result == 0 ? <i32>operation.done : result;
}

function step(operation: Operation, inode: Inode): i32 {
  switch (operation.kind) {
    case OPERATION_READ:
    case OPERATION_WRITE:
      return stepTransfer(operation, inode);
    case OPERATION_DISCARD:
    case OPERATION_WRITE_ZEROES:
      return stepDiscard(operation, inode);
    case OPERATION_SYNC:
    case OPERATION_DATASYNC:
      return stepSync(operation, inode);
    case OPERATION_TRUNCATE:
      return inode.volumeInode != 0 ? truncateFile(operation, inode) : truncate(operation, inode);
    case OPERATION_FALLOCATE:
      return fallocateFile(operation, inode);
    case OPERATION_SYNC_RANGE:
      return stepSyncRange(operation, inode);
    case OPERATION_SYNC_ALL:
      return stepSyncAll(operation, inode);
    case OPERATION_FORGET:
      return stepForget(operation);
    default:
      assert(false, 'an operation of no kind');
      return 0;
  }
}

/** True for a change of a file that is to be on the drive, though not durable, when the call returns. */
function isKept(operation: Operation, inode: Inode): bool {
  return (
    inode.volumeInode != 0 && hasRecords() && changesFile(operation.kind) && diskInodeOf(inode).links > 0
  );
}

/** As step; but on a volume with records a change goes to the drive before it ends, with its records. */
function stepKept(operation: Operation, inode: Inode): i32 {
  if (operation.keepStep == KEEP_NOTHING) {
    const result = step(operation, inode);
    if (result < 0 || !isKept(operation, inode)) return result;
    operation.result = result;
    operation.keepStep = KEEP_DATA;
  }
  if (operation.keepStep == KEEP_DATA) {
    if (writebackRange(operation, inode, 0, inode.size) == PENDING) return PENDING;
    operation.keepStep = KEEP_RECORDS;
  }
  // an error is the next sync's to tell, as that of write-back is
  return keepSteps(operation, inode) == PENDING ? PENDING : operation.result;
}

/** As stepKept; but where a commit will free blocks, an operation that found none waits for it and tries again (ext4_should_retry_alloc). */
function stepWithSpace(operation: Operation, inode: Inode): i32 {
  while (true) {
    if (operation.spaceTransaction != 0) {
      if (journalWait(operation, operation.spaceTransaction) == PENDING) return PENDING;
      operation.spaceTransaction = 0;
    }
    const result = stepKept(operation, inode);
    const canWait = inode.volumeInode != 0 && (operation.flags & FLAG_NOWAIT) == 0;
    if (result != -ENOSPC || !canWait || pendingBlockCount() == 0 || journalHasFailed()) return result;
    if (operation.kind == OPERATION_WRITE) startAgain(operation);
    operation.spaceTransaction = runningTransaction();
  }
}

/** A write that has done nothing begins from its first step. */
function startAgain(operation: Operation): void {
  if (operation.zeroUntil > operation.position) {
    operation.length -= operation.zeroUntil - operation.position;
    operation.position = operation.zeroUntil;
  }
  operation.zeroUntil = 0;
  operation.done = 0;
  operation.step = 0;
  operation.error = 0;
  operation.directFlags = 0;
  iteratorOf(operation).inode = 0;
  const cursor = operationCursor(operation);
  cursor.span = operation.spans;
  cursor.offset = 0;
}

function run(operation: Operation): void {
  const inode = changetype<Inode>(operation.inode);
  plugBegin();
  const result = stepWithSpace(operation, inode);
  pageIoSubmit();
  plugEnd();
  bioOffer();
  if (result == PENDING) return;
  if (recording()) {
    record(
      RECORD_OPERATION_ENDED,
      operation.kind,
      inode.index,
      operation.id,
      operation.position,
      <u32>operation.length,
      <u32>result,
    );
  }
  finish(operation, result);
}

/** Ends an operation: its file's lock, and the file itself, are somebody else's now. */
function finish(operation: Operation, result: i32): void {
  unlockInode(operation, changetype<Inode>(operation.inode));
  const opened = operation.opened;
  operationFinish(operation, result);
  if (opened != 0) releaseDescriptor(opened);
}

/** A direct write that starts behind the end of a file falls back to buffered: the gap needs zeros. What is not in whole sectors stays direct, and is refused there. */
function needsZeroedGap(operation: Operation, inode: Inode): bool {
  if (inode.volumeInode != 0 && (inode.size & (((<u64>1) << inode.blockShift) - 1)) == 0) return false;
  const isAligned =
    ((operation.position | operation.length) & (SECTOR_SIZE - 1)) == 0 && areSpansAligned(operation, inode);
  return isAligned && operation.position > inode.size && inode.isBlockDevice == 0;
}

/** Why a file of the volume does not take an operation of this kind, or 0. */
function volumeErrno(operation: Operation, inode: Inode): i32 {
  switch (operation.kind) {
    case OPERATION_READ:
      return inode.isDirectory != 0 ? -EISDIR : 0;
    case OPERATION_WRITE:
    case OPERATION_TRUNCATE:
    case OPERATION_FALLOCATE:
      if (inode.isDirectory != 0) return -EISDIR;
      // a file that nobody has open is on its way out, in memory at least
      return volume.isReadOnly != 0 || (journalHasFailed() && inode.openCount > 0) ? -EROFS : 0;
    case OPERATION_DISCARD:
    case OPERATION_WRITE_ZEROES:
      return -EOPNOTSUPP;
    default:
      return 0;
  }
}

function changesFile(kind: u8): bool {
  return kind == OPERATION_WRITE || kind == OPERATION_TRUNCATE || kind == OPERATION_FALLOCATE;
}

/** The first turn of an operation that holds what it must. */
function begin(operation: Operation): void {
  const inode = changetype<Inode>(operation.inode);
  operation.hasBegun = 1;
  const refused = inode.volumeInode != 0 ? volumeErrno(operation, inode) : 0;
  if (refused != 0) {
    finish(operation, refused);
    return;
  }
  if ((operation.flags & FLAG_APPEND) != 0 && operation.kind == OPERATION_WRITE && inode.isBlockDevice == 0)
    operation.position = inode.size;
  if (operation.kind == OPERATION_WRITE) {
    if (needsZeroedGap(operation, inode)) operation.flags &= ~FLAG_DIRECT;
    if (inode.volumeInode != 0) inodeModified(inode);
    else if (inode.holes != 0 || operation.position > inode.size)
      holesWrite(inode, operation.position, operation.length);
  }
  if (changesFile(operation.kind)) inode.tag = operation.tag;
  const cursor = operationCursor(operation);
  cursor.span = operation.spans;
  cursor.offset = 0;
  if (recording()) {
    record(
      RECORD_OPERATION_STARTED,
      operation.kind,
      inode.index,
      operation.id,
      operation.position,
      <u32>operation.length,
      operation.flags,
    );
  }
  if (operation.length == 0 && operation.kind < OPERATION_SYNC) {
    finish(operation, 0);
    return;
  }
  run(operation);
}

/** Starts an operation whose kind, flags, inode, position, length, spans, doneKind and owner are set. */
export function startOperation(operation: Operation): void {
  if (lockInode(operation, changetype<Inode>(operation.inode))) begin(operation);
  else if (operation.flags & FLAG_NOWAIT) finish(operation, -EAGAIN);
}

/** Handler of KIND_OPERATION_RESUME. */
export function resumeOperation(pointer: usize, _result: i32): void {
  const operation = changetype<Operation>(pointer);
  if (operation.hasBegun != 0) run(operation);
  else begin(operation);
}
