// Buffered write: iomap_file_buffered_write, page by page.
//
// Verbs: bufferedWrite, zeroBegin, zeroRange; step functions. For each page: balance dirty pages, find or create it, read or zero what the
// write does not cover (__iomap_write_begin), copy, mark uptodate and dirty (__iomap_write_end), move i_size. zeroRange goes
// the same way with zeros, past holes and clean unwritten blocks (iomap_zero_range).
// Invariants: i_size moves after the copy and only upwards; a parked writer holds no locked page; the only pin it may
// hold is on a page whose read-in it waits for; the mapping it holds is looked at again when it goes on.

import { EFAULT, EIO } from '../base/errno';
import {
  FLAG_NOWAIT,
  Operation,
  operationCursor,
  operationPage,
  PENDING,
  setOperationPage,
} from '../base/operation';
import { spanCopyOut } from '../base/span';
import { park } from '../base/wait-queue';
import { movesBytes } from '../drive/drive-table';
import { bioWaiters } from '../drive/request';
import { PAGE_SHIFT, PAGE_SIZE } from '../limits';
import { countAccess } from './buffered-read';
import { markDirty } from './dirty';
import { pageEnter, pageForget, waitForPage } from './eviction';
import { Inode } from './inode';
import {
  IOMAP_F_NEW,
  IOMAP_F_SIZE_CHANGED,
  IOMAP_HOLE,
  IOMAP_MAPPED,
  IOMAP_NOWAIT,
  IOMAP_UNWRITTEN,
  IOMAP_WRITE,
  IOMAP_ZERO,
} from './iomap';
import {
  IomapIter,
  isIterStale,
  iterAdvance,
  iteratorOf,
  iterBegin,
  iterFail,
  iterLeft,
  iterNext,
  iterStale,
} from './iomap-iter';
import {
  blockMask,
  PAGE_ERROR,
  PAGE_EVICTING,
  PAGE_LOCKED,
  PAGE_WRITEBACK,
  Page,
  pageFrame,
  pageKey,
  pageWaiters,
  pinPage,
  unpinPage,
} from './page';
import { indexFind } from './page-index';
import { readIn } from './page-io';
import { balanceDirtyPagesRatelimited } from './throttle';

const STEP_ZERO: u8 = 1;
const STEP_WRITE: u8 = 2;

