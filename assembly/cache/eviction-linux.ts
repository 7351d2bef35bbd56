// Eviction as Linux does it: two lists, second-access promotion, reclaim of clean pages only, and refault detection
// (mm/swap.c folio_mark_accessed, mm/vmscan.c, mm/workingset.c).
//
// Verbs: linuxEntered, linuxTouched, linuxVictim, linuxBlocker, linuxCanReclaim, linuxLeft, linuxListed.
// A page enters at the head of the inactive list; its first further access marks it referenced, the second activates it.
// The end of the inactive list leaves. A page that is dirty or under write-back is set aside until it is clean, and is then
// the next to leave; a pinned or locked one goes to the head. A page that comes back before as many pages as are active
// have left or been activated is activated at once.
// Layout: FIRST is inactive, SECOND active, ASIDE the inactive pages that wait to become clean.
// Invariant: nothing here writes; a page leaves only clean.

import { count, gauge } from '../base/counters';
import { record, recording } from '../base/record';
import { wakeAll } from '../base/wait-queue';
import {
  COUNTER_NR_ACTIVE_FILE,
  COUNTER_NR_INACTIVE_FILE,
  COUNTER_PGACTIVATE,
  COUNTER_PGDEACTIVATE,
  COUNTER_PGSCAN,
  COUNTER_PGSTEAL,
  COUNTER_WORKINGSET_ACTIVATE,
  COUNTER_WORKINGSET_REFAULT,
  COUNTER_WORKINGSET_RESTORE,
  RECORD_ACTIVATED,
  RECORD_DEACTIVATED,
  RECORD_REFAULT,
} from '../layout';
import {
  ASIDE,
  clearBits,
  FIRST,
  IN_SECOND,
  listOf,
  mayLeave,
  moveToFront,
  pushFront,
  SECOND,
  setBits,
  unlink,
} from './eviction-lists';
import { flusherWake } from './flusher';
import { freePageWaiters, keyOf, PAGE_RECLAIM, PAGE_WRITEBACK, Page, pageIndex, policyBits } from './page';
import { isWorkingset, Shadow, shadowAdd, shadowTake } from './shadows';

/** The page is in active use: its next access activates it (PG_referenced). */
const REFERENCED: u8 = 2;
/** It has been active (PG_workingset). */
const WORKINGSET: u8 = 4;
/** 2^18 pages are one GiB. */
const GIB_SHIFT: u32 = 18;

@unmanaged
class Linux {
  /** Evictions and activations so far, modulo 2^32 (lruvec->nonresident_age). */
  age: u32;
  /** The pinned or locked page that the last linuxVictim met first, or 0. */
  blocker: usize;
}

const linux = changetype<Linux>(memory.data(offsetof<Linux>(), 16));

/** After any change of the lists. */
export function linuxListed(): void {
  gauge(COUNTER_NR_ACTIVE_FILE, SECOND.count);
  gauge(COUNTER_NR_INACTIVE_FILE, FIRST.count + ASIDE.count);
}

/** Puts a page that is on no list at the head of the active one. */
function activate(pointer: usize, isRefault: bool): void {
  const page = changetype<Page>(pointer);
  setBits(page, IN_SECOND);
  pushFront(SECOND, pointer);
  linux.age++;
  if (recording()) record(RECORD_ACTIVATED, 0, page.file, 0, pageIndex(page), 1, isRefault ? 1 : 0);
}

/** True when the page has a shadow that says that it would still be here, had the active list been inactive (workingset_refault). */
function isRecentRefault(pointer: usize): bool {
  const shadow = shadowTake(keyOf(pointer));
  if (shadow == 0) return false;
  const page = changetype<Page>(pointer);
  const distance = linux.age - changetype<Shadow>(shadow).age;
  const isRecent = distance <= SECOND.count;
  count(COUNTER_WORKINGSET_REFAULT);
  if (recording()) record(RECORD_REFAULT, 0, page.file, 0, pageIndex(page), distance, isRecent ? 1 : 0);
  if (!isRecent) return false;
  count(COUNTER_WORKINGSET_ACTIVATE);
  if (isWorkingset(shadow)) {
    setBits(page, WORKINGSET);
    count(COUNTER_WORKINGSET_RESTORE);
  }
  return true;
}

