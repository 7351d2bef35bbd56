// The image: what the output holds, kept equal to the wanted state by writing only the sectors that differ.
//
// Verbs: imageClaim, imageInit, imageBuild.
// A slot's content is found by looking through its cells from the newest to the oldest: the first piece that is there wins,
// with tearing by bytes perhaps after a newer one has given the first bytes of the sector.
// Adjacent sectors go out in one call, from where they lie. The hash of the image is a sum over sectors of what they have become
// less what they were, so it costs what has changed, and is the same whichever way the image came to be.
// Invariant: after imageBuild no slot is dirty, and pieces are as wanted.

import { arenaClaim } from '../base/arena';
import { backingIovecs, backingWrite } from '../drive/backing';
import { CRASH_DAMAGE_ZEROS, CRASH_LOSS_GARBAGE, CRASH_LOSS_ZEROS, CRASH_TEARING_BYTES } from '../layout';
import { SECTOR_SHIFT, SECTOR_SIZE } from '../limits';
import {
  baseBytes,
  baseHash,
  content,
  garbageBytes,
  garbageHash,
  hashBytes,
  learnBase,
  payloadsMayGo,
  sectorHigh,
  sectorLow,
  writeBytes,
  writeHash,
  zeroBytes,
  zeroHash,
} from './content';
import { model, tearingOf } from './model';
import { Slot, slotAt } from './slots';
import { report, Write, writeAt } from './tables';
import { Cell, cellAt, epoch, KEPT, MISSING, markDirty, pieceAt, target, uncertainAt } from './uncertain';

/** Sectors of one call. */
export const RUN_SECTORS: u32 = 64;

/** Where a slot's bytes come from: a write's, zeros, garbage, the base image's, or put together in `mixed`. */
const FROM_WRITE: u32 = 0;
const FROM_ZEROS: u32 = CRASH_LOSS_ZEROS;
const FROM_GARBAGE: u32 = CRASH_LOSS_GARBAGE;
const FROM_BASE: u32 = 4;

@unmanaged
class Image {
  fd: i32;
  /** Room for the sectors of a run that lie nowhere. */
  room: usize;
  /** The run that is being put together. */
  runSector: u64;
  runCount: u32;
  // what resolve() answers
  source: u32;
  write: u32;
  isMixed: u32;
  /** First bytes of `mixed` that are known. */
  filled: u32;
  /** Hash of the image as it is. */
  low: u64;
  high: u64;
}

export const image = changetype<Image>(memory.data(offsetof<Image>(), 16));
const mixed: usize = memory.data(512, 64);
const aside: usize = memory.data(512, 64);

export function imageClaim(): void {
  image.room = arenaClaim((<u64>RUN_SECTORS) << SECTOR_SHIFT, 64);
}

/** The image in `fd` is the base image, whose hash is given. */
export function imageInit(fd: i32, hashLow: u64, hashHigh: u64): void {
  image.fd = fd;
  image.runCount = 0;
  image.low = hashLow;
  image.high = hashHigh;
}

/** A write that tears at a byte, not between pieces. */
export function isTornByBytes(write: Write): bool {
  return tearingOf(write) == <u32>CRASH_TEARING_BYTES;
}

/** Brings the image to the wanted state. 0, or the errno of a file. */
export function imageBuild(): i32 {
  for (let number: u32 = 0; number < epoch.pieceCount; number++) {
    const wanted = load<u8>(epoch.target + number);
    if (wanted == load<u8>(epoch.built + number)) continue;
    store<u8>(epoch.built + number, wanted);
    markPiece(number);
  }
  if (model.tearing == <u32>CRASH_TEARING_BYTES) markCuts();
  content.error = 0;
  for (let index: u32 = 0; index < epoch.dirtyCount; index++) {
    const slot = slotAt(load<u32>(epoch.dirty + ((<usize>index) << 2)));
    slot.isDirty = 0;
    renew(slot);
  }
  epoch.dirtyCount = 0;
  putRun();
  report.hashLow = image.low;
  report.hashHigh = image.high;
  return content.error;
}

export function markPiece(number: u32): void {
  const piece = pieceAt(number);
  const write = writeAt(piece.write);
  let first = write.slot + piece.start;
  let count = piece.sectors;
  if (number == write.pieceFirst) {
    first -= write.extensionBefore;
    count += write.extensionBefore;
  }
  if (number == write.pieceFirst + write.pieceCount - 1) count += write.extensionAfter;
  for (let within: u32 = 0; within < count; within++) markDirty(first + within);
}

/** Marks the sectors between where writes are torn and where they were. */
function markCuts(): void {
  for (let place: u32 = 0; place < epoch.count; place++) {
    const write = writeAt(uncertainAt(place));
    if (write.cut == write.builtCut && write.damageEnd == write.builtDamageEnd) continue;
    const end = (<u64>(write.sectors + write.extensionAfter)) << SECTOR_SHIFT;
    const from = min<u64>(min<u64>(write.cut, write.builtCut), end) >> SECTOR_SHIFT;
    for (let within = <u32>from; within < write.sectors + write.extensionAfter; within++) {
      markDirty(write.slot + within);
    }
    write.builtCut = write.cut;
    write.builtDamageEnd = write.damageEnd;
  }
}

