// Trials of crash states at one level: builds the image, runs the check, remembers what came out.
//
// Verbs: Trial.outcome, fails, passes, ties, points, rangeOf. What must and may be there is what it is at the crash point itself, so that a failure is one
// at that very moment: an image that also arises at other moments may fail for theirs. Only where it fails at no moment alone, `isWide`
// trials hold it to all of them, as the search has done.
// Invariant: no image is checked twice for the same crash point; illegal states are never checked.

import type { CrashImage } from '../crash/image.ts';
import type { CrashPoint, LoggedWrite } from '../crash/log-facts.ts';
import type { CrashState } from '../crash/state.ts';
import { ConfigError } from '../errors.ts';
import { PromiseRange } from './judge-promises.ts';
import type { Failure, Level } from './parts.ts';
import type { StepRange } from './search-images.ts';
import { isWhollyLost, type Lost, lossesOf, Ties } from './shrink-ties.ts';

/** When trials end: what has been reached by then is not made smaller. */
export interface TrialLimits {
  /** Runs of the check. Default 2,000. */
  readonly runs?: number;
  /** By performance.now(). */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  readonly onRun?: (runs: number) => void;
}

const DEFAULT_RUNS = 2000;

/** What came out of a trial. */
export interface Outcome {
  readonly failure: Failure | undefined;
}

export class Trial<Value> {
  readonly level: Level<Value>;
  /** Images are held to all moments at which they arise. */
  readonly isWide: boolean;
  readonly #promises: PromiseRange<Value>;
  readonly #limits: TrialLimits;
  readonly #known = new Map<string, Outcome>();
  readonly #ties = new Map<number, Ties>();
  #runs = 0;

  constructor(level: Level<Value>, limits: TrialLimits = {}, isWide = false) {
    this.level = level;
    this.isWide = isWide;
    this.#promises = new PromiseRange(level.recording.promises);
    this.#limits = limits;
  }

  /** Runs of the check so far. */
  get runs(): number {
    return this.#runs;
  }

  /** No further run is allowed: what is not known by now will not be. */
  get isOver(): boolean {
    const { runs = DEFAULT_RUNS, deadlineMs = Number.POSITIVE_INFINITY, signal } = this.#limits;
    return this.#runs >= runs || performance.now() >= deadlineMs || signal?.aborted === true;
  }

  get points(): readonly CrashPoint[] {
    return this.level.explorer.points();
  }

  pointAt(step: number): CrashPoint {
    return this.level.explorer.pointAt(step);
  }

  /** What hangs together at a crash point. */
  ties(point: CrashPoint): Ties {
    let ties = this.#ties.get(point.index);
    if (ties === undefined) {
      const { explorer, crash, options } = this.level;
      // of a killed process nothing that was written is lost
      const uncertain = crash === 'process' ? [] : explorer.uncertain(point.index);
      ties = new Ties(visible(uncertain, this.level, point), options.model);
      this.#ties.set(point.index, ties);
    }
    return ties;
  }

  /** What the check says at a crash point of what is left without these losses; undefined: no crash leaves it, or trials are over. */
  async outcome(point: CrashPoint, lost: Lost): Promise<Outcome | undefined> {
    if (!this.ties(point).isLegal(lost)) return undefined;
    return this.outcomeOf({ step: point.step, losses: lossesOf(lost) });
  }

  /** The same for a state, legal or not. */
  async outcomeOf(state: CrashState): Promise<Outcome | undefined> {
    const image = imageOf(this.level, state);
    if (image === undefined) return undefined;
    const key = `${image.point.index} ${image.hash}`;
    let outcome = this.#known.get(key);
    if (outcome === undefined && !this.isOver) {
      outcome = { failure: await this.#judge(image, this.rangeOf(image)) };
      this.#known.set(key, outcome);
    }
    return outcome;
  }

  /** The check fails in the same way. */
  async fails(point: CrashPoint, lost: Lost, key: string): Promise<boolean> {
    return (await this.outcome(point, lost))?.failure?.key === key;
  }

  async passes(point: CrashPoint, lost: Lost): Promise<boolean> {
    const outcome = await this.outcome(point, lost);
    return outcome !== undefined && outcome.failure === undefined;
  }

  /** A state passes the check when only what was acknowledged up to a step must be there. */
  async passesWith(state: CrashState, lastStep: number): Promise<boolean> {
    const image = this.isOver ? undefined : imageOf(this.level, state);
    return (
      image !== undefined && (await this.#judge(image, [this.rangeOf(image)[0], lastStep])) === undefined
    );
  }

  /** The steps for which an image is judged. */
  rangeOf({ index, point, firstStep, lastStep }: CrashImage): StepRange {
    const isOne = !this.isWide || index === undefined || this.#promises.contradicts(firstStep, lastStep);
    return isOne ? [point.step, point.lastStep] : [firstStep, lastStep];
  }

  async #judge(image: CrashImage, range: StepRange): Promise<Failure | undefined> {
    this.#runs++;
    this.#limits.onRun?.(this.#runs);
    return (await this.level.judge.judge(image, ...range)).failure;
  }
}

/** The image of a state, or undefined where the model has no such pieces. */
export function imageOf<Value>(level: Level<Value>, state: CrashState): CrashImage | undefined {
  try {
    return level.explorer.state(state);
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/** Those of the uncertain writes of which something can be seen: no newer durable bytes cover all of them. */
function visible<Value>(uncertain: LoggedWrite[], level: Level<Value>, { step }: CrashPoint): LoggedWrite[] {
  const durable = level.explorer.writes
    .slice(uncertain[0]?.index)
    .filter((write) => write.durable !== undefined && write.durable <= step);
  return uncertain.filter((write) => {
    const above = durable.filter((other) => other.index > write.index && overlaps(other, write));
    return above.length === 0 || !covers(above, write);
  });
}

function overlaps(left: LoggedWrite, right: LoggedWrite): boolean {
  return left.offset < right.offset + right.length && right.offset < left.offset + left.length;
}

function covers(above: readonly LoggedWrite[], write: LoggedWrite): boolean {
  let end = write.offset;
  for (const other of [...above].sort((left, right) => left.offset - right.offset)) {
    if (other.offset > end) return false;
    end = Math.max(end, other.offset + other.length);
  }
  return end >= write.offset + write.length;
}

/** Something of a write is there, and something is not, or is damaged. */
export function isTorn(write: LoggedWrite, lost: Lost): boolean {
  const losses = lost.get(write.index);
  return losses !== undefined && !isWhollyLost(write, losses);
}
