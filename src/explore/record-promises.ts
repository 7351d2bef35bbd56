// What a workload has promised: values begun and acknowledged, each a mark in the write log.
//
// Verbs: PromiseBook: attempt, ack, promises.

import type { Machine } from '../machine.ts';
import type { Promised } from './parts.ts';

/** By numbers of marks, until the log is read. */
interface Entry<Value> {
  readonly value: Value;
  readonly attempted: number;
  acknowledged: number | undefined;
}

const MAX_TEXT = 120;

/** A value in a few words. */
export function valueText(value: unknown): string {
  let text: string | undefined;
  try {
    text = typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
  } catch {
    // no JSON: a BigInt, or it holds itself
  }
  text ??= String(value);
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

function isSame(left: unknown, right: unknown): boolean {
  return Object.is(left, right) || (typeof left === 'object' && valueText(left) === valueText(right));
}

export class PromiseBook<Value> {
  readonly #machine: Machine;
  readonly #entries: Entry<Value>[] = [];
  /** The mark of the latest acknowledgement, 0: none yet. */
  #lastAck = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  #mark(word: string, value: Value): number {
    // no NUL can be in a mark
    return this.#machine.writeLog.mark(`${word} ${valueText(value)}`.replaceAll('\0', '␀'));
  }

  attempt(value: Value): void {
    this.#entries.push({ value, attempted: this.#mark('attempt', value), acknowledged: undefined });
  }

  ack(value: Value): void {
    const acknowledged = this.#mark('ack', value);
    const begun = this.#entries.find(
      (entry) => entry.acknowledged === undefined && isSame(entry.value, value),
    );
    if (begun !== undefined) begun.acknowledged = acknowledged;
    else this.#entries.push({ value, attempted: this.#lastAck, acknowledged });
    this.#lastAck = acknowledged;
  }

  /** In the order in which they were begun. `markSteps`: by number of a mark, entries of the log up to it. */
  promises(markSteps: readonly number[]): Promised<Value>[] {
    const stepOf = (mark: number) => markSteps[mark] ?? 0;
    return this.#entries
      .map(({ value, attempted, acknowledged }) => ({
        value,
        attempted: stepOf(attempted),
        acknowledged: acknowledged === undefined ? undefined : stepOf(acknowledged),
      }))
      .sort((left, right) => left.attempted - right.attempted);
  }
}
