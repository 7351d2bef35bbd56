// Sync calls: what reaches the drive, and what is flushed (fs/sync.c).
//
// Verbs: syncSteps, stepSync, stepSyncRange, stepSyncAll, step functions; syncFlushDone. Data is written back and waited for; then the volume's
// journal commits what is needed to find it; then the drive is flushed, unless that commit has begun with a flush. On a volume with records
// nothing is committed: the file's records are written, and the flush covers them.
// Invariant: a sync that has answered 0 has everything that was written before it began on the media.

import { complete, KIND_OPERATION_RESUME, KIND_SYNC_DONE } from '../base/dispatch';
import { FLAG_UNSAFE, OPERATION_DATASYNC, OPERATION_SYNC_ALL, Operation, PENDING } from '../base/operation';
import { park } from '../base/wait-queue';
import { submitBio } from '../block/queue';
import { Inode } from '../cache/inode';
import { markWriteback, startWriteback, waitWriteback, writebackRange } from '../cache/writeback';
import { Bio, bioGive, bioTake, bioWaiters } from '../drive/request';
import { OP_FLUSH, SYNC_RANGE_WAIT_AFTER, SYNC_RANGE_WAIT_BEFORE, SYNC_RANGE_WRITE } from '../layout';
import { hasRecords, volume } from './volume/geometry';
import { hasChanges, runningTransaction } from './volume/image';
import { inodeOf } from './volume/inodes';
import { journalWait } from './volume/journal';
import { keepSteps } from './volume/record-maps';

// the transfers number their steps from 0
export const STEP_CLEAN: u8 = 100;
const STEP_COMMIT: u8 = 101;
const STEP_COMMITTING: u8 = 102;
const STEP_FLUSH: u8 = 103;
const STEP_FLUSHING: u8 = 104;
const STEP_FLUSHED: u8 = 105;
const STEP_BEFORE: u8 = 106;
const STEP_WRITE: u8 = 107;
const STEP_AFTER: u8 = 108;

/** Handler of KIND_SYNC_DONE: the drive's flush for an operation ended. */
export function syncFlushDone(bioPointer: usize, result: i32): void {
  const operation = changetype<Operation>(changetype<Bio>(bioPointer).owner);
  bioGive(bioPointer);
  operation.pending--;
  if (result < 0) operation.error = result;
  operation.step = STEP_FLUSHED;
  complete(KIND_OPERATION_RESUME, changetype<usize>(operation), 0);
}

function submitFlush(operation: Operation, inode: Inode): i32 {
  const pointer = bioTake();
  if (pointer == 0) {
    park(bioWaiters(), changetype<usize>(operation));
    return PENDING;
  }
  const bio = changetype<Bio>(pointer);
  bio.doneKind = KIND_SYNC_DONE;
  bio.owner = changetype<usize>(operation);
  bio.drive = inode.drive;
  bio.file = inode.index;
  bio.tag = operation.tag;
  // syncfs is for every file
  bio.domain = operation.kind == OPERATION_SYNC_ALL ? 0 : inode.volumeInode;
  bio.operation = OP_FLUSH;
  bio.sector = 0;
  bio.sectorCount = 0;
  bio.segmentCount = 0;
  operation.pending++;
  operation.step = STEP_FLUSHING;
  submitBio(bio);
  return PENDING;
}

/** Commits `transaction` if it must be, then flushes the drive if that did not. `step` starts at STEP_COMMIT. */
function commitSteps(operation: Operation, inode: Inode, transaction: u64): i32 {
  if (operation.step == STEP_COMMIT && inode.volumeInode != 0 && hasRecords()) {
    const kept = keepSteps(operation, inode);
    if (kept != 0) return kept;
    operation.step = STEP_FLUSH;
  }
  if (operation.step == STEP_COMMIT) {
    operation.step = STEP_FLUSH;
    if (inode.volumeInode != 0) {
      operation.transaction = transaction;
      // a commit that begins from here on flushes the data that has arrived; one that is on its way may have done so before
      operation.mode = transaction == runningTransaction() && hasChanges() ? 1 : 0;
      operation.step = STEP_COMMITTING;
    }
  }
  if (operation.step == STEP_COMMITTING) {
    const committed = journalWait(operation, operation.transaction);
    if (committed == PENDING) return PENDING;
    if (committed < 0 || operation.mode != 0) return committed;
    operation.step = STEP_FLUSH;
  }
  if (operation.step == STEP_FLUSH) return submitFlush(operation, inode);
  if (operation.step == STEP_FLUSHING) return PENDING;
  return operation.error;
}

/** Write back [start, end), commit, flush. `step` starts at STEP_CLEAN; `dataOnly`: what a reader of the data needs. */
export function syncSteps(operation: Operation, inode: Inode, start: u64, end: u64, dataOnly: bool): i32 {
  if (operation.step == STEP_CLEAN) {
    if (writebackRange(operation, inode, start, end) == PENDING) return PENDING;
    operation.step = STEP_COMMIT;
  }
  return commitSteps(operation, inode, dataOnly ? inode.lastDataTransaction : inode.lastTransaction);
}

/** fsync and fdatasync. */
export function stepSync(operation: Operation, inode: Inode): i32 {
  if (operation.flags & FLAG_UNSAFE) return 0;
  if (operation.step == 0) operation.step = STEP_CLEAN;
  return syncSteps(operation, inode, 0, inode.size, operation.kind == OPERATION_DATASYNC);
}

/** syncfs: every file of the volume, one after the other, then one commit. `position`: the file that it has come to. */
export function stepSyncAll(operation: Operation, inode: Inode): i32 {
  if (operation.step == 0) {
    operation.step = STEP_CLEAN;
    operation.position = 1;
  }
  while (operation.step == STEP_CLEAN) {
    const file = inodeOf(<u32>operation.position);
    if (writebackRange(operation, file, 0, file.size) == PENDING) return PENDING;
    const kept = hasRecords() ? keepSteps(operation, file) : 0;
    if (kept != 0) return kept;
    if (++operation.position > <u64>volume.inodeCount) operation.step = STEP_COMMIT;
  }
  return commitSteps(operation, inode, runningTransaction());
}

/** sync_file_range: `mode` is SYNC_RANGE_…. Neither metadata nor a flush: no crash safety. */
export function stepSyncRange(operation: Operation, inode: Inode): i32 {
  const start = operation.position;
  const end = start + operation.length;
  if (operation.step == 0) {
    operation.step = STEP_BEFORE;
    markWriteback(operation, inode);
  }
  if (operation.step == STEP_BEFORE) {
    const isWaiting = (operation.mode & SYNC_RANGE_WAIT_BEFORE) != 0;
    if (isWaiting && waitWriteback(operation, inode, start, end) == PENDING) return PENDING;
    operation.step = STEP_WRITE;
  }
  if (operation.step == STEP_WRITE) {
    const isWriting = (operation.mode & SYNC_RANGE_WRITE) != 0;
    if (isWriting && startWriteback(operation, inode, start, end) == PENDING) return PENDING;
    markWriteback(operation, inode);
    operation.step = STEP_AFTER;
  }
  const isWaiting = (operation.mode & SYNC_RANGE_WAIT_AFTER) != 0;
  return isWaiting ? waitWriteback(operation, inode, start, end) : 0;
}
