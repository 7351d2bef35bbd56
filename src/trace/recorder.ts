// Where every decoder hands in what it read: bounds are checked, totals counted, records written, faults ruled on.
//
// Verbs: accepts (may this range be replayed?), device, write, bad, badNumber, note. The rules that all formats
// share live here once. Invariant: a record is written only after `accepts`, and a bad line never touches
// the clock, the totals or the name table.

import {
  TRACE_FLUSH,
  TRACE_LENGTH,
  TRACE_LINE,
  TRACE_OFFSET,
  TRACE_RECORD_SIZE,
  TRACE_TIME,
} from '../../assembly/layout.ts';
import { SECTOR_SIZE } from '../../assembly/limits.ts';
import { TraceBatch } from './batch.ts';
import { quote } from './bytes.ts';
import type { TraceFormat } from './decoder.ts';
import { TraceError, type TraceErrorCode } from './errors.ts';
import { NameTable, NO_ROOM } from './names.ts';
import { TraceTotals } from './totals.ts';

const RECORD_WORDS = TRACE_RECORD_SIZE / 4;
const LENGTH_WORD = TRACE_LENGTH / 4;
const OFFSET_WORD = TRACE_OFFSET / 4;
const TIME_WORD = TRACE_TIME / 4;
const LINE_WORD = TRACE_LINE / 4;
const TWO_32 = 4294967296;
const MAX_LENGTH_BYTES = TWO_32 - 1;
const OPERATION_WORDS = ['read', 'write', 'discard'];

export interface RecorderOptions {
  file: string;
  format: TraceFormat;
  /** Bad lines that may be passed over. */
  skipBad: number;
  maxDevices: number;
}

/** The receiving end of one decoder. */
export class Recorder {
  readonly totals: TraceTotals;
  /** The batch being filled; the reader sets it before each push. */
  batch = new TraceBatch(1);
  /** Line or record in hand, from 1; the decoder keeps it up to date. */
  line = 0;
  /** Where that line or record starts in the decompressed content. */
  byteOffset = 0;
  readonly #options: RecorderOptions;
  readonly #names: NameTable;
  readonly #isSectors: boolean;
  readonly #nsPerTick: number;
  #isStarted = false;
  #firstTicks = 0;
  #previousTicks = 0;

  constructor(options: RecorderOptions) {
    const { format, maxDevices } = options;
    this.#options = options;
    this.#names = new NameTable(maxDevices, format.label);
    this.#isSectors = format.unit === 'sector';
    this.#nsPerTick = format.ticksPerSecond === 0 ? 0 : 1e9 / format.ticksPerSecond;
    this.totals = new TraceTotals(format.ticksPerSecond);
  }

  get file(): string {
    return this.#options.file;
  }

  get deviceNames(): readonly string[] {
    return this.#names.names;
  }

  hasRoom(): boolean {
    return this.batch.count < this.batch.capacity;
  }

  /**
   * Whether a transfer of this range can be replayed; if not, the line has been ruled bad. Flushes always can.
   * `offsetBytes` is an exact integer, 0 to 2^53 - 1.
   */
  accepts(operation: number, offsetBytes: number, lengthBytes: number): boolean {
    if (operation >= TRACE_FLUSH) return true;
    if (lengthBytes === 0) {
      return this.bad('zero length', `a ${OPERATION_WORDS[operation]} of length 0 (the least is 1 byte)`);
    }
    if (lengthBytes > MAX_LENGTH_BYTES) {
      return this.bad(
        'length too large',
        `length ${lengthBytes} is above the limit of ${MAX_LENGTH_BYTES} bytes`,
      );
    }
    if (offsetBytes + lengthBytes > Number.MAX_SAFE_INTEGER) {
      const range = `offset ${offsetBytes} + length ${lengthBytes}`;
      return this.bad(
        'offset too large',
        `${range} ends above the limit of ${Number.MAX_SAFE_INTEGER} (2^53 - 1)`,
      );
    }
    // `&` works on the low 32 bits of any exact integer, so it finds the remainder of large offsets too.
    if (this.#isSectors && ((offsetBytes | lengthBytes) & (SECTOR_SIZE - 1)) !== 0) {
      const [field, value] =
        (offsetBytes & (SECTOR_SIZE - 1)) !== 0 ? ['offset', offsetBytes] : ['length', lengthBytes];
      return this.bad(
        `${field} not whole sectors`,
        `${field} ${value} is no multiple of ${SECTOR_SIZE} bytes`,
      );
    }
    return true;
  }

