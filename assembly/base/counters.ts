// The machine's counters: u64 each at the offsets of layout.ts, read by the host after any call.
//
// Verbs: count, countMany, countDown, gauge, counterValue. Names follow /proc/vmstat, /sys/block/*/stat and QEMU's query-blockstats.

import { COUNTERS_SIZE } from '../layout';

export const COUNTERS: usize = memory.data(COUNTERS_SIZE, 16);

export function count(counter: usize): void {
  store<u64>(COUNTERS + counter, load<u64>(COUNTERS + counter) + 1);
}

export function countMany(counter: usize, amount: u64): void {
  store<u64>(COUNTERS + counter, load<u64>(COUNTERS + counter) + amount);
}

/** For the counters that say how many there are now. */
export function countDown(counter: usize, amount: u64): void {
  const value = load<u64>(COUNTERS + counter);
  assert(value >= amount, 'a gauge fell below zero');
  store<u64>(COUNTERS + counter, value - amount);
}

/** Sets such a counter to what is known by other means. */
export function gauge(counter: usize, value: u64): void {
  store<u64>(COUNTERS + counter, value);
}

export function counterValue(counter: usize): u64 {
  return load<u64>(COUNTERS + counter);
}
