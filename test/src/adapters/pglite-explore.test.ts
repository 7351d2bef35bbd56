// test-timeout: 300
// Crashes of PostgreSQL under explore: what a query has returned survives where something makes it durable, and is found to be
// lost where nothing does.
//
// One recovery starts PostgreSQL, which takes a third of a second on an idle core: PGLITE_IMAGES (default 16) says how many images
// each exploration may check.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PgliteFsOptions } from '../../../src/adapters/pglite.ts';
import type { VolumeProfile } from '../../../src/core/options.ts';
import { explore, type VerdictFacts } from '../../../src/index.ts';
import { insertName, loadData, namesIn, openPglite, WITH_FSYNC } from '../../support/pglite-data.ts';

const IMAGES = Number(process.env.PGLITE_IMAGES ?? 16);
const NAMES = ['Ada', 'Bob'];
const LOCK = '/postmaster.pid';

interface Run {
  readonly profile: VolumeProfile;
  readonly startParams?: readonly string[];
  readonly own?: PgliteFsOptions;
}

function explorePostgres({ profile, startParams, own }: Run): Promise<VerdictFacts> {
  const options = startParams === undefined ? {} : { startParams: [...startParams] };
  return explore<string>({
    profile,
    drive: { size: '128MiB' },
    volume: { inodes: 2048, extents: 16_384 },
    machine: { blockSize: 4096, cache: '16MiB', buffers: '1MiB' },
    budget: { images: IMAGES, sample: 16 },
    bound: 16,
    maxFindings: 1,
    explain: false,
    flushes: false,
    recoverTimeoutMs: 60_000,
    setup: ({ machine }) => loadData(machine),
    workload: async ({ machine, attempt, ack }) => {
      const pg = await openPglite(machine, options, own);
      for (const name of NAMES) {
        attempt(name);
        await insertName(pg, name);
        ack(name);
      }
      await pg.close();
    },
    recover: async ({ fs, machine, must, may }) => {
      // a lock file whose name is there and whose content is not: PostgreSQL asks for its removal by hand
      if (fs.existsSync(LOCK) && fs.statSync(LOCK).size === 0) fs.unlinkSync(LOCK);
      const names = await namesIn(machine, options);
      for (const name of must) assert.ok(names.includes(name), `${name} is lost`);
      for (const name of names) assert.ok(may.includes(name), `${name} came from nowhere`);
    },
  });
}

const postgres = suite('pglite explored');

for (const [what, run] of Object.entries<Run>({
  'as PGlite comes, with all synced behind each query': { profile: 'ordered' },
  "with PostgreSQL's own fsyncs": {
    profile: 'ordered',
    startParams: WITH_FSYNC,
    own: { afterQuery: 'none' },
  },
  "with PostgreSQL's own fsyncs, where only those promise anything": {
    profile: 'strict',
    startParams: WITH_FSYNC,
    own: { afterQuery: 'none' },
  },
}))
  postgres(`${what}: no crash that was tried loses a row`, async () => {
    const verdict = await explorePostgres(run);
    assert.is(verdict.verdict, 'survived', String(verdict));
    assert.is(verdict.acknowledged, NAMES.length);
    assert.ok(verdict.checkedImages >= Math.min(IMAGES, 3), String(verdict));
  });

postgres('with fsync off and nothing synced behind a query: rows are lost', async () => {
  const verdict = await explorePostgres({ profile: 'ordered', own: { afterQuery: 'none' } });
  assert.is(verdict.verdict, 'violated', String(verdict));
  assert.ok(verdict.failedImages > 0);
});

postgres.run();
