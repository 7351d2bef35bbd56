// A state in words that outlive the run: what it lacks of each uncertain write.
//
// Verbs: lossesClaim, lossesInit, lossesDescribe, lossesApply, lossesForget. A loss is a range of bytes of the drive that a write was to change and that
// hold what was there before, zeros, or garbage of a pattern. What no loss names is there.
// Invariant: losses that were described build the same image again, at the same crash point of the same log, without the seed.

import { arenaClaim } from '../base/arena';
import { EINVAL } from '../base/errno';
import { CRASH_LOSS_GARBAGE, CRASH_LOSS_MISSING, CRASH_SCOPE_UNIT } from '../layout';
import { SECTOR_SHIFT } from '../limits';
import { patternOf } from './content';
import { isTornByBytes, markPiece } from './image';
import { model } from './model';
import { Loss, lossAt, NEVER, report, Write, writeAt } from './tables';
import { damaged, isNothing, tearWhole } from './tear';
import { epoch, KEPT, MISSING, Piece, pieceAt, setTarget, target, UNCUT, uncertainAt } from './uncertain';

@unmanaged
class Losses {
  count: u32;
  /** Some write has a pattern that is not its own. */
  hasPatterns: u32;
  /** What is wanted of writes that no axis decides about may not be that they are there. */
  isApplied: u32;
}

const losses = changetype<Losses>(memory.data(offsetof<Losses>(), 16));

export function lossesClaim(): void {
  // a write has no more losses than pieces: one that is torn at a byte has two at most, and then two pieces
  report.lossCapacity = epoch.maxPieces;
  report.losses = arenaClaim(<u64>report.lossCapacity * offsetof<Loss>(), 64);
}

export function lossesInit(): void {
  losses.count = 0;
  losses.hasPatterns = 0;
  losses.isApplied = 0;
}

/** Lists what the wanted state lacks; returns how many losses. */
export function lossesDescribe(): u32 {
  losses.count = 0;
  for (let place: u32 = 0; place < epoch.count; place++) {
    const index = uncertainAt(place);
    if (isTornByBytes(writeAt(index))) describeCut(index);
    else describePieces(index);
  }
  return losses.count;
}

function add(index: u32, kind: u32, from: u64, end: u64): void {
  const loss = lossAt(losses.count++);
  loss.write = index;
  loss.kind = kind;
  loss.from = from;
  loss.bytes = end - from;
  loss.pattern = kind == <u32>CRASH_LOSS_GARBAGE ? writeAt(index).pattern : 0;
}

function describeCut(index: u32): void {
  const write = writeAt(index);
  if (write.cut == UNCUT) return;
  const start = write.sector << SECTOR_SHIFT;
  const end = start + ((<u64>write.sectors) << SECTOR_SHIFT);
  if (write.damageEnd != 0) add(index, damaged(), start + write.cut, start + write.damageEnd);
  const from = start + max<u64>(write.cut, write.damageEnd);
  if (from < end) add(index, MISSING, from, end);
}

/** A write that is moot as a whole is as the state says; of others moot pieces are there as long as something of the write is. */
function stateOf(write: Write, place: u32, isDropped: bool): u32 {
  const number = write.pieceFirst + place;
  if (pieceAt(number).isMoot == 0 || write.liveCount == 0) return target(number);
  return isDropped ? MISSING : KEPT;
}

/** Neighbouring pieces in the same state are one loss. */
function describePieces(index: u32): void {
  const write = writeAt(index);
  const isDropped = isNothing(write);
  for (let place: u32 = 0; place < write.pieceCount; ) {
    const state = stateOf(write, place, isDropped);
    let next = place + 1;
    while (next < write.pieceCount && stateOf(write, next, isDropped) == state) next++;
    if (state != KEPT) {
      const first = pieceAt(write.pieceFirst + place);
      const last = pieceAt(write.pieceFirst + next - 1);
      let from = write.sector + first.start;
      let end = write.sector + last.start + last.sectors;
      if (state != MISSING && model.scope == <u32>CRASH_SCOPE_UNIT) {
        from &= ~(<u64>model.unit - 1);
        end = ((end - 1) | (<u64>model.unit - 1)) + 1;
      }
      add(index, state, from << SECTOR_SHIFT, end << SECTOR_SHIFT);
    }
    place = next;
  }
}

