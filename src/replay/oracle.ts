// The oracle: what every sector must hold, from the order of the trace alone.
//
// Verbs: apply (a record → the generations that the core fills with or must find), expected, writtenRanges.
// One u32 a sector that was ever written: a count of its writes, a bit for "zeros since a discard", a bit
// for "mixed" — written in part, its 512 bytes kept here. Grows with the working set and with nothing else.
// A device that held data before (an existing image) is unknown wherever nothing whole was written.
// Invariant: it knows nothing of pages, merging or drives.

import {
  GENERATION_MIXED,
  GENERATION_UNKNOWN,
  TRACE_DEVICE,
  TRACE_DISCARD,
  TRACE_LENGTH,
  TRACE_OFFSET,
  TRACE_OPERATION,
  TRACE_READ,
  TRACE_RECORD_SIZE,
  TRACE_WRITE,
} from '../../assembly/layout.ts';
import { SECTOR_SIZE } from '../../assembly/limits.ts';
import { fillPattern, patternBase } from './pattern.ts';

const CHUNK_SECTORS = 1024;
const WORDS_A_RECORD = TRACE_RECORD_SIZE >>> 2;
const ZERO_BIT = 0x40000000;
/** Written in part over bytes that nobody knows. */
const UNKNOWN_BIT = 0x20000000;
const COUNT_MASK = 0x1fffffff;

/** Where the generations of one batch go; `mixed` takes 512 bytes for each mixed sector that is read. */
export interface GenerationSink {
  readonly generations: Uint32Array;
  readonly mixed: Uint8Array;
  count: number;
  mixedCount: number;
}

export class Oracle {
  readonly #seed: number;
  readonly #devices: (Map<number, Uint32Array> | undefined)[] = [];
  /** For each device, the bytes of its mixed sectors: device and sector together are more than the 53 bits of a number. */
  readonly #mixed: (Map<number, Uint8Array> | undefined)[] = [];
  readonly #unknown = new Set<number>();
  readonly #words = new Int32Array(SECTOR_SIZE / 4);
  readonly #bytes = new Uint8Array(this.#words.buffer);

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The device held data before the run: what it holds where nothing was written is not known. */
  markUnknown(device: number): void {
    this.#unknown.add(device);
  }

