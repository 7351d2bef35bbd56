// An image of an edited log before the check: with the promises of the moments at which it arises.
//
// Verbs: failureAt.

import type { CrashExplorer } from '../crash/explorer.ts';
import type { CrashImage } from '../crash/image.ts';
import { PromiseRange } from './judge-promises.ts';
import type { Failure, Level } from './parts.ts';

/**
 * How the check fails on an image that `explorer` has built, at all crash points that it has gone through. `toOld`: the step of the recording that
 * a step of its log is.
 */
export async function failureAt<Value>(
  level: Level<Value>,
  explorer: CrashExplorer,
  image: CrashImage,
  toOld: (step: number) => number = (step) => step,
): Promise<Failure | undefined> {
  for (const [first, last] of momentsOf(level, explorer, image, toOld)) {
    const { failure } = await level.judge.judge(image, toOld(first), toOld(last));
    if (failure !== undefined) return failure;
  }
  return undefined;
}

/** The range of its steps; where promises in it contradict each other, its first and its last crash point. */
function momentsOf<Value>(
  { recording }: Level<Value>,
  explorer: CrashExplorer,
  { index, firstStep, lastStep }: CrashImage,
  toOld: (step: number) => number,
): (readonly [firstStep: number, lastStep: number])[] {
  const promises = new PromiseRange(recording.promises);
  if (index === undefined || !promises.contradicts(toOld(firstStep), toOld(lastStep)))
    return [[firstStep, lastStep]];
  const { first, last } = explorer.facts(index);
  return [
    [first.step, first.lastStep],
    [last.step, last.lastStep],
  ];
}
