// The bytes of a replayed write, and the check of a replayed read.
//
// Verbs: payloadFill, payloadCheck. A sector's content follows from (seed, device, sector, generation): word i is
// base + i · STEP, base a hash of the four. Generation 0 is zeros (never written, or discarded).
// Invariant: src/replay/pattern.ts makes the same bytes, and knows nothing of this file's answers.

import { mix32 } from '../base/hash';
import { GENERATION_MIXED, GENERATION_UNKNOWN } from '../layout';
import { SECTOR_SHIFT, SECTOR_SIZE } from '../limits';

const STEP: u32 = 0x9e3779b1;
/** Sectors that the last payloadCheck passed over because nobody knows their content. */
const unknownCount: usize = memory.data(8, 8);

/** Base of a sector's pattern; generation > 0. */
export function patternBase(seed: u32, device: u32, sector: u64, generation: u32): u32 {
  let hash = mix32(seed ^ (device * 0x85ebca77));
  hash = mix32(hash ^ <u32>sector);
  hash = mix32(hash ^ <u32>(sector >> 32));
  return mix32(hash ^ (generation * 0xc2b2ae3d));
}

function patternByte(base: u32, index: u32): u8 {
  return <u8>((base + (index >> 2) * STEP) >> ((index & 3) << 3));
}

/** Writes the 512 bytes of a pattern, four words at a time. */
function fillSector(address: usize, base: u32): void {
  let words = i32x4(<i32>base, <i32>(base + STEP), <i32>(base + 2 * STEP), <i32>(base + 3 * STEP));
  const step = i32x4.splat(<i32>(4 * STEP));
  for (let offset: usize = 0; offset < <usize>SECTOR_SIZE; offset += 16) {
    v128.store(address + offset, words);
    words = i32x4.add(words, step);
  }
}

function isSector(address: usize, base: u32): bool {
  let words = i32x4(<i32>base, <i32>(base + STEP), <i32>(base + 2 * STEP), <i32>(base + 3 * STEP));
  const step = i32x4.splat(<i32>(4 * STEP));
  let difference = i32x4.splat(0);
  for (let offset: usize = 0; offset < <usize>SECTOR_SIZE; offset += 16) {
    difference = v128.or(difference, v128.xor(v128.load(address + offset), words));
    words = i32x4.add(words, step);
  }
  return !v128.any_true(difference);
}

function areZeros(address: usize, length: u32): bool {
  for (let offset: u32 = 0; offset < length; offset++) {
    if ((offset & 15) == 0 && length - offset >= 16) {
      if (v128.any_true(v128.load(address + offset))) return false;
      offset += 15;
    } else if (load<u8>(address + offset) != 0) {
      return false;
    }
  }
  return true;
}

/**
 * Fills [address, address + bytes) with what a write to byte `offset` of `device` carries. `generations`: one u32 for
 * each sector touched, in order.
 */
export function payloadFill(
  seed: u32,
  device: u32,
  address: usize,
  offset: u64,
  bytes: u32,
  generations: usize,
): void {
  while (bytes > 0) {
    const within = <u32>offset & (SECTOR_SIZE - 1);
    const step = min<u32>(bytes, SECTOR_SIZE - within);
    const base = patternBase(seed, device, offset >> SECTOR_SHIFT, load<u32>(generations));
    if (step == SECTOR_SIZE) {
      fillSector(address, base);
    } else {
      for (let index: u32 = 0; index < step; index++)
        store<u8>(address + index, patternByte(base, within + index));
    }
    address += step;
    offset += step;
    bytes -= step;
    generations += 4;
  }
}

function checkPart(
  seed: u32,
  device: u32,
  address: usize,
  offset: u64,
  step: u32,
  generation: u32,
  mixed: usize,
): bool {
  const within = <u32>offset & (SECTOR_SIZE - 1);
  if (generation == 0) return areZeros(address, step);
  if (generation & GENERATION_MIXED) {
    const expected = mixed + ((<usize>(generation & ~GENERATION_MIXED)) << SECTOR_SHIFT) + within;
    return memory.compare(address, expected, step) == 0;
  }
  const base = patternBase(seed, device, offset >> SECTOR_SHIFT, generation);
  if (step == SECTOR_SIZE) return isSector(address, base);
  for (let index: u32 = 0; index < step; index++) {
    if (load<u8>(address + index) != patternByte(base, within + index)) return false;
  }
  return true;
}

/** Number of sectors that differ from what `generations` say; the first differing sector is stored at `firstBad`. */
export function payloadCheck(
  seed: u32,
  device: u32,
  address: usize,
  offset: u64,
  bytes: u32,
  generations: usize,
  mixed: usize,
  firstBad: usize,
): u32 {
  let badCount: u32 = 0;
  store<u32>(unknownCount, 0);
  while (bytes > 0) {
    const step = min<u32>(bytes, SECTOR_SIZE - (<u32>offset & (SECTOR_SIZE - 1)));
    if (load<u32>(generations) == GENERATION_UNKNOWN) {
      store<u32>(unknownCount, load<u32>(unknownCount) + 1);
    } else if (!checkPart(seed, device, address, offset, step, load<u32>(generations), mixed)) {
      if (badCount++ == 0) store<u64>(firstBad, offset >> SECTOR_SHIFT);
    }
    address += step;
    offset += step;
    bytes -= step;
    generations += 4;
  }
  return badCount;
}

/** Sectors that the last payloadCheck did not check. */
export function payloadUnknown(): u32 {
  return load<u32>(unknownCount);
}

/** Sectors that a byte range touches. */
export function sectorsTouched(offset: u64, bytes: u64): u32 {
  if (bytes == 0) return 0;
  return <u32>(((offset + bytes - 1) >> SECTOR_SHIFT) - (offset >> SECTOR_SHIFT) + 1);
}
