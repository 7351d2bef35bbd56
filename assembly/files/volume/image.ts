// The volume's metadata in memory: one flat image of self-checksummed sectors.
//
// Verbs: imageClaim, metaTouch, diskInode, nameSlot, extentSlot, sectorSum, isSectorSound, runningTransaction.
// Layout: the live image, which every change goes to at once; the shadow, which holds what the last started commit holds, so
// that journal and checkpoint write something that stands still; two bitmaps with a bit a sector: touched by the running
// transaction, and committed but not home. A sector is {kind u32, checksum u32} and its records: 7 inodes of 72 bytes, or one
// name, or (from byte 16) 31 extents of 16 bytes. A sector of nothing but zeros is sound and unused.
// Invariant: a live sector that differs from its shadow is touched.

import { arenaClaim } from '../../base/arena';
import { eventInBackground, now, timeAfter } from '../../base/clock';
import { KIND_JOURNAL_TICK } from '../../base/dispatch';
import { hashStep } from '../../base/hash';
import { SECTOR_SHIFT, SECTOR_SIZE } from '../../limits';
import { EXTENTS_A_SECTOR, hasRecords, INODES_A_SECTOR, volume } from './geometry';

/** First words of sectors: "SLin", "SLnm", "SLex". */
export const SECTOR_INODES: u32 = 0x6e694c53;
const SECTOR_NAME: u32 = 0x6d6e4c53;
const SECTOR_EXTENTS: u32 = 0x78654c53;

const HEADER_SIZE: usize = 8;
const EXTENT_START: usize = 16;
/** A transaction is committed at the latest this long after its first change (jbd2's j_commit_interval). */
export const COMMIT_INTERVAL_NS: u64 = 5000000000;

/** An inode on the drive. `mode` 0: free, and all else but the generation is 0. */
@unmanaged
export class DiskInode {
  mode: u32;
  links: u32;
  /** Bytes; 0 for a directory. */
  size: u64;
  // nanoseconds
  accessTime: u64;
  modifyTime: u64;
  changeTime: u64;
  birthTime: u64;
  /** Bumped whenever the number is used for a new file. */
  generation: u32;
  uid: u32;
  gid: u32;
  /** Of the root: INODE_UNZEROED; else 0. */
  flags: u32;
  /** Of a directory: the directory it is in; the root is its own. */
  parent: u32;
  reserved: u32;
}

/** The root's flag while free blocks may hold something else than zeros, on a volume with records. */
export const INODE_UNZEROED: u32 = 1;

/** A directory entry. `child` 0: free, and all else is 0. */
@unmanaged
export class NameSlot {
  parent: u32;
  child: u32;
  /** DIRENT_TYPE_…. */
  type: u8;
  nameBytes: u8;
  reserved: u16;
}

/** Where the name's bytes begin in its slot. */
export const NAME_OFFSET: usize = 16;
export const NAME_MAX: u32 = 255;

/** An extent. `inode` 0: free, and all else is 0. */
@unmanaged
export class ExtentSlot {
  inode: u32;
  fileBlock: u32;
  /** First block on the volume. */
  start: u32;
  /** Blocks; bit 31: unwritten. */
  count: u32;
}

export const EXTENT_UNWRITTEN: u32 = 0x80000000;

@unmanaged
class Image {
  live: usize;
  shadow: usize;
  touched: usize;
  notHome: usize;
  touchedCount: u32;
  isTickSet: u32;
  /** Number of the running transaction. */
  running: u64;
  /** When the running transaction's first change was made. */
  firstChange: u64;
}

export const image = changetype<Image>(memory.data(offsetof<Image>(), 16));

/** Room for the volume's metadata, twice, and its bitmaps. */
export function imageClaim(): void {
  const bytes = (<u64>volume.metaSectors) << SECTOR_SHIFT;
  const bitmapBytes = <u64>(((volume.metaSectors + 31) >> 5) << 2);
  image.live = arenaClaim(bytes, 512);
  image.shadow = arenaClaim(bytes, 512);
  image.touched = arenaClaim(bitmapBytes, 16);
  image.notHome = arenaClaim(bitmapBytes, 16);
}

/** Number of the transaction that changes made now will be in. */
export function runningTransaction(): u64 {
  return image.running;
}

/** True when there is something to commit. */
export function hasChanges(): bool {
  return image.touchedCount > 0;
}

export function bitmapBytes(): usize {
  return <usize>(((volume.metaSectors + 31) >> 5) << 2);
}

export function testBit(bitmap: usize, index: u32): bool {
  return ((load<u32>(bitmap + ((<usize>index >> 5) << 2)) >> (index & 31)) & 1) != 0;
}

