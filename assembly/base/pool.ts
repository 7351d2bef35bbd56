// Pools of fixed-size records.
//
// Verbs: poolClaim, poolInit, poolTake, poolGive.
// Layout: `capacity` records of `recordSize` bytes; a record that was given back links the next such one in its first
// word; records never taken lie behind `fresh` and have not been touched, so a large pool costs nothing to open.
// Invariant: used + free == capacity; a full pool answers 0, it never grows. Records are handed out in address
// order after poolInit, so that neighbours in time are neighbours in memory.

import { arenaClaim } from './arena';

@unmanaged
export class Pool {
  base: usize;
  recordSize: u32;
  capacity: u32;
  /** The record given back last, or 0. */
  free: usize;
  /** The first record that was never taken. */
  fresh: usize;
  used: u32;
  peak: u32;
}

export function poolClaim(pool: Pool, recordSize: u32, capacity: u32): void {
  pool.recordSize = recordSize;
  pool.capacity = capacity;
  pool.base = arenaClaim(<u64>recordSize * <u64>capacity, 64);
}

export function poolInit(pool: Pool): void {
  pool.free = 0;
  pool.fresh = pool.base;
  pool.used = 0;
  pool.peak = 0;
}

/** A record with undefined content, or 0 when the pool is empty. */
export function poolTake(pool: Pool): usize {
  if (pool.used == pool.capacity) return 0;
  let record = pool.free;
  if (record != 0) {
    pool.free = load<usize>(record);
  } else {
    record = pool.fresh;
    pool.fresh = record + pool.recordSize;
  }
  const used = pool.used + 1;
  pool.used = used;
  if (used > pool.peak) pool.peak = used;
  return record;
}

export function poolGive(pool: Pool, record: usize): void {
  assert(pool.used > 0, 'a record was given back twice');
  store<usize>(record, pool.free);
  pool.free = record;
  pool.used--;
}

/** True when `address` is the start of a record of this pool. */
export function poolHolds(pool: Pool, address: usize): bool {
  const distance = address - pool.base;
  return (
    address >= pool.base &&
    distance < <usize>pool.recordSize * pool.capacity &&
    distance % pool.recordSize == 0
  );
}
