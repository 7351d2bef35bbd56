// The calls of libaio, between a guest and the core's Linux AIO.
//
// Verbs: setup, destroy, submit, getevents, cancel; imports, which names them as a C program does. The core makes
// the checks and answers Linux's numbers; here are the guest's memory, its handles and its numbers.
// Invariants: a handle is known to one guest only; a request is copied out and given back when its event is reaped, or
// given back without being copied when its context is destroyed.

import {
  AIO_RING_NR,
  IO_EVENT_DATA,
  IO_EVENT_OBJ,
  IO_EVENT_RES,
  IO_EVENT_RES2,
  IO_EVENT_SIZE,
  IOCB_KEY,
  IOCB_SIZE,
} from '../../../assembly/layout.ts';
import type { CoreExports } from '../../core/exports.ts';
import type { GuestMemory } from '../../core/guest-memory.ts';
import type { Machine } from '../../machine.ts';
import { wasiErrno } from '../wasi/errno.ts';
import type { Request, Requests } from './requests.ts';

const EAGAIN = -11;
const ENOMEM = -12;
const EFAULT = -14;
const EINVAL = -22;

/** No context and no client memory is there. */
const NOWHERE = 0;
const TIMESPEC_SIZE = 16;
/** Handles lie in the first 1,024 bytes, which wasm-ld leaves empty. */
const FIRST_HANDLE = 64;
const HANDLE_STEP = 2;
const HANDLE_COUNT = 460;
const FIRST_ROOM = 31;

/** Handles that are in use, over all guests of a machine: one guest's handle is nothing to another. */
class Handles {
  readonly #used = new Set<number>();
  #last = -1;

  /** A handle that was not used lately, or undefined. */
  take(): number | undefined {
    for (let tries = 0; tries < HANDLE_COUNT; tries++) {
      this.#last = (this.#last + 1) % HANDLE_COUNT;
      const handle = FIRST_HANDLE + this.#last * HANDLE_STEP;
      if (this.#used.has(handle)) continue;
      this.#used.add(handle);
      return handle;
    }
    return undefined;
  }

  give(handle: number): void {
    this.#used.delete(handle);
  }
}

const handlesOf = new WeakMap<Machine, Handles>();

/** A call with up to five i32. */
type GuestCall = (a: number, b: number, c: number, d: number, e: number) => number;

interface Context {
  /** The core's handle. */
  readonly core: number;
  /** Events that its ring holds. */
  readonly nr: number;
  /** Accepted and not reaped, by address in client memory, oldest first. */
  readonly requests: Map<number, Request>;
  /** Client memory that is kept for reaping: a timespec and `room` events. Without it a full memory could never empty. */
  scratch: number;
  room: number;
}

export class AioCalls {
  readonly #machine: Machine;
  readonly #guest: GuestMemory;
  readonly #requests: Requests;
  readonly #handles: Handles;
  readonly #contexts = new Map<number, Context>();
  readonly #errno: 'wasi' | 'linux';

  constructor(machine: Machine, guest: GuestMemory, requests: Requests, errno: 'wasi' | 'linux') {
    this.#machine = machine;
    this.#errno = errno;
    this.#guest = guest;
    this.#requests = requests;
    this.#handles = handlesOf.get(machine) ?? new Handles();
    handlesOf.set(machine, this.#handles);
  }

  /** The functions by the names that C programs call them with. */
  imports(): Record<string, GuestCall> {
    const calls: Record<string, GuestCall> = {
      io_setup: (count, context) => this.setup(count, context),
      io_destroy: (context) => this.destroy(context),
      io_submit: (context, count, iocbs) => this.submit(context, count, iocbs),
      io_cancel: (context, iocb) => this.cancel(context, iocb),
      io_getevents: (context, min, nr, events, timeout) => this.getevents(context, min, nr, events, timeout),
      // a guest has no signals, so there is no mask to swap
      io_pgetevents: (context, min, nr, events, timeout) => this.getevents(context, min, nr, events, timeout),
      io_queue_init: (count, context) => this.queueInit(count, context),
      io_queue_release: (context) => this.destroy(context),
      io_queue_wait: (context, timeout) => this.getevents(context, 0, 0, NOWHERE, timeout),
    };
    const named = Object.entries(calls).map(([name, call]) => [
      name,
      (...values: Parameters<GuestCall>) => this.#number(call(...values)),
    ]);
    return Object.fromEntries(named);
  }

  /** A count, or an error in the guest's numbers. */
  #number(result: number): number {
    return result < 0 && this.#errno === 'wasi' ? -wasiErrno(-result) : result;
  }

