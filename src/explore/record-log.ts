// What recording looks up in a write log: where its marks are, whether anything was volatile, a hash, how two logs differ.
//
// Verbs: readLogFacts, firstDifference. Virtual times do not count, all else does.

import type { LogEntry, WriteLog } from '../write-log/entries.ts';
import { LogHash } from './record-hash.ts';

export interface LogFacts {
  /** By the number of a mark, counted from 1: entries up to it. */
  readonly markSteps: readonly number[];
  readonly writes: number;
  /** Flushes, and writes that are durable when they complete (FUA). */
  readonly syncs: number;
  /** 16 hexadecimal digits. */
  readonly hash: string;
}

/** What of an entry must be the same in each run. */
function wordsOf(entry: LogEntry): string {
  const { offset: _, timeNs: __, ...rest } = entry;
  return JSON.stringify(rest);
}

const hasBytes = (entry: LogEntry): entry is Extract<LogEntry, { kind: 'submit' }> =>
  entry.kind === 'submit' && entry.byteCount > 0;

export function readLogFacts(log: WriteLog): LogFacts {
  const markSteps: number[] = [0];
  const hash = new LogHash();
  let step = 0;
  let writes = 0;
  let syncs = 0;
  for (const entry of log.entries()) {
    step++;
    hash.addText(wordsOf(entry));
    if (hasBytes(entry)) hash.addBytes(entry.data());
    if (entry.kind === 'mark') markSteps.push(step);
    if (entry.kind !== 'submit') continue;
    if (entry.operation === 'flush' || entry.isFua) syncs++;
    if (entry.operation !== 'flush') writes++;
  }
  return { markSteps, writes, syncs, hash: hash.digits };
}

function isSame(left: LogEntry, right: LogEntry): boolean {
  if (wordsOf(left) !== wordsOf(right)) return false;
  if (!hasBytes(left) || !hasBytes(right)) return true;
  const other = right.data();
  return left.data().every((byte, index) => byte === other[index]);
}

/** The first entries that differ, undefined where a log has ended; nothing when both logs say the same. */
export function firstDifference(
  left: WriteLog,
  right: WriteLog,
): readonly [left: LogEntry | undefined, right: LogEntry | undefined] | undefined {
  const rights = right.entries();
  for (const entry of left.entries()) {
    const { done, value } = rights.next();
    if (done === true) return [entry, undefined];
    if (!isSame(entry, value)) return [entry, value];
  }
  const { done, value } = rights.next();
  return done === true ? undefined : [undefined, value];
}
