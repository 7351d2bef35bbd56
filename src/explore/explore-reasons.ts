// Why a run says nothing about crashes, in words: the check fails without one, two runs differ, nothing could be lost.
//
// Verbs: brokenBy, differingRuns, unmeasured.

import type { LogEntry } from '../write-log/entries.ts';
import { lineOf } from './explain-words.ts';
import type { CallSite, Failure } from './parts.ts';
import type { RecordedRun } from './record.ts';
import { firstDifference } from './record-log.ts';
import { userFrames } from './record-stack.ts';

/** What was thrown, and at which line of the user's: test runners do not show causes. */
function thrownText(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const line = lineOf(userFrames(cause.stack));
  return line === '' ? cause.message : `${cause.message} (${line})`;
}

/** The workload (or its setup) threw; `cause` is what. */
export class WorkloadError extends Error {
  override readonly name = 'WorkloadError';
  readonly code = 'ERR_SECTORLAB_WORKLOAD';

  constructor(what: 'setup' | 'workload', cause: unknown) {
    super(`the ${what} threw: ${thrownText(cause)}`, { cause });
  }
}

/** The check fails on what the run leaves without a crash. */
export function brokenBy({ name, message, stack }: Failure): string {
  const error = stack?.includes(message) === true ? stack : `${name}: ${message}`;
  return `the check fails without any crash, when everything has been written: ${error}`;
}

function callOf(tag: number, calls: ReadonlyMap<number, CallSite>): string {
  const call = calls.get(tag);
  if (call === undefined) return '';
  const [line] = call.stack();
  return `, of ${call.text}${line === undefined ? '' : ` at ${line}`}`;
}

function describe(entry: LogEntry | undefined, calls: ReadonlyMap<number, CallSite>): string {
  if (entry === undefined) return 'had ended';
  if (entry.kind === 'mark') return `said '${entry.text}'`;
  if (entry.kind === 'complete') return `ended a ${entry.operation} with ${entry.result}`;
  const range = entry.operation === 'flush' ? '' : ` of ${entry.sectorCount} sectors at ${entry.sector}`;
  return `made a ${entry.operation}${range}${callOf(entry.tag, calls)}`;
}

/** How the second of two runs of one workload differs from the first; undefined when it does not. */
export function differingRuns<Value>(
  first: RecordedRun<Value>,
  second: RecordedRun<Value>,
): string | undefined {
  if (first.recording.hash === second.recording.hash) return undefined;
  const difference = firstDifference(first.log, second.log);
  if (difference === undefined) return undefined;
  const [left, right] = difference;
  const one = describe(left, first.recording.calls);
  const other = describe(right, second.recording.calls);
  const how = one === other ? `${one}, with other bytes in either` : `the first ${one}, the second ${other}`;
  return `two runs of the workload differ: ${how}. It must do the same each time: Date, Math.random and what is left from an earlier run are the usual reasons`;
}

/** Why nothing could have been lost; undefined when something could. */
export function unmeasured<Value>(
  { facts, recording }: RecordedRun<Value>,
  losses: { readonly isPossible: boolean; readonly needsFlush: boolean; readonly checked: number },
): string | undefined {
  const reasons: string[] = [];
  if (facts.writes === 0) reasons.push('the workload wrote nothing');
  else if (!losses.isPossible) reasons.push('no write was volatile: at no point could a crash have lost any');
  if (losses.needsFlush && facts.syncs === 0)
    reasons.push(
      'no flush and no FUA write reached the drive: the workload never asked for anything to be durable',
    );
  if (recording.promises.every(({ acknowledged }) => acknowledged === undefined))
    reasons.push('nothing was acknowledged: ack(value) says what has been promised');
  if (losses.checked === 0) reasons.push('no image was checked before the search was stopped');
  return reasons.length === 0 ? undefined : reasons.join('; ');
}
