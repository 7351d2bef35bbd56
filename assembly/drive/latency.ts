// How service times vary: a request's time from the nominal one, decided by identity.
//
// Verbs: latencyClaim, latencyInit, latencySetPoints, latencyOf, latencyFor. The draw hashes (seed, 'latency', drive, operation, first
// sector, generation), so a request keeps its time when others are taken out of a run, and the same sector asked for again
// has a new one. Constant (no draw), exponential (the nominal time is the mean), lognormal (the median), or one of some
// points with weights: nanoseconds, or factors of the nominal time.
// Layout: points are 16 bytes: value u64, sum of the weights up to and with it u64.
// Invariant: only + - * / and sqrt of wasm's f64, and log and exp that are compiled into the module from those, so that
// every host computes the same bits. No result is later than END_OF_TIME, none traps.

import { arenaClaim } from '../base/arena';
import { END_OF_TIME } from '../base/clock';
import { EBUSY, EINVAL, ENOSPC } from '../base/errno';
import { identityDraw, mix64 } from '../base/identity';
import {
  DISTRIBUTION_CONSTANT,
  DISTRIBUTION_EXPONENTIAL,
  DISTRIBUTION_FACTORS,
  DISTRIBUTION_HISTOGRAM,
  DISTRIBUTION_LOGNORMAL,
  LATENCY_POINT_SIZE,
  LATENCY_POINT_VALUE,
  LATENCY_POINT_WEIGHT,
} from '../layout';
import { Drive } from './drive-table';
import { Request } from './request';

const CUMULATIVE: usize = 8;
const MILLIONTHS: f64 = 1000000;
const VALUE_MOST: u64 = 0x20000000000000;
const WEIGHTS_MOST: u64 = 0x100000000;
/** 'latency' as purposeOf hashes it. */
const PURPOSE: u64 = 0xaf0c611526eab2b9;

@unmanaged
class Points {
  base: usize;
  capacity: u32;
  used: u32;
}

const points = changetype<Points>(memory.data(offsetof<Points>(), 16));

/** `count`: points of all drives together. */
export function latencyClaim(count: u32): void {
  points.capacity = count;
  points.base = arenaClaim(<u64>count * LATENCY_POINT_SIZE, 16);
}

export function latencyInit(): void {
  points.used = 0;
}

/** Gives a drive the points of its distribution, once: `count` of them at `from`, readable. 0, EINVAL, EBUSY or ENOSPC. */
export function latencySetPoints(drive: Drive, from: usize, count: u32): i32 {
  if (drive.latencyKind != DISTRIBUTION_HISTOGRAM && drive.latencyKind != DISTRIBUTION_FACTORS)
    return -EINVAL;
  if (drive.latencyPointCount != 0) return -EBUSY;
  if (count == 0) return -EINVAL;
  if (count > points.capacity - points.used) return -ENOSPC;
  const to = points.base + <usize>points.used * LATENCY_POINT_SIZE;
  let sum: u64 = 0;
  for (let index: u32 = 0; index < count; index++) {
    const at = <usize>index * LATENCY_POINT_SIZE;
    const value = load<u64>(from + at, LATENCY_POINT_VALUE);
    const weight = load<u64>(from + at, LATENCY_POINT_WEIGHT);
    if (value > VALUE_MOST || weight == 0 || weight > WEIGHTS_MOST - sum) return -EINVAL;
    sum += weight;
    store<u64>(to + at, value);
    store<u64>(to + at, sum, CUMULATIVE);
  }
  drive.latencyPoints = to;
  drive.latencyPointCount = count;
  points.used += count;
  return 0;
}

/** From (0, 1]. */
function unitOf(draw: u64): f64 {
  return <f64>((draw >> 11) + 1) / 9007199254740992.0;
}

/** A standard normal variate: Marsaglia's polar method (SIAM Review 6, 1964), on hashes of the draw. */
function normalOf(draw: u64): f64 {
  while (true) {
    const x = unitOf(draw) * 2 - 1;
    draw = mix64(draw + 1);
    const y = unitOf(draw) * 2 - 1;
    draw = mix64(draw + 1);
    const square = x * x + y * y;
    if (square > 0 && square < 1) return x * sqrt<f64>((-2 * NativeMath.log(square)) / square);
  }
}

/** The value of the point that a draw falls on. */
function pointOf(drive: Drive, draw: u64): u64 {
  const base = drive.latencyPoints;
  let low: u32 = 0;
  let high = drive.latencyPointCount - 1;
  const total = load<u64>(base + <usize>high * LATENCY_POINT_SIZE, CUMULATIVE);
  const place = total == WEIGHTS_MOST ? draw >> 32 : ((draw >> 32) * total) >> 32;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (place < load<u64>(base + <usize>middle * LATENCY_POINT_SIZE, CUMULATIVE)) high = middle;
    else low = middle + 1;
  }
  return load<u64>(base + <usize>low * LATENCY_POINT_SIZE);
}

/** Whole nanoseconds, the nearest, at most END_OF_TIME. */
function scaled(nominal: u64, factor: f64): u64 {
  const time = <f64>nominal * factor + 0.5;
  return time < 9223372036854775808.0 ? <u64>time : END_OF_TIME;
}

/** How long a request takes whose service takes `nominal` nanoseconds on a drive that does not vary. */
export function latencyOf(drive: Drive, request: Request, nominal: u64): u64 {
  return latencyFor(drive, request.operation, request.sector, request.generation, nominal);
}

/** The same for a request that has ended, by its identity. */
export function latencyFor(drive: Drive, operation: u32, sector: u64, generation: u32, nominal: u64): u64 {
  if (drive.latencyKind == DISTRIBUTION_CONSTANT) return nominal;
  const draw = identityDraw(PURPOSE, drive.index, operation, sector, generation);
  switch (drive.latencyKind) {
    case DISTRIBUTION_EXPONENTIAL:
      return scaled(nominal, -NativeMath.log(unitOf(draw)));
    case DISTRIBUTION_LOGNORMAL:
      return scaled(nominal, NativeMath.exp((<f64>drive.latencyFirst / MILLIONTHS) * normalOf(draw)));
    default: {
      if (drive.latencyPointCount == 0) return nominal;
      const value = pointOf(drive, draw);
      if (drive.latencyKind == DISTRIBUTION_HISTOGRAM) return value;
      return scaled(nominal, <f64>value / MILLIONTHS);
    }
  }
}
