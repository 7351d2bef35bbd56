// Pages: what the cache knows of each 4 KiB piece of a file.
//
// Verbs: pageClaim, pageInit, pageTakeFree, pageGiveFree, blockMask, noteBlocks, and the lists a page can be on.
// Layout: 32 bytes a page; the number of a page is also the number of its frame (its 4096 bytes) and of its span.
//   0 index (40 bits), pins, file | 8 LRU links | 16 flags, 17 bios in flight (4 bits) and the eviction's own 4 bits,
//   18 uptodate and dirty bits | 20 I/O links | 28 index chain
// Whoever waits for a page waits in a table of queues hashed by page number, as Linux does (folio_wait_table): a wake-up
// may be meant for another page, so a woken operation looks again.
// Invariants: a dirty block is uptodate; a page is on the LRU list iff it is in the index and not EVICTING; the I/O
// links hold the dirty or write list, or the chain of a bio while LOCKED or WRITEBACK.

import { arenaClaim } from '../base/arena';
import { record, recording } from '../base/record';
import { Span } from '../base/span';
import { wakeAll } from '../base/wait-queue';
import { PAGE_BLOCKS_DIRTY_SHIFT, RECORD_BLOCKS } from '../layout';
import { PAGE_SHIFT, PAGE_SIZE } from '../limits';

/** A read-in is in flight. */
export const PAGE_LOCKED: u8 = 1;
export const PAGE_WRITEBACK: u8 = 2;
/** Chosen as victim; leaves when its write-back ends. */
export const PAGE_EVICTING: u8 = 4;
/** The last read-in failed. */
export const PAGE_ERROR: u8 = 8;
/** On the inode's write list. */
export const PAGE_TOWRITE: u8 = 16;
/** On one of the inode's lists. */
export const PAGE_LISTED: u8 = 32;
/** Reclaim met it dirty or under write-back: it is the next to go when it is clean (PG_reclaim). */
export const PAGE_RECLAIM: u8 = 64;
/** The one page of a readahead window whose access starts the next window (PG_readahead). */
export const PAGE_READAHEAD: u8 = 128;

@unmanaged
export class Page {
  indexLow: u32;
  indexHigh: u8;
  pins: u8;
  file: u16;
  lruPrevious: usize;
  lruNext: usize;
  flags: u8;
  /** Low four bits: bios in flight, at most one a block. High four bits: policyBits. */
  ioAndPolicy: u8;
  uptodate: u8;
  dirty: u8;
  ioPrevious: usize;
  ioNext: usize;
  /** The next page in the same bucket of the page index. */
  indexNext: usize;
}

const PAGE_RECORD_SHIFT: i32 = 5;
const KEY_MASK: u64 = 0xffff00ffffffffff;

@unmanaged
class Pages {
  base: usize;
  count: u32;
  frames: usize;
  spans: usize;
  free: usize;
  /** The first page that was never taken. */
  fresh: usize;
  freeCount: u32;
  /** Operations that wait for a free page. */
  waiters: usize;
  /** The table of queues of operations that wait for a page to become idle. */
  waitQueues: usize;
  waitMask: u32;
}

/** Most wait queues. Few queues wake operations for other pages, which then write and read in smaller pieces. */
const MAX_WAIT_QUEUES: u32 = 65536;

const pages = changetype<Pages>(memory.data(offsetof<Pages>(), 16));

export function pageClaim(pageCount: u32, hasFrames: bool): void {
  if (offsetof<Page>() != 32) ERROR('a page record must be 32 bytes');
  pages.count = pageCount;
  pages.base = arenaClaim((<u64>pageCount) << PAGE_RECORD_SHIFT, 64);
  pages.frames = hasFrames ? arenaClaim((<u64>pageCount) << PAGE_SHIFT, PAGE_SIZE) : 0;
  let waitQueues: u32 = 1;
  while (waitQueues < pageCount && waitQueues < MAX_WAIT_QUEUES) waitQueues <<= 1;
  pages.waitMask = waitQueues - 1;
  pages.waitQueues = arenaClaim((<u64>waitQueues) << 2, 64);
  pages.spans = hasFrames ? arenaClaim(<u64>pageCount * offsetof<Span>(), 16) : 0;
}

export function pageInit(): void {
  pages.free = 0;
  pages.fresh = pages.base;
  pages.freeCount = pages.count;
}

export function pageNumber(page: usize): u32 {
  return <u32>((page - pages.base) >> PAGE_RECORD_SHIFT);
}

/** Pages that were ever taken: those with lower numbers. For walks over all pages. */
export function takenPageCount(): u32 {
  return pageNumber(pages.fresh);
}

export function pageAt(number: u32): usize {
  return pages.base + ((<usize>number) << PAGE_RECORD_SHIFT);
}

