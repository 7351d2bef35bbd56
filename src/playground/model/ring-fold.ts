// The rings of applications as their records tell them: Linux AIO, USRBIO, BlueStore's aio_queue.
//
// Verbs: apply (one record), beginStep, save, restore, state.
// A client is known by the number of its AIO context or USRBIO ring; an iocb's address or a ring's slot is free again when its request has
// ended, so requests are numbered for each client. The operation of a request is the first that starts with its file, kind and range: two
// that are alike in all of these are the same to whoever looks.

import {
  RECORD_AIO_ACCEPTED,
  RECORD_AIO_EVENT,
  RECORD_AIO_QUEUE_RETRY,
  RECORD_AIO_QUEUE_SUBMIT,
  RECORD_OPERATION_STARTED,
  RECORD_USRBIO_DONE,
  RECORD_USRBIO_JOB,
  RECORD_USRBIO_PREPARED,
} from '../../../assembly/layout.ts';
import type { ClientShape, Shape } from '../worker/protocol.ts';
import { RecentRequests, type SavedRequests } from './recent.ts';
import type { RecordView } from './record-store.ts';
import type { RingRequest, RingState } from './types.ts';
import { fileHue, fileOperation } from './words.ts';

const CONTEXT_SHIFT = 8;

/** A request with what the records call it while it runs. */
interface Entry {
  readonly number: number;
  /** `aio:IOCB` or `usrbio:RING:SLOT`. */
  readonly handle: string;
  /** What its operation will be known by; empty once it has one. */
  readonly range: string;
  readonly request: RingRequest;
}

export interface SavedRing {
  readonly requests: SavedRequests<Entry>;
  readonly batches: number;
  readonly retries: number;
}

interface Ring {
  readonly client: number;
  readonly shape: ClientShape;
  readonly requests: RecentRequests<Entry>;
  batches: number;
  retries: number;
}

interface Place {
  readonly ring: Ring;
  readonly number: number;
}

function rangeOf(file: number, operation: number, offset: number, length: number): string {
  return `${file}:${operation}:${offset}:${length}`;
}

export class RingFold {
  readonly #rings: readonly Ring[];
  readonly #byContext = new Map<number, Ring>();
  readonly #byRing = new Map<number, Ring>();
  readonly #byQueue = new Map<number, Ring>();
  /** Requests that run, by handle. */
  readonly #running = new Map<string, Place>();
  /** Requests without an operation, by range, oldest first. */
  readonly #unstarted = new Map<string, Place[]>();
  /** USRBIO requests that no job has taken, by ring, oldest first. */
  readonly #prepared = new Map<number, Place[]>();
  #step = 0;

