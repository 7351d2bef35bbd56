// Image files in a browser: files of the origin's private file system (OPFS), through synchronous access handles.
//
// Verbs: openOpfsImages, writeWhole. The first gives a WASI host whose preopened directory number n has the one image n; path_open only says yes, as handles can
// not be made synchronously: they are made here, ahead, and are held until the machine closes. Only dedicated workers have them.
// Invariant: one access handle a file, held by one machine; a fault answers a WASI errno, never an exception.

import { wasi } from '@bjorn3/browser_wasi_shim';
import { LinearMemory } from '../core/linear-memory.ts';
import { ConfigError, StorageError } from '../errors.ts';
import type { ImageFile } from '../platform.ts';
import type { WasiHost } from './memory-host.ts';
import type { ImageAccess } from './overlaid-image.ts';

const FIRST_PREOPEN = 3;
const FIRST_FD = 300;
const ENOENT = -2;
const EIO = -5;
const EACCES = -13;
const EBUSY = -16;
const EISDIR = -21;
const EINVAL = -22;
const ENOSPC = -28;

/** What TypeScript's library for pages does not tell (File System standard, §2.7). */
interface SyncAccessHandle {
  read(target: Uint8Array, options: { at: number }): number;
  write(source: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

interface OpenableHandle extends FileSystemFileHandle {
  createSyncAccessHandle?(options?: { mode: 'readwrite' | 'read-only' }): Promise<SyncAccessHandle>;
}

/** What a DOMException's name means: errno for the machine's opener, errno for the core, a hint. */
const FAULTS: Readonly<Record<string, readonly [errno: number, wasiErrno: number, hint?: string]>> = {
  NotFoundError: [ENOENT, wasi.ERRNO_NOENT],
  NoModificationAllowedError: [
    EBUSY,
    wasi.ERRNO_BUSY,
    'another machine, here or in another tab, has it open',
  ],
  TypeMismatchError: [EISDIR, wasi.ERRNO_ISDIR],
  QuotaExceededError: [ENOSPC, wasi.ERRNO_NOSPC, "the origin's storage is full"],
  SecurityError: [EACCES, wasi.ERRNO_ACCES, 'the browser keeps no files for this origin'],
  InvalidStateError: [EIO, wasi.ERRNO_BADF],
};

function faultOf(error: unknown): readonly [errno: number, wasiErrno: number, hint?: string] {
  return FAULTS[(error as { name?: string } | null)?.name ?? ''] ?? [EIO, wasi.ERRNO_IO];
}

type WasiFunction = (fd: number, ...rest: unknown[]) => number;

/** Arguments of fd_pread and fd_pwrite behind the descriptor. */
type Transfer = readonly [iovecs: number, count: number, offset: bigint, out: number];

/** One image with its handle. */
interface OpenImage {
  readonly name: string;
  readonly handle: SyncAccessHandle;
}

/** A WASI host that reaches the images by way of handles that are open already. */
class OpfsHost implements WasiHost {
  readonly imports: WebAssembly.ModuleImports;
  readonly #images: readonly OpenImage[];
  #memory: LinearMemory | undefined;

  constructor(images: readonly OpenImage[]) {
    this.#images = images;
    this.imports = {
      path_open: this.#answering((directory, ...rest) => this.#pathOpen(directory, rest.at(-1) as number)),
      fd_pread: this.#answering((fd, ...rest) => this.#transfer(fd, rest as unknown as Transfer, false)),
      fd_pwrite: this.#answering((fd, ...rest) => this.#transfer(fd, rest as unknown as Transfer, true)),
      fd_sync: this.#answering((fd) => this.#handle(fd).flush()),
      fd_filestat_get: this.#answering((fd, out) => this.#filestat(fd, out as number)),
      fd_close: this.#answering((fd) => this.#handle(fd).close()),
    };
  }

  start(instance: WebAssembly.Instance): void {
    this.#memory = new LinearMemory(instance.exports.memory as WebAssembly.Memory);
    (instance.exports._initialize as (() => void) | undefined)?.();
  }

  /** Closes every handle: others may open the files. */
  release(): void {
    for (const { handle } of this.#images) handle.close();
  }

  /** Throws what the core gets as EBADF when there is no such image. */
  #handle(fd: number): SyncAccessHandle {
    const image = this.#images[fd - FIRST_FD];
    if (image === undefined) throw new DOMException('no such descriptor', 'InvalidStateError');
    return image.handle;
  }

  get #linear(): LinearMemory {
    if (this.#memory === undefined) throw new DOMException('no memory yet', 'InvalidStateError');
    return this.#memory;
  }

  /** The call as a WASI function: it returns an errno. */
  #answering(call: (fd: number, ...rest: unknown[]) => void): WasiFunction {
    return (fd, ...rest) => {
      try {
        call(fd, ...rest);
        return wasi.ERRNO_SUCCESS;
      } catch (error) {
        return faultOf(error)[1];
      }
    };
  }

  /** The directory alone says which file is meant. */
  #pathOpen(directory: number, out: number): void {
    const fd = directory - FIRST_PREOPEN + FIRST_FD;
    this.#handle(fd).getSize();
    this.#linear.words[out >>> 2] = fd;
  }

