// Explores a write log with a check from outside: every distinct image that a crash may leave is checked once, several at a time.
//
// Verbs: checkLog, rerunLog. Order: the end of the log with nothing lost, which must be good; all states, to know every image and the steps at which a
// crash can leave it; then the images.
// Invariant: what an image must hold follows from the last step at which it can arise, as far as states were gone through: a search
// that was cut off asks for less, never for too much.

import type { CrashExplorer } from '../crash/explorer.ts';
import type { CrashPoint } from '../crash/log-facts.ts';
import type { CrashState } from '../crash/state.ts';
import { ConfigError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import { explainFailures } from './explain.ts';
import type { DriveLogFacts } from './log-facts.ts';
import {
  errorText,
  type LogJudge,
  type LogSource,
  levelsOf,
  type OpenedLogLevel,
  openLogLevel,
} from './log-level.ts';
import type { FoundFailure, Judgement, Level } from './parts.ts';
import { checkedRecipe, type Rerun, replayRecipe } from './recipe.ts';
import type { ExploreProgress, Finding, Recipe, VerdictFacts, VerdictKind } from './types.ts';

/** Crash points that are looked at: all, those at which a flush or a FUA write became durable, those at which there is a mark. */
export const LOG_MOMENTS = ['all', 'flush', 'fua', 'mark'] as const;
export type LogMoment = (typeof LOG_MOMENTS)[number];

/** A slice of work before the event loop runs again: half of the promised 50 ms. */
const SLICE_MS = 25;
const DEFAULT_MAX_FINDINGS = 8;

export interface LogCheckOptions extends LogSource {
  /** Distinct images, states of a sample at one crash point, seconds. */
  readonly budget?: { readonly images?: number; readonly sample?: number; readonly seconds?: number };
  readonly at?: LogMoment;
  /** Only crashes from this mark on, and up to that one. Default: the whole log. */
  readonly startMark?: string;
  readonly endMark?: string;
  /** Checks at one time. Default 1. */
  readonly jobs?: number;
  /** Options of recipes: what is needed beside log and state to build an image again. */
  readonly recipe?: Readonly<Record<string, unknown>>;
  /** Stops after so many different failures. Default 8. */
  readonly maxFindings?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ExploreProgress) => void;
}

/** What came of it: a verdict, and what the log is. */
export interface LogVerdict extends VerdictFacts {
  readonly log: Omit<DriveLogFacts, 'marks' | 'tags'> & { readonly marks: number };
  /** Crash points of the whole log; `crashPoints` are those that were looked at. */
  readonly allPoints: number;
}

interface FoundImage {
  readonly state: CrashState;
  readonly index: number;
}

class LogSearch {
  readonly #options: LogCheckOptions;
  readonly #facts: DriveLogFacts;
  readonly #level: Level<string>;
  readonly #explorer: CrashExplorer;
  readonly #judge: LogJudge;
  readonly #points: readonly CrashPoint[];
  readonly #images: FoundImage[] = [];
  readonly #failures: FoundFailure[] = [];
  readonly #start = performance.now();
  #checked = 0;
  #stopped: VerdictFacts['stopped'];
  #sliceStart = performance.now();

  constructor(options: LogCheckOptions, { facts, level, judge }: OpenedLogLevel) {
    this.#options = options;
    this.#facts = facts;
    this.#level = level;
    this.#explorer = level.explorer;
    this.#judge = judge;
    this.#points = this.#choosePoints();
  }

