// test-timeout: 60
// The same SQL on a volume and on os_unix.c itself, which SQLite's module has over files in its own memory: results, errors
// and the contents of the databases are the same, in each journal mode and page size.

import type { Database, Sqlite3Static } from '@sqlite.org/sqlite-wasm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUILDS } from '../../../support/machine.ts';
import { assertSound } from '../../fs/support.ts';
import { assertIntact, loadSqlite, openBench } from './support.ts';

const JOURNAL_MODES = ['delete', 'truncate', 'persist', 'memory', 'wal'];
const PAGE_SIZES = [512, 1024, 4096, 65536];

/** Each is run, and its rows compared, or the code of its error. */
const SCRIPT = [
  'create table book (id integer primary key, title text unique, price real, cover blob)',
  "insert into book (title, price) values ('Ada', 10), ('Bob', 2.5), ('Cleo', null)",
  "insert into book (title) values ('Ada')",
  'select * from book order by id',
  'begin',
  'with recursive n(i) as (select 1 union all select i + 1 from n where i < 300) insert into book (title, cover) select i, zeroblob(i * 7) from n',
  'savepoint one',
  'delete from book where id % 2 = 0',
  'select count(*), sum(length(cover)) from book',
  'rollback to one',
  'update book set price = id where price is null',
  'select count(*), sum(price) from book',
  'commit',
  'begin immediate',
  'delete from book',
  'rollback',
  'create index by_price on book (price desc)',
  'select id from book where price > 290 order by price',
  'create table log (line text)',
  "create trigger noted after delete on book begin insert into log values ('gone ' || old.id); end",
  'delete from book where id between 10 and 20',
  'select line from log order by line',
  "insert into book (title, cover) values ('big', randomblob(100000))",
  "select length(cover) from book where title = 'big'",
  'delete from book where id > 30',
  'vacuum',
  'pragma page_count',
  'pragma freelist_count',
  'create virtual table words using fts5 (content)',
  "insert into words values ('the quick brown fox'), ('a lazy dog')",
  "select rowid from words where words match 'lazy'",
  'drop table words',
  'create table pair (a, b, primary key (a, b)) without rowid',
  'insert into pair select id, title from book',
  'select count(*) from pair',
  'select * from nowhere',
  'alter table pair rename to pairs',
  'pragma integrity_check',
  'pragma incremental_vacuum',
  'select sum(id), count(title), max(price) from book',
] as const;

/** Files of os_unix.c live in the module; each run has new ones. */
let runs = 0;

function told(db: Database, sql: string): unknown {
  try {
    return db.selectArrays(sql);
  } catch (error) {
    return { code: (error as { resultCode: number }).resultCode };
  }
}

function results(db: Database, journalMode: string, pageSize: number, autoVacuum: string): unknown[] {
  db.exec(`pragma page_size = ${pageSize}; pragma auto_vacuum = ${autoVacuum}; pragma cache_size = 10`);
  const mode = db.selectValue(`pragma journal_mode = ${journalMode}`);
  return [mode, ...SCRIPT.map((sql) => told(db, sql))];
}

function unixResults(
  sqlite3: Sqlite3Static,
  journalMode: string,
  pageSize: number,
  autoVacuum: string,
): unknown[] {
  const filename = `/script-${runs++}.db`;
  const db = new sqlite3.oo1.DB({ filename, flags: 'c', vfs: 'unix-excl' });
  try {
    return results(db, journalMode, pageSize, autoVacuum);
  } finally {
    db.close();
  }
}

for (const build of BUILDS) {
  const scripts = suite(`SQL on a volume, ${build}`);

  for (const journalMode of JOURNAL_MODES) {
    scripts(`journal mode ${journalMode}: the same results as on os_unix.c`, async () => {
      const sqlite3 = await loadSqlite();
      for (const pageSize of build === 'release' ? PAGE_SIZES : [4096]) {
        const autoVacuum = pageSize === 1024 ? 'full' : pageSize === 512 ? 'incremental' : 'none';
        const { machine, vfs } = await openBench(build, { drives: [{ size: '32MiB' }] });
        const db = vfs.open('/script.db');
        const found = results(db, journalMode, pageSize, autoVacuum);
        assert.is(found[0], journalMode);
        const expected = unixResults(sqlite3, journalMode, pageSize, autoVacuum);
        found.forEach((result, index) => {
          assert.equal(result, expected[index], `page size ${pageSize}: ${SCRIPT[index - 1]}`);
        });
        const before = db.selectArrays('select * from book order by id');
        db.close();

        const again = vfs.open('/script.db', 'r');
        assertIntact(again);
        assert.equal(again.selectArrays('select * from book order by id'), before);
        again.close();
        assertSound(machine);
      }
    });
  }

  scripts.run();
}
