// Client memory that a ring keeps from call to call, as allocating it anew costs more than a small request.
//
// Verbs: reserve, abandon, free, save, take. It grows when a larger call comes, and goes back with its arena.

import type { BufferArena } from './buffer-arena.ts';

export class Scratch {
  readonly #arena: BufferArena;
  readonly #alignment: number;
  #address = 0;
  #bytes = 0;

  /** `alignment` of what is reserved: a power of two from 64 (default) to 4,096. */
  constructor(arena: BufferArena, alignment = 64) {
    this.#arena = arena;
    this.#alignment = alignment;
  }

  save(): () => void {
    const [address, bytes] = [this.#address, this.#bytes];
    return () => {
      this.#address = address;
      this.#bytes = bytes;
    };
  }

  /** Has what another scratch has, in an arena that took over the other's. */
  take(from: Scratch): void {
    this.#address = from.#address;
    this.#bytes = from.#bytes;
    if (this.#address !== 0) this.#arena.enrol(this);
  }

  /** The address of at least `bytes` bytes; what was there is lost when it grows. */
  reserve(bytes: number): number {
    if (bytes > this.#bytes || this.#address === 0) {
      const wanted = Math.max(bytes, 2 * this.#bytes, 64);
      const address = this.#arena.allocate(wanted, this.#alignment);
      this.free();
      this.#address = address;
      this.#bytes = wanted;
      this.#arena.enrol(this);
    }
    return this.#address;
  }

  /** Leaves what it has to a request that is still in flight: it is never free again. */
  abandon(): void {
    this.#arena.drop(this);
    this.forget();
  }

  /** Has nothing any more: the arena went back to before. */
  forget(): void {
    this.#address = 0;
    this.#bytes = 0;
  }

  free(): void {
    if (this.#address !== 0) this.#arena.free(this.#address);
    this.abandon();
  }
}
