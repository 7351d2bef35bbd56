// An image file and the stores that see it as it was: none of them copies the file.
//
// Verbs: fork, beforeWrite, rewind. Before a machine overwrites bytes of its image, their chunks are read and kept for those stores
// that were made before. What was kept between two forks is an age; a store looks through the ages from its own on, and last into
// the file. Nobody looking any more, ages go, and nothing is kept.
// Invariant: a chunk is in an age exactly when the file has changed there between that age's begin and the next one's.

import { CHUNK_SIZE, type Floor, SparseMemory } from './sparse-memory.ts';

/** A file that can be read and written beside the core. */
export interface ImageAccess {
  readonly size: number;
  /** Fills the front of `target` from `offset` on; returns how many bytes there were. */
  read(target: Uint8Array, offset: number): number;
  write(source: Uint8Array, offset: number): void;
  truncate(size: number): void;
}

/** The file as it was when the age began. */
class Age implements Floor {
  readonly image: OverlaidImage;
  readonly size: number;
  /** Chunks that the file does not hold any more. */
  readonly kept = new Map<number, Uint8Array>();
  next: Age | undefined;

  constructor(image: OverlaidImage, size: number) {
    this.image = image;
    this.size = size;
  }

  chunk(number: number): Uint8Array | undefined {
    for (let age: Age | undefined = this; age !== undefined; age = age.next) {
      const kept = age.kept.get(number);
      if (kept !== undefined) return kept;
    }
    return this.image.chunk(number);
  }
}

/** Makes stores that see the file as it is now. */
export class OverlaidImage {
  readonly #open: () => ImageAccess;
  #access: ImageAccess | undefined;
  /** Held by the stores that look through it, and by the ages before it. */
  #age: WeakRef<Age> | undefined;
  readonly #ages = new WeakMap<SparseMemory, Age>();

  constructor(open: () => ImageAccess) {
    this.#open = open;
  }

  get #file(): ImageAccess {
    this.#access ??= this.#open();
    return this.#access;
  }

  /** A store with the file's bytes of now; `size`: its least length. */
  fork(size = 0): SparseMemory {
    let age = this.#age?.deref();
    if (age === undefined || age.kept.size > 0) {
      const next = new Age(this, this.#file.size);
      if (age !== undefined) age.next = next;
      age = next;
      this.#age = new WeakRef(age);
    }
    const store = new SparseMemory(Math.max(size, age.size), age);
    this.#ages.set(store, age);
    return store;
  }

  /** What the file holds now. */
  chunk(number: number): Uint8Array | undefined {
    const bytes = new Uint8Array(CHUNK_SIZE);
    return this.#file.read(bytes, number * CHUNK_SIZE) === 0 ? undefined : bytes;
  }

  /** Keeps what `length` bytes at `offset` hold, if anybody will look for it. */
  beforeWrite(offset: number, length: number): void {
    const age = this.#age?.deref();
    if (age === undefined || length === 0) return;
    const last = Math.floor((offset + length - 1) / CHUNK_SIZE);
    for (let number = Math.floor(offset / CHUNK_SIZE); number <= last; number++) this.#keep(age, number);
  }

  #keep(age: Age, number: number): void {
    if (!age.kept.has(number)) age.kept.set(number, this.chunk(number) ?? new Uint8Array(CHUNK_SIZE));
  }

  /** Makes the file what it was when `store`, which fork() made and nobody has written to, was made. */
  rewind(store: SparseMemory): void {
    const past = this.#ages.get(store);
    if (past === undefined) throw new Error('not a store of this image');
    const changed = new Set<number>();
    for (let age: Age | undefined = past; age !== undefined; age = age.next)
      for (const number of age.kept.keys()) changed.add(number);
    for (const number of changed) {
      const bytes = past.chunk(number) as Uint8Array;
      this.beforeWrite(number * CHUNK_SIZE, CHUNK_SIZE);
      this.#file.write(bytes, number * CHUNK_SIZE);
    }
    const { size } = this.#file;
    if (size <= past.size) return;
    this.beforeWrite(past.size, size - past.size);
    this.#file.truncate(past.size);
  }
}
