// Write-back for sync, and invalidation: making cache and drive agree.
//
// Verbs: writebackRange (startWriteback, waitWriteback, markWriteback), invalidateRange, discardRange, truncateRange, step functions of an operation (WB_SYNC_ALL of
// mm/page-writeback.c; invalidate_inode_pages2_range; truncate_pagecache_range of a discard; truncate_pagecache).
// Invariant: when writebackRange has answered 0, every page of the range that was dirty or under write-back when it was
// first called has been written, whatever the result; it does not wait for what becomes dirty meanwhile.

import { countMany } from '../base/counters';
import { complete, KIND_OPERATION_RESUME } from '../base/dispatch';
import { Operation, PENDING } from '../base/operation';
import { record, recording } from '../base/record';
import { park } from '../base/wait-queue';
import { movesBytes } from '../drive/drive-table';
import { bioWaiters } from '../drive/request';
import { COUNTER_CACHE_DISCARDED_PAGES, RECORD_PAGES_DISCARDED, WRITEBACK_SYNC } from '../layout';
import { PAGE_SHIFT, PAGE_SIZE, WRITEBACK_STEP_PAGES } from '../limits';
import { clearDirty, pickDirty } from './dirty';
import { pageForget } from './eviction';
import { firstPage, nextPage } from './eviction-lists';
import { Inode } from './inode';
import { hasPickedInFlight, ioendMark, isIoendInFlight, tagInFlight } from './ioend';
import {
  blockMask,
  blocksWord,
  noteBlocks,
  PAGE_LOCKED,
  PAGE_WRITEBACK,
  Page,
  pageFrame,
  pageIndex,
  pageKey,
  pageWaiters,
} from './page';
import { indexFind } from './page-index';
import { pageIoSubmit, writeBack } from './page-io';
import { shadowsDropRange } from './shadows';

const STEP_PICK: u32 = 0;
const STEP_WRITE: u32 = 1;
const STEP_WAIT: u32 = 2;
/** As STEP_WAIT, and then there is more to write: pages in flight are picked, and another sync may write them first. */
const STEP_WAIT_AGAIN: u32 = 3;

/** Starts to write the pages that are picked. 0 when all are on their way, or PENDING. */
function writePicked(operation: Operation, inode: Inode): i32 {
  const self = changetype<usize>(operation);
  for (let pageCount = 0; inode.writeHead != 0; pageCount++) {
    if (pageCount == WRITEBACK_STEP_PAGES) {
      // others get their turn before the next pages
      complete(KIND_OPERATION_RESUME, self, 0);
      return PENDING;
    }
    const page = changetype<Page>(inode.writeHead);
    if (page.flags & PAGE_LOCKED) {
      park(pageWaiters(inode.writeHead), self);
      return PENDING;
    }
    if (writeBack(inode, page, WRITEBACK_SYNC) != 0) {
      park(bioWaiters(), self);
      return PENDING;
    }
  }
  pageIoSubmit();
  operation.ioendMark = ioendMark(inode);
  return 0;
}

/**
 * Starts to write what is dirty in file bytes [start, end) (WB_SYNC_ALL: it goes on behind an error). 0 or PENDING;
 * `operation.syncStep` starts at 0 and is STEP_WAIT at the end: waitWriteback is next.
 */
export function startWriteback(operation: Operation, inode: Inode, start: u64, end: u64): i32 {
  if (operation.syncStep == STEP_PICK) {
    if (end > start && inode.dirtyCount > 0) {
      tagInFlight(inode, start >> PAGE_SHIFT, (end - 1) >> PAGE_SHIFT);
      pickDirty(inode, start >> PAGE_SHIFT, (end - 1) >> PAGE_SHIFT);
    }
    operation.syncStep = STEP_WRITE;
  }
  if (operation.syncStep == STEP_WRITE) {
    if (writePicked(operation, inode) == PENDING) return PENDING;
    const isOwed = hasPickedInFlight(inode, start >> PAGE_SHIFT, end > start ? (end - 1) >> PAGE_SHIFT : 0);
    operation.syncStep = isOwed ? STEP_WAIT_AGAIN : STEP_WAIT;
  }
  return 0;
}

