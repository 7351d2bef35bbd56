// Write logs for tests, entry by entry: what is submitted and what completes, and in which order.
//
// Verbs: submit, complete, write, flush, discard, writeZeroes, part, mark, bytes, memory. Sectors are filled with one byte, which
// the caller chooses or which counts up. The stream is that of assembly/layout.ts (LOG_…).

import {
  LOG_COMPLETE,
  LOG_ENTRY_CHAIN,
  LOG_ENTRY_DOMAIN,
  LOG_ENTRY_DRIVE,
  LOG_ENTRY_FLAGS,
  LOG_ENTRY_INTENDED,
  LOG_ENTRY_KIND,
  LOG_ENTRY_NUMBER,
  LOG_ENTRY_OPERATION,
  LOG_ENTRY_PAYLOAD,
  LOG_ENTRY_RESULT,
  LOG_ENTRY_SECTOR,
  LOG_ENTRY_SECTORS,
  LOG_ENTRY_SIZE,
  LOG_ENTRY_TAG,
  LOG_FLAG_FUA,
  LOG_HEADER_DRIVES,
  LOG_HEADER_MAGIC,
  LOG_HEADER_SIZE,
  LOG_HEADER_VERSION,
  LOG_MAGIC_HIGH,
  LOG_MAGIC_LOW,
  LOG_MARK,
  LOG_PART,
  LOG_SUBMIT,
  LOG_VERSION,
  OP_DISCARD,
  OP_FLUSH,
  OP_WRITE,
  OP_WRITE_ZEROES,
} from '../../assembly/layout.ts';
import { SparseMemory } from '../../src/backing/sparse-memory.ts';

export const SECTOR = 512;

/** How a request is made; all of it may be left out. */
export interface RequestOptions {
  /** The byte that fills the sectors, or all of their bytes. Default: the number of the request. */
  readonly fill?: number | Uint8Array;
  readonly sectors?: number;
  readonly flags?: number;
  readonly domain?: number;
  readonly chain?: number;
  readonly tag?: number;
  readonly drive?: number;
  readonly intended?: number;
}

export class WriteLogBuilder {
  readonly #entries: Uint8Array[] = [];
  readonly #drives: number;
  #next = 1;

  constructor(drives = 1) {
    this.#drives = drives;
  }

  /** Entries so far: the step at which the log is now. */
  get steps(): number {
    return this.#entries.length;
  }