  constructor(shape: Shape) {
    this.#rings = shape.clients.flatMap((client, number) => {
      if (client.entrance === 'virtio' || client.entrance === 'block') return [];
      const ring = {
        client: number,
        shape: client,
        requests: new RecentRequests<Entry>(),
        batches: 0,
        retries: 0,
      };
      for (const context of client.contexts) this.#byContext.set(context, ring);
      for (const index of client.devices) {
        if (client.entrance === 'usrbio') this.#byRing.set(index, ring);
        else if (client.entrance === 'bluestore') this.#byQueue.set(index, ring);
      }
      return [ring];
    });
  }

  beginStep(step: number): void {
    this.#step = step;
    for (const { requests } of this.#rings) requests.beginStep(step);
  }

  apply(kind: number, record: RecordView): void {
    switch (kind) {
      case RECORD_AIO_ACCEPTED:
        this.#accept(record);
        break;
      case RECORD_AIO_EVENT:
        this.#end(`aio:${record.id}`, record);
        break;
      case RECORD_OPERATION_STARTED:
        this.#start(record);
        break;
      case RECORD_USRBIO_PREPARED:
        this.#prepare(record);
        break;
      case RECORD_USRBIO_JOB:
        this.#formJob(record);
        break;
      case RECORD_USRBIO_DONE:
        this.#end(`usrbio:${record.device}:${record.id}`, record);
        break;
      case RECORD_AIO_QUEUE_SUBMIT:
      case RECORD_AIO_QUEUE_RETRY:
        this.#countBatch(record, kind === RECORD_AIO_QUEUE_RETRY);
        break;
    }
  }

  #accept(record: RecordView): void {
    const { device, operation, address, count } = record;
    const ring = this.#byContext.get(record.detail >>> CONTEXT_SHIFT);
    if (ring === undefined) return;
    const range = rangeOf(device, operation, address, count);
    const place = this.#add(ring, record, `aio:${record.id}`, device, range);
    const alike = this.#unstarted.get(range);
    if (alike === undefined) this.#unstarted.set(range, [place]);
    else alike.push(place);
  }

  #prepare(record: RecordView): void {
    const ring = this.#byRing.get(record.device);
    if (ring === undefined) return;
    const place = this.#add(ring, record, `usrbio:${record.device}:${record.id}`, record.detail, '');
    this.#preparedOf(record.device).push(place);
  }

  #preparedOf(ring: number): Place[] {
    let places = this.#prepared.get(ring);
    if (places === undefined) {
      places = [];
      this.#prepared.set(ring, places);
    }
    return places;
  }

  #add(ring: Ring, record: RecordView, handle: string, file: number, range: string): Place {
    const number = ring.requests.submitted;
    const { operation, address: offsetBytes, count: lengthBytes, timeNs } = record;
    const request: RingRequest = {
      key: `ring:${ring.client}:${number}`,
      client: ring.client,
      number,
      hue: fileHue(operation),
      verb: fileOperation(operation),
      file,
      offsetBytes,
      lengthBytes,
      submittedNs: timeNs,
      state: range === '' ? 'prepared' : 'running',
      job: 0,
      operation: 0,
      result: 0,
      endedNs: 0,
    };
    ring.requests.add({ number, handle, range, request });
    const place = { ring, number };
    this.#running.set(handle, place);
    return place;
  }

  #start({ device, operation, address, count, id }: RecordView): void {
    const range = rangeOf(device, operation, address, count);
    const alike = this.#unstarted.get(range);
    const place = alike?.shift();
    if (alike?.length === 0) this.#unstarted.delete(range);
    this.#change(place, (entry) => ({ ...entry, range: '', request: { ...entry.request, operation: id } }));
  }

  /** A job takes the oldest of its ring. */
  #formJob(record: RecordView): void {
    const ring = this.#byRing.get(record.device);
    if (ring === undefined) return;
    ring.batches++;
    const job = record.id;
    for (const place of this.#preparedOf(record.device).splice(0, record.count))
      this.#change(place, (entry) => ({ ...entry, request: { ...entry.request, state: 'running', job } }));
  }

  #change(place: Place | undefined, change: (entry: Entry) => Entry): void {
    const entry = place?.ring.requests.get(place.number);
    if (place !== undefined && entry !== undefined) place.ring.requests.change(change(entry));
  }

  #end(handle: string, record: RecordView): void {
    const place = this.#running.get(handle);
    const entry = place?.ring.requests.get(place.number);
    if (place === undefined || entry === undefined) return;
    this.#running.delete(handle);
    this.#forgetRange(entry);
    const { detail: result, timeNs: endedNs } = record;
    const request: RingRequest = { ...entry.request, state: 'done', result, endedNs };
    place.ring.requests.end({ ...entry, range: '', request }, this.#step, result < 0);
  }

  /** A request that ends without an operation (refused at once) waits for none. */
  #forgetRange({ range, number }: Entry): void {
    const alike = range === '' ? undefined : this.#unstarted.get(range);
    if (alike === undefined) return;
    const rest = alike.filter((place) => place.number !== number);
    if (rest.length === 0) this.#unstarted.delete(range);
    else this.#unstarted.set(range, rest);
  }

  #countBatch(record: RecordView, isRetry: boolean): void {
    const ring = this.#byQueue.get(record.device);
    if (ring === undefined) return;
    if (isRetry) ring.retries++;
    else ring.batches++;
  }

  save(): readonly SavedRing[] {
    return this.#rings.map(({ requests, batches, retries }) => ({
      requests: requests.save(),
      batches,
      retries,
    }));
  }

  restore(saved: readonly SavedRing[]): void {
    this.#running.clear();
    this.#unstarted.clear();
    this.#prepared.clear();
    this.#rings.forEach((ring, number) => {
      const { requests, batches, retries } = saved[number] as SavedRing;
      ring.requests.restore(requests);
      ring.batches = batches;
      ring.retries = retries;
      for (const entry of ring.requests.values()) this.#find(ring, entry);
    });
  }

  #find(ring: Ring, { request, handle, range, number }: Entry): void {
    if (request.state === 'done') return;
    const place = { ring, number };
    this.#running.set(handle, place);
    if (range !== '') {
      const alike = this.#unstarted.get(range);
      if (alike === undefined) this.#unstarted.set(range, [place]);
      else alike.push(place);
    }
    if (request.state === 'prepared') this.#preparedOf(Number(handle.split(':')[1])).push(place);
  }

  state(): RingState[] {
    return this.#rings.map(({ client, shape, requests, batches, retries }) => {
      const shown = requests.shown();
      return {
        client,
        name: shape.name,
        entrance: shape.entrance,
        ...shown,
        requests: shown.requests.map(({ request }) => request),
        batches,
        retries,
      };
    });
  }
}
