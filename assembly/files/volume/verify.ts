// Is everything right? What a mount asks of the image before it trusts it, and what a check asks of a volume in use.
//
// Verbs: verifyClaim, verifySealed, verifyStructure, verifyMemory. Each problem is noted (problems.ts) and the search goes on.
// Layout: two counts an inode: names found, and subdirectories; the second then marks directories that the root reaches.
// Invariant: nothing is read through a number of the image that has not been checked against its range.

import { arenaClaim } from '../../base/arena';
import {
  DIRENT_TYPE_DIRECTORY,
  DIRENT_TYPE_FILE,
  MODE_DIRECTORY,
  MODE_FILE,
  MODE_TYPE,
  PROBLEM_BAD_INODE,
  PROBLEM_CHECKSUM,
  PROBLEM_DANGLING,
  PROBLEM_EXTENT,
  PROBLEM_EXTENTS_MEMORY,
  PROBLEM_LINKS,
  PROBLEM_MEMORY,
  PROBLEM_NAME,
  PROBLEM_NAME_TWICE,
  PROBLEM_PARENT,
  PROBLEM_ROOT,
  PROBLEM_UNREACHABLE,
} from '../../layout';
import { SECTOR_SHIFT, SECTOR_SIZE } from '../../limits';
import { CHECK_SOUND, EXTENT_SOUND, extentLoad, extentsCheck, extentsInit } from './extents';
import { hasRecords, volume } from './geometry';
import {
  DiskInode,
  diskInode,
  ExtentSlot,
  extentSlot,
  extentSlotCount,
  homeSectorOf,
  INODE_UNZEROED,
  image,
  isSectorSound,
  isZero,
  isZeroSector,
  NAME_OFFSET,
  NameSlot,
  nameSlot,
  sectorKind,
  sectorSum,
  testBit,
} from './image';
import { inodeOf, inodesFree, isDirectory, largestFile, MODE_BITS, ROOT_INODE } from './inodes';
import {
  entryCount,
  isLegalName,
  nameBytes,
  nameFind,
  nameLoad,
  namesFree,
  namesInit,
  SLOT_SIZE,
} from './names';
import { problemNote } from './problems';

/** Why an extent can not be, beside what extents.ts says. */
const EXTENT_WITHOUT_FILE: u32 = 4;

/** What verifyMemory compares (first number of PROBLEM_MEMORY). */
const MEMORY_SECTOR: u32 = 1;
const MEMORY_NAME: u32 = 2;
const MEMORY_ENTRIES: u32 = 3;
const MEMORY_INODE: u32 = 4;
const MEMORY_FREE_INODES: u32 = 5;
const MEMORY_FREE_NAMES: u32 = 6;

@unmanaged
class Verify {
  found: usize;
  subdirectories: usize;
}

const verify = changetype<Verify>(memory.data(offsetof<Verify>(), 16));

function tableBytes(): usize {
  return (<usize>volume.inodeCount + 1) << 2;
}

export function verifyClaim(): void {
  verify.found = arenaClaim(<u64>tableBytes(), 16);
  verify.subdirectories = arenaClaim(<u64>tableBytes(), 16);
}

function valueOf(table: usize, number: u32): u32 {
  return load<u32>(table + ((<usize>number) << 2));
}

function setValue(table: usize, number: u32, value: u32): void {
  store<u32>(table + ((<usize>number) << 2), value);
}

/** Every sector of the live image is as it was written, or was never written. For a mount: changes are not sealed. */
export function verifySealed(): void {
  for (let index: u32 = 0; index < volume.metaSectors; index++) {
    const at = image.live + ((<usize>index) << SECTOR_SHIFT);
    const sector = volume.homeSector + index;
    if (isZeroSector(at) || isSectorSound(at, sectorKind(index), sector)) continue;
    problemNote(PROBLEM_CHECKSUM, sector, 0, load<u32>(at), load<u32>(at, 4), sectorSum(at, sector));
  }
}

/** A number that is an inode's. */
function isInode(number: u32): bool {
  return number - 1 < volume.inodeCount;
}

function isInodeSound(disk: DiskInode, number: u32): bool {
  const at = changetype<usize>(disk);
  const type = disk.mode & MODE_TYPE;
  if (disk.mode == 0) {
    const upToGeneration = offsetof<DiskInode>('generation');
    return (
      isZero(at, upToGeneration) &&
      isZero(at + upToGeneration + 4, offsetof<DiskInode>() - upToGeneration - 4)
    );
  }
  const flags: u32 = number == ROOT_INODE && hasRecords() ? INODE_UNZEROED : 0;
  if ((disk.mode & ~(MODE_TYPE | MODE_BITS)) != 0 || (disk.flags & ~flags) != 0 || disk.reserved != 0)
    return false;
  if (type == <u32>MODE_DIRECTORY) return disk.size == 0 && isInode(disk.parent);
  return type == <u32>MODE_FILE && disk.size <= largestFile() && disk.parent == 0;
}

