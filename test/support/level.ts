// Levels for tests: a write log made by hand, promises and calls beside it, and a check that reads the image.
//
// Verbs: levelOf, levelsOf, searchOf, HandRun. What a search would find is found by going through all images.

import { SparseMemory } from '../../src/backing/sparse-memory.ts';
import type { CrashExplorer } from '../../src/crash/explorer.ts';
import type { CrashImage } from '../../src/crash/image.ts';
import type { CrashExplorerOptions, CrashModel } from '../../src/crash/options.ts';
import type {
  CallSite,
  Failure,
  FoundFailure,
  Judge,
  Level,
  Levels,
  Promised,
} from '../../src/explore/parts.ts';
import { openExplorer } from './explorer.ts';
import type { Build } from './machine.ts';
import { WriteLogBuilder } from './write-log-builder.ts';

/** What the check gets. */
export interface Check {
  readonly image: CrashImage;
  readonly must: readonly string[];
  readonly may: readonly string[];
}

/** A run made by hand: the log is written as the program would have it, with its calls and promises. */
export class HandRun {
  readonly log = new WriteLogBuilder();
  readonly promises: (Promised<string> & { acknowledged: number | undefined })[] = [];
  readonly calls = new Map<number, CallSite>();
  readonly paths = new Map<number, string>();

  attempt(value: string): void {
    this.promises.push({ value, attempted: this.log.steps, acknowledged: undefined });
  }

  ack(value: string): void {
    const promised = this.promises.find((one) => one.value === value);
    if (promised === undefined) this.promises.push({ value, attempted: 0, acknowledged: this.log.steps });
    else promised.acknowledged = this.log.steps;
  }

  /** A call at a line of engine.ts; its tag. `site`: what else is known of it. */
  call(syscall: string, line: number, site: Partial<CallSite> = {}): number {
    const tag = this.calls.size + 1;
    const { path, dest, offset, length } = site;
    const words = [path, dest].flatMap((one) => (one === undefined ? [] : [`'${one}'`]));
    if (length !== undefined) words.push(`${length} bytes at ${offset}`);
    this.calls.set(tag, {
      syscall,
      text: `${syscall}(${words.join(', ')})`,
      path: undefined,
      stack: () => [`put (file:///home/me/engine.ts:${line}:9)`, 'file:///home/me/main.ts:3:1'],
      ...site,
    });
    return tag;
  }
}

export interface LevelOptions {
  readonly model?: CrashModel;
  readonly base?: SparseMemory;
  readonly bound?: number;
  /** Throws what is wrong with an image. */
  readonly check: (check: Check) => void;
}

class HandJudge implements Judge {
  readonly #run: HandRun;
  readonly #check: LevelOptions['check'];
  runs = 0;

  constructor(run: HandRun, check: LevelOptions['check']) {
    this.#run = run;
    this.#check = check;
  }

  judge(image: CrashImage, firstStep: number, lastStep: number) {
    this.runs++;
    const { promises } = this.#run;
    const must = promises.filter(({ acknowledged = Number.POSITIVE_INFINITY }) => acknowledged <= lastStep);
    const may = promises.filter(({ attempted }) => attempted <= firstStep);
    let failure: Failure | undefined;
    try {
      this.#check({ image, must: must.map(({ value }) => value), may: may.map(({ value }) => value) });
    } catch (error) {
      const { name, message, stack } = error as Error;
      const key = `${name}: ${message.replace(/'[^']*'|\d+/g, '#')}`;
      failure = { name, message, stack, key, isTimeout: false, isLoss: false };
    }
    return Promise.resolve({ failure, state: undefined });
  }
}

/** The level of a run under a crash of the power. */
export async function levelOf(build: Build, run: HandRun, options: LevelOptions): Promise<Level<string>> {
  const { model = {}, base = new SparseMemory(), bound } = options;
  const explorerOptions: Omit<CrashExplorerOptions, 'log'> = {
    model,
    base,
    ...(bound === undefined ? {} : { bound }),
  };
  const log = run.log.memory();
  return {
    recording: {
      log,
      base,
      baseHash: undefined,
      config: {},
      promises: run.promises,
      calls: run.calls,
      hash: 'made by hand',
      paths: run.paths,
    },
    explorer: await openExplorer(build, { ...explorerOptions, log }),
    judge: new HandJudge(run, options.check),
    crash: 'power',
    options: explorerOptions,
    open: (other) => openExplorer(build, { ...explorerOptions, log: other }),
  };
}

/** The levels of a run that has one only. */
export function levelsOf(level: Level<string>): Levels<string> {
  return {
    workload: () => Promise.resolve(level),
    recovery: () => Promise.reject(new Error('a run by hand has no recovery of its own')),
  };
}

/** What a search finds: every image is built, then each distinct one judged over the whole range of its steps. */
export async function searchOf(level: Level<string>): Promise<FoundFailure[]> {
  const found: FoundFailure[] = [];
  for (const image of allImages(level.explorer)) {
    const { firstStep, lastStep, hash } = image;
    const { failure } = await level.judge.judge(image, firstStep, lastStep);
    if (failure !== undefined)
      found.push({ crash: level.crash, states: [image.describe()], firstStep, lastStep, hash, failure });
  }
  return found;
}

function allImages(explorer: CrashExplorer): CrashImage[] {
  return [...explorer.images({ newOnly: true })];
}
