// The smallest failing case: from a crash state that fails to one of which nothing can be put back without making the check pass.
//
// Verbs: shrink. Order: whole writes instead of torn ones, missing bytes instead of damaged ones; the fewest missing writes; the earliest
// crash point; the fewest and lowest missing units of what must be torn.
// Invariant: every step keeps the same failure (its key) and a state that a crash can leave. The check is not monotone (more missing may
// make it pass), so the end is a state from which no single step leads on, not the smallest of all.

import { parseSize } from '../core/size.ts';
import type { CrashPoint, LoggedWrite } from '../crash/log-facts.ts';
import type { CrashLoss, CrashState } from '../crash/state.ts';
import type { Failure } from './parts.ts';
import { type Lost, lossesOf, lostOf, wholeLoss } from './shrink-ties.ts';
import { isTorn, type Trial } from './shrink-trial.ts';

/** More writes than this are not tried in pairs. */
const MAX_PAIRED = 24;
/** Tears tried of one write. */
const MAX_TEARS = 512;

/** What is left of a failing state. */
export interface Shrunk {
  readonly point: CrashPoint;
  readonly state: CrashState;
  /** What the state lacks, by write. */
  readonly lost: Lost;
  readonly failure: Failure;
  /** Some write is torn, and with whole writes there or not it does not fail. */
  readonly needsTearing: boolean;
  /** Nothing can be put back. False when the limits ended it before. */
  readonly isMinimal: boolean;
}

/** A state on its way. */
interface Case {
  readonly point: CrashPoint;
  readonly lost: Lost;
}

/** Makes a failing state smaller. Undefined when it does not fail with this key at its own crash point. */
export async function shrink<Value>(
  trial: Trial<Value>,
  start: CrashState,
  key: string,
): Promise<Shrunk | undefined> {
  const first = (await trial.outcomeOf(start))?.failure;
  if (first?.key !== key) return undefined;
  const shrinker = new Shrinker(trial, key);
  const smallest = await shrinker.run({ point: trial.pointAt(start.step), lost: lostOf(start.losses) });
  const state = { step: smallest.point.step, losses: lossesOf(smallest.lost) };
  const { writes } = trial.level.explorer;
  return {
    point: smallest.point,
    state,
    lost: smallest.lost,
    failure: (await trial.outcomeOf(state))?.failure ?? first,
    needsTearing: [...smallest.lost.keys()].some((index) =>
      isTorn(writes[index] as LoggedWrite, smallest.lost),
    ),
    isMinimal: !trial.isOver,
  };
}

class Shrinker<Value> {
  readonly #trial: Trial<Value>;
  readonly #key: string;

  constructor(trial: Trial<Value>, key: string) {
    this.#trial = trial;
    this.#key = key;
  }

  async run(start: Case): Promise<Case> {
    let smallest = await this.#fewest(await this.#whole(start));
    for (;;) {
      const earlier = await this.#earlier(smallest);
      if (earlier === undefined) break;
      // fewer writes have been made by then, so that others of the missing ones may do without
      smallest = await this.#fewest(earlier);
    }
    return this.#smallestTears(smallest);
  }

