// Extents: which blocks of the volume hold which blocks of a file.
//
// Verbs: extentsClaim, extentsInit, extentAdd, extentsRemove, extentsConvert, allocateUnwritten, reserveDelayed, allocateDelayed,
// extentLoad, extentsCheck, extentsCommitted.
// Layout: a tree per file in memory (extent-tree.ts); each node of a real extent has one slot of the metadata image. Delayed
// extents (DELALLOC) have reserved blocks but no slot: they are in memory only.
// Invariants: the extents of a file do not overlap; neighbours that could be one are one; every block is in one extent, free, or
// pending; there is a slot for each extent that the blocks in use and reserved could ever become.

import { arenaClaim } from '../../base/arena';
import { IOMAP_DELALLOC, IOMAP_MAPPED, IOMAP_UNWRITTEN } from '../../cache/iomap';
import {
  allocateBlocks,
  availableBlockCount,
  blocksClaim,
  blocksCommitted,
  blocksInit,
  blocksStale,
  freeBlockCount,
  freeBlocks,
  pendingBlockCount,
  reserveBlocks,
  reservedBlockCount,
  takeBlocks,
  unreserveBlocks,
} from './blocks';
import {
  Extent,
  extentCeiling,
  extentCovering,
  extentFloor,
  giveNode,
  link,
  NO_SLOT,
  newNode,
  treeClaim,
  treeInit,
  unlink,
} from './extent-tree';
import { volume } from './geometry';
import { EXTENT_UNWRITTEN, ExtentSlot, extentSlot, extentSlotCount, metaTouch } from './image';

/** Blocks of one extent: bit 31 of a slot's count is taken. */
const MAX_EXTENT_BLOCKS: u32 = 0x7fffffff;
/** Nodes beside those that the blocks could need, for a split in the middle of a change. */
const SPARE_NODES: u32 = 8;

@unmanaged
class Extents {
  /** u32 a file: its blocks, delayed ones included. */
  blockCounts: usize;
  /** Stack of free slots. */
  slots: usize;
  freeSlots: u32;
  unwrittenBlocks: u32;
  mappedExtents: u32;
  /** Records are being replayed: the map of free blocks is made anew behind. */
  isReplaying: u32;
}

const extents = changetype<Extents>(memory.data(offsetof<Extents>(), 16));

/** `delayedNodes`: delayed extents that there can be at one time. */
export function extentsClaim(delayedNodes: u64): void {
  const files = <u64>volume.inodeCount + 1;
  blocksClaim();
  const nodes = min<u64>(volume.blockCount, <u64>extentSlotCount() + delayedNodes) + SPARE_NODES;
  treeClaim(<u32>nodes);
  extents.blockCounts = arenaClaim(files << 2, 16);
  extents.slots = arenaClaim((<u64>extentSlotCount()) << 2, 16);
}

/** No file has any extent; extentLoad brings in those of the metadata image. */
export function extentsInit(): void {
  const files = <usize>volume.inodeCount + 1;
  blocksInit();
  treeInit();
  memory.fill(extents.blockCounts, 0, files << 2);
  extents.freeSlots = 0;
  extents.unwrittenBlocks = 0;
  extents.mappedExtents = 0;
}

export function freeSlotCount(): u32 {
  return extents.freeSlots;
}

/** Blocks that a file has, delayed ones included. */
export function fileBlockCount(file: u32): u32 {
  return load<u32>(extents.blockCounts + ((<usize>file) << 2));
}

/** While records are replayed extents come and go without the map of free blocks; extentsInit and extentLoad make it anew. */
export function setReplaying(isOn: bool): void {
  extents.isReplaying = isOn ? 1 : 0;
}

function changeBlockCount(file: u32, change: i32): void {
  const address = extents.blockCounts + ((<usize>file) << 2);
  store<u32>(address, load<u32>(address) + change);
}

// ---- slots ----

function writeSlot(file: u32, node: Extent): void {
  if (node.type == IOMAP_DELALLOC) return;
  if (node.slot == NO_SLOT) {
    assert(extents.freeSlots > 0, 'no slot is left for an extent');
    extents.freeSlots--;
    node.slot = load<u32>(extents.slots + ((<usize>extents.freeSlots) << 2));
  }
  const slot = changetype<ExtentSlot>(extentSlot(node.slot));
  metaTouch(changetype<usize>(slot));
  slot.inode = file;
  slot.fileBlock = node.fileBlock;
  slot.start = node.start;
  slot.count = node.type == IOMAP_UNWRITTEN ? node.count | EXTENT_UNWRITTEN : node.count;
}

