// The page cache as its records tell it: which pages are where, in which state, and who waits for them.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WRITEBACK_EVICTION, WRITEBACK_FLUSHER } from '../../../../assembly/layout.ts';
import type { Run } from '../../../../src/playground/model/run.ts';
import type { CachedPage, CacheState } from '../../../../src/playground/model/types.ts';
import { type Crafted, runOf, stackOf } from '../support/crafted.ts';

const cache = suite('the page cache in records');

const UPTODATE = 0b1111;
const blocksOf = (uptodate: number, dirty: number): number => uptodate | (dirty << 8);
const about = (kind: Crafted['kind'], address: number, fields: Partial<Crafted> = {}): Crafted => ({
  ...{ kind, address, count: 1 },
  ...fields,
});
const entered = (...pages: number[]): Crafted[] => pages.map((page) => about('entered', page));
const dirtied = (page: number, dirty = 0b1111, uptodate = UPTODATE): Crafted =>
  about('dirtied', page, { id: blocksOf(uptodate, dirty) });
const writeback = (page: number, count = 1, detail = WRITEBACK_FLUSHER): Crafted =>
  about('writeback', page, { count, detail });

function cacheAt(run: Run, step = run.stepCount): CacheState {
  return stackOf(run, step).cache;
}

function pageAt(run: Run, page: number, step = run.stepCount): CachedPage | undefined {
  return cacheAt(run, step).slots.find((each) => each?.index === page);
}

const countsAt = (run: Run, step: number): number[] => {
  const { pageCount, dirtyCount, writebackCount, readingCount } = cacheAt(run, step);
  return [pageCount, dirtyCount, writebackCount, readingCount];
};

cache('a page is read in, clean, dirty, on its way and clean again, and is counted as what it is', () => {
  const run = runOf([
    [...entered(7), about('readIn', 7)],
    [about('pageRead', 7, { id: blocksOf(UPTODATE, 0) })],
    [dirtied(7)],
    [writeback(7)],
    [about('written', 7)],
    [about('evicted', 7)],
  ]);
  const states = [1, 2, 3, 4, 5, 6].map((step) => pageAt(run, 7, step)?.state);
  assert.equal(states, ['reading', 'clean', 'dirty', 'writeback', 'clean', undefined]);
  assert.equal(
    [1, 2, 3, 4, 5, 6].map((step) => countsAt(run, step)),
    [
      [1, 0, 0, 1],
      [1, 0, 0, 0],
      [1, 1, 0, 0],
      [1, 0, 1, 0],
      [1, 0, 0, 0],
      [0, 0, 0, 0],
    ],
  );
  assert.equal([pageAt(run, 7, 1)?.isPartial, pageAt(run, 7, 2)?.isPartial], [true, false]);
  assert.is(cacheAt(run).evictions, 1);
});

cache('a page with two reads on their way is read in when both have ended', () => {
  const run = runOf([
    [about('readIn', 3, { count: 2 }), about('readIn', 3)],
    [about('pageRead', 3, { id: blocksOf(0b11, 0) })],
    [about('pageRead', 3, { id: blocksOf(UPTODATE, 0) })],
    [about('pageRead', 4, { id: blocksOf(UPTODATE, 0) })],
  ]);
  assert.equal(
    [1, 2, 3, 4].map((step) => countsAt(run, step)[3]),
    [2, 2, 1, 0],
  );
  assert.equal([pageAt(run, 3, 2)?.state, pageAt(run, 3, 2)?.uptodate], ['reading', 0b11]);
  assert.equal([pageAt(run, 3)?.state, pageAt(run, 4)?.state], ['clean', 'clean']);
});

cache('a page whose bytes come without a read that was told is not being read', () => {
  const run = runOf([entered(0), [about('pageRead', 0, { id: blocksOf(UPTODATE, 0) })]]);
  assert.equal([pageAt(run, 0)?.state, countsAt(run, 2)], ['clean', [1, 0, 0, 0]]);
});

