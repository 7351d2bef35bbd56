// Eviction: which page leaves when another one needs its place. One interface over five policies, each in a file of its own.
//
// Verbs: evictionClaim, evictionInit, pageEnter, canEnterNow, touch, waitForPage, pageForget; walks over all pages are in
// eviction-lists. Under `linux` a page leaves only clean, and who needs its place waits for the flusher. The other policies
// write a dirty victim back themselves; while that write is in flight the page is EVICTING: on no list, still in the
// index, and whoever wants it waits.
// Invariant: at most `capacity` pages are on the lists; the pages beyond it (EVICTION_RESERVE_PAGES) are under the
// write-back of victims, so a machine that is opened with n pages caches n pages.

import { count } from '../base/counters';
import { record, recording } from '../base/record';
import { park } from '../base/wait-queue';
import { bioWaiters } from '../drive/request';
import {
  COUNTER_CACHE_EVICTIONS,
  COUNTER_CACHE_THROTTLED,
  COUNTER_NR_FILE_PAGES,
  EVICTION_CLOCK,
  EVICTION_LINUX,
  EVICTION_LRU,
  EVICTION_S3_FIFO,
  RECORD_ENTERED,
  RECORD_THROTTLED,
  WRITEBACK_EVICTION,
} from '../layout';
import { clockNext, clockTouched, clockVictim } from './eviction-clock';
import { fifoVictim } from './eviction-fifo';
import {
  linuxBlocker,
  linuxCanReclaim,
  linuxEntered,
  linuxLeft,
  linuxListed,
  linuxTouched,
  linuxVictim,
} from './eviction-linux';
import { FIRST, listedCount, listOf, mayLeave, pushFront, unlink } from './eviction-lists';
import { lruTouched, lruVictim } from './eviction-lru';
import { s3Entered, s3GhostCount, s3Init, s3Left, s3Next, s3Touched, s3Victim } from './eviction-s3-fifo';
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
import { shadowsClaim } from './shadows';

@unmanaged
class Eviction {
  /** EVICTION_… */
  policy: u32;
  capacity: u32;
  /** Queue word of what the last failed pageEnter must wait for. */
  waitQueue: usize;
  /** That wait is for dirty pages to be written. */
  isThrottle: u32;
}

const eviction = changetype<Eviction>(memory.data(offsetof<Eviction>(), 16));

/** Room for the shadows of a cache of `capacity` pages. */
export function evictionClaim(policy: u32, capacity: u32): void {
  if (policy == EVICTION_LINUX) shadowsClaim(capacity);
  else shadowsClaim(policy == EVICTION_S3_FIFO ? s3GhostCount(capacity) : 0);
}

export function evictionInit(policy: u32, capacity: u32): void {
  eviction.policy = policy;
  eviction.capacity = capacity;
  s3Init(capacity);
}

/** The page was accessed. */
export function touch(pointer: usize): void {
  const policy = eviction.policy;
  if (policy == EVICTION_LINUX) linuxTouched(pointer);
  else if (policy == EVICTION_LRU) lruTouched(pointer);
  else if (policy == EVICTION_CLOCK) clockTouched(pointer);
  else if (policy == EVICTION_S3_FIFO) s3Touched(pointer);
}

/** The page that leaves next by a policy that writes its victims back. */
function victim(): usize {
  const policy = eviction.policy;
  if (policy == EVICTION_LRU) return lruVictim();
  if (policy == EVICTION_CLOCK) return clockVictim();
  return policy == EVICTION_S3_FIFO ? s3Victim() : fifoVictim();
}

/** As victim(), but nothing moves. */
function nextVictim(): usize {
  const policy = eviction.policy;
  if (policy == EVICTION_LRU) return lruVictim();
  if (policy == EVICTION_CLOCK) return clockNext();
  return policy == EVICTION_S3_FIFO ? s3Next() : fifoVictim();
}

