// A client of Linux AIO on a drive, a flat file, or a file of the volume; `files` is the same with calls on names beside it.
//
// Requests of a lot go in by one io_submit. Discards and write-zeroes, which AIO does not have, are calls: each runs to its end.

import { RWF_DSYNC } from '../../../../assembly/layout.ts';
import type { AioContext } from '../../../aio.ts';
import type { AioRequest } from '../../../aio-request.ts';
import { StorageError } from '../../../errors.ts';
import type { Ask } from '../rows.ts';
import type { Stamp } from '../stamp.ts';
import { allocateFor } from './payload.ts';
import type { Ended, Port, PortPlace } from './port.ts';
import { openTarget, type Target } from './target.ts';

const EAGAIN = -11;

/** What AIO has. */
export const AIO_OPS = {
  read: 'pread',
  write: 'pwrite',
  fsync: 'fsync',
  flush: 'fsync',
  fdatasync: 'fdsync',
} as const;

export class AioPort implements Port {
  readonly devices: readonly number[];
  readonly file: number;
  readonly contexts: readonly number[];
  protected readonly place: PortPlace;
  readonly #target: Target;
  readonly #context: AioContext;
  /** What ended at once. Empty but between a submit and the reap after it. */
  #ended: Ended[] = [];

  constructor(place: PortPlace) {
    this.place = place;
    this.#target = openTarget(place.machine, place.client, place.mustExist);
    this.file = this.#target.number;
    this.devices = [this.file];
    this.#context = place.machine.createAioContext(place.depth);
    this.contexts = [this.#context.number];
  }

  submit(asks: readonly Ask[], stampOf: (ask: Ask) => Stamp): number {
    const [first] = asks;
    if (first?.op === 'discard' || first?.op === 'writeZeroes') {
      const result = this.#target.clear(first.op, first.offset, first.length);
      this.#ended.push({ number: first.number, result });
      return 1;
    }
    const requests: AioRequest[] = [];
    for (const ask of asks) {
      const request = this.#prepare(ask, stampOf);
      if (request === undefined) break;
      requests.push(request);
    }
    if (requests.length === 0) return 0;
    const accepted = this.#offer(requests);
    for (const request of requests.slice(accepted)) this.#free(request);
    return accepted + this.#ended.length;
  }

  /** How many were accepted; when none was, the first may have been refused for good. */
  #offer(requests: readonly AioRequest[]): number {
    try {
      return this.#context.submit(requests);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      if (error.errno !== EAGAIN) this.#ended.push({ number: requests[0]?.data ?? 0, result: error.errno });
      return 0;
    }
  }

  /** Undefined: there is no memory for it now, or it is none for AIO. */
  #prepare(ask: Ask, stampOf: (ask: Ask) => Stamp): AioRequest | undefined {
    const { op, offset, length, fua } = ask;
    if (op === 'discard' || op === 'writeZeroes') return undefined;
    const request = { op: AIO_OPS[op], file: this.#target.descriptor, data: ask.number };
    if (op !== 'read' && op !== 'write') return request;
    const buffer = allocateFor(this.place.machine, ask, stampOf(ask));
    if (buffer === undefined) return undefined;
    return { ...request, buffer, offset, length, ...(fua ? { rwFlags: RWF_DSYNC } : {}) };
  }

  #free({ buffer }: AioRequest): void {
    if (typeof buffer === 'number') this.place.machine.buffers.free(buffer);
  }

  reap(): readonly Ended[] {
    const ended = this.#ended;
    this.#ended = [];
    for (const { request, res } of this.#context.takeEvents()) {
      if (request !== undefined) this.#free(request);
      ended.push({ number: request?.data ?? 0, result: res });
    }
    return ended;
  }
}
