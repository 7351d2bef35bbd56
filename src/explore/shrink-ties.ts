// What a crash can not take apart at one crash point: writes that stand or fall together, or in their order.
//
// Verbs: Ties.close, isLegal. The rules are those of the core's axes: orders of the model, chains of the log, writes in one piece.
// Invariant: what is closed is legal, and a legal state is closed already.

import type { LoggedWrite } from '../crash/log-facts.ts';
import type { CrashModel } from '../crash/options.ts';
import type { CrashLoss } from '../crash/state.ts';

/** What is missing of each write that is not wholly there, by the write's index. */
export type Lost = ReadonlyMap<number, readonly CrashLoss[]>;

/** Writes of which only the first ones can be there: links in their order, each of writes that stand or fall together. */
type Chain = readonly (readonly LoggedWrite[])[];

/** The loss of a whole write. */
export function wholeLoss(write: LoggedWrite): readonly CrashLoss[] {
  return [{ write: write.index, kind: 'missing', offset: write.offset, length: write.length }];
}

/** Nothing of the write is there. */
export function isWhollyLost(write: LoggedWrite, losses: readonly CrashLoss[] | undefined): boolean {
  const [loss] = losses ?? [];
  return losses?.length === 1 && loss?.kind === 'missing' && loss.length === write.length;
}

/** Losses by write. */
export function lostOf(losses: readonly CrashLoss[]): Lost {
  const lost = new Map<number, CrashLoss[]>();
  for (const loss of losses) lost.set(loss.write, [...(lost.get(loss.write) ?? []), loss]);
  return lost;
}

/** Losses of all writes in the order of the log. */
export function lossesOf(lost: Lost): CrashLoss[] {
  return [...lost.keys()].sort((left, right) => left - right).flatMap((write) => lost.get(write) ?? []);
}

export class Ties {
  /** The uncertain writes by their index, in the order of the log. */
  readonly writes: ReadonlyMap<number, LoggedWrite>;
  readonly #chains: readonly Chain[];
  readonly #model: CrashModel;

  /** `uncertain`: the writes that may be there or not at the crash point, in the order of the log. */
  constructor(uncertain: readonly LoggedWrite[], model: CrashModel = {}) {
    this.writes = new Map(uncertain.map((write) => [write.index, write]));
    this.#model = model;
    this.#chains = [...orderChains(uncertain, model), ...logChains(uncertain)];
  }

  /** The losses, and those without which they can not be. */
  close(lost: Lost): Lost {
    const closed = new Map(lost);
    for (let size = -1; size !== closed.size; ) {
      size = closed.size;
      for (const chain of this.#chains) closeChain(chain, closed);
    }
    return closed;
  }

  /** A crash can leave just this. What pieces there are is for the explorer to say. */
  isLegal(lost: Lost): boolean {
    for (const [index, losses] of lost) {
      const write = this.writes.get(index);
      if (write === undefined) return false;
      if (!isWhollyLost(write, losses) && !this.#canTear(write, losses)) return false;
    }
    return isSame(lost, this.close(lost));
  }

  #canTear(write: LoggedWrite, losses: readonly CrashLoss[]): boolean {
    if (write.isUntorn) return false;
    const isLoose = write.operation === 'discard' && this.#model.discard !== 'zeroes';
    const { tearing = 'units' } = this.#model;
    const isDamaged = losses.some(({ kind }) => kind !== 'missing');
    // where damage lies is for the explorer to check
    if (isLoose || isDamaged || tearing === 'units') return true;
    if (tearing === 'none') return false;
    const [loss] = losses;
    if (losses.length !== 1 || loss === undefined) return false;
    const isFront = loss.offset === write.offset;
    const isBack = loss.offset + loss.length === write.offset + write.length;
    if (tearing === 'unitSuffix') return isFront;
    return isBack || (tearing === 'unitEnds' && isFront);
  }
}

function isSame(left: Lost, right: Lost): boolean {
  return left.size === right.size && [...left].every(([write, losses]) => right.get(write) === losses);
}

/** Behind the first link of which something is missing nothing is there, and in it nothing if its writes go together. */
function closeChain(chain: Chain, lost: Map<number, readonly CrashLoss[]>): void {
  let isOver = false;
  for (const link of chain) {
    const isBroken = link.some((write) => lost.has(write.index));
    if (isOver || (isBroken && link.length > 1)) {
      for (const write of link)
        if (!isWhollyLost(write, lost.get(write.index))) lost.set(write.index, wholeLoss(write));
    }
    isOver ||= isBroken;
  }
}

/** The chains that the model's order makes of all writes. */
function orderChains(uncertain: readonly LoggedWrite[], model: CrashModel): Chain[] {
  const isPrefix = model.order === 'prefix' || model.promises?.includes('SEQUENTIAL');
  if (isPrefix) return [uncertain.map((write) => [write])];
  if (model.order !== 'domainPrefix') return [];
  return [...grouped(uncertain, ({ domain }) => domain).values()].map((writes) =>
    writes.map((write) => [write]),
  );
}

/** The chains of the log: a link is a run of writes that go together with the next one, and that one. */
function logChains(uncertain: readonly LoggedWrite[]): Chain[] {
  const chained = uncertain.filter(({ chain }) => chain !== 0);
  return [...grouped(chained, ({ chain }) => chain).values()].map((writes) => {
    const links: LoggedWrite[][] = [];
    let isOpen = false;
    for (const write of writes) {
      if (isOpen) links.at(-1)?.push(write);
      else links.push([write]);
      isOpen = write.isTogether;
    }
    return links;
  });
}

function grouped(
  writes: readonly LoggedWrite[],
  keyOf: (write: LoggedWrite) => number,
): Map<number, LoggedWrite[]> {
  const groups = new Map<number, LoggedWrite[]>();
  for (const write of writes) {
    const group = groups.get(keyOf(write));
    if (group === undefined) groups.set(keyOf(write), [write]);
    else group.push(write);
  }
  return groups;
}
