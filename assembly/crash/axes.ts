// The choices at a crash point as axes: a state has one digit on each, and any digits together are a state.
//
// Verbs: axesClaim, axesBuild, axesDecode. Axes:
// versions: pieces of several writes over the same sectors; how many of them reached the media (the last one is what is seen), or damage.
// piece: one piece, there or not or damaged. write: the values of tear.ts. order: of writes in their order, how many are whole, and how the next one tears.
// chain: the same of the links of a chain of the log. Where the model keeps an order its axes rule, and what chains do not allow is dropped.
// What is moot has no axis, and content that comes again over the same sectors no version of its own.
// States count through the axes in the reflected Gray order of mixed radices: from one to the next a single digit changes by one.
// Invariant: the product of the radices is the number of candidate states; digits of all 0 are the state with nothing uncertain there.

import { arenaClaim } from '../base/arena';
import { CRASH_ORDER_ANY, CRASH_SCOPE_UNIT, CRASH_TEARING_UNITS } from '../layout';
import { AXIS_PIECE, AXIS_VERSIONS, AXIS_WRITE, Axis, axes, axesAdd, axesEmpty, axisAt } from './axis';
import { chainCount } from './chains';
import { isLoose, model } from './model';
import { buildChains, buildOrder, legalise, setRun } from './runs';
import { slotAt } from './slots';
import { NEVER, report, writeAt } from './tables';
import { damaged, pieceValues, setPiece, tear, tearCount, tearLog2 } from './tear';
import { cellAt, epoch, KEPT, MISSING, Piece, pieceAt, setTarget, uncertainAt } from './uncertain';

/** Whole numbers up to here are exact in an f64. */
const EXACT: f64 = 9007199254740992;

export function axesClaim(): void {
  axes.base = arenaClaim(<u64>(epoch.maxPieces + epoch.maxWrites) * offsetof<Axis>(), 64);
  axes.sorted = arenaClaim(<u64>epoch.maxPieces * 4, 64);
}

function sortedPiece(place: u32): u32 {
  return load<u32>(axes.sorted + ((<usize>place) << 2));
}

function addPiece(number: u32): void {
  const radix = <f64>pieceValues(pieceAt(number));
  axesAdd(AXIS_PIECE, number, 1, radix, Math.log2(radix));
}

/** Finds the axes of the current crash point, and how many states they make: report.states and report.statesLog2. */
export function axesBuild(): void {
  axesEmpty();
  if (model.order != <u32>CRASH_ORDER_ANY) {
    buildOrder();
  } else {
    buildChains();
    if (model.tearing == <u32>CRASH_TEARING_UNITS) buildVersions();
    else buildWrites();
  }
  if (report.states <= EXACT) report.statesLog2 = Math.log2(report.states);
}

/** An axis for each write that is in no chain, and for each piece of those that tear by units on their own. */
function buildWrites(): void {
  for (let place: u32 = 0; place < epoch.count; place++) {
    const index = uncertainAt(place);
    const write = writeAt(index);
    if (write.chainIndex != 0) continue;
    if (!isLoose(write)) {
      const values = tearCount(write);
      if (values > 1) axesAdd(AXIS_WRITE, index, 1, values, tearLog2(write));
      continue;
    }
    for (let piece: u32 = 0; piece < write.pieceCount; piece++) {
      if (pieceAt(write.pieceFirst + piece).isMoot == 0) addPiece(write.pieceFirst + piece);
    }
  }
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
    if (piece.isMoot != 0 || writeAt(piece.write).chainIndex != 0) continue;
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
      addVersions(place, count);
    } else {
      for (let at = place; at < next; at++) addPiece(sortedPiece(at));
    }
    place = next;
  }
}

/** An axis for versions of the same sectors. Where nothing else may lie between them, equal ones are one. */
function addVersions(place: u32, count: u32): void {
  const hasDamage = newestDamageable(place, count) != NEVER;
  const isJoining = !hasDamage && hasNoOthers(pieceAt(sortedPiece(place)), count);
  let radix: f64 = hasDamage ? 2 : 1;
  for (let at = place; at < place + count; at++) {
    const piece = pieceAt(sortedPiece(at));
    if (!isJoining) piece.isRepeat = 0;
    radix += <f64>(1 - piece.isRepeat);
  }
  if (radix > 1) axesAdd(AXIS_VERSIONS, place, count, radix, Math.log2(radix));
}

/** No other pieces than these `count` can be seen in their sectors. */
function hasNoOthers(piece: Piece, count: u32): bool {
  const first = writeAt(piece.write).slot + piece.start;
  for (let slot = first; slot < first + piece.sectors; slot++) {
    let found: u32 = 0;
    for (let number = slotAt(slot).head; number != 0; number = cellAt(number).below) {
      const cell = cellAt(number);
      if (cell.write < slotAt(slot).floor) break;
      if (pieceAt(cell.piece).isMoot == 0) found++;
    }
    if (found != count) return false;
  }
  return true;
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
  if (model.order != <u32>CRASH_ORDER_ANY && chainCount() > 0) legalise();
}

function setDigit(axis: Axis, digit: u64): void {
  if (axis.kind == AXIS_VERSIONS) setVersion(axis, <u32>digit);
  else if (axis.kind == AXIS_PIECE) setPiece(axis.first, <u32>digit);
  else if (axis.kind == AXIS_WRITE) tear(writeAt(axis.first), digit);
  else setRun(axis, digit);
}

/** Version 0 is the durable one, the others are those that repeat nothing; the last digit may be damage of the newest write that can have any. */
function setVersion(axis: Axis, version: u32): void {
  let rest = version;
  let kept: u32 = 0;
  for (let at: u32 = 0; rest > 0 && at < axis.count; at++) {
    if (pieceAt(sortedPiece(axis.first + at)).isRepeat != 0) continue;
    rest--;
    kept = at + 1;
  }
  if (rest > 0) kept = newestDamageable(axis.first, axis.count);
  for (let at: u32 = 0; at < axis.count; at++) {
    setTarget(sortedPiece(axis.first + at), at < kept ? KEPT : MISSING);
  }
  if (rest > 0) setTarget(sortedPiece(axis.first + kept), damaged());
}