cache('only the blocks that are dirty are on their way, and what is dirtied meanwhile is dirty again', () => {
  const run = runOf([[dirtied(0, 0b0110)], [writeback(0)], [dirtied(0, 0b0001)], [about('written', 0)]]);
  const blocks = (step: number) => {
    const page = pageAt(run, 0, step);
    return [page?.dirty, page?.writeback, page?.isDirtyAgain, page?.state];
  };
  assert.equal(blocks(2), [0, 0b0110, false, 'writeback']);
  assert.equal(blocks(3), [0b0001, 0b0110, true, 'writeback']);
  assert.equal(blocks(4), [0b0001, 0, false, 'dirty']);
  assert.equal(countsAt(run, 3), [1, 1, 1, 0]);
  assert.equal(countsAt(run, 4), [1, 1, 0, 0]);
});

cache('a second run of a page that is on its way changes nothing', () => {
  const run = runOf([[dirtied(0, 0b0110)], [writeback(0)], [dirtied(0, 0b0001)], [writeback(0)]]);
  assert.equal([pageAt(run, 0)?.writeback, pageAt(run, 0)?.dirty], [0b0110, 0b0001]);
  assert.equal(countsAt(run, 4), [1, 1, 1, 0]);
});

cache('blocks that change tell whether the page goes to the drive with what was dirty', () => {
  const run = runOf([
    [dirtied(0, 0b0011)],
    [about('blocks', 0, { id: blocksOf(UPTODATE, 0), detail: 1 })],
    [about('blocks', 1, { id: blocksOf(0b0001, 0) })],
    [about('pagesDiscarded', 1, { id: blocksOf(UPTODATE, 0b1000) })],
  ]);
  assert.equal([pageAt(run, 0, 2)?.writeback, pageAt(run, 0, 2)?.dirty], [0b0011, 0]);
  assert.equal([pageAt(run, 1, 3)?.state, pageAt(run, 1, 3)?.uptodate], ['clean', 0b0001]);
  assert.equal([pageAt(run, 1)?.state, pageAt(run, 1)?.dirty], ['dirty', 0b1000]);
  assert.equal(countsAt(run, 4), [2, 1, 1, 0]);
});

cache('a page without dirty blocks that is written goes as a whole', () => {
  const run = runOf([[...entered(0), writeback(0)]]);
  assert.equal([pageAt(run, 0)?.writeback, countsAt(run, 1)], [UPTODATE, [1, 0, 1, 0]]);
});

cache('a page that leaves takes what it was counted as with it', () => {
  const run = runOf([
    [dirtied(0), dirtied(1), writeback(1), about('readIn', 2)],
    [about('evicted', 0), about('evicted', 1), about('evicted', 2)],
    [about('evicted', 9), about('written', 9), about('pageRead', 9)],
  ]);
  assert.equal(countsAt(run, 1), [3, 1, 1, 1]);
  assert.equal(countsAt(run, 2), [0, 0, 0, 0]);
  assert.equal(countsAt(run, 3), [0, 0, 0, 0]);
  assert.is(cacheAt(run).evictions, 4);
});

cache('a lookup is shown in its step alone, a miss on the page that comes for it', () => {
  const run = runOf([
    [about('pageMiss', 5), ...entered(5), ...entered(6)],
    [about('pageHit', 5)],
    [],
    [about('pageMiss', 8)],
    [...entered(8)],
  ]);
  const looked = [1, 2, 3].map((step) => [pageAt(run, 5, step)?.lookup, pageAt(run, 6, step)?.lookup]);
  assert.equal(looked, [
    ['miss', undefined],
    ['hit', undefined],
    [undefined, undefined],
  ]);
  assert.is(pageAt(run, 8)?.lookup, undefined);
  assert.equal([cacheAt(run).hits, cacheAt(run).misses], [1, 2]);
});

cache('read ahead are the pages on their way that nobody asked for, until somebody does', () => {
  const run = runOf([
    [
      about('pageMiss', 0),
      ...entered(0, 1, 2),
      about('readIn', 0),
      about('readIn', 2),
      about('readahead', 0, { count: 2 }),
    ],
    [about('pageHit', 2)],
  ]);
  const ahead = (step: number) => [0, 1, 2].map((page) => pageAt(run, page, step)?.isAhead);
  assert.equal(ahead(1), [false, false, true]);
  assert.equal(ahead(2), [false, false, false]);
});

cache('a readahead marks no more pages than it says', () => {
  const run = runOf([
    [...entered(0, 1, 2), about('readIn', 0, { count: 3 }), about('readahead', 0, { count: 2 })],
  ]);
  assert.equal(
    [0, 1, 2].map((page) => pageAt(run, page)?.isAhead),
    [true, true, false],
  );
});

