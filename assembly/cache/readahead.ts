// Readahead on demand: which pages a read of missing or marked pages brings in with them (mm/readahead.c).
//
// Verbs: readaheadInit, readaheadOpen, readaheadAdvise, readaheadFailed, planMiss, planMark, readWindow,
// readaheadForce.
// Layout: one ReadaheadState an open file; it describes the window that was read last.
//     |<------- size ------->|
//                 |<- async->|
//     |===========#==========|
//     ^start      ^the page with PAGE_READAHEAD: whoever reads it starts the next window
// A window is planned first (into `plan`) and read afterwards, so that the reader can count its misses in between.
// Folios are single pages here, and a request longer than the maximum is read in windows of the maximum: bdi->io_pages,
// which would let it be one I/O, is not part of this machine.
// Invariant: nothing here waits or pins. Without a frame or a bio, or when a mapping fails, readahead just ends; its I/O
// errors are nobody's: a page that it left without its bytes is read again when it is asked for.

import { countMany } from '../base/counters';
import { record, recording } from '../base/record';
import { COUNTER_READAHEAD_PAGES, RECORD_READAHEAD } from '../layout';
import { PAGE_SHIFT, PAGE_SIZE, READAHEAD_FORCED_PAGES } from '../limits';
import { pageEnter, pageForget } from './eviction';
import { Inode } from './inode';
import { PAGE_LOCKED, PAGE_READAHEAD, Page, pageKey, pinPage, unpinPage } from './page';
import { indexFind } from './page-index';
import { readaheadBegin, readaheadEnd, readIn } from './page-io';

/** What one open file knows of its reads (struct file_ra_state). */
@unmanaged
export class ReadaheadState {
  start: u64;
  /** The position behind the last byte that was read; all ones before the first read. */
  previous: u64;
  size: u32;
  asyncSize: u32;
  /** Largest window in pages; 0: no readahead. */
  maximum: u32;
  /** Random access was advised: nothing is read but what was asked for. */
  isRandom: u32;
}

@unmanaged
class Settings {
  /** The maximum of a file that is being opened. */
  maximum: u32;
  cachePages: u32;
}

/** No page of any file. */
const NOWHERE: u64 = u64.MAX_VALUE;

/** A window that is about to be read, and which page of it gets the mark (NOWHERE: none). */
@unmanaged
class Plan {
  start: u64;
  size: u32;
  asyncSize: u32;
  mark: u64;
}

const settings = changetype<Settings>(memory.data(offsetof<Settings>(), 16));
const plan = changetype<Plan>(memory.data(offsetof<Plan>(), 16));

/** `maximum`: pages of the largest window; 0 switches readahead off. `cachePages`: pages of the cache. */
export function readaheadInit(maximum: u32, cachePages: u32): void {
  settings.maximum = maximum;
  settings.cachePages = cachePages;
}

/** The state of a file that is being opened. */
export function readaheadOpen(state: ReadaheadState): void {
  memory.fill(changetype<usize>(state), 0, offsetof<ReadaheadState>());
  state.previous = u64.MAX_VALUE;
  state.maximum = settings.maximum;
}

/** posix_fadvise NORMAL (`times` 1) and SEQUENTIAL (`times` 2), or RANDOM. */
export function readaheadAdvise(state: ReadaheadState, times: u32, isRandom: bool): void {
  state.isRandom = isRandom ? 1 : 0;
  if (!isRandom) state.maximum = settings.maximum * times;
}

/** A page could not be read (shrink_readahead_size_eio). */
export function readaheadFailed(state: ReadaheadState): void {
  state.maximum >>= 2;
}

/** The first window for a request of `pages` pages (get_init_ra_size). */
function firstSize(pages: u32, maximum: u32): u32 {
  const power: u32 = pages <= 1 ? 1 : (<u32>1) << (32 - clz<u32>(pages - 1));
  if (power <= maximum / 32) return power * 4;
  return power <= maximum / 4 ? power * 2 : maximum;
}

/** The window after one of `size` pages (get_next_ra_size). */
function nextSize(size: u32, maximum: u32): u32 {
  if (size < maximum / 16) return size * 4;
  return size <= maximum / 2 ? size * 2 : maximum;
}

/** Cached pages right before `index`, at most `limit`: what a sequential reader would have left. */
function historyBefore(inode: Inode, index: u64, limit: u32): u32 {
  const most = <u32>min<u64>(limit, index);
  let pages: u32 = 0;
  while (pages < most && indexFind(pageKey(inode.index, index - 1 - pages)) != 0) pages++;
  return pages;
}

function planWindow(state: ReadaheadState): void {
  plan.start = state.start;
  plan.size = state.size;
  plan.asyncSize = state.asyncSize;
  plan.mark = state.asyncSize > 0 ? state.start + state.size - state.asyncSize : NOWHERE;
}

/** Pages [start, start + size) and no mark; the state of the file is left alone. */
function planPlain(start: u64, size: u32): void {
  plan.start = start;
  plan.size = size;
  plan.asyncSize = 0;
  plan.mark = NOWHERE;
}

