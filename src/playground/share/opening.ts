// Opening what a link says, and telling the reader when it is not what the link's maker saw.
//
// Verbs: openLink. A link with a hash is checked: the worker stands at its moment, and the hash of its records is compared.
// Invariant: a link that can not be opened changes nothing but the message.

import { engine, openScene, pause, replaceScene, seek, tell } from '../actions.ts';
import type { Scene } from '../scene/types.ts';
import { SCENES } from '../scenes/index.ts';
import { isLive, run, runVersion, scene } from '../state.ts';
import { decodeLink, LinkError, type LinkTarget } from './link.ts';

/** opened; nothing: there is nothing in the fragment, or nothing that can be opened (the reader is told then); stayed: the reader stays with a
 * live machine. */
export type Outcome = 'opened' | 'nothing' | 'stayed';

/** Opens the scene of a fragment at its moment. `onScene` is told of the scene before it is opened. */
export async function openLink(
  fragment: string,
  onScene: (target: Scene) => void = () => {},
): Promise<Outcome> {
  let target: LinkTarget | undefined;
  try {
    target = await decodeLink(fragment, SCENES);
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    tell(error);
    return 'nothing';
  }
  if (target === undefined) return 'nothing';
  onScene(target.scene);
  const outcome = await openTarget(target);
  if (outcome !== 'opened') return outcome;
  if (target.step !== undefined) await checkMoment(target as LinkTarget & { readonly step: number });
  return 'opened';
}

/** A scene that the machine refuses is told of, and what was shown stays. */
async function openTarget({ scene: next, step }: LinkTarget): Promise<Outcome> {
  if (run.value === undefined) {
    if (!(await openScene(next, step))) return 'stayed';
    return run.value === undefined && scene.value === next ? 'nothing' : 'opened';
  }
  try {
    await replaceScene(next, 0);
  } catch (error) {
    tell(error);
    return 'nothing';
  }
  if (scene.value !== next) return isLive.value ? 'stayed' : 'opened';
  if (step !== undefined) seek(step);
  return 'opened';
}

/** Resolves when the shown run has this step, or is known to its end; undefined: another scene was opened. */
function stepKnown(target: LinkTarget & { readonly step: number }): Promise<number | undefined> {
  return new Promise((resolve) => {
    let stop = (): void => {};
    const look = (): void => {
      const shown = run.value;
      if (scene.value !== target.scene) resolve(undefined);
      else if (shown === undefined || (shown.stepCount < target.step && !shown.isWhole)) return;
      else resolve(Math.min(shown.stepCount, target.step));
      stop();
    };
    const unsubscribe = [run.subscribe(look), runVersion.subscribe(look), scene.subscribe(look)];
    stop = () => {
      for (const one of unsubscribe) one();
    };
    look();
  });
}

async function checkMoment(target: LinkTarget & { readonly step: number }): Promise<void> {
  const step = await stepKnown(target);
  if (step === undefined) return;
  pause();
  if (step < target.step) {
    tell(
      `The link is about step ${target.step}, and this run ends at step ${step}: this build gives another run.`,
    );
    return;
  }
  if (target.hash === undefined) return;
  const { recordHash } = await engine.stand(step);
  if (recordHash !== target.hash && scene.value === target.scene)
    tell(
      `This build gives another run: at step ${step} its records have hash ${recordHash}, and the link says ${target.hash}.`,
    );
}
