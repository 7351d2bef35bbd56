// Log-linear histograms of nanoseconds, in the manner of HdrHistogram: 128 linear steps an octave.
//
// Verbs: histogramAdd, histogramAddAll. Values below 256 are exact; above, a bucket is at most 1/128 of its value wide, so
// the top of a bucket is less than 0.8 % above any value in it. src/replay/latency.ts reads percentiles off one.
// Layout: count u64, sum u64, maximum u64, high half of the sum u64, then HISTOGRAM_BUCKETS u64 counts (HISTOGRAM_…).
// Invariant: histograms add, bucket by bucket and without loss: those of two halves of a run are that of the whole run.

import {
  HISTOGRAM_BUCKETS,
  HISTOGRAM_COUNTS,
  HISTOGRAM_LINEAR_BITS,
  HISTOGRAM_MAX,
  HISTOGRAM_SIZE,
  HISTOGRAM_SUM,
  HISTOGRAM_SUM_HIGH,
} from '../layout';

const LINEAR_BITS: u32 = HISTOGRAM_LINEAR_BITS;
const EXACT: u64 = 1 << (HISTOGRAM_LINEAR_BITS + 1);

/** The bucket of a value: exact below 256, then 128 an octave. */
export function bucketOf(value: u64): u32 {
  if (value < EXACT) return <u32>value;
  const shift = <u32>(63 - clz<u64>(value)) - LINEAR_BITS;
  return (shift << LINEAR_BITS) + <u32>(value >> shift);
}

/** Adds `value` to the 128 bits of the sum. */
function addToSum(histogram: usize, value: u64): void {
  const sum = load<u64>(histogram, HISTOGRAM_SUM) + value;
  store<u64>(histogram, sum, HISTOGRAM_SUM);
  if (sum < value) store<u64>(histogram, load<u64>(histogram, HISTOGRAM_SUM_HIGH) + 1, HISTOGRAM_SUM_HIGH);
}

export function histogramAdd(histogram: usize, value: u64): void {
  store<u64>(histogram, load<u64>(histogram) + 1);
  addToSum(histogram, value);
  if (value > load<u64>(histogram, HISTOGRAM_MAX)) store<u64>(histogram, value, HISTOGRAM_MAX);
  const bucket = histogram + ((<usize>bucketOf(value)) << 3);
  store<u64>(bucket, load<u64>(bucket, HISTOGRAM_COUNTS) + 1, HISTOGRAM_COUNTS);
}

/** Adds all values of `from` to `histogram`. */
export function histogramAddAll(histogram: usize, from: usize): void {
  store<u64>(histogram, load<u64>(histogram) + load<u64>(from));
  addToSum(histogram, load<u64>(from, HISTOGRAM_SUM));
  const high = load<u64>(histogram, HISTOGRAM_SUM_HIGH) + load<u64>(from, HISTOGRAM_SUM_HIGH);
  store<u64>(histogram, high, HISTOGRAM_SUM_HIGH);
  const most = max<u64>(load<u64>(histogram, HISTOGRAM_MAX), load<u64>(from, HISTOGRAM_MAX));
  store<u64>(histogram, most, HISTOGRAM_MAX);
  for (let offset: usize = 0; offset < (<usize>HISTOGRAM_BUCKETS) << 3; offset += 8) {
    const sum = load<u64>(histogram + offset, HISTOGRAM_COUNTS) + load<u64>(from + offset, HISTOGRAM_COUNTS);
    store<u64>(histogram + offset, sum, HISTOGRAM_COUNTS);
  }
}

export function histogramClear(histogram: usize): void {
  memory.fill(histogram, 0, HISTOGRAM_SIZE);
}