/** What the body answers when it has found its mapping stale. No errno has this value. */
const STALE: i32 = 1;

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
function writeBegin(iter: IomapIter, inode: Inode, page: Page, pageStart: u64, offset: u32, end: u32): i32 {
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
    const isOnDrive = iter.type == IOMAP_MAPPED && (iter.flags & IOMAP_F_NEW) == 0;
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

/** The page at the iterator's position, ready to be written to: its address, or 0 when the operation is parked. */
function findPage(operation: Operation, inode: Inode, index: u64): usize {
  const self = changetype<usize>(operation);
  const pointer = indexFind(pageKey(inode.index, index));
  if (pointer == 0) {
    countAccess(operation, inode, index, 0);
    const entered = pageEnter(inode, index);
    if (entered == 0) waitForPage(self, inode, index);
    return entered;
  }
  const flags = changetype<Page>(pointer).flags;
  countAccess(operation, inode, index, flags & PAGE_EVICTING ? 0 : pointer);
  if ((flags & (PAGE_EVICTING | PAGE_LOCKED)) == 0) return pointer;
  park(pageWaiters(pointer), self);
  return 0;
}

/** Back from a read-in of the pinned page: PENDING while it lasts, EIO when it failed, else 0. */
function endReadIn(operation: Operation): i32 {
  const pinned = operationPage(operation, 0);
  const page = changetype<Page>(pinned);
  if (page.flags & PAGE_LOCKED) {
    park(pageWaiters(pinned), changetype<usize>(operation));
    return PENDING;
  }
  operation.pinnedCount = 0;
  const hadError = (page.flags & PAGE_ERROR) != 0;
  page.flags &= ~PAGE_ERROR;
  unpinPage(pinned);
  return hadError ? -EIO : 0;
}

/** Waits for the read-in that writeBegin has started, or for what it lacks. */
function parkBegin(operation: Operation, pointer: usize, result: i32): i32 {
  const self = changetype<usize>(operation);
  if (result == PENDING && pinPage(pointer)) {
    setOperationPage(operation, 0, pointer);
    operation.pinnedCount = 1;
  }
  park(result == 1 ? bioWaiters() : pageWaiters(pointer), self);
  return PENDING;
}

/** iomap_write_failed: a page that lies behind the end and got nothing leaves the cache. */
function forgetEmpty(inode: Inode, pointer: usize, pageStart: u64): void {
  const page = changetype<Page>(pointer);
  const isBusy = page.pins > 0 || (page.flags & (PAGE_LOCKED | PAGE_WRITEBACK)) != 0;
  if (pageStart >= inode.size && page.dirty == 0 && !isBusy) pageForget(inode, pointer);
}

/** How many of `bytes` the caller's buffer has at the operation's place. */
function readableBytes(operation: Operation, bytes: u32): u32 {
  const gap = gapBytes(operation);
  const taken = <u32>(operation.done - gap);
  return taken >= operation.readable ? 0 : min<u32>(bytes, operation.readable - taken);
}

/** Zeros that this operation writes before its own bytes. */
function gapBytes(operation: Operation): u64 {
  return operation.zeroUntil > operation.position ? operation.zeroUntil - operation.position : 0;
}

/** Writes the part of the mapping that lies in one page. 0, STALE, PENDING, or an errno. */
function writePage(operation: Operation, iter: IomapIter, inode: Inode, isZeroing: bool): i32 {
  const position = iter.position;
  const index = position >> PAGE_SHIFT;
  const offset = <u32>position & (PAGE_SIZE - 1);
  let bytes = <u32>min<u64>(iterLeft(iter), PAGE_SIZE - offset);
  const balanced = balanceDirtyPagesRatelimited(operation, inode);
  if (balanced != 0) return balanced;
  if (!isZeroing && readableBytes(operation, bytes) == 0) return -EFAULT;
  if (operation.pinnedCount > 0) {
    const ended = endReadIn(operation);
    if (ended != 0) return ended;
  }
  const pointer = findPage(operation, inode, index);
  if (pointer == 0) return PENDING;
  // entering a page may have written another one back, and changed the mappings
  if (isIterStale(iter)) return STALE;
  const page = changetype<Page>(pointer);
  const pageStart = index << PAGE_SHIFT;
  let copied: u32 = 0;
  while (true) {
    if (bytes < <u32>PAGE_SIZE) {
      const result = writeBegin(iter, inode, page, pageStart, offset, offset + bytes);
      if (result == PENDING || result > 0) return parkBegin(operation, pointer, result);
      if (result < 0) {
        forgetEmpty(inode, pointer, pageStart);
        return result;
      }
    }
    copied = isZeroing ? bytes : readableBytes(operation, bytes);
    // a short copy into a page that lacks bytes is rejected: what was copied is written again, as a write of its own
    if (copied == bytes || page.uptodate == wholePage(inode)) break;
    bytes = copied;
  }
  if (movesBytes()) {
    if (isZeroing) memory.fill(pageFrame(pointer) + offset, 0, copied);
    else spanCopyOut(operationCursor(operation), pageFrame(pointer) + offset, copied);
  }
  page.uptodate |= <u8>blockMask(offset, offset + bytes, inode.blockShift);
  markDirty(inode, page, blockMask(offset, offset + copied, inode.blockShift));
  if (position + copied > inode.size && (!isZeroing || inode.zeroesExtend != 0)) {
    inode.size = position + copied;
    iter.flags |= IOMAP_F_SIZE_CHANGED;
  }
  operation.done += copied;
  iterAdvance(iter, copied);
  return 0;
}

/** The uptodate bits of a page that lacks nothing. */
function wholePage(inode: Inode): u8 {
  return <u8>blockMask(0, PAGE_SIZE, inode.blockShift);
}

/** True when some block of the mapping's part of this page is newer in the cache than on the drive. */
function isNewerInCache(iter: IomapIter, inode: Inode): bool {
  const pointer = indexFind(pageKey(inode.index, iter.position >> PAGE_SHIFT));
  if (pointer == 0) return false;
  const page = changetype<Page>(pointer);
  const offset = <u32>iter.position & (PAGE_SIZE - 1);
  const bytes = <u32>min<u64>(iterLeft(iter), PAGE_SIZE - offset);
  const blocks = blockMask(offset, offset + bytes, inode.blockShift);
  return (page.dirty & blocks) != 0 || (page.flags & PAGE_WRITEBACK) != 0;
}

/** What reads as zeros already needs no writing: skips it, and answers how many bytes that were. */
function skipZeros(operation: Operation, iter: IomapIter, inode: Inode): u64 {
  let bytes: u64 = 0;
  if (iter.type == IOMAP_HOLE) {
    bytes = iterLeft(iter);
  } else if (iter.type == IOMAP_UNWRITTEN && !isNewerInCache(iter, inode)) {
    bytes = min<u64>(iterLeft(iter), PAGE_SIZE - (iter.position & (PAGE_SIZE - 1)));
  }
  operation.done += bytes;
  iterAdvance(iter, bytes);
  return bytes;
}

/** Runs the iterator of the operation to its end. 0, PENDING, or a negative errno. */
function runIterator(operation: Operation, inode: Inode, isZeroing: bool): i32 {
  const iter = iteratorOf(operation);
  // one that was parked goes on in the mapping that it holds
  let isHolding = iter.isHeld != 0;
  while (true) {
    const next = isHolding ? 1 : iterNext(iter);
    if (next <= 0) return next;
    isHolding = false;
    let result = 0;
    while (result == 0 && iterLeft(iter) > 0) {
      if (isIterStale(iter)) result = STALE;
      else if (!isZeroing || skipZeros(operation, iter, inode) == 0)
        result = writePage(operation, iter, inode, isZeroing);
    }
    if (result == PENDING) return PENDING;
    if (result == STALE) iterStale(iter);
    else if (result < 0) iterFail(iter, result);
  }
}

function startWriting(operation: Operation, inode: Inode): void {
  const nowait: u32 = operation.flags & FLAG_NOWAIT ? IOMAP_NOWAIT : 0;
  operation.step = STEP_WRITE;
  iterBegin(
    iteratorOf(operation),
    inode,
    operation.position + operation.done,
    operation.length - operation.done,
    IOMAP_WRITE | nowait,
  );
}

/** The first step: cuts the range to the file's room, and readies the gap behind the old end or the write itself. */
function start(operation: Operation, inode: Inode): i32 {
  const first = operation.position + operation.done;
  if (first >= inode.capacity) return -(<i32>inode.fullErrno);
  operation.length = min<u64>(operation.length, inode.capacity - operation.position);
  if (operation.done > 0 || operation.position <= inode.size) {
    startWriting(operation, inode);
    return 0;
  }
  // the gap behind the old end of file is made zeros first
  operation.zeroUntil = operation.position;
  const gap = operation.position - inode.size;
  operation.position = inode.size;
  operation.length += gap;
  operation.step = STEP_ZERO;
  iterBegin(iteratorOf(operation), inode, operation.position, gap, IOMAP_ZERO);
  return 0;
}

/**
 * Bytes written, a negative errno when none was, or PENDING. At the end of the file's room: short, or the
 * file's own errno (ENOSPC, EFBIG) when nothing fits. A buffer that ends early: short, or EFAULT.
 */
export function bufferedWrite(operation: Operation, inode: Inode): i32 {
  if (operation.step == 0) {
    const started = start(operation, inode);
    if (started != 0) return started;
  }
  if (operation.step == STEP_ZERO) {
    const zeroed = runIterator(operation, inode, true);
    if (zeroed == PENDING) return PENDING;
    if (zeroed != 0 || operation.done < gapBytes(operation)) return callerResult(operation, zeroed);
    startWriting(operation, inode);
  }
  const result = runIterator(operation, inode, false);
  return result == PENDING ? PENDING : callerResult(operation, result);
}

/** Readies the operation for zeroRange over [position, position + length). */
export function zeroBegin(operation: Operation, inode: Inode, position: u64, length: u64): void {
  operation.done = 0;
  iterBegin(iteratorOf(operation), inode, position, length, IOMAP_ZERO);
}

/**
 * Makes the range of zeroBegin read as zeros through the cache; holes and clean unwritten blocks are passed over, i_size does
 * not move unless zeros behind it must be kept. 0, a negative errno, or PENDING.
 */
export function zeroRange(operation: Operation, inode: Inode): i32 {
  return runIterator(operation, inode, true);
}

/** What the caller sees: the bytes of its own that were written win over an error. */
function callerResult(operation: Operation, error: i32): i32 {
  const gap = gapBytes(operation);
  const own = operation.done > gap ? operation.done - gap : 0;
  return own > 0 || error == 0 ? <i32>own : error;
}
