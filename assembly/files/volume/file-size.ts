// Moving the end of a file on the volume (iomap_truncate_page, truncate_setsize).
//
// Verbs: truncateFile, a step function; growFile. Shrinking zeroes the rest of the block that will hold the end, moves i_size, drops the
// pages behind it without writing them, then frees the extents. Growing zeroes the rest of the block that holds the old end;
// behind it is a hole.
// Invariants: i_size moves before the pages go, so that reads and write-back in flight stop there; the operation holds the
// inode's lock alone.

import { EFBIG } from '../../base/errno';
import { Operation, PENDING } from '../../base/operation';
import { zeroBegin, zeroRange } from '../../cache/buffered-write';
import { Inode } from '../../cache/inode';
import { truncateRange } from '../../cache/writeback';
import { extentsRemove } from './extents';
import { volume } from './geometry';
import { inodeModified } from './inodes';
import { LAST_BLOCK, mapCut, mapResized } from './record-maps';
import { setDiskSize } from './volume-iomap';

const STEP_START: u8 = 0;
const STEP_ZERO: u8 = 200;
const STEP_DROP: u8 = 201;

function roundUpToBlock(position: u64): u64 {
  const blockSize = (<u64>1) << volume.blockShift;
  return (position + blockSize - 1) & ~(blockSize - 1);
}

/** The bytes between the smaller of two ends and the end of its block, as far as the larger one. */
function zeroTail(operation: Operation, inode: Inode): void {
  const low = min<u64>(operation.position, inode.size);
  const high = max<u64>(operation.position, inode.size);
  zeroBegin(operation, inode, low, min<u64>(high, roundUpToBlock(low)) - low);
}

/** The end has moved up: what lies between is a hole, or zeros. */
export function growFile(inode: Inode, size: u64): void {
  mapResized(inode, inode.diskSize);
  inode.size = size;
  setDiskSize(inode, size);
  inodeModified(inode);
}

/** 0, a negative errno, or PENDING. `operation.position` is the new size. */
export function truncateFile(operation: Operation, inode: Inode): i32 {
  if (operation.step == STEP_START) {
    if (operation.position > inode.capacity) return -EFBIG;
    operation.step = STEP_ZERO;
    zeroTail(operation, inode);
  }
  if (operation.step == STEP_ZERO) {
    const zeroed = zeroRange(operation, inode);
    if (zeroed != 0) return zeroed;
    if (operation.position > inode.size) {
      growFile(inode, operation.position);
      return 0;
    }
    inode.size = operation.position;
    operation.step = STEP_DROP;
  }
  if (truncateRange(operation, inode) == PENDING) return PENDING;
  const firstGone = <u32>(roundUpToBlock(inode.size) >> volume.blockShift);
  extentsRemove(inode.volumeInode, firstGone, LAST_BLOCK, false);
  mapCut(inode, firstGone, LAST_BLOCK);
  mapResized(inode, inode.diskSize);
  inode.mappingSequence++;
  setDiskSize(inode, inode.size);
  inodeModified(inode);
  return 0;
}