function verifyInodes(): void {
  for (let number: u32 = 1; number <= volume.inodeCount; number++) {
    const disk = diskInode(number);
    if (!isInodeSound(disk, number))
      problemNote(PROBLEM_BAD_INODE, homeSectorOf(changetype<usize>(disk)), number, disk.mode, disk.links, 0);
  }
  const root = diskInode(ROOT_INODE);
  if (!isDirectory(ROOT_INODE) || root.parent != ROOT_INODE)
    problemNote(PROBLEM_ROOT, homeSectorOf(changetype<usize>(root)), ROOT_INODE, root.mode, root.parent, 0);
}

function isNameSound(slot: NameSlot): bool {
  const bytes = <usize>slot.nameBytes;
  const isTyped = <u32>slot.type == DIRENT_TYPE_DIRECTORY || <u32>slot.type == DIRENT_TYPE_FILE;
  return (
    isTyped &&
    slot.reserved == 0 &&
    isLegalName(nameBytes(slot), <u32>bytes) &&
    isZero(nameBytes(slot) + bytes, SLOT_SIZE - NAME_OFFSET - bytes)
  );
}

/** The directory and the child of a name are there, and of the type that it says. */
function verifyTarget(slot: NameSlot, sector: u32): bool {
  const mode = isInode(slot.child) ? diskInode(slot.child).mode : 0;
  const parentMode = isInode(slot.parent) ? diskInode(slot.parent).mode : 0;
  const type = <u32>slot.type == DIRENT_TYPE_DIRECTORY ? <u32>MODE_DIRECTORY : <u32>MODE_FILE;
  const isGood =
    (mode & MODE_TYPE) == type && (parentMode & MODE_TYPE) == <u32>MODE_DIRECTORY && slot.child != ROOT_INODE;
  if (!isGood) problemNote(PROBLEM_DANGLING, sector, slot.child, slot.parent, mode, parentMode);
  return isGood;
}

function verifyName(index: u32, isLoading: bool): void {
  const slot = nameSlot(index);
  const sector = homeSectorOf(changetype<usize>(slot));
  if (slot.child == 0) {
    if (!isZero(changetype<usize>(slot), SLOT_SIZE))
      problemNote(PROBLEM_NAME, sector, 0, slot.parent, slot.nameBytes, slot.type);
    else if (isLoading) nameLoad(index);
    return;
  }
  if (!isNameSound(slot)) {
    problemNote(PROBLEM_NAME, sector, slot.child, slot.parent, slot.nameBytes, slot.type);
    return;
  }
  if (!verifyTarget(slot, sector)) return;
  const found = nameFind(slot.parent, nameBytes(slot), slot.nameBytes);
  if (found != 0 && found != index + 1) {
    const other = homeSectorOf(changetype<usize>(nameSlot(found - 1)));
    problemNote(PROBLEM_NAME_TWICE, sector, slot.child, slot.parent, slot.nameBytes, other);
    return;
  }
  if (isLoading) nameLoad(index);
  else if (found == 0) problemNote(PROBLEM_MEMORY, sector, slot.child, MEMORY_NAME, slot.parent, index);
  setValue(verify.found, slot.child, valueOf(verify.found, slot.child) + 1);
  if (!isDirectory(slot.child)) return;
  setValue(verify.subdirectories, slot.parent, valueOf(verify.subdirectories, slot.parent) + 1);
  const parent = diskInode(slot.child).parent;
  if (parent != slot.parent) problemNote(PROBLEM_PARENT, sector, slot.child, parent, slot.parent, 0);
}

/** Links are what names and subdirectories make them; 0 links is a file, or an empty directory, that waits for its end. */
function verifyLinks(): void {
  for (let number: u32 = 1; number <= volume.inodeCount; number++) {
    const disk = diskInode(number);
    if (disk.mode == 0) continue;
    const names = valueOf(verify.found, number);
    let right = names;
    if (isDirectory(number)) {
      const isReached = names == 1 || number == ROOT_INODE;
      right = isReached ? valueOf(verify.subdirectories, number) + 2 : names;
    }
    if (disk.links != right)
      problemNote(PROBLEM_LINKS, homeSectorOf(changetype<usize>(disk)), number, disk.links, right, 0);
  }
}

