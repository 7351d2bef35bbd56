// The search: every image that a crash of one kind leaves of a recorded run is judged once, with all that must and nothing that may not be there.
//
// Verbs: searchImages. One image arises at many steps: what must be there follows from the last of them, what may from the first.

import type { FoundFailure, Level } from './parts.ts';
import type { DistinctImage, ImageSet } from './search-images.ts';
import type { Pace } from './search-pace.ts';
import type { ExploreProgress, VerdictFacts } from './types.ts';

/** What a search has come to. */
export interface SearchTally {
  checked: number;
  recoveryImages: number;
  /** Crash points of recoveries of which only a sample was gone through. */
  sampled: number;
  readonly failures: FoundFailure[];
  /** Keys of the failures. */
  readonly keys: Set<string>;
  stopped: VerdictFacts['stopped'];
}

export interface SearchLimits {
  /** Images judged, of all kinds of crash together. */
  readonly images: number;
  /** Different failures. */
  readonly findings: number;
}

export interface SearchOptions<Value> {
  readonly level: Level<Value>;
  readonly images: ImageSet<Value>;
  readonly limits: SearchLimits;
  readonly pace: Pace;
}

/** Judges one image at each of its ranges until one fails. */
async function judgeImage<Value>(
  { crash, judge }: Level<Value>,
  { image, ranges }: DistinctImage,
): Promise<FoundFailure | undefined> {
  for (const [firstStep, lastStep] of ranges()) {
    const { failure } = await judge.judge(image, firstStep, lastStep);
    if (failure !== undefined)
      return { crash, states: [image.describe()], firstStep, lastStep, hash: image.hash, failure };
  }
  return undefined;
}

/** Enumerates, then judges. Adds to `tally`. */
export async function searchImages<Value>(options: SearchOptions<Value>, tally: SearchTally): Promise<void> {
  const { level, images, limits, pace } = options;
  const failed = () => tally.failures.length;
  const isWhole = await images.enumerate(pace, () => ({
    phase: 'enumerate',
    done: images.states,
    total: undefined,
    failed: failed(),
  }));
  if (!isWhole) tally.stopped = images.isFull ? 'images' : pace.stopped;
  const before = tally.checked;
  const progress = (): ExploreProgress => ({
    phase: 'check',
    done: tally.checked - before,
    total: images.count,
    failed: failed(),
  });
  for (const image of images.images()) {
    if (pace.isDue) await pace.pause(progress);
    if (pace.stopped !== undefined || tally.checked >= limits.images) {
      tally.stopped = pace.stopped ?? 'images';
      return;
    }
    tally.checked++;
    const failure = await judgeImage(level, image);
    if (failure === undefined) continue;
    tally.failures.push(failure);
    tally.keys.add(failure.failure.key);
    if (tally.keys.size >= limits.findings) {
      tally.stopped = 'findings';
      return;
    }
  }
}