  #fails(point: CrashPoint, lost: Lost): Promise<boolean> {
    return this.#trial.fails(point, lost, this.#key);
  }

  /** The first of some candidates that fails. */
  async #first(point: CrashPoint, candidates: Iterable<Lost>): Promise<Lost | undefined> {
    for (const lost of candidates) if (await this.#fails(point, lost)) return lost;
    return undefined;
  }

  #write(index: number): LoggedWrite {
    return this.#trial.level.explorer.writes[index] as LoggedWrite;
  }

  #torn(lost: Lost): number[] {
    return [...lost.keys()].filter((index) => isTorn(this.#write(index), lost));
  }

  /** Whole writes instead of torn ones, missing bytes instead of damage. */
  async #whole({ point, lost: start }: Case): Promise<Case> {
    const ties = this.#trial.ties(point);
    let lost = start;
    const torn = this.#torn(lost);
    if (torn.length > 1) {
      const kept = without(lost, torn);
      const missing = ties.close(
        replaced(
          lost,
          torn.map((index) => [index, wholeLoss(this.#write(index))]),
        ),
      );
      lost = (await this.#first(point, [kept, missing])) ?? lost;
    }
    for (const index of this.#torn(lost)) {
      const kept = without(lost, [index]);
      const missing = ties.close(replaced(lost, [[index, wholeLoss(this.#write(index))]]));
      const undamaged = replaced(lost, [[index, undamagedOf(lost.get(index) ?? [])]]);
      lost = (await this.#first(point, [kept, missing, undamaged])) ?? lost;
    }
    return { point, lost };
  }

  /** The fewest missing writes: none, one, two, else by halves; then nothing that can be put back is left out. */
  async #fewest({ point, lost }: Case): Promise<Case> {
    const found =
      (await this.#first(point, this.#few(point, lost))) ?? (await this.#fewestByHalves(point, lost));
    return { point, lost: await this.#putBack(point, found) };
  }

  /** Nothing missing, each single write, each pair; those of all writes when what is missing is torn: whole writes are better. */
  *#few(point: CrashPoint, lost: Lost): Generator<Lost> {
    const ties = this.#trial.ties(point);
    yield new Map();
    const indices = [...lost.keys()].sort((left, right) => left - right);
    const singles = indices.map((index) => ties.close(only(lost, [index])));
    yield* singles.filter((single) => single.size < lost.size);
    if (this.#torn(lost).length > 0)
      for (const write of ties.writes.values()) yield ties.close(new Map([[write.index, wholeLoss(write)]]));
    if (indices.length > MAX_PAIRED || indices.length <= 2) return;
    for (const [place, second] of indices.entries())
      for (const first of indices.slice(0, place)) {
        const pair = ties.close(only(lost, [first, second]));
        if (pair.size < lost.size) yield pair;
      }
  }

  /** Delta debugging over the missing writes. */
  async #fewestByHalves(point: CrashPoint, start: Lost): Promise<Lost> {
    const ties = this.#trial.ties(point);
    let lost = start;
    for (let parts = 2; lost.size > 2 && parts <= lost.size; ) {
      const indices = [...lost.keys()].sort((left, right) => left - right);
      const chunks = chunked(indices, parts);
      const candidates = [
        ...chunks.map((chunk) => only(lost, chunk)),
        ...chunks.map((chunk) => without(lost, chunk)),
      ]
        .map((candidate) => ties.close(candidate))
        .filter((candidate) => candidate.size < lost.size);
      const smaller = await this.#first(point, candidates);
      if (smaller === undefined) parts = parts === lost.size ? parts + 1 : Math.min(lost.size, parts * 2);
      else {
        lost = smaller;
        parts = 2;
      }
    }
    return lost;
  }

  /** Puts single writes back as long as it still fails. */
  async #putBack(point: CrashPoint, start: Lost): Promise<Lost> {
    let lost = start;
    for (;;) {
      const current = lost;
      const smaller = await this.#first(
        point,
        [...current.keys()].map((index) => without(current, [index])),
      );
      if (smaller === undefined) return lost;
      lost = smaller;
    }
  }

  /** The earliest crash point at which what is missing of these writes by then makes it fail. */
  async #earlier({ point, lost }: Case): Promise<Case | undefined> {
    // at an earlier moment less is missing, but the promises of all moments would not be earlier
    if (this.#trial.isWide) return undefined;
    for (const earlier of this.#trial.points.slice(0, point.index)) {
      const ties = this.#trial.ties(earlier);
      const there = [...lost.keys()].filter((index) => ties.writes.has(index));
      if (there.length === 0 && lost.size > 0) continue;
      const candidate = only(lost, there);
      if (await this.#fails(earlier, candidate)) return { point: earlier, lost: candidate };
    }
    return undefined;
  }

  /** Of each torn write the fewest, then the lowest missing bytes. */
  async #smallestTears({ point, lost: start }: Case): Promise<Case> {
    let lost = start;
    for (const index of this.#torn(lost)) {
      const write = this.#write(index);
      const now = lost.get(index) ?? [];
      if (now.some(({ kind }) => kind !== 'missing')) continue;
      const bytes = now.reduce((sum, { length }) => sum + length, 0);
      const current = lost;
      const candidates = [...this.#tears(write, bytes)].map((loss) => replaced(current, [[index, [loss]]]));
      lost = (await this.#first(point, candidates)) ?? lost;
    }
    return { point, lost };
  }

  /** Runs of units that a write may lack, of at most so many bytes: the shortest first, then the lowest. */
  *#tears(write: LoggedWrite, bytes: number): Generator<CrashLoss> {
    const { unit = 512 } = this.#trial.level.options.model ?? {};
    const unitBytes = parseSize(unit, 'model.unit');
    const starts = [write.offset];
    const end = write.offset + write.length;
    for (let at = Math.floor(write.offset / unitBytes) * unitBytes + unitBytes; at < end; at += unitBytes)
      starts.push(at);
    let left = MAX_TEARS;
    for (let units = 1; units < starts.length; units++)
      for (const [place, offset] of starts.entries()) {
        if (place + units > starts.length || left === 0) break;
        const length = (starts[place + units] ?? end) - offset;
        if (length > bytes) continue;
        left--;
        yield { write: write.index, kind: 'missing', offset, length };
      }
  }
}

function undamagedOf(losses: readonly CrashLoss[]): CrashLoss[] {
  return losses.map(({ write, offset, length }) => ({ write, kind: 'missing', offset, length }));
}

function only(lost: Lost, indices: readonly number[]): Lost {
  return new Map(indices.map((index) => [index, lost.get(index) ?? []]));
}

function without(lost: Lost, indices: readonly number[]): Lost {
  return new Map([...lost].filter(([index]) => !indices.includes(index)));
}

function replaced(lost: Lost, entries: readonly (readonly [number, readonly CrashLoss[]])[]): Lost {
  return new Map([...lost, ...entries]);
}

function chunked<T>(items: readonly T[], parts: number): T[][] {
  const size = Math.ceil(items.length / parts);
  return Array.from({ length: Math.ceil(items.length / size) }, (_, part) =>
    items.slice(part * size, (part + 1) * size),
  );
}
