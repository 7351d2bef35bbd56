// The allocator of client memory against a naive list: what it gives is inside, aligned, and nobody else's.
//
// Also: it fails only when no free range fits, joins what is freed, and gives all of it back in the end.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BufferArena } from '../../../src/core/buffer-arena.ts';
import { ConfigError } from '../../../src/errors.ts';

const START = 4096 + 64;
const BYTES = 16384;
const arena = suite('client memory');

arena('random allocations never overlap, and fail only when nothing fits', () => {
  const step = fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 4000 }), fc.constantFrom(64, 512, 4096));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
      const buffers = new BufferArena(START, BYTES);
      const held: { address: number; end: number }[] = [];
      const isFree = (from: number, to: number) =>
        held.every(({ address, end }) => to <= address || from >= end);
      for (const [isFreeing, bytes, alignment] of steps) {
        if (isFreeing && held.length > 0) {
          const [range] = held.splice(bytes % held.length, 1);
          buffers.free(range?.address as number);
          continue;
        }
        const size = Math.ceil(bytes / 64) * 64;
        try {
          const address = buffers.allocate(bytes, alignment);
          assert.is(address % alignment, 0);
          assert.ok(address >= START && address + size <= START + BYTES);
          assert.ok(isFree(address, address + size));
          held.push({ address, end: address + size });
        } catch (error) {
          assert.instance(error, ConfigError);
          for (let at = Math.ceil(START / alignment) * alignment; at + size <= START + BYTES; at += alignment)
            assert.not.ok(isFree(at, at + size), `${bytes} bytes are free at ${at}`);
        }
      }
      for (const { address } of held) buffers.free(address);
      assert.is(buffers.allocate(BYTES), START, 'all of it is one range again');
    }),
    { seed: 11, numRuns: 500 },
  );
});

arena('borrow gives back even when its body throws', () => {
  const buffers = new BufferArena(START, 128);
  const fail = () => {
    throw new Error('inside');
  };
  assert.throws(() => buffers.borrow(128, fail), 'inside');
  assert.is(
    buffers.borrow(128, (address) => address),
    START,
  );
});

arena('an address that was not given is refused, and a second free too', () => {
  const buffers = new BufferArena(START, 1024);
  const address = buffers.allocate(64);
  assert.throws(
    () => buffers.free(address + 64),
    (error: unknown) => error instanceof ConfigError,
  );
  buffers.free(address);
  assert.throws(
    () => buffers.free(address),
    (error: unknown) => error instanceof ConfigError,
  );
});

arena('what does not fit says how much was asked', () => {
  const buffers = new BufferArena(START, 1024);
  assert.throws(() => buffers.allocate(1025), '1025 more bytes are not free');
  assert.throws(() => new BufferArena(0, 0).allocate(1), 'buffers is 0');
});

arena.run();
