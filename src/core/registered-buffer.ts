// Registered buffers: pieces of client memory with the bytes in view, so that requests move them without a copy.
//
// Verbs: RegisteredBuffer.allocate, subarray, free. The memory never moves while a machine lives, nor does the view.

import { ConfigError } from '../errors.ts';
import type { Machine } from '../machine.ts';
import type { BufferArena, Piece } from './buffer-arena.ts';
import type { LinearMemory } from './linear-memory.ts';

/** Memory that a request can name: `bytes` is the view, `address` where it lies. Make one with `machine.allocateBuffer`. */
export class RegisteredBuffer implements Disposable {
  readonly address: number;
  readonly bytes: Uint8Array;
  /** What gives the memory back, and what it gave; undefined for a part of a buffer. */
  readonly #arena: BufferArena | undefined;
  readonly #piece: Piece | undefined;

  private constructor(address: number, bytes: Uint8Array, arena: BufferArena | undefined) {
    this.address = address;
    this.bytes = bytes;
    this.#arena = arena;
    this.#piece = arena?.pieceAt(address);
  }

  static allocate(
    memory: LinearMemory,
    arena: BufferArena,
    length: number,
    alignment: number,
  ): RegisteredBuffer {
    if (!Number.isSafeInteger(length) || length < 1)
      throw new ConfigError('length', length, 'a whole number of bytes, 1 or more');
    if (!Number.isInteger(Math.log2(alignment)) || alignment < 64 || alignment > 4096)
      throw new ConfigError('alignment', alignment, 'a power of two from 64 to 4096');
    const address = arena.allocate(length, alignment);
    const bytes = memory.bytes.subarray(address, address + length).fill(0);
    return new RegisteredBuffer(address, bytes, arena);
  }

  /** Bytes. */
  get length(): number {
    return this.bytes.length;
  }

  /** A part, as of a Uint8Array. It lives as long as the whole; freeing it frees nothing. */
  subarray(begin = 0, end = this.length): RegisteredBuffer {
    const bytes = this.bytes.subarray(begin, end);
    return new RegisteredBuffer(bytes.byteOffset, bytes, undefined);
  }

  /** @internal The same memory of a clone. */
  twin({ core, buffers }: Machine): RegisteredBuffer {
    const bytes = core.memory.bytes.subarray(this.address, this.address + this.length);
    return new RegisteredBuffer(this.address, bytes, this.#arena === undefined ? undefined : buffers);
  }

  /** Gives the memory back; a second time does nothing. No request in flight may name it. */
  free(): void {
    const isHeld = this.#piece !== undefined && this.#arena?.pieceAt(this.address) === this.#piece;
    if (isHeld) this.#arena?.free(this.address);
  }

  [Symbol.dispose](): void {
    this.free();
  }
}
