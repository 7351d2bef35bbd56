// BlueStore's aio_t and aio_queue_t for JavaScript, thin: the numbers are those of the C++ methods.
//
// Verbs: Aio: addPiece, pwritev, preadv, pread, returnValue, free. AioQueue: init, submitBatch, getNextCompleted, shutdown,
// destroy. A call that aborts Ceph answers an errno, and `abort` says why. The comfortable way is KernelDevice.

import {
  AIO_BATCH_CALLS,
  AIO_BATCH_DONE,
  AIO_BATCH_INITIAL_DELAY_US,
  AIO_BATCH_PRIV,
  AIO_BATCH_RETRIES,
  AIO_BATCH_RULE,
  AIO_BATCH_SIZE,
  AIO_BATCH_SLEPT,
  AIO_BATCH_SUBMIT_RETRIES,
  AIO_QUEUE_ABORT,
  AIO_RULE_OLDER,
  AIO_RULE_WINDOW,
  AIO_T_INLINE_COUNT,
  AIO_T_INLINE_IOVECS,
  AIO_T_IOV,
  AIO_T_IOV_COUNT,
  AIO_T_LENGTH,
  AIO_T_OFFSET,
  AIO_T_PRIV,
  AIO_T_RVAL,
  AIO_T_SIZE,
  IOVEC_BASE,
  IOVEC_LENGTH,
  IOVEC_SIZE,
} from '../assembly/layout.ts';
import { DEFAULT_SUBMIT_DELAY_US, DEFAULT_SUBMIT_RETRIES, PAGE_SIZE } from '../assembly/limits.ts';
import type { CoreExports } from './core/exports.ts';
import { Scratch } from './core/scratch.ts';
import { Anchor, saveList, saveMap } from './core/timeline.ts';
import { ABORT_REASONS, type AbortReason, check } from './errors.ts';
import type { OpenFile } from './files.ts';
import type { Machine } from './machine.ts';

/** How submitBatch tries again. */
export interface BatchOptions {
  /** Stored in every request. Default 0. */
  readonly priv?: number;
  /** Retries without progress, 0 to 65,535. Default 16. */
  readonly submitRetries?: number;
  /** Microseconds before the first retry; each further one waits twice as long. Default 125. */
  readonly initialDelayUs?: number;
  /** `window` (default) is Ceph of today, `older` that of about 2018 to 2023. */
  readonly rule?: 'window' | 'older';
}

/** What a batch came to. */
export interface BatchResult {
  /** All of the requests, or a negative errno. */
  readonly result: number;
  /** Requests that were accepted, also where `result` is an error. */
  readonly done: number;
  readonly retries: number;
  /** Virtual nanoseconds slept. */
  readonly sleptNs: number;
  /** Calls of io_submit. */
  readonly calls: number;
}

/** One request. Its pieces must be there before it is prepared, and stay until it has completed. */
export class Aio {
  readonly #anchor: Anchor;
  readonly #owned: number[] = [];
  readonly #pieces: (readonly [address: number, length: number])[] = [];
  readonly address: number;

  /** `priv`: the owner's number, 0 to 2^53 - 1. */
  constructor(machine: Machine, file: OpenFile, priv = 0) {
    this.#anchor = new Anchor(machine);
    this.address = this.#own(AIO_T_SIZE);
    machine.timeline.keep(this, () => {
      const lists = [saveList(this.#owned), saveList(this.#pieces)];
      return () => {
        for (const restore of lists) restore();
      };
    });
    this.#prepare('aio_t', (exports) => exports.aioMake(this.address, priv, file.descriptor));
  }

  get #machine(): Machine {
    return this.#anchor.machine;
  }

  #own(bytes: number, alignment?: number): number {
    const address = this.#machine.buffers.allocate(bytes, alignment);
    this.#owned.push(address);
    return address;
  }

  #prepare(name: string, call: (exports: CoreExports) => number): void {
    check(name, this.#machine.core.call(call));
  }

