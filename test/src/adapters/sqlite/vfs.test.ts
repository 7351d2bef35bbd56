// test-timeout: 60
// The VFS method by method: what os_unix.c does in the same place. Order of writes and flushes, locks, names, file controls,
// and what belongs to this VFS alone: one volume after the other, the same random numbers in each run.

import type { Database } from '@sqlite.org/sqlite-wasm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NodeFs, nodeFs } from '../../../../src/adapters/node-fs.ts';
import { installVfs, type SqliteVfs } from '../../../../src/adapters/sqlite.ts';
import { ConfigError } from '../../../../src/errors.ts';
import { BUILDS } from '../../../support/machine.ts';
import { assertSound, openVolume } from '../../fs/support.ts';
import { assertIntact, codeOf, loadSqlite, openBench, sharedVfs, show } from './support.ts';

const BUSY = 5;
const BUSY_SNAPSHOT = 517;
const CANTOPEN = 14;
const READONLY = 8;
const IOERR = 10;

/** Calls of an fs that change something or flush, as text. */
function spied(fs: NodeFs, calls: string[]): NodeFs {
  const paths = new Map<number, string>();
  return {
    ...fs,
    openSync: (...given: Parameters<NodeFs['openSync']>) => {
      const fd = fs.openSync(...given);
      paths.set(fd, String(given[0]));
      return fd;
    },
    writeSync: ((fd: number, ...rest: unknown[]) => {
      calls.push(`write ${paths.get(fd)}`);
      return (fs.writeSync as (...given: unknown[]) => number)(fd, ...rest);
    }) as NodeFs['writeSync'],
    fsyncSync: (fd) => {
      calls.push(`fsync ${paths.get(fd)}`);
      fs.fsyncSync(fd);
    },
    fdatasyncSync: (fd) => {
      calls.push(`fdatasync ${paths.get(fd)}`);
      fs.fdatasyncSync(fd);
    },
    ftruncateSync: (fd, length) => {
      calls.push(`truncate ${paths.get(fd)} ${length}`);
      fs.ftruncateSync(fd, length);
    },
    unlinkSync: (path) => {
      calls.push(`unlink ${path}`);
      fs.unlinkSync(path);
    },
  };
}

/** One write after the other to the same file is one line. */
const joined = (calls: readonly string[]): string[] => calls.filter((call, at) => call !== calls[at - 1]);

async function callsOfCommit(journalMode: string, synchronous: string): Promise<string[]> {
  const machine = await openVolume('release');
  const calls: string[] = [];
  const vfs = await sharedVfs();
  vfs.use({ fs: spied(nodeFs(machine), calls), machine });
  machine.fs.mkdir('/d');
  const db = vfs.open('/d/db');
  db.exec(`pragma journal_mode = ${journalMode}; pragma synchronous = ${synchronous}; create table t (a)`);
  calls.length = 0;
  db.exec('insert into t values (1)');
  const found = joined(calls);
  db.close();
  return found;
}

const order = suite('order of calls');

/** What SQLite documents (atomiccommit.html, wal.html, pragma synchronous), with os_unix.c's flush of the directory. */
const COMMITS: readonly [journalMode: string, synchronous: string, calls: readonly string[]][] = [
  [
    'delete',
    'full',
    [
      'write /d/db-journal',
      'fsync /d/db-journal',
      'fsync /d',
      'write /d/db-journal',
      'fsync /d/db-journal',
      'write /d/db',
      'fsync /d/db',
      'unlink /d/db-journal',
    ],
  ],
  [
    'delete',
    'extra',
    [
      'write /d/db-journal',
      'fsync /d/db-journal',
      'fsync /d',
      'write /d/db-journal',
      'fsync /d/db-journal',
      'write /d/db',
      'fsync /d/db',
      'unlink /d/db-journal',
      'fsync /d',
    ],
  ],
  ['delete', 'off', ['write /d/db-journal', 'write /d/db', 'unlink /d/db-journal']],
  ['wal', 'full', ['write /d/db-wal', 'fsync /d/db-wal']],
  ['wal', 'normal', ['write /d/db-wal']],
];

