// The moment that tables and lists tell of: played too fast to be read, they follow the cursor a few times a second only.
//
// Verbs: readingStep. Invariant: whenever playing stands still, or is slow enough to be read, it is the cursor.

import { computed, effect, signal } from '@preact/signals';
import { cursor, isPlaying, pace } from './state.ts';

/** At more steps a second nobody can read what just happened. */
const READABLE_PACE = 40;
/** At more, nothing can be seen to go from place to place: a thing is gone before it has arrived. */
const MOVING_PACE = 120;
/** What is read is drawn anew so often while it is played faster. */
const REFRESH_MS = 200;

/** A reader can follow each step. */
export const isReadable = computed(() => !isPlaying.value || (pace.value > 0 && pace.value <= READABLE_PACE));

/** A thing that moves is seen to. */
export const isMoving = computed(() => !isPlaying.value || (pace.value > 0 && pace.value <= MOVING_PACE));

const refreshes = signal(0);
let refreshedAt = 0;
effect(() => {
  cursor.value;
  const now = performance.now();
  if (!isReadable.value && now - refreshedAt < REFRESH_MS) return;
  refreshedAt = now;
  refreshes.value = refreshes.peek() + 1;
});

/** The step to tell of. A component that asks is drawn again when it should tell of another. */
export function readingStep(): number {
  refreshes.value;
  return cursor.peek();
}
