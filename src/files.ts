// Open files: read, write, sync and discard on a whole drive or a flat file.
//
// Verbs: read, write, sync, datasync, discard, truncate, size, close. Bytes cross in Uint8Arrays through client memory, up to
// 1 MiB at a time; a longer write is several.

import {
  OPEN_APPEND,
  OPEN_DIRECT,
  OPEN_DSYNC,
  OPEN_READ,
  OPEN_SYNC,
  OPEN_WRITE,
} from '../assembly/layout.ts';
import { ConfigError, check, StorageError } from './errors.ts';
import type { Machine } from './machine.ts';

const CHUNK = 1048576;
const MIN_ALIGNMENT = 64;
const MAX_DMA_ALIGNMENT = 4096;
const EDEADLK = -35;

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
  readonly #machine: Machine;
  readonly descriptor: number;
  readonly name: string;

  /** Where the bytes of a transfer may lie: anywhere, or for direct I/O where every drive can reach them. */
  readonly #alignment: number;

  constructor(machine: Machine, descriptor: number, name: string, isDirect: boolean) {
    this.#machine = machine;
    this.#alignment = isDirect ? MAX_DMA_ALIGNMENT : MIN_ALIGNMENT;
    this.descriptor = descriptor;
    this.name = name;
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
      const hint = isAbandoned ? { hint: 'the drive holds its completions' } : {};
      check(syscall, result, { path: this.name, offset, length, ...hint });
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

function safe(field: string, value: number | bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0)
    throw new ConfigError(field, value, 'a whole number from 0 to 2^53 - 1');
  return number;
}
