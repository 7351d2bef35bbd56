// The iomap provider of named files: extents as the page cache and direct I/O see them.
//
// Verbs: volumeIomapInit. Buffered writes into a hole reserve blocks (DELALLOC) and get real ones, unwritten, when they are
// written back; direct writes get unwritten blocks at once. Unwritten blocks become written, and the size on the drive
// moves, when the data has arrived: a crash before that shows the old size, or zeros.
// Invariant: a mapping that changes moves the inode's mappingSequence.

import { EAGAIN, ENOSPC } from '../../base/errno';
import { record, recording } from '../../base/record';
import { writeDelallocRelease } from '../../cache/delalloc';
import { Inode } from '../../cache/inode';
import {
  blockMap,
  IOMAP_DELALLOC,
  IOMAP_DIRECT,
  IOMAP_F_DIRTY,
  IOMAP_F_NEW,
  IOMAP_HOLE,
  IOMAP_NOWAIT,
  IOMAP_NULL_ADDRESS,
  IOMAP_WRITE,
  Iomap,
  iomap,
  registerIomap,
} from '../../cache/iomap';
import { RECORD_ALLOCATED } from '../../layout';
import { SECTOR_SHIFT } from '../../limits';
import { Extent, extentCeiling, extentCovering } from './extent-tree';
import {
  allocateDelayed,
  allocateUnwritten,
  extentRoom,
  extentsConvert,
  extentsRemove,
  reserveDelayed,
} from './extents';
import { volume } from './geometry';
import { diskInode, metaTouch, runningTransaction } from './image';
import { inodeChanged } from './inodes';
import { mapChanged, mapGrown } from './record-maps';

export const IOMAP_KIND_VOLUME: u32 = 1;

/** Blocks of a file: their numbers have 32 bits. */
const MAX_FILE_BLOCKS: u64 = 0xffffffff;

function blocksIn(length: u64): u64 {
  return (length + ((<u64>1) << volume.blockShift) - 1) >> volume.blockShift;
}

function fillHole(map: Iomap, file: u32, block: u32): void {
  const behind = extentCeiling(file, block);
  const end = behind == 0 ? MAX_FILE_BLOCKS : <u64>changetype<Extent>(behind).fileBlock;
  map.type = IOMAP_HOLE;
  map.address = IOMAP_NULL_ADDRESS;
  map.offset = (<u64>block) << volume.blockShift;
  map.length = (max<u64>(end, <u64>block + 1) - block) << volume.blockShift;
  map.flags = 0;
}

function fillExtent(map: Iomap, inode: Inode, pointer: usize): void {
  const node = changetype<Extent>(pointer);
  map.type = node.type;
  map.offset = (<u64>node.fileBlock) << volume.blockShift;
  map.length = (<u64>node.count) << volume.blockShift;
  map.address =
    node.type == IOMAP_DELALLOC
      ? IOMAP_NULL_ADDRESS
      : (volume.dataSector << SECTOR_SHIFT) + ((<u64>node.start) << volume.blockShift);
  map.flags = inode.lastDataTransaction == runningTransaction() ? IOMAP_F_DIRTY : 0;
}

function fill(map: Iomap, inode: Inode, block: u32): void {
  const pointer = extentCovering(inode.volumeInode, block);
  if (pointer == 0) fillHole(map, inode.volumeInode, block);
  else fillExtent(map, inode, pointer);
}

function noteAllocated(inode: Inode, block: u32, count: u32): void {
  if (!recording()) return;
  const start = changetype<Extent>(extentCovering(inode.volumeInode, block)).start;
  record(RECORD_ALLOCATED, 0, inode.index, 0, block, count, start);
}

/** Gives the delayed blocks from `block` on a place on the volume. */
function makeReal(inode: Inode, block: u32): void {
  const count = allocateDelayed(inode.volumeInode, block);
  inode.mappingSequence++;
  noteAllocated(inode, block, count);
  inodeChanged(inode, true);
}

