// Open files: read, write, sync and discard on a whole drive or a flat file.
//
// Verbs: read, readv, write, writev, advise, sync, datasync, discard, truncate, size, close. Bytes cross in Uint8Arrays through client memory, up to
// 1 MiB at a time; a longer write is several.

import {
  ADVICE_DONTNEED,
  ADVICE_NOREUSE,
  ADVICE_NORMAL,
  ADVICE_RANDOM,
  ADVICE_SEQUENTIAL,
  ADVICE_WILLNEED,
  IOVEC_BASE,
  IOVEC_LENGTH,
  IOVEC_SIZE,
  OPEN_APPEND,
  OPEN_DIRECT,
  OPEN_DSYNC,
  OPEN_READ,
  OPEN_SYNC,
  OPEN_WRITE,
} from '../assembly/layout.ts';
import { MAX_IOVECS } from '../assembly/limits.ts';
import { Anchor } from './core/timeline.ts';
import { ConfigError, check, StorageError } from './errors.ts';
import type { Machine } from './machine.ts';

const CHUNK = 1048576;
const MIN_ALIGNMENT = 64;
const MAX_DMA_ALIGNMENT = 4096;
const EDEADLK = -35;

/** What posix_fadvise may be told. */
const ADVICE = {
  normal: ADVICE_NORMAL,
  random: ADVICE_RANDOM,
  sequential: ADVICE_SEQUENTIAL,
  willneed: ADVICE_WILLNEED,
  dontneed: ADVICE_DONTNEED,
  noreuse: ADVICE_NOREUSE,
} as const;
export type Advice = keyof typeof ADVICE;

/** How a file is used; the names of open(2). */
export interface OpenOptions {
  /** Around the page cache: offsets and lengths in whole sectors of 512 bytes. */
  readonly direct?: boolean;
  /** A write is on the media when it returns, with what is needed to read it back. */
  readonly dsync?: boolean;
  /** As dsync, with all metadata. */
  readonly sync?: boolean;
  /** Writes go to the end (flat files). */
  readonly append?: boolean;
  readonly readOnly?: boolean;
  /** Reads answer EBADF. */
  readonly writeOnly?: boolean;
}

export function openFlags(options: OpenOptions): number {
  let flags = 0;
  if (options.writeOnly !== true) flags |= OPEN_READ;
  if (options.readOnly !== true) flags |= OPEN_WRITE;
  if (options.direct === true) flags |= OPEN_DIRECT;
  if (options.dsync === true) flags |= OPEN_DSYNC;
  if (options.sync === true) flags |= OPEN_SYNC;
  if (options.append === true) flags |= OPEN_APPEND;
  return flags;
}

/** Offsets and lengths are bytes. Every failure is a StorageError with Node's `code`. */
export class OpenFile implements Disposable {
  readonly #anchor: Anchor;
  readonly descriptor: number;
  readonly name: string;

  /** Where the bytes of a transfer may lie: anywhere, or for direct I/O where every drive can reach them. */
  readonly #alignment: number;

  constructor(machine: Machine, descriptor: number, name: string, isDirect: boolean) {
    this.#anchor = new Anchor(machine);
    this.#alignment = isDirect ? MAX_DMA_ALIGNMENT : MIN_ALIGNMENT;
    this.descriptor = descriptor;
    this.name = name;
  }

