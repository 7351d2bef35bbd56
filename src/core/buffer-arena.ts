// Client memory: the part of linear memory that clients may hand to the core.
//
// Verbs: allocate, free, borrow; save and take for machines that go back or are cloned. First fit over a sorted list of free ranges, joined when freed; 64-byte granules.

import { ConfigError } from '../errors.ts';

const GRANULE = 64;

interface Range {
  start: number;
  end: number;
}

/** What was allocated at one time. */
export interface Piece {
  readonly size: number;
}

/** Memory of the arena that somebody keeps from call to call. */
export interface Kept {
  /** Notes what it has, and returns what puts it back. */
  save(): () => void;
  /** Has nothing any more. */
  forget(): void;
}

/** Allocates addresses in linear memory; what lies there is the caller's. */
export class BufferArena {
  readonly #free: Range[];
  readonly #sizes = new Map<number, Piece>();
  #scratches = new Set<Kept>();
  readonly capacity: number;

  constructor(start: number, bytes: number) {
    this.capacity = bytes;
    this.#free = bytes > 0 ? [{ start, end: start + bytes }] : [];
  }

  /** Bytes that nobody has. */
  get freeBytes(): number {
    return this.#free.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** Address of `bytes` bytes (1 or more) at a multiple of `alignment` (a power of two, 64 to 4,096). Throws ConfigError when none is free. */
  allocate(bytes: number, alignment = GRANULE): number {
    const size = Math.ceil(bytes / GRANULE) * GRANULE;
    for (let index = 0; index < this.#free.length; index++) {
      const range = this.#free[index] as Range;
      const start = Math.ceil(range.start / alignment) * alignment;
      if (start + size > range.end) continue;
      const rest: Range[] = [];
      if (start > range.start) rest.push({ start: range.start, end: start });
      if (start + size < range.end) rest.push({ start: start + size, end: range.end });
      this.#free.splice(index, 1, ...rest);
      this.#sizes.set(start, { size });
      return start;
    }
    throw new ConfigError('buffers', this.capacity, `large enough: ${bytes} more bytes are not free`);
  }

  free(address: number): void {
    const size = this.#sizes.get(address)?.size;
    if (size === undefined) throw new ConfigError('address', address, 'one that allocate() gave');
    this.#sizes.delete(address);
    let index = this.#free.findIndex((range) => range.start > address);
    if (index < 0) index = this.#free.length;
    const range = { start: address, end: address + size };
    const next = this.#free[index];
    if (next !== undefined && next.start === range.end) {
      range.end = next.end;
      this.#free.splice(index, 1);
    }
    const previous = this.#free[index - 1];
    if (previous !== undefined && previous.end === range.start) previous.end = range.end;
    else this.#free.splice(index, 0, range);
  }

  /** Notes who has what, and returns what puts it back. */
  save(): () => void {
    const free = this.#free.map((range) => ({ ...range }));
    const sizes = new Map(this.#sizes);
    const scratches = [...this.#scratches].map((scratch) => [scratch, scratch.save()] as const);
    return () => {
      this.#replace(free, sizes);
      // what was reserved since then is not there
      for (const scratch of this.#scratches) scratch.forget();
      this.#scratches = new Set(scratches.map(([scratch]) => scratch));
      for (const [, restore] of scratches) restore();
    };
  }

  /** Has given what another arena, of the same addresses, has given. */
  take(from: BufferArena): void {
    this.#replace(from.#free, from.#sizes);
  }

  #replace(free: readonly Range[], sizes: ReadonlyMap<number, Piece>): void {
    this.#free.length = 0;
    for (const range of free) this.#free.push({ ...range });
    this.#sizes.clear();
    for (const [address, piece] of sizes) this.#sizes.set(address, piece);
  }

  /** From now on `scratch` goes back with the arena; until it is dropped. */
  enrol(scratch: Kept): void {
    this.#scratches.add(scratch);
  }

  drop(scratch: Kept): void {
    this.#scratches.delete(scratch);
  }

  /** What allocate() gave at `address`: another object after it was freed, even at the same address. */
  pieceAt(address: number): Piece | undefined {
    return this.#sizes.get(address);
  }

  /** Allocates for the time of one call. */
  borrow<T>(bytes: number, use: (address: number) => T): T {
    const address = this.allocate(bytes);
    try {
      return use(address);
    } finally {
      this.free(address);
    }
  }
}
