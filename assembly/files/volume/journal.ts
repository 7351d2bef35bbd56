// The journal: transactions of metadata, each of them whole on the drive or not there (fs/jbd2 in outline).
//
// Verbs: journalStart, journalWait, journalTick, journalHasFailed, journalCommit, journalFail, commitStep, checkpointStep.
// A commit freezes what the running transaction has touched, flushes the drive when data may have completed since the last
// flush (data before the metadata that leads to it), then writes the transaction with FUA. One is on its way at a time; who
// comes meanwhile waits for the next, so one commit serves many. When the journal has no room a checkpoint comes first: committed
// sectors go home, a flush, the next superblock; then the journal begins anew. On a volume with records (records.ts) a commit comes only
// when they need room; blocks that it frees are zeroed then, so that a free block always holds zeros, and a record that is there
// without its data shows zeros. Until the zeroing is durable the root's flags say that it is not (INODE_UNZEROED).
// Invariants: a sector goes home only when its transaction is durable; running = committed + 1, or + 2 while one is on its way.

import { eventInBackground, now } from '../../base/clock';
import { count, countMany } from '../../base/counters';
import { KIND_JOURNAL_TICK } from '../../base/dispatch';
import { EIO } from '../../base/errno';
import { Operation, PENDING } from '../../base/operation';
import { record, recording } from '../../base/record';
import { park, wakeAll } from '../../base/wait-queue';
import { Drive } from '../../drive/drive-table';
import { BIO_FUA } from '../../drive/request';
import {
  COUNTER_JOURNAL_CHECKPOINTS,
  COUNTER_JOURNAL_COMMITS,
  COUNTER_JOURNAL_SECTORS,
  OP_FLUSH,
  OP_WRITE,
  OP_WRITE_ZEROES,
  RECORD_CHECKPOINT,
  RECORD_COMMIT,
} from '../../layout';
import { SECTOR_SHIFT } from '../../limits';
import { hasPendingBlocks, nextPendingRun, pendingBlockCount } from './blocks';
import { extentsCommitted } from './extents';
import { hasRecords, headersOf, volume } from './geometry';
import {
  bitmapBytes,
  COMMIT_INTERVAL_NS,
  diskInode,
  INODE_UNZEROED,
  image,
  metaTouch,
  nextBit,
  setBit,
} from './image';
import { inodesCommitted, ROOT_INODE } from './inodes';
import { namesCommitted } from './names';
import { recordsBase, recordsCommit, recordsCommitted, recordsGiveUp } from './records';
import { ioBegin, ioEndedWrites, RUNS_NOT_HOME, RUNS_RANGE, RUNS_TRANSACTION } from './sector-io';
import { superblock, superblockBuild, superblockCopy, superblockTurn } from './superblock';
import {
  STEP_CHECKPOINT,
  STEP_CHECKPOINT_FLUSH,
  STEP_CHECKPOINT_SUPERBLOCK,
  STEP_CHECKPOINT_WRITTEN,
  STEP_COMMIT,
  STEP_COMMIT_FLUSHED,
  STEP_COMMIT_FREEZE,
  STEP_COMMIT_WRITTEN,
  STEP_COMMIT_ZERO,
  STEP_COMMIT_ZEROED,
  STEP_END,
  taskAfterCheckpoint,
  taskAfterCommit,
  taskBegin,
  taskIsBusy,
  taskSetAfter,
  taskSetResult,
} from './task';
import { transaction, transactionFreeze, transactionLength, transactionMember } from './transaction';

@unmanaged
class Journal {
  /** Sectors of the journal that are used. */
  head: u32;
  error: i32;
  waiters: usize;
  /** The last durable transaction, and the highest that somebody wants to be. */
  committed: u64;
  wanted: u64;
  /** Completed writes of the drive that are not this file's, when the last flush was sent. */
  flushedWrites: u64;
  /** How far the blocks that a commit has freed are zeroed. */
  zeroedTo: u32;
}

const journal = changetype<Journal>(memory.data(offsetof<Journal>(), 16));

/** A mount has replayed the journal up to sector `head`; the next transaction gets number `next`. */
export function journalStart(head: u32, next: u64): void {
  image.running = next;
  journal.head = head;
  journal.error = 0;
  journal.committed = next - 1;
  journal.wanted = next - 1;
  journal.flushedWrites = u64.MAX_VALUE;
}

