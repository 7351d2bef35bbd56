// Ratios that a stack has come to: of the whole run so far, 0 to 1; undefined where there was nothing to be a part of.
//
// Verbs: hitRatio, mergeRatio.

import type { CacheState, DriveState } from './types.ts';

/** Pages found in the cache, of all that were looked up. */
export function hitRatio({ hits, misses }: CacheState): number | undefined {
  return ratio(hits, hits + misses);
}

/** Pieces that are in the request of another, of all pieces. */
export function mergeRatio(drives: readonly DriveState[]): number | undefined {
  return ratio(
    drives.reduce((sum, { merges }) => sum + merges, 0),
    drives.reduce((sum, { pieces }) => sum + pieces, 0),
  );
}

function ratio(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : part / whole;
}
