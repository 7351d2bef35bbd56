// Views over the module's linear memory, made anew only when the memory has grown.
//
// Verbs: bytes, words, doubles of u64. The memory grows once, when the machine opens; after that the views stay.

/** Cached views over a WebAssembly.Memory. */
export class LinearMemory {
  readonly #memory: WebAssembly.Memory;
  #bytes: Uint8Array;
  #words: Uint32Array;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#words = new Uint32Array(memory.buffer);
  }

  /** Views of memory that has grown have no bytes: asking them costs a fraction of asking for the memory's buffer. */
  #refresh(): void {
    if (this.#bytes.length !== 0) return;
    const buffer = this.#memory.buffer;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
  }

  /** Grows to `bytes` bytes, whole pages of 64 KiB. */
  grow(bytes: number): void {
    const missing = bytes - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(missing / 65536);
  }

  get buffer(): ArrayBuffer {
    return this.#memory.buffer as ArrayBuffer;
  }

  get bytes(): Uint8Array {
    this.#refresh();
    return this.#bytes;
  }

  get words(): Uint32Array {
    this.#refresh();
    return this.#words;
  }

  /** u32 at a byte address that is a multiple of 4. */
  u32(address: number): number {
    return this.words[address >>> 2] as number;
  }

  setU32(address: number, value: number): void {
    this.words[address >>> 2] = value;
  }

  /** u64 at a byte address that is a multiple of 4, as a number: exact up to 2^53. */
  u64(address: number): number {
    const words = this.words;
    return (words[(address >>> 2) + 1] as number) * 4294967296 + (words[address >>> 2] as number);
  }

  /** s64 at a byte address that is a multiple of 4, as a number: exact up to 2^53. */
  s64(address: number): number {
    const words = this.words;
    return ((words[(address >>> 2) + 1] as number) | 0) * 4294967296 + (words[address >>> 2] as number);
  }

  /** Stores a whole number from 0 to 2^53 as a u64. */
  setU64(address: number, value: number): void {
    const words = this.words;
    words[address >>> 2] = value % 4294967296;
    words[(address >>> 2) + 1] = Math.floor(value / 4294967296);
  }

  /** s64 at a byte address that is a multiple of 4, exact. */
  big64(address: number): bigint {
    const words = this.words;
    return (
      (BigInt((words[(address >>> 2) + 1] as number) | 0) << 32n) | BigInt(words[address >>> 2] as number)
    );
  }

  /** Stores a whole number from -2^63 to 2^63 - 1 as an s64. */
  setBig64(address: number, value: bigint): void {
    const words = this.words;
    words[address >>> 2] = Number(value & 0xffffffffn);
    words[(address >>> 2) + 1] = Number((value >> 32n) & 0xffffffffn);
  }

  /** f64 at any byte address. */
  f64(address: number): number {
    return new DataView(this.buffer, address, 8).getFloat64(0, true);
  }

  /** Hexadecimal digits of a u64, 16 of them. */
  hex64(address: number): string {
    const words = this.words;
    const high = words[(address >>> 2) + 1] as number;
    return (
      high.toString(16).padStart(8, '0') + (words[address >>> 2] as number).toString(16).padStart(8, '0')
    );
  }

  /** A string of the core's static data: UTF-16, its byte length in the four bytes before. */
  text(address: number): string {
    if (address === 0) return '';
    const length = this.u32(address - 4) >>> 1;
    return String.fromCharCode(...new Uint16Array(this.buffer, address, length));
  }
}