export function linuxEntered(pointer: usize): void {
  if (isRecentRefault(pointer)) activate(pointer, true);
  else pushFront(FIRST, pointer);
  linuxListed();
}

export function linuxTouched(pointer: usize): void {
  const page = changetype<Page>(pointer);
  const bits = policyBits(page);
  if ((bits & REFERENCED) == 0) {
    setBits(page, REFERENCED);
    return;
  }
  if (bits & IN_SECOND) return;
  unlink(listOf(page), pointer);
  // whoever waits for the pages that are set aside may wait for this one alone
  if (page.flags & PAGE_RECLAIM) wakeAll(freePageWaiters());
  page.flags &= ~PAGE_RECLAIM;
  clearBits(page, REFERENCED);
  activate(pointer, false);
  count(COUNTER_PGACTIVATE);
  linuxListed();
}

/** True when active pages have to be demoted (inactive_is_low). */
function isInactiveLow(inactive: u32, active: u32): bool {
  const gib = (inactive + active) >> GIB_SHIFT;
  const ratio = gib == 0 ? 1 : <u64>sqrt<f64>(<f64>gib * 10);
  return <u64>inactive * ratio < <u64>active;
}

function noteDeactivated(pointer: usize): void {
  const page = changetype<Page>(pointer);
  if (recording()) record(RECORD_DEACTIVATED, 0, page.file, 0, pageIndex(page), 1, 0);
}

/** Demotes the oldest active pages until the inactive list is large enough (shrink_active_list). */
function balance(): void {
  while (isInactiveLow(FIRST.count + ASIDE.count, SECOND.count)) {
    const pointer = SECOND.tail;
    unlink(SECOND, pointer);
    clearBits(changetype<Page>(pointer), IN_SECOND);
    setBits(changetype<Page>(pointer), WORKINGSET);
    pushFront(FIRST, pointer);
    noteDeactivated(pointer);
    count(COUNTER_PGDEACTIVATE);
  }
}

function setAside(pointer: usize): void {
  unlink(FIRST, pointer);
  changetype<Page>(pointer).flags |= PAGE_RECLAIM;
  pushFront(ASIDE, pointer);
}

/** The page that leaves next, from one round over the inactive list; 0: none can, and dirty pages have been asked for. */
export function linuxVictim(): usize {
  balance();
  let victim: usize = 0;
  linux.blocker = 0;
  const asideBefore = ASIDE.count;
  for (let left = FIRST.count; left > 0 && victim == 0; left--) {
    const pointer = FIRST.tail;
    const page = changetype<Page>(pointer);
    count(COUNTER_PGSCAN);
    if (mayLeave(page)) {
      victim = pointer;
    } else if (page.dirty != 0 || (page.flags & PAGE_WRITEBACK) != 0) {
      setAside(pointer);
    } else {
      if (linux.blocker == 0) linux.blocker = pointer;
      moveToFront(FIRST, pointer);
    }
  }
  if (ASIDE.count > asideBefore || (victim == 0 && ASIDE.count > 0)) flusherWake();
  linuxListed();
  return victim;
}

/** When linuxVictim has found none: a pinned or locked page to wait for, or 0: any page that is set aside will do. */
export function linuxBlocker(): usize {
  return linux.blocker;
}

/** True when linuxVictim would find a page. Changes nothing. */
export function linuxCanReclaim(): bool {
  for (let pointer = FIRST.tail; pointer != 0; pointer = changetype<Page>(pointer).lruPrevious)
    if (mayLeave(changetype<Page>(pointer))) return true;
  let inactive = FIRST.count + ASIDE.count;
  let active = SECOND.count;
  let pointer = SECOND.tail;
  for (; isInactiveLow(inactive, active); pointer = changetype<Page>(pointer).lruPrevious) {
    if (mayLeave(changetype<Page>(pointer))) return true;
    inactive++;
    active--;
  }
  return false;
}

/** The victim leaves: its shadow stays (workingset_eviction). */
export function linuxLeft(pointer: usize): void {
  shadowAdd(keyOf(pointer), linux.age, (policyBits(changetype<Page>(pointer)) & WORKINGSET) != 0);
  linux.age++;
  count(COUNTER_PGSTEAL);
}
