// libaio's functions for raw iocbs in client memory: same order of arguments, same results, negative errnos.
//
// Verbs: ioSetup, ioDestroy, ioSubmit, ioGetevents, ioPgetevents, ioCancel; ioPrep… fill an iocb; ioSetEventfd,
// ioSetCallback; ioPoll, ioFsync, ioFdsync submit one; ioQueueInit, ioQueueRun, ioQueueWait, ioQueueRelease.
// Contexts, iocbs, buffers and events are addresses in client memory (`machine.buffers`, `machine.allocateBuffer`); a
// file is a descriptor (`file.descriptor`).
// Invariant: ioPrep… clears all 64 bytes first, so data, callback, eventfd and flags are set afterwards.
//
// One shortcut of libaio is left out: io_getevents of an empty ring with a timeout of {0, 0} enters the core all the
// same, since that is what lets due completions arrive.

import {
  IO_EVENT_DATA,
  IO_EVENT_OBJ,
  IO_EVENT_RES,
  IO_EVENT_RES2,
  IO_EVENT_SIZE,
  IOCB_BUF,
  IOCB_CMD_FDSYNC,
  IOCB_CMD_FSYNC,
  IOCB_CMD_POLL,
  IOCB_CMD_PREAD,
  IOCB_CMD_PREADV,
  IOCB_CMD_PWRITE,
  IOCB_CMD_PWRITEV,
  IOCB_DATA,
  IOCB_FILDES,
  IOCB_FLAG_RESFD,
  IOCB_FLAGS,
  IOCB_LIO_OPCODE,
  IOCB_NBYTES,
  IOCB_OFFSET,
  IOCB_RESFD,
  IOCB_RW_FLAGS,
  IOCB_SIZE,
} from '../assembly/layout.ts';
import type { Machine } from './machine.ts';

const EINVAL = -22;
const TIMESPEC_SIZE = 16;

/** What ioQueueRun calls: the context, the iocb's address, `res` and `res2` of its event. */
export type IoCallback = (context: number, iocb: number, res: number, res2: number) => void;

/** Callbacks of a machine by the number that stands for them in an iocb, as a function's address does in C. */
class Callbacks {
  readonly #numbers = new Map<IoCallback, number>();
  readonly #callbacks: IoCallback[] = [];

  numberOf(callback: IoCallback): number {
    let number = this.#numbers.get(callback);
    if (number === undefined) {
      number = this.#callbacks.push(callback);
      this.#numbers.set(callback, number);
    }
    return number;
  }

  /** Undefined for 0 and for what never was a callback. */
  at(number: number): IoCallback | undefined {
    return this.#callbacks[number - 1];
  }
}

const callbacksOf = new WeakMap<Machine, Callbacks>();

function callbacks(machine: Machine): Callbacks {
  let known = callbacksOf.get(machine);
  if (known === undefined) {
    known = new Callbacks();
    callbacksOf.set(machine, known);
  }
  return known;
}

/** io_setup: 0 and the handle in the 8 bytes at `contextAddress`, which must be 0; or a negative errno. */
export function ioSetup(machine: Machine, eventCount: number, contextAddress: number): number {
  return machine.core.call((exports) => exports.aioSetup(eventCount, contextAddress));
}

/** io_destroy. */
export function ioDestroy(machine: Machine, context: number): number {
  return machine.core.call((exports) => exports.aioDestroy(context));
}

/** io_submit of `count` iocb addresses, 4 bytes each, at `pointers`. */
export function ioSubmit(machine: Machine, context: number, count: number, pointers: number): number {
  return machine.core.call((exports) => exports.aioSubmit(context, count, pointers));
}

/** io_getevents; `timeout`: address of {s64 seconds, s64 nanoseconds}, or 0. */
export function ioGetevents(
  machine: Machine,
  context: number,
  min: number,
  max: number,
  events: number,
  timeout: number,
): number {
  return machine.core.call((exports) => exports.aioGetevents(context, min, max, events, timeout));
}

