// The machine's records as objects: what was decided, when, about what.
// Verbs: RecordReader.take and takeBytes (since the last take), decodeRecord.

import * as layout from '../assembly/layout.ts';
import type { Core } from './core/core.ts';
import type { LinearMemory } from './core/linear-memory.ts';

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
  'entered',
  'pageRead',
  'blocks',
  'deactivated',
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

  /** Records made since the machine opened. */
  get made(): number {
    return this.#core.memory.u64(this.#core.exports.rootAddress() + layout.ROOT_RECORDS_MADE);
  }

  /** Records that the ring holds. */
  get capacity(): number {
    return this.#core.root(layout.ROOT_RECORD_CAPACITY);
  }

  /** Numbers of the records to take: those lost are left out. */
  #begin(): readonly [first: number, made: number] {
    const { made } = this;
    const first = Math.max(this.#taken, made - this.capacity);
    this.lost += first - this.#taken;
    this.#taken = made;
    return [first, made];
  }

  /** Leaves out what was made since the last take. */
  skip(): void {
    this.#taken = this.made;
  }

  /** Records made since the last take, oldest first; at most the size of the ring. */
  take(): MachineRecord[] {
    const core = this.#core;
    const { capacity } = this;
    const base = core.root(layout.ROOT_RECORDS);
    const [first, made] = this.#begin();
    const records: MachineRecord[] = [];
    for (let number = first; number < made; number++) {
      records.push(decodeRecord(core.memory, base + (number % capacity) * layout.RECORD_SIZE));
    }
    return records;
  }

  /** As take, but as they lie in the ring: 32 bytes each (assembly/layout.ts). */
  takeBytes(): Uint8Array<ArrayBuffer> {
    const { memory } = this.#core;
    const { capacity } = this;
    const base = this.#core.root(layout.ROOT_RECORDS);
    const [first, made] = this.#begin();
    const bytes = new Uint8Array((made - first) * layout.RECORD_SIZE);
    for (let number = first; number < made; ) {
      const place = number % capacity;
      const count = Math.min(made - number, capacity - place);
      const from = base + place * layout.RECORD_SIZE;
      bytes.set(
        memory.bytes.subarray(from, from + count * layout.RECORD_SIZE),
        (number - first) * layout.RECORD_SIZE,
      );
      number += count;
    }
    return bytes;
  }
}

/** The record at an address. */
export function decodeRecord(memory: Pick<LinearMemory, 'u32' | 'u64'>, address: number): MachineRecord {
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
