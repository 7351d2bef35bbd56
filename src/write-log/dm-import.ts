// A log of dm-log-writes, or of QEMU's blklogwrites, as a write log of ours.
//
// Verbs: importDmLogWrites. Each entry becomes a request that is submitted and complete before the next one: that order is
// all that the format keeps.
// Invariant: nothing in the file is trusted: a field that can not be is a WriteLogError with its place.

import { MAX_DISCARD_SECTORS, MAX_DRIVE_SHIFT, MAX_MARK_BYTES, SECTOR_SIZE } from '../../assembly/limits.ts';
import { WriteLogError } from '../errors.ts';
import {
  DM_DISCARD,
  DM_ENTRY_DATA_LENGTH,
  DM_ENTRY_FLAGS,
  DM_ENTRY_SECTORS,
  DM_ENTRY_SIZE,
  DM_FLAGS_ALL,
  DM_FLUSH,
  DM_FUA,
  DM_MAGIC,
  DM_MARK,
  DM_METADATA,
  DM_SUPER_ENTRIES,
  DM_SUPER_SECTOR_SIZE,
  DM_SUPER_SIZE,
  DM_SUPER_VERSION,
  DM_VERSION,
  isDmSectorSize,
} from './dm-log-writes.ts';
import type { WriteLog } from './entries.ts';
import { type LogInput, type LogSource, readBytes, sourceOf } from './source.ts';
import { LogWriter, type WrittenRequest } from './writer.ts';

/** UTF-16 units that fit a mark, whatever they are. */
const SHORT_TEXT = Math.floor(MAX_MARK_BYTES / 3);

/** What an import gives. */
export interface ImportedLog {
  readonly log: WriteLog;
  /** Entries that were taken over. */
  readonly entryCount: number;
  /** Behind the last byte that the log touches: the drive has at least so many. */
  readonly endBytes: number;
  /** What a write log has and this one does not say, or could not be taken over, in words. */
  readonly lost: readonly string[];
}

class Importer {
  readonly writer = new LogWriter();
  endBytes = 0;
  metadataCount = 0;
  cutMarkCount = 0;
  readonly #source: LogSource;
  #sectorSize = SECTOR_SIZE;

  constructor(source: LogSource) {
    this.#source = source;
  }

  #refuse(offset: number, field: string, found: string): never {
    throw new WriteLogError(this.#source.name, offset, field, found);
  }

  #u64(view: DataView, offset: number, at: number, field: string): number {
    const value = view.getBigUint64(at, true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      this.#refuse(offset + at, field, `${value}, more than 2^53 - 1`);
    return Number(value);
  }

