// The pieces of a client's transfer: 16-byte iovecs in client memory become a chain of spans, and iovecs again.
//
// Verbs: piecesImport, piecesAreWhole, piecesExport, piecesSkip.
// Invariant: every byte of the chain is client memory; the iovecs are read once.

import { isClientRange } from '../base/client-memory';
import { EAGAIN, EFAULT } from '../base/errno';
import { Span, SpanCursor, spanAdvance, spanGiveChain, spanTake } from '../base/span';
import { IOVEC_BASE, IOVEC_LENGTH, IOVEC_SIZE } from '../layout';

@unmanaged
export class Pieces {
  /** The first span, 0 for no bytes. */
  head: usize;
  count: u32;
  total: u64;
}

/** What the last import gave; its chain belongs to who called it. */
export const pieces = changetype<Pieces>(memory.data(offsetof<Pieces>(), 16));

function fail(result: i32): i32 {
  spanGiveChain(pieces.head);
  pieces.head = 0;
  return result;
}

/** Reads `count` iovecs at `iovecs` into `pieces`, empty ones left out. 0; EFAULT, or EAGAIN when there are too few spans. */
export function piecesImport(iovecs: u64, count: u32): i32 {
  pieces.head = 0;
  pieces.count = 0;
  pieces.total = 0;
  if (count > 0 && !isClientRange(iovecs, <u64>count * IOVEC_SIZE)) return -EFAULT;
  let tail: usize = 0;
  for (let index: u32 = 0; index < count; index++) {
    const iovec = <usize>(iovecs + <u64>index * IOVEC_SIZE);
    const address = load<u64>(iovec, IOVEC_BASE);
    const length = load<u64>(iovec, IOVEC_LENGTH);
    if (length == 0) continue;
    if (!isClientRange(address, length)) return fail(-EFAULT);
    const span = spanTake(<usize>address, <u32>length);
    if (span == 0) return fail(-EAGAIN);
    if (tail == 0) pieces.head = span;
    else changetype<Span>(tail).next = span;
    tail = span;
    pieces.count++;
    pieces.total += length;
  }
  return 0;
}

/** True when each piece of the chain is whole blocks long and lies as the drive needs it. The masks are a power of two less 1. */
export function piecesAreWhole(head: usize, lengthMask: u32, addressMask: u32): bool {
  for (let pointer = head; pointer != 0; pointer = changetype<Span>(pointer).next) {
    const span = changetype<Span>(pointer);
    if ((span.length & lengthMask) != 0 || (<u32>span.address & addressMask) != 0) return false;
  }
  return true;
}

/** Writes iovecs that cover `bytes` from the cursor to `out`, and moves the cursor. How many. */
export function piecesExport(cursor: SpanCursor, bytes: u64, out: usize): u32 {
  let count: u32 = 0;
  while (bytes > 0) {
    const span = changetype<Span>(cursor.span);
    const step = <u32>min<u64>(bytes, span.length - cursor.offset);
    store<u64>(out, <u64>span.address + cursor.offset, IOVEC_BASE);
    store<u64>(out, step, IOVEC_LENGTH);
    out += IOVEC_SIZE;
    count++;
    bytes -= step;
    spanAdvance(cursor, step);
  }
  return count;
}

/** Takes `bytes` away from the front of a chain; its spans stay, some of them empty. */
export function piecesSkip(head: usize, bytes: u64): void {
  for (let pointer = head; bytes > 0; pointer = changetype<Span>(pointer).next) {
    const span = changetype<Span>(pointer);
    const step = <u32>min<u64>(bytes, span.length);
    span.address += step;
    span.length -= step;
    bytes -= step;
  }
}