  get #memory() {
    return this.#machine.core.memory;
  }

  get priv(): number {
    return this.#memory.u64(this.address + AIO_T_PRIV);
  }

  get offset(): number {
    return this.#memory.u64(this.address + AIO_T_OFFSET);
  }

  get length(): number {
    return this.#memory.u64(this.address + AIO_T_LENGTH);
  }

  /** Adds one segment: an address of machine.buffers and its bytes. More than 4 move to a list of their own. */
  addPiece(address: number, length: number): void {
    this.#pieces.push([address, length]);
    const count = this.#pieces.length;
    const isInline = count <= AIO_T_INLINE_COUNT;
    const list = isInline ? this.address + AIO_T_INLINE_IOVECS : this.#own(count * IOVEC_SIZE);
    this.#pieces.forEach(([base, bytes], index) => {
      this.#memory.setU64(list + index * IOVEC_SIZE + IOVEC_BASE, base);
      this.#memory.setU64(list + index * IOVEC_SIZE + IOVEC_LENGTH, bytes);
    });
    this.#memory.setU64(this.address + AIO_T_IOV, list);
    this.#memory.setU32(this.address + AIO_T_IOV_COUNT, count);
  }

  /** Prepares a write of all pieces; `length` is taken on trust. */
  pwritev(offset: number, length: number): void {
    this.#prepare('pwritev', (exports) => exports.aioPwritev(this.address, offset, length));
  }

  /** Prepares a read into all pieces. */
  preadv(offset: number, length: number): void {
    this.#prepare('preadv', (exports) => exports.aioPreadv(this.address, offset, length));
  }

  /** Prepares a read into a new buffer of whole pages, as Ceph had it in 2017; returns its address. free() frees it. */
  pread(offset: number, length: number): number {
    const buffer = this.#own(Math.max(1, length), PAGE_SIZE);
    this.#prepare('pread', (exports) => exports.aioPread(this.address, offset, length, buffer));
    return buffer;
  }

  /** get_return_value: bytes, a negative errno, or -1000 while nothing was reaped. */
  get returnValue(): number {
    return this.#memory.s64(this.address + AIO_T_RVAL);
  }

  /** Frees the request's memory: only when it has completed or was never submitted. */
  free(): void {
    if (this.#anchor.isStale) return;
    this.#machine.timeline.drop(this);
    for (const address of this.#owned.splice(0)) this.#machine.buffers.free(address);
  }
}

/**
 * aio_queue_t: one submission and completion queue.
 *
 * @example
 * const machine = await Machine.create();
 * const queue = machine.createAioQueue(64);
 * queue.init();
 * const aio = new Aio(machine, machine.openFile('drive0', { direct: true }));
 * aio.pread(0, 4096);
 * const completed = [];
 * console.log(queue.submitBatch([aio]).result, queue.getNextCompleted(250, completed), aio.returnValue);
 */
export class AioQueue {
  readonly #anchor: Anchor;
  readonly #submitted = new Map<number, Aio>();
  readonly #batch: Scratch;
  readonly #completed: Scratch;
  readonly handle: number;
  readonly maxIodepth: number;

  constructor(machine: Machine, maxIodepth: number) {
    this.#anchor = new Anchor(machine);
    machine.timeline.keep(this, () => saveMap(this.#submitted));
    this.maxIodepth = maxIodepth;
    this.#batch = new Scratch(machine.buffers);
    this.#completed = new Scratch(machine.buffers);
    this.handle = check(
      'aio_queue_t',
      machine.core.call((exports) => exports.aioQueueCreate(maxIodepth)),
    );
  }

  get #machine(): Machine {
    return this.#anchor.machine;
  }

  /** Why the last call that would have aborted Ceph would have; `none` if none has. */
  get abort(): AbortReason {
    const state = this.#machine.core.call((exports) => exports.aioQueueState(this.handle));
    return ABORT_REASONS[this.#machine.core.memory.u32(state + AIO_QUEUE_ABORT)] ?? 'none';
  }

  /** io_setup: 0 or a negative errno; -EINVAL the second time, an abort. */
  init(): number {
    return this.#machine.core.call((exports) => exports.aioQueueInit(this.handle));
  }

  /** io_destroy: 0, also for a queue that has nothing to shut down; -EBUSY while I/O is pending. Unreaped events are lost. */
  shutdown(): number {
    const result = this.#machine.core.call((exports) => exports.aioQueueShutdown(this.handle));
    if (result === 0) this.#submitted.clear();
    return result;
  }

  /** The destructor: 0; -EBUSY before shutdown, an abort. */
  destroy(): number {
    const result = this.#machine.core.call((exports) => exports.aioQueueDestroy(this.handle));
    if (result !== 0) return result;
    this.#machine.timeline.drop(this);
    for (const scratch of [this.#batch, this.#completed]) scratch.free();
    return result;
  }

  /** submit_batch, retries and their virtual sleeps included. */
  submitBatch(aios: readonly Aio[], options: BatchOptions = {}): BatchResult {
    const { core } = this.#machine;
    const { memory } = core;
    const batch = this.#batch.reserve(AIO_BATCH_SIZE + aios.length * 4);
    const array = batch + AIO_BATCH_SIZE;
    const words = memory.words;
    words.fill(0, batch >>> 2, array >>> 2);
    memory.setU64(batch + AIO_BATCH_PRIV, options.priv ?? 0);
    memory.setU32(batch + AIO_BATCH_SUBMIT_RETRIES, options.submitRetries ?? DEFAULT_SUBMIT_RETRIES);
    memory.setU64(batch + AIO_BATCH_INITIAL_DELAY_US, options.initialDelayUs ?? DEFAULT_SUBMIT_DELAY_US);
    memory.setU32(batch + AIO_BATCH_RULE, options.rule === 'older' ? AIO_RULE_OLDER : AIO_RULE_WINDOW);
    for (let index = 0; index < aios.length; index++)
      words[(array >>> 2) + index] = (aios[index] as Aio).address;
    const result = core.call((exports) =>
      exports.aioQueueSubmitBatch(this.handle, array, aios.length, batch),
    );
    const done = memory.u32(batch + AIO_BATCH_DONE);
    for (let index = 0; index < done; index++) {
      const aio = aios[index] as Aio;
      this.#submitted.set(aio.address, aio);
    }
    return {
      result,
      done,
      retries: memory.u32(batch + AIO_BATCH_RETRIES),
      sleptNs: memory.u64(batch + AIO_BATCH_SLEPT),
      calls: memory.u32(batch + AIO_BATCH_CALLS),
    };
  }

  /**
   * get_next_completed: waits, in virtual time, at most `timeoutMs` (negative: without limit) for one event. Puts at most
   * `max` requests behind what `completed` holds, in the order of completion. How many, 0, or a negative errno.
   */
  getNextCompleted(timeoutMs: number, completed: Aio[], max = 16): number {
    const { core } = this.#machine;
    const array = this.#completed.reserve(Math.max(1, max) * 4);
    const result = core.call((exports) =>
      exports.aioQueueGetNextCompleted(this.handle, timeoutMs, array, max),
    );
    const { words } = core.memory;
    for (let index = 0; index < result; index++) {
      const aio = this.#submitted.get(words[(array >>> 2) + index] as number);
      if (aio !== undefined) completed.push(aio);
    }
    return result;
  }
}
