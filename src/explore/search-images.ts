// The distinct images of a recording under one kind of crash, and the steps at which each arises.
//
// Verbs: ImageSet: enumerate, images, rangesOf. Invariant: a step range is what was seen so far. Where enumerating was cut off, an image may
// arise later than is known, and sooner: then more must be there, and less may; judging by what is known raises no false alarm.

import type { CrashExplorer } from '../crash/explorer.ts';
import type { CrashImage } from '../crash/image.ts';
import type { CrashState } from '../crash/state.ts';
import type { CrashKind } from '../crash-kinds.ts';
import { StorageError } from '../errors.ts';
import type { PromiseRange } from './judge-promises.ts';
import type { Pace } from './search-pace.ts';
import type { ExploreProgress } from './types.ts';

/** States built between two looks at the clock. */
const STATES_A_LOOK = 64;
/** Images to choose from for each that will be judged. */
const IMAGES_A_CHOICE = 16;
const ENOSPC = 'ENOSPC';

/** First and last step at which a crash leaves an image. */
export type StepRange = readonly [firstStep: number, lastStep: number];

/** An image, found once. */
export interface DistinctImage {
  readonly image: CrashImage;
  /** Steps at which it arises, in which the promises do not contradict each other. */
  ranges(): StepRange[];
}

interface Whole {
  readonly image: CrashImage;
  readonly ranges: StepRange[];
}

/** Ranges joined while no promise between them is begun and kept. */
function joined<Value>(points: readonly StepRange[], promises: PromiseRange<Value>): StepRange[] {
  const ranges: StepRange[] = [];
  for (const [first, last] of points) {
    const open = ranges.at(-1);
    if (open === undefined || promises.contradicts(open[0], last)) ranges.push([first, last]);
    else ranges[ranges.length - 1] = [open[0], Math.max(open[1], last)];
  }
  return ranges;
}

export class ImageSet<Value> {
  readonly explorer: CrashExplorer;
  readonly #promises: PromiseRange<Value>;
  readonly #crash: CrashKind;
  readonly #found: CrashImage[] = [];
  /** Of a killed process: by hash. */
  readonly #whole = new Map<string, Whole>();
  /** There was no room to tell more images apart. */
  isFull = false;
  #points = 0;

  constructor(explorer: CrashExplorer, promises: PromiseRange<Value>, crash: CrashKind) {
    this.explorer = explorer;
    this.#promises = promises;
    this.#crash = crash;
  }

  get count(): number {
    return this.#crash === 'process' ? this.#whole.size : this.#found.length;
  }

  /** States gone through. */
  get states(): number {
    return this.#crash === 'process' ? this.#points : this.explorer.states;
  }

  get possibleStates(): number {
    const { explorer } = this;
    if (this.#crash === 'process') return explorer.points().length;
    return explorer.points().reduce((sum, { index }) => sum + explorer.count(index).states, 0);
  }

  /** Points of which only a sample is gone through. */
  get sampledPoints(): number {
    const { explorer } = this;
    if (this.#crash === 'process') return 0;
    return explorer.points().filter(({ index }) => !explorer.count(index).isExhaustive).length;
  }

  /**
   * Goes through all states; false when it was cut short, by `pace`, or as there are far more images than the `wanted` ones that will be
   * judged. Where that may be, some states of each point come first.
   */
  async enumerate(pace: Pace, progress: () => ExploreProgress, wanted: number): Promise<boolean> {
    if (this.#crash === 'process') {
      this.#enumerateWhole();
      return true;
    }
    const most = wanted * IMAGES_A_CHOICE;
    const isCut = most !== Number.POSITIVE_INFINITY || pace.hasEnd;
    let looks = 0;
    try {
      for (const image of isCut ? this.#inRounds() : this.explorer.images()) {
        if (image.isNew) this.#found.push(image);
        if (this.#found.length >= most) return false;
        if (++looks % STATES_A_LOOK !== 0 || !pace.isDue) continue;
        await pace.pause(progress);
        if (pace.stopped !== undefined || pace.isHalfOver) return false;
      }
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== ENOSPC) throw error;
      this.isFull = true;
      return false;
    }
    return true;
  }

  /** All states, of each point one, then two, then four … */
  *#inRounds(): Generator<CrashImage, void, undefined> {
    let open = this.explorer.points().map(({ index }) => this.explorer.images({ points: [index] }));
    for (let count = 1; open.length > 0; count *= 2) {
      const left: typeof open = [];
      for (const states of open) {
        if (yield* some(states, count)) left.push(states);
      }
      open = left;
    }
  }

  /** At each point, everything that was written so far. */
  #enumerateWhole(): void {
    for (const { step, lastStep } of this.explorer.points()) {
      const image = this.explorer.state({ step, losses: [] });
      const known = this.#whole.get(image.hash);
      if (known === undefined) this.#whole.set(image.hash, { image, ranges: [[step, lastStep]] });
      else known.ranges.push([step, lastStep]);
      this.#points++;
    }
  }

  /** The images, some of each part of the log early: every 16th first, then those between. */
  *images(): Generator<DistinctImage, void, undefined> {
    if (this.#crash === 'process') {
      for (const { image, ranges } of this.#whole.values())
        yield { image, ranges: () => joined(ranges, this.#promises) };
      return;
    }
    for (const image of strided(this.#found)) yield { image, ranges: () => this.#rangesOf(image) };
  }

  #rangesOf(image: CrashImage): StepRange[] {
    const { firstStep, lastStep } = image;
    if (!this.#promises.contradicts(firstStep, lastStep)) return [[firstStep, lastStep]];
    const states: CrashState[] = this.explorer.statesOf(image.index as number);
    const points = states
      .map(({ step }) => this.explorer.pointAt(step))
      .sort((left, right) => left.step - right.step)
      .map((point): StepRange => [point.step, point.lastStep]);
    return joined(points, this.#promises);
  }
}

/** Passes `count` on; false when there are no more. */
function* some<T>(source: Iterator<T>, count: number): Generator<T, boolean, undefined> {
  for (let index = 0; index < count; index++) {
    const { done, value } = source.next();
    if (done === true) return false;
    yield value;
  }
  return true;
}

const STRIDE = 16;
/** The numbers below STRIDE, far from each other. */
const OFFSETS = [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15];

function* strided<T>(list: readonly T[]): Generator<T, void, undefined> {
  for (const offset of OFFSETS) {
    for (let index = offset; index < list.length; index += STRIDE) yield list[index] as T;
  }
}
