// Completions travel up without imports pointing up.
//
// Verbs: handle (machine.ts only), complete, callHandler, dispatchOne, dispatchPending.
// Each request carries a kind and an owner that its submitter chose; whoever finishes it calls complete(kind, owner,
// result). The pump later calls the handler of that kind, in first-in first-out order.
// Layout: HANDLERS: one function-table index per kind. FIFO: a ring of 12-byte entries (kind, owner, result).
// Invariant: complete() never runs a handler, so no completion happens inside a submit; memory holds kinds, never
// table indices chosen by a caller.

import { arenaClaim } from './arena';

export const KIND_NONE: u32 = 0;
export const KIND_OPERATION_RESUME: u32 = 1;
export const KIND_DRIVE_SERVED: u32 = 2;
export const KIND_REQUEST_DONE: u32 = 3;
export const KIND_PAGES_READ: u32 = 4;
export const KIND_PAGES_WRITTEN: u32 = 5;
export const KIND_OPERATION_BIO: u32 = 6;
export const KIND_SYNC_DONE: u32 = 7;
export const KIND_AIO_DONE: u32 = 8;
export const KIND_BACKEND_DONE: u32 = 9;
export const KIND_PLAYER_DONE: u32 = 10;
export const KIND_DRIVE_RELEASED: u32 = 11;
export const KIND_CALL_DONE: u32 = 12;
export const KIND_GUEST_INTERRUPT: u32 = 13;
export const KIND_AIO_READY: u32 = 14;
export const KIND_PLAYER_SYNCED: u32 = 15;
export const KIND_SPANS_BACK: u32 = 16;
export const KIND_EVENTFD_SIGNALLED: u32 = 17;
export const KIND_USRBIO_PART: u32 = 18;
export const KIND_USRBIO_SCAN: u32 = 19;
export const KIND_USRBIO_HOLD: u32 = 20;
export const KIND_USRBIO_READY: u32 = 21;
export const KIND_KERNEL_DEVICE_READY: u32 = 22;
export const KIND_KERNEL_DEVICE_DONE: u32 = 23;
export const KIND_PLAYER_PART: u32 = 24;
export const KIND_BLOCK_RESUME: u32 = 25;
export const KIND_ENGINE_DONE: u32 = 26;
export const KIND_ENGINE_THREAD: u32 = 27;
export const KIND_ENGINE_AIO_READY: u32 = 28;
export const KIND_ENGINE_AIO_RETRY: u32 = 29;
export const KIND_FLUSHER_RESUME: u32 = 30;
export const KIND_FLUSHER_TICK: u32 = 31;
export const KIND_PAUSE_OVER: u32 = 32;
export const KIND_JOURNAL_BIO: u32 = 33;
export const KIND_JOURNAL_RESUME: u32 = 34;
export const KIND_INODE_EVICTED: u32 = 35;
export const KIND_JOURNAL_TICK: u32 = 36;
export const KIND_READAHEAD_DONE: u32 = 37;
/** Owner: a drive. Its model goes on with what it does by itself. */
export const KIND_DRIVE_BACKGROUND: u32 = 38;
export const KIND_FLUSH_STEP: u32 = 39;
export const KIND_BLOCK_DEVICE_DONE: u32 = 40;
export const KIND_DRIVE_TIMEOUT: u32 = 41;
export const KIND_PLAYER_ARRIVAL: u32 = 42;
/** Owners: a die that has ended what it did, a part that its channel has moved, a job whose data has arrived, a program that is done. */
export const KIND_FLASH_DIE: u32 = 43;
export const KIND_FLASH_MOVED: u32 = 44;
export const KIND_FLASH_ARRIVED: u32 = 45;
export const KIND_FLASH_PROGRAMMED: u32 = 46;
/** Owner: a request whose completion a fault has delayed. */
export const KIND_DRIVE_LATE: u32 = 47;
/** Owner: a bio of a record of the volume; and the volume's records, which wait for a bio. */
export const KIND_RECORD_DONE: u32 = 48;
export const KIND_RECORD_RESUME: u32 = 49;
export const KIND_COUNT: u32 = 50;

const ENTRY_SIZE: usize = 12;

@unmanaged
class Dispatch {
  base: usize;
  mask: u32;
  head: u32;
  tail: u32;
}

const fifo = changetype<Dispatch>(memory.data(offsetof<Dispatch>(), 16));
const HANDLERS: usize = memory.data(256, 16);

export type Handler = (owner: usize, result: i32) => void;

/** `capacity`: completions that can be pending at once, a power of two. */
export function dispatchClaim(capacity: u32): void {
  fifo.base = arenaClaim(<u64>capacity * ENTRY_SIZE, 16);
  fifo.mask = capacity - 1;
}

export function handle(kind: u32, handler: Handler): void {
  assert(kind < KIND_COUNT, 'a kind of completion without a place');
  store<u32>(HANDLERS + ((<usize>kind) << 2), handler.index);
}

/** Runs the handler now. For code that already runs from the pump; submit paths use complete(). */
export function callHandler(kind: u32, owner: usize, result: i32): void {
  call_indirect<void>(load<u32>(HANDLERS + ((<usize>kind) << 2)), owner, result);
}

export function complete(kind: u32, owner: usize, result: i32): void {
  const tail = fifo.tail;
  assert(tail - fifo.head <= fifo.mask, 'the completion queue is full');
  const entry = fifo.base + <usize>(tail & fifo.mask) * ENTRY_SIZE;
  store<u32>(entry, kind);
  store<usize>(entry, owner, 4);
  store<i32>(entry, result, 8);
  fifo.tail = tail + 1;
}

export function dispatchPending(): u32 {
  return fifo.tail - fifo.head;
}

/** Runs the oldest pending completion. False when there is none. */
export function dispatchOne(): bool {
  const head = fifo.head;
  if (head == fifo.tail) return false;
  const entry = fifo.base + <usize>(head & fifo.mask) * ENTRY_SIZE;
  fifo.head = head + 1;
  callHandler(load<u32>(entry), load<usize>(entry, 4), load<i32>(entry, 8));
  return true;
}
