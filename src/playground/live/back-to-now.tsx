// The way back from a moment of the past, or from another scene, to what a live machine does now.

import type { LiveRuns } from './live.ts';

export function BackToNow({ runs }: { runs: LiveRuns }) {
  if (runs.isFollowed) return <p class="live-mark">The lanes show what happens now.</p>;
  return (
    <button type="button" onClick={() => runs.show()}>
      {runs.isShown ? 'Back to now' : 'Show it in the lanes'}
    </button>
  );
}
