import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CELL_DURABLE, CELL_FOUND, CELL_UNTOUCHED, Media } from '../../../../src/playground/model/media.ts';

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

media.run();