/** Waits for what of [start, end) was on its way up to the operation's mark. 0 or PENDING. */
export function waitWriteback(operation: Operation, inode: Inode, start: u64, end: u64): i32 {
  if (!isIoendInFlight(inode, start, end, operation.ioendMark)) return 0;
  park(changetype<usize>(inode) + offsetof<Inode>('writebackWaiters'), changetype<usize>(operation));
  return PENDING;
}

/** The operation's mark: all that is on its way now. */
export function markWriteback(operation: Operation, inode: Inode): void {
  operation.ioendMark = ioendMark(inode);
}

/**
 * Writes the dirty pages of file bytes [start, end) and waits for them, and for what of them was on its way before.
 * `operation.syncStep` starts at 0 and is 0 again at the end. PENDING or 0; errors are in the inode's errseq.
 */
export function writebackRange(operation: Operation, inode: Inode, start: u64, end: u64): i32 {
  while (true) {
    if (startWriteback(operation, inode, start, end) == PENDING) return PENDING;
    if (waitWriteback(operation, inode, start, end) == PENDING) return PENDING;
    const isOwed = operation.syncStep == STEP_WAIT_AGAIN;
    operation.syncStep = STEP_PICK;
    if (inode.writeHead == 0 && !isOwed) return 0;
    // a page that was dirtied again while it was on its way: it is picked, and written now
    operation.syncStep = STEP_WRITE;
  }
}

function isBusy(page: Page): bool {
  return page.pins > 0 || (page.flags & (PAGE_LOCKED | PAGE_WRITEBACK)) != 0;
}

/** What a walk over a range does to each page. */
const VISIT_FORGET: u32 = 0;
const VISIT_DISCARD: u32 = 1;
const VISIT_LOOK: u32 = 2;
/** As VISIT_FORGET, but a dirty page stops it. */
const VISIT_FORGET_CLEAN: u32 = 3;
/** Forgets what is clean and idle, and passes over the rest. */
const VISIT_DROP: u32 = 4;

/** The page that stopped the last visitRange: a busy one, or 0 for a dirty one. */
const visited: usize = memory.data(8, 8);

/** Visits the cached pages that touch [start, end): by index if the range is shorter than the file's cached pages, else by list. */
function visitRange(inode: Inode, start: u64, end: u64, visit: u32): bool {
  if (inode.pageCount == 0 || end <= start) return true;
  const first = start >> PAGE_SHIFT;
  const last = (end - 1) >> PAGE_SHIFT;
  if (last - first < <u64>inode.pageCount) {
    for (let index = first; index <= last; index++) {
      const pointer = indexFind(pageKey(inode.index, index));
      if (pointer != 0 && !visitOne(inode, pointer, start, end, visit)) return false;
    }
    return true;
  }
  let pointer = firstPage();
  while (pointer != 0) {
    const page = changetype<Page>(pointer);
    const next = nextPage(pointer);
    if (page.file == inode.index) {
      const index = pageIndex(page);
      if (index >= first && index <= last && !visitOne(inode, pointer, start, end, visit)) return false;
    }
    pointer = next;
  }
  return true;
}

function visitOne(inode: Inode, pointer: usize, start: u64, end: u64, visit: u32): bool {
  if (visit == VISIT_DROP) {
    if (changetype<Page>(pointer).dirty == 0 && !isBusy(changetype<Page>(pointer)))
      pageForget(inode, pointer);
    return true;
  }
  if (isBusy(changetype<Page>(pointer))) {
    store<usize>(visited, pointer);
    return false;
  }
  if (visit == VISIT_FORGET_CLEAN && changetype<Page>(pointer).dirty != 0) {
    store<usize>(visited, 0);
    return false;
  }
  if (visit == VISIT_FORGET || visit == VISIT_FORGET_CLEAN) forget(inode, pointer);
  else if (visit == VISIT_DISCARD) zeroAndClean(inode, pointer, start, end);
  return true;
}

function forget(inode: Inode, pointer: usize): void {
  clearDirty(inode, changetype<Page>(pointer), 0xff);
  pageForget(inode, pointer);
}

