// The superblock: what the volume is, and where its journal begins. Two copies, written in turn.
//
// Verbs: superblockBuild, superblocksRead, superblockTurn. Layout: one sector {kind "SLsb", checksum, version, block shift, id u64, sequence u64,
// number of the transaction at the journal's start u64, inodes, extents, blocks, profile, number of the transaction on which records stand u64};
// the last two are 0 without records.
// Invariant: the copy with the higher sequence counts; its other copy is the one before it, or as old.

import { EINVAL, ENODATA, EUCLEAN } from '../../base/errno';
import { PROBLEM_GEOMETRY, PROBLEM_NOT_A_VOLUME, PROBLEM_SUPERBLOCK } from '../../layout';
import { SECTOR_SHIFT, SECTOR_SIZE } from '../../limits';
import { hasRecords, SUPERBLOCKS, volume } from './geometry';
import { isSectorSound, isZeroSector, sealSector } from './image';
import { problemNote } from './problems';
import { transaction } from './transaction';

/** "SLsb" */
const SECTOR_SUPERBLOCK: u32 = 0x62734c53;
const VERSION: u32 = 1;

@unmanaged
class Superblock {
  kind: u32;
  sum: u32;
  version: u32;
  blockShift: u32;
  id: u64;
  sequence: u64;
  /** Number of the transaction that the journal's first sector begins. */
  firstTransaction: u64;
  inodeCount: u32;
  extentCount: u32;
  blockCount: u32;
  profile: u32;
  recordBase: u64;
}

@unmanaged
class SuperblockState {
  sequence: u64;
  firstTransaction: u64;
  /** The last transaction before those of the journal: where records belong when the journal is empty. */
  recordBase: u64;
  /** One copy was damaged: the journal may begin with a later transaction than the other says. */
  isOneLost: u32;
}

export const superblock = changetype<SuperblockState>(memory.data(offsetof<SuperblockState>(), 16));

/** Where copy `index` is built and read: the headers' buffer, which nobody uses meanwhile. */
export function superblockCopy(index: u32): usize {
  return transaction.headers + ((<usize>index) << SECTOR_SHIFT);
}

function copyAt(index: u32): Superblock {
  return changetype<Superblock>(superblockCopy(index));
}

/** Builds copy `index` in the buffer, for the next sequence. */
export function superblockBuild(index: u32, firstTransaction: u64): void {
  const copy = copyAt(index);
  memory.fill(changetype<usize>(copy), 0, SECTOR_SIZE);
  copy.version = VERSION;
  copy.blockShift = volume.blockShift;
  copy.id = volume.id;
  copy.sequence = superblock.sequence;
  copy.firstTransaction = firstTransaction;
  copy.inodeCount = volume.inodeCount;
  copy.extentCount = volume.extentCount;
  copy.blockCount = volume.blockCount;
  if (hasRecords()) {
    copy.profile = volume.profile;
    copy.recordBase = superblock.recordBase;
  }
  sealSector(changetype<usize>(copy), SECTOR_SUPERBLOCK, index);
}

/** The copy that the next write goes to. */
export function superblockTurn(): u32 {
  return <u32>(superblock.sequence % SUPERBLOCKS);
}

function isSound(copy: Superblock, index: u32): bool {
  volume.id = copy.id;
  return isSectorSound(changetype<usize>(copy), SECTOR_SUPERBLOCK, index);
}

function mismatch(which: u32, found: u32, wanted: u32): i32 {
  problemNote(PROBLEM_GEOMETRY, 0, 0, which, found, wanted);
  return -EINVAL;
}

/** Both copies are in the buffer: takes the newer one. 0; ENODATA: blank; EINVAL: no volume, or one of other sizes; EUCLEAN: both damaged. */
export function superblocksRead(): i32 {
  const first = copyAt(0);
  const second = copyAt(1);
  if (isZeroSector(changetype<usize>(first)) && isZeroSector(changetype<usize>(second))) return -ENODATA;
  const isFirst = isSound(first, 0);
  const isSecond = isSound(second, 1);
  if (!isFirst && !isSecond) {
    const isOurs = first.kind == SECTOR_SUPERBLOCK || second.kind == SECTOR_SUPERBLOCK;
    problemNote(isOurs ? PROBLEM_SUPERBLOCK : PROBLEM_NOT_A_VOLUME, 0, 0, first.kind, second.kind, 0);
    return isOurs ? -EUCLEAN : -EINVAL;
  }
  const newest = isFirst && (!isSecond || first.sequence >= second.sequence) ? first : second;
  if (newest.version != VERSION) return mismatch(0, newest.version, VERSION);
  if (newest.blockShift != volume.blockShift)
    return mismatch(1, 1 << newest.blockShift, 1 << volume.blockShift);
  if (newest.inodeCount != volume.inodeCount) return mismatch(2, newest.inodeCount, volume.inodeCount);
  if (newest.extentCount != volume.extentCount) return mismatch(3, newest.extentCount, volume.extentCount);
  if ((newest.profile != 0) != hasRecords()) return mismatch(5, newest.profile, volume.profile);
  if (newest.blockCount != volume.blockCount) return mismatch(4, newest.blockCount, volume.blockCount);
  volume.id = newest.id;
  superblock.sequence = newest.sequence;
  superblock.firstTransaction = newest.firstTransaction;
  superblock.recordBase = newest.recordBase;
  superblock.isOneLost = isFirst && isSecond ? 0 : 1;
  return 0;
}
