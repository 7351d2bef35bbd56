// Eventfds: counters that AIO requests count their completions in, and that a poll can wait for.
//
// Verbs: read, write, close. None waits: read(2) and write(2) with EFD_NONBLOCK.

import { EVENTFD_SEMAPHORE } from '../assembly/layout.ts';
import { Anchor } from './core/timeline.ts';
import { check } from './errors.ts';
import type { Machine } from './machine.ts';

/** How an eventfd is made. */
export interface EventfdOptions {
  /** A whole number from 0 to 2^32 - 1. Default 0. */
  readonly initialCount?: number;
  /** A read takes 1 instead of everything. */
  readonly semaphore?: boolean;
}

/** A 64-bit counter with a descriptor. Make one with `machine.createEventfd`. */
export class Eventfd implements Disposable {
  readonly #anchor: Anchor;
  readonly descriptor: number;

  private constructor(machine: Machine, descriptor: number) {
    this.#anchor = new Anchor(machine);
    this.descriptor = descriptor;
  }

  static create(machine: Machine, { initialCount = 0, semaphore = false }: EventfdOptions = {}): Eventfd {
    const descriptor = check(
      'eventfd',
      machine.core.call((exports) => exports.eventfdCreate(initialCount, semaphore ? EVENTFD_SEMAPHORE : 0)),
    );
    return new Eventfd(machine, descriptor);
  }

  get #machine(): Machine {
    return this.#anchor.machine;
  }

  /** @internal The same eventfd of a clone. */
  twin(machine: Machine): Eventfd {
    return new Eventfd(machine, this.descriptor);
  }

  /** Takes the count (1 of a semaphore) and returns it, exact up to 2^53. Throws StorageError EAGAIN when it is 0. */
  read(): number {
    const { buffers, core } = this.#machine;
    return buffers.borrow(8, (address) => {
      check(
        'read',
        core.call((exports) => exports.eventfdRead(this.descriptor, address)),
      );
      return core.memory.u64(address);
    });
  }

  /** Adds `value`, a whole number from 0 to 2^53. Throws StorageError EAGAIN when the count would pass 2^64 - 2. */
  write(value: number): void {
    const { buffers, core } = this.#machine;
    buffers.borrow(8, (address) => {
      core.memory.setU64(address, value);
      check(
        'write',
        core.call((exports) => exports.eventfdWrite(this.descriptor, address)),
      );
    });
  }

  /** Requests in flight that notify it or poll it keep it until they end. */
  close(): void {
    if (this.#anchor.isStale) return;
    check(
      'close',
      this.#machine.core.call((exports) => exports.fileClose(this.descriptor)),
    );
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
