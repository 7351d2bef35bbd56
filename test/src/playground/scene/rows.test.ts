// Works as single requests: which bytes each asks for, and whose they are.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { longestOf, planScene } from '../../../../src/playground/scene/plan.ts';
import { askAt, measureRow, rowOfList } from '../../../../src/playground/scene/rows.ts';
import type { Scene, TransferWork, Work } from '../../../../src/playground/scene/types.ts';
import { TOGETHER } from '../support/entrances.ts';

const rows = suite('rows of requests');

const PLACE = { seed: 1, client: 0, chapter: 0 };
const WORK: TransferWork = { op: 'write', offset: '4KiB', length: 512, count: 5 };

/** Offsets of all requests of a row, as multiples of its length behind its offset. */
function offsetsOf(work: Partial<TransferWork>, place = PLACE): number[] {
  const row = measureRow({ ...WORK, ...work }, 'work');
  return Array.from(
    { length: row.count },
    (_, index) => (askAt(row, index, index, place).offset - 4096) / 512,
  );
}

rows('a pattern goes through its range, and begins again where the range ends', () => {
  assert.equal(offsetsOf({}), [0, 1, 2, 3, 4]);
  assert.equal(offsetsOf({ pattern: 'reverse' }), [4, 3, 2, 1, 0]);
  assert.equal(offsetsOf({ pattern: 'stride' }), [0, 2, 4, 6, 8]);
  assert.equal(offsetsOf({ pattern: 'stride', stride: 2560 }), [0, 5, 10, 15, 20]);
  assert.equal(offsetsOf({ span: 1536 }), [0, 1, 2, 0, 1]);
  assert.equal(offsetsOf({ pattern: 'reverse', span: 1024 }), [1, 0, 1, 0, 1]);
  assert.equal(offsetsOf({ pattern: 'stride', span: 2560 }), [0, 2, 4, 0, 2]);
  assert.equal(offsetsOf({ stride: 0, span: 512 }), [0, 0, 0, 0, 0]);
});

rows('random requests stay in their range, reach all of it, and differ by seed, client and chapter', () => {
  const random = { pattern: 'random', span: 8 * 512, count: 200 } as const;
  const offsets = offsetsOf(random);
  assert.equal([...new Set(offsets)].sort(), [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.equal(offsetsOf(random), offsets);
  for (const other of [{ seed: 2 }, { client: 1 }, { chapter: 1 }])
    assert.not.equal(offsetsOf(random, { ...PLACE, ...other }), offsets);
});

rows('a request has the kind, the length and the durability of its row, and its own number', () => {
  const ask = askAt(measureRow({ ...WORK, fua: true }, 'work'), 2, 40, PLACE);
  assert.equal(ask, { op: 'write', offset: 5120, length: 512, fua: true, number: 40 });
  assert.is(askAt(measureRow(WORK, 'work'), 0, 0, PLACE).fua, false);
  assert.equal(measureRow({ op: 'read', offset: 0, length: 1 }, 'work').count, 1);
});

rows('a list asks for what it says, one by one', () => {
  const row = rowOfList({
    op: 'list',
    requests: [
      [1, 0, 512],
      [0, 8192, 4096],
      [2, 512, 1024],
      [3, 0, 512],
    ],
  });
  assert.equal([row.count, row.length], [4, 4096]);
  assert.equal(
    [0, 1, 2, 3].map((index) => askAt(row, index, index + 10, PLACE)),
    [
      { op: 'write', offset: 0, length: 512, fua: false, number: 10 },
      { op: 'read', offset: 8192, length: 4096, fua: false, number: 11 },
      { op: 'discard', offset: 512, length: 1024, fua: false, number: 12 },
      { op: 'writeZeroes', offset: 0, length: 512, fua: false, number: 13 },
    ],
  );
});

function sceneOf(...work: Work[]): Scene {
  return {
    ...TOGETHER,
    chapters: [
      { title: '', text: '', work: [], notes: [] },
      { title: '', text: '', work, notes: [] },
    ],
  };
}

rows('each work goes to its client, in its chapter and order', () => {
  const plan = planScene(
    sceneOf(
      { ...WORK, client: 'block' },
      { ...WORK, length: '64KiB' },
      { op: 'fdatasync', client: 'block' },
      { op: 'wait', ns: 7 },
      { op: 'dropCaches', client: 'block' },
      { op: 'list', client: 'block', requests: [[0, 0, 2048]] },
    ),
  );
  const index = TOGETHER.clients.findIndex(({ name }) => name === 'block');
  assert.equal(plan[0]?.flat(), []);
  assert.equal(
    plan[1]?.[0]?.map(({ kind }) => kind),
    ['row', 'wait'],
  );
  assert.equal(
    plan[1]?.[index]?.map(({ kind }) => kind),
    ['row', 'sync', 'call', 'row'],
  );
  assert.equal(plan[1]?.[index]?.[1], { kind: 'sync', op: 'fdatasync' });
  assert.equal([longestOf(plan, 0), longestOf(plan, index), longestOf(plan, 1)], [65_536, 2048, 0]);
});

rows('a work that its client can not do is refused, also within a list', () => {
  const refused = (work: Work, expected: RegExp) => assert.throws(() => planScene(sceneOf(work)), expected);
  refused({ ...WORK, op: 'writeZeroes' }, /chapters\[1\]\.work\[0\]\.op is 'writeZeroes'.*what aio has/);
  refused(
    {
      op: 'list',
      client: 'usrbio',
      requests: [
        [0, 0, 512],
        [2, 0, 512],
      ],
    },
    /discard/,
  );
  refused({ op: 'unlink', path: '/a', client: 'block' }, /unlink/);
  refused({ ...WORK, client: 'nobody' }, /client is 'nobody'.*one of aio, usrbio/);
});

rows.run();
