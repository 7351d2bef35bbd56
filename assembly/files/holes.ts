// Holes: the parts of a file that no write has reached, as a store of chunks sees them (3FS).
//
// Verbs: holesClaim, holesInit, holesWrite, holesPunch, holePresent. The bytes of a hole read as zeros through every
// entrance; USRBIO also tells a hole from zeros that were written.
// Layout: a sorted list of [start, end) for each inode, of records from one pool.
// Invariants: the holes of a file are disjoint and in order; a hole ends at the end of a chunk, because a write makes its
// chunks exist from their first byte to its own last one.

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

function addHole(link: usize, start: u64, end: u64): bool {
  const pointer = poolTake(holePool);
  if (pointer == 0) return false;
  const hole = changetype<Hole>(pointer);
  hole.start = start;
  hole.end = end;
  hole.next = load<usize>(link);
  store<usize>(link, pointer);
  return true;
}

/** Takes [start, end) out of the holes. */
function fill(inode: Inode, start: u64, end: u64): void {
  let link = linkBehind(inode, start);
  while (load<usize>(link) != 0) {
    const hole = changetype<Hole>(load<usize>(link));
    if (hole.start >= end) return;
    if (hole.start < start && hole.end > end) {
      // without a record for the second half it stays present: zeros, as it reads anyway
      addHole(link, hole.start, start);
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
      const pointer = load<usize>(link);
      store<usize>(link, hole.next);
      poolGive(holePool, pointer);
    }
  }
}

/** A write of [position, position + length) begins: its chunks exist from now on; chunks that it leaps over are holes. */
export function holesWrite(inode: Inode, position: u64, length: u64): void {
  const end = position + length;
  const first = chunkStart(position);
  if (first > inode.size && inode.isBlockDevice == 0) {
    fill(inode, inode.size, first);
    addHole(linkBehind(inode, inode.size), inode.size, first);
  }
  if (inode.holes != 0) fill(inode, first, end);
}

/** Makes [start, end) a hole; both are ends of chunks. False when no record is left: nothing has changed. */
export function holesPunch(inode: Inode, start: u64, end: u64): bool {
  if (holePool.used + 2 > holePool.capacity) return false;
  fill(inode, start, end);
  return addHole(linkBehind(inode, start), start, end);
}

/** How many bytes from `position`, at most `length`, lie before the next hole. */
export function holePresent(inode: Inode, position: u64, length: u64): u64 {
  const link = linkBehind(inode, position);
  if (load<usize>(link) == 0) return length;
  const start = changetype<Hole>(load<usize>(link)).start;
  return start <= position ? 0 : min<u64>(length, start - position);
}
