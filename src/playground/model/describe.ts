// Records and numbers in words.
//
// Verbs: describe (one record as a sentence), formatTime, formatCount, byteRange, hueOf. Sentences say what the record
// says and nothing more; meaning is the scene's business.

import {
  MERGE_FLAGS,
  MERGE_NO_CANDIDATE,
  MERGE_NOT_ADJACENT,
  MERGE_OPERATION_DIFFERS,
  MERGE_SWITCHED_OFF,
  MERGE_TOO_MANY_SECTORS,
  MERGE_TOO_MANY_SEGMENTS,
  OP_DISCARD,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
  OP_WRITE_ZEROES,
  WRITEBACK_EVICTION,
} from '../../../assembly/layout.ts';
import { PAGE_SHIFT, PAGE_SIZE, SECTOR_SHIFT } from '../../../assembly/limits.ts';
import type { MachineRecord, RecordKind } from '../../records.ts';

export const SECTORS_PER_PAGE = 1 << (PAGE_SHIFT - SECTOR_SHIFT);

/** What a request does, as a class of the style sheet: its hue. */
export type Hue = 'read' | 'write' | 'flush' | 'discard';

const HUES: ReadonlyMap<number, Hue> = new Map([
  [OP_READ, 'read'],
  [OP_WRITE, 'write'],
  [OP_DISCARD, 'discard'],
  [OP_WRITE_ZEROES, 'discard'],
  [OP_FLUSH, 'flush'],
]);

const BLOCK_OPERATIONS = ['read', 'write', 'discard', 'write zeroes', 'flush'];
/** Operations on a file: as on a drive, but that the flush is a sync (assembly/base/operation.ts). */
const FILE_OPERATIONS = ['read', 'write', 'discard', 'write zeroes', 'fsync', 'fdatasync', 'truncate'];

const NOT_MERGED: ReadonlyMap<number, string> = new Map([
  [MERGE_NO_CANDIDATE, 'nothing waits to be merged with'],
  [MERGE_SWITCHED_OFF, 'merging is off'],
  [MERGE_FLAGS, 'such a request is never merged'],
  [MERGE_OPERATION_DIFFERS, 'what waits is another operation'],
  [MERGE_NOT_ADJACENT, 'not adjacent to what waits'],
  [MERGE_TOO_MANY_SECTORS, 'the request would be too long'],
  [MERGE_TOO_MANY_SEGMENTS, 'the request would have too many pieces'],
]);

export function hueOf(operation: number): Hue {
  return HUES.get(operation) ?? 'flush';
}

export function blockOperation(operation: number): string {
  return BLOCK_OPERATIONS[operation] ?? `operation ${operation}`;
}

export function fileOperation(operation: number): string {
  return FILE_OPERATIONS[operation] ?? `operation ${operation}`;
}

const counts = new Intl.NumberFormat('en-US');

/** 53,248 */
export function formatCount(count: number): string {
  return counts.format(count);
}

/** 1 write, 2 writes */
export function formatCounted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** 1,240 µs */
export function formatTime(nanoseconds: number): string {
  return `${formatCount(Math.floor(nanoseconds / 1000))} µs`;
}

/** 1,000 B or 28 KiB */
export function formatBytes(bytes: number): string {
  return bytes >= 1024 && bytes % 1024 === 0 ? `${formatCount(bytes / 1024)} KiB` : `${formatCount(bytes)} B`;
}

/** page 6, or pages 7–19 */
function pageRange(first: number, count: number): string {
  return count === 1 ? `page ${first}` : `pages ${first}–${first + count - 1}`;
}

/** Numbers of the pages in which sectors lie: 6, or 7–19. */
export function sectorPages(sector: number, sectorCount: number): string {
  const first = Math.floor(sector / SECTORS_PER_PAGE);
  const last = Math.floor((sector + sectorCount - 1) / SECTORS_PER_PAGE);
  return first === last ? String(first) : `${first}–${last}`;
}

/** Bytes as the pages they lie in; with the offset where they do not begin a page. */
export function byteRange(offsetBytes: number, lengthBytes: number): string {
  const first = Math.floor(offsetBytes / PAGE_SIZE);
  const last = Math.floor((offsetBytes + lengthBytes - 1) / PAGE_SIZE);
  const within = offsetBytes % PAGE_SIZE;
  return pageRange(first, last - first + 1) + (within === 0 ? '' : ` + ${within}`);
}

