// Spans: a chain of pieces is one flat buffer. Copying in, copying out, zeroing, advancing, counting pieces and making
// iovecs are compared with that buffer, over random chains with empty pieces and random places in them.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUILDS } from '../../support/machine.ts';
import { openUnit, type Unit } from '../../support/unit-module.ts';

const SEED = 20240615;
const PIECE_ROOM = 64;
/** Behind the pieces: the flat copy, the iovecs, the cursor. */
const FLAT = 65536;
const IOVECS = 131072;
const CURSOR = 196608;

interface Chain {
  readonly head: number;
  readonly spans: readonly number[];
  /** Address of each byte of the flat buffer. */
  readonly addresses: readonly number[];
}

/** Pieces of these lengths, each in a place of its own, in scattered order; the memory around them is 0xcc. */
function makeChain(unit: Unit, lengths: readonly number[]): Chain {
  unit.bytes.fill(0xcc, unit.scratch, unit.scratch + lengths.length * PIECE_ROOM);
  const addresses: number[] = [];
  const spans = lengths.map((length, index) => {
    const place = lengths.length - 1 - index;
    const address = unit.scratch + place * PIECE_ROOM + 3;
    for (let at = 0; at < length; at++) addresses.push(address + at);
    return unit.exports.spanTake(address, length);
  });
  spans.forEach((span, index) => {
    unit.exports.unitLink(span, spans[index + 1] ?? 0);
  });
  addresses.forEach((address, index) => {
    unit.bytes[address] = index & 0xff;
  });
  return { head: spans[0] ?? 0, spans, addresses };
}

function setCursor(unit: Unit, span: number, offset: number): number {
  const cursor = unit.scratch + CURSOR;
  unit.view.setUint32(cursor, span, true);
  unit.view.setUint32(cursor + 4, offset, true);
  return cursor;
}

/** How many bytes lie before the cursor: all of them when it is at the end. */
function cursorPlace(unit: Unit, chain: Chain, lengths: readonly number[]): number {
  const span = unit.view.getUint32(unit.scratch + CURSOR, true);
  const offset = unit.view.getUint32(unit.scratch + CURSOR + 4, true);
  if (span === 0) return chain.addresses.length;
  const index = chain.spans.indexOf(span);
  assert.ok(index >= 0 && offset < (lengths[index] as number) + 1, 'the cursor is inside the chain');
  return lengths.slice(0, index).reduce((a, b) => a + b, 0) + offset;
}

const lengthsOf = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: PIECE_ROOM - 8 })), {
  minLength: 1,
  maxLength: 12,
  size: 'max',
});
/** Where in the chain, and how much of the rest, in thousandths. */
const part = fc.record({ from: fc.nat(1000), share: fc.nat(1000) });

/** Runs `body` on random chains with a cursor `from` bytes into it and `bytes` to use from there. */
function everyChain(
  unit: Unit,
  body: (chain: Chain, cursor: number, from: number, bytes: number, lengths: readonly number[]) => void,
): void {
  fc.assert(
    fc.property(lengthsOf, part, (lengths, { from, share }) => {
      const chain = makeChain(unit, lengths);
      const total = chain.addresses.length;
      const start = Math.floor((total * from) / 1000);
      const bytes = Math.floor(((total - start) * share) / 1000);
      const cursor = setCursor(unit, chain.head, 0);
      unit.exports.spanAdvance(cursor, start);
      body(chain, cursor, start, bytes, lengths);
      unit.exports.spanGiveChain(chain.head);
      assert.is(unit.exports.unitSpansUsed(), 0);
    }),
    { seed: SEED, numRuns: 500 },
  );
}

/** Every byte of the chain, and of what lies around its pieces. */
function checkBytes(unit: Unit, chain: Chain, expected: (index: number) => number, lengths: number): void {
  const places = new Map(chain.addresses.map((address, index) => [address, index]));
  for (let address = unit.scratch; address < unit.scratch + lengths * PIECE_ROOM; address++) {
    const index = places.get(address);
    assert.is(unit.bytes[address], index === undefined ? 0xcc : expected(index) & 0xff);
  }
}

