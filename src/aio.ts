// Linux AIO for JavaScript: contexts, which take requests as objects or raw, as iocbs in client memory.
//
// Verbs: submit, getEvents, takeEvents, cancel, destroy; submitAddresses; submitRaw, getEventsRaw.
// Layout: a context keeps iocbs in chunks of client memory, one for each request in flight; their data word is the
// number of their place, so an event finds its request without a search. The memory that calls need is kept between
// them, and grows when a larger call comes.
// Invariant: an iocb of the context is in use from its submission until getEvents has given its event.

import {
  AIO_RING_HEAD,
  AIO_RING_HEADER_SIZE,
  AIO_RING_ID,
  AIO_RING_NR,
  AIO_RING_TAIL,
  IO_EVENT_DATA,
  IO_EVENT_OBJ,
  IO_EVENT_RES,
  IO_EVENT_SIZE,
  IOCB_SIZE,
} from '../assembly/layout.ts';
import { type AioRequest, iovecBytes, readyIocb, writeIocb, writeIovecs } from './aio-request.ts';
import type { Core } from './core/core.ts';
import { Scratch } from './core/scratch.ts';
import { Anchor, saveList } from './core/timeline.ts';
import { check, StorageError } from './errors.ts';
import type { Machine } from './machine.ts';

const CHUNK_IOCBS = 64;
const EINVAL = -22;
const EINPROGRESS = -115;
const DEFAULT_MAX_EVENTS = 128;
const TIMESPEC_SIZE = 16;
const SECOND_NS = 1e9;

/** One completion. `res`: bytes, 0 for a sync, ready bits for a poll, or a negative Linux errno. */
export class AioEvent<Data = number> {
  /** The request's data; the iocb's for a raw one, exact up to 2^53. */
  readonly data: Data;
  /** Address of the iocb. */
  readonly obj: number;
  readonly res: number;
  /** The request that was given to submit(); undefined for a raw one. */
  readonly request: AioRequest<Data> | undefined;

  constructor(data: Data, obj: number, res: number, request: AioRequest<Data> | undefined) {
    this.data = data;
    this.obj = obj;
    this.res = res;
    this.request = request;
  }

  /** What went wrong, or undefined. */
  get error(): StorageError | undefined {
    return this.res < 0 ? new StorageError(this.request?.op ?? 'aio', this.res) : undefined;
  }

  /** `res`, or throws `error`. */
  check(): number {
    if (this.res < 0) throw this.error;
    return this.res;
  }
}

/** What getEvents waits for and how much it takes. */
export interface GetEventsOptions {
  /** Default 0: take what is there. */
  readonly min?: number;
  /** Default 128, or `min` if that is more. */
  readonly max?: number;
  /** Virtual nanoseconds, a whole number; left out, without limit. */
  readonly timeoutNs?: number;
}

/**
 * A completion queue for at least `eventCount` requests; exactly `slotCount` are accepted until events are reaped.
 * Freed by destroy(), which waits for what is in flight.
 *
 * @example
 * const machine = await Machine.create();
 * const file = machine.openFile('drive0', { direct: true });
 * const context = machine.createAioContext(32);
 * const buffer = machine.allocateBuffer(4096);
 * buffer.bytes.set(new TextEncoder().encode('first sector'));
 * context.submit([pwrite(file, buffer, 0)]);
 * const [event] = context.getEvents({ min: 1 });
 * console.log(event.check()); // 4096
 */
export class AioContext<Data = number> implements Disposable {
  readonly #machine: Machine;
  readonly #anchor: Anchor;
  readonly #core: Core;
  readonly #pointers: Scratch;
  readonly #iovecs: Scratch;
  readonly #events: Scratch;
  readonly #chunks: number[] = [];
  /** By place: the iocb's address, and the request that is in flight with it. */
  readonly #addresses: number[] = [];
  readonly #requests: (AioRequest<Data> | undefined)[] = [];
  readonly #freePlaces: number[] = [];
  #isDestroyed = false;
  readonly handle: number;
  /** What records call the context (RECORD_AIO_ACCEPTED, RECORD_AIO_EVENT). */
  readonly number: number;
  /** Requests that the context takes until events are reaped: the slots of its ring less one, `eventCount` or more. */
  readonly slotCount: number;

