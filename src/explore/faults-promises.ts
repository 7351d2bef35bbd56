// What a workload has promised while a fault was about: the values that it acknowledged, and those it may have left.
//
// Verbs: attempt, ack, must, may. Values are the same when they are written the same.

interface Entry<Value> {
  readonly value: Value;
  readonly key: string;
  /** Its work was announced: no other value's acknowledgement begins it. */
  readonly isAnnounced: boolean;
  isAcknowledged: boolean;
}

/** How a value is written, to compare. */
export function valueKey(value: unknown): string {
  const text = JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part));
  return `${typeof value} ${text ?? String(value)}`;
}

/** The promises of one run. */
export class FaultPromises<Value> {
  readonly #entries: Entry<Value>[] = [];
  readonly #acknowledged: Entry<Value>[] = [];

  attempt(value: Value): void {
    this.#entries.push({ value, key: valueKey(value), isAnnounced: true, isAcknowledged: false });
  }

  ack(value: Value): void {
    const key = valueKey(value);
    let entry = this.#entries.find((one) => !one.isAcknowledged && one.key === key);
    if (entry === undefined) {
      entry = { value, key, isAnnounced: false, isAcknowledged: false };
      this.#entries.push(entry);
    }
    entry.isAcknowledged = true;
    this.#acknowledged.push(entry);
  }

  /** The acknowledged values, in that order: all of them must be there. */
  get must(): Value[] {
    return this.#acknowledged.map(({ value }) => value);
  }

  /**
   * What may be there: the acknowledged values, then those only begun. A value that was neither announced nor acknowledged is known from
   * `clean`, the run without a fault: those up to the one behind the last that this run came to.
   */
  may(clean: FaultPromises<Value>): Value[] {
    const begun = this.#entries.filter(({ isAcknowledged }) => !isAcknowledged);
    return [...this.#acknowledged, ...begun, ...this.#skipped(clean)].map(({ value }) => value);
  }

  #skipped(clean: FaultPromises<Value>): Entry<Value>[] {
    const known = this.#entries.map(({ key }) => key);
    const left = clean.#entries.filter(({ key }) => {
      const at = known.indexOf(key);
      if (at >= 0) known.splice(at, 1);
      return at < 0;
    });
    const last = clean.#entries.findLastIndex((entry) => !left.includes(entry));
    return left.filter((entry) => !entry.isAnnounced && clean.#entries.indexOf(entry) <= last + 1);
  }
}