/** io_pgetevents; `signals`: address of {u64 sigset address, u64 8}, or 0. It is checked and then ignored: there are no signals. */
export function ioPgetevents(
  machine: Machine,
  context: number,
  min: number,
  max: number,
  events: number,
  timeout: number,
  signals: number,
): number {
  return machine.core.call((exports) => exports.aioPgetevents(context, min, max, events, timeout, signals));
}

/** io_cancel: -EINPROGRESS when a waiting poll was cancelled. No result is written: its event comes through the ring. */
export function ioCancel(machine: Machine, context: number, iocb: number): number {
  return machine.core.call((exports) => exports.aioCancel(context, iocb));
}

function prep(
  machine: Machine,
  iocb: number,
  opcode: number,
  fd: number,
  buffer: number,
  length: number,
  offset: number,
): void {
  const { memory } = machine.core;
  memory.bytes.fill(0, iocb, iocb + IOCB_SIZE);
  memory.setU32(iocb + IOCB_LIO_OPCODE, opcode);
  memory.setU32(iocb + IOCB_FILDES, fd);
  memory.setU64(iocb + IOCB_BUF, buffer);
  memory.setU64(iocb + IOCB_NBYTES, length);
  memory.setU64(iocb + IOCB_OFFSET, offset);
}

export function ioPrepPread(
  machine: Machine,
  iocb: number,
  fd: number,
  buffer: number,
  count: number,
  offset: number,
): void {
  prep(machine, iocb, IOCB_CMD_PREAD, fd, buffer, count, offset);
}

export function ioPrepPwrite(
  machine: Machine,
  iocb: number,
  fd: number,
  buffer: number,
  count: number,
  offset: number,
): void {
  prep(machine, iocb, IOCB_CMD_PWRITE, fd, buffer, count, offset);
}

/** `iovecs`: address of `count` times {u64 base, u64 length}. */
export function ioPrepPreadv(
  machine: Machine,
  iocb: number,
  fd: number,
  iovecs: number,
  count: number,
  offset: number,
): void {
  prep(machine, iocb, IOCB_CMD_PREADV, fd, iovecs, count, offset);
}

export function ioPrepPwritev(
  machine: Machine,
  iocb: number,
  fd: number,
  iovecs: number,
  count: number,
  offset: number,
): void {
  prep(machine, iocb, IOCB_CMD_PWRITEV, fd, iovecs, count, offset);
}

/** As ioPrepPreadv, with RWF_… bits. */
export function ioPrepPreadv2(
  machine: Machine,
  iocb: number,
  fd: number,
  iovecs: number,
  count: number,
  offset: number,
  rwFlags: number,
): void {
  prep(machine, iocb, IOCB_CMD_PREADV, fd, iovecs, count, offset);
  machine.core.memory.setU32(iocb + IOCB_RW_FLAGS, rwFlags);
}

/** As ioPrepPwritev, with RWF_… bits. */
export function ioPrepPwritev2(
  machine: Machine,
  iocb: number,
  fd: number,
  iovecs: number,
  count: number,
  offset: number,
  rwFlags: number,
): void {
  prep(machine, iocb, IOCB_CMD_PWRITEV, fd, iovecs, count, offset);
  machine.core.memory.setU32(iocb + IOCB_RW_FLAGS, rwFlags);
}

export function ioPrepFsync(machine: Machine, iocb: number, fd: number): void {
  prep(machine, iocb, IOCB_CMD_FSYNC, fd, 0, 0, 0);
}

export function ioPrepFdsync(machine: Machine, iocb: number, fd: number): void {
  prep(machine, iocb, IOCB_CMD_FDSYNC, fd, 0, 0, 0);
}

/** `events`: POLL… bits. */
export function ioPrepPoll(machine: Machine, iocb: number, fd: number, events: number): void {
  prep(machine, iocb, IOCB_CMD_POLL, fd, events, 0, 0);
}