/** Page `index` is missing, `wanted` pages from there are asked for (page_cache_sync_ra). The page behind the window that is to be read. */
export function planMiss(state: ReadaheadState, inode: Inode, index: u64, wanted: u32): u64 {
  const maximum = state.maximum;
  // two words that wrap, as Linux has them: before the first read nothing counts as the page before
  if (index == 0 || wanted > maximum || index - (state.previous >> PAGE_SHIFT) <= 1) {
    state.start = index;
    state.size = firstSize(wanted, maximum);
    state.asyncSize = state.size > wanted ? state.size - wanted : state.size >> 1;
    planWindow(state);
    return index + state.size;
  }
  const history = historyBefore(inode, index, maximum);
  if (history <= wanted) {
    planPlain(index, wanted);
    return index + wanted;
  }
  // cached from the start of the file on: it is being read from end to end
  const length = <u64>history == index ? history * 2 : history;
  state.start = index;
  state.size = min<u32>(length + wanted, maximum);
  state.asyncSize = 1;
  planWindow(state);
  return index + state.size;
}

/** The first page from `index` that is not cached, within `limit` pages; else the one behind those. */
function nextMissing(inode: Inode, index: u64, limit: u32): u64 {
  const end = index + limit;
  while (index < end && indexFind(pageKey(inode.index, index)) != 0) index++;
  return index;
}

/** The window's end goes down to a multiple of four pages, unless nothing would be left of it. */
function alignEnd(state: ReadaheadState): void {
  const alignment: u64 = (<u64>1) << min<u32>(2, ctz<u32>(state.maximum));
  const aligned = (state.start + state.size) & ~(alignment - 1);
  if (aligned > state.start) state.size = <u32>(aligned - state.start);
}

/**
 * Page `index` with the mark is read, `wanted` pages from there are asked for (page_cache_async_ra). The page behind the
 * window that is to be read, or 0 for none.
 */
export function planMark(state: ReadaheadState, inode: Inode, index: u64, wanted: u32): u64 {
  const maximum = state.maximum;
  if (index == state.start + state.size - state.asyncSize) {
    state.start += state.size;
    state.size = nextSize(state.size, maximum);
  } else {
    // another stream has moved the state: what is cached from here on tells how far this one was
    const start = nextMissing(inode, index + 1, maximum);
    if (start - index > maximum) return 0;
    state.start = start;
    state.size = nextSize(<u32>(start - index) + wanted, maximum);
  }
  alignEnd(state);
  state.asyncSize = state.size;
  planWindow(state);
  return state.start + state.size;
}

/** Enters one page and starts its read-in. False when readahead has to end here. */
function readPage(inode: Inode, index: u64): bool {
  const pointer = pageEnter(inode, index);
  if (pointer == 0) return false;
  const page = changetype<Page>(pointer);
  if (index == plan.mark) page.flags |= PAGE_READAHEAD;
  const isStarted = readIn(inode, page, index << PAGE_SHIFT, PAGE_SIZE) == 0;
  // what has begun ends; a page that has nothing coming is not worth a frame
  if (!isStarted && (page.flags & PAGE_LOCKED) == 0) pageForget(inode, pointer);
  return isStarted;
}

/** The cached page, pinned; 0 when that can not be. */
function pinnedPage(inode: Inode, index: u64): usize {
  const pointer = indexFind(pageKey(inode.index, index));
  return pointer != 0 && pinPage(pointer) ? pointer : 0;
}

/**
 * Starts reading the pages of the planned window that are not cached, up to the one with the last byte of the file.
 * Those from `askedEnd` on are counted as read ahead. Page `kept` is what a read waits for: it outlives what the rest pushes out.
 */
export function readWindow(inode: Inode, askedEnd: u64, kept: u64): void {
  if (inode.size == 0) return;
  const end = min<u64>(plan.start + plan.size, ((inode.size - 1) >> PAGE_SHIFT) + 1);
  let readCount: u32 = 0;
  let aheadCount: u32 = 0;
  let pinned: usize = 0;
  readaheadBegin();
  for (let index = plan.start; index < end; index++) {
    if (indexFind(pageKey(inode.index, index)) == 0) {
      if (!readPage(inode, index)) break;
      readCount++;
      if (index >= askedEnd) aheadCount++;
    }
    if (index == kept) pinned = pinnedPage(inode, index);
  }
  if (pinned != 0) unpinPage(pinned);
  readaheadEnd();
  countMany(COUNTER_READAHEAD_PAGES, aheadCount);
  if (aheadCount > 0 && recording())
    record(RECORD_READAHEAD, 0, inode.index, 0, plan.start, readCount, plan.asyncSize);
}

/**
 * Starts reading the pages [first, end) that are not cached, in pieces of 2 MiB (force_page_cache_ra), whatever the state of
 * any open file. It ends at the end of the file, or when it has gone through as many pages as the cache has.
 */
export function readaheadForce(inode: Inode, first: u64, end: u64): void {
  const fileEnd = (inode.size + (PAGE_SIZE - 1)) >> PAGE_SHIFT;
  const last = min<u64>(min<u64>(end, fileEnd), first + settings.cachePages);
  for (let index = first; index < last; index += READAHEAD_FORCED_PAGES) {
    planPlain(index, <u32>min<u64>(last - index, READAHEAD_FORCED_PAGES));
    readWindow(inode, index, NOWHERE);
  }
}
