// SEEK_DATA and SEEK_HOLE (fs/iomap/seek.c).
//
// Verbs: seekFile. Written and delayed extents are data; an unwritten one is data where its blocks are in the cache and
// uptodate, for they may have been written there.

import { ENXIO } from '../../base/errno';
import { Inode } from '../../cache/inode';
import { IOMAP_UNWRITTEN } from '../../cache/iomap';
import { PAGE_WRITEBACK, Page, pageKey } from '../../cache/page';
import { indexFind } from '../../cache/page-index';
import { PAGE_SHIFT, PAGE_SIZE } from '../../limits';
import { Extent, extentCeiling, extentCovering } from './extent-tree';
import { volume } from './geometry';

/** Whether the block at `position` may hold bytes that are not zero. */
function isData(inode: Inode, position: u64): bool {
  const pointer = extentCovering(inode.volumeInode, <u32>(position >> volume.blockShift));
  if (pointer == 0) return false;
  if (changetype<Extent>(pointer).type != IOMAP_UNWRITTEN) return true;
  const cached = indexFind(pageKey(inode.index, position >> PAGE_SHIFT));
  if (cached == 0) return false;
  const page = changetype<Page>(cached);
  const block = (<u32>position & (PAGE_SIZE - 1)) >> inode.blockShift;
  return (
    ((page.dirty >> <u8>block) & 1) != 0 ||
    (page.flags & PAGE_WRITEBACK) != 0 ||
    ((page.uptodate >> <u8>block) & 1) != 0
  );
}

/** Where what holds `position` may change: the end of its extent or hole, or of its block if it is unwritten. */
function nextChange(inode: Inode, position: u64): u64 {
  const block = <u32>(position >> volume.blockShift);
  const pointer = extentCovering(inode.volumeInode, block);
  if (pointer == 0) {
    const behind = extentCeiling(inode.volumeInode, block);
    return behind == 0 ? inode.size : (<u64>changetype<Extent>(behind).fileBlock) << volume.blockShift;
  }
  const node = changetype<Extent>(pointer);
  if (node.type == IOMAP_UNWRITTEN && inode.pageCount > 0) return (<u64>block + 1) << volume.blockShift;
  return (<u64>node.fileBlock + node.count) << volume.blockShift;
}

/** The first position at or behind `position` that is data, or hole; the end of the file is a hole. ENXIO at or behind the end. */
export function seekFile(inode: Inode, position: u64, wantsData: bool): f64 {
  if (position >= inode.size) return -ENXIO;
  while (position < inode.size && isData(inode, position) != wantsData)
    position = nextChange(inode, position);
  if (position >= inode.size) return wantsData ? -ENXIO : <f64>inode.size;
  return <f64>position;
}