/** A write of the journal has failed: the volume changes no more, and waits for a transaction end with EIO. */
export function journalHasFailed(): bool {
  return journal.error != 0;
}

/** Every free block holds zeros, and the next commit says so. */
export function allZeroed(): void {
  const root = diskInode(ROOT_INODE);
  metaTouch(changetype<usize>(root));
  root.flags &= ~INODE_UNZEROED;
}

/** Starts a commit if there is something to commit and none is on its way. */
function kick(): void {
  if (hasRecords() || volume.isMounted == 0 || image.touchedCount == 0 || journal.error != 0) return;
  journal.wanted = max<u64>(journal.wanted, image.running);
  if (!taskIsBusy()) taskBegin(STEP_COMMIT, 0, 0);
}

/**
 * 0 when transaction `number` is durable; PENDING: a commit is on its way, the operation is parked and asks again when it is
 * woken; EIO when the journal has failed.
 */
export function journalWait(operation: Operation, number: u64): i32 {
  // nothing is in the running transaction yet: what there was is in those before it
  if (number >= image.running && image.touchedCount == 0) number = image.running - 1;
  if (number <= journal.committed) return 0;
  if (journal.error != 0) return -EIO;
  park(changetype<usize>(journal) + offsetof<Journal>('waiters'), changetype<usize>(operation));
  journal.wanted = max<u64>(journal.wanted, number);
  if (hasRecords()) recordsCommit();
  else if (!taskIsBusy()) taskBegin(STEP_COMMIT, 0, 0);
  return PENDING;
}

/** Commits what records have said; none is on its way. When the volume is busy with something else its end comes first. */
export function journalCommit(): void {
  if (taskIsBusy() || journal.error != 0) return;
  readyCommit();
  taskBegin(STEP_COMMIT, 0, 0);
}

/** What the transaction of a volume with records has beside the changes: it is not empty, and says that blocks are to be zeroed. */
export function readyCommit(): void {
  const root = diskInode(ROOT_INODE);
  metaTouch(changetype<usize>(root));
  if (pendingBlockCount() > 0) root.flags |= INODE_UNZEROED;
}

/** Handler of KIND_JOURNAL_TICK: commits what was changed COMMIT_INTERVAL_NS ago. */
export function journalTick(_owner: usize, _result: i32): void {
  image.isTickSet = 0;
  if (volume.isMounted == 0 || image.touchedCount == 0 || journal.error != 0) return;
  const due = image.firstChange + COMMIT_INTERVAL_NS;
  if (now() >= due) {
    kick();
    return;
  }
  image.isTickSet = 1;
  eventInBackground(due, KIND_JOURNAL_TICK, 0);
}

/** The journal can not be written: EROFS from now on, as ext4 aborts. */
function fail(error: i32): u32 {
  journalFail(error);
  taskSetResult(error);
  return STEP_END;
}

/** A write of journal or records has failed: everybody who waits hears of it. */
export function journalFail(error: i32): void {
  journal.error = error;
  wakeAll(changetype<usize>(journal) + offsetof<Journal>('waiters'));
  if (hasRecords()) recordsGiveUp();
}

/** Completed writes of the drive that this part has not sent. */
function foreignWrites(): u64 {
  return changetype<Drive>(volume.drive).completedWrites - ioEndedWrites();
}

function freeze(): u32 {
  journal.zeroedTo = 0;
  const sector = <u64>volume.journalSector + journal.head;
  transactionFreeze(sector);
  if (recording()) {
    const drive = changetype<Drive>(volume.drive).index;
    record(RECORD_COMMIT, OP_WRITE, drive, 0, transaction.number, transaction.sectorCount, 0);
  }
  if (journal.flushedWrites != foreignWrites()) {
    journal.flushedWrites = foreignWrites();
    ioBegin(OP_FLUSH, 0, RUNS_RANGE, 0, 0, 1);
  }
  return STEP_COMMIT_FLUSHED;
}

