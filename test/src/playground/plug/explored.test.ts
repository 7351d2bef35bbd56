// test-timeout: 120
// Exploring scenes: which can be, what a drive that lies breaks, what a case says and which moment it is of, and that a search ends when asked to.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { modelOf } from '../../../../src/playground/plug/explore-log.ts';
import { type RecordedScene, recordScene } from '../../../../src/playground/plug/recorded-scene.ts';
import { sceneSubject, whyNotExplored } from '../../../../src/playground/plug/scene-subject.ts';
import { parseSceneText } from '../../../../src/playground/scene/text.ts';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import { SCENES } from '../../../../src/playground/scenes/index.ts';
import { ALL_FLUSHES, xv6Scene } from '../../../../src/playground/scenes/xv6-log.ts';
import { makePlug } from '../../../../src/playground/worker/plug.ts';
import { nodeEngine, playAhead } from '../support/engine.ts';

const explored = suite('explored scenes');

/** A scene on one plain drive; `faults`: rules of its drive. */
function sceneOf(faults: readonly string[], ...lines: readonly string[]): Scene {
  const { scene, problems } = parseSceneText(
    [
      'drive fixed size=1MiB volatileWrites=16',
      ...faults.map((rule) => `fault drive0 ${rule}`),
      'client app aio drive0 depth=1 direct',
      'chapter One',
      ...lines,
    ].join('\n'),
  );
  assert.equal(problems, []);
  return scene as Scene;
}

const recordedOf = (scene: Scene): Promise<RecordedScene> => recordScene(scene, nodeEngine().bench.create);

explored('scenes on one plain drive can be explored; why others can not is said', () => {
  const plain = sceneOf([], 'write 0 4KiB');
  const { machine } = plain;
  assert.is(whyNotExplored(plain), undefined);
  assert.is(whyNotExplored({ ...plain, machine: { ...machine, volume: false } }), undefined);
  assert.is(whyNotExplored({ ...plain, machine: {} }), undefined, 'a machine has one drive');
  assert.match(
    whyNotExplored({ ...plain, machine: { ...machine, volume: true } }) ?? '',
    /files of a volume/,
  );
  assert.match(whyNotExplored({ ...plain, machine: { drives: [{}, {}] } }) ?? '', /has 2 drives/);
  assert.match(whyNotExplored({ ...plain, clients: [] }) ?? '', /nobody who writes/);
});

explored('what can not be explored is refused before anything is played', async () => {
  const plug = makePlug(nodeEngine().bench);
  const files = SCENES.find(({ id }) => id === 'rename-replace') as Scene;
  const told = await plug.exploreScene(files, 0, () => undefined).catch((error) => error.message);
  assert.match(told, /files of a volume/);
  assert.throws(() => sceneSubject(files).recorded(), /not played yet/);
});

explored('a drive has a volatile cache unless it has none, or power to write it out', async () => {
  const scene = sceneOf([], 'write 0 4KiB');
  const deviceOf = async (drive: object) => {
    const drives = [{ ...scene.machine.drives?.[0], ...drive }];
    return modelOf(await recordedOf({ ...scene, machine: { drives } }), 0).device;
  };
  assert.is(await deviceOf({}), 'volatile');
  assert.is(await deviceOf({ volatileWrites: 0 }), 'noCache');
  assert.is(await deviceOf({ volatileWrites: 1 }), 'volatile');
  assert.is(await deviceOf({ powerLossProtection: true }), 'noCache');
  const recorded = await recordedOf(scene);
  assert.equal([modelOf(recorded, 0).tearing, modelOf(recorded, 0).unit], ['none', undefined]);
  assert.equal([modelOf(recorded, 4096).tearing, modelOf(recorded, 4096).unit], ['units', 4096]);
});

const LIES: readonly (readonly [what: string, rule: string, lines: readonly string[]])[] = [
  ['an fsync', 'ignoredFlush', ['write 0 4KiB', 'fsync']],
  ['a forced write', 'ignoredFua', ['fsync', 'write 0 4KiB fua']],
  ['an fdatasync', 'ignoredFlush', ['write 0 4KiB', 'fdatasync']],
];

