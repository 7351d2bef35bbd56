// fallocate: blocks ahead of their use, holes, and zeros (man 2 fallocate).
//
// Verbs: fallocateFile, a step function. Allocating gives every hole of the range unwritten blocks. Punching zeroes the parts
// of blocks at both ends through the cache, makes cached pages in between clean zeros, and frees their blocks; zero range
// punches and allocates.
// Invariant: no page is dirty over a block that is being taken away; the operation holds the inode's lock alone.

import { EFBIG, EINVAL, ENOSPC, EOPNOTSUPP } from '../../base/errno';
import { Operation, PENDING } from '../../base/operation';
import { zeroBegin, zeroRange } from '../../cache/buffered-write';
import { Inode } from '../../cache/inode';
import { discardRange } from '../../cache/writeback';
import { FALLOCATE_KEEP_SIZE, FALLOCATE_PUNCH_HOLE, FALLOCATE_ZERO_RANGE } from '../../layout';
import { availableBlockCount } from './blocks';
import { Extent, extentCeiling, extentCovering } from './extent-tree';
import { allocateUnwritten, canCut, extentRoom, extentsRemove } from './extents';
import { growFile } from './file-size';
import { volume } from './geometry';
import { inodeChanged, inodeModified } from './inodes';
import { mapChanged, mapCut } from './record-maps';
import { diskSizeReached } from './volume-iomap';

const STEP_START: u8 = 0;
const STEP_HEAD: u8 = 200;
const STEP_TAIL: u8 = 201;
const STEP_DROP: u8 = 202;
const STEP_ALLOCATE: u8 = 203;
const STEP_END: u8 = 204;

const ALL_MODES: u32 = FALLOCATE_KEEP_SIZE | FALLOCATE_PUNCH_HOLE | FALLOCATE_ZERO_RANGE;

function isTakingAway(operation: Operation): bool {
  return (operation.mode & (FALLOCATE_PUNCH_HOLE | FALLOCATE_ZERO_RANGE)) != 0;
}

/** First block that lies wholly in the range. */
function firstWhole(operation: Operation): u32 {
  return <u32>((operation.position + ((<u64>1) << volume.blockShift) - 1) >> volume.blockShift);
}

/** The block behind the last one that lies wholly in the range. */
function endWhole(operation: Operation): u32 {
  return <u32>((operation.position + operation.length) >> volume.blockShift);
}

function check(operation: Operation, inode: Inode): i32 {
  const mode = operation.mode;
  const isPunch = (mode & FALLOCATE_PUNCH_HOLE) != 0;
  if ((mode & ~ALL_MODES) != 0 || (isPunch && (mode & FALLOCATE_ZERO_RANGE) != 0)) return -EOPNOTSUPP;
  if (isPunch && (mode & FALLOCATE_KEEP_SIZE) == 0) return -EOPNOTSUPP;
  if (operation.length == 0) return -EINVAL;
  if (operation.position > inode.capacity || operation.length > inode.capacity - operation.position)
    return -EFBIG;
  const first = firstWhole(operation);
  const end = endWhole(operation);
  if (isTakingAway(operation) && first < end && !canCut(inode.volumeInode, first, end)) return -ENOSPC;
  return 0;
}

/** Readies zeroRange for the part of [from, to) that lies in the file. */
function zeroPart(operation: Operation, inode: Inode, from: u64, to: u64): void {
  const start = min<u64>(from, inode.size);
  zeroBegin(operation, inode, start, max<u64>(start, min<u64>(to, inode.size)) - start);
}

function start(operation: Operation, inode: Inode): i32 {
  const result = check(operation, inode);
  if (result != 0) return result;
  if (!isTakingAway(operation)) {
    operation.step = STEP_ALLOCATE;
    return 0;
  }
  const end = operation.position + operation.length;
  const head = (<u64>firstWhole(operation)) << volume.blockShift;
  zeroPart(operation, inode, operation.position, min<u64>(head, end));
  operation.step = STEP_HEAD;
  return 0;
}

/** Holes of [from, to): how many blocks. */
function holeBlocks(file: u32, from: u32, to: u32): u32 {
  let holes: u32 = 0;
  let block = from;
  while (block < to) {
    const end = holeEnd(file, block, to);
    if (end > block) {
      holes += end - block;
      block = end;
    } else {
      const node = changetype<Extent>(extentCovering(file, block));
      block = node.fileBlock + node.count;
    }
  }
  return holes;
}

