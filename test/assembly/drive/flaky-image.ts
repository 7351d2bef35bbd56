// An image behind a WASI host of our own: it counts and notes every call, and fails those that a test picks.
//
// Verbs: openFlaky, FlakyImage.take. The bytes are in sparse memory; `fail` is asked before each call and answers a
// WASI errno, 0 to let it pass. A short write or read is the number of bytes that `short` answers.

import { wasi } from '@bjorn3/browser_wasi_shim';
import { shimHost, type WasiHost } from '../../../src/backing/memory-host.ts';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import { Machine } from '../../../src/machine.ts';
import { type Build, coreModule } from '../../support/machine.ts';

export type CallName = 'pread' | 'pwrite' | 'sync';

/** One call that reached the image. */
export interface ImageCall {
  readonly name: CallName;
  readonly offset: number;
  readonly bytes: number;
  readonly pieces: number;
}

const IMAGE_FD = 7;
export const WASI_EIO: number = wasi.ERRNO_IO;
export const WASI_ENOSPC: number = wasi.ERRNO_NOSPC;

export class FlakyImage implements WasiHost {
  readonly memory: SparseMemory;
  readonly imports: WebAssembly.ModuleImports;
  fail: (call: ImageCall) => number = () => 0;
  short: (call: ImageCall) => number = (call) => call.bytes;
  #calls: ImageCall[] = [];
  #instance: WebAssembly.Instance | undefined;
  readonly #behind = shimHost();

  constructor(memory: SparseMemory = new SparseMemory()) {
    this.memory = memory;
    this.imports = {
      ...this.#behind.imports,
      path_open: (...values: number[]) => {
        this.#words()[(values.at(-1) as number) >>> 2] = IMAGE_FD;
        return 0;
      },
      fd_pread: (_fd: number, iovecs: number, count: number, offset: bigint, out: number) =>
        this.#transfer('pread', iovecs, count, Number(offset), out),
      fd_pwrite: (_fd: number, iovecs: number, count: number, offset: bigint, out: number) =>
        this.#transfer('pwrite', iovecs, count, Number(offset), out),
      fd_sync: () => this.#note({ name: 'sync', offset: 0, bytes: 0, pieces: 0 }),
      fd_close: () => 0,
    };
  }

  start(instance: WebAssembly.Instance): void {
    this.#instance = instance;
    this.#behind.start(instance);
  }

  /** The calls since the last take. */
  take(name?: CallName): ImageCall[] {
    const calls = this.#calls;
    this.#calls = [];
    return name === undefined ? calls : calls.filter((call) => call.name === name);
  }

  #note(call: ImageCall): number {
    this.#calls.push(call);
    return this.fail(call);
  }

  #exported(): WebAssembly.Memory {
    return this.#instance?.exports.memory as WebAssembly.Memory;
  }

  #words(): Uint32Array {
    const { buffer } = this.#exported();
    return new Uint32Array(buffer);
  }

  #transfer(name: 'pread' | 'pwrite', iovecs: number, count: number, offset: number, out: number): number {
    const words = this.#words();
    const pieces: Uint8Array[] = [];
    for (let index = 0; index < count; index++) {
      const at = (iovecs >>> 2) + index * 2;
      pieces.push(new Uint8Array(words.buffer, words[at] as number, words[at + 1] as number));
    }
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const call = { name, offset, bytes, pieces: count };
    const errno = this.#note(call);
    if (errno !== 0) return errno;
    const limit = this.short(call);
    let done = 0;
    for (const piece of pieces) {
      const part = piece.subarray(0, Math.min(piece.length, limit - done));
      if (name === 'pwrite') this.memory.write(part, offset + done);
      else this.memory.read(part, offset + done);
      done += part.length;
    }
    words[out >>> 2] = done;
    return 0;
  }
}

/** A machine whose drive 0 is the image. */
export async function openFlaky(
  build: Build,
  config: MachineConfig = {},
  image: FlakyImage = new FlakyImage(),
): Promise<{ machine: Machine; image: FlakyImage }> {
  const [drive, ...others] = config.drives ?? [{}];
  const machine = await Machine.open(
    {
      core: () => coreModule(build),
      openImages: () =>
        Promise.resolve({ host: image, images: [{ directory: 3, name: 'flaky', size: 1048576 }] }),
    },
    {
      powerCuts: false,
      ...config,
      drives: [{ ...drive, image: 'flaky' }, ...others],
    },
  );
  image.take();
  return { machine, image };
}
