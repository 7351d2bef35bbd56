// A write log, entry by entry: what was submitted to the drives, with its bytes, what completed, and the marks.
//
// Verbs: openWriteLog; WriteLog.entries, tornTail, close. The stream is that of assembly/layout.ts (LOG_…).
// Invariant: nothing in a log is trusted: a field that can not be is a WriteLogError with its place; an entry that the end of
// the stream cuts is left out.

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
  LOG_FLAGS_ALL,
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
import {
  MAX_DRIVE_SHIFT,
  MAX_DRIVES,
  MAX_MARK_BYTES,
  SECTOR_SHIFT,
  SECTOR_SIZE,
} from '../../assembly/limits.ts';
import { WriteLogError } from '../errors.ts';
import { type LogInput, type LogSource, readBytes, sourceOf } from './source.ts';

export type LogOperation = 'write' | 'discard' | 'writeZeroes' | 'flush';

interface EntryBase {
  /** Byte in the stream where it begins. */
  readonly offset: number;
  /** Virtual nanoseconds. */
  readonly timeNs: number;
}

interface RequestEntry extends EntryBase {
  /** Number of the drive. */
  readonly drive: number;
  readonly operation: LogOperation;
  /** Number of the request, counted from 1 over all drives. */
  readonly number: number;
  /** First sector of 512 bytes, and how many; both 0 for a flush. */
  readonly sector: number;
  readonly sectorCount: number;
}

/** What a request, or a part of it, says of itself. */
interface OriginFields {
  /** What its caller called it; 0: nothing, or parts follow that differ. */
  readonly tag: number;
  /** Inode of a file on the volume, LOG_DOMAIN_METADATA, or 0. */
  readonly domain: number;
  /** Of the writes of a chain that are uncertain only the first ones can be there after a crash; 0: in no chain. */
  readonly chain: number;
  /** After a crash it is there as a whole or not at all. */
  readonly isUntorn: boolean;
  /** It is there only together with the next write of its chain of which this is not said. */
  readonly isTogether: boolean;
}

/** The drive took a request. */
export interface LogSubmit extends RequestEntry, OriginFields {
  readonly kind: 'submit';
  /** The sector that was asked for, where a fault moved the write. */
  readonly intendedSector: number;
  readonly isFua: boolean;
  /** The media does not change by it: a lost write, an ignored flush, a request that failed at once. */
  readonly isIgnored: boolean;
  readonly isTorn: boolean;
  readonly isFuaIgnored: boolean;
  /** A flush that fails and leaves what it should have covered to no later flush either. */
  readonly isOrphaning: boolean;
  /** Bytes that a write brings to the media. */
  readonly byteCount: number;
  /** Those bytes, read when asked for. */
  data(): Uint8Array;
}

/** The drive reported a request complete. */
export interface LogComplete extends RequestEntry {
  readonly kind: 'complete';
  /** 0 or a negative errno. */
  readonly result: number;
}

/** A part of the request submitted just before, which was merged of several. */
export interface LogPart extends RequestEntry, OriginFields {
  readonly kind: 'part';
}

/** A mark that somebody set. */
export interface LogMark extends EntryBase {
  readonly kind: 'mark';
  readonly text: string;
}

export type LogEntry = LogSubmit | LogComplete | LogPart | LogMark;

const OPERATIONS: Readonly<Record<number, LogOperation>> = {
  [OP_WRITE]: 'write',
  [OP_DISCARD]: 'discard',
  [OP_WRITE_ZEROES]: 'writeZeroes',
  [OP_FLUSH]: 'flush',
};
const KIND_NAMES: Readonly<Record<number, LogEntry['kind']>> = {
  [LOG_SUBMIT]: 'submit',
  [LOG_COMPLETE]: 'complete',
  [LOG_MARK]: 'mark',
  [LOG_PART]: 'part',
};
const MAX_SECTOR = 2 ** (MAX_DRIVE_SHIFT - SECTOR_SHIFT);

/** What is left of an entry that the end of the stream cuts. */
export interface TornTail {
  /** Where the entry begins: all before it is whole. */
  readonly offset: number;
  /** Bytes that are there of it. */
  readonly byteCount: number;
}

/** A write log that can be read as often as one likes. */
export class WriteLog {
  /** Drives of the machine that wrote it. */
  readonly driveCount: number;
  /** Where its bytes are. */
  readonly source: LogSource;
  readonly #size: number;

