// What a transaction of SQLite costs on a volume, each of one row and flushed (synchronous = full), with and without a write log.
//
// The peer, in the same run, is SQLite on real files through node:fs (node-sqlite3-wasm): on tmpfs, where a flush is nothing, and on the
// disk that holds this folder. It has no shared memory, and so no write-ahead log: in mode wal it has no figure. What we want is a rate
// so many times that of the peer; the last lines say which rows reach it. Then, for the write log, where the time goes: in the fs below
// SQLite, or above it, and what is the processor's, as other programs take part of the time that passes.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import sqlite3InitModule from '@sqlite.org/sqlite-wasm';
import nodeSqlite from 'node-sqlite3-wasm';
import { nodeFs } from '../src/adapters/node-fs.ts';
import { installVfs, type SqliteFs } from '../src/adapters/sqlite.ts';
import { Machine } from '../src/index.ts';
import { count, printTable, times } from './table.ts';

export const title = 'how many one-row transactions a second does SQLite commit, each of them flushed?';

const ROUNDS = 3;
const COMMITS = 500;
/** A disk is slow: fewer are enough. */
const DISK_COMMITS = 50;
const JOURNAL_MODES = ['delete', 'persist', 'wal'] as const;
/** How many times the peer's rate we want. */
const TMPFS_AIM = 4;
const DISK_AIM = 50;
const SHARED_MEMORY = '/dev/shm';

interface Connection {
  exec(sql: string): unknown;
  close(): unknown;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] as number;

/** Transactions a second, the median of the rounds. */
function rate(db: Connection, journalMode: string, commits: number): number {
  db.exec(`pragma journal_mode = ${journalMode}`);
  db.exec('pragma synchronous = full');
  db.exec('create table t (id integer primary key, task text)');
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let commit = 0; commit < commits; commit++) db.exec("insert into t (task) values ('buy milk')");
    rates.push((commits * 1000) / (performance.now() - start));
  }
  db.close();
  return median(rates);
}

/** On real files in a new folder of `parent`; NaN where the peer can not. */
function realRate(parent: string, journalMode: string, commits: number): number {
  if (journalMode === 'wal' || !existsSync(parent)) return Number.NaN;
  const folder = mkdtempSync(path.join(parent, 'sectorlab-bench-'));
  try {
    return rate(new nodeSqlite.Database(path.join(folder, 'todo.db')), journalMode, commits);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const orNone = (value: number, format: (value: number) => string): string =>
  Number.isNaN(value) ? 'none' : format(value);

/** Whether an aim is reached; empty where there is nothing to compare with. */
function verdict(journalMode: string, where: string, ratio: number, aim: number): string {
  if (Number.isNaN(ratio)) return '';
  const outcome = ratio >= aim ? 'reached' : `missed: ${times(ratio)}`;
  return `${journalMode}: ${aim} times the rate on ${where} is ${outcome}`;
}

/** An fs whose calls add up their time, in milliseconds, in `spent`. */
function timed(fs: SqliteFs, spent: { ms: number }): SqliteFs {
  const entries = Object.entries(fs).map(([name, value]) => {
    if (typeof value !== 'function') return [name, value];
    const call = (...given: unknown[]): unknown => {
      const start = performance.now();
      try {
        return value(...given);
      } finally {
        spent.ms += performance.now() - start;
      }
    };
    return [name, call];
  });
  return Object.fromEntries(entries) as unknown as SqliteFs;
}

export async function run(): Promise<void> {
  const vfs = installVfs(await sqlite3InitModule());
  const open = async (writeLog: boolean, below: (fs: SqliteFs) => SqliteFs = (fs) => fs) => {
    const machine = await Machine.create({ volume: true, writeLog });
    vfs.use({ fs: below(nodeFs(machine)), machine });
    return vfs.open('/todo.db');
  };
  const disk = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
  const rows: string[][] = [];
  const verdicts: string[] = [];
  for (const journalMode of JOURNAL_MODES) {
    const logged = rate(await open(true), journalMode, COMMITS);
    const plain = rate(await open(false), journalMode, COMMITS);
    const tmpfs = realRate(SHARED_MEMORY, journalMode, COMMITS);
    const onDisk = realRate(disk, journalMode, DISK_COMMITS);
    rows.push([
      journalMode,
      ...[logged, plain, tmpfs, onDisk].map((value) => orNone(value, count)),
      orNone(logged / tmpfs, times),
      orNone(logged / onDisk, times),
    ]);
    verdicts.push(verdict(journalMode, 'tmpfs', logged / tmpfs, TMPFS_AIM));
    verdicts.push(verdict(journalMode, 'the disk', logged / onDisk, DISK_AIM));
  }
  printTable(
    [
      'journal mode',
      'logged: tx/s',
      'not logged: tx/s',
      'tmpfs: tx/s',
      'disk: tx/s',
      'logged / tmpfs',
      'logged / disk',
    ],
    rows,
  );

  for (const line of verdicts) if (line !== '') console.log(`  ${line}`);

  const spent = { ms: 0 };
  const db = await open(true, (fs) => timed(fs, spent));
  const processor = process.cpuUsage();
  const start = performance.now();
  rate(db, 'delete', COMMITS);
  const all = performance.now() - start;
  const { user, system } = process.cpuUsage(processor);
  const processorUs = (user + system) / (ROUNDS * COMMITS);
  console.log(
    `  of the time with a write log (mode delete), the fs below SQLite takes ${((spent.ms / all) * 100).toFixed(0)} %; ` +
      `of the processor, a transaction takes ${count(processorUs)} µs`,
  );
}
