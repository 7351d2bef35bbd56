// Open files and directories of the volume, with a position of their own.
//
// Verbs: read, write, pread, pwrite, readv, writev, fsync, fdatasync, truncate, allocate, punchHole, zeroRange, seekData,
// seekHole, syncRange, advise, stat, setAttributes, entries, close.

import {
  ADVICE_DONTNEED,
  ADVICE_NOREUSE,
  ADVICE_NORMAL,
  ADVICE_RANDOM,
  ADVICE_SEQUENTIAL,
  ADVICE_WILLNEED,
  FALLOCATE_KEEP_SIZE,
  FALLOCATE_PUNCH_HOLE,
  FALLOCATE_ZERO_RANGE,
  OPEN_APPEND,
  SEEK_DATA,
  SEEK_HOLE,
  STAT_SIZE,
  SYNC_RANGE_WAIT_AFTER,
  SYNC_RANGE_WAIT_BEFORE,
  SYNC_RANGE_WRITE,
} from '../../assembly/layout.ts';
import type { CoreExports } from '../core/exports.ts';
import { Anchor } from '../core/timeline.ts';
import { StorageError } from '../errors.ts';
import type { Machine } from '../machine.ts';
import { type Attributes, writeAttributes } from './attributes.ts';
import { type Calls, wholeBytes } from './calls.ts';
import { type DirectoryEntry, type FileStat, readEntries, readStat } from './structs.ts';

const LISTING_BYTES = 4096;
const ENXIO = -6;

const ADVICE = {
  normal: ADVICE_NORMAL,
  random: ADVICE_RANDOM,
  sequential: ADVICE_SEQUENTIAL,
  willneed: ADVICE_WILLNEED,
  dontneed: ADVICE_DONTNEED,
  noreuse: ADVICE_NOREUSE,
} as const;

/** posix_fadvise(2). */
export type Advice = keyof typeof ADVICE;

/** sync_file_range(2): which of its three steps to take. */
export interface SyncRangeSteps {
  readonly waitBefore?: boolean;
  readonly write?: boolean;
  readonly waitAfter?: boolean;
}

const totalBytes = (buffers: readonly Uint8Array[]): number =>
  buffers.reduce((sum, { length }) => sum + length, 0);

/** An open file or directory. Offsets and lengths are bytes, 0 to 2^53 - 1; every failure is a StorageError with Node's `code`. */
export class VolumeFile implements Disposable {
  readonly #calls: Calls;
  readonly #anchor: Anchor;
  readonly #flags: number;
  readonly descriptor: number;
  /** As it was opened. */
  readonly path: string;
  /** Where the next read or write begins. */
  position = 0;

  /** `flags`: OPEN_…. Made by `machine.fs.open`. */
  constructor(calls: Calls, descriptor: number, path: string, flags: number) {
    this.#calls = calls;
    this.#anchor = new Anchor(calls.machine);
    this.#flags = flags;
    this.descriptor = descriptor;
    this.path = path;
    calls.machine.timeline.keep(this, () => {
      const { position } = this;
      return () => {
        this.position = position;
      };
    });
  }

  /** @internal The same open file of a clone. */
  twin(machine: Machine): VolumeFile {
    const twin = new VolumeFile(machine.fs.calls, this.descriptor, this.path, this.#flags);
    twin.position = this.position;
    return twin;
  }

  get #isAppending(): boolean {
    return (this.#flags & OPEN_APPEND) !== 0;
  }

  #run(syscall: string, body: (exports: CoreExports) => number): number {
    this.#anchor.check();
    return this.#calls.run(syscall, { path: this.path }, body);
  }

  /** Reads at the position, which moves; returns how many bytes came, 0 at the end. Throws EBADF, EISDIR, EIO. */
  read(buffer: Uint8Array): number {
    const got = this.pread(buffer, this.position);
    this.position += got;
    return got;
  }

  /** Writes at the position, or at the end of a file opened to append; the position moves behind it. Returns as pwrite. */
  write(bytes: Uint8Array): number {
    const put = this.pwrite(bytes, this.position);
    this.position = this.#isAppending ? this.size : this.position + put;
    return put;
  }

