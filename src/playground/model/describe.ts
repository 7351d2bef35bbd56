// Records as sentences, one for each kind.
//
// Verbs: describe, recordHue, layerOf. A sentence says what its record says and nothing more, in words that a learner knows; what it means for
// the scene is the caption's business.

import {
  FLUSH_ASKED,
  FLUSH_BACKGROUND,
  FLUSH_PERIODIC,
  OP_FLUSH,
  USRBIO_JOB_ALL,
  USRBIO_JOB_DEPTH,
  USRBIO_JOB_REST,
  USRBIO_JOB_TIMEOUT,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  WRITEBACK_EVICTION,
  WRITEBACK_FLUSHER,
  WRITEBACK_SYNC,
} from '../../../assembly/layout.ts';
import type { MachineRecord, RecordKind } from '../../records.ts';
import { byteRange, formatBytes, formatCount, formatCounted, formatDuration, pageRange } from './formats.ts';
import type { Hue } from './types.ts';
import {
  apartWords,
  blockOperation,
  fileHue,
  fileOperation,
  guestHue,
  guestOperation,
  hueOf,
  splitWords,
} from './words.ts';

export {
  byteRange,
  formatBytes,
  formatCount,
  formatCounted,
  formatDuration,
  formatTime,
  SECTORS_PER_PAGE,
  sectorPages,
} from './formats.ts';
export type { Hue } from './types.ts';
export { blockOperation, fileOperation, hueOf } from './words.ts';

/** Where in the stack a record was made. */
export type Layer = 'rings' | 'guests' | 'files' | 'cache' | 'block' | 'drive';

type Sentence = (record: MachineRecord) => string;

const WRITEBACK_WHY: ReadonlyMap<number, string> = new Map([
  [WRITEBACK_EVICTION, 'to make room'],
  [WRITEBACK_SYNC, 'for a sync'],
  [WRITEBACK_FLUSHER, 'by the flusher'],
]);

const FLUSHER_WHY: ReadonlyMap<number, string> = new Map([
  [FLUSH_PERIODIC, 'some have been dirty for long'],
  [FLUSH_BACKGROUND, 'more are dirty than the background limit'],
  [FLUSH_ASKED, 'it was asked to'],
]);

const JOB_WHY: ReadonlyMap<number, string> = new Map([
  [USRBIO_JOB_DEPTH, 'as many as io_depth'],
  [USRBIO_JOB_ALL, 'all that are there'],
  [USRBIO_JOB_REST, 'the rest'],
  [USRBIO_JOB_TIMEOUT, 'the timeout is over'],
]);

const GUEST_STATUS = ['ok', 'I/O error', 'not supported'];

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

function guestRequest({ operation: type, id, address, count }: MachineRecord): string {
  const isTransfer = type === VIRTIO_BLK_T_IN || type === VIRTIO_BLK_T_OUT;
  const what = isTransfer
    ? `${guestOperation(type)} of ${formatBytes(count)} from sector ${formatCount(address)}`
    : guestOperation(type);
  return `the guest's request ${id}, ${what}: taken from its queue`;
}

function batch({ address, count, detail }: MachineRecord): string {
  const offered = `io_submit of ${formatCounted(count, 'request')} of the batch, from number ${formatCount(address)}`;
  return `${offered}: ${detail < 0 ? outcome(detail) : `${formatCount(detail)} accepted`}`;
}

