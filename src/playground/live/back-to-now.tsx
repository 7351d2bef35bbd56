// The way back from a moment of a live machine's past to what it does now.

import { toNow } from '../actions.ts';
import { isPlaying } from '../state.ts';

/** `following`: what is said while the lanes follow it. */
export function BackToNow({ following }: { following: string }) {
  if (isPlaying.value) return <p class="live-mark">{following}</p>;
  return (
    <button type="button" onClick={toNow}>
      Back to now
    </button>
  );
}
