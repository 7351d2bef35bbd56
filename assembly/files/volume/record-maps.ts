// Records of what a file holds: its size, and which blocks have its bytes.
//
// Verbs: mapChanged, mapGrown, mapCut, keepSteps. What has changed of a file is a range of its blocks, and what became of its end,
// kept at the inode until the operation that changed it comes to its end, or a sync: then one record has the mapping of the whole
// range as it is by then, also of blocks that were mapped before, because an earlier record may be missing.
// Layout behind the record's head: {inode's facts, range, what the size means, extents, size u64}, then the extents.
// Invariant: a record is sent when its data has arrived; a file without names has none, as no mount would keep it.

import { EIO } from '../../base/errno';
import { Operation, PENDING } from '../../base/operation';
import { Inode } from '../../cache/inode';
import { IOMAP_DELALLOC, IOMAP_UNWRITTEN } from '../../cache/iomap';
import { Drive } from '../../drive/drive-table';
import {
  LOG_CHAIN_METADATA,
  PROMISE_SAFE_APPEND,
  VOLUME_PROFILE_ALICE,
  VOLUME_PROFILE_ORDERED,
} from '../../layout';
import { SECTOR_SIZE } from '../../limits';
import { Extent, extentCeiling, extentCovering } from './extent-tree';
import { hasRecords, volume } from './geometry';
import { diskInode, EXTENT_UNWRITTEN } from './image';
import { journalHasFailed } from './journal';
import { fillFacts, InodeFacts } from './record-names';
import {
  RECORD_BODY,
  RECORD_MAP,
  recordBegin,
  recordEnd,
  recordsPark,
  recordsReady,
  VolumeRecord,
} from './records';

// bits of Inode.recordWhat, and what RecordedMap.sizeMeans
/** Blocks have changed. */
const HAS_BLOCKS: u32 = 1;
/** The file is at least so long. */
export const SIZE_AT_LEAST: u32 = 2;
/** The file is so long. */
export const SIZE_IS: u32 = 4;
/** Blocks were taken away: a truncation, which `ordered` keeps in order with names. */
const HAS_CUT: u32 = 8;

/** Nothing lies behind this block. */
export const LAST_BLOCK: u32 = u32.MAX_VALUE;
/** Truncations of `alice` come in pieces of so many bytes, and in at most so many pieces. */
const PIECE_BYTES: u64 = 4096;
const MOST_PIECES: u64 = 64;

@unmanaged
export class RecordedMap {
  // InodeFacts
  number: u32;
  generation: u32;
  mode: u32;
  uid: u32;
  gid: u32;
  /** Blocks [from, end) of the file are as the extents say, and holes between them. */
  from: u32;
  end: u32;
  /** 0, SIZE_AT_LEAST or SIZE_IS. */
  sizeMeans: u32;
  extents: u32;
  size: u64;
}

@unmanaged
export class RecordedExtent {
  fileBlock: u32;
  start: u32;
  /** Blocks; bit 31: unwritten. */
  count: u32;
}

export const MAP_EXTENTS: usize = RECORD_BODY + offsetof<RecordedMap>();
/** Extents of one record. */
export const EXTENTS_A_MAP: u32 = (<u32>SECTOR_SIZE - <u32>MAP_EXTENTS) / <u32>offsetof<RecordedExtent>();

/** The chain of a file's data and records in the write log: data and size stand or fall together, in order; 0: they do not. */
export function chainOf(number: u32): u32 {
  if (!hasRecords()) return 0;
  const isSafe = (changetype<Drive>(volume.drive).promises & PROMISE_SAFE_APPEND) != 0;
  return isSafe || volume.profile == <u32>VOLUME_PROFILE_ORDERED ? number : 0;
}

function extendRange(inode: Inode, from: u32, end: u32): void {
  const isEmpty = (inode.recordWhat & HAS_BLOCKS) == 0;
  inode.recordFrom = isEmpty ? from : min<u32>(inode.recordFrom, from);
  inode.recordEnd = isEmpty ? end : max<u32>(inode.recordEnd, end);
  inode.recordWhat |= HAS_BLOCKS;
}

/** Blocks [from, end) of a file have come to it, or their data has. */
export function mapChanged(inode: Inode, from: u32, end: u32): void {
  if (hasRecords()) extendRange(inode, from, end);
}

/** The file has become longer by writing. */
export function mapGrown(inode: Inode): void {
  if (hasRecords()) inode.recordWhat |= SIZE_AT_LEAST;
}

/** Blocks [from, end) of a file have gone. */
export function mapCut(inode: Inode, from: u32, end: u32): void {
  if (!hasRecords()) return;
  extendRange(inode, from, end);
  inode.recordWhat |= HAS_CUT;
}

/** The file's size was set, from `oldSize`. */
export function mapResized(inode: Inode, oldSize: u64): void {
  if (!hasRecords()) return;
  inode.recordWhat |= SIZE_IS | HAS_CUT;
  inode.recordOldSize = oldSize;
  if (inode.size < oldSize) inode.cutChain = chainOfCut(inode);
}

