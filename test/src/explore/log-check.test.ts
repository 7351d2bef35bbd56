// checkLog against logs made by hand: which images the check sees, with which marks, and what the verdict says of them.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openNodeImages } from '../../../src/backing/node-files.ts';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import { ConfigError } from '../../../src/errors.ts';
import { checkLog, type LogCheckOptions } from '../../../src/explore/log-check.ts';
import type { LogImageFacts } from '../../../src/explore/log-level.ts';
import { openWriteLog } from '../../../src/write-log/entries.ts';
import { sectorsOf } from '../../support/explorer.ts';
import { BUILDS, type Build, coreModule } from '../../support/machine.ts';
import { logOf, type WriteLogBuilder } from '../../support/write-log-builder.ts';

const check = suite('explore/log-check');

type Seen = { readonly sectors: string; readonly facts: LogImageFacts };
type Options = Partial<LogCheckOptions> & {
  readonly isGood?: (sectors: string, facts: LogImageFacts) => boolean;
};

/** Explores a log of a few sectors; what the check saw, without the first look at the end, and the verdict. */
async function explore(
  build: Build,
  make: (log: WriteLogBuilder) => void,
  options: Options = {},
  drives = 1,
) {
  const { isGood = () => true, ...rest } = options;
  const seen: Seen[] = [];
  const verdict = await checkLog(
    { core: () => coreModule(build), openImages: openNodeImages },
    {
      log: openWriteLog(logOf(make, drives)),
      check: async (memory, facts) => {
        const read = (offset: number, length: number) => {
          const bytes = new Uint8Array(length);
          memory.read(bytes, offset);
          return bytes;
        };
        const sectors = sectorsOf({ read }, 3);
        seen.push({ sectors, facts });
        if (isGood(sectors, facts)) return undefined;
        return { name: 'bad', message: sectors, stack: undefined, key: 'bad', isTimeout: false };
      },
      ...rest,
    },
  );
  return { seen: seen.slice(1), atEnd: seen[0] as Seen, verdict };
}

/** Two transactions: a log record each, then its page. */
function transactions(log: WriteLogBuilder): void {
  log.write(0, { fill: 1 });
  log.flush();
  log.mark('one');
  log.write(1, { fill: 2 });
  log.write(2, { fill: 3 });
  log.flush();
  log.mark('two');
}

for (const build of BUILDS) {
  check(`${build}: each distinct image is checked once, and the end of the log before them`, async () => {
    const { seen, atEnd, verdict } = await explore(build, transactions);
    assert.is(atEnd.sectors, '1 2 3');
    assert.equal(seen.map(({ sectors }) => sectors).sort(), ['0 0 0', '1 0 0', '1 0 3', '1 2 0', '1 2 3']);
    assert.is(verdict.verdict, 'survived');
    assert.is(verdict.exhaustive, true);
    assert.is(verdict.distinctImages, 5);
    assert.is(verdict.checkedImages, 5);
    assert.is(verdict.failedImages, 0);
    assert.is(verdict.crashPoints, verdict.allPoints);
    assert.is(verdict.log.writes, 3);
    assert.is(verdict.log.flushes, 2);
    assert.is(verdict.acknowledged, 2);
  });

  check(
    `${build}: an image gets the marks before the last step that leaves it, and those before the first`,
    async () => {
      const { seen } = await explore(build, transactions);
      const marksOf = (wanted: string) => {
        const found = seen.find(({ sectors }) => sectors === wanted) as Seen;
        return [found.facts.marks, found.facts.marksFirst];
      };
      assert.equal(marksOf('0 0 0'), [[], []]);
      assert.equal(marksOf('1 0 0'), [['one'], []]);
      assert.equal(marksOf('1 2 0'), [['one'], ['one']]);
      assert.equal(marksOf('1 2 3'), [['one', 'two'], ['one']]);
    },
  );

  check(`${build}: what fails only because of a mark is a loss, and the verdict is violated`, async () => {
    const early = (log: WriteLogBuilder) => {
      log.write(0, { fill: 1 });
      log.mark('one');
      log.flush();
    };
    const { verdict } = await explore(build, early, {
      isGood: (sectors, { marks }) => !marks.includes('one') || sectors.startsWith('1'),
    });
    assert.is(verdict.verdict, 'violated');
    assert.is(verdict.failedImages, 1);
    assert.is(verdict.checkedImages, 2);
  });
}

