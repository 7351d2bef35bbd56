// A failing image as a finding, as it was found: nothing is made smaller, no cause is looked for.
//
// Verbs: plainFindings. What explore gives with `explain: false`.

import type { FoundFailure, Recording } from './parts.ts';
import { recipeFinding } from './recipe-finding.ts';
import type { Finding, Recipe } from './types.ts';

/** What all findings of a run share. */
export interface RunFacts<Value> {
  readonly kind: Recipe['kind'];
  readonly options: Recipe['options'];
  readonly sectorlab: string;
  readonly recording: Recording<Value>;
}

function findingOf<Value>(found: FoundFailure, images: number, run: RunFacts<Value>): Finding {
  const { failure, crash, states, firstStep, lastStep, hash } = found;
  const { recording } = run;
  const acknowledged = recording.promises.filter((one) => (one.acknowledged ?? Infinity) <= firstStep).length;
  const attempted = recording.promises.filter((one) => one.attempted <= firstStep).length;
  const error = `${failure.name}: ${failure.message}`;
  const where = crash === 'process' ? 'the process is killed' : `a crash (${crash})`;
  const finding: Omit<Finding, 'recipe'> = {
    sentence: `after ${where} at step ${firstStep} the check fails: ${error.split('\n')[0]}`,
    error,
    errorStack: failure.stack,
    missing: [],
    present: [],
    lost: undefined,
    crash,
    crashPoint: { step: firstStep, lastStep, after: `step ${firstStep}`, acknowledged, attempted },
    depth: states.length - 1,
    needsTearing: false,
    proof: undefined,
    timeline: [],
    images,
  };
  return {
    ...finding,
    recipe: {
      sectorlab: run.sectorlab,
      kind: run.kind,
      crash,
      options: run.options,
      log: recording.hash,
      states,
      range: [firstStep, lastStep],
      image: hash,
      finding: recipeFinding(finding, undefined),
    },
  };
}

/** One finding for each key of failures. */
export function plainFindings<Value>(failures: readonly FoundFailure[], run: RunFacts<Value>): Finding[] {
  const byKey = new Map<string, FoundFailure[]>();
  for (const found of failures) {
    const others = byKey.get(found.failure.key);
    if (others === undefined) byKey.set(found.failure.key, [found]);
    else others.push(found);
  }
  return [...byKey.values()].map((group) => findingOf(group[0] as FoundFailure, group.length, run));
}
