// All records of a run, packed as the core made them: 32 bytes each.
//
// Verbs: add, at (as an object), look (a view that is moved from record to record, for folds that read millions), sift (what passes a sieve).
// Layout: blocks of 65,536 records, so that adding never copies what is there.

import {
  RECORD_ADDRESS,
  RECORD_COUNT,
  RECORD_DETAIL,
  RECORD_ID,
  RECORD_KIND,
  RECORD_SIZE,
  RECORD_TIME,
} from '../../../assembly/layout.ts';
import { decodeRecord, type MachineRecord } from '../../records.ts';
import type { Sieve } from './sieve.ts';

const BLOCK_SHIFT = 16;
const BLOCK_RECORDS = 1 << BLOCK_SHIFT;
const BLOCK_MASK = BLOCK_RECORDS - 1;
const RECORD_WORDS = RECORD_SIZE / 4;
const HIGH = 2 ** 32;

/** One record's fields, as assembly/layout.ts gives them; good until the view is moved. `kind` is a RECORD_… number. */
export class RecordView {
  #words: Uint32Array = new Uint32Array(0);
  #at = 0;

  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  #word(offset: number): number {
    return this.#words[this.#at + (offset >>> 2)] as number;
  }

  get timeNs(): number {
    return this.#word(RECORD_TIME) + this.#word(RECORD_TIME + 4) * HIGH;
  }

  get kind(): number {
    return this.#word(RECORD_KIND) & 0xff;
  }

  get operation(): number {
    return (this.#word(RECORD_KIND) >>> 8) & 0xff;
  }

  get device(): number {
    return this.#word(RECORD_KIND) >>> 16;
  }

  get id(): number {
    return this.#word(RECORD_ID);
  }

  get address(): number {
    return this.#word(RECORD_ADDRESS) + this.#word(RECORD_ADDRESS + 4) * HIGH;
  }

  get count(): number {
    return this.#word(RECORD_COUNT);
  }

  /** As a signed number. */
  get detail(): number {
    return this.#word(RECORD_DETAIL) | 0;
  }
}

export class RecordStore {
  readonly #blocks: Uint32Array[] = [];
  readonly #view = new RecordView();
  count = 0;

  /** Takes records of 32 bytes each. */
  add(bytes: Uint8Array): void {
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    const words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >>> 2);
    for (let from = 0; from < words.length; ) {
      const place = this.count & BLOCK_MASK;
      if (place === 0) this.#blocks.push(new Uint32Array(BLOCK_RECORDS * RECORD_WORDS));
      const taken = Math.min(words.length - from, (BLOCK_RECORDS - place) * RECORD_WORDS);
      this.#block(this.count).set(words.subarray(from, from + taken), place * RECORD_WORDS);
      this.count += taken / RECORD_WORDS;
      from += taken;
    }
  }

  #block(number: number): Uint32Array {
    const block = this.#blocks[number >>> BLOCK_SHIFT];
    if (block === undefined) throw new RangeError(`there is no record ${number}`);
    return block;
  }

  /** Record number `number`, counted from 0. */
  at(number: number): MachineRecord {
    this.#check(number);
    const block = this.#block(number);
    const u32 = (address: number): number => block[address >>> 2] as number;
    const u64 = (address: number): number => u32(address) + u32(address + 4) * HIGH;
    return decodeRecord({ u32, u64 }, (number & BLOCK_MASK) * RECORD_SIZE);
  }

  /** The same as a view, which is good until the next look. */
  look(number: number): RecordView {
    return this.#view.move(this.#block(number), (number & BLOCK_MASK) * RECORD_WORDS);
  }

  /** Shows each record that passes the sieve, in order. */
  sift(sieve: Sieve, show: (record: RecordView, number: number) => void): void {
    this.#blocks.forEach((words, index) => {
      const first = index << BLOCK_SHIFT;
      const end = Math.min(BLOCK_RECORDS, this.count - first) * RECORD_WORDS;
      for (let at = sieve.next(words, 0, end); at < end; at = sieve.next(words, at + RECORD_WORDS, end))
        show(this.#view.move(words, at), first + at / RECORD_WORDS);
    });
  }

  #check(number: number): void {
    if (!Number.isInteger(number) || number < 0 || number >= this.count)
      throw new RangeError(`there is no record ${number}`);
  }
}
