// The worker plays a scene ahead, tells every record once, and stands at any step with the hash of the first time.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RECORD_SIZE } from '../../../../assembly/layout.ts';
import { Machine } from '../../../../src/index.ts';
import { openScene } from '../../../../src/playground/scene/run.ts';
import { SCENES } from '../../../../src/playground/scenes/index.ts';
import { WRITE_TO_MEDIA } from '../../../../src/playground/scenes/write-to-media.ts';
import type { RunPart } from '../../../../src/playground/worker/protocol.ts';
import { nodeEngine, playAhead } from '../support/engine.ts';
import { TOGETHER } from '../support/entrances.ts';

const session = suite('session');

/** Whole numbers from 0 to `most`, the same each time. */
function* someSteps(most: number): Generator<number> {
  let state = 7;
  while (true) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    yield state % (most + 1);
  }
}

session('its parts tell every step and every record once, and the last one says so', async () => {
  const { parts, stepCount, hashOf } = await playAhead(WRITE_TO_MEDIA);
  const run = await openScene(WRITE_TO_MEDIA, (options) => Machine.create(options));
  run.finish();
  assert.is(stepCount, run.stepCount);
  assert.is(hashOf(stepCount), run.machine.recordHash);
  const bytes = parts.reduce((sum, { records }) => sum + records.length, 0);
  assert.is(bytes, run.machine.records.made * RECORD_SIZE);
  assert.is(parts.flatMap((part) => [...part.recordEnds]).at(-1), run.machine.records.made);
  assert.is(parts.flatMap((part) => [...part.timesNs]).at(-1), run.machine.nowNs);
  assert.equal(
    parts.map(({ isLast }) => isLast),
    parts.map((_, index) => index === parts.length - 1),
  );
  assert.is(parts.at(-1)?.cutShort, undefined);
});

for (const scene of SCENES) {
  session(`${scene.id} stands at 20 steps in any order with the hash of the first time`, async () => {
    const { engine, stepCount, hashOf } = await playAhead(scene);
    const steps = someSteps(stepCount);
    for (let count = 0; count < 20; count++) {
      const step = steps.next().value as number;
      const standing = await engine.stand(step);
      assert.is(standing.step, step);
      if (step > 0) assert.is(standing.recordHash, hashOf(step));
    }
  });
}

session('the release and the debug build play a scene alike', async () => {
  const [release, debug] = [
    await playAhead(WRITE_TO_MEDIA),
    await playAhead(WRITE_TO_MEDIA, 'core.debug.wasm'),
  ];
  assert.is(debug.hashOf(debug.stepCount), release.hashOf(release.stepCount));
});

session('asked to stand while it plays ahead, it goes on and ends in the same run', async () => {
  const alone = await playAhead(WRITE_TO_MEDIA);
  const { engine, bench } = nodeEngine();
  const parts: RunPart[] = [];
  const { run } = await engine.open(WRITE_TO_MEDIA, (number, part) => {
    assert.is(number, run);
    parts.push(part);
  });
  assert.is((await engine.stand(0)).nowNs, 0);
  await bench.session().whole;
  assert.is(parts.flatMap((part) => [...part.hashes]).length, alone.stepCount);
  assert.is((await engine.stand(alone.stepCount)).recordHash, alone.hashOf(alone.stepCount));
});

session('a step outside the run, and a call before any scene, are named in the error', async () => {
  const { engine } = nodeEngine();
  await rejects(engine.stand(0), /no scene is open/);
  const { stepCount, engine: played } = await playAhead(WRITE_TO_MEDIA);
  await rejects(played.stand(stepCount + 1), new RegExp(`from 0 to ${stepCount}`));
  await rejects(played.stand(0.5), /step is 0.5/);
});

session('a machine that can not be opened leaves the scene before it as it was', async () => {
  const { engine } = await playAhead(WRITE_TO_MEDIA);
  const broken = { ...WRITE_TO_MEDIA, machine: { ...WRITE_TO_MEDIA.machine, cache: 1 } };
  await rejects(
    engine.open(broken, () => {}),
    /cache/,
  );
  assert.is((await engine.stand(3)).step, 3);
});

session('a machine of more memory than a page should give is refused in words', async () => {
  const { engine } = nodeEngine();
  const large = { ...WRITE_TO_MEDIA, machine: { cache: '700MiB', buffers: '400MiB' } };
  await rejects(
    engine.open(large, () => {}),
    /GiB of memory.*at most 1 GiB/,
  );
});

session('every step has the chapter, the time and the records that the scene has there', async () => {
  const { parts } = await playAhead(TOGETHER);
  const run = await openScene(TOGETHER, (options) => Machine.create(options));
  const rows: (readonly number[])[] = [];
  while (run.step())
    rows.push([run.chapter < 0 ? 65_535 : run.chapter, run.machine.nowNs, run.machine.records.made]);
  const told = parts.flatMap(({ chapters, timesNs, recordEnds }) =>
    [...chapters].map((chapter, step) => [chapter, timesNs[step], recordEnds[step]]),
  );
  assert.equal(told, rows);
});

session('after the scene is closed nothing of it can be asked', async () => {
  const { engine, bench } = await playAhead(WRITE_TO_MEDIA);
  const closed = bench.session();
  closed.close();
  closed.close();
  assert.throws(() => closed.at(0), /the scene was closed/);
  await rejects(engine.stand(0), /closed/);
});

session('the bytes of a drive are those of the step where it stands', async () => {
  const { engine, stepCount } = await playAhead(WRITE_TO_MEDIA);
  await engine.stand(0);
  assert.is(
    (await engine.sectors(0, 0, 256)).some((byte) => byte !== 0),
    false,
  );
  await engine.stand(stepCount);
  const end = await engine.sectors(0, 0, 256);
  assert.ok(end.subarray(2 * 4096, 3 * 4096).some((byte) => byte !== 0));
  await rejects(engine.sectors(0, 250, 7), /not on drive 0/);
});

async function rejects(promise: Promise<unknown>, expected: RegExp): Promise<void> {
  const message = await promise.then(
    () => 'nothing was thrown',
    (error: unknown) => String(error),
  );
  assert.match(message, expected);
}

session.run();