/** Zeroes the bytes of the page inside [start, end); blocks that lie wholly inside become clean and uptodate. */
function zeroAndClean(inode: Inode, pointer: usize, start: u64, end: u64): void {
  const page = changetype<Page>(pointer);
  const pageStart = pageIndex(page) << PAGE_SHIFT;
  const from = start > pageStart ? <u32>(start - pageStart) : 0;
  // what lies behind the end of the file is zeros as well
  const isAtEnd = end >= inode.size;
  const to = isAtEnd ? <u32>PAGE_SIZE : <u32>min<u64>(end - pageStart, PAGE_SIZE);
  if (movesBytes()) memory.fill(pageFrame(pointer) + from, 0, to - from);
  const blockSize: u32 = 1 << inode.blockShift;
  const firstWhole = (from + blockSize - 1) & ~(blockSize - 1);
  const lastWhole = to & ~(blockSize - 1);
  if (firstWhole < lastWhole) {
    const whole = blockMask(firstWhole, lastWhole, inode.blockShift);
    clearDirty(inode, page, whole);
    page.uptodate |= <u8>whole;
  }
  countMany(COUNTER_CACHE_DISCARDED_PAGES, 1);
  if (recording())
    record(RECORD_PAGES_DISCARDED, 0, inode.index, blocksWord(page), pageIndex(page), 1, page.dirty);
}

/** Drops the cached pages of a range. PENDING while one is busy; 1 when one has become dirty, which has to be written first. */
export function invalidateRange(operation: Operation, inode: Inode, start: u64, end: u64): i32 {
  if (end > start) shadowsDropRange(inode, start >> PAGE_SHIFT, (end - 1) >> PAGE_SHIFT);
  if (visitRange(inode, start, end, VISIT_FORGET_CLEAN)) return 0;
  if (load<usize>(visited) == 0) return 1;
  park(pageWaiters(load<usize>(visited)), changetype<usize>(operation));
  return PENDING;
}

/** Drops the clean, idle pages that lie wholly in [start, end) (invalidate_mapping_pages); both are multiples of a page. */
export function dropRange(inode: Inode, start: u64, end: u64): void {
  visitRange(inode, start, end, VISIT_DROP);
}

/** Waits until nothing of the inode is under write-back: victims on their way out are on no list that a walk could meet. */
function isWritingBack(operation: Operation, inode: Inode): bool {
  if (inode.writebackCount == 0) return false;
  park(changetype<usize>(inode) + offsetof<Inode>('writebackWaiters'), changetype<usize>(operation));
  return true;
}

/** What a truncate does to the cache when the end has moved down: whatever lies in blocks behind it is forgotten. PENDING while any of it is busy. */
export function truncateRange(operation: Operation, inode: Inode): i32 {
  if (isWritingBack(operation, inode)) return PENDING;
  const last = inode.size >> PAGE_SHIFT;
  const tail = <u32>inode.size & (PAGE_SIZE - 1);
  const pointer = tail != 0 ? indexFind(pageKey(inode.index, last)) : 0;
  if (pointer != 0) {
    const page = changetype<Page>(pointer);
    if (page.flags & PAGE_LOCKED) {
      park(pageWaiters(pointer), changetype<usize>(operation));
      return PENDING;
    }
    const kept = blockMask(0, tail, inode.blockShift);
    clearDirty(inode, page, ~kept);
    page.uptodate &= <u8>kept;
    noteBlocks(page);
  }
  const firstGone = (inode.size + PAGE_SIZE - 1) & ~(<u64>PAGE_SIZE - 1);
  shadowsDropRange(inode, firstGone >> PAGE_SHIFT, u64.MAX_VALUE);
  if (visitRange(inode, firstGone, inode.capacity, VISIT_FORGET)) return 0;
  park(pageWaiters(load<usize>(visited)), changetype<usize>(operation));
  return PENDING;
}

/** What a discard does to the cache: the pages keep their places, zeroed and clean. PENDING while one is busy, and then none has been touched. */
export function discardRange(operation: Operation, inode: Inode, start: u64, end: u64): i32 {
  if (isWritingBack(operation, inode)) return PENDING;
  if (visitRange(inode, start, end, VISIT_LOOK)) {
    visitRange(inode, start, end, VISIT_DISCARD);
    return 0;
  }
  park(pageWaiters(load<usize>(visited)), changetype<usize>(operation));
  return PENDING;
}
