// Arrays of iovecs: where the pieces of one transfer lie in a guest's memory.
//
// Verbs: checkVector, readVector, writeVector. The pieces of a write go to the file together, as writev has it.

import type { GuestMemory } from '../../core/guest-memory.ts';
import { IOVEC_SIZE, MAX_IOVECS } from './abi.ts';
import { WasiError } from './calls.ts';
import { WASI_EINVAL } from './errno.ts';

/** Checks where an array lies, and where the count of its bytes goes. Throws EINVAL for too many pieces, EFAULT. */
export function checkVector(guest: GuestMemory, iovecs: number, count: number, out: number): void {
  if (count < 0 || count > MAX_IOVECS) throw new WasiError(WASI_EINVAL);
  guest.bytes(iovecs, count * IOVEC_SIZE);
  guest.bytes(out, 4);
}

/** The pieces as views, checked: all of them before a byte moves, as a kernel does. */
function pieces(guest: GuestMemory, iovecs: number, count: number, out: number): Uint8Array[] {
  checkVector(guest, iovecs, count, out);
  return Array.from({ length: count }, (_, index) => {
    const iovec = iovecs + index * IOVEC_SIZE;
    return guest.bytes(guest.u32(iovec), guest.u32(iovec + 4));
  });
}

/** Bytes of one transfer: the pieces may overlap, and be a guest's memory many times over. */
function totalBytes(views: readonly Uint8Array[]): number {
  const total = views.reduce((sum, { length }) => sum + length, 0);
  const memory = views[0]?.buffer.byteLength ?? 0;
  return Math.min(total, memory);
}

/**
 * Reads into the pieces. `read(buffer)` fills a buffer and answers how many bytes it has; `most`: how many there can be. The count
 * goes to `out`.
 */
export function readVector(
  guest: GuestMemory,
  [iovecs, count, out]: readonly [iovecs: number, count: number, out: number],
  most: number,
  read: (buffer: Uint8Array) => number,
): void {
  const views = pieces(guest, iovecs, count, out);
  const bytes = new Uint8Array(Math.min(totalBytes(views), Math.max(0, most)));
  const got = read(bytes);
  let at = 0;
  for (const view of views) {
    if (at >= got) break;
    view.set(bytes.subarray(at, Math.min(at + view.length, got)));
    at += view.length;
  }
  guest.setU32(out, got);
}

/** Writes the pieces as one: `write(bytes)` answers how many of them it took. The count goes to `out`. */
export function writeVector(
  guest: GuestMemory,
  [iovecs, count, out]: readonly [iovecs: number, count: number, out: number],
  write: (bytes: Uint8Array) => number,
): void {
  const views = pieces(guest, iovecs, count, out);
  const bytes = new Uint8Array(totalBytes(views));
  let at = 0;
  for (const view of views) {
    const room = bytes.length - at;
    bytes.set(view.length > room ? view.subarray(0, room) : view, at);
    at += Math.min(view.length, room);
  }
  guest.setU32(out, write(bytes));
}
