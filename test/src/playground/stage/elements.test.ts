// Which element draws which mark: kept for as long as the mark is there, and taken over where nothing is seen to move.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Elements } from '../../../../src/playground/stage/elements.ts';
import { type Mark, mark } from '../../../../src/playground/stage/types.ts';

const elements = suite('playground/stage/elements');

function bar(key: string): Mark {
  const box = { x: 0, y: 0, width: 10, height: 10 };
  return {
    ...mark({ ...box, key, entity: key, shape: 'bar', state: 'waiting', hue: 'read', name: key }),
    lane: 0,
  };
}

const marks = (keys: string): Mark[] => [...keys].map(bar);
const drawn = (of: Elements, keys: string, mayReuse: boolean): Record<string, number> =>
  Object.fromEntries(of.assign(marks(keys), mayReuse).map(({ element, mark: { key } }) => [key, element]));

elements('a mark keeps its element whatever comes and goes around it', () => {
  const of = new Elements();
  const before = drawn(of, 'abc', false);
  for (const mayReuse of [false, true]) {
    const after = drawn(of, mayReuse ? 'cxb' : 'bdc', mayReuse);
    assert.is(after.b, before.b);
    assert.is(after.c, before.c);
  }
});

elements('marks come in the order of their elements, wherever they stand', () => {
  const of = new Elements();
  of.assign(marks('abc'), false);
  const order = of.assign(marks('cab'), false).map(({ mark: { key } }) => key);
  assert.equal(order, ['a', 'b', 'c']);
});

elements('where movement is seen a new mark has an element that none had before', () => {
  const of = new Elements();
  const before = Object.values(drawn(of, 'ab', false));
  assert.not.ok(before.includes(drawn(of, 'ac', false).c ?? 0));
});

elements('where nothing is seen to move new marks take the elements of those that are gone, one each', () => {
  const of = new Elements();
  const before = drawn(of, 'abc', false);
  const after = drawn(of, 'bxyz', true);
  assert.is(after.b, before.b);
  assert.equal(new Set(Object.values(after)).size, 4, 'no element draws two');
  const gone = [before.a, before.c];
  assert.is(Object.values(after).filter((element) => gone.includes(element)).length, 2);
});

elements.run();
