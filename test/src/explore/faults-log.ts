// A log of records in one file of fixed size, as fault runs meet it: what it does about an fsync that fails, and whether it has checksums.
//
// Verbs: Log.create, append, records. A record is one sector: its text, and with checksums a sum before it. A sector of zeros ends the log.

import type { NodeFs } from '../../../src/adapters/node-fs.ts';

const PATH = '/log';
const SECTOR = 512;
const SECTORS = 8;
const SUM_BYTES = 4;

export interface LogOptions {
  /** What becomes of an error of fsync. Default: it is thrown. */
  readonly onSyncError?: 'throw' | 'ignore' | 'retry';
  readonly hasChecksums?: boolean;
  /** A read that fails is taken for an empty log. */
  readonly hidesReadErrors?: boolean;
}

/** What of a record is damaged is not what was written: no record is answered in its place. */
export class DamagedLogError extends Error {
  override readonly name = 'DamagedLogError';
  readonly code = 'ECORRUPT';
}

function sumOf(bytes: Uint8Array): number {
  let sum = 1;
  for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) >>> 0;
  return sum;
}

export class Log {
  readonly #fs: NodeFs;
  readonly #options: LogOptions;
  #end = 0;

  /** The file, as long as it will be, with zeros. */
  static create(fs: NodeFs): void {
    fs.writeFileSync(PATH, new Uint8Array(SECTORS * SECTOR), { flush: true });
  }

  constructor(fs: NodeFs, options: LogOptions = {}) {
    this.#fs = fs;
    this.#options = options;
  }

  append(record: string): void {
    const sector = new Uint8Array(SECTOR);
    sector.set(new TextEncoder().encode(record), SUM_BYTES);
    if (this.#options.hasChecksums)
      new DataView(sector.buffer).setUint32(0, sumOf(sector.subarray(SUM_BYTES)), true);
    const fd = this.#fs.openSync(PATH, 'r+');
    try {
      this.#fs.writeSync(fd, sector, 0, SECTOR, this.#end);
      this.#sync(fd);
      this.#end += SECTOR;
    } finally {
      this.#fs.closeSync(fd);
    }
  }

  #sync(fd: number): void {
    const { onSyncError = 'throw' } = this.#options;
    try {
      this.#fs.fdatasyncSync(fd);
    } catch (error) {
      if (onSyncError === 'throw') throw error;
      if (onSyncError === 'retry') this.#fs.fdatasyncSync(fd);
    }
  }

  records(): string[] {
    const bytes = this.#read();
    const records: string[] = [];
    for (let at = 0; at < bytes.length; at += SECTOR) {
      const sector = bytes.subarray(at, at + SECTOR);
      if (sector.every((byte) => byte === 0)) break;
      this.#check(sector, at);
      const text = sector.subarray(SUM_BYTES);
      records.push(new TextDecoder().decode(text.subarray(0, text.indexOf(0))));
    }
    return records;
  }

  #read(): Uint8Array {
    try {
      return new Uint8Array(this.#fs.readFileSync(PATH));
    } catch (error) {
      if (this.#options.hidesReadErrors) return new Uint8Array();
      throw error;
    }
  }

  #check(sector: Uint8Array, at: number): void {
    if (!this.#options.hasChecksums) return;
    const sum = new DataView(sector.buffer, sector.byteOffset).getUint32(0, true);
    if (sum !== sumOf(sector.subarray(SUM_BYTES)))
      throw new DamagedLogError(`the record at ${at} is damaged`);
  }
}