check('lanes check several images at a time, each with a number of its own', async () => {
  const busy = new Set<number>();
  let most = 0;
  const { verdict } = await explore('release', transactions, {
    jobs: 3,
    check: async (_memory, _facts, lane) => {
      assert.not.ok(busy.has(lane), `lane ${lane} is busy`);
      busy.add(lane);
      most = Math.max(most, busy.size);
      await new Promise((resolve) => setTimeout(resolve, 5));
      busy.delete(lane);
      return undefined;
    },
  });
  assert.is(most, 3);
  assert.is(verdict.checkedImages, 5);
});

check('a base shows where nothing was written, and a size makes the images longer', async () => {
  const base = new SparseMemory(1536);
  base.write(new Uint8Array(1536).fill(9), 0);
  const sizes = new Set<number>();
  const { seen } = await explore(
    'release',
    (log) => {
      log.write(1, { fill: 2 });
      log.flush();
    },
    { base },
  );
  assert.equal(seen.map(({ sectors }) => sectors).sort(), ['9 2 9', '9 9 9']);
  await explore('release', transactions, {
    size: 4096,
    check: async (memory) => {
      sizes.add(memory.size);
      return undefined;
    },
  });
  assert.equal([...sizes], [4096]);
});

const AT: readonly [at: NonNullable<LogCheckOptions['at']>, images: readonly string[]][] = [
  ['flush', ['1 0 0', '1 2 3']],
  ['mark', ['1 0 0', '1 2 3']],
  ['fua', []],
];
for (const [at, images] of AT) {
  check(
    `with at: '${at}' only such crash points are looked at, and nothing is called exhaustive`,
    async () => {
      const { seen, verdict } = await explore('release', transactions, { at });
      assert.equal(seen.map(({ sectors }) => sectors).sort(), images);
      assert.is(verdict.exhaustive, false);
      assert.is(verdict.verdict, 'notMeasured');
      assert.ok(verdict.crashPoints < verdict.allPoints);
    },
  );
}

