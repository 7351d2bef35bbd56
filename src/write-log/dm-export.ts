// A write log as dm-log-writes would have logged it: for replay-log, and whatever else reads that format.
//
// Verbs: exportDmLogWrites. Order (drivers/md/dm-log-writes.c): a write is listed when it completes; a flush takes the list
// when it is submitted, and when it completes those writes and then the flush are logged; FUA is logged at its own
// completion, a mark at once; what no flush has taken comes last.

import { SECTOR_SIZE } from '../../assembly/limits.ts';
import { ConfigError, WriteLogError } from '../errors.ts';
import {
  DM_DISCARD,
  DM_END_MARK,
  DM_ENTRY_DATA_LENGTH,
  DM_ENTRY_FLAGS,
  DM_ENTRY_SECTORS,
  DM_ENTRY_SIZE,
  DM_FLUSH,
  DM_FUA,
  DM_MAGIC,
  DM_MARK,
  DM_SUPER_ENTRIES,
  DM_SUPER_SECTOR_SIZE,
  DM_SUPER_VERSION,
  DM_VERSION,
  isDmSectorSize,
} from './dm-log-writes.ts';
import type { LogComplete, LogPart, LogSubmit, WriteLog } from './entries.ts';

const ZERO_CHUNK = 65536;

/** What is exported; everything has a default. */
export interface DmExportOptions {
  /** Number of the drive: the format knows only one. Default 0. */
  readonly drive?: number;
  /** Bytes of a sector of the log, a power of two from 512 to 65,536 that all requests are multiples of. Default 512. */
  readonly sectorSize?: number;
}

/** A log in the format of dm-log-writes. */
export interface DmLog {
  /** Entries, the last mark included. */
  readonly entryCount: number;
  /** Bytes of the whole. */
  readonly byteCount: number;
  /** What the format can not say, or what this drive's media never held, in words. */
  readonly lost: readonly string[];
  /** The bytes piece by piece: a log need not fit in memory. */
  chunks(): Generator<Uint8Array>;
  /** The bytes in one array. */
  bytes(): Uint8Array;
}

/** One entry that is to be written. */
type DmEntry = { readonly flags: number; readonly request?: LogSubmit; readonly text?: Uint8Array };

/** The entries of one drive, in the order in which dm-log-writes logs them. */
class Ordering {
  readonly logged: DmEntry[] = [];
  readonly lost: string[] = [];
  readonly #drive: number;
  readonly #markBytes: number;
  /** Requests in flight, and for a flush what it has taken. */
  readonly #pending = new Map<number, { readonly request: LogSubmit; readonly taken: LogSubmit[] }>();
  #unflushed: LogSubmit[] = [];
  #ignoredCount = 0;
  #failedCount = 0;
  #cutCount = 0;
  #boundCount = 0;

  constructor(drive: number, sectorSize: number) {
    this.#drive = drive;
    this.#markBytes = sectorSize - DM_ENTRY_SIZE - 1;
  }

  add(log: WriteLog): void {
    for (const entry of log.entries()) {
      if (entry.kind === 'mark') this.#mark(entry.text);
      else if (entry.drive !== this.#drive) continue;
      else if (entry.kind === 'submit') this.#submit(entry);
      else if (entry.kind === 'part') this.#countBound(entry);
      else if (entry.kind === 'complete') this.#complete(entry, log.source.name);
    }
    for (const { taken } of this.#pending.values()) this.#unflushed.unshift(...taken);
    this.#logWrites(this.#unflushed);
    this.#mark(DM_END_MARK);
    this.#tell(this.#pending.size, 'requests that were not complete at the end');
    this.#tell(this.#ignoredCount, 'requests that the drive did not carry out');
    this.#tell(this.#failedCount, 'requests that failed (of torn ones the part that was written is there)');
    this.#tell(this.#boundCount, 'times that a write is in a chain or does not tear');
    this.#tell(this.#cutCount, `marks cut to ${this.#markBytes} bytes`);
    this.lost.push('times, tags, domains and the order of submission');
  }

  #tell(count: number, what: string): void {
    if (count > 0) this.lost.push(`${count} ${what}`);
  }

  #mark(text: string): void {
    const bytes = new TextEncoder().encode(text);
    if (bytes.length > this.#markBytes) this.#cutCount++;
    this.logged.push({ flags: DM_MARK, text: bytes.subarray(0, this.#markBytes) });
  }

  #logWrites(requests: readonly LogSubmit[]): void {
    for (const request of requests)
      this.logged.push({ flags: request.operation === 'discard' ? DM_DISCARD : 0, request });
  }

  #countBound({ chain, isUntorn }: LogSubmit | LogPart): void {
    if (chain !== 0 || isUntorn) this.#boundCount++;
  }

  #submit(request: LogSubmit): void {
    this.#countBound(request);
    const isFlush = request.operation === 'flush' && !request.isIgnored;
    this.#pending.set(request.number, { request, taken: isFlush ? this.#unflushed : [] });
    if (isFlush) this.#unflushed = [];
  }

  #complete({ number, offset, result }: LogComplete, path: string | undefined): void {
    const pending = this.#pending.get(number);
    if (pending === undefined)
      throw new WriteLogError(path, offset, 'number', `${number}, which is not in flight`);
    this.#pending.delete(number);
    const { request, taken } = pending;
    if (result !== 0) this.#failedCount++;
    else if (request.isIgnored) this.#ignoredCount++;
    if (request.isIgnored || (result !== 0 && !request.isTorn)) {
      // a flush that did nothing leaves its writes to the next one
      this.#unflushed.unshift(...taken);
    } else if (request.operation === 'flush') {
      this.#logWrites(taken);
      this.logged.push({ flags: DM_FLUSH, request });
    } else if (request.isFua && !request.isFuaIgnored && result === 0) {
      this.logged.push({ flags: DM_FUA | (request.operation === 'discard' ? DM_DISCARD : 0), request });
    } else {
      this.#unflushed.push(request);
    }
  }
}

