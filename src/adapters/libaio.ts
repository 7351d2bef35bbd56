// libaio for another wasm module: a C program, compiled for wasm32-wasi against an unmodified libaio.h, runs on a machine.
//
// Verbs: libaioImports, LibaioHost.run, dispose. The program's io_* calls and its open, pread, pwrite … share one table of
// descriptors; its files are the machine's, its time is virtual.
//
// Two memories meet here. A write's bytes are copied when it is submitted; a read's bytes appear in the guest's buffer
// when its event is reaped. After io_destroy nothing of the guest's is touched.

import { GuestMemory } from '../core/guest-memory.ts';
import { StorageError } from '../errors.ts';
import type { Machine } from '../machine.ts';
import { AioCalls } from './libaio/aio-calls.ts';
import { Descriptors } from './libaio/descriptors.ts';
import { fileCalls } from './libaio/file-calls.ts';
import { refusals } from './libaio/refusals.ts';
import { Requests } from './libaio/requests.ts';
import { guarded } from './wasi/calls.ts';
import { LineStream } from './wasi/line-stream.ts';
import { ExitStatus, processCalls } from './wasi/process-calls.ts';
import { runStart } from './wasi/run.ts';

export { ExitStatus };

/** Everything has a default. */
export interface LibaioOptions {
  /** Module name of the io_* imports. Default `aio`. They are also in `env`, where undefined C functions are looked for. */
  readonly module?: string;
  /**
   * Whose error numbers io_* calls and event.res carry. `wasi` (default): those of wasi-libc's <errno.h>, which a program
   * compiled with it compares with. `linux`: the kernel's. The calls of wasi_snapshot_preview1 always answer WASI's.
   */
  readonly errno?: 'wasi' | 'linux';
  /** Whether a path (`/drive0`) is opened around the page cache: WASI has no O_DIRECT. Default: none is. */
  readonly direct?: (path: string) => boolean;
  /** Takes each line that the program prints, without its end. Default: nobody does. */
  readonly stdout?: (line: string) => void;
  readonly stderr?: (line: string) => void;
  /** argv, the program's name first. Default `['program']`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Of random_get, a whole number from 0 to 2^32 - 1. Default 1. */
  readonly seed?: number;
}

/** What a program is instantiated with, and its life. */
export class LibaioHost implements Disposable {
  readonly imports: Readonly<Record<string, WebAssembly.ModuleImports>>;
  readonly #aio: AioCalls;
  readonly #descriptors: Descriptors;
  readonly #streams: readonly LineStream[];

  constructor(
    machine: Machine,
    memory: WebAssembly.Memory | (() => WebAssembly.Memory),
    options: LibaioOptions = {},
  ) {
    const guest = new GuestMemory(memory);
    this.#streams = [new LineStream(options.stdout), new LineStream(options.stderr)];
    this.#descriptors = new Descriptors(machine);
    const requests = new Requests(machine, guest, this.#descriptors);
    this.#aio = new AioCalls(machine, guest, requests, options.errno ?? 'wasi');
    const aio = this.#aio.imports();
    this.imports = {
      env: aio,
      [options.module ?? 'aio']: aio,
      wasi_snapshot_preview1: guarded({
        ...refusals(),
        ...processCalls(machine, guest, {
          args: options.args ?? ['program'],
          env: options.env ?? {},
          seed: options.seed ?? 1,
        }),
        ...fileCalls(machine, guest, this.#descriptors, {
          direct: options.direct ?? (() => false),
          write: (stream, bytes) => this.#streams[stream - 1]?.write(bytes),
        }),
      }) as WebAssembly.ModuleImports,
    };
  }

  /** Runs a program's `_start`; its exit status. What it traps with is thrown. */
  run(instance: WebAssembly.Instance): number {
    try {
      return runStart(instance);
    } finally {
      for (const stream of this.#streams) stream.end();
    }
  }

  /**
   * What the end of a process does: waits for requests in flight, destroys the contexts, closes the descriptors. Throws
   * StorageError EDEADLK when a drive holds completions back; call it again when they have been released.
   */
  dispose(): void {
    const result = this.#aio.destroyAll();
    if (result !== 0) throw new StorageError('io_destroy', result, { hint: 'a drive holds its completions' });
    this.#descriptors.closeAll();
    for (const stream of this.#streams) stream.end();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * The imports of a wasm module that uses libaio: `io_setup`, `io_destroy`, `io_submit`, `io_getevents`, `io_pgetevents`,
 * `io_cancel`, `io_queue_init`, `io_queue_release` and `io_queue_wait` in modules `aio` and `env`, and
 * `wasi_snapshot_preview1`. `memory`: the module's, or a function that finds it once there is an instance.
 *
 * `io_queue_run` calls back into the program, so the program brings its own. Handles are small numbers, as a process
 * sees them through system calls; the ring behind a handle can not be read, so libaio's shortcut past the kernel finds
 * nothing there and is not needed. A file is opened by its name in the machine (`/drive0`, `/log`); one that does not
 * exist can not be made: ENOENT, or ENOSPC with O_CREAT. Requests in flight use the machine's `buffers`, io_submit
 * answers EAGAIN while they are full, ENOMEM when a request can never fit. The mask of io_prep_poll is in the kernel's
 * numbers (POLLIN 1, POLLOUT 4), which wasi-libc's <poll.h> does not share.
 *
 * @example
 * const machine = await Machine.create({ files: [{ name: 'log', capacity: '1MiB' }] });
 * const memory = new WebAssembly.Memory({ initial: 1 }); // a program exports its own
 * const libaio = libaioImports(machine, memory, { stdout: console.log });
 * // const instance = await WebAssembly.instantiate(program, libaio.imports); libaio.run(instance);
 * const { io_setup } = libaio.imports.aio;
 * console.log(io_setup(0, 1024)); // -28, EINVAL of wasi-libc
 * console.log(io_setup(32, 1024)); // 0, and the handle stands at 1024
 * libaio.dispose();
 */
export function libaioImports(
  machine: Machine,
  memory: WebAssembly.Memory | (() => WebAssembly.Memory),
  options: LibaioOptions = {},
): LibaioHost {
  return new LibaioHost(machine, memory, options);
}