/** Every directory with a name leads up to the root. Directories that are known to are marked. */
function verifyReach(): void {
  const mark = verify.subdirectories;
  memory.fill(mark, 0, tableBytes());
  setValue(mark, ROOT_INODE, 1);
  for (let number: u32 = 1; number <= volume.inodeCount; number++) {
    if (!isDirectory(number) || diskInode(number).links == 0) continue;
    let top = number;
    let steps: u32 = 0;
    while (valueOf(mark, top) == 0 && steps++ < volume.inodeCount) {
      const parent = diskInode(top).parent;
      if (!isInode(parent) || !isDirectory(parent)) break;
      top = parent;
    }
    if (valueOf(mark, top) == 0) {
      const disk = diskInode(number);
      problemNote(PROBLEM_UNREACHABLE, homeSectorOf(changetype<usize>(disk)), number, disk.parent, 0, 0);
      continue;
    }
    for (let up = number; valueOf(mark, up) == 0; up = diskInode(up).parent) setValue(mark, up, 1);
  }
}

/** Each extent belongs to a file, and no two have a block in common. Loads them into memory. */
function loadExtents(): void {
  extentsInit();
  for (let index: u32 = 0; index < extentSlotCount(); index++) {
    const slot = changetype<ExtentSlot>(extentSlot(index));
    const isOwned =
      slot.inode == 0 || (isInode(slot.inode) && (diskInode(slot.inode).mode & MODE_TYPE) == <u32>MODE_FILE);
    const wrong = isOwned ? extentLoad(index) : EXTENT_WITHOUT_FILE;
    if (wrong != EXTENT_SOUND)
      problemNote(PROBLEM_EXTENT, homeSectorOf(extentSlot(index)), slot.inode, index, slot.start, wrong);
  }
}

/** The image is a volume. `isLoading`: names and extents are brought into memory on the way; else they are there. */
export function verifyStructure(isLoading: bool): void {
  memory.fill(verify.found, 0, tableBytes());
  memory.fill(verify.subdirectories, 0, tableBytes());
  verifyInodes();
  if (isLoading) namesInit();
  for (let index: u32 = 0; index < volume.nameCount; index++) verifyName(index, isLoading);
  verifyLinks();
  verifyReach();
  if (isLoading) loadExtents();
}

function compare(what: u32, inode: u32, found: u32, right: u32): void {
  if (found != right) problemNote(PROBLEM_MEMORY, 0, inode, what, found, right);
}

/** A live sector that is not touched holds what the shadow holds, but for the header's checksum. */
function verifySectors(): void {
  for (let index: u32 = 0; index < volume.metaSectors; index++) {
    const offset = ((<usize>index) << SECTOR_SHIFT) + 8;
    const isSame = memory.compare(image.live + offset, image.shadow + offset, SECTOR_SIZE - 8) == 0;
    if (!isSame && !testBit(image.touched, index))
      problemNote(PROBLEM_MEMORY, volume.homeSector + index, 0, MEMORY_SECTOR, index, 0);
  }
}

/** What memory knows of a mounted volume agrees with its image. */
export function verifyMemory(): void {
  verifySectors();
  let freeInodes: u32 = 0;
  let usedNames: u32 = 0;
  for (let number: u32 = 1; number <= volume.inodeCount; number++) {
    const disk = diskInode(number);
    const inode = inodeOf(number);
    if (disk.mode == 0) freeInodes++;
    usedNames += entryCount(number);
    compare(MEMORY_INODE, number, inode.volumeInode, number);
    compare(MEMORY_INODE, number, inode.isDirectory, isDirectory(number) ? 1 : 0);
    compare(MEMORY_INODE, number, <u32>inode.diskSize, <u32>disk.size);
    compare(MEMORY_INODE, number, inode.diskSize <= inode.size ? 1 : 0, 1);
  }
  compare(MEMORY_FREE_INODES, 0, inodesFree(), freeInodes);
  compare(MEMORY_FREE_NAMES, 0, namesFree(), volume.nameCount - usedNames);
  let used: u32 = 0;
  for (let index: u32 = 0; index < volume.nameCount; index++) {
    if (nameSlot(index).child != 0) used++;
  }
  compare(MEMORY_ENTRIES, 0, usedNames, used);
  const extents = extentsCheck();
  if (<u32>extents != CHECK_SOUND)
    problemNote(PROBLEM_EXTENTS_MEMORY, 0, <u32>(extents >> 32), <u32>extents, 0, 0);
}