const SENTENCES: Readonly<Record<RecordKind, Sentence>> = {
  none: () => 'nothing',
  operationStarted: (record) => `operation ${record.id} starts: ${transfer(record)}`,
  operationEnded: (record) => `operation ${record.id} ends, result ${outcome(record.detail)}`,
  pageHit: (record) => `${pagesOf(record)}: hit, it is in the cache`,
  pageMiss: (record) => `${pagesOf(record)}: miss, it is not in the cache`,
  readIn: (record) => `read-in of ${pagesOf(record)}: the cache asks the drive for the bytes`,
  dirtied: (record) => `${pagesOf(record)} became dirty; ${formatCount(record.detail)} dirty now`,
  writeback: (record) => `write-back of ${pagesOf(record)} ${WRITEBACK_WHY.get(record.detail) ?? ''}`.trim(),
  written: (record) => `${pagesOf(record)}: written`,
  evicted: (record) => `${pagesOf(record)} left the cache${record.detail === 1 ? ', written first' : ''}`,
  throttled: (record) => `a writer waits for room for ${pagesOf(record)}`,
  queued: (record) =>
    record.operation === OP_FLUSH
      ? `${request(record)}: queued`
      : `${request(record)}: queued; ${apartWords(record.detail & 0xff)}`,
  backMerged: (record) => `${sectors(record)} joined the back of request #${record.detail}`,
  frontMerged: (record) => `${sectors(record)} joined the front of request #${record.detail}`,
  issued: (record) => `${request(record)}: to the drive`,
  completed: (record) =>
    `${request(record)}: completed${record.detail < 0 ? `, error ${record.detail}` : ''}`,
  flushed: (record) => `flush #${record.id} made ${formatCounted(record.count, 'write')} durable`,
  volatile: (record) =>
    `request #${record.id} is in the volatile cache; ${formatCount(record.detail)} held there`,
  destaged: (record) => `request #${record.id} moved to the media: the volatile cache was full`,
  kept: (record) =>
    record.detail === 0
      ? `power cut: the write of ${sectors(record)} survives`
      : `power cut: ${formatCount(record.detail)} of ${sectors(record)} survive; the write is torn`,
  lost: (record) => `power cut: the write of ${sectors(record)} is lost`,
  guestRequest,
  multireqIssued: (record) => {
    const io = `${blockOperation(record.operation)} of ${sectors(record)}`;
    return record.detail === 1
      ? `one request of the guest goes on alone: ${io}`
      : `${formatCount(record.detail)} requests of the guest go on as one: ${io}`;
  },
  multireqSplit: (record) =>
    `the guest's ${blockOperation(record.operation)} at sector ${formatCount(record.address)} begins a new run: ${splitWords(record.detail)}`,
  guestDone: (record) =>
    `the guest's request ${record.id} is finished: ${GUEST_STATUS[record.detail] ?? `status ${record.detail}`}`,
  aioAccepted: (record) => `accepted: ${transfer(record)}`,
  aioEvent: (record) => `event on the ring, result ${outcome(record.detail)}`,
  pagesDiscarded: (record) => `${pagesOf(record)} discarded: zeros, and nothing to write`,
  aioQueueSubmit: batch,
  aioQueueRetry: (record) =>
    `the ring is full: the batch waits ${formatDuration(record.address)} before try ${formatCount(record.count)}; ${formatCount(record.detail)} left`,
  usrbioPrepared: (record) => `prepared in slot ${record.id}: ${transfer(record)}`,
  usrbioJob: (record) =>
    `job ${record.id} takes ${formatCounted(record.count, 'request')} from the ring: ${JOB_WHY.get(record.detail) ?? 'a part'}`,
  usrbioDone: (record) => `slot ${record.id} is finished, result ${outcome(record.detail)}`,
  guestStopped: (record) =>
    `the guest's request ${record.id} failed with ${outcome(record.detail)}: the guest is stopped until it is told to go on`,
  activated: (record) =>
    `${pagesOf(record)} became active${record.detail === 1 ? ': it left not long ago and came back' : ', used more than once'}`,
  refault: (record) =>
    `page ${formatCount(record.address)} is back; ${formatCounted(record.count, 'page')} came and went since it left`,
  readahead: (record) =>
    `readahead of ${formatCounted(record.count, 'page')} from page ${formatCount(record.address)}, before anyone asks for them`,
  flusher: (record) =>
    `the flusher wants to write ${formatCounted(record.count, 'page')}: ${FLUSHER_WHY.get(record.detail) ?? 'a pass'}`,
  paused: (record) =>
    `a writer pauses for ${formatDuration(record.address)}: ${formatCounted(record.count, 'page')} dirty or on the way, the limit is ${formatCount(record.detail >>> 0)}`,
  commit: (record) =>
    `the volume commits transaction ${formatCount(record.address)}: ${formatCounted(record.count, 'sector')} of names and sizes go to its journal`,
  checkpoint: (record) =>
    `the volume wrote ${formatCounted(record.count, 'sector')} of names and sizes home; its journal is free up to transaction ${formatCount(record.address)}`,
  allocated: (record) =>
    `file ${record.device}: ${formatCounted(record.count, 'block')} from ${formatCount(record.address)} get their place on the volume`,
  fault: (record) => `a fault (rule ${record.detail}) meets ${request(record)}`,
  healed: (record) =>
    `request #${record.id} wrote over damage of rule ${record.detail}: ${sectors(record)} are good again`,
  collected: (record) =>
    `the flash erases block ${formatCount(record.address)}; ${formatCounted(record.count, 'page')} that were still in use had to move`,
  aborted: (record) => `${request(record)}: given up, error ${record.detail}`,
  mark: (record) => `mark ${formatCount(record.address)} in the write log`,
  arrived: (record) => `line ${formatCount(record.id)} of the trace arrives: ${transfer(record)}`,
  entered: (record) => `${pagesOf(record)} gets a place in the cache; none of its bytes are there yet`,
  pageRead: (record) => `${pagesOf(record)} has its bytes from the drive`,
  blocks: (record) => `${pagesOf(record)}: some of its blocks changed`,
  deactivated: (record) => `${pagesOf(record)} is no longer active: unused for longest`,
};

