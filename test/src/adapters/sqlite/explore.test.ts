// test-timeout: 180
// SQLite through every crash: what its documents promise of each journal mode and of PRAGMA synchronous holds. Numbers are printed.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { verdictOf } from './todo.ts';

/** The smallest synchronous that makes a commit durable: with a journal that is deleted nothing but EXTRA flushes its end. */
const DURABLE = [
  ['delete', 'extra'],
  ['truncate', 'full'],
  ['persist', 'full'],
  ['wal', 'full'],
] as const;

const every = suite('every crash of a transaction');

for (const [journalMode, synchronous] of DURABLE) {
  every(`${journalMode} and ${synchronous}: no state of ordered loses or damages anything`, async () => {
    const verdict = await verdictOf({ journalMode, synchronous, profile: 'ordered' });
    assert.is(verdict.verdict, 'survived', verdict.findings[0]?.sentence);
    assert.ok(verdict.exhaustive);
    assert.ok(verdict.distinctImages > 8);
    assert.is(verdict.acknowledged, 1);
  });

  every(`${journalMode} and ${synchronous}: nor a sample of those of strict`, async () => {
    const options = { bound: 256, budget: { images: 150, sample: 100 } };
    const verdict = await verdictOf({ journalMode, synchronous, profile: 'strict', options });
    assert.is(verdict.verdict, 'survived', verdict.findings[0]?.sentence);
    assert.ok(verdict.checkedImages > 20);
    // one file with one new size at a time has few states
    if (journalMode === 'wal') assert.ok(verdict.exhaustive);
  });
}

every('30 transactions of several pages, sampled', async () => {
  for (const profile of ['strict', 'ordered'] as const) {
    for (const [journalMode, synchronous] of [DURABLE[0], DURABLE[3]]) {
      const options = { bound: 16, budget: { images: 100, sample: 8 } };
      const verdict = await verdictOf({
        journalMode,
        synchronous,
        profile,
        commits: 30,
        rowBytes: 1500,
        options,
      });
      assert.is(verdict.verdict, 'survived', verdict.findings[0]?.sentence);
      assert.ok(verdict.checkedImages >= 90);
    }
  }
});

every('a crash while a hot journal is rolled back, or a log recovered, leads to the same rows', async () => {
  for (const [journalMode, synchronous] of DURABLE) {
    const options = { recoveryDepth: 1, budget: { images: 120 } };
    const verdict = await verdictOf({ journalMode, synchronous, profile: 'ordered', options });
    assert.is(verdict.verdict, 'survived', verdict.findings[0]?.sentence);
    assert.ok(journalMode === 'wal' || verdict.recoveryImages > 0);
  }
});

every.run();
