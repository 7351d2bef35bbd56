// Which records concern a thing, told the plain way: every record is read and asked. What the page does faster must agree with it.
//
// Verbs: plainHistoryOf.

import {
  OP_FLUSH,
  RECORD_ABORTED,
  RECORD_ACTIVATED,
  RECORD_AIO_ACCEPTED,
  RECORD_AIO_EVENT,
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
  RECORD_GUEST_DONE,
  RECORD_GUEST_REQUEST,
  RECORD_GUEST_STOPPED,
  RECORD_HEALED,
  RECORD_ISSUED,
  RECORD_KEPT,
  RECORD_LOST,
  RECORD_MULTIREQ_ISSUED,
  RECORD_MULTIREQ_SPLIT,
  RECORD_OPERATION_ENDED,
  RECORD_OPERATION_STARTED,
  RECORD_PAGE_HIT,
  RECORD_PAGE_MISS,
  RECORD_PAGE_READ,
  RECORD_PAGES_DISCARDED,
  RECORD_QUEUED,
  RECORD_READ_IN,
  RECORD_REFAULT,
  RECORD_THROTTLED,
  RECORD_USRBIO_DONE,
  RECORD_USRBIO_PREPARED,
  RECORD_VOLATILE,
  RECORD_WRITEBACK,
  RECORD_WRITTEN,
} from '../../../../assembly/layout.ts';
import type { RecordStore, RecordView } from '../../../../src/playground/model/record-store.ts';
import type { EntityKey } from '../../../../src/playground/model/types.ts';
import type { Shape } from '../../../../src/playground/worker/protocol.ts';

const CONTEXT_SHIFT = 8;
const BIO_SHIFT = 8;

/** True when the record concerns the thing. It is asked of every record in order. */
type Teller = (record: RecordView) => boolean;

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

function isMerge(kind: number): boolean {
  return kind === RECORD_BACK_MERGED || kind === RECORD_FRONT_MERGED;
}

/** Records of bios and requests, and of the flush that makes their writes durable. */
class Requests {
  readonly bios: Set<number>;
  readonly requests: Set<number>;
  /** Volatile writes → flushes that were issued since. */
  readonly #volatile = new Set<number>();
  readonly #flushes = new Set<number>();
  /** What joins one of the requests belongs to them. */
  readonly #takesMembers: boolean;

  constructor(bios: readonly number[], requests: readonly number[], takesMembers: boolean) {
    this.bios = new Set(bios);
    this.requests = new Set(requests);
    this.#takesMembers = takesMembers;
  }

  tells(record: RecordView): boolean {
    const { kind, id } = record;
    if (kind === RECORD_READ_IN || kind === RECORD_WRITEBACK) return this.bios.has(id);
    if (kind === RECORD_QUEUED) return this.#queued(record.detail >>> BIO_SHIFT, id);
    if (isMerge(kind)) return this.#merged(id, record.detail);
    if (kind === RECORD_ISSUED && record.operation === OP_FLUSH && this.#volatile.size > 0)
      this.#flushes.add(id);
    if (kind === RECORD_FLUSHED && this.#flushes.has(id)) {
      this.#volatile.clear();
      this.#flushes.clear();
      return true;
    }
    if (!REQUEST_KINDS.has(kind) || !this.requests.has(id)) return false;
    if (kind === RECORD_VOLATILE) this.#volatile.add(id);
    else if (kind === RECORD_DESTAGED || kind === RECORD_LOST || kind === RECORD_KEPT)
      this.#volatile.delete(id);
    return true;
  }

  #queued(bio: number, request: number): boolean {
    const isOurs = this.bios.has(bio) || this.requests.has(request);
    if (isOurs) this.requests.add(request);
    return isOurs;
  }

  #merged(bio: number, request: number): boolean {
    if (this.bios.has(bio)) this.requests.add(request);
    else if (!this.#takesMembers || !this.requests.has(request)) return false;
    return true;
  }
}

/** Bios of requests: what queued them, and what joined. */
function biosOf(records: RecordStore, request: number): number[] {
  const bios: number[] = [];
  for (let number = 0; number < records.count; number++) {
    const record = records.look(number);
    if (record.kind === RECORD_QUEUED && record.id === request) bios.push(record.detail >>> BIO_SHIFT);
    else if (isMerge(record.kind) && record.detail === request) bios.push(record.id);
  }
  return bios;
}

function pageTeller(file: number, index: number): Teller {
  const requests = new Requests([], [], false);
  return (record) => {
    const { kind, address } = record;
    if (kind === RECORD_REFAULT) return record.device === file && address === index;
    if (!PAGE_KINDS.has(kind)) return requests.tells(record);
    if (record.device !== file || index < address || index >= address + record.count) return false;
    if (kind === RECORD_READ_IN || kind === RECORD_WRITEBACK) requests.bios.add(record.id);
    return true;
  };
}

