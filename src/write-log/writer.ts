// Makes a write log by hand: what an import and a test put together instead of a machine.
//
// Verbs: LogWriter.submit, complete, mark. Invariant: what it has written is a log that WriteLog reads.

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
  LOG_ENTRY_TIME,
  LOG_FLAG_FUA,
  LOG_FLAG_FUA_IGNORED,
  LOG_FLAG_IGNORED,
  LOG_FLAG_ORPHANING,
  LOG_FLAG_TOGETHER,
  LOG_FLAG_TORN,
  LOG_FLAG_UNTORN,
  LOG_HEADER_DRIVES,
  LOG_HEADER_MAGIC,
  LOG_HEADER_SIZE,
  LOG_HEADER_VERSION,
  LOG_MAGIC_HIGH,
  LOG_MAGIC_LOW,
  LOG_MARK,
  LOG_SUBMIT,
  LOG_VERSION,
  OP_DISCARD,
  OP_FLUSH,
  OP_WRITE,
  OP_WRITE_ZEROES,
} from '../../assembly/layout.ts';
import { MAX_DISCARD_SECTORS, MAX_MARK_BYTES, SECTOR_SIZE } from '../../assembly/limits.ts';
import { SparseMemory } from '../backing/sparse-memory.ts';
import { ConfigError } from '../errors.ts';
import { type LogOperation, WriteLog } from './entries.ts';

const OPERATION_NUMBERS: Readonly<Record<LogOperation, number>> = {
  write: OP_WRITE,
  discard: OP_DISCARD,
  writeZeroes: OP_WRITE_ZEROES,
  flush: OP_FLUSH,
};

/** A request of a log that is made by hand. */
export interface WrittenRequest {
  readonly operation: LogOperation;
  /** Default 0. */
  readonly drive?: number;
  /** First sector of 512 bytes. Default 0. */
  readonly sector?: number;
  /** Sectors; of a write its data says how many. Default 0. */
  readonly sectorCount?: number;
  /** Bytes of a write: whole sectors. */
  readonly data?: Uint8Array;
  readonly isFua?: boolean;
  /** The media does not change by it, whatever the drive answers. */
  readonly isIgnored?: boolean;
  /** The data is not all that was asked for. */
  readonly isTorn?: boolean;
  /** FUA was asked for, and the drive did not heed it. */
  readonly isFuaIgnored?: boolean;
  /** A flush that fails and leaves what it should have covered to no later flush either. */
  readonly isOrphaning?: boolean;
  readonly timeNs?: number;
  readonly tag?: number;
  readonly domain?: number;
  /** Its chain, 1 to 2^32 - 1: after a crash only the first of the writes of a chain that are uncertain can be there. Default 0: none. */
  readonly chain?: number;
  /** It does not tear. */
  readonly isUntorn?: boolean;
  /** It is there only together with the next write of its chain of which this is not said; needs a chain. */
  readonly isTogether?: boolean;
}

/** A write log in the making. `driveCount`: drives that it tells of, 1 to 4,096. */
export class LogWriter {
  readonly memory = new SparseMemory();
  readonly #requests: WrittenRequest[] = [];

  constructor(driveCount = 1) {
    const header = new DataView(new ArrayBuffer(LOG_HEADER_SIZE));
    header.setUint32(LOG_HEADER_MAGIC, LOG_MAGIC_LOW, true);
    header.setUint32(LOG_HEADER_MAGIC + 4, LOG_MAGIC_HIGH, true);
    header.setUint32(LOG_HEADER_VERSION, LOG_VERSION, true);
    header.setUint32(LOG_HEADER_DRIVES, driveCount, true);
    this.#append(header, new Uint8Array());
  }

  /** The log so far. */
  log(): WriteLog {
    return new WriteLog(this.memory.fork());
  }

