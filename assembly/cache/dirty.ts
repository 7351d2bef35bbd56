// Dirty tracking: which pages of an inode are newer than the drive.
//
// Verbs: markDirty, redirty, clearDirty, relistDirty, listRemove, pickDirty, sortDirty (filemap_dirty_folio,
// folio_clear_dirty_for_io, the TOWRITE tag). Counting is per page: the first clean-to-dirty step counts, rewriting a dirty
// page does not.
// Layout: two doubly linked lists per inode through the pages' I/O links: dirty (in order of dirtying, or as the flusher has
// sorted it), write (sorted).
// Invariant: nr_dirty equals the number of pages with a dirty bit; a page under write-back that is dirtied again is
// on no list until that write-back ends.

import { count, countDown, counterValue } from '../base/counters';
import { record, recording } from '../base/record';
import { COUNTER_CACHE_DIRTIED_PAGES, COUNTER_NR_DIRTY, RECORD_DIRTIED } from '../layout';
import { pageReclaimable } from './eviction-lists';
import { inodeCleaned, inodeDirtied, inodeLeftDirty } from './flusher';
import { Inode } from './inode';
import {
  blocksWord,
  noteBlocks,
  PAGE_LISTED,
  PAGE_RECLAIM,
  PAGE_TOWRITE,
  PAGE_WRITEBACK,
  Page,
  pageIndex,
} from './page';
import { dirtyFell, pageDirtied } from './throttle';

function append(inode: Inode, page: Page): void {
  const pointer = changetype<usize>(page);
  const isPicked = (page.flags & PAGE_TOWRITE) != 0;
  const tail = isPicked ? inode.writeTail : inode.dirtyTail;
  if (!isPicked && tail != 0 && pageIndex(changetype<Page>(tail)) > pageIndex(page)) inode.isDirtyMixed = 1;
  page.ioNext = 0;
  page.ioPrevious = tail;
  if (tail != 0) changetype<Page>(tail).ioNext = pointer;
  else if (isPicked) inode.writeHead = pointer;
  else inode.dirtyHead = pointer;
  if (isPicked) inode.writeTail = pointer;
  else inode.dirtyTail = pointer;
  page.flags |= PAGE_LISTED;
}

/** Takes a page off the list it is on, if any. */
export function listRemove(inode: Inode, page: Page): void {
  if ((page.flags & PAGE_LISTED) == 0) return;
  const isPicked = (page.flags & PAGE_TOWRITE) != 0;
  if (page.ioPrevious != 0) changetype<Page>(page.ioPrevious).ioNext = page.ioNext;
  else if (isPicked) inode.writeHead = page.ioNext;
  else inode.dirtyHead = page.ioNext;
  if (page.ioNext != 0) changetype<Page>(page.ioNext).ioPrevious = page.ioPrevious;
  else if (isPicked) inode.writeTail = page.ioPrevious;
  else inode.dirtyTail = page.ioPrevious;
  page.ioPrevious = 0;
  page.ioNext = 0;
  page.flags &= ~(PAGE_LISTED | PAGE_TOWRITE);
}

function countDirty(inode: Inode): void {
  inode.dirtyCount++;
  count(COUNTER_NR_DIRTY);
}

/** Sets dirty bits (whole blocks). The blocks are uptodate. */
export function markDirty(inode: Inode, page: Page, blocks: u32): void {
  assert((blocks & ~(<u32>page.uptodate)) == 0, 'a block became dirty that is not uptodate');
  const before = page.dirty;
  page.dirty |= <u8>blocks;
  if (before != 0) {
    if (page.dirty != before) noteBlocks(page);
    return;
  }
  countDirty(inode);
  inodeDirtied(inode);
  count(COUNTER_CACHE_DIRTIED_PAGES);
  pageDirtied();
  if (recording())
    record(
      RECORD_DIRTIED,
      0,
      inode.index,
      blocksWord(page),
      pageIndex(page),
      1,
      <u32>counterValue(COUNTER_NR_DIRTY),
    );
  if ((page.flags & PAGE_WRITEBACK) == 0) append(inode, page);
}

/** Blocks of a page under write-back that could not be sent with it: they are dirty as before, which counts for nobody. */
export function redirty(inode: Inode, page: Page, blocks: u32): void {
  assert((page.flags & PAGE_WRITEBACK) != 0, 'blocks were left over of a page that is not on its way');
  const wasDirty = page.dirty != 0;
  page.dirty |= <u8>blocks;
  noteBlocks(page);
  if (wasDirty) return;
  countDirty(inode);
  inodeLeftDirty(inode);
}

