// The naive model: what the whole path promises, written the slow and obvious way.
//
// A drive's newest bytes are a Map of 512-byte sectors, the page cache is one exact LRU list of (file, page) with a mask
// of dirty blocks, and an operation is a loop over bytes and pages. It knows nothing of bios, merging, queues or time.
// Verbs: read, write, sync, discard; each answers what the real path must answer, a count or a negative errno.
// Rules: one access for each page that a buffered read or write touches; a hit is a page on the list, whatever of it is
// uptodate; a discard zeroes and cleans the page but keeps its place; direct I/O touches no place and a direct write drops pages.

import { PAGE_SIZE, SECTOR_SIZE } from '../../assembly/limits.ts';

export const EINVAL = -22;
export const ENOSPC = -28;

export interface NaiveFile {
  readonly drive: number;
  readonly offsetBytes: number;
  readonly capacity: number;
  readonly isBlockDevice: boolean;
  size: number;
}

/** How a handle was opened. */
export interface NaiveMode {
  readonly direct?: boolean;
  readonly dsync?: boolean;
  readonly append?: boolean;
}

interface CachedPage {
  readonly file: number;
  readonly index: number;
  dirtyBlocks: number;
}

export interface NaiveCounters {
  accesses: number;
  hits: number;
  misses: number;
  evictions: number;
  discardedPages: number;
}

/** Bytes of a drive as a Map of sectors; a missing sector is zeros. */
export class SectorMap {
  readonly sectors = new Map<number, Uint8Array>();

  read(length: number, offset: number): Uint8Array {
    const result = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const within = (offset + done) % SECTOR_SIZE;
      const count = Math.min(length - done, SECTOR_SIZE - within);
      const sector = this.sectors.get(Math.floor((offset + done) / SECTOR_SIZE));
      if (sector !== undefined) result.set(sector.subarray(within, within + count), done);
      done += count;
    }
    return result;
  }

  write(bytes: Uint8Array, offset: number): void {
    for (let done = 0; done < bytes.length; ) {
      const number = Math.floor((offset + done) / SECTOR_SIZE);
      const within = (offset + done) % SECTOR_SIZE;
      const count = Math.min(bytes.length - done, SECTOR_SIZE - within);
      let sector = this.sectors.get(number);
      if (sector === undefined) {
        sector = new Uint8Array(SECTOR_SIZE);
        this.sectors.set(number, sector);
      }
      sector.set(bytes.subarray(done, done + count), within);
      done += count;
    }
  }
}

export class NaivePath {
  readonly drives: readonly SectorMap[];
  readonly files: readonly NaiveFile[];
  readonly counters: NaiveCounters = { accesses: 0, hits: 0, misses: 0, evictions: 0, discardedPages: 0 };
  readonly #blockSize: number;
  readonly #capacity: number;
  /** Oldest access first: a Map keeps the order of insertion. */
  readonly #pages = new Map<string, CachedPage>();

  constructor(options: { drives: number; files: NaiveFile[]; blockSize: number; cachePages: number }) {
    this.drives = Array.from({ length: options.drives }, () => new SectorMap());
    this.files = options.files;
    this.#blockSize = options.blockSize;
    this.#capacity = options.cachePages;
  }

