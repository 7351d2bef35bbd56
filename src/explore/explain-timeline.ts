// The timeline of a finding: what was written, flushed and promised from the last flush before the missing write to the crash.
//
// Verbs: timelineOf.

import type { LoggedWrite } from '../crash/log-facts.ts';
import { lineOf, valueText, type Words } from './explain-words.ts';
import type { Level } from './parts.ts';
import type { Shrunk } from './shrink.ts';
import { isWhollyLost } from './shrink-ties.ts';
import type { TimelineRow } from './types.ts';

/** The rows in the order of their steps; the last one is the crash. */
export function timelineOf<Value>(level: Level<Value>, words: Words<Value>, shrunk: Shrunk): TimelineRow[] {
  const { point } = shrunk;
  const start = startOf(level, words, shrunk);
  const isIn = (step: number | undefined): step is number =>
    step !== undefined && step >= start && step <= point.lastStep;
  const rows: TimelineRow[] = [];
  const add = (
    step: number,
    kind: TimelineRow['kind'],
    what: string,
    line = '',
    fate?: TimelineRow['fate'],
    place?: Pick<TimelineRow, 'operation' | 'offset' | 'length' | 'domain'>,
  ) => rows.push({ step, kind, fate, what, line, ...place });
  for (const write of level.explorer.writes)
    if (isIn(write.submitted))
      add(
        write.submitted,
        'write',
        words.what(write),
        words.line(write),
        fateOf(write, shrunk),
        placeOf(write),
      );
  for (const flush of words.flushes) {
    if (!isIn(flush.completed)) continue;
    const call = words.call(flush.tag);
    add(flush.completed, 'flush', call?.text ?? 'flush', lineOf(call?.stack() ?? []));
  }
  for (const { value, attempted, acknowledged } of level.recording.promises) {
    if (isIn(attempted) && attempted !== acknowledged) add(attempted, 'attempt', valueText(value));
    if (isIn(acknowledged)) add(acknowledged, 'ack', valueText(value));
  }
  // what is promised at a step comes behind what was written there
  const order = ['write', 'flush', 'ack', 'attempt'];
  rows.sort((left, right) => left.step - right.step || order.indexOf(left.kind) - order.indexOf(right.kind));
  add(point.lastStep, 'crash', level.crash);
  return rows;
}

/** The last flush before the first missing write; before the crash when nothing is missing. */
function startOf<Value>(level: Level<Value>, words: Words<Value>, { lost, point }: Shrunk): number {
  const steps = [...lost.keys()].map((index) => level.explorer.writes[index]?.submitted ?? 0);
  const first = Math.min(point.step, ...steps);
  const flush = words.flushes.findLast(({ completed }) => completed !== undefined && completed < first);
  return flush?.completed ?? 0;
}

function placeOf({ operation, offset, length, domain }: LoggedWrite) {
  return { operation, offset, length, domain };
}

function fateOf(write: LoggedWrite, { lost, point }: Shrunk): TimelineRow['fate'] {
  const losses = lost.get(write.index);
  if (losses !== undefined) return isWhollyLost(write, losses) ? 'missing' : 'torn';
  return write.durable !== undefined && write.durable <= point.step ? 'durable' : 'kept';
}
