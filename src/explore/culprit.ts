// Who is to blame for a failing state: the write that is missing, the one that is there and should not be without it, the value that is lost.
//
// Verbs: findCulprit.
// A write is to blame for being there when the check passes once it is missing as well. When no write is, and the image is a good one as long as
// less was promised, the promise is: what was acknowledged was not durable.

import type { LoggedWrite } from '../crash/log-facts.ts';
import type { Promised } from './parts.ts';
import type { Shrunk } from './shrink.ts';
import { type Lost, wholeLoss } from './shrink-ties.ts';
import type { Trial } from './shrink-trial.ts';

export interface Culprit<Value> {
  /** Missing or torn, in the order of the log. */
  readonly missing: readonly LoggedWrite[];
  /** There, and without it (or all of them) the check would pass. */
  readonly present: readonly LoggedWrite[];
  /** The first value that the image lacks of those that were acknowledged. */
  readonly lost: Promised<Value> | undefined;
}

/** Looks for the culprits of the smallest failing state. */
export async function findCulprit<Value>(trial: Trial<Value>, shrunk: Shrunk): Promise<Culprit<Value>> {
  const { writes } = trial.level.explorer;
  return {
    missing: [...shrunk.lost.keys()]
      .sort((left, right) => left - right)
      .map((index) => writes[index] as LoggedWrite),
    present: await findPresent(trial, shrunk),
    lost: await findLost(trial, shrunk),
  };
}

/** The acknowledged value without which the image would be good: the first one that makes it fail. */
async function findLost<Value>(trial: Trial<Value>, shrunk: Shrunk): Promise<Promised<Value> | undefined> {
  const { point, state } = shrunk;
  const acknowledged = trial.level.recording.promises
    .filter((promised) => (promised.acknowledged ?? Number.POSITIVE_INFINITY) <= point.lastStep)
    .sort((left, right) => (left.acknowledged ?? 0) - (right.acknowledged ?? 0));
  if (acknowledged.length === 0 || !(await trial.passesWith(state, 0))) return undefined;
  let good = -1;
  let bad = acknowledged.length - 1;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (await trial.passesWith(state, acknowledged[middle]?.acknowledged ?? 0)) good = middle;
    else bad = middle;
  }
  return acknowledged[bad];
}

/** The write that makes the missing one matter: the nearest behind it, else the nearest before it, else all that it takes. */
async function findPresent<Value>(trial: Trial<Value>, shrunk: Shrunk): Promise<LoggedWrite[]> {
  const { point, lost } = shrunk;
  const ties = trial.ties(point);
  const kept = [...ties.writes.values()].filter(({ index }) => !lost.has(index));
  const first = Math.min(...lost.keys());
  const behind = kept.filter(({ index }) => index > first);
  const before = kept.filter(({ index }) => index < first).reverse();
  for (const write of [...behind, ...before])
    if (await trial.passes(point, ties.close(dropping(lost, [write])))) return [write];
  if (!(await trial.passes(point, ties.close(dropping(lost, kept))))) return [];
  return fewestKept(trial, shrunk, kept);
}

/** All other writes missing, those are left without any of which the check does not fail as it did. */
async function fewestKept<Value>(
  trial: Trial<Value>,
  { point, lost, failure }: Shrunk,
  kept: readonly LoggedWrite[],
): Promise<LoggedWrite[]> {
  const ties = trial.ties(point);
  let dropped = lost;
  for (const write of [...kept].reverse()) {
    const candidate = ties.close(dropping(dropped, [write]));
    if (await trial.fails(point, candidate, failure.key)) dropped = candidate;
  }
  return kept.filter(({ index }) => !dropped.has(index));
}

function dropping(lost: Lost, writes: readonly LoggedWrite[]): Lost {
  return new Map([...lost, ...writes.map((write) => [write.index, wholeLoss(write)] as const)]);
}
