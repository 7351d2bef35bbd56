// What must and what may be there after a crash, by the steps at which it can happen.
//
// Verbs: PromiseRange: must, may, contradicts. Invariant: both grow with the step.

import type { Promised } from './parts.ts';

const never = Number.POSITIVE_INFINITY;

/** Elements of a sorted list that are at most `most`. */
function countUpTo(sorted: readonly number[], most: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) <= most) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class PromiseRange<Value> {
  readonly #begun: readonly Promised<Value>[];
  readonly #acknowledged: readonly Promised<Value>[];
  readonly #beginSteps: readonly number[];
  readonly #ackSteps: readonly number[];
  /** For each of #begun, the first acknowledgement of it and all behind it. */
  readonly #nextAck: readonly number[];
  readonly #lists = new Map<string, readonly Value[]>();

  /** `promises`: in the order in which they were begun. */
  constructor(promises: readonly Promised<Value>[]) {
    const ackOf = (promise: Promised<Value>) => promise.acknowledged ?? never;
    this.#begun = promises;
    this.#acknowledged = promises
      .filter(({ acknowledged }) => acknowledged !== undefined)
      .sort((left, right) => ackOf(left) - ackOf(right));
    this.#beginSteps = promises.map(({ attempted }) => attempted);
    this.#ackSteps = this.#acknowledged.map(ackOf);
    const nextAck = promises.map(ackOf);
    for (let index = nextAck.length - 2; index >= 0; index--)
      nextAck[index] = Math.min(nextAck[index] as number, nextAck[index + 1] as number);
    this.#nextAck = nextAck;
  }

  #list(key: string, make: () => readonly Value[]): readonly Value[] {
    let list = this.#lists.get(key);
    if (list === undefined) {
      // many recoveries get it: none may change it for the others
      list = Object.freeze(make());
      this.#lists.set(key, list);
    }
    return list;
  }

  /** Values acknowledged by a step, in the order of their acknowledgement. */
  must(step: number): readonly Value[] {
    const count = countUpTo(this.#ackSteps, step);
    return this.#list(`must ${count}`, () => this.#acknowledged.slice(0, count).map(({ value }) => value));
  }

  /** Values begun by a step: those acknowledged in that order, then the others. */
  may(step: number): readonly Value[] {
    const begun = countUpTo(this.#beginSteps, step);
    const done = countUpTo(this.#ackSteps, step);
    return this.#list(`may ${begun} ${done}`, () => {
      const isDone = ({ acknowledged }: Promised<Value>) => (acknowledged ?? never) <= step;
      const others = this.#begun.slice(0, begun).filter((promise) => !isDone(promise));
      return [...this.#acknowledged.slice(0, done), ...others].map(({ value }) => value);
    });
  }

  /**
   * True when something that was not begun at `first` is acknowledged at `last`. One image at both is then two cases: a value was
   * changed and changed back, and no state has all that must be there and nothing else.
   */
  contradicts(first: number, last: number): boolean {
    return (this.#nextAck[countUpTo(this.#beginSteps, first)] ?? never) <= last;
  }
}
