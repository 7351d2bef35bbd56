// Layers of damage: what lies between a drive's image and what its media should give back.
//
// Verbs: layersInit, layersCount, layerAdd, layersRead, layersWritten, layersSettled, layersExposed, layerKeepsRequest, layerKeepsMedia,
// layerRemove, layerHeal.
// A latent error or bit rot changes no byte of the image: reads fail, or have bits flipped that follow from the layer and the
// sector. Where the media holds something else than it should (a lost, misdirected or torn write) the image has what the
// media has, so that a power cut and the write log see the truth, and the layer keeps what should be there.
// Layout: an array of FAULT_LAYER_SIZE records (layout.ts FAULT_LAYER_…); the bytes of the layer in place n are in slot n of
// the layer file. A place whose number is 0 is free.
// Invariants: a write ends the layers of its sectors. As long as a power cut may still lose that write they are only
// hidden by it: lost, they show again; durable, they go. Of two visible layers of replaced bytes none overlap.

import { EIO, ENODEV } from '../base/errno';
import { identityDraw, mix64 } from '../base/identity';
import { record, recording } from '../base/record';
import { Span } from '../base/span';
import {
  FAULT_LAYER_LATENT,
  FAULT_LAYER_REPLACED,
  FAULT_LAYER_SIZE,
  OP_WRITE,
  RECORD_HEALED,
} from '../layout';
import { SECTOR_BITS_SHIFT, SECTOR_SHIFT } from '../limits';
import { backingCopy, backingIovecs, backingWrite, backingZero } from './backing';
import { Drive, driveAt, driveCount } from './drive-table';
import { gatherPart } from './gather';
import { Bio, Request } from './request';

const MILLION: u64 = 1000000;
/** Shift count of a slot of the layer file: more than MAX_DISCARD_SECTORS. */
const SLOT_SHIFT: u64 = 31;

/** Field for field what layout.ts calls FAULT_LAYER_…. */
@unmanaged
export class Layer {
  number: u32;
  kind: u32;
  drive: u32;
  rule: u32;
  sector: u64;
  sectors: u64;
  purpose: u64;
  bits: u32;
  perMillion: u32;
  generation: u32;
  hiddenBy: u32;
  /** The sector whose bytes are first in the slot. */
  slotSector: u64;
}

@unmanaged
class Layers {
  base: usize;
  capacity: u32;
  /** Places up to the last layer. */
  used: u32;
  taken: u32;
  nextNumber: u32;
  /** WASI descriptor of the layer file, or -1. */
  fd: i32;
}

const table = changetype<Layers>(memory.data(offsetof<Layers>(), 16));

/** `base`: FAULT_LAYER_SIZE bytes for each of `capacity` layers. */
export function layersInit(base: usize, capacity: u32): void {
  if (offsetof<Layer>() != FAULT_LAYER_SIZE) ERROR('a layer is not what layout.ts says');
  table.base = base;
  table.capacity = capacity;
  table.fd = -1;
  layersCount();
}

/** Where the bytes of layers are kept: a file of its own for each machine. */
export function layersAttach(fd: i32): void {
  table.fd = fd;
}

/** Whether bytes can be kept. */
export function layersHaveFile(): bool {
  return table.fd >= 0;
}

/** Places that may hold layers: layerAt(0) to layerAt(layersUsed() - 1). */
export function layersUsed(): u32 {
  return table.used;
}

export function layersFree(): u32 {
  return table.capacity - table.taken;
}

export function layerAt(index: u32): Layer {
  return changetype<Layer>(table.base + <usize>index * FAULT_LAYER_SIZE);
}

/** The layer of a number, or 0. */
export function layerFind(number: u32): usize {
  for (let index: u32 = 0; index < table.used; index++) {
    const layer = layerAt(index);
    if (number != 0 && layer.number == number) return changetype<usize>(layer);
  }
  return 0;
}

