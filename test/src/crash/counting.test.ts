// Counting crash states: the formulas and the checked cases of the fact sheet (§2, §5), and counts beyond what a number holds.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LOG_FLAG_FUA, OP_FLUSH, OP_WRITE } from '../../../assembly/layout.ts';
import type { CrashExplorer } from '../../../src/crash/explorer.ts';
import type { CrashModel } from '../../../src/crash/options.ts';
import { imagesOf, openExplorer } from '../../support/explorer.ts';
import { BUILDS } from '../../support/machine.ts';
import { logOf, type WriteLogBuilder } from '../../support/write-log-builder.ts';

/** n writes of the given sectors each, none over another. */
const apart = (sectors: readonly number[]) => (it: WriteLogBuilder) => {
  sectors.forEach((count, index) => {
    it.write(index * 16, { sectors: count });
  });
};

const lastOf = (explorer: CrashExplorer) => explorer.points().length - 1;

for (const build of BUILDS) {
  const counting = suite(`counting crash states (${build})`);
  const countOf = async (make: (it: WriteLogBuilder) => void, model: CrashModel) => {
    const explorer = await openExplorer(build, { log: logOf(make), model });
    return explorer.count(lastOf(explorer));
  };

  counting('prefix, whole writes: n + 1', async () => {
    for (const n of [1, 2, 7, 40]) {
      const model = { order: 'prefix', tearing: 'none' } as const;
      assert.is((await countOf(apart(Array(n).fill(3)), model)).states, n + 1);
    }
  });

  counting('any subset, whole writes: 2^n', async () => {
    for (const n of [1, 2, 7, 40, 53]) {
      const count = await countOf(apart(Array(n).fill(2)), { tearing: 'none' });
      assert.equal([count.states, count.log2, count.uncertain], [2 ** n, n, n]);
    }
  });

  counting('one write, units in any subset: 2^u; a prefix of its units: u + 1', async () => {
    for (const u of [1, 2, 5, 16]) {
      assert.is((await countOf(apart([u]), {})).states, 2 ** u);
      assert.is((await countOf(apart([u]), { tearing: 'unitPrefix' })).states, u + 1);
      assert.is((await countOf(apart([u]), { tearing: 'unitSuffix' })).states, u + 1);
      assert.is((await countOf(apart([u]), { tearing: 'unitEnds' })).states, u === 1 ? 2 : 2 * u);
      assert.is((await countOf(apart([u]), { tearing: 'bytes' })).states, u * 512 + 1);
    }
  });

  counting('any subset, unit tearing, no overlaps: 2 to the sum of the units', async () => {
    const count = await countOf(apart([3, 1, 4, 1, 5]), {});
    assert.equal([count.states, count.log2], [2 ** 14, 14]);
  });

  counting('overlaps: the product over units of 1 and the versions of each', async () => {
    const count = await countOf((it) => {
      it.write(0, { sectors: 3 });
      it.write(1, { sectors: 3 });
      it.write(2, { sectors: 3 });
    }, {});
    assert.is(count.states, 2 * 3 * 4 * 3 * 2);
  });

  counting('beyond 2^53 the logarithm tells, and the point is sampled', async () => {
    const count = await countOf(apart(Array(100).fill(16)), {});
    assert.is(count.log2, 1600);
    assert.is(count.states, Number.POSITIVE_INFINITY);
    assert.not(count.isExhaustive);
    const some = await countOf(apart(Array(60).fill(1)), {});
    assert.equal([some.states, some.log2], [2 ** 60, 60]);
    const chain = await countOf(apart([16, 15]), { order: 'prefix' });
    assert.is(chain.states, 1 + (2 ** 16 - 1) + (2 ** 15 - 1));
  });

  counting('damage gives every unit one more value', async () => {
    assert.is((await countOf(apart([4]), { damage: 'zeros' })).states, 3 ** 4);
    assert.is((await countOf(apart([4]), { damage: 'garbage', tearing: 'none' })).states, 3);
    assert.is((await countOf(apart([4]), { damage: 'zeros', tearing: 'unitPrefix' })).states, 9);
    assert.is((await countOf(apart([1]), { damage: 'zeros', tearing: 'bytes' })).states, 1025);
  });

  counting(
    'over a log: 1 + the sum of 2^n - 1 distinct images, and as many states as its crash points have',
    async () => {
      const epochs = [3, 2, 5];
      const log = logOf((it) => {
        let sector = 0;
        for (const n of epochs) {
          for (let write = 0; write < n; write++) it.write(sector++);
          it.flush();
        }
      });
      const explorer = await openExplorer(build, { log });
      imagesOf(explorer, 10);
      assert.is(explorer.distinct, 1 + 7 + 3 + 31);
      // the start of an epoch, then 1, 2 ... n writes
      assert.is(explorer.states, 15 + 7 + 63 - 2 + 2 + 1);
    },
  );

  counting('the small cases of the sheet', async () => {
    const distinct = async (make: (it: WriteLogBuilder) => void, model: CrashModel) => {
      const explorer = await openExplorer(build, { log: logOf(make), model });
      return imagesOf(explorer, 4, [lastOf(explorer)]).length;
    };
    const same = (it: WriteLogBuilder) => {
      it.write(0);
      it.write(0);
    };
    const sameCount = await countOf(same, { tearing: 'none' });
    assert.equal([await distinct(same, { tearing: 'none' }), sameCount.states], [3, 4]);
    assert.is(await distinct(same, {}), 3);
    assert.is(await distinct((it) => it.write(0, { sectors: 4 }), { tearing: 'none' }), 2);
    assert.is(await distinct((it) => it.write(0, { sectors: 4 }), { tearing: 'unitPrefix' }), 5);
    assert.is(await distinct((it) => it.write(0, { sectors: 4 }), {}), 16);
  });

  /** The table of what FLUSH and FUA promise: uncertain writes at the end of each sequence. */
  const SEQUENCES: readonly (readonly [
    string,
    (it: WriteLogBuilder) => void,
    uncertain: readonly number[],
  ])[] = [
    ['S(W1) C(W1)', (it) => it.write(0), [0]],
    [
      'S(W1) C(W1) S(F) C(F)',
      (it) => {
        it.write(0);
        it.flush();
      },
      [],
    ],
    [
      'S(W1) C(W1) S(F)',
      (it) => {
        it.write(0);
        it.submit(OP_FLUSH);
      },
      [0],
    ],
    [
      'S(W1) S(F) C(W1) C(F)',
      (it) => {
        const write = it.submit(OP_WRITE, 0);
        const flush = it.submit(OP_FLUSH);
        it.complete(write);
        it.complete(flush, { operation: OP_FLUSH });
      },
      [0],
    ],
    [
      'S(W1) C(W1) S(W2+FUA) C(W2)',
      (it) => {
        it.write(0);
        it.fua(1);
      },
      [0],
    ],
    [
      'S(W1) C(W1) S(W2+PREFLUSH) C(W2)',
      (it) => {
        it.write(0);
        it.flush();
        it.write(1);
      },
      [1],
    ],
    [
      'S(W1) C(W1) S(W2+PREFLUSH+FUA) C(W2)',
      (it) => {
        it.write(0);
        it.flush();
        it.fua(1);
      },
      [],
    ],
    ['S(W2+FUA)', (it) => void it.submit(OP_WRITE, 0, { sectors: 2, flags: LOG_FLAG_FUA }), [0]],
  ];

  for (const [name, make, uncertain] of SEQUENCES) {
    counting(`${name}: writes ${uncertain.join(', ') || 'none'} are uncertain`, async () => {
      const explorer = await openExplorer(build, { log: logOf(make) });
      const found = explorer.uncertain(lastOf(explorer)).map((write) => write.index);
      assert.equal(found, uncertain);
      const count = explorer.count(lastOf(explorer));
      assert.is(count.uncertain, uncertain.length);
      assert.is(
        count.states,
        name === 'S(W2+FUA)' ? 4 : 2 ** uncertain.length,
        'what is in flight may be torn',
      );
    });
  }

  counting.run();
}
