// The search: every image that a crash of one kind leaves of a recorded run is judged once, with all that must and nothing that may not be there.
//
// Verbs: searchImages. One image arises at many steps: what must be there follows from the last of them, what may from the first.

import type { ExploreLevels } from './explore-levels.ts';
import type { Level, SearchTally } from './parts.ts';
import type { DistinctImage, ImageSet } from './search-images.ts';
import type { Pace } from './search-pace.ts';
import { RecoverySearch } from './search-recovery.ts';
import type { ExploreProgress } from './types.ts';

export interface SearchLimits {
  /** Images judged, of all kinds of crash together. */
  readonly images: number;
  /** Different failures. */
  readonly findings: number;
  /** Images judged since the last new failure, once there is one. */
  readonly alike: number;
}

export interface SearchOptions<Value> {
  readonly level: Level<Value>;
  readonly levels: ExploreLevels<Value>;
  readonly images: ImageSet<Value>;
  readonly limits: SearchLimits;
  readonly pace: Pace;
  /** How deep crashes during recovery go. */
  readonly depth: number;
}

class Search<Value> {
  readonly #options: SearchOptions<Value>;
  readonly #tally: SearchTally;
  readonly #recoveries: RecoverySearch<Value>;
  readonly #checkedBefore: number;
  #kinds = 0;
  /** Images judged when there were so many kinds of failure for the first time. */
  #judgedAtKind = 0;

  constructor(options: SearchOptions<Value>, tally: SearchTally) {
    const { levels, pace } = options;
    this.#options = options;
    this.#tally = tally;
    this.#checkedBefore = tally.checked;
    this.#recoveries = new RecoverySearch({ levels, tally, pace, isOver: () => this.#isOver() });
  }

  async run(): Promise<void> {
    const { images, pace, limits } = this.#options;
    const isWhole = await images.enumerate(
      pace,
      () => this.#progress('enumerate', images.states),
      limits.images,
    );
    if (!isWhole) this.#tally.stopped = pace.stopped ?? (images.isFull ? 'images' : 'seconds');
    for (const image of images.images()) {
      if (pace.isDue) await pace.pause(() => this.#progress('check', this.#checked, images.count));
      if (this.#isOver()) return;
      this.#tally.checked++;
      await this.#judge(image);
    }
  }

  get #checked(): number {
    return this.#tally.checked - this.#checkedBefore;
  }

  #progress(phase: ExploreProgress['phase'], done: number, total?: number): ExploreProgress {
    return { phase, done, total, failed: this.#tally.failures.length };
  }

  /** Whether to stop, and why. */
  #isOver(): boolean {
    const { limits, pace } = this.#options;
    const { keys, checked, recoveryImages } = this.#tally;
    const judged = checked + recoveryImages;
    const reason =
      keys.size >= limits.findings
        ? 'findings'
        : (pace.stopped ??
          (judged >= limits.images ? 'images' : this.#isAlike(judged) ? 'alike' : undefined));
    if (reason !== undefined) this.#tally.stopped = reason;
    return reason !== undefined;
  }

  /** Something has failed, and what is judged since then fails in no new way: more of the same says nothing more. */
  #isAlike(judged: number): boolean {
    const { keys } = this.#tally;
    if (keys.size !== this.#kinds) {
      this.#kinds = keys.size;
      this.#judgedAtKind = judged;
    }
    return keys.size > 0 && judged - this.#judgedAtKind >= this.#options.limits.alike;
  }

  /** Judges one image at each of its ranges until one fails; then crashes of its recovery. */
  async #judge({ image, ranges }: DistinctImage): Promise<void> {
    const { level, depth } = this.#options;
    const { crash, judge } = level;
    for (const range of ranges()) {
      const { failure, state } = await judge.judge(image, ...range);
      if (failure !== undefined) {
        const [firstStep, lastStep] = range;
        const states = [image.describe()];
        this.#tally.failures.push({ crash, states, firstStep, lastStep, hash: image.hash, failure });
        this.#tally.keys.add(failure.key);
        return;
      }
      if (depth > 0)
        await this.#recoveries.explore({ level, image, range, states: [image.describe()] }, depth, state);
    }
  }
}

/** Enumerates, then judges. Adds to `tally`. */
export function searchImages<Value>(options: SearchOptions<Value>, tally: SearchTally): Promise<void> {
  return new Search(options, tally).run();
}