cache('a page that is chosen to leave stands at the door, and its place is free', () => {
  const run = runOf([
    [...entered(0, 1, 2, 3), dirtied(1)],
    [writeback(1, 1, WRITEBACK_EVICTION)],
    [...entered(4)],
    [about('evicted', 1)],
  ]);
  const places = (step: number) =>
    cacheAt(run, step).slots.map((page) => page && `${page.index}${page.isLeaving ? ' leaving' : ''}`);
  assert.equal(places(1), ['0', '1', '2', '3']);
  assert.equal(places(2), ['0', undefined, '2', '3', '1 leaving']);
  assert.equal(places(3), ['0', '4', '2', '3', '1 leaving']);
  assert.equal(places(4).slice(0, 4), ['0', '4', '2', '3']);
  assert.equal(
    places(4)
      .slice(4)
      .filter((page) => page !== undefined),
    [],
  );
});

cache('a page that comes before its victim is told takes the place when it is', () => {
  const run = runOf([
    [...entered(0, 1, 2, 3)],
    [...entered(4), about('pageHit', 4), about('evicted', 2)],
    [...entered(5), ...entered(6), about('evicted', 0), about('evicted', 5)],
  ]);
  assert.equal(
    cacheAt(run, 2)
      .slots.slice(0, 4)
      .map((page) => page?.index),
    [0, 1, 4, 3],
  );
  assert.is(pageAt(run, 4, 2)?.lookup, 'hit');
  assert.equal(pageAt(run, 4, 2)?.isLeaving, false);
  assert.is(cacheAt(run).pageCount, 4);
  assert.equal([pageAt(run, 5), pageAt(run, 4)?.slot], [undefined, 2]);
});

cache('pages are told apart by their file, and by indexes beyond four billion', () => {
  const far = 2 ** 32;
  const run = runOf([
    [...entered(1), about('entered', 1, { device: 9 }), ...entered(1 + far), about('evicted', 1)],
  ]);
  const keys = cacheAt(run).slots.flatMap((page) => (page === undefined ? [] : [page.key]));
  assert.equal(keys, ['page:9:1', `page:0:${1 + far}`]);
});

cache('a page is active from the record that says so to the one that says it is no more', () => {
  const run = runOf([
    [...entered(0, 1), about('activated', 0)],
    [about('deactivated', 0), about('activated', 7)],
  ]);
  assert.equal(
    [pageAt(run, 0, 1)?.isActive, pageAt(run, 1, 1)?.isActive, pageAt(run, 0)?.isActive],
    [...[true, false, false]],
  );
  assert.is(cacheAt(run).activations, 2);
});

cache('a writer waits for room until its page has it, and pauses until its time is over', () => {
  const run = runOf([
    [about('throttled', 5), about('throttled', 6)],
    [...entered(5), { kind: 'paused', timeNs: 100, address: 50, count: 3, detail: 9 }],
    [{ ...about('entered', 6), timeNs: 149 }],
    [{ ...about('pageHit', 5), timeNs: 150 }],
  ]);
  const paused = [1, 2, 3, 4].map((step) => {
    const { pausedWriters, pausedUntilNs, dirtyLimitPages } = cacheAt(run, step);
    return [pausedWriters, pausedUntilNs, dirtyLimitPages];
  });
  assert.equal(paused, [
    [2, 0, 0],
    [2, 150, 9],
    [1, 150, 9],
    [0, 0, 9],
  ]);
});

cache('however many pages stand at the door, each is found and leaves', () => {
  const pages = Array.from({ length: 200 }, (_, page) => page);
  const run = runOf([
    pages.flatMap((page) => [dirtied(page), writeback(page, 1, WRITEBACK_EVICTION)]),
    pages.map((page) => about('written', page)),
    pages.slice(1).map((page) => about('evicted', page)),
  ]);
  assert.equal(countsAt(run, 1), [200, 0, 200, 0]);
  assert.equal(countsAt(run, 2), [200, 0, 0, 0]);
  assert.is(new Set(cacheAt(run, 2).slots.map((page) => page?.key)).size, 201);
  assert.equal(
    cacheAt(run)
      .slots.filter((page) => page !== undefined)
      .map(({ key }) => key),
    ['page:0:0'],
  );
});

cache.run();
