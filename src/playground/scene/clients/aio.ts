// A client of Linux AIO on a drive, a flat file, or a file of the volume.
//
// Requests of a lot go in by one io_submit. A discard, which AIO does not have, is a call of its own and runs to its end.

import { RWF_DSYNC } from '../../../../assembly/layout.ts';
import type { AioContext } from '../../../aio.ts';
import type { AioRequest } from '../../../aio-request.ts';
import { ConfigError, StorageError } from '../../../errors.ts';
import type { Ask } from '../rows.ts';
import { type Stamp, stampBytes } from '../stamp.ts';
import type { Ended, Port, PortPlace } from './port.ts';
import { openTarget, type Target } from './target.ts';

const BUFFER_ALIGNMENT = 4096;
const EAGAIN = -11;

const OPS = { read: 'pread', write: 'pwrite', fsync: 'fsync', flush: 'fsync', fdatasync: 'fdsync' } as const;

export class AioPort implements Port {
  readonly device: number;
  readonly file: number;
  readonly #place: PortPlace;
  readonly #target: Target;
  readonly #context: AioContext;
  /** Empty but between a submit and the reap after it. */
  #refused: Ended[] = [];

  constructor(place: PortPlace) {
    this.#place = place;
    this.#target = openTarget(place.machine, place.client);
    this.file = this.#target.number;
    this.device = this.file;
    this.#context = place.machine.createAioContext(place.depth);
  }

  submit(asks: readonly Ask[], stampOf: (ask: Ask) => Stamp): number {
    const first = asks[0];
    if (first?.op === 'discard') {
      const result = this.#target.discard(first.offset, first.length);
      this.#refused.push({ number: first.number, result });
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
    return accepted + this.#refused.length;
  }

  /** How many were accepted. The one behind them may have been refused for good. */
  #offer(requests: readonly AioRequest[]): number {
    try {
      return this.#context.submit(requests);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      if (error.errno !== EAGAIN) this.#refused.push({ number: requests[0]?.data ?? 0, result: error.errno });
      return 0;
    }
  }

  /** Undefined: there is no memory for it now, or it is none for AIO. */
  #prepare(ask: Ask, stampOf: (ask: Ask) => Stamp): AioRequest | undefined {
    const { op, offset, length, fua } = ask;
    if (op === 'discard' || op === 'writeZeroes') return undefined;
    const request = { op: OPS[op], file: this.#target.descriptor, data: ask.number };
    if (op !== 'read' && op !== 'write') return request;
    const buffer = this.#allocate(length);
    if (buffer === undefined) return undefined;
    if (op === 'write') {
      const { bytes } = this.#place.machine.core.memory;
      stampBytes(bytes.subarray(buffer, buffer + length), offset, stampOf(ask));
    }
    return { ...request, buffer, offset, length, ...(fua ? { rwFlags: RWF_DSYNC } : {}) };
  }

  #allocate(length: number): number | undefined {
    try {
      return this.#place.machine.buffers.allocate(Math.max(1, length), BUFFER_ALIGNMENT);
    } catch (error) {
      if (error instanceof ConfigError) return undefined;
      throw error;
    }
  }

  #free({ buffer }: AioRequest): void {
    if (typeof buffer === 'number') this.#place.machine.buffers.free(buffer);
  }

  reap(): readonly Ended[] {
    const ended = this.#refused;
    this.#refused = [];
    for (const { request, res } of this.#context.takeEvents()) {
      if (request !== undefined) this.#free(request);
      ended.push({ number: request?.data ?? 0, result: res });
    }
    return ended;
  }
}
