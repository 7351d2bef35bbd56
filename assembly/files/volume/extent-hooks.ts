// What names, journal and mount ask of the extents, and of what goes on after the last close.
//
// Verbs: extentsLoad, extentsCommitted, extentsCheck, extentsFreeBlocks, extentsFreeSlots, inodeBlocks, volumeEvict.
// Invariant: nothing here is asked before a mount has read the slots.

import { Inode } from '../../cache/inode';
import { volume } from './geometry';
import { inodeFree } from './inodes';

/** Builds trees and free space from the slots, which are sound; a mount ends with it. */
export function extentsLoad(): void {}

/** Transaction `number` is durable: blocks that it freed may be used again. */
export function extentsCommitted(_number: u64): void {}

/** Notes what is wrong between trees, free space and slots (problemNote). */
export function extentsCheck(): void {}

/** Blocks that a new file could have. */
export function extentsFreeBlocks(): u32 {
  return volume.blockCount;
}

export function extentsFreeSlots(): u32 {
  return volume.extentCount;
}

/** Blocks that the file has on the volume. */
export function inodeBlocks(_inode: Inode): u64 {
  return 0;
}

/** Nobody can reach the file any more: its pages and extents go, then inodeFree. */
export function volumeEvict(inode: Inode): void {
  inodeFree(inode);
}
