// A crash point: which writes are uncertain there, their pieces, and over which sectors they lie.
//
// Verbs: epochMeasure, epochClaim, epochInit, epochEnter, epochForget, uncertainAt, pieceAt, cellAt, target, setTarget, markDirty.
// Layout: a cell for each sector of each uncertain write, linked from the newest to the oldest at its slot; a piece for each part of
// a write that is there or not as a whole, with the state that is wanted and the one that the image has.
// A piece is moot when newer durable bytes cover it, or when it holds what lies below it in every state: nothing that happens to it can be seen.
// Invariant: a write that newer durable bytes cover wholly is not among the uncertain ones, but where others hang on it. Equal hashes are equal bytes.

import { arenaClaim } from '../base/arena';
import { CRASH_AT_SUBMIT, CRASH_LOSS_MISSING, CRASH_ORDER_ANY, CRASH_SCOPE_UNIT } from '../layout';
import { chainsAdd, chainsClear } from './chains';
import { content, floorHash, patternOf, writeHash } from './content';
import { isDamageable, model, pieceCount, pieceSectors } from './model';
import { cellsOf, slotAt, slots } from './slots';
import { isDurable, isUncertain, NEVER, pointAt, report, Write, writeAt } from './tables';

/** States of a piece; the others are CRASH_LOSS_…. */
export const KEPT: u32 = 0;
export const MISSING: u32 = CRASH_LOSS_MISSING;
/** Write.cut of a write that is whole. */
export const UNCUT: u64 = u64.MAX_VALUE;
/** Of a piece whose state in the image is not known. */
const UNKNOWN: u32 = 255;
/** Older pieces that are looked through for the same content: more would cost more than it saves. */
const MAX_LOOK_BACK: u32 = 64;

@unmanaged
export class Piece {
  write: u32;
  /** First sector, counted from the write's, and how many. */
  start: u32;
  sectors: u32;
  isDamageable: u32;
  /** Nothing that happens to it can be seen. */
  isMoot: u32;
  /** An older piece over the same sectors, or what is durable there, holds the same. */
  isRepeat: u32;
}

@unmanaged
export class Cell {
  /** The next older cell at its slot, 0: none. Cells count from 1. */
  below: u32;
  write: u32;
  piece: u32;
  slot: u32;
}

@unmanaged
class Epoch {
  point: u32;
  /** Numbers of the uncertain writes in the order of their submission. */
  list: usize;
  count: u32;
  pieces: usize;
  pieceCount: u32;
  target: usize;
  built: usize;
  cells: usize;
  cellCount: u32;
  /** Slots whose content in the image may not be the wanted one. */
  dirty: usize;
  dirtyCount: u32;
  // the most that any crash point has
  maxWrites: u32;
  maxPieces: u32;
  maxCells: u32;
  /** For measuring: changes of the three from point to point. */
  changes: usize;
}

export const epoch = changetype<Epoch>(memory.data(offsetof<Epoch>(), 16));

/** Room for epochMeasure. */
export function measureClaim(): void {
  epoch.changes = arenaClaim((<u64>report.pointCount + 1) * 24, 64);
}

/** The first crash point at or behind a step. */
function pointFrom(step: u32): u32 {
  let low: u32 = 0;
  let high = report.pointCount;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (pointAt(middle).step < step) low = middle + 1;
    else high = middle;
  }
  return low;
}

function addChange(point: u32, pieces: i64, cells: i64, writes: i64): void {
  const at = epoch.changes + <usize>point * 24;
  store<i64>(at, load<i64>(at) + pieces);
  store<i64>(at, load<i64>(at, 8) + cells, 8);
  store<i64>(at, load<i64>(at, 16) + writes, 16);
}

/** Finds out how much any crash point has. False when it is more than memory could hold. */
export function epochMeasure(): bool {
  for (let index: u32 = 0; index < report.writeCount; index++) {
    const write = writeAt(index);
    const pieces = <i64>pieceCount(write);
    const cells = <i64>cellsOf(write);
    addChange(pointFrom(write.submitted), pieces, cells, 1);
    addChange(pointFrom(min<u32>(write.durable, write.failed)), -pieces, -cells, -1);
  }
  let pieces: i64 = 0;
  let cells: i64 = 0;
  let writes: i64 = 0;
  let maxPieces: i64 = 0;
  let maxCells: i64 = 0;
  let maxWrites: i64 = 0;
  for (let index: u32 = 0; index < report.pointCount; index++) {
    const at = epoch.changes + <usize>index * 24;
    pieces += load<i64>(at);
    cells += load<i64>(at, 8);
    writes += load<i64>(at, 16);
    maxPieces = max<i64>(maxPieces, pieces);
    maxCells = max<i64>(maxCells, cells);
    maxWrites = max<i64>(maxWrites, writes);
  }
  if (maxPieces > 0x7fffffff || maxCells > 0x7fffffff) return false;
  epoch.maxPieces = <u32>maxPieces;
  epoch.maxCells = <u32>maxCells;
  epoch.maxWrites = <u32>maxWrites;
  return true;
}

