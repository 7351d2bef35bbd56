// Places of the stage: what is drawn stays inside its lane, apart from what stands beside it, and where it was while nothing happened to it.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PageState, StackState } from '../../../../src/playground/model/types.ts';
import * as geometry from '../../../../src/playground/stage/geometry.ts';
import { layoutStage } from '../../../../src/playground/stage/layout.ts';
import { gridOf } from '../../../../src/playground/stage/layout-cache.ts';
import { slotsFor } from '../../../../src/playground/stage/layout-rings.ts';
import { textWidth } from '../../../../src/playground/stage/text.ts';
import type { Box, LaneBox, Mark, StageLayout } from '../../../../src/playground/stage/types.ts';
import { extentFor, heldWrite, request, ringRequest, type Sketch, stateOf } from './states.ts';

const WIDTHS = [288, 320, 390, 560, 719, 720, 900, 1100, 1400];
const STATES: readonly PageState[] = ['clean', 'dirty', 'writeback', 'reading'];

const layout = suite('stage layout');

/** Numbers that look random and are the same each time, below `limit`. */
function numbers(count: number, limit: number): number[] {
  let seed = 7;
  return Array.from({ length: count }, () => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * limit);
  });
}

const BUSY: Sketch = {
  cachePages: 64,
  pages: Array.from({ length: 50 }, (_, index) => STATES[index % 4]),
  rings: [
    numbers(40, 100).map((_, index) => ringRequest(0, index)),
    [ringRequest(1, 3, { state: 'done', result: -5 })],
  ],
  drives: [
    {
      waiting: [request(1, 0, 40), request(2, 8, 8), request(3, 0, 0), request(4, 248, 8)],
      inService: [request(5, 100, 3, { hue: 'read' }), request(6, 0, 0)],
      held: [heldWrite(0, 7, 0, 8), heldWrite(0, 8, 4, 8), heldWrite(0, 9, 255, 1)],
      durablePages: [1, 2, 3, 20],
    },
  ],
};

const THREE: Sketch = {
  cachePages: 700,
  pages: Array.from({ length: 650 }, (_, index) => STATES[(index >> 4) % 4]),
  rings: [0, 1, 2].map((client) => numbers(32, 9).map((_, index) => ringRequest(client, index))),
  drives: [0, 1, 2].map((drive) => ({
    pages: 4096,
    model: ['hdd', 'ssd', 'nvme'][drive] ?? '',
    waiting: numbers(32, 4096).map((page, index) => request(drive * 100 + index, page * 8, 8)),
    inService: numbers(16, 4096).map((page, index) => request(drive * 100 + 50 + index, page * 8, 8)),
  })),
};

const DEEP: Sketch = {
  drives: [
    { pages: 65_536, waiting: numbers(256, 65_536).map((page, index) => request(index + 1, page * 8, 8)) },
  ],
};

const SKETCHES: readonly (readonly [string, Sketch])[] = [
  ['empty', {}],
  ['busy', BUSY],
  ['three drives', THREE],
  ['256 requests', DEEP],
  ['no cache', { cachePages: 0 }],
];

function layoutOf(state: StackState, width: number): StageLayout {
  return layoutStage(state, extentFor(state), width);
}

function overlaps(a: Box, b: Box): boolean {
  const slack = 0.01;
  return (
    a.x + slack < b.x + b.width &&
    b.x + slack < a.x + a.width &&
    a.y + slack < b.y + b.height &&
    b.y + slack < a.y + a.height
  );
}

function inside(inner: Box, outer: Box): boolean {
  const slack = 0.01;
  return (
    inner.x >= outer.x - slack &&
    inner.y >= outer.y - slack &&
    inner.x + inner.width <= outer.x + outer.width + slack &&
    inner.y + inner.height <= outer.y + outer.height + slack
  );
}

function show(mark: Box): string {
  return `${mark.x.toFixed(1)},${mark.y.toFixed(1)} ${mark.width.toFixed(1)}×${mark.height.toFixed(1)}`;
}

