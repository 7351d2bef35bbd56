// Decisions by identity: a draw depends on what is decided about, never on what was drawn before.
//
// Verbs: identityClaim, identityInit, nextGeneration, purposeOf, identityDraw. A draw hashes (seed, purpose, place, operation, sector,
// generation), so that taking one operation out of a run leaves the draws of all others as they were, and a retry,
// which has the next generation, is a new draw.
// Layout: an open-addressing table of 16-byte entries: key u64 (operation, place, sector), generation u32.
// Invariant: once the table is three quarters full, places that are new share the counter of their hash slot: draws stay
// reproducible, and are only then no longer independent of each other.

import { arenaClaim } from './arena';

const ENTRY_SIZE: usize = 16;
const GENERATION: usize = 8;

@unmanaged
class Identities {
  base: usize;
  /** A power of two. */
  capacity: u32;
  used: u32;
  seed: u32;
}

const identities = changetype<Identities>(memory.data(offsetof<Identities>(), 16));

/** `capacity`: places that are told apart, a power of two. */
export function identityClaim(capacity: u32): void {
  identities.capacity = capacity;
  identities.base = arenaClaim(<u64>capacity * ENTRY_SIZE, 16);
}

export function identityInit(seed: u32): void {
  identities.seed = seed;
  identities.used = 0;
}

/** The finaliser of SplitMix64 (public domain): a bijection of u64 with good avalanche. */
export function mix64(value: u64): u64 {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

function keyOf(place: u32, operation: u32, sector: u64): u64 {
  // never 0, which marks a free entry
  return mix64((sector << 3) ^ ((<u64>place) << 48) ^ operation) | 1;
}

/** How often (place, operation, sector) was asked for before: 0, 1, 2 …. */
export function nextGeneration(place: u32, operation: u32, sector: u64): u32 {
  const key = keyOf(place, operation, sector);
  const mask = identities.capacity - 1;
  let index = <u32>(key >> 32) & mask;
  while (true) {
    const entry = identities.base + <usize>index * ENTRY_SIZE;
    const found = load<u64>(entry);
    if (found == 0) {
      if (identities.used >= identities.capacity - (identities.capacity >> 2)) break;
      identities.used++;
      store<u64>(entry, key);
      store<u32>(entry, 1, GENERATION);
      return 0;
    }
    if (found == key) {
      const generation = load<u32>(entry, GENERATION);
      store<u32>(entry, generation + 1, GENERATION);
      return generation;
    }
    index = (index + 1) & mask;
  }
  const shared = identities.base + <usize>(<u32>(key >> 32) & mask) * ENTRY_SIZE;
  const generation = load<u32>(shared, GENERATION);
  store<u32>(shared, generation + 1, GENERATION);
  return generation;
}

/** A number for a purpose, from its name's bytes: 'latency', a rule's name …. */
export function purposeOf(text: usize, bytes: u32): u64 {
  let hash: u64 = 0xcbf29ce484222325;
  for (let index: u32 = 0; index < bytes; index++) {
    hash = (hash ^ <u64>load<u8>(text + index)) * 0x100000001b3;
  }
  return hash;
}

/** 64 random bits for one decision: the same for the same machine seed and arguments. */
export function identityDraw(purpose: u64, place: u32, operation: u32, sector: u64, generation: u32): u64 {
  let hash = mix64(purpose ^ ((<u64>identities.seed) << 32));
  hash = mix64(hash ^ sector);
  return mix64(hash + (((<u64>generation) << 32) | (place << 3) | operation));
}
