// The judge: runs recovery on images, and says what it threw.
//
// Verbs: RecoveryJudge.judge, judgeMemory. Invariants: what one recovery did is not seen by the next; an outcome is kept only for images whose
// volumes look the same to the last byte.

import type { SparseMemory } from '../backing/sparse-memory.ts';
import type { CrashImage } from '../crash/image.ts';
import type { CrashKind } from '../crash-kinds.ts';
import { ConfigError, InternalError } from '../errors.ts';
import type { Machine } from '../machine.ts';
import type { ImageMachine } from './images.ts';
import { failureOf, RecoverTimeoutError, RecoveryDiffersError } from './judge-failure.ts';
import type { PromiseRange } from './judge-promises.ts';
import { visibleHash } from './judge-visible.ts';
import type { Judge, Judgement } from './parts.ts';

/** What a recovery is given, whatever it runs on. */
export interface RecoverFacts<Value> {
  readonly machine: Machine;
  readonly must: readonly Value[];
  readonly may: readonly Value[];
  readonly crash: CrashKind | 'none';
}

/** Runs the user's recovery: its files or device are added here. */
export type RecoverCall<Value> = (facts: RecoverFacts<Value>) => unknown;

export interface JudgeOptions<Value> {
  readonly machines: ImageMachine;
  readonly recover: RecoverCall<Value>;
  readonly promises: PromiseRange<Value>;
  readonly crash: CrashKind | 'none';
  readonly timeoutMs: number;
  /** Images hold a volume: where recovery is slow, it is run once for all that look the same. Default false. */
  readonly hasFiles?: boolean;
  /** Keeps what recovery returns. Default false. */
  readonly keepsState?: boolean;
  /** Of a crash during recovery: the steps of the workload's log that count, whatever those of the recovery's are. */
  readonly outer?: readonly [firstStep: number, lastStep: number] | undefined;
  /** Of a crash during recovery: what recovery returns without that crash, as JSON, if it returns anything. */
  readonly expected?: string | undefined;
}

/** What a run of recovery came to. */
interface Outcome {
  readonly thrown: { readonly error: unknown } | undefined;
  readonly result: unknown;
}

/** Recoveries after which their mean time is known. */
const RUNS_TO_MEASURE = 8;
/** Looking takes a fraction of this. */
const SLOW_RECOVERY_MS = 4;

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | null)?.then === 'function';

/** Waits for a recovery. */
async function within(promise: PromiseLike<unknown>, milliseconds: number): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new RecoverTimeoutError(milliseconds)), milliseconds);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

export class RecoveryJudge<Value> implements Judge {
  readonly #options: JudgeOptions<Value>;
  #runs = 0;
  #ran = 0;
  #ranMs = 0;
  readonly #outcomes = new Map<readonly Value[], Map<readonly Value[], Map<string, Outcome>>>();

  constructor(options: JudgeOptions<Value>) {
    this.#options = options;
  }

  get runs(): number {
    return this.#runs;
  }

  /** Throws InternalError for a bug of sectorlab, ConfigError for what recovery returns and is no JSON value. */
  judge(image: CrashImage, firstStep: number, lastStep: number): Promise<Judgement> {
    return this.judgeMemory(image.memory, firstStep, lastStep);
  }

  /** As judge, of bytes. */
  async judgeMemory(memory: SparseMemory, firstStep: number, lastStep: number): Promise<Judgement> {
    const { promises, outer = [firstStep, lastStep] } = this.#options;
    const [first, last] = outer;
    const must = promises.must(lastStep === 0 ? 0 : last);
    const may = promises.may(first);
    const { thrown, result } = await this.#run(memory, must, may);
    if (thrown === undefined) return this.#passed(result);
    const isLoss = must.length > 0 && (await this.#run(memory, promises.must(0), may)).thrown === undefined;
    return { failure: failureOf(thrown.error, isLoss), state: undefined };
  }

  /** Runs recovery, or knows what came of it on an image that looks the same. */
  async #run(memory: SparseMemory, must: readonly Value[], may: readonly Value[]): Promise<Outcome> {
    const known = this.#knownFor(memory, must, may);
    if (known === undefined) return this.#runOn(memory, must, may);
    const { outcomes, hash } = known;
    const outcome = outcomes.get(hash) ?? (await this.#runOn(memory, must, may));
    outcomes.set(hash, outcome);
    return outcome;
  }

  /** Outcomes under these promises, by how the volume looks; undefined where looking is not worth it, or there is too much to see. */
  #knownFor(
    memory: SparseMemory,
    must: readonly Value[],
    may: readonly Value[],
  ): { outcomes: Map<string, Outcome>; hash: string } | undefined {
    if (!this.#isLooking) return undefined;
    const hash = this.#look(memory);
    if (hash === undefined) return undefined;
    // lists of promises are made once for each step
    const byMay = this.#outcomes.get(must) ?? new Map<readonly Value[], Map<string, Outcome>>();
    this.#outcomes.set(must, byMay);
    const outcomes = byMay.get(may) ?? new Map<string, Outcome>();
    byMay.set(may, outcomes);
    return { outcomes, hash };
  }

  #look(memory: SparseMemory): string | undefined {
    try {
      return visibleHash(this.#options.machines.open(memory).fs);
    } catch (error) {
      // that it can not be mounted is for recovery to find
      if (error instanceof InternalError) throw error;
      return undefined;
    }
  }

  /** Recovery is slow enough that looking at the volume first pays. What the verdict says does not depend on it. */
  get #isLooking(): boolean {
    return (
      this.#options.hasFiles === true &&
      this.#ran >= RUNS_TO_MEASURE &&
      this.#ranMs / this.#ran > SLOW_RECOVERY_MS
    );
  }

  async #runOn(memory: SparseMemory, must: readonly Value[], may: readonly Value[]): Promise<Outcome> {
    const startMs = performance.now();
    const outcome = await this.#recover(memory, must, may);
    this.#ran++;
    this.#ranMs += performance.now() - startMs;
    return outcome;
  }

  async #recover(memory: SparseMemory, must: readonly Value[], may: readonly Value[]): Promise<Outcome> {
    const { machines, recover, crash, timeoutMs } = this.#options;
    this.#runs++;
    try {
      const machine = machines.open(memory);
      const returned = recover({ machine, must, may, crash });
      const result = isThenable(returned) ? await within(returned, timeoutMs) : returned;
      return { thrown: undefined, result };
    } catch (error) {
      if (error instanceof InternalError) throw error;
      if (error instanceof RecoverTimeoutError) await machines.replace();
      return { thrown: { error }, result: undefined };
    }
  }

  /** Nothing was thrown: what was returned must be what it is without the crash. */
  #passed(result: unknown): Judgement {
    const state = this.#stateOf(result);
    const { expected } = this.#options;
    if (expected === undefined || state === expected) return { failure: undefined, state };
    return { failure: failureOf(new RecoveryDiffersError(expected, state), false), state };
  }

  #stateOf(result: unknown): string | undefined {
    if (!this.#options.keepsState || result === undefined) return undefined;
    try {
      return JSON.stringify(result);
    } catch {
      throw new ConfigError('recover', typeof result, 'a function that returns nothing, or a JSON value');
    }
  }
}
