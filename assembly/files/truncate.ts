// Truncate: moving the end of a flat file (do_truncate, truncate_setsize).
//
// Verbs: truncate, a step function. Shrinking moves the end first, so that reads in flight stop there, then drops the
// cached pages behind it without writing them. Growing writes zeros over what the extent held: whole blocks on the drive,
// the rest of the block that holds the old end through the cache; then the end moves.
// Invariants: behind the block that holds the end nothing is cached but zeros, and nothing is under write-back once a
// truncate has ended; the operation holds the inode's lock alone; `zeroUntil` keeps the new size while it grows.

import { EFBIG } from '../base/errno';
import { Operation } from '../base/operation';
import { zeroBegin, zeroRange } from '../cache/buffered-write';
import { Inode } from '../cache/inode';
import { truncateRange } from '../cache/writeback';
import { driveRange, readyDriveRange } from './drive-range';
import { holesGrow, holesShrink } from './holes';

// the steps of driveRange lie between these
const STEP_START: u8 = 0;
const STEP_SHRINK: u8 = 200;
const STEP_TAIL: u8 = 201;

function roundUpToBlock(position: u64, inode: Inode): u64 {
  const blockSize: u64 = 1 << inode.blockShift;
  return (position + blockSize - 1) & ~(blockSize - 1);
}

/** Readies the operation to zero the rest of the block that holds the end, as a write's gap is. */
function startTail(operation: Operation, inode: Inode): void {
  const until = min<u64>(operation.zeroUntil, roundUpToBlock(inode.size, inode));
  operation.position = inode.size;
  zeroBegin(operation, inode, inode.size, until - inode.size);
  operation.step = STEP_TAIL;
}

/** The first step: what there is to do. */
function start(operation: Operation, inode: Inode): void {
  if (operation.position <= inode.size) {
    holesShrink(inode, operation.position);
    inode.size = operation.position;
    operation.step = STEP_SHRINK;
    return;
  }
  operation.zeroUntil = operation.position;
  const from = roundUpToBlock(inode.size, inode);
  const to = roundUpToBlock(operation.zeroUntil, inode);
  if (from < to) readyDriveRange(operation, from, to - from);
  else startTail(operation, inode);
}

/** 0, a negative errno (then a file that was to grow is as it was, but for zeros in the block that holds its end), or PENDING. */
export function truncate(operation: Operation, inode: Inode): i32 {
  if (operation.step == STEP_START) {
    if (operation.position > inode.capacity) return -EFBIG;
    start(operation, inode);
  }
  if (operation.step == STEP_SHRINK) return truncateRange(operation, inode);
  if (operation.step != STEP_TAIL) {
    const result = driveRange(operation, inode);
    if (result != 0) return result;
    startTail(operation, inode);
  }
  const result = zeroRange(operation, inode);
  if (result != 0) return result;
  // the zeros behind the old end, operation.position, may have moved the end already
  holesGrow(inode, operation.position, operation.zeroUntil);
  inode.size = operation.zeroUntil;
  operation.position = inode.size;
  operation.length = 0;
  return 0;
}
