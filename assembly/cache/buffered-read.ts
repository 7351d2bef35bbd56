// Buffered read: find or bring in the pages of a range, then copy (mm/filemap.c filemap_read).
//
// Verbs: bufferedRead, a step function. It looks up a chunk of pages, starts one read-in for each run of missing ones,
// pins them, then copies page by page, waiting where a page is still LOCKED.
// Invariants: it waits for a free page or a bio only while it holds no pin; i_size is looked at when the bytes are there,
// and limits what is copied; bytes that were copied win over an error, and every error is EIO.
//
// Without readahead a miss reads just what was asked, in chunks of READ_CHUNK_PAGES. With it the first miss of a chunk, and
// the first access of a marked page, read a window (readahead.ts), once all that lies before has been copied. Pages of
// the request that a window brings in count as misses like any other: a hit was in the cache before.

import { count } from '../base/counters';
import { EFAULT, EIO } from '../base/errno';
import { Operation, operationCursor, operationPage, PENDING, setOperationPage } from '../base/operation';
import { record, recording } from '../base/record';
import { spanCopyIn } from '../base/span';
import { park } from '../base/wait-queue';
import { movesBytes } from '../drive/drive-table';
import { bioWaiters } from '../drive/request';
import {
  COUNTER_CACHE_ACCESSES,
  COUNTER_CACHE_HITS,
  COUNTER_CACHE_MISSES,
  RECORD_PAGE_HIT,
  RECORD_PAGE_MISS,
} from '../layout';
import { PAGE_SHIFT, PAGE_SIZE, READ_CHUNK_PAGES } from '../limits';
import { pageEnter, touch, waitForPage } from './eviction';
import { Inode } from './inode';
import {
  blockMask,
  PAGE_ERROR,
  PAGE_EVICTING,
  PAGE_LOCKED,
  PAGE_READAHEAD,
  PAGE_WRITEBACK,
  Page,
  pageFrame,
  pageIndex,
  pageKey,
  pageWaiters,
  pinPage,
  unpinPage,
} from './page';
import { indexFind } from './page-index';
import { readIn } from './page-io';
import { planMark, planMiss, ReadaheadState, readaheadFailed, readWindow } from './readahead';

/** Counts one access of a page by this operation, once however often it comes back. `pointer`: the page that was hit, or 0. */
export function countAccess(operation: Operation, inode: Inode, index: u64, pointer: usize): void {
  if (index < operation.countedUntil) return;
  const isHit = pointer != 0;
  if (isHit) touch(pointer);
  operation.countedUntil = index + 1;
  count(COUNTER_CACHE_ACCESSES);
  count(isHit ? COUNTER_CACHE_HITS : COUNTER_CACHE_MISSES);
  if (recording())
    record(
      isHit ? RECORD_PAGE_HIT : RECORD_PAGE_MISS,
      operation.kind,
      inode.index,
      operation.id,
      index,
      1,
      0,
    );
}

/** Starts the read-in of the blocks that are missing among `needed`. 0, 1 (no bio), 2 (under write-back), or an errno. */
function readMissing(inode: Inode, page: Page, needed: u32): i32 {
  const start = pageIndex(page) << PAGE_SHIFT;
  let missing = needed & ~(<u32>page.uptodate);
  while (missing != 0) {
    const first = ctz<u32>(missing);
    const runLength = ctz<u32>(~(missing >> first));
    const result = readIn(
      inode,
      page,
      start + ((<u64>first) << inode.blockShift),
      runLength << inode.blockShift,
    );
    if (result != 0) return result;
    missing &= ~((((<u32>1) << runLength) - 1) << first);
  }
  return 0;
}

/** Behind the last byte that can be read now: what was asked for, as far as there is a file and a buffer. */
function readEnd(operation: Operation, inode: Inode): u64 {
  const bytes = min<u64>(operation.length, operation.readable);
  return min<u64>(operation.position + bytes, inode.size);
}

function neededBlocks(operation: Operation, index: u64, end: u64): u32 {
  const inode = changetype<Inode>(operation.inode);
  const pageStart = index << PAGE_SHIFT;
  const start = operation.position + operation.done;
  const from = start > pageStart ? <u32>(start - pageStart) : 0;
  const to = <u32>min<u64>(end - pageStart, PAGE_SIZE);
  return blockMask(from, to, inode.blockShift);
}

