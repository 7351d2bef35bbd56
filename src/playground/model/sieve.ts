// A first look at records, which leaves out nearly all that cannot concern a thing: words are compared where they lie, and no record is
// taken apart. It reads about a hundred million records a second, so that no index of a run need be kept.
//
// Verbs: note (an identity that concerns the thing), next (the next record that passes).
// Invariant: what concerns the thing always passes; a few others may.

import {
  OP_FLUSH,
  RECORD_ADDRESS,
  RECORD_COUNT,
  RECORD_DETAIL,
  RECORD_ID,
  RECORD_KIND,
  RECORD_SIZE,
} from '../../../assembly/layout.ts';

const RECORD_WORDS = RECORD_SIZE / 4;
const HEAD = RECORD_KIND / 4;
const ID = RECORD_ID / 4;
const ADDRESS = RECORD_ADDRESS / 4;
const COUNT = RECORD_COUNT / 4;
const DETAIL = RECORD_DETAIL / 4;
const BIO_SHIFT = 8;
/** Identities are noted by their low bits. */
const NOTED = 8192;
const NOTED_MASK = NOTED - 1;

/** What lets a record of a kind pass; a kind without one never does. */
export const PASS = {
  always: 1,
  /** Its identity was noted. */
  byId: 2,
  /** It queues: its request or its bio was noted. */
  byQueued: 3,
  /** It merges: its bio or the request that it joins was noted. */
  byJoined: 4,
  /** Its identity was noted, or it is a flush. */
  byIdOrFlush: 5,
  /** Its device is that of the thing, and the thing's address lies among its. */
  byRange: 6,
  /** Its device and its address are those of the thing. */
  byPlace: 7,
} as const;

export type SieveRule = readonly [pass: (typeof PASS)[keyof typeof PASS], kinds: Iterable<number>];

export class Sieve {
  readonly #rules = new Uint8Array(256);
  readonly #noted = new Uint8Array(NOTED);
  readonly #device: number;
  /** The low word of the address: more may pass for it, and nothing fails to. */
  readonly #address: number;

  /** `device` and `address`: the thing's, where a rule asks for them. */
  constructor(rules: readonly SieveRule[], device = 0, address = 0) {
    for (const [pass, kinds] of rules) for (const kind of kinds) this.#rules[kind] = pass;
    this.#device = device;
    this.#address = address >>> 0;
  }

  note(id: number): void {
    this.#noted[id & NOTED_MASK] = 1;
  }

  /** The first record from `at` on that passes, or `end`; both count words. */
  next(words: Uint32Array, at: number, end: number): number {
    const rules = this.#rules;
    const noted = this.#noted;
    const device = this.#device;
    const address = this.#address;
    for (; at < end; at += RECORD_WORDS) {
      const head = words[at + HEAD] as number;
      switch (rules[head & 0xff]) {
        case PASS.always:
          return at;
        case PASS.byId:
          if (noted[(words[at + ID] as number) & NOTED_MASK] === 1) return at;
          break;
        case PASS.byQueued:
          if (
            noted[(words[at + ID] as number) & NOTED_MASK] === 1 ||
            noted[((words[at + DETAIL] as number) >>> BIO_SHIFT) & NOTED_MASK] === 1
          )
            return at;
          break;
        case PASS.byJoined:
          if (
            noted[(words[at + ID] as number) & NOTED_MASK] === 1 ||
            noted[(words[at + DETAIL] as number) & NOTED_MASK] === 1
          )
            return at;
          break;
        case PASS.byIdOrFlush:
          if (((head >>> 8) & 0xff) === OP_FLUSH || noted[(words[at + ID] as number) & NOTED_MASK] === 1)
            return at;
          break;
        case PASS.byRange:
          if (
            head >>> 16 === device &&
            (address - (words[at + ADDRESS] as number)) >>> 0 < (words[at + COUNT] as number)
          )
            return at;
          break;
        case PASS.byPlace:
          if (head >>> 16 === device && words[at + ADDRESS] === address) return at;
          break;
      }
    }
    return end;
  }
}
