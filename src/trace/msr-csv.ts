// MSR Cambridge CSV: Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime, no header.
//
// Timestamp is a Windows filetime: 100 ns ticks since 1601, about 1.28e17, which is no exact double. It is
// read as two halves, and only its distance to the first request is ever one number.
// Invariant: exactly seven fields, Type exactly `Read` or `Write`, offset and size whole sectors.

import { TRACE_READ, TRACE_WRITE } from '../../assembly/layout.ts';
import { ascii, equals, NOT_DECIMAL, parseDecimal, quote } from './bytes.ts';
import type { TraceFormat } from './decoder.ts';
import { LineDecoder } from './lines.ts';

const COMMA = 0x2c;
const FIELDS = 7;
const READ = ascii('Read');
const WRITE = ascii('Write');
const MAX_NAME_BYTES = 256;
/** The low half of a filetime is its last nine digits. */
const LOW_DIGITS = 9;
const LOW_RANGE = 1e9;
/** Halves of 2^63 - 1, the largest filetime. */
const MAX_TICKS_HIGH = 9223372036;
const MAX_TICKS_LOW = 854775807;

class MsrCsvDecoder extends LineDecoder {
  /** Where the comma after each field is; the last one is the end of the line. */
  readonly #ends = new Int32Array(FIELDS);
  /** Filetime of the first request. */
  #isStarted = false;
  #firstHigh = 0;
  #firstLow = 0;

  protected override parseLine(bytes: Uint8Array, start: number, end: number): boolean {
    const { recorder } = this;
    const ends = this.#ends;
    const fieldCount = this.#split(bytes, start, end);
    if (fieldCount !== FIELDS) {
      return recorder.bad('field count', `${fieldCount} comma-separated fields instead of ${FIELDS}`);
    }
    const highEnd = Math.max(start, ends[0]! - LOW_DIGITS);
    const ticksHigh = highEnd === start ? 0 : parseDecimal(bytes, start, highEnd);
    const ticksLow = parseDecimal(bytes, highEnd, ends[0]!);
    if (ticksHigh === NOT_DECIMAL || ticksLow === NOT_DECIMAL) {
      return recorder.badNumber('Timestamp', bytes, start, ends[0]!);
    }
    if (ticksHigh > MAX_TICKS_HIGH || (ticksHigh === MAX_TICKS_HIGH && ticksLow > MAX_TICKS_LOW)) {
      return recorder.tooLarge('Timestamp', bytes, start, ends[0]!, '2^63 - 1');
    }
    const nameStart = ends[0]! + 1;
    if (ends[1] === nameStart) return recorder.bad('Hostname missing', 'Hostname is empty');
    if (ends[2]! - nameStart > MAX_NAME_BYTES) {
      return recorder.bad('name too long', `Hostname and DiskNumber are above ${MAX_NAME_BYTES} bytes`);
    }
    if (parseDecimal(bytes, ends[1]! + 1, ends[2]!) === NOT_DECIMAL) {
      return recorder.badNumber('DiskNumber', bytes, ends[1]! + 1, ends[2]!);
    }
    const operation = this.#operation(bytes, ends[2]! + 1, ends[3]!);
    if (operation < 0) return false;
    const offsetBytes = this.#number('Offset', bytes, ends[3]! + 1, ends[4]!);
    if (offsetBytes < 0) return false;
    const lengthBytes = this.#number('Size', bytes, ends[4]! + 1, ends[5]!);
    if (lengthBytes < 0) return false;
    if (parseDecimal(bytes, ends[5]! + 1, ends[6]!) === NOT_DECIMAL) {
      return recorder.badNumber('ResponseTime', bytes, ends[5]! + 1, ends[6]!);
    }
    if (!recorder.accepts(operation, offsetBytes, lengthBytes)) return false;
    const ticks = this.#isStarted
      ? (ticksHigh - this.#firstHigh) * LOW_RANGE + (ticksLow - this.#firstLow)
      : 0;
    if (ticks > Number.MAX_SAFE_INTEGER || ticks < -Number.MAX_SAFE_INTEGER) {
      const shown = quote(bytes, start, ends[0]!).slice(1, -1);
      return recorder.bad(
        'Timestamp too far',
        `Timestamp ${shown} is over 28 years (2^53 ticks) from the first`,
      );
    }
    const device = recorder.device(bytes, nameStart, ends[2]!);
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#firstHigh = ticksHigh;
      this.#firstLow = ticksLow;
    }
    recorder.write(operation, device, offsetBytes, lengthBytes, ticks);
    return true;
  }

  /** Number of fields; the ends of the first seven go to #ends. */
  #split(bytes: Uint8Array, start: number, end: number): number {
    const ends = this.#ends;
    let count = 0;
    for (let position = start; position < end; position++) {
      if (bytes[position] !== COMMA) continue;
      if (count < FIELDS) ends[count] = position;
      count++;
    }
    if (count < FIELDS) ends[count] = end;
    return count + 1;
  }

  #operation(bytes: Uint8Array, start: number, end: number): number {
    if (equals(bytes, start, end, READ)) return TRACE_READ;
    if (equals(bytes, start, end, WRITE)) return TRACE_WRITE;
    this.recorder.bad('unknown operation', `Type ${quote(bytes, start, end)} is neither Read nor Write`);
    return -1;
  }

  /** An exact integer, or -1 when the line has been ruled bad. */
  #number(field: string, bytes: Uint8Array, start: number, end: number): number {
    const value = parseDecimal(bytes, start, end);
    if (value === NOT_DECIMAL) this.recorder.badNumber(field, bytes, start, end);
    else if (value > Number.MAX_SAFE_INTEGER) this.recorder.tooLarge(field, bytes, start, end, '2^53 - 1');
    else return value;
    return -1;
  }
}

/** Registry row. The device is host and disk number: `hm.0`. */
export const MSR_CSV: TraceFormat = {
  name: 'msr-csv',
  title: 'MSR Cambridge CSV',
  entrance: 'virtio',
  unit: 'sector',
  ticksPerSecond: 1e7,
  counts: 'line',
  label: (key) => key.replace(/,(?=[^,]*$)/, '.'),
  create: (recorder) => new MsrCsvDecoder(recorder),
};
