// The choices at a crash point as axes: a state has one digit on each, and any digits together are a state.
//
// Verbs: axesClaim, axesBuild, axesDecode, axesLegalise. Axes:
// versions: pieces of several writes over the same sectors; how many of them reached the media (the last one is what is seen), or damage.
// piece: one piece, there or not or damaged. write: the values of tear.ts. chain: of writes in order, how many are whole, and how the next one tears.
// States count through the axes in the reflected Gray order of mixed radices: from one to the next a single digit changes by one.
// Invariant: the product of the radices is the number of candidate states; digits of all 0 are the state with nothing uncertain there.

import { arenaClaim } from '../base/arena';
import { CRASH_ORDER_ANY, CRASH_ORDER_DOMAIN_PREFIX, CRASH_SCOPE_UNIT, CRASH_TEARING_UNITS } from '../layout';
import { isLoose, model } from './model';
import { NEVER, report, writeAt } from './tables';
import {
  damaged,
  isWhole,
  pieceValues,
  setPiece,
  tear,
  tearCount,
  tearLog2,
  tearNothing,
  tearWhole,
} from './tear';
import { epoch, KEPT, MISSING, Piece, pieceAt, setTarget, uncertainAt } from './uncertain';

const AXIS_VERSIONS: u32 = 0;
const AXIS_PIECE: u32 = 1;
const AXIS_WRITE: u32 = 2;
const AXIS_CHAIN: u32 = 3;
/** Whole numbers up to here are exact in an f64. */
const EXACT: f64 = 9007199254740992;

@unmanaged
class Axis {
  kind: u32;
  /** Place among the sorted pieces; or a piece; or a write. */
  first: u32;
  count: u32;
  padding: u32;
  /** Digits. */
  radix: f64;
}

@unmanaged
class Axes {
  base: usize;
  count: u32;
  /** Numbers of the pieces that can be seen, by their first sector, then by age. */
  sorted: usize;
  sortedCount: u32;
}

const axes = changetype<Axes>(memory.data(offsetof<Axes>(), 16));

export function axesClaim(): void {
  axes.base = arenaClaim(<u64>(epoch.maxPieces + epoch.maxWrites) * offsetof<Axis>(), 64);
  axes.sorted = arenaClaim(<u64>epoch.maxPieces * 4, 64);
}

function axisAt(index: u32): Axis {
  return changetype<Axis>(axes.base + <usize>index * offsetof<Axis>());
}

function sortedPiece(place: u32): u32 {
  return load<u32>(axes.sorted + ((<usize>place) << 2));
}

function add(kind: u32, first: u32, count: u32, radix: f64, log2: f64): void {
  const axis = axisAt(axes.count++);
  axis.kind = kind;
  axis.first = first;
  axis.count = count;
  axis.radix = radix;
  report.states *= radix;
  report.statesLog2 += log2;
}

function addPiece(number: u32): void {
  const radix = <f64>pieceValues(pieceAt(number));
  add(AXIS_PIECE, number, 1, radix, Math.log2(radix));
}

/** Finds the axes of the current crash point, and how many states they make: report.states and report.statesLog2. */
export function axesBuild(): void {
  axes.count = 0;
  report.states = 1;
  report.statesLog2 = 0;
  if (model.order != <u32>CRASH_ORDER_ANY) buildChains();
  else if (model.tearing == <u32>CRASH_TEARING_UNITS) buildVersions();
  else buildWrites();
  if (report.states <= EXACT) report.statesLog2 = Math.log2(report.states);
}

/** An axis for each write, and for each piece of those that tear by units on their own. */
function buildWrites(): void {
  for (let place: u32 = 0; place < epoch.count; place++) {
    const index = uncertainAt(place);
    const write = writeAt(index);
    if (!isLoose(write.operation)) {
      add(AXIS_WRITE, index, 1, tearCount(write), tearLog2(write));
      continue;
    }
    for (let piece: u32 = 0; piece < write.pieceCount; piece++) {
      if (pieceAt(write.pieceFirst + piece).isMoot == 0) addPiece(write.pieceFirst + piece);
    }
  }
}

/** One chain of all writes, or one of each domain. Its writes are linked by Write.next. */
function buildChains(): void {
  const isByDomain = model.order == <u32>CRASH_ORDER_DOMAIN_PREFIX;
  for (let place: u32 = 0; place < epoch.count; place++) {
    const index = uncertainAt(place);
    const write = writeAt(index);
    write.next = NEVER;
    const axis = isByDomain ? chainOf(write.domain) : axes.count == 0 ? 0 : changetype<usize>(axisAt(0));
    if (axis == 0) {
      const made = axisAt(axes.count++);
      made.kind = AXIS_CHAIN;
      made.first = index;
      made.count = index;
      made.radix = tearCount(write);
      continue;
    }
    const chain = changetype<Axis>(axis);
    // while it is built, count is the last write
    writeAt(chain.count).next = index;
    chain.count = index;
    chain.radix += tearCount(write) - 1;
  }
  for (let index: u32 = 0; index < axes.count; index++) {
    report.states *= axisAt(index).radix;
    report.statesLog2 += chainLog2(axisAt(index));
  }
}

function chainOf(domain: u32): usize {
  for (let index: u32 = 0; index < axes.count; index++) {
    if (writeAt(axisAt(index).first).domain == domain) return changetype<usize>(axisAt(index));
  }
  return 0;
}

/** Beyond what an f64 holds the largest of its writes is as good as the sum. */
function chainLog2(axis: Axis): f64 {
  if (axis.radix < f64.MAX_VALUE) return Math.log2(axis.radix);
  let largest: f64 = 0;
  for (let index = axis.first; index != NEVER; index = writeAt(index).next) {
    largest = max<f64>(largest, tearLog2(writeAt(index)));
  }
  return largest;
}