  #chunk(device: number, number: number, isMaking: boolean): Uint32Array | undefined {
    let chunks = this.#devices[device];
    if (chunks === undefined) {
      if (!isMaking) return undefined;
      chunks = new Map();
      this.#devices[device] = chunks;
    }
    let chunk = chunks.get(number);
    if (chunk === undefined && isMaking) {
      chunk = new Uint32Array(CHUNK_SECTORS);
      chunks.set(number, chunk);
    }
    return chunk;
  }

  /** Takes the record at word `at` of `words` into account and appends its generations to `sink`. */
  apply(words: Uint32Array, at: number, sink: GenerationSink): void {
    const head = words[at + (TRACE_OPERATION >>> 2)] as number;
    const operation = head & 0xff;
    if (operation > TRACE_DISCARD) return;
    const device = head >>> ((TRACE_DEVICE & 3) * 8);
    const length = words[at + (TRACE_LENGTH >>> 2)] as number;
    const low = words[at + (TRACE_OFFSET >>> 2)] as number;
    const offset = (words[at + (TRACE_OFFSET >>> 2) + 1] as number) * 4294967296 + low;
    if (operation === TRACE_READ) this.#applyRead(device, offset, length, sink);
    else if (operation === TRACE_WRITE) this.#applyWrite(device, offset, length, sink);
    else this.#applyDiscard(device, offset, length);
  }

  #applyRead(device: number, offset: number, length: number, sink: GenerationSink): void {
    const first = Math.floor(offset / SECTOR_SIZE);
    const last = Math.floor((offset + length - 1) / SECTOR_SIZE);
    const untouched = this.#unknown.has(device) ? GENERATION_UNKNOWN : 0;
    for (let sector = first; sector <= last; ) {
      const chunk = this.#chunk(device, Math.floor(sector / CHUNK_SECTORS), false);
      const end = Math.min(last, sector - (sector % CHUNK_SECTORS) + CHUNK_SECTORS - 1);
      if (chunk === undefined) {
        sink.generations.fill(untouched, sink.count, sink.count + end - sector + 1);
        sink.count += end - sector + 1;
        sector = end + 1;
        continue;
      }
      for (; sector <= end; sector++) {
        const value = chunk[sector % CHUNK_SECTORS] as number;
        if ((value & GENERATION_MIXED) !== 0)
          sink.generations[sink.count++] = this.#passMixed(device, sector, sink);
        else if (value === 0) sink.generations[sink.count++] = untouched;
        else
          sink.generations[sink.count++] =
            (value & UNKNOWN_BIT) !== 0 ? GENERATION_UNKNOWN : zeroOrCount(value);
      }
    }
  }

  #passMixed(device: number, sector: number, sink: GenerationSink): number {
    sink.mixed.set(this.#mixed[device]?.get(sector) as Uint8Array, sink.mixedCount * SECTOR_SIZE);
    return (GENERATION_MIXED | sink.mixedCount++) >>> 0;
  }

  #applyWrite(device: number, offset: number, length: number, sink: GenerationSink): void {
    const first = Math.floor(offset / SECTOR_SIZE);
    const end = offset + length;
    const last = Math.floor((end - 1) / SECTOR_SIZE);
    let chunk: Uint32Array | undefined;
    for (let sector = first; sector <= last; sector++) {
      const index = sector % CHUNK_SECTORS;
      if (chunk === undefined || index === 0)
        chunk = this.#chunk(device, Math.floor(sector / CHUNK_SECTORS), true) as Uint32Array;
      const value = chunk[index] as number;
      const generation = (value & COUNT_MASK) + 1;
      sink.generations[sink.count++] = generation;
      const from = Math.max(0, offset - sector * SECTOR_SIZE);
      const to = Math.min(SECTOR_SIZE, end - sector * SECTOR_SIZE);
      if (to - from === SECTOR_SIZE) {
        if ((value & GENERATION_MIXED) !== 0) this.#mixed[device]?.delete(sector);
        chunk[index] = generation;
      } else if ((value & UNKNOWN_BIT) !== 0 || (value === 0 && this.#unknown.has(device))) {
        chunk[index] = generation | UNKNOWN_BIT;
      } else {
        this.#mix(device, sector, value, generation, from, to);
        chunk[index] = (generation | GENERATION_MIXED) >>> 0;
      }
    }
  }

  /** Bytes [from, to) of a sector are overwritten: from now on its bytes are kept. */
  #mix(device: number, sector: number, value: number, generation: number, from: number, to: number): void {
    this.#mixed[device] ??= new Map();
    const sectors = this.#mixed[device];
    let bytes = sectors.get(sector);
    if (bytes === undefined) {
      bytes = new Uint8Array(SECTOR_SIZE);
      sectors.set(sector, bytes);
      if (zeroOrCount(value) !== 0) {
        fillPattern(this.#words, patternBase(this.#seed, device, sector, value & COUNT_MASK));
        bytes.set(this.#bytes);
      }
    }
    fillPattern(this.#words, patternBase(this.#seed, device, sector, generation));
    bytes.set(this.#bytes.subarray(from, to), from);
  }

  /** Whole sectors read as zeros from now on. */
  #applyDiscard(device: number, offset: number, length: number): void {
    const first = Math.floor(offset / SECTOR_SIZE);
    const last = Math.floor((offset + length - 1) / SECTOR_SIZE);
    for (
      let number = Math.floor(first / CHUNK_SECTORS);
      number <= Math.floor(last / CHUNK_SECTORS);
      number++
    ) {
      const chunk = this.#chunk(device, number, false);
      if (chunk === undefined) continue;
      const base = number * CHUNK_SECTORS;
      const end = Math.min(last, base + CHUNK_SECTORS - 1);
      for (let sector = Math.max(first, base); sector <= end; sector++) {
        const value = chunk[sector - base] as number;
        if ((value & GENERATION_MIXED) !== 0) this.#mixed[device]?.delete(sector);
        if (value !== 0) chunk[sector - base] = (value & COUNT_MASK) | ZERO_BIT;
      }
    }
  }

  /** The 512 bytes that a sector must hold, or undefined when nobody knows. The array is reused by the next call. */
  expected(device: number, sector: number): Uint8Array | undefined {
    const value =
      this.#chunk(device, Math.floor(sector / CHUNK_SECTORS), false)?.[sector % CHUNK_SECTORS] ?? 0;
    if ((value & GENERATION_MIXED) !== 0) return this.#mixed[device]?.get(sector) as Uint8Array;
    if ((value & UNKNOWN_BIT) !== 0 || (value === 0 && this.#unknown.has(device))) return undefined;
    if (zeroOrCount(value) === 0) this.#words.fill(0);
    else fillPattern(this.#words, patternBase(this.#seed, device, sector, value & COUNT_MASK));
    return this.#bytes;
  }

  /** Runs of sectors that were ever written, by device, in no particular order; each at most 1,024 sectors long. */
  *writtenRanges(): Generator<{ readonly device: number; readonly sector: number; readonly count: number }> {
    for (const [device, chunks] of this.#devices.entries()) {
      for (const [number, chunk] of chunks ?? []) {
        for (let index = 0; index < CHUNK_SECTORS; ) {
          const start = index;
          while (index < CHUNK_SECTORS && chunk[index] !== 0) index++;
          if (index > start) yield { device, sector: number * CHUNK_SECTORS + start, count: index - start };
          index++;
        }
      }
    }
  }
}

/** The write count, or 0 when the sector reads as zeros. */
function zeroOrCount(value: number): number {
  return (value & ZERO_BIT) !== 0 ? 0 : value & COUNT_MASK;
}

/** Sectors that a record's bytes touch; 0 for a discard or flush. */
export function sectorsOf(words: Uint32Array, at: number): number {
  const operation = (words[at + (TRACE_OPERATION >>> 2)] as number) & 0xff;
  if (operation > TRACE_WRITE) return 0;
  const length = words[at + (TRACE_LENGTH >>> 2)] as number;
  const within = (words[at + (TRACE_OFFSET >>> 2)] as number) % SECTOR_SIZE;
  return Math.ceil((within + length) / SECTOR_SIZE);
}

export { WORDS_A_RECORD };
