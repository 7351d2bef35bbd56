// A machine at one moment: its memory in pages, its files, and what the host's objects knew.
//
// Verbs: Snapshot.take, load. A page of memory that is as the snapshot before had it is that one's; a page of zeros is none. So a row of
// snapshots costs what has changed between them.

import type { SavedFiles } from './backing/memory-host.ts';
import type { SparseMemory } from './backing/sparse-memory.ts';
import type { LinearMemory } from './core/linear-memory.ts';
import type { SavedTimeline } from './core/timeline.ts';

const PAGE = 65536;
const WORDS_A_PAGE = PAGE / 4;

/** What the machine saves beside its memory. */
export interface SavedHost {
  readonly files: SavedFiles;
  /** The stores themselves, by descriptor. */
  readonly stores: ReadonlyMap<number, SparseMemory>;
  readonly timeline: SavedTimeline;
}

const equal = (left: Uint32Array, right: Uint32Array): boolean => {
  for (let index = 0; index < WORDS_A_PAGE; index++) if (left[index] !== right[index]) return false;
  return true;
};

/** memcmp, where there is one. */
const isEqual: (left: Uint32Array, right: Uint32Array) => boolean =
  typeof Buffer === 'undefined'
    ? equal
    : (left, right) => left[0] === right[0] && Buffer.compare(bytesOf(left), bytesOf(right)) === 0;

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

const ZEROS = new Uint32Array(WORDS_A_PAGE);

/** Made by `machine.snapshot()`. */
export class Snapshot {
  /** @internal The machine it is of. */
  readonly owner: object;
  /** @internal */
  readonly host: SavedHost;
  /** Virtual time of the moment, nanoseconds. */
  readonly nowNs: number;
  /** Bytes of memory that were copied for it: what earlier snapshots did not have. */
  readonly ownBytes: number;
  readonly #pages: readonly (Uint32Array | undefined)[];
  readonly #memoryBytes: number;

  /** @internal `before`: a snapshot to share pages with. */
  constructor(
    owner: object,
    memory: LinearMemory,
    host: SavedHost,
    nowNs: number,
    before: Snapshot | undefined,
  ) {
    this.owner = owner;
    this.host = host;
    this.nowNs = nowNs;
    const { words } = memory;
    const pages: (Uint32Array | undefined)[] = [];
    let ownBytes = 0;
    for (let at = 0; at < words.length; at += WORDS_A_PAGE) {
      const now = words.subarray(at, at + WORDS_A_PAGE);
      const known = before === undefined ? undefined : before.#pages[pages.length];
      if (isEqual(now, known ?? ZEROS)) {
        pages.push(known);
      } else if (known !== undefined && isEqual(now, ZEROS)) {
        pages.push(undefined);
      } else {
        pages.push(now.slice());
        ownBytes += PAGE;
      }
    }
    this.#pages = pages;
    this.#memoryBytes = words.length * 4;
    this.ownBytes = ownBytes;
  }

  /** @internal Puts the memory back. Of a new instance, what grows is zeros already and stays untouched where it is to be zeros. */
  load(memory: LinearMemory): void {
    const known = memory.words.length;
    memory.grow(this.#memoryBytes);
    const { words } = memory;
    this.#pages.forEach((page, index) => {
      const at = index * WORDS_A_PAGE;
      if (page === undefined && at >= known) return;
      // most pages are as they were: looking is cheaper than writing, and leaves untouched memory untouched
      const wanted = page ?? ZEROS;
      if (!isEqual(words.subarray(at, at + WORDS_A_PAGE), wanted)) words.set(wanted, at);
    });
  }
}
