// Calls on the volume: paths and structs in client memory, results checked.
//
// Verbs: run, onPath, onPathIfThere, onPaths, struct, readChunk, writeChunk. Each call's memory is kept for the next one.
// Invariant: what a request in flight may still use (EDEADLK: a drive holds its completions) is never handed out again.

import type { CallWatcher } from '../core/call-watcher.ts';
import type { Core } from '../core/core.ts';
import type { CoreExports } from '../core/exports.ts';
import type { LinearMemory } from '../core/linear-memory.ts';
import { Scratch } from '../core/scratch.ts';
import { ConfigError, StorageError, type StorageErrorDetails } from '../errors.ts';
import type { Machine } from '../machine.ts';

/** A path as callers give it: text, or its UTF-8 bytes. */
export type Path = string | Uint8Array;

/** What is run with the bytes of a path in client memory. */
type PathBody = (exports: CoreExports, address: number, bytes: number) => number;

const ENOENT = -2;
const ENOTDIR = -20;
const EDEADLK = -35;
const PAGE = 4096;
const MAX_CHUNK = 1048576;
/** Where bytes must lie so that every drive reaches them without the page cache. */
const DIRECT_ALIGNMENT = 4096;

const encoder = new TextEncoder();

/** More than a path may have, so that the core refuses it; what is longer need not cross. */
const MAX_PATH_BYTES = 8192;

const bytesOf = (path: Path): Uint8Array =>
  (typeof path === 'string' ? encoder.encode(path) : path).subarray(0, MAX_PATH_BYTES);

/** A path as text, for messages. */
export function pathText(path: Path): string {
  return typeof path === 'string' ? path : new TextDecoder().decode(path);
}

/** A whole number of bytes, or a ConfigError naming `field`. */
export function wholeBytes(field: string, value: number | bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0)
    throw new ConfigError(field, value, 'a whole number from 0 to 2^53 - 1');
  return number;
}

export class Calls {
  readonly #core: Core;
  readonly #paths: Scratch;
  readonly #structs: Scratch;
  readonly #transfers: Scratch;
  /** Bytes that cross at a time: a longer read or write is several. */
  readonly chunkBytes: number;

  readonly machine: Machine;

  constructor(machine: Machine) {
    this.machine = machine;
    this.#core = machine.core;
    this.#paths = new Scratch(machine.buffers);
    this.#structs = new Scratch(machine.buffers);
    this.#transfers = new Scratch(machine.buffers, DIRECT_ALIGNMENT);
    const share = Math.floor(machine.buffers.capacity / 4 / PAGE) * PAGE;
    this.chunkBytes = Math.max(PAGE, Math.min(MAX_CHUNK, share));
  }

  /** Has the memory that those of another machine have, which this one was cloned from. */
  take(from: Calls): void {
    this.#paths.take(from.#paths);
    this.#structs.take(from.#structs);
    this.#transfers.take(from.#transfers);
  }

  get memory(): LinearMemory {
    return this.#core.memory;
  }

  /** Runs an export; a negative result becomes a StorageError. */
  run(syscall: string, details: StorageErrorDetails, body: (exports: CoreExports) => number): number {
    return this.#checked(syscall, details, this.#result(syscall, details, body));
  }

  #result(syscall: string, details: StorageErrorDetails, body: (exports: CoreExports) => number): number {
    const { watcher } = this.machine;
    return watcher === undefined ? this.#core.call(body) : this.#watched(watcher, syscall, details, body);
  }

  #checked(syscall: string, details: StorageErrorDetails, result: number): number {
    if (result >= 0) return result;
    if (result !== EDEADLK) throw new StorageError(syscall, result, details);
    this.#paths.abandon();
    this.#structs.abandon();
    this.#transfers.abandon();
    throw new StorageError(syscall, result, { ...details, hint: 'the drive holds its completions' });
  }

  #watched(
    watcher: CallWatcher,
    syscall: string,
    details: StorageErrorDetails,
    body: (exports: CoreExports) => number,
  ): number {
    let result = 0;
    watcher.begin(syscall, details);
    try {
      result = this.#core.call(body);
    } finally {
      watcher.end(result);
    }
    return result;
  }

  /** An export that takes a path: `body(exports, address, bytes)`. */
  onPath(syscall: string, path: Path, body: PathBody): number {
    const details = { path: pathText(path) };
    return this.#checked(syscall, details, this.#onPath(syscall, details, path, body));
  }

  /** As onPath, but ENOENT and ENOTDIR are answers: who looks for a name that is not there pays for no error. */
  onPathIfThere(syscall: string, path: Path, body: PathBody): number {
    const details = { path: pathText(path) };
    const result = this.#onPath(syscall, details, path, body);
    return result === ENOENT || result === ENOTDIR ? result : this.#checked(syscall, details, result);
  }

  #onPath(syscall: string, details: StorageErrorDetails, path: Path, body: PathBody): number {
    const bytes = bytesOf(path);
    const address = this.#put(bytes);
    return this.#result(syscall, details, (exports) => body(exports, address, bytes.length));
  }

  /** An export that takes two paths. */
  onPaths(
    syscall: string,
    from: Path,
    to: Path,
    body: (
      exports: CoreExports,
      from: readonly [address: number, bytes: number],
      to: readonly [address: number, bytes: number],
    ) => number,
  ): number {
    const first = bytesOf(from);
    const second = bytesOf(to);
    const address = this.#put(first, second);
    return this.run(syscall, { path: pathText(from), dest: pathText(to) }, (exports) =>
      body(exports, [address, first.length], [address + first.length, second.length]),
    );
  }

  #put(first: Uint8Array, second?: Uint8Array): number {
    const address = this.#paths.reserve(first.length + (second?.length ?? 0));
    this.memory.bytes.set(first, address);
    if (second !== undefined) this.memory.bytes.set(second, address + first.length);
    return address;
  }

  /** The address of a struct of `bytes` bytes, until the next call that needs one. */
  struct(bytes: number): number {
    return this.#structs.reserve(bytes);
  }

  /** Reads into `buffer` from `offset`, at most chunkBytes; returns how many bytes came. */
  readChunk(descriptor: number, buffer: Uint8Array, offset: number, path: string): number {
    const address = this.#transfers.reserve(buffer.length);
    const got = this.run('read', { path, offset, length: buffer.length }, (exports) =>
      exports.filePread(descriptor, address, buffer.length, offset),
    );
    buffer.set(this.memory.bytes.subarray(address, address + got));
    return got;
  }

  /** Writes `bytes`, at most chunkBytes, at `offset`; returns how many the file took. */
  writeChunk(descriptor: number, bytes: Uint8Array, offset: number, path: string): number {
    const address = this.#transfers.reserve(bytes.length);
    this.memory.bytes.set(bytes, address);
    return this.run('write', { path, offset, length: bytes.length }, (exports) =>
      exports.filePwrite(descriptor, address, bytes.length, offset),
    );
  }
}
