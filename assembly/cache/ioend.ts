// ioends in flight: the writes of a file's pages that have been submitted and have not ended (fs/iomap/ioend.c).
//
// Verbs: ioendAdd, ioendRemove, ioendMark, isIoendInFlight, tagInFlight, hasPickedInFlight. An ioend is the bio that carries it.
// Layout: a doubly linked list per inode, in order of submission; numbers only grow.
// Invariant: whoever waits for write-back waits for numbers up to a mark, so a writer that goes on can not hold it up.

import { Bio } from '../drive/request';
import { PAGE_SHIFT } from '../limits';
import { Inode } from './inode';
import { PAGE_TOWRITE, Page, pageIndex } from './page';

export function ioendAdd(inode: Inode, bio: Bio): void {
  const pointer = changetype<usize>(bio);
  bio.ioendNumber = ++inode.ioendNumber;
  bio.ioendNext = 0;
  bio.ioendPrevious = inode.ioendLast;
  if (inode.ioendLast != 0) changetype<Bio>(inode.ioendLast).ioendNext = pointer;
  else inode.ioendFirst = pointer;
  inode.ioendLast = pointer;
}

export function ioendRemove(inode: Inode, bio: Bio): void {
  if (bio.ioendPrevious != 0) changetype<Bio>(bio.ioendPrevious).ioendNext = bio.ioendNext;
  else inode.ioendFirst = bio.ioendNext;
  if (bio.ioendNext != 0) changetype<Bio>(bio.ioendNext).ioendPrevious = bio.ioendPrevious;
  else inode.ioendLast = bio.ioendPrevious;
}

/** What has been submitted so far has numbers up to this one. */
export function ioendMark(inode: Inode): u64 {
  return inode.ioendNumber;
}

/** True while an ioend with a number up to `mark` is in flight whose pages touch [start, end). */
export function isIoendInFlight(inode: Inode, start: u64, end: u64, mark: u64): bool {
  for (let pointer = inode.ioendFirst; pointer != 0; pointer = changetype<Bio>(pointer).ioendNext) {
    const bio = changetype<Bio>(pointer);
    if (bio.ioendNumber > mark) return false;
    const first = (bio.ioendStart >> PAGE_SHIFT) << PAGE_SHIFT;
    const last = (bio.ioendStart + bio.ioendBytes - 1) | (((<u64>1) << PAGE_SHIFT) - 1);
    if (first < end && last >= start) return true;
  }
  return false;
}

/** Pages in flight with first ≤ index ≤ last that are dirty again: a sync writes them when they come back (the TOWRITE tag). */
export function tagInFlight(inode: Inode, first: u64, last: u64): void {
  for (let pointer = inode.ioendFirst; pointer != 0; pointer = changetype<Bio>(pointer).ioendNext) {
    const bio = changetype<Bio>(pointer);
    let page = bio.firstPage;
    for (let left = bio.pageCount; left > 0; left--) {
      const record = changetype<Page>(page);
      const index = pageIndex(record);
      if (record.dirty != 0 && index >= first && index <= last) record.flags |= PAGE_TOWRITE;
      page = record.ioNext;
    }
  }
}

/** True when a page in flight with first ≤ index ≤ last has more that a sync waits for: it is written when it comes back. */
export function hasPickedInFlight(inode: Inode, first: u64, last: u64): bool {
  for (let pointer = inode.ioendFirst; pointer != 0; pointer = changetype<Bio>(pointer).ioendNext) {
    const bio = changetype<Bio>(pointer);
    let page = bio.firstPage;
    for (let left = bio.pageCount; left > 0; left--) {
      const record = changetype<Page>(page);
      const index = pageIndex(record);
      const isPicked = record.dirty != 0 && (record.flags & PAGE_TOWRITE) != 0;
      if (isPicked && index >= first && index <= last) return true;
      page = record.ioNext;
    }
  }
  return false;
}
