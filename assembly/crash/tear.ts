// How one write may tear: its values, from 0 (nothing of it is there) to the last (all of it is).
//
// Verbs: tearCount, tearLog2, tear, tearWhole, tearNothing, isWhole, isNothing, setPiece.
// none: nothing, damaged, all. units: a digit for each piece (missing, damaged, kept). prefix: so many first pieces, the next one perhaps
// damaged. suffix: the same from the end. ends: either. bytes: so many first bytes, the rest of the piece perhaps damaged.
// A piece that can not be damaged has no such value, and a moot one has a single value. Loose discards tear by units whatever the model says, solid
// writes not at all.
// Invariant: no two values of a write have the same pieces, and value 0 is the same for every model.

import {
  CRASH_DAMAGE_ZEROS,
  CRASH_LOSS_GARBAGE,
  CRASH_LOSS_ZEROS,
  CRASH_SCOPE_UNIT,
  CRASH_TEARING_BYTES,
  CRASH_TEARING_ENDS,
  CRASH_TEARING_NONE,
  CRASH_TEARING_PREFIX,
  CRASH_TEARING_SUFFIX,
  CRASH_TEARING_UNITS,
} from '../layout';
import { SECTOR_SHIFT } from '../limits';
import { isAtomicPiece, model, promisesSizes, tearingOf } from './model';
import { Write } from './tables';
import { epoch, KEPT, MISSING, Piece, pieceAt, setTarget, target, UNCUT } from './uncertain';

/** The state of a damaged piece. */
export function damaged(): u32 {
  return model.damage == <u32>CRASH_DAMAGE_ZEROS ? CRASH_LOSS_ZEROS : CRASH_LOSS_GARBAGE;
}

function pieceOf(write: Write, place: u32): Piece {
  return pieceAt(write.pieceFirst + place);
}

/** Values of a piece that is torn off or not: 2, or 3 when it may be damaged; 1 when that can not be seen. */
export function pieceValues(piece: Piece): u32 {
  if (piece.isMoot != 0) return 1;
  return piece.isDamageable != 0 ? 3 : 2;
}

/** Values that a piece adds to those of a write of which the first pieces are there. */
function prefixStep(write: Write, piece: Piece): u64 {
  if (piece.isMoot != 0) return 0;
  if (tearingOf(write) != <u32>CRASH_TEARING_BYTES) return 1 + piece.isDamageable;
  if (isAtomicPiece(write.sector + piece.start, piece.sectors)) return 1;
  return ((<u64>piece.sectors) << SECTOR_SHIFT) * (1 + piece.isDamageable);
}

/** Values of a write by its first (or last) pieces or bytes, but value 0. */
function prefixValues(write: Write): u64 {
  let sum: u64 = 0;
  for (let place: u32 = 0; place < write.pieceCount; place++) sum += prefixStep(write, pieceOf(write, place));
  return sum;
}

/** With either end torn: a single damaged piece is the same from both ends. */
function sharedEnds(write: Write): u64 {
  if (write.liveCount != 1) return 0;
  let place: u32 = 0;
  while (pieceOf(write, place).isMoot != 0) place++;
  return pieceOf(write, place).isDamageable;
}

/** How many values the write has; beyond 2^53 the nearest f64. */
export function tearCount(write: Write): f64 {
  if (write.liveCount == 0) return 1;
  const tearing = tearingOf(write);
  if (tearing == <u32>CRASH_TEARING_NONE) return pieceValues(pieceOf(write, 0));
  if (tearing == <u32>CRASH_TEARING_UNITS) {
    let product: f64 = 1;
    for (let place: u32 = 0; place < write.pieceCount; place++) {
      product *= <f64>pieceValues(pieceOf(write, place));
    }
    return product;
  }
  const prefixes = prefixValues(write);
  if (tearing != <u32>CRASH_TEARING_ENDS) return <f64>prefixes + 1;
  return <f64>prefixes * 2 - <f64>sharedEnds(write);
}

/** Logarithm of tearCount to the base 2, where that is beyond an f64. */
export function tearLog2(write: Write): f64 {
  if (tearingOf(write) != <u32>CRASH_TEARING_UNITS) return Math.log2(tearCount(write));
  let sum: f64 = 0;
  for (let place: u32 = 0; place < write.pieceCount; place++) {
    sum += Math.log2(<f64>pieceValues(pieceOf(write, place)));
  }
  return sum;
}

function setAll(write: Write, state: u32): void {
  memory.fill(epoch.target + write.pieceFirst, <u8>state, write.pieceCount);
}

/** All of the write is there. */
export function tearWhole(write: Write): void {
  setAll(write, KEPT);
  write.cut = UNCUT;
  write.damageEnd = 0;
}

/** All of the write is there. */
export function isWhole(write: Write): bool {
  return write.cut == UNCUT && areAll(write, KEPT);
}

