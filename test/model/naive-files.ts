// Files as arrays of bytes: what a drive, a flat file or a file of the volume must read as, whatever the cache does.
//
// Verbs: write, zero, resize, read; firstData and firstHole judge a seek. Behind `size` every byte is zero.

export type FileKind = 'drive' | 'flat' | 'volume';

export class NaiveFile {
  readonly kind: FileKind;
  readonly bytes: Uint8Array;
  /** Where writes stop: the drive's end, or the extent's. */
  readonly capacity: number;
  size: number;
  /** Names on the volume. */
  links = 0;

  constructor(kind: FileKind, size: number, capacity: number) {
    this.kind = kind;
    this.size = size;
    this.capacity = capacity;
    this.bytes = new Uint8Array(capacity);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, offset);
    this.size = Math.max(this.size, offset + bytes.length);
  }

  /** Zeroes what lies inside the file. */
  zero(offset: number, length: number): void {
    if (offset < this.size) this.bytes.fill(0, offset, Math.min(offset + length, this.size));
  }

  resize(size: number): void {
    if (size < this.size) this.bytes.fill(0, size, this.size);
    this.size = size;
  }

  read(offset: number, length: number): Uint8Array {
    const end = Math.min(offset + length, this.size);
    return end > offset ? this.bytes.subarray(offset, end) : new Uint8Array(0);
  }

  /** True when [start, end) reads as zeros. */
  isZero(start: number, end: number): boolean {
    return this.bytes.subarray(start, Math.min(end, this.size)).every((byte) => byte === 0);
  }
}

/** Numbers from a seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let value = this.#state;
    value = Math.imul(value ^ (value >>> 15), value | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return Math.floor((((value ^ (value >>> 14)) >>> 0) / 4294967296) * limit);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }
}
