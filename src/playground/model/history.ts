// Which records concern a thing: a page, a request, a bio, a request of an application or a guest, a sector.
//
// Verbs: historyOf. One walk over what passes a sieve; what is met on the way (a bio, a request, a flush) belongs to the thing from then on.
// Invariant: numbers ascend, and the same key has the same history whatever moment is shown.

import {
  OP_FLUSH,
  RECORD_ABORTED,
  RECORD_ACTIVATED,
  RECORD_BACK_MERGED,
  RECORD_BLOCKS,
  RECORD_COMPLETED,
  RECORD_DEACTIVATED,
  RECORD_DESTAGED,
  RECORD_DIRTIED,
  RECORD_ENTERED,
  RECORD_EVICTED,
  RECORD_FAULT,
  RECORD_FLUSHED,
  RECORD_FRONT_MERGED,
  RECORD_HEALED,
  RECORD_ISSUED,
  RECORD_KEPT,
  RECORD_LOST,
  RECORD_PAGE_HIT,
  RECORD_PAGE_MISS,
  RECORD_PAGE_READ,
  RECORD_PAGES_DISCARDED,
  RECORD_QUEUED,
  RECORD_READ_IN,
  RECORD_REFAULT,
  RECORD_THROTTLED,
  RECORD_VOLATILE,
  RECORD_WRITEBACK,
  RECORD_WRITTEN,
} from '../../../assembly/layout.ts';
import type { Shape } from '../worker/protocol.ts';
import { guestTeller, ringTeller } from './history-of-askers.ts';
import type { RecordStore, RecordView } from './record-store.ts';
import { PASS, Sieve, type SieveRule } from './sieve.ts';
import type { EntityKey } from './types.ts';

const BIO_SHIFT = 8;

/** What concerns a thing. */
export interface Teller {
  /** What may concern it. */
  readonly sieve: Sieve;
  /** True when the record does. It is asked of every record that passes, in order. */
  tells(record: RecordView, number: number): boolean;
}

const PAGE_KINDS: ReadonlySet<number> = new Set([
  RECORD_PAGE_HIT,
  RECORD_PAGE_MISS,
  RECORD_ENTERED,
  RECORD_READ_IN,
  RECORD_PAGE_READ,
  RECORD_DIRTIED,
  RECORD_BLOCKS,
  RECORD_WRITEBACK,
  RECORD_WRITTEN,
  RECORD_EVICTED,
  RECORD_THROTTLED,
  RECORD_PAGES_DISCARDED,
  RECORD_ACTIVATED,
  RECORD_DEACTIVATED,
]);

const REQUEST_KINDS: ReadonlySet<number> = new Set([
  RECORD_ISSUED,
  RECORD_COMPLETED,
  RECORD_VOLATILE,
  RECORD_DESTAGED,
  RECORD_FLUSHED,
  RECORD_FAULT,
  RECORD_HEALED,
  RECORD_ABORTED,
  RECORD_KEPT,
  RECORD_LOST,
]);

const MERGES: readonly number[] = [RECORD_BACK_MERGED, RECORD_FRONT_MERGED];

/** What queues a request, and what joins it. */
const GATHERING: readonly SieveRule[] = [
  [PASS.byQueued, [RECORD_QUEUED]],
  [PASS.byJoined, MERGES],
];
const OF_REQUESTS: readonly SieveRule[] = [
  ...GATHERING,
  [PASS.byId, [...REQUEST_KINDS, RECORD_READ_IN, RECORD_WRITEBACK]],
  [PASS.byIdOrFlush, [RECORD_ISSUED]],
];
const OF_PAGE: readonly SieveRule[] = [
  ...OF_REQUESTS,
  [PASS.byRange, PAGE_KINDS],
  [PASS.byPlace, [RECORD_REFAULT]],
];
const OF_SECTOR: readonly SieveRule[] = [[PASS.byRange, [RECORD_QUEUED, ...MERGES, ...REQUEST_KINDS]]];
const OF_FLUSH: readonly SieveRule[] = [
  [PASS.byId, [RECORD_FLUSHED, RECORD_ISSUED, RECORD_COMPLETED, RECORD_ABORTED]],
];

function isMerge(kind: number): boolean {
  return kind === RECORD_BACK_MERGED || kind === RECORD_FRONT_MERGED;
}

/** Records of bios and requests, and of the flush that makes their writes durable. */
class Requests implements Teller {
  readonly sieve: Sieve;
  readonly #bios = new Set<number>();
  readonly #requests = new Set<number>();
  /** Volatile writes → flushes that were issued since. */
  readonly #volatile = new Set<number>();
  readonly #flushes = new Set<number>();
  /** What joins one of the requests belongs to them. */
  readonly #takesMembers: boolean;

  constructor(sieve: Sieve, takesMembers: boolean) {
    this.sieve = sieve;
    this.#takesMembers = takesMembers;
  }