  /**
   * Number of the device or file named by bytes[start, end), added when new.
   *
   * @throws TraceError ERR_TRACE_DEVICES when there are too many; that is no bad line and is never skipped.
   */
  device(bytes: Uint8Array, start: number, end: number): number {
    const index = this.#names.find(bytes, start, end);
    if (index === NO_ROOM) {
      const limit = `the limit of ${this.#options.maxDevices} devices or files`;
      this.fail('ERR_TRACE_DEVICES', `${quote(bytes, start, end)} is one more than ${limit} (maxDevices)`);
    }
    return index;
  }

  /** Writes one record. `ticks` may be any exact integer; the batch must have room. */
  write(operation: number, device: number, offsetBytes: number, lengthBytes: number, ticks: number): void {
    const { batch, totals } = this;
    const words = batch.words;
    const base = batch.count * RECORD_WORDS;
    words[base] = operation | (device << 16);
    words[base + LENGTH_WORD] = lengthBytes;
    words[base + OFFSET_WORD] = offsetBytes;
    words[base + OFFSET_WORD + 1] = offsetBytes / TWO_32;
    this.#writeTime(words, base + TIME_WORD, ticks);
    words[base + LINE_WORD] = this.line;
    words[base + LINE_WORD + 1] = this.line / TWO_32;
    batch.count++;
    totals.countByOperation[operation]!++;
    totals.bytesByOperation[operation]! += lengthBytes;
    if (offsetBytes + lengthBytes > totals.maxEndByte) totals.maxEndByte = offsetBytes + lengthBytes;
  }

  #writeTime(words: Uint32Array, index: number, ticks: number): void {
    const { totals } = this;
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#firstTicks = this.#previousTicks = totals.minTicks = totals.maxTicks = ticks;
    }
    if (ticks < this.#previousTicks) totals.timeGoesBack++;
    this.#previousTicks = ticks;
    if (ticks > totals.maxTicks) totals.maxTicks = ticks;
    else if (ticks < totals.minTicks) totals.minTicks = ticks;
    const sinceFirst = ticks > this.#firstTicks ? ticks - this.#firstTicks : 0;
    const timeNs = sinceFirst * this.#nsPerTick;
    if (timeNs <= Number.MAX_SAFE_INTEGER) {
      words[index] = timeNs;
      words[index + 1] = timeNs / TWO_32;
    } else {
      // Past 104 days a nanosecond count is no exact double: multiply in two halves.
      const low = (sinceFirst % TWO_32) * this.#nsPerTick;
      words[index] = low;
      words[index + 1] = Math.floor(sinceFirst / TWO_32) * this.#nsPerTick + Math.floor(low / TWO_32);
    }
  }

  /**
   * The line in hand is bad: counted under `kind` while `skipBad` lasts, else an error saying `detail`.
   * Returns false, so that a parser can `return bad(…)`.
   */
  bad(kind: string, detail: string, code: TraceErrorCode = 'ERR_TRACE_LINE'): false {
    const { skipBad, format } = this.#options;
    if (this.totals.skipped < skipBad) {
      this.totals.skip(kind, this.line);
      return false;
    }
    const isOver = skipBad > 0;
    const over = isOver ? ` (bad ${format.counts} ${skipBad + 1}; at most ${skipBad} may be skipped)` : '';
    return this.fail(code, detail + over);
  }

  /** The bad field bytes[start, end) is no whole number, or a negative one. */
  badNumber(field: string, bytes: Uint8Array, start: number, end: number): false {
    const shown = quote(bytes, start, end);
    if (start === end) return this.bad(`${field} missing`, `${field} is empty`);
    if (/^"-\d+"$/.test(shown)) {
      return this.bad(`negative ${field}`, `${field} ${shown.slice(1, -1)} is negative (the least is 0)`);
    }
    return this.bad(`${field} not a number`, `${field} ${shown} is no whole number`);
  }

  /** The field bytes[start, end) is digits, but more than `limit`. */
  tooLarge(field: string, bytes: Uint8Array, start: number, end: number, limit: string): false {
    const shown = quote(bytes, start, end).slice(1, -1);
    return this.bad(`${field} too large`, `${field} ${shown} is above the limit of ${limit}`);
  }

  /** An error at the line in hand that no `skipBad` passes over. */
  fail(code: TraceErrorCode, reason: string): never {
    const place = { [this.#options.format.counts]: this.line, byteOffset: this.byteOffset };
    throw new TraceError(code, this.#options.file, reason, place);
  }

  /** Something worth telling that is no fault. */
  note(remark: string): void {
    this.totals.note(remark, this.line);
  }
}
