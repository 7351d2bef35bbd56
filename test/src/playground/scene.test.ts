// The scene is the same run wherever and however it is played, and its captions say what its records show.

import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Machine as BrowserMachine } from '../../../src/browser.ts';
import { Machine, type RecordKind } from '../../../src/index.ts';
import { describe } from '../../../src/playground/describe.ts';
import { Model } from '../../../src/playground/model.ts';
import { NoteFinder, type ShownNote } from '../../../src/playground/notes.ts';
import type { Command, Entry, Progress, Report } from '../../../src/playground/protocol.ts';
import { FIRST_SCENE } from '../../../src/playground/scene.ts';
import { SceneRun } from '../../../src/playground/scene-run.ts';
import { Session } from '../../../src/playground/session.ts';

const scene = suite('playground scene');

function build(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`../../../wasm/${name}`, import.meta.url)));
}

/** The whole scene, and the records of each step. */
async function play(core: Uint8Array<ArrayBuffer>) {
  const machine = await BrowserMachine.create(core, FIRST_SCENE.machine);
  const run = new SceneRun(machine, FIRST_SCENE);
  const entries: Entry[] = [];
  let step = 0;
  while (run.step()) {
    step++;
    for (const record of machine.records.take())
      entries.push({ number: entries.length + 1, step, chapter: run.chapter, record });
  }
  return { machine, run, entries };
}

const release = await play(build('core.wasm'));

scene('played twice with one seed it leaves the same hash, time and counters', async () => {
  const again = await play(build('core.wasm'));
  assert.is(again.machine.recordHash, release.machine.recordHash);
  assert.is(again.machine.nowNs, release.machine.nowNs);
  assert.equal(again.machine.counters, release.machine.counters);
  assert.is(release.machine.records.lost, 0);
});

scene('the release and the debug build make the same decisions', async () => {
  const debug = await play(build('core.debug.wasm'));
  assert.is(debug.machine.recordHash, release.machine.recordHash);
  assert.equal(debug.machine.counters, release.machine.counters);
});

scene('the entry for Node and the entry for browsers agree', async () => {
  const machine = await Machine.create(FIRST_SCENE.machine);
  new SceneRun(machine, FIRST_SCENE).finish();
  assert.is(machine.recordHash, release.machine.recordHash);
});

scene('it shows a read-in, hits, merges at both ends, an eviction, a write-back and a flush', () => {
  const kinds = new Set(release.entries.map(({ record }) => record.kind));
  const wanted: RecordKind[] = [
    'pageHit',
    'pageMiss',
    'readIn',
    'dirtied',
    'writeback',
    'backMerged',
    'frontMerged',
    'evicted',
    'volatile',
    'flushed',
  ];
  for (const kind of wanted) assert.ok(kinds.has(kind), kind);
  assert.ok(release.machine.nowNs > 0);
});

scene('every note is proved by a record, in the order in which the notes stand', () => {
  const finder = new NoteFinder(FIRST_SCENE.chapters);
  const shown = FIRST_SCENE.chapters.map((): readonly ShownNote[] => []);
  for (const entry of release.entries) {
    finder.apply(entry);
    shown[entry.chapter] = [...finder.shown];
  }
  FIRST_SCENE.chapters.forEach((chapter, index) => {
    const notes = (shown[index] ?? []).map(({ note }) => note.text);
    assert.equal(
      notes,
      chapter.notes.map(({ text }) => text),
      chapter.title,
    );
  });
});

scene('what the captions count is what the machine counted', () => {
  const { cache, block, drive } = release.machine.counters;
  assert.is(block.readMerges, 2);
  assert.is(cache.ioends, 3);
  assert.is(cache.evictions, 10);
  assert.is(drive.writes, 3);
  assert.is(drive.flushes, 2);
  const evictedFirst = release.entries.find(({ record }) => record.kind === 'evicted')?.record;
  assert.is(evictedFirst?.address, 2);
  assert.is(evictedFirst?.detail, 0);
  const held = release.entries.filter(({ record }) => record.kind === 'evicted' && record.detail === 1);
  assert.equal(
    held.map(({ record }) => record.address),
    [24, 25, 26, 27],
  );
});

