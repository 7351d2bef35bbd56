// Inodes of the volume: taking and freeing numbers, times, and what stat tells.
//
// Verbs: inodesLoad, inodeTake, inodeFree, inodeOf, inodeChanged, inodeModified, volumeTime, inodeRelease.
// Layout: the record on the drive is in the image (image.ts); the cache's Inode of number n is that of volume.firstInode + n.
// Invariants: a number is free exactly when its mode is 0; a file without links lives until its last close and the end of
// its eviction.

import { now } from '../../base/clock';
import { EFBIG } from '../../base/errno';
import { Inode, inodeAt } from '../../cache/inode';
import { MODE_DIRECTORY, MODE_TYPE } from '../../layout';
import { MAX_DRIVE_SHIFT } from '../../limits';
import { volumeEvict } from './evict';
import { hasRecords, volume } from './geometry';
import { DiskInode, diskInode, metaTouch, runningTransaction } from './image';
import { chainOf } from './record-maps';

export const ROOT_INODE: u32 = 1;
/** Permission bits of a mode. */
export const MODE_BITS: u32 = 0xfff;
/** LINK_MAX of ext4. */
export const LINKS_MAX: u32 = 65000;
const IOMAP_KIND_VOLUME: u32 = 1;
/** A file block's number has 32 bits. */
const FILE_BLOCK_BITS: u32 = 32;

@unmanaged
class Inodes {
  freeCount: u32;
  /** No number below it is free. */
  lowestFree: u32;
  /** Virtual time of the volume when the machine's clock stood at 0. */
  timeBase: u64;
}

const inodes = changetype<Inodes>(memory.data(offsetof<Inodes>(), 16));

export function inodesFree(): u32 {
  return inodes.freeCount;
}

/** Nanoseconds on the volume's clock, which goes on from mount to mount. */
export function volumeTime(): u64 {
  return inodes.timeBase + now();
}

/** The clock goes on behind `latest`, the largest time found on the volume. */
function volumeTimeFrom(latest: u64): void {
  inodes.timeBase = latest > now() ? latest - now() : 0;
}

/** The record of number 0, which is no file: it keeps the errors of write-back of all of them. */
export function superInode(): Inode {
  return inodeAt(volume.firstInode);
}

/** The cache's record of inode `number`. */
export function inodeOf(number: u32): Inode {
  return inodeAt(volume.firstInode + number);
}

export function diskInodeOf(inode: Inode): DiskInode {
  return diskInode(inode.volumeInode);
}

export function isDirectory(number: u32): bool {
  return (diskInode(number).mode & MODE_TYPE) == <u32>MODE_DIRECTORY;
}

/** Bytes that a file may have: a file block's number has 32 bits, a position is an exact JavaScript number. */
export function largestFile(): u64 {
  const blocks = ((<u64>1) << FILE_BLOCK_BITS) - 1;
  return min<u64>((<u64>1) << MAX_DRIVE_SHIFT, blocks << volume.blockShift);
}

/** The cache's record as the image has the inode: nothing cached, nobody has it open. */
function inodeReset(number: u32): void {
  const inode = inodeOf(number);
  const disk = diskInode(number);
  memory.fill(changetype<usize>(inode), 0, offsetof<Inode>());
  inode.index = volume.firstInode + number;
  inode.volumeInode = number;
  inode.superInode = changetype<usize>(superInode());
  inode.drive = volume.drive;
  inode.blockShift = volume.blockShift;
  inode.iomapKind = IOMAP_KIND_VOLUME;
  inode.fullErrno = EFBIG;
  inode.capacity = largestFile();
  inode.size = disk.size;
  inode.diskSize = disk.size;
  inode.isDirectory = isDirectory(number) ? 1 : 0;
  inode.chain = chainOf(number);
}

/** A mount has read the image: makes every record of the cache, and counts what is free. */
export function inodesLoad(): void {
  inodes.freeCount = 0;
  inodes.lowestFree = ROOT_INODE;
  let latest: u64 = 0;
  memory.fill(changetype<usize>(superInode()), 0, offsetof<Inode>());
  for (let number: u32 = 1; number <= volume.inodeCount; number++) {
    inodeReset(number);
    if (diskInode(number).mode == 0) inodes.freeCount++;
    latest = max<u64>(latest, diskInode(number).changeTime);
  }
  volumeTimeFrom(latest);
}

/** A new inode without links, or 0 when all numbers are taken. */
export function inodeTake(mode: u32): u32 {
  if (inodes.freeCount == 0) return 0;
  let number = inodes.lowestFree;
  while (number <= volume.inodeCount && (diskInode(number).mode != 0 || isHeld(number))) number++;
  if (number > volume.inodeCount) return 0;
  inodes.lowestFree = number + 1;
  inodes.freeCount--;
  const disk = diskInode(number);
  const time = volumeTime();
  metaTouch(changetype<usize>(disk));
  disk.mode = mode;
  disk.generation++;
  disk.accessTime = time;
  disk.modifyTime = time;
  disk.changeTime = time;
  disk.birthTime = time;
  inodeReset(number);
  inodeChanged(inodeOf(number), true);
  return number;
}

/** The number was freed since the last commit: a record of the file that had it may be missing after a crash. */
function isHeld(number: u32): bool {
  return hasRecords() && inodeOf(number).lastTransaction == runningTransaction();
}

/** A commit of a volume with records: numbers that were freed may be taken again. */
export function inodesCommitted(): void {
  inodes.lowestFree = ROOT_INODE;
}

/** The number is free again; the generation stays. */
export function inodeFree(inode: Inode): void {
  const number = inode.volumeInode;
  const disk = diskInode(number);
  const generation = disk.generation;
  metaTouch(changetype<usize>(disk));
  memory.fill(changetype<usize>(disk), 0, offsetof<DiskInode>());
  disk.generation = generation;
  inodes.freeCount++;
  inodes.lowestFree = min<u32>(inodes.lowestFree, number);
  inodeReset(number);
  if (hasRecords()) inode.lastTransaction = runningTransaction();
}

/** The inode's record changes in the running transaction. `isDataRelevant`: a reader of its data needs the change. */
export function inodeChanged(inode: Inode, isDataRelevant: bool): void {
  metaTouch(changetype<usize>(diskInodeOf(inode)));
  inode.lastTransaction = runningTransaction();
  if (isDataRelevant) inode.lastDataTransaction = inode.lastTransaction;
}

/** Content changed: mtime and ctime. */
export function inodeModified(inode: Inode): void {
  const disk = diskInodeOf(inode);
  disk.modifyTime = volumeTime();
  disk.changeTime = disk.modifyTime;
  inodeChanged(inode, false);
}

/** Only the inode changed (links, mode, owner): ctime. */
export function inodeAltered(number: u32): void {
  diskInode(number).changeTime = volumeTime();
  inodeChanged(inodeOf(number), true);
}

/** A directory has other entries than before. */
export function directoryChanged(number: u32): void {
  inodeModified(inodeOf(number));
  inodeOf(number).lastDataTransaction = runningTransaction();
}

/** Ends a file that has neither a name nor an open descriptor. For whoever takes the last of either. */
export function inodeRelease(inode: Inode): void {
  if (inode.openCount > 0 || diskInodeOf(inode).links > 0) return;
  if (inode.isDirectory != 0) inodeFree(inode);
  else volumeEvict(inode);
}
