// What a whole run comes to, in the few numbers that a change of an option shows in.
//
// Verbs: totalsOf, compareTotals.

import { OP_WRITE, RECORD_COMPLETED, RECORD_ISSUED, RECORD_WRITTEN } from '../../../../assembly/layout.ts';
import { SECTOR_SIZE } from '../../../../assembly/limits.ts';
import { formatBytes, formatCount, formatTime } from '../../model/describe.ts';
import { Fold } from '../../model/fold.ts';
import { hitRatio, mergeRatio } from '../../model/ratios.ts';
import type { Run } from '../../model/run.ts';

export interface Totals {
  readonly timeNs: number;
  /** Requests that went to drives. */
  readonly requests: number;
  /** Pieces that are in the request of another, of all pieces; 0 to 1, undefined without any. */
  readonly mergeRatio: number | undefined;
  /** Pages found in the cache, of all that were looked up. */
  readonly hitRatio: number | undefined;
  readonly pagesWritten: number;
  /** Bytes of the writes that drives completed. */
  readonly writtenBytes: number;
}

/** From the records of a run that is known to its end. */
export function totalsOf(run: Run): Totals {
  // without clients: whose requests they are is not asked here
  const fold = new Fold({ ...run.shape, clients: [] });
  let requests = 0;
  let pagesWritten = 0;
  let sectorsWritten = 0;
  for (let step = 1; step <= run.stepCount; step++) {
    fold.beginStep(step);
    const [first, end] = run.recordsOf(step);
    for (let number = first; number < end; number++) {
      const record = run.records.look(number);
      const { kind, operation, count, detail } = record;
      fold.apply(record);
      if (kind === RECORD_ISSUED) requests++;
      else if (kind === RECORD_WRITTEN) pagesWritten += count;
      else if (kind === RECORD_COMPLETED && operation === OP_WRITE && detail >= 0) sectorsWritten += count;
    }
  }
  const timeNs = run.timeNs(run.stepCount);
  const { cache, drives } = fold.state(timeNs);
  return {
    timeNs,
    requests,
    mergeRatio: mergeRatio(drives),
    hitRatio: hitRatio(cache),
    pagesWritten,
    writtenBytes: sectorsWritten * SECTOR_SIZE,
  };
}

export interface Comparison {
  readonly name: string;
  readonly own: string;
  readonly now: string;
  /** '+12 %', '−3 points', 'same'. */
  readonly difference: string;
  readonly isSame: boolean;
}

/** A row for each number: the scene's own, the one with the changes, and what lies between. */
export function compareTotals(own: Totals, now: Totals): Comparison[] {
  return [
    measure('Virtual time', own.timeNs, now.timeNs, formatTime),
    measure('Requests at drives', own.requests, now.requests, formatCount),
    share('Merge ratio', own.mergeRatio, now.mergeRatio),
    share('Hit ratio', own.hitRatio, now.hitRatio),
    measure('Pages written back', own.pagesWritten, now.pagesWritten, formatCount),
    measure('Bytes written to drives', own.writtenBytes, now.writtenBytes, formatBytes),
  ];
}

function measure(name: string, own: number, now: number, format: (value: number) => string): Comparison {
  const row = { name, own: format(own), now: format(now), isSame: own === now };
  if (row.isSame) return { ...row, difference: 'same' };
  if (own === 0) return { ...row, difference: `+${format(now)}` };
  const factor = now / own;
  if (factor >= 2) return { ...row, difference: `× ${short(factor)}` };
  return { ...row, difference: `${signed(Math.round((factor - 1) * 1000) / 10)} %` };
}

function short(value: number): string {
  return value >= 100 ? formatCount(Math.round(value)) : String(Math.round(value * 10) / 10);
}

function share(name: string, own: number | undefined, now: number | undefined): Comparison {
  const percent = (value: number | undefined): string =>
    value === undefined ? 'none' : `${(value * 100).toFixed(1)} %`;
  const row = { name, own: percent(own), now: percent(now), isSame: own === now };
  if (row.isSame) return { ...row, difference: 'same' };
  if (own === undefined || now === undefined) return { ...row, difference: 'not to be compared' };
  return { ...row, difference: `${signed(Math.round((now - own) * 1000) / 10)} points` };
}

function signed(value: number): string {
  return value < 0 ? `−${-value}` : `+${value}`;
}
