// The judge: runs recovery on images, and says what it threw.
//
// Verbs: RecoveryJudge.judge, judgeMemory. Invariant: what one recovery did is not seen by the next.

import type { SparseMemory } from '../backing/sparse-memory.ts';
import type { CrashImage } from '../crash/image.ts';
import type { CrashKind } from '../crash-kinds.ts';
import { ConfigError, InternalError } from '../errors.ts';
import type { Machine } from '../machine.ts';
import type { ImageMachine } from './images.ts';
import { failureOf, RecoverTimeoutError, RecoveryDiffersError } from './judge-failure.ts';
import type { PromiseRange } from './judge-promises.ts';
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
    const isLoss = must.length > 0 && (await this.#run(memory, [], may)).thrown === undefined;
    return { failure: failureOf(thrown.error, isLoss), state: undefined };
  }

  async #run(memory: SparseMemory, must: readonly Value[], may: readonly Value[]): Promise<Outcome> {
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
