// A sparse byte store in memory: what a drive without an image file is kept in.
//
// Verbs: read, write, size. Chunks of 16 KiB, made when first written with something other than zeros, cut from slabs of 4 MiB.
// Invariant: bytes never written are zeros; `size` is the end of the highest byte written, or what the drive declares.

const CHUNK_SHIFT = 14;
const CHUNK_SIZE = 1 << CHUNK_SHIFT;
const CHUNKS_A_SLAB = 256;

/** Offsets are bytes, whole numbers from 0 to 2^53 - 1. */
export class SparseMemory {
  readonly #chunks = new Map<number, number>();
  readonly #slabs: Uint8Array[] = [];
  #chunkCount = 0;
  #lastNumber = -1;
  #lastChunk: Uint8Array | undefined;
  #size: number;

  /** `size`: bytes the store counts as its length; it grows with writes beyond. */
  constructor(size = 0) {
    this.#size = size;
  }

  /** Bytes: the end of the highest byte written, or the declared size if that is more. */
  get size(): number {
    return this.#size;
  }

  /** Declares a size; never shrinks. */
  extend(size: number): void {
    if (size > this.#size) this.#size = size;
  }

  /** Bytes of memory that hold chunks. */
  get heldBytes(): number {
    return this.#chunkCount * CHUNK_SIZE;
  }

  #find(number: number): Uint8Array | undefined {
    if (number === this.#lastNumber) return this.#lastChunk;
    const place = this.#chunks.get(number);
    if (place === undefined) return undefined;
    const slab = this.#slabs[Math.floor(place / CHUNKS_A_SLAB)] as Uint8Array;
    const start = (place % CHUNKS_A_SLAB) << CHUNK_SHIFT;
    this.#lastChunk = slab.subarray(start, start + CHUNK_SIZE);
    this.#lastNumber = number;
    return this.#lastChunk;
  }

  #make(number: number): Uint8Array {
    if (this.#chunkCount % CHUNKS_A_SLAB === 0) this.#slabs.push(new Uint8Array(CHUNK_SIZE * CHUNKS_A_SLAB));
    this.#chunks.set(number, this.#chunkCount++);
    return this.#find(number) as Uint8Array;
  }

  /** Fills `target` with the bytes from `offset` on. */
  read(target: Uint8Array, offset: number): void {
    let done = 0;
    while (done < target.length) {
      const position = offset + done;
      const within = position % CHUNK_SIZE;
      const count = Math.min(target.length - done, CHUNK_SIZE - within);
      const chunk = this.#find(Math.floor(position / CHUNK_SIZE));
      if (chunk === undefined) target.fill(0, done, done + count);
      else target.set(chunk.subarray(within, within + count), done);
      done += count;
    }
  }

  /** Stores `source` from `offset` on. Zeros over nothing stay nothing. */
  write(source: Uint8Array, offset: number): void {
    let done = 0;
    while (done < source.length) {
      const position = offset + done;
      const within = position % CHUNK_SIZE;
      const count = Math.min(source.length - done, CHUNK_SIZE - within);
      const number = Math.floor(position / CHUNK_SIZE);
      const part = source.subarray(done, done + count);
      const chunk = this.#find(number) ?? (isZero(part) ? undefined : this.#make(number));
      chunk?.set(part, within);
      done += count;
    }
    this.extend(offset + source.length);
  }
}

function isZero(bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index++) {
    if (bytes[index] !== 0) return false;
  }
  return true;
}
