// Linux AIO as a C program sees it: 64-byte iocbs, 32-byte events and pointers in client memory, raw results.
//
// Verbs: setup, submit, getEvents, destroy, cancel; iocb and iovecs write structs. Offsets here are written out, as
// linux/aio_abi.h has them, and not taken from the core's own table: that table is under test.

import { ROOT_BUFFERS } from '../../../assembly/layout.ts';
import type { Machine } from '../../../src/machine.ts';

export const PREAD = 0;
export const PWRITE = 1;
export const FSYNC = 2;
export const FDSYNC = 3;
export const POLL = 5;
export const PREADV = 7;
export const PWRITEV = 8;

export const EPERM = -1;
export const EBADF = -9;
export const EAGAIN = -11;
export const EFAULT = -14;
export const EINVAL = -22;
export const EMFILE = -24;
export const EFBIG = -27;
export const ENOSPC = -28;
export const EDEADLK = -35;
export const EOPNOTSUPP = -95;
export const EINPROGRESS = -115;

type Word = number | bigint;

export interface Iocb {
  readonly data?: Word;
  readonly key?: number;
  readonly rwFlags?: number;
  readonly opcode?: number;
  readonly priority?: number;
  readonly fd?: number;
  readonly buf?: Word;
  readonly nbytes?: Word;
  readonly offset?: Word;
  readonly reserved2?: Word;
  readonly flags?: number;
  readonly resfd?: number;
}

export interface Event {
  readonly data: number;
  readonly obj: number;
  readonly res: number;
  readonly res2: number;
}

export interface Reaped {
  readonly result: number;
  readonly events: readonly Event[];
}

export class Ring {
  readonly machine: Machine;
  #next: number;
  readonly #end: number;

  constructor(machine: Machine, room = 2097152) {
    this.machine = machine;
    this.#next = machine.buffers.allocate(room, 4096);
    this.#end = this.#next + room;
  }

  get view(): DataView {
    return new DataView(this.machine.core.memory.buffer);
  }

  get bytes(): Uint8Array {
    return this.machine.core.memory.bytes;
  }

  /** Addresses that are the core's, or nobody's: before client memory, behind all memory. */
  get outside(): number[] {
    const start = this.machine.core.root(ROOT_BUFFERS);
    return [64, start - 1, this.bytes.length - 8, this.bytes.length, 0xfffffff0, 0xffffffff];
  }