scene('every record of it has a sentence of its own', () => {
  for (const { record } of release.entries) assert.is.not(describe(record), record.kind);
});

scene('the model told by records agrees with the counters at every step', async () => {
  const machine = await Machine.create(FIRST_SCENE.machine);
  const run = new SceneRun(machine, FIRST_SCENE);
  const model = new Model(FIRST_SCENE.shape);
  let step = 0;
  while (run.step()) {
    step++;
    for (const record of machine.records.take())
      model.apply({ number: 0, step, chapter: run.chapter, record });
    model.advanceTo(run.chapter, step);
    const { cache, aio } = machine.counters;
    const states = [...model.pages.values()];
    const isDirty = states.filter((page) => page.state === 'dirty' || page.isDirtyAgain);
    assert.is(states.length, cache.nrFilePages, `pages at step ${step}`);
    assert.is(isDirty.length, cache.nrDirty, `dirty at step ${step}`);
    assert.is(states.filter(({ state }) => state === 'writeback').length, cache.nrWriteback);
    assert.is(model.volatileWrites.length, machine.volatileWrites());
    assert.is(model.ring.filter(({ isDone }) => !isDone).length, aio.submitted - aio.completed);
    const placed = model.slots.filter((index) => index !== undefined).length + model.leaving.size;
    assert.is(placed, cache.nrFilePages, `squares at step ${step}`);
  }
  assert.is(model.requests.size, 0);
  const durable = model.durable.reduce((sum, isDurable) => sum + isDurable, 0);
  assert.is(durable, 12 * 8);
});

/** A session with its reports; `done` waits for a state. */
function openSession() {
  const reports: Report[] = [];
  let wake = (): void => {};
  const session = new Session(
    FIRST_SCENE,
    () => Machine.create(FIRST_SCENE.machine),
    (report) => {
      reports.push(report);
      wake();
    },
  );
  const last = (): Progress => {
    const report = reports.at(-1);
    if (report === undefined || report.type === 'failed') throw new Error(report?.message ?? 'no report');
    return report;
  };
  const send = async (...commands: Command[]): Promise<Progress> => {
    for (const command of commands) await session.handle(command);
    return last();
  };
  const done = async (): Promise<Progress> => {
    while (last().state !== 'finished')
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    return last();
  };
  return { send, done, reports };
}

scene('a session stepped to the end leaves the hash of a run', async () => {
  const { send } = openSession();
  let progress = await send({ type: 'load' });
  assert.is(progress.state, 'ready');
  while (progress.state !== 'finished') progress = await send({ type: 'step' });
  assert.is(progress.recordHash, release.machine.recordHash);
  assert.is(progress.eventCount, release.run.eventCount);
});

scene('a session that is played, paused and played again does so too', async () => {
  const { send, done } = openSession();
  await send({ type: 'load' }, { type: 'speed', stepsPerSecond: 0 }, { type: 'play' });
  assert.is((await send({ type: 'pause' })).state, 'paused');
  await send({ type: 'play' });
  assert.is((await done()).recordHash, release.machine.recordHash);
});

scene('seeking back and on again ends in the same hash', async () => {
  const { send, reports } = openSession();
  await send({ type: 'load' });
  assert.is((await send({ type: 'seek', chapter: 6 })).chapter, 6);
  const there = await send({ type: 'seek', step: 20 });
  assert.is(there.step, 20);
  const loaded = reports.map((report) => report.type).lastIndexOf('loaded');
  const entries = reports.slice(loaded).flatMap((report) => ('entries' in report ? report.entries : []));
  assert.equal(entries, release.entries.slice(0, entries.length));
  const end = await send({ type: 'seek', step: Number.MAX_SAFE_INTEGER });
  assert.is(end.state, 'finished');
  assert.is(end.recordHash, release.machine.recordHash);
});

scene('a command before the scene is loaded is reported as a failure, not thrown', async () => {
  const { send } = openSession();
  try {
    await send({ type: 'step' });
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, 'no scene is loaded');
  }
});

scene.run();
