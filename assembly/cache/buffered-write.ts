// Buffered write: iomap_file_buffered_write, page by page.
//
// Verbs: bufferedWrite, a step function. For each page: find or create it, read or zero what the write does not cover
// (__iomap_write_begin), copy, mark uptodate and dirty (__iomap_write_end), move i_size.
// Invariants: i_size moves after the copy and only upwards; a parked writer holds no locked page; the only pin it may
// hold is on a page whose read-in it waits for.

import { EIO } from '../base/errno';
import { Operation, operationCursor, operationPage, PENDING, setOperationPage } from '../base/operation';
import { spanCopyOut } from '../base/span';
import { park } from '../base/wait-queue';
import { movesBytes } from '../drive/drive-table';
import { bioWaiters } from '../drive/request';
import { PAGE_SHIFT, PAGE_SIZE } from '../limits';
import { countAccess } from './buffered-read';
import { markDirty } from './dirty';
import { pageEnter, waitForPage } from './eviction';
import { Inode } from './inode';
import { IOMAP_F_NEW, IOMAP_MAPPED, IOMAP_WRITE, iomap, iomapBegin, iomapEnd } from './iomap';
import {
  blockMask,
  PAGE_ERROR,
  PAGE_EVICTING,
  PAGE_LOCKED,
  Page,
  pageFrame,
  pageKey,
  pageWaiters,
  pinPage,
  unpinPage,
} from './page';
import { indexFind } from './page-index';
import { readIn } from './page-io';

/** Zeroes [from, to) of the frame, less what the write [offset, end) covers. */
function zeroAround(pointer: usize, from: u32, to: u32, offset: u32, end: u32): void {
  if (!movesBytes()) return;
  const frame = pageFrame(pointer);
  if (from < offset) memory.fill(frame + from, 0, min<u32>(offset, to) - from);
  if (to > end) memory.fill(frame + max<u32>(end, from), 0, to - max<u32>(end, from));
}

/**
 * Makes the blocks that [offset, end) covers only partly uptodate (__iomap_write_begin, sheet 6.3 and 6.4). 0: ready to
 * copy; PENDING: read-in started, the page is LOCKED; 1: no bio is free; 2: the page is under write-back; else an errno.
 */
function writeBegin(inode: Inode, page: Page, pageStart: u64, offset: u32, end: u32): i32 {
  const shift = inode.blockShift;
  const blockSize: u32 = 1 << shift;
  const firstBlock = offset >> shift;
  const lastBlock = (end - 1) >> shift;
  let answer = 0;
  let block = firstBlock;
  const uptodate = <u32>page.uptodate;
  while (block <= lastBlock) {
    if (uptodate & ((<u32>1) << block)) {
      block++;
      continue;
    }
    let runEnd = block + 1;
    while (runEnd <= lastBlock && (uptodate & ((<u32>1) << runEnd)) == 0) runEnd++;
    const from = block << shift;
    let to = runEnd << shift;
    // cut behind the block that holds the last byte of the file: what follows is zeroed, not read
    if (pageStart + from < inode.size && pageStart + to > inode.size) {
      const cut = (<u32>(inode.size - pageStart) + blockSize - 1) & ~(blockSize - 1);
      if (cut < to) to = cut;
    }
    block = to >> shift;
    const isPartly = (offset > from && offset < to) || (end > from && end < to);
    if (!isPartly) continue;
    const isOnDrive = iomap.type == IOMAP_MAPPED && (iomap.flags & IOMAP_F_NEW) == 0;
    if (pageStart + from >= inode.size || !isOnDrive) {
      zeroAround(changetype<usize>(page), from, to, offset, end);
      page.uptodate |= <u8>blockMask(from, to, shift);
      continue;
    }
    const result = readIn(inode, page, pageStart + from, to - from);
    if (result > 0) return answer == PENDING ? PENDING : result;
    if (result < 0) return result;
    if (page.flags & PAGE_LOCKED) answer = PENDING;
  }
  return answer;
}

