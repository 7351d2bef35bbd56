// PGlite for tests: one data directory, made once in a process, and ways to open it.
//
// Verbs: dataDirectory, openPglite, namesIn. A table `ledger (name, owes)` is there, and empty.

import { PGlite, type PGliteOptions } from '@electric-sql/pglite';
import { BaseFilesystem } from '@electric-sql/pglite/basefs';
import { type PgliteFsOptions, pgliteFs } from '../../src/adapters/pglite.ts';
import type { Machine } from '../../src/machine.ts';

/** PGlite's own without `-F`: PostgreSQL looks after its log and its files as a server does. */
export const WITH_FSYNC: readonly string[] = PGlite.defaultStartParams.filter((word) => word !== '-F');

export const openPglite = (
  machine: Machine,
  options: PGliteOptions = {},
  own: PgliteFsOptions = {},
): Promise<PGlite> => PGlite.create({ ...options, fs: pgliteFs(BaseFilesystem, machine, own) });

let made: Promise<Blob> | undefined;

async function make(): Promise<Blob> {
  const pg = await PGlite.create({ initDbStartParams: ['--wal-segsize=1'] });
  await pg.exec('CREATE TABLE ledger (name text PRIMARY KEY, owes int)');
  const tar = await pg.dumpDataDir('none');
  await pg.close();
  return tar;
}

/** The files of a data directory: PGlite's `loadDataDir`. */
export function dataDirectory(): Promise<Blob> {
  made ??= make();
  return made;
}

/** Puts the data directory on a volume. */
export async function loadData(machine: Machine): Promise<void> {
  const pg = await openPglite(machine, { loadDataDir: await dataDirectory() });
  await pg.close();
}

export const insertName = (pg: PGlite, name: string) =>
  pg.query('INSERT INTO ledger VALUES ($1, 10)', [name]);

/** The names in the ledger that PostgreSQL finds on a machine; it is closed again. */
export async function namesIn(machine: Machine, options: PGliteOptions = {}): Promise<string[]> {
  const pg = await openPglite(machine, options);
  try {
    const { rows } = await pg.query<{ name: string }>('SELECT name FROM ledger ORDER BY name');
    return rows.map(({ name }) => name);
  } finally {
    await pg.close();
  }
}
