// Linux AIO for JavaScript: a context, iocbs in client memory, events as objects.
//
// Verbs: submit, getEvents, destroy; prepPread, prepPwrite, prepFsync, prepFdsync fill an iocb as libaio's io_prep_*
// do. Raw use: fill iocbs in client memory and call submitAddresses.

import {
  IO_EVENT_DATA,
  IO_EVENT_OBJ,
  IO_EVENT_RES,
  IO_EVENT_SIZE,
  IOCB_BUF,
  IOCB_CMD_FDSYNC,
  IOCB_CMD_FSYNC,
  IOCB_CMD_PREAD,
  IOCB_CMD_PWRITE,
  IOCB_DATA,
  IOCB_FILDES,
  IOCB_LIO_OPCODE,
  IOCB_NBYTES,
  IOCB_OFFSET,
  IOCB_SIZE,
} from '../assembly/layout.ts';
import type { LinearMemory } from './core/linear-memory.ts';
import { check } from './errors.ts';
import type { OpenFile } from './files.ts';
import type { Machine } from './machine.ts';

/** One request. `buffer` is an address in client memory (machine.buffers), `length` and `offset` are bytes. */
export interface AioRequest {
  readonly op: 'pread' | 'pwrite' | 'fsync' | 'fdsync';
  readonly file: OpenFile;
  readonly buffer?: number;
  readonly length?: number;
  readonly offset?: number;
  /** Comes back in the event: a whole number from 0 to 2^53. */
  readonly data?: number;
}

/** One completion: `res` is bytes, 0 for a sync, or a negative Linux errno. */
export interface AioEvent {
  readonly data: number;
  readonly obj: number;
  readonly res: number;
}

const OPCODES = {
  pread: IOCB_CMD_PREAD,
  pwrite: IOCB_CMD_PWRITE,
  fsync: IOCB_CMD_FSYNC,
  fdsync: IOCB_CMD_FDSYNC,
} as const;

/** Fills the 64 bytes of an iocb at `address`; everything not named is 0. */
export function prepIocb(memory: LinearMemory, address: number, request: AioRequest): void {
  memory.bytes.fill(0, address, address + IOCB_SIZE);
  memory.setU64(address + IOCB_DATA, request.data ?? 0);
  memory.setU32(address + IOCB_LIO_OPCODE, OPCODES[request.op]);
  memory.setU32(address + IOCB_FILDES, request.file.descriptor);
  memory.setU64(address + IOCB_BUF, request.buffer ?? 0);
  memory.setU64(address + IOCB_NBYTES, request.length ?? 0);
  memory.setU64(address + IOCB_OFFSET, request.offset ?? 0);
}

/** A completion queue; freed by destroy(), which waits for what is in flight. */
export class AioContext implements Disposable {
  readonly #machine: Machine;
  readonly handle: number;

  constructor(machine: Machine, eventCount: number) {
    this.#machine = machine;
    this.handle = machine.buffers.borrow(8, (address) => {
      machine.core.memory.setU64(address, 0);
      check(
        'io_setup',
        machine.core.call((exports) => exports.aioSetup(eventCount, address)),
      );
      return machine.core.memory.u32(address);
    });
  }

  /** Submits in order; returns how many were accepted. Throws the error of the first when none was. */
  submit(requests: readonly AioRequest[]): number {
    if (requests.length === 0) return this.submitAddresses([]);
    const { buffers, core } = this.#machine;
    return buffers.borrow(requests.length * IOCB_SIZE, (iocbs) => {
      requests.forEach((request, index) => {
        prepIocb(core.memory, iocbs + index * IOCB_SIZE, request);
      });
      return this.submitAddresses(requests.map((_, index) => iocbs + index * IOCB_SIZE));
    });
  }

  /** io_submit on iocbs that are in client memory already. */
  submitAddresses(iocbs: readonly number[]): number {
    const { buffers, core } = this.#machine;
    return buffers.borrow(Math.max(4, iocbs.length * 4), (pointers) => {
      iocbs.forEach((iocb, index) => {
        core.memory.setU32(pointers + index * 4, iocb);
      });
      return check(
        'io_submit',
        core.call((exports) => exports.aioSubmit(this.handle, iocbs.length, pointers)),
      );
    });
  }

  /**
   * Waits, in virtual time, for at least `min` events (default 0) and returns at most `max` (default 128).
   * `timeoutNs`: virtual nanoseconds; left out, it waits without limit. Fewer than `min` come back when the time is up
   * or nothing more can complete.
   */
  getEvents(
    options: { readonly min?: number; readonly max?: number; readonly timeoutNs?: number } = {},
  ): AioEvent[] {
    const { buffers, core } = this.#machine;
    const max = options.max ?? Math.max(128, options.min ?? 0);
    return buffers.borrow(Math.max(1, max) * IO_EVENT_SIZE + 16, (address) => {
      const events = address + 16;
      const timeoutNs = options.timeoutNs;
      if (timeoutNs !== undefined) {
        core.memory.setU64(address, Math.floor(timeoutNs / 1e9));
        core.memory.setU64(address + 8, timeoutNs % 1e9);
      }
      const count = check(
        'io_getevents',
        core.call((exports) =>
          exports.aioGetevents(
            this.handle,
            options.min ?? 0,
            max,
            events,
            timeoutNs === undefined ? 0 : address,
          ),
        ),
      );
      return Array.from({ length: count }, (_, index) => {
        const event = events + index * IO_EVENT_SIZE;
        return {
          data: core.memory.u64(event + IO_EVENT_DATA),
          obj: core.memory.u64(event + IO_EVENT_OBJ),
          res: core.memory.u32(event + IO_EVENT_RES) | 0,
        };
      });
    });
  }

  /** io_destroy: waits for requests in flight, discards unreaped events. */
  destroy(): void {
    check(
      'io_destroy',
      this.#machine.core.call((exports) => exports.aioDestroy(this.handle)),
    );
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}
