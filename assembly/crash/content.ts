// The bytes that sectors may hold, and their hashes: a write's, zeros, garbage, or the base image's.
//
// Verbs: payloadsClaim, hashesClaim, contentInit, writeBytes, baseBytes, garbageBytes, zeroBytes, writeHash, learnBase, baseHash, floorHash, garbageHash, zeroHash, hashBytes, sectorLow, sectorHigh, patternOf.
// Payloads are read from the log when they are first needed and kept while there is room; then all go and it begins anew.
// A hash is two independent u64. Equal bytes have equal hashes, whichever write they are of.
// Invariant: an address stays good until payloadsMayGo(write) has said true and a payload is read.

import { arenaClaim } from '../base/arena';
import { hashStep } from '../base/hash';
import { mix64 } from '../base/identity';
import { backingIovecs, backingRead } from '../drive/backing';
import { OP_WRITE } from '../layout';
import { SECTOR_SHIFT, SECTOR_SIZE } from '../limits';
import { model } from './model';
import { Slot } from './slots';
import { report, Write, writeAt } from './tables';

@unmanaged
class Content {
  logFd: i32;
  baseFd: i32;
  /** Payloads in memory: bytes there is room for, and in use. */
  payloads: usize;
  capacity: u32;
  used: u32;
  /** 16 bytes for each sector of every write: the hash of its content, 0 while it is not known. */
  hashes: usize;
  /** The first error of a file, or 0. */
  error: i32;
  /** What the hash functions answer. */
  low: u64;
  high: u64;
  zeroLow: u64;
  zeroHigh: u64;
}

export const content = changetype<Content>(memory.data(offsetof<Content>(), 16));
const zeros: usize = memory.data(512, 64);
const scratch: usize = memory.data(512, 64);

/** `bytes`: room for payloads, a multiple of 512. */
export function payloadsClaim(bytes: u32): void {
  content.capacity = bytes;
  content.payloads = arenaClaim(bytes, 64);
}

/** `hashed`: sectors of all writes together. */
export function hashesClaim(hashed: u64): void {
  content.hashes = arenaClaim(hashed * 16, 64);
}

export function contentInit(logFd: i32, baseFd: i32): void {
  content.logFd = logFd;
  content.baseFd = baseFd;
  content.used = 0;
  content.error = 0;
  hashBytes(zeros);
  content.zeroLow = content.low;
  content.zeroHigh = content.high;
}

/** Gives each write its place among the hashes; returns how many sectors there are. */
export function numberHashes(): u64 {
  let next: u64 = 0;
  for (let index: u32 = 0; index < report.writeCount; index++) {
    const write = writeAt(index);
    write.hashIndex = <u32>next;
    if (write.operation == <u32>OP_WRITE) next += write.sectors;
  }
  return next;
}

/** False when the file fails. */
function readInto(fd: i32, address: usize, bytes: u32, offset: u64): bool {
  const iovec = backingIovecs();
  store<usize>(iovec, address);
  store<u32>(iovec, bytes, 4);
  const result = backingRead(fd, iovec, 1, bytes, offset);
  if (result != 0 && content.error == 0) content.error = result;
  return result == 0;
}

/** Asking for this write's bytes will make those of others go. */
export function payloadsMayGo(write: Write): bool {
  if (write.operation != <u32>OP_WRITE || write.cached != 0) return false;
  const bytes = (<u64>write.sectors) << SECTOR_SHIFT;
  return bytes <= content.capacity && bytes > content.capacity - content.used;
}

/** Brings the whole payload into memory if it can be there. */
function cachePayload(write: Write): void {
  const bytes = (<u64>write.sectors) << SECTOR_SHIFT;
  if (bytes > content.capacity) return;
  if (bytes > content.capacity - content.used) {
    for (let index: u32 = 0; index < report.writeCount; index++) writeAt(index).cached = 0;
    content.used = 0;
  }
  const room = content.payloads + content.used;
  if (!readInto(content.logFd, room, <u32>bytes, write.payload)) return;
  write.cached = room;
  content.used += <u32>bytes;
}