function pushSlot(index: u32): void {
  store<u32>(extents.slots + ((<usize>extents.freeSlots) << 2), index);
  extents.freeSlots++;
}

function giveSlot(node: Extent): void {
  if (node.slot == NO_SLOT) return;
  const slot = extentSlot(node.slot);
  metaTouch(slot);
  memory.fill(slot, 0, offsetof<ExtentSlot>());
  pushSlot(node.slot);
  node.slot = NO_SLOT;
}

/**
 * How many more blocks may be used or promised, each of which could become an extent of its own. A volume with a slot for
 * each block has room for all.
 */
export function extentRoom(): u32 {
  if (extentSlotCount() >= volume.blockCount) return u32.MAX_VALUE;
  const most = <u64>extents.mappedExtents + extents.unwrittenBlocks + reservedBlockCount() + SPARE_NODES;
  return most < <u64>extentSlotCount() ? extentSlotCount() - <u32>most : 0;
}

// ---- changes ----

function countNode(node: Extent, direction: i32): void {
  if (node.type == IOMAP_MAPPED) extents.mappedExtents += direction;
  else if (node.type == IOMAP_UNWRITTEN) extents.unwrittenBlocks += node.count * direction;
}

function dropNode(file: u32, pointer: usize): void {
  const node = changetype<Extent>(pointer);
  countNode(node, -1);
  unlink(file, pointer);
  giveSlot(node);
  giveNode(pointer);
}

function canJoin(first: Extent, second: Extent): bool {
  return (
    first.type == second.type &&
    first.fileBlock + first.count == second.fileBlock &&
    (first.type == IOMAP_DELALLOC || first.start + first.count == second.start) &&
    first.count <= MAX_EXTENT_BLOCKS - second.count
  );
}

/** Adds blocks to a file; none of the range has an extent. They are one with their neighbours where that is possible. */
export function extentAdd(file: u32, fileBlock: u32, count: u32, start: u32, type: u32): void {
  let pointer = newNode(fileBlock, count, start, type);
  let node = changetype<Extent>(pointer);
  const before = fileBlock > 0 ? extentFloor(file, fileBlock - 1) : 0;
  if (before != 0 && canJoin(changetype<Extent>(before), node)) {
    giveNode(pointer);
    pointer = before;
    node = changetype<Extent>(before);
    countNode(node, -1);
    node.count += count;
  } else {
    link(file, pointer);
  }
  const behind = extentCeiling(file, fileBlock + count);
  if (behind != 0 && canJoin(node, changetype<Extent>(behind))) {
    const joined = changetype<Extent>(behind).count;
    dropNode(file, behind);
    node.count += joined;
  }
  countNode(node, 1);
  writeSlot(file, node);
  changeBlockCount(file, count);
}

/** Makes an extent end where `block` begins, if one holds both. */
function splitAt(file: u32, block: u32): void {
  const pointer = extentCovering(file, block);
  if (pointer == 0 || changetype<Extent>(pointer).fileBlock == block) return;
  const node = changetype<Extent>(pointer);
  const kept = block - node.fileBlock;
  const start = node.type == IOMAP_DELALLOC ? 0 : node.start + kept;
  const tail = newNode(block, node.count - kept, start, node.type);
  countNode(node, -1);
  node.count = kept;
  countNode(node, 1);
  writeSlot(file, node);
  countNode(changetype<Extent>(tail), 1);
  link(file, tail);
  writeSlot(file, changetype<Extent>(tail));
}

/** Whether there is a slot for what cutting [from, to) out of a file leaves. */
export function canCut(file: u32, from: u32, to: u32): bool {
  if (extents.freeSlots > 0) return true;
  const pointer = extentCovering(file, from);
  if (pointer == 0 || isDelayed(pointer)) return true;
  const node = changetype<Extent>(pointer);
  return node.fileBlock == from || <u64>node.fileBlock + node.count <= <u64>to;
}

/** Gives back the blocks [from, to) of an extent that holds them. */
function releaseBlocks(file: u32, node: Extent, from: u32, to: u32): void {
  if (node.type == IOMAP_DELALLOC) unreserveBlocks(to - from);
  else {
    const start = node.start + (from - node.fileBlock);
    if (extents.isReplaying == 0) freeBlocks(start, to - from);
    else blocksStale(start, to - from);
  }
  changeBlockCount(file, -(<i32>(to - from)));
}