/** Counts again what the drives have to look at, from the layers that there are. */
export function layersCount(): void {
  for (let index: u32 = 0; index < driveCount(); index++) driveAt(index).layerCount = 0;
  table.used = 0;
  table.taken = 0;
  table.nextNumber = max<u32>(table.nextNumber, 1);
  for (let index: u32 = 0; index < table.capacity; index++) {
    const layer = layerAt(index);
    if (layer.number == 0) continue;
    table.used = index + 1;
    table.taken++;
    table.nextNumber = max<u32>(table.nextNumber, layer.number + 1);
    driveAt(layer.drive).layerCount++;
  }
}

/** A layer over sectors of a drive, or 0 when there is no room. */
export function layerAdd(drive: Drive, kind: u32, rule: u32, sector: u64, sectors: u64): usize {
  for (let index: u32 = 0; index < table.capacity; index++) {
    const layer = layerAt(index);
    if (layer.number != 0) continue;
    memory.fill(changetype<usize>(layer), 0, FAULT_LAYER_SIZE);
    layer.number = table.nextNumber++;
    layer.kind = kind;
    layer.drive = drive.index;
    layer.rule = rule;
    layer.sector = sector;
    layer.sectors = sectors;
    layer.slotSector = sector;
    table.used = max<u32>(table.used, index + 1);
    table.taken++;
    drive.layerCount++;
    return changetype<usize>(layer);
  }
  return 0;
}

/** The layer goes, and with it what it remembers. */
export function layerRemove(layer: Layer): void {
  driveAt(layer.drive).layerCount--;
  table.taken--;
  layer.number = 0;
}

/** Where in the layer file the bytes of a sector of the layer are. */
function slotOffset(layer: Layer, sector: u64): u64 {
  const slot = (changetype<usize>(layer) - table.base) / FAULT_LAYER_SIZE;
  return ((<u64>slot) << SLOT_SHIFT) + ((sector - layer.slotSector) << SECTOR_SHIFT);
}

function endOf(layer: Layer): u64 {
  return layer.sector + layer.sectors;
}

function touches(layer: Layer, drive: Drive, from: u64, to: u64): bool {
  return layer.number != 0 && layer.drive == drive.index && layer.sector < to && from < endOf(layer);
}

/** A layer like `layer` over [from, to) of it, with a copy of the bytes; or 0 without room or when the copy fails. */
function copyOfPart(drive: Drive, layer: Layer, from: u64, to: u64): usize {
  const pointer = layerAdd(drive, layer.kind, layer.rule, from, to - from);
  if (pointer == 0) return 0;
  const part = changetype<Layer>(pointer);
  part.purpose = layer.purpose;
  part.bits = layer.bits;
  part.perMillion = layer.perMillion;
  part.generation = layer.generation;
  part.hiddenBy = layer.hiddenBy;
  if (layer.kind != FAULT_LAYER_REPLACED) return pointer;
  const bytes = (to - from) << SECTOR_SHIFT;
  if (backingCopy(table.fd, slotOffset(layer, from), table.fd, slotOffset(part, from), bytes) == 0)
    return pointer;
  layerRemove(part);
  return 0;
}

/** Takes [from, to) out of the layer. What lies behind it goes as well when there is no room for a layer of its own. */
function cut(drive: Drive, layer: Layer, from: u64, to: u64): void {
  const end = endOf(layer);
  if (from <= layer.sector) {
    if (to >= end) {
      layerRemove(layer);
      return;
    }
    layer.sector = to;
    layer.sectors = end - to;
    return;
  }
  if (to < end) copyOfPart(drive, layer, to, end);
  layer.sectors = from - layer.sector;
}

/** [from, to) of the layer is hidden until it is known what becomes of the request; without room it goes. */
function hide(drive: Drive, layer: Layer, from: u64, to: u64, requestId: u32): void {
  if (layer.sector == from && endOf(layer) == to) {
    layer.hiddenBy = requestId;
    return;
  }
  const part = copyOfPart(drive, layer, from, to);
  cut(drive, layer, from, to);
  if (part != 0) changetype<Layer>(part).hiddenBy = requestId;
}

/**
 * The request has written [from, to) of the media: the layers there, those of replaced bytes only `withReplaced`, end, or are
 * hidden while the write is volatile.
 */
