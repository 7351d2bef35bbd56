// test-timeout: 120
// The log of xv6 in the playground: its table of bad states is that of test/src/crash/xv6-log.test.ts, its exploration is exploreDevice's.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { exploreDevice, rerunDevice } from '../../../../src/index.ts';
import { sceneSubject } from '../../../../src/playground/plug/scene-subject.ts';
import {
  ALL_FLUSHES,
  FLUSH_ROWS,
  flushesOf,
  XV6_LOG,
  xv6Scene,
} from '../../../../src/playground/scenes/xv6-log.ts';
import { makePlug } from '../../../../src/playground/worker/plug.ts';
import type { FlushTableRow, PlugEngine } from '../../../../src/playground/worker/plug-protocol.ts';
import { nodeEngine, playAhead } from '../support/engine.ts';

/** By halves, states, distinct images: for one transaction and for two, with no flush, then one more in each row. */
const TABLE: readonly (readonly (readonly [number, number, number])[])[] = [
  [
    [69, 127, 32],
    [9, 38, 11],
    [2, 25, 11],
    [0, 20, 9],
    [0, 21, 9],
  ],
  [
    [6513, 8191, 324],
    [70, 165, 42],
    [32, 91, 42],
    [4, 45, 20],
    [0, 41, 17],
  ],
];

/** The same for two transactions whose writes tear, with one flush and more. */
const TORN: readonly (readonly number[])[] = [
  [1260, 1599, 1102],
  [1192, 1481, 1102],
  [36, 163, 118],
  [0, 105, 73],
];

const xv6 = suite('the log of xv6 in the playground');

function plugOf(): PlugEngine {
  return makePlug(nodeEngine().bench);
}

async function tableOf(transactions: number, tearing: number): Promise<FlushTableRow[]> {
  const rows: FlushTableRow[] = [];
  await plugOf().flushTable(transactions, tearing, (row) => rows.push(row));
  return rows;
}

for (const transactions of [1, 2])
  xv6(`the table for ${transactions} of its transactions is the known one`, async () => {
    const rows = await tableOf(transactions, 0);
    const found = rows.map(({ tally }) => [tally.halves, tally.states, tally.distinctImages]);
    assert.equal(found, TABLE[transactions - 1]);
    assert.ok(rows.every(({ tally }) => tally.isExhaustive));
  });

xv6('with all its flushes nothing is by halves and nothing promised is lost, torn or not', async () => {
  for (const tearing of [0, 512]) {
    const rows = await tableOf(2, tearing);
    const { tally } = rows.at(-1) as FlushTableRow;
    assert.ok(rows.every((row) => row.tearing === tearing));
    if (tearing > 0)
      assert.equal(
        rows.slice(1).map((row) => [row.tally.halves, row.tally.states, row.tally.distinctImages]),
        TORN,
      );
    assert.equal([tally.halves, tally.lost, tally.isExhaustive], [0, 0, true]);
    assert.is(tally.states, tearing === 0 ? 41 : 105);
  }
});

xv6('a scene tells which flushes it has', () => {
  for (const flushes of FLUSH_ROWS) assert.equal(flushesOf(xv6Scene(flushes)), flushes);
});

xv6('whole, it survives; the verdict is that of exploreDevice', async () => {
  const found = await plugOf().exploreScene(XV6_LOG, 0, () => undefined);
  assert.is(found.verdict, 'survived', found.reason ?? '');
  assert.ok(found.exhaustive);
  const direct = await exploreDevice({ ...sceneSubject(XV6_LOG).options, tearing: 'none', flushes: false });
  assert.equal([found.states, found.distinctImages], [direct.states, direct.distinctImages]);
});

for (const missing of ['log', 'homes'] as const)
  xv6(
    `without the flush behind the ${missing} a case is found, and it can be stood at and booted`,
    async () => {
      const scene = xv6Scene({ ...ALL_FLUSHES, [missing]: false });
      const { bench } = await playAhead(scene);
      const plug = makePlug(bench);
      const found = await plug.exploreScene(scene, 0, () => undefined);
      assert.is(found.verdict, 'violated');
      const [first] = found.cases;
      assert.ok(first !== undefined && first.missing.length > 0, 'something is missing');
      assert.match(first?.sentence ?? '', missing === 'log' ? /header of transaction/ : /emptied header/i);
      assert.match(first?.proof ?? '', /With a flush right behind/);
      assert.is(first?.rows.at(-1)?.kind, 'crash');
      const { sceneStep = 0, kept = [] } = first ?? {};
      const stake = await plug.stake(sceneStep, 0, 0);
      assert.is(stake.writes.length, kept.length);
      const survivor = await plug.cut({ step: sceneStep, crash: 'power', drive: 0, tearing: 0, kept });
      assert.match(survivor.xv6?.problem ?? '', /by halves|acknowledged/);
    },
  );

xv6('a recipe of the page leads to the same image in Node and back', async () => {
  const scene = xv6Scene({ ...ALL_FLUSHES, log: false });
  const plug = plugOf();
  const [first] = (await plug.exploreScene(scene, 0, () => undefined)).cases;
  const recipe = first?.recipe;
  assert.ok(recipe !== undefined);
  if (recipe === undefined) return;
  const rerun = await rerunDevice(JSON.stringify(recipe), sceneSubject(scene).options);
  assert.is(rerun.image.hash, recipe.image);
  assert.match(rerun.error ?? '', /by halves/);
  const followed = await plug.followRecipe(scene, recipe);
  assert.equal([followed.sceneStep, followed.kept], [first?.sceneStep, first?.kept]);
  const other = await plug.followRecipe(XV6_LOG, recipe).catch((error) => error);
  assert.match(other.message, /recipe/);
});

xv6.run();