for (const build of BUILDS) {
  const span = suite(`span (${build})`);

  span('the pool of spans gives out as many as it has, and takes a whole chain back', async () => {
    const unit = await openUnit(build, { spans: 5 });
    const chain = makeChain(unit, [1, 0, 2, 3, 4]);
    assert.is(unit.exports.spanTake(unit.scratch, 1), 0);
    assert.is(unit.exports.unitSpansUsed(), 5);
    unit.exports.spanGiveChain(chain.head);
    assert.is(unit.exports.unitSpansUsed(), 0);
    unit.exports.spanGiveChain(0);
  });

  span('advancing lands on the byte of the flat buffer', async () => {
    const unit = await openUnit(build);
    everyChain(unit, (chain, cursor, from, bytes, lengths) => {
      assert.is(cursorPlace(unit, chain, lengths), from);
      unit.exports.spanAdvance(cursor, bytes);
      assert.is(cursorPlace(unit, chain, lengths), from + bytes);
    });
  });

  span('copying out gives the bytes of the flat buffer and moves the cursor past them', async () => {
    const unit = await openUnit(build);
    everyChain(unit, (chain, cursor, from, bytes, lengths) => {
      const flat = unit.scratch + FLAT;
      unit.bytes.fill(0xdd, flat, flat + bytes + 1);
      unit.exports.spanCopyOut(cursor, flat, bytes);
      for (let at = 0; at < bytes; at++) assert.is(unit.bytes[flat + at], (from + at) & 0xff);
      assert.is(unit.bytes[flat + bytes], 0xdd);
      assert.is(cursorPlace(unit, chain, lengths), from + bytes);
    });
  });

  span('copying in changes those bytes and no other', async () => {
    const unit = await openUnit(build);
    everyChain(unit, (chain, cursor, from, bytes, lengths) => {
      const flat = unit.scratch + FLAT;
      for (let at = 0; at < bytes; at++) unit.bytes[flat + at] = 0x80 ^ at;
      unit.exports.spanCopyIn(cursor, flat, bytes);
      const isInside = (index: number) => index >= from && index < from + bytes;
      checkBytes(unit, chain, (index) => (isInside(index) ? 0x80 ^ (index - from) : index), lengths.length);
      assert.is(cursorPlace(unit, chain, lengths), from + bytes);
    });
  });

  span('zeroing clears those bytes and no other', async () => {
    const unit = await openUnit(build);
    everyChain(unit, (chain, cursor, from, bytes, lengths) => {
      unit.exports.spanZero(cursor, bytes);
      const isInside = (index: number) => index >= from && index < from + bytes;
      checkBytes(unit, chain, (index) => (isInside(index) ? 0 : index), lengths.length);
      assert.is(cursorPlace(unit, chain, lengths), from + bytes);
    });
  });

  span(
    'iovecs name the bytes of the flat buffer in order, none of them empty, as many as spanPieces says',
    async () => {
      const unit = await openUnit(build);
      everyChain(unit, (chain, cursor, from, bytes) => {
        const at = unit.view.getUint32(cursor, true);
        const offset = unit.view.getUint32(cursor + 4, true);
        const count = unit.exports.spansToIovecs(at, offset, bytes, unit.scratch + IOVECS);
        assert.is(count, unit.exports.spanPieces(at, offset, bytes));
        const named: number[] = [];
        for (let index = 0; index < count; index++) {
          const address = unit.view.getUint32(unit.scratch + IOVECS + index * 8, true);
          const length = unit.view.getUint32(unit.scratch + IOVECS + index * 8 + 4, true);
          assert.ok(length > 0);
          for (let byte = 0; byte < length; byte++) named.push(address + byte);
        }
        assert.equal(named, chain.addresses.slice(from, from + bytes));
      });
    },
  );

  span.run();
}
