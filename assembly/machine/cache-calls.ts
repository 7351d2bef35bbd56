// Calls on the page cache.
//
// Verbs: fileAdvise (posix_fadvise, mm/fadvise.c), cacheDrop (/proc/sys/vm/drop_caches). Reads that fileAdvise starts are not
// waited for.

import { countMany } from '../base/counters';
import { EINVAL } from '../base/errno';
import { OPERATION_SYNC_RANGE } from '../base/operation';
import { plugBegin, plugEnd } from '../block/queue';
import { pageForget } from '../cache/eviction';
import { firstPage, mayLeave, nextPage } from '../cache/eviction-lists';
import { Inode, inodeAt } from '../cache/inode';
import { Page } from '../cache/page';
import { pageIoSubmit } from '../cache/page-io';
import { readaheadAdvise, readaheadForce } from '../cache/readahead';
import { dropRange } from '../cache/writeback';
import { bioOffer } from '../drive/request';
import { notFile, OpenFile, openFileOf, readaheadStateOf } from '../files/descriptor';
import {
  ADVICE_DONTNEED,
  ADVICE_NOREUSE,
  ADVICE_NORMAL,
  ADVICE_RANDOM,
  ADVICE_SEQUENTIAL,
  ADVICE_WILLNEED,
  COUNTER_DROP_PAGECACHE,
  SYNC_RANGE_WRITE,
} from '../layout';
import { PAGE_SHIFT, PAGE_SIZE } from '../limits';
import { isOffset, runCallWithMode } from './file-calls';

/** Behind every file. */
const END: u64 = 1 << 53;

/** Starts to read the pages that touch [start, end), the first and the last partial one as well. */
function willNeed(inode: Inode, start: u64, end: u64): void {
  plugBegin();
  readaheadForce(inode, start >> PAGE_SHIFT, (end + (PAGE_SIZE - 1)) >> PAGE_SHIFT);
  pageIoSubmit();
  plugEnd();
  bioOffer();
}

/** Starts to write [start, end) back, and drops what is clean of the pages that lie wholly in it. */
function dontNeed(opened: OpenFile, start: u64, end: u64): void {
  const inode = changetype<Inode>(opened.inode);
  runCallWithMode(opened, OPERATION_SYNC_RANGE, start, end - start, SYNC_RANGE_WRITE);
  const mask = ~(<u64>PAGE_SIZE - 1);
  const first = (start + (PAGE_SIZE - 1)) & mask;
  // a partial page stays, unless it is the last of the file and the range ends with it
  const last = end == inode.size ? (end + (PAGE_SIZE - 1)) & mask : end & mask;
  dropRange(inode, first, last);
}

/**
 * posix_fadvise: `advice` is ADVICE_…, 0 bytes: to the end of the file. 0; EBADF; EINVAL for an advice that there is not, or an
 * eventfd.
 */
export function fileAdvise(descriptor: i32, offset: f64, bytes: f64, advice: i32): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return notFile(descriptor);
  if (!isOffset(offset) || !isOffset(bytes)) return -EINVAL;
  const opened = changetype<OpenFile>(pointer);
  const state = readaheadStateOf(opened);
  const start = <u64>offset;
  const end = bytes == 0 ? END : min<u64>(start + <u64>bytes, END);
  switch (advice) {
    case ADVICE_NORMAL:
      readaheadAdvise(state, 1, false);
      return 0;
    case ADVICE_SEQUENTIAL:
      readaheadAdvise(state, 2, false);
      return 0;
    case ADVICE_RANDOM:
      readaheadAdvise(state, 1, true);
      return 0;
    case ADVICE_WILLNEED:
      willNeed(changetype<Inode>(opened.inode), start, end);
      return 0;
    case ADVICE_DONTNEED:
      dontNeed(opened, start, end);
      return 0;
    case ADVICE_NOREUSE:
      return 0;
    default:
      return -EINVAL;
  }
}

/**
 * Drops every page that is clean, idle and in nobody's use, as a 1 written to drop_caches does; dirty ones stay with their
 * data. How many were dropped.
 */
export function cacheDrop(): i32 {
  let dropped = 0;
  let pointer = firstPage();
  while (pointer != 0) {
    const page = changetype<Page>(pointer);
    const next = nextPage(pointer);
    if (mayLeave(page)) {
      pageForget(inodeAt(page.file), pointer);
      dropped++;
    }
    pointer = next;
  }
  countMany(COUNTER_DROP_PAGECACHE, dropped);
  return dropped;
}
