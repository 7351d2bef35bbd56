// Client memory that a ring keeps from call to call, as allocating it anew costs more than a small request.
//
// Verbs: reserve, free. It grows when a larger call comes.

import type { BufferArena } from './buffer-arena.ts';

export class Scratch {
  readonly #arena: BufferArena;
  #address = 0;
  #bytes = 0;

  constructor(arena: BufferArena) {
    this.#arena = arena;
  }

  /** The address of at least `bytes` bytes; what was there is lost when it grows. */
  reserve(bytes: number): number {
    if (bytes > this.#bytes || this.#address === 0) {
      const wanted = Math.max(bytes, 2 * this.#bytes, 64);
      const address = this.#arena.allocate(wanted);
      this.free();
      this.#address = address;
      this.#bytes = wanted;
    }
    return this.#address;
  }

  free(): void {
    if (this.#address !== 0) this.#arena.free(this.#address);
    this.#address = 0;
    this.#bytes = 0;
  }
}
