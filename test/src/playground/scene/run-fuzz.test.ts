// Random scenes that pass the gate run to their end without a trap, whatever their clients ask for.
// test-timeout: 240

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Machine } from '../../../../src/browser.ts';
import { checkScene } from '../../../../src/playground/scene/check.ts';
import { ENTRANCE_OPS } from '../../../../src/playground/scene/plan.ts';
import { openScene } from '../../../../src/playground/scene/run.ts';
import type { Entrance, Scene, SceneClient, Work } from '../../../../src/playground/scene/types.ts';
import { compileBuild } from '../support/engine.ts';
import { TOGETHER } from '../support/entrances.ts';

const fuzz = suite('scene run fuzz');
const SCENES = 300;
const MOST_STEPS = 20_000;

const LIMITS = {
  operations: 128,
  bios: 512,
  spans: 2048,
  virtioRequests: 64,
  bluestoreAios: 128,
  identities: 1024,
};

/** Numbers below `end`, the same for the same seed. */
function randomness(seed: number): (end: number) => number {
  let state = seed >>> 0;
  return (end) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * end);
  };
}

function randomScene(seed: number): Scene {
  const next = randomness(seed * 7919 + 1);
  const pick = <T>(list: readonly T[]): T => list[next(list.length)] as T;
  const clients = [...TOGETHER.clients]
    .filter(() => next(2) === 0)
    .concat(TOGETHER.clients[next(6)] as SceneClient)
    .map((client, index) => ({ ...client, name: `${client.name}${index}`, depth: 1 + next(16), batch: 1 }))
    // a positive depth of a ring waits for ever for requests that make a job full
    .map((client) => (client.entrance === 'usrbio' ? { ...client, ioDepth: -1 } : client))
    .filter(
      ({ entrance }, index, all) =>
        entrance !== 'virtio' || all.findIndex((one) => one.entrance === 'virtio') === index,
    );
  const sizeOf = (): number => pick([1, 511, 512, 4096, 4096, 8192, 65536, 70_000]);
  const work = (): Work => {
    const client = pick(clients);
    const op = pick([...ENTRANCE_OPS[client.entrance as Entrance], 'wait', 'dropCaches', 'sync'] as const);
    const base = { client: client.name };
    const path = pick(['/a', '/b', '/d', '/d/x', '/notes']);
    if (op === 'wait') return { ...base, op, ns: next(2) * 6e9 + next(100_000) };
    if (op === 'rename') return { ...base, op, path, to: pick(['/a', '/d/x', '/b']) };
    if (op === 'create' || op === 'mkdir' || op === 'unlink' || op === 'truncate' || op === 'fsyncDirectory')
      return { ...base, op, path };
    if (op !== 'read' && op !== 'write' && op !== 'discard' && op !== 'writeZeroes')
      return { ...base, op } as Work;
    const unit = pick([1, 512, 4096]);
    return {
      ...base,
      op,
      offset: next(1200) * unit,
      length: sizeOf(),
      count: 1 + next(12),
      pattern: pick(['sequential', 'reverse', 'random', 'stride']),
      ...(op === 'write' && ['aio', 'files', 'block'].includes(client.entrance) && next(4) === 0
        ? { fua: true }
        : {}),
    };
  };
  return {
    ...TOGETHER,
    id: `fuzz-${seed}`,
    machine: {
      ...TOGETHER.machine,
      seed,
      limits: LIMITS,
      merge: next(4) > 0,
      cache: pick(['16KiB', '64KiB', '256KiB']),
      eviction: pick(['linux', 'lru', 'fifo', 'clock', 's3-fifo']),
      blockSize: pick([512, 1024, 4096]),
      cacheMode: pick(['writeback', 'none', 'writethrough', 'directsync', 'unsafe']),
    },
    clients,
    chapters: Array.from({ length: 1 + next(3) }, (_, index) => ({
      title: `Part ${index}`,
      text: '',
      work: Array.from({ length: 1 + next(8) }, work),
      notes: [],
    })),
  };
}

fuzz(`${SCENES} random scenes pass the gate and run to their end`, async () => {
  const module = await compileBuild();
  let requests = 0;
  for (let seed = 1; seed <= SCENES; seed++) {
    const scene = checkScene(JSON.parse(JSON.stringify(randomScene(seed))));
    const run = await openScene(scene, (options) => Machine.create(module, options));
    while (run.stepCount < MOST_STEPS && run.step());
    assert.ok(run.isFinished, `scene ${seed} is not finished`);
    assert.is(run.stuck, undefined, `scene ${seed}`);
    for (const client of run.clients) {
      assert.is(client.completed, client.submitted, `scene ${seed}`);
      requests += client.submitted;
    }
    run.machine.close();
  }
  assert.ok(requests > SCENES * 10, `${requests} requests`);
});

fuzz.run();
