// Log-linear histograms of nanoseconds, in the manner of HdrHistogram: 32 linear steps an octave.
//
// Verbs: histogramAdd, histogramPercentile. Values below 64 are exact; above, a bucket is at most 1/32 of its value wide.
// Layout: count u64, sum u64, maximum u64, 8 bytes of nothing, then HISTOGRAM_BUCKETS u64 counts.
// Invariant: histograms add (bucket by bucket), so reports merge.

export const HISTOGRAM_BUCKETS: u32 = 1920;
const HEADER: usize = 32;
export const HISTOGRAM_SIZE: usize = 15392;
const LINEAR_BITS: u32 = 5;

/** The bucket of a value: exact below 64, then 32 an octave. */
export function bucketOf(value: u64): u32 {
  if (value < 64) return <u32>value;
  const shift = <u32>(63 - clz<u64>(value)) - LINEAR_BITS;
  return (shift << LINEAR_BITS) + <u32>(value >> shift);
}

/** The largest value that falls in a bucket. */
export function bucketTop(bucket: u32): u64 {
  if (bucket < 64) return bucket;
  const shift = (bucket >> LINEAR_BITS) - 1;
  const mantissa = <u64>(bucket & 31) + 32;
  return ((mantissa + 1) << shift) - 1;
}

export function histogramAdd(histogram: usize, value: u64): void {
  store<u64>(histogram, load<u64>(histogram) + 1);
  store<u64>(histogram, load<u64>(histogram, 8) + value, 8);
  if (value > load<u64>(histogram, 16)) store<u64>(histogram, value, 16);
  const bucket = histogram + HEADER + ((<usize>bucketOf(value)) << 3);
  store<u64>(bucket, load<u64>(bucket) + 1);
}

/** The smallest bucket top that at least `perMille` thousandths of the values do not exceed; never above the maximum. */
export function histogramPercentile(histogram: usize, perMille: u32): u64 {
  const total = load<u64>(histogram);
  if (total == 0) return 0;
  const rank = (total * perMille + 999) / 1000;
  let seen: u64 = 0;
  for (let bucket: u32 = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    seen += load<u64>(histogram + HEADER + ((<usize>bucket) << 3));
    if (seen >= rank) return min<u64>(bucketTop(bucket), load<u64>(histogram, 16));
  }
  return load<u64>(histogram, 16);
}
