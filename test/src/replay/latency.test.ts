// Latency histograms on the host: percentiles against a sorted list, merging without loss, JSON and back.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bucketOf, bucketTop, LatencyHistogram } from '../../../src/replay/latency.ts';

const latency = suite('replay/latency');

const SEED = 20251121;
const value = fc.oneof(
  fc.integer({ min: 0, max: 255 }),
  fc.integer({ min: 0, max: 2_000_000 }),
  fc.maxSafeInteger().map(Math.abs),
);
const values = fc.array(value, { maxLength: 300, size: 'max' });
const PERCENTS = [0, 1, 50, 90, 95, 99, 99.9, 99.99, 100];

/** The value of that rank in the sorted list. */
function exact(sorted: readonly number[], percent: number): number {
  const rank = Math.max(1, Math.ceil((sorted.length * Math.round(percent * 100)) / 10_000));
  return sorted[rank - 1] as number;
}

latency('a percentile is never below the exact one, and less than 1/128 above it', () => {
  fc.assert(
    fc.property(
      values.filter((list) => list.length > 0),
      (list) => {
        const sorted = [...list].sort((left, right) => left - right);
        const found = LatencyHistogram.of(list).percentiles(PERCENTS);
        for (const [index, percent] of PERCENTS.entries()) {
          const right = exact(sorted, percent);
          const got = found[index] as number;
          assert.ok(got >= right, `p${percent}: ${got} below ${right}`);
          assert.ok(got <= right + right / 128, `p${percent}: ${got} for ${right}`);
          if (right < 256) assert.is(got, right);
        }
      },
    ),
    { seed: SEED, numRuns: 500 },
  );
});

latency('the error reaches what is stated: a bucket at the start of an octave is 1/128 wide', () => {
  assert.is(bucketTop(bucketOf(1024)), 1031);
  assert.is(bucketOf(1031), bucketOf(1024));
  assert.is.not(bucketOf(1032), bucketOf(1024));
  assert.is(LatencyHistogram.of([1024, 2048]).percentile(50), 1031);
});

latency('count, sum, mean and maximum are exact', () => {
  fc.assert(
    fc.property(values, (list) => {
      const found = LatencyHistogram.of(list);
      const sum = list.reduce((total, one) => total + BigInt(one), 0n);
      assert.is(found.count, list.length);
      assert.is(found.sum, sum);
      assert.is(found.max, Math.max(0, ...list));
      assert.is(found.mean, list.length === 0 ? 0 : Number(sum) / list.length);
    }),
    { seed: SEED },
  );
});

latency('merging is the histogram of all values, whatever the order and the grouping', () => {
  fc.assert(
    fc.property(values, values, values, (first, second, third) => {
      const [a, b, c] = [first, second, third].map((list) => LatencyHistogram.of(list)) as [
        LatencyHistogram,
        LatencyHistogram,
        LatencyHistogram,
      ];
      const whole = LatencyHistogram.of([...first, ...second, ...third]).toJSON();
      assert.equal(a.merge(b).merge(c).toJSON(), whole);
      assert.equal(a.merge(b.merge(c)).toJSON(), whole);
      assert.equal(c.merge(a).merge(b).toJSON(), whole);
      assert.equal(a.toJSON(), LatencyHistogram.of(first).toJSON(), 'neither of the two has changed');
    }),
    { seed: SEED, numRuns: 60 },
  );
});

latency('JSON and back gives the same histogram, so that reports merge from their files', () => {
  fc.assert(
    fc.property(values, values, (first, second) => {
      const parse = (list: readonly number[]) =>
        LatencyHistogram.fromJSON(JSON.parse(JSON.stringify(LatencyHistogram.of(list))));
      assert.equal(parse(first).toJSON(), LatencyHistogram.of(first).toJSON());
      assert.equal(
        parse(first).merge(parse(second)).toJSON(),
        LatencyHistogram.of([...first, ...second]).toJSON(),
      );
    }),
    { seed: SEED, numRuns: 60 },
  );
});

latency('an empty histogram is zeros, and is nothing to add', () => {
  const empty = LatencyHistogram.empty();
  assert.equal(empty.toJSON(), {
    ...{ count: 0, mean: 0, p50: 0, p90: 0, p95: 0, p99: 0, p999: 0, p9999: 0, max: 0 },
    ...{ sum: '0', buckets: [] },
  });
  const some = LatencyHistogram.of([1, 2, 3_000_000]);
  assert.equal(empty.merge(some).toJSON(), some.toJSON());
  assert.equal(some.merge(empty).toJSON(), some.toJSON());
});

latency('p99.9 of a thousand is the 999th, not the largest', () => {
  const list = Array.from({ length: 1000 }, (_, index) => (index === 999 ? 200 : 100));
  assert.is(LatencyHistogram.of(list).percentile(99.9), 100);
  assert.is(LatencyHistogram.of(list).percentile(99.91), 200);
});

for (const bad of [-1, 1.5, Number.NaN, 2 ** 53]) {
  latency(`${bad} is no nanoseconds`, () => {
    assert.throws(() => LatencyHistogram.of([bad]), /no whole number of nanoseconds/);
  });
}

for (const bucket of [
  [-1, 1],
  [7424, 1],
  [1.5, 1],
  [3, 0],
  [3, 0.5],
] as const) {
  latency(`[${bucket}] is no bucket with a count`, () => {
    assert.throws(() => LatencyHistogram.fromJSON({ sum: '1', max: 1, buckets: [bucket] }), /is no bucket/);
  });
}

latency.run();