export function layersWritten(drive: Drive, request: Request, from: u64, to: u64, withReplaced: bool): void {
  // parts that are cut off are added behind, and lie outside of the range
  for (let index: u32 = 0; index < table.used; index++) {
    const layer = layerAt(index);
    if (!touches(layer, drive, from, to) || layer.hiddenBy != 0) continue;
    if (layer.kind == FAULT_LAYER_REPLACED && !withReplaced) continue;
    const start = max<u64>(from, layer.sector);
    const end = min<u64>(to, endOf(layer));
    if (recording())
      record(
        RECORD_HEALED,
        request.operation,
        drive.index,
        request.id,
        start,
        <u32>(end - start),
        layer.rule,
      );
    if (request.cached != 0) hide(drive, layer, start, end, request.id);
    else cut(drive, layer, start, end);
  }
}

/** A write of [from, to) is durable: what was hidden there is gone. */
export function layersSettled(drive: Drive, from: u64, to: u64): void {
  for (let index: u32 = 0; index < table.used; index++) {
    const layer = layerAt(index);
    if (!touches(layer, drive, from, to) || layer.hiddenBy == 0) continue;
    cut(drive, layer, max<u64>(from, layer.sector), min<u64>(to, endOf(layer)));
  }
}

/** A power cut has lost the writes that hid what is still hidden: it shows again. */
export function layersExposed(drive: Drive): void {
  for (let index: u32 = 0; index < table.used; index++) {
    const layer = layerAt(index);
    if (layer.number != 0 && layer.drive == drive.index) layer.hiddenBy = 0;
  }
}

/** True when visible layers of the kind damage every sector of [from, to). */
export function layersCover(drive: Drive, kind: u32, from: u64, to: u64): bool {
  let covered: u64 = 0;
  for (let index: u32 = 0; index < table.used; index++) {
    const layer = layerAt(index);
    if (!touches(layer, drive, from, to) || layer.kind != kind || layer.hiddenBy != 0) continue;
    if (<u64>layer.perMillion < MILLION) continue;
    covered += min<u64>(to, endOf(layer)) - max<u64>(from, layer.sector);
  }
  return covered >= to - from;
}

/** Takes [from, to) out of the visible layers of a kind, but for the layer `except`. */
export function layersCut(drive: Drive, kind: u32, from: u64, to: u64, except: usize): void {
  for (let index: u32 = 0; index < table.used; index++) {
    const layer = layerAt(index);
    if (changetype<usize>(layer) == except || layer.kind != kind || layer.hiddenBy != 0) continue;
    if (touches(layer, drive, from, to))
      cut(drive, layer, max<u64>(from, layer.sector), min<u64>(to, endOf(layer)));
  }
}

// ---- what should be there ----

/** The media did not take `sectorCount` sectors of the request from its `skip`-th on: a layer keeps them. 0 or an errno. */
export function layerKeepsRequest(
  drive: Drive,
  request: Request,
  rule: u32,
  skip: u32,
  sectorCount: u32,
): i32 {
  const sector = request.sector + skip;
  layersCut(drive, FAULT_LAYER_REPLACED, sector, sector + sectorCount, 0);
  const pointer = layerAdd(drive, FAULT_LAYER_REPLACED, rule, sector, sectorCount);
  if (pointer == 0) return 0;
  const offset = slotOffset(changetype<Layer>(pointer), sector);
  const bytes = sectorCount << SECTOR_SHIFT;
  if (request.operation != OP_WRITE) return backingZero(table.fd, offset, bytes);
  const pieces = gatherPart(request, skip, sectorCount, backingIovecs());
  return backingWrite(table.fd, backingIovecs(), pieces, bytes, offset);
}