  addBio(bio: number): void {
    this.#bios.add(bio);
    this.sieve.note(bio);
  }

  addRequest(request: number): void {
    this.#requests.add(request);
    this.sieve.note(request);
  }

  tells(record: RecordView): boolean {
    const { kind, id } = record;
    if (kind === RECORD_READ_IN || kind === RECORD_WRITEBACK) return this.#bios.has(id);
    if (kind === RECORD_QUEUED) return this.#queued(record.detail >>> BIO_SHIFT, id);
    if (isMerge(kind)) return this.#merged(id, record.detail);
    if (kind === RECORD_ISSUED && record.operation === OP_FLUSH && this.#volatile.size > 0) {
      this.#flushes.add(id);
      this.sieve.note(id);
    }
    if (kind === RECORD_FLUSHED && this.#flushes.has(id)) {
      this.#volatile.clear();
      this.#flushes.clear();
      return true;
    }
    if (!REQUEST_KINDS.has(kind) || !this.#requests.has(id)) return false;
    if (kind === RECORD_VOLATILE) this.#volatile.add(id);
    else if (kind === RECORD_DESTAGED || kind === RECORD_LOST || kind === RECORD_KEPT)
      this.#volatile.delete(id);
    return true;
  }

  #queued(bio: number, request: number): boolean {
    const isOurs = this.#bios.has(bio) || this.#requests.has(request);
    if (isOurs) this.addRequest(request);
    return isOurs;
  }

  #merged(bio: number, request: number): boolean {
    if (this.#bios.has(bio)) this.addRequest(request);
    else if (!this.#takesMembers || !this.#requests.has(request)) return false;
    return true;
  }
}

function bioTeller(bio: number): Teller {
  const requests = new Requests(new Sieve(OF_REQUESTS), false);
  requests.addBio(bio);
  return requests;
}

/** A request, and the bios that queued it and joined it: these have records before it has. */
function requestTeller(records: RecordStore, request: number): Teller {
  const requests = new Requests(new Sieve(OF_REQUESTS), true);
  requests.addRequest(request);
  const gathering = new Sieve(GATHERING);
  gathering.note(request);
  records.sift(gathering, (record) => {
    if (isMerge(record.kind)) {
      if (record.detail === request) requests.addBio(record.id);
    } else if (record.id === request) requests.addBio(record.detail >>> BIO_SHIFT);
  });
  return requests;
}

function pageTeller(file: number, index: number): Teller {
  const requests = new Requests(new Sieve(OF_PAGE, file, index), false);
  const tells = (record: RecordView): boolean => {
    const { kind, address } = record;
    if (kind === RECORD_REFAULT) return record.device === file && address === index;
    if (!PAGE_KINDS.has(kind)) return requests.tells(record);
    if (record.device !== file || index < address || index >= address + record.count) return false;
    if (kind === RECORD_READ_IN || kind === RECORD_WRITEBACK) requests.addBio(record.id);
    return true;
  };
  return { sieve: requests.sieve, tells };
}

function sectorTeller(drive: number, sector: number): Teller {
  const tells = (record: RecordView): boolean =>
    record.device === drive && record.address <= sector && sector < record.address + record.count;
  return { sieve: new Sieve(OF_SECTOR, drive, sector), tells };
}

function flushTeller(id: number): Teller {
  const sieve = new Sieve(OF_FLUSH);
  sieve.note(id);
  const tells = (record: RecordView): boolean =>
    record.id === id && (record.kind === RECORD_FLUSHED || record.operation === OP_FLUSH);
  return { sieve, tells };
}

function tellerOf(records: RecordStore, shape: Shape, key: EntityKey): Teller | undefined {
  const [kind, ...rest] = key.split(':');
  const [first = Number.NaN, second = Number.NaN] = rest.map(Number);
  switch (kind) {
    case 'page':
      return pageTeller(first, second);
    case 'ring':
      return ringTeller(records, shape.clients[first], second);
    case 'guest':
      return guestTeller(first, second);
    case 'sector':
      return sectorTeller(first, second);
    case 'flush':
      return flushTeller(first);
    case 'bio':
      return bioTeller(first);
    case 'request':
      return requestTeller(records, first);
    case 'write':
      return requestTeller(records, second);
    default:
      return undefined;
  }
}

/** Numbers of the records that concern a thing, in order; none for a lane. */
export function historyOf(records: RecordStore, shape: Shape, key: EntityKey): number[] {
  if (key.startsWith('record:')) return [Number(key.slice('record:'.length))];
  const teller = tellerOf(records, shape, key);
  const found: number[] = [];
  if (teller !== undefined)
    records.sift(teller.sieve, (record, number) => {
      if (teller.tells(record, number)) found.push(number);
    });
  return found;
}
