// The index of a write-ahead log, shared by the connections of one process: memory of SQLite's module, and eight locks
// (os_unix.c, unixShmMap and unixShmLock).
//
// Verbs: map, lock, unmap. There is no -shm file: after a crash nobody reads it, SQLite builds the index again from the log.
//
// Invariant: the memory lives while a connection has it mapped. Each lock is free, held by one, or shared by any number.

import {
  SQLITE_BUSY,
  SQLITE_NOMEM,
  SQLITE_OK,
  SQLITE_SHM_NLOCK,
  SQLITE_SHM_SHARED,
  SQLITE_SHM_UNLOCK,
} from './codes.ts';
import type { Sqlite3 } from './types.ts';

type Wasm = Sqlite3['wasm'];

/** Of one database file. */
export class SharedMemory {
  readonly #wasm: Wasm;
  readonly #regions: number[] = [];
  /** Of each lock: -1 held by one, 0 free, else how many share it. */
  readonly holders = new Int32Array(SQLITE_SHM_NLOCK);
  connections = 0;

  constructor(wasm: Wasm) {
    this.#wasm = wasm;
  }

  /** Where region number `index`, of `bytes` zeroed bytes, is: 0 when it is not there and not to be made, undefined without memory. */
  region(index: number, bytes: number, isMade: boolean): number | undefined {
    if (index >= this.#regions.length && !isMade) return 0;
    while (index >= this.#regions.length) {
      const pointer = this.#allocate(bytes);
      if (pointer === 0) return undefined;
      this.#regions.push(pointer);
    }
    return this.#regions[index];
  }

  #allocate(bytes: number): number {
    try {
      const pointer = this.#wasm.alloc(bytes);
      this.#wasm.heap8u().fill(0, pointer, pointer + bytes);
      return pointer;
    } catch {
      return 0;
    }
  }

  free(): void {
    for (const pointer of this.#regions.splice(0)) this.#wasm.dealloc(pointer);
    this.holders.fill(0);
  }
}

/** What one connection has of it. */
export class SharedMemoryUse {
  readonly #memory: SharedMemory;
  #sharedMask = 0;
  #exclusiveMask = 0;
  #isMapped = false;

  constructor(memory: SharedMemory) {
    this.#memory = memory;
  }

  /** `found` takes the address of the region, or 0. */
  map(index: number, bytes: number, isMade: boolean, found: (pointer: number) => void): number {
    if (!this.#isMapped) this.#memory.connections++;
    this.#isMapped = true;
    const pointer = this.#memory.region(index, bytes, isMade);
    found(pointer ?? 0);
    return pointer === undefined ? SQLITE_NOMEM : SQLITE_OK;
  }

  /** Takes or gives back `count` locks from number `first`, as `flags` (SQLITE_SHM_…) say. */
  lock(first: number, count: number, flags: number): number {
    const mask = ((1 << count) - 1) << first;
    const isShared = (flags & SQLITE_SHM_SHARED) !== 0;
    if ((flags & SQLITE_SHM_UNLOCK) !== 0) this.#release(first, count, mask, isShared);
    else if (isShared) return this.#share(first, mask);
    else return this.#exclude(first, count, mask);
    return SQLITE_OK;
  }

  #release(first: number, count: number, mask: number, isShared: boolean): void {
    if (((this.#sharedMask | this.#exclusiveMask) & mask) === 0) return;
    const { holders } = this.#memory;
    const sharing = holders[first] ?? 0;
    if (isShared && sharing > 1) holders[first] = sharing - 1;
    else holders.fill(0, first, first + count);
    this.#sharedMask &= ~mask;
    this.#exclusiveMask &= ~mask;
  }

  #share(first: number, mask: number): number {
    if ((this.#sharedMask & mask) !== 0) return SQLITE_OK;
    const { holders } = this.#memory;
    const sharing = holders[first] ?? 0;
    if (sharing < 0) return SQLITE_BUSY;
    holders[first] = sharing + 1;
    this.#sharedMask |= mask;
    return SQLITE_OK;
  }

  #exclude(first: number, count: number, mask: number): number {
    const { holders } = this.#memory;
    for (let at = first; at < first + count; at++) {
      const isOurs = (this.#exclusiveMask & (1 << at)) !== 0;
      if (holders[at] !== 0 && !isOurs) return SQLITE_BUSY;
    }
    holders.fill(-1, first, first + count);
    this.#exclusiveMask |= mask;
    return SQLITE_OK;
  }

  /** Gives back what is held; the last connection frees the memory. */
  unmap(): void {
    for (let at = 0; at < SQLITE_SHM_NLOCK; at++) {
      const mask = 1 << at;
      this.#release(at, 1, mask, (this.#sharedMask & mask) !== 0);
    }
    if (!this.#isMapped) return;
    this.#isMapped = false;
    if (--this.#memory.connections === 0) this.#memory.free();
  }
}