/** A record as a sentence, without its time. */
export function describe(record: MachineRecord): string {
  return SENTENCES[record.kind](record);
}

const LAYERS: Readonly<Record<Layer, readonly RecordKind[]>> = {
  rings: [
    'aioAccepted',
    'aioEvent',
    'aioQueueSubmit',
    'aioQueueRetry',
    'usrbioPrepared',
    'usrbioJob',
    'usrbioDone',
    'arrived',
  ],
  guests: ['guestRequest', 'multireqIssued', 'multireqSplit', 'guestDone', 'guestStopped'],
  files: ['operationStarted', 'operationEnded', 'commit', 'checkpoint', 'allocated'],
  cache: [
    'pageHit',
    'pageMiss',
    'entered',
    'readIn',
    'pageRead',
    'readahead',
    'dirtied',
    'blocks',
    'writeback',
    'written',
    'evicted',
    'throttled',
    'paused',
    'pagesDiscarded',
    'activated',
    'deactivated',
    'refault',
    'flusher',
  ],
  block: ['queued', 'backMerged', 'frontMerged'],
  drive: [
    'none',
    'issued',
    'completed',
    'flushed',
    'volatile',
    'destaged',
    'kept',
    'lost',
    'fault',
    'healed',
    'collected',
    'aborted',
    'mark',
  ],
};

export const LAYER_NAMES = Object.keys(LAYERS) as readonly Layer[];

const LAYER_OF = new Map<RecordKind, Layer>();
for (const layer of LAYER_NAMES) for (const kind of LAYERS[layer]) LAYER_OF.set(kind, layer);

/** The layer that made a record, by kind. */
export function layerOf(kind: RecordKind): Layer {
  return LAYER_OF.get(kind) ?? 'drive';
}

/** Kinds of the cache that move bytes; the others are its bookkeeping. */
const CACHE_HUES: Partial<Record<RecordKind, Hue>> = {
  readIn: 'read',
  readahead: 'read',
  pageRead: 'read',
  dirtied: 'write',
  writeback: 'write',
  written: 'write',
  flusher: 'write',
  pagesDiscarded: 'discard',
};

/** Kinds of rings and drives whose operation says nothing. */
const HUELESS: ReadonlySet<RecordKind> = new Set([
  'none',
  'aioEvent',
  'aioQueueSubmit',
  'aioQueueRetry',
  'collected',
  'mark',
  'commit',
  'checkpoint',
  'allocated',
  'guestStopped',
]);

/** Hue of a record in a list; undefined where it moves nothing. */
export function recordHue({ kind, operation }: MachineRecord): Hue | undefined {
  if (HUELESS.has(kind)) return undefined;
  switch (layerOf(kind)) {
    case 'cache':
      return CACHE_HUES[kind];
    case 'rings':
    case 'files':
      return fileHue(operation);
    case 'guests':
      return kind === 'guestRequest' ? guestHue(operation) : hueOf(operation);
    default:
      return hueOf(operation);
  }
}
