// Explores a write log with a check from outside: every distinct image that a crash may leave is checked once, several at a time.
//
// Verbs: checkLog. Order: the end of the log with nothing lost, which must be good; all states, to know every image and the steps at which a
// crash can leave it; then the images.
// Invariant: what an image must hold follows from the last step at which it can arise, as far as states were gone through: a search
// that was cut off asks for less, never for too much.

import { SparseMemory } from '../backing/sparse-memory.ts';
import { CrashExplorer } from '../crash/explorer.ts';
import type { CrashImage } from '../crash/image.ts';
import type { CrashPoint } from '../crash/log-facts.ts';
import type { CrashModel } from '../crash/options.ts';
import type { CrashState } from '../crash/state.ts';
import { ConfigError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import type { WriteLog } from '../write-log/entries.ts';
import { explainFailures } from './explain.ts';
import { type DriveLogFacts, marksBefore, readDriveLog } from './log-facts.ts';
import type { Failure, FoundFailure, Judge, Judgement, Level, Levels, Promised } from './parts.ts';
import type { ExploreProgress, Finding, VerdictFacts, VerdictKind } from './types.ts';

/** Crash points that are looked at: all, those at which a flush or a FUA write became durable, those at which there is a mark. */
export const LOG_MOMENTS = ['all', 'flush', 'fua', 'mark'] as const;
export type LogMoment = (typeof LOG_MOMENTS)[number];

/** A slice of work before the event loop runs again: half of the promised 50 ms. */
const SLICE_MS = 25;
const COPY_BYTES = 1048576;
const DEFAULT_MAX_FINDINGS = 8;

/** What a check is told of the image. Steps count the entries of the log. */
export interface LogImageFacts {
  /** Of the image's bytes. */
  readonly hash: string;
  /** The first and the last step at which a crash can leave this image. */
  readonly firstStep: number;
  readonly lastStep: number;
  /** Texts of the marks set before the last such step: what they promise must be there. */
  readonly marks: readonly string[];
  /** Those set before the first one: what others begin need not, or must not, be there. */
  readonly marksFirst: readonly string[];
}

/** What is wrong with an image; undefined: nothing. `lane`: at one time, one check has this number, from 0 to jobs - 1. */
export type LogImageCheck = (
  image: SparseMemory,
  facts: LogImageFacts,
  lane: number,
) => Promise<Omit<Failure, 'isLoss'> | undefined>;

export interface LogCheckOptions {
  readonly log: WriteLog;
  readonly check: LogImageCheck;
  /** What the drive held before; default: zeros. It is not changed. */
  readonly base?: SparseMemory;
  /** Bytes of the drive. Default: as many as `base` or the log needs. */
  readonly size?: number;
  /** Which drive of the log. Default 0. */
  readonly drive?: number;
  readonly model?: CrashModel;
  /** See CrashExplorerOptions. */
  readonly bound?: number;
  readonly seed?: number;
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

/** A log that can be explored, and what it is explored with. */
type LogLevel = Level<string>;

/** What came of it: a verdict, and what the log is. */
export interface LogVerdict extends VerdictFacts {
  readonly log: Omit<DriveLogFacts, 'marks'> & { readonly marks: number };
  /** Crash points of the whole log; `crashPoints` are those that were looked at. */
  readonly allPoints: number;
}

interface FoundImage {
  readonly state: CrashState;
  readonly index: number;
}

/** Judges images by the check, one after the other or in lanes. */
class LogJudge implements Judge {
  runs = 0;
  readonly #check: LogImageCheck;
  readonly #facts: DriveLogFacts;
  /** By the key of a failure: the check passes where no mark was set. */
  readonly #losses = new Map<string, boolean>();

  constructor(check: LogImageCheck, facts: DriveLogFacts) {
    this.#check = check;
    this.#facts = facts;
  }

  async judge(image: CrashImage, firstStep: number, lastStep: number, lane = 0): Promise<Judgement> {
    const { memory } = image;
    const facts = {
      hash: image.hash,
      firstStep,
      lastStep,
      marks: marksBefore(this.#facts, lastStep),
      marksFirst: marksBefore(this.#facts, firstStep),
    };
    this.runs++;
    const failure = await this.#check(memory, facts, lane);
    if (failure === undefined) return { failure, state: undefined };
    return {
      failure: { ...failure, isLoss: await this.#isLoss(failure, memory, facts, lane) },
      state: undefined,
    };
  }

  async #isLoss(
    { key }: Omit<Failure, 'isLoss'>,
    memory: SparseMemory,
    facts: LogImageFacts,
    lane: number,
  ): Promise<boolean> {
    const known = this.#losses.get(key);
    if (known !== undefined) return known;
    if (facts.marks.length === 0) return false;
    this.runs++;
    const isLoss = (await this.#check(memory, { ...facts, marks: [] }, lane)) === undefined;
    this.#losses.set(key, isLoss);
    return isLoss;
  }
}

class LogSearch {
  readonly #options: LogCheckOptions;
  readonly #facts: DriveLogFacts;
  readonly #level: LogLevel;
  readonly #explorer: CrashExplorer;
  readonly #judge: LogJudge;
  readonly #points: readonly CrashPoint[];
  readonly #images: FoundImage[] = [];
  readonly #failures: FoundFailure[] = [];
  readonly #start = performance.now();
  #checked = 0;
  #stopped: VerdictFacts['stopped'];
  #sliceStart = performance.now();

  constructor(options: LogCheckOptions, facts: DriveLogFacts, level: LogLevel, judge: LogJudge) {
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
    const said = failure.message === '' ? failure.name : `${failure.name}: ${failure.message}`;
    return `the check fails without a crash, on what the drive holds after step ${point.lastStep} with every write there (${said})`;
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
    const levels: Levels<string> = {
      workload: async () => this.#level,
      recovery: () => Promise.reject(new Error('a log has no recovery of its own')),
    };
    return explainFailures(this.#failures, {
      levels,
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
      acknowledged: this.#facts.marks.length,
      seed,
      stopped: this.#stopped,
      elapsedMs: performance.now() - this.#start,
      log: { ...this.#facts, marks: this.#facts.marks.length },
    };
  }
}

/** The whole entries of the log, in memory. */
function memoryOf(log: WriteLog, bytes: number): SparseMemory {
  const memory = new SparseMemory(bytes);
  for (let offset = 0; offset < bytes; offset += COPY_BYTES) {
    const piece = new Uint8Array(Math.min(COPY_BYTES, bytes - offset));
    log.source.read(piece, offset);
    memory.write(piece, offset);
  }
  return memory;
}

/** Marks as what was acknowledged: each begins where the one before ends. */
function promisesOf({ marks }: DriveLogFacts): Promised<string>[] {
  return marks.map(({ step, text }, index) => ({
    value: text,
    attempted: marks[index - 1]?.step ?? 0,
    acknowledged: step,
  }));
}

function explorerOptions(
  options: LogCheckOptions,
  facts: DriveLogFacts,
  base: SparseMemory,
): LogLevel['options'] {
  const { drive = 0, model, bound, budget, seed } = options;
  return {
    base,
    drive,
    size: options.size ?? Math.max(facts.endBytes, base.size),
    ...(model === undefined ? {} : { model }),
    ...(bound === undefined ? {} : { bound }),
    ...(budget?.sample === undefined ? {} : { budget: budget.sample }),
    ...(seed === undefined ? {} : { seed }),
  };
}

/**
 * Explores a write log. Throws ConfigError for an option out of its range, WriteLogError for a log that is damaged, StorageError ENOMEM for
 * one that does not fit into memory, and whatever the check throws.
 */
export async function checkLog(platform: Platform, options: LogCheckOptions): Promise<LogVerdict> {
  const { base = new SparseMemory(), drive = 0 } = options;
  if (drive >= options.log.driveCount)
    throw new ConfigError('drive', drive, `one of the log's, from 0 to ${options.log.driveCount - 1}`);
  const facts = readDriveLog(options.log, drive);
  const log = memoryOf(options.log, facts.wholeBytes);
  const explorerWith = explorerOptions(options, facts, base);
  const explorer = await CrashExplorer.on(platform, { ...explorerWith, log });
  try {
    const judge = new LogJudge(options.check, facts);
    const level: LogLevel = {
      recording: {
        log,
        base,
        baseHash: undefined,
        config: {},
        promises: promisesOf(facts),
        calls: new Map(),
        hash: facts.hash,
        paths: new Map(),
      },
      explorer,
      judge,
      crash: 'power',
      options: explorerWith,
      open: (other) => CrashExplorer.on(platform, { ...explorerWith, log: other }),
    };
    return await new LogSearch(options, facts, level, judge).run();
  } finally {
    explorer.close();
  }
}