function chainOfCut(inode: Inode): u32 {
  return volume.profile == <u32>VOLUME_PROFILE_ORDERED ? <u32>LOG_CHAIN_METADATA : inode.chain;
}

/** Nothing of a file is left to record. */
function allRecorded(inode: Inode): void {
  inode.recordWhat = 0;
  inode.cutChain = 0;
}

/**
 * Sends records for what has changed of a file, and waits until none of its records is on its way. 0, PENDING, or EIO when
 * records can not be written any more.
 */
export function keepSteps(operation: Operation, inode: Inode): i32 {
  if (diskInode(inode.volumeInode).links == 0) allRecorded(inode);
  while (inode.recordWhat != 0 && !journalHasFailed()) {
    if (!recordsReady(1, 1)) {
      recordsPark(operation);
      return PENDING;
    }
    if (!recordPiece(inode)) recordRange(inode);
  }
  if (inode.recordsInFlight > 0) {
    recordsPark(operation);
    return PENDING;
  }
  if (!journalHasFailed()) return 0;
  allRecorded(inode);
  return -EIO;
}

/** A record of a file with its facts, and nothing of its blocks. */
function beginMap(inode: Inode): RecordedMap {
  const map = changetype<RecordedMap>(changetype<usize>(recordBegin(RECORD_MAP)) + RECORD_BODY);
  fillFacts(changetype<InodeFacts>(changetype<usize>(map)), inode.volumeInode);
  return map;
}

function endMap(inode: Inode, map: RecordedMap): void {
  const bytes = <u32>MAP_EXTENTS + map.extents * <u32>offsetof<RecordedExtent>();
  const chain = inode.recordWhat & HAS_CUT ? chainOfCut(inode) : inode.chain;
  recordEnd(
    changetype<VolumeRecord>(changetype<usize>(map) - RECORD_BODY),
    bytes,
    inode.volumeInode,
    chain,
    inode.tag,
  );
}

function blocksFor(size: u64): u32 {
  return <u32>((size + ((<u64>1) << volume.blockShift) - 1) >> volume.blockShift);
}

/** In `alice` the next piece of a truncation, from the end. False when none is left but the last. */
function recordPiece(inode: Inode): bool {
  const size = inode.diskSize;
  const old = inode.recordOldSize;
  if (volume.profile != <u32>VOLUME_PROFILE_ALICE || (inode.recordWhat & SIZE_IS) == 0 || old <= size)
    return false;
  const step = ((old - size) / MOST_PIECES + PIECE_BYTES - 1) & ~(PIECE_BYTES - 1);
  const next = (old - 1) & ~(max<u64>(step, PIECE_BYTES) - 1);
  if (next <= size) return false;
  const map = beginMap(inode);
  map.from = blocksFor(next);
  map.end = LAST_BLOCK;
  map.sizeMeans = SIZE_IS;
  map.size = next;
  endMap(inode, map);
  inode.recordOldSize = next;
  return true;
}

/** The mapping of the range, or as much of it as one record holds; the rest stays to be recorded. */
function recordRange(inode: Inode): void {
  const map = beginMap(inode);
  const hasBlocks = (inode.recordWhat & HAS_BLOCKS) != 0;
  map.from = hasBlocks ? inode.recordFrom : 0;
  map.end = hasBlocks ? fillExtents(inode, map) : 0;
  const isLast = !hasBlocks || map.end == inode.recordEnd;
  map.sizeMeans = inode.recordWhat & SIZE_IS ? (isLast ? SIZE_IS : 0) : inode.recordWhat & SIZE_AT_LEAST;
  map.size = isLast ? inode.diskSize : min<u64>(inode.diskSize, (<u64>map.end) << volume.blockShift);
  endMap(inode, map);
  if (isLast) allRecorded(inode);
  else inode.recordFrom = map.end;
}

/** Lists the real extents of the range, cut to it. The block behind the last that the record speaks of. */
function fillExtents(inode: Inode, map: RecordedMap): u32 {
  const file = inode.volumeInode;
  const limit = inode.recordEnd;
  let block = inode.recordFrom;
  let at = changetype<usize>(map) + offsetof<RecordedMap>();
  while (block < limit) {
    let pointer = extentCovering(file, block);
    if (pointer == 0) pointer = extentCeiling(file, block);
    if (pointer == 0 || changetype<Extent>(pointer).fileBlock >= limit) break;
    const node = changetype<Extent>(pointer);
    const first = max<u32>(node.fileBlock, block);
    const end = <u32>min<u64>(<u64>node.fileBlock + node.count, limit);
    if (node.type != IOMAP_DELALLOC) {
      if (map.extents == EXTENTS_A_MAP) return first;
      const extent = changetype<RecordedExtent>(at);
      extent.fileBlock = first;
      extent.start = node.start + (first - node.fileBlock);
      extent.count = node.type == IOMAP_UNWRITTEN ? (end - first) | EXTENT_UNWRITTEN : end - first;
      at += offsetof<RecordedExtent>();
      map.extents++;
    }
    block = end;
  }
  return limit;
}