/** The bytes of a write's sector number `within`: in place, or read to `room`. */
export function writeBytes(write: Write, within: u32, room: usize): usize {
  if (write.operation != <u32>OP_WRITE) return zeros;
  if (write.cached == 0) cachePayload(write);
  const offset = (<u64>within) << SECTOR_SHIFT;
  if (write.cached != 0) return write.cached + <usize>offset;
  readInto(content.logFd, room, SECTOR_SIZE, write.payload + offset);
  return room;
}

export function zeroBytes(): usize {
  return zeros;
}

export function baseBytes(slot: Slot, room: usize): usize {
  if (content.baseFd < 0) return zeros;
  readInto(content.baseFd, room, SECTOR_SIZE, slot.sector << SECTOR_SHIFT);
  return room;
}

/** What a write's garbage looks like: a number of its own, from the seed. */
export function patternOf(write: Write): u32 {
  return <u32>mix64(mix64(write.number ^ ((<u64>model.seed) << 32)) + write.submitted);
}

export function garbageBytes(pattern: u32, sector: u64, room: usize): usize {
  const start = mix64(sector ^ ((<u64>pattern) << 32));
  for (let at: usize = 0; at < <usize>SECTOR_SIZE; at += 8) store<u64>(room + at, mix64(start + at));
  return room;
}

/** Hashes 512 bytes to content.low and content.high. */
export function hashBytes(address: usize): void {
  let low: u64 = 0x243f6a8885a308d3;
  let high: u64 = 0x13198a2e03707344;
  const end = address + SECTOR_SIZE;
  for (let at = address; at < end; at += 8) {
    const word = load<u64>(at);
    low = hashStep(low, word);
    high = (rotl<u64>(high, 23) + word) * 0x9fb21c651e98df25;
  }
  // 0 marks a hash that is not known
  content.low = mix64(low) | 1;
  content.high = mix64(high);
}

function answer(low: u64, high: u64): void {
  content.low = low;
  content.high = high;
}

export function zeroHash(): void {
  answer(content.zeroLow, content.zeroHigh);
}

export function writeHash(write: Write, within: u32): void {
  if (write.operation != <u32>OP_WRITE) {
    zeroHash();
    return;
  }
  const at = content.hashes + ((<usize>write.hashIndex + within) << 4);
  if (load<u64>(at) == 0) {
    hashBytes(writeBytes(write, within, scratch));
    // what could not be read is not remembered
    if (content.error != 0) return;
    store<u64>(at, content.low);
    store<u64>(at, content.high, 8);
  }
  answer(load<u64>(at), load<u64>(at, 8));
}

/** Of a slot not looked at before: what the base image holds there, and with it the image. */
export function learnBase(slot: Slot): void {
  if (slot.isBaseKnown != 0) return;
  hashBytes(baseBytes(slot, scratch));
  if (content.error != 0) return;
  slot.isBaseKnown = 1;
  slot.baseLow = content.low;
  slot.baseHigh = content.high;
  slot.low = content.low;
  slot.high = content.high;
}

export function baseHash(slot: Slot): void {
  learnBase(slot);
  answer(slot.baseLow, slot.baseHigh);
}

/** Of the newest durable bytes there. */
export function floorHash(slot: Slot): void {
  if (slot.floor == 0) {
    baseHash(slot);
    return;
  }
  const write = writeAt(slot.floor - 1);
  writeHash(write, <u32>(slot.sector - write.sector));
}

export function garbageHash(pattern: u32, sector: u64): void {
  hashBytes(garbageBytes(pattern, sector, scratch));
}

/** What a sector with the content last hashed adds to the hash of an image. */
export function sectorLow(slot: Slot, low: u64): u64 {
  return mix64(low + slot.sector * 0x9e3779b97f4a7c15);
}

export function sectorHigh(slot: Slot, high: u64): u64 {
  return mix64(high ^ (slot.sector * 0xd6e8feb86659fd93 + 1));
}
