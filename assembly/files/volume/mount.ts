// Mounting: from what a crash has left to a volume whose every structure is right.
//
// Verbs: mountStep. The newer superblock, the home area, then the journal from its start: each transaction that is whole and has
// the next number is brought into the live image. Then everything is verified, and files without names are given back.
// Nothing is written, so a crash while mounting changes nothing; only when the journal ends in a torn transaction a checkpoint
// skips its number, so that what is left of it can never be completed by a later one. On a volume with records these come next
// (replay.ts), and a commit makes what they say a transaction: it is there as a whole or the records count as before.
// Invariant: after a mount the state is that of some transaction, and none that anybody waited for is missing. Damage is
// EUCLEAN, with the problems noted, and then nothing is mounted.

import { EUCLEAN } from '../../base/errno';
import { Drive } from '../../drive/drive-table';
import { DRIVE_FLAG_READ_ONLY, OP_READ, PROBLEM_JOURNAL } from '../../layout';
import { SECTOR_SHIFT } from '../../limits';
import { nextFreeRun, nextStaleRun, staleEnd } from './blocks';
import { hasRecords, SUPERBLOCKS, volume } from './geometry';
import { bitmapBytes, diskInode, INODE_UNZEROED, image } from './image';
import { inodeOf, inodeRelease, inodesLoad, ROOT_INODE } from './inodes';
import { allZeroed, journalStart, readyCommit, zeroBlocks } from './journal';
import { namesCommitted } from './names';
import { problemCount, problemNote, problemsClear } from './problems';
import { recordsBase, recordsStart } from './records';
import { replayBegin, replayBuffer, replayChunk, replayEnd, replayPosition, replaySectors } from './replay';
import { ioBegin, RUNS_RANGE } from './sector-io';
import { superblock, superblockCopy, superblocksRead } from './superblock';
import {
  STEP_CHECKPOINT,
  STEP_COMMIT,
  STEP_END,
  STEP_MOUNT,
  STEP_MOUNT_COMMIT,
  STEP_MOUNT_HEADER,
  STEP_MOUNT_HEADERS,
  STEP_MOUNT_HOME,
  STEP_MOUNT_NEXT,
  STEP_MOUNT_READY,
  STEP_MOUNT_RECORDS,
  STEP_MOUNT_SECTORS,
  STEP_MOUNT_TAIL,
  STEP_MOUNT_VERIFY,
  STEP_MOUNT_ZERO,
  taskSetAfter,
  taskSetAfterCommit,
  taskSetResult,
} from './task';
import {
  headerNumber,
  isTransactionWhole,
  transaction,
  transactionApply,
  transactionLength,
  transactionOpen,
} from './transaction';
import { verifySealed, verifyStructure } from './verify';

@unmanaged
class Mount {
  /** Sectors of the journal that have been replayed, and how far it has been searched behind them. */
  position: u32;
  searched: u32;
  /** Number of the next transaction. */
  next: u64;
  isTorn: u32;
  /** Records that were there. */
  met: u32;
}

const mount = changetype<Mount>(memory.data(offsetof<Mount>(), 16));

function end(result: i32): u32 {
  taskSetResult(result);
  return STEP_END;
}

function journalAt(position: u32): u64 {
  return <u64>volume.journalSector + position;
}

function isReadOnlyDrive(): bool {
  return (changetype<Drive>(volume.drive).flags & DRIVE_FLAG_READ_ONLY) != 0;
}

/** Reads the first sector of what may be the next transaction. */
function readNext(): u32 {
  if (mount.position >= volume.journalSectors) return STEP_MOUNT_VERIFY;
  ioBegin(OP_READ, 0, RUNS_RANGE, journalAt(mount.position), transaction.headers, 1);
  return STEP_MOUNT_HEADER;
}

/** No further transaction is whole. Searches the rest of the journal for one that is later: then this one was damaged. */
function readTail(): u32 {
  const left = volume.journalSectors - mount.searched;
  if (left == 0) return STEP_MOUNT_VERIFY;
  ioBegin(
    OP_READ,
    0,
    RUNS_RANGE,
    journalAt(mount.searched),
    image.shadow,
    min<u32>(left, volume.metaSectors),
  );
  return STEP_MOUNT_TAIL;
}

function startTail(): u32 {
  mount.searched = mount.position;
  return readTail();
}

/** The header is there: reads the other headers, if there are any. */
function openTransaction(): u32 {
  const isOpen = transactionOpen(journalAt(mount.position), volume.journalSectors - mount.position);
  // with one superblock lost the other may be the older, and the journal may have begun anew since
  const isLater = superblock.isOneLost != 0 && mount.position == 0 && transaction.number > mount.next;
  if (!isOpen || (transaction.number != mount.next && !isLater)) return startTail();
  mount.next = transaction.number;
  const rest = transaction.headerCount - 1;
  if (rest > 0)
    ioBegin(
      OP_READ,
      0,
      RUNS_RANGE,
      journalAt(mount.position + 1),
      transaction.headers + ((<usize>1) << SECTOR_SHIFT),
      rest,
    );
  return STEP_MOUNT_HEADERS;
}

function readSectors(): u32 {
  const from = journalAt(mount.position + transaction.headerCount);
  ioBegin(OP_READ, 0, RUNS_RANGE, from, image.shadow, transaction.sectorCount);
  return STEP_MOUNT_SECTORS;
}

function replay(): u32 {
  if (!isTransactionWhole(journalAt(mount.position))) {
    mount.isTorn = 1;
    return startTail();
  }
  transactionApply();
  mount.position += transactionLength();
  mount.next++;
  return readNext();
}

