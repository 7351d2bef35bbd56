// Integer mixing: mix32 for tables and patterns, hashStep for the running hash of the records.
//
// The same numbers in every runtime; src/replay/pattern.ts repeats mix32 for its oracle.

/** A bijection of u32 with good avalanche (the finaliser of MurmurHash3, public domain). */
export function mix32(value: u32): u32 {
  value ^= value >> 16;
  value *= 0x85ebca6b;
  value ^= value >> 13;
  value *= 0xc2b2ae35;
  value ^= value >> 16;
  return value;
}

/** One step of a 64-bit running hash (FNV-1a over 64-bit words, folded once more by a rotate). */
export function hashStep(hash: u64, word: u64): u64 {
  return rotl<u64>((hash ^ word) * 0x100000001b3, 29) + 0x9e3779b97f4a7c15;
}
