// Random bytes for a guest, from a seed.
//
// Verbs: randomBytes. The same seed gives the same bytes (mulberry32).

/** Gives one byte after the other. `seed`: a whole number from 0 to 2^32 - 1. */
export function randomBytes(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return (value ^ (value >>> 14)) & 0xff;
  };
}
