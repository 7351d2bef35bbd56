// What the views are told of a machine before its first record agrees with what its records say later.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Machine } from '../../../../src/index.ts';
import { Run } from '../../../../src/playground/model/run.ts';
import { openScene } from '../../../../src/playground/scene/run.ts';
import { RENAME_REPLACE } from '../../../../src/playground/scenes/rename-replace.ts';
import { liveShape } from '../../../../src/playground/worker/live-scenes.ts';
import type { RunPart } from '../../../../src/playground/worker/protocol.ts';
import { shapeOf } from '../../../../src/playground/worker/shape.ts';

const shape = suite('shape');

shape('files of a volume go by the numbers that records of their pages have', async () => {
  const run = await openScene(RENAME_REPLACE, (options) => Machine.create({ ...options, records: true }));
  const { files } = shapeOf(run);
  run.finish();
  const named = new Set(files.filter(({ name }) => name.startsWith('/')).map(({ number }) => number));
  const dirtied = run.machine.records.take().filter(({ kind }) => kind === 'dirtied');
  assert.ok(dirtied.length > 0);
  for (const { device } of dirtied) assert.ok(named.has(device), `file ${device} has a name`);
});

shape('a part of a live run names files, for the moment that is shown too', async () => {
  const machine = await Machine.create({ drives: [{ size: '16MiB' }], volume: true });
  const { scene } = await openScene(RENAME_REPLACE, (options) => Machine.create(options));
  const run = new Run(liveShape(machine, scene), scene);
  assert.is(run.stateAt(0)?.shape.files.length, 1);
  const files = [{ number: machine.volumeFileNumber(2), name: '/note.txt', drive: 0, pageCount: 0 }];
  const part: RunPart = {
    records: new Uint8Array(0),
    recordEnds: new Uint32Array(0),
    timesNs: new Float64Array(0),
    chapters: new Uint16Array(0),
    hashes: new BigUint64Array(0),
    files,
    isLast: false,
    cutShort: undefined,
  };
  run.add(part);
  assert.equal(run.stateAt(0)?.shape.files, files);
});

shape.run();