/** First sector that the piece decides about, and the one behind its last: with damage that may reach further, its whole units. */
function pieceStart(piece: Piece): u64 {
  const sector = writeAt(piece.write).sector + piece.start;
  return reachesUnit(piece) ? sector & ~(<u64>model.unit - 1) : sector;
}

function pieceEnd(piece: Piece): u64 {
  const end = writeAt(piece.write).sector + piece.start + piece.sectors;
  return reachesUnit(piece) ? ((end - 1) | (<u64>model.unit - 1)) + 1 : end;
}

function reachesUnit(piece: Piece): bool {
  return model.scope == <u32>CRASH_SCOPE_UNIT && piece.isDamageable != 0;
}

/** Puts the pieces in order by insertion. */
function sortPieces(): void {
  axes.sortedCount = 0;
  for (let number: u32 = 0; number < epoch.pieceCount; number++) {
    const piece = pieceAt(number);
    if (piece.isMoot != 0) continue;
    const start = pieceStart(piece);
    let low: u32 = 0;
    let high = axes.sortedCount;
    // pieces mostly come in order
    if (high > 0 && pieceStart(pieceAt(sortedPiece(high - 1))) <= start) low = high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pieceStart(pieceAt(sortedPiece(middle))) <= start) low = middle + 1;
      else high = middle;
    }
    const at = axes.sorted + ((<usize>low) << 2);
    memory.copy(at + 4, at, (<usize>(axes.sortedCount - low)) << 2);
    store<u32>(at, number);
    axes.sortedCount++;
  }
}

/** Pieces over the same sectors are versions of each other; where some overlap only in part, or damage reaches beyond them, each has an axis of its own. */
function buildVersions(): void {
  sortPieces();
  for (let place: u32 = 0; place < axes.sortedCount; ) {
    const first = pieceAt(sortedPiece(place));
    const start = pieceStart(first);
    let end = pieceEnd(first);
    let isUniform = isExact(first);
    let next = place + 1;
    for (; next < axes.sortedCount; next++) {
      const piece = pieceAt(sortedPiece(next));
      if (pieceStart(piece) >= end) break;
      if (pieceStart(piece) != start || pieceEnd(piece) != end || !isSameRange(first, piece))
        isUniform = false;
      end = max<u64>(end, pieceEnd(piece));
    }
    const count = next - place;
    if (isUniform && count > 1) {
      const radix = <f64>(1 + count + (newestDamageable(place, count) == NEVER ? 0 : 1));
      add(AXIS_VERSIONS, place, count, radix, Math.log2(radix));
    } else {
      for (let at = place; at < next; at++) addPiece(sortedPiece(at));
    }
    place = next;
  }
}

/** The piece decides about its own sectors and no others. */
function isExact(piece: Piece): bool {
  const sector = writeAt(piece.write).sector + piece.start;
  return pieceStart(piece) == sector && pieceEnd(piece) == sector + piece.sectors;
}

/** The two pieces have the same sectors, not only the same units. */
function isSameRange(first: Piece, second: Piece): bool {
  return (
    writeAt(first.write).sector + first.start == writeAt(second.write).sector + second.start &&
    first.sectors == second.sectors
  );
}

/** Place in a run of sorted pieces of the newest that may be damaged. */
function newestDamageable(place: u32, count: u32): u32 {
  for (let at = count; at-- > 0; ) {
    if (pieceAt(sortedPiece(place + at)).isDamageable != 0) return at;
  }
  return NEVER;
}

/** Sets what is wanted of every piece to the state of this ordinal, 0 to report.states - 1. */
export function axesDecode(ordinal: u64): void {
  let rest = ordinal;
  for (let index: u32 = 0; index < axes.count; index++) {
    const axis = axisAt(index);
    const radix = <u64>axis.radix;
    let digit = rest % radix;
    rest /= radix;
    if (rest & 1) digit = radix - 1 - digit;
    setDigit(axis, digit);
  }
}

function setDigit(axis: Axis, digit: u64): void {
  if (axis.kind == AXIS_VERSIONS) setVersion(axis, <u32>digit);
  else if (axis.kind == AXIS_PIECE) setPiece(axis.first, <u32>digit);
  else if (axis.kind == AXIS_WRITE) tear(writeAt(axis.first), digit);
  else setChain(axis, digit);
}

/** Version 0 is the durable one; the last digit may be damage of the newest write that can have any. */
function setVersion(axis: Axis, version: u32): void {
  let kept = version;
  if (version > axis.count) kept = newestDamageable(axis.first, axis.count);
  for (let at: u32 = 0; at < axis.count; at++) {
    setTarget(sortedPiece(axis.first + at), at < kept ? KEPT : MISSING);
  }
  if (version > axis.count) setTarget(sortedPiece(axis.first + kept), damaged());
}

function setChain(axis: Axis, digit: u64): void {
  let rest = <f64>digit;
  for (let index = axis.first; index != NEVER; index = writeAt(index).next) {
    const write = writeAt(index);
    const last = tearCount(write) - 1;
    if (rest >= last) tearWhole(write);
    else if (rest > 0) tear(write, <u64>rest);
    else tearNothing(write);
    rest = max<f64>(0, rest - last);
  }
}

/** Of each chain drops what follows the first write that is not whole. */
export function axesLegalise(): void {
  for (let axis: u32 = 0; axis < axes.count; axis++) {
    let isOver = false;
    for (let index = axisAt(axis).first; index != NEVER; index = writeAt(index).next) {
      if (isOver) tearNothing(writeAt(index));
      else isOver = !isWhole(writeAt(index));
    }
  }
}
