// What the explorer's core has read from a write log, for people: writes, crash points, marks, and why a log is refused.
//
// Verbs: readWrites, readPoints, refusal.

import {
  CRASH_ERROR,
  CRASH_ERROR_ENTRY,
  CRASH_ERROR_OFFSET,
  CRASH_MARK_BYTES,
  CRASH_MARK_COUNT,
  CRASH_MARK_SIZE,
  CRASH_MARK_STEP,
  CRASH_MARK_TEXT,
  CRASH_MARKS,
  CRASH_POINT_COUNT,
  CRASH_POINT_KIND,
  CRASH_POINT_LAST_STEP,
  CRASH_POINT_NUMBER,
  CRASH_POINT_SIZE,
  CRASH_POINT_STEP,
  CRASH_POINTS,
  CRASH_WRITE_CHAIN,
  CRASH_WRITE_COMPLETED,
  CRASH_WRITE_COUNT,
  CRASH_WRITE_DOMAIN,
  CRASH_WRITE_DURABLE,
  CRASH_WRITE_FAILED,
  CRASH_WRITE_FLAGS,
  CRASH_WRITE_LINK,
  CRASH_WRITE_NUMBER,
  CRASH_WRITE_OPERATION,
  CRASH_WRITE_SECTOR,
  CRASH_WRITE_SECTORS,
  CRASH_WRITE_SIZE,
  CRASH_WRITE_SUBMITTED,
  CRASH_WRITE_TAG,
  CRASH_WRITES,
  LOG_FLAG_FUA,
  LOG_FLAG_TOGETHER,
  LOG_FLAG_UNTORN,
} from '../../assembly/layout.ts';
import type { SparseMemory } from '../backing/sparse-memory.ts';
import type { LinearMemory } from '../core/linear-memory.ts';
import { WriteLogError } from '../errors.ts';

const NEVER = 0xffffffff;
const OPERATIONS = ['read', 'write', 'discard', 'writeZeroes', 'flush'] as const;
const KINDS = ['start', 'submit', 'durableWrite', 'flush', 'failure'] as const;

/** A write of the log that reaches the media (or a discard, or a write of zeros). Steps count entries of the log, from 1. */
export interface LoggedWrite {
  /** Its place among these writes: what states name it by. */
  readonly index: number;
  /** Number of its request in the log. Parts of a merged request share it. */
  readonly number: number;
  readonly operation: 'write' | 'discard' | 'writeZeroes';
  /** Bytes of the drive. */
  readonly offset: number;
  readonly length: number;
  /** What the caller tagged it with, and what it belongs to; 0: nothing. */
  readonly tag: number;
  readonly domain: number;
  readonly isFua: boolean;
  /** It is there as a whole or not at all, however the drive tears. */
  readonly isUntorn: boolean;
  /** It is there only together with the next write of its chain of which this is not said. */
  readonly isTogether: boolean;
  /** Of the writes of a chain that are uncertain only the first ones can be there; 0: in no chain. */
  readonly chain: number;
  /** Writes of a chain with the same link are there together or not at all; 0: in no chain. */
  readonly link: number;
  readonly submitted: number;
  /** Steps at which the drive reported it done, it became durable, it was found to have failed; undefined: never. */
  readonly completed: number | undefined;
  readonly durable: number | undefined;
  readonly failed: number | undefined;
}

/** A step at which the set of possible crash images changes. */
export interface CrashPoint {
  readonly index: number;
  /** Entries of the log before the crash. */
  readonly step: number;
  /** The last step before something changes again: a crash at any step from `step` to here leaves the same images. */
  readonly lastStep: number;
  readonly kind: (typeof KINDS)[number];
  /** Number of the request that was submitted or completed. */
  readonly number: number;
  /** Marks set from here on, before the next crash point. */
  readonly marks: readonly string[];
}

/** A step, or undefined for one that never comes. */
function stepOf(memory: LinearMemory, address: number): number | undefined {
  const step = memory.u32(address);
  return step === NEVER ? undefined : step;
}

