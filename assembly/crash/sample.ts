// The ordered sample of a crash point that has too many states to go through all of them.
//
// Verbs: sampleClaim, sampleBuild, sampleCount, sampleDecode. In this order, n writes being uncertain, counted from 0 in the order of submission:
//   nothing, everything, every prefix                                     n + 1
//   all but one, but the last, which is a prefix                          n - 1
//   the writes up to j without i, j before the last                       (n - 1)(n - 2) / 2
//   only one, from the third on: the others are among the above           n - 2
// (writes that stand and fall together are one, at the place of the last of them, and those of which nothing can be seen are none; where i is
// before j in a chain the one can not be there without the other, so such pairs are left out, and only one is: with what its chain has before it)
//   one write torn, those before it there and those behind it not, and then all others there: in 2, in 3, at 4,096-byte boundaries,
//   first units, single gaps, damaged units; for tearing that counts first or last bytes evenly spaced ones
//   at random, every second one with tearing, until the budget is used up; of a chain a random number of links
// Where order is kept the middle three are left out, or made legal by dropping what follows in the same domain or chain.
// Invariants: a state depends on its ordinal, the seed and its crash point alone; no state is visited that order or chains do not allow; and where there
// are no chains no two before the torn ones are the same.

import { arenaClaim } from '../base/arena';
import { mix64 } from '../base/identity';
import { CRASH_ORDER_ANY, CRASH_ORDER_PREFIX, CRASH_TEARING_UNITS } from '../layout';
import { chainCount, chainHead, chainHeadOf, isLinkLast } from './chains';
import { model, tearingOf } from './model';
import { legalise } from './runs';
import { NEVER, pointAt, Write, writeAt } from './tables';
import { damaged, pieceValues, setPiece, tear, tearCount, tearNothing, tearWhole } from './tear';
import { epoch, MISSING, pieceAt, setTarget, uncertainAt } from './uncertain';

/** Sectors of 4,096 bytes, where tearing is tried first. */
const BOUNDARY: u32 = 8;
/** Ways to tear in 2 and in 3: either half; one third, or all but one. */
const HALVES: u32 = 2;
const THIRDS: u32 = 6;

/** What is left out or not as one: a write, or the writes of a link. */
@unmanaged
class Sample {
  /** The last write of each item, in the order of submission. */
  items: usize;
  count: u32;
  /** Pairs of items of which the first may be missing while the second is there, the second not being the last. */
  pairs: u64;
}

const sample = changetype<Sample>(memory.data(offsetof<Sample>(), 16));

export function sampleClaim(): void {
  sample.items = arenaClaim(<u64>epoch.maxWrites * 4, 64);
}

/** Finds the items of the current crash point. */
export function sampleBuild(): void {
  sample.count = 0;
  for (let place: u32 = 0; place < epoch.count; place++) {
    const index = uncertainAt(place);
    const write = writeAt(index);
    if (!isLinkLast(write)) continue;
    const isSeen = isLinkSeen(index);
    const item = isSeen ? sample.count : NEVER;
    for (let member = write.linkFirst; ; member = writeAt(member).chainNext) {
      writeAt(member).item = item;
      if (member == index) break;
    }
    if (!isSeen) continue;
    store<u32>(sample.items + ((<usize>sample.count) << 2), index);
    sample.count++;
  }
  rankItems();
  sample.pairs = 0;
  for (let place: u32 = 1; place + 1 < sample.count; place++) sample.pairs += place - itemAt(place).rank;
}

/** Something of the link that ends with this write can be seen. */
function isLinkSeen(last: u32): bool {
  let member = writeAt(last).linkFirst;
  while (member != last && writeAt(member).liveCount == 0) member = writeAt(member).chainNext;
  return writeAt(member).liveCount > 0;
}

/** Counts for each item those that its chain has before it. */
function rankItems(): void {
  for (let place: u32 = 0; place < sample.count; place++) itemAt(place).rank = 0;
  for (let active: u32 = 0; active < chainCount(); active++) {
    let rank: u32 = 0;
    for (let index = chainHead(active); index != NEVER; index = writeAt(index).chainNext) {
      const write = writeAt(index);
      if (isLinkLast(write) && write.item != NEVER) write.rank = rank++;
    }
  }
}

/** The last write of an item; most have no other. */
function itemAt(place: u32): Write {
  return writeAt(load<u32>(sample.items + ((<usize>place) << 2)));
}

/** States of the sample: the budget, which is always used up. */
export function sampleCount(): f64 {
  return <f64>model.budget;
}

/** Sets what is wanted of every piece to the state of this ordinal. */
export function sampleDecode(ordinal: u64): void {
  decode(ordinal);
  if (model.order != <u32>CRASH_ORDER_ANY || chainCount() > 0) legalise();
}