  #transfer(fd: number, [iovecs, count, offset, out]: Transfer, isWrite: boolean): void {
    const handle = this.#handle(fd);
    const { bytes, words } = this.#linear;
    const begin = Number(offset);
    let total = 0;
    for (let index = 0; index < count; index++) {
      const at = (iovecs >>> 2) + index * 2;
      const start = words[at] as number;
      const length = words[at + 1] as number;
      const piece = bytes.subarray(start, start + length);
      const options = { at: begin + total };
      const moved = isWrite ? handle.write(piece, options) : handle.read(piece, options);
      total += moved;
      if (moved < length) break;
    }
    if (isWrite && total === 0 && count > 0)
      throw new DOMException('nothing was taken', 'QuotaExceededError');
    words[out >>> 2] = total;
  }

  #filestat(fd: number, out: number): void {
    const size = this.#handle(fd).getSize();
    const start = out >>> 0;
    this.#linear.bytes.fill(0, start, start + 64);
    this.#linear.bytes[start + 16] = wasi.FILETYPE_REGULAR_FILE;
    this.#linear.setU64(start + 32, size);
  }
}

/** Writes all of it, however little the handle takes at once. Throws QuotaExceededError when it takes nothing more. */
export function writeWhole(
  handle: Pick<SyncAccessHandle, 'write'>,
  source: Uint8Array,
  offset: number,
): void {
  for (let done = 0; done < source.length; ) {
    const put = handle.write(source.subarray(done), { at: offset + done });
    if (put === 0) throw new DOMException('nothing was taken', 'QuotaExceededError');
    done += put;
  }
}

/** The file for snapshots and crashes: the core's own handle, as there is only one. */
class OpfsImage implements ImageAccess {
  readonly #handle: SyncAccessHandle;

  constructor(handle: SyncAccessHandle) {
    this.#handle = handle;
  }

  get size(): number {
    return this.#handle.getSize();
  }

  read(target: Uint8Array, offset: number): number {
    let done = 0;
    while (done < target.length) {
      const got = this.#handle.read(target.subarray(done), { at: offset + done });
      if (got === 0) break;
      done += got;
    }
    return done;
  }

  write(source: Uint8Array, offset: number): void {
    writeWhole(this.#handle, source, offset);
  }

  truncate(size: number): void {
    this.#handle.truncate(size);
  }
}

/** The names of a path's folders, and of its file. Throws StorageError. */
function split(path: string): { folders: string[]; name: string } {
  const folders = path.split('/').filter((part) => part !== '');
  const name = folders.pop();
  if (name === undefined || [...folders, name].some((part) => part === '.' || part === '..'))
    throw new StorageError('open', EINVAL, {
      path,
      hint: "names below the origin's own root, without . or ..",
    });
  return { folders, name };
}

/** Opens one image; `size` is undefined when it was not there. Throws StorageError, ConfigError. */
async function openImage(
  root: FileSystemDirectoryHandle,
  path: string,
  isReadOnly: boolean,
): Promise<OpenImage & { readonly size: number | undefined }> {
  const { folders, name } = split(path);
  try {
    let folder = root;
    for (const part of folders) folder = await folder.getDirectoryHandle(part);
    const wasThere = await folder.getFileHandle(name).then(
      () => true,
      (error: DOMException) => {
        if (error.name === 'NotFoundError' && !isReadOnly) return false;
        throw error;
      },
    );
    const file: OpenableHandle = await folder.getFileHandle(name, { create: !wasThere });
    const handle = await file.createSyncAccessHandle?.({ mode: isReadOnly ? 'read-only' : 'readwrite' });
    if (handle === undefined)
      throw new ConfigError(
        'image',
        path,
        'left out, or opened in a dedicated worker: only there files are synchronous',
      );
    return { name, handle, size: wasThere ? handle.getSize() : undefined };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const [errno, , hint] = faultOf(error);
    throw new StorageError('open', errno, { path, ...(hint !== undefined && { hint }) });
  }
}

/**
 * A WASI host that reaches the images, and where each is. Paths are names below the root of the origin's private file system, folders
 * divided by `/`. Throws StorageError (EBUSY: somebody has the file open), ConfigError where there are no such files.
 */
export async function openOpfsImages(
  paths: readonly string[],
  isReadOnly: readonly boolean[] = [],
): Promise<{ host: WasiHost; images: ImageFile[] }> {
  const storage = (globalThis as { navigator?: { storage?: Partial<StorageManager> } }).navigator?.storage;
  if (storage?.getDirectory === undefined)
    throw new ConfigError('image', paths[0], 'left out: there are no files here');
  const root = await storage.getDirectory().catch((error: unknown) => {
    const [errno, , hint] = faultOf(error);
    throw new StorageError('open', errno, { path: '/', ...(hint !== undefined && { hint }) });
  });
  const opened: (OpenImage & { readonly size: number | undefined })[] = [];
  try {
    for (const [index, path] of paths.entries())
      opened.push(await openImage(root, path, isReadOnly[index] === true));
  } catch (error) {
    for (const { handle } of opened) handle.close();
    throw error;
  }
  const images = opened.map(({ name, handle, size }, index) => ({
    directory: FIRST_PREOPEN + index,
    name,
    size,
    access: () => new OpfsImage(handle),
  }));
  return { host: new OpfsHost(opened), images };
}
