// The machine's records as objects: what was decided, when, about what.
// Verbs: RecordReader.take (since the last take), decodeRecord.

import * as layout from '../assembly/layout.ts';
import type { Core } from './core/core.ts';

export const RECORD_KIND_NAMES = [
  'none',
  'operationStarted',
  'operationEnded',
  'pageHit',
  'pageMiss',
  'readIn',
  'dirtied',
  'writeback',
  'written',
  'evicted',
  'throttled',
  'queued',
  'backMerged',
  'frontMerged',
  'issued',
  'completed',
  'flushed',
  'volatile',
  'destaged',
  'kept',
  'lost',
  'guestRequest',
  'multireqIssued',
  'multireqSplit',
  'guestDone',
  'aioAccepted',
  'aioEvent',
  'pagesDiscarded',
  'aioQueueSubmit',
  'aioQueueRetry',
  'usrbioPrepared',
  'usrbioJob',
  'usrbioDone',
  'guestStopped',
  'activated',
  'refault',
  'readahead',
  'flusher',
  'paused',
  'commit',
  'checkpoint',
  'allocated',
  'fault',
  'healed',
  'collected',
  'aborted',
  'mark',
  'arrived',
] as const;

export type RecordKind = (typeof RECORD_KIND_NAMES)[number];

/** One record. `address`, `count` and `detail` are as each kind says in assembly/layout.ts; `timeNs` is virtual. */
export interface MachineRecord {
  readonly timeNs: number;
  readonly kind: RecordKind;
  readonly operation: number;
  readonly device: number;
  readonly id: number;
  readonly address: number;
  readonly count: number;
  readonly detail: number;
}

/** Reads a machine's record ring. `lost` counts records that were overwritten before they were taken. */
export class RecordReader {
  readonly #core: Core;
  #taken = 0;
  lost = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Notes what was taken, and returns what puts it back. */
  save(): () => void {
    const [taken, lost] = [this.#taken, this.lost];
    return () => {
      this.#taken = taken;
      this.lost = lost;
    };
  }

  /** Begins where another reader is. */
  follow(other: RecordReader): void {
    this.#taken = other.#taken;
    this.lost = other.lost;
  }

  /** Records made since the last take, oldest first; at most the size of the ring. */
  take(): MachineRecord[] {
    const core = this.#core;
    const root = core.exports.rootAddress();
    const capacity = core.memory.u32(root + layout.ROOT_RECORD_CAPACITY);
    const made = core.memory.u64(root + layout.ROOT_RECORDS_MADE);
    const base = core.memory.u32(root + layout.ROOT_RECORDS);
    const first = Math.max(this.#taken, made - capacity);
    this.lost += first - this.#taken;
    const records: MachineRecord[] = [];
    for (let number = first; number < made; number++) {
      records.push(decodeRecord(core, base + (number % capacity) * layout.RECORD_SIZE));
    }
    this.#taken = made;
    return records;
  }
}

function decodeRecord(core: Core, address: number): MachineRecord {
  const memory = core.memory;
  const head = memory.u32(address + layout.RECORD_KIND);
  return {
    timeNs: memory.u64(address + layout.RECORD_TIME),
    kind: RECORD_KIND_NAMES[head & 0xff] ?? 'none',
    operation: (head >>> 8) & 0xff,
    device: head >>> 16,
    id: memory.u32(address + layout.RECORD_ID),
    address: memory.u64(address + layout.RECORD_ADDRESS),
    count: memory.u32(address + layout.RECORD_COUNT),
    detail: memory.u32(address + layout.RECORD_DETAIL) | 0,
  };
}
