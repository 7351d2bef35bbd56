// Which records concern a request of an application or a guest: its acceptance, what was done for it, its end.
//
// Verbs: ringTeller, guestTeller. Requests are numbered for each asker in the order in which they came.

import {
  RECORD_AIO_ACCEPTED,
  RECORD_AIO_EVENT,
  RECORD_GUEST_DONE,
  RECORD_GUEST_REQUEST,
  RECORD_GUEST_STOPPED,
  RECORD_MULTIREQ_ISSUED,
  RECORD_MULTIREQ_SPLIT,
  RECORD_OPERATION_ENDED,
  RECORD_OPERATION_STARTED,
  RECORD_PAGE_HIT,
  RECORD_PAGE_MISS,
  RECORD_USRBIO_DONE,
  RECORD_USRBIO_PREPARED,
} from '../../../assembly/layout.ts';
import type { ClientShape } from '../worker/protocol.ts';
import type { Teller } from './history.ts';
import type { RecordStore, RecordView } from './record-store.ts';
import { PASS, Sieve, type SieveRule } from './sieve.ts';

const CONTEXT_SHIFT = 8;

const ACCEPTANCES: readonly SieveRule[] = [[PASS.always, [RECORD_AIO_ACCEPTED, RECORD_USRBIO_PREPARED]]];
const OF_RING: readonly SieveRule[] = [
  [PASS.byPlace, [RECORD_AIO_ACCEPTED, RECORD_OPERATION_STARTED]],
  [PASS.byId, [RECORD_AIO_EVENT, RECORD_OPERATION_ENDED, RECORD_PAGE_HIT, RECORD_PAGE_MISS]],
  [PASS.byId, [RECORD_USRBIO_PREPARED, RECORD_USRBIO_DONE]],
];
const OF_GUEST: readonly SieveRule[] = [
  [
    PASS.always,
    [
      RECORD_GUEST_REQUEST,
      RECORD_MULTIREQ_SPLIT,
      RECORD_MULTIREQ_ISSUED,
      RECORD_GUEST_STOPPED,
      RECORD_GUEST_DONE,
    ],
  ],
];

/** How a request of an application begins. */
interface Acceptance {
  /** Of the record. */
  readonly number: number;
  /** The file, and what is asked of it. */
  readonly device: number;
  readonly operation: number;
  readonly address: number;
  readonly count: number;
  readonly id: number;
  /** The kind of the record of its end, and that one's device. */
  readonly endKind: number;
  readonly endDevice: number;
}

function acceptanceOf(record: RecordView, number: number): Acceptance {
  const { kind, device, operation, address, count, id, detail } = record;
  const isAio = kind === RECORD_AIO_ACCEPTED;
  return {
    ...{ number, device, operation, address, count, id },
    endKind: isAio ? RECORD_AIO_EVENT : RECORD_USRBIO_DONE,
    endDevice: isAio ? detail >>> CONTEXT_SHIFT : device,
  };
}

/** Where request `wanted` of a client was accepted. */
function findAcceptance(records: RecordStore, client: ClientShape, wanted: number): Acceptance | undefined {
  const rings = client.entrance === 'usrbio' ? client.devices : [];
  let seen = 0;
  let found: Acceptance | undefined;
  records.sift(new Sieve(ACCEPTANCES), (record, number) => {
    const isOurs =
      record.kind === RECORD_AIO_ACCEPTED
        ? client.contexts.includes(record.detail >>> CONTEXT_SHIFT)
        : rings.includes(record.device);
    if (isOurs && seen++ === wanted) found = acceptanceOf(record, number);
  });
  return found;
}

/** Request `wanted` of a client: its acceptance, its operation with the pages that it looked up, its end. */
export function ringTeller(
  records: RecordStore,
  client: ClientShape | undefined,
  wanted: number,
): Teller | undefined {
  const ours = client && findAcceptance(records, client, wanted);
  if (ours === undefined) return undefined;
  const sieve = new Sieve(OF_RING, ours.device, ours.address);
  sieve.note(ours.id);
  let isRunning = false;
  /** Requests like ours that have no operation yet, and those of them that come before ours. */
  let waiting = 0;
  let ahead = 0;
  let operation = 0;
  const isLike = (record: RecordView): boolean =>
    record.device === ours.device &&
    record.operation === ours.operation &&
    record.address === ours.address &&
    record.count === ours.count;
  const begins = (record: RecordView, number: number): boolean => {
    const isOurs = number === ours.number;
    if (isOurs) [isRunning, ahead] = [true, waiting];
    if (record.kind === RECORD_AIO_ACCEPTED && isLike(record)) waiting++;
    return isOurs;
  };
  const starts = (record: RecordView): boolean => {
    if (waiting === 0 || !isLike(record)) return false;
    waiting--;
    if (!isRunning || operation !== 0 || ahead-- > 0) return false;
    operation = record.id;
    sieve.note(operation);
    return true;
  };
  const ends = ({ kind, id, device }: RecordView): boolean => {
    if (!isRunning || kind !== ours.endKind || id !== ours.id || device !== ours.endDevice) return false;
    isRunning = false;
    return true;
  };
  const tells = (record: RecordView, number: number): boolean => {
    switch (record.kind) {
      case RECORD_AIO_ACCEPTED:
      case RECORD_USRBIO_PREPARED:
        return begins(record, number);
      case RECORD_OPERATION_STARTED:
        return starts(record);
      case RECORD_OPERATION_ENDED:
      case RECORD_PAGE_HIT:
      case RECORD_PAGE_MISS:
        return operation !== 0 && record.id === operation;
      default:
        return ends(record);
    }
  };
  return { sieve, tells };
}

/** Request `wanted` of a guest: its start, the run that it went into, its end. */
export function guestTeller(device: number, wanted: number): Teller {
  let seen = 0;
  let ours: { readonly head: number; readonly sector: number } | undefined;
  const tells = (record: RecordView): boolean => {
    const { kind, address } = record;
    if (record.device !== device) return false;
    if (kind === RECORD_GUEST_REQUEST && seen++ === wanted) {
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
  return { sieve: new Sieve(OF_GUEST), tells };
}