/** Writes the part of the operation that lies in one page. 0, PENDING, or an errno. */
function writePage(operation: Operation, inode: Inode): i32 {
  const self = changetype<usize>(operation);
  const position = operation.position + operation.done;
  const index = position >> PAGE_SHIFT;
  const offset = <u32>position & (PAGE_SIZE - 1);
  let bytes = <u32>min<u64>(operation.length - operation.done, PAGE_SIZE - offset);
  const isGap = position < operation.zeroUntil;
  if (isGap) bytes = <u32>min<u64>(bytes, operation.zeroUntil - position);
  const mappingLeft = iomap.offset + iomap.length - position;
  bytes = <u32>min<u64>(bytes, mappingLeft);

  if (operation.pinnedCount > 0) {
    // back from a read-in of this page
    const pinned = operationPage(operation, 0);
    if (changetype<Page>(pinned).flags & PAGE_LOCKED) {
      park(pageWaiters(pinned), self);
      return PENDING;
    }
    operation.pinnedCount = 0;
    const hadError = (changetype<Page>(pinned).flags & PAGE_ERROR) != 0;
    changetype<Page>(pinned).flags &= ~PAGE_ERROR;
    unpinPage(pinned);
    if (hadError) return -EIO;
  }
  let pointer = indexFind(pageKey(inode.index, index));
  if (pointer != 0) {
    if (changetype<Page>(pointer).flags & PAGE_EVICTING) {
      countAccess(operation, inode, index, 0);
      park(pageWaiters(pointer), self);
      return PENDING;
    }
    countAccess(operation, inode, index, pointer);
    if (changetype<Page>(pointer).flags & PAGE_LOCKED) {
      park(pageWaiters(pointer), self);
      return PENDING;
    }
  } else {
    countAccess(operation, inode, index, 0);
    pointer = pageEnter(inode, index);
    if (pointer == 0) {
      waitForPage(self, inode, index);
      return PENDING;
    }
  }
  const page = changetype<Page>(pointer);
  const end = offset + bytes;
  if (bytes < <u32>PAGE_SIZE) {
    const result = writeBegin(inode, page, index << PAGE_SHIFT, offset, end);
    if (result == PENDING) {
      if (pinPage(pointer)) {
        setOperationPage(operation, 0, pointer);
        operation.pinnedCount = 1;
      }
      park(pageWaiters(pointer), self);
      return PENDING;
    }
    if (result > 0) {
      park(result == 1 ? bioWaiters() : pageWaiters(pointer), self);
      return PENDING;
    }
    if (result < 0) return result;
  }
  if (movesBytes()) {
    if (isGap) memory.fill(pageFrame(pointer) + offset, 0, bytes);
    else spanCopyOut(operationCursor(operation), pageFrame(pointer) + offset, bytes);
  }
  const blocks = blockMask(offset, end, inode.blockShift);
  page.uptodate |= <u8>blocks;
  markDirty(inode, page, blocks);
  if (position + bytes > inode.size) inode.size = position + bytes;
  operation.done += bytes;
  return 0;
}

/**
 * Bytes written, a negative errno when none was, or PENDING. At the end of the file's room: short, or the
 * file's own errno (ENOSPC, EFBIG) when nothing fits.
 */
export function bufferedWrite(operation: Operation, inode: Inode): i32 {
  if (operation.step == 0) {
    operation.step = 1;
    if (operation.position >= inode.capacity) return -(<i32>inode.fullErrno);
    operation.length = min<u64>(operation.length, inode.capacity - operation.position);
    if (operation.position > inode.size) {
      // the gap behind the old end of file is written as zeros first
      operation.zeroUntil = operation.position;
      const gap = operation.position - inode.size;
      operation.position = inode.size;
      operation.length += gap;
    }
  }
  while (operation.done < operation.length) {
    const start = operation.position + operation.done;
    const left = operation.length - operation.done;
    let result = iomapBegin(inode, start, left, IOMAP_WRITE);
    if (result != 0) return callerResult(operation, result);
    const mapped = min<u64>(left, iomap.offset + iomap.length - start);
    const before = operation.done;
    while (result == 0 && operation.done - before < mapped) result = writePage(operation, inode);
    const ended = iomapEnd(inode, start, mapped, operation.done - before, IOMAP_WRITE);
    if (result == PENDING) return PENDING;
    if (result == 0 && ended < 0 && operation.done == before) result = ended;
    if (result < 0) return callerResult(operation, result);
  }
  return callerResult(operation, 0);
}

/** What the caller sees: the bytes of its own that were written win over an error. */
function callerResult(operation: Operation, error: i32): i32 {
  const gap = operation.zeroUntil > operation.position ? operation.zeroUntil - operation.position : 0;
  const own = operation.done > gap ? operation.done - gap : 0;
  return own > 0 || error == 0 ? <i32>own : error;
}
