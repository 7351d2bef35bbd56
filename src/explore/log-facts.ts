// What a write log holds that a search over it must know beside the states: how many requests, what the marks say and when, how far it reaches.
//
// Verbs: readDriveLog, marksBefore.

import { SECTOR_SIZE } from '../../assembly/limits.ts';
import type { WriteLog } from '../write-log/entries.ts';
import { readLogFacts } from './record-log.ts';

/** A mark, and the step behind it: a crash at that step or later has seen it. */
export interface LogMarkFacts {
  readonly step: number;
  readonly text: string;
}

/** Of one drive, but for the marks, which are of all. */
export interface DriveLogFacts {
  readonly entries: number;
  readonly writes: number;
  readonly flushes: number;
  readonly fuaWrites: number;
  readonly marks: readonly LogMarkFacts[];
  /** Tags of its requests, each once. */
  readonly tags: readonly number[];
  /** Behind the last byte that a request touches. */
  readonly endBytes: number;
  /** The end of the stream cuts an entry: whole are the bytes before. */
  readonly wholeBytes: number;
  /** Over every entry. */
  readonly hash: string;
}

/** Goes through the log once. Throws WriteLogError for a log that is damaged. */
export function readDriveLog(log: WriteLog, drive: number): DriveLogFacts {
  let [entries, writes, flushes, fuaWrites, endBytes] = [0, 0, 0, 0, 0];
  const marks: LogMarkFacts[] = [];
  const tags = new Set<number>();
  const stream = log.entries();
  let next = stream.next();
  for (; next.done !== true; next = stream.next()) {
    const entry = next.value;
    entries++;
    if ((entry.kind === 'submit' || entry.kind === 'part') && entry.tag !== 0) tags.add(entry.tag);
    if (entry.kind === 'mark') marks.push({ step: entries, text: entry.text });
    if (entry.kind !== 'submit' || entry.drive !== drive) continue;
    if (entry.operation === 'flush') {
      flushes++;
      continue;
    }
    writes++;
    if (entry.isFua) fuaWrites++;
    endBytes = Math.max(endBytes, (entry.sector + entry.sectorCount) * SECTOR_SIZE);
  }
  return {
    entries,
    writes,
    flushes,
    fuaWrites,
    marks,
    tags: [...tags],
    endBytes,
    wholeBytes: next.value?.offset ?? log.bytes,
    hash: readLogFacts(log).hash,
  };
}

/** Texts of the marks that a crash at this step has seen. */
export function marksBefore(facts: DriveLogFacts, step: number): string[] {
  return facts.marks.filter((mark) => mark.step <= step).map(({ text }) => text);
}
