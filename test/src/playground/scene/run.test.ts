// Scenes of every entrance: they run to their end, alike wherever they are played, and go back to any step.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Machine as BrowserMachine } from '../../../../src/browser.ts';
import { Machine } from '../../../../src/index.ts';
import { openScene, type SceneRun } from '../../../../src/playground/scene/run.ts';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import { compileBuild } from '../support/engine.ts';
import { ENTRANCE_SCENES, TOGETHER } from '../support/entrances.ts';

const running = suite('scene run');

async function play(scene: Scene): Promise<SceneRun> {
  const run = await openScene(scene, (options) => Machine.create(options));
  run.finish();
  return run;
}

for (const scene of [...ENTRANCE_SCENES, TOGETHER]) {
  running(`${scene.id} runs to its end, and nothing fails or is lost`, async () => {
    const { clients, machine, stuck, isFinished } = await play(scene);
    assert.is(stuck, undefined);
    assert.ok(isFinished);
    for (const client of clients) {
      assert.ok(client.isDone);
      assert.is(client.failed, 0);
      assert.is(client.completed, client.submitted);
      assert.ok(client.submitted > 0);
    }
    assert.ok(machine.records.made <= machine.records.capacity || machine.records.lost === 0);
  });

  running(`${scene.id} played again, and by the debug build, has the same hash and steps`, async () => {
    const first = await play(scene);
    const again = await play(scene);
    const module = await compileBuild('core.debug.wasm');
    const debug = await openScene(scene, (options) => BrowserMachine.create(module, options));
    debug.finish();
    assert.is(again.machine.recordHash, first.machine.recordHash);
    assert.is(debug.machine.recordHash, first.machine.recordHash);
    assert.is(debug.stepCount, first.stepCount);
  });

  running(`${scene.id} goes on from a snapshot at any step as the first time`, async () => {
    const run = await openScene(scene, (options) => Machine.create(options));
    const snapshots = [run.machine.snapshot()];
    const hashes = [run.machine.recordHash];
    while (run.step()) {
      snapshots.push(run.machine.snapshot());
      hashes.push(run.machine.recordHash);
    }
    const last = hashes.length - 1;
    for (let count = 0, step = last; count < 12; count++, step = (step * 31 + 17) % (last + 1)) {
      run.machine.restore(snapshots[step] as (typeof snapshots)[number]);
      assert.is(run.stepCount, step);
      assert.is(run.machine.recordHash, hashes[step]);
      const until = Math.min(last, step + 40);
      while (run.stepCount < until && run.step());
      assert.is(run.machine.recordHash, hashes[until]);
    }
  });
}

running('everybody of one scene leaves records of its own kind', async () => {
  const run = await openScene(TOGETHER, (options) => Machine.create(options));
  const kinds = new Set<string>();
  while (run.step()) for (const { kind } of run.machine.records.take()) kinds.add(kind);
  for (const kind of [
    'aioEvent',
    'usrbioDone',
    'usrbioJob',
    'aioQueueSubmit',
    'guestDone',
    'queued',
    'commit',
  ])
    assert.ok(kinds.has(kind), kind);
});

running.run();
