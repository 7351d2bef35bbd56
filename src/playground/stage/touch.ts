// What a finger means: it covers more than a mark, and what it hits first is often the ground beside one.
//
// Verbs: hasFingers, nearestMark.

import type { Mark } from './types.ts';

/** The reader's first means to point with is coarse. */
export function hasFingers(): boolean {
  return matchMedia('(pointer: coarse)').matches;
}

/** A finger reaches as far as this, in lengths of the picture: what is under it is 44 of them wide. */
export const FINGER_REACH = 22;

/** The mark whose box is nearest to a place, none when all are out of reach. Of two, the later one lies above. */
export function nearestMark(marks: readonly Mark[], x: number, y: number): Mark | undefined {
  let nearest: Mark | undefined;
  let least = FINGER_REACH;
  for (const mark of marks) {
    const away = Math.hypot(outside(x, mark.x, mark.width), outside(y, mark.y, mark.height));
    if (away > least) continue;
    least = away;
    nearest = mark;
  }
  return nearest;
}

/** How far a number is from a range. */
function outside(at: number, begin: number, length: number): number {
  return Math.max(0, begin - at, at - begin - length);
}
