// Names: which child a directory has under which name.
//
// Verbs: namesClaim, namesInit, nameLoad, nameFind, nameAdd, nameRemove, nameMove, nameSetChild, nameNext, nameErrno.
// Layout: a slot of the image for each name; in memory a hash table of (parent, name) → slot, chained, and the number of
// entries of each directory. A listing goes through the slots in order, so its place is a slot's number and stays good
// whatever comes and goes meanwhile.
// Invariant: (parent, name) is unique; a slot is in the table exactly when its child is not 0.

import { arenaClaim } from '../../base/arena';
import { EILSEQ, EINVAL } from '../../base/errno';
import { mix32 } from '../../base/hash';
import { SECTOR_SIZE } from '../../limits';
import { hasRecords, volume } from './geometry';
import { metaTouch, NAME_OFFSET, NameSlot, nameSlot } from './image';

/** Bytes of a slot behind its sector's header. */
export const SLOT_SIZE: usize = <usize>SECTOR_SIZE - 8;
const NUL: u32 = 0;
export const DOT: u32 = 46;
export const SLASH: u32 = 47;

@unmanaged
class Names {
  /** Slot + 1 of each bucket's first name; slot + 1 of the next in its bucket; entries of each directory. */
  heads: usize;
  next: usize;
  entries: usize;
  mask: u32;
  freeCount: u32;
  /** No slot below it is free. */
  lowestFree: u32;
  /** Slots that were free at the last commit, less those that names have been set in since, on a volume with records. */
  unclaimed: u32;
}

const names = changetype<Names>(memory.data(offsetof<Names>(), 16));

export function namesClaim(): void {
  let buckets: u32 = 16;
  while (buckets < volume.nameCount) buckets <<= 1;
  names.mask = buckets - 1;
  names.heads = arenaClaim((<u64>buckets) << 2, 16);
  names.next = arenaClaim((<u64>volume.nameCount) << 2, 16);
  names.entries = arenaClaim((<u64>(volume.inodeCount + 1)) << 2, 16);
}

export function namesFree(): u32 {
  return names.freeCount;
}

/** Names that can be added now. With records a slot that was freed waits for a commit: after a crash its name may be there again. */
export function namesAvailable(): u32 {
  return hasRecords() ? min<u32>(names.unclaimed, names.freeCount) : names.freeCount;
}

/** A commit of a volume with records, or its mount. */
export function namesCommitted(): void {
  names.unclaimed = names.freeCount;
}

function claimSlot(): void {
  if (names.unclaimed > 0) names.unclaimed--;
}

function entriesAt(directory: u32): usize {
  return names.entries + ((<usize>directory) << 2);
}

export function entryCount(directory: u32): u32 {
  return load<u32>(entriesAt(directory));
}

export function nameBytes(slot: NameSlot): usize {
  return changetype<usize>(slot) + NAME_OFFSET;
}

function bucketOf(parent: u32, address: usize, bytes: u32): usize {
  let hash = mix32(parent ^ 0x9e3779b9);
  for (let index: u32 = 0; index < bytes; index++) hash = (hash ^ load<u8>(address + index)) * 0x01000193;
  return names.heads + ((<usize>(mix32(hash) & names.mask)) << 2);
}

function nextOf(index: u32): usize {
  return names.next + ((<usize>index) << 2);
}

function link(index: u32): void {
  const slot = nameSlot(index);
  const bucket = bucketOf(slot.parent, nameBytes(slot), slot.nameBytes);
  store<u32>(nextOf(index), load<u32>(bucket));
  store<u32>(bucket, index + 1);
  store<u32>(entriesAt(slot.parent), entryCount(slot.parent) + 1);
}

function unlink(index: u32): void {
  const slot = nameSlot(index);
  let place = bucketOf(slot.parent, nameBytes(slot), slot.nameBytes);
  while (load<u32>(place) != index + 1) place = nextOf(load<u32>(place) - 1);
  store<u32>(place, load<u32>(nextOf(index)));
  store<u32>(entriesAt(slot.parent), entryCount(slot.parent) - 1);
}

/** An empty table, and no slot: nameLoad brings in each. */
export function namesInit(): void {
  memory.fill(names.heads, 0, (<usize>names.mask + 1) << 2);
  memory.fill(names.entries, 0, (<usize>volume.inodeCount + 1) << 2);
  names.freeCount = 0;
  names.lowestFree = 0;
}

/** A mount has found the slot sound: free, or with a name that is not in the table. */
export function nameLoad(index: u32): void {
  if (nameSlot(index).child == 0) names.freeCount++;
  else link(index);
}

