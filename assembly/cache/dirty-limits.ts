// Dirty limits: how many pages of the cache may be newer than the drives (domain_dirty_limits of mm/page-writeback.c).
//
// Verbs: dirtyLimitsInit, limitsOf, dirtyTotal, isOverBackground, positionRatio, dirtyLimits. The limits of Linux's global domain;
// dirtyable memory is the whole cache, for nothing else takes its frames. All arithmetic is Linux's, in integers.
// Layout: DIRTY_LIMITS_… of layout.ts. Invariant: background ≤ freerun ≤ setpoint ≤ threshold.

import { COUNTERS, counterValue } from '../base/counters';
import {
  COUNTER_NR_DIRTY,
  COUNTER_NR_DIRTY_BACKGROUND_THRESHOLD,
  COUNTER_NR_DIRTY_THRESHOLD,
  COUNTER_NR_WRITEBACK,
  DIRTY_LIMITS_BACKGROUND,
  DIRTY_LIMITS_FREERUN,
  DIRTY_LIMITS_POSITION_RATIO,
  DIRTY_LIMITS_SETPOINT,
  DIRTY_LIMITS_SIZE,
  DIRTY_LIMITS_THRESHOLD,
  RATIO_SHIFT,
} from '../layout';
import { PAGE_SIZE } from '../limits';

@unmanaged
export class DirtyLimits {
  /** thresh, which is also the limit: nothing changes it while the machine runs. */
  threshold: u64;
  background: u64;
  freerun: u64;
  setpoint: u64;
  /** What positionRatio answers now, for the host. */
  positionRatio: u64;
}

const limits = changetype<DirtyLimits>(memory.data(DIRTY_LIMITS_SIZE, 16));

/** A limit in pages: the form in pages if it is set, else the ratio in percent, by way of parts of a page's size. */
function limitOf(pageCount: u64, ratio: u64, available: u64): u64 {
  return pageCount != 0 ? pageCount : (((ratio * PAGE_SIZE) / 100) * available) / PAGE_SIZE;
}

/** `available`: the cache in pages. Ratios in percent; a form in pages that is not 0 comes before its ratio. */
export function dirtyLimitsInit(
  available: u64,
  ratio: u64,
  pageCount: u64,
  backgroundRatio: u64,
  backgroundPages: u64,
): void {
  if (offsetof<DirtyLimits>() != DIRTY_LIMITS_SIZE) ERROR('DIRTY_LIMITS_SIZE differs');
  if (offsetof<DirtyLimits>('threshold') != DIRTY_LIMITS_THRESHOLD) ERROR('threshold differs');
  if (offsetof<DirtyLimits>('background') != DIRTY_LIMITS_BACKGROUND) ERROR('background differs');
  if (offsetof<DirtyLimits>('freerun') != DIRTY_LIMITS_FREERUN) ERROR('freerun differs');
  if (offsetof<DirtyLimits>('setpoint') != DIRTY_LIMITS_SETPOINT) ERROR('setpoint differs');
  if (offsetof<DirtyLimits>('positionRatio') != DIRTY_LIMITS_POSITION_RATIO) ERROR('positionRatio differs');
  limits.threshold = limitOf(pageCount, ratio, available);
  limits.background = limitOf(backgroundPages, backgroundRatio, available);
  if (limits.background >= limits.threshold) limits.background = limits.threshold >> 1;
  limits.freerun = (limits.threshold + limits.background) >> 1;
  limits.setpoint = (limits.freerun + limits.threshold) >> 1;
  store<u64>(COUNTERS + COUNTER_NR_DIRTY_THRESHOLD, limits.threshold);
  store<u64>(COUNTERS + COUNTER_NR_DIRTY_BACKGROUND_THRESHOLD, limits.background);
}

export function limitsOf(): DirtyLimits {
  return limits;
}

/** Dirty pages and pages under write-back: what is held against the limits. */
export function dirtyTotal(): u64 {
  return counterValue(COUNTER_NR_DIRTY) + counterValue(COUNTER_NR_WRITEBACK);
}

/** More pages are dirty, and not on their way to a drive, than the flusher leaves alone. */
export function isOverBackground(): bool {
  return counterValue(COUNTER_NR_DIRTY) > limits.background;
}

/**
 * 1 + ((setpoint - dirty) / (limit - setpoint))^3 from 0 to 2, times 1 << RATIO_SHIFT (pos_ratio_polynom); 0 from the limit on.
 */
export function positionRatio(setpoint: u64, dirty: u64, limit: u64): u64 {
  if (dirty >= limit) return 0;
  const one = (<i64>1) << RATIO_SHIFT;
  // from 1 on the ratio is 2, and the cube of much more would not fit
  const x = min<i64>(((<i64>setpoint - <i64>dirty) << RATIO_SHIFT) / (<i64>(limit - setpoint) | 1), one);
  const cube = (((x * x) >> RATIO_SHIFT) * x) >> RATIO_SHIFT;
  return <u64>max<i64>(0, min<i64>(cube + one, one * 2));
}

/** Address of the limits as they are (DIRTY_LIMITS_…), u64 each. */
export function dirtyLimits(): i32 {
  limits.positionRatio = positionRatio(limits.setpoint, dirtyTotal(), limits.threshold);
  return <i32>changetype<usize>(limits);
}
