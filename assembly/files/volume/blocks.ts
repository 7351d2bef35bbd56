// The blocks of the volume: which are free, which are promised, which wait for a commit.
//
// Verbs: blocksClaim, blocksInit, reserveBlocks, unreserveBlocks, allocateBlocks, takeBlocks, freeBlocks, blocksCommitted; of a replay: staleBegin,
// blocksStale, staleEnd.
// Layout: a bitmap of free blocks, and two of blocks that a transaction has freed: the running one and the one that is being
// committed. Nothing of it is on the drive: it follows from the extents. On a volume with records one more, of blocks that records
// have told of, or that replay has taken from a file: those that are free in the end may hold bytes of a file that is gone.
// Invariants: free + pending + those of extents == blockCount; reserved ≤ free; a block that was freed is used again only
// when the transaction that freed it is durable, so a crash never shows one file's bytes in another.

import { arenaClaim } from '../../base/arena';
import { hasRecords, volume } from './geometry';
import { runningTransaction } from './image';

/** Runs of free blocks that one allocation looks at before it takes the longest so far. */
const RUNS_LOOKED_AT: u32 = 64;

@unmanaged
class Blocks {
  free: usize;
  freeCount: u32;
  reserved: u32;
  /** Where the last allocation ended. */
  cursor: u32;
  padding: u32;
  pending0: usize;
  pending1: usize;
  pendingCount0: u32;
  pendingCount1: u32;
  transaction0: u64;
  transaction1: u64;
  stale: usize;
}

const blocks = changetype<Blocks>(memory.data(offsetof<Blocks>(), 16));

function bitmapBytes(): usize {
  return (<usize>((volume.blockCount + 63) >> 6)) << 3;
}

export function blocksClaim(): void {
  blocks.free = arenaClaim(<u64>bitmapBytes(), 16);
  blocks.pending0 = arenaClaim(<u64>bitmapBytes(), 16);
  blocks.pending1 = arenaClaim(<u64>bitmapBytes(), 16);
  if (hasRecords()) blocks.stale = arenaClaim(<u64>bitmapBytes(), 16);
}

/** Every block is free. */
export function blocksInit(): void {
  memory.fill(blocks.free, 0xff, bitmapBytes());
  memory.fill(blocks.pending0, 0, bitmapBytes());
  memory.fill(blocks.pending1, 0, bitmapBytes());
  const tail = volume.blockCount & 63;
  if (tail != 0) store<u64>(blocks.free + bitmapBytes() - 8, ((<u64>1) << (<u64>tail)) - 1);
  blocks.freeCount = volume.blockCount;
  blocks.reserved = 0;
  blocks.cursor = 0;
  blocks.pendingCount0 = 0;
  blocks.pendingCount1 = 0;
}

export function freeBlockCount(): u32 {
  return blocks.freeCount;
}

export function reservedBlockCount(): u32 {
  return blocks.reserved;
}

/** Blocks that become free with a commit. */
export function pendingBlockCount(): u32 {
  return blocks.pendingCount0 + blocks.pendingCount1;
}

/** Free blocks that nobody has been promised. */
export function availableBlockCount(): u32 {
  return blocks.freeCount - blocks.reserved;
}

/** Promises up to `wanted` blocks: how many. */
export function reserveBlocks(wanted: u32): u32 {
  const granted = min<u32>(wanted, availableBlockCount());
  blocks.reserved += granted;
  return granted;
}

export function unreserveBlocks(count: u32): void {
  assert(blocks.reserved >= count, 'more blocks were given back than were promised');
  blocks.reserved -= count;
}

function wordOf(bitmap: usize, block: u32): usize {
  return bitmap + ((<usize>(block >> 6)) << 3);
}

export function isBlockFree(block: u32): bool {
  return ((load<u64>(wordOf(blocks.free, block)) >> (<u64>block & 63)) & 1) != 0;
}

/** Sets or clears the bits of [start, start + count); how many changed. */
function changeBits(bitmap: usize, start: u32, count: u32, isSet: bool): u32 {
  let changed: u32 = 0;
  while (count > 0) {
    const bit = start & 63;
    const step = min<u32>(count, 64 - bit);
    const mask = (step == 64 ? u64.MAX_VALUE : ((<u64>1) << (<u64>step)) - 1) << (<u64>bit);
    const word = wordOf(bitmap, start);
    const old = load<u64>(word);
    const value = isSet ? old | mask : old & ~mask;
    changed += <u32>popcnt<u64>(old ^ value);
    store<u64>(word, value);
    start += step;
    count -= step;
  }
  return changed;
}

/** The first free block at or above `from`, or blockCount. */
function nextFree(from: u32): u32 {
  while (from < volume.blockCount) {
    const rest = load<u64>(wordOf(blocks.free, from)) >> (<u64>from & 63);
    if (rest != 0) return from + <u32>ctz<u64>(rest);
    from = (from | 63) + 1;
  }
  return volume.blockCount;
}

/** Free blocks in a row from `start`, at most `limit`. */
function runLength(start: u32, limit: u32): u32 {
  let block = start;
  const end = <u32>min<u64>(<u64>start + limit, volume.blockCount);
  while (block < end) {
    const rest = ~(load<u64>(wordOf(blocks.free, block)) >> (<u64>block & 63));
    const step = min<u32>(<u32>ctz<u64>(rest), 64 - (block & 63));
    block += step;
    if (step == 0 || (block & 63) != 0) break;
  }
  return min<u32>(block, end) - start;
}

/** Marks [start, start + count) as used. False when one of them was not free: then nothing has changed. */
export function takeBlocks(start: u32, count: u32): bool {
  if (start >= volume.blockCount || count > volume.blockCount - start) return false;
  if (runLength(start, count) != count) return false;
  changeBits(blocks.free, start, count, false);
  blocks.freeCount -= count;
  return true;
}

