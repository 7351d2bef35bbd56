// The calls of PGlite's file-system interface on a volume: those of node:fs, synchronous, by path or descriptor.
//
// Verbs: Calls, CALL_NAMES. Descriptors count from 1, as PGlite takes 0 for none; paths begin with a slash, and the root is ''.

import type { FileStat } from '../../fs/structs.ts';
import type { VolumeFile } from '../../fs/volume-file.ts';
import type { Machine } from '../../machine.ts';
import { asEmscripten, badDescriptor } from './errors.ts';

/** PostgreSQL's clock begins at 2000-01-01, so that is when its machine does. */
const EPOCH_NS = BigInt(Date.UTC(2000, 0, 1)) * 1_000_000n;
const PERMISSIONS = 0o7777;
const NS_PER_MS = 1_000_000n;
const TEXT = new TextEncoder();

/** What PGlite wants to know of a file; times in milliseconds since 1970. */
interface PgliteStats {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly blksize: number;
  readonly blocks: number;
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
}

function toStats(stat: FileStat): PgliteStats {
  return {
    dev: 0,
    ino: stat.inode,
    mode: stat.mode,
    nlink: stat.links,
    uid: stat.uid,
    gid: stat.gid,
    rdev: 0,
    size: stat.size,
    blksize: stat.blockSize,
    blocks: stat.sectors,
    atime: Number(stat.accessTimeNs / NS_PER_MS),
    mtime: Number(stat.modifyTimeNs / NS_PER_MS),
    ctime: Number(stat.changeTimeNs / NS_PER_MS),
  };
}

/** A piece of what PGlite hands over: a view for a read, the whole ArrayBuffer behind it for a write. */
function piece(buffer: Uint8Array | ArrayBufferLike, offset: number, length: number): Uint8Array {
  return ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset + offset, length)
    : new Uint8Array(buffer, offset, length);
}

/** Every failure is a PgliteError. */
export class Calls {
  readonly #machine: Machine;
  readonly #directory: string;
  readonly #files = new Map<number, VolumeFile>();
  #readings = 0n;

  constructor(machine: Machine, directory: string) {
    this.#machine = machine;
    this.#directory = directory.replace(/\/+$/, '');
  }

  get #fs() {
    return this.#machine.fs;
  }

  /** PGlite's paths begin with a slash, and its root is ''. */
  #path(path: string): string {
    return `${this.#directory}${path}` || '/';
  }

  #file(descriptor: number): VolumeFile {
    const file = this.#files.get(descriptor);
    if (file === undefined) throw badDescriptor(descriptor);
    return file;
  }

  /** Makes the directory that holds the data. */
  prepare(): void {
    let path = '';
    for (const name of this.#directory.split('/').slice(1)) {
      path += `/${name}`;
      if (!this.#fs.exists(path)) this.#fs.mkdir(path, 0o700);
    }
  }

  /** Each look takes a microsecond, so that a loop which waits for a time ends. */
  nowNs(): bigint {
    this.#readings += 1n;
    return EPOCH_NS + BigInt(this.#machine.nowNs) + this.#readings * 1000n;
  }

  sync(): void {
    this.#fs.sync();
  }

  syncFile(descriptor: number, isDataOnly: boolean): void {
    const file = this.#file(descriptor);
    asEmscripten(() => (isDataOnly ? file.fdatasync() : file.fsync()));
  }

  syncDirectory(path: string): void {
    asEmscripten(() => {
      const directory = this.#fs.open(this.#path(path), { directory: true });
      try {
        directory.fsync();
      } finally {
        directory.close();
      }
    });
  }

  closeAll(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }

  chmod(path: string, mode: number): void {
    asEmscripten(() => this.#fs.chmod(this.#path(path), mode & PERMISSIONS));
  }

  close(descriptor: number): void {
    const file = this.#file(descriptor);
    this.#files.delete(descriptor);
    asEmscripten(() => file.close());
  }

  fstat(descriptor: number): PgliteStats {
    const file = this.#file(descriptor);
    return asEmscripten(() => toStats(file.stat()));
  }

  lstat(path: string): PgliteStats {
    return asEmscripten(() => toStats(this.#fs.stat(this.#path(path))));
  }

  mkdir(path: string, options: { recursive?: boolean; mode?: number } = {}): void {
    const { recursive = false, mode = 0o777 } = options;
    const whole = this.#path(path);
    asEmscripten(() => {
      if (!recursive) return this.#fs.mkdir(whole, mode & PERMISSIONS);
      const names = whole.split('/').filter((name) => name !== '');
      names.forEach((_, index) => {
        const part = `/${names.slice(0, index + 1).join('/')}`;
        if (!this.#fs.exists(part)) this.#fs.mkdir(part, mode & PERMISSIONS);
      });
    });
  }

  open(path: string, flags = 'r+', mode = 0o666): number {
    let descriptor = 1;
    while (this.#files.has(descriptor)) descriptor++;
    this.#files.set(
      descriptor,
      asEmscripten(() => this.#fs.open(this.#path(path), flags, mode & PERMISSIONS)),
    );
    return descriptor;
  }

  readdir(path: string): string[] {
    return asEmscripten(() => this.#fs.readdir(this.#path(path)));
  }

  read(descriptor: number, buffer: Uint8Array, offset: number, length: number, position: number): number {
    const file = this.#file(descriptor);
    return asEmscripten(() => file.pread(piece(buffer, offset, length), position));
  }

  rename(from: string, to: string): void {
    asEmscripten(() => this.#fs.rename(this.#path(from), this.#path(to)));
  }

  rmdir(path: string): void {
    asEmscripten(() => this.#fs.rmdir(this.#path(path)));
  }

  truncate(path: string, size = 0): void {
    asEmscripten(() => this.#fs.truncate(this.#path(path), size));
  }

  unlink(path: string): void {
    asEmscripten(() => this.#fs.unlink(this.#path(path)));
  }

  /** `accessMs`, `modifyMs`: since 1970. */
  utimes(path: string, accessMs: number, modifyMs: number): void {
    const [accessNs, modifyNs] = [accessMs, modifyMs].map(
      (ms) => BigInt(Math.max(0, Math.floor(ms))) * NS_PER_MS,
    ) as [bigint, bigint];
    asEmscripten(() => this.#fs.utimes(this.#path(path), accessNs, modifyNs));
  }

  writeFile(path: string, data: string | Uint8Array, options: { mode?: number; flag?: string } = {}): void {
    const bytes = typeof data === 'string' ? TEXT.encode(data) : data;
    const { mode = 0o666, flag = 'w' } = options;
    asEmscripten(() =>
      this.#fs.writeFile(this.#path(path), bytes, { mode: mode & PERMISSIONS, flags: flag }),
    );
  }

  write(
    descriptor: number,
    buffer: Uint8Array | ArrayBufferLike,
    offset: number,
    length: number,
    position: number,
  ): number {
    const file = this.#file(descriptor);
    return asEmscripten(() => file.pwrite(piece(buffer, offset, length), position));
  }
}

/** What PGlite's interface wants of a file system. */
export const CALL_NAMES = [
  'chmod',
  'close',
  'fstat',
  'lstat',
  'mkdir',
  'open',
  'readdir',
  'read',
  'rename',
  'rmdir',
  'truncate',
  'unlink',
  'utimes',
  'writeFile',
  'write',
] as const satisfies readonly (keyof Calls)[];
