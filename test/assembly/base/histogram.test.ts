// Histograms: exact below 256, buckets of at most 1/128 above, over the whole of u64; adding two loses nothing, and what
// the host reads off one (src/replay/latency.ts) agrees with a sorted list of the same values.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  HISTOGRAM_BUCKETS,
  HISTOGRAM_COUNT,
  HISTOGRAM_COUNTS,
  HISTOGRAM_MAX,
  HISTOGRAM_SIZE,
  HISTOGRAM_SUM,
  HISTOGRAM_SUM_HIGH,
} from '../../../assembly/layout.ts';
import { LinearMemory } from '../../../src/core/linear-memory.ts';
import { LatencyHistogram } from '../../../src/replay/latency.ts';
import { BUILDS } from '../../support/machine.ts';
import { openUnit, type Unit } from '../../support/unit-module.ts';

const SEED = 20240612;
const MAX_U64 = 2n ** 64n - 1n;

/** The smallest value above those of `bucket`, from the definition: 128 steps an octave, exact below 256. */
function endOf(bucket: number): bigint {
  if (bucket < 256) return BigInt(bucket) + 1n;
  const octave = BigInt(Math.floor(bucket / 128)) - 1n;
  return (BigInt(bucket % 128) + 129n) << octave;
}

const value = fc.oneof(
  fc.bigInt({ min: 0n, max: 255n }),
  fc.bigInt({ min: 0n, max: 2n ** 20n }),
  fc.bigInt({ min: 0n, max: 2n ** 44n }),
);

for (const build of BUILDS) {
  const histogram = suite(`histogram (${build})`);

  const word = (unit: Unit, offset: number) => unit.view.getBigUint64(unit.scratch + offset, true);
  const second = (unit: Unit) => unit.scratch + 65536;
  const counted = (unit: Unit, at: number, values: readonly bigint[]) => {
    unit.exports.histogramClear(at);
    for (const one of values) unit.exports.histogramAdd(at, one);
  };
  const read = (unit: Unit, at: number) =>
    LatencyHistogram.fromCore(
      new LinearMemory({ buffer: unit.view.buffer } as unknown as WebAssembly.Memory),
      at,
    );

  histogram('buckets follow each other without gap or overlap up to the last u64', async () => {
    const unit = await openUnit(build);
    let first = 0n;
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
      const end = endOf(bucket);
      assert.is(unit.exports.bucketOf(first), bucket);
      assert.is(unit.exports.bucketOf(end - 1n), bucket);
      const width = end - first;
      assert.ok(width === 1n || width * 128n <= first, `bucket ${bucket} from ${first} is ${width} wide`);
      first = end;
    }
    assert.is(first, MAX_U64 + 1n, 'the last bucket ends with u64');
  });

  histogram('any value lies in the bucket whose end is the first above it', async () => {
    const unit = await openUnit(build);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 63n }), fc.bigInt({ min: 0n, max: MAX_U64 }), (shift, random) => {
        const one = random >> shift;
        const bucket = unit.exports.bucketOf(one);
        assert.ok(bucket >= 0 && bucket < HISTOGRAM_BUCKETS);
        assert.ok(one < endOf(bucket));
        assert.ok(bucket === 0 || one >= endOf(bucket - 1));
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  histogram('count, sum and maximum are kept, and one count in one bucket', async () => {
    const unit = await openUnit(build);
    counted(unit, unit.scratch, [5n, 1000n, 3n, 1000n]);
    const head = [HISTOGRAM_COUNT, HISTOGRAM_SUM, HISTOGRAM_MAX, HISTOGRAM_SUM_HIGH];
    assert.equal(
      head.map((offset) => word(unit, offset)),
      [4n, 2008n, 1000n, 0n],
    );
    assert.is(word(unit, HISTOGRAM_COUNTS + 8 * unit.exports.bucketOf(1000n)), 2n);
    const counts = Array.from({ length: HISTOGRAM_BUCKETS }, (_, bucket) =>
      word(unit, HISTOGRAM_COUNTS + 8 * bucket),
    );
    assert.is(
      counts.reduce((a, b) => a + b),
      4n,
    );
    const behind = unit.bytes.subarray(unit.scratch + HISTOGRAM_SIZE, unit.scratch + HISTOGRAM_SIZE + 64);
    assert.ok(behind.every((byte) => byte === 0));
  });

  histogram('the largest u64 is counted inside the histogram, and a sum over 64 bits is whole', async () => {
    const unit = await openUnit(build);
    counted(unit, unit.scratch, [MAX_U64, MAX_U64, 7n]);
    assert.is(word(unit, HISTOGRAM_SIZE - 8), 2n);
    assert.is(read(unit, unit.scratch).sum, MAX_U64 * 2n + 7n);
    counted(unit, second(unit), [MAX_U64]);
    unit.exports.histogramAddAll(second(unit), unit.scratch);
    assert.is(read(unit, second(unit)).sum, MAX_U64 * 3n + 7n);
  });

  histogram('the sum of two histograms is the histogram of both lists, to the last byte', async () => {
    const unit = await openUnit(build);
    const list = fc.array(value, { maxLength: 100, size: 'max' });
    fc.assert(
      fc.property(list, list, (left, right) => {
        counted(unit, unit.scratch, left);
        counted(unit, second(unit), right);
        unit.exports.histogramAddAll(unit.scratch, second(unit));
        counted(unit, second(unit), [...left, ...right]);
        const bytes = (at: number) => Buffer.from(unit.bytes.subarray(at, at + HISTOGRAM_SIZE));
        assert.ok(bytes(unit.scratch).equals(bytes(second(unit))));
      }),
      { seed: SEED, numRuns: 50 },
    );
  });

  histogram('the host reads what was counted: count, sum, maximum, and every bucket', async () => {
    const unit = await openUnit(build);
    fc.assert(
      fc.property(fc.array(value, { maxLength: 200, size: 'max' }), (values) => {
        counted(unit, unit.scratch, values);
        const expected = LatencyHistogram.of(values.map(Number)).toJSON();
        assert.equal(read(unit, unit.scratch).toJSON(), expected);
      }),
      { seed: SEED, numRuns: 100 },
    );
  });

  histogram.run();
}
