// test-timeout: 120
// A list of things to do, kept by SQLite, through every crash that a file system like ext4 may leave: with SQLite's own flushes no
// task is lost that was acknowledged, without them the verdict says which and why.
//
// SQLite is its own wasm build, loaded once; `installVfs` puts it on the volume of each machine in turn.

import sqlite3InitModule from '@sqlite.org/sqlite-wasm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { installVfs } from '../../src/adapters/sqlite.ts';
import { explore, type Verdict } from '../../src/index.ts';

const vfs = installVfs(await sqlite3InitModule());

/** Adds two tasks, and looks for them after every crash. */
function crashTodo(synchronous: 'off' | 'full'): Promise<Verdict> {
  return explore<string>({
    profile: 'ordered',

    // what is there before: not explored
    setup(context) {
      vfs.use(context);
      vfs.open('/todo.db').exec('pragma journal_mode = wal; create table todo (task text)').close();
    },

    // the program: a task is acknowledged when its insert has returned
    workload(context) {
      vfs.use(context);
      const db = vfs.open('/todo.db', 'w');
      db.exec(`pragma synchronous = ${synchronous}`);
      for (const task of ['buy milk', 'call Ada']) {
        context.attempt(task);
        db.exec({ sql: 'insert into todo values (?)', bind: [task] });
        context.ack(task);
      }
    },

    // the program starts again: its data must be whole, with all that was acknowledged and nothing that was never begun
    recover(context) {
      vfs.use(context);
      const db = vfs.open('/todo.db', 'w');
      assert.equal(db.selectValues('pragma integrity_check'), ['ok']);
      const found = db.selectValues('select task from todo') as string[];
      for (const task of context.must) if (!found.includes(task)) throw new Error(`'${task}' is lost`);
      for (const task of found) if (!context.may.includes(task)) throw new Error(`'${task}' is from nowhere`);
    },
  });
}

const example = suite('SQLite through every crash');

example('with synchronous = full every state is right', async () => {
  const verdict = await crashTodo('full');
  verdict.assertSurvived();
  assert.ok(verdict.exhaustive);
});

example('with synchronous = off a task can be lost, and the verdict says by what', async () => {
  const verdict = await crashTodo('off');
  assert.is(verdict.verdict, 'violated');
  assert.throws(() => verdict.assertSurvived(), /todo\.db/);
});

example.run();