  /** Throws WriteLogError for what is no write log. */
  constructor(input: LogInput) {
    this.source = sourceOf(input);
    this.#size = this.source.size;
    if (this.#size < LOG_HEADER_SIZE) {
      const found = `${this.#size} bytes, fewer than a header`;
      throw new WriteLogError(this.source.name, 0, 'header', found);
    }
    const header = viewOf(readBytes(this.source, 0, LOG_HEADER_SIZE));
    const refuse = (field: string, at: number, found: string): never => {
      throw new WriteLogError(this.source.name, at, field, found);
    };
    const low = header.getUint32(LOG_HEADER_MAGIC, true);
    const high = header.getUint32(LOG_HEADER_MAGIC + 4, true);
    if (low !== LOG_MAGIC_LOW || high !== LOG_MAGIC_HIGH)
      refuse('magic', LOG_HEADER_MAGIC, `${hex(high)}${hex(low)}, not that of a write log`);
    const version = header.getUint32(LOG_HEADER_VERSION, true);
    if (version !== LOG_VERSION)
      refuse('version', LOG_HEADER_VERSION, `${version}; this reads version ${LOG_VERSION}`);
    this.driveCount = header.getUint32(LOG_HEADER_DRIVES, true);
    if (this.driveCount < 1 || this.driveCount > MAX_DRIVES)
      refuse('drives', LOG_HEADER_DRIVES, `${this.driveCount}, not from 1 to ${MAX_DRIVES}`);
  }

  /** Bytes of the stream. */
  get bytes(): number {
    return this.#size;
  }

  /**
   * Its entries in the order in which things happened. An entry that the end of the stream cuts is left out: see tornTail.
   * Throws WriteLogError where a field can not be.
   *
   * @example
   * const machine = await Machine.create({ writeLog: true });
   * machine.openFile('drive0', { direct: true }).write(new Uint8Array(512), 0);
   * machine.writeLog.mark('written');
   * console.log([...machine.writeLog.entries()].map(({ kind }) => kind)); // [ 'submit', 'complete', 'mark' ]
   */
  *entries(): Generator<LogEntry, TornTail | undefined> {
    let offset = LOG_HEADER_SIZE;
    while (offset < this.#size) {
      const left = this.#size - offset;
      if (left < LOG_ENTRY_SIZE) return { offset, byteCount: left };
      const view = viewOf(readBytes(this.source, offset, LOG_ENTRY_SIZE));
      const fields = new EntryFields(this.source, view, offset, this.driveCount);
      const bytes = LOG_ENTRY_SIZE + fields.payloadBytes();
      if (bytes > left) return { offset, byteCount: left };
      yield fields.entry();
      offset += bytes;
    }
    return undefined;
  }

  /** The entry that the end of the stream cuts, if it cuts one. Reads the whole log. */
  tornTail(): TornTail | undefined {
    const entries = this.entries();
    for (;;) {
      const { done, value } = entries.next();
      if (done === true) return value;
    }
  }

  /** Lets go of a log's file. */
  close(): void {
    this.source.close?.();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Opens a log: its bytes, the memory of a log, or (in Node) the path of its file. Throws WriteLogError for what is none. */
export function openWriteLog(input: LogInput): WriteLog {
  return new WriteLog(input);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}

/** One entry's fields, each checked when it is read. */
class EntryFields {
  readonly #source: LogSource;
  readonly #view: DataView;
  readonly #offset: number;
  readonly #driveCount: number;

  constructor(source: LogSource, view: DataView, offset: number, driveCount: number) {
    this.#source = source;
    this.#view = view;
    this.#offset = offset;
    this.#driveCount = driveCount;
  }

  #refuse(field: string, at: number, found: string): never {
    throw new WriteLogError(this.#source.name, this.#offset + at, field, found);
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  #u64(field: string, at: number): number {
    const value = this.#u32(at + 4) * 4294967296 + this.#u32(at);
    if (!Number.isSafeInteger(value)) this.#refuse(field, at, `${value}, more than 2^53 - 1`);
    return value;
  }

  #kind(): LogEntry['kind'] {
    const value = this.#view.getUint8(LOG_ENTRY_KIND);
    return KIND_NAMES[value] ?? this.#refuse('kind', LOG_ENTRY_KIND, `${value}, which is none`);
  }

  #operation(): LogOperation {
    const value = this.#view.getUint8(LOG_ENTRY_OPERATION);
    return (
      OPERATIONS[value] ?? this.#refuse('operation', LOG_ENTRY_OPERATION, `${value}, which is not logged`)
    );
  }

