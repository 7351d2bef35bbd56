// What an unmount leaves behind: nothing of the volume in the cache.
//
// Verbs: stepForget, a step function; openInodeCount, hasOrphans, volumeLeave. Invariant: called when everything is written, or can not be.

import { Operation, PENDING } from '../../base/operation';
import { inodeForgotten } from '../../cache/flusher';
import { shadowsDrop } from '../../cache/shadows';
import { truncateRange } from '../../cache/writeback';
import { volume } from './geometry';
import { diskInode } from './image';
import { inodeOf } from './inodes';

/** Drops every cached page of the volume, clean or not. `position`: the file that it has come to, from 1. */
export function stepForget(operation: Operation): i32 {
  while (operation.position <= <u64>volume.inodeCount) {
    const inode = inodeOf(<u32>operation.position);
    inode.size = 0;
    if (truncateRange(operation, inode) == PENDING) return PENDING;
    operation.position++;
  }
  return 0;
}

/** Inodes of the volume that somebody has open. */
export function openInodeCount(): u32 {
  let open: u32 = 0;
  for (let number: u32 = 1; number <= volume.inodeCount; number++) {
    if (inodeOf(number).openCount > 0) open++;
  }
  return open;
}

/** True while a file without names has not come to its end. */
export function hasOrphans(): bool {
  for (let number: u32 = 1; number <= volume.inodeCount; number++) {
    if (diskInode(number).mode != 0 && diskInode(number).links == 0) return true;
  }
  return false;
}

/** No call finds the volume any more. */
export function volumeLeave(): void {
  volume.isMounted = 0;
  for (let number: u32 = 1; number <= volume.inodeCount; number++) {
    shadowsDrop(inodeOf(number));
    inodeForgotten(inodeOf(number));
  }
}
