// A write log as a level of exploring: its explorer, a judge that hands images to a check from outside, marks as what was promised.
//
// Verbs: openLogLevel, levelsOf, errorText.

import { SparseMemory } from '../backing/sparse-memory.ts';
import { CrashExplorer } from '../crash/explorer.ts';
import type { CrashImage } from '../crash/image.ts';
import type { CrashModel } from '../crash/options.ts';
import { ConfigError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import type { WriteLog } from '../write-log/entries.ts';
import { type DriveLogFacts, marksBefore, readDriveLog } from './log-facts.ts';
import type { CallSite, Failure, Judge, Judgement, Level, Levels, Promised } from './parts.ts';

const COPY_BYTES = 1048576;

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

/** A write log, and what it is checked with. */
export interface LogSource {
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
}

/** A log that can be explored, and what it is explored with. */
type LogLevel = Level<string>;

export interface OpenedLogLevel {
  readonly level: LogLevel;
  readonly facts: DriveLogFacts;
  readonly judge: LogJudge;
}

/** Judges images by the check, one after the other or in lanes. */
export class LogJudge implements Judge {
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
  options: LogSource & { readonly sample?: number },
  facts: DriveLogFacts,
  base: SparseMemory,
): LogLevel['options'] {
  const { drive = 0, model, bound, sample, seed } = options;
  return {
    base,
    drive,
    size: options.size ?? Math.max(facts.endBytes, base.size),
    ...(model === undefined ? {} : { model }),
    ...(bound === undefined ? {} : { bound }),
    ...(sample === undefined ? {} : { budget: sample }),
    ...(seed === undefined ? {} : { seed }),
  };
}

/** What is known of the caller of a write: the number that he gave it. */
function callsOf({ tags }: DriveLogFacts): Map<number, CallSite> {
  return new Map(
    tags.map((tag) => [
      tag,
      { syscall: 'write', text: `the write tagged ${tag}`, path: undefined, stack: () => [] },
    ]),
  );
}

/** The check's words: how it ended, and what it said. */
export function errorText({ name, message }: Pick<Failure, 'name' | 'message'>): string {
  return message === '' ? name : `${name}: ${message}`;
}

export function levelsOf(level: LogLevel): Levels<string> {
  return {
    workload: async () => level,
    recovery: () => Promise.reject(new Error('a log has no recovery of its own')),
  };
}

/** `sample`: states of a sample. Whoever opens it closes its explorer. Throws what checkLog throws. */
export async function openLogLevel(
  platform: Platform,
  options: LogSource & { readonly sample?: number },
): Promise<OpenedLogLevel> {
  const { base = new SparseMemory(), drive = 0 } = options;
  if (drive >= options.log.driveCount)
    throw new ConfigError('drive', drive, `one of the log's, from 0 to ${options.log.driveCount - 1}`);
  const facts = readDriveLog(options.log, drive);
  const log = memoryOf(options.log, facts.wholeBytes);
  const explorerWith = explorerOptions(options, facts, base);
  const judge = new LogJudge(options.check, facts);
  const level: LogLevel = {
    recording: {
      log,
      base,
      baseHash: undefined,
      config: {},
      promises: promisesOf(facts),
      calls: callsOf(facts),
      hash: facts.hash,
      paths: new Map(),
    },
    explorer: await CrashExplorer.on(platform, { ...explorerWith, log }),
    judge,
    crash: 'power',
    options: explorerWith,
    open: (other) => CrashExplorer.on(platform, { ...explorerWith, log: other }),
  };
  return { level, facts, judge };
}
