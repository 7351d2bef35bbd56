// One instance of the module: its exports, its memory, and what a trap means.
//
// Verbs: Core.load, Core.start, revive, call, counter, root. A trap becomes an InternalError and ends the instance.

import {
  COUNTER_STEPS,
  ROOT_ABORT_FILE,
  ROOT_ABORT_LINE,
  ROOT_ABORT_MESSAGE,
  ROOT_COUNTERS,
} from '../../assembly/layout.ts';
import type { WasiHost } from '../backing/memory-host.ts';
import { InternalError } from '../errors.ts';
import type { CoreExports } from './exports.ts';
import { LinearMemory } from './linear-memory.ts';

/** The module in any form that the platform can compile. */
export type CoreSource = WebAssembly.Module | BufferSource | Response | URL | string;

export async function compileCore(source: CoreSource): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (typeof source === 'string' || source instanceof URL) return compileCore(await fetch(source));
  if (typeof Response !== 'undefined' && source instanceof Response) {
    if (!source.ok) throw new Error(`the core module could not be fetched: ${source.status} ${source.url}`);
    return WebAssembly.compile(await source.arrayBuffer());
  }
  return WebAssembly.compile(source as BufferSource);
}

/** An instance with its memory. */
export class Core {
  readonly exports: CoreExports;
  readonly memory: LinearMemory;
  /** What it is an instance of. */
  readonly module: WebAssembly.Module;
  seed = 0;
  #death: InternalError | undefined;
  #counters = 0;

  private constructor(module: WebAssembly.Module, instance: WebAssembly.Instance) {
    this.module = module;
    this.exports = instance.exports as unknown as CoreExports;
    this.memory = new LinearMemory(this.exports.memory);
  }

  static async load(source: CoreSource, host: WasiHost): Promise<Core> {
    const module = await compileCore(source);
    const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: host.imports });
    host.start(instance);
    return new Core(module, instance);
  }

  /** As load, at once. Throws RangeError where large modules must not be instantiated so: the main thread of an old browser. */
  static start(module: WebAssembly.Module, host: WasiHost): Core {
    const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: host.imports });
    host.start(instance);
    return new Core(module, instance);
  }

  /** The memory has been put back to before a trap, if there was one. */
  revive(): void {
    this.#death = undefined;
  }

  /** Bytes of its memory. */
  get memoryBytes(): number {
    return this.memory.buffer.byteLength;
  }

  /** It has trapped, and every call throws. */
  get isDead(): boolean {
    return this.#death !== undefined;
  }

  /** Runs `body`, which calls exports; a trap in it becomes an InternalError, now and on every later call. */
  call<T>(body: (exports: CoreExports) => T): T {
    this.checkAlive();
    try {
      return body(this.exports);
    } catch (error) {
      throw this.afterTrap(error);
    }
  }

  /** Throws what a trap has left. `call` without a function: checkAlive, the export itself, and afterTrap for what it threw. */
  checkAlive(): void {
    if (this.#death !== undefined) throw this.#death;
  }

  /** What to throw for an error of an export: a trap is the end of the instance. */
  afterTrap(error: unknown): unknown {
    if (!(error instanceof WebAssembly.RuntimeError)) return error;
    this.#death = this.#describeTrap(error);
    return this.#death;
  }

  #describeTrap(error: WebAssembly.RuntimeError): InternalError {
    const root = this.exports.rootAddress();
    const message = this.memory.text(this.memory.u32(root + ROOT_ABORT_MESSAGE));
    const file = this.memory.text(this.memory.u32(root + ROOT_ABORT_FILE));
    const where = `${file}:${this.memory.u32(root + ROOT_ABORT_LINE)}`;
    return new InternalError(
      message === '' ? error.message : `${message} (${where})`,
      this.seed,
      this.counter(COUNTER_STEPS),
      error,
    );
  }

  /** A u32 of the root, brought up to date. */
  root(field: number): number {
    return this.memory.u32(this.exports.rootAddress() + field);
  }

  /** A counter (COUNTER_…), exact up to 2^53. */
  counter(offset: number): number {
    if (this.#counters === 0) this.#counters = this.root(ROOT_COUNTERS);
    return this.memory.u64(this.#counters + offset);
  }
}