  get dirtyPageCount(): number {
    return [...this.#pages.values()].filter((page) => page.dirtyBlocks !== 0).length;
  }

  get cachedPageCount(): number {
    return this.#pages.size;
  }

  /** The bytes that a read must give, or a negative errno. */
  read(file: number, length: number, offset: number, mode: NaiveMode = {}): Uint8Array | number {
    const { size } = this.#file(file);
    if (mode.direct === true) {
      if (!isAligned(offset, length)) return EINVAL;
      if (offset >= size || length === 0) return new Uint8Array(0);
      const end = Math.min(offset + length, Math.ceil(size / SECTOR_SIZE) * SECTOR_SIZE);
      this.#clean(file, offset, end);
      return this.#bytes(file, Math.min(end, size) - offset, offset);
    }
    const end = Math.min(offset + length, size);
    if (end <= offset) return new Uint8Array(0);
    for (const { index } of this.#pieces(offset, end)) this.#access(file, index);
    return this.#bytes(file, end - offset, offset);
  }

  /** How many bytes the write takes, or a negative errno. */
  write(file: number, bytes: Uint8Array, askedOffset: number, mode: NaiveMode = {}): number {
    const target = this.#file(file);
    if (bytes.length === 0) return 0;
    const offset = mode.append === true && !target.isBlockDevice ? target.size : askedOffset;
    if (mode.direct === true && !isAligned(offset, bytes.length)) return EINVAL;
    if (offset >= target.capacity) return ENOSPC;
    const end = Math.min(offset + bytes.length, target.capacity);
    // behind the end of the file a direct write falls back to a buffered one: the gap needs zeros
    if (mode.direct === true && offset <= target.size) {
      this.#clean(file, offset, end);
      this.#drop(file, offset, end);
    } else {
      const start = Math.min(offset, target.size);
      for (const piece of this.#pieces(start, end)) {
        this.#access(file, piece.index).dirtyBlocks |= this.#blocks(piece.from, piece.to);
      }
      if (mode.dsync === true) this.#clean(file, start, end);
    }
    this.drives[target.drive]?.write(bytes.subarray(0, end - offset), target.offsetBytes + offset);
    target.size = Math.max(target.size, end);
    return end - offset;
  }

  sync(file: number): number {
    this.#clean(file, 0, this.#file(file).capacity);
    return 0;
  }

  discard(file: number, offset: number, length: number): number {
    const { capacity, size, drive, offsetBytes } = this.#file(file);
    if (length === 0) return 0;
    if (!isAligned(offset, length)) return EINVAL;
    if (offset >= capacity) return ENOSPC;
    if (offset + length > capacity) return EINVAL;
    for (const page of this.#touched(file, offset, offset + length)) {
      const pageStart = page.index * PAGE_SIZE;
      const from = Math.max(offset - pageStart, 0);
      const to = Math.min(offset + length - pageStart, PAGE_SIZE);
      const firstWhole = Math.ceil(from / this.#blockSize) * this.#blockSize;
      const isAtEnd = pageStart + to >= size;
      const endWhole = isAtEnd ? PAGE_SIZE : Math.floor(to / this.#blockSize) * this.#blockSize;
      if (firstWhole < endWhole) page.dirtyBlocks &= ~this.#blocks(firstWhole, endWhole);
      this.counters.discardedPages++;
    }
    this.drives[drive]?.write(new Uint8Array(length), offsetBytes + offset);
    return 0;
  }

  #file(file: number): NaiveFile {
    return this.files[file] as NaiveFile;
  }

  #bytes(file: number, length: number, offset: number): Uint8Array {
    const { drive, offsetBytes } = this.#file(file);
    return (this.drives[drive] as SectorMap).read(length, offsetBytes + offset);
  }

  /** One piece for each page of file bytes [start, end). */
  #pieces(start: number, end: number): { index: number; from: number; to: number }[] {
    const pieces = [];
    for (let index = Math.floor(start / PAGE_SIZE); index * PAGE_SIZE < end; index++) {
      const pageStart = index * PAGE_SIZE;
      pieces.push({
        index,
        from: Math.max(start - pageStart, 0),
        to: Math.min(end - pageStart, PAGE_SIZE),
      });
    }
    return pieces;
  }

  /** Bits of the blocks that bytes [from, to) of a page touch. */
  #blocks(from: number, to: number): number {
    let mask = 0;
    for (let block = Math.floor(from / this.#blockSize); block * this.#blockSize < to; block++)
      mask |= 1 << block;
    return mask;
  }

  #access(file: number, index: number): CachedPage {
    const key = `${file}:${index}`;
    this.counters.accesses++;
    let page = this.#pages.get(key);
    if (page === undefined) {
      this.counters.misses++;
      while (this.#pages.size >= this.#capacity) {
        const oldest = this.#pages.keys().next().value as string;
        this.#pages.delete(oldest);
        this.counters.evictions++;
      }
      page = { file, index, dirtyBlocks: 0 };
    } else {
      this.counters.hits++;
      this.#pages.delete(key);
    }
    this.#pages.set(key, page);
    return page;
  }

  #touched(file: number, start: number, end: number): CachedPage[] {
    return [...this.#pages.values()].filter(
      (page) => page.file === file && page.index * PAGE_SIZE < end && (page.index + 1) * PAGE_SIZE > start,
    );
  }

  #clean(file: number, start: number, end: number): void {
    for (const page of this.#touched(file, start, end)) page.dirtyBlocks = 0;
  }

  #drop(file: number, start: number, end: number): void {
    for (const page of this.#touched(file, start, end)) this.#pages.delete(`${file}:${page.index}`);
  }
}

function isAligned(offset: number, length: number): boolean {
  return offset % SECTOR_SIZE === 0 && length % SECTOR_SIZE === 0;
}