export function epochClaim(): void {
  epoch.list = arenaClaim(<u64>epoch.maxWrites * 4, 64);
  epoch.pieces = arenaClaim(<u64>epoch.maxPieces * offsetof<Piece>(), 64);
  epoch.target = arenaClaim(epoch.maxPieces, 64);
  epoch.built = arenaClaim(epoch.maxPieces, 64);
  epoch.cells = arenaClaim((<u64>epoch.maxCells + 1) * offsetof<Cell>(), 64);
  epoch.dirty = arenaClaim(<u64>slots.count * 4, 64);
}

export function epochInit(): void {
  epoch.point = NEVER;
  epoch.count = 0;
  epoch.pieceCount = 0;
  epoch.cellCount = 0;
  epoch.dirtyCount = 0;
}

/** The uncertain write of this place in the order of submission. */
export function uncertainAt(place: u32): u32 {
  return load<u32>(epoch.list + ((<usize>place) << 2));
}

export function pieceAt(index: u32): Piece {
  return changetype<Piece>(epoch.pieces + <usize>index * offsetof<Piece>());
}

export function cellAt(index: u32): Cell {
  return changetype<Cell>(epoch.cells + <usize>index * offsetof<Cell>());
}

export function target(piece: u32): u32 {
  return load<u8>(epoch.target + piece);
}

export function setTarget(piece: u32, state: u32): void {
  store<u8>(epoch.target + piece, <u8>state);
}

export function markDirty(slot: u32): void {
  const found = slotAt(slot);
  if (found.isDirty != 0) return;
  found.isDirty = 1;
  store<u32>(epoch.dirty + ((<usize>epoch.dirtyCount) << 2), slot);
  epoch.dirtyCount++;
}

/** What was found out about the current crash point is not to be relied on. */
export function epochForget(): void {
  epoch.point = NEVER;
}

/** Makes the crash point the current one. */
export function epochEnter(index: u32): void {
  if (index == epoch.point) return;
  const point = pointAt(index);
  const isNext = epoch.point != NEVER && index == epoch.point + 1;
  epoch.point = index;
  if (isNext && point.kind == <u32>CRASH_AT_SUBMIT) {
    for (let write = point.write; write < report.writeCount; write++) {
      if (writeAt(write).submitted != point.step) return;
      addUncertain(write);
    }
    return;
  }
  unlinkCells();
  if (isNext) settle(point.step);
  else recollect(point.step);
}

/** Takes every cell from its slot, which then has to be built anew. */
function unlinkCells(): void {
  for (let index: u32 = 1; index <= epoch.cellCount; index++) {
    const slot = cellAt(index).slot;
    slotAt(slot).head = 0;
    markDirty(slot);
  }
  epoch.cellCount = 0;
  epoch.pieceCount = 0;
  chainsClear();
}

/** Keeps of the uncertain writes those that are still uncertain at a step. */
function settle(step: u32): void {
  const before = epoch.count;
  for (let place: u32 = 0; place < before; place++) {
    const write = uncertainAt(place);
    if (isDurable(writeAt(write), step)) raiseFloor(write);
  }
  epoch.count = 0;
  for (let place: u32 = 0; place < before; place++) {
    const write = uncertainAt(place);
    if (isUncertain(writeAt(write), step)) addUncertain(write);
  }
}

/** Finds everything anew: what is durable at a step, and what is uncertain. */
function recollect(step: u32): void {
  for (let slot: u32 = 0; slot < slots.count; slot++) {
    slotAt(slot).floor = 0;
    markDirty(slot);
  }
  for (let write: u32 = 0; write < report.writeCount; write++) {
    if (isDurable(writeAt(write), step)) raiseFloor(write);
  }
  epoch.count = 0;
  for (let write: u32 = 0; write < report.writeCount; write++) {
    if (isUncertain(writeAt(write), step)) addUncertain(write);
  }
}

function raiseFloor(index: u32): void {
  const write = writeAt(index);
  for (let within: u32 = 0; within < write.sectors; within++) {
    const slot = slotAt(write.slot + within);
    slot.floor = max<u32>(slot.floor, index + 1);
  }
}

/** Newer durable bytes than those of a write cover these slots. */
function areCovered(index: u32, first: u32, count: u32): bool {
  for (let slot = first; slot < first + count; slot++) {
    if (slotAt(slot).floor <= index + 1) return false;
  }
  return true;
}

/** They cover all that the piece may change: its sectors, and where damage may reach further those of its units. */
function isCovered(write: Write, piece: Piece): bool {
  let from = piece.start;
  let end = piece.start + piece.sectors;
  if (model.scope == <u32>CRASH_SCOPE_UNIT && piece.isDamageable != 0) {
    // from may be before the write: slots are counted, and wrap around the same way
    from -= <u32>(write.sector + from) & (model.unit - 1);
    end += (0 - <u32>(write.sector + end)) & (model.unit - 1);
  }
  return areCovered(piece.write, write.slot + from, end - from);
}

