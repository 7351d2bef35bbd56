// Giving unused delayed blocks back (fs/iomap/buffered-io.c iomap_write_delalloc_release).
//
// Verbs: writeDelallocRelease. Called by a provider from iomapEnd when a NEW DELALLOC mapping was not used up.
// Invariant: blocks under dirty pages keep their reservation; everything else of the unused range loses it.

import { PAGE_SHIFT, PAGE_SIZE } from '../limits';
import { Inode } from './inode';
import { punchDelalloc } from './iomap';
import { PAGE_WRITEBACK, Page, pageKey } from './page';
import { indexFind } from './page-index';

function punch(inode: Inode, start: u64, end: u64): void {
  if (start < end) punchDelalloc(inode, start, end - start);
}

/** Blocks of a page that still need their reservation, one bit each. */
function dirtyBlocks(inode: Inode, index: u64): u32 {
  const pointer = indexFind(pageKey(inode.index, index));
  if (pointer == 0) return 0;
  const page = changetype<Page>(pointer);
  return page.flags & PAGE_WRITEBACK ? 0xff : page.dirty;
}

/**
 * `position` and `length`: the mapping's part of the request; `written`: bytes of it that were written. What is unused begins at
 * the block of `position` when nothing was written, else behind the last block that was touched, and ends with the block
 * of the last byte. The cache is searched up to i_size; what lies behind is given back whatever it holds.
 */
export function writeDelallocRelease(inode: Inode, position: u64, length: u64, written: u64): void {
  const blockMask = ((<u64>1) << inode.blockShift) - 1;
  const start = written == 0 ? position & ~blockMask : (position + written + blockMask) & ~blockMask;
  const end = (position + length + blockMask) & ~blockMask;
  const searchEnd = min<u64>(end, (inode.size + blockMask) & ~blockMask);
  let place = start;
  while (place < searchEnd) {
    const pageStart = place & ~(<u64>PAGE_SIZE - 1);
    const stop = min<u64>(pageStart + PAGE_SIZE, searchEnd);
    const dirty = dirtyBlocks(inode, place >> PAGE_SHIFT);
    for (; place < stop; place += blockMask + 1) {
      const block = <u32>((place - pageStart) >> inode.blockShift);
      if (((dirty >> block) & 1) == 0) punch(inode, place, place + blockMask + 1);
    }
  }
  punch(inode, max<u64>(start, searchEnd), end);
}
