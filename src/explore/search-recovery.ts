// Crashes during recovery, one inside the other: the recovery of an image is a run like the workload's, and each image that a crash leaves of it
// must pass the same check.
//
// Verbs: RecoverySearch: explore, note. What has been judged with the same or a wider range of steps is not judged again.

import type { CrashImage } from '../crash/image.ts';
import type { CrashState } from '../crash/state.ts';
import type { ExploreLevels } from './explore-levels.ts';
import { failureOf } from './judge-failure.ts';
import type { FoundFailure, Level, SearchTally } from './parts.ts';
import { ImageSet, type StepRange } from './search-images.ts';
import type { Pace } from './search-pace.ts';

export interface RecoverySearchOptions<Value> {
  readonly levels: ExploreLevels<Value>;
  readonly tally: SearchTally;
  readonly pace: Pace;
  /** True when the search is to stop. */
  readonly isOver: () => boolean;
}

/** A passed judgement of an image. */
interface Passed {
  readonly range: StepRange;
  /** What recovery returned. */
  readonly state: string | undefined;
  /** How deep crashes of its recovery were explored. */
  readonly depth: number;
}

/** An image, and how a crash came to leave it. */
export interface Place<Value> {
  readonly level: Level<Value>;
  readonly image: CrashImage;
  /** Steps of the workload that count. */
  readonly range: StepRange;
  /** States that lead to it. */
  readonly states: readonly CrashState[];
}

export class RecoverySearch<Value> {
  readonly #options: RecoverySearchOptions<Value>;
  readonly #passed = new Map<string, Passed[]>();

  constructor(options: RecoverySearchOptions<Value>) {
    this.#options = options;
  }

  /** An image has passed. */
  #note(hash: string, passed: Passed): void {
    const known = this.#passed.get(hash);
    if (known === undefined) this.#passed.set(hash, [passed]);
    else known.push(passed);
  }

  /** Whether an image passed with all that must and nothing that may not be there in `range`. */
  #hasPassed(hash: string, range: StepRange, depth: number, expected: string | undefined): boolean {
    const isAsGood = (passed: Passed) =>
      passed.range[0] <= range[0] &&
      passed.range[1] >= range[1] &&
      passed.depth >= depth &&
      (expected === undefined || passed.state === expected);
    return this.#passed.get(hash)?.some(isAsGood) === true;
  }

  /** Explores crashes of the recovery on an image that has passed, `depth` deep; `state`: what that recovery returned. */
  async explore(place: Place<Value>, depth: number, state: string | undefined): Promise<void> {
    const { levels, tally, pace } = this.#options;
    const { level, image, range, states } = place;
    if (this.#hasPassed(image.hash, range, depth, undefined)) return;
    this.#note(image.hash, { range, state, depth });
    const run = await levels.recordRecovery(level, image, range, false);
    if (run.thrown !== undefined) {
      this.#fail(place, states, image.hash, failureOf(run.thrown.error, false));
      return;
    }
    if (run.facts.writes === 0) return;
    const inner = await levels.recoveryLevel(run, level.crash, range);
    try {
      const set = new ImageSet(inner.explorer, levels.promises, level.crash);
      const isWhole = await set.enumerate(pace, () => this.#progress(), Number.POSITIVE_INFINITY);
      if (!isWhole || set.sampledPoints > 0) tally.sampled += Math.max(1, set.sampledPoints);
      for (const { image: next } of set.images()) {
        if (this.#options.isOver()) return;
        await this.#judge(
          { level: inner, image: next, range, states: [...states, next.describe()] },
          depth,
          state,
        );
      }
    } finally {
      inner.explorer.close();
    }
  }

  async #judge(place: Place<Value>, depth: number, expected: string | undefined): Promise<void> {
    const { tally, pace } = this.#options;
    const { level, image, range, states } = place;
    if (pace.isDue) await pace.pause(() => this.#progress());
    if (this.#hasPassed(image.hash, range, depth - 1, expected)) return;
    tally.recoveryImages++;
    const { failure, state } = await level.judge.judge(image, ...range);
    if (failure !== undefined) this.#fail(place, states, image.hash, failure);
    else if (depth > 1) await this.explore(place, depth - 1, state);
    else this.#note(image.hash, { range, state, depth: 0 });
  }

  #progress() {
    const { tally } = this.#options;
    return {
      phase: 'check',
      done: tally.checked,
      total: undefined,
      failed: tally.failures.length,
    } as const;
  }

  #fail(
    { level, range }: Place<Value>,
    states: readonly CrashState[],
    hash: string,
    failure: FoundFailure['failure'],
  ): void {
    const { tally } = this.#options;
    tally.failures.push({
      crash: level.crash,
      states,
      firstStep: range[0],
      lastStep: range[1],
      hash,
      failure,
    });
    tally.keys.add(failure.key);
  }
}
