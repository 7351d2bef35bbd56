// Requests of a submitter, from their start until a few steps after their end, so that an end can be seen.
//
// Verbs: add, get, change, end, beginStep, save, restore, shown. Entries are replaced, never changed.

/** Steps for which an ended request stays. */
const RECENT_STEPS = 6;
const MOST_SHOWN = 64;

export interface Counted {
  readonly number: number;
}

interface Ended {
  readonly number: number;
  readonly step: number;
}

export interface SavedRequests<Entry> {
  readonly entries: readonly Entry[];
  readonly ended: readonly Ended[];
  readonly submitted: number;
  readonly completed: number;
  readonly failed: number;
}

export class RecentRequests<Entry extends Counted> {
  /** By number, so oldest first. */
  readonly #entries = new Map<number, Entry>();
  #ended: Ended[] = [];
  #submitted = 0;
  #completed = 0;
  #failed = 0;

  /** The number of the next one. */
  get submitted(): number {
    return this.#submitted;
  }

  add(entry: Entry): void {
    this.#entries.set(entry.number, entry);
    this.#submitted++;
  }

  get(number: number): Entry | undefined {
    return this.#entries.get(number);
  }

  values(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  change(entry: Entry): void {
    this.#entries.set(entry.number, entry);
  }

  end(entry: Entry, step: number, hasFailed: boolean): void {
    this.#entries.set(entry.number, entry);
    this.#ended.push({ number: entry.number, step });
    this.#completed++;
    if (hasFailed) this.#failed++;
  }

  beginStep(step: number): void {
    let count = 0;
    while (count < this.#ended.length && (this.#ended[count]?.step ?? step) < step - RECENT_STEPS) {
      this.#entries.delete(this.#ended[count]?.number ?? -1);
      count++;
    }
    if (count > 0) this.#ended = this.#ended.slice(count);
  }

  save(): SavedRequests<Entry> {
    return {
      entries: [...this.#entries.values()],
      ended: this.#ended.slice(),
      submitted: this.#submitted,
      completed: this.#completed,
      failed: this.#failed,
    };
  }

  restore(saved: SavedRequests<Entry>): void {
    this.#entries.clear();
    for (const entry of saved.entries) this.#entries.set(entry.number, entry);
    this.#ended = saved.ended.slice();
    this.#submitted = saved.submitted;
    this.#completed = saved.completed;
    this.#failed = saved.failed;
  }

  shown() {
    const requests: Entry[] = [];
    for (const entry of this.#entries.values()) {
      if (requests.length === MOST_SHOWN) break;
      requests.push(entry);
    }
    return {
      requests,
      hiddenCount: this.#entries.size - requests.length,
      inFlight: this.#submitted - this.#completed,
      submitted: this.#submitted,
      completed: this.#completed,
      failed: this.#failed,
    };
  }
}
