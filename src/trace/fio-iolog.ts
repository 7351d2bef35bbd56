// fio iolog, versions 2 and 3: `[usec] name action [offset length]`, fields split on blanks.
//
// File lines (add, open, close) have two fields, request lines four; version 3 puts the microsecond in front.
// fio opens the log in append mode, so a second header may come in the middle: its clock starts again at 0
// and is laid end to end with the first. Invariant: times never depend on lines that were ruled bad.

import {
  TRACE_DATASYNC,
  TRACE_DISCARD,
  TRACE_FLUSH,
  TRACE_READ,
  TRACE_WRITE,
} from '../../assembly/layout.ts';
import { ascii, equals, NOT_DECIMAL, parseDecimal, quote } from './bytes.ts';
import type { FormatName, TraceFormat } from './decoder.ts';
import { LineDecoder } from './lines.ts';
import type { Recorder } from './recorder.ts';

const SPACE = 0x20;
const TAB = 0x09;
const MAX_FIELDS = 5;
/** fio reads names with %256s. */
const MAX_NAME_BYTES = 256;
const FIO = ascii('fio');
const VERSION = ascii('version');
const IOLOG = ascii('iolog');
const WAIT = ascii('wait');

const REQUESTS = [
  { word: ascii('read'), operation: TRACE_READ },
  { word: ascii('write'), operation: TRACE_WRITE },
  { word: ascii('trim'), operation: TRACE_DISCARD },
  { word: ascii('sync'), operation: TRACE_FLUSH },
  { word: ascii('datasync'), operation: TRACE_DATASYNC },
];

/** What is known of a file; NOTED once its missing add or open line has been remarked on. */
const ADDED = 1;
const OPEN = 2;
const NOTED = 4;
const FILE_ACTIONS = [
  { word: ascii('add'), set: ADDED, clear: 0 },
  { word: ascii('open'), set: OPEN, clear: 0 },
  { word: ascii('close'), set: 0, clear: OPEN },
];

class FioIologDecoder extends LineDecoder {
  readonly #version: 2 | 3;
  /** Fields before the name: the time in version 3. */
  readonly #lead: number;
  readonly #starts = new Int32Array(MAX_FIELDS);
  readonly #ends = new Int32Array(MAX_FIELDS);
  readonly #fileStates: number[] = [];
  #hasHeader = false;
  /** Microseconds of the logs before the last header, and the latest so far. */
  #baseMicros = 0;
  #latestMicros = 0;

  constructor(recorder: Recorder, version: 2 | 3) {
    super(recorder);
    this.#version = version;
    this.#lead = version - 2;
  }

