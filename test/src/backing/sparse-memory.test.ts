// Sparse memory against a plain array of bytes, and what it holds on to.
//
// Offsets reach over chunk (16 KiB) and slab (4 MiB) borders and up to 2^52; bytes never written are zeros.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';

const CHUNK = 16384;
const sparse = suite('sparse memory');

sparse('reads give what was written, zeros elsewhere, wherever the window lies', () => {
  const base = fc.constantFrom(0, 100, 4194304 - 20000, 2 ** 40 - 777, 2 ** 52 - 70000);
  const step = fc.tuple(fc.boolean(), fc.nat(60000), fc.nat(9000), fc.nat(255));
  fc.assert(
    fc.property(base, fc.array(step, { maxLength: 40, size: 'max' }), (start, steps) => {
      const memory = new SparseMemory();
      const plain = new Uint8Array(70000);
      let end = 0;
      for (const [isWrite, offset, length, value] of steps) {
        if (isWrite) {
          memory.write(new Uint8Array(length).fill(value), start + offset);
          plain.fill(value, offset, offset + length);
          end = Math.max(end, start + offset + length);
        } else {
          const target = new Uint8Array(length).fill(77);
          memory.read(target, start + offset);
          assert.is(Buffer.compare(target, plain.subarray(offset, offset + length)), 0);
        }
        assert.is(memory.size, end);
      }
    }),
    { seed: 5, numRuns: 400 },
  );
});

sparse('forks of forks share what they began with and nothing that is written afterwards', () => {
  const step = fc.record({
    store: fc.nat(5),
    action: fc.constantFrom('write', 'write', 'read', 'fork'),
    offset: fc.nat(60000),
    length: fc.nat(40000),
    value: fc.nat(255),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const stores = [{ memory: new SparseMemory(), plain: new Uint8Array(100000) }];
      for (const { store, action, offset, length, value } of steps) {
        const { memory, plain } = stores[store % stores.length] as (typeof stores)[0];
        if (action === 'write') {
          memory.write(new Uint8Array(length).fill(value), offset);
          plain.fill(value, offset, offset + length);
        } else if (action === 'fork' && stores.length < 6) {
          stores.push({ memory: memory.fork(), plain: plain.slice() });
        } else {
          const target = new Uint8Array(length).fill(77);
          memory.read(target, offset);
          assert.is(Buffer.compare(target, plain.subarray(offset, offset + length)), 0);
        }
      }
      for (const { memory, plain } of stores) {
        const all = new Uint8Array(100000);
        memory.read(all, 0);
        assert.is(Buffer.compare(all, plain), 0);
      }
    }),
    { seed: 6, numRuns: 300 },
  );
});

sparse('a store that becomes another has its bytes, and neither sees the other afterwards', () => {
  const first = new SparseMemory();
  first.write(new Uint8Array(3 * CHUNK).fill(1), 0);
  const kept = first.fork();
  first.write(new Uint8Array(2 * CHUNK).fill(2), CHUNK + 5);
  first.write(new Uint8Array(10).fill(3), 9 * CHUNK);
  const value = (memory: SparseMemory, offset: number) => {
    const target = new Uint8Array(1);
    memory.read(target, offset);
    return target[0];
  };
  assert.is(value(first, CHUNK + 5), 2);
  for (let round = 0; round < 2; round++) {
    first.become(kept);
    assert.is(first.size, 3 * CHUNK);
    assert.equal(
      [0, CHUNK + 5, 9 * CHUNK].map((offset) => value(first, offset)),
      [1, 1, 0],
    );
    first.write(new Uint8Array([7]), 5);
    assert.is(value(kept, 5), 1);
  }
});

sparse('a store shows its floor where nothing was written, and writes over a copy of it', () => {
  const floor = new Uint8Array(CHUNK).fill(5);
  const memory = new SparseMemory(3 * CHUNK, { chunk: (number) => (number === 1 ? floor : undefined) });
  const fork = memory.fork();
  memory.write(new Uint8Array(2), CHUNK + 1);
  const target = new Uint8Array(4);
  memory.read(target, CHUNK);
  assert.equal([...target], [5, 0, 0, 5], 'zeros over something are written');
  fork.read(target, CHUNK);
  assert.equal([...target], [5, 5, 5, 5]);
  memory.read(target, CHUNK - 2);
  assert.equal([...target], [0, 0, 5, 0]);
  assert.ok(floor.every((byte) => byte === 5));
  memory.write(new Uint8Array(CHUNK), 2 * CHUNK);
  assert.is(memory.heldBytes, CHUNK, 'zeros over nothing stay nothing');
});