for (const [journalMode, synchronous, expected] of COMMITS) {
  order(`journal mode ${journalMode}, synchronous ${synchronous}`, async () => {
    assert.equal(await callsOfCommit(journalMode, synchronous), expected);
  });
}

order('the end of a journal that stays is flushed: its size, or its header', async () => {
  const truncated = await callsOfCommit('truncate', 'full');
  assert.equal(truncated.slice(-2), ['truncate /d/db-journal 0', 'fsync /d/db-journal']);
  const persistent = await callsOfCommit('persist', 'full');
  assert.equal(persistent.slice(-2), ['write /d/db-journal', 'fdatasync /d/db-journal']);
});

order('a new log flushes the directory once', async () => {
  const machine = await openVolume('release');
  const calls: string[] = [];
  const vfs = await sharedVfs();
  vfs.use({ fs: spied(nodeFs(machine), calls), machine });
  const db = vfs.open('/db');
  db.exec('pragma journal_mode = wal; create table t (a)');
  assert.is(calls[calls.indexOf('fsync /db-wal') + 1], 'fsync /');
  calls.length = 0;
  db.exec('insert into t values (1); insert into t values (2); pragma wal_checkpoint(truncate)');
  assert.not(calls.includes('fsync /'));
  db.close();
});

order.run();

