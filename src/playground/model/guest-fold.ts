// The virtqueues of guests as their records tell them: requests, the merged I/O they went into, and how they ended.
//
// Verbs: apply (one record), beginStep, save, restore, state.
// A guest uses a head descriptor again when its request has ended, so requests are numbered for each device. A merged I/O starts at the
// request whose head its record names; each member begins where the one before it ends.

import {
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
  RECORD_GUEST_DONE,
  RECORD_GUEST_REQUEST,
  RECORD_GUEST_STOPPED,
  RECORD_MULTIREQ_ISSUED,
  RECORD_MULTIREQ_SPLIT,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
} from '../../../assembly/layout.ts';
import { SECTOR_SHIFT } from '../../../assembly/limits.ts';
import type { ClientShape } from '../worker/protocol.ts';
import { RecentRequests, type SavedRequests } from './recent.ts';
import type { RecordView } from './record-store.ts';
import type { GuestRequest, GuestState } from './types.ts';
import { guestHue, guestOperation, splitWords } from './words.ts';

interface Entry {
  readonly number: number;
  readonly head: number;
  readonly request: GuestRequest;
}

export interface SavedGuest {
  readonly requests: SavedRequests<Entry>;
  readonly groups: number;
  readonly merges: number;
  readonly isStopped: boolean;
}

export class GuestFold {
  readonly #client: number;
  readonly #shape: ClientShape;
  readonly #requests = new RecentRequests<Entry>();
  /** Number of the request that runs under a head. */
  readonly #byHead = new Map<number, number>();
  #groups = 0;
  #merges = 0;
  #isStopped = false;
  #step = 0;

  constructor(client: number, shape: ClientShape) {
    this.#client = client;
    this.#shape = shape;
  }

  beginStep(step: number): void {
    this.#step = step;
    this.#requests.beginStep(step);
  }

  apply(kind: number, record: RecordView): void {
    switch (kind) {
      case RECORD_GUEST_REQUEST:
        this.#take(record);
        break;
      case RECORD_MULTIREQ_SPLIT:
        this.#split(record);
        break;
      case RECORD_MULTIREQ_ISSUED:
        this.#issue(record);
        break;
      case RECORD_GUEST_DONE:
        this.#end(record);
        break;
      case RECORD_GUEST_STOPPED:
        this.#isStopped = true;
        break;
    }
  }

  #take({ operation: type, id: head, address, count, timeNs }: RecordView): void {
    const number = this.#requests.submitted;
    const isTransfer = type === VIRTIO_BLK_T_IN || type === VIRTIO_BLK_T_OUT;
    const request: GuestRequest = {
      key: `guest:${this.#shape.device}:${number}`,
      device: this.#shape.device,
      number,
      hue: guestHue(type),
      verb: guestOperation(type),
      sector: address,
      sectorCount: isTransfer ? count >>> SECTOR_SHIFT : 0,
      submittedNs: timeNs,
      endedNs: 0,
      state: 'waiting',
      group: 0,
      apart: '',
      status: 0,
    };
    this.#requests.add({ number, head, request });
    this.#byHead.set(head, number);
  }

  #split(record: RecordView): void {
    const entry = this.#waiting(record.operation, record.address, record.count);
    if (entry === undefined) return;
    const apart = splitWords(record.detail);
    this.#requests.change({ ...entry, request: { ...entry.request, apart } });
  }

  /** The oldest waiting transfer that begins at a sector. */
  #waiting(operation: number, sector: number, sectorCount?: number): Entry | undefined {
    const hue = operation === OP_WRITE ? 'write' : 'read';
    for (const entry of this.#requests.values()) {
      const { request } = entry;
      const isOne = request.state === 'waiting' && request.hue === hue && request.sector === sector;
      if (isOne && (sectorCount === undefined || request.sectorCount === sectorCount)) return entry;
    }
    return undefined;
  }

  #issue(record: RecordView): void {
    const members = record.detail;
    const group = ++this.#groups;
    this.#isStopped = false;
    let entry = this.#requests.get(this.#byHead.get(record.id) ?? -1);
    for (let left = members; left > 0 && entry !== undefined; left--) {
      const state = members > 1 ? 'merged' : 'issued';
      const { sector, sectorCount } = entry.request;
      this.#requests.change({ ...entry, request: { ...entry.request, state, group } });
      entry = this.#waiting(record.operation, sector + sectorCount);
    }
    this.#merges += members - 1;
  }

  #end({ id: head, operation, address, count, detail: status, timeNs }: RecordView): void {
    const entry = this.#requests.get(this.#byHead.get(head) ?? -1);
    if (entry === undefined) return;
    this.#byHead.delete(head);
    const { request } = entry;
    // a discard's range stands in its data, and is known only now
    const isRanged = operation !== OP_READ && operation !== OP_WRITE && operation !== OP_FLUSH;
    const range = isRanged ? { sector: address, sectorCount: count } : {};
    const ended: GuestRequest = { ...request, ...range, state: 'done', status, endedNs: timeNs };
    this.#requests.end({ ...entry, request: ended }, this.#step, status !== 0);
  }

  save(): SavedGuest {
    return {
      requests: this.#requests.save(),
      groups: this.#groups,
      merges: this.#merges,
      isStopped: this.#isStopped,
    };
  }

  restore(saved: SavedGuest): void {
    this.#requests.restore(saved.requests);
    this.#groups = saved.groups;
    this.#merges = saved.merges;
    this.#isStopped = saved.isStopped;
    this.#byHead.clear();
    for (const { request, head, number } of this.#requests.values())
      if (request.state !== 'done') this.#byHead.set(head, number);
  }

  state(): GuestState {
    const shown = this.#requests.shown();
    return {
      device: this.#shape.device,
      client: this.#client,
      name: this.#shape.name,
      ...shown,
      requests: shown.requests.map(({ request }) => request),
      merges: this.#merges,
      isStopped: this.#isStopped,
    };
  }
}