sparse('a fork keeps the size, and takes memory only for what it writes', () => {
  const memory = new SparseMemory();
  memory.write(new Uint8Array(100 * CHUNK).fill(1), 0);
  const fork = memory.fork();
  assert.is(fork.size, 100 * CHUNK);
  assert.is(fork.heldBytes, 0);
  fork.write(new Uint8Array(1), 5);
  assert.is(fork.heldBytes, CHUNK);
  assert.is(memory.heldBytes, 100 * CHUNK);
});

sparse('zeros over nothing hold no memory, other bytes hold a chunk', () => {
  const memory = new SparseMemory();
  memory.write(new Uint8Array(10 * CHUNK), 0);
  assert.is(memory.heldBytes, 0);
  assert.is(memory.size, 10 * CHUNK);
  memory.write(new Uint8Array([1]), 3 * CHUNK + 5);
  assert.is(memory.heldBytes, CHUNK);
  memory.write(new Uint8Array(CHUNK), 3 * CHUNK);
  const target = new Uint8Array(1).fill(9);
  memory.read(target, 3 * CHUNK + 5);
  assert.is(target[0], 0, 'zeros over something are written');
});

sparse(
  'what two forks do not share is where they may differ, with the bytes of the one that is asked',
  () => {
    const memory = new SparseMemory();
    for (const chunk of [0, 1, 2]) memory.write(new Uint8Array([7]), chunk * CHUNK);
    const before = memory.fork();
    assert.equal([...memory.unshared(before)], []);
    memory.write(new Uint8Array([8]), CHUNK);
    memory.write(new Uint8Array([9]), 5 * CHUNK);
    const firstBytes = (one: SparseMemory, other: SparseMemory) =>
      [...one.unshared(other)].map(({ offset, bytes }) => [offset / CHUNK, bytes[0], bytes.length]).sort();
    assert.equal(firstBytes(memory, before), [
      [1, 8, CHUNK],
      [5, 9, CHUNK],
    ]);
    assert.equal(firstBytes(before, memory), [
      [1, 7, CHUNK],
      [5, 0, CHUNK],
    ]);
  },
);

sparse('below what two stores do not share shows their floor', () => {
  const floor = { chunk: (number: number) => new Uint8Array(CHUNK).fill(number + 1) };
  const base = new SparseMemory(4 * CHUNK, floor);
  const changed = base.fork();
  changed.write(new Uint8Array([99]), 2 * CHUNK);
  assert.equal(
    [...base.unshared(changed)].map(({ offset, bytes }) => [offset / CHUNK, bytes[0]]),
    [[2, 3]],
  );
});

sparse('more chunks than a slab has keep their bytes', () => {
  const memory = new SparseMemory();
  for (let chunk = 0; chunk < 600; chunk++) memory.write(new Uint8Array([chunk % 251, 1]), chunk * 2 * CHUNK);
  assert.is(memory.heldBytes, 600 * CHUNK);
  const target = new Uint8Array(1);
  for (let chunk = 0; chunk < 600; chunk++) {
    memory.read(target, chunk * 2 * CHUNK);
    assert.is(target[0], chunk % 251);
  }
});

sparse('one byte that is not zero is kept, wherever it is and however the source lies', () => {
  for (let start = 0; start < 8; start++) {
    for (let length = 1; length <= 16; length++) {
      for (let at = 0; at < length; at++) {
        const source = new Uint8Array(32).subarray(start, start + length);
        source[at] = 9;
        const memory = new SparseMemory();
        memory.write(source, 3);
        const target = new Uint8Array(length);
        memory.read(target, 3);
        assert.equal(target, source, `${start} ${length} ${at}`);
      }
    }
  }
});

sparse('a declared size never shrinks, and bytes beyond it grow it', () => {
  const memory = new SparseMemory(1000);
  memory.extend(500);
  assert.is(memory.size, 1000);
  memory.extend(2000);
  memory.write(new Uint8Array(10), 1995);
  assert.is(memory.size, 2005);
});

sparse.run();
