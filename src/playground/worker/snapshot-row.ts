// Snapshots of one machine along its run, at distances that grow with it.
//
// Verbs: add, offer, restore, clear. The first is of the beginning and stays. When there are too many, or they take too much memory, every
// second is dropped and the distance doubles.

import type { Machine } from '../../machine.ts';
import type { Snapshot } from '../../snapshot.ts';

const MOST = 64;
const MOST_BYTES = 268435456;
const FIRST_DISTANCE = 512;
/** Snapshots may take a fifth of the time. */
const REST_FACTOR = 4;

interface Kept {
  readonly step: number;
  readonly snapshot: Snapshot;
  /** Of its own, and what it may have taken over from a dropped one before it. */
  readonly bytes: number;
}

export class SnapshotRow {
  readonly #machine: Machine;
  #kept: Kept[] = [];
  #distance = FIRST_DISTANCE;
  #restUntilMs = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Snapshots that are kept. */
  get count(): number {
    return this.#kept.length;
  }

  /** Takes one of the machine, which stands behind `step` steps. */
  add(step: number): void {
    const began = performance.now();
    const snapshot = this.#machine.snapshot();
    this.#kept.push({ step, snapshot, bytes: snapshot.ownBytes });
    if (this.#isFull()) this.#thin();
    const ended = performance.now();
    this.#restUntilMs = ended + (ended - began) * REST_FACTOR;
  }

  /** Takes one if the last is far enough away. */
  offer(step: number): void {
    const last = this.#kept.at(-1)?.step ?? 0;
    if (step - last >= this.#distance && performance.now() >= this.#restUntilMs) this.add(step);
  }

  #isFull(): boolean {
    return this.#kept.length > MOST || this.#kept.reduce((sum, { bytes }) => sum + bytes, 0) > MOST_BYTES;
  }

  #thin(): void {
    const most = this.#machine.core.memoryBytes;
    const left: Kept[] = [];
    let carried = 0;
    this.#kept.forEach(({ step, snapshot, bytes }, index) => {
      if (index % 2 === 1) {
        carried += bytes;
        return;
      }
      left.push({ step, snapshot, bytes: Math.min(most, bytes + carried) });
      carried = 0;
    });
    this.#kept = left;
    this.#distance *= 2;
  }

  /** Puts the machine back to the nearest snapshot at or before `step`, unless it stands nearer to it, at `here`, already. */
  restore(step: number, here: number): void {
    const nearest = this.#kept.findLast((one) => one.step <= step);
    if (nearest === undefined) throw new Error(`there is no snapshot before step ${step}`);
    if (here > step || here < nearest.step) this.#machine.restore(nearest.snapshot);
  }

  clear(): void {
    this.#kept = [];
  }
}