  /** Entries that the super block tells of. */
  readSuper(): number {
    if (this.#source.size < DM_SUPER_SIZE)
      this.#refuse(0, 'super block', `cut: the file has ${this.#source.size} bytes`);
    const view = new DataView(readBytes(this.#source, 0, DM_SUPER_SIZE).buffer);
    const magic = view.getBigUint64(0, true);
    if (magic !== DM_MAGIC) this.#refuse(0, 'magic', `0x${magic.toString(16)}, not that of dm-log-writes`);
    const version = view.getBigUint64(DM_SUPER_VERSION, true);
    if (version !== DM_VERSION) this.#refuse(DM_SUPER_VERSION, 'version', `${version}; this reads version 1`);
    this.#sectorSize = view.getUint32(DM_SUPER_SECTOR_SIZE, true);
    if (!isDmSectorSize(this.#sectorSize))
      this.#refuse(
        DM_SUPER_SECTOR_SIZE,
        'sectorsize',
        `${this.#sectorSize}, not a power of two from 512 to 65536`,
      );
    return this.#u64(view, 0, DM_SUPER_ENTRIES, 'nr_entries');
  }

  /** Takes over `count` entries. How many there were, and where the file cuts the next one. */
  readEntries(count: number): { entryCount: number; cutAt: number | undefined } {
    let offset = this.#sectorSize;
    for (let index = 0; index < count; index++) {
      const next = this.#readEntry(offset);
      if (next === undefined) return { entryCount: index, cutAt: offset };
      offset = next;
    }
    return { entryCount: count, cutAt: undefined };
  }

  /** Where the entry behind the one at `offset` begins; undefined when the file ends before. */
  #readEntry(offset: number): number | undefined {
    const size = this.#sectorSize;
    if (offset + size > this.#source.size) return undefined;
    const view = new DataView(readBytes(this.#source, offset, size).buffer);
    const flags = this.#u64(view, offset, DM_ENTRY_FLAGS, 'flags');
    if (flags > DM_FLAGS_ALL)
      this.#refuse(offset + DM_ENTRY_FLAGS, 'flags', `0x${flags.toString(16)}, with unknown bits`);
    const sectors = this.#u64(view, offset, DM_ENTRY_SECTORS, 'nr_sectors');
    const dataLength = this.#u64(view, offset, DM_ENTRY_DATA_LENGTH, 'data_len');
    const hasData = (flags & DM_DISCARD) === 0;
    const end = offset + size + (hasData ? sectors * size : 0);
    if (end > this.#source.size) return undefined;
    if ((flags & DM_MARK) !== 0) {
      if (dataLength > size - DM_ENTRY_SIZE)
        this.#refuse(
          offset + DM_ENTRY_DATA_LENGTH,
          'data_len',
          `${dataLength}, more than a sector has room for`,
        );
      this.#mark(new TextDecoder().decode(new Uint8Array(view.buffer, DM_ENTRY_SIZE, dataLength)));
      return end;
    }
    // data that stands inline (DAX) must fill its sectors as well
    if (dataLength !== 0 && dataLength !== sectors * size)
      this.#refuse(offset + DM_ENTRY_DATA_LENGTH, 'data_len', `${dataLength} for ${sectors} sectors`);
    const sector = this.#u64(view, offset, 0, 'sector');
    if ((sector + sectors) * size > 2 ** MAX_DRIVE_SHIFT)
      this.#refuse(offset, 'sector', `${sector}, behind the end of the largest drive`);
    this.#take(offset, flags, (sector * size) / SECTOR_SIZE, (sectors * size) / SECTOR_SIZE);
    return end;
  }

  #mark(text: string): void {
    const isShort = new TextEncoder().encode(text).length <= MAX_MARK_BYTES;
    if (!isShort) this.cutMarkCount++;
    this.writer.mark(isShort ? text : text.slice(0, SHORT_TEXT));
  }

  #take(offset: number, flags: number, sector: number, sectorCount: number): void {
    if ((flags & DM_METADATA) !== 0) this.metadataCount++;
    if ((flags & DM_FLUSH) !== 0) this.#request({ operation: 'flush' });
    if (sectorCount === 0) return;
    this.endBytes = Math.max(this.endBytes, (sector + sectorCount) * SECTOR_SIZE);
    const isFua = (flags & DM_FUA) !== 0;
    if ((flags & DM_DISCARD) !== 0) {
      for (let done = 0; done < sectorCount; done += MAX_DISCARD_SECTORS) {
        const part = Math.min(MAX_DISCARD_SECTORS, sectorCount - done);
        this.#request({ operation: 'discard', sector: sector + done, sectorCount: part, isFua });
      }
      return;
    }
    if (sectorCount > MAX_DISCARD_SECTORS)
      this.#refuse(
        offset + DM_ENTRY_SECTORS,
        'nr_sectors',
        `${sectorCount} sectors of 512 bytes, more than a request has`,
      );
    const data = readBytes(this.#source, offset + this.#sectorSize, sectorCount * SECTOR_SIZE);
    this.#request({ operation: 'write', sector, data, isFua });
  }

  #request(request: WrittenRequest): void {
    this.writer.complete(this.writer.submit(request));
  }
}

/**
 * Reads a log in the format of dm-log-writes: its bytes, a SparseMemory with them, or (in Node) the path of its file. The log
 * tells of one drive. A file that ends inside an entry gives what stands before, and `lost` says so. Throws WriteLogError
 * for what is no such log, naming file, offset and field.
 */
export function importDmLogWrites(input: LogInput): ImportedLog {
  const importer = new Importer(sourceOf(input));
  const expected = importer.readSuper();
  const { entryCount, cutAt } = importer.readEntries(expected);
  const lost = ['times, tags and domains', 'the order of submission, and what was in flight together'];
  if (importer.metadataCount > 0) lost.push(`the metadata flag of ${importer.metadataCount} writes`);
  if (importer.cutMarkCount > 0) lost.push(`the end of ${importer.cutMarkCount} long marks`);
  if (cutAt !== undefined)
    lost.push(
      `${expected - entryCount} of ${expected} entries: the file ends inside the entry at offset ${cutAt}`,
    );
  return { log: importer.writer.log(), entryCount, endBytes: importer.endBytes, lost };
}
