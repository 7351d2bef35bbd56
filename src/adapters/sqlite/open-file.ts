// An open file of SQLite's, with the behaviour of os_unix.c over synchronous calls of an fs.
//
// Verbs: read, write, truncate, sync, size, control, close; its lock and its use of shared memory are parts of their own.
// What the volume refuses is thrown; answers are SQLite's codes.

import { SQLITE_FULL, SQLITE_IOERR_SHORT_READ, SQLITE_OK, SQLITE_SYNC_DATAONLY } from './codes.ts';
import { FileLock } from './locks.ts';
import type { Mount } from './mount.ts';
import { folderOf } from './paths.ts';
import { SharedMemoryUse } from './shared-memory.ts';

/** What a file was opened as. */
export interface OpenFileOptions {
  readonly path: string;
  readonly fd: number;
  readonly isDatabase: boolean;
  /** A journal or a log: its name must be there before what it says is relied on. */
  readonly syncsFolder: boolean;
  readonly hasPowersafeOverwrite: boolean;
}

export class OpenFile {
  readonly path: string;
  readonly mount: Mount;
  readonly lock: FileLock | undefined;
  readonly sharedMemory: SharedMemoryUse | undefined;
  /** Linux's number of the last error, for SQLITE_FCNTL_LAST_ERRNO. */
  lastErrno = 0;
  /** Bytes in which the file grows and shrinks; 0: as asked. */
  chunkBytes = 0;
  hasPowersafeOverwrite: boolean;
  keepsLog = false;
  readonly #fd: number;
  readonly #inodeKey: string | undefined;
  #syncsFolder: boolean;

  constructor(mount: Mount, options: OpenFileOptions) {
    this.mount = mount;
    this.path = options.path;
    this.hasPowersafeOverwrite = options.hasPowersafeOverwrite;
    this.#fd = options.fd;
    this.#syncsFolder = options.syncsFolder;
    if (!options.isDatabase) return;
    const { key, inode } = mount.enter(options.fd);
    this.#inodeKey = key;
    this.lock = new FileLock(inode.locks);
    this.sharedMemory = new SharedMemoryUse(inode.sharedMemory);
  }

  /** Fills `heap` from `pointer` on; what lies behind the end of the file reads as zeros, and is told. */
  read(heap: Uint8Array, pointer: number, length: number, offset: number): number {
    let done = 0;
    while (done < length) {
      const got = this.mount.fs.readSync(this.#fd, heap, pointer + done, length - done, offset + done);
      if (got === 0) break;
      done += got;
    }
    if (done === length) return SQLITE_OK;
    heap.fill(0, pointer + done, pointer + length);
    return SQLITE_IOERR_SHORT_READ;
  }

  /** Writes all: a short write is followed by one that tells why. */
  write(heap: Uint8Array, pointer: number, length: number, offset: number): number {
    let done = 0;
    while (done < length) {
      const put = this.mount.fs.writeSync(this.#fd, heap, pointer + done, length - done, offset + done);
      if (put === 0) return SQLITE_FULL;
      done += put;
    }
    return SQLITE_OK;
  }

  truncate(bytes: number): number {
    const { chunkBytes } = this;
    const size = chunkBytes > 0 ? Math.ceil(bytes / chunkBytes) * chunkBytes : bytes;
    this.mount.fs.ftruncateSync(this.#fd, size);
    return SQLITE_OK;
  }

  sync(flags: number): number {
    const { fs } = this.mount;
    if ((flags & SQLITE_SYNC_DATAONLY) !== 0) fs.fdatasyncSync(this.#fd);
    else fs.fsyncSync(this.#fd);
    if (this.#syncsFolder) {
      this.#syncsFolder = false;
      this.#syncFolder();
    }
    return SQLITE_OK;
  }

  /** unixSync does not look at what comes of it. */
  #syncFolder(): void {
    try {
      syncFolder(this.mount, this.path);
    } catch {}
  }

  get size(): number {
    return this.mount.fs.fstatSync(this.#fd).size;
  }

  /** SQLITE_FCNTL_SIZE_HINT: makes room up to `bytes`, in whole chunks, by a byte in each block (os_unix.c, fcntlSizeHint). */
  growTo(bytes: number): void {
    if (this.chunkBytes <= 0) return;
    const end = Math.ceil(bytes / this.chunkBytes) * this.chunkBytes;
    const { size } = this;
    const zero = new Uint8Array(1);
    for (let at = size; at < end; at = nextBlock(at))
      this.write(zero, 0, 1, Math.min(end, nextBlock(at)) - 1);
  }

  /** Whether the name leads to another file by now, or to none. */
  get hasMoved(): boolean {
    const { fs } = this.mount;
    try {
      const named = fs.statSync(this.path, { throwIfNoEntry: false });
      const own = fs.fstatSync(this.#fd);
      return named?.dev !== own.dev || named.ino !== own.ino;
    } catch {
      return true;
    }
  }

  close(): number {
    this.sharedMemory?.unmap();
    this.lock?.unlock(0);
    if (this.#inodeKey !== undefined) this.mount.leave(this.#inodeKey);
    if (!this.mount.isLeft) this.mount.fs.closeSync(this.#fd);
    return SQLITE_OK;
  }
}

const BLOCK = 4096;
const nextBlock = (at: number): number => Math.floor(at / BLOCK + 1) * BLOCK;

/** Makes the names durable that are beside `path`; a folder that can not be opened is let be, as by os_unix.c. */
export function syncFolder({ fs }: Mount, path: string): void {
  let fd: number;
  try {
    fd = fs.openSync(folderOf(path), fs.constants.O_RDONLY);
  } catch {
    return;
  }
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