  allocate(bytes: number, alignment = 8): number {
    const address = Math.ceil(this.#next / alignment) * alignment;
    if (address + bytes > this.#end) throw new Error('the test needs more room');
    this.#next = address + bytes;
    return address;
  }

  mark(): number {
    return this.#next;
  }

  release(mark: number): void {
    this.#next = mark;
  }

  /** io_setup on a word that holds `initial`: the result, and what the word holds then. */
  setup(eventCount: number, initial = 0): { result: number; handle: number } {
    const word = this.allocate(8);
    this.view.setBigUint64(word, BigInt(initial), true);
    const result = this.machine.core.call((exports) => exports.aioSetup(eventCount, word));
    return { result, handle: Number(this.view.getBigUint64(word, true)) };
  }

  /** The handle of a context that must come. */
  open(eventCount: number): number {
    const { result, handle } = this.setup(eventCount);
    if (result !== 0) throw new Error(`io_setup answered ${result}`);
    return handle;
  }

  destroy(handle: number): number {
    return this.machine.core.call((exports) => exports.aioDestroy(handle));
  }

  cancel(handle: number, iocb: number): number {
    return this.machine.core.call((exports) => exports.aioCancel(handle, iocb));
  }

  /** The descriptor of a new eventfd, or a negative errno. */
  createEventfd(initialCount = 0, flags = 0): number {
    return this.machine.core.call((exports) => exports.eventfdCreate(initialCount, flags));
  }

  /** What a read takes off, or a negative errno. */
  readEventfd(fd: number): bigint {
    const mark = this.mark();
    const at = this.allocate(8);
    const result = this.machine.core.call((exports) => exports.eventfdRead(fd, at));
    const value = this.view.getBigUint64(at, true);
    this.release(mark);
    return result === 0 ? value : BigInt(result);
  }

  writeEventfd(fd: number, value: Word): number {
    const mark = this.mark();
    const at = this.allocate(8);
    this.view.setBigUint64(at, BigInt(value), true);
    const result = this.machine.core.call((exports) => exports.eventfdWrite(fd, at));
    this.release(mark);
    return result;
  }

  /** Writes 64 bytes; what is not named is 0. */
  iocb(fields: Iocb, at = this.allocate(64)): number {
    const view = this.view;
    this.bytes.fill(0, at, at + 64);
    view.setBigUint64(at, BigInt.asUintN(64, BigInt(fields.data ?? 0)), true);
    view.setUint32(at + 8, fields.key ?? 0, true);
    view.setUint32(at + 12, fields.rwFlags ?? 0, true);
    view.setUint16(at + 16, fields.opcode ?? PREAD, true);
    view.setUint16(at + 18, fields.priority ?? 0, true);
    view.setUint32(at + 20, fields.fd ?? 0, true);
    view.setBigUint64(at + 24, BigInt.asUintN(64, BigInt(fields.buf ?? 0)), true);
    view.setBigUint64(at + 32, BigInt.asUintN(64, BigInt(fields.nbytes ?? 0)), true);
    view.setBigUint64(at + 40, BigInt.asUintN(64, BigInt(fields.offset ?? 0)), true);
    view.setBigUint64(at + 48, BigInt.asUintN(64, BigInt(fields.reserved2 ?? 0)), true);
    view.setUint32(at + 56, fields.flags ?? 0, true);
    view.setUint32(at + 60, fields.resfd ?? 0, true);
    return at;
  }

  /** An array of {base u64, length u64}. */
  iovecs(segments: readonly (readonly [base: Word, length: Word])[]): number {
    const at = this.allocate(Math.max(1, segments.length) * 16);
    segments.forEach(([base, length], index) => {
      this.view.setBigUint64(at + index * 16, BigInt.asUintN(64, BigInt(base)), true);
      this.view.setBigUint64(at + index * 16 + 8, BigInt.asUintN(64, BigInt(length)), true);
    });
    return at;
  }

  /** io_submit of these addresses. */
  submit(handle: number, iocbs: readonly number[]): number {
    const mark = this.mark();
    const pointers = this.allocate(Math.max(1, iocbs.length) * 4);
    iocbs.forEach((iocb, index) => {
      this.view.setUint32(pointers + index * 4, iocb, true);
    });
    const result = this.submitRaw(handle, iocbs.length, pointers);
    this.release(mark);
    return result;
  }

  submitRaw(handle: number, count: number, pointers: number): number {
    return this.machine.core.call((exports) => exports.aioSubmit(handle, count, pointers));
  }

  /** Fills an iocb and submits it alone. */
  submitOne(handle: number, fields: Iocb): number {
    return this.submit(handle, [this.iocb(fields)]);
  }

  getEventsRaw(handle: number, minimum: number, maximum: number, events: number, timeout: number): number {
    return this.machine.core.call((exports) =>
      exports.aioGetevents(handle, minimum, maximum, events, timeout),
    );
  }

  timespec(seconds: Word, nanoseconds: Word): number {
    const at = this.allocate(16);
    this.view.setBigInt64(at, BigInt(seconds), true);
    this.view.setBigInt64(at + 8, BigInt(nanoseconds), true);
    return at;
  }

  /** io_getevents; `timeoutNs` left out waits without limit. What lies behind the events must not change. */
  getEvents(handle: number, minimum: number, maximum: number, timeoutNs?: number): Reaped {
    const mark = this.mark();
    const events = this.allocate(Math.max(0, maximum) * 32 + 64);
    this.bytes.fill(0xab, events, events + Math.max(0, maximum) * 32 + 64);
    const timeout = timeoutNs === undefined ? 0 : this.timespec(Math.floor(timeoutNs / 1e9), timeoutNs % 1e9);
    const result = this.getEventsRaw(handle, minimum, maximum, events, timeout);
    const count = Math.max(0, result);
    const behind = this.bytes.subarray(events + count * 32, events + Math.max(0, maximum) * 32 + 64);
    if (!behind.every((byte) => byte === 0xab)) throw new Error('bytes behind the events were changed');
    const view = this.view;
    const decoded = Array.from({ length: count }, (_, index): Event => {
      const at = events + index * 32;
      return {
        data: Number(view.getBigUint64(at, true)),
        obj: Number(view.getBigUint64(at + 8, true)),
        res: Number(view.getBigInt64(at + 16, true)),
        res2: Number(view.getBigInt64(at + 24, true)),
      };
    });
    this.release(mark);
    return { result, events: decoded };
  }

  /** The results of all events there are, oldest first, waiting for what can still complete. */
  results(handle: number, maximum = 64): number[] {
    this.machine.run();
    return this.getEvents(handle, 0, maximum).events.map(({ res }) => res);
  }
}
