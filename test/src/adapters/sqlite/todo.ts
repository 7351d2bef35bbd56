// What tests explore with SQLite: a table of tasks, one row or several of them in a transaction, and a check of what a crash has left.
//
// Verbs: verdictOf.

import * as assert from 'uvu/assert';
import type { NodeFs } from '../../../../src/adapters/node-fs.ts';
import type { SqliteFs } from '../../../../src/adapters/sqlite.ts';
import type { ExploreOptions } from '../../../../src/explore/types.ts';
import { explore, type Verdict, type VolumeProfile } from '../../../../src/index.ts';
import { sharedVfs } from './support.ts';

type ExploreSettings = Omit<ExploreOptions<number, NodeFs>, 'setup' | 'workload' | 'recover' | 'profile'>;

export interface TodoRun {
  readonly journalMode: string;
  readonly synchronous: string;
  readonly profile: VolumeProfile;
  /** Transactions. Default 1. */
  readonly commits?: number;
  /** Bytes of text in each row. Default 10. */
  readonly rowBytes?: number;
  /** `durable` (default): what was committed is there. `prefix`: some of the first transactions are there, and no others. */
  readonly check?: 'durable' | 'prefix';
  /** What the workload has for an fs. */
  readonly below?: (fs: NodeFs) => SqliteFs;
  readonly options?: ExploreSettings;
}

/** Runs transactions, and recovers from every image: the database opens, is intact, and holds what it must. */
async function exploreTodo(run: TodoRun): Promise<Verdict> {
  const { journalMode, synchronous, profile, commits = 1, rowBytes = 10, check = 'durable' } = run;
  const below = run.below ?? ((fs) => fs);
  const vfs = await sharedVfs();
  return explore<number>({
    explain: false,
    flushes: false,
    ...run.options,
    profile,
    setup(context) {
      vfs.use(context);
      const db = vfs.open('/todo.db');
      db.exec(`pragma page_size = 512; pragma journal_mode = ${journalMode}`);
      db.exec('create table todo (id integer primary key, task text)').close();
    },
    workload(context) {
      vfs.use({ ...context, fs: below(context.fs) });
      const db = vfs.open('/todo.db', 'w');
      db.exec(`pragma journal_mode = ${journalMode}; pragma synchronous = ${synchronous}`);
      for (let id = 1; id <= commits; id++) {
        context.attempt(id);
        db.exec({ sql: 'insert into todo values (?, ?)', bind: [id, 'x'.repeat(rowBytes)] });
        context.ack(id);
      }
    },
    recover(context) {
      vfs.use(context);
      const db = vfs.open('/todo.db', 'w');
      const problems = db.selectValues('pragma integrity_check').join();
      if (problems !== 'ok') throw new Error(`the database is damaged: ${problems}`);
      const found = db.selectValues('select id from todo order by id') as number[];
      const alien = found.find((id, index) => id !== index + 1 || !context.may.includes(id));
      if (alien !== undefined) throw new Error(`row ${alien} should not be there`);
      const lost = context.must.find((id) => !found.includes(id));
      if (check === 'durable' && lost !== undefined) throw new Error(`row ${lost} is lost`);
      db.close();
      return found;
    },
  });
}

/** What a run has gone through, in a line. */
function told(run: TodoRun, verdict: Verdict): string {
  const { journalMode, synchronous, profile } = run;
  const how = verdict.exhaustive ? 'all' : 'sampled';
  const images = `${verdict.checkedImages} images checked, ${verdict.failedImages} failed, ${verdict.recoveryImages} of recoveries`;
  return `${journalMode} ${synchronous} ${profile}: ${verdict.verdict}, ${verdict.states} states of ${verdict.possibleStates} (${how}), ${images}`;
}

/** Explores, prints what was gone through, and sees to it that something was. */
export async function verdictOf(run: TodoRun): Promise<Verdict> {
  const verdict = await exploreTodo(run);
  console.log(told(run, verdict));
  assert.is(verdict.reason, undefined);
  return verdict;
}
