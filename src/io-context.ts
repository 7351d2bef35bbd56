// BlueStore's IOContext for JavaScript: payloads are Uint8Arrays, copied at once and kept stable until they are on the drive.
//
// Verbs: aioWrite, aioRead, submit, wait, settle, close. What aborts Ceph throws CephAbortError, everything else that
// fails a StorageError.

import {
  IO_CONTEXT_NUM_PENDING,
  IO_CONTEXT_NUM_RUNNING,
  IO_CONTEXT_RESULT,
  IO_CONTEXT_RETRIES,
  IO_CONTEXT_SLEPT,
  IOVEC_BASE,
  IOVEC_LENGTH,
  IOVEC_SIZE,
} from '../assembly/layout.ts';
import { PAGE_SIZE } from '../assembly/limits.ts';
import { Anchor } from './core/timeline.ts';
import { ConfigError, check, StorageError } from './errors.ts';
import type { KernelDevice } from './kernel-device.ts';
import type { Machine } from './machine.ts';

const EDEADLK = -35;

export interface IoContextOptions {
  /** A number of the owner's, 1 to 2^53 - 1: the end of the last request is then taken with takeCompleted(). Default 0: none. */
  readonly priv?: number;
  /** Errors of the medium become -EIO of the context instead of an abort. Default false. */
  readonly allowEio?: boolean;
}

/** A ConfigError unless `value` is a whole number and `isGood`. */
export function wholeNumber(field: string, value: number, limit: string, isGood: boolean): number {
  if (!Number.isSafeInteger(value) || !isGood) throw new ConfigError(field, value, limit);
  return value;
}

/** Bytes of one request that the core or the drive may still touch. */
interface Payload {
  readonly address: number;
  /** A read: where the bytes go at completion. */
  readonly target?: Uint8Array;
}

function piecesOf(bytes: Uint8Array | readonly Uint8Array[]): readonly Uint8Array[] {
  return bytes instanceof Uint8Array ? [bytes] : bytes;
}

/** Copies a payload, one piece behind the other, into new memory at a page. */
export function layOut(machine: Machine, bytes: Uint8Array | readonly Uint8Array[]): number {
  const pieces = piecesOf(bytes);
  const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const address = machine.buffers.allocate(Math.max(1, total), PAGE_SIZE);
  let at = address;
  for (const piece of pieces) {
    machine.core.memory.bytes.set(piece, at);
    at += piece.length;
  }
  return address;
}

/** One iovec for each piece of a payload at `address`. */
export function withIovecs<T>(
  machine: Machine,
  address: number,
  bytes: Uint8Array | readonly Uint8Array[],
  use: (iovecs: number, count: number) => T,
): T {
  const pieces = piecesOf(bytes);
  const { memory } = machine.core;
  return machine.buffers.borrow(Math.max(1, pieces.length) * IOVEC_SIZE, (iovecs) => {
    let at = address;
    pieces.forEach((piece, index) => {
      memory.setU64(iovecs + index * IOVEC_SIZE + IOVEC_BASE, at);
      memory.setU64(iovecs + index * IOVEC_SIZE + IOVEC_LENGTH, piece.length);
      at += piece.length;
    });
    return use(iovecs, pieces.length);
  });
}

/** A group of requests: queued, submitted together, and waited for together. Made by createContext(). */
export class IoContext implements Disposable {
  readonly #anchor: Anchor;
  readonly #device: KernelDevice;
  readonly #state: number;
  readonly #onClose: () => void;
  readonly handle: number;
  readonly priv: number;
  #queued: Payload[] = [];
  #running: Payload[] = [];
  #isClosed = false;

  /** @internal */
  constructor(machine: Machine, device: KernelDevice, handle: number, priv: number, onClose: () => void) {
    this.#anchor = new Anchor(machine);
    this.#device = device;
    this.handle = handle;
    this.priv = priv;
    this.#onClose = onClose;
    this.#state = machine.core.call((exports) => exports.ioContextState(handle));
    machine.timeline.keep(this, () => this.#save());
  }

  get #machine(): Machine {
    return this.#anchor.machine;
  }

  #save(): () => void {
    const [queued, running] = [this.#queued.slice(), this.#running.slice()];
    return () => {
      this.#queued = queued.slice();
      this.#running = running.slice();
      this.#isClosed = false;
    };
  }

