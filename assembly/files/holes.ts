// Holes: the parts of a file that no write has reached, as a store of chunks sees them (3FS).
//
// Verbs: holesClaim, holesInit, holesWrite, holesShrink, holesGrow, holesPunch, holePresent. The bytes of a hole read as zeros through every
// entrance; USRBIO also tells a hole from zeros that were written.
// Layout: a sorted list of [start, end) for each inode, of records from one pool.
// Invariants: the holes of a file are in order and do not touch; a hole goes on to the end of a chunk or to the end of the
// file, because a write makes its chunks exist from their first byte to its own last one.

import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { Inode } from '../cache/inode';
import { MAX_HOLES } from '../limits';

@unmanaged
class Hole {
  next: usize;
  padding: u32;
  start: u64;
  end: u64;
}

@unmanaged
class Holes {
  chunkBytes: u64;
}

const holePool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const holes = changetype<Holes>(memory.data(offsetof<Holes>(), 16));

export function holesClaim(): void {
  poolClaim(holePool, offsetof<Hole>(), MAX_HOLES);
}

export function holesInit(chunkBytes: u32): void {
  poolInit(holePool);
  holes.chunkBytes = chunkBytes;
}

export function chunkBytes(): u64 {
  return holes.chunkBytes;
}

function chunkStart(position: u64): u64 {
  return position - (position % holes.chunkBytes);
}

/** The place of the link to the first hole that ends behind `position`. */
function linkBehind(inode: Inode, position: u64): usize {
  let link = changetype<usize>(inode) + offsetof<Inode>('holes');
  while (load<usize>(link) != 0 && changetype<Hole>(load<usize>(link)).end <= position)
    link = load<usize>(link);
  return link;
}

function insertHole(link: usize, start: u64, end: u64): void {
  const pointer = poolTake(holePool);
  // without a record it stays present: zeros, as it reads anyway
  if (pointer == 0) return;
  const hole = changetype<Hole>(pointer);
  hole.start = start;
  hole.end = end;
  hole.next = load<usize>(link);
  store<usize>(link, pointer);
}

/** Makes [start, end) a hole, joined with those that it touches. */
function addHole(inode: Inode, start: u64, end: u64): void {
  fill(inode, start, end);
  const link =
    start == 0 ? changetype<usize>(inode) + offsetof<Inode>('holes') : linkBehind(inode, start - 1);
  const before = load<usize>(link);
  if (before != 0 && changetype<Hole>(before).end == start) {
    start = changetype<Hole>(before).start;
    removeHole(link);
  }
  const after = load<usize>(link);
  if (after != 0 && changetype<Hole>(after).start == end) {
    end = changetype<Hole>(after).end;
    removeHole(link);
  }
  insertHole(link, start, end);
}

function removeHole(link: usize): void {
  const pointer = load<usize>(link);
  store<usize>(link, changetype<Hole>(pointer).next);
  poolGive(holePool, pointer);
}

/** Takes [start, end) out of the holes. */
function fill(inode: Inode, start: u64, end: u64): void {
  let link = linkBehind(inode, start);
  while (load<usize>(link) != 0) {
    const hole = changetype<Hole>(load<usize>(link));
    if (hole.start >= end) return;
    if (hole.start < start && hole.end > end) {
      insertHole(link, hole.start, start);
      hole.start = end;
      return;
    }
    if (hole.start < start) {
      hole.end = start;
      link = load<usize>(link);
    } else if (hole.end > end) {
      hole.start = end;
      return;
    } else {
      removeHole(link);
    }
  }
}

/** A write of [position, position + length) begins: its chunks exist from now on; chunks that it leaps over are holes. */
export function holesWrite(inode: Inode, position: u64, length: u64): void {
  const end = position + length;
  const first = chunkStart(position);
  if (first > inode.size && inode.isBlockDevice == 0) addHole(inode, inode.size, first);
  if (inode.holes != 0) fill(inode, first, end);
}

/** A truncate moves the end of the file down to `size`: there are no holes behind it. */
export function holesShrink(inode: Inode, size: u64): void {
  if (inode.holes != 0) fill(inode, size, u64.MAX_VALUE);
}

/** A truncate moves the end of the file up: what is new is a hole. */
export function holesGrow(inode: Inode, oldSize: u64, size: u64): void {
  addHole(inode, oldSize, size);
}

/** Makes [start, end) a hole; both are ends of chunks. False when no record is left: nothing has changed. */
export function holesPunch(inode: Inode, start: u64, end: u64): bool {
  if (holePool.used + 2 > holePool.capacity) return false;
  addHole(inode, start, end);
  return true;
}

/** How many bytes from `position`, at most `length`, lie before the next hole. */
export function holePresent(inode: Inode, position: u64, length: u64): u64 {
  const link = linkBehind(inode, position);
  if (load<usize>(link) == 0) return length;
  const start = changetype<Hole>(load<usize>(link)).start;
  return start <= position ? 0 : min<u64>(length, start - position);
}