  /** Fills `buffer` from `offset`; returns how many bytes came, fewer at the end of the file. The position stays. */
  pread(buffer: Uint8Array, offset: number | bigint): number {
    this.#anchor.check();
    return this.#inChunks(buffer, offset, (part, at) =>
      this.#calls.readChunk(this.descriptor, part, at, this.path),
    );
  }

  /**
   * Writes all bytes at `offset` (a file opened to append: at its end) and returns how many the volume took: fewer where its
   * room ends. The position stays. Throws ENOSPC when none fits, EBADF, EFBIG, EROFS, EIO.
   */
  pwrite(bytes: Uint8Array, offset: number | bigint): number {
    this.#anchor.check();
    // where it lands makes no difference but to who watches
    const start = this.#isAppending && this.#calls.machine.watcher !== undefined ? this.size : offset;
    return this.#inChunks(bytes, start, (part, at) =>
      this.#calls.writeChunk(this.descriptor, part, at, this.path),
    );
  }

  /** A failure behind the first part is told by the next call, as the kernel does. */
  #inChunks(
    bytes: Uint8Array,
    offset: number | bigint,
    move: (part: Uint8Array, at: number) => number,
  ): number {
    const start = wholeBytes('offset', offset);
    const { chunkBytes } = this.#calls;
    if (bytes.length <= chunkBytes) return move(bytes, start);
    let done = 0;
    while (done < bytes.length) {
      const part = bytes.subarray(done, done + chunkBytes);
      let moved: number;
      try {
        moved = move(part, start + done);
      } catch (error) {
        if (done > 0 && error instanceof StorageError) return done;
        throw error;
      }
      done += moved;
      if (moved < part.length) break;
    }
    return done;
  }

  /** Fills the buffers in order, from `offset`, or from the position, which moves. Returns how many bytes came. */
  readv(buffers: readonly Uint8Array[], offset?: number | bigint): number {
    const bytes = new Uint8Array(totalBytes(buffers));
    const got = offset === undefined ? this.read(bytes) : this.pread(bytes, offset);
    let at = 0;
    for (const buffer of buffers) {
      if (at >= got) break;
      buffer.set(bytes.subarray(at, Math.min(at + buffer.length, got)));
      at += buffer.length;
    }
    return got;
  }

  /** Writes the buffers in order, as one write, at `offset`, or at the position, which moves. Returns as pwrite. */
  writev(buffers: readonly Uint8Array[], offset?: number | bigint): number {
    const bytes = new Uint8Array(totalBytes(buffers));
    let at = 0;
    for (const buffer of buffers) {
      bytes.set(buffer, at);
      at += buffer.length;
    }
    return offset === undefined ? this.write(bytes) : this.pwrite(bytes, offset);
  }

  /** Everything of this file is on the media when it returns; of a directory, its entries. An earlier write-back error is thrown once. */
  fsync(): void {
    this.#run('fsync', (exports) => exports.fileSync(this.descriptor, 0));
  }

  /** As fsync, without what reading the data back does not need (times). */
  fdatasync(): void {
    this.#run('fdatasync', (exports) => exports.fileSync(this.descriptor, 1));
  }

  /** Makes the file `size` bytes long; what is new reads as zeros. Throws EINVAL for a file opened to read, EFBIG. */
  truncate(size: number | bigint): void {
    const bytes = wholeBytes('size', size);
    this.#run('ftruncate', (exports) => exports.fileTruncate(this.descriptor, bytes));
  }

  /** Allocates blocks for a range; the file grows to its end unless `keepSize`. Throws ENOSPC, EFBIG. */
  allocate(
    offset: number | bigint,
    length: number | bigint,
    options: { readonly keepSize?: boolean } = {},
  ): void {
    this.#fallocate(options.keepSize === true ? FALLOCATE_KEEP_SIZE : 0, offset, length);
  }

  /** Gives the blocks of a range back; it reads as zeros, the size stays. */
  punchHole(offset: number | bigint, length: number | bigint): void {
    this.#fallocate(FALLOCATE_PUNCH_HOLE | FALLOCATE_KEEP_SIZE, offset, length);
  }

  /** Makes a range read as zeros with its blocks allocated; the file grows to its end unless `keepSize`. */
  zeroRange(
    offset: number | bigint,
    length: number | bigint,
    options: { readonly keepSize?: boolean } = {},
  ): void {
    const keep = options.keepSize === true ? FALLOCATE_KEEP_SIZE : 0;
    this.#fallocate(FALLOCATE_ZERO_RANGE | keep, offset, length);
  }

  #fallocate(mode: number, offset: number | bigint, length: number | bigint): void {
    const start = wholeBytes('offset', offset);
    const bytes = wholeBytes('length', length);
    this.#run('fallocate', (exports) => exports.fileFallocate(this.descriptor, mode, start, bytes));
  }

  /** Where the next data at or behind `offset` begins; undefined when there is none (ENXIO). The position stays. */
  seekData(offset: number | bigint): number | undefined {
    return this.#seek(offset, SEEK_DATA);
  }

  /** Where the next hole at or behind `offset` begins, at last the end of the file; undefined behind the end (ENXIO). */
  seekHole(offset: number | bigint): number | undefined {
    return this.#seek(offset, SEEK_HOLE);
  }

  #seek(offset: number | bigint, whence: number): number | undefined {
    const start = wholeBytes('offset', offset);
    const found = this.#run('lseek', (exports) => {
      const result = exports.fileSeek(this.descriptor, start, whence);
      return result === ENXIO ? Number.POSITIVE_INFINITY : result;
    });
    return found === Number.POSITIVE_INFINITY ? undefined : found;
  }

  /** sync_file_range(2): moves the range's data to the drive, without a flush. `length` 0: to the end of the file. */
  syncRange(offset: number | bigint, length: number | bigint, steps: SyncRangeSteps): void {
    const start = wholeBytes('offset', offset);
    const bytes = wholeBytes('length', length);
    const flags =
      (steps.waitBefore === true ? SYNC_RANGE_WAIT_BEFORE : 0) |
      (steps.write === true ? SYNC_RANGE_WRITE : 0) |
      (steps.waitAfter === true ? SYNC_RANGE_WAIT_AFTER : 0);
    this.#run('sync_file_range', (exports) => exports.fileSyncRange(this.descriptor, start, bytes, flags));
  }

  /** posix_fadvise(2): how a range will be used. `length` 0: to the end of the file. */
  advise(offset: number | bigint, length: number | bigint, advice: Advice): void {
    const start = wholeBytes('offset', offset);
    const bytes = wholeBytes('length', length);
    this.#run('fadvise64', (exports) => exports.fileAdvise(this.descriptor, start, bytes, ADVICE[advice]));
  }

  /** Bytes. */
  get size(): number {
    return this.#run('fstat', (exports) => exports.fileSize(this.descriptor));
  }

  stat(): FileStat {
    const address = this.#calls.struct(STAT_SIZE);
    this.#run('fstat', (exports) => exports.fileStat(this.descriptor, address));
    return readStat(this.#calls.memory, address);
  }

  /** fchmod, fchown and futimes at once. Throws ConfigError for a value out of its range. */
  setAttributes(attributes: Attributes): void {
    const { mask, address } = writeAttributes(this.#calls, attributes);
    this.#run('fsetattr', (exports) => exports.fileSetAttributes(this.descriptor, mask, address));
  }

  /** What is in a directory, without `.` and `..`, as it is read; entries made meanwhile may be missing. Throws ENOTDIR. */
  *entries(): Generator<DirectoryEntry, void, void> {
    let cursor = 0;
    while (true) {
      const address = this.#calls.struct(LISTING_BYTES);
      const bytes = this.#run('getdents64', (exports) =>
        exports.volumeReaddir(this.descriptor, cursor, address, LISTING_BYTES),
      );
      if (bytes === 0) return;
      const { entries, cookie } = readEntries(this.#calls.memory, address, bytes);
      yield* entries;
      cursor = cookie;
    }
  }

  close(): void {
    if (this.#anchor.isStale) return;
    this.#run('close', (exports) => exports.fileClose(this.descriptor));
    this.#calls.machine.timeline.drop(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
