// Runs of what crashes have left, by number: that of a crash of the scene, that of a crash in this one, and so on.
//
// Verbs: keep, get, clear. Invariant: the runs that are kept are one row, each of a crash in the one before; a crash elsewhere ends those that
// do not lead to it.

import type { SurvivorRun } from '../plug/survivor-run.ts';
import type { Session } from './session.ts';

export interface Afterlife {
  /** From 1; never the same again. */
  readonly number: number;
  /** Number of the run that crashed; 0: the scene. */
  readonly before: number;
  readonly session: Session<SurvivorRun>;
  /** How often the power was cut. */
  readonly round: number;
  /** Makes its run anew, from the crash on. */
  readonly again: (onRest: ConstructorParameters<typeof SurvivorRun>[4]) => SurvivorRun;
}

export class Afterlives {
  #row: Afterlife[] = [];
  #last = 0;

  /** Keeps a run, and those that lead to it; its number. */
  keep(one: Omit<Afterlife, 'number'>): number {
    const number = ++this.#last;
    const end = this.#row.findIndex((other) => other.number === one.before) + 1;
    for (const { session } of this.#row.splice(end)) session.close();
    this.#row.push({ ...one, number });
    return number;
  }

  /** Throws an Error for a run that is over. */
  get(number: number): Afterlife {
    const found = this.#row.find((one) => one.number === number);
    if (found === undefined) throw new Error('what this crash has left was closed');
    return found;
  }

  clear(): void {
    for (const { session } of this.#row) session.close();
    this.#row = [];
  }
}
