// What a replayed write puts into a sector, said again in TypeScript: the oracle's side of assembly/replay/payload.ts.
//
// Verbs: patternBase, fillPattern. Word i of a sector is base + i · STEP, base a hash of (seed, device, sector,
// generation). Written apart from the core, so that a mistake in one of the two shows.

const STEP = 0x9e3779b1;
const WORDS_A_SECTOR = 128;

function mix32(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** First word of a sector's pattern, as an i32. `generation` ≥ 1; `sector` up to 2^44. */
export function patternBase(seed: number, device: number, sector: number, generation: number): number {
  let hash = mix32(seed ^ Math.imul(device, 0x85ebca77));
  hash = mix32(hash ^ (sector | 0));
  hash = mix32(hash ^ Math.floor(sector / 4294967296));
  return mix32(hash ^ Math.imul(generation, 0xc2b2ae3d));
}

/** Fills the 128 words of a sector. */
export function fillPattern(words: Int32Array, base: number): void {
  let word = base;
  for (let index = 0; index < WORDS_A_SECTOR; index++) {
    words[index] = word;
    word = (word + STEP) | 0;
  }
}