/** Finds what the slot holds in the wanted state: image.source and image.write, or image.isMixed. */
function resolve(slot: Slot): void {
  image.isMixed = 0;
  image.filled = 0;
  for (let number = slot.head; number != 0; ) {
    const cell = cellAt(number);
    if (cell.write < slot.floor) break;
    const write = writeAt(cell.write);
    const within = <i32>(cell.slot - write.slot);
    const isOwn = within >= 0 && <u32>within < write.sectors;
    image.write = cell.write;
    if (isTornByBytes(write)) {
      if (isFoundByBytes(write, within, isOwn)) return;
    } else if (isFoundByPiece(cell, isOwn)) return;
    number = cell.below;
  }
  image.source = slot.floor == 0 ? FROM_BASE : FROM_WRITE;
  image.write = slot.floor - 1;
}

function isFoundByPiece(cell: Cell, isOwn: bool): bool {
  const state = target(cell.piece);
  if (state == MISSING || (state == KEPT && !isOwn)) return false;
  image.source = state == KEPT ? FROM_WRITE : state;
  return true;
}

/** What a write that is torn at a byte leaves in its sector number `within`; true when that is all of the sector. */
function isFoundByBytes(write: Write, within: i32, isOwn: bool): bool {
  if (within < 0) return false;
  const start = (<u64>within) << SECTOR_SHIFT;
  const end = start + SECTOR_SIZE;
  if (isOwn && write.cut >= end) {
    image.source = FROM_WRITE;
    return true;
  }
  const isDamaged = write.damageEnd >= end;
  if (isOwn && write.cut > start) {
    if (payloadsMayGo(write)) putRun();
    mix(writeBytes(write, within, aside), <u32>(write.cut - start));
  }
  if (!isDamaged) return false;
  image.source = damageSource();
  return true;
}

function damageSource(): u32 {
  return model.damage == <u32>CRASH_DAMAGE_ZEROS ? FROM_ZEROS : FROM_GARBAGE;
}

/** Takes the first `bytes` from there, where they are not known yet. */
function mix(from: usize, bytes: u32): void {
  if (bytes <= image.filled) return;
  memory.copy(mixed + image.filled, from + image.filled, bytes - image.filled);
  image.filled = bytes;
  image.isMixed = 1;
}

/** The bytes of the source that resolve() found, in place or in `room`. */
function sourceBytes(slot: Slot, room: usize): usize {
  if (image.source == FROM_WRITE) {
    const write = writeAt(image.write);
    return writeBytes(write, <u32>(slot.sector - write.sector), room);
  }
  if (image.source == FROM_ZEROS) return zeroBytes();
  if (image.source == FROM_GARBAGE) return garbageBytes(writeAt(image.write).pattern, slot.sector, room);
  return baseBytes(slot, room);
}

function sourceHash(slot: Slot): void {
  if (image.isMixed != 0) {
    // the rest of the sector comes from the source
    mix(sourceBytes(slot, aside), SECTOR_SIZE);
    hashBytes(mixed);
  } else if (image.source == FROM_WRITE) {
    const write = writeAt(image.write);
    writeHash(write, <u32>(slot.sector - write.sector));
  } else if (image.source == FROM_ZEROS) {
    zeroHash();
  } else if (image.source == FROM_GARBAGE) {
    garbageHash(writeAt(image.write).pattern, slot.sector);
  } else {
    baseHash(slot);
  }
}

/** Writes a slot's content when it is not what the image has. */
function renew(slot: Slot): void {
  learnBase(slot);
  resolve(slot);
  // reading a payload below must not move bytes that the run names
  if (image.source != FROM_BASE && payloadsMayGo(writeAt(image.write))) putRun();
  sourceHash(slot);
  const low = content.low;
  const high = content.high;
  if (low == slot.low && high == slot.high) return;
  image.low += sectorLow(slot, low) - sectorLow(slot, slot.low);
  image.high += sectorHigh(slot, high) - sectorHigh(slot, slot.high);
  slot.low = low;
  slot.high = high;
  if (image.runCount > 0 && image.runSector + image.runCount != slot.sector) putRun();
  if (image.runCount == 0) image.runSector = slot.sector;
  const room = image.room + ((<usize>image.runCount) << SECTOR_SHIFT);
  let address = room;
  if (image.isMixed != 0) memory.copy(room, mixed, SECTOR_SIZE);
  else address = sourceBytes(slot, room);
  const iovec = iovecOf(image.runCount++);
  store<usize>(iovec, address);
  store<u32>(iovec, SECTOR_SIZE, 4);
  if (image.runCount == RUN_SECTORS) putRun();
}

/** The first iovec is for reading what the run needs. */
function iovecOf(index: u32): usize {
  return backingIovecs() + ((<usize>index + 1) << 3);
}

function putRun(): void {
  if (image.runCount == 0) return;
  const bytes = image.runCount << SECTOR_SHIFT;
  const result = backingWrite(image.fd, iovecOf(0), image.runCount, bytes, image.runSector << SECTOR_SHIFT);
  if (result != 0 && content.error == 0) content.error = result;
  image.runCount = 0;
}