function begin(pointer: usize, position: u64, length: u64, flags: u32): i32 {
  const inode = changetype<Inode>(pointer);
  const file = inode.volumeInode;
  const block = <u32>(position >> volume.blockShift);
  fill(iomap, inode, block);
  const isDirectWrite = (flags & IOMAP_DIRECT) != 0 && (flags & IOMAP_WRITE) != 0;
  // the new size has to reach the drive as well (ext4_set_iomap)
  if (isDirectWrite && position + length > inode.diskSize) iomap.flags |= IOMAP_F_DIRTY;
  if (isDirectWrite && (flags & IOMAP_NOWAIT) != 0) {
    // all of it in one mapping, and nothing to allocate
    const isOne = iomap.offset + iomap.length - position >= length;
    if (!isOne || iomap.type == IOMAP_HOLE || iomap.type == IOMAP_DELALLOC) return -EAGAIN;
  }
  if (isDirectWrite && iomap.type == IOMAP_DELALLOC) {
    // somebody has promised these blocks to the cache since it was cleaned: they become real now
    makeReal(inode, block);
    fill(iomap, inode, block);
    iomap.flags |= IOMAP_F_NEW;
    return 0;
  }
  if (iomap.type != IOMAP_HOLE || (flags & IOMAP_WRITE) == 0) return 0;
  const inBlock = position - iomap.offset;
  const hole = iomap.length >> volume.blockShift;
  const wanted = <u32>min<u64>(min<u64>(blocksIn(inBlock + length), hole), 0x7fffffff);
  let granted: u32 = 0;
  if (flags & IOMAP_DIRECT) {
    granted = allocateUnwritten(file, block, min<u32>(wanted, extentRoom()));
  } else {
    granted = reserveDelayed(file, block, wanted);
  }
  if (granted == 0) return -ENOSPC;
  inode.mappingSequence++;
  const isReal = (flags & IOMAP_DIRECT) != 0;
  if (isReal) {
    noteAllocated(inode, block, granted);
    inodeChanged(inode, true);
  }
  fill(iomap, inode, block);
  // it may be one with a neighbour; what is new of it is what was asked for
  const address = iomap.address;
  if (isReal) iomap.address = address + (((<u64>block) << volume.blockShift) - iomap.offset);
  iomap.offset = (<u64>block) << volume.blockShift;
  iomap.length = (<u64>granted) << volume.blockShift;
  iomap.flags |= IOMAP_F_NEW;
  return 0;
}

function end(pointer: usize, position: u64, length: u64, written: u64, flags: u32): i32 {
  const isUnused = written < length && (iomap.flags & IOMAP_F_NEW) != 0;
  if ((flags & IOMAP_WRITE) != 0 && isUnused && iomap.type == IOMAP_DELALLOC)
    writeDelallocRelease(changetype<Inode>(pointer), position, length, written);
  return 0;
}

function map(pointer: usize, position: u64, _length: u64, isWrite: bool): i32 {
  const inode = changetype<Inode>(pointer);
  const block = <u32>(position >> volume.blockShift);
  fill(blockMap, inode, block);
  if (!isWrite || blockMap.type != IOMAP_DELALLOC) return 0;
  makeReal(inode, block);
  fill(blockMap, inode, block);
  return 0;
}

/** The data of [position, position + length) has arrived, or not. */
function ioendDone(pointer: usize, position: u64, length: u64, isUnwritten: bool, result: i32): void {
  const inode = changetype<Inode>(pointer);
  if (result < 0) return;
  const first = <u32>(position >> volume.blockShift);
  const end = first + <u32>blocksIn(position + length - ((<u64>first) << volume.blockShift));
  const size = min<u64>(position + length, inode.size);
  const isConverted = isUnwritten && extentsConvert(inode.volumeInode, first, end);
  if (isConverted) {
    inode.mappingSequence++;
    inodeChanged(inode, true);
  }
  if (isConverted || size > inode.diskSize) mapChanged(inode, first, end);
  diskSizeReached(inode, size);
}

/** The file on the drive is at least so long: its bytes up to there have arrived, or are holes. */
export function diskSizeReached(inode: Inode, size: u64): void {
  if (size <= inode.diskSize) return;
  mapGrown(inode);
  setDiskSize(inode, size);
}

/** Sets the size that a mount will find. */
export function setDiskSize(inode: Inode, size: u64): void {
  const disk = diskInode(inode.volumeInode);
  metaTouch(changetype<usize>(disk));
  inode.diskSize = size;
  disk.size = size;
  inodeChanged(inode, true);
}

function punch(pointer: usize, position: u64, length: u64): void {
  const inode = changetype<Inode>(pointer);
  const from = <u32>(position >> volume.blockShift);
  const to = <u32>((position + length) >> volume.blockShift);
  extentsRemove(inode.volumeInode, from, to, true);
  inode.mappingSequence++;
}

export function volumeIomapInit(): void {
  registerIomap(IOMAP_KIND_VOLUME, begin, end, map, ioendDone, punch);
}
