// test-timeout: 180
// What SQLite does not promise of a crash, and mistakes below it, are found: commits that may be lost, and why. Numbers are printed.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeFs } from '../../../../src/adapters/node-fs.ts';
import { type TodoRun, verdictOf } from './todo.ts';

const weak = suite('what is not promised is found');

weak(
  'a deleted journal and FULL: the end of the journal may come back, and the last commit is rolled back',
  async () => {
    const run: TodoRun = { journalMode: 'delete', synchronous: 'full', profile: 'ordered', commits: 2 };
    const durable = await verdictOf(run);
    assert.is(durable.verdict, 'violated');
    assert.match(durable.findings[0]?.error ?? '', /row \d is lost/);
    const prefix = await verdictOf({ ...run, check: 'prefix' });
    assert.is(prefix.verdict, 'survived', 'whole transactions, in their order');
  },
);

weak('a write-ahead log and NORMAL: the last commits may be lost, nothing else', async () => {
  const run: TodoRun = { journalMode: 'wal', synchronous: 'normal', profile: 'ordered', commits: 3 };
  const durable = await verdictOf(run);
  assert.is(durable.verdict, 'violated');
  assert.match(durable.findings[0]?.error ?? '', /row \d is lost/);
  for (const profile of ['ordered', 'strict'] as const) {
    const options = { bound: 1024, budget: { images: 150, sample: 100 } };
    const prefix = await verdictOf({ ...run, profile, check: 'prefix', options });
    assert.is(prefix.verdict, 'survived', prefix.findings[0]?.sentence);
  }
});

weak(
  'synchronous OFF loses commits, and damages the database where the order of writes is not kept',
  async () => {
    for (const journalMode of ['delete', 'wal']) {
      const verdict = await verdictOf({ journalMode, synchronous: 'off', profile: 'ordered' });
      assert.is(verdict.verdict, 'violated');
    }
  },
);

weak(
  'a VFS whose xSync does nothing is caught, and the report names the file and the flush that is not there',
  async () => {
    const below = (fs: NodeFs) => ({ ...fs, fsyncSync: () => {}, fdatasyncSync: () => {} });
    const options = { explain: true, maxFindings: 1, budget: { images: 100 } };
    for (const [journalMode, file] of [
      ['wal', /todo\.db-wal/],
      ['truncate', /todo\.db/],
    ] as const) {
      const verdict = await verdictOf({
        journalMode,
        synchronous: 'full',
        profile: 'ordered',
        below,
        options,
      });
      assert.is(verdict.verdict, 'violated');
      const [finding] = verdict.findings;
      console.log(finding?.sentence);
      assert.match(finding?.sentence ?? '', file);
      assert.match(JSON.stringify(finding?.missing), file);
    }
  },
);

weak.run();