  #u32(field: number): number {
    return this.#machine.core.memory.u32(this.#state + field);
  }

  get numPending(): number {
    return this.#u32(IO_CONTEXT_NUM_PENDING);
  }

  get numRunning(): number {
    return this.#u32(IO_CONTEXT_NUM_RUNNING);
  }

  /** 0, or -5 (EIO) when a request failed and the context allows it. */
  get returnValue(): number {
    return this.#u32(IO_CONTEXT_RESULT) | 0;
  }

  /** Retries of all submits so far, and the virtual nanoseconds that they slept. */
  get retries(): number {
    return this.#u32(IO_CONTEXT_RETRIES);
  }

  get sleptNs(): number {
    return this.#machine.core.memory.u64(this.#state + IO_CONTEXT_SLEPT);
  }

  /**
   * Queues a write of whole blocks, one piece or several. The bytes are copied now. `buffered`: nothing is queued, the
   * page cache has the bytes when it returns.
   */
  aioWrite(
    bytes: Uint8Array | readonly Uint8Array[],
    offset: number,
    options: { readonly buffered?: boolean } = {},
  ): void {
    const address = layOut(this.#machine, bytes);
    const isBuffered = options.buffered === true;
    let isKept = false;
    try {
      const before = this.numPending;
      withIovecs(this.#machine, address, bytes, (iovecs, count) => {
        this.#device.call(
          'aio_write',
          (exports) => exports.ioContextAioWrite(this.handle, offset, iovecs, count, isBuffered ? 1 : 0),
          { offset },
        );
      });
      isKept = this.numPending > before;
      if (isKept) this.#queued.push({ address });
    } catch (error) {
      isKept = error instanceof StorageError && error.errno === EDEADLK;
      throw error;
    } finally {
      if (!isKept) this.#machine.buffers.free(address);
    }
  }

  /** Queues a read of whole blocks. The array has its length now and its bytes when the request has completed and was waited for. */
  aioRead(length: number, offset: number): Uint8Array {
    wholeNumber('length', length, 'a whole number from 0', length >= 0);
    const address = this.#machine.buffers.allocate(Math.max(1, length), PAGE_SIZE);
    try {
      this.#device.call(
        'aio_read',
        (exports) => exports.ioContextAioRead(this.handle, offset, address, length),
        { offset, length },
      );
    } catch (error) {
      this.#machine.buffers.free(address);
      throw error;
    }
    const target = new Uint8Array(length);
    this.#queued.push({ address, target });
    return target;
  }

  /** Hands what is queued to the kernel. Retries sleep in virtual time. Throws CephAbortError when that fails, and the device is dead. */
  submit(): void {
    this.#running.push(...this.#queued);
    this.#queued = [];
    this.#device.call('aio_submit', (exports) => exports.ioContextSubmit(this.handle));
  }

  /** Waits, in virtual time, until nothing runs; what is only queued is not waited for. Throws EDEADLK when a held drive keeps a request. */
  wait(): void {
    this.#device.call('aio_wait', (exports) => exports.ioContextWait(this.handle));
    this.settle();
  }

  /** Hands out what was read and frees the payloads, if nothing runs any more. wait() and takeCompleted() do it. */
  settle(): void {
    if (this.numRunning === 0) this.#release(this.#running.splice(0));
  }

  #release(payloads: readonly Payload[]): void {
    const { buffers, core } = this.#machine;
    for (const { address, target } of payloads) {
      target?.set(core.memory.bytes.subarray(address, address + target.length));
      buffers.free(address);
    }
  }

  /** @internal The device is closed: nothing touches the payloads any more. */
  abandon(): void {
    const { buffers } = this.#machine;
    for (const { address } of [...this.#queued.splice(0), ...this.#running.splice(0)]) buffers.free(address);
  }

  /** Ends the context. Throws EBUSY while requests run on an open device; queued ones are forgotten. */
  close(): void {
    if (this.#isClosed || this.#anchor.isStale) return;
    this.settle();
    check(
      '~IOContext',
      this.#machine.core.call((exports) => exports.ioContextDestroy(this.handle)),
    );
    this.#isClosed = true;
    this.#machine.timeline.drop(this);
    this.abandon();
    this.#onClose();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