function searchTail(): u32 {
  const count = min<u32>(volume.journalSectors - mount.searched, volume.metaSectors);
  for (let index: u32 = 0; index < count; index++) {
    const sector = journalAt(mount.searched + index);
    const number = headerNumber(image.shadow + ((<usize>index) << SECTOR_SHIFT), sector);
    if (number > mount.next) {
      problemNote(PROBLEM_JOURNAL, <u32>journalAt(mount.position), 0, <u32>mount.next, <u32>number, 0);
      return end(-EUCLEAN);
    }
  }
  mount.searched += count;
  return readTail();
}

function verify(): u32 {
  verifySealed();
  if (problemCount() == 0) verifyStructure(true);
  if (problemCount() > 0) return end(-EUCLEAN);
  memory.copy(image.shadow, image.live, (<usize>volume.metaSectors) << SECTOR_SHIFT);
  memory.fill(image.touched, 0, bitmapBytes());
  image.touchedCount = 0;
  journalStart(mount.position, mount.next + mount.isTorn);
  if (hasRecords()) {
    // what the journal holds is behind what the superblock knew
    recordsStart(mount.position > 0 ? mount.next - 1 : superblock.recordBase);
    replayBegin(recordsBase());
    return readRecords();
  }
  if (mount.isTorn == 0 || isReadOnlyDrive()) return STEP_MOUNT_READY;
  taskSetAfter(STEP_MOUNT_READY);
  return STEP_CHECKPOINT;
}

/** Reads the next piece of the area of records, or goes on behind its end. */
function readRecords(): u32 {
  const sectors = replaySectors();
  if (sectors == 0) return endRecords();
  const from = <u64>volume.recordSector + replayPosition();
  ioBegin(OP_READ, 0, RUNS_RANGE, from, replayBuffer(), sectors);
  return STEP_MOUNT_RECORDS;
}

function bringIn(): u32 {
  replayChunk();
  return readRecords();
}

/** The volume is as its records say: is it sound, and are its free blocks zeros? */
function endRecords(): u32 {
  const met = replayEnd();
  if (met > 0) {
    problemsClear();
    verifyStructure(true);
  }
  staleEnd();
  if (met < 0 || problemCount() > 0) return end(-EUCLEAN);
  mount.met = <u32>met;
  mount.position = 0;
  if (isReadOnlyDrive()) return STEP_MOUNT_READY;
  return zeroNext();
}

/** Zeroes the next run of free blocks that may hold something else: all of them, or those of files that did not come back. */
function zeroNext(): u32 {
  const isNeeded = (diskInode(ROOT_INODE).flags & INODE_UNZEROED) != 0;
  const run = isNeeded ? nextFreeRun(mount.position) : nextStaleRun(mount.position);
  if (run != 0) {
    mount.position = <u32>run + <u32>(run >> 32);
    zeroBlocks(<u32>run, <u32>(run >> 32));
    return STEP_MOUNT_ZERO;
  }
  if (isNeeded) allZeroed();
  taskSetAfter(STEP_MOUNT_COMMIT);
  return mount.isTorn != 0 ? STEP_CHECKPOINT : commitRecords();
}

/** Records that a mount has met do not stay: what is left of later ones must never count again. */
function commitRecords(): u32 {
  if (mount.met == 0 && image.touchedCount == 0) return STEP_MOUNT_READY;
  readyCommit();
  taskSetAfterCommit(STEP_MOUNT_READY);
  return STEP_COMMIT;
}

/** Files that were unlinked while they were open, when the power went: nobody can reach them. */
function releaseOrphans(): void {
  for (let number: u32 = 1; number <= volume.inodeCount; number++) {
    if (diskInode(number).mode != 0 && diskInode(number).links == 0) inodeRelease(inodeOf(number));
  }
}

function ready(): u32 {
  inodesLoad();
  namesCommitted();
  volume.isReadOnly = isReadOnlyDrive() ? 1 : 0;
  volume.isMounted = 1;
  if (volume.isReadOnly == 0) releaseOrphans();
  return end(0);
}

function begin(): u32 {
  problemsClear();
  mount.position = 0;
  mount.isTorn = 0;
  memory.fill(image.notHome, 0, bitmapBytes());
  ioBegin(OP_READ, 0, RUNS_RANGE, 0, superblockCopy(0), SUPERBLOCKS);
  return STEP_MOUNT_HOME;
}

function readHome(): u32 {
  const found = superblocksRead();
  if (found != 0) return end(found);
  mount.next = superblock.firstTransaction;
  ioBegin(OP_READ, 0, RUNS_RANGE, volume.homeSector, image.live, volume.metaSectors);
  return STEP_MOUNT_NEXT;
}

/** The steps of a mount. `result`: of the transfer that the step before began. */
export function mountStep(step: u32, result: i32): u32 {
  if (result < 0) return end(result);
  switch (step) {
    case STEP_MOUNT:
      return begin();
    case STEP_MOUNT_HOME:
      return readHome();
    case STEP_MOUNT_NEXT:
      return readNext();
    case STEP_MOUNT_HEADER:
      return openTransaction();
    case STEP_MOUNT_HEADERS:
      return readSectors();
    case STEP_MOUNT_SECTORS:
      return replay();
    case STEP_MOUNT_TAIL:
      return searchTail();
    case STEP_MOUNT_VERIFY:
      return verify();
    case STEP_MOUNT_RECORDS:
      return bringIn();
    case STEP_MOUNT_ZERO:
      return zeroNext();
    case STEP_MOUNT_COMMIT:
      return commitRecords();
    default:
      return ready();
  }
}