  protected override parseLine(bytes: Uint8Array, start: number, end: number): boolean {
    const { recorder } = this;
    const fieldCount = this.#split(bytes, start, end);
    if (
      fieldCount === 4 &&
      this.#is(0, FIO, bytes) &&
      this.#is(1, VERSION, bytes) &&
      this.#is(3, IOLOG, bytes)
    ) {
      return this.#header(bytes, start, end);
    }
    if (!this.#hasHeader) {
      const expected = `"fio version ${this.#version} iolog"`;
      return recorder.fail(
        'ERR_TRACE_FORMAT',
        `the header ${expected} is missing: ${quote(bytes, start, end)}`,
      );
    }
    if (this.#version === 2 && this.#isWait(fieldCount, bytes)) {
      recorder.note('wait lines ignored');
      return true;
    }
    const lead = this.#lead;
    if (fieldCount !== lead + 2 && fieldCount !== lead + 4) {
      const expected = `${lead + 2} (file action) or ${lead + 4} (request)`;
      return recorder.bad('field count', `${fieldCount} fields instead of ${expected}`);
    }
    let micros = 0;
    if (lead === 1) {
      micros = parseDecimal(bytes, this.#starts[0]!, this.#ends[0]!);
      if (micros === NOT_DECIMAL) return this.#badNumber('time', 0, bytes);
      micros += this.#baseMicros;
      if (micros > Number.MAX_SAFE_INTEGER) return this.#tooLarge('time', 0, bytes);
    }
    const nameBytes = this.#ends[lead]! - this.#starts[lead]!;
    if (nameBytes > MAX_NAME_BYTES) {
      return recorder.bad('name too long', `a file name of ${nameBytes} bytes; fio reads ${MAX_NAME_BYTES}`);
    }
    const isTaken = fieldCount === lead + 2 ? this.#fileLine(bytes) : this.#requestLine(bytes, micros);
    if (isTaken && micros > this.#latestMicros) this.#latestMicros = micros;
    return isTaken;
  }

  #header(bytes: Uint8Array, start: number, end: number): boolean {
    const { recorder } = this;
    if (parseDecimal(bytes, this.#starts[2]!, this.#ends[2]!) !== this.#version) {
      const advice = this.#hasHeader ? 'split the file there' : 'name that version';
      return recorder.fail(
        'ERR_TRACE_FORMAT',
        `${quote(bytes, start, end)} in a trace read as version ${this.#version}: ${advice}`,
      );
    }
    if (this.#hasHeader) {
      recorder.note('repeated header: a second log was appended, its times continue after the first');
      this.#baseMicros = this.#latestMicros;
    }
    this.#hasHeader = true;
    return true;
  }

  /** Both `name wait N 0`, which fio reads, and the short `wait N 0` of its manual. */
  #isWait(fieldCount: number, bytes: Uint8Array): boolean {
    const wordIndex = fieldCount - 3;
    if (wordIndex !== 0 && wordIndex !== 1) return false;
    return (
      this.#is(wordIndex, WAIT, bytes) &&
      this.#decimal(wordIndex + 1, bytes) !== NOT_DECIMAL &&
      this.#decimal(wordIndex + 2, bytes) !== NOT_DECIMAL
    );
  }

  #fileLine(bytes: Uint8Array): boolean {
    const { recorder } = this;
    const nameIndex = this.#lead;
    for (const { word, set, clear } of FILE_ACTIONS) {
      if (!this.#is(nameIndex + 1, word, bytes)) continue;
      const file = recorder.device(bytes, this.#starts[nameIndex]!, this.#ends[nameIndex]!);
      this.#fileStates[file] = ((this.#fileStates[file] ?? 0) | set) & ~clear;
      return true;
    }
    return recorder.bad(
      'unknown file action',
      `file action ${this.#quote(nameIndex + 1, bytes)} is not add, open or close`,
    );
  }

  #requestLine(bytes: Uint8Array, micros: number): boolean {
    const { recorder } = this;
    const nameIndex = this.#lead;
    const operation = this.#operation(nameIndex + 1, bytes);
    const offsetBytes = this.#decimal(nameIndex + 2, bytes);
    if (offsetBytes === NOT_DECIMAL) return this.#badNumber('offset', nameIndex + 2, bytes);
    const lengthBytes = this.#decimal(nameIndex + 3, bytes);
    if (lengthBytes === NOT_DECIMAL) return this.#badNumber('length', nameIndex + 3, bytes);
    if (operation === undefined) return this.#unknownAction(nameIndex + 1, bytes);
    const isSync = operation >= TRACE_FLUSH;
    if (!isSync) {
      if (offsetBytes > Number.MAX_SAFE_INTEGER) return this.#tooLarge('offset', nameIndex + 2, bytes);
      if (!recorder.accepts(operation, offsetBytes, lengthBytes)) return false;
    }
    const file = recorder.device(bytes, this.#starts[nameIndex]!, this.#ends[nameIndex]!);
    const state = this.#fileStates[file] ?? 0;
    if ((state & (ADDED | OPEN)) !== (ADDED | OPEN) && (state & NOTED) === 0) {
      recorder.note('file used without an add and an open line');
      this.#fileStates[file] = state | NOTED;
    }
    // fio logs the offset of the last transfer with a sync; the sync is of the whole file.
    recorder.write(operation, file, isSync ? 0 : offsetBytes, isSync ? 0 : lengthBytes, micros);
    return true;
  }

  #operation(index: number, bytes: Uint8Array): number | undefined {
    const start = this.#starts[index]!;
    const end = this.#ends[index]!;
    for (let row = 0; row < REQUESTS.length; row++) {
      const { word, operation } = REQUESTS[row]!;
      if (equals(bytes, start, end, word)) return operation;
    }
    return undefined;
  }

  /** fio logs actions that it cannot read back (sync_file_range); anything that is no word is a torn line. */
  #unknownAction(index: number, bytes: Uint8Array): boolean {
    const shown = this.#quote(index, bytes);
    if (shown === '"wait"') {
      this.recorder.note('wait lines ignored');
    } else if (/^"[a-z][a-z_]{0,31}"$/.test(shown)) {
      this.recorder.note(`unknown action ${shown} passed over`);
    } else {
      return this.recorder.bad(
        'unknown operation',
        `action ${shown} is not read, write, trim, sync or datasync`,
      );
    }
    return true;
  }

  /** Number of fields; the bounds of the first five go to #starts and #ends. */
  #split(bytes: Uint8Array, start: number, end: number): number {
    let count = 0;
    let position = start;
    for (;;) {
      while (position < end && (bytes[position] === SPACE || bytes[position] === TAB)) position++;
      if (position === end) return count;
      if (count < MAX_FIELDS) this.#starts[count] = position;
      while (position < end && bytes[position] !== SPACE && bytes[position] !== TAB) position++;
      if (count < MAX_FIELDS) this.#ends[count] = position;
      count++;
    }
  }

  #is(index: number, word: Uint8Array, bytes: Uint8Array): boolean {
    return equals(bytes, this.#starts[index]!, this.#ends[index]!, word);
  }

  #decimal(index: number, bytes: Uint8Array): number {
    return parseDecimal(bytes, this.#starts[index]!, this.#ends[index]!);
  }

  #quote(index: number, bytes: Uint8Array): string {
    return quote(bytes, this.#starts[index]!, this.#ends[index]!);
  }

  #badNumber(field: string, index: number, bytes: Uint8Array): false {
    return this.recorder.badNumber(field, bytes, this.#starts[index]!, this.#ends[index]!);
  }

  #tooLarge(field: string, index: number, bytes: Uint8Array): false {
    return this.recorder.tooLarge(field, bytes, this.#starts[index]!, this.#ends[index]!, '2^53 - 1');
  }
}

function iologFormat(version: 2 | 3): TraceFormat {
  return {
    name: `fio-iolog-v${version}` satisfies FormatName,
    title: `fio iolog version ${version}`,
    entrance: 'aio',
    unit: 'byte',
    ticksPerSecond: version === 2 ? 0 : 1e6,
    counts: 'line',
    create: (recorder) => new FioIologDecoder(recorder, version),
  };
}

/** Registry rows. */
export const FIO_IOLOG_V2 = iologFormat(2);
export const FIO_IOLOG_V3 = iologFormat(3);