function unpinRest(operation: Operation): void {
  for (let index = operation.pinnedDone; index < operation.pinnedCount; index++)
    unpinPage(operationPage(operation, index));
  operation.pinnedCount = 0;
  operation.pinnedDone = 0;
}

/** Copies what the operation wants of the page at its position, up to file position `end`. */
function copyPage(operation: Operation, pointer: usize, end: u64): void {
  const position = operation.position + operation.done;
  const offset = <u32>position & (PAGE_SIZE - 1);
  const bytes = <u32>min<u64>(end - position, PAGE_SIZE - offset);
  if (movesBytes()) spanCopyIn(operationCursor(operation), pageFrame(pointer) + offset, bytes);
  operation.done += bytes;
}

/** Counts the accesses of the pages below `end`, before a window fills in what is missing of them. */
function countUntil(operation: Operation, inode: Inode, end: u64): void {
  const first = (operation.position + operation.done) >> PAGE_SHIFT;
  for (let index = max<u64>(operation.countedUntil, first); index < end; index++) {
    const pointer = indexFind(pageKey(inode.index, index));
    const isLeaving = pointer != 0 && (changetype<Page>(pointer).flags & PAGE_EVICTING) != 0;
    countAccess(operation, inode, index, isLeaving ? 0 : pointer);
  }
}

/** The state that says what to read ahead, or null: just what was asked for. */
function readaheadOf(operation: Operation): ReadaheadState | null {
  const pointer = operation.readahead;
  if (pointer == 0) return null;
  const state = changetype<ReadaheadState>(pointer);
  return state.maximum == 0 || state.isRandom != 0 ? null : state;
}

/** True for a page whose access starts a window: one that is missing, or marked and not under write-back. */
function startsWindow(pointer: usize): bool {
  if (pointer == 0) return true;
  const flags = changetype<Page>(pointer).flags;
  return (flags & PAGE_READAHEAD) != 0 && (flags & PAGE_WRITEBACK) == 0;
}

/** Reads the window that page `index`, missing (`pointer` 0) or marked, starts. The page, or 0 if it is missing still. */
function readAhead(operation: Operation, state: ReadaheadState, index: u64, pointer: usize, end: u64): usize {
  const inode = changetype<Inode>(operation.inode);
  const askedEnd = (operation.position + operation.length + (PAGE_SIZE - 1)) >> PAGE_SHIFT;
  const wanted = <u32>(askedEnd - index);
  // the page must outlive what its own window pushes out
  if (pointer != 0 && !pinPage(pointer)) return pointer;
  if (pointer != 0) changetype<Page>(pointer).flags &= ~PAGE_READAHEAD;
  const windowEnd =
    pointer == 0 ? planMiss(state, inode, index, wanted) : planMark(state, inode, index, wanted);
  if (windowEnd != 0) {
    countUntil(operation, inode, min<u64>(windowEnd, ((end - 1) >> PAGE_SHIFT) + 1));
    readWindow(inode, askedEnd, index);
  }
  if (pointer == 0) return indexFind(pageKey(inode.index, index));
  unpinPage(pointer);
  return pointer;
}

/**
 * Copies from pages that are ready and fills the operation's page list with those that are not. PENDING when it had to
 * park; 0 to go on with copyChunk; else an errno.
 */
