// What tests of the SQLite VFS share: SQLite's module, a volume below it, and what a statement throws.
//
// The module is loaded once in a process, as a user of thousands of crash images does it.

import sqlite3InitModule, { type Database, type Sqlite3Static } from '@sqlite.org/sqlite-wasm';
import * as assert from 'uvu/assert';
import { nodeFs } from '../../../../src/adapters/node-fs.ts';
import { installVfs, type SqliteVfs } from '../../../../src/adapters/sqlite.ts';
import type { MachineConfig } from '../../../../src/core/options.ts';
import type { Machine } from '../../../../src/machine.ts';
import type { Build } from '../../../support/machine.ts';
import { openVolume } from '../../fs/support.ts';

/** Errors that statements throw are looked at by the tests; SQLite would print each as well. */
const quiet = { print: () => {}, printErr: () => {} };
let module: Promise<Sqlite3Static> | undefined;

export function loadSqlite(): Promise<Sqlite3Static> {
  module ??= (sqlite3InitModule as (options: object) => Promise<Sqlite3Static>)(quiet).then((sqlite3) => {
    sqlite3.config.warn = () => {};
    sqlite3.config.error = () => {};
    return sqlite3;
  });
  return module;
}

let vfs: SqliteVfs<Sqlite3Static> | undefined;

/** The VFS of this process. */
export async function sharedVfs(): Promise<SqliteVfs<Sqlite3Static>> {
  vfs ??= installVfs(await loadSqlite());
  return vfs;
}

/** A machine with a volume, and the VFS that shows it. */
export async function openBench(
  build: Build,
  config: MachineConfig = {},
): Promise<{ machine: Machine; vfs: SqliteVfs<Sqlite3Static> }> {
  const machine = await openVolume(build, config);
  const shared = await sharedVfs();
  shared.use({ fs: nodeFs(machine), machine });
  return { machine, vfs: shared };
}

/** Shows another machine's volume. */
export function show(machine: Machine): void {
  vfs?.use({ fs: nodeFs(machine), machine });
}

/** SQLite's extended result code of what `call` throws. */
export function codeOf(call: () => unknown): number {
  try {
    call();
  } catch (error) {
    assert.is((error as Error).name, 'SQLite3Error', String(error));
    return (error as { resultCode: number }).resultCode;
  }
  throw new Error('nothing was thrown');
}

export function assertIntact(db: Database): void {
  assert.equal(db.selectValues('pragma integrity_check'), ['ok']);
}
