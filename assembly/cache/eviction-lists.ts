// The lists of the cache's pages, most recent first, that every eviction policy is made of.
//
// Verbs: pushFront, pushBack, unlink, moveToFront, listOf, listedCount, firstPage, nextPage, mayLeave, pageReclaimable.
// Layout: three doubly linked lists through the pages. A policy of one queue has only the FIRST.
//   FIRST inactive, small | SECOND active, main (the page's bit IN_SECOND) | ASIDE pages that reclaim met dirty (PAGE_RECLAIM)
// Invariant: a page in the index that is not EVICTING is on exactly one list, and its bits say which.

import { wakeAll } from '../base/wait-queue';
import {
  freePageWaiters,
  PAGE_LOCKED,
  PAGE_RECLAIM,
  PAGE_WRITEBACK,
  Page,
  policyBits,
  setPolicyBits,
} from './page';

@unmanaged
export class PageList {
  head: usize;
  tail: usize;
  count: u32;
}

export const FIRST = changetype<PageList>(memory.data(offsetof<PageList>(), 16));
export const SECOND = changetype<PageList>(memory.data(offsetof<PageList>(), 16));
export const ASIDE = changetype<PageList>(memory.data(offsetof<PageList>(), 16));

/** The policy bit of a page on the SECOND list; the other three mean what the policy says. */
export const IN_SECOND: u8 = 1;

export function listOf(page: Page): PageList {
  if (page.flags & PAGE_RECLAIM) return ASIDE;
  return policyBits(page) & IN_SECOND ? SECOND : FIRST;
}

/** Puts a page that is on no list at the recent end of one; its bits must say the same. */
export function pushFront(list: PageList, pointer: usize): void {
  const page = changetype<Page>(pointer);
  page.lruPrevious = 0;
  page.lruNext = list.head;
  if (list.head != 0) changetype<Page>(list.head).lruPrevious = pointer;
  else list.tail = pointer;
  list.head = pointer;
  list.count++;
}

/** As pushFront, at the end where pages leave. */
export function pushBack(list: PageList, pointer: usize): void {
  const page = changetype<Page>(pointer);
  page.lruNext = 0;
  page.lruPrevious = list.tail;
  if (list.tail != 0) changetype<Page>(list.tail).lruNext = pointer;
  else list.head = pointer;
  list.tail = pointer;
  list.count++;
}

export function unlink(list: PageList, pointer: usize): void {
  const page = changetype<Page>(pointer);
  if (page.lruPrevious != 0) changetype<Page>(page.lruPrevious).lruNext = page.lruNext;
  else list.head = page.lruNext;
  if (page.lruNext != 0) changetype<Page>(page.lruNext).lruPrevious = page.lruPrevious;
  else list.tail = page.lruPrevious;
  list.count--;
}

export function moveToFront(list: PageList, pointer: usize): void {
  if (list.head == pointer) return;
  unlink(list, pointer);
  pushFront(list, pointer);
}

export function setBits(page: Page, bits: u8): void {
  setPolicyBits(page, policyBits(page) | bits);
}

export function clearBits(page: Page, bits: u8): void {
  setPolicyBits(page, policyBits(page) & ~bits);
}

/** Pages on all lists. */
export function listedCount(): u32 {
  return FIRST.count + SECOND.count + ASIDE.count;
}

/** A page, or 0: the start of a walk over all pages, list by list. */
export function firstPage(): usize {
  if (FIRST.head != 0) return FIRST.head;
  return SECOND.head != 0 ? SECOND.head : ASIDE.head;
}

/** The page behind `pointer` in that walk, or 0. A walk that drops pages asks for the next one first. */
export function nextPage(pointer: usize): usize {
  const page = changetype<Page>(pointer);
  if (page.lruNext != 0) return page.lruNext;
  const list = listOf(page);
  if (list == FIRST && SECOND.head != 0) return SECOND.head;
  return list == ASIDE ? 0 : ASIDE.head;
}

/** True for a page that can be dropped as it is: clean, idle and unpinned. */
export function mayLeave(page: Page): bool {
  return page.pins == 0 && page.dirty == 0 && (page.flags & (PAGE_LOCKED | PAGE_WRITEBACK)) == 0;
}

/** A page with PAGE_RECLAIM is idle or clean again: a clean one is the next to leave (folio_rotate_reclaimable). */
export function pageReclaimable(pointer: usize): void {
  const page = changetype<Page>(pointer);
  if (page.dirty == 0) {
    unlink(ASIDE, pointer);
    page.flags &= ~PAGE_RECLAIM;
    pushBack(FIRST, pointer);
  }
  // whoever waits looks again; for one that is dirty, again or still, it asks for another write-back
  wakeAll(freePageWaiters());
}