function decode(ordinal: u64): void {
  const n = <u64>sample.count;
  let rest = ordinal;
  if (rest <= n) {
    setPrefix(rest == 0 ? 0 : rest == 1 ? n : rest - 1);
    return;
  }
  rest -= n + 1;
  if (model.order != <u32>CRASH_ORDER_PREFIX && n > 1) {
    if (rest < n - 1) {
      setPrefix(n);
      drop(<u32>rest);
      return;
    }
    rest -= n - 1;
    if (rest < sample.pairs) {
      setPair(rest);
      return;
    }
    rest -= sample.pairs;
    if (rest < n - 2) {
      setOnly(<u32>rest + 2);
      return;
    }
    rest -= n - 2;
  }
  for (let context: u32 = 0; context < 2; context++) {
    for (let place: u32 = 0; place < sample.count; place++) {
      const tears = <u64>tearTries(itemAt(place));
      if (rest < tears) {
        setPrefix(context == 0 ? place : n);
        tryTear(itemAt(place), <u32>rest);
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

/** The first `count` items are there, the others are not. What can not be seen is there. */
function setPrefix(count: u64): void {
  for (let place: u32 = 0; place < epoch.count; place++) {
    const write = writeOf(place);
    if (write.item == NEVER || <u64>write.item < count) tearWhole(write);
    else tearNothing(write);
  }
}

function drop(item: u32): void {
  for (let write = writeAt(itemAt(item).linkFirst); ; write = writeAt(write.chainNext)) {
    tearNothing(write);
    if (isLinkLast(write)) return;
  }
}

/** Only one item, and what its chain has before it. */
function setOnly(item: u32): void {
  setPrefix(0);
  const last = itemAt(item);
  if (last.chainIndex == 0) {
    tearWhole(last);
    return;
  }
  let isOver = false;
  for (let index = chainHeadOf(last); !isOver; index = writeAt(index).chainNext) {
    const write = writeAt(index);
    tearWhole(write);
    isOver = write.item == item && isLinkLast(write);
  }
}

/** Pair number `index`: the items up to j without i, counted by j and then by i. */
function setPair(index: u64): void {
  let rest = index;
  let j: u32 = 1;
  for (; rest >= j - itemAt(j).rank; j++) rest -= j - itemAt(j).rank;
  const chain = itemAt(j).chainIndex;
  let i: u32 = 0;
  for (; ; i++) {
    if (chain != 0 && itemAt(i).chainIndex == chain) continue;
    if (rest == 0) break;
    rest--;
  }
  setPrefix(j + 1);
  drop(i);
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
  const pieces = write.liveCount;
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
  const pieces = write.liveCount;
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
  for (let piece = write.pieceFirst; ; piece++) {
    if (pieceAt(piece).isMoot != 0) continue;
    if (rest-- > 0) continue;
    if (pieceAt(piece).isDamageable != 0) setTarget(piece, damaged());
    return;
  }
}

/** Ways 0 and 1 keep a half, 2 to 4 drop a third, 5 to 7 keep a third. */
function dropPart(write: Write, way: u32): void {
  const pieces = write.liveCount;
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

/** Drops a range of the pieces that can be seen. */
function dropPieces(write: Write, from: u32, to: u32): void {
  let seen: u32 = 0;
  for (let piece = write.pieceFirst; seen < to; piece++) {
    if (pieceAt(piece).isMoot != 0) continue;
    if (seen >= from) setTarget(piece, MISSING);
    seen++;
  }
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
    if (write.liveCount == 0) tearWhole(write);
    else if (isTorn && draw & 256) tearRandomly(write, draw, kept);
    else if (<u32>(draw & 255) < kept) tearWhole(write);
    else tearNothing(write);
  }
  if (model.order != <u32>CRASH_ORDER_ANY) return;
  for (let active: u32 = 0; active < chainCount(); active++) cutChain(chainHead(active), start);
}

/** A random number of the chain's links is there; the next one is as it has been set. */
function cutChain(head: u32, start: u64): void {
  let links: u64 = 0;
  for (let index = head; index != NEVER; index = writeAt(index).chainNext) {
    if (isLinkLast(writeAt(index))) links++;
  }
  let kept = mix64(start ^ mix64(writeAt(head).chain)) % (links + 1);
  for (let index = head; index != NEVER && kept > 0; index = writeAt(index).chainNext) {
    tearWhole(writeAt(index));
    if (isLinkLast(writeAt(index))) kept--;
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
    if (pieceAt(piece).isMoot != 0) continue;
    const word = mix64(draw + place + 1);
    const last = pieceValues(pieceAt(piece)) - 1;
    if (<u32>(word & 255) >= kept) setPiece(piece, <u32>((word >> 8) % last));
  }
}
