// What a change of an option did: both columns are the machines' own numbers, and the difference is the one between them.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compareTotals, type Totals, totalsOf } from '../../../../src/playground/panels/knobs/totals.ts';
import { applyChanges } from '../../../../src/playground/scene/changes.ts';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import { SCENES } from '../../../../src/playground/scenes/index.ts';
import { COALESCED, NO_TIME } from '../support/corner-scenes.ts';
import { ENTRANCE_SCENES, TOGETHER } from '../support/entrances.ts';
import { playBeside } from '../support/model.ts';

const totals = suite('totals');

function sceneOf(id: string): Scene {
  const scene = SCENES.find((one) => one.id === id);
  if (scene === undefined) throw new Error(`the gallery has no ${id}`);
  return scene;
}

/** What the panel shows of a scene, and what the machine itself says at its end. */
async function both(scene: Scene): Promise<{ readonly shown: Totals; readonly counted: Totals }> {
  let counted: Totals | undefined;
  const pieces = new Set<number>();
  let read = 0;
  const run = await playBeside(scene, ({ machine }, known) => {
    for (; read < known.recordCount; read++) {
      const { kind, id, count, detail } = known.recordAt(read);
      if (kind === 'queued' && count > 0) pieces.add(detail >>> 8);
      if (kind === 'backMerged' || kind === 'frontMerged') pieces.add(id);
    }
    const { cache, block, drive, dirty } = machine.counters;
    const merges = block.readMerges + block.writeMerges;
    const lookups = cache.hits + cache.misses;
    counted = {
      timeNs: machine.nowNs,
      requests: drive.reads + drive.writes + drive.flushes + drive.discards + drive.writeZeroes,
      mergeRatio: pieces.size === 0 ? undefined : merges / pieces.size,
      hitRatio: lookups === 0 ? undefined : cache.hits / lookups,
      pagesWritten: dirty.writtenPages,
      writtenBytes: drive.writeBytes,
    };
  });
  if (counted === undefined) throw new Error('the scene has no steps');
  return { shown: totalsOf(run), counted };
}

for (const scene of [...SCENES, ...ENTRANCE_SCENES, TOGETHER, COALESCED, NO_TIME]) {
  // bytes of a write that fails are counted when it begins
  if (scene.machine.drives?.some(({ faults }) => faults !== undefined)) continue;
  totals(`${scene.id}: the numbers of a run are those of its machine`, async () => {
    const { shown, counted } = await both(scene);
    assert.equal(shown, counted);
  });
}

totals('the bytes of a write that failed are not told as written', async () => {
  const { shown, counted } = await both(sceneOf('fsync-error'));
  assert.is(shown.writtenBytes, counted.writtenBytes - 4096);
});

totals(
  'without merging, the strip tells the requests of both machines and the ratio that is gone',
  async () => {
    const own = sceneOf('merging');
    const [before, now] = [await both(own), await both(applyChanges(own, { 'machine.merge': false }))];
    const rows = compareTotals(before.shown, now.shown);
    const requests = rows.find(({ name }) => name === 'Requests at drives');
    assert.equal(
      [requests?.own, requests?.now],
      [before, now].map(({ counted }) => String(counted.requests)),
    );
    const merges = rows.find(({ name }) => name === 'Merge ratio');
    assert.is(merges?.own, `${((before.counted.mergeRatio ?? 0) * 100).toFixed(1)} %`);
    assert.is(merges?.now, '0.0 %');
    assert.is(merges?.difference, `−${Math.round((before.counted.mergeRatio ?? 0) * 1000) / 10} points`);
  },
);

const NONE: Totals = {
  timeNs: 0,
  requests: 0,
  mergeRatio: undefined,
  hitRatio: undefined,
  pagesWritten: 0,
  writtenBytes: 0,
};

/** Words of the difference in one number. */
function difference(name: string, own: Partial<Totals>, now: Partial<Totals>): string | undefined {
  const rows = compareTotals({ ...NONE, ...own }, { ...NONE, ...now });
  for (const row of rows) assert.is(row.isSame, row.difference === 'same', row.name);
  return rows.find((row) => row.name === name)?.difference;
}

totals('a difference is told in percent, from the double on as a factor, from nothing as it is', () => {
  const requests = (own: number, now: number) =>
    difference('Requests at drives', { requests: own }, { requests: now });
  assert.is(requests(200, 200), 'same');
  assert.is(requests(200, 399), '+99.5 %');
  assert.is(requests(200, 400), '× 2');
  assert.is(requests(200, 500), '× 2.5');
  assert.is(requests(3, 5), '+66.7 %');
  assert.is(requests(10, 1000), '× 100');
  assert.is(requests(2, 201), '× 101');
  assert.is(requests(2, 199), '× 99.5');
  assert.is(requests(1, 12_345), '× 12,345');
  assert.is(requests(200, 150), '−25 %');
  assert.is(requests(200, 0), '−100 %');
  assert.is(requests(0, 1200), '+1,200');
  assert.is(difference('Virtual time', { timeNs: 0 }, { timeNs: 5000 }), '+5 µs');
  assert.is(difference('Bytes written to drives', { writtenBytes: 0 }, { writtenBytes: 8192 }), '+8 KiB');
});

totals('ratios differ by points, and where one run has none they are not compared', () => {
  const hits = (own: number | undefined, now: number | undefined) =>
    difference('Hit ratio', { hitRatio: own }, { hitRatio: now });
  assert.is(hits(0.5, 0.5), 'same');
  assert.is(hits(undefined, undefined), 'same');
  assert.is(hits(0.25, 0.375), '+12.5 points');
  assert.is(hits(0.75, 0.5), '−25 points');
  assert.is(hits(0, 2 / 3), '+66.7 points');
  assert.is(hits(undefined, 0), 'not to be compared');
  assert.is(hits(1, undefined), 'not to be compared');
});

totals('each row shows both numbers with their unit', () => {
  const own: Totals = {
    timeNs: 1_240_000,
    requests: 1200,
    mergeRatio: 0.5,
    hitRatio: undefined,
    pagesWritten: 3000,
    writtenBytes: 2 ** 20,
  };
  assert.equal(
    compareTotals(own, { ...own, hitRatio: 0.123, timeNs: 2_000_000_000 }).map((row) => [
      row.name,
      row.own,
      row.now,
    ]),
    [
      ['Virtual time', '1,240 µs', '2.000000 s'],
      ['Requests at drives', '1,200', '1,200'],
      ['Merge ratio', '50.0 %', '50.0 %'],
      ['Hit ratio', 'none', '12.3 %'],
      ['Pages written back', '3,000', '3,000'],
      ['Bytes written to drives', '1 MiB', '1 MiB'],
    ],
  );
});

totals.run();
