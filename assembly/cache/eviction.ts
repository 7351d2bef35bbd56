// Eviction, exact LRU: the page whose last access is longest ago leaves first.
//
// Verbs: evictionInit, pageEnter, canEnterNow, touch, waitForPage. Only an access moves a page; a discard, a write-back or a read-in
// does not. A dirty victim is written back first and then leaves; while that write is in flight the page is EVICTING:
// no longer in the list, still in the index, and whoever wants it waits.
// Layout: one doubly linked list through the pages, most recent first.
// Invariant: at most `capacity` pages are on the list; the pages beyond it (EVICTION_RESERVE_PAGES) are under the
// write-back of victims, so a machine that is opened with n pages caches n pages.

import { count } from '../base/counters';
import { record, recording } from '../base/record';
import { park } from '../base/wait-queue';
import { bioWaiters } from '../drive/request';
import {
  COUNTER_CACHE_EVICTIONS,
  COUNTER_CACHE_THROTTLED,
  COUNTER_NR_FILE_PAGES,
  RECORD_THROTTLED,
  WRITEBACK_EVICTION,
} from '../layout';
import { Inode, inodeAt } from './inode';
import {
  freePageCount,
  freePageWaiters,
  PAGE_EVICTING,
  PAGE_LOCKED,
  PAGE_WRITEBACK,
  Page,
  pageKey,
  pageTakeFree,
  pageWaiters,
} from './page';
import { indexInsert } from './page-index';
import { pageDrop, writeBack } from './page-io';

@unmanaged
class Lru {
  head: usize;
  tail: usize;
  count: u32;
  capacity: u32;
  /** Queue word of what the last failed pageEnter must wait for. */
  waitQueue: usize;
  /** That wait is for dirty pages to be written. */
  isThrottle: u32;
}

const lru = changetype<Lru>(memory.data(offsetof<Lru>(), 16));

export function evictionInit(capacity: u32): void {
  lru.capacity = capacity;
}

/** The most recent page, or 0; `changetype<Page>(page).lruNext` is the next one. For walks over all pages. */
export function lruFirst(): usize {
  return lru.head;
}

function unlink(page: Page): void {
  if (page.lruPrevious != 0) changetype<Page>(page.lruPrevious).lruNext = page.lruNext;
  else lru.head = page.lruNext;
  if (page.lruNext != 0) changetype<Page>(page.lruNext).lruPrevious = page.lruPrevious;
  else lru.tail = page.lruPrevious;
}

function pushFront(pointer: usize): void {
  const page = changetype<Page>(pointer);
  page.lruPrevious = 0;
  page.lruNext = lru.head;
  if (lru.head != 0) changetype<Page>(lru.head).lruPrevious = pointer;
  else lru.tail = pointer;
  lru.head = pointer;
}

/** The page was accessed. */
export function touch(pointer: usize): void {
  if (lru.head == pointer) return;
  unlink(changetype<Page>(pointer));
  pushFront(pointer);
}

/** Removes the last page from the list; false when it must be waited for (then waitQueue says where). */
function evictOne(): bool {
  const pointer = lru.tail;
  const page = changetype<Page>(pointer);
  const inode = inodeAt(page.file);
  if (page.pins > 0 || (page.flags & PAGE_LOCKED) != 0) {
    lru.waitQueue = pageWaiters(pointer);
    return false;
  }
  const wasDirty = page.dirty != 0;
  if (wasDirty && (page.flags & PAGE_WRITEBACK) != 0) {
    // dirtied again under a sync's write-back: it can only be written when that ends
    lru.waitQueue = pageWaiters(pointer);
    lru.isThrottle = 1;
    return false;
  }
  if (wasDirty && writeBack(inode, page, WRITEBACK_EVICTION) != 0) {
    lru.waitQueue = bioWaiters();
    return false;
  }
  unlink(page);
  lru.count--;
  count(COUNTER_CACHE_EVICTIONS);
  if (page.flags & PAGE_WRITEBACK) page.flags |= PAGE_EVICTING;
  else pageDrop(inode, pointer, wasDirty ? 1 : 0);
  return true;
}

/**
 * A page for (inode, index), in the index, most recent, with no block uptodate. 0: something must be waited for first;
 * park with waitForPage. The key must not be in the index.
 */
export function pageEnter(inode: Inode, index: u64): usize {
  lru.isThrottle = 0;
  while (lru.count >= lru.capacity) {
    if (!evictOne()) return 0;
  }
  const pointer = pageTakeFree();
  if (pointer == 0) {
    lru.waitQueue = freePageWaiters();
    lru.isThrottle = 1;
    return 0;
  }
  store<u64>(pointer, pageKey(inode.index, index));
  const page = changetype<Page>(pointer);
  page.flags = 0;
  page.ioAndPolicy = 0;
  page.uptodate = 0;
  page.dirty = 0;
  page.ioPrevious = 0;
  page.ioNext = 0;
  indexInsert(pointer);
  inode.pageCount++;
  count(COUNTER_NR_FILE_PAGES);
  pushFront(pointer);
  lru.count++;
  return pointer;
}

/** True when pageEnter would find a frame that is free or clean, without writing anything back. */
export function canEnterNow(): bool {
  if (lru.count < lru.capacity) return freePageCount() > 0;
  const page = changetype<Page>(lru.tail);
  return page.pins == 0 && page.dirty == 0 && (page.flags & (PAGE_LOCKED | PAGE_WRITEBACK)) == 0;
}

/** Parks an operation where the last failed pageEnter said. */
export function waitForPage(operation: usize, inode: Inode, index: u64): void {
  if (lru.isThrottle != 0) {
    count(COUNTER_CACHE_THROTTLED);
    if (recording()) record(RECORD_THROTTLED, 0, inode.index, 0, index, 1, 0);
  }
  park(lru.waitQueue, operation);
}

/** Removes a clean, idle, unpinned page from the cache (invalidation). */
export function pageForget(inode: Inode, pointer: usize): void {
  const page = changetype<Page>(pointer);
  assert(
    page.pins == 0 && (page.flags & (PAGE_LOCKED | PAGE_WRITEBACK)) == 0 && page.dirty == 0,
    'a busy page was dropped',
  );
  unlink(page);
  lru.count--;
  pageDrop(inode, pointer, 0);
}

/** The file is gone: what its evicted pages left behind is of no use. */
export function shadowsDrop(_inode: Inode): void {}
