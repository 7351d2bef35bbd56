// Fields read from bytes: digits against BigInt, words against strings, and quotes that are safe to print.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ascii, equals, NOT_DECIMAL, parseDecimal, quote, startsWith } from '../../../src/trace/bytes.ts';
import { utf8 } from './support.ts';

const bytes = suite('trace/bytes');

bytes('parseDecimal is exact below 2^53, wherever in the bytes the digits are', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(30), fc.nat(5), (value, zeros, lead) => {
      const digits = '0'.repeat(zeros) + String(value);
      const text = utf8(`${'x'.repeat(lead)}${digits},1`);
      assert.is(parseDecimal(text, lead, lead + digits.length), value);
    }),
    { numRuns: 2000 },
  );
});

bytes('parseDecimal never brings a number of 2^53 or more below 2^53', () => {
  fc.assert(
    fc.property(fc.bigInt(2n ** 53n, 2n ** 1100n), (value) => {
      const text = utf8(String(value));
      assert.ok(parseDecimal(text, 0, text.length) > Number.MAX_SAFE_INTEGER);
    }),
  );
  for (const value of [2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
    const text = utf8(String(value));
    assert.ok(parseDecimal(text, 0, text.length) > Number.MAX_SAFE_INTEGER);
  }
});

bytes('parseDecimal takes nothing but digits', () => {
  for (const text of [
    '',
    '-1',
    '+1',
    '1.0',
    '1e3',
    ' 1',
    '1 ',
    '0x1',
    '1/',
    ':',
    '123456789a',
    '1234567890123a',
    '١',
  ]) {
    assert.is(parseDecimal(utf8(text), 0, utf8(text).length), NOT_DECIMAL, text);
  }
});

bytes('words compare whole with equals and from the left with startsWith', () => {
  const line = utf8('a read b');
  assert.ok(equals(line, 2, 6, ascii('read')));
  assert.not(equals(line, 2, 7, ascii('read')));
  assert.not(equals(line, 2, 6, ascii('reac')));
  assert.ok(startsWith(line, 2, 8, ascii('read ')));
  assert.not(startsWith(line, 2, 4, ascii('read')));
});

bytes('quote escapes what a terminal would obey and cuts what is long', () => {
  assert.is(quote(utf8('plain'), 0, 5), '"plain"');
  const evil = utf8('\u001b[2J"\u009b\u202e\n');
  assert.is(quote(evil, 0, evil.length), '"\\u001b[2J\\"\\u009b\\u202e\\n"');
  assert.is(quote(utf8('x'.repeat(61)), 0, 61), `"${'x'.repeat(60)}…"`);
  assert.is(quote(Uint8Array.of(0xff, 0xfe), 0, 2), '"\ufffd\ufffd"');
});

bytes.run();