  #add(kind: number, operation: number, payload: Uint8Array, fields: (view: DataView) => void): void {
    const padded = Math.ceil(payload.length / 8) * 8;
    const entry = new Uint8Array(LOG_ENTRY_SIZE + padded);
    const view = new DataView(entry.buffer);
    view.setUint8(LOG_ENTRY_KIND, kind);
    view.setUint8(LOG_ENTRY_OPERATION, operation);
    view.setUint32(LOG_ENTRY_PAYLOAD, padded, true);
    fields(view);
    entry.set(payload, LOG_ENTRY_SIZE);
    this.#entries.push(entry);
  }

  /** A request goes to the drive; its number. */
  submit(operation: number, sector = 0, options: RequestOptions = {}): number {
    const number = this.#next++;
    const fill = options.fill ?? number;
    const sectors = typeof fill === 'number' ? (options.sectors ?? 1) : fill.length / SECTOR;
    const length = operation === OP_WRITE ? sectors * SECTOR : 0;
    const bytes = typeof fill === 'number' ? new Uint8Array(length).fill(fill) : fill;
    this.#add(LOG_SUBMIT, operation, bytes, (view) => {
      view.setUint16(LOG_ENTRY_DRIVE, options.drive ?? 0, true);
      view.setUint32(LOG_ENTRY_FLAGS, options.flags ?? 0, true);
      view.setBigUint64(LOG_ENTRY_NUMBER, BigInt(number), true);
      view.setBigUint64(LOG_ENTRY_SECTOR, BigInt(sector), true);
      view.setBigUint64(LOG_ENTRY_INTENDED, BigInt(options.intended ?? sector), true);
      view.setUint32(LOG_ENTRY_SECTORS, operation === OP_FLUSH ? 0 : sectors, true);
      view.setBigUint64(LOG_ENTRY_TAG, BigInt(options.tag ?? 0), true);
      view.setUint32(LOG_ENTRY_DOMAIN, options.domain ?? 0, true);
      view.setUint32(LOG_ENTRY_CHAIN, options.chain ?? 0, true);
    });
    return number;
  }

  complete(number: number, options: { operation?: number; result?: number; drive?: number } = {}): void {
    this.#add(LOG_COMPLETE, options.operation ?? OP_WRITE, new Uint8Array(), (view) => {
      view.setUint16(LOG_ENTRY_DRIVE, options.drive ?? 0, true);
      view.setBigUint64(LOG_ENTRY_NUMBER, BigInt(number), true);
      view.setInt32(LOG_ENTRY_RESULT, options.result ?? 0, true);
    });
  }

  /** A part of the request submitted last. */
  part(
    number: number,
    sector: number,
    sectors: number,
    domain: number,
    tag = 0,
    options: Pick<RequestOptions, 'chain' | 'flags'> = {},
  ): void {
    this.#add(LOG_PART, OP_WRITE, new Uint8Array(), (view) => {
      view.setBigUint64(LOG_ENTRY_NUMBER, BigInt(number), true);
      view.setBigUint64(LOG_ENTRY_SECTOR, BigInt(sector), true);
      view.setUint32(LOG_ENTRY_SECTORS, sectors, true);
      view.setUint32(LOG_ENTRY_DOMAIN, domain, true);
      view.setBigUint64(LOG_ENTRY_TAG, BigInt(tag), true);
      view.setUint32(LOG_ENTRY_CHAIN, options.chain ?? 0, true);
      view.setUint32(LOG_ENTRY_FLAGS, options.flags ?? 0, true);
    });
  }

  #both(operation: number, sector: number, options: RequestOptions): number {
    const number = this.submit(operation, sector, options);
    this.complete(number, options.drive === undefined ? { operation } : { operation, drive: options.drive });
    return number;
  }

  /** A write that is submitted and completes: one sector unless the options say more. */
  write(sector: number, options: RequestOptions = {}): number {
    return this.#both(OP_WRITE, sector, options);
  }

  fua(sector: number, options: RequestOptions = {}): number {
    return this.#both(OP_WRITE, sector, { ...options, flags: LOG_FLAG_FUA });
  }

  flush(options: RequestOptions = {}): number {
    return this.#both(OP_FLUSH, 0, options);
  }

  discard(sector: number, sectors: number): number {
    return this.#both(OP_DISCARD, sector, { sectors });
  }

  writeZeroes(sector: number, sectors: number): number {
    return this.#both(OP_WRITE_ZEROES, sector, { sectors });
  }

  mark(text: string): void {
    this.#add(LOG_MARK, 0, new TextEncoder().encode(text), () => {});
  }

  /** The whole stream. */
  bytes(): Uint8Array {
    const header = new Uint8Array(LOG_HEADER_SIZE);
    const view = new DataView(header.buffer);
    view.setUint32(LOG_HEADER_MAGIC, LOG_MAGIC_LOW, true);
    view.setUint32(LOG_HEADER_MAGIC + 4, LOG_MAGIC_HIGH, true);
    view.setUint32(LOG_HEADER_VERSION, LOG_VERSION, true);
    view.setUint32(LOG_HEADER_DRIVES, this.#drives, true);
    return Buffer.concat([header, ...this.#entries]);
  }

  memory(): SparseMemory {
    const bytes = this.bytes();
    const memory = new SparseMemory(bytes.length);
    memory.write(bytes, 0);
    return memory;
  }
}

/** A log made by a function. */
export function logOf(make: (log: WriteLogBuilder) => void, drives = 1): Uint8Array {
  const log = new WriteLogBuilder(drives);
  make(log);
  return log.bytes();
}
