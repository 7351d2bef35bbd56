// Where a slider stops: every value of a short range, powers or 1-2-5 steps of a long one.
//
// Verbs: stopsOf.

import type { Knob } from './kinds.ts';

const MOST_EVEN = 101;

/** Ascending; empty for a knob without a usual range. */
export function stopsOf(knob: Knob): readonly number[] {
  if (knob.usual === undefined) return [];
  const [low, high] = knob.usual;
  const isBinary = knob.kind === 'size' || knob.kind === 'rate' || isPowerOfTwo(high);
  if (!isBinary && high - low < MOST_EVEN)
    return Array.from({ length: high - low + 1 }, (_, index) => low + index);
  const stops = low === 0 ? [0] : [];
  const first = Math.max(low, knob.step ?? 1);
  const factors = isBinary ? [1] : [1, 2, 5];
  const base = isBinary ? 2 : 10;
  for (let power = base ** Math.floor(Math.log(first) / Math.log(base)); power <= high; power *= base) {
    for (const factor of factors) {
      const stop = power * factor;
      if (stop >= first && stop <= high) stops.push(stop);
    }
  }
  return stops;
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value));
}
