// Dirty limits: writers over them pause (balance_dirty_pages of mm/page-writeback.c).
//
// Verbs: throttleInit, pageDirtied, balanceDirtyPagesRatelimited, pauseOver, dirtyFell. Between freerun and the limit a
// writer pauses for as long as its pages take at the base rate times the position ratio; at the limit it waits, pause after
// pause, until there are fewer dirty pages. As in Linux with one processor, HZ = 1000 and one device whose bandwidth is known.
// All writers of a machine are one task: what one dirties counts for all, and while it pauses nobody dirties a page.
// Invariant: at most one pause runs; at the limit with nothing in flight that could help (a held drive) there is none, and
// the writers wait until somebody makes a page clean.

import { awaitedCount, eventAt, now, timeAfter } from '../base/clock';
import { count, countMany } from '../base/counters';
import { complete, dispatchPending, KIND_PAUSE_OVER } from '../base/dispatch';
import { EAGAIN } from '../base/errno';
import { FLAG_NOWAIT, Operation, PENDING } from '../base/operation';
import { record, recording } from '../base/record';
import { park, wakeAll } from '../base/wait-queue';
import {
  COUNTER_DIRTY_PAUSED_NS,
  COUNTER_DIRTY_PAUSES,
  OP_WRITE,
  RATIO_SHIFT,
  RECORD_PAUSED,
} from '../layout';
import { dirtyTotal, isOverBackground, limitsOf, positionRatio } from './dirty-limits';
import { flusherBackground } from './flusher';
import { Inode } from './inode';

const JIFFY_NS: u64 = 1000000;
const HZ: i64 = 1000;
/** Longest pause (MAX_PAUSE) and the pause aimed at, in jiffies. */
const MAX_PAUSE: i64 = 200;
const TARGET_PAUSE: i64 = 10;
/** HZ and HZ / 8 rounded up to powers of two, as Linux divides by them. */
const HZ_ROUNDED: u64 = 1024;
const EIGHTH_ROUNDED: u64 = 128;
/** Pages that a task dirties before it looks at the limits for the first time (DIRTY_POLL_THRESH), and over the limit. */
const POLL_PAGES: u64 = 32;
const EXCEEDED_PAGES: u64 = 8;

@unmanaged
class Throttle {
  /** Pages a second. */
  baseRate: u64;
  /** nr_dirtied, nr_dirtied_pause and dirty_paused_when (jiffies) of the task. */
  dirtied: u64;
  allowance: u64;
  pausedWhen: i64;
  /** Pages that the processor has seen dirtied, and how many force a look (bdp_ratelimits, ratelimit_pages). */
  processorDirtied: u64;
  processorAllowance: u64;
  /** Operations that sit the pause out. */
  waiters: usize;
  isPaused: u32;
  /** The pause is at the limit: when it is over there is another look, for as many pages. */
  isAtLimit: u32;
  pausedPages: u64;
  file: u32;
  /** What a pause that begins now leaves behind: when it ends (jiffies), and the allowance for after it. */
  pauseEnd: i64;
  nextAllowance: u64;
  /** No pause runs, for none could end at anything new. */
  isStuck: u32;
  isExceeded: u32;
}

const throttle = changetype<Throttle>(memory.data(offsetof<Throttle>(), 16));

/** `baseRate`: pages a second, at least 1. After dirtyLimitsInit. */
export function throttleInit(baseRate: u64): void {
  throttle.baseRate = baseRate;
  throttle.allowance = POLL_PAGES;
  throttle.processorAllowance = max<u64>(limitsOf().threshold / POLL_PAGES, 16);
}

/** A clean page became dirty. */
export function pageDirtied(): void {
  throttle.dirtied++;
  throttle.processorDirtied++;
}

/** The clock in jiffies, from 1: 0 is never. */
function jiffies(): i64 {
  return <i64>(now() / JIFFY_NS) + 1;
}

/** The task has dirtied what it may without a look at the limits (balance_dirty_pages_ratelimited). */
function isDue(): bool {
  let allowance = throttle.allowance;
  if (throttle.isExceeded != 0) allowance = min<u64>(allowance, EXCEEDED_PAGES);
  if (throttle.dirtied >= allowance) {
    throttle.processorDirtied = 0;
    return true;
  }
  if (throttle.processorDirtied < throttle.processorAllowance) return false;
  throttle.processorDirtied = 0;
  return true;
}

/** Pages that the task may dirty in freerun before it looks again: fewer the nearer the limit is (dirty_poll_interval). */
function pollInterval(dirty: u64, threshold: u64): u64 {
  return threshold > dirty ? (<u64>1) << ((63 - clz<u64>(threshold - dirty)) >> 1) : 1;
}

/** wb_max_pause: short while few pages are dirty, so that the drive does not run dry in the pause. Jiffies. */
function maxPause(dirty: u64): i64 {
  return min<i64>(<i64>(dirty / (1 + throttle.baseRate / EIGHTH_ROUNDED)) + 1, MAX_PAUSE);
}