/** Slot + 1 of a directory's entry with this name, or 0. */
export function nameFind(parent: u32, address: usize, bytes: u32): u32 {
  let found = load<u32>(bucketOf(parent, address, bytes));
  while (found != 0) {
    const slot = nameSlot(found - 1);
    const isEqual =
      slot.parent == parent &&
      <u32>slot.nameBytes == bytes &&
      memory.compare(nameBytes(slot), address, bytes) == 0;
    if (isEqual) return found;
    found = load<u32>(nextOf(found - 1));
  }
  return 0;
}

function writeName(slot: NameSlot, parent: u32, address: usize, bytes: u32): void {
  memory.fill(nameBytes(slot), 0, SLOT_SIZE - NAME_OFFSET);
  slot.parent = parent;
  slot.nameBytes = <u8>bytes;
  memory.copy(nameBytes(slot), address, bytes);
}

/** Adds an entry; namesFree() must not be 0. */
export function nameAdd(parent: u32, child: u32, type: u32, address: usize, bytes: u32): void {
  let index = names.lowestFree;
  while (nameSlot(index).child != 0) index++;
  names.lowestFree = index + 1;
  names.freeCount--;
  claimSlot();
  const slot = nameSlot(index);
  metaTouch(changetype<usize>(slot));
  writeName(slot, parent, address, bytes);
  slot.child = child;
  slot.type = <u8>type;
  link(index);
}

export function nameRemove(index: u32): void {
  const slot = nameSlot(index);
  unlink(index);
  metaTouch(changetype<usize>(slot));
  memory.fill(changetype<usize>(slot), 0, SLOT_SIZE);
  names.freeCount++;
  names.lowestFree = min<u32>(names.lowestFree, index);
}

/** The entry gets another directory and name, and keeps its slot. */
export function nameMove(index: u32, parent: u32, address: usize, bytes: u32): void {
  const slot = nameSlot(index);
  claimSlot();
  unlink(index);
  metaTouch(changetype<usize>(slot));
  writeName(slot, parent, address, bytes);
  link(index);
}

export function nameSetChild(index: u32, child: u32, type: u32): void {
  const slot = nameSlot(index);
  metaTouch(changetype<usize>(slot));
  slot.child = child;
  slot.type = <u8>type;
}

/** The first slot from `index` on with an entry of the directory, or nameCount. */
export function nameNext(directory: u32, index: u32): u32 {
  if (entryCount(directory) == 0) return volume.nameCount;
  while (index < volume.nameCount) {
    const slot = nameSlot(index);
    if (slot.child != 0 && slot.parent == directory) break;
    index++;
  }
  return index;
}

/** Bytes of the well-formed UTF-8 sequence at `address` (Unicode 15, table 3-7), or 0. `left`: bytes that there are, 1 or more. */
function sequenceBytes(address: usize, left: u32): u32 {
  const first = <u32>load<u8>(address);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const bytes: u32 = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (left < bytes) return 0;
  const second = <u32>load<u8>(address, 1);
  let low: u32 = 0x80;
  let high: u32 = 0xbf;
  if (first == 0xe0) low = 0xa0;
  if (first == 0xed) high = 0x9f;
  if (first == 0xf0) low = 0x90;
  if (first == 0xf4) high = 0x8f;
  if (second < low || second > high) return 0;
  for (let index: u32 = 2; index < bytes; index++) {
    if ((load<u8>(address + index) & 0xc0) != 0x80) return 0;
  }
  return bytes;
}

/** A name that an entry may have: UTF-8 without '/' and NUL, and neither '.' nor '..'. */
export function isLegalName(address: usize, bytes: u32): bool {
  if (bytes == 0 || nameErrno(address, bytes) != 0) return false;
  let dots: u32 = 0;
  for (let index: u32 = 0; index < bytes; index++) {
    const character = <u32>load<u8>(address + index);
    if (character == SLASH) return false;
    if (character == DOT) dots++;
  }
  return bytes > 2 || dots < bytes;
}

/** 0, EINVAL for a NUL byte, EILSEQ for what is not UTF-8. */
export function nameErrno(address: usize, bytes: u32): i32 {
  for (let index: u32 = 0; index < bytes; ) {
    if (load<u8>(address + index) == NUL) return -EINVAL;
    const step = sequenceBytes(address + index, bytes - index);
    if (step == 0) return -EILSEQ;
    index += step;
  }
  return 0;
}
