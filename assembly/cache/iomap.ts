// The iomap contract: file range → where it lives. The cache asks, `files/` answers.
//
// Verbs: registerIomap, iomapBegin, iomapEnd, mapBlocks, ioendDone (Documentation/filesystems/iomap/design.rst).
// Layout: two mappings, in static structs; IOMAP_OPS holds four function-table indices per provider.
// Invariant: every successful iomapBegin is paired with one iomapEnd; a mapping contains the position asked for and is
// valid only until the next begin.

import { Inode } from './inode';

export const IOMAP_HOLE: u32 = 0;
export const IOMAP_DELALLOC: u32 = 1;
export const IOMAP_MAPPED: u32 = 2;
export const IOMAP_UNWRITTEN: u32 = 3;

/** Freshly allocated: bytes of a touched block that the write does not cover must be zeroed. */
export const IOMAP_F_NEW: u32 = 1;

/** Request flags of iomapBegin; none means a read. */
export const IOMAP_WRITE: u32 = 1;

export const IOMAP_NULL_ADDRESS: u64 = u64.MAX_VALUE;

const PROVIDER_SIZE: usize = 16;
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

/** What iomapBegin filled in. */
export const iomap = changetype<Iomap>(memory.data(offsetof<Iomap>(), 16));
/** What mapBlocks filled in: page I/O of any file may happen while an operation uses `iomap`. */
export const blockMap = changetype<Iomap>(memory.data(offsetof<Iomap>(), 16));
const IOMAP_OPS: usize = memory.data(64, 16);

export type IomapBegin = (inode: usize, position: u64, length: u64, flags: u32) => i32;
export type IomapEnd = (inode: usize, position: u64, length: u64, written: u64, flags: u32) => i32;
export type MapBlocks = (inode: usize, position: u64, length: u64) => i32;
export type IoendDone = (inode: usize, position: u64, length: u64, result: i32) => void;

export function registerIomap(
  kind: u32,
  begin: IomapBegin,
  end: IomapEnd,
  map: MapBlocks,
  done: IoendDone,
): void {
  assert(kind < MAX_PROVIDERS, 'no room for another iomap provider');
  const row = IOMAP_OPS + <usize>kind * PROVIDER_SIZE;
  store<u32>(row, begin.index);
  store<u32>(row, end.index, 4);
  store<u32>(row, map.index, 8);
  store<u32>(row, done.index, 12);
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
    assert(
      position >= iomap.offset && position - iomap.offset < iomap.length,
      'a mapping misses its position',
    );
  }
  return result;
}

export function iomapEnd(inode: Inode, position: u64, length: u64, written: u64, flags: u32): i32 {
  return call_indirect<i32>(
    load<u32>(provider(inode), 4),
    changetype<usize>(inode),
    position,
    length,
    written,
    flags,
  );
}

/** Fills `blockMap`, for page I/O: on write-back delayed blocks become real ones here. */
export function mapBlocks(inode: Inode, position: u64, length: u64): i32 {
  return call_indirect<i32>(load<u32>(provider(inode), 8), changetype<usize>(inode), position, length);
}

/** Write-back of a range ended (converts unwritten extents, moves the size on disk). */
export function ioendDone(inode: Inode, position: u64, length: u64, result: i32): void {
  call_indirect<void>(load<u32>(provider(inode), 12), changetype<usize>(inode), position, length, result);
}

/** The drive's sector of a position inside a mapping (iomap_sector()). */
export function iomapSector(map: Iomap, position: u64): u64 {
  return (map.address + position - map.offset) >> 9;
}
