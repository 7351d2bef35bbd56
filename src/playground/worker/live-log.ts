// The records of a machine that is used as one goes, as parts of a run.
//
// Verbs: LiveLog.take. Nobody steps this machine: a call runs all events that it needs. So the steps are found again in the records: a step
// is what happened at one moment of virtual time, and what arrives from outside begins one. Their hashes are made here, with the core's
// own arithmetic; the last one must be the machine's.
// Invariant: every record is in one log and one only, unless the ring has overwritten it before it was taken: then the log has a gap, and says so.

import {
  RECORD_GUEST_REQUEST,
  RECORD_KEPT,
  RECORD_KIND,
  RECORD_LOST,
  RECORD_OPERATION_STARTED,
  RECORD_SIZE,
  RECORD_TIME,
  ROOT_RECORD_CAPACITY,
  ROOT_RECORDS,
  ROOT_RECORDS_MADE,
} from '../../../assembly/layout.ts';
import type { Machine } from '../../machine.ts';
import type { RunPart } from './protocol.ts';

const WORD = 64;
const PRIME = 0x100000001b3n;
/** What the hash begins with (assembly/base/record.ts). */
const NO_RECORDS = 0xcbf29ce484222325n;
const ADDEND = 0x9e3779b97f4a7c15n;
/** A part is a few hundred kibibytes at most. */
const RECORDS_A_PART = 8192;
/** Of a run, in the page's memory. */
const DEFAULT_LIMIT = 400_000;

/** As assembly/base/hash.ts. */
function hashStep(hash: bigint, word: bigint): bigint {
  const product = BigInt.asUintN(WORD, (hash ^ word) * PRIME);
  return BigInt.asUintN(WORD, ((product << 29n) | (product >> 35n)) + ADDEND);
}

const ARRIVALS: ReadonlySet<number> = new Set([RECORD_GUEST_REQUEST, RECORD_OPERATION_STARTED]);
/** What a power cut has decided: a step of its own. */
const CUTS: ReadonlySet<number> = new Set([RECORD_KEPT, RECORD_LOST]);

export class LiveLog {
  readonly #machine: Machine;
  readonly #limit: number;
  /** Number of the machine's record that is this log's first. */
  readonly #first: number;
  #taken: number;
  #hash: bigint;
  #hasGap = false;

  /** Begins with the machine's first record, or with the next. `limit`: records after which another log is to begin. */
  constructor(machine: Machine, begins: 'first' | 'next' = 'first', limit = DEFAULT_LIMIT) {
    this.#machine = machine;
    this.#limit = limit;
    this.#first = begins === 'first' ? 0 : this.#made;
    this.#taken = this.#first;
    this.#hash = begins === 'first' ? NO_RECORDS : BigInt(`0x${machine.recordHash}`);
  }

  /** Hash over all that was taken: the machine's own, when nothing has happened since. */
  get hash(): string {
    return this.#hash.toString(16).padStart(16, '0');
  }

  /** Another log is to begin, with the next record. */
  get isFull(): boolean {
    return this.#hasGap || this.#taken - this.#first >= this.#limit;
  }

  /** Records were overwritten before they were taken: this takes no more. */
  get hasGap(): boolean {
    return this.#hasGap;
  }

  get #root(): number {
    return this.#machine.core.exports.rootAddress();
  }

  get #made(): number {
    return this.#machine.core.memory.u64(this.#root + ROOT_RECORDS_MADE);
  }

  /** What has happened since the last take, in order. */
  take(): RunPart[] {
    const parts: RunPart[] = [];
    const made = this.#made;
    if (made - this.#taken > this.#machine.core.memory.u32(this.#root + ROOT_RECORD_CAPACITY))
      this.#hasGap = true;
    while (this.#taken < made && !this.#hasGap) {
      const count = Math.min(made - this.#taken, RECORDS_A_PART);
      parts.push(this.#part(this.#copy(this.#taken, count)));
      this.#taken += count;
    }
    return parts;
  }

  #copy(first: number, count: number): Uint8Array {
    const { memory } = this.#machine.core;
    const base = memory.u32(this.#root + ROOT_RECORDS);
    const capacity = memory.u32(this.#root + ROOT_RECORD_CAPACITY);
    const records = new Uint8Array(count * RECORD_SIZE);
    for (let done = 0; done < count; ) {
      const slot = (first + done) % capacity;
      const run = Math.min(count - done, capacity - slot);
      const start = base + slot * RECORD_SIZE;
      records.set(memory.bytes.subarray(start, start + run * RECORD_SIZE), done * RECORD_SIZE);
      done += run;
    }
    return records;
  }

  #part(records: Uint8Array): RunPart {
    const view = new DataView(records.buffer);
    const count = records.length / RECORD_SIZE;
    const ends: number[] = [];
    const times: number[] = [];
    const hashes: bigint[] = [];
    for (let index = 0; index < count; index++) {
      const at = index * RECORD_SIZE;
      if (index > 0 && beginsStep(view, at)) {
        ends.push(this.#taken - this.#first + index);
        times.push(Number(view.getBigUint64(at - RECORD_SIZE + RECORD_TIME, true)));
        hashes.push(this.#hash);
      }
      for (let word = 0; word < RECORD_SIZE; word += 8)
        this.#hash = hashStep(this.#hash, view.getBigUint64(at + word, true));
    }
    ends.push(this.#taken - this.#first + count);
    times.push(Number(view.getBigUint64((count - 1) * RECORD_SIZE + RECORD_TIME, true)));
    hashes.push(this.#hash);
    return {
      records,
      recordEnds: Uint32Array.from(ends),
      timesNs: Float64Array.from(times),
      chapters: new Uint16Array(ends.length),
      hashes: BigUint64Array.from(hashes),
      isLast: false,
      cutShort: undefined,
    };
  }
}

/** The record at `at` is of another moment than the one before, the first behind a power cut, or the first of what arrives. */
function beginsStep(view: DataView, at: number): boolean {
  const before = at - RECORD_SIZE;
  if (view.getBigUint64(at + RECORD_TIME, true) !== view.getBigUint64(before + RECORD_TIME, true))
    return true;
  const kindOf = (record: number) => view.getUint8(record + RECORD_KIND);
  if (CUTS.has(kindOf(before))) return !CUTS.has(kindOf(at));
  return ARRIVALS.has(kindOf(at)) && !ARRIVALS.has(kindOf(before));
}