/** Nothing of it is there. */
export function isNothing(write: Write): bool {
  if (tearingOf(write) == <u32>CRASH_TEARING_BYTES) return write.cut == 0 && write.damageEnd == 0;
  return areAll(write, MISSING);
}

/** All of its pieces are in the state, but for moot ones of a write that has others. */
function areAll(write: Write, state: u32): bool {
  for (let place: u32 = 0; place < write.pieceCount; place++) {
    const counts = write.liveCount == 0 || pieceOf(write, place).isMoot == 0;
    if (counts && target(write.pieceFirst + place) != state) return false;
  }
  return true;
}

/** Nothing of it is there. */
export function tearNothing(write: Write): void {
  if (tearingOf(write) == <u32>CRASH_TEARING_BYTES) {
    setAll(write, KEPT);
    write.cut = 0;
  } else {
    setAll(write, MISSING);
  }
  write.damageEnd = 0;
}

/** Tears the write by the value, 0 to tearCount - 1. */
export function tear(write: Write, value: u64): void {
  if (value == 0) {
    tearNothing(write);
    return;
  }
  tearWhole(write);
  const tearing = tearingOf(write);
  if (tearing == <u32>CRASH_TEARING_NONE || tearing == <u32>CRASH_TEARING_UNITS) {
    tearUnits(write, value);
    return;
  }
  // moot pieces behind the last that counts are there as well
  if (<f64>(value + 1) == tearCount(write)) return;
  if (tearing == <u32>CRASH_TEARING_PREFIX) tearPrefix(write, value);
  else if (tearing == <u32>CRASH_TEARING_SUFFIX) tearSuffix(write, value);
  else if (tearing == <u32>CRASH_TEARING_ENDS) tearEnds(write, value);
  else tearBytes(write, value);
}

function tearUnits(write: Write, value: u64): void {
  for (let place: u32 = 0; place < write.pieceCount; place++) {
    const values = pieceValues(pieceOf(write, place));
    if (values == 1) continue;
    setPiece(write.pieceFirst + place, <u32>(value % values));
    value /= values;
  }
}

/** Gives a piece its value: 0 missing, the last one kept, and between them damaged. */
export function setPiece(number: u32, value: u32): void {
  if (value == 0) setTarget(number, MISSING);
  else setTarget(number, value + 1 == pieceValues(pieceAt(number)) ? KEPT : damaged());
}

function tearPrefix(write: Write, value: u64): void {
  for (let place: u32 = 0; place < write.pieceCount; place++) {
    if (value == 0) {
      setTarget(write.pieceFirst + place, MISSING);
      continue;
    }
    const step = prefixStep(write, pieceOf(write, place));
    if (value < step) setTarget(write.pieceFirst + place, damaged());
    value -= min<u64>(value, step);
  }
}

function tearSuffix(write: Write, value: u64): void {
  for (let place = write.pieceCount; place-- > 0; ) {
    if (value == 0) {
      setTarget(write.pieceFirst + place, MISSING);
      continue;
    }
    const step = prefixStep(write, pieceOf(write, place));
    if (value < step) setTarget(write.pieceFirst + place, damaged());
    value -= min<u64>(value, step);
  }
}

/** First the prefixes, then the suffixes, then the whole. */
function tearEnds(write: Write, value: u64): void {
  const prefixes = prefixValues(write);
  if (value < prefixes) {
    tearPrefix(write, value);
    return;
  }
  const suffix = value - prefixes + 1 + sharedEnds(write);
  if (suffix < prefixes) tearSuffix(write, suffix);
}

function tearBytes(write: Write, value: u64): void {
  for (let place: u32 = 0; place < write.pieceCount; place++) {
    const piece = pieceOf(write, place);
    const step = prefixStep(write, piece);
    if (value > step) {
      value -= step;
      continue;
    }
    const start = (<u64>piece.start) << SECTOR_SHIFT;
    const bytes = (<u64>piece.sectors) << SECTOR_SHIFT;
    if (step == 1) {
      write.cut = start + bytes;
    } else if (piece.isDamageable == 0) {
      write.cut = start + value;
    } else {
      // each byte has two values: the piece is damaged from it on, or it is the last one there
      write.cut = start + (value >> 1);
      if (value & 1) write.damageEnd = damageEnd(write, piece);
    }
    if (write.cut == (<u64>write.sectors) << SECTOR_SHIFT) write.cut = UNCUT;
    return;
  }
}

/** Where damage that begins in a piece ends: with its unit, and unless it may reach others with the write. Promised sizes end it with the piece. */
function damageEnd(write: Write, piece: Piece): u64 {
  if (promisesSizes()) return (<u64>(piece.start + piece.sectors)) << SECTOR_SHIFT;
  const sector = write.sector + piece.start;
  const unitEnd = (sector | (model.unit - 1)) + 1 - write.sector;
  const end = model.scope == <u32>CRASH_SCOPE_UNIT ? unitEnd : min<u64>(unitEnd, write.sectors);
  return end << SECTOR_SHIFT;
}