  /** The drive takes a request. Its number, counted from 1. Throws ConfigError for data that is no run of whole sectors, or `isTogether` without a chain. */
  submit(request: WrittenRequest): number {
    const data = request.data ?? new Uint8Array();
    const isWrite = request.operation === 'write';
    const sectors = data.length / SECTOR_SIZE;
    if (!Number.isInteger(sectors) || sectors > MAX_DISCARD_SECTORS || isWrite !== sectors > 0)
      throw new ConfigError(
        'data',
        `${data.length} bytes`,
        `whole sectors of a write, at most ${MAX_DISCARD_SECTORS}`,
      );
    if (request.isTogether === true && (request.chain ?? 0) === 0)
      throw new ConfigError('chain', request.chain, 'a chain, for a write that is there only with others');
    const number = this.#requests.push(request);
    const entry = this.#request(LOG_SUBMIT, number);
    const flags =
      (request.isFua === true ? LOG_FLAG_FUA : 0) |
      (request.isIgnored === true ? LOG_FLAG_IGNORED : 0) |
      (request.isTorn === true ? LOG_FLAG_TORN : 0) |
      (request.isFuaIgnored === true ? LOG_FLAG_FUA_IGNORED : 0) |
      (request.isOrphaning === true ? LOG_FLAG_ORPHANING : 0) |
      (request.isUntorn === true ? LOG_FLAG_UNTORN : 0) |
      (request.isTogether === true ? LOG_FLAG_TOGETHER : 0);
    entry.setUint32(LOG_ENTRY_FLAGS, flags, true);
    setU64(entry, LOG_ENTRY_TAG, request.tag ?? 0);
    entry.setUint32(LOG_ENTRY_DOMAIN, request.domain ?? 0, true);
    entry.setUint32(LOG_ENTRY_CHAIN, request.chain ?? 0, true);
    entry.setUint32(LOG_ENTRY_PAYLOAD, data.length, true);
    this.#append(entry, data);
    return number;
  }

  /** Request `number` is complete. `result`: 0 or a negative errno. */
  complete(number: number, result = 0, timeNs = 0): void {
    const entry = this.#request(LOG_COMPLETE, number);
    setU64(entry, LOG_ENTRY_TIME, timeNs);
    entry.setInt32(LOG_ENTRY_RESULT, result, true);
    this.#append(entry, new Uint8Array());
  }

  /** Somebody sets a mark. Throws ConfigError for a text that is longer than a mark may be. */
  mark(text: string): void {
    const bytes = new TextEncoder().encode(text);
    if (bytes.length > MAX_MARK_BYTES) throw new ConfigError('text', text, `at most ${MAX_MARK_BYTES} bytes`);
    const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
    padded.set(bytes);
    const entry = new DataView(new ArrayBuffer(LOG_ENTRY_SIZE));
    entry.setUint8(LOG_ENTRY_KIND, LOG_MARK);
    entry.setUint32(LOG_ENTRY_PAYLOAD, padded.length, true);
    this.#append(entry, padded);
  }

  #request(kind: number, number: number): DataView {
    const request = this.#requests[number - 1];
    if (request === undefined)
      throw new ConfigError('number', number, 'that of a request that was submitted');
    const entry = new DataView(new ArrayBuffer(LOG_ENTRY_SIZE));
    entry.setUint8(LOG_ENTRY_KIND, kind);
    entry.setUint8(LOG_ENTRY_OPERATION, OPERATION_NUMBERS[request.operation]);
    entry.setUint16(LOG_ENTRY_DRIVE, request.drive ?? 0, true);
    setU64(entry, LOG_ENTRY_NUMBER, number);
    setU64(entry, LOG_ENTRY_TIME, request.timeNs ?? 0);
    setU64(entry, LOG_ENTRY_SECTOR, request.sector ?? 0);
    setU64(entry, LOG_ENTRY_INTENDED, request.sector ?? 0);
    const sectors = request.data === undefined ? request.sectorCount : request.data.length / SECTOR_SIZE;
    entry.setUint32(LOG_ENTRY_SECTORS, sectors ?? 0, true);
    return entry;
  }

  #append(entry: DataView, payload: Uint8Array): void {
    this.memory.write(new Uint8Array(entry.buffer), this.memory.size);
    this.memory.write(payload, this.memory.size);
  }
}

function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 4294967296, true);
  view.setUint32(at + 4, Math.floor(value / 4294967296), true);
}
