// test-timeout: 60
// Drives that fail and power that does: SQLite is told with the code that os_unix.c would use, and what is on the volume is
// a sound database with every transaction whole or not there.

import type { Database } from '@sqlite.org/sqlite-wasm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeFs } from '../../../../src/adapters/node-fs.ts';
import { BUILDS, openMachine } from '../../../support/machine.ts';
import { assertSound } from '../../fs/support.ts';
import { assertIntact, codeOf, openBench, sharedVfs, show } from './support.ts';

const FULL = 13;
const CORRUPT = 11;
const READONLY = 8;
const CANTOPEN = 14;
const IOERR_FSYNC = 10 | (4 << 8);
const IOERR_DIR_FSYNC = 10 | (5 << 8);
const MODES = ['delete', 'truncate', 'persist', 'wal'];

const count = (db: Database): unknown => db.selectValue('select count(*) from t');

/** Rows of 1,000 bytes, in one statement. */
const insertRows = (rows: number): string =>
  `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${rows}) insert into t select randomblob(1000) from n`;

for (const build of BUILDS) {
  const faults = suite(`SQLite and faults, ${build}`);

  for (const mode of MODES) {
    faults(`${mode}: a full volume is SQLITE_FULL, what was committed is there, and room helps`, async () => {
      const { machine, vfs } = await openBench(build, { drives: [{ size: '1MiB' }] });
      const db = vfs.open('/db');
      db.exec(`pragma journal_mode = ${mode}; create table t (a)`);
      db.exec(insertRows(20));
      machine.fs.writeFile('/ballast', new Uint8Array(300_000));
      assert.is(
        codeOf(() => db.exec(insertRows(2000))),
        FULL,
      );
      assertIntact(db);
      assert.is(count(db), 20);
      machine.fs.unlink('/ballast');
      db.exec(insertRows(20));
      assert.is(count(db), 40);
      db.close();
      assertSound(machine);
    });

    faults(`${mode}: a drive that does not take the flushed data: no commit, nothing damaged`, async () => {
      const { machine, vfs } = await openBench(build);
      const db = vfs.open('/db');
      db.exec(`pragma journal_mode = ${mode}; create table t (a)`);
      db.exec(insertRows(3));
      for (const file of ['/db', `/db-${mode === 'wal' ? 'wal' : 'journal'}`]) {
        if (!machine.fs.exists(file) || (mode === 'wal' && file === '/db')) continue;
        const rule = machine.faults.add(`eio on=write file=${file} times=1`);
        assert.is(
          codeOf(() => db.exec(insertRows(30))),
          IOERR_FSYNC,
          file,
        );
        assert.is((vfs.lastError as { code: string }).code, 'EIO');
        machine.faults.remove(rule);
        assert.is(count(db), 3, file);
        assertIntact(db);
      }
      db.exec(insertRows(1));
      assert.is(count(db), 4);
      db.close();

      const again = vfs.open('/db');
      assertIntact(again);
      assert.is(count(again), 4);
      again.close();
    });

    faults(
      `${mode}: the process dies in the middle of a transaction that has spilled: it is rolled back`,
      async () => {
        const { machine, vfs } = await openBench(build);
        const db = vfs.open('/db');
        db.exec(`pragma page_size = 1024; pragma journal_mode = ${mode}; create table t (a)`);
        db.exec(insertRows(40));
        const rows = db.selectValues('select hex(a) from t');
        const size = machine.fs.stat('/db').size;
        db.exec('pragma cache_size = 4; begin; update t set a = randomblob(1000)');
        db.exec(insertRows(100));
        if (mode !== 'wal') assert.ok(machine.fs.stat('/db').size > size, 'the database itself is changed');

        for (const kind of ['process', 'os', 'power'] as const) {
          const after = machine.crash(kind);
          show(after);
          const found = vfs.open('/db');
          assert.equal(found.selectValues('select hex(a) from t'), rows, kind);
          assertIntact(found);
          found.exec(insertRows(1));
          assert.is(count(found), 41);
          found.close();
          assertSound(after);
        }
        assertSound(machine);
      },
    );

    faults(
      `${mode}: after each of 20 commits the power fails, with the caches lost or kept: all are there`,
      async () => {
        const { machine, vfs } = await openBench(build);
        const fs = nodeFs(machine);
        for (let commit = 1; commit <= 20; commit++) {
          vfs.use({ fs, machine });
          const db = vfs.open('/db');
          db.exec(
            `pragma journal_mode = ${mode}; pragma synchronous = extra; create table if not exists t (a)`,
          );
          db.exec(insertRows(2));
          for (const choose of ['none', 'all'] as const) {
            show(machine.crash('power', { choose }));
            const found = vfs.open('/db');
            assertIntact(found);
            assert.is(count(found), commit * 2, `${commit} ${choose}`);
          }
        }
      },
    );
  }

  faults('a read that fails is SQLITE_CORRUPT, as on Unix, and succeeds when the drive does', async () => {
    const { machine, vfs } = await openBench(build);
    const db = vfs.open('/db');
    db.exec('create table t (a)');
    db.exec(insertRows(50));
    db.close();
    machine.dropCaches();
    const reader = vfs.open('/db');
    const rule = machine.faults.add('eio on=read file=/db');
    assert.is(
      codeOf(() => count(reader)),
      CORRUPT,
    );
    machine.faults.remove(rule);
    assert.is(count(reader), 50);
    reader.close();
    assertSound(machine);
  });

  faults(
    'a flush of the directory that fails is told where the journal is deleted, and not where it is made',
    async () => {
      const { machine, vfs } = await openBench(build);
      const fs = nodeFs(machine);
      const folders = new Set<number>();
      const refusing = {
        ...fs,
        openSync: (path: string, flags: number, mode?: number) => {
          const fd = fs.openSync(path, flags, mode);
          if (path === '/') folders.add(fd);
          else folders.delete(fd);
          return fd;
        },
        fsyncSync: (fd: number) => {
          if (folders.has(fd)) throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
          fs.fsyncSync(fd);
        },
      };
      vfs.use({ fs: refusing, machine });
      const db = vfs.open('/db');
      db.exec('pragma synchronous = full; create table t (a); insert into t values (1)');
      db.exec('pragma synchronous = extra');
      assert.is(
        codeOf(() => db.exec('insert into t values (2)')),
        IOERR_DIR_FSYNC,
      );
      db.close();
    },
  );

  faults(
    'a volume that is read-only is read; writing is SQLITE_READONLY, a new database SQLITE_CANTOPEN',
    async () => {
      const { machine, vfs } = await openBench(build);
      const db = vfs.open('/db');
      db.exec('create table t (a)');
      db.exec(insertRows(5));
      db.close();
      machine.fs.sync();
      machine.fs.unmount();
      const memory = machine.memory();
      const readOnly = await openMachine(build, { drives: [{ memory, readOnly: true }], volume: true });
      show(readOnly);
      const found = vfs.open('/db');
      assert.is(count(found), 5);
      assertIntact(found);
      assert.is(
        codeOf(() => found.exec(insertRows(1))),
        READONLY,
      );
      assert.is(
        codeOf(() => vfs.open('/new').exec('create table t (a)')),
        CANTOPEN,
      );
    },
  );

  faults('an error that is none of the volume is kept for the caller, and SQLite goes on', async () => {
    const { machine } = await openBench(build);
    const fs = nodeFs(machine);
    const bug = new TypeError('a bug above the volume');
    let isBroken = false;
    const vfs = await sharedVfs();
    const fsyncSync = (fd: number): void => {
      if (isBroken) throw bug;
      fs.fsyncSync(fd);
    };
    vfs.use({ fs: { ...fs, fsyncSync }, machine });
    const db = vfs.open('/db');
    db.exec('create table t (a)');
    isBroken = true;
    assert.is(
      codeOf(() => db.exec(insertRows(1))),
      IOERR_FSYNC,
    );
    assert.is(vfs.lastError, bug);
    isBroken = false;
    db.exec(insertRows(1));
    assert.is(count(db), 1);
    db.close();
  });

  faults.run();
}