/** The completion will count in this eventfd. */
export function ioSetEventfd(machine: Machine, iocb: number, eventfd: number): void {
  const { memory } = machine.core;
  memory.setU32(iocb + IOCB_FLAGS, memory.u32(iocb + IOCB_FLAGS) | IOCB_FLAG_RESFD);
  memory.setU32(iocb + IOCB_RESFD, eventfd);
}

/** ioQueueRun will call `callback`. Its number takes the place of the iocb's data. */
export function ioSetCallback(machine: Machine, iocb: number, callback: IoCallback): void {
  machine.core.memory.setU64(iocb + IOCB_DATA, callbacks(machine).numberOf(callback));
}

function submitWith(machine: Machine, context: number, iocb: number, callback: IoCallback): number {
  ioSetCallback(machine, iocb, callback);
  return machine.buffers.borrow(4, (pointer) => {
    machine.core.memory.setU32(pointer, iocb);
    return ioSubmit(machine, context, 1, pointer);
  });
}

/** Prepares and submits a poll: 1, or a negative errno. */
export function ioPoll(
  machine: Machine,
  context: number,
  iocb: number,
  callback: IoCallback,
  fd: number,
  events: number,
): number {
  ioPrepPoll(machine, iocb, fd, events);
  return submitWith(machine, context, iocb, callback);
}

/** Prepares and submits an fsync: 1, or a negative errno. It covers what had completed, not what was queued before. */
export function ioFsync(
  machine: Machine,
  context: number,
  iocb: number,
  callback: IoCallback,
  fd: number,
): number {
  ioPrepFsync(machine, iocb, fd);
  return submitWith(machine, context, iocb, callback);
}

/** Prepares and submits an fdsync: 1, or a negative errno. */
export function ioFdsync(
  machine: Machine,
  context: number,
  iocb: number,
  callback: IoCallback,
  fd: number,
): number {
  ioPrepFdsync(machine, iocb, fd);
  return submitWith(machine, context, iocb, callback);
}

/** -EINVAL for `maxEvents` of 0 or less, with the word untouched; else stores 0 at `contextAddress` and calls io_setup. */
export function ioQueueInit(machine: Machine, maxEvents: number, contextAddress: number): number {
  if (maxEvents <= 0) return EINVAL;
  machine.core.memory.setU64(contextAddress, 0);
  return ioSetup(machine, maxEvents, contextAddress);
}

export function ioQueueRelease(machine: Machine, context: number): number {
  return ioDestroy(machine, context);
}

/**
 * Takes completed events one by one and calls the callback of each, until none is left. Never waits. What the last
 * io_getevents answered: 0, or a negative errno. An event without a callback, which C calls through address 0, is a
 * TypeError; the event is gone then.
 */
export function ioQueueRun(machine: Machine, context: number): number {
  return machine.buffers.borrow(TIMESPEC_SIZE + IO_EVENT_SIZE, (timeout) => {
    const { memory } = machine.core;
    const event = timeout + TIMESPEC_SIZE;
    memory.bytes.fill(0, timeout, event);
    let result = ioGetevents(machine, context, 0, 1, event, timeout);
    for (; result === 1; result = ioGetevents(machine, context, 0, 1, event, timeout)) {
      const callback = callbacks(machine).at(memory.u64(event + IO_EVENT_DATA));
      const iocb = memory.u32(event + IO_EVENT_OBJ);
      if (callback === undefined) throw new TypeError(`the event of the iocb at ${iocb} has no callback`);
      callback(context, iocb, memory.u32(event + IO_EVENT_RES) | 0, memory.u32(event + IO_EVENT_RES2) | 0);
    }
    return result;
  });
}

/** io_getevents(context, 0, 0, NULL, timeout): checks its arguments and returns 0 at once, as on today's kernels. */
export function ioQueueWait(machine: Machine, context: number, timeout: number): number {
  return ioGetevents(machine, context, 0, 0, 0, timeout);
}
