// The page draws a run while it arrives: wherever the first part of it ends, the picture has a place for everything.
// How much has come when the page looks first depends on the machine that it runs on, so every length is tried.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Machine } from '../../../../src/index.ts';
import { Run } from '../../../../src/playground/model/run.ts';
import { openScene } from '../../../../src/playground/scene/run.ts';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import { SCENES } from '../../../../src/playground/scenes/index.ts';
import { extentOf } from '../../../../src/playground/stage/extent.ts';
import { layoutStage } from '../../../../src/playground/stage/layout.ts';
import type { RunPart, Shape } from '../../../../src/playground/worker/protocol.ts';
import { shapeOf } from '../../../../src/playground/worker/shape.ts';
import { partOf } from '../support/model.ts';

const WIDTHS = [320, 740, 1100];
const MOST_STEPS = 1500;
/** Of longer runs, this many lengths are tried. */
const MOST_LENGTHS = 200;

const known = suite('what is known of a run so far');

/** A part for each of the first steps. */
async function partsOf(scene: Scene): Promise<{ shape: Shape; parts: RunPart[] }> {
  const played = await openScene(scene, (options) => Machine.create(options));
  const shape = shapeOf(played);
  const parts: RunPart[] = [];
  while (parts.length < MOST_STEPS && played.step()) parts.push(partOf(played, false));
  played.machine.close();
  return { shape, parts };
}

for (const scene of SCENES) {
  known(`${scene.id} has a picture, however much of it is known at the first look`, async () => {
    const { shape, parts } = await partsOf(scene);
    const stride = Math.ceil(parts.length / MOST_LENGTHS);
    for (let steps = 1; steps <= parts.length; steps += stride) {
      const run = new Run(shape, scene);
      for (const part of parts.slice(0, steps)) run.add(part);
      for (const width of WIDTHS) {
        const state = run.stateAt(steps);
        assert.ok(state);
        const { marks, height } = layoutStage(state, extentOf(run), width);
        assert.ok(Number.isFinite(height), `${steps} steps on ${width} pixels: height ${height}`);
        const misplaced = marks.find(
          ({ x, y, width: wide }) => !(wide > 0 && x >= 0 && y >= 0 && x + wide <= width + 1),
        );
        assert.is(misplaced, undefined, `${steps} steps on ${width} pixels`);
      }
    }
  });
}

known.run();