function committed(): u32 {
  journal.committed = transaction.number;
  journal.head += transactionLength();
  for (let index: u32 = 0; index < transaction.sectorCount; index++)
    setBit(image.notHome, transactionMember(index));
  count(COUNTER_JOURNAL_COMMITS);
  countMany(COUNTER_JOURNAL_SECTORS, transaction.sectorCount);
  extentsCommitted(journal.committed);
  wakeAll(changetype<usize>(journal) + offsetof<Journal>('waiters'));
  if (hasRecords()) {
    namesCommitted();
    inodesCommitted();
    recordsCommitted(journal.committed);
    return taskAfterCommit();
  }
  return journal.wanted > journal.committed && image.touchedCount > 0 ? STEP_COMMIT : STEP_END;
}

/** Zeroes the next run of blocks that the transaction has freed, or flushes when it was the last. */
function zeroFreed(): u32 {
  const run = nextPendingRun(transaction.number, journal.zeroedTo);
  if (run == 0) {
    ioBegin(OP_FLUSH, 0, RUNS_RANGE, 0, 0, 1);
    return STEP_COMMIT_ZEROED;
  }
  journal.zeroedTo = <u32>run + <u32>(run >> 32);
  zeroBlocks(<u32>run, <u32>(run >> 32));
  return STEP_COMMIT_ZERO;
}

/** Begins to write zeros over blocks. */
export function zeroBlocks(start: u32, blockCount: u32): void {
  const shift = volume.blockShift - SECTOR_SHIFT;
  const sector = volume.dataSector + ((<u64>start) << shift);
  ioBegin(OP_WRITE_ZEROES, 0, RUNS_RANGE, sector, 0, blockCount << shift);
}

/** The steps of a commit. `result`: of the transfer that the step before began. */
export function commitStep(step: u32, result: i32): u32 {
  if (result < 0) return fail(result);
  switch (step) {
    case STEP_COMMIT: {
      const needed = image.touchedCount + headersOf(image.touchedCount);
      if (needed <= volume.journalSectors - journal.head) return freeze();
      taskSetAfter(STEP_COMMIT_FREEZE);
      return STEP_CHECKPOINT;
    }
    case STEP_COMMIT_FREEZE:
      return freeze();
    case STEP_COMMIT_FLUSHED:
      ioBegin(
        OP_WRITE,
        BIO_FUA,
        RUNS_TRANSACTION,
        <u64>volume.journalSector + journal.head,
        0,
        transactionLength(),
      );
      return hasRecords() ? STEP_COMMIT_ZERO : STEP_COMMIT_WRITTEN;
    case STEP_COMMIT_ZERO:
      return hasPendingBlocks(transaction.number) ? zeroFreed() : committed();
    case STEP_COMMIT_ZEROED:
      allZeroed();
      return committed();
    default:
      return committed();
  }
}

/** Sectors that are not home. */
function homelessCount(): u32 {
  let total: u32 = 0;
  for (let index = nextBit(image.notHome, 0); index < volume.metaSectors; total++)
    index = nextBit(image.notHome, index + 1);
  return total;
}

/** The steps of a checkpoint; task.after follows. */
export function checkpointStep(step: u32, result: i32): u32 {
  if (result < 0) return fail(result);
  switch (step) {
    case STEP_CHECKPOINT:
      if (recording()) {
        const drive = changetype<Drive>(volume.drive).index;
        record(RECORD_CHECKPOINT, OP_WRITE, drive, 0, journal.committed, homelessCount(), 0);
      }
      ioBegin(OP_WRITE, 0, RUNS_NOT_HOME, 0, 0, volume.metaSectors);
      return STEP_CHECKPOINT_FLUSH;
    case STEP_CHECKPOINT_FLUSH:
      journal.flushedWrites = foreignWrites();
      ioBegin(OP_FLUSH, 0, RUNS_RANGE, 0, 0, 1);
      return STEP_CHECKPOINT_SUPERBLOCK;
    case STEP_CHECKPOINT_SUPERBLOCK:
      superblock.sequence++;
      superblock.recordBase = recordsBase();
      superblockBuild(superblockTurn(), image.running);
      ioBegin(OP_WRITE, BIO_FUA, RUNS_RANGE, superblockTurn(), superblockCopy(superblockTurn()), 1);
      return STEP_CHECKPOINT_WRITTEN;
    default:
      memory.fill(image.notHome, 0, bitmapBytes());
      journal.head = 0;
      count(COUNTER_JOURNAL_CHECKPOINTS);
      return taskAfterCheckpoint();
  }
}