/** wb_min_pause: a shorter one is not worth it and is carried forward. Jiffies; says the allowance for after the pause. */
function minPause(longest: i64, rate: u64): i64 {
  let target = min<i64>(TARGET_PAUSE, 1 + (longest >> 1));
  let pages = (throttle.baseRate * <u64>target) / HZ_ROUNDED;
  if (pages < POLL_PAGES) {
    target = longest;
    pages = (throttle.baseRate * <u64>target) / HZ_ROUNDED;
    if (pages > POLL_PAGES) {
      pages = POLL_PAGES;
      target = (HZ * <i64>POLL_PAGES) / <i64>throttle.baseRate;
    }
  }
  if ((<u64>HZ * pages) / (rate + 1) > <u64>longest) {
    target = longest;
    pages = (rate * <u64>target) / HZ_ROUNDED;
  }
  throttle.nextAllowance = pages;
  return pages >= POLL_PAGES ? 1 + (target >> 1) : target;
}

/** Below freerun: no pause, and the next look after as many pages as the distance to the limit allows. */
function runFree(dirty: u64, threshold: u64): void {
  throttle.isExceeded = 0;
  throttle.pausedWhen = jiffies();
  throttle.dirtied = 0;
  throttle.allowance = pollInterval(dirty, threshold);
}

/** Too short to pause: it is owed, and the next one is longer by it; a task that has been quiet for a second owes nothing. */
function carryForward(pause: i64, period: i64, pages: u64): void {
  if (pause < -HZ) {
    throttle.pausedWhen = jiffies();
    throttle.dirtied = 0;
  } else if (period != 0) {
    throttle.pausedWhen += period;
    throttle.dirtied = 0;
  } else if (throttle.allowance <= pages) {
    throttle.allowance += pages;
  }
}

/** One look at the limits for a task that has dirtied `pages` since the last: jiffies to pause, or 0. */
function look(pages: u64): i64 {
  const limits = limitsOf();
  const dirty = dirtyTotal();
  if (isOverBackground()) flusherBackground();
  if (dirty <= limits.freerun) {
    runFree(dirty, limits.threshold);
    return 0;
  }
  flusherBackground();
  throttle.isExceeded = dirty > limits.threshold ? 1 : 0;
  const rate = (throttle.baseRate * positionRatio(limits.setpoint, dirty, limits.threshold)) >> RATIO_SHIFT;
  const longest = maxPause(dirty);
  const shortest = minPause(longest, rate);
  const time = jiffies();
  throttle.isAtLimit = rate == 0 ? 1 : 0;
  if (rate == 0) {
    throttle.pauseEnd = time + longest;
    return longest;
  }
  const period = <i64>((<u64>HZ * pages) / rate);
  const pause = throttle.pausedWhen != 0 ? period - (time - throttle.pausedWhen) : period;
  if (pause < shortest) {
    carryForward(pause, period, pages);
    return 0;
  }
  const excess = max<i64>(pause - longest, 0);
  // of what is over the longest pause at most as much again is owed
  throttle.pauseEnd = time + min<i64>(excess, longest) + pause - excess;
  return pause - excess;
}

function startPause(pages: u64, jiffyCount: i64): void {
  const nanoseconds = <u64>jiffyCount * JIFFY_NS;
  throttle.isPaused = 1;
  throttle.pausedPages = pages;
  throttle.dirtied = 0;
  throttle.pausedWhen = throttle.pauseEnd;
  throttle.allowance = throttle.nextAllowance;
  count(COUNTER_DIRTY_PAUSES);
  countMany(COUNTER_DIRTY_PAUSED_NS, nanoseconds);
  if (recording()) {
    const limit = <u32>min<u64>(limitsOf().threshold, u32.MAX_VALUE);
    record(RECORD_PAUSED, OP_WRITE, throttle.file, 0, nanoseconds, <u32>dirtyTotal(), limit);
  }
  eventAt(timeAfter(nanoseconds), KIND_PAUSE_OVER, 0);
}

/**
 * Called before each page of a buffered write. 0: go on; PENDING: the operation is parked until its pause is over; EAGAIN
 * (negative) for an operation that may not wait.
 */
export function balanceDirtyPagesRatelimited(operation: Operation, inode: Inode): i32 {
  const mayWait = (operation.flags & FLAG_NOWAIT) == 0;
  if (throttle.isPaused == 0) {
    if (!isDue()) return 0;
    const pages = throttle.dirtied;
    const pause = look(pages);
    if (pause == 0) return 0;
    throttle.file = inode.index;
    if (mayWait) startPause(pages, pause);
  }
  if (!mayWait) return -EAGAIN;
  park(changetype<usize>(throttle) + offsetof<Throttle>('waiters'), changetype<usize>(operation));
  return PENDING;
}

/** Handler of KIND_PAUSE_OVER. */
export function pauseOver(_owner: usize, _result: i32): void {
  if (throttle.isAtLimit != 0) {
    const isIdle = awaitedCount() == 0 && dispatchPending() == 0;
    const pause = look(throttle.pausedPages);
    if (pause > 0 && isIdle && throttle.isAtLimit != 0) {
      throttle.isStuck = 1;
      return;
    }
    if (pause > 0) {
      startPause(throttle.pausedPages, pause);
      return;
    }
  }
  throttle.isPaused = 0;
  wakeAll(changetype<usize>(throttle) + offsetof<Throttle>('waiters'));
}

/** There are fewer dirty pages, or fewer under write-back: who waits at the limit for nothing else looks again. */
export function dirtyFell(): void {
  if (throttle.isStuck == 0) return;
  throttle.isStuck = 0;
  complete(KIND_PAUSE_OVER, 0, 0);
}
