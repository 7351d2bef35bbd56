// Write logs that differ from a recorded one in a flush: what a crash could have left, had the program made one more or one less.
//
// Verbs: withFlush, withoutFlush. The log that is given stays as it is.
// Invariant: all else is as it was: the same entries in the same order, so that writes keep their index. Requests behind a flush that is put in count one more.

import {
  LOG_COMPLETE,
  LOG_ENTRY_DOMAIN,
  LOG_ENTRY_DRIVE,
  LOG_ENTRY_FLAGS,
  LOG_ENTRY_KIND,
  LOG_ENTRY_NUMBER,
  LOG_ENTRY_OPERATION,
  LOG_ENTRY_PAYLOAD,
  LOG_ENTRY_SIZE,
  LOG_ENTRY_TIME,
  LOG_FLAG_FUA_IGNORED,
  LOG_FLAG_IGNORED,
  LOG_HEADER_SIZE,
  LOG_MARK,
  LOG_PART,
  LOG_SUBMIT,
  OP_FLUSH,
} from '../../assembly/layout.ts';
import { SparseMemory } from '../backing/sparse-memory.ts';
import { ConfigError } from '../errors.ts';

const COPY_BYTES = 1048576;
/** Entries of a flush that is put in. */
const FLUSH_ENTRIES = 2;

/** A log with a flush more. */
export interface LogWithFlush {
  readonly log: SparseMemory;
  /** Step of the new log at which the flush is complete. */
  readonly step: number;
  /** The step of the new log that a step of the old one is, and the other way round: at the flush, the step it was put in behind. */
  toNew(step: number): number;
  toOld(step: number): number;
}

/** One entry, where it lies. */
interface Entry {
  readonly offset: number;
  readonly view: DataView;
  readonly bytes: number;
}

function* entriesOf(log: SparseMemory): Generator<Entry> {
  for (let offset = LOG_HEADER_SIZE; offset + LOG_ENTRY_SIZE <= log.size; ) {
    const view = new DataView(new ArrayBuffer(LOG_ENTRY_SIZE));
    log.read(new Uint8Array(view.buffer), offset);
    const bytes = LOG_ENTRY_SIZE + view.getUint32(LOG_ENTRY_PAYLOAD, true);
    yield { offset, view, bytes };
    offset += bytes;
  }
}

function numberOf(view: DataView): number {
  return Number(view.getBigUint64(LOG_ENTRY_NUMBER, true));
}

/** A log in which the flush (or the FUA of the write) of this number makes nothing durable. Throws ConfigError for another request. */
export function withoutFlush(log: SparseMemory, number: number): SparseMemory {
  const edited = log.fork();
  for (const { offset, view } of entriesOf(log)) {
    if (view.getUint8(LOG_ENTRY_KIND) !== LOG_SUBMIT || numberOf(view) !== number) continue;
    const isFlush = view.getUint8(LOG_ENTRY_OPERATION) === OP_FLUSH;
    const flag = isFlush ? LOG_FLAG_IGNORED : LOG_FLAG_FUA_IGNORED;
    view.setUint32(LOG_ENTRY_FLAGS, view.getUint32(LOG_ENTRY_FLAGS, true) | flag, true);
    edited.write(new Uint8Array(view.buffer), offset);
    return edited;
  }
  throw new ConfigError('number', number, 'that of a request of the log');
}

/**
 * A log with a flush behind entry `afterStep` (0: at the beginning) and the parts of a request that is submitted there, for `domain` (0: for
 * everything), which is complete at once. Throws ConfigError for a step that the log has not.
 */
export function withFlush(log: SparseMemory, afterStep: number, domain = 0, drive = 0): LogWithFlush {
  const { offset, number, timeNs, step: behind } = placeBehind(log, afterStep);
  const edited = new SparseMemory();
  copy(log, 0, edited, 0, offset);
  const place = { number, timeNs, domain, drive };
  edited.write(flushEntry(LOG_SUBMIT, place), offset);
  edited.write(flushEntry(LOG_COMPLETE, place), offset + LOG_ENTRY_SIZE);
  const shift = FLUSH_ENTRIES * LOG_ENTRY_SIZE;
  copy(log, offset, edited, offset + shift, log.size - offset);
  for (const entry of entriesOf(log)) {
    const isLater = entry.offset >= offset && entry.view.getUint8(LOG_ENTRY_KIND) !== LOG_MARK;
    if (!isLater || numberOf(entry.view) < number) continue;
    entry.view.setBigUint64(LOG_ENTRY_NUMBER, BigInt(numberOf(entry.view) + 1), true);
    edited.write(new Uint8Array(entry.view.buffer), entry.offset + shift);
  }
  return {
    log: edited,
    step: behind + FLUSH_ENTRIES,
    toNew: (step) => (step <= behind ? step : step + FLUSH_ENTRIES),
    toOld: (step) => (step <= behind ? step : Math.max(behind, step - FLUSH_ENTRIES)),
  };
}

/** Where the entry behind a step begins, the number that a request there has, and the time. Parts are not parted from their request. */
function placeBehind(
  log: SparseMemory,
  step: number,
): { offset: number; number: number; timeNs: bigint; step: number } {
  const place = { offset: LOG_HEADER_SIZE, number: 1, timeNs: 0n, step: 0 };
  const isWhole = Number.isInteger(step) && step >= 0;
  for (const { offset, view, bytes } of entriesOf(log)) {
    const isPart = view.getUint8(LOG_ENTRY_KIND) === LOG_PART;
    if (isWhole && place.step >= step && !isPart) break;
    place.step++;
    place.offset = offset + bytes;
    place.timeNs = view.getBigUint64(LOG_ENTRY_TIME, true);
    if (view.getUint8(LOG_ENTRY_KIND) === LOG_SUBMIT) place.number = numberOf(view) + 1;
  }
  if (!isWhole || step > place.step)
    throw new ConfigError('afterStep', step, `a whole number from 0 to ${place.step}`);
  return place;
}

function flushEntry(
  kind: number,
  flush: { number: number; timeNs: bigint; domain: number; drive: number },
): Uint8Array {
  const view = new DataView(new ArrayBuffer(LOG_ENTRY_SIZE));
  view.setUint8(LOG_ENTRY_KIND, kind);
  view.setUint8(LOG_ENTRY_OPERATION, OP_FLUSH);
  view.setUint16(LOG_ENTRY_DRIVE, flush.drive, true);
  view.setBigUint64(LOG_ENTRY_NUMBER, BigInt(flush.number), true);
  view.setBigUint64(LOG_ENTRY_TIME, flush.timeNs, true);
  if (kind === LOG_SUBMIT) view.setUint32(LOG_ENTRY_DOMAIN, flush.domain, true);
  return new Uint8Array(view.buffer);
}

function copy(from: SparseMemory, start: number, to: SparseMemory, target: number, length: number): void {
  const piece = new Uint8Array(Math.min(COPY_BYTES, length));
  for (let done = 0; done < length; done += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, length - done));
    from.read(part, start + done);
    to.write(part, target + done);
  }
}
