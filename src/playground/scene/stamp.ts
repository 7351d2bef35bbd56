// What bytes a scene's writes carry: each 32 bytes say who wrote them, and for which place.
//
// Verbs: stampBytes, readStamp. A unit: magic, client and chapter, request, place (two words), seed, round, checksum. A unit lies at a
// multiple of 32 bytes of its file; the bytes of a write that begins or ends within one carry that part of it.
// Invariant: what was written for one place and is found in another is no stamp of that place.

export const STAMP_BYTES = 32;
const STAMP_WORDS = STAMP_BYTES / 4;
const MAGIC = 0x316c7373;
const TWO_32 = 4294967296;

/** Who wrote some bytes. */
export interface Stamp {
  readonly seed: number;
  /** Index of the client, of the chapter, and number of the request among the client's of the chapter. */
  readonly client: number;
  readonly chapter: number;
  readonly request: number;
  /** How often the power was cut before. Default 0. */
  readonly round?: number;
}

const unit = new Uint32Array(STAMP_WORDS);
const unitBytes = new Uint8Array(unit.buffer);

function checksum(words: Uint32Array): number {
  let sum = 0x811c9dc5;
  for (let index = 0; index < STAMP_WORDS - 1; index++)
    sum = Math.imul(sum ^ (words[index] as number), 0x01000193) ^ (sum >>> 15);
  return sum >>> 0;
}

function fillUnit(place: number, { seed, client, chapter, request, round = 0 }: Stamp): void {
  unit[0] = MAGIC;
  unit[1] = (client & 0xffff) | (chapter << 16);
  unit[2] = request;
  unit[3] = place % TWO_32;
  unit[4] = Math.floor(place / TWO_32);
  unit[5] = seed;
  unit[6] = round;
  unit[7] = checksum(unit);
}

/** Fills `bytes`, which a write puts at byte `offset` of its file. */
export function stampBytes(bytes: Uint8Array, offset: number, stamp: Stamp): void {
  const first = offset - (offset % STAMP_BYTES);
  for (let place = first; place < offset + bytes.length; place += STAMP_BYTES) {
    fillUnit(place, stamp);
    const from = Math.max(0, offset - place);
    const to = Math.min(STAMP_BYTES, offset + bytes.length - place);
    bytes.set(unitBytes.subarray(from, to), place + from - offset);
  }
}

/** Who wrote the 32 bytes at `index` of `bytes`, which are those at `place` of a file; undefined: nobody of a scene, for this place. */
export function readStamp(bytes: Uint8Array, index: number, place: number): Stamp | undefined {
  unitBytes.set(bytes.subarray(index, index + STAMP_BYTES));
  const [magic, who, request, low, high, seed, , sum] = unit as unknown as readonly number[];
  if (magic !== MAGIC || sum !== checksum(unit)) return undefined;
  if ((high as number) * TWO_32 + (low as number) !== place) return undefined;
  const both = who as number;
  return { seed: seed as number, client: both & 0xffff, chapter: both >>> 16, request: request as number };
}