/** Every write is there, and has its own pattern again. */
export function lossesForget(): void {
  if (losses.isApplied != 0) {
    losses.isApplied = 0;
    for (let place: u32 = 0; place < epoch.count; place++) tearWhole(writeAt(uncertainAt(place)));
  }
  if (losses.hasPatterns == 0) return;
  losses.hasPatterns = 0;
  for (let place: u32 = 0; place < epoch.count; place++) {
    const write = writeAt(uncertainAt(place));
    setPattern(write, patternOf(write));
  }
}

function setPattern(write: Write, pattern: u32): void {
  if (write.pattern == pattern) return;
  write.pattern = pattern;
  for (let place: u32 = 0; place < write.pieceCount; place++) markPiece(write.pieceFirst + place);
}

/** Sets what is wanted of every piece: all there but for the first `count` losses. EINVAL for one that the model does not know. */
export function lossesApply(count: u32): i32 {
  if (count > report.lossCapacity) return -EINVAL;
  lossesForget();
  for (let place: u32 = 0; place < epoch.count; place++) tearWhole(writeAt(uncertainAt(place)));
  losses.isApplied = 1;
  for (let index: u32 = 0; index < count; index++) {
    const result = apply(lossAt(index));
    if (result != 0) return result;
  }
  return 0;
}

/** The write is uncertain at the current crash point. */
function isListed(index: u32): bool {
  let low: u32 = 0;
  let high = epoch.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (uncertainAt(middle) < index) low = middle + 1;
    else high = middle;
  }
  return low < epoch.count && uncertainAt(low) == index;
}

function apply(loss: Loss): i32 {
  if (loss.write == NEVER || !isListed(loss.write) || loss.bytes > u64.MAX_VALUE - loss.from) return -EINVAL;
  if (loss.kind != <u32>CRASH_LOSS_MISSING && loss.kind != damaged()) return -EINVAL;
  const write = writeAt(loss.write);
  if (loss.kind == <u32>CRASH_LOSS_GARBAGE) {
    losses.hasPatterns = 1;
    setPattern(write, loss.pattern);
  }
  return isTornByBytes(write) ? applyCut(write, loss) : applyPieces(write, loss);
}

function applyCut(write: Write, loss: Loss): i32 {
  const start = write.sector << SECTOR_SHIFT;
  const bytes = (<u64>write.sectors) << SECTOR_SHIFT;
  if (start > loss.from || loss.from - start >= bytes) return -EINVAL;
  const cut = loss.from - start;
  if (loss.kind != <u32>CRASH_LOSS_MISSING) {
    write.cut = cut;
    write.damageEnd = cut + loss.bytes;
    return 0;
  }
  if (cut + loss.bytes != bytes) return -EINVAL;
  if (write.damageEnd == 0) write.cut = cut;
  return 0;
}

/** Pieces that the loss covers wholly are in its state; one that it covers in part is not of this model. */
function applyPieces(write: Write, loss: Loss): i32 {
  const end = loss.from + loss.bytes;
  for (let place: u32 = 0; place < write.pieceCount; place++) {
    const piece = pieceAt(write.pieceFirst + place);
    const from = (write.sector + piece.start) << SECTOR_SHIFT;
    const pieceEnd = from + ((<u64>piece.sectors) << SECTOR_SHIFT);
    if (pieceEnd <= loss.from || from >= end) continue;
    if (loss.from > from || pieceEnd > end || !isAllowed(piece, loss.kind)) return -EINVAL;
    setTarget(write.pieceFirst + place, loss.kind);
  }
  return 0;
}

function isAllowed(piece: Piece, kind: u32): bool {
  return kind == MISSING || piece.isDamageable != 0;
}