export function setBit(bitmap: usize, index: u32): void {
  const word = bitmap + ((<usize>index >> 5) << 2);
  store<u32>(word, load<u32>(word) | (1 << (index & 31)));
}

/** The first set bit at or above `from`, or metaSectors. */
export function nextBit(bitmap: usize, from: u32): u32 {
  const end = volume.metaSectors;
  while (from < end) {
    const rest = load<u32>(bitmap + ((<usize>from >> 5) << 2)) >> (from & 31);
    if (rest != 0) return from + ctz<u32>(rest);
    from = (from | 31) + 1;
  }
  return end;
}

/** Which kind of records sector `index` of the image holds. */
export function sectorKind(index: u32): u32 {
  if (index < volume.nameStart) return SECTOR_INODES;
  return index < volume.extentStart ? SECTOR_NAME : SECTOR_EXTENTS;
}

/** Notes that the live sector which holds `address` changes in the running transaction. */
export function metaTouch(address: usize): void {
  const index = <u32>((address - image.live) >> SECTOR_SHIFT);
  assert(address >= image.live && index < volume.metaSectors, 'a change outside the metadata');
  if (testBit(image.touched, index)) return;
  setBit(image.touched, index);
  store<u32>(image.live + ((<usize>index) << SECTOR_SHIFT), sectorKind(index));
  if (image.touchedCount++ > 0) return;
  image.firstChange = now();
  // records make each change last, and a commit only makes room for more
  if (image.isTickSet != 0 || hasRecords()) return;
  image.isTickSet = 1;
  eventInBackground(timeAfter(COMMIT_INTERVAL_NS), KIND_JOURNAL_TICK, 0);
}

/** Inode `number` of the volume, 1 to inodeCount. */
export function diskInode(number: u32): DiskInode {
  const index = number - 1;
  const sector = index / INODES_A_SECTOR;
  const place = index - sector * INODES_A_SECTOR;
  return changetype<DiskInode>(
    image.live + ((<usize>sector) << SECTOR_SHIFT) + HEADER_SIZE + <usize>place * offsetof<DiskInode>(),
  );
}

/** Name slot `index`, 0 to nameCount - 1. */
export function nameSlot(index: u32): NameSlot {
  return changetype<NameSlot>(
    image.live + ((<usize>(volume.nameStart + index)) << SECTOR_SHIFT) + HEADER_SIZE,
  );
}

export function extentSlotCount(): u32 {
  return volume.extentCount;
}

/** Address of extent slot `index` (an ExtentSlot), 0 to extentSlotCount() - 1. */
export function extentSlot(index: u32): usize {
  const sector = index / EXTENTS_A_SECTOR;
  const place = index - sector * EXTENTS_A_SECTOR;
  return (
    image.live +
    ((<usize>(volume.extentStart + sector)) << SECTOR_SHIFT) +
    EXTENT_START +
    <usize>place * offsetof<ExtentSlot>()
  );
}

/** Sector of the drive where the record at `address` of the live image is at home. */
export function homeSectorOf(address: usize): u32 {
  return volume.homeSector + <u32>((address - image.live) >> SECTOR_SHIFT);
}

/** Checksum of the 512 bytes at `address` as sector `sector` of this volume; its own field counts as 0. */
export function sectorSum(address: usize, sector: u64): u32 {
  let hash = hashStep(volume.id, sector);
  hash = hashStep(hash, <u64>load<u32>(address));
  for (let offset: usize = HEADER_SIZE; offset < <usize>SECTOR_SIZE; offset += 8)
    hash = hashStep(hash, load<u64>(address + offset));
  return <u32>(hash ^ (hash >> 32));
}

/** Writes kind and checksum into the header of a sector that is about to go to the drive. */
export function sealSector(address: usize, kind: u32, sector: u64): void {
  store<u32>(address, kind);
  store<u32>(address, sectorSum(address, sector), 4);
}

/** Whether so many bytes are zeros; a mount asks it of every slot that is free. */
export function isZero(address: usize, bytes: usize): bool {
  const end = address + bytes;
  while (address + 16 <= end) {
    if (v128.any_true(v128.load(address))) return false;
    address += 16;
  }
  while (address < end) {
    if (load<u8>(address++) != 0) return false;
  }
  return true;
}

export function isZeroSector(address: usize): bool {
  return isZero(address, SECTOR_SIZE);
}

/** True when the sector holds what this volume has written there. */
export function isSectorSound(address: usize, kind: u32, sector: u64): bool {
  return load<u32>(address) == kind && load<u32>(address, 4) == sectorSum(address, sector);
}