/** Takes [from, to), which an extent holds, out of it. */
function cut(file: u32, pointer: usize, from: u32, to: u32): void {
  const node = changetype<Extent>(pointer);
  const end = node.fileBlock + node.count;
  releaseBlocks(file, node, from, to);
  if (from == node.fileBlock && to == end) {
    dropNode(file, pointer);
    return;
  }
  if (from > node.fileBlock && to < end) splitAt(file, to);
  countNode(node, -1);
  if (from > node.fileBlock) {
    node.count = from - node.fileBlock;
  } else {
    if (node.type != IOMAP_DELALLOC) node.start += to - from;
    node.fileBlock = to;
    node.count = end - to;
  }
  countNode(node, 1);
  writeSlot(file, node);
}

/** Takes [from, to) out of a file: real blocks become free with the running transaction, reserved ones at once. With `delayedOnly` real ones stay. */
export function extentsRemove(file: u32, from: u32, to: u32, delayedOnly: bool): void {
  let block = from;
  while (block < to) {
    let pointer = extentCovering(file, block);
    if (pointer == 0) pointer = extentCeiling(file, block);
    if (pointer == 0 || changetype<Extent>(pointer).fileBlock >= to) return;
    const node = changetype<Extent>(pointer);
    const first = max<u32>(node.fileBlock, block);
    const end = min<u32>(node.fileBlock + node.count, to);
    if (!delayedOnly || node.type == IOMAP_DELALLOC) cut(file, pointer, first, end);
    block = end;
  }
}

function isDelayed(pointer: usize): bool {
  return pointer != 0 && changetype<Extent>(pointer).type == IOMAP_DELALLOC;
}

/** Unwritten blocks in [from, to) become written. True when there were any. */
export function extentsConvert(file: u32, from: u32, to: u32): bool {
  let hasChanged = false;
  let block = from;
  while (block < to) {
    let pointer = extentCovering(file, block);
    if (pointer == 0) pointer = extentCeiling(file, block);
    if (pointer == 0 || changetype<Extent>(pointer).fileBlock >= to) break;
    const node = changetype<Extent>(pointer);
    const first = max<u32>(node.fileBlock, block);
    const end = min<u32>(node.fileBlock + node.count, to);
    if (node.type == IOMAP_UNWRITTEN) {
      const start = node.start + (first - node.fileBlock);
      splitAt(file, first);
      splitAt(file, end);
      dropNode(file, extentCovering(file, first));
      changeBlockCount(file, -(<i32>(end - first)));
      extentAdd(file, first, end - first, start, IOMAP_MAPPED);
      hasChanged = true;
    }
    block = end;
  }
  return hasChanged;
}

/** Where a file's next block would best lie: behind the real blocks before it. */
function goalFor(file: u32, block: u32): u32 {
  let pointer = block > 0 ? extentFloor(file, block - 1) : 0;
  if (isDelayed(pointer)) {
    const before = changetype<Extent>(pointer).fileBlock;
    pointer = before > 0 ? extentFloor(file, before - 1) : 0;
  }
  if (pointer == 0 || isDelayed(pointer)) return u32.MAX_VALUE;
  const node = changetype<Extent>(pointer);
  return node.start + node.count;
}

/** Gives [block, block + wanted) of a file, none of which has an extent, unwritten blocks in a row: how many, 0 when none is free. */
export function allocateUnwritten(file: u32, block: u32, wanted: u32): u32 {
  // what others have been promised stays free
  const got = allocateBlocks(goalFor(file, block), min<u32>(wanted, availableBlockCount()));
  const count = <u32>(got >> 32);
  if (count > 0) extentAdd(file, block, count, <u32>got, IOMAP_UNWRITTEN);
  return count;
}

/** Makes the delayed extent that holds `block` real from there on, as far as there are blocks in a row: how many, all unwritten. */
export function allocateDelayed(file: u32, block: u32): u32 {
  splitAt(file, block);
  const pointer = extentCovering(file, block);
  const wanted = changetype<Extent>(pointer).count;
  const got = allocateBlocks(goalFor(file, block), wanted);
  const count = <u32>(got >> 32);
  assert(count > 0, 'blocks were promised that are not there');
  extentsRemove(file, block, block + count, true);
  extentAdd(file, block, count, <u32>got, IOMAP_UNWRITTEN);
  return count;
}

/** Promises blocks to a hole of a file that begins at `block`: how many of `wanted`. */
export function reserveDelayed(file: u32, block: u32, wanted: u32): u32 {
  const granted = reserveBlocks(min<u32>(wanted, extentRoom()));
  if (granted > 0) extentAdd(file, block, granted, 0, IOMAP_DELALLOC);
  return granted;
}

// ---- mount and check ----