function sectorTeller(drive: number, sector: number): Teller {
  return (record) => {
    const { kind } = record;
    const isOfDrive = kind === RECORD_QUEUED || isMerge(kind) || REQUEST_KINDS.has(kind);
    if (!isOfDrive || record.device !== drive) return false;
    return record.address <= sector && sector < record.address + record.count;
  };
}

/** Request `number` of a client: its acceptance, its operation with the pages that it looked up, its end. */
function ringTeller(shape: Shape, client: number, number: number): Teller {
  const { contexts = [], devices = [], entrance } = shape.clients[client] ?? {};
  const rings = entrance === 'usrbio' ? devices : [];
  /** Requests alike that were accepted and have no operation yet, ours among them. */
  const waiting = new Map<string, number>();
  let seen = 0;
  let ours:
    | { readonly end: number; readonly device: number; readonly id: number; range: string; ahead: number }
    | undefined;
  let operation = 0;
  const rangeOf = (record: RecordView): string =>
    `${record.device}:${record.operation}:${record.address}:${record.count}`;
  return (record) => {
    const { kind } = record;
    if (kind === RECORD_AIO_ACCEPTED || kind === RECORD_USRBIO_PREPARED) {
      const isAio = kind === RECORD_AIO_ACCEPTED;
      const range = isAio ? rangeOf(record) : '';
      const ahead = waiting.get(range) ?? 0;
      if (isAio) waiting.set(range, ahead + 1);
      const device = isAio ? record.detail >>> CONTEXT_SHIFT : record.device;
      if (!(isAio ? contexts : rings).includes(device) || seen++ !== number) return false;
      ours = { end: isAio ? RECORD_AIO_EVENT : RECORD_USRBIO_DONE, device, id: record.id, range, ahead };
      return true;
    }
    if (kind === RECORD_OPERATION_STARTED) {
      const range = rangeOf(record);
      const left = waiting.get(range) ?? 0;
      if (left === 0) return false;
      waiting.set(range, left - 1);
      if (ours?.range !== range || operation !== 0 || ours.ahead-- > 0) return false;
      operation = record.id;
      return true;
    }
    if (
      operation !== 0 &&
      (kind === RECORD_OPERATION_ENDED || kind === RECORD_PAGE_HIT || kind === RECORD_PAGE_MISS)
    )
      return record.id === operation;
    if (ours === undefined || kind !== ours.end || record.id !== ours.id || record.device !== ours.device)
      return false;
    ours = undefined;
    return true;
  };
}

/** Request `number` of a guest: its start, the run that it went into, its end. */
function guestTeller(device: number, number: number): Teller {
  let seen = 0;
  let ours: { readonly head: number; readonly sector: number } | undefined;
  return (record) => {
    const { kind, address } = record;
    if (record.device !== device) return false;
    if (kind === RECORD_GUEST_REQUEST && seen++ === number) {
      ours = { head: record.id, sector: address };
      return true;
    }
    if (ours === undefined) return false;
    const { head, sector } = ours;
    if (kind === RECORD_MULTIREQ_SPLIT) return address === sector;
    if (kind === RECORD_MULTIREQ_ISSUED) return address <= sector && sector < address + record.count;
    if (kind === RECORD_GUEST_STOPPED) return record.id === head;
    if (kind !== RECORD_GUEST_DONE || record.id !== head) return false;
    ours = undefined;
    return true;
  };
}

function flushTeller(id: number): Teller {
  return (record) =>
    record.id === id &&
    (record.kind === RECORD_FLUSHED ||
      (record.operation === OP_FLUSH &&
        (record.kind === RECORD_ISSUED ||
          record.kind === RECORD_COMPLETED ||
          record.kind === RECORD_ABORTED)));
}

function tellerOf(records: RecordStore, shape: Shape, key: EntityKey): Teller | undefined {
  const [kind, ...rest] = key.split(':');
  const [first = Number.NaN, second = Number.NaN] = rest.map(Number);
  switch (kind) {
    case 'page':
      return pageTeller(first, second);
    case 'ring':
      return ringTeller(shape, first, second);
    case 'guest':
      return guestTeller(first, second);
    case 'sector':
      return sectorTeller(first, second);
    case 'flush':
      return flushTeller(first);
    case 'bio': {
      const requests = new Requests([first], [], false);
      return (record) => requests.tells(record);
    }
    case 'request':
    case 'write': {
      const id = kind === 'write' ? second : first;
      const requests = new Requests(biosOf(records, id), [id], true);
      return (record) => requests.tells(record);
    }
    default:
      return undefined;
  }
}

/** Numbers of the records that concern a thing, in order; none for a lane. */
export function plainHistoryOf(records: RecordStore, shape: Shape, key: EntityKey): number[] {
  if (key.startsWith('record:')) return [Number(key.slice('record:'.length))];
  const tells = tellerOf(records, shape, key);
  const found: number[] = [];
  if (tells === undefined) return found;
  for (let number = 0; number < records.count; number++) if (tells(records.look(number))) found.push(number);
  return found;
}