function lookUpChunk(operation: Operation, inode: Inode, end: u64): i32 {
  const state = readaheadOf(operation);
  let index = (operation.position + operation.done) >> PAGE_SHIFT;
  const last = (end - 1) >> PAGE_SHIFT;
  while (index <= last && operation.pinnedCount < <u32>READ_CHUNK_PAGES) {
    let pointer = indexFind(pageKey(inode.index, index));
    if (state != null && startsWindow(pointer)) {
      if (operation.pinnedCount > 0) return 0;
      pointer = readAhead(operation, state, index, pointer, end);
    }
    if (pointer != 0 && (changetype<Page>(pointer).flags & PAGE_EVICTING) != 0) {
      if (operation.pinnedCount > 0) return 0;
      countAccess(operation, inode, index, 0);
      park(pageWaiters(pointer), changetype<usize>(operation));
      return PENDING;
    }
    if (pointer != 0) {
      countAccess(operation, inode, index, pointer);
    } else {
      countAccess(operation, inode, index, 0);
      pointer = pageEnter(inode, index);
      if (pointer == 0) {
        if (operation.pinnedCount > 0) return 0;
        waitForPage(changetype<usize>(operation), inode, index);
        return PENDING;
      }
    }
    const page = changetype<Page>(pointer);
    const needed = neededBlocks(operation, index, end);
    if (operation.pinnedCount == 0 && (needed & ~(<u32>page.uptodate)) == 0) {
      // nothing before it waits and nothing is missing: no pin is needed
      copyPage(operation, pointer, end);
      index++;
      continue;
    }
    if (!pinPage(pointer)) {
      if (operation.pinnedCount > 0) return 0;
      park(pageWaiters(pointer), changetype<usize>(operation));
      return PENDING;
    }
    setOperationPage(operation, operation.pinnedCount++, pointer);
    if ((page.flags & PAGE_LOCKED) == 0) {
      const result = readMissing(inode, page, needed);
      if (result > 0) return 0;
      if (result < 0) {
        unpinRest(operation);
        return result;
      }
    }
    index++;
  }
  return 0;
}

/** Copies from the pinned pages. PENDING when one is still being read; 0 when the chunk is done; else an errno. */
function copyChunk(operation: Operation, inode: Inode, end: u64): i32 {
  while (operation.pinnedDone < operation.pinnedCount && operation.position + operation.done < end) {
    const pointer = operationPage(operation, operation.pinnedDone);
    const page = changetype<Page>(pointer);
    if (page.flags & PAGE_LOCKED) {
      park(pageWaiters(pointer), changetype<usize>(operation));
      return PENDING;
    }
    const needed = neededBlocks(operation, pageIndex(page), end);
    if ((needed & ~(<u32>page.uptodate)) != 0) {
      if (page.flags & PAGE_ERROR) {
        page.flags &= ~PAGE_ERROR;
        unpinRest(operation);
        return -EIO;
      }
      // somebody else read other blocks, or no bio was free, or what read ahead has failed
      const result = readMissing(inode, page, needed);
      if (result < 0) {
        unpinRest(operation);
        return result;
      }
      if (result == 2) {
        park(pageWaiters(pointer), changetype<usize>(operation));
        return PENDING;
      }
      if (result == 1 && (page.flags & PAGE_LOCKED) == 0) {
        // wait for a bio without a pin; the pages are looked up again
        unpinRest(operation);
        park(bioWaiters(), changetype<usize>(operation));
        return PENDING;
      }
      continue;
    }
    copyPage(operation, pointer, end);
    operation.pinnedDone++;
    unpinPage(pointer);
  }
  unpinRest(operation);
  return 0;
}

/** Notes where the read has ended, or that it has failed, for the reads that follow it. */
function noteEnd(operation: Operation, result: i32): void {
  if (operation.readahead == 0) return;
  const state = changetype<ReadaheadState>(operation.readahead);
  if (operation.done > 0) state.previous = operation.position + operation.done;
  if (result == -EIO) readaheadFailed(state);
}

/** Bytes read (short at the end of the file), a negative errno when none was, or PENDING. */
export function bufferedRead(operation: Operation, inode: Inode): i32 {
  let result = 0;
  while (result == 0) {
    // looked at in every step: a truncate may move the end while the read waits
    const end = readEnd(operation, inode);
    if (operation.position + operation.done >= end) break;
    if (operation.pinnedCount == 0) result = lookUpChunk(operation, inode, end);
    if (result == 0) result = copyChunk(operation, inode, end);
    if (result == PENDING) return PENDING;
  }
  unpinRest(operation);
  if (result < 0) result = -EIO;
  else if (operation.done == operation.readable && operation.done < operation.length) result = -EFAULT;
  noteEnd(operation, result);
  return operation.done > 0 ? <i32>operation.done : result;
}
