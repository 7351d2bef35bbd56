// Sizes as people write them, both ways. Binary units with an i or alone (KiB, K), decimal ones with a B (KB).

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatSize, parseSize } from '../../../src/core/size.ts';
import { ConfigError } from '../../../src/errors.ts';

const sizes = suite('sizes');

sizes('a size is a number, a bigint, or a number with a unit', () => {
  const cases: [number | bigint | string, number][] = [
    [4096, 4096],
    [4096n, 4096],
    ['4096', 4096],
    ['512 B', 512],
    ['1k', 1024],
    ['1KiB', 1024],
    ['1kB', 1000],
    ['64MiB', 67108864],
    ['1.5GiB', 1610612736],
    ['10GB', 1e10],
    ['2t', 2199023255552],
    ['1TB', 1e12],
    [' 4 pib ', 4503599627370496],
    ['0', 0],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ];
  for (const [text, bytes] of cases) assert.is(parseSize(text, 'size'), bytes, String(text));
});

sizes('what is no whole number of bytes up to 2^53 - 1 is refused by name', () => {
  const wrong = [
    '',
    'MiB',
    '1 XiB',
    '-1',
    '1e3',
    '0.3',
    '1.0001k',
    '8192PiB',
    -1,
    0.5,
    Number.NaN,
    Infinity,
    2n ** 60n,
  ];
  for (const value of wrong) {
    try {
      parseSize(value, 'drives[3].size');
      assert.unreachable(String(value));
    } catch (error) {
      assert.instance(error, ConfigError, String(value));
      assert.is((error as ConfigError).field, 'drives[3].size');
      assert.ok(Object.is((error as ConfigError).value, value));
    }
  }
});

sizes('a formatted size has at most one decimal, and parses back when it is exact', () => {
  assert.equal([0, 1, 1023, 1024, 1536, 33554432, 1100000, 2 ** 52, 2 ** 53].map(formatSize), [
    '0 B',
    '1 B',
    '1023 B',
    '1 KiB',
    '1.5 KiB',
    '32 MiB',
    '1.0 MiB',
    '4 PiB',
    '8 PiB',
  ]);
  for (const bytes of [512, 4096, 1536, 2 ** 40]) assert.is(parseSize(formatSize(bytes), 'size'), bytes);
});

sizes.run();
