// Latencies of a replay: a histogram of nanoseconds on the host, as the core counts it (base/histogram.ts).
//
// Verbs: fromCore, fromJSON, toJSON, merge, percentile. A percentile is never below the exact one and less than 1/128 (0.8 %)
// above it, exact below 256 ns and at the maximum.
// Invariant: merging loses nothing: merge(a, b) is the histogram of all values of both, in any order and grouping.

import {
  HISTOGRAM_BUCKETS,
  HISTOGRAM_COUNT,
  HISTOGRAM_COUNTS,
  HISTOGRAM_LINEAR_BITS,
  HISTOGRAM_MAX,
  HISTOGRAM_SUM,
  HISTOGRAM_SUM_HIGH,
} from '../../assembly/layout.ts';

const STEPS = 2 ** HISTOGRAM_LINEAR_BITS;
/** Below it, each value has its own bucket. */
const EXACT = 2 * STEPS;

/** A histogram as JSON: what people read first, then what a merge needs. Nanoseconds. */
export interface LatencyJson {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly p9999: number;
  readonly max: number;
  /** Of all values, in decimal: it may be more than a double holds. */
  readonly sum: string;
  /** Number of the bucket and values in it, for the buckets that are not empty, in ascending order. */
  readonly buckets: readonly (readonly [bucket: number, count: number])[];
}

/** Largest value of a bucket, in nanoseconds; past 2^53 the nearest double. */
export function bucketTop(bucket: number): number {
  if (bucket < EXACT) return bucket;
  const shift = Math.floor(bucket / STEPS) - 1;
  return ((bucket % STEPS) + STEPS + 1) * 2 ** shift - 1;
}

/** Number of the bucket of a value: a whole number of nanoseconds from 0 to 2^53 - 1. */
export function bucketOf(value: number): number {
  if (value < EXACT) return value;
  let shift = 0;
  let mantissa = value;
  while (mantissa >= EXACT) {
    mantissa = Math.floor(mantissa / 2);
    shift++;
  }
  return shift * STEPS + mantissa;
}

/** The part of a core's memory that fromCore reads. */
export interface HistogramMemory {
  u64(address: number): number;
  big64(address: number): bigint;
}

/** Nanoseconds by bucket. It does not change once it is made. */
export class LatencyHistogram {
  readonly #counts: ReadonlyMap<number, number>;
  readonly count: number;
  /** Sum of all values, exact. */
  readonly sum: bigint;
  /** Largest value; 0 when there is none. */
  readonly max: number;

  private constructor(counts: ReadonlyMap<number, number>, count: number, sum: bigint, max: number) {
    this.#counts = counts;
    this.count = count;
    this.sum = sum;
    this.max = max;
  }

  /** Of no value. */
  static empty(): LatencyHistogram {
    return new LatencyHistogram(new Map(), 0, 0n, 0);
  }

  /** Of the values given: whole numbers from 0 to 2^53 - 1. Throws RangeError for another. */
  static of(values: Iterable<number>): LatencyHistogram {
    const counts = new Map<number, number>();
    let [count, sum, max] = [0, 0n, 0];
    for (const value of values) {
      if (!Number.isSafeInteger(value) || value < 0)
        throw new RangeError(`${value} is no whole number of nanoseconds from 0 to 2^53 - 1`);
      const bucket = bucketOf(value);
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
      count++;
      sum += BigInt(value);
      if (value > max) max = value;
    }
    return new LatencyHistogram(counts, count, sum, max);
  }

  /** A copy of the histogram at `address` (HISTOGRAM_…) of a core's memory. */
  static fromCore(memory: HistogramMemory, address: number): LatencyHistogram {
    const count = memory.u64(address + HISTOGRAM_COUNT);
    const counts = new Map<number, number>();
    let left = count;
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS && left > 0; bucket++) {
      const found = memory.u64(address + HISTOGRAM_COUNTS + bucket * 8);
      if (found > 0) counts.set(bucket, found);
      left -= found;
    }
    const high = memory.big64(address + HISTOGRAM_SUM_HIGH) << 64n;
    const sum = high + BigInt.asUintN(64, memory.big64(address + HISTOGRAM_SUM));
    return new LatencyHistogram(counts, count, sum, memory.u64(address + HISTOGRAM_MAX));
  }

  /** What toJSON gave. Throws RangeError for counts that are none, and buckets that do not exist. */
  static fromJSON(json: Pick<LatencyJson, 'sum' | 'max' | 'buckets'>): LatencyHistogram {
    let count = 0;
    for (const [bucket, found] of json.buckets) {
      const isGood = Number.isInteger(bucket) && bucket >= 0 && bucket < HISTOGRAM_BUCKETS;
      if (!isGood || !Number.isSafeInteger(found) || found < 1)
        throw new RangeError(
          `[${bucket}, ${found}] is no bucket from 0 to ${HISTOGRAM_BUCKETS - 1} with a count`,
        );
      count += found;
    }
    return new LatencyHistogram(new Map(json.buckets), count, BigInt(json.sum), json.max);
  }

  /** The histogram of this one's values and the other's. */
  merge(other: LatencyHistogram): LatencyHistogram {
    const counts = new Map(this.#counts);
    for (const [bucket, count] of other.#counts) counts.set(bucket, (counts.get(bucket) ?? 0) + count);
    const max = Math.max(this.max, other.max);
    return new LatencyHistogram(counts, this.count + other.count, this.sum + other.sum, max);
  }

  /** Nanoseconds; 0 when there is no value. */
  get mean(): number {
    return this.count === 0 ? 0 : Number(this.sum) / this.count;
  }

  /** What at least `percent` (0 to 100) of the values do not exceed, in nanoseconds; 0 when there is no value. */
  percentile(percent: number): number {
    const [found] = this.percentiles([percent]);
    return found as number;
  }

  /** The same for several, each in its place. */
  percentiles(percents: readonly number[]): number[] {
    const buckets = this.#sorted();
    return percents.map((percent) => {
      // in millionths of a percent, so that 99.9 % of 1,000 is 999 and not a little more
      const rank = Math.max(1, Math.ceil((this.count * Math.round(percent * 1e6)) / 1e8));
      let seen = 0;
      for (const [bucket, count] of buckets) {
        seen += count;
        if (seen >= rank) return Math.min(bucketTop(bucket), this.max);
      }
      return this.max;
    });
  }

  #sorted(): [bucket: number, count: number][] {
    return [...this.#counts].sort(([left], [right]) => left - right);
  }

  toJSON(): LatencyJson {
    const [p50, p90, p95, p99, p999, p9999] = this.percentiles([50, 90, 95, 99, 99.9, 99.99]);
    const { count, mean, max } = this;
    const percentiles = { p50, p90, p95, p99, p999, p9999 } as Omit<
      LatencyJson,
      'count' | 'mean' | 'max' | 'sum' | 'buckets'
    >;
    return { count, mean, ...percentiles, max, sum: String(this.sum), buckets: this.#sorted() };
  }
}
