// The ordered sample of a crash point that has too many states to go through all of them.
//
// Verbs: sampleCount, sampleDecode. In this order, n writes being uncertain, counted from 0 in the order of submission:
//   nothing, everything, every prefix                                     n + 1
//   all but one, but the last, which is a prefix                          n - 1
//   the writes up to j without i, j before the last                       (n - 1)(n - 2) / 2
//   only one, from the third on: the others are among the above           n - 2
//   one write torn, those before it there and those behind it not, and then all others there: in 2, in 3, at 4,096-byte boundaries,
//   first units, single gaps, damaged units; for tearing that counts first or last bytes evenly spaced ones
//   at random, every second one with tearing, until the budget is used up
// Where order is kept the middle three are left out, or made legal by dropping what follows in the same domain.
// Invariant: a state depends on its ordinal, the seed and its crash point alone, and no two before the torn ones are the same.

import { mix64 } from '../base/identity';
import { CRASH_ORDER_ANY, CRASH_ORDER_PREFIX, CRASH_TEARING_UNITS } from '../layout';
import { axesLegalise } from './axes';
import { model } from './model';
import { pointAt, Write, writeAt } from './tables';
import { damaged, pieceValues, setPiece, tear, tearCount, tearingOf, tearNothing, tearWhole } from './tear';
import { epoch, MISSING, pieceAt, setTarget, uncertainAt } from './uncertain';

/** Sectors of 4,096 bytes, where tearing is tried first. */
const BOUNDARY: u32 = 8;
/** Ways to tear in 2 and in 3: either half; one third, or all but one. */
const HALVES: u32 = 2;
const THIRDS: u32 = 6;

/** States of the sample: the budget, which is always used up. */
export function sampleCount(): f64 {
  return <f64>model.budget;
}

/** Sets what is wanted of every piece to the state of this ordinal. */
export function sampleDecode(ordinal: u64): void {
  decode(ordinal);
  if (model.order != <u32>CRASH_ORDER_ANY) axesLegalise();
}

function decode(ordinal: u64): void {
  const n = <u64>epoch.count;
  let rest = ordinal;
  if (rest <= n) {
    setPrefix(rest == 0 ? 0 : rest == 1 ? n : rest - 1);
    return;
  }
  rest -= n + 1;
  if (model.order != <u32>CRASH_ORDER_PREFIX && n > 1) {
    if (rest < n - 1) {
      setPrefix(n);
      tearNothing(writeOf(<u32>rest));
      return;
    }
    rest -= n - 1;
    const pairs = ((n - 1) * (n - 2)) >> 1;
    if (rest < pairs) {
      setPair(rest);
      return;
    }
    rest -= pairs;
    if (rest < n - 2) {
      setPrefix(0);
      tearWhole(writeOf(<u32>rest + 2));
      return;
    }
    rest -= n - 2;
  }
  for (let context: u32 = 0; context < 2; context++) {
    for (let place: u32 = 0; place < epoch.count; place++) {
      const tears = <u64>tearTries(writeOf(place));
      if (rest < tears) {
        setPrefix(context == 0 ? place : n);
        tryTear(writeOf(place), <u32>rest);
        return;
      }
      rest -= tears;
    }
  }
  setRandom(rest);
}

function writeOf(place: u32): Write {
  return writeAt(uncertainAt(place));
}

/** The first `count` writes are there, the others are not. */
function setPrefix(count: u64): void {
  for (let place: u32 = 0; place < epoch.count; place++) {
    if (<u64>place < count) tearWhole(writeOf(place));
    else tearNothing(writeOf(place));
  }
}

/** Pair number `index`: the writes up to j without i, counted by j and then by i. */
function setPair(index: u64): void {
  const root = Math.sqrt(<f64>index * 8 + 1);
  let j = <u64>((root + 1) / 2);
  // a square root near a whole number may be off by one
  while ((j * (j - 1)) >> 1 > index) j--;
  while ((j * (j + 1)) >> 1 <= index) j++;
  setPrefix(j + 1);
  tearNothing(writeOf(<u32>(index - ((j * (j - 1)) >> 1))));
}

/** Boundaries of 4,096 bytes inside the write. */
function boundaries(write: Write): u32 {
  const last = (write.sector + write.sectors - 1) / BOUNDARY;
  return <u32>(last - write.sector / BOUNDARY);
}

/** Values between two tries of a write that tears by its first or last bytes: at most two tries for a sector. */
function stride(write: Write, values: u64): u64 {
  return max<u64>(1, values / (<u64>write.sectors * 2));
}