/** The content last asked for is that of a write's sector number `within`. */
function isContentOf(write: Write, within: u32): bool {
  const low = content.low;
  const high = content.high;
  writeHash(write, within);
  return content.low == low && content.high == high;
}

/** In every state the piece, which is not linked in yet, holds what is seen without it. */
function isUnchanging(write: Write, piece: Piece): bool {
  if (piece.isDamageable != 0) return false;
  for (let within = piece.start; within < piece.start + piece.sectors; within++) {
    if (!isSectorUnchanging(write, within)) return false;
  }
  return true;
}

function isSectorUnchanging(write: Write, within: u32): bool {
  const slot = slotAt(write.slot + within);
  for (let number = slot.head; number != 0; number = cellAt(number).below) {
    const cell = cellAt(number);
    if (cell.write < slot.floor) break;
    const piece = pieceAt(cell.piece);
    if (piece.isDamageable != 0) return false;
    const older = writeAt(cell.write);
    const olderWithin = cell.slot - older.slot;
    // a cell beside its write matters by damage only
    if (olderWithin >= older.sectors) continue;
    writeHash(older, olderWithin);
    if (!isContentOf(write, within)) return false;
    // what is below that one is the same again
    if (piece.isMoot != 0) return true;
  }
  floorHash(slot);
  return isContentOf(write, within);
}

/** The durable bytes, or one of the older pieces with the same sectors, are those of the piece. */
function repeatsOlder(write: Write, piece: Piece): bool {
  const slot = slotAt(write.slot + piece.start);
  let looked: u32 = 0;
  for (let number = slot.head; number != 0; number = cellAt(number).below) {
    const cell = cellAt(number);
    if (cell.write < slot.floor || looked++ == MAX_LOOK_BACK) break;
    const older = writeAt(cell.write);
    const other = pieceAt(cell.piece);
    const isSameRange =
      older.slot + other.start == write.slot + piece.start && other.sectors == piece.sectors;
    if (isSameRange && isSamePiece(write, piece, older, other)) return true;
  }
  for (let within = piece.start; within < piece.start + piece.sectors; within++) {
    floorHash(slotAt(write.slot + within));
    if (!isContentOf(write, within)) return false;
  }
  return true;
}

function isSamePiece(write: Write, piece: Piece, older: Write, other: Piece): bool {
  for (let within: u32 = 0; within < piece.sectors; within++) {
    writeHash(older, other.start + within);
    if (!isContentOf(write, piece.start + within)) return false;
  }
  return true;
}

/** The newest of the uncertain writes: its pieces, and a cell on top of each of its slots. */
function addUncertain(index: u32): void {
  const write = writeAt(index);
  // an order and a chain that both have it still bind others through it
  const isBinding = write.chain != 0 && model.order != <u32>CRASH_ORDER_ANY;
  if (!isBinding && areCovered(index, write.slot - write.extensionBefore, cellsOf(write))) return;
  store<u32>(epoch.list + ((<usize>epoch.count) << 2), index);
  epoch.count++;
  chainsAdd(index);
  write.pieceFirst = epoch.pieceCount;
  write.cellFirst = epoch.cellCount + 1;
  write.pattern = patternOf(write);
  write.cut = UNCUT;
  write.builtCut = UNCUT;
  write.damageEnd = 0;
  write.builtDamageEnd = 0;
  write.liveCount = 0;
  addCells(index, write.slot - write.extensionBefore, write.extensionBefore, epoch.pieceCount);
  for (let start: u32 = 0; start < write.sectors; ) {
    const sector = write.sector + start;
    const sectors = pieceSectors(write, sector, write.sectors - start);
    const number = epoch.pieceCount++;
    const piece = pieceAt(number);
    piece.write = index;
    piece.start = start;
    piece.sectors = sectors;
    piece.isDamageable = isDamageable(write, sector, sectors) ? 1 : 0;
    piece.isMoot = isCovered(write, piece) || isUnchanging(write, piece) ? 1 : 0;
    piece.isRepeat = piece.isMoot == 0 && repeatsOlder(write, piece) ? 1 : 0;
    write.liveCount += 1 - piece.isMoot;
    setTarget(number, KEPT);
    store<u8>(epoch.built + number, UNKNOWN);
    addCells(index, write.slot + start, sectors, number);
    start += sectors;
  }
  write.pieceCount = epoch.pieceCount - write.pieceFirst;
  addCells(index, write.slot + write.sectors, write.extensionAfter, epoch.pieceCount - 1);
}

function addCells(index: u32, firstSlot: u32, count: u32, piece: u32): void {
  for (let within: u32 = 0; within < count; within++) {
    const slot = firstSlot + within;
    const number = ++epoch.cellCount;
    const cell = cellAt(number);
    cell.write = index;
    cell.piece = piece;
    cell.slot = slot;
    cell.below = slotAt(slot).head;
    slotAt(slot).head = number;
    markDirty(slot);
  }
}