/** [sector, sector + sectorCount) is about to be overwritten by what does not belong there: a layer keeps what does. 0 or an errno. */
export function layerKeepsMedia(drive: Drive, rule: u32, sector: u64, sectorCount: u32): i32 {
  const end = sector + sectorCount;
  const pointer = layerAdd(drive, FAULT_LAYER_REPLACED, rule, sector, sectorCount);
  if (pointer == 0) return 0;
  const kept = changetype<Layer>(pointer);
  const bytes = (<u64>sectorCount) << SECTOR_SHIFT;
  let result = backingCopy(drive.fd, sector << SECTOR_SHIFT, table.fd, slotOffset(kept, sector), bytes);
  for (let index: u32 = 0; index < table.used && result == 0; index++) {
    const layer = layerAt(index);
    if (layer == kept || layer.kind != FAULT_LAYER_REPLACED || layer.hiddenBy != 0) continue;
    if (!touches(layer, drive, sector, end)) continue;
    const from = max<u64>(sector, layer.sector);
    const part = (min<u64>(end, endOf(layer)) - from) << SECTOR_SHIFT;
    result = backingCopy(table.fd, slotOffset(layer, from), table.fd, slotOffset(kept, from), part);
  }
  layersCut(drive, FAULT_LAYER_REPLACED, sector, end, pointer);
  return result;
}

/** What should be there is there again, and the layer goes. 0 or an errno: then it stays. */
export function layerHeal(layer: Layer): i32 {
  if (layer.kind == FAULT_LAYER_REPLACED && layer.hiddenBy == 0) {
    const drive = driveAt(layer.drive);
    if (drive.fd < 0 || table.fd < 0) return -ENODEV;
    const result = backingCopy(
      table.fd,
      slotOffset(layer, layer.sector),
      drive.fd,
      layer.sector << SECTOR_SHIFT,
      layer.sectors << SECTOR_SHIFT,
    );
    if (result != 0) return result;
  }
  layerRemove(layer);
  return 0;
}

// ---- what reads see ----

/** The address of a byte of the request's data. */
function byteOf(request: Request, offset: u32): usize {
  let pointer = request.bioHead;
  while (offset >= changetype<Bio>(pointer).sectorCount << SECTOR_SHIFT) {
    offset -= changetype<Bio>(pointer).sectorCount << SECTOR_SHIFT;
    pointer = changetype<Bio>(pointer).next;
  }
  offset += changetype<Bio>(pointer).spanOffset;
  let span = changetype<Bio>(pointer).span;
  while (offset >= changetype<Span>(span).length) {
    offset -= changetype<Span>(span).length;
    span = changetype<Span>(span).next;
  }
  return changetype<Span>(span).address + offset;
}

/** Flips `bits` different bits of the first 1 << `sizeShift` bits from byte `offset` of a read's data on. */
export function flipBits(request: Request, offset: u32, sizeShift: u32, bits: u32, draw: u64): void {
  const mask = <u32>(((<u64>1) << sizeShift) - 1);
  const step = <u32>(draw >> 32) | 1;
  let bit = <u32>draw;
  for (; bits > 0; bits--) {
    const place = bit & mask;
    const address = byteOf(request, offset + (place >> 3));
    store<u8>(address, load<u8>(address) ^ ((<u8>1) << (<u8>(place & 7))));
    bit += step;
  }
}

/** A read has taken `sectorCount` sectors from mediaSector on: EIO where a layer says so, and wrong bits. 0 or EIO. */
export function layersRead(drive: Drive, request: Request, sectorCount: u32, movesBytes: bool): i32 {
  const from = request.mediaSector;
  const to = from + sectorCount;
  for (let index: u32 = 0; index < table.used; index++) {
    const layer = layerAt(index);
    if (!touches(layer, drive, from, to) || layer.hiddenBy != 0 || layer.kind == FAULT_LAYER_REPLACED)
      continue;
    const end = min<u64>(to, endOf(layer));
    for (let sector = max<u64>(from, layer.sector); sector < end; sector++) {
      const draw = identityDraw(layer.purpose, drive.index, layer.kind, sector, layer.generation);
      if (<u64>layer.perMillion < MILLION && mix64(draw) % MILLION >= <u64>layer.perMillion) continue;
      if (layer.kind == FAULT_LAYER_LATENT) return -EIO;
      if (movesBytes)
        flipBits(request, (<u32>(sector - from)) << SECTOR_SHIFT, SECTOR_BITS_SHIFT, layer.bits, draw);
    }
  }
  return 0;
}