/** How many ways to tear this write the sample tries. */
function tearTries(write: Write): u32 {
  if (tearingOf(write) != <u32>CRASH_TEARING_UNITS) {
    const values = <u64>tearCount(write);
    return values < 3 ? 0 : 3 + <u32>((values - 2) / stride(write, values));
  }
  const pieces = write.pieceCount;
  const isDamageable = model.damage != 0 ? pieces : 0;
  if (pieces == 1) return isDamageable;
  return HALVES + THIRDS + 2 * boundaries(write) + (pieces - 1) + pieces + isDamageable;
}

/** Tears the write, which is whole or not there, in the way number `way`. */
function tryTear(write: Write, way: u32): void {
  tearWhole(write);
  if (tearingOf(write) != <u32>CRASH_TEARING_UNITS) {
    const values = <u64>tearCount(write);
    if (way == 0) tear(write, values / 2);
    else if (way < 3) tear(write, max<u64>(1, (values * way) / 3));
    else tear(write, (<u64>way - 2) * stride(write, values));
    return;
  }
  const pieces = write.pieceCount;
  let rest = way;
  if (pieces > 1) {
    if (rest < HALVES + THIRDS) {
      dropPart(write, rest);
      return;
    }
    rest -= HALVES + THIRDS;
    if (rest < 2 * boundaries(write)) {
      splitAt(write, (write.sector / BOUNDARY + 1 + (rest >> 1)) * BOUNDARY - write.sector, (rest & 1) != 0);
      return;
    }
    rest -= 2 * boundaries(write);
    if (rest < pieces - 1) {
      dropPieces(write, rest + 1, pieces);
      return;
    }
    rest -= pieces - 1;
    if (rest < pieces) {
      dropPieces(write, rest, rest + 1);
      return;
    }
    rest -= pieces;
  }
  const piece = write.pieceFirst + rest;
  if (pieceAt(piece).isDamageable != 0) setTarget(piece, damaged());
}

/** Ways 0 and 1 keep a half, 2 to 4 drop a third, 5 to 7 keep a third. */
function dropPart(write: Write, way: u32): void {
  const pieces = write.pieceCount;
  if (way < HALVES) {
    const half = (pieces + 1) / 2;
    if (way == 0) dropPieces(write, half, pieces);
    else dropPieces(write, 0, half);
    return;
  }
  const third = (way - HALVES) % 3;
  const from = <u32>((<u64>pieces * third) / 3);
  const to = <u32>((<u64>pieces * (third + 1)) / 3);
  if (way < HALVES + 3) {
    dropPieces(write, from, to);
  } else {
    dropPieces(write, 0, from);
    dropPieces(write, to, pieces);
  }
}

function dropPieces(write: Write, from: u32, to: u32): void {
  for (let place = from; place < to; place++) setTarget(write.pieceFirst + place, MISSING);
}

/** Keeps what lies before the sector (counted from the write's first), or behind it. */
function splitAt(write: Write, within: u64, keepsEnd: bool): void {
  for (let place: u32 = 0; place < write.pieceCount; place++) {
    const isBehind = <u64>pieceAt(write.pieceFirst + place).start >= within;
    if (isBehind != keepsEnd) setTarget(write.pieceFirst + place, MISSING);
  }
}

/** Of 256 writes how many are kept: half of them, most, few. */
function keptOf256(number: u64): u32 {
  const kind = number % 3;
  return kind == 0 ? 128 : kind == 1 ? 218 : 38;
}

function setRandom(number: u64): void {
  const isTorn = (number & 1) != 0;
  const kept = keptOf256(number >> 1);
  const start = mix64((((<u64>model.seed) << 32) | pointAt(epoch.point).step) + mix64(number));
  for (let place: u32 = 0; place < epoch.count; place++) {
    const write = writeOf(place);
    const draw = mix64(start ^ mix64(write.number + ((<u64>write.submitted) << 40) + write.sector));
    if (isTorn && draw & 256) tearRandomly(write, draw, kept);
    else if (<u32>(draw & 255) < kept) tearWhole(write);
    else tearNothing(write);
  }
}

function tearRandomly(write: Write, draw: u64, kept: u32): void {
  if (tearingOf(write) != <u32>CRASH_TEARING_UNITS) {
    tear(write, mix64(draw) % <u64>tearCount(write));
    return;
  }
  tearWhole(write);
  for (let place: u32 = 0; place < write.pieceCount; place++) {
    const piece = write.pieceFirst + place;
    const word = mix64(draw + place + 1);
    const last = pieceValues(pieceAt(piece)) - 1;
    if (<u32>(word & 255) >= kept) setPiece(piece, <u32>((word >> 8) % last));
  }
}