  #pointOfMark(field: string, text: string | undefined): number | undefined {
    if (text === undefined) return undefined;
    const point = this.#explorer.pointOfMark(text);
    if (point === undefined) throw new ConfigError(field, text, 'the text of a mark in the log');
    return point.index;
  }

  #choosePoints(): CrashPoint[] {
    const { at = 'all', startMark, endMark } = this.#options;
    const first = this.#pointOfMark('startMark', startMark) ?? 0;
    const last = this.#pointOfMark('endMark', endMark) ?? Number.POSITIVE_INFINITY;
    if (last < first) throw new ConfigError('endMark', endMark, `a mark behind '${startMark}'`);
    const isWanted = {
      all: () => true,
      flush: ({ kind }: CrashPoint) => kind === 'flush',
      fua: ({ kind }: CrashPoint) => kind === 'durableWrite',
      mark: ({ marks }: CrashPoint) => marks.length > 0,
    }[at];
    return this.#explorer.points().filter((point) => {
      return point.index >= first && point.index <= last && isWanted(point);
    });
  }

  async run(): Promise<LogVerdict> {
    const nothing = this.#whyNothing();
    if (nothing !== undefined && this.#points.length === 0) return this.#verdict('notMeasured', nothing, []);
    const broken = await this.#checkEnd();
    if (broken !== undefined) return this.#verdict('harnessBroken', broken, []);
    await this.#enumerate();
    await this.#checkImages();
    const findings = await this.#findings();
    if (this.#failures.length > 0) return this.#verdict('violated', undefined, findings);
    if (this.#checked === 0 && this.#stopped !== undefined)
      return this.#verdict('notMeasured', 'it was stopped before an image was checked', []);
    return this.#verdict(nothing === undefined ? 'survived' : 'notMeasured', nothing, []);
  }

  /** Why no failure of the check could have been seen. */
  #whyNothing(): string | undefined {
    const { writes, flushes, fuaWrites, marks } = this.#facts;
    if (writes === 0) return 'the log holds no write of this drive';
    if (this.#points.length === 0) return 'there is no such crash point in the log';
    if (flushes + fuaWrites + marks.length === 0)
      return 'nothing in the log was ever promised: it holds no flush, no FUA write and no mark';
    if (this.#points.every(({ index }) => this.#explorer.count(index).states <= 1))
      return 'no write could have been lost: at no crash point is any write uncertain';
    return undefined;
  }

  /** The end with every write there: what is wrong with the check, if that fails. */
  async #checkEnd(): Promise<string | undefined> {
    const point = this.#points.at(-1) as CrashPoint;
    const image = this.#explorer.state({ step: point.lastStep, losses: [] });
    if (this.#isOver()) return undefined;
    const { failure } = await this.#unlessStopped(this.#judge.judge(image, point.lastStep, point.lastStep));
    if (failure === undefined) return undefined;
    return `the check fails without a crash, on what the drive holds after step ${point.lastStep} with every write there (${errorText(failure)})`;
  }

  /** A check that the signal has ended says nothing. */
  async #unlessStopped(judgement: Promise<Judgement>): Promise<Judgement> {
    try {
      return await judgement;
    } catch (error) {
      if (this.#options.signal?.aborted !== true) throw error;
      this.#stopped = 'signal';
      return { failure: undefined, state: undefined };
    }
  }

  /** Says whether a limit is reached, and remembers which. */
  #isOver(): boolean {
    const { budget, signal } = this.#options;
    if (signal?.aborted === true) this.#stopped = 'signal';
    const seconds = (performance.now() - this.#start) / 1000;
    if (seconds >= (budget?.seconds ?? Number.POSITIVE_INFINITY)) this.#stopped ??= 'seconds';
    return this.#stopped !== undefined && this.#stopped !== 'images';
  }

  /** Lets others run when it has been long. */
  async #breathe(phase: ExploreProgress['phase'], done: number, total: number | undefined): Promise<void> {
    if (performance.now() - this.#sliceStart < SLICE_MS) return;
    this.#report(phase, done, total);
    await new Promise((resolve) => setTimeout(resolve));
    this.#sliceStart = performance.now();
  }

  #report(phase: ExploreProgress['phase'], done: number, total: number | undefined): void {
    this.#options.onProgress?.({ phase, done, total, failed: this.#failures.length });
  }

  async #enumerate(): Promise<void> {
    const limit = this.#options.budget?.images ?? Number.POSITIVE_INFINITY;
    const points = this.#points.map(({ index }) => index);
    for (const image of this.#explorer.images({ points })) {
      if (image.isNew) {
        if (this.#images.length >= limit) {
          this.#stopped ??= 'images';
          break;
        }
        this.#images.push({ state: image.describe(), index: image.index as number });
      }
      await this.#breathe('enumerate', this.#explorer.states, undefined);
      if (this.#isOver()) break;
    }
  }

  async #checkImages(): Promise<void> {
    const { jobs = 1 } = this.#options;
    let next = 0;
    const runLane = async (lane: number): Promise<void> => {
      while (next < this.#images.length && !this.#isOver()) {
        const found = this.#images[next++] as FoundImage;
        await this.#checkImage(found, lane);
        this.#report('check', this.#checked, this.#images.length);
      }
    };
    // every lane ends before an error is handed on: none may use a folder that is gone
    const ends = await Promise.allSettled(Array.from({ length: jobs }, (_, lane) => runLane(lane)));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  async #checkImage({ state, index }: FoundImage, lane: number): Promise<void> {
    const { hash, first, last } = this.#explorer.facts(index);
    const range = [first.step, last.lastStep] as const;
    const image = this.#explorer.state(state);
    const { failure } = await this.#unlessStopped(this.#judge.judge(image, ...range, lane));
    if (this.#stopped === 'signal') return;
    this.#checked++;
    if (failure === undefined) return;
    this.#failures.push({
      crash: 'power',
      states: [state],
      firstStep: range[0],
      lastStep: range[1],
      hash,
      failure,
    });
    const { maxFindings = DEFAULT_MAX_FINDINGS } = this.#options;
    if (new Set(this.#failures.map((found) => found.failure.key)).size >= maxFindings)
      this.#stopped ??= 'findings';
  }

  async #findings(): Promise<Finding[]> {
    if (this.#failures.length === 0) return [];
    const { recipe = {}, maxFindings = DEFAULT_MAX_FINDINGS, budget, signal } = this.#options;
    return explainFailures(this.#failures, {
      levels: levelsOf(this.#level),
      kind: 'log',
      options: recipe,
      maxFindings,
      ...(budget?.seconds === undefined ? {} : { deadlineMs: this.#start + budget.seconds * 1000 }),
      ...(signal === undefined ? {} : { signal }),
      onProgress: (phase, done, total) => this.#report(phase, done, total),
    });
  }

  #verdict(verdict: VerdictKind, reason: string | undefined, findings: readonly Finding[]): LogVerdict {
    const counts = this.#points.map(({ index }) => this.#explorer.count(index));
    const { at = 'all', seed = 1 } = this.#options;
    const { tags: _, marks, ...log } = this.#facts;
    const isWhole = this.#stopped === undefined && at === 'all' && verdict !== 'harnessBroken';
    return {
      verdict,
      reason,
      exhaustive: isWhole && counts.every(({ isExhaustive }) => isExhaustive),
      sampledPoints: counts.filter(({ isExhaustive }) => !isExhaustive).length,
      crashPoints: this.#points.length,
      allPoints: this.#explorer.points().length,
      states: this.#explorer.states,
      possibleStates: counts.reduce((sum, { states }) => sum + states, 0),
      distinctImages: this.#images.length,
      checkedImages: this.#checked,
      failedImages: this.#failures.length,
      recoveryImages: 0,
      findings,
      flushes: [],
      acknowledged: marks.length,
      seed,
      stopped: this.#stopped,
      elapsedMs: performance.now() - this.#start,
      log: { ...log, marks: marks.length },
    };
  }
}

/**
 * Explores a write log. Throws ConfigError for an option out of its range, WriteLogError for a log that is damaged, StorageError ENOMEM for
 * one that does not fit into memory, and whatever the check throws.
 */
export async function checkLog(platform: Platform, options: LogCheckOptions): Promise<LogVerdict> {
  const sample = options.budget?.sample;
  const opened = await openLogLevel(platform, { ...options, ...(sample === undefined ? {} : { sample }) });
  try {
    return await new LogSearch(options, opened).run();
  } finally {
    opened.level.explorer.close();
  }
}

/**
 * Builds the image of a finding's recipe again and runs the check on it. The image can be read as long as somebody has it. Throws ConfigError for a recipe that is none, or of another log, and
 * what checkLog throws.
 */
export async function rerunLog(
  platform: Platform,
  input: string | Recipe,
  options: LogSource,
): Promise<Rerun> {
  const recipe = checkedRecipe(input, 'log');
  const { level } = await openLogLevel(platform, options);
  return replayRecipe(recipe, levelsOf(level));
}
