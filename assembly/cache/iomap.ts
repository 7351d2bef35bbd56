// The iomap contract: file range → where it lives. The cache asks, `files/` answers.
//
// Verbs: registerIomap, iomapBegin, iomapEnd, mapBlocks, ioendDone, punchDelalloc (Documentation/filesystems/iomap/design.rst).
// Layout: two mappings, in static structs; IOMAP_OPS holds five function-table indices per provider.
// Invariant: every successful iomapBegin is paired with one iomapEnd; a mapping contains the position asked for. What a
// parked operation keeps of a mapping is good only as long as its cookie is the inode's mappingSequence.

import { count } from '../base/counters';
import { COUNTER_IOMAP_BEGINS, COUNTER_IOMAP_ENDS } from '../layout';
import { Inode } from './inode';

export const IOMAP_HOLE: u32 = 0;
export const IOMAP_DELALLOC: u32 = 1;
export const IOMAP_MAPPED: u32 = 2;
export const IOMAP_UNWRITTEN: u32 = 3;

/** Freshly allocated: bytes of a touched block that the write does not cover must be zeroed. */
export const IOMAP_F_NEW: u32 = 1;
/** Metadata that is needed to reach the data is not committed yet. */
export const IOMAP_F_DIRTY: u32 = 2;
/** I/O for this mapping must not be merged with the one before it. */
export const IOMAP_F_BOUNDARY: u32 = 1 << 6;
/** Set by the iterator: the write moved i_size; the mapping went stale. */
export const IOMAP_F_SIZE_CHANGED: u32 = 1 << 14;
export const IOMAP_F_STALE: u32 = 1 << 15;

/** Request flags of iomapBegin; none means a read. */
export const IOMAP_WRITE: u32 = 1;
export const IOMAP_ZERO: u32 = 2;
export const IOMAP_REPORT: u32 = 4;
export const IOMAP_DIRECT: u32 = 16;
export const IOMAP_NOWAIT: u32 = 32;

export const IOMAP_NULL_ADDRESS: u64 = u64.MAX_VALUE;

const PROVIDER_SIZE: usize = 20;
const MAX_PROVIDERS: u32 = 4;

@unmanaged
export class Iomap {
  /** Byte address on the drive, or IOMAP_NULL_ADDRESS. */
  address: u64;
  offset: u64;
  length: u64;
  type: u32;
  flags: u32;
}

/** What iomapBegin filled in: good until the next begin. */
export const iomap = changetype<Iomap>(memory.data(offsetof<Iomap>(), 16));
/** What mapBlocks filled in: page I/O of any file may happen while an operation uses `iomap`. */
export const blockMap = changetype<Iomap>(memory.data(offsetof<Iomap>(), 16));
const IOMAP_OPS: usize = memory.data(80, 16);

export type IomapBegin = (inode: usize, position: u64, length: u64, flags: u32) => i32;
export type IomapEnd = (inode: usize, position: u64, length: u64, written: u64, flags: u32) => i32;
export type MapBlocks = (inode: usize, position: u64, length: u64, isWrite: bool) => i32;
export type IoendDone = (inode: usize, position: u64, length: u64, isUnwritten: bool, result: i32) => void;
export type PunchDelalloc = (inode: usize, position: u64, length: u64) => void;

export function registerIomap(
  kind: u32,
  begin: IomapBegin,
  end: IomapEnd,
  map: MapBlocks,
  done: IoendDone,
  punch: PunchDelalloc,
): void {
  assert(kind < MAX_PROVIDERS, 'no room for another iomap provider');
  const row = IOMAP_OPS + <usize>kind * PROVIDER_SIZE;
  store<u32>(row, begin.index);
  store<u32>(row, end.index, 4);
  store<u32>(row, map.index, 8);
  store<u32>(row, done.index, 12);
  store<u32>(row, punch.index, 16);
}

function provider(inode: Inode): usize {
  return IOMAP_OPS + <usize>inode.iomapKind * PROVIDER_SIZE;
}

/** Fills `iomap` with a mapping that contains `position`. 0, or a negative errno (ENOSPC …). */
export function iomapBegin(inode: Inode, position: u64, length: u64, flags: u32): i32 {
  const result = call_indirect<i32>(
    load<u32>(provider(inode)),
    changetype<usize>(inode),
    position,
    length,
    flags,
  );
  if (result == 0) {
    count(COUNTER_IOMAP_BEGINS);
    assert(
      position >= iomap.offset && position - iomap.offset < iomap.length,
      'a mapping misses its position',
    );
  }
  return result;
}

/**
 * Ends the mapping that was begun at `position`: `length` is what it had of the request, `written` how much of that was done;
 * the provider keeps that much of what it had reserved. 0, or a negative errno, which counts only if nothing was done.
 */
export function iomapEnd(inode: Inode, position: u64, length: u64, written: u64, flags: u32): i32 {
  count(COUNTER_IOMAP_ENDS);
  return call_indirect<i32>(
    load<u32>(provider(inode), 4),
    changetype<usize>(inode),
    position,
    length,
    written,
    flags,
  );
}

/**
 * Fills `blockMap`, for page I/O. With `isWrite` delayed blocks of the range become real ones here; the mapping may be
 * shorter than was asked for. 0, or a negative errno.
 */
export function mapBlocks(inode: Inode, position: u64, length: u64, isWrite: bool): i32 {
  return call_indirect<i32>(
    load<u32>(provider(inode), 8),
    changetype<usize>(inode),
    position,
    length,
    isWrite,
  );
}

/** Write-back of a range ended with `result`: an unwritten extent becomes written, the size on disk moves. */
export function ioendDone(inode: Inode, position: u64, length: u64, isUnwritten: bool, result: i32): void {
  call_indirect<void>(
    load<u32>(provider(inode), 12),
    changetype<usize>(inode),
    position,
    length,
    isUnwritten,
    result,
  );
}

/** Gives reserved blocks of a range back; whole blocks, and only those that are DELALLOC. */
export function punchDelalloc(inode: Inode, position: u64, length: u64): void {
  call_indirect<void>(load<u32>(provider(inode), 16), changetype<usize>(inode), position, length);
}

/** The drive's sector of a position inside a mapping (iomap_sector()). */
export function iomapSector(map: Iomap, position: u64): u64 {
  return (map.address + position - map.offset) >> 9;
}
