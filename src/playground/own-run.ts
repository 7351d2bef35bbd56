// The run of the scene without the reader's changes, for comparison: what the strip of the knobs and the pale lines of the charts tell of.
//
// Verbs: ownRun. It is the run that was shown before the first change where that is known to its end; else a second worker plays it.
// Invariant: ownRun is of the scene that the shown one was made from, and whole; undefined while there is nothing to compare.

import { effect, signal } from '@preact/signals';
import { proxy, wrap } from 'comlink';
import { Run } from './model/run.ts';
import { ownScene } from './scene/changes.ts';
import type { Scene } from './scene/types.ts';
import { run, runVersion, scene } from './state.ts';
import type { Engine, RunPart } from './worker/protocol.ts';

export const ownRun = signal<Run | undefined>(undefined);

/** The last run that was seen whole of a scene without changes. One only: runs may be large. */
let kept: Run | undefined;
let playing: { readonly own: Scene; readonly stop: () => void } | undefined;

effect(() => {
  runVersion.value;
  const shown = run.value;
  if (shown?.isWhole === true && ownScene(shown.scene) === shown.scene) kept = shown;
});

effect(() => {
  const own = ownScene(scene.value);
  if (playing !== undefined && playing.own !== own) {
    playing.stop();
    playing = undefined;
  }
  if (own === scene.value) ownRun.value = undefined;
  else if (kept?.scene === own) ownRun.value = kept;
  else if (ownRun.peek()?.scene !== own) {
    ownRun.value = undefined;
    playing ??= { own, stop: playAside(own) };
  }
});

/** Plays a scene in a worker of its own, which ends with the run; the way to end it earlier. */
function playAside(own: Scene): () => void {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  const early: RunPart[] = [];
  let aside: Run | undefined;
  const add = (to: Run, part: RunPart): void => {
    to.add(part);
    if (!part.isLast) return;
    worker.terminate();
    if (playing?.own !== own) return;
    playing = undefined;
    kept = to;
    ownRun.value = to;
  };
  const take = (_run: number, part: RunPart): void => {
    if (aside === undefined) early.push(part);
    else add(aside, part);
  };
  wrap<Engine>(worker)
    .open(own, proxy(take))
    .then(({ shape }) => {
      aside = new Run(shape, own);
      for (const part of early) add(aside, part);
    })
    // without it there is nothing to compare with; the shown run tells of its own failures
    .catch(() => worker.terminate());
  return () => worker.terminate();
}
