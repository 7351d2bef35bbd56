// A WASI host whose files are sparse memory: browser_wasi_shim, with the core's few file calls served without a copy.
//
// Verbs: MemoryHost.add, remove, addImage, save, restore, branch, imports, start. A descriptor from `add` is SPARSE_FD_BASE or more; every other call
// goes to the host behind (the shim, or node:wasi where real images are used too), unless the host is a branch: then the images
// of the first are memory as well, under the same descriptors.
// Invariant: offsets and counts are whole numbers below 2^53; a fault answers a WASI errno, never an exception.

import { WASI, wasi } from '@bjorn3/browser_wasi_shim';
import { LinearMemory } from '../core/linear-memory.ts';
import type { OverlaidImage } from './overlaid-image.ts';
import type { SparseMemory } from './sparse-memory.ts';

export const SPARSE_FD_BASE = 1000;

/** What the core is instantiated with. */
export interface WasiHost {
  readonly imports: WebAssembly.ModuleImports;
  /** Calls `_initialize` and remembers the memory. */
  start(instance: WebAssembly.Instance): void;
  /** Gives back what was opened for the machine before it asked. */
  release?(): void;
}

type FileCall = (fd: number, ...rest: never[]) => number;

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

/** The files of a host at one moment, by descriptor; images are among them. */
export type SavedFiles = ReadonlyMap<number, SparseMemory>;

/** Serves sparse files itself and passes everything else on to `behind`. */
export class MemoryHost implements WasiHost {
  readonly imports: WebAssembly.ModuleImports;
  readonly #files = new Map<number, SparseMemory>();
  readonly #images = new Map<number, OverlaidImage>();
  readonly #behind: WasiHost;
  #nextFd = SPARSE_FD_BASE;
  #memory: LinearMemory | undefined;

  constructor(behind: WasiHost = shimHost()) {
    this.#behind = behind;
    const route = (name: string, own: (...rest: never[]) => number): FileCall => {
      const other = behind.imports[name] as FileCall;
      return (fd, ...rest) => {
        if (fd < SPARSE_FD_BASE && !this.#files.has(fd)) return other(fd, ...rest);
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
      fd_pwrite: this.#keepingImages(route('fd_pwrite', this.#pwrite.bind(this))),
      fd_sync: route('fd_sync', () => wasi.ERRNO_SUCCESS),
      fd_filestat_get: route('fd_filestat_get', this.#filestat.bind(this)),
      fd_close: route('fd_close', this.#close.bind(this)),
    };
  }

  start(instance: WebAssembly.Instance): void {
    this.#memory = new LinearMemory(instance.exports.memory as WebAssembly.Memory);
    this.#behind.start(instance);
  }

  release(): void {
    this.#behind.release?.();
  }

  /** A descriptor for this memory. */
  add(memory: SparseMemory): number {
    const fd = this.#nextFd++;
    this.#files.set(fd, memory);
    return fd;
  }

  /** The descriptor names nothing any more. */
  remove(fd: number): void {
    this.#files.delete(fd);
  }

  /** The file behind an open descriptor, so that it can be saved. */
  addImage(fd: number, image: OverlaidImage): void {
    this.#images.set(fd, image);
  }

  hasImage(fd: number): boolean {
    return this.#images.has(fd);
  }

  /** All files as they are now. */
  save(): SavedFiles {
    const saved = new Map<number, SparseMemory>();
    for (const [fd, file] of this.#files) saved.set(fd, file.fork());
    for (const [fd, image] of this.#images) saved.set(fd, image.fork());
    return saved;
  }

  /** Makes the files what they were: `saved` is of this host, `files` those that were in it then. */
  restore(saved: SavedFiles, files: ReadonlyMap<number, SparseMemory>): void {
    this.#files.clear();
    for (const [fd, file] of files) {
      file.become(saved.get(fd) as SparseMemory);
      this.#files.set(fd, file);
    }
    for (const [fd, image] of this.#images) {
      const store = saved.get(fd);
      if (store !== undefined) image.rewind(store);
    }
  }

  /** The files by descriptor, images apart. */
  get files(): ReadonlyMap<number, SparseMemory> {
    return new Map(this.#files);
  }

  /** A host of its own with the files of `saved`: nothing that is written to one is seen in the other. */
  static branch(saved: SavedFiles): MemoryHost {
    const host = new MemoryHost();
    for (const [fd, file] of saved) {
      host.#files.set(fd, file.fork());
      host.#nextFd = Math.max(host.#nextFd, fd + 1);
    }
    return host;
  }

  /** fd_pwrite, before which an image keeps what it is about to lose. */
  #keepingImages(write: FileCall): FileCall {
    return (fd, ...rest) => {
      const image = this.#images.get(fd);
      if (image !== undefined && this.#memory !== undefined) {
        const [iovecs, count, offset] = rest as unknown as [number, number, bigint];
        const { words } = this.#memory;
        let bytes = 0;
        for (let index = 0; index < count; index++) bytes += words[(iovecs >>> 2) + index * 2 + 1] as number;
        try {
          image.beforeWrite(Number(offset), bytes);
        } catch {
          return wasi.ERRNO_IO;
        }
      }
      return write(fd, ...rest);
    };
  }

  #transfer(
    fd: number,
    iovecs: number,
    count: number,
    offset: bigint,
    out: number,
    isWrite: boolean,
  ): number {
    const file = this.#files.get(fd);
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
    const file = this.#files.get(fd);
    if (file === undefined || this.#memory === undefined) return wasi.ERRNO_BADF;
    const start = out >>> 0;
    this.#memory.bytes.fill(0, start, start + 64);
    this.#memory.bytes[start + 16] = wasi.FILETYPE_REGULAR_FILE;
    this.#memory.setU64(start + 32, file.size);
    return wasi.ERRNO_SUCCESS;
  }

  #close(fd: number): number {
    return this.#files.delete(fd) ? wasi.ERRNO_SUCCESS : wasi.ERRNO_BADF;
  }
}