  #call(body: (exports: CoreExports) => number): number {
    return this.#machine.core.call(body);
  }

  /** Client memory, or undefined when it is full. */
  #allocate(bytes: number): number | undefined {
    try {
      return this.#machine.buffers.allocate(bytes);
    } catch {
      return undefined;
    }
  }

  setup(eventCount: number, contextAddress: number): number {
    const { memory } = this.#machine.core;
    if (contextAddress === 0 || !this.#guest.has(contextAddress, 4))
      return this.#call((exports) => exports.aioSetup(eventCount, NOWHERE));
    const scratch = this.#allocate(scratchBytes(FIRST_ROOM));
    if (scratch === undefined) return ENOMEM;
    memory.setU64(scratch, this.#guest.u32(contextAddress));
    const result = this.#call((exports) => exports.aioSetup(eventCount, scratch));
    const handle = result === 0 ? this.#handles.take() : undefined;
    if (handle === undefined) {
      if (result === 0) this.#call((exports) => exports.aioDestroy(memory.u32(scratch)));
      this.#machine.buffers.free(scratch);
      return result === 0 ? ENOMEM : result;
    }
    const core = memory.u32(scratch);
    const nr = memory.u32(core + AIO_RING_NR);
    this.#contexts.set(handle, { core, nr, requests: new Map(), scratch, room: FIRST_ROOM });
    this.#guest.setU32(contextAddress, handle);
    return 0;
  }

  queueInit(eventCount: number, contextAddress: number): number {
    if (eventCount <= 0) return EINVAL;
    if (contextAddress === 0 || !this.#guest.has(contextAddress, 4)) return EFAULT;
    this.#guest.setU32(contextAddress, 0);
    return this.setup(eventCount, contextAddress);
  }

  #context(handle: number): Context | undefined {
    return this.#contexts.get(handle >>> 0);
  }

  destroy(handle: number): number {
    const context = this.#context(handle);
    const result = this.#call((exports) => exports.aioDestroy(context?.core ?? NOWHERE));
    if (result !== 0 || context === undefined) return result;
    this.#contexts.delete(handle >>> 0);
    this.#handles.give(handle >>> 0);
    for (const request of context.requests.values()) this.#requests.give(request);
    this.#machine.buffers.free(context.scratch);
    return 0;
  }

  /** Destroys every context. The first error there was (EDEADLK: a drive holds its completions), or 0. */
  destroyAll(): number {
    let answer = 0;
    for (const handle of [...this.#contexts.keys()]) {
      const result = this.destroy(handle);
      if (answer === 0) answer = result;
    }
    return answer;
  }

  /** What stands at place `index` of a pointer array: an iocb that is there, or 0. */
  #iocbAt(pointers: number, index: number): number {
    const address = (pointers >>> 0) + index * 4;
    if (pointers === 0 || !this.#hasAt(address, 4)) return 0;
    const iocb = this.#guest.u32(address);
    return iocb !== 0 && this.#guest.has(iocb, IOCB_SIZE) ? iocb : 0;
  }

  /** As GuestMemory.has, for a sum that may be more than 32 bits. */
  #hasAt(address: number, length: number): boolean {
    return address <= 0xffffffff && this.#guest.has(address, length);
  }

  submit(handle: number, count: number, pointers: number): number {
    const context = this.#context(handle);
    if (context === undefined || count <= 0)
      return this.#call((exports) => exports.aioSubmit(context?.core ?? NOWHERE, count, NOWHERE));
    // one more than can be taken, so that the core says why
    const wanted = Math.min(count, context.nr - context.requests.size);
    const array = this.#reserve(context, wanted) ? this.#allocate(wanted * 4) : undefined;
    if (array === undefined) return this.#whenFull();
    try {
      return this.#submitBatch(context, wanted, pointers, array);
    } finally {
      this.#machine.buffers.free(array);
    }
  }

  /** Makes room to reap `more` requests than there are. False when client memory is full. */
  #reserve(context: Context, more: number): boolean {
    const needed = context.requests.size + more + 1;
    if (needed <= context.room) return true;
    const room = Math.max(needed, context.room * 2);
    const scratch = this.#allocate(scratchBytes(room));
    if (scratch === undefined) return false;
    this.#machine.buffers.free(context.scratch);
    context.scratch = scratch;
    context.room = room;
    return true;
  }

  /** Client memory is full: it comes free when requests are reaped, or it is too small for this one. */
  #whenFull(): number {
    return [...this.#contexts.values()].some(({ requests }) => requests.size > 0) ? EAGAIN : ENOMEM;
  }

  #submitBatch(context: Context, wanted: number, pointers: number, array: number): number {
    const { memory } = this.#machine.core;
    const batch: Request[] = [];
    let count = 0;
    for (; count < wanted; count++) {
      const iocb = this.#iocbAt(pointers, count);
      memory.setU32(array + count * 4, NOWHERE);
      if (iocb === 0) {
        // the core stops here
        count++;
        break;
      }
      const request = this.#requests.prepare(iocb);
      if (request === undefined) break;
      memory.setU32(array + count * 4, request.address);
      batch.push(request);
    }
    if (count === 0) return this.#whenFull();
    const result = this.#call((exports) => exports.aioSubmit(context.core, count, array));
    const accepted = Math.max(result, 0);
    batch.forEach((request, index) => {
      if (index <= accepted) this.#requests.keyBack(request);
      if (index < accepted) context.requests.set(request.address, request);
      else this.#requests.give(request);
    });
    return result;
  }

  getevents(handle: number, minimum: number, maximum: number, events: number, timeout: number): number {
    if (timeout !== 0 && !this.#guest.has(timeout, TIMESPEC_SIZE)) return EFAULT;
    const context = this.#context(handle);
    if (context === undefined || minimum < 0 || minimum > maximum) return EINVAL;
    // there can not be more events than requests; one more than there are is waited for in vain
    const most = context.requests.size;
    const capacity = Math.min(maximum, most + 1);
    const room = Math.min(maximum, most) * IO_EVENT_SIZE;
    const isWritable = events !== 0 && this.#guest.has(events, room);
    const target = context.scratch + TIMESPEC_SIZE;
    if (timeout !== 0) this.#copyTimeout(timeout, context.scratch);
    const count = this.#call((exports) =>
      exports.aioGetevents(
        context.core,
        Math.min(minimum, capacity),
        capacity,
        isWritable ? target : NOWHERE,
        timeout === 0 ? NOWHERE : context.scratch,
      ),
    );
    if (count > 0) this.#reap(context, target, count, events);
    return count;
  }

  /** {s64 seconds, s32 nanoseconds, 4 bytes of anything} becomes {s64, s64}. */
  #copyTimeout(guest: number, address: number): void {
    const timespec = this.#guest.copy(guest, TIMESPEC_SIZE);
    const { memory } = this.#machine.core;
    const nanoseconds = timespec.getInt32(8, true);
    memory.setU32(address, timespec.getUint32(0, true));
    memory.setU32(address + 4, timespec.getUint32(4, true));
    memory.setU32(address + 8, nanoseconds);
    memory.setU32(address + 12, nanoseconds < 0 ? 0xffffffff : 0);
  }

  /** Takes `count` events at `source`: first the bytes that were read, then the events, which may lie over each other. */
  #reap(context: Context, source: number, count: number, events: number): void {
    const { memory } = this.#machine.core;
    const ended = Array.from({ length: count }, (_, index) => {
      const event = source + index * IO_EVENT_SIZE;
      const request = context.requests.get(memory.u32(event + IO_EVENT_OBJ)) as Request;
      const result = memory.u32(event + IO_EVENT_RES) | 0;
      return { event, request, result };
    });
    for (const { request, result } of ended) {
      this.#requests.deliver(request, result);
      context.requests.delete(request.address);
      this.#requests.give(request);
    }
    ended.forEach(({ event, request, result }, index) => {
      const target = events + index * IO_EVENT_SIZE;
      this.#guest.setU32(target + IO_EVENT_DATA, memory.u32(event + IO_EVENT_DATA));
      this.#guest.setU32(target + IO_EVENT_DATA + 4, memory.u32(event + IO_EVENT_DATA + 4));
      this.#guest.setU64(target + IO_EVENT_OBJ, BigInt(request.iocb));
      this.#guest.setU64(target + IO_EVENT_RES, BigInt.asUintN(64, BigInt(this.#number(result))));
      this.#guest.setU64(target + IO_EVENT_RES2, 0n);
    });
  }

  cancel(handle: number, iocb: number): number {
    if (iocb === 0 || !this.#guest.has(iocb, IOCB_SIZE)) return EFAULT;
    const context = this.#context(handle);
    if (context === undefined) return EINVAL;
    const request = [...context.requests.values()].find((candidate) => candidate.iocb === iocb >>> 0);
    const address = request?.address ?? context.scratch;
    this.#machine.core.memory.setU32(address + IOCB_KEY, this.#guest.u32(iocb + IOCB_KEY));
    return this.#call((exports) => exports.aioCancel(context.core, address));
  }
}

function scratchBytes(room: number): number {
  return TIMESPEC_SIZE + room * IO_EVENT_SIZE;
}
