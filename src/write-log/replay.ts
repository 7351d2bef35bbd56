// Writes what a log tells of one drive over an image: the bytes that the drive's backing held at that moment.
//
// Verbs: replayWriteLog. The newest bytes are in the backing from the submission on, so requests are applied in that order.

import { SECTOR_SIZE } from '../../assembly/limits.ts';
import type { SparseMemory } from '../backing/sparse-memory.ts';
import type { WriteLog } from './entries.ts';

const ZEROS = new Uint8Array(65536);

/** How much of a log is replayed; everything has a default. */
export interface ReplayLogOptions {
  /** Number of the drive. Default 0. */
  readonly drive?: number;
  /** Only entries that begin before this byte of the log, as `offset` of an entry tells it. Default: all. */
  readonly end?: number;
}

/** Zeroes a range of an image. */
function zero(image: SparseMemory, offset: number, length: number): void {
  for (let done = 0; done < length; done += ZEROS.length)
    image.write(ZEROS.subarray(0, Math.min(ZEROS.length, length - done)), offset + done);
}

/**
 * Brings `image`, which holds what the drive held when the log began, to what it held at the log's end. How many requests
 * changed it. Throws WriteLogError for a log that is damaged; the image then has what stands before.
 *
 * @example
 * const machine = await Machine.create({ writeLog: true });
 * machine.openFile('drive0', { direct: true }).write(new Uint8Array(512).fill(7), 0);
 * const image = new SparseMemory();
 * console.log(replayWriteLog(machine.writeLog.snapshot(), image)); // 1
 */
export function replayWriteLog(log: WriteLog, image: SparseMemory, options: ReplayLogOptions = {}): number {
  const { drive = 0, end = Number.POSITIVE_INFINITY } = options;
  let changes = 0;
  for (const entry of log.entries()) {
    if (entry.offset >= end) break;
    if (entry.kind !== 'submit' || entry.drive !== drive) continue;
    if (entry.isIgnored || entry.operation === 'flush') continue;
    const offset = entry.sector * SECTOR_SIZE;
    if (entry.operation === 'write') image.write(entry.data(), offset);
    else zero(image, offset, entry.sectorCount * SECTOR_SIZE);
    changes++;
  }
  return changes;
}
