// Ways of requests: each is seen to come from its page, to pass the queue, and to go where its bytes go.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { layoutStage } from '../../../../src/playground/stage/layout.ts';
import type { Mark, StripKind, Way } from '../../../../src/playground/stage/types.ts';
import { withWays } from '../../../../src/playground/stage/ways.ts';
import { extentFor, heldWrite, request, type Sketch, stateOf } from './states.ts';

const ways = suite('ways');

const WIDTH = 900;
const SKETCH: Sketch = {
  pages: [undefined, 'writeback', 'reading', 'clean', 'writeback'],
  drives: [
    {
      waiting: [request(1, 8, 8)],
      inService: [
        request(2, 16, 8, { hue: 'read' }),
        request(3, 24, 8),
        request(4, 32, 8, { isFaulty: true }),
        request(5, 0, 0),
      ],
      held: [heldWrite(0, 6, 128, 8)],
    },
  ],
};

const state = stateOf(SKETCH);
const layout = withWays(layoutStage(state, extentFor(state), WIDTH), state);

const markOf = (entity: string): Mark => layout.marks.find((mark) => mark.entity === entity) as Mark;
const wayOf = (entity: string): Way => markOf(entity).way as Way;
const topOf = (kind: StripKind): number => layout.strips.find((strip) => strip.kind === kind)?.y ?? 0;

ways('a request comes from the page that it is of', () => {
  const { x, y } = markOf('page:0:1');
  assert.equal(wayOf('request:1').from, { x, y });
  assert.is(wayOf('request:5').from, undefined, 'a flush is of none');
});

ways('one that is in service when it appears has been in the queue, above its place', () => {
  assert.is(wayOf('request:1').via, undefined, 'it is there');
  for (const id of [2, 3, 5]) {
    const { x, way } = markOf(`request:${id}`);
    assert.equal(way?.via, { x, y: topOf('waiting') + 1 }, `request ${id}`);
  }
});

ways('a read leaves for its page, a write for the media, and what failed or only waited for nowhere', () => {
  const { x, y } = markOf('page:0:2');
  assert.equal(wayOf('request:2').to, { x, y });
  for (const entity of ['request:3', 'write:0:6'])
    assert.equal(wayOf(entity).to, { x: markOf(entity).x, y: topOf('media') + 1 }, entity);
  for (const id of [1, 4, 5]) assert.is(wayOf(`request:${id}`).to, undefined, `request ${id}`);
});

ways('pages have no way: they keep their places', () => {
  assert.ok(layout.marks.filter(({ shape }) => shape === 'page').every(({ way }) => way === undefined));
});

ways.run();
