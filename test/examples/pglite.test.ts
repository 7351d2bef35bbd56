// test-timeout: 120
// The power fails under PostgreSQL: PGlite keeps its data directory on a machine's volume, and a new machine opens
// what is left.

import { PGlite } from '@electric-sql/pglite';
import { BaseFilesystem } from '@electric-sql/pglite/basefs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pgliteFs } from '../../src/adapters/pglite.ts';
import { Machine } from '../../src/index.ts';

const example = suite('power cut below PostgreSQL');

example(
  'a row whose INSERT has returned is there again, one of a transaction that has not is not',
  async () => {
    const machine = await Machine.create({ drives: [{ size: '128MiB' }], volume: { inodes: 4096 } });
    const pg = await PGlite.create({ fs: pgliteFs(BaseFilesystem, machine) });
    await pg.exec('CREATE TABLE ledger (name text, owes int)');
    await pg.query("INSERT INTO ledger VALUES ('Ada', 10)");
    await pg.exec("BEGIN; INSERT INTO ledger VALUES ('Bob', 20)");

    const after = machine.crash('power'); // a new machine, over what the disk holds then
    const reopened = await PGlite.create({ fs: pgliteFs(BaseFilesystem, after) });
    const { rows } = await reopened.query('SELECT name, owes FROM ledger');
    assert.equal(rows, [{ name: 'Ada', owes: 10 }]);
    await reopened.close();
    await pg.close();
    assert.equal(after.fs.check(), []);
  },
);

example.run();
