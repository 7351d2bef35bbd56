// Reading fields straight from bytes: decimal digits, fixed words, and a safe way to show bytes to a person.
//
// Verbs: parseDecimal, equals, startsWith, quote, ascii. Invariant: nothing here makes a string except
// `quote`, which is only called once a line is already known to be bad.

const ZERO = 0x30;
const SHOWN_BYTES = 60;
const POWERS = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/** Digits that fit a 32-bit integer whatever they are. */
const GROUP_DIGITS = 9;

/** What `parseDecimal` returns for an empty field or one with anything but digits. */
export const NOT_DECIMAL = -1;

/**
 * The unsigned decimal integer in bytes[start, end), or NOT_DECIMAL.
 *
 * Exact up to 2^53 - 1. A larger number comes back rounded, but never below 2^53 (which is a double itself),
 * so one comparison with Number.MAX_SAFE_INTEGER tells the two apart.
 */
export function parseDecimal(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return NOT_DECIMAL;
  let position = start;
  let groupEnd = end - start > GROUP_DIGITS ? start + GROUP_DIGITS : end;
  let value = 0;
  // Groups keep the inner loop in 32-bit integers: twice as fast as accumulating a double.
  for (;;) {
    const groupStart = position;
    let group = 0;
    for (; position < groupEnd; position++) {
      const digit = bytes[position]! - ZERO;
      if (digit >>> 0 > 9) return NOT_DECIMAL;
      group = (group * 10 + digit) | 0;
    }
    value = groupStart === start ? group : value * POWERS[position - groupStart]! + group;
    if (position === end) return value;
    groupEnd = end - position > GROUP_DIGITS ? position + GROUP_DIGITS : end;
  }
}

/** The bytes of a word that is compared with `equals` or `startsWith`. */
export function ascii(word: string): Uint8Array {
  return Uint8Array.from(word, (letter) => letter.charCodeAt(0));
}

/** Whether bytes[start, end) is exactly `word`. */
export function equals(bytes: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  return end - start === word.length && startsWith(bytes, start, end, word);
}

/** Whether bytes[start, end) starts with `word`. */
export function startsWith(bytes: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  if (end - start < word.length) return false;
  for (let index = 0; index < word.length; index++) {
    if (bytes[start + index] !== word[index]) return false;
  }
  return true;
}

/** bytes[start, end) as a quoted string that is safe on a terminal: control bytes escaped, cut at 60 bytes. */
export function quote(bytes: Uint8Array, start: number, end: number): string {
  const isCut = end - start > SHOWN_BYTES;
  const text = new TextDecoder().decode(bytes.subarray(start, isCut ? start + SHOWN_BYTES : end));
  const escaped = JSON.stringify(text).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return isCut ? `${escaped.slice(0, -1)}…"` : escaped;
}