/** Makes place for one page; false when something must be waited for (then waitQueue says where). */
function evictOne(): bool {
  const pointer = victim();
  const page = changetype<Page>(pointer);
  const inode = inodeAt(page.file);
  if (page.pins > 0 || (page.flags & PAGE_LOCKED) != 0) {
    eviction.waitQueue = pageWaiters(pointer);
    return false;
  }
  const wasDirty = page.dirty != 0;
  if (wasDirty && (page.flags & PAGE_WRITEBACK) != 0) {
    // dirtied again under a sync's write-back: it can only be written when that ends
    eviction.waitQueue = pageWaiters(pointer);
    eviction.isThrottle = 1;
    return false;
  }
  if (wasDirty && writeBack(inode, page, WRITEBACK_EVICTION) != 0) {
    eviction.waitQueue = bioWaiters();
    return false;
  }
  if (eviction.policy == EVICTION_S3_FIFO) s3Left(pointer);
  unlink(listOf(page), pointer);
  count(COUNTER_CACHE_EVICTIONS);
  if (page.flags & PAGE_WRITEBACK) page.flags |= PAGE_EVICTING;
  else pageDrop(inode, pointer, wasDirty ? 1 : 0);
  return true;
}

/** As evictOne, for `linux`: the victim is clean. Without one the flusher has been asked. */
function reclaimOne(): bool {
  const pointer = linuxVictim();
  if (pointer == 0) {
    const blocker = linuxBlocker();
    eviction.waitQueue = blocker != 0 ? pageWaiters(blocker) : freePageWaiters();
    eviction.isThrottle = blocker != 0 ? 0 : 1;
    return false;
  }
  linuxLeft(pointer);
  unlink(FIRST, pointer);
  count(COUNTER_CACHE_EVICTIONS);
  pageDrop(inodeAt(changetype<Page>(pointer).file), pointer, 0);
  return true;
}

/**
 * A page for (inode, index), in the index, most recent, with no block uptodate. 0: something must be waited for first;
 * park with waitForPage. The key must not be in the index.
 */
export function pageEnter(inode: Inode, index: u64): usize {
  eviction.isThrottle = 0;
  const isLinux = eviction.policy == EVICTION_LINUX;
  while (listedCount() >= eviction.capacity) {
    if (!(isLinux ? reclaimOne() : evictOne())) return 0;
  }
  const pointer = pageTakeFree();
  if (pointer == 0) {
    eviction.waitQueue = freePageWaiters();
    eviction.isThrottle = 1;
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
  if (recording()) record(RECORD_ENTERED, 0, inode.index, 0, index, 1, 0);
  if (isLinux) linuxEntered(pointer);
  else if (eviction.policy == EVICTION_S3_FIFO) s3Entered(pointer);
  else pushFront(FIRST, pointer);
  return pointer;
}

/** True when pageEnter would find a frame that is free or clean, without writing anything back. */
export function canEnterNow(): bool {
  if (listedCount() < eviction.capacity) return freePageCount() > 0;
  if (eviction.policy == EVICTION_LINUX) return linuxCanReclaim();
  return mayLeave(changetype<Page>(nextVictim()));
}

/** Parks an operation where the last failed pageEnter said. */
export function waitForPage(operation: usize, inode: Inode, index: u64): void {
  if (eviction.isThrottle != 0) {
    count(COUNTER_CACHE_THROTTLED);
    if (recording()) record(RECORD_THROTTLED, 0, inode.index, 0, index, 1, 0);
  }
  park(eviction.waitQueue, operation);
}

/** Removes a clean, idle, unpinned page from the cache (invalidation). */
export function pageForget(inode: Inode, pointer: usize): void {
  const page = changetype<Page>(pointer);
  assert(mayLeave(page), 'a busy page was dropped');
  unlink(listOf(page), pointer);
  if (eviction.policy == EVICTION_LINUX) linuxListed();
  pageDrop(inode, pointer, 0);
}
