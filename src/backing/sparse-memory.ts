// A sparse byte store in memory: what a drive without an image file is kept in.
//
// Verbs: read, write, fork, unshared, become, size. Chunks of 16 KiB, made when first written with something other than zeros, cut from slabs of 4 MiB.
// Invariants: bytes never written are those of the store's floor, zeros where there is none; `size` is the end of the highest byte written,
// or what the drive declares. A chunk that a fork shares is never written again: the first write to it makes a copy.

const CHUNK_SHIFT = 14;
export const CHUNK_SIZE = 1 << CHUNK_SHIFT;
const CHUNKS_A_SLAB = 256;

/** What lies below a store where nothing was written: chunks that never change. */
export interface Floor {
  /** Chunk number `number`, CHUNK_SIZE bytes that nobody writes to; undefined: zeros. */
  chunk(number: number): Uint8Array | undefined;
}

/** Offsets are bytes, whole numbers from 0 to 2^53 - 1. */
export class SparseMemory {
  /** What this store may write to, and what it shares with forks and only reads. */
  #own = new Map<number, Uint8Array>();
  #shared: ReadonlyMap<number, Uint8Array> = new Map();
  #floor: Floor | undefined;
  #slab: Uint8Array | undefined;
  /** Chunks at its end that are not in use. */
  #slabFree = 0;
  /** Chunks that it made and looks at: its own, and numbers of those that it shares by now. */
  #chunkCount = 0;
  #madeShared = new Set<number>();
  #lastNumber = -1;
  #lastChunk: Uint8Array | undefined;
  #lastIsOwn = false;
  #size: number;

  /** `size`: bytes the store counts as its length; it grows with writes beyond. `floor`: what it holds where nothing was written. */
  constructor(size = 0, floor?: Floor) {
    this.#size = size;
    this.#floor = floor;
  }

  /** Bytes: the end of the highest byte written, or the declared size if that is more. */
  get size(): number {
    return this.#size;
  }

  /** Declares a size; never shrinks. */
  extend(size: number): void {
    if (size > this.#size) this.#size = size;
  }

  /** Bytes of memory that hold chunks of this store's own; what forks share is counted where it was made. */
  get heldBytes(): number {
    return this.#chunkCount * CHUNK_SIZE;
  }

  /**
   * A store with the same bytes. From now on writes to one are not seen in the other; what neither writes is kept once. Costs as
   * much as there are chunks written since the last fork, not as there are bytes.
   */
  fork(): SparseMemory {
    if (this.#own.size > 0) {
      for (const number of this.#own.keys()) this.#madeShared.add(number);
      this.#shared = this.#shared.size === 0 ? this.#own : new Map([...this.#shared, ...this.#own]);
      this.#own = new Map();
      this.#lastNumber = -1;
    }
    const fork = new SparseMemory(this.#size, this.#floor);
    fork.#shared = this.#shared;
    return fork;
  }

  /**
   * Where this store may differ from another one that was forked from it, or it from that, or both from a third: the pieces, of CHUNK_SIZE bytes,
   * that they do not share. Nobody may write to the bytes.
   */
  *unshared(other: SparseMemory): Generator<{ readonly offset: number; readonly bytes: Uint8Array }> {
    const numbers = new Set(
      [this, other].flatMap((store) => [...store.#shared.keys(), ...store.#own.keys()]),
    );
    for (const number of numbers) {
      const mine = this.#own.get(number) ?? this.#shared.get(number);
      if (mine === (other.#own.get(number) ?? other.#shared.get(number))) continue;
      const bytes = mine ?? this.#floor?.chunk(number) ?? new Uint8Array(CHUNK_SIZE);
      yield { offset: number * CHUNK_SIZE, bytes };
    }
  }

  /** Takes the bytes and the size of another store, as a fork does: what this one held is gone. */
  become(other: SparseMemory): void {
    const fork = other.fork();
    this.#own = new Map();
    this.#shared = fork.#shared;
    this.#floor = fork.#floor;
    this.#size = fork.#size;
    this.#chunkCount = 0;
    this.#madeShared.clear();
    this.#lastNumber = -1;
  }

  #find(number: number): Uint8Array | undefined {
    if (number === this.#lastNumber) return this.#lastChunk;
    const own = this.#own.get(number);
    const chunk = own ?? this.#shared.get(number) ?? this.#floor?.chunk(number);
    if (chunk === undefined) return undefined;
    return this.#remember(number, chunk, own !== undefined);
  }

  /** The chunk to write to: made, or copied from what is shared. A copy has memory of its own, as stores that share come and go. */
  #make(number: number, before: Uint8Array | undefined): Uint8Array {
    const chunk = before === undefined ? this.#cut() : before.slice();
    this.#own.set(number, chunk);
    // what it made before is the forks' alone now
    if (!this.#madeShared.delete(number)) this.#chunkCount++;
    return this.#remember(number, chunk, true);
  }

  /** A chunk of zeros. */
  #cut(): Uint8Array {
    if (this.#slab === undefined || this.#slabFree === 0) {
      // a store that holds little, as most forks do, takes little
      this.#slabFree = Math.min(CHUNKS_A_SLAB, Math.max(1, this.#chunkCount));
      this.#slab = new Uint8Array(CHUNK_SIZE * this.#slabFree);
    }
    const start = this.#slab.length - this.#slabFree * CHUNK_SIZE;
    this.#slabFree--;
    return this.#slab.subarray(start, start + CHUNK_SIZE);
  }

  #remember(number: number, chunk: Uint8Array, isOwn: boolean): Uint8Array {
    this.#lastNumber = number;
    this.#lastChunk = chunk;
    this.#lastIsOwn = isOwn;
    return chunk;
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

  /** The chunk that `part` is written to; none when it is zeros over nothing. */
  #target(number: number, part: Uint8Array): Uint8Array | undefined {
    const found = this.#find(number);
    if (found !== undefined && this.#lastIsOwn) return found;
    return found === undefined && isZero(part) ? undefined : this.#make(number, found);
  }

  /** Stores `source` from `offset` on. Zeros over nothing stay nothing. */
  write(source: Uint8Array, offset: number): void {
    let done = 0;
    while (done < source.length) {
      const position = offset + done;
      const within = position % CHUNK_SIZE;
      const count = Math.min(source.length - done, CHUNK_SIZE - within);
      const number = Math.floor(position / CHUNK_SIZE);
      const part = count === source.length ? source : source.subarray(done, done + count);
      this.#target(number, part)?.set(part, within);
      done += count;
    }
    this.extend(offset + source.length);
  }
}

function isZero(bytes: Uint8Array): boolean {
  // by words where they lie so: most of what a new volume is made of is zeros
  const isInWords = bytes.byteOffset % 4 === 0 && bytes.length % 4 === 0;
  const items = isInWords ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4) : bytes;
  for (let index = 0; index < items.length; index++) {
    if (items[index] !== 0) return false;
  }
  return true;
}
