// A finger's tap: the nearest mark within its reach.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FINGER_REACH, nearestMark } from '../../../../src/playground/stage/touch.ts';
import { type Mark, mark } from '../../../../src/playground/stage/types.ts';

const touch = suite('touch');

function at(key: string, x: number, y: number, width = 10, height = 10): Mark {
  const box = { x, y, width, height };
  return {
    ...mark({ ...box, key, entity: key, shape: 'bar', state: 'waiting', hue: 'read', name: key }),
    lane: 0,
  };
}

touch('a place inside a mark is that mark, however near others are', () => {
  const marks = [at('left', 0, 0), at('right', 11, 0)];
  assert.is(nearestMark(marks, 9, 5)?.key, 'left');
  assert.is(nearestMark(marks, 12, 5)?.key, 'right');
});

touch('a place between marks is the one whose edge is nearer, in any direction', () => {
  const marks = [at('wide', 0, 0, 100), at('below', 0, 40)];
  assert.is(nearestMark(marks, 90, 22)?.key, 'wide');
  assert.is(nearestMark(marks, 5, 30)?.key, 'below');
  assert.is(nearestMark(marks, 15, 38)?.key, 'below');
});

touch('of two marks over each other the upper one is taken', () => {
  assert.is(nearestMark([at('lower', 0, 0), at('upper', 4, 0)], 6, 5)?.key, 'upper');
});

touch('what is further than a finger reaches is not meant', () => {
  const marks = [at('only', 0, 0)];
  assert.is(nearestMark(marks, 10 + FINGER_REACH, 5)?.key, 'only');
  assert.is(nearestMark(marks, 10.5 + FINGER_REACH, 5), undefined);
  assert.is(nearestMark(marks, 5, 10.5 + FINGER_REACH), undefined);
  assert.is(nearestMark([], 0, 0), undefined);
});

touch.run();