/** Where the hole that begins at `block` ends, at most at `limit`; `block` itself when there is an extent. */
function holeEnd(file: u32, block: u32, limit: u32): u32 {
  if (extentCovering(file, block) != 0) return block;
  const behind = extentCeiling(file, block);
  return behind == 0 ? limit : min<u32>(limit, changetype<Extent>(behind).fileBlock);
}

/** Gives every hole of the range unwritten blocks, or none: 0 or ENOSPC. */
function allocate(operation: Operation, inode: Inode): i32 {
  const file = inode.volumeInode;
  const blockMask = ((<u64>1) << volume.blockShift) - 1;
  const from = <u32>(operation.position >> volume.blockShift);
  const to = <u32>((operation.position + operation.length + blockMask) >> volume.blockShift);
  const needed = holeBlocks(file, from, to);
  if (needed == 0) return 0;
  if (needed > availableBlockCount() || needed > extentRoom()) return -ENOSPC;
  let block = from;
  while (block < to) {
    const end = holeEnd(file, block, to);
    if (end > block) {
      const got = allocateUnwritten(file, block, end - block);
      assert(got > 0, 'free blocks were counted that are not there');
      block += got;
    } else {
      const node = changetype<Extent>(extentCovering(file, block));
      block = node.fileBlock + node.count;
    }
  }
  mapChanged(inode, from, to);
  inode.mappingSequence++;
  inodeChanged(inode, true);
  return 0;
}

/** Frees the whole blocks of the range. */
function takeAway(operation: Operation, inode: Inode): void {
  const first = firstWhole(operation);
  const end = endWhole(operation);
  if (first < end) {
    // pages that held the end may have gone unwritten: no ioend will move the size on disk there (ext4_update_disksize_before_punch)
    const isHoldingEnd =
      operation.position < inode.size && operation.position + operation.length >= inode.size;
    if (isHoldingEnd) diskSizeReached(inode, inode.size);
    extentsRemove(inode.volumeInode, first, end, false);
    mapCut(inode, first, end);
    inode.mappingSequence++;
    inodeChanged(inode, true);
  }
}

/** The steps that take blocks away. 0, an errno, or PENDING. */
function punch(operation: Operation, inode: Inode): i32 {
  const end = operation.position + operation.length;
  const tail = (<u64>endWhole(operation)) << volume.blockShift;
  if (operation.step == STEP_HEAD) {
    const zeroed = zeroRange(operation, inode);
    if (zeroed != 0) return zeroed;
    operation.step = STEP_TAIL;
    zeroPart(operation, inode, max<u64>(tail, operation.position), end);
  }
  if (operation.step == STEP_TAIL) {
    const zeroed = zeroRange(operation, inode);
    if (zeroed != 0) return zeroed;
    operation.step = STEP_DROP;
  }
  const first = (<u64>firstWhole(operation)) << volume.blockShift;
  if (first < tail && discardRange(operation, inode, first, tail) == PENDING) return PENDING;
  takeAway(operation, inode);
  operation.step = STEP_END;
  if (operation.mode & FALLOCATE_ZERO_RANGE) operation.step = STEP_ALLOCATE;
  return 0;
}

/** 0, a negative errno, or PENDING. `operation.mode`: FALLOCATE_…, for [position, position + length). */
export function fallocateFile(operation: Operation, inode: Inode): i32 {
  if (operation.step == STEP_START) {
    const started = start(operation, inode);
    if (started != 0) return started;
  }
  if (operation.step == STEP_HEAD || operation.step == STEP_TAIL || operation.step == STEP_DROP) {
    const result = punch(operation, inode);
    if (result != 0) return result;
  }
  if (operation.step == STEP_ALLOCATE) {
    const result = allocate(operation, inode);
    if (result != 0) return result;
    operation.step = STEP_END;
    const end = operation.position + operation.length;
    if ((operation.mode & FALLOCATE_KEEP_SIZE) == 0 && end > inode.size) {
      const tail =
        (inode.size + ((<u64>1) << volume.blockShift) - 1) & ~(((<u64>1) << volume.blockShift) - 1);
      zeroBegin(operation, inode, inode.size, min<u64>(tail, end) - inode.size);
    } else {
      zeroBegin(operation, inode, 0, 0);
    }
  }
  const zeroed = zeroRange(operation, inode);
  if (zeroed != 0) return zeroed;
  const end = operation.position + operation.length;
  if ((operation.mode & FALLOCATE_KEEP_SIZE) == 0 && end > inode.size) growFile(inode, end);
  else inodeModified(inode);
  return 0;
}
