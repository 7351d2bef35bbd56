// What a scene's clients asked to be kept, and what they were promised: writes and syncs, each with its begin and its end.
//
// Verbs: Ledger.begin, end, rename, upTo, after, namesOf; promisedWrites. A write is promised once a sync of its target, begun after the write had ended, has ended well
// itself; or when the write asked for the media (fua) and has ended well. This is what fsync(2), O_DSYNC, FLUSH and FUA say, no more.
// Invariant: rows are in the order in which they began; `at` counts begins and ends together, so that two are never at once.

/** The target of a sync of everything. */
export const EVERYTHING = '*';
/** Result of what had been asked for and was not promised when a crash came: EIO, for nobody will hear of it. */
const CRASHED = -5;

export interface LedgerEnd {
  readonly at: number;
  /** Steps of the run made by then. */
  readonly step: number;
  /** Bytes, 0, or a negative errno. */
  readonly result: number;
}

/** A request that changes bytes, or makes them durable. */
export interface LedgerRow {
  readonly index: number;
  readonly client: number;
  readonly chapter: number;
  /** How often the power had been cut before it. Default 0. */
  readonly round?: number;
  /** Its number among the client's requests of the chapter, from 0. */
  readonly request: number;
  readonly op: 'write' | 'discard' | 'writeZeroes' | 'sync';
  /** The file or drive by the name that the client has for it. */
  readonly target: string;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** It asks for the media itself: FUA, O_DSYNC. */
  readonly isForced: boolean;
  readonly begunAt: number;
  readonly begunStep: number;
  readonly ended: LedgerEnd | undefined;
}

/** A file that another one has taken the name of. */
export interface Replacement {
  readonly target: string;
  /** The file that has its name since, and the name that this one had before. */
  readonly by: string;
  readonly from: string;
  readonly step: number;
}

export class Ledger {
  readonly replacements: Replacement[] = [];
  readonly #rows: LedgerRow[] = [];
  readonly #names = new Map<string, string[]>();
  #at = 0;

  /**
   * A ledger that goes on behind a crash at `step`: what was promised by then has ended for good, what was not has failed. Steps count from
   * the crash on; those before it are below 0.
   */
  after(step: number): Ledger {
    const next = new Ledger();
    const rows = this.upTo(step);
    const promised = promisedWrites(rows);
    const shift = step + 1;
    for (const row of rows) {
      const { ended = { at: this.#at, step, result: CRASHED } } = row;
      const result = isWrite(row) && !promised.has(row.index) ? CRASHED : ended.result;
      next.#rows.push({
        ...row,
        begunStep: row.begunStep - shift,
        ended: { at: ended.at, step: ended.step - shift, result },
      });
    }
    for (const one of this.replacements)
      if (one.step <= step) next.replacements.push({ ...one, step: one.step - shift });
    for (const [name, names] of this.#names) next.#names.set(name, names);
    next.#at = this.#at + 1;
    return next;
  }

  get rows(): readonly LedgerRow[] {
    return this.#rows;
  }

  /** Notes that a request begins; its index. */
  begin(row: Omit<LedgerRow, 'index' | 'begunAt' | 'ended'>): number {
    const index = this.#rows.length;
    this.#rows.push({ ...row, index, begunAt: this.#at++, ended: undefined });
    return index;
  }

  end(index: number, step: number, result: number): void {
    const row = this.#rows[index];
    if (row === undefined) throw new RangeError(`row ${index}`);
    this.#rows[index] = { ...row, ended: { at: this.#at++, step, result } };
  }

  /** Notes that a file has a new name: it may be found under either. Who had that name before has none any more. */
  rename(from: string, to: string, step: number): void {
    const targetAt = (name: string): string =>
      [...this.#names].find(([, names]) => names.at(-1) === name)?.[0] ?? name;
    this.replacements.push({ target: targetAt(to), by: targetAt(from), from, step });
    for (const [name, names] of [[from, [from]] as const, ...this.#names])
      if (names.at(-1) === from) this.#names.set(name, [...names, to]);
  }

  /** The names that a client's file has had, its own first. */
  namesOf(target: string): readonly string[] {
    return this.#names.get(target) ?? [target];
  }

  /** What was known behind `step` steps: nothing that began later, no end that came later. */
  upTo(step: number): LedgerRow[] {
    return this.#rows
      .filter(({ begunStep }) => begunStep <= step)
      .map((row) => (row.ended !== undefined && row.ended.step > step ? { ...row, ended: undefined } : row));
  }
}

export function isWrite({ op }: LedgerRow): boolean {
  return op !== 'sync';
}

function hasEndedWell({ ended }: LedgerRow): boolean {
  return ended !== undefined && ended.result >= 0;
}

/** Indexes of the writes that must survive a crash. `isAcknowledged` tells whether the client has heard of a row's end. */
export function promisedWrites(
  rows: readonly LedgerRow[],
  isAcknowledged: (row: LedgerRow) => boolean = hasEndedWell,
): Set<number> {
  const lastSyncs = new Map<string, number>();
  for (const row of rows) {
    if (row.op !== 'sync' || !hasEndedWell(row) || !isAcknowledged(row)) continue;
    lastSyncs.set(row.target, Math.max(row.begunAt, lastSyncs.get(row.target) ?? -1));
  }
  const isCovered = ({ target, ended }: LedgerRow) =>
    Math.max(lastSyncs.get(target) ?? -1, lastSyncs.get(EVERYTHING) ?? -1) > (ended?.at ?? 0);
  const isPromised = (row: LedgerRow) =>
    isWrite(row) && hasEndedWell(row) && (isCovered(row) || (row.isForced && isAcknowledged(row)));
  return new Set(rows.filter(isPromised).map(({ index }) => index));
}
