import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CELL_DURABLE,
  CELL_FOUND,
  CELL_LOST,
  CELL_UNTOUCHED,
  CELL_VOLATILE,
  Media,
} from '../../../../src/playground/model/media.ts';

const media = suite('playground media');

media('what was there before the scene began is told from what the scene writes over it', () => {
  const cells = new Media(8);
  cells.settle(0, 4, true);
  cells.age();
  cells.settle(2, 1, true);
  assert.equal(
    [...cells.cells.slice(0, 5)],
    [CELL_FOUND, CELL_FOUND, CELL_DURABLE, CELL_FOUND, CELL_UNTOUCHED],
  );
});

media('a cell is volatile until the last of the writes over it is settled', () => {
  const cells = new Media(8);
  cells.cover(0, 4);
  cells.cover(2, 2);
  cells.uncover(0, 4);
  cells.settle(0, 4, true);
  assert.equal([...cells.cells.slice(0, 4)], [CELL_DURABLE, CELL_DURABLE, CELL_VOLATILE, CELL_VOLATILE]);
  cells.lose(2, 1);
  assert.is(cells.cells[2], CELL_VOLATILE);
  cells.uncover(2, 2);
  cells.settle(2, 2, false);
  cells.lose(2, 1);
  assert.equal([...cells.cells.slice(2, 4)], [CELL_LOST, CELL_UNTOUCHED]);
});

media('a large drive shares cells, and one of them is volatile while any write in it is', () => {
  const cells = new Media(2 ** 20);
  assert.is(cells.sectorsACell, 16);
  cells.cover(0, 8);
  cells.cover(8, 8);
  cells.uncover(0, 8);
  cells.settle(0, 8, true);
  assert.is(cells.cells[0], CELL_VOLATILE);
  cells.uncover(8, 8);
  cells.settle(8, 8, true);
  assert.is(cells.cells[0], CELL_DURABLE);
});

media('what was saved is put back, and may be covered again', () => {
  const cells = new Media(16);
  cells.cover(0, 8);
  const saved = cells.save();
  cells.cover(4, 8);
  cells.restore(saved);
  cells.cover(0, 8);
  assert.equal([...cells.cells.slice(7, 9)], [CELL_VOLATILE, CELL_UNTOUCHED]);
  cells.uncover(0, 8);
  cells.settle(0, 8, true);
  assert.equal([...cells.cells], [...Array(8).fill(CELL_DURABLE), ...Array(8).fill(CELL_UNTOUCHED)]);
});

media('sectors behind the end of the drive are nowhere', () => {
  const cells = new Media(8);
  cells.cover(4, 400);
  cells.uncover(4, 400);
  cells.settle(4, 400, true);
  assert.is(cells.cells.length, 8);
  assert.is(cells.save().length, 8);
});

media.run();