for (const build of BUILDS) {
  const connections = suite(`connections, ${build}`);

  function two(vfs: SqliteVfs<Awaited<ReturnType<typeof loadSqlite>>>, mode: string): [Database, Database] {
    const first = vfs.open('/db');
    first.exec(`pragma journal_mode = ${mode}; create table t (a); insert into t values (1)`);
    return [first, vfs.open('/db')];
  }

  connections('a writer keeps other writers out, readers finish before it commits', async () => {
    const { machine, vfs } = await openBench(build);
    const [a, b] = two(vfs, 'delete');
    a.exec('begin immediate; insert into t values (2)');
    assert.is(
      codeOf(() => b.exec('begin immediate')),
      BUSY,
    );
    b.exec('begin; select * from t');
    assert.is(
      codeOf(() => a.exec('commit')),
      BUSY,
      'a reader is there',
    );
    const c = vfs.open('/db');
    assert.is(
      codeOf(() => c.selectValue('select count(*) from t')),
      BUSY,
      'no new reader while one waits to write',
    );
    b.exec('commit');
    a.exec('commit');
    assert.is(b.selectValue('select count(*) from t'), 2);
    assert.is(c.selectValue('select count(*) from t'), 2);
    for (const db of [a, b, c]) db.close();
    assert.equal(machine.fs.readdir('/'), ['db']);
    assertSound(machine);
  });

  connections('two readers that both want to write: one of them is told to give way', async () => {
    const { vfs } = await openBench(build);
    const [a, b] = two(vfs, 'truncate');
    a.exec('begin; select * from t');
    b.exec('begin; select * from t');
    a.exec('insert into t values (2)');
    assert.is(
      codeOf(() => b.exec('insert into t values (3)')),
      BUSY,
    );
    b.exec('rollback');
    a.exec('commit');
    assert.is(b.selectValue('select count(*) from t'), 2);
    a.close();
    b.close();
  });

  connections('waiting for a lock takes virtual time', async () => {
    const { machine, vfs } = await openBench(build);
    const [a, b] = two(vfs, 'delete');
    a.exec('begin exclusive');
    b.exec('pragma busy_timeout = 250');
    const before = machine.nowNs;
    assert.is(
      codeOf(() => b.exec('select * from t')),
      BUSY,
    );
    const waitedMs = (machine.nowNs - before) / 1e6;
    assert.ok(waitedMs >= 200 && waitedMs <= 260, `${waitedMs} ms`);
    a.close();
    b.close();
  });

  connections(
    'a write-ahead log: readers keep what they see while another writes and checkpoints',
    async () => {
      const { machine, vfs } = await openBench(build);
      const [a, b] = two(vfs, 'wal');
      b.exec('begin');
      assert.is(b.selectValue('select count(*) from t'), 1);
      for (let round = 0; round < 200; round++) a.exec('insert into t values (zeroblob(500))');
      assert.is(b.selectValue('select count(*) from t'), 1);
      assert.is(
        codeOf(() => b.exec('insert into t values (3)')),
        BUSY_SNAPSHOT,
      );
      assert.is(
        a.selectArrays('pragma wal_checkpoint(truncate)')[0]?.[0],
        1,
        'busy: the reader needs the log',
      );
      b.exec('commit');
      assert.equal(a.selectArrays('pragma wal_checkpoint(truncate)'), [[0, 0, 0]]);
      assert.is(machine.fs.stat('/db-wal').size, 0);
      assert.is(b.selectValue('select count(*) from t'), 201);
      assertIntact(b);
      a.close();
      assert.ok(machine.fs.exists('/db-wal'));
      b.close();
      assert.not.ok(machine.fs.exists('/db-wal'), 'the last connection takes the log away');
      assertSound(machine);
    },
  );

  connections('a log of more than one region of shared memory', async () => {
    const { vfs } = await openBench(build, { drives: [{ size: '64MiB' }] });
    const a = vfs.open('/db');
    a.exec(
      'pragma page_size = 512; pragma journal_mode = wal; pragma wal_autocheckpoint = 0; create table t (a)',
    );
    a.exec(
      'with recursive n(i) as (select 1 union all select i + 1 from n where i < 9000) insert into t select zeroblob(400) from n',
    );
    const b = vfs.open('/db');
    assert.is(b.selectValue('select count(*) from t'), 9000);
    assertIntact(b);
    b.close();
    a.close();
  });

  connections('a transaction over two databases has a super-journal, which is gone behind it', async () => {
    const machine = await openVolume(build);
    const calls: string[] = [];
    const vfs = await sharedVfs();
    vfs.use({ fs: spied(nodeFs(machine), calls), machine });
    const db = vfs.open('/a');
    db.exec("attach '/b' as b; create table t (a); create table b.t (a)");
    calls.length = 0;
    db.exec('begin; insert into t values (1); insert into b.t values (1); commit');
    const superJournal = calls.find((call) => /^fsync \/a-mj/.test(call))?.slice(6);
    assert.ok(superJournal, calls.join('\n'));
    const synced = calls.indexOf(`fsync ${superJournal}`);
    assert.is(calls[synced + 1], 'fsync /', 'its name is durable before the journals say it');
    const unlinked = calls.indexOf(`unlink ${superJournal}`);
    assert.is(calls[unlinked + 1], 'fsync /', 'and its end, which is the commit');
    assert.ok(calls.indexOf('unlink /a-journal') > unlinked);
    db.close();
    assert.equal(machine.fs.readdir('/'), ['a', 'b']);
  });

  connections('temporary files have no name, and leave nothing', async () => {
    const { machine, vfs } = await openBench(build);
    const db = vfs.open('/db');
    db.exec('pragma temp_store = file; pragma temp.cache_size = 5; create temp table t (a)');
    db.exec(
      'with recursive n(i) as (select 1 union all select i + 1 from n where i < 500) insert into t select zeroblob(1000) from n',
    );
    assert.is(db.selectValue('select count(*) from (select * from t order by a, rowid desc)'), 500);
    assert.equal(machine.fs.readdir('/'), ['db']);
    assert.ok(machine.fs.statfs().blocksFree < machine.fs.statfs().blocks - 100, 'they are on the volume');
    db.close();
    assertSound(machine);
  });

  connections(
    'names: relative ones begin at the root, folders must be there, long ones are refused',
    async () => {
      const { machine, vfs } = await openBench(build);
      machine.fs.mkdir('/d');
      for (const name of ['d/../one', './d/two', '/d//three', 'file:/d/four?mode=rwc'])
        vfs.open(name).exec('create table t (a)').close();
      assert.equal(machine.fs.readdir('/').sort(), ['d', 'one']);
      assert.equal(machine.fs.readdir('/d').sort(), ['four', 'three', 'two']);
      assert.is(
        codeOf(() => vfs.open('/none/db').exec('create table t (a)')),
        CANTOPEN,
      );
      assert.is(
        codeOf(() => vfs.open('/d').exec('create table t (a)')),
        CANTOPEN,
      );
      assert.is(
        codeOf(() => vfs.open('/missing', 'w')),
        CANTOPEN,
      );
      assert.is((vfs.lastError as { code: string }).code, 'ENOENT');
      assert.is(
        codeOf(() => vfs.open(`/${'x'.repeat(512)}`)),
        CANTOPEN,
      );
    },
  );

  connections('an empty file is a new database; what was opened to read is not written', async () => {
    const { machine, vfs } = await openBench(build);
    machine.fs.writeFile('/db', '');
    vfs.open('/db').exec('create table t (a)').close();
    const reader = vfs.open('/db', 'r');
    assert.is(
      codeOf(() => reader.exec('insert into t values (1)')),
      READONLY,
    );
    reader.close();
    machine.fs.writeFile('/text', 'this is not a database, it is text');
    assert.is(
      codeOf(() => vfs.open('/text').selectValues('select * from t')),
      26,
    );
  });

  connections('file controls: name, lock, chunks, a file that was moved, powersafe overwrites', async () => {
    const { machine, vfs } = await openBench(build);
    const { capi, wasm } = await loadSqlite();
    const db = vfs.open('file:/db?psow=0');
    db.exec('create table t (a)');
    const pointer = wasm.alloc(8);
    const control = (operation: Parameters<typeof capi.sqlite3_file_control>[2], value = 0): number => {
      wasm.poke32(pointer, value);
      assert.is(capi.sqlite3_file_control(db, 'main', operation, pointer), 0);
      return wasm.peek32(pointer);
    };
    assert.is(db.dbVfsName(), vfs.name);
    assert.is(control(capi.SQLITE_FCNTL_LOCKSTATE), 0);
    db.exec('begin immediate');
    assert.is(control(capi.SQLITE_FCNTL_LOCKSTATE), 2);
    db.exec('commit');
    assert.is(control(capi.SQLITE_FCNTL_POWERSAFE_OVERWRITE, -1), 0, 'the URI said so');
    assert.is(control(capi.SQLITE_FCNTL_POWERSAFE_OVERWRITE, 1), 1);
    assert.is(control(capi.SQLITE_FCNTL_POWERSAFE_OVERWRITE, -1), 1);
    assert.is(control(capi.SQLITE_FCNTL_PERSIST_WAL, -1), 0);
    control(capi.SQLITE_FCNTL_CHUNK_SIZE, 65536);
    db.exec('insert into t values (zeroblob(100000))');
    assert.is(machine.fs.stat('/db').size, 131072);
    assert.is(control(capi.SQLITE_FCNTL_HAS_MOVED), 0);
    machine.fs.rename('/db', '/other');
    assert.is(control(capi.SQLITE_FCNTL_HAS_MOVED), 1);
    assert.is(capi.sqlite3_file_control(db, 'main', capi.SQLITE_FCNTL_TRACE, pointer), capi.SQLITE_NOTFOUND);
    wasm.dealloc(pointer);
    db.close();
  });

  connections('a kept log stays behind the last connection', async () => {
    const { machine, vfs } = await openBench(build);
    const { capi, wasm } = await loadSqlite();
    const db = vfs.open('/db');
    db.exec('pragma journal_mode = wal; create table t (a)');
    const pointer = wasm.alloc(4);
    wasm.poke32(pointer, 1);
    capi.sqlite3_file_control(db, 'main', capi.SQLITE_FCNTL_PERSIST_WAL, pointer);
    wasm.dealloc(pointer);
    db.close();
    assert.ok(machine.fs.exists('/db-wal'));
  });

  connections('the clock is the virtual one, from 1970 on', async () => {
    const { machine, vfs } = await openBench(build);
    machine.advance(86_400_000_000_000 - machine.nowNs);
    machine.advance(1_500_000_000);
    const db = vfs.open('/db');
    assert.is(db.selectValue("select strftime('%Y-%m-%d %H:%M:%f', 'now')"), '1970-01-02 00:00:01.500');
    db.close();
  });

  connections.run();

  const use = suite(`use, ${build}`);

  /** What a workload leaves in the records of its machine. */
  async function recorded(seed: number): Promise<string> {
    const { machine, vfs } = await openBench(build, { seed });
    const db = vfs.open('/db');
    db.exec('create table t (a); insert into t values (randomblob(100)); pragma journal_mode = wal');
    db.exec('insert into t values (random())');
    const rows = db.selectArrays('select hex(a) from t').join();
    db.close();
    return `${machine.recordHash} ${rows}`;
  }

  use('the same workload does the same, however often; another seed draws other numbers', async () => {
    const first = await recorded(1);
    assert.is(await recorded(1), first);
    assert.is.not(await recorded(2), first);
  });

  use('connections that are open stay behind: both volumes keep what they have', async () => {
    const { machine, vfs } = await openBench(build);
    const { oo1 } = await loadSqlite();
    for (const mode of ['delete', 'wal']) {
      const [ours, own] = [
        vfs.open(`/${mode}`),
        new oo1.DB({ filename: `/${mode}-2`, flags: 'c', vfs: vfs.name }),
      ];
      for (const db of [ours, own]) {
        db.exec(`pragma journal_mode = ${mode}; pragma cache_size = 3; create table t (a); begin`);
        db.exec(
          'with recursive n(i) as (select 1 union all select i + 1 from n where i < 50) insert into t select randomblob(4000) from n',
        );
      }
      const names = machine.fs.readdir('/');
      const after = machine.crash('process');
      show(after);
      assert.not.ok(ours.isOpen());
      assert.ok(own.isOpen());
      assert.is(codeOf(() => own.exec('commit')) & 255, IOERR);
      own.close();
      for (const one of [machine, after]) {
        assert.equal(one.fs.readdir('/'), names);
        assert.equal(one.fs.check(), []);
      }
      for (const name of [`/${mode}`, `/${mode}-2`]) {
        const found = vfs.open(name);
        assertIntact(found);
        assert.is(found.selectValue('select count(*) from t'), 0);
        found.close();
      }
      show(machine);
    }
  });

  use(
    'what a thousand volumes leave in the memory of the module is not more than what a few do',
    async () => {
      const { machine, vfs } = await openBench(build);
      const { wasm } = await loadSqlite();
      vfs.open('/db').exec('pragma journal_mode = wal; create table t (a); insert into t values (1)');
      const open = () => {
        show(machine);
        assert.is(vfs.open('/db').selectValue('select count(*) from t'), 1);
      };
      for (let round = 0; round < 20; round++) open();
      const bytes = wasm.heap8u().length;
      for (let round = 0; round < 500; round++) open();
      assert.is(wasm.heap8u().length, bytes);
    },
  );

  use('a second VFS has another name, and goes when it is disposed of', async () => {
    const sqlite3 = await loadSqlite();
    const machine = await openVolume(build);
    await sharedVfs();
    assert.throws(
      () => installVfs(sqlite3),
      (error: unknown) => error instanceof ConfigError,
    );
    const before = sqlite3.capi.sqlite3_vfs_find(null);
    {
      using other = installVfs(sqlite3, { fs: nodeFs(machine), machine }, { name: 'other' });
      other.open('/db').exec('create table t (a)').close();
      assert.is(sqlite3.capi.sqlite3_vfs_find(null), before, 'the default is what it was');
    }
    assert.is(sqlite3.capi.sqlite3_vfs_find('other'), 0);
    const unused = installVfs(sqlite3, undefined, { name: 'other' });
    assert.throws(() => unused.open('/db'), /volume is not given; it must be given to use\(\) first/);
    unused.dispose();
  });

  use.run();
}