/** Address of the page's 4096 bytes; 0 when the machine holds no data. */
export function pageFrame(page: usize): usize {
  return pages.frames == 0 ? 0 : pages.frames + ((page - pages.base) << (PAGE_SHIFT - PAGE_RECORD_SHIFT));
}

/** The span over the whole frame; 0 when the machine holds no data. */
export function pageSpan(page: usize): usize {
  return pages.spans == 0 ? 0 : pages.spans + <usize>pageNumber(page) * offsetof<Span>();
}

export function pageKey(file: u32, index: u64): u64 {
  return index | ((<u64>file) << 48);
}

/** (file, index) of a page as one number, the pin count left out. */
export function keyOf(page: usize): u64 {
  return load<u64>(page) & KEY_MASK;
}

export function pageIndex(page: Page): u64 {
  return <u64>page.indexLow | ((<u64>page.indexHigh) << 32);
}

/** A page that is in no index and on no list, or 0. */
export function pageTakeFree(): usize {
  if (pages.freeCount == 0) return 0;
  pages.freeCount--;
  let page = pages.free;
  if (page != 0) {
    pages.free = changetype<Page>(page).lruNext;
    return page;
  }
  page = pages.fresh;
  pages.fresh = page + offsetof<Page>();
  if (pages.spans != 0) {
    const span = changetype<Span>(pageSpan(page));
    span.address = pageFrame(page);
    span.length = PAGE_SIZE;
  }
  return page;
}

/** Gives a page back and wakes whoever waits for one. */
export function pageGiveFree(page: usize): void {
  changetype<Page>(page).lruNext = pages.free;
  pages.free = page;
  pages.freeCount++;
  if (pages.waiters != 0) wakeAll(freePageWaiters());
}

export function freePageCount(): u32 {
  return pages.freeCount;
}

/** The queue word where operations wait for a free page. */
export function freePageWaiters(): usize {
  return changetype<usize>(pages) + offsetof<Pages>('waiters');
}

/** The queue word where operations wait for this page to become idle. */
export function pageWaiters(page: usize): usize {
  return pages.waitQueues + ((<usize>(pageNumber(page) & pages.waitMask)) << 2);
}

export function wakePage(page: usize): void {
  const queue = pageWaiters(page);
  if (load<usize>(queue) != 0) wakeAll(queue);
}

const IO_COUNT_MASK: u8 = 15;
const POLICY_SHIFT: u8 = 4;

/** True while bios read into the page or write from it. */
export function hasIo(page: Page): bool {
  return (page.ioAndPolicy & IO_COUNT_MASK) != 0;
}

/** Bios in flight. */
export function ioCount(page: Page): u32 {
  return page.ioAndPolicy & IO_COUNT_MASK;
}

/** One more bio is in flight. */
export function ioStarted(page: Page): void {
  page.ioAndPolicy++;
}

/** One bio has ended. True when it was the last. */
export function ioEnded(page: Page): bool {
  assert(hasIo(page), 'a bio of a page ended twice');
  page.ioAndPolicy--;
  return !hasIo(page);
}

/** What the eviction policy notes of the page, 0 to 15. */
export function policyBits(page: Page): u8 {
  return page.ioAndPolicy >> POLICY_SHIFT;
}

export function setPolicyBits(page: Page, bits: u8): void {
  page.ioAndPolicy = (page.ioAndPolicy & IO_COUNT_MASK) | (bits << POLICY_SHIFT);
}

/** Keeps a page from being evicted. False when 255 operations pin it already. */
export function pinPage(page: usize): bool {
  const record = changetype<Page>(page);
  if (record.pins == 255) return false;
  record.pins++;
  return true;
}

export function unpinPage(page: usize): void {
  const record = changetype<Page>(page);
  assert(record.pins > 0, 'a page was unpinned twice');
  record.pins--;
  if (record.pins == 0) wakePage(page);
}

/** Bits of the blocks that [start, end) touches, 0 ≤ start < end ≤ PAGE_SIZE. */
export function blockMask(start: u32, end: u32, blockShift: u32): u32 {
  const first = start >> blockShift;
  const last = (end - 1) >> blockShift;
  return (((<u32>2) << last) - 1) & ~(((<u32>1) << first) - 1);
}

/** What a record says of the blocks of a page. */
export function blocksWord(page: Page): u32 {
  return <u32>page.uptodate | ((<u32>page.dirty) << PAGE_BLOCKS_DIRTY_SHIFT);
}

/** A record of blocks that changed, where no other says so. */
export function noteBlocks(page: Page): void {
  const isOnItsWay: u32 = page.flags & PAGE_WRITEBACK ? 1 : 0;
  if (recording()) record(RECORD_BLOCKS, 0, page.file, blocksWord(page), pageIndex(page), 1, isOnItsWay);
}