  constructor(machine: Machine, eventCount: number) {
    this.#machine = machine;
    this.#anchor = new Anchor(machine);
    this.#core = machine.core;
    this.handle = machine.buffers.borrow(8, (address) => {
      machine.core.memory.setU64(address, 0);
      check(
        'io_setup',
        machine.core.call((exports) => exports.aioSetup(eventCount, address)),
      );
      return machine.core.memory.u32(address);
    });
    this.number = machine.core.memory.u32(this.handle + AIO_RING_ID);
    this.slotCount = machine.core.memory.u32(this.handle + AIO_RING_NR) - 1;
    this.#pointers = new Scratch(machine.buffers);
    this.#iovecs = new Scratch(machine.buffers);
    this.#events = new Scratch(machine.buffers);
    machine.timeline.keep(this, () => this.#save());
  }

  #save(): () => void {
    const lists = [
      saveList(this.#chunks),
      saveList(this.#addresses),
      saveList(this.#requests),
      saveList(this.#freePlaces),
    ];
    return () => {
      for (const restore of lists) restore();
      this.#isDestroyed = false;
    };
  }

  /** Throws EINVAL once the context is destroyed: its memory may belong to others by now. */
  #checkOpen(syscall: string): void {
    this.#anchor.check();
    if (this.#isDestroyed) check(syscall, EINVAL);
  }

  /** Makes sure that `count` iocbs are free. */
  #reservePlaces(count: number): void {
    const missing = count - this.#freePlaces.length;
    if (missing <= 0) return;
    const added = Math.max(missing, CHUNK_IOCBS);
    const chunk = this.#machine.buffers.allocate(added * IOCB_SIZE);
    this.#chunks.push(chunk);
    const words = this.#core.memory.words;
    for (let index = added - 1; index >= 0; index--) {
      const place = this.#addresses.length;
      const address = chunk + index * IOCB_SIZE;
      readyIocb(words, address, place);
      this.#addresses.push(address);
      this.#requests.push(undefined);
      this.#freePlaces.push(place);
    }
  }

  #givePlace(place: number): void {
    this.#requests[place] = undefined;
    this.#freePlaces.push(place);
  }

  /** Room for the iovecs of all requests, or 0 when none has any. */
  #reserveIovecs(requests: readonly AioRequest<Data>[]): number {
    let bytes = 0;
    for (const request of requests) bytes += iovecBytes(request);
    return bytes === 0 ? 0 : this.#iovecs.reserve(bytes);
  }

  /** Submits in order; returns how many were accepted. Throws the error of the first when none was. */
  submit(requests: readonly AioRequest<Data>[]): number {
    this.#checkOpen('io_submit');
    const count = requests.length;
    this.#reservePlaces(count);
    const pointers = this.#pointers.reserve(count * 4);
    let iovecs = this.#reserveIovecs(requests);
    const words = this.#core.memory.words;
    const firstPointer = pointers >>> 2;
    for (let index = 0; index < count; index++) {
      const request = requests[index] as AioRequest<Data>;
      const place = this.#freePlaces.pop() as number;
      const address = this.#addresses[place] as number;
      if (request.pieces !== undefined) writeIovecs(words, iovecs, request.pieces);
      writeIocb(words, address, request, iovecs);
      iovecs += iovecBytes(request);
      this.#requests[place] = request;
      words[firstPointer + index] = address;
    }
    const result = this.submitRaw(pointers, count);
    // the places of the refused were taken last: they go back in the order in which they will be taken again
    for (let index = count - 1; index >= Math.max(0, result); index--)
      this.#givePlace(words[(words[firstPointer + index] as number) >>> 2] as number);
    return check('io_submit', result);
  }

  /** io_submit on iocbs that are in client memory already; their events come with `request` undefined. */
  submitAddresses(iocbs: readonly number[]): number {
    this.#checkOpen('io_submit');
    const pointers = this.#pointers.reserve(iocbs.length * 4);
    this.#core.memory.words.set(iocbs, pointers >>> 2);
    return check('io_submit', this.submitRaw(pointers, iocbs.length));
  }

  /** io_submit as libaio has it: `count` 4-byte addresses of iocbs at `pointers`; how many were accepted, or a negative errno. Allocates nothing. */
  submitRaw(pointers: number, count: number): number {
    const core = this.#core;
    this.#anchor.check();
    core.checkAlive();
    try {
      return core.exports.aioSubmit(this.handle, count, pointers);
    } catch (error) {
      throw core.afterTrap(error);
    }
  }

  /**
   * Waits, in virtual time, for at least `min` events and returns at most `max`. Fewer than `min` come back when the time
   * is up or nothing more can complete.
   */
  getEvents(options: GetEventsOptions = {}): AioEvent<Data>[] {
    const { min = 0, timeoutNs } = options;
    const max = options.max ?? Math.max(DEFAULT_MAX_EVENTS, min);
    this.#checkOpen('io_getevents');
    // there are never more events than slots, whatever was asked for
    const room = Math.min(Math.max(0, max), this.slotCount);
    const timeout = this.#events.reserve(TIMESPEC_SIZE + room * IO_EVENT_SIZE);
    const events = timeout + TIMESPEC_SIZE;
    if (timeoutNs !== undefined) {
      this.#core.memory.setU64(timeout, Math.floor(timeoutNs / SECOND_NS));
      this.#core.memory.setU64(timeout + 8, timeoutNs % SECOND_NS);
    }
    const count = check(
      'io_getevents',
      this.getEventsRaw(min, max, events, timeoutNs === undefined ? 0 : timeout),
    );
    const words = this.#core.memory.words;
    const result = new Array<AioEvent<Data>>(count);
    for (let index = 0; index < count; index++)
      result[index] = this.#event(words, (events + index * IO_EVENT_SIZE) >>> 2);
    return result;
  }

  /**
   * Takes the events that are on the ring and lets nothing happen, where getEvents first lets happen what is due: a reader in user space, which
   * moves the ring's head itself.
   */
  takeEvents(): AioEvent<Data>[] {
    this.#checkOpen('io_getevents');
    const { words } = this.#core.memory;
    const ring = this.handle >>> 2;
    const tail = words[ring + (AIO_RING_TAIL >>> 2)] as number;
    const result: AioEvent<Data>[] = [];
    let head = words[ring + (AIO_RING_HEAD >>> 2)] as number;
    for (; head !== tail; head = head === this.slotCount ? 0 : head + 1)
      result.push(this.#event(words, (this.handle + AIO_RING_HEADER_SIZE + head * IO_EVENT_SIZE) >>> 2));
    words[ring + (AIO_RING_HEAD >>> 2)] = head;
    return result;
  }

  /** The event at a word index; the place of its iocb is free from now on. */
  #event(words: Uint32Array, at: number): AioEvent<Data> {
    const low = words[at + (IO_EVENT_DATA >>> 2)] as number;
    const obj = words[at + (IO_EVENT_OBJ >>> 2)] as number;
    const res = (words[at + (IO_EVENT_RES >>> 2)] as number) | 0;
    if (this.#addresses[low] === obj) {
      const request = this.#requests[low] as AioRequest<Data>;
      this.#givePlace(low);
      return new AioEvent(request.data ?? (0 as Data), obj, res, request);
    }
    const high = words[at + (IO_EVENT_DATA >>> 2) + 1] as number;
    return new AioEvent((high * 4294967296 + low) as Data, obj, res, undefined);
  }

  /**
   * io_getevents as libaio has it: up to `max` events of 32 bytes at `events`, `timeout` the address of {seconds s64,
   * nanoseconds s64} or 0; how many, or a negative errno. Allocates nothing. Not for events of submit(): their iocbs
   * come back by getEvents() only.
   */
  getEventsRaw(min: number, max: number, events: number, timeout: number): number {
    const core = this.#core;
    this.#anchor.check();
    core.checkAlive();
    try {
      return core.exports.aioGetevents(this.handle, min, max, events, timeout);
    } catch (error) {
      throw core.afterTrap(error);
    }
  }

  /** io_cancel of a request in flight: true when it was a poll that waited; its event comes with `res` 0. Nothing else can be cancelled. */
  cancel(request: AioRequest<Data>): boolean {
    this.#anchor.check();
    const place = this.#requests.indexOf(request);
    if (place < 0) return false;
    const result = this.#core.call((exports) =>
      exports.aioCancel(this.handle, this.#addresses[place] as number),
    );
    if (result !== EINPROGRESS && result !== EINVAL) check('io_cancel', result);
    return result === EINPROGRESS;
  }

  /** io_destroy: cancels waiting polls, waits for requests in flight, discards unreaped events. */
  destroy(): void {
    this.#anchor.check();
    check(
      'io_destroy',
      this.#core.call((exports) => exports.aioDestroy(this.handle)),
    );
    this.#isDestroyed = true;
    this.#machine.timeline.drop(this);
    for (const scratch of [this.#pointers, this.#iovecs, this.#events]) scratch.free();
    for (const chunk of this.#chunks) this.#machine.buffers.free(chunk);
  }

  [Symbol.dispose](): void {
    if (!this.#isDestroyed && !this.#anchor.isStale) this.destroy();
  }
}