  #flags(): number {
    const flags = this.#u32(LOG_ENTRY_FLAGS);
    if ((flags & ~LOG_FLAGS_ALL) !== 0)
      this.#refuse('flags', LOG_ENTRY_FLAGS, `0x${hex(flags)}, with unknown bits`);
    return flags;
  }

  /** Bytes behind the entry. */
  payloadBytes(): number {
    const bytes = this.#u32(LOG_ENTRY_PAYLOAD);
    const refuse = (found: string): never =>
      this.#refuse('payload', LOG_ENTRY_PAYLOAD, `${bytes} bytes, ${found}`);
    const kind = this.#kind();
    if (kind === 'mark') {
      if (bytes % 8 !== 0 || bytes > MAX_MARK_BYTES) refuse(`not a multiple of 8 up to ${MAX_MARK_BYTES}`);
    } else if (kind !== 'submit' || this.#operation() !== 'write') {
      if (bytes !== 0) refuse('where none belong');
    } else {
      const whole = this.#u32(LOG_ENTRY_SECTORS) * SECTOR_SIZE;
      const isTorn = (this.#flags() & LOG_FLAG_TORN) !== 0;
      if (isTorn ? bytes > whole || bytes % SECTOR_SIZE !== 0 : bytes !== whole)
        refuse(`for ${this.#u32(LOG_ENTRY_SECTORS)} sectors`);
    }
    return bytes;
  }

  entry(): LogEntry {
    const offset = this.#offset;
    const timeNs = this.#u64('time', LOG_ENTRY_TIME);
    const kind = this.#kind();
    if (kind === 'mark') return { kind, offset, timeNs, text: this.#text() };
    const request = { offset, timeNs, ...this.#request() };
    if (kind === 'complete') return { kind, ...request, result: this.#view.getInt32(LOG_ENTRY_RESULT, true) };
    const origin = this.#origin();
    if (kind === 'part') return { kind, ...request, ...origin };
    const flags = this.#flags();
    const byteCount = this.payloadBytes();
    return {
      kind,
      ...request,
      ...origin,
      intendedSector: this.#sectors('intended', LOG_ENTRY_INTENDED, 0),
      isFua: (flags & LOG_FLAG_FUA) !== 0,
      isIgnored: (flags & LOG_FLAG_IGNORED) !== 0,
      isTorn: (flags & LOG_FLAG_TORN) !== 0,
      isFuaIgnored: (flags & LOG_FLAG_FUA_IGNORED) !== 0,
      isOrphaning: (flags & LOG_FLAG_ORPHANING) !== 0,
      byteCount,
      data: () => readBytes(this.#source, offset + LOG_ENTRY_SIZE, byteCount),
    };
  }

  #origin(): OriginFields {
    const flags = this.#flags();
    const chain = this.#u32(LOG_ENTRY_CHAIN);
    const isTogether = (flags & LOG_FLAG_TOGETHER) !== 0;
    if (isTogether && chain === 0)
      this.#refuse('chain', LOG_ENTRY_CHAIN, '0, though the write is there only together with others');
    return {
      tag: this.#u64('tag', LOG_ENTRY_TAG),
      domain: this.#u32(LOG_ENTRY_DOMAIN),
      chain,
      isUntorn: (flags & LOG_FLAG_UNTORN) !== 0,
      isTogether,
    };
  }

  /** A sector number that leaves room for `count` on the largest drive. */
  #sectors(field: string, at: number, count: number): number {
    const sector = this.#u64(field, at);
    if (sector > MAX_SECTOR - count)
      this.#refuse(field, at, `${sector}, behind the end of the largest drive`);
    return sector;
  }

  #request(): Omit<RequestEntry, 'offset' | 'timeNs'> {
    const drive = this.#view.getUint16(LOG_ENTRY_DRIVE, true);
    if (drive >= this.#driveCount)
      this.#refuse('drive', LOG_ENTRY_DRIVE, `${drive} of a machine with ${this.#driveCount}`);
    const sectorCount = this.#u32(LOG_ENTRY_SECTORS);
    return {
      drive,
      operation: this.#operation(),
      number: this.#u64('number', LOG_ENTRY_NUMBER),
      sector: this.#sectors('sector', LOG_ENTRY_SECTOR, sectorCount),
      sectorCount,
    };
  }

  #text(): string {
    const bytes = readBytes(this.#source, this.#offset + LOG_ENTRY_SIZE, this.#u32(LOG_ENTRY_PAYLOAD));
    let end = bytes.length;
    while (end > 0 && bytes[end - 1] === 0) end--;
    return new TextDecoder().decode(bytes.subarray(0, end));
  }
}
