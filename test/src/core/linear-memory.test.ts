// The cached views: they follow the memory when it grows, and numbers of 64 bits come out as they were stored.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LinearMemory } from '../../../src/core/linear-memory.ts';

const views = suite('linear memory');

views('the views stay while the memory has its size, and are new ones when it has grown', () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const linear = new LinearMemory(memory);
  const { bytes, words } = linear;
  linear.setU32(8, 0x01020304);
  assert.is(linear.bytes, bytes);
  assert.is(linear.words, words);
  memory.grow(1);
  assert.is(linear.words.length, (2 * 65536) / 4);
  assert.is(linear.bytes.length, 2 * 65536);
  assert.is(linear.u32(8), 0x01020304);
  linear.setU32(65536, 7);
  assert.is(new Uint32Array(memory.buffer)[65536 / 4], 7);
});

views('a number of 64 bits is read with its sign or without', () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const linear = new LinearMemory(memory);
  const view = new DataView(memory.buffer);
  for (const value of [0, 1, -1, -1000, 4096, 2 ** 32, -(2 ** 32), 2 ** 53, -(2 ** 53), -(2 ** 31)]) {
    view.setBigInt64(16, BigInt(value), true);
    assert.is(linear.s64(16), value);
    if (value >= 0) assert.is(linear.u64(16), value);
  }
  linear.setU64(16, 2 ** 53 - 1);
  assert.is(view.getBigUint64(16, true), 2n ** 53n - 1n);
});

views('a number of 64 bits beyond what a number holds is a bigint', () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const linear = new LinearMemory(memory);
  const view = new DataView(memory.buffer);
  for (const value of [0n, 1n, -1n, 2n ** 32n, -(2n ** 32n), 2n ** 62n + 3n, 2n ** 63n - 1n, -(2n ** 63n)]) {
    view.setBigInt64(16, value, true);
    assert.is(linear.big64(16), value);
    view.setBigInt64(16, 7n, true);
    linear.setBig64(16, value);
    assert.is(view.getBigInt64(16, true), value);
  }
});

views.run();