function transfer({ operation, address, count }: MachineRecord): string {
  const name = fileOperation(operation);
  return count === 0 ? name : `${name} of ${formatBytes(count)} at ${byteRange(address, count)}`;
}

function sectors({ address, count }: MachineRecord): string {
  return `${formatCounted(count, 'sector')} from ${formatCount(address)}`;
}

function request(record: MachineRecord): string {
  const name = `request #${record.id}, ${blockOperation(record.operation)}`;
  return record.count === 0 ? name : `${name} of ${sectors(record)}`;
}

function outcome(result: number): string {
  return result < 0 ? `error ${result}` : formatCount(result);
}

const pagesOf = (record: MachineRecord): string => pageRange(record.address, record.count);

const SENTENCES: Partial<Record<RecordKind, (record: MachineRecord) => string>> = {
  aioAccepted: (record) => `accepted: ${transfer(record)}`,
  aioEvent: (record) => `event on the ring, result ${outcome(record.detail)}`,
  operationStarted: (record) => `operation ${record.id} starts: ${transfer(record)}`,
  operationEnded: (record) => `operation ${record.id} ends, result ${outcome(record.detail)}`,
  pageHit: (record) => `${pagesOf(record)}: hit`,
  pageMiss: (record) => `${pagesOf(record)}: miss`,
  readIn: (record) => `read-in of ${pagesOf(record)}`,
  dirtied: (record) => `${pagesOf(record)} became dirty; ${formatCount(record.detail)} dirty now`,
  writeback: (record) =>
    `write-back of ${pagesOf(record)} for ${record.detail === WRITEBACK_EVICTION ? 'eviction' : 'sync'}`,
  written: (record) => `${pagesOf(record)}: written`,
  evicted: (record) => `${pagesOf(record)} left the cache${record.detail === 1 ? ', written first' : ''}`,
  throttled: (record) => `a writer waits for room for ${pagesOf(record)}`,
  pagesDiscarded: (record) => `${pagesOf(record)} discarded`,
  queued: (record) => `${request(record)}: queued; ${NOT_MERGED.get(record.detail & 0xff) ?? 'not merged'}`,
  backMerged: (record) => `${sectors(record)} joined the back of request #${record.detail}`,
  frontMerged: (record) => `${sectors(record)} joined the front of request #${record.detail}`,
  issued: (record) => `${request(record)}: to the drive`,
  completed: (record) =>
    `${request(record)}: completed${record.detail < 0 ? `, error ${record.detail}` : ''}`,
  volatile: (record) =>
    `request #${record.id} is in the volatile cache; ${formatCount(record.detail)} held there`,
  flushed: (record) => `flush #${record.id} made ${formatCounted(record.count, 'write')} durable`,
  destaged: (record) => `request #${record.id} moved to the media: the volatile cache was full`,
};

export function describe(record: MachineRecord): string {
  return SENTENCES[record.kind]?.(record) ?? record.kind;
}

/** Kinds whose operation says what moves; the others are about the cache's bookkeeping or the rings. */
const HUED: ReadonlySet<RecordKind> = new Set([
  'readIn',
  'writeback',
  'written',
  'queued',
  'backMerged',
  'frontMerged',
  'issued',
  'completed',
  'volatile',
  'flushed',
  'destaged',
]);

/** Hue of a record in the log; undefined where it moves nothing. */
export function recordHue(record: MachineRecord): Hue | undefined {
  return HUED.has(record.kind) ? hueOf(record.operation) : undefined;
}

/** Layer that made a record, by kind. */
export function layerOf(kind: RecordKind): 'rings' | 'files' | 'cache' | 'block' | 'drive' {
  if (kind.startsWith('aio') || kind.startsWith('usrbio')) return 'rings';
  if (kind.startsWith('operation')) return 'files';
  if (kind === 'queued' || kind === 'backMerged' || kind === 'frontMerged') return 'block';
  if (['issued', 'completed', 'flushed', 'volatile', 'destaged', 'kept', 'lost'].includes(kind))
    return 'drive';
  return 'cache';
}