for (const [name, sketch] of SKETCHES) {
  for (const width of WIDTHS) {
    layout(`${name} at ${width}: every mark and strip lies in its lane, and no two marks overlap`, () => {
      const made = layoutOf(stateOf(sketch), width);
      assert.is(made.width, width);
      for (const mark of made.marks) {
        const lane = made.lanes[mark.lane] as Box;
        assert.ok(inside(mark, lane), `${mark.key} at ${show(mark)} is outside ${show(lane)}`);
      }
      for (const strip of made.strips) {
        assert.ok(
          made.lanes.some((lane) => inside(strip, lane)),
          `${strip.key} at ${show(strip)}`,
        );
      }
      made.marks.forEach((mark, index) => {
        for (const other of made.marks.slice(index + 1)) {
          assert.not.ok(overlaps(mark, other), `${mark.key} ${show(mark)} on ${other.key} ${show(other)}`);
        }
      });
    });

    layout(`${name} at ${width}: lanes follow each other without a gap, and words stay on the stage`, () => {
      const made = layoutOf(stateOf(sketch), width);
      let y = 0;
      for (const lane of made.lanes) {
        assert.is(lane.y, y);
        y += lane.height;
      }
      assert.is(made.height, y);
      for (const label of made.labels) {
        assert.ok(label.x >= 0 && label.x < made.width && label.y <= made.height, label.text);
      }
    });
  }
}

layout('every mark has a sentence for a name, and a key of its own', () => {
  for (const [name, sketch] of SKETCHES) {
    const { marks } = layoutOf(stateOf(sketch), 900);
    assert.is(new Set(marks.map(({ key }) => key)).size, marks.length, name);
    for (const mark of marks) assert.match(mark.name, / /, mark.key);
  }
});

layout('256 waiting requests are all drawn', () => {
  const { marks } = layoutOf(stateOf(DEEP), 900);
  assert.is(marks.filter(({ state }) => state === 'waiting').length, 256);
});

layout('requests that find no row are counted where they would be', () => {
  const waiting = Array.from({ length: 40 }, (_, index) => request(index + 1, 0, 64));
  const made = layoutOf(stateOf({ drives: [{ waiting }] }), 900);
  const drawn = made.marks.filter(({ state }) => state === 'waiting').length;
  assert.ok(drawn > 4 && drawn < 40);
  assert.is(made.strips.find(({ kind }) => kind === 'waiting')?.facts, `${40 - drawn} more behind them`);
});

layout('a request keeps its column and its key on its way from the queue to the volatile cache', () => {
  const at = (sketch: Sketch): Mark => layoutOf(stateOf(sketch), 900).marks[0] as Mark;
  const waiting = at({ drives: [{ waiting: [request(9, 64, 8)] }] });
  const served = at({ drives: [{ inService: [request(9, 64, 8)] }] });
  const held = at({ drives: [{ held: [heldWrite(0, 9, 64, 8)] }] });
  assert.equal([served.key, held.key], [waiting.key, waiting.key]);
  assert.equal([served.x, served.width], [waiting.x, waiting.width]);
  assert.equal([held.x, held.width], [waiting.x, waiting.width]);
  assert.ok(waiting.y < served.y && served.y < held.y);
});

layout('a bar as long as its sectors begins where its address is', () => {
  const { marks, strips } = layoutOf(
    stateOf({ drives: [{ pages: 32, waiting: [request(1, 8, 8), request(2, 128, 64)] }] }),
    900,
  );
  const axis = strips[0]?.axis;
  const [first, second] = marks as [Mark, Mark];
  assert.ok(axis !== undefined);
  assert.is(first.x, axis.left + axis.width / 32);
  assert.is(Math.round(second.width), Math.round(first.width * 8));
});

layout('bios of a merged request are cuts in its bar, and the one that joined is told with its end', () => {
  const bios = [
    { key: 'bio:1', id: 1, sector: 16, sectorCount: 8, joined: undefined },
    { key: 'bio:2', id: 2, sector: 24, sectorCount: 8, joined: 'back' as const },
  ];
  const { marks } = layoutOf(stateOf({ drives: [{ waiting: [request(1, 16, 16, { bios })] }] }), 900);
  const [bar] = marks;
  assert.is(bar?.cuts.length, 2);
  assert.is(bar?.cuts[0], 0);
  assert.is(Math.round(bar?.cuts[1] ?? 0), Math.round((bar?.width ?? 0) / 2));
  assert.is(bar?.joined?.end, 'back');
});

