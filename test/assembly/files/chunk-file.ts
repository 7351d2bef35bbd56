// A file as a store of chunks knows it, for models: its bytes, its end, and how much of each chunk exists.
//
// Verbs: write, truncate, punch, read (concatIoRes of 3FS).

/** What a read through USRBIO brings. */
export interface ChunkRead {
  /** Bytes up to the last one that exists. */
  readonly length: number;
  /** A hole lies before data. */
  readonly isHoley: boolean;
}

export class ChunkFile {
  size: number;
  readonly chunk: number;
  readonly capacity: number;
  readonly bytes: Uint8Array;
  /** Bytes of each chunk that exist, from its first one. */
  readonly #existing: number[];

  /** `size` bytes of `value`, all of which exist. */
  constructor(chunk: number, size: number, capacity: number, value: number) {
    this.chunk = chunk;
    this.size = size;
    this.capacity = capacity;
    this.bytes = new Uint8Array(capacity + 16 * chunk);
    this.bytes.fill(value, 0, size);
    this.#existing = Array.from({ length: Math.ceil(capacity / chunk) }, (_, index) =>
      this.#upTo(size, index),
    );
  }

  /** Bytes of a chunk that lie before `end`. */
  #upTo(end: number, chunk: number): number {
    return Math.min(this.chunk, Math.max(0, end - chunk * this.chunk));
  }

  /** Writes what there is room for; how many bytes. */
  write(at: number, content: Uint8Array): number {
    const taken = Math.max(0, Math.min(content.length, this.capacity - at));
    if (taken === 0) return 0;
    const end = at + taken;
    this.bytes.set(content.subarray(0, taken), at);
    for (let chunk = Math.floor(at / this.chunk); chunk * this.chunk < end; chunk++)
      this.#existing[chunk] = Math.max(this.#existing[chunk] as number, this.#upTo(end, chunk));
    this.size = Math.max(this.size, end);
    return taken;
  }

  truncate(size: number): void {
    this.size = size;
    this.bytes.fill(0, size);
    for (const [chunk, there] of this.#existing.entries())
      this.#existing[chunk] = Math.min(there, this.#upTo(size, chunk));
  }

  /** Chunks [first, end). */
  punch(first: number, end: number): void {
    this.bytes.fill(0, first * this.chunk, end * this.chunk);
    this.#existing.fill(0, first, end);
  }

  /** The parts of a request begin at its start and at chunks; what is missing at its end does not count. */
  read(at: number, bytes: number): ChunkRead {
    let length = 0;
    let isHoley = false;
    for (let offset = 0; offset < bytes; ) {
      const position = at + offset;
      const inChunk = position % this.chunk;
      const part = Math.min(this.chunk - inChunk, bytes - offset);
      const existing = this.#existing[Math.floor(position / this.chunk)] ?? 0;
      const present = Math.min(part, existing - inChunk, this.size - position);
      if (present > 0) {
        isHoley ||= offset > length;
        length = offset + present;
      }
      offset += part;
    }
    return { length, isHoley };
  }
}
