// RWF_NOWAIT: would this piece of a request have to wait?
//
// Verbs: canReadNow, canWriteNow, canGoAroundNow. They look and change nothing: no page is touched, counted or pinned.
// What waits: a page that is missing, under read-in or without the bytes (reads, and writes that cover a block partly),
// no frame that is free or clean (writes), dirty bytes or write-back in the range of a direct transfer.
// Invariant: after a yes the piece that was asked about is transferred without parking its operation.

import { PAGE_SHIFT, PAGE_SIZE } from '../limits';
import { canEnterNow } from './eviction';
import { Inode } from './inode';
import { blockMask, PAGE_EVICTING, PAGE_LOCKED, PAGE_WRITEBACK, Page, pageKey } from './page';
import { indexFind } from './page-index';

/** Bytes [position, position + bytes) lie in one page and inside the file. */
export function canReadNow(inode: Inode, position: u64, bytes: u32): bool {
  const pointer = indexFind(pageKey(inode.index, position >> PAGE_SHIFT));
  if (pointer == 0) return false;
  const page = changetype<Page>(pointer);
  const offset = <u32>position & (PAGE_SIZE - 1);
  const needed = blockMask(offset, offset + bytes, inode.blockShift);
  return (page.flags & PAGE_EVICTING) == 0 && (needed & ~(<u32>page.uptodate)) == 0;
}

/** True when the block at `offset` of the page holds bytes of the file that a write to a part of it must read first. */
function isBlockMissing(inode: Inode, uptodate: u32, pageStart: u64, offset: u32): bool {
  const block = offset >> inode.blockShift;
  return ((uptodate >> block) & 1) == 0 && pageStart + ((<u64>block) << inode.blockShift) < inode.size;
}

/** Bytes [position, position + bytes) lie in one page and inside the file's room; no gap lies before them. */
export function canWriteNow(inode: Inode, position: u64, bytes: u32): bool {
  const pointer = indexFind(pageKey(inode.index, position >> PAGE_SHIFT));
  let uptodate: u32 = 0;
  if (pointer == 0) {
    if (!canEnterNow()) return false;
  } else {
    const page = changetype<Page>(pointer);
    if ((page.flags & (PAGE_EVICTING | PAGE_LOCKED)) != 0) return false;
    uptodate = page.uptodate;
  }
  const offset = <u32>position & (PAGE_SIZE - 1);
  const end = offset + bytes;
  const pageStart = position - offset;
  const inBlock: u32 = (1 << inode.blockShift) - 1;
  if ((offset & inBlock) != 0 && isBlockMissing(inode, uptodate, pageStart, offset)) return false;
  return (end & inBlock) == 0 || !isBlockMissing(inode, uptodate, pageStart, end);
}

/** Bytes [start, end) of a direct transfer: no cached page is newer than the drive, nor, for a write, in use. */
export function canGoAroundNow(inode: Inode, start: u64, end: u64, isWrite: bool): bool {
  const last = (end - 1) >> PAGE_SHIFT;
  for (let index = start >> PAGE_SHIFT; index <= last; index++) {
    const pointer = indexFind(pageKey(inode.index, index));
    if (pointer == 0) continue;
    const page = changetype<Page>(pointer);
    if (page.dirty != 0 || (page.flags & PAGE_WRITEBACK) != 0) return false;
    if (isWrite && (page.pins > 0 || (page.flags & PAGE_LOCKED) != 0)) return false;
  }
  return true;
}