  get #machine(): Machine {
    return this.#anchor.machine;
  }

  /** @internal The same open file of a clone. */
  twin(machine: Machine): OpenFile {
    return new OpenFile(machine, this.descriptor, this.name, this.#alignment === MAX_DMA_ALIGNMENT);
  }

  /** Bytes. For a drive it never changes. */
  get size(): number {
    return check(
      'fstat',
      this.#machine.core.call((exports) => exports.fileSize(this.descriptor)),
      { path: this.name },
    );
  }

  /** Reads `length` bytes from `offset`; fewer at the end of the file. `offset`: 0 to 2^53 - 1. */
  read(length: number, offset: number | bigint): Uint8Array {
    const start = safe('offset', offset);
    const result = new Uint8Array(safe('length', length));
    let done = 0;
    while (done < result.length) {
      const step = Math.min(CHUNK, result.length - done);
      const got = this.#transfer('pread', step, start + done, (address, bytes) => {
        result.set(this.#machine.core.memory.bytes.subarray(address, address + bytes), done);
      });
      done += got;
      if (got < step) break;
    }
    return result.subarray(0, done);
  }

  /** Writes all bytes at `offset` and returns how many the file took: fewer where its room ends. Throws ENOSPC when none fits. */
  write(bytes: Uint8Array, offset: number | bigint): number {
    const start = safe('offset', offset);
    let done = 0;
    while (done < bytes.length) {
      const step = Math.min(CHUNK, bytes.length - done);
      let put: number;
      try {
        put = this.#transfer('pwrite', step, start + done, undefined, bytes.subarray(done, done + step));
      } catch (error) {
        if (done > 0 && error instanceof StorageError) return done;
        throw error;
      }
      done += put;
      if (put < step) break;
    }
    return done;
  }

  /** preadv: fills one buffer after the other from `offset`; how many bytes it got, fewer at the end of the file. */
  readv(into: readonly Uint8Array[], offset: number | bigint): number {
    return this.#vector('preadv', into, safe('offset', offset));
  }

  /** pwritev: writes one buffer after the other at `offset`; how many bytes the file took, as write does. */
  writev(from: readonly Uint8Array[], offset: number | bigint): number {
    return this.#vector('pwritev', from, safe('offset', offset));
  }

  /** In calls of at most 1 MiB and 1,024 pieces. An error counts only if nothing was moved before it. */
  #vector(syscall: 'preadv' | 'pwritev', all: readonly Uint8Array[], offset: number): number {
    let done = 0;
    for (const pieces of calls(all)) {
      const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
      let moved: number;
      try {
        moved = this.#moveVector(syscall, pieces, offset + done, length);
      } catch (error) {
        if (done > 0 && error instanceof StorageError) return done;
        throw error;
      }
      done += moved;
      if (moved < length) break;
    }
    return done;
  }

  #moveVector(
    syscall: 'preadv' | 'pwritev',
    pieces: readonly Uint8Array[],
    offset: number,
    length: number,
  ): number {
    const { core, buffers } = this.#machine;
    const starts: number[] = [];
    let room = Math.ceil((pieces.length * IOVEC_SIZE) / this.#alignment) * this.#alignment;
    for (const piece of pieces) {
      starts.push(room);
      room += Math.ceil(piece.length / this.#alignment) * this.#alignment;
    }
    const iovecs = buffers.allocate(room, this.#alignment);
    let isAbandoned = false;
    try {
      pieces.forEach((piece, index) => {
        const address = iovecs + (starts[index] as number);
        core.memory.setU64(iovecs + index * IOVEC_SIZE + IOVEC_BASE, address);
        core.memory.setU64(iovecs + index * IOVEC_SIZE + IOVEC_LENGTH, piece.length);
        if (syscall === 'pwritev') core.memory.bytes.set(piece, address);
      });
      const result = core.call((exports) =>
        syscall === 'preadv'
          ? exports.filePreadv(this.descriptor, iovecs, pieces.length, offset)
          : exports.filePwritev(this.descriptor, iovecs, pieces.length, offset),
      );
      isAbandoned = result === EDEADLK;
      check(syscall, result, { path: this.name, offset, length, ...heldHint(isAbandoned) });
      if (syscall === 'preadv') scatter(core.memory.bytes, iovecs, starts, pieces, result);
      return result;
    } finally {
      if (!isAbandoned) buffers.free(iovecs);
    }
  }

  /**
   * posix_fadvise for `length` bytes from `offset` (0: to the end of the file). `sequential` and `random` say how this file will be read,
   * `willneed` starts to read the range, `dontneed` starts to write it back and drops its clean pages.
   * @example
   * const machine = await Machine.create();
   * const file = machine.openFile('drive0');
   * file.advise('willneed', 0, 1048576);
   * machine.run(); // what was started arrives
   * file.read(4096, 0);
   * console.log(machine.counters.cache.hits); // 1
   */
  advise(advice: Advice, offset = 0, length = 0): void {
    const code = ADVICE[advice] as number | undefined;
    if (code === undefined)
      throw new ConfigError('advice', advice, `one of ${Object.keys(ADVICE).join(', ')}`);
    const result = this.#machine.core.call((exports) =>
      exports.fileAdvise(this.descriptor, safe('offset', offset), safe('length', length), code),
    );
    check('fadvise', result, { path: this.name, offset, length });
  }

  #transfer(
    syscall: 'pread' | 'pwrite',
    length: number,
    offset: number,
    after: ((address: number, bytes: number) => void) | undefined,
    source?: Uint8Array,
  ): number {
    const { core, buffers } = this.#machine;
    const address = buffers.allocate(length, this.#alignment);
    let isAbandoned = false;
    try {
      if (source !== undefined) core.memory.bytes.set(source, address);
      const result = core.call((exports) =>
        syscall === 'pread'
          ? exports.filePread(this.descriptor, address, length, offset)
          : exports.filePwrite(this.descriptor, address, length, offset),
      );
      // the request is still with a drive that holds its completions, and uses these bytes when it goes on
      isAbandoned = result === EDEADLK;
      check(syscall, result, { path: this.name, offset, length, ...heldHint(isAbandoned) });
      after?.(address, result);
      return result;
    } finally {
      if (!isAbandoned) buffers.free(address);
    }
  }

  /** fsync: everything written so far is on the media when it returns. An earlier write-back error is thrown once. */
  sync(): void {
    check(
      'fsync',
      this.#machine.core.call((exports) => exports.fileSync(this.descriptor, 0)),
      { path: this.name },
    );
  }

  /** fdatasync. */
  datasync(): void {
    check(
      'fdatasync',
      this.#machine.core.call((exports) => exports.fileSync(this.descriptor, 1)),
      { path: this.name },
    );
  }

  /** Discards whole sectors; they read as zeros afterwards. */
  discard(offset: number, length: number): void {
    const result = this.#machine.core.call((exports) =>
      exports.fileDiscard(this.descriptor, safe('offset', offset), safe('length', length)),
    );
    check('discard', result, { path: this.name, offset, length });
  }

  /** Makes a flat file `size` bytes long, 0 to its capacity (EFBIG); what is new reads as zeros. EINVAL for a whole drive. */
  truncate(size: number): void {
    const result = this.#machine.core.call((exports) =>
      exports.fileTruncate(this.descriptor, safe('size', size)),
    );
    check('ftruncate', result, { path: this.name, length: size });
  }

  close(): void {
    if (this.#anchor.isStale) return;
    check(
      'close',
      this.#machine.core.call((exports) => exports.fileClose(this.descriptor)),
      { path: this.name },
    );
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function heldHint(isAbandoned: boolean): { hint?: string } {
  return isAbandoned ? { hint: 'the drive holds its completions' } : {};
}

/** Buffers cut and grouped into what one call takes. */
function* calls(all: readonly Uint8Array[]): Generator<Uint8Array[]> {
  let pieces: Uint8Array[] = [];
  let room = CHUNK;
  for (const buffer of all) {
    for (let from = 0; from < buffer.length; ) {
      const piece = buffer.subarray(from, from + room);
      pieces.push(piece);
      from += piece.length;
      room -= piece.length;
      if (room > 0 && pieces.length < MAX_IOVECS) continue;
      yield pieces;
      pieces = [];
      room = CHUNK;
    }
  }
  if (pieces.length > 0) yield pieces;
}

/** Copies the first `length` bytes that a preadv brought from memory into its pieces. */
function scatter(
  memory: Uint8Array,
  base: number,
  starts: readonly number[],
  pieces: readonly Uint8Array[],
  length: number,
): void {
  let left = length;
  pieces.forEach((piece, index) => {
    const from = base + (starts[index] as number);
    const bytes = Math.min(left, piece.length);
    piece.set(memory.subarray(from, from + bytes));
    left -= bytes;
  });
}

function safe(field: string, value: number | bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0)
    throw new ConfigError(field, value, 'a whole number from 0 to 2^53 - 1');
  return number;
}
