// Saved folds along a run, so that a moment is reached from the nearest before it.
//
// Verbs: leave, offer, before. When they take too much memory, every second goes and the distance doubles.

import type { Fold, SavedFold } from './fold.ts';

const RECORDS_APART = 2048;
const MOST_BYTES = 48 * 2 ** 20;
/** What an object of a saved state takes, about. */
const OBJECT_BYTES = 200;
const POINTER_BYTES = 8;

export interface Checkpoint {
  readonly step: number;
  readonly record: number;
  readonly saved: SavedFold;
  readonly bytes: number;
}

export class Checkpoints {
  #points: Checkpoint[] = [];
  #distance = RECORDS_APART;
  #bytes = 0;

  /** Saves the fold, which stands behind `step` steps and `record` records. */
  leave(step: number, record: number, fold: Fold): void {
    const saved = fold.save();
    const bytes = sizeOf(saved, this.#points.at(-1)?.saved);
    this.#points.push({ step, record, saved, bytes });
    this.#bytes += bytes;
    while (this.#bytes > MOST_BYTES && this.#points.length > 2) this.#thin();
  }

  /** As leave, if the last one is far enough behind. */
  offer(step: number, record: number, fold: Fold): void {
    if (record - (this.#points.at(-1)?.record ?? 0) >= this.#distance) this.leave(step, record, fold);
  }

  #thin(): void {
    const kept = this.#points.filter((_, index) => index % 2 === 0);
    this.#points = kept.map((point, index) => ({
      ...point,
      bytes: sizeOf(point.saved, kept[index - 1]?.saved),
    }));
    this.#bytes = this.#points.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#distance *= 2;
  }

  /** The last one at or before a step. There is one at step 0. */
  before(step: number): Checkpoint {
    let [low, high] = [0, this.#points.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#points[middle]?.step ?? 0) <= step) low = middle;
      else high = middle - 1;
    }
    return this.#points[low] as Checkpoint;
  }
}

/** Memory that a state takes besides the one saved before it: of the volatile writes, which are thousands, it has most in common with that. */
function sizeOf({ cache, drives, rings, guests }: SavedFold, before: SavedFold | undefined): number {
  let bytes = cache.table.columns.reduce((sum, column) => sum + column.byteLength, 0);
  let objects = 0;
  drives.forEach(({ media, requests, held, counts }, index) => {
    const since = counts.volatiles - (before?.drives[index]?.counts.volatiles ?? 0);
    bytes += media.byteLength + held.length * POINTER_BYTES;
    objects += requests.length + Math.min(held.length, since);
  });
  for (const { requests } of [...rings, ...guests]) objects += requests.entries.length;
  return bytes + objects * OBJECT_BYTES;
}
