// Files that are one extent each: whole drives and flat named files, and their iomap provider.
//
// Verbs: flatInit, flatCount. A whole drive maps byte n to byte n; a flat file maps its bytes to one run of sectors of a drive,
// has a size of its own and room up to its capacity.
// Layout: inodes 0 … driveCount - 1 are the drives, then the flat files in config order.
// Invariant: an extent lies inside its drive (checked at open) and starts at a block.

import { EFBIG, ENOSPC } from '../base/errno';
import { Inode, inodeAt } from '../cache/inode';
import {
  blockMap,
  IOMAP_HOLE,
  IOMAP_MAPPED,
  IOMAP_NULL_ADDRESS,
  IOMAP_WRITE,
  Iomap,
  iomap,
  registerIomap,
} from '../cache/iomap';
import { driveAt, driveCount } from '../drive/drive-table';
import {
  CONFIG_FILE_CAPACITY_BYTES,
  CONFIG_FILE_DRIVE,
  CONFIG_FILE_FLAGS,
  CONFIG_FILE_OFFSET_BYTES,
  CONFIG_FILE_SIZE,
  CONFIG_FILE_SIZE_BYTES,
  FILE_FLAG_EFBIG,
} from '../layout';
import { SECTOR_SHIFT } from '../limits';

const IOMAP_KIND_FLAT: u32 = 0;
/** u32: drives and flat files. */
const total: usize = memory.data(4, 4);

/** Drives and flat files together: the files that are opened by number. */
export function flatCount(): u32 {
  return load<u32>(total);
}

function mapExtent(map: Iomap, inode: Inode, position: u64): void {
  map.flags = 0;
  if (position < inode.capacity) {
    map.type = IOMAP_MAPPED;
    map.address = inode.extentSector << SECTOR_SHIFT;
    map.offset = 0;
    map.length = inode.capacity;
  } else {
    map.type = IOMAP_HOLE;
    map.address = IOMAP_NULL_ADDRESS;
    map.offset = inode.capacity;
    map.length = <u64>i64.MAX_VALUE - inode.capacity;
  }
}

function flatBegin(pointer: usize, position: u64, _length: u64, flags: u32): i32 {
  const inode = changetype<Inode>(pointer);
  if ((flags & IOMAP_WRITE) != 0 && position >= inode.capacity) return -(<i32>inode.fullErrno);
  mapExtent(iomap, inode, position);
  return 0;
}

/** One extent reserves nothing, so there is nothing to undo. */
function flatEnd(_pointer: usize, _position: u64, _length: u64, _written: u64, _flags: u32): i32 {
  return 0;
}

function flatMap(pointer: usize, position: u64, _length: u64, _isWrite: bool): i32 {
  mapExtent(blockMap, changetype<Inode>(pointer), position);
  return 0;
}

/** The extent is always written and its place never moves, so nothing follows a write-back. */
function flatIoendDone(
  _pointer: usize,
  _position: u64,
  _length: u64,
  _isUnwritten: bool,
  _result: i32,
): void {}

/** Nothing is ever reserved. */
function flatPunch(_pointer: usize, _position: u64, _length: u64): void {}

function initInode(inode: Inode, index: u32, blockShift: u32): void {
  memory.fill(changetype<usize>(inode), 0, offsetof<Inode>());
  inode.index = index;
  inode.blockShift = blockShift;
  inode.iomapKind = IOMAP_KIND_FLAT;
  inode.fullErrno = ENOSPC;
  inode.zeroesExtend = 1;
}

/** Makes the inodes of all drives and of `fileCount` flat files whose configs start at `config`. */
export function flatInit(config: usize, fileCount: u32, blockShift: u32): void {
  registerIomap(IOMAP_KIND_FLAT, flatBegin, flatEnd, flatMap, flatIoendDone, flatPunch);
  const drives = driveCount();
  store<u32>(total, drives + fileCount);
  for (let index: u32 = 0; index < drives; index++) {
    const inode = inodeAt(index);
    initInode(inode, index, blockShift);
    inode.isBlockDevice = 1;
    inode.drive = changetype<usize>(driveAt(index));
    inode.size = driveAt(index).sizeSectors << SECTOR_SHIFT;
    inode.capacity = inode.size;
  }
  for (let index: u32 = 0; index < fileCount; index++) {
    const from = config + <usize>index * CONFIG_FILE_SIZE;
    const inode = inodeAt(drives + index);
    initInode(inode, drives + index, blockShift);
    inode.drive = changetype<usize>(driveAt(load<u32>(from, CONFIG_FILE_DRIVE)));
    inode.extentSector = load<u64>(from, CONFIG_FILE_OFFSET_BYTES) >> SECTOR_SHIFT;
    inode.capacity = load<u64>(from, CONFIG_FILE_CAPACITY_BYTES);
    inode.size = load<u64>(from, CONFIG_FILE_SIZE_BYTES);
    if (load<u32>(from, CONFIG_FILE_FLAGS) & FILE_FLAG_EFBIG) inode.fullErrno = EFBIG;
  }
}
