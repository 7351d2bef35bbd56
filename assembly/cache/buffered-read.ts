// Buffered read: find or bring in the pages of a range, then copy (mm/filemap.c filemap_read).
//
// Verbs: bufferedRead, a step function. It looks up a chunk of pages, starts one read-in for each run of missing ones,
// pins them, then copies page by page, waiting where a page is still LOCKED.
// Invariant: it waits for a free page or a bio only while it holds no pin.
//
// Without readahead a miss reads just what was asked, in chunks of READ_CHUNK_PAGES.

import { count } from '../base/counters';
import { EIO } from '../base/errno';
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

function neededBlocks(operation: Operation, inode: Inode, index: u64): u32 {
  const pageStart = index << PAGE_SHIFT;
  const start = operation.position + operation.done;
  const end = operation.position + operation.length;
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

/** Copies what the operation wants of the page at its position. */
function copyPage(operation: Operation, pointer: usize): void {
  const offset = <u32>(operation.position + operation.done) & (PAGE_SIZE - 1);
  const bytes = <u32>min<u64>(operation.length - operation.done, PAGE_SIZE - offset);
  if (movesBytes()) spanCopyIn(operationCursor(operation), pageFrame(pointer) + offset, bytes);
  operation.done += bytes;
}

/**
 * Copies from pages that are ready and fills the operation's page list with those that are not. PENDING when it had to
 * park; 0 to go on with copyChunk; else an errno.
 */
function lookUpChunk(operation: Operation, inode: Inode): i32 {
  const end = operation.position + operation.length;
  let index = (operation.position + operation.done) >> PAGE_SHIFT;
  const last = (end - 1) >> PAGE_SHIFT;
  while (index <= last && operation.pinnedCount < <u32>READ_CHUNK_PAGES) {
    let pointer = indexFind(pageKey(inode.index, index));
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
    const needed = neededBlocks(operation, inode, index);
    if (operation.pinnedCount == 0 && (needed & ~(<u32>page.uptodate)) == 0) {
      // nothing before it waits and nothing is missing: no pin is needed
      copyPage(operation, pointer);
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
function copyChunk(operation: Operation, inode: Inode): i32 {
  while (operation.pinnedDone < operation.pinnedCount && operation.done < operation.length) {
    const pointer = operationPage(operation, operation.pinnedDone);
    const page = changetype<Page>(pointer);
    if (page.flags & PAGE_LOCKED) {
      park(pageWaiters(pointer), changetype<usize>(operation));
      return PENDING;
    }
    const needed = neededBlocks(operation, inode, pageIndex(page));
    if ((needed & ~(<u32>page.uptodate)) != 0) {
      if (page.flags & PAGE_ERROR) {
        page.flags &= ~PAGE_ERROR;
        unpinRest(operation);
        return -EIO;
      }
      // somebody else read other blocks, or no bio was free
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
    copyPage(operation, pointer);
    operation.pinnedDone++;
    unpinPage(pointer);
  }
  unpinRest(operation);
  return 0;
}

/** Bytes read (short at the end of the file), a negative errno when none was, or PENDING. */
export function bufferedRead(operation: Operation, inode: Inode): i32 {
  // looked at in every step: a truncate may move the end while the read waits
  const room = inode.size > operation.position ? inode.size - operation.position : 0;
  operation.length = min<u64>(operation.length, room);
  if (operation.done >= operation.length) unpinRest(operation);
  while (operation.done < operation.length) {
    let result = 0;
    if (operation.pinnedCount == 0) result = lookUpChunk(operation, inode);
    if (result == 0) result = copyChunk(operation, inode);
    if (result == PENDING) return PENDING;
    if (result < 0) return operation.done > 0 ? <i32>operation.done : result;
  }
  return <i32>operation.done;
}