check('marks bound the crash points that are looked at', async () => {
  const from = await explore('release', transactions, { startMark: 'one' });
  assert.equal(from.seen.map(({ sectors }) => sectors).sort(), ['1 0 0', '1 0 3', '1 2 0', '1 2 3']);
  const to = await explore('release', transactions, { endMark: 'one' });
  assert.equal(to.seen.map(({ sectors }) => sectors).sort(), ['0 0 0', '1 0 0']);
  assert.is(to.atEnd.sectors, '1 0 0', 'the end is that of the part that is looked at');
  await refused({ startMark: 'three' }, /startMark is 'three'; it must be the text of a mark/);
  await refused({ startMark: 'two', endMark: 'one' }, /endMark is 'one'; it must be a mark behind 'two'/);
  await refused({ drive: 1 }, /drive is 1; it must be one of the log's, from 0 to 0/);
});

async function refused(options: Options, message: RegExp): Promise<void> {
  try {
    await explore('release', transactions, options);
  } catch (error) {
    assert.instance(error, ConfigError);
    assert.match((error as Error).message, message);
    return;
  }
  assert.unreachable('it was not refused');
}

check('a check that fails at the end with nothing lost is broken, and no image is checked', async () => {
  const { verdict } = await explore('release', transactions, { isGood: () => false });
  assert.is(verdict.verdict, 'harnessBroken');
  assert.match(verdict.reason ?? '', /fails without a crash.*\(bad: 1 2 3\)/);
  assert.is(verdict.checkedImages, 0);
});

const UNMEASURED: readonly [
  claim: string,
  make: (log: WriteLogBuilder) => void,
  options: Options,
  reason: RegExp,
][] = [
  ['a log without a write', (log) => log.flush(), {}, /holds no write/],
  [
    'a log without flush, FUA write and mark',
    (log) => log.write(0),
    {},
    /nothing in the log was ever promised/,
  ],
  [
    'writes that no crash can lose',
    (log) => {
      log.write(0);
      log.flush();
    },
    { at: 'flush' },
    /no write could have been lost/,
  ],
];
for (const [claim, make, options, reason] of UNMEASURED) {
  check(`${claim} is not measured`, async () => {
    const { verdict } = await explore('release', make, options);
    assert.is(verdict.verdict, 'notMeasured');
    assert.match(verdict.reason ?? '', reason);
  });
}

check('what was not measured but fails is a violation all the same', async () => {
  const { verdict } = await explore('release', (log) => log.write(0, { fill: 1 }), {
    isGood: (sectors) => sectors.startsWith('1'),
  });
  assert.is(verdict.verdict, 'violated');
});

check('another drive of the log has images of its own', async () => {
  const { seen } = await explore(
    'release',
    (log) => {
      log.write(0, { fill: 1, drive: 0 });
      log.write(1, { fill: 2, drive: 1 });
      log.flush({ drive: 1 });
    },
    { drive: 1 },
    2,
  );
  assert.equal(seen.map(({ sectors }) => sectors).sort(), ['0 0 0', '0 2 0']);
});

check('an entry that the end of the log cuts is left out', async () => {
  const bytes = logOf((log) => {
    log.write(0, { fill: 1 });
    log.flush();
    log.write(1, { fill: 2 });
  });
  const seen = new Set<string>();
  const verdict = await checkLog(
    { core: () => coreModule('release'), openImages: openNodeImages },
    {
      // what is cut is the completion of the last write
      log: openWriteLog(bytes.subarray(0, bytes.length - 1)),
      check: async (memory) => {
        const target = new Uint8Array(1024);
        memory.read(target, 0);
        seen.add(`${target[0]} ${target[512]}`);
        return undefined;
      },
    },
  );
  assert.equal([...seen].sort(), ['0 0', '1 0', '1 2']);
  assert.ok(verdict.log.wholeBytes < bytes.length - 1);
});

check('a budget of images stops the search, and says so', async () => {
  const { seen, verdict } = await explore('release', transactions, { budget: { images: 2 } });
  assert.is(seen.length, 2);
  assert.is(verdict.stopped, 'images');
  assert.is(verdict.exhaustive, false);
});

check('a signal stops between checks; the verdict is of what was checked', async () => {
  const stop = new AbortController();
  let runs = 0;
  const { verdict } = await explore('release', transactions, {
    signal: stop.signal,
    isGood: () => {
      if (++runs === 3) stop.abort();
      return true;
    },
  });
  assert.is(verdict.stopped, 'signal');
  assert.is(verdict.checkedImages, 2);
  assert.is(verdict.exhaustive, false);
});

check('as many different failures as wanted end the search', async () => {
  let runs = 0;
  const { verdict } = await explore('release', transactions, {
    maxFindings: 2,
    check: async () => {
      if (runs++ === 0) return undefined;
      return { name: 'bad', message: '', stack: undefined, key: `bad ${runs}`, isTimeout: false };
    },
  });
  assert.is(verdict.stopped, 'findings');
  assert.is(verdict.failedImages, 2);
});

check('what the check throws ends the search', async () => {
  try {
    await explore('release', transactions, { check: () => Promise.reject(new Error('no such command')) });
  } catch (error) {
    assert.is((error as Error).message, 'no such command');
    return;
  }
  assert.unreachable('it was not thrown');
});

check.run();