/** Clears dirty bits; a page without any leaves its list. */
export function clearDirty(inode: Inode, page: Page, blocks: u32): void {
  if (page.dirty == 0) return;
  page.dirty &= <u8>~blocks;
  if (page.dirty != 0) return;
  countDown(COUNTER_NR_DIRTY, 1);
  listRemove(inode, page);
  if (--inode.dirtyCount == 0) inodeCleaned(inode);
  dirtyFell();
  if ((page.flags & (PAGE_RECLAIM | PAGE_WRITEBACK)) == PAGE_RECLAIM)
    pageReclaimable(changetype<usize>(page));
}

/** A page that was dirtied again during its write-back goes on a list now: the write list if a sync still owes some of it. */
export function relistDirty(inode: Inode, page: Page): void {
  if (page.dirty != 0 && (page.flags & PAGE_LISTED) == 0) append(inode, page);
}

function mergeSorted(left: usize, right: usize): usize {
  let head: usize = 0;
  let tail: usize = 0;
  while (left != 0 || right != 0) {
    const isLeft =
      right == 0 || (left != 0 && pageIndex(changetype<Page>(left)) <= pageIndex(changetype<Page>(right)));
    const page = isLeft ? left : right;
    if (isLeft) left = changetype<Page>(left).ioNext;
    else right = changetype<Page>(right).ioNext;
    if (tail != 0) changetype<Page>(tail).ioNext = page;
    else head = page;
    tail = page;
  }
  return head;
}

/** Cuts the ascending run at the front of a list off; returns what follows it. */
function cutRun(head: usize): usize {
  let page = changetype<Page>(head);
  while (page.ioNext != 0 && pageIndex(changetype<Page>(page.ioNext)) > pageIndex(page))
    page = changetype<Page>(page.ioNext);
  const rest = page.ioNext;
  page.ioNext = 0;
  return rest;
}

/** Sorts by page index over the next links: what follows the ascending run at the front is sorted and merged into it. */
function sortByIndex(head: usize): usize {
  const rest = cutRun(head);
  return rest == 0 ? head : mergeSorted(head, mergeRuns(rest));
}

/** Natural merge sort: runs are merged in pairs until one is left. */
function mergeRuns(head: usize): usize {
  while (true) {
    let sorted: usize = 0;
    let sortedTail: usize = 0;
    let runCount = 0;
    while (head != 0) {
      const left = head;
      const right = cutRun(left);
      head = right != 0 ? cutRun(right) : 0;
      const merged = right != 0 ? mergeSorted(left, right) : left;
      if (sortedTail != 0) changetype<Page>(sortedTail).ioNext = merged;
      else sorted = merged;
      sortedTail = merged;
      while (changetype<Page>(sortedTail).ioNext != 0) sortedTail = changetype<Page>(sortedTail).ioNext;
      runCount++;
    }
    if (runCount <= 1) return sorted;
    head = sorted;
  }
}

/** Sets the previous links by the next links. The last page. */
function linkBack(head: usize): usize {
  let previous: usize = 0;
  for (let pointer = head; pointer != 0; pointer = changetype<Page>(pointer).ioNext) {
    changetype<Page>(pointer).ioPrevious = previous;
    previous = pointer;
  }
  return previous;
}

/** Puts the dirty list in ascending order of pages; what it holds stays the same. */
export function sortDirty(inode: Inode): void {
  if (inode.isDirtyMixed == 0) return;
  inode.isDirtyMixed = 0;
  if (inode.dirtyHead == 0) return;
  inode.dirtyHead = sortByIndex(inode.dirtyHead);
  inode.dirtyTail = linkBack(inode.dirtyHead);
}

/**
 * Moves the dirty pages with first ≤ index ≤ last to the write list, in ascending order (what WB_SYNC_ALL tags).
 * Pages that an earlier sync picked and has not written yet stay picked.
 */
export function pickDirty(inode: Inode, first: u64, last: u64): void {
  let picked = inode.writeHead;
  let pickedTail = inode.writeTail;
  let pointer = inode.dirtyHead;
  while (pointer != 0) {
    const page = changetype<Page>(pointer);
    const next = page.ioNext;
    const index = pageIndex(page);
    if (index >= first && index <= last) {
      listRemove(inode, page);
      page.flags |= PAGE_LISTED | PAGE_TOWRITE;
      if (pickedTail != 0) changetype<Page>(pickedTail).ioNext = pointer;
      else picked = pointer;
      pickedTail = pointer;
    }
    pointer = next;
  }
  if (picked == 0) return;
  inode.writeHead = sortByIndex(picked);
  inode.writeTail = linkBack(inode.writeHead);
}
