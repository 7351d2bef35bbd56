// What must be true of blocks and cache together: for tests, as cache/check.ts.
//
// Verbs: checkVolume. Every delayed block is under a dirty one of the cache, and every dirty block of the cache has an extent, so
// that nothing is promised for nothing and nothing that was taken in can be lost for want of a place.
// Invariant: a check changes nothing.

import { cachedPage, checkFails } from '../../cache/check';
import { Inode, inodeAt } from '../../cache/inode';
import { IOMAP_DELALLOC } from '../../cache/iomap';
import { Page, pageIndex, pageKey, takenPageCount } from '../../cache/page';
import { indexFind } from '../../cache/page-index';
import { CHECK_EXTENTS, CHECK_RESERVED_BLOCKS, CHECK_SIZE_ON_DISK, CHECK_UNPROMISED } from '../../layout';
import { PAGE_SHIFT } from '../../limits';
import { Extent, extentCeiling, extentCovering } from './extent-tree';
import { CHECK_SOUND, extentsCheck } from './extents';
import { volume } from './geometry';
import { inodeOf } from './inodes';

function isBlockDirty(inode: Inode, block: u32): bool {
  const position = (<u64>block) << volume.blockShift;
  const pointer = indexFind(pageKey(inode.index, position >> PAGE_SHIFT));
  if (pointer == 0) return false;
  const bit = block & ((1 << (PAGE_SHIFT - volume.blockShift)) - 1);
  return ((<u32>changetype<Page>(pointer).dirty >> bit) & 1) != 0;
}

/** The size on disk lags behind that in memory, unless the end is being moved. */
function checkSize(inode: Inode): bool {
  if (inode.lockExclusive != 0 || inode.diskSize <= inode.size) return true;
  return !checkFails(CHECK_SIZE_ON_DISK, inode.index, 0, inode.diskSize, inode.size);
}

/** Every delayed block of a file that nobody is writing to is dirty in the cache. */
function checkDelayed(inode: Inode): bool {
  if ((inode.lockShared | inode.lockExclusive) != 0) return true;
  let pointer = extentCeiling(inode.volumeInode, 0);
  while (pointer != 0) {
    const node = changetype<Extent>(pointer);
    const end = <u64>node.fileBlock + node.count;
    for (let block = node.fileBlock; node.type == IOMAP_DELALLOC && <u64>block < end; block++) {
      const isDirty = isBlockDirty(inode, block) ? 1 : 0;
      if (checkFails(CHECK_RESERVED_BLOCKS, inode.index, block, isDirty, 1)) return false;
    }
    pointer = end > <u64>u32.MAX_VALUE ? 0 : extentCeiling(inode.volumeInode, <u32>end);
  }
  return true;
}

/** Every dirty block of a cached page has a place, or the promise of one. */
function checkDirty(page: Page): bool {
  const inode = inodeAt(page.file);
  if (inode.volumeInode == 0) return true;
  const first = <u32>(pageIndex(page) << (PAGE_SHIFT - volume.blockShift));
  let dirty = <u32>page.dirty;
  while (dirty != 0) {
    const block = first + ctz<u32>(dirty);
    const hasExtent = extentCovering(inode.volumeInode, block) != 0 ? 1 : 0;
    if (checkFails(CHECK_UNPROMISED, inode.index, block, hasExtent, 1)) return false;
    dirty &= dirty - 1;
  }
  return true;
}

/** True when every rule holds, or no volume is mounted; else `fault` says which one does not. */
export function checkVolume(): bool {
  if (volume.isMounted == 0 || volume.isReadOnly != 0) return true;
  const extents = extentsCheck();
  if (checkFails(CHECK_EXTENTS, <u32>(extents >> 32), 0, extents & 0xffffffff, CHECK_SOUND)) return false;
  for (let number: u32 = 1; number <= volume.inodeCount; number++) {
    if (!checkSize(inodeOf(number)) || !checkDelayed(inodeOf(number))) return false;
  }
  for (let number: u32 = 0; number < takenPageCount(); number++) {
    const pointer = cachedPage(number);
    if (pointer != 0 && !checkDirty(changetype<Page>(pointer))) return false;
  }
  return true;
}
