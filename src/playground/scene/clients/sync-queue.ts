// fsync and fdatasync for entrances that have none that can be stepped: an AIO context of its own on the same file.
//
// Verbs: submit, reap. At most one is in flight: nothing of a client begins beside a sync.

import type { AioContext } from '../../../aio.ts';
import type { Descriptor } from '../../../aio-request.ts';
import type { Machine } from '../../../machine.ts';
import type { SyncWork } from '../types.ts';
import { AIO_OPS } from './aio.ts';
import type { Ended } from './port.ts';

export class SyncQueue {
  readonly #context: AioContext;
  readonly #file: Descriptor;

  constructor(machine: Machine, file: Descriptor) {
    this.#context = machine.createAioContext(1);
    this.#file = file;
  }

  /** Number of its context in records. */
  get contextNumber(): number {
    return this.#context.number;
  }

  /** Asks for a sync; `number`: of the request. */
  submit(op: SyncWork['op'], number: number): void {
    this.#context.submit([{ op: AIO_OPS[op], file: this.#file, data: number }]);
  }

  /** Those that have ended. */
  reap(): Ended[] {
    return this.#context.takeEvents().map(({ data, res }) => ({ number: data, result: res }));
  }
}