/** Sectors that hold data behind an entry, in bytes. */
function dataBytes({ flags, request }: DmEntry): number {
  if (request === undefined || (flags & DM_DISCARD) !== 0) return 0;
  return request.operation === 'write' ? request.byteCount : request.sectorCount * SECTOR_SIZE;
}

function* zeros(length: number): Generator<Uint8Array> {
  for (let left = length; left > 0; left -= ZERO_CHUNK) yield new Uint8Array(Math.min(left, ZERO_CHUNK));
}

function superSector(entryCount: number, sectorSize: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(sectorSize));
  view.setBigUint64(0, DM_MAGIC, true);
  view.setBigUint64(DM_SUPER_VERSION, DM_VERSION, true);
  view.setBigUint64(DM_SUPER_ENTRIES, BigInt(entryCount), true);
  view.setUint32(DM_SUPER_SECTOR_SIZE, sectorSize, true);
  return new Uint8Array(view.buffer);
}

function entrySector({ flags, request, text }: DmEntry, sectorSize: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(sectorSize));
  const sectors =
    request === undefined
      ? 0
      : request.operation === 'write'
        ? request.byteCount / SECTOR_SIZE
        : request.sectorCount;
  const scale = sectorSize / SECTOR_SIZE;
  view.setBigUint64(0, BigInt((request?.sector ?? 0) / scale), true);
  view.setBigUint64(DM_ENTRY_SECTORS, BigInt(sectors / scale), true);
  view.setBigUint64(DM_ENTRY_FLAGS, BigInt(flags), true);
  view.setBigUint64(DM_ENTRY_DATA_LENGTH, BigInt(text?.length ?? 0), true);
  const bytes = new Uint8Array(view.buffer);
  if (text !== undefined) bytes.set(text, DM_ENTRY_SIZE);
  return bytes;
}

function checkAlignment(entries: readonly DmEntry[], sectorSize: number): void {
  const scale = sectorSize / SECTOR_SIZE;
  for (const { request } of entries) {
    if (request === undefined) continue;
    const { sector, sectorCount, byteCount, number } = request;
    const isWhole = sector % scale === 0 && sectorCount % scale === 0 && byteCount % sectorSize === 0;
    if (isWhole) continue;
    const where = `request ${number} has ${sectorCount} sectors of 512 bytes at sector ${sector}`;
    throw new ConfigError('sectorSize', sectorSize, `a size that all requests are multiples of: ${where}`);
  }
}

/**
 * A drive's part of a log as dm-log-writes would have logged it. It says what the media got: what a drive has ignored and what
 * failed is left out, but not the part that a torn write has written. Throws ConfigError for a drive that is not in the log, or
 * for requests that are no whole sectors; WriteLogError for a damaged log.
 *
 * @example
 * const machine = await Machine.create({ writeLog: true });
 * const file = machine.openFile('drive0', { direct: true });
 * file.write(new Uint8Array(512), 0);
 * file.sync();
 * const log = exportDmLogWrites(machine.writeLog.snapshot());
 * console.log(log.entryCount, log.byteCount); // 3 2560
 */
export function exportDmLogWrites(log: WriteLog, options: DmExportOptions = {}): DmLog {
  const { drive = 0, sectorSize = 512 } = options;
  if (!Number.isInteger(drive) || drive < 0 || drive >= log.driveCount)
    throw new ConfigError('drive', drive, `from 0 to ${log.driveCount - 1}`);
  if (!isDmSectorSize(sectorSize))
    throw new ConfigError('sectorSize', sectorSize, 'a power of two from 512 to 65536 bytes');
  const ordering = new Ordering(drive, sectorSize);
  ordering.add(log);
  const entries = ordering.logged;
  checkAlignment(entries, sectorSize);
  const byteCount = entries.reduce((sum, entry) => sum + sectorSize + dataBytes(entry), sectorSize);
  function* chunks(): Generator<Uint8Array> {
    yield superSector(entries.length, sectorSize);
    for (const entry of entries) {
      yield entrySector(entry, sectorSize);
      if (entry.request?.operation === 'write') yield entry.request.data();
      else yield* zeros(dataBytes(entry));
    }
  }
  return {
    entryCount: entries.length,
    byteCount,
    lost: ordering.lost,
    chunks,
    bytes() {
      const bytes = new Uint8Array(byteCount);
      let at = 0;
      for (const chunk of chunks()) {
        bytes.set(chunk, at);
        at += chunk.length;
      }
      return bytes;
    },
  };
}
