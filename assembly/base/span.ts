// Spans: the pieces of linear memory that one transfer reads from or writes to.
//
// Verbs: spanTake, spanTakeReserved, spanGiveChain, spanDropChain, spanCopyOut, spanCopyIn, spanZero, spansToIovecs.
// Layout: 12 bytes: next span, address, length in bytes. A transfer owns a chain; merging two transfers links chains.
// Invariants: a span never lies outside linear memory (its maker checked); length 0 is allowed and skipped; spans behind the
// capacity are a reserve for whoever holds some already and must not wait for more.

import { complete, KIND_SPANS_BACK } from './dispatch';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from './pool';

@unmanaged
export class Span {
  next: usize;
  address: usize;
  length: u32;
}

/** Somebody waits for spans. */
const isAwaited: usize = memory.data(8, 8);
export const spanPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));

/** Two u32: how many may be in use before spanTake has none, now and while the reserve is closed. */
const limits: usize = memory.data(8, 8);

/** `reserve`: spans for spanTakeReserved, beside the `limit` that everybody shares. */
export function spanClaim(limit: u32, reserve: u32): void {
  store<u32>(limits, limit);
  store<u32>(limits, limit, 4);
  poolClaim(spanPool, offsetof<Span>(), limit + reserve);
}

export function spanInit(): void {
  poolInit(spanPool);
}

/** A span of its own, or 0 when the pool is empty. */
export function spanTake(address: usize, length: u32): usize {
  return spanPool.used < load<u32>(limits) ? spanTakeReserved(address, length) : 0;
}

/** Lets spanTake hand out the reserve as well, or no longer. */
export function spanOpenReserve(isOpen: bool): void {
  store<u32>(limits, isOpen ? spanPool.capacity : load<u32>(limits, 4));
}

/** A span even when spanTake has none; the caller sees to it that the reserve is enough. */
export function spanTakeReserved(address: usize, length: u32): usize {
  const pointer = poolTake(spanPool);
  if (pointer == 0) return 0;
  const span = changetype<Span>(pointer);
  span.next = 0;
  span.address = address;
  span.length = length;
  return pointer;
}

/** Completes KIND_SPANS_BACK once, the next time that spans are given back. For whoever found none. */
export function spanAwait(): void {
  store<u32>(isAwaited, 1);
}

export function spanGiveChain(head: usize): void {
  if (head != 0 && load<u32>(isAwaited) != 0) {
    store<u32>(isAwaited, 0);
    complete(KIND_SPANS_BACK, 0, 0);
  }
  spanDropChain(head);
}

/** Gives back spans that were taken in this very step: no more are free than before, so whoever waits is not told. */
export function spanDropChain(head: usize): void {
  while (head != 0) {
    const next = changetype<Span>(head).next;
    poolGive(spanPool, head);
    head = next;
  }
}

/** A position in a chain: which span, and how many of its bytes are used up. */
@unmanaged
export class SpanCursor {
  span: usize;
  offset: u32;
}

/** Moves the cursor `bytes` forward. The chain must hold that many. */
export function spanAdvance(cursor: SpanCursor, bytes: u32): void {
  while (bytes > 0) {
    const span = changetype<Span>(cursor.span);
    const left = span.length - cursor.offset;
    if (bytes < left) {
      cursor.offset += bytes;
      return;
    }
    bytes -= left;
    cursor.span = span.next;
    cursor.offset = 0;
  }
}

/** Moves the cursor past used-up and empty spans; how many of `bytes` the span it is in then holds in one piece. */
function stepAt(cursor: SpanCursor, bytes: u32): u32 {
  let span = changetype<Span>(cursor.span);
  while (cursor.offset == span.length) {
    cursor.span = span.next;
    cursor.offset = 0;
    span = changetype<Span>(span.next);
  }
  return min<u32>(bytes, span.length - cursor.offset);
}

/** Copies `bytes` from the chain at the cursor to `destination` and moves the cursor. */
export function spanCopyOut(cursor: SpanCursor, destination: usize, bytes: u32): void {
  while (bytes > 0) {
    const step = stepAt(cursor, bytes);
    const span = changetype<Span>(cursor.span);
    memory.copy(destination, span.address + cursor.offset, step);
    destination += step;
    bytes -= step;
    spanAdvance(cursor, step);
  }
}

/** Copies `bytes` from `source` into the chain at the cursor and moves the cursor. */
export function spanCopyIn(cursor: SpanCursor, source: usize, bytes: u32): void {
  while (bytes > 0) {
    const step = stepAt(cursor, bytes);
    const span = changetype<Span>(cursor.span);
    memory.copy(span.address + cursor.offset, source, step);
    source += step;
    bytes -= step;
    spanAdvance(cursor, step);
  }
}

/** Zeroes `bytes` of the chain at the cursor and moves the cursor. */
export function spanZero(cursor: SpanCursor, bytes: u32): void {
  while (bytes > 0) {
    const step = stepAt(cursor, bytes);
    const span = changetype<Span>(cursor.span);
    memory.fill(span.address + cursor.offset, 0, step);
    bytes -= step;
    spanAdvance(cursor, step);
  }
}

/** Number of pieces that cover `bytes` from (span, offset). */
export function spanPieces(span: usize, offset: u32, bytes: u32): u32 {
  let pieces: u32 = 0;
  while (bytes > 0) {
    const left = changetype<Span>(span).length - offset;
    if (left > 0) {
      pieces++;
      bytes -= min<u32>(bytes, left);
    }
    span = changetype<Span>(span).next;
    offset = 0;
  }
  return pieces;
}

/** Writes WASI iovecs (address u32, length u32) that cover `bytes` from (span, offset); returns how many. */
export function spansToIovecs(span: usize, offset: u32, bytes: u32, out: usize): u32 {
  let count: u32 = 0;
  while (bytes > 0) {
    const current = changetype<Span>(span);
    const step = min<u32>(bytes, current.length - offset);
    if (step > 0) {
      store<usize>(out, current.address + offset);
      store<u32>(out, step, 4);
      out += 8;
      count++;
      bytes -= step;
    }
    span = current.next;
    offset = 0;
  }
  return count;
}
