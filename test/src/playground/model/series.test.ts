// What charts show agrees with the machine's own counters and with the stack at the same time.

import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Run } from '../../../../src/playground/model/run.ts';
import { type Chart, seriesOf } from '../../../../src/playground/model/series.ts';
import { totalsOf } from '../../../../src/playground/panels/knobs/totals.ts';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import { SCENES } from '../../../../src/playground/scenes/index.ts';
import { makeEngine } from '../../../../src/playground/worker/engine.ts';
import type { RunPart } from '../../../../src/playground/worker/protocol.ts';

const series = suite('series');

async function play(scene: Scene): Promise<Run> {
  const { engine, bench } = makeEngine(async () => new WebAssembly.Module(readFileSync('wasm/core.wasm')));
  const parts: RunPart[] = [];
  const { shape } = await engine.open(scene, (_run, part) => void parts.push(part));
  await bench.session().whole;
  const run = new Run(shape, scene);
  for (const part of parts) run.add(part);
  bench.session().close();
  return run;
}

function lastOf(charts: readonly Chart[], name: Chart['name']): number {
  const values = charts.find((chart) => chart.name === name)?.lines[0]?.values ?? new Float64Array();
  return values.filter((value) => !Number.isNaN(value)).at(-1) ?? Number.NaN;
}

for (const id of ['write-to-media', 'merging', 'dirty-limits', 'readahead']) {
  series(`of ${id}: dirty pages and hits are those of the stack, and totals agree with it`, async () => {
    const run = await play(SCENES.find((scene) => scene.id === id) as Scene);
    const { charts, timesNs } = seriesOf(run);
    assert.is(charts.length, 6);
    const end = run.stateAt(run.stepCount)!;
    assert.is(lastOf(charts, 'dirty'), end.cache.dirtyCount);
    assert.is(lastOf(charts, 'queue'), 0);
    const dirty = charts.find((chart) => chart.name === 'dirty')!.lines[0]!.values;
    const half = (timesNs[1]! - timesNs[0]!) / 2;
    for (let step = 1; step < run.stepCount; step++) {
      // the last step of its stretch
      const stretch = timesNs.findIndex((time) => run.timeNs(step) < time + half);
      if (stretch < 0 || run.timeNs(step + 1) < timesNs[stretch]! + half) continue;
      assert.is(dirty[stretch], run.stateAt(step)!.cache.dirtyCount, `step ${step}`);
    }
    assert.is(run.cutShort, undefined);
    const totals = totalsOf(run);
    const { hits, misses } = end.cache;
    assert.is(totals.hitRatio, hits + misses === 0 ? undefined : hits / (hits + misses));
    const drives = end.drives.reduce((sum, { reads, writes, flushes }) => sum + reads + writes + flushes, 0);
    assert.ok(totals.requests >= drives && drives > 0);
    if (totals.hitRatio !== undefined) assert.is(lastOf(charts, 'hits'), (100 * hits) / (hits + misses));
    assert.is(totals.timeNs, run.timeNs(run.stepCount));
  });
}

series.run();
