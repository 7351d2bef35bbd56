// A run tells any of its moments the same, in whatever order they are asked for, and its steps and records find each other.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Run } from '../../../../src/playground/model/run.ts';
import type { CachedPage, StackState } from '../../../../src/playground/model/types.ts';
import { SCENES } from '../../../../src/playground/scenes/index.ts';
import { WRITE_TO_MEDIA } from '../../../../src/playground/scenes/write-to-media.ts';
import { playAhead } from '../support/engine.ts';

const runs = suite('run');

/** Whole numbers below `count`, the same each time. */
function* drawn(count: number): Generator<number> {
  let state = 11;
  while (true) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    yield state % count;
  }
}

/** A state as plain data that stays as it is. */
function plain(state: StackState | undefined) {
  if (state === undefined) throw new Error('no state of a step that is known');
  const { shape: _, cache, drives, ...rest } = state;
  const page = (each: CachedPage | undefined) =>
    each && {
      key: each.key,
      slot: each.slot,
      state: each.state,
      blocks: [each.uptodate, each.dirty, each.writeback],
      traits: [each.isPartial, each.isDirtyAgain, each.isLeaving, each.isActive, each.isAhead, each.lookup],
    };
  // the door may be longer after more has gone through it
  const slots = cache.slots.map(page);
  while (slots.length > cache.capacityPages && slots.at(-1) === undefined) slots.pop();
  return structuredClone({
    ...rest,
    cache: { ...cache, slots },
    drives: drives.map((drive) => ({ ...drive, media: [...drive.media].join('') })),
  });
}

for (const scene of SCENES) {
  runs(`${scene.id}: a moment is the same in any order as from the start`, async () => {
    const { shape, parts } = await playAhead(scene);
    const [forward, jumping] = [new Run(shape, scene), new Run(shape, scene)];
    for (const part of parts) {
      forward.add(part);
      jumping.add(part);
    }
    const steps = drawn(forward.stepCount + 1);
    const asked = Array.from({ length: 24 }, () => steps.next().value as number);
    const told = new Map<number, ReturnType<typeof plain>>();
    for (const step of [...asked].sort((a, b) => a - b)) told.set(step, plain(forward.stateAt(step)));
    for (const step of asked) assert.equal(plain(jumping.stateAt(step)), told.get(step), `step ${step}`);
  });
}

runs('a state of a step that is not known is none', async () => {
  const { shape, parts } = await playAhead(WRITE_TO_MEDIA);
  const run = new Run(shape, WRITE_TO_MEDIA);
  assert.is(run.stateAt(1), undefined);
  assert.is(run.stateAt(0)?.chapter, -1);
  for (const part of parts) run.add(part);
  assert.is(run.stateAt(run.stepCount + 1), undefined);
  assert.is(run.stateAt(-1), undefined);
  assert.throws(() => run.recordAt(run.recordCount), /there is no record/);
});

runs('steps, records and chapters find each other', async () => {
  const { shape, parts, hashOf, stepCount } = await playAhead(WRITE_TO_MEDIA);
  const run = new Run(shape, WRITE_TO_MEDIA);
  for (const part of parts) run.add(part);
  assert.ok(run.isWhole);
  assert.is(run.stepCount, stepCount);
  for (let step = 1; step <= stepCount; step++) {
    const [first, end] = run.recordsOf(step);
    for (let record = first; record < end; record++) assert.is(run.stepOfRecord(record), step);
    assert.is(run.hash(step), hashOf(step));
    assert.ok(run.timeNs(step) >= run.timeNs(step - 1));
  }
  WRITE_TO_MEDIA.chapters.forEach((_, chapter) => {
    const step = run.firstStepOf(chapter) ?? 0;
    assert.is(run.chapterOf(step), chapter);
    assert.ok(run.chapterOf(step - 1) < chapter);
  });
  assert.is(run.firstStepOf(WRITE_TO_MEDIA.chapters.length), undefined);
});

async function firstScene(): Promise<Run> {
  const { shape, parts } = await playAhead(WRITE_TO_MEDIA);
  const run = new Run(shape, WRITE_TO_MEDIA);
  for (const part of parts) run.add(part);
  return run;
}

const kindsOf = (run: Run, key: string) => run.historyOf(key).map((number) => run.recordAt(number).kind);

runs('the history of a page goes from its place in the cache to the media', async () => {
  const kinds = kindsOf(await firstScene(), 'page:0:2');
  for (const kind of [
    'entered',
    'dirtied',
    'writeback',
    'queued',
    'issued',
    'volatile',
    'completed',
    'flushed',
  ])
    assert.ok(kinds.includes(kind as (typeof kinds)[number]), kind);
  assert.ok(kinds.indexOf('writeback') < kinds.indexOf('flushed'));
  assert.is(kinds.at(-1), 'evicted');
});

runs(
  'the history of a request of the application is its acceptance, its operation, its lookups and its end',
  async () => {
    const kinds = kindsOf(await firstScene(), 'ring:0:0');
    assert.equal(kinds, ['aioAccepted', 'operationStarted', 'pageMiss', 'operationEnded', 'aioEvent']);
  },
);

runs('the history of a merged request has what joined it', async () => {
  const run = await firstScene();
  const merged = Array.from({ length: run.recordCount }, (_, number) => run.recordAt(number)).find(
    ({ kind }) => kind === 'backMerged',
  );
  const kinds = kindsOf(run, `request:${merged?.detail}`);
  assert.equal(kinds, [
    'readIn',
    'queued',
    'readIn',
    'backMerged',
    'readIn',
    'frontMerged',
    'issued',
    'completed',
  ]);
});

runs("a guest's requests are as long as what the guest asked for", async () => {
  const scene = SCENES.find(({ id }) => id === 'qemu-disk');
  if (scene === undefined) throw new Error('the gallery has no qemu-disk');
  const { shape, parts } = await playAhead(scene);
  const run = new Run(shape, scene);
  for (const part of parts) run.add(part);
  const asked = new Map<string, number>();
  for (let step = 0; step <= (run.firstStepOf(1) ?? 0); step++)
    for (const { requests } of run.stateAt(step)?.guests ?? [])
      for (const { sector, sectorCount, hue } of requests) asked.set(`${hue} ${sector}`, sectorCount);
  assert.equal([...asked].sort(), [
    ['flush 0', 0],
    ...['read 240', 'write 160', 'write 64', 'write 72', 'write 80', 'write 88'].map((key) => [key, 8]),
  ]);
});

runs('whatever stands somewhere has facts that say what it is', async () => {
  const run = await firstScene();
  let count = 0;
  for (let step = 0; step <= run.stepCount; step++) {
    const state = run.stateAt(step);
    if (state === undefined) throw new Error('no state');
    const keys = [
      ...state.rings.flatMap(({ requests }) => requests),
      ...state.cache.slots.filter((page) => page !== undefined),
      ...state.drives.flatMap(({ waiting, inService, volatileWrites }) => [
        ...waiting,
        ...inService,
        ...waiting.flatMap(({ bios }) => bios),
        ...volatileWrites,
      ]),
    ].map(({ key }) => key);
    for (const key of [...keys, 'sector:0:48']) {
      const facts = run.factsOf(key, step);
      assert.ok(facts, `${key} at step ${step}`);
      const words = [
        facts?.title,
        facts?.sentence,
        ...(facts?.rows ?? []).flatMap(({ name, value }) => [name, value]),
      ];
      for (const word of words) assert.not.match(word ?? '', /undefined|NaN|^$/, key);
      count++;
    }
  }
  assert.ok(count > 500);
  assert.is(run.factsOf('request:9999', 3), undefined);
});

runs.run();
