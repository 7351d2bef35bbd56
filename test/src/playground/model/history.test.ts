// A history is what a plain reading of every record finds, for things of every kind, in every scene.
// test-timeout: 120

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Run } from '../../../../src/playground/model/run.ts';
import type { EntityKey } from '../../../../src/playground/model/types.ts';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import { SCENES } from '../../../../src/playground/scenes/index.ts';
import { playAhead } from '../support/engine.ts';
import { ENTRANCE_SCENES, TOGETHER } from '../support/entrances.ts';
import { plainHistoryOf } from '../support/plain-history.ts';

const histories = suite('history');

/** Keys that are asked for in each scene: so many of every kind. */
const KEYS_A_KIND = 8;

/** Whole numbers below 2^31, the same each time. */
function drawnFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state >>> 4;
  };
}

async function runOf(scene: Scene): Promise<Run> {
  const { shape, parts } = await playAhead(scene);
  const run = new Run(shape, scene);
  for (const part of parts) run.add(part);
  return run;
}

/** Things that random records are about, and things that no record may be about. */
function keysOf(run: Run, draw: () => number): EntityKey[] {
  const keys: EntityKey[] = [];
  for (let drawn = 0; drawn < KEYS_A_KIND; drawn++) {
    const { device, address, id, detail, count } = run.recordAt(draw() % run.recordCount);
    const number = draw() % 200;
    keys.push(`page:${device}:${address}`, `page:0:${number}`);
    keys.push(`request:${id}`, `request:${detail}`, `request:${number}`);
    keys.push(`bio:${id}`, `bio:${detail >>> 8}`);
    keys.push(`write:${device}:${id}`, `write:0:${number}`, `flush:${id}`, `flush:${number}`);
    keys.push(`sector:${device}:${address + (draw() % (count + 1))}`, `sector:0:${number * 8}`);
    run.shape.clients.forEach((client, index) => {
      keys.push(`ring:${index}:${number}`, `ring:${index}:${number % 7}`);
      keys.push(`guest:${client.device}:${number % 20}`);
    });
  }
  const all = Array.from({ length: run.recordCount }, (_, index) => run.recordAt(index));
  const flush = all.find(({ kind }) => kind === 'flushed');
  const queued = all.find(({ kind, count }) => kind === 'queued' && count > 0);
  if (queued !== undefined) {
    const { id, device, address, detail } = queued;
    keys.push(`request:${id}`, `bio:${detail >>> 8}`, `sector:${device}:${address}`);
  }
  return [...keys, `flush:${flush?.id ?? 0}`, 'lane:cache', 'page:x', 'ring:99:0', 'record:5'];
}

for (const [index, scene] of [...SCENES, ...ENTRANCE_SCENES, TOGETHER].entries()) {
  histories(`${scene.id}: what is sifted out concerns nothing`, async () => {
    const run = await runOf(scene);
    const told = new Map<string, number>();
    for (const key of keysOf(run, drawnFrom(index + 1))) {
      const found = run.historyOf(key);
      assert.equal(found, plainHistoryOf(run.records, run.shape, key), key);
      const [kind = ''] = key.split(':');
      told.set(kind, (told.get(kind) ?? 0) + found.length);
    }
    for (const kind of ['request', 'bio', 'sector'])
      assert.ok((told.get(kind) ?? 0) > 0, `nothing was found of any ${kind}`);
  });
}

histories('a history grows with its run', async () => {
  const scene = SCENES[0] as Scene;
  const { shape, parts } = await playAhead(scene);
  const run = new Run(shape, scene);
  assert.equal(run.historyOf('page:0:2'), []);
  for (const part of parts) {
    run.add(part);
    assert.equal(run.historyOf('page:0:2'), plainHistoryOf(run.records, shape, 'page:0:2'));
  }
  assert.ok(run.historyOf('page:0:2').length > 0);
});

histories.run();