layout('pages keep their squares, up to 512 of them; more share squares and the lane says so', () => {
  for (const [pages, each] of [
    [16, 1],
    [512, 1],
    [513, 2],
    [65_536, 128],
  ] as const) {
    const grid = gridOf(pages, 700);
    assert.is(grid.pagesASquare, each, `${pages} pages`);
    assert.ok(grid.squares <= geometry.PAGE_SQUARES);
    assert.ok(grid.columns * grid.rows >= grid.squares);
  }
  const state = stateOf({ cachePages: 1024, pages: Array.from({ length: 10 }, () => 'dirty' as const) });
  const made = layoutOf(state, 900);
  assert.match(made.lanes.find(({ kind }) => kind === 'cache')?.facts ?? '', /2 to a square$/);
  const squares = made.marks.filter(({ shape }) => shape === 'page');
  assert.is(squares.length, 5);
  assert.match(squares[0]?.name ?? '', '2 pages: 2 dirty');
});

layout('a lane that the whole run does not use is one line that says why', () => {
  for (const width of WIDTHS) {
    const cacheOf = (sketch: Sketch): LaneBox =>
      layoutOf(stateOf(sketch), width).lanes.find(({ kind }) => kind === 'cache') as LaneBox;
    const [used, unused] = [cacheOf({}), cacheOf({ cachePages: 0 })];
    assert.is(used.words, '');
    assert.match([unused.words, ...unused.purposeLines].join(' '), 'straight to the drive');
    assert.is(unused.facts, '');
    assert.ok(unused.height < used.height / 1.5, `${width}: ${unused.height} of ${used.height}`);
  }
});

layout('three drives stand side by side on a wide stage, and below each other on a phone', () => {
  const columns = (width: number): number => {
    const { strips } = layoutOf(stateOf(THREE), width);
    return new Set(strips.filter(({ kind }) => kind === 'media').map(({ x }) => x)).size;
  };
  assert.is(columns(1100), 3);
  assert.ok(columns(320) < 3);
});

layout('a lane that stays empty says why, in its header where it is narrow, in words that fit', () => {
  const state = stateOf({ cachePages: 0 });
  for (const width of [256, 288, 390, 719]) {
    const { lanes } = layoutOf(state, width);
    const cache = lanes.find(({ kind }) => kind === 'cache');
    assert.is(cache?.words, '');
    assert.is(cache?.purposeLines.join(' '), 'there is none: requests go straight to the drive');
    for (const { purposeLines } of lanes)
      for (const line of purposeLines) assert.ok(textWidth(line, geometry.LABEL_SIZE) <= width, line);
  }
  const wide = layoutOf(state, 900).lanes.find(({ kind }) => kind === 'cache');
  assert.is(wide?.words, 'there is none: requests go straight to the drive');
  assert.equal(wide?.purposeLines, []);
});

layout('the height of the stage does not depend on what is there at the moment', () => {
  const full = stateOf(BUSY);
  const extent = extentFor(full);
  const none = stateOf({
    ...BUSY,
    pages: [],
    rings: [[], []],
    drives: [{ waiting: [], inService: [], held: [], durablePages: [] }],
  });
  for (const width of WIDTHS) {
    assert.is(layoutStage(none, extent, width).height, layoutStage(full, extent, width).height, `${width}`);
  }
});

layout('requests on a ring keep their slots when others leave', () => {
  const requests = [3, 4, 5, 6].map((number) => ringRequest(0, number));
  assert.equal(slotsFor(requests, 4), [3, 0, 1, 2]);
  assert.equal(slotsFor(requests.slice(2), 4), [1, 2]);
  assert.equal(slotsFor([ringRequest(0, 0), ringRequest(0, 4)], 4), [0, 1]);
});

layout.run();
