// Dirty lists (assembly/cache/dirty.ts): what a sync picks is the dirty pages of its range in ascending order, together
// with what an earlier one has picked and not written; what is left stays in the order of dirtying, with links that agree.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUILDS } from '../../support/machine.ts';
import { openUnit, type Unit } from '../../support/unit-module.ts';

const SEED = 20240617;
const PAGES = 48;

const LAST = 2n ** 40n - 1n;

function dirty(unit: Unit, index: bigint): number {
  const page = unit.exports.pageTakeFree();
  unit.exports.unitNamePage(page, 0, index);
  unit.exports.unitFillPage(page);
  unit.exports.markDirty(unit.exports.unitInode(), page, 1);
  return page;
}

/** The indexes on the dirty list or the write list. */
function list(unit: Unit, which: 'dirty' | 'write'): bigint[] {
  const count = unit.exports.unitList(which === 'write' ? 1 : 0, unit.scratch);
  assert.ok(count >= 0, `the links of the ${which} list agree`);
  return Array.from({ length: count }, (_, at) => unit.view.getBigUint64(unit.scratch + at * 8, true));
}

const ascending = (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0);

for (const build of BUILDS) {
  const dirtyLists = suite(`dirty (${build})`);

  dirtyLists('dirty pages are listed in the order of dirtying, each once', async () => {
    const unit = await openUnit(build, { pages: PAGES });
    const pages = [9n, 2n, 5n].map((index) => dirty(unit, index));
    unit.exports.markDirty(unit.exports.unitInode(), pages[1] as number, 1);
    assert.equal(list(unit, 'dirty'), [9n, 2n, 5n]);
    assert.is(unit.exports.unitDirtyCount(), 3);
  });

  dirtyLists('a page whose last dirty block is cleared leaves its list', async () => {
    const unit = await openUnit(build, { pages: PAGES });
    const pages = [9n, 2n, 5n].map((index) => dirty(unit, index));
    unit.exports.pickDirty(unit.exports.unitInode(), 5n, 9n);
    unit.exports.clearDirty(unit.exports.unitInode(), pages[0] as number, 1);
    unit.exports.clearDirty(unit.exports.unitInode(), pages[1] as number, 1);
    assert.equal(list(unit, 'write'), [5n]);
    assert.equal(list(unit, 'dirty'), []);
    assert.is(unit.exports.unitDirtyCount(), 1);
  });

  dirtyLists('both ends of the range are picked, their neighbours are not', async () => {
    const unit = await openUnit(build, { pages: PAGES });
    for (const index of [6n, 3n, 7n, 2n, 4n]) dirty(unit, index);
    unit.exports.pickDirty(unit.exports.unitInode(), 3n, 6n);
    assert.equal(list(unit, 'write'), [3n, 4n, 6n]);
    assert.equal(list(unit, 'dirty'), [7n, 2n]);
  });

  dirtyLists('picking is ascending whatever the order of dirtying, over several picks', async () => {
    const index = fc.oneof(fc.bigInt({ min: 0n, max: 60n }), fc.bigInt({ min: 0n, max: LAST }));
    const range = fc.tuple(index, index);
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(index, { maxLength: PAGES, size: 'max' }),
        fc.array(range, { minLength: 1, maxLength: 4, size: 'max' }),
        async (indexes, ranges) => {
          const unit = await openUnit(build, { pages: PAGES });
          for (const one of indexes) dirty(unit, one);
          let left = [...indexes];
          let picked: bigint[] = [];
          for (const [first, last] of ranges) {
            unit.exports.pickDirty(unit.exports.unitInode(), first, last);
            const isInside = (one: bigint) => one >= first && one <= last;
            picked = [...picked, ...left.filter(isInside)].sort(ascending);
            left = left.filter((one) => !isInside(one));
            assert.equal(list(unit, 'write'), picked);
            assert.equal(list(unit, 'dirty'), left);
          }
          assert.is(unit.exports.unitDirtyCount(), indexes.length);
        },
      ),
      { seed: SEED, numRuns: 200 },
    );
  });

  dirtyLists(
    'the flusher writes in ascending order and stops at the first page that can not be mapped (24)',
    async () => {
      const unit = await openUnit(build, { pages: PAGES });
      for (const index of [7n, 0n, 9n, 3n, 1n, 2n, 8n, 4n, 6n, 5n]) dirty(unit, index);
      unit.exports.unitFailPage(3n);
      const flush = (): bigint[] => {
        unit.exports.flusherWake();
        while (unit.exports.dispatchOne()) {}
        return list(unit, 'dirty');
      };
      assert.equal(flush(), [4n, 5n, 6n, 7n, 8n, 9n], 'the page that failed is clean, what follows is not');
      assert.is(unit.exports.unitWritebackErrors(), 1);
      unit.exports.unitFailPage(8n);
      assert.equal(flush(), [9n], 'the next work goes on behind it');
      assert.equal(flush(), []);
      assert.is(unit.exports.unitWritebackErrors(), 2);
      assert.is(unit.exports.unitDirtyCount(), 0);
    },
  );

  dirtyLists(
    'sorting the dirty list loses and adds nothing, whatever the order and what was picked',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(fc.bigInt({ min: 0n, max: LAST }), { maxLength: PAGES, size: 'max' }),
          fc.nat(PAGES),
          async (indexes, early) => {
            const unit = await openUnit(build, { pages: PAGES });
            const inode = unit.exports.unitInode();
            for (const one of indexes.slice(0, early)) dirty(unit, one);
            unit.exports.sortDirty(inode);
            assert.equal(list(unit, 'dirty'), indexes.slice(0, early).sort(ascending));
            for (const one of indexes.slice(early)) dirty(unit, one);
            unit.exports.sortDirty(inode);
            assert.equal(list(unit, 'dirty'), [...indexes].sort(ascending));
          },
        ),
        { seed: SEED, numRuns: 100 },
      );
    },
  );

  dirtyLists.run();
}
