// What the model keeps its numbers in: records, columns, numbered places, and saved folds along a run.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Checkpoints } from '../../../../src/playground/model/checkpoints.ts';
import { Column } from '../../../../src/playground/model/columns.ts';
import type { Fold, SavedFold } from '../../../../src/playground/model/fold.ts';
import { Places } from '../../../../src/playground/model/places.ts';
import { RecordStore } from '../../../../src/playground/model/record-store.ts';
import { RECORD_KIND_NAMES } from '../../../../src/records.ts';
import { bytesOf, type Crafted, runOf } from '../support/crafted.ts';

const stores = suite('stores of the model');

const LARGE: Crafted = {
  ...{ kind: 'lost', timeNs: 2 ** 40 + 5, operation: 3, device: 40_000, id: 2 ** 31 + 9 },
  ...{ address: 2 ** 45 + 1, count: 2 ** 32 - 1, detail: -5 },
};

stores(
  'a record that is looked at has the fields of the one that is taken, at any place of any block',
  () => {
    const store = new RecordStore();
    const row = Array.from({ length: 70_000 }, (_, id): Crafted => ({ kind: 'queued', id, detail: id }));
    row[65_536] = LARGE;
    const bytes = bytesOf(row);
    store.add(bytes.subarray(0, 32 * 1000));
    // as a part of a message may lie anywhere
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    store.add(shifted.subarray(1 + 32 * 1000));
    assert.is(store.count, 70_000);
    for (const number of [0, 999, 1000, 65_535, 65_536, 65_537, 69_999]) {
      const taken = store.at(number);
      const view = store.look(number);
      assert.is(RECORD_KIND_NAMES[view.kind], taken.kind);
      for (const field of ['timeNs', 'operation', 'device', 'id', 'address', 'count', 'detail'] as const) {
        assert.is(view[field], taken[field], `${field} of ${number}`);
        assert.is(view[field], row[number]?.[field] ?? 0, `${field} of ${number}`);
      }
    }
  },
);

stores('a record that is not there is named', () => {
  const store = new RecordStore();
  store.add(bytesOf([LARGE]));
  for (const number of [-1, 1, 0.5]) assert.throws(() => store.at(number), `there is no record ${number}`);
});

stores('a column has what was added, however often it grew, and no row beyond', () => {
  const column = new Column<Float64Array>((length) => new Float64Array(length));
  const added: number[] = [];
  for (const length of [1, 255, 1, 300, 2000, 0, 7]) {
    const rows = Array.from({ length }, (_, index) => added.length + index + 0.5);
    column.add(Float64Array.from(rows));
    added.push(...rows);
    assert.is(column.count, added.length);
    for (const [index, value] of added.entries())
      if (column.at(index) !== value) assert.is(column.at(index), value);
  }
  assert.throws(() => column.at(added.length), `there is no row ${added.length}`);
  assert.throws(() => column.at(-1), 'there is no row -1');
});

stores('the lowest free place is given, also after what was saved is put back', () => {
  const places = new Places();
  assert.equal(
    Array.from({ length: 40 }, () => places.take()),
    Array.from({ length: 40 }, (_, place) => place),
  );
  for (const place of [30, 3, 17]) places.give(place);
  const saved = places.save();
  assert.equal([places.take(), places.take(), places.take(), places.take()], [3, 17, 30, 40]);
  for (const other of [places, new Places()]) {
    other.restore(saved);
    assert.equal([other.take(), other.take(), other.take(), other.take(), other.take()], [3, 17, 30, 40, 41]);
  }
  places.restore(new Places().save());
  assert.equal([places.take(), places.take()], [0, 1]);
  places.restore(Uint8Array.of(1, 1));
  assert.is(places.take(), 2);
});

/** A fold whose saved state says only where it was, and how large it is. */
function foldAt(step: number, byteLength: number): Fold {
  const saved = { cache: { table: { columns: [{ byteLength }] } }, drives: [], rings: [], guests: [], step };
  return { save: () => saved as unknown as SavedFold } as Fold;
}

stores('the nearest saved fold at or before a step is found', () => {
  const points = new Checkpoints();
  points.leave(0, 0, foldAt(0, 1));
  for (let step = 1; step <= 100; step++) points.offer(step, step * 1024, foldAt(step, 1));
  for (const [step, nearest] of [
    [0, 0],
    [1, 0],
    [2, 2],
    [3, 2],
    [50, 50],
    [51, 50],
    [99, 98],
    [100, 100],
    [999, 100],
  ] as const) {
    const found = points.before(step);
    assert.is(found.step, nearest);
    assert.is(found.record, nearest * 1024);
    assert.is((found.saved as unknown as { step: number }).step, nearest);
  }
});

stores('saved folds that take much memory are thinned, and the first of them stays', () => {
  const points = new Checkpoints();
  const mebibyte = 2 ** 20;
  points.leave(0, 0, foldAt(0, mebibyte));
  for (let step = 1; step <= 400; step++) points.offer(step, step * 2048, foldAt(step, mebibyte));
  const kept = new Set<number>();
  for (let step = 0; step <= 400; step++) {
    const { step: nearest } = points.before(step);
    assert.ok(nearest <= step);
    kept.add(nearest);
  }
  assert.ok(kept.has(0));
  assert.ok(kept.size <= 48 && kept.size > 20, `${kept.size} are kept`);
  const gaps = [...kept].map((step, index, all) => (all[index + 1] ?? step) - step);
  assert.ok(Math.max(...gaps) <= 16, `${Math.max(...gaps)} steps apart`);
});

stores('every object of a saved fold takes memory too', () => {
  const points = new Checkpoints();
  const requests = { entries: new Array(100_000).fill(undefined) };
  const saved = { cache: { table: { columns: [] } }, drives: [], rings: [{ requests }], guests: [] };
  const fold = { save: () => saved as unknown as SavedFold } as Fold;
  for (let step = 0; step < 10; step++) points.leave(step, step, fold);
  const kept = new Set(Array.from({ length: 10 }, (_, step) => points.before(step).step));
  assert.ok(kept.size <= 3, `${kept.size} are kept`);
});

stores('steps and records find each other where steps have none or many', () => {
  const row = (count: number): Crafted[] => Array.from({ length: count }, () => ({ kind: 'mark' as const }));
  const run = runOf([[], row(2), [], [], row(3), row(1), []]);
  assert.equal(
    [0, 1, 2, 3, 4, 5].map((record) => run.stepOfRecord(record)),
    [2, 2, 5, 5, 5, 6],
  );
  assert.equal(
    [1, 2, 5, 7].map((step) => run.recordsOf(step)),
    [
      [0, 0],
      [0, 2],
      [2, 5],
      [6, 6],
    ],
  );
  assert.equal([run.firstStepOf(0), run.firstStepOf(1), run.chapterOf(0)], [1, undefined, -1]);
  assert.equal([run.hash(0), run.hash(1), run.timeNs(0)], [undefined, '0000000000000000', 0]);
});

stores.run();
