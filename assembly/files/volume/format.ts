// Making an empty volume.
//
// Verbs: formatStep. The old superblocks are read (the new id follows from them) and cleared first, then home area and journal
// become zeros, the root goes home, a flush, and last both superblocks: a crash on the way leaves a blank drive.
// Invariant: no transaction of an earlier volume can be taken for one of the new: its id is another, and its bytes are gone.

import { now } from '../../base/clock';
import { hashStep } from '../../base/hash';
import { BIO_FUA } from '../../drive/request';
import { MODE_DIRECTORY, OP_FLUSH, OP_READ, OP_WRITE, OP_WRITE_ZEROES } from '../../layout';
import { SECTOR_SHIFT, SECTOR_SIZE } from '../../limits';
import { hasRecords, SUPERBLOCKS, volume } from './geometry';
import { bitmapBytes, diskInode, INODE_UNZEROED, image, SECTOR_INODES, sealSector, setBit } from './image';
import { ROOT_INODE } from './inodes';
import { ioBegin, RUNS_NOT_HOME, RUNS_RANGE } from './sector-io';
import { superblock, superblockBuild, superblockCopy } from './superblock';
import {
  STEP_END,
  STEP_FORMAT,
  STEP_FORMAT_CLEAR,
  STEP_FORMAT_END,
  STEP_FORMAT_FLUSH,
  STEP_FORMAT_ROOT,
  STEP_FORMAT_SUPERBLOCKS,
  STEP_FORMAT_ZERO,
  taskSetResult,
} from './task';

/** rwxr-xr-x */
const ROOT_MODE: u32 = <u32>MODE_DIRECTORY | 0x1ed;

/** A number that no earlier volume on the drive has: from the time, the seed and what the superblocks held. */
function newId(): u64 {
  let hash = hashStep(now(), volume.seed);
  const end = superblockCopy(SUPERBLOCKS);
  for (let at = superblockCopy(0); at < end; at += 8) hash = hashStep(hash, load<u64>(at));
  return hash;
}

/** The image of an empty volume: nothing but the root, which is not home. */
function makeRoot(): void {
  memory.fill(image.shadow, 0, (<usize>volume.metaSectors) << SECTOR_SHIFT);
  memory.fill(image.live, 0, SECTOR_SIZE);
  memory.fill(image.notHome, 0, bitmapBytes());
  const root = diskInode(ROOT_INODE);
  root.mode = ROOT_MODE;
  root.links = 2;
  root.parent = ROOT_INODE;
  root.generation = 1;
  root.accessTime = now();
  root.modifyTime = now();
  root.changeTime = now();
  root.birthTime = now();
  // the first mount sees to it
  if (hasRecords()) root.flags = INODE_UNZEROED;
  memory.copy(image.shadow, image.live, SECTOR_SIZE);
  sealSector(image.shadow, SECTOR_INODES, volume.homeSector);
  setBit(image.notHome, 0);
}

/** The steps of a format. `result`: of the transfer that the step before began. */
export function formatStep(step: u32, result: i32): u32 {
  taskSetResult(result);
  if (result < 0) return STEP_END;
  switch (step) {
    case STEP_FORMAT:
      ioBegin(OP_READ, 0, RUNS_RANGE, 0, superblockCopy(0), SUPERBLOCKS);
      return STEP_FORMAT_CLEAR;
    case STEP_FORMAT_CLEAR:
      volume.id = newId();
      ioBegin(OP_WRITE_ZEROES, BIO_FUA, RUNS_RANGE, 0, 0, SUPERBLOCKS);
      return STEP_FORMAT_ZERO;
    case STEP_FORMAT_ZERO:
      ioBegin(
        OP_WRITE_ZEROES,
        0,
        RUNS_RANGE,
        volume.homeSector,
        0,
        volume.metaSectors + volume.journalSectors + volume.recordSectors,
      );
      return STEP_FORMAT_ROOT;
    case STEP_FORMAT_ROOT:
      makeRoot();
      ioBegin(OP_WRITE, 0, RUNS_NOT_HOME, 0, 0, volume.metaSectors);
      return STEP_FORMAT_FLUSH;
    case STEP_FORMAT_FLUSH:
      ioBegin(OP_FLUSH, 0, RUNS_RANGE, 0, 0, 1);
      return STEP_FORMAT_SUPERBLOCKS;
    case STEP_FORMAT_SUPERBLOCKS:
      superblock.recordBase = 0;
      superblock.sequence = 1;
      for (let index: u32 = 0; index < SUPERBLOCKS; index++) superblockBuild(index, 1);
      ioBegin(OP_WRITE, BIO_FUA, RUNS_RANGE, 0, superblockCopy(0), SUPERBLOCKS);
      return STEP_FORMAT_END;
    default:
      return STEP_END;
  }
}
