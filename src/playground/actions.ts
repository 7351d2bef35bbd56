// What a reader can do, as functions: open a scene, play, pause, step, seek, select.
//
// Buttons, keys, links and tests call these. The worker is asked through `engine`; playing is a matter of the page alone, since the
// run is known ahead.

import { batch } from '@preact/signals';
import { proxy, wrap } from 'comlink';
import { Run } from './model/run.ts';
import type { EntityKey } from './model/types.ts';
import type { Scene } from './scene/types.ts';
import { cursor, isPlaying, pace, problem, run, runVersion, scene, selection, standing } from './state.ts';
import type { Engine, RunPart } from './worker/protocol.ts';

/** The worker, which lies beside the page's script. */
export const engine = wrap<Engine>(new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }));

/** Opens a scene at its start, or at `step` once the run has come so far. */
export async function openScene(next: Scene, step = 0): Promise<void> {
  batch(() => {
    scene.value = next;
    run.value = undefined;
    cursor.value = 0;
    isPlaying.value = false;
    selection.value = undefined;
    standing.value = undefined;
    problem.value = undefined;
    pace.value = next.pace ?? 4;
  });
  try {
    const early: RunPart[] = [];
    let opened: Run | undefined;
    const take = (_run: number, part: RunPart): void => {
      if (opened === undefined) early.push(part);
      else if (run.value === opened) addPart(opened, part);
    };
    const { shape } = await engine.open(next, proxy(take));
    if (scene.value !== next) return;
    opened = new Run(shape, next);
    run.value = opened;
    for (const part of early) addPart(opened, part);
    if (step > 0) seek(step);
  } catch (error) {
    if (scene.value === next) problem.value = error instanceof Error ? error.message : String(error);
  }
}

function addPart(to: Run, part: RunPart): void {
  to.add(part);
  runVersion.value++;
}

/** Shows the moment behind `step` steps, 0 to all; a step outside is brought to the nearest. */
export function seek(step: number): void {
  const last = run.value?.stepCount ?? 0;
  cursor.value = Math.max(0, Math.min(last, Math.round(step)));
}

export function stepForward(): void {
  isPlaying.value = false;
  seek(cursor.value + 1);
}

export function stepBack(): void {
  isPlaying.value = false;
  seek(cursor.value - 1);
}

export function select(key: EntityKey | undefined): void {
  selection.value = key;
}

let frame = 0;

/** Plays from the cursor, from the start when it is at the end. */
export function play(): void {
  const playing = run.value;
  if (playing === undefined) return;
  if (cursor.value >= playing.stepCount) cursor.value = 0;
  isPlaying.value = true;
  let shownAt = performance.now();
  let position = cursor.value;
  const draw = (now: number): void => {
    if (!isPlaying.value || run.value !== playing) return;
    const stepsASecond = pace.value === 0 ? playing.stepCount / 4 : pace.value;
    position += ((now - shownAt) * stepsASecond) / 1000;
    shownAt = now;
    const target = Math.floor(position);
    if (target > cursor.value) seek(target);
    if (cursor.value >= playing.stepCount && playing.isWhole) isPlaying.value = false;
    else frame = requestAnimationFrame(draw);
  };
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(draw);
}

export function pause(): void {
  isPlaying.value = false;
  cancelAnimationFrame(frame);
}
