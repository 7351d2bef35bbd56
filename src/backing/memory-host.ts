// A WASI host whose files are sparse memory: browser_wasi_shim, with the core's few file calls served without a copy.
//
// Verbs: MemoryHost.add, imports, start. A descriptor from `add` is SPARSE_FD_BASE or more; every other call goes to
// the host behind (the shim, or node:wasi where real images are used too).
// Invariant: offsets and counts are whole numbers below 2^53; a fault answers a WASI errno, never an exception.

import { Fd, WASI, wasi } from '@bjorn3/browser_wasi_shim';
import { LinearMemory } from '../core/linear-memory.ts';
import type { SparseMemory } from './sparse-memory.ts';

export const SPARSE_FD_BASE = 1000;

/** What the core is instantiated with. */
export interface WasiHost {
  readonly imports: WebAssembly.ModuleImports;
  /** Calls `_initialize` and remembers the memory. */
  start(instance: WebAssembly.Instance): void;
}

type FileCall = (fd: number, ...rest: never[]) => number;

/** The shim's view of a file in sparse memory, for runtimes that take `Fd` objects. */
export class SparseFd extends Fd {
  constructor(readonly memory: SparseMemory) {
    super();
  }

  override fd_pread(size: number, offset: bigint): { ret: number; data: Uint8Array } {
    const start = Number(offset);
    try {
      const data = new Uint8Array(Math.max(0, Math.min(size, this.memory.size - start)));
      this.memory.read(data, start);
      return { ret: wasi.ERRNO_SUCCESS, data };
    } catch {
      return { ret: wasi.ERRNO_IO, data: new Uint8Array() };
    }
  }

  override fd_pwrite(data: Uint8Array, offset: bigint): { ret: number; nwritten: number } {
    try {
      this.memory.write(data, Number(offset));
      return { ret: wasi.ERRNO_SUCCESS, nwritten: data.byteLength };
    } catch {
      return { ret: wasi.ERRNO_IO, nwritten: 0 };
    }
  }

  override fd_sync(): number {
    return wasi.ERRNO_SUCCESS;
  }

  override fd_filestat_get(): { ret: number; filestat: wasi.Filestat } {
    return {
      ret: wasi.ERRNO_SUCCESS,
      filestat: new wasi.Filestat(0n, wasi.FILETYPE_REGULAR_FILE, BigInt(this.memory.size)),
    };
  }

  override fd_close(): number {
    return wasi.ERRNO_SUCCESS;
  }
}

/** The shim alone, with no file open. */
export function shimHost(): WasiHost {
  const shim = new WASI([], [], []);
  return {
    imports: shim.wasiImport as WebAssembly.ModuleImports,
    start(instance) {
      shim.initialize(instance as WebAssembly.Instance & { exports: { memory: WebAssembly.Memory } });
    },
  };
}

/** Serves sparse files itself and passes everything else on to `behind`. */
export class MemoryHost implements WasiHost {
  readonly imports: WebAssembly.ModuleImports;
  readonly #files: (SparseMemory | undefined)[] = [];
  readonly #behind: WasiHost;
  #memory: LinearMemory | undefined;

  constructor(behind: WasiHost = shimHost()) {
    this.#behind = behind;
    const route = (name: string, own: (...rest: never[]) => number): FileCall => {
      const other = behind.imports[name] as FileCall;
      return (fd, ...rest) => {
        if (fd < SPARSE_FD_BASE) return other(fd, ...rest);
        try {
          return own(fd as never, ...rest);
        } catch {
          // an exception would leave the core in the middle of a step; a store that throws is a device that fails
          return wasi.ERRNO_IO;
        }
      };
    };
    this.imports = {
      ...behind.imports,
      fd_pread: route('fd_pread', this.#pread.bind(this)),
      fd_pwrite: route('fd_pwrite', this.#pwrite.bind(this)),
      fd_sync: route('fd_sync', () => wasi.ERRNO_SUCCESS),
      fd_filestat_get: route('fd_filestat_get', this.#filestat.bind(this)),
      fd_close: route('fd_close', this.#close.bind(this)),
    };
  }

  start(instance: WebAssembly.Instance): void {
    this.#memory = new LinearMemory(instance.exports.memory as WebAssembly.Memory);
    this.#behind.start(instance);
  }

  /** A descriptor for this memory. */
  add(memory: SparseMemory): number {
    this.#files.push(memory);
    return SPARSE_FD_BASE + this.#files.length - 1;
  }

  #transfer(
    fd: number,
    iovecs: number,
    count: number,
    offset: bigint,
    out: number,
    isWrite: boolean,
  ): number {
    const file = this.#files[fd - SPARSE_FD_BASE];
    if (file === undefined || this.#memory === undefined) return wasi.ERRNO_BADF;
    const { bytes, words } = this.#memory;
    let position = Number(offset);
    let total = 0;
    for (let index = 0; index < count; index++) {
      const at = (iovecs >>> 2) + index * 2;
      const start = words[at] as number;
      let length = words[at + 1] as number;
      if (!isWrite) length = Math.max(0, Math.min(length, file.size - position));
      const piece = bytes.subarray(start, start + length);
      if (isWrite) file.write(piece, position);
      else file.read(piece, position);
      position += length;
      total += length;
    }
    words[out >>> 2] = total;
    return wasi.ERRNO_SUCCESS;
  }

  #pread(fd: number, iovecs: number, count: number, offset: bigint, out: number): number {
    return this.#transfer(fd, iovecs, count, offset, out, false);
  }

  #pwrite(fd: number, iovecs: number, count: number, offset: bigint, out: number): number {
    return this.#transfer(fd, iovecs, count, offset, out, true);
  }

  #filestat(fd: number, out: number): number {
    const file = this.#files[fd - SPARSE_FD_BASE];
    if (file === undefined || this.#memory === undefined) return wasi.ERRNO_BADF;
    const start = out >>> 0;
    this.#memory.bytes.fill(0, start, start + 64);
    this.#memory.bytes[start + 16] = wasi.FILETYPE_REGULAR_FILE;
    this.#memory.setU64(start + 32, file.size);
    return wasi.ERRNO_SUCCESS;
  }

  #close(fd: number): number {
    if (this.#files[fd - SPARSE_FD_BASE] === undefined) return wasi.ERRNO_BADF;
    this.#files[fd - SPARSE_FD_BASE] = undefined;
    return wasi.ERRNO_SUCCESS;
  }
}
