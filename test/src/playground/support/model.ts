// A scene that is played beside its model: each step of the machine is a part of the run.

import { Machine } from '../../../../src/index.ts';
import { Run } from '../../../../src/playground/model/run.ts';
import { openScene, type SceneRun } from '../../../../src/playground/scene/run.ts';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import type { RunPart } from '../../../../src/playground/worker/protocol.ts';
import { shapeOf } from '../../../../src/playground/worker/shape.ts';

/** What the worker would send for the step that was just made. */
export function partOf({ machine, chapter }: SceneRun, isLast: boolean): RunPart {
  const count = isLast ? 0 : 1;
  return {
    records: machine.records.takeBytes(),
    recordEnds: new Uint32Array(count).fill(machine.records.made),
    timesNs: new Float64Array(count).fill(machine.nowNs),
    chapters: new Uint16Array(count).fill(chapter < 0 ? 65535 : chapter),
    hashes: new BigUint64Array(count).fill(BigInt(`0x${machine.recordHash}`)),
    isLast,
    cutShort: undefined,
  };
}

/** Plays a scene to its end; `begin` is called before the first step, `look` after each. */
export async function playBeside(
  scene: Scene,
  look: (played: SceneRun, run: Run) => void = () => {},
  begin: (played: SceneRun) => void = () => {},
): Promise<Run> {
  const played = await openScene(scene, (options) => Machine.create(options));
  begin(played);
  const run = new Run(shapeOf(played), scene);
  while (played.step()) {
    run.add(partOf(played, false));
    look(played, run);
  }
  run.add(partOf(played, true));
  played.machine.close();
  return run;
}
