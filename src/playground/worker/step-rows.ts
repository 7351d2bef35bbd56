// What a run was at each step: records made, time, chapter, hash; and the records that were not sent yet.
//
// Verbs: add, take, part, hashOf. Rows are kept for the whole run, so that a replay can be compared; records go out with the next part.

import { RECORD_SIZE } from '../../../assembly/layout.ts';
import type { RunPart } from './protocol.ts';

const FIRST_CAPACITY = 4096;

/** Columns of steps, which grow by doubling. */
interface Columns {
  readonly recordEnds: Uint32Array<ArrayBuffer>;
  readonly timesNs: Float64Array<ArrayBuffer>;
  readonly chapters: Uint16Array<ArrayBuffer>;
  /** Two words a step: the low one first, as a u64 lies in memory. */
  readonly hashes: Uint32Array<ArrayBuffer>;
}

function makeColumns(capacity: number): Columns {
  return {
    recordEnds: new Uint32Array(capacity),
    timesNs: new Float64Array(capacity),
    chapters: new Uint16Array(capacity),
    hashes: new Uint32Array(capacity * 2),
  };
}

export class StepRows {
  #columns = makeColumns(FIRST_CAPACITY);
  #capacity = FIRST_CAPACITY;
  #sent = 0;
  #pending: Uint8Array[] = [];
  /** Records that have been taken from the ring. */
  takenCount = 0;
  count = 0;

  get unsentSteps(): number {
    return this.count - this.#sent;
  }

  get recordCount(): number {
    return this.count === 0 ? 0 : (this.#columns.recordEnds[this.count - 1] as number);
  }

  /** Adds a step. `words` at `at`: the hash. */
  add(recordEnd: number, timeNs: number, chapter: number, words: Uint32Array, at: number): void {
    if (this.count === this.#capacity) this.#grow();
    const { recordEnds, timesNs, chapters, hashes } = this.#columns;
    recordEnds[this.count] = recordEnd;
    timesNs[this.count] = timeNs;
    chapters[this.count] = chapter;
    hashes[this.count * 2] = words[at] as number;
    hashes[this.count * 2 + 1] = words[at + 1] as number;
    this.count++;
  }

  #grow(): void {
    const before = this.#columns;
    this.#capacity *= 2;
    this.#columns = makeColumns(this.#capacity);
    for (const name of ['recordEnds', 'timesNs', 'chapters', 'hashes'] as const)
      this.#columns[name].set(before[name]);
  }

  /** Notes records of the ring. */
  take(records: Uint8Array): void {
    this.takenCount += records.length / RECORD_SIZE;
    this.#pending.push(records);
  }

  /** What was not sent yet. */
  part(isLast: boolean, cutShort: string | undefined): RunPart {
    const records = new Uint8Array(this.#pending.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of this.#pending) {
      records.set(piece, at);
      at += piece.length;
    }
    this.#pending = [];
    const { recordEnds, timesNs, chapters, hashes } = this.#columns;
    const [from, to] = [this.#sent, this.count];
    this.#sent = to;
    return {
      records,
      recordEnds: recordEnds.slice(from, to),
      timesNs: timesNs.slice(from, to),
      chapters: chapters.slice(from, to),
      hashes: new BigUint64Array(hashes.slice(from * 2, to * 2).buffer),
      isLast,
      cutShort,
    };
  }

  /** The hash behind `step` steps, as machine.recordHash has it; undefined before the first. */
  hashOf(step: number): string | undefined {
    if (step === 0) return undefined;
    const { hashes } = this.#columns;
    const [low, high] = [hashes[step * 2 - 2] as number, hashes[step * 2 - 1] as number];
    return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
  }
}
