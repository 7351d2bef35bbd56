// `sectorlab crash LOG --check CMD`: the user's command, run once for each distinct image that a crash may leave.
//
// Verbs: runLog, rerunRecipe. Each lane has an image file of its own in a temporary folder of the run.

import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { SparseMemory } from '../../backing/sparse-memory.ts';
import { checkLog, type LogCheckOptions, type LogVerdict, rerunLog } from '../../explore/log-check.ts';
import type { LogImageFacts, LogSource } from '../../explore/log-level.ts';
import type { Rerun } from '../../explore/recipe.ts';
import type { ExploreProgress, Recipe } from '../../explore/types.ts';
import { nodePlatform } from '../../node-platform.ts';
import { runCheck } from './check-command.ts';
import { type ImageBase, ImageFile } from './image-file.ts';
import { withFolder } from './interrupt.ts';
import { InputError, type InputKind, openBase, openLog } from './log-input.ts';

/** Linux takes no longer variable of the environment (MAX_ARG_STRLEN, with its name). */
const MAX_VARIABLE_BYTES = 131000;

/** What the command line says. */
export interface LogRun {
  readonly file: string;
  readonly kind: Exclude<InputKind, 'module'>;
  readonly check: string;
  readonly timeoutSeconds: number;
  readonly base: string | undefined;
  readonly jobs: number | undefined;
  /** Where failing images go. */
  readonly keep: string | undefined;
  readonly search: Omit<
    LogCheckOptions,
    'log' | 'check' | 'base' | 'jobs' | 'signal' | 'onProgress' | 'recipe'
  >;
  /** Of the options, what a recipe needs. */
  readonly recipe: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: ExploreProgress) => void;
}

/** A verdict, and what the format of the log did not say. */
export interface LogRunResult {
  readonly verdict: LogVerdict;
  readonly lost: readonly string[];
}

/** One mark on a line. */
function lines(name: string, marks: readonly string[]): string {
  const text = marks.map((mark) => mark.replaceAll('\n', ' ')).join('\n');
  if (Buffer.byteLength(text) > MAX_VARIABLE_BYTES)
    throw new InputError(
      `the marks of the log take ${Buffer.byteLength(text)} bytes; ${name} can have ${MAX_VARIABLE_BYTES}: use fewer or shorter marks, or --end-mark`,
    );
  return text;
}

function environmentOf(facts: LogImageFacts): Record<string, string> {
  return {
    SECTORLAB_CRASH_POINT: String(facts.firstStep),
    SECTORLAB_CRASH_LAST: String(facts.lastStep),
    SECTORLAB_MARKS: lines('SECTORLAB_MARKS', facts.marks),
    SECTORLAB_MARKS_FIRST: lines('SECTORLAB_MARKS_FIRST', facts.marksFirst),
  };
}

/** Image files, one a lane, and the checks that run on them. */
class Lanes {
  readonly #files = new Map<number, ImageFile>();
  readonly #run: LogRun;
  readonly #folder: string;
  readonly #base: ImageBase;
  readonly #signal: AbortSignal;
  /** Ends the checks of the other lanes when one can not be run. */
  readonly #stop = new AbortController();
  readonly #kept = new Set<string>();

  constructor(run: LogRun, folder: string, base: ImageBase) {
    this.#run = run;
    this.#folder = folder;
    this.#base = base;
    this.#signal = AbortSignal.any([run.signal, this.#stop.signal]);
  }

  #file(lane: number, sizeBytes: number): ImageFile {
    let file = this.#files.get(lane);
    if (file === undefined) {
      file = new ImageFile(path.join(this.#folder, `image-${lane}.img`), this.#base, sizeBytes);
      this.#files.set(lane, file);
    }
    return file;
  }

  async check(image: SparseMemory, facts: LogImageFacts, lane: number): ReturnType<LogCheckOptions['check']> {
    const { check, timeoutSeconds, keep } = this.#run;
    const file = this.#file(lane, image.size);
    const environment = environmentOf(facts);
    try {
      await file.put(image);
      const failure = await runCheck({
        command: check,
        path: file.path,
        environment,
        timeoutMs: timeoutSeconds * 1000,
        signal: this.#signal,
      });
      if (failure !== undefined && keep !== undefined) await this.#keep(file, image, facts.hash, keep);
      return failure;
    } catch (error) {
      if (!this.#signal.aborted) this.#stop.abort(error);
      throw error;
    }
  }

  /** The check may have written to the file: it is made anew. */
  async #keep(file: ImageFile, image: SparseMemory, hash: string, folder: string): Promise<void> {
    if (this.#kept.has(hash)) return;
    this.#kept.add(hash);
    await file.put(image);
    await file.keepAs(path.join(folder, `failed-${hash}.img`));
  }
}

/** Opens the log and what lies below, with lanes in a temporary folder that goes away. */
async function withLog<T>(
  run: LogRun,
  body: (source: LogSource, lost: readonly string[]) => Promise<T>,
): Promise<T> {
  const { log, lost } = openLog(run.file, run.kind);
  const base = openBase(run.base);
  if (run.keep !== undefined) mkdirSync(run.keep, { recursive: true });
  try {
    return await withFolder((folder) => {
      const lanes = new Lanes(run, folder, base);
      const check: LogSource['check'] = (image, facts, lane) => lanes.check(image, facts, lane);
      return body({ ...run.search, log, base: base.memory, check }, lost);
    });
  } finally {
    log.close();
  }
}

/**
 * Explores the log. Throws InputError, ConfigError, WriteLogError and StorageError for bad input, CheckCommandError for a check
 * that the shell can not run.
 */
export function runLog(run: LogRun): Promise<LogRunResult> {
  return withLog(run, async (source, lost) => {
    const verdict = await checkLog(nodePlatform, {
      ...run.search,
      ...source,
      jobs: run.jobs ?? availableParallelism(),
      recipe: run.recipe,
      signal: run.signal,
      ...(run.onProgress === undefined ? {} : { onProgress: run.onProgress }),
    });
    return { verdict, lost };
  });
}

/** Builds the image of a recipe again and runs the check on it, once. Throws what runLog throws. */
export function rerunRecipe(run: LogRun, recipe: Recipe): Promise<Rerun> {
  return withLog(run, (source) => rerunLog(nodePlatform, recipe, source));
}