for (const [what, rule, lines] of LIES)
  explored(
    `${what} is a promise: an honest drive keeps it in every state, one with ${rule} does not`,
    async () => {
      const plug = makePlug(nodeEngine().bench);
      const honest = await plug.exploreScene(sceneOf([], ...lines), 0, () => undefined);
      assert.equal(
        [honest.verdict, honest.failedImages, honest.exhaustive],
        ['survived', 0, true],
        honest.reason,
      );
      const lying = await plug.exploreScene(sceneOf([rule], ...lines), 0, () => undefined);
      assert.is(lying.verdict, 'violated');
      const [first] = lying.cases;
      assert.equal(first?.missing, ['the write of 4 KiB at 0 B']);
      assert.is(
        first?.sentence,
        'The write of 4 KiB at 0 B can be missing after a power cut, although durability had been promised.',
      );
      assert.is(first?.error, '1 write that had been promised is missing');
    },
  );

explored(
  'a torn case has its unit, is told again from its recipe with it, and its choice makes it',
  async () => {
    const scene = sceneOf(['ignoredFlush'], 'write 0 4KiB', 'fsync');
    const { bench } = await playAhead(scene);
    const plug = makePlug(bench);
    for (const unit of [512, 2048]) {
      const [found] = (await plug.exploreScene(scene, unit, () => undefined)).cases;
      assert.is(found?.tearing, unit);
      if (found === undefined) return;
      const again = await plug.followRecipe(scene, found.recipe);
      assert.equal(
        [again.tearing, again.sceneStep, again.kept, again.missing],
        [unit, found.sceneStep, found.kept, found.missing],
      );
      const { sceneStep: step, kept } = found;
      const stake = await plug.stake(step, 0, unit);
      assert.is(
        stake.writes.reduce((sum, { choices }) => sum + choices, 0),
        kept.length,
      );
      const { judged } = await plug.cut({ step, crash: 'power', drive: 0, tearing: unit, kept });
      assert.is(judged.promisedLost, 1, `a unit of ${unit} bytes`);
    }
  },
);

explored('the lines of a case go from the last flush before what is missing to the power cut', async () => {
  const plug = makePlug(nodeEngine().bench);
  const { cases } = await plug.exploreScene(xv6Scene({ ...ALL_FLUSHES, homes: false }), 0, () => undefined);
  const rows = cases[0]?.rows ?? [];
  assert.equal([rows[0]?.kind, rows.at(-1)?.kind], ['flush', 'crash']);
  assert.equal(
    rows.flatMap(({ kind, fate, what }) => (kind === 'write' ? [[fate, what]] : [])),
    [
      ['missing', 'home block 3 of transaction 1'],
      ['kept', 'home block 4 of transaction 1'],
      ['kept', 'the emptied header of transaction 1'],
    ].map(([fate, what]) => [rows.find((row) => row.what === what)?.fate ?? fate, what]),
  );
  const lost = rows.filter(({ fate }) => fate === 'missing');
  assert.ok(lost.length > 0 && lost.every(({ what }) => cases[0]?.missing.includes(what)));
  assert.equal(
    rows.map(({ step }) => step),
    rows.map(({ step }) => step).sort((left, right) => left - right),
  );
});

explored('a search that is stopped says that it has not seen all, and the next one does', async () => {
  const scene = xv6Scene({ log: false, header: false, homes: false, clear: false });
  const plug = makePlug((await playAhead(scene)).bench);
  const rows: unknown[] = [];
  const table = plug.flushTable(2, 0, (row) => rows.push(row));
  await plug.stopSearch();
  await table;
  assert.ok(rows.length < 5, `${rows.length} rows`);
  const searching = plug.exploreScene(scene, 512, () => undefined);
  await plug.stopSearch();
  assert.ok((await searching).isCut);
});

explored('steps of the scene and entries of its log lead to each other', async () => {
  const recorded = await recordedOf(sceneOf([], 'write 0 4KiB', 'write 8KiB 4KiB', 'fsync', 'write 0 4KiB'));
  const entries = recorded.logStepAt(recorded.stepCount);
  assert.ok(entries > 6);
  assert.is(recorded.logStepAt(0), 0);
  assert.is(recorded.logStepAt(recorded.stepCount + 5), entries);
  for (let entry = 0; entry <= entries; entry++) {
    const counts = Array.from({ length: recorded.stepCount + 1 }, (_, step) => recorded.logStepAt(step));
    assert.is(
      recorded.lastStepAt(entry),
      counts.findLastIndex((count) => count <= entry),
    );
    const first = counts.findIndex((count) => count >= entry);
    assert.is(recorded.sceneStepIn(entry, entries), first);
    const isThere = counts[first] === entry;
    assert.is(recorded.sceneStepIn(entry, entry), isThere ? first : Math.max(0, first - 1));
  }
});

explored.run();