export function readWrites(memory: LinearMemory, report: number): LoggedWrite[] {
  const first = memory.u32(report + CRASH_WRITES);
  return Array.from({ length: memory.u32(report + CRASH_WRITE_COUNT) }, (_, index) => {
    const at = first + index * CRASH_WRITE_SIZE;
    const flags = memory.u32(at + CRASH_WRITE_FLAGS);
    return {
      index,
      number: memory.u64(at + CRASH_WRITE_NUMBER),
      operation: OPERATIONS[memory.u32(at + CRASH_WRITE_OPERATION)] as LoggedWrite['operation'],
      offset: memory.u64(at + CRASH_WRITE_SECTOR) * 512,
      length: memory.u32(at + CRASH_WRITE_SECTORS) * 512,
      tag: memory.u64(at + CRASH_WRITE_TAG),
      domain: memory.u32(at + CRASH_WRITE_DOMAIN),
      isFua: (flags & LOG_FLAG_FUA) !== 0,
      isUntorn: (flags & LOG_FLAG_UNTORN) !== 0,
      isTogether: (flags & LOG_FLAG_TOGETHER) !== 0,
      chain: memory.u32(at + CRASH_WRITE_CHAIN),
      link: memory.u32(at + CRASH_WRITE_LINK),
      submitted: memory.u32(at + CRASH_WRITE_SUBMITTED),
      completed: stepOf(memory, at + CRASH_WRITE_COMPLETED),
      durable: stepOf(memory, at + CRASH_WRITE_DURABLE),
      failed: stepOf(memory, at + CRASH_WRITE_FAILED),
    };
  });
}

function readMarks(memory: LinearMemory, report: number, log: SparseMemory): [step: number, text: string][] {
  const first = memory.u32(report + CRASH_MARKS);
  return Array.from({ length: memory.u32(report + CRASH_MARK_COUNT) }, (_, index) => {
    const at = first + index * CRASH_MARK_SIZE;
    const text = new Uint8Array(memory.u32(at + CRASH_MARK_BYTES));
    log.read(text, memory.u64(at + CRASH_MARK_TEXT));
    return [memory.u32(at + CRASH_MARK_STEP), new TextDecoder().decode(text).replace(/\0+$/, '')];
  });
}

export function readPoints(memory: LinearMemory, report: number, log: SparseMemory): CrashPoint[] {
  const first = memory.u32(report + CRASH_POINTS);
  const marks = readMarks(memory, report, log);
  let nextMark = 0;
  return Array.from({ length: memory.u32(report + CRASH_POINT_COUNT) }, (_, index) => {
    const at = first + index * CRASH_POINT_SIZE;
    const lastStep = memory.u32(at + CRASH_POINT_LAST_STEP);
    const here: string[] = [];
    for (let mark = marks[nextMark]; mark !== undefined && mark[0] <= lastStep; mark = marks[++nextMark])
      here.push(mark[1]);
    return {
      index,
      step: memory.u32(at + CRASH_POINT_STEP),
      lastStep,
      kind: KINDS[memory.u32(at + CRASH_POINT_KIND)] as CrashPoint['kind'],
      number: memory.u64(at + CRASH_POINT_NUMBER),
      marks: here,
    };
  });
}

/** By CRASH_LOG_…: the field that is wrong, and what is wrong with it. */
const REFUSALS: readonly (readonly [field: string, found: string])[] = [
  ['', ''],
  ['the header', 'not that of a write log'],
  ['the version', 'one that is not known'],
  ['the entry', 'cut off'],
  ['the kind', 'one that is not known'],
  ['the operation', 'one that is not known, or a read'],
  ['the drive', 'not one of the log'],
  ['the range of sectors', 'empty, or beyond the largest drive'],
  ['the payload', 'not as long as the operation wants it'],
  ['the number of the request', 'not greater than the one before'],
  ['the request that completes', 'one that was never submitted'],
  ['the request that completes', 'complete already'],
  ['the part', 'not one of the request before it'],
  ['the chain', '0, though the write is there only together with the next one of its chain'],
];

/** Why the core has refused the log, or undefined when it has not. */
export function refusal(memory: LinearMemory, report: number): WriteLogError | undefined {
  const reason = memory.u32(report + CRASH_ERROR);
  if (reason === 0) return undefined;
  const [field, found] = REFUSALS[reason] ?? ['the log', 'damaged'];
  const entry = memory.u32(report + CRASH_ERROR_ENTRY);
  const where = entry === 0 ? field : `${field} of entry ${entry}`;
  return new WriteLogError(undefined, memory.u64(report + CRASH_ERROR_OFFSET), where, found);
}