/** What is wrong with an extent slot; 0: nothing. */
export const EXTENT_SOUND: u32 = 0;
export const EXTENT_OUT_OF_RANGE: u32 = 1;
export const EXTENT_BLOCKS_TAKEN: u32 = 2;
export const EXTENT_OVERLAPS: u32 = 3;

/** Brings in one slot of the metadata image, used or free: EXTENT_…. Whoever calls has checked the inode. */
export function extentLoad(index: u32): u32 {
  const slot = changetype<ExtentSlot>(extentSlot(index));
  if (slot.inode == 0) {
    pushSlot(index);
    return EXTENT_SOUND;
  }
  const count = slot.count & ~EXTENT_UNWRITTEN;
  const isInFile = count > 0 && count <= u32.MAX_VALUE - slot.fileBlock;
  if (!isInFile || slot.start >= volume.blockCount || count > volume.blockCount - slot.start)
    return EXTENT_OUT_OF_RANGE;
  const behind = extentCeiling(slot.inode, slot.fileBlock);
  const isClear = behind == 0 || changetype<Extent>(behind).fileBlock >= slot.fileBlock + count;
  if (!isClear || extentCovering(slot.inode, slot.fileBlock) != 0) return EXTENT_OVERLAPS;
  if (!takeBlocks(slot.start, count)) return EXTENT_BLOCKS_TAKEN;
  const type = slot.count & EXTENT_UNWRITTEN ? IOMAP_UNWRITTEN : IOMAP_MAPPED;
  const pointer = newNode(slot.fileBlock, count, slot.start, type);
  changetype<Extent>(pointer).slot = index;
  countNode(changetype<Extent>(pointer), 1);
  link(slot.inode, pointer);
  changeBlockCount(slot.inode, count);
  return EXTENT_SOUND;
}

/**
 * Builds trees and free space from the slots of the metadata image, after extentsInit. 0, or for the first slot that does not
 * fit its index in the low word and EXTENT_… in the high one.
 */
export function extentsLoad(): u64 {
  extentsInit();
  for (let index: u32 = 0; index < extentSlotCount(); index++) {
    const wrong = extentLoad(index);
    if (wrong != EXTENT_SOUND) return <u64>index | ((<u64>wrong) << 32);
  }
  return 0;
}

/** Transactions up to this number are durable: what they freed may be used again. */
export function extentsCommitted(transaction: u64): void {
  blocksCommitted(transaction);
}

/** What extentsCheck found. */
export const CHECK_SOUND: u32 = 0;
export const CHECK_ORDER: u32 = 1;
export const CHECK_SLOT: u32 = 2;
export const CHECK_FILE_BLOCKS: u32 = 3;
export const CHECK_RESERVED: u32 = 4;
export const CHECK_LEAK: u32 = 5;

/** Compares the extents in memory with their slots and the block counts: CHECK_…, with the file in the high word. */
export function extentsCheck(): u64 {
  let used: u64 = 0;
  let reserved: u64 = 0;
  for (let file: u32 = 1; file <= volume.inodeCount; file++) {
    let own: u64 = 0;
    let end: u64 = 0;
    for (let pointer = extentCeiling(file, 0); pointer != 0; ) {
      const node = changetype<Extent>(pointer);
      if (node.fileBlock < end || node.count == 0) return ((<u64>file) << 32) | CHECK_ORDER;
      end = <u64>node.fileBlock + node.count;
      own += node.count;
      if (node.type == IOMAP_DELALLOC) reserved += node.count;
      else if (!isSlotRight(file, node)) return ((<u64>file) << 32) | CHECK_SLOT;
      pointer = end > <u64>u32.MAX_VALUE ? 0 : extentCeiling(file, <u32>end);
    }
    if (own != <u64>fileBlockCount(file)) return ((<u64>file) << 32) | CHECK_FILE_BLOCKS;
    used += own;
  }
  if (reserved != <u64>reservedBlockCount()) return CHECK_RESERVED;
  const known = used - reserved + freeBlockCount() + pendingBlockCount();
  return known == <u64>volume.blockCount ? CHECK_SOUND : CHECK_LEAK;
}

function isSlotRight(file: u32, node: Extent): bool {
  if (node.slot >= extentSlotCount()) return false;
  const slot = changetype<ExtentSlot>(extentSlot(node.slot));
  const count = node.type == IOMAP_UNWRITTEN ? node.count | EXTENT_UNWRITTEN : node.count;
  return (
    slot.inode == file && slot.fileBlock == node.fileBlock && slot.start == node.start && slot.count == count
  );
}
