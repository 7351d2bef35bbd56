// test-timeout: 300
// PostgreSQL on a volume: what PGlite asks of its file system, what of it is durable when, and that a run repeats.
//
// One data directory is made, once; each test works on a fork of its drive.

import { createHash } from 'node:crypto';
import { PGlite } from '@electric-sql/pglite';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SparseMemory } from '../../../src/index.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import {
  dataDirectory,
  insertName,
  loadData,
  namesIn,
  openPglite,
  WITH_FSYNC,
} from '../../support/pglite-data.ts';

const machineOn = (build: Build, memory?: SparseMemory): Promise<Machine> =>
  openMachine(build, {
    drives: [memory === undefined ? { size: '128MiB' } : { memory }],
    volume: { inodes: 4096 },
    writeLog: true,
  });

async function makeDrive(): Promise<SparseMemory> {
  const machine = await machineOn('release');
  await loadData(machine);
  machine.fs.unmount();
  return machine.memory();
}

let drive: Promise<SparseMemory> | undefined;

/** A machine with a data directory that was shut down. */
async function withData(build: Build): Promise<Machine> {
  drive ??= makeDrive();
  return machineOn(build, (await drive).fork());
}

/** The names after the power has failed and nothing that was not flushed is left. */
async function namesAfterCut(machine: Machine): Promise<string[]> {
  const after = machine.crash('power');
  assert.equal(after.fs.check(), []);
  return namesIn(after);
}

const postgres = suite('pglite');

for (const build of BUILDS) {
  postgres(`${build}: what a query has written is there when the power fails behind it`, async () => {
    const machine = await withData(build);
    const pg = await openPglite(machine);
    await insertName(pg, 'Ada');
    await insertName(pg, 'Bob');
    assert.equal(await namesAfterCut(machine), ['Ada', 'Bob']);
    await pg.close();
    assert.equal(machine.fs.check(), []);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });
}

postgres('nobody has to sync with relaxed durability, and then it is lost', async () => {
  const machine = await withData('release');
  const pg = await openPglite(machine, { relaxedDurability: true });
  await insertName(pg, 'Ada');
  assert.equal(await namesAfterCut(machine), []);
  assert.equal(await namesIn(machine.crash('process')), ['Ada'], 'the page cache has it');
  await pg.close();
  assert.equal(await namesAfterCut(machine), ['Ada'], 'close is durable');
});

postgres("PostgreSQL's own fsyncs reach the volume when it is started with them", async () => {
  for (const [startParams, expected] of [
    [WITH_FSYNC, ['Ada']],
    [[...WITH_FSYNC, '-c', 'wal_sync_method=fsync'], ['Ada']],
    [[...WITH_FSYNC, '-c', 'synchronous_commit=off'], []],
    [PGlite.defaultStartParams, []],
  ] as const) {
    const machine = await withData('release');
    const pg = await openPglite(machine, { startParams: [...startParams] }, { afterQuery: 'none' });
    await insertName(pg, 'Ada');
    assert.equal(await namesAfterCut(machine), expected, startParams.join(' '));
    await pg.close();
  }
});

postgres('the same queries write the same bytes', async () => {
  const run = async (seed: number): Promise<string> => {
    const machine = await withData('release');
    const pg = await openPglite(machine, {}, { seed });
    const { rows } = await pg.query('SELECT now() AS now, random() AS random, gen_random_uuid() AS uuid');
    await insertName(pg, JSON.stringify(rows));
    await pg.close();
    const hash = createHash('sha256');
    for (const entry of machine.writeLog.entries()) {
      hash.update(`${JSON.stringify(entry)}\n`);
      if (entry.kind === 'submit') hash.update(entry.data());
    }
    return hash.digest('hex');
  };
  const first = await run(1);
  assert.is(await run(1), first);
  assert.is.not(await run(2), first);
});

postgres('a data directory may lie beside other files', async () => {
  const base = await machineOn('release');
  base.fs.writeFile('/other', 'kept');
  const pg = await openPglite(base, { loadDataDir: await dataDirectory() }, { directory: '/var/lib/pg/' });
  await insertName(pg, 'Ada');
  await pg.close();
  assert.equal(base.fs.readdir('/').sort(), ['other', 'var']);
  assert.ok(base.fs.exists('/var/lib/pg/PG_VERSION'));
  assert.equal(base.fs.check(), []);
});

postgres('a full volume is an error of a query, and the rows before it stay', async () => {
  const machine = await withData('release');
  const pg = await openPglite(machine);
  await insertName(pg, 'Ada');
  const { blocksFree } = machine.fs.statfs();
  machine.fs.open('/filler', 'w').allocate(0, (blocksFree - 16) * 4096);
  let failure = '';
  try {
    await pg.exec("INSERT INTO ledger SELECT 'name ' || i, i FROM generate_series(1, 20000) AS i");
  } catch (error) {
    failure = String(error);
  }
  assert.match(failure, /No space left on device/);
  machine.fs.unlink('/filler');
  assert.equal(await namesIn(machine.crash('os')), ['Ada']);
});

postgres(
  'a lock file that a crash has left empty keeps PostgreSQL from starting until it is removed',
  async () => {
    const machine = await withData('release');
    machine.fs.writeFile('/postmaster.pid', '');
    let failure: unknown;
    try {
      await openPglite(machine);
    } catch (error) {
      failure = error;
    }
    assert.ok(failure instanceof Error, 'it starts');
    machine.fs.unlink('/postmaster.pid');
    assert.equal(await namesIn(machine), []);
  },
);

postgres.run();
