// test-timeout: 300
// PostgreSQL on a volume: what PGlite asks of its file system, what of it is durable when, and that a run repeats.
//
// One data directory is made, once; each test works on a fork of its drive.

import { createHash } from 'node:crypto';
import { PGlite, type PGliteOptions } from '@electric-sql/pglite';
import { BaseFilesystem } from '@electric-sql/pglite/basefs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type PgliteFsOptions, pgliteFs } from '../../../src/adapters/pglite.ts';
import type { SparseMemory } from '../../../src/index.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';

/** PGlite's own without `-F`: PostgreSQL looks after its log and its files as a server does. */
const WITH_FSYNC = PGlite.defaultStartParams.filter((parameter) => parameter !== '-F');

const machineOn = (build: Build, memory?: SparseMemory): Promise<Machine> =>
  openMachine(build, {
    drives: [memory === undefined ? { size: '128MiB' } : { memory }],
    volume: { inodes: 4096 },
    writeLog: true,
  });

async function makeDataDirectory(): Promise<SparseMemory> {
  const machine = await machineOn('release');
  const pg = await PGlite.create({
    fs: pgliteFs(BaseFilesystem, machine),
    initDbStartParams: ['--wal-segsize=1'],
  });
  await pg.exec('CREATE TABLE ledger (name text PRIMARY KEY, owes int)');
  await pg.close();
  machine.fs.unmount();
  return machine.memory();
}

let dataDirectory: Promise<SparseMemory> | undefined;

/** A machine with a data directory that was shut down. */
async function withData(build: Build): Promise<Machine> {
  dataDirectory ??= makeDataDirectory();
  return machineOn(build, (await dataDirectory).fork());
}

const open = (machine: Machine, options: PGliteOptions = {}, own: PgliteFsOptions = {}): Promise<PGlite> =>
  PGlite.create({ ...options, fs: pgliteFs(BaseFilesystem, machine, own) });

const insert = (pg: PGlite, name: string, owes: number) =>
  pg.query('INSERT INTO ledger VALUES ($1, $2)', [name, owes]);

/** The names in the ledger that PostgreSQL finds on a machine. */
async function names(machine: Machine): Promise<string[]> {
  const pg = await open(machine);
  try {
    const { rows } = await pg.query<{ name: string }>('SELECT name FROM ledger ORDER BY name');
    return rows.map(({ name }) => name);
  } finally {
    await pg.close();
  }
}

/** The names after the power has failed and nothing that was not flushed is left. */
async function namesAfterCut(machine: Machine): Promise<string[]> {
  const after = machine.crash('power');
  assert.equal(after.fs.check(), []);
  return names(after);
}

const postgres = suite('pglite');

for (const build of BUILDS) {
  postgres(`${build}: what a query has written is there when the power fails behind it`, async () => {
    const machine = await withData(build);
    const pg = await open(machine);
    await insert(pg, 'Ada', 10);
    await insert(pg, 'Bob', 20);
    assert.equal(await namesAfterCut(machine), ['Ada', 'Bob']);
    await pg.close();
    assert.equal(machine.fs.check(), []);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });
}

postgres('nobody has to sync with relaxed durability, and then it is lost', async () => {
  const machine = await withData('release');
  const pg = await open(machine, { relaxedDurability: true });
  await insert(pg, 'Ada', 10);
  assert.equal(await namesAfterCut(machine), []);
  assert.equal(await names(machine.crash('process')), ['Ada'], 'the page cache has it');
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
    const pg = await open(machine, { startParams: [...startParams] }, { afterQuery: 'none' });
    await insert(pg, 'Ada', 10);
    assert.equal(await namesAfterCut(machine), expected, startParams.join(' '));
    await pg.close();
  }
});

postgres('the same queries write the same bytes', async () => {
  const run = async (seed: number): Promise<string> => {
    const machine = await withData('release');
    const pg = await open(machine, {}, { seed });
    const { rows } = await pg.query('SELECT now() AS now, random() AS random, gen_random_uuid() AS uuid');
    await insert(pg, JSON.stringify(rows), 1);
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
  const machine = await withData('release');
  const base = await machineOn('release');
  base.fs.writeFile('/other', 'kept');
  const pg = await open(base, { loadDataDir: await dumpOf(machine) }, { directory: '/var/lib/pg/' });
  await insert(pg, 'Ada', 10);
  await pg.close();
  assert.equal(base.fs.readdir('/').sort(), ['other', 'var']);
  assert.ok(base.fs.exists('/var/lib/pg/PG_VERSION'));
  assert.equal(base.fs.check(), []);
});

async function dumpOf(machine: Machine): Promise<Blob> {
  const pg = await open(machine);
  try {
    return await pg.dumpDataDir('none');
  } finally {
    await pg.close();
  }
}

postgres('a full volume is an error of a query, and the rows before it stay', async () => {
  const machine = await withData('release');
  const pg = await open(machine);
  await insert(pg, 'Ada', 10);
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
  assert.equal(await names(machine.crash('os')), ['Ada']);
});

postgres.run();
