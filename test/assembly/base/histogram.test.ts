// Histograms: exact below 64, buckets of at most 1/32 above, over the whole of u64; percentiles agree with a sorted list
// of the same values up to the width of one bucket.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUILDS } from '../../support/machine.ts';
import { openUnit, type Unit } from '../../support/unit-module.ts';

const SEED = 20240612;
const MAX_U64 = 2n ** 64n - 1n;
const BUCKETS = 1920;
const HEADER = 32;
const SIZE = 15392;

const top = (unit: Unit, bucket: number) => BigInt.asUintN(64, unit.exports.bucketTop(bucket));

for (const build of BUILDS) {
  const histogram = suite(`histogram (${build})`);

  histogram('values below 64 have buckets of their own', async () => {
    const unit = await openUnit(build);
    for (let value = 0; value < 64; value++) {
      assert.is(unit.exports.bucketOf(BigInt(value)), value);
      assert.is(top(unit, value), BigInt(value));
    }
    assert.is(unit.exports.bucketOf(64n), 64);
  });

  histogram('buckets follow each other without gap or overlap up to the last u64', async () => {
    const unit = await openUnit(build);
    let first = 0n;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const last = top(unit, bucket);
      assert.is(unit.exports.bucketOf(first), bucket);
      assert.is(unit.exports.bucketOf(last), bucket);
      const width = last - first + 1n;
      assert.ok(width === 1n || width * 32n <= first, `bucket ${bucket} from ${first} is ${width} wide`);
      first = last + 1n;
    }
    assert.is(first, MAX_U64 + 1n, 'the last bucket ends with u64');
  });

  histogram('any value lies in the bucket whose top is the first not below it', async () => {
    const unit = await openUnit(build);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 63n }), fc.bigInt({ min: 0n, max: MAX_U64 }), (shift, random) => {
        const value = random >> shift;
        const bucket = unit.exports.bucketOf(value);
        assert.ok(bucket >= 0 && bucket < BUCKETS);
        assert.ok(value <= top(unit, bucket));
        assert.ok(bucket === 0 || value > top(unit, bucket - 1));
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  histogram('count, sum and maximum are kept, and one count in one bucket', async () => {
    const unit = await openUnit(build);
    for (const value of [5n, 1000n, 3n, 1000n]) unit.exports.histogramAdd(unit.scratch, value);
    const word = (offset: number) => unit.view.getBigUint64(unit.scratch + offset, true);
    assert.equal([word(0), word(8), word(16)], [4n, 2008n, 1000n]);
    assert.is(word(HEADER + 8 * unit.exports.bucketOf(1000n)), 2n);
    const counts = Array.from({ length: BUCKETS }, (_, bucket) => word(HEADER + 8 * bucket));
    assert.is(
      counts.reduce((a, b) => a + b),
      4n,
    );
    assert.ok(unit.bytes.subarray(unit.scratch + SIZE, unit.scratch + SIZE + 64).every((byte) => byte === 0));
  });

  histogram('the largest u64 is counted inside the histogram', async () => {
    const unit = await openUnit(build);
    unit.exports.histogramAdd(unit.scratch, MAX_U64);
    assert.is(unit.view.getBigUint64(unit.scratch + SIZE - 8, true), 1n);
    assert.is(BigInt.asUintN(64, unit.exports.histogramPercentile(unit.scratch, 500)), MAX_U64);
  });

  histogram('an empty histogram answers 0', async () => {
    const unit = await openUnit(build);
    assert.is(unit.exports.histogramPercentile(unit.scratch, 990), 0n);
  });

  histogram(
    'a percentile is the top of the bucket that holds the value of that rank, at most the maximum',
    async () => {
      const unit = await openUnit(build);
      const value = fc.oneof(
        fc.bigInt({ min: 0n, max: 63n }),
        fc.bigInt({ min: 0n, max: 2n ** 20n }),
        fc.bigInt({ min: 0n, max: 2n ** 44n }),
      );
      fc.assert(
        fc.property(
          fc.array(value, { minLength: 1, maxLength: 200, size: 'max' }),
          fc.integer({ min: 0, max: 1000 }),
          (values, perMille) => {
            unit.bytes.fill(0, unit.scratch, unit.scratch + SIZE);
            for (const one of values) unit.exports.histogramAdd(unit.scratch, one);
            const sorted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
            const rank = Math.max(1, Math.ceil((sorted.length * perMille) / 1000));
            const exact = sorted[rank - 1] as bigint;
            const largest = sorted.at(-1) as bigint;
            const ofRank = top(unit, unit.exports.bucketOf(exact));
            const expected = ofRank < largest ? ofRank : largest;
            assert.is(
              unit.exports.histogramPercentile(unit.scratch, perMille),
              perMille === 0 ? 0n : expected,
            );
          },
        ),
        { seed: SEED, numRuns: 500 },
      );
    },
  );

  histogram.run();
}