/**
 * Takes up to `wanted` free blocks in a row: at `goal` if that one is free, else the first run behind the last allocation
 * that is long enough, or the longest of the first few. Low word: first block; high word: how many, 0 when none is free.
 */
export function allocateBlocks(goal: u32, wanted: u32): u64 {
  let start = goal;
  let count: u32 = goal < volume.blockCount ? runLength(goal, wanted) : 0;
  if (count == 0) {
    let from = blocks.cursor;
    let hasWrapped = false;
    for (let looked: u32 = 0; looked < RUNS_LOOKED_AT && count < wanted; looked++) {
      let found = nextFree(from);
      if (found == volume.blockCount) {
        if (hasWrapped) break;
        hasWrapped = true;
        found = nextFree(0);
        if (found == volume.blockCount) break;
      }
      const length = runLength(found, wanted);
      if (length > count) {
        start = found;
        count = length;
      }
      from = found + length;
    }
  }
  if (count == 0) return 0;
  changeBits(blocks.free, start, count, false);
  blocks.freeCount -= count;
  blocks.cursor = start + count < volume.blockCount ? start + count : 0;
  return <u64>start | ((<u64>count) << 32);
}

/** The running transaction frees [start, start + count): they are free when it is durable. */
export function freeBlocks(start: u32, count: u32): void {
  const running = runningTransaction();
  if (blocks.pendingCount0 > 0 && blocks.transaction0 == running) {
    blocks.pendingCount0 += changeBits(blocks.pending0, start, count, true);
  } else if (blocks.pendingCount1 > 0 && blocks.transaction1 == running) {
    blocks.pendingCount1 += changeBits(blocks.pending1, start, count, true);
  } else if (blocks.pendingCount0 == 0) {
    blocks.transaction0 = running;
    blocks.pendingCount0 = changeBits(blocks.pending0, start, count, true);
  } else {
    assert(blocks.pendingCount1 == 0, 'three transactions have freed blocks');
    blocks.transaction1 = running;
    blocks.pendingCount1 = changeBits(blocks.pending1, start, count, true);
  }
}

/** True when a transaction up to this number has freed blocks that are not free yet. */
export function hasPendingBlocks(transaction: u64): bool {
  return isPending0(transaction) || isPending1(transaction);
}

function isPending0(transaction: u64): bool {
  return blocks.pendingCount0 > 0 && blocks.transaction0 <= transaction;
}

function isPending1(transaction: u64): bool {
  return blocks.pendingCount1 > 0 && blocks.transaction1 <= transaction;
}

/** The first run at or above `from` of blocks that a transaction up to this number has freed: low word its start, high word how many; 0: none. */
export function nextPendingRun(transaction: u64, from: u32): u64 {
  const first = isPending0(transaction) ? nextRun(blocks.pending0, from) : 0;
  const second = isPending1(transaction) ? nextRun(blocks.pending1, from) : 0;
  if (first == 0 || second == 0) return first | second;
  return <u32>first < <u32>second ? first : second;
}

/** The first run of free blocks at or above `from`, in the same form. */
export function nextFreeRun(from: u32): u64 {
  return nextRun(blocks.free, from);
}

/** A replay begins: no block has been met. */
export function staleBegin(): void {
  memory.fill(blocks.stale, 0, bitmapBytes());
}

/** A file has, or has had, [start, start + count). */
export function blocksStale(start: u32, count: u32): void {
  changeBits(blocks.stale, start, count, true);
}

/** The map of free blocks is made: blocks that files have are not stale. */
export function staleEnd(): void {
  for (let offset: usize = 0; offset < bitmapBytes(); offset += 8) {
    const word = blocks.stale + offset;
    store<u64>(word, load<u64>(word) & load<u64>(blocks.free + offset));
  }
}

/** The first run of stale blocks at or above `from`, in the same form. */
export function nextStaleRun(from: u32): u64 {
  return nextRun(blocks.stale, from);
}

/** The first run of set bits at or above `from`: low word its start, high word its length; 0: none. */
function nextRun(bitmap: usize, from: u32): u64 {
  const start = nextBlock(bitmap, from, 0);
  if (start >= volume.blockCount) return 0;
  const end = nextBlock(bitmap, start, u64.MAX_VALUE);
  return <u64>start | ((<u64>(end - start)) << 32);
}

/** The first block at or above `from` whose bit differs from those of `than` (all or none), or blockCount. */
function nextBlock(bitmap: usize, from: u32, than: u64): u32 {
  while (from < volume.blockCount) {
    const rest = (load<u64>(wordOf(bitmap, from)) ^ than) >> (<u64>from & 63);
    if (rest != 0) return min<u32>(from + <u32>ctz<u64>(rest), volume.blockCount);
    from = (from | 63) + 1;
  }
  return volume.blockCount;
}

/** Moves a bitmap of freed blocks into that of free ones. */
function release(pending: usize): void {
  for (let offset: usize = 0; offset < bitmapBytes(); offset += 8) {
    const freed = load<u64>(pending + offset);
    if (freed == 0) continue;
    store<u64>(blocks.free + offset, load<u64>(blocks.free + offset) | freed);
    store<u64>(pending + offset, 0);
  }
}

/** Transactions up to this number are durable. */
export function blocksCommitted(transaction: u64): void {
  if (isPending0(transaction)) {
    release(blocks.pending0);
    blocks.freeCount += blocks.pendingCount0;
    blocks.pendingCount0 = 0;
  }
  if (isPending1(transaction)) {
    release(blocks.pending1);
    blocks.freeCount += blocks.pendingCount1;
    blocks.pendingCount1 = 0;
  }
}
