// Cuts a byte stream into lines and hands each to a format's `parseLine`, without making a string of it.
//
// Verbs: push, finish. LF or CRLF, an optional byte-order mark, a last line without newline and blank lines
// at the end are all fine; a blank line with text after it is a bad line.
// Invariant: how the stream was cut into chunks never shows. Memory: one line of at most MAX_LINE_BYTES.

import { ascii, startsWith } from './bytes.ts';
import type { Decoder } from './decoder.ts';
import type { Recorder } from './recorder.ts';

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
export const BYTE_ORDER_MARK: Uint8Array = ascii('\u00ef\u00bb\u00bf');
/** Longer lines are bad lines; what is beyond is read past, not kept. */
export const MAX_LINE_BYTES = 65536;

/** Base of the text formats. */
export abstract class LineDecoder implements Decoder {
  protected readonly recorder: Recorder;
  /** The start of a line whose end has not come yet. One byte more than the limit, to see that it was passed. */
  readonly #carry = new Uint8Array(MAX_LINE_BYTES + 1);
  /** Bytes of that line so far; those above the size of #carry were dropped. */
  #carryCount = 0;
  /** Lines ended so far, and bytes up to the start of the line in hand. */
  #lineCount = 0;
  #lineOffset = 0;
  /** Blank lines of which it is not known yet whether text follows. */
  #blankCount = 0;
  #blankOffset = 0;

  constructor(recorder: Recorder) {
    this.recorder = recorder;
  }

  /** One line, without its line end, never blank. Writes at most one record. */
  protected abstract parseLine(bytes: Uint8Array, start: number, end: number): void;

  push(bytes: Uint8Array, start: number, end: number): number {
    const { recorder } = this;
    let position = start;
    while (position < end && recorder.hasRoom()) {
      let lineEnd = position;
      while (lineEnd < end && bytes[lineEnd] !== LF) lineEnd++;
      if (this.#carryCount > 0 || lineEnd === end) this.#keep(bytes, position, lineEnd);
      if (lineEnd === end) return end;
      if (this.#carryCount > 0) this.#endCarried(1);
      else this.#endLine(bytes, position, lineEnd, lineEnd - position + 1);
      position = lineEnd + 1;
    }
    return position;
  }

  finish(): void {
    if (this.#carryCount > 0) this.#endCarried(0);
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const room = this.#carry.length - this.#carryCount;
    if (room > 0) this.#carry.set(bytes.subarray(start, Math.min(end, start + room)), this.#carryCount);
    this.#carryCount += end - start;
  }

  #endCarried(newlineBytes: number): void {
    const byteCount = this.#carryCount;
    this.#carryCount = 0;
    this.#endLine(this.#carry, 0, byteCount, byteCount + newlineBytes);
  }

  /** The line is bytes[start, end), of which the carry may hold only the first part; `spanBytes` includes its LF. */
  #endLine(bytes: Uint8Array, start: number, end: number, spanBytes: number): void {
    const { recorder } = this;
    recorder.line = ++this.#lineCount;
    recorder.byteOffset = this.#lineOffset;
    this.#lineOffset += spanBytes;
    if (end - start > MAX_LINE_BYTES) {
      this.#ruleOnBlanks();
      recorder.bad(
        'line too long',
        `${end - start} bytes are above the limit of ${MAX_LINE_BYTES} for one line`,
      );
      return;
    }
    const lineEnd = end > start && bytes[end - 1] === CR ? end - 1 : end;
    const isMarked = this.#lineCount === 1 && startsWith(bytes, start, lineEnd, BYTE_ORDER_MARK);
    const lineStart = isMarked ? start + BYTE_ORDER_MARK.length : start;
    if (isBlank(bytes, lineStart, lineEnd)) {
      if (this.#blankCount++ === 0) this.#blankOffset = recorder.byteOffset;
      return;
    }
    if (this.#blankCount > 0) this.#ruleOnBlanks();
    this.parseLine(bytes, lineStart, lineEnd);
  }

  /** Text came after blank lines, so they were bad lines. */
  #ruleOnBlanks(): void {
    const { recorder } = this;
    const { line, byteOffset } = recorder;
    const blankCount = this.#blankCount;
    this.#blankCount = 0;
    for (let index = 0; index < blankCount; index++) {
      recorder.line = line - blankCount + index;
      recorder.byteOffset = this.#blankOffset;
      recorder.bad('blank line', 'a blank line before the end of the file');
    }
    recorder.line = line;
    recorder.byteOffset = byteOffset;
  }
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let position = start; position < end; position++) {
    const byte = bytes[position];
    if (byte !== SPACE && byte !== TAB && byte !== CR) return false;
  }
  return true;
}
