// The page index (assembly/cache/page-index.ts) against a Map: keys that cluster, because neighbours of one file stand
// side by side and far groups fall on the same buckets, and removals from the front, the middle and the end of such
// clusters.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUILDS } from '../../support/machine.ts';
import { openUnit, type Unit } from '../../support/unit-module.ts';

const SEED = 20240616;
/** As many as fill the smallest table, of 64 buckets, to the half. */
const PAGES = 32;

interface Key {
  readonly file: number;
  readonly index: bigint;
}

function insert(unit: Unit, { file, index }: Key): number {
  const page = unit.exports.pageTakeFree();
  unit.exports.unitNamePage(page, file, index);
  unit.exports.indexInsert(page);
  return page;
}

const find = (unit: Unit, { file, index }: Key) => unit.exports.indexFind(unit.exports.unitKey(file, index));

// few groups of 16 neighbours, so that a run is crowded; the farthest pages and files there are
const key: fc.Arbitrary<Key> = fc.record({
  file: fc.constantFrom(0, 1, 4095),
  index: fc
    .tuple(fc.constantFrom(0n, 1n, 2n, 2n ** 28n, 2n ** 36n - 1n), fc.bigInt({ min: 0n, max: 15n }))
    .map(([group, place]) => group * 16n + place),
});

for (const build of BUILDS) {
  const pageIndex = suite(`page index (${build})`);

  pageIndex('the same page index of two files is two keys', async () => {
    const unit = await openUnit(build, { pages: PAGES });
    const page = insert(unit, { file: 1, index: 5n });
    assert.is(find(unit, { file: 1, index: 5n }), page);
    assert.is(find(unit, { file: 2, index: 5n }), 0);
    assert.is(find(unit, { file: 1, index: 5n + 2n ** 32n }), 0);
  });

  pageIndex('a pinned page is found by the key that it had', async () => {
    const unit = await openUnit(build, { pages: PAGES });
    const page = insert(unit, { file: 4095, index: 2n ** 40n - 1n });
    unit.bytes[page + 5] = 3;
    assert.is(find(unit, { file: 4095, index: 2n ** 40n - 1n }), page);
    unit.exports.indexRemove(page);
    assert.is(find(unit, { file: 4095, index: 2n ** 40n - 1n }), 0);
  });

  pageIndex('removing a page that is not there traps', async () => {
    const unit = await openUnit(build, { pages: PAGES });
    const page = insert(unit, { file: 0, index: 0n });
    unit.exports.indexRemove(page);
    assert.throws(
      () => unit.exports.indexRemove(page),
      (error: unknown) => error instanceof WebAssembly.RuntimeError,
    );
  });

  pageIndex('every page stays findable while others of its cluster leave', async () => {
    const unit = await openUnit(build, { pages: PAGES });
    const step = fc.record({ key, isRemoval: fc.nat(2).map((n) => n === 0) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const model = new Map<string, { key: Key; page: number }>();
        const remove = (name: string) => {
          const page = model.get(name)?.page as number;
          model.delete(name);
          unit.exports.indexRemove(page);
          unit.exports.pageGiveFree(page);
        };
        for (const { key: wanted, isRemoval } of steps) {
          const name = `${wanted.file}:${wanted.index}`;
          assert.is(find(unit, wanted), model.get(name)?.page ?? 0);
          if (!isRemoval) {
            if (!model.has(name) && model.size < PAGES)
              model.set(name, { key: wanted, page: insert(unit, wanted) });
          } else if (model.has(name)) {
            remove(name);
          } else if (model.size > 0) {
            remove([...model.keys()][model.size >> 1] as string);
          }
          for (const entry of model.values()) assert.is(find(unit, entry.key), entry.page);
        }
        for (const name of [...model.keys()]) remove(name);
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  pageIndex.run();
}
