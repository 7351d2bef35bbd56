// WASI preview 1 on a machine's volume: an unmodified wasm program runs on it, and its fd_sync and fd_datasync mean something.
//
// Verbs: wasiFs, WasiHost.start, initialize, dispose. Files are the volume's, below the preopened directories; time is the
// machine's, random bytes come from a seed.

import { GuestMemory } from '../core/guest-memory.ts';
import { ConfigError } from '../errors.ts';
import type { Machine } from '../machine.ts';
import { RIGHTS_DIRECTORY, RIGHTS_FILE } from './wasi/abi.ts';
import { guarded, type WasiCalls } from './wasi/calls.ts';
import type { WasiContext } from './wasi/context.ts';
import { Descriptors } from './wasi/descriptors.ts';
import { WASI_EBADF, WASI_SUCCESS } from './wasi/errno.ts';
import { fileCalls } from './wasi/file-calls.ts';
import { LineStream } from './wasi/line-stream.ts';
import { pathCalls } from './wasi/path-calls.ts';
import { tidyPath } from './wasi/paths.ts';
import { ExitStatus, processCalls, type Readiness } from './wasi/process-calls.ts';
import { runStart } from './wasi/run.ts';
import { socketCalls } from './wasi/socket-calls.ts';
import { statCalls } from './wasi/stat-calls.ts';

export { ExitStatus };

/** Everything has a default. */
export interface WasiOptions {
  /** Directories that the program finds open: its name for each, and the volume's, which must exist. Default `{ '/': '/' }`. */
  readonly preopens?: Readonly<Record<string, string>>;
  /** argv, the program's name first. Default `['program']`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What the program reads from its standard input; text is UTF-8. Default nothing. */
  readonly stdin?: string | Uint8Array;
  /** Takes each line that the program prints, without its end. Default: nobody does. */
  readonly stdout?: (line: string) => void;
  readonly stderr?: (line: string) => void;
  /** Of random_get, a whole number from 0 to 2^32 - 1. Default 1. */
  readonly seed?: number;
  /** The program's memory, when it imports one. Default: the one that it exports. */
  readonly memory?: WebAssembly.Memory;
}

/** The bytes of a standard input, one read after the other. */
function inputOf(source: string | Uint8Array): WasiContext['input'] {
  let rest = typeof source === 'string' ? new TextEncoder().encode(source) : source;
  return (buffer) => {
    const part = rest.subarray(0, buffer.length);
    buffer.set(part);
    rest = rest.subarray(part.length);
    return part.length;
  };
}

/** What a program is instantiated with, and its life. Make one with `wasiFs`; it serves one program. */
export class WasiHost implements Disposable {
  /** `wasi_snapshot_preview1`, with all of its calls. */
  readonly imports: { readonly wasi_snapshot_preview1: WebAssembly.ModuleImports };
  readonly #descriptors = new Descriptors();
  readonly #streams: readonly LineStream[];
  #memory: WebAssembly.Memory | undefined;

  /** @internal */
  constructor(machine: Machine, options: WasiOptions) {
    const { preopens = { '/': '/' }, args = ['program'], env = {}, seed = 1, stdin = '' } = options;
    this.#streams = [new LineStream(options.stdout), new LineStream(options.stderr)];
    this.#memory = options.memory;
    const guest = new GuestMemory(() => this.#needMemory());
    const context: WasiContext = {
      machine,
      guest,
      descriptors: this.#descriptors,
      print: (stream, bytes) => this.#streams[stream - 1]?.write(bytes),
      input: inputOf(stdin),
    };
    this.#preopen(machine, Object.entries(preopens));
    const calls: WasiCalls = {
      ...processCalls(machine, guest, {
        args,
        env,
        seed,
        readiness: (number, isWrite) => this.#readiness(number, isWrite),
      }),
      ...fileCalls(context),
      ...statCalls(context),
      ...pathCalls(context),
      ...socketCalls(this.#descriptors),
    };
    this.imports = { wasi_snapshot_preview1: guarded(calls) as WebAssembly.ModuleImports };
  }

  #needMemory(): WebAssembly.Memory {
    if (this.#memory === undefined)
      throw new ConfigError('memory', undefined, 'that of an instance: call start or initialize first');
    return this.#memory;
  }

  /** Opens all of them, or none. */
  #preopen(machine: Machine, preopens: readonly (readonly [name: string, path: string])[]): void {
    try {
      for (const [name, path] of preopens)
        this.#descriptors.add({
          kind: 'directory',
          file: machine.fs.open(path, { directory: true }),
          rights: { base: RIGHTS_DIRECTORY, inheriting: RIGHTS_DIRECTORY | RIGHTS_FILE },
          flags: 0,
          path: tidyPath(path),
          preopen: name,
          listing: undefined,
        });
    } catch (error) {
      this.#descriptors.closeAll();
      throw error;
    }
  }

  #readiness(number: number, isWrite: boolean): Readiness {
    const found = this.#descriptors.get(number);
    if (found === undefined) return { errno: WASI_EBADF, bytes: 0n };
    const left = found.kind === 'file' && !isWrite ? found.file.size - found.file.position : 0;
    return { errno: WASI_SUCCESS, bytes: BigInt(Math.max(0, left)) };
  }

  #attach(instance: WebAssembly.Instance): void {
    const { memory } = instance.exports;
    if (memory instanceof WebAssembly.Memory) this.#memory = memory;
  }

  /**
   * Runs a program's `_start`; its exit status: 0, what it gave proc_exit, or 128 and the number of a signal. What it has open is
   * closed then, and nothing is synced. What it traps with is thrown.
   */
  start(instance: WebAssembly.Instance): number {
    this.#attach(instance);
    try {
      return runStart(instance);
    } finally {
      this.dispose();
    }
  }

  /** Prepares a reactor, a module without `_start`: its `_initialize` runs, if it has one. Its files stay open until dispose. */
  initialize(instance: WebAssembly.Instance): void {
    this.#attach(instance);
    (instance.exports._initialize as (() => void) | undefined)?.();
  }

  /** The end of a process: closes what is open. */
  dispose(): void {
    this.#descriptors.closeAll();
    for (const stream of this.#streams) stream.end();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * What a wasm program that uses WASI preview 1 imports, on the machine's volume. Its files are below the preopened directories, and
 * no path leads out of them; fd_sync of a file or directory and fd_datasync are the volume's. Error numbers are WASI's: what a
 * descriptor has no right to is ENOTCAPABLE, an address outside of the program's memory EFAULT. Every clock is the machine's,
 * counted from its opening; a sleep lets its time pass. There are no symbolic links and no sockets.
 *
 * Throws ConfigError without a volume, StorageError ENOENT or ENOTDIR for a preopened directory that is none.
 *
 * @example
 * const machine = await Machine.create({ volume: true });
 * const wasi = wasiFs(machine, { args: ['store', 'put', 'Ada'], stdout: console.log });
 * // const { instance } = await WebAssembly.instantiate(program, wasi.imports); wasi.start(instance);
 * console.log(Object.keys(wasi.imports.wasi_snapshot_preview1).length); // 46
 * wasi.dispose();
 */
export function wasiFs(machine: Machine, options: WasiOptions = {}): WasiHost {
  return new WasiHost(machine, options);
}
