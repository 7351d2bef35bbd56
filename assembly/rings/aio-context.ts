// AIO contexts: the completion rings that clients see, and the accounting of their slots (fs/aio.c).
//
// Verbs: contextClaim, ioSetup, ioInFlight, ioDestroyEnd, putEvent, ioCheckReap, ioReap, ioNotify. A context's handle is
// the address of its ring.
// Layout: the ring is what Linux maps into a process: a 32-byte header (id, nr, head, tail, magic …), then nr events.
// Invariants: a slot is taken when an iocb is accepted and comes back when its event is reaped; events are in the order
// of completion; whatever a client writes into its ring, no address outside it is touched.

import { arenaClaim } from '../base/arena';
import { clientOffset, isClientRange } from '../base/client-memory';
import { count } from '../base/counters';
import { complete, KIND_NONE } from '../base/dispatch';
import { EAGAIN, EFAULT, EINVAL, ENOMEM } from '../base/errno';
import { PageRuns, pageRunClaimMap, pageRunGive, pageRunTake, pagesFor } from '../base/page-run';
import { record, recording } from '../base/record';
import {
  AIO_RING_COMPAT,
  AIO_RING_HEAD,
  AIO_RING_HEADER_LENGTH,
  AIO_RING_HEADER_SIZE,
  AIO_RING_ID,
  AIO_RING_INCOMPAT,
  AIO_RING_MAGIC,
  AIO_RING_MAGIC_VALUE,
  AIO_RING_NR,
  AIO_RING_TAIL,
  COUNTER_AIO_COMPLETED,
  IO_EVENT_DATA,
  IO_EVENT_OBJ,
  IO_EVENT_RES,
  IO_EVENT_RES2,
  IO_EVENT_SIZE,
  RECORD_AIO_EVENT,
} from '../layout';
import { MAX_AIO_CONTEXTS, PAGE_SIZE } from '../limits';

/** The ring has room for twice the request, at least 4 events a processor; the machine has one. */
const MIN_EVENTS: u32 = 4;

const MAX_RING_EVENTS: u32 = 8388608;

@unmanaged
export class AioContext {
  ring: usize;
  pageCount: u32;
  /** Events the ring holds. */
  nr: u32;
  /** What io_setup asked for: it counts against aio-max-nr. */
  asked: u32;
  /** Slots that an iocb may take. */
  available: u32;
  inFlight: u32;
  isLive: u32;
  /** KIND_… to complete (owner: the handle) when an event is put on the ring, or KIND_NONE. */
  notifyKind: u32;
  /** Polls that wait, in the order of submission (active_reqs). */
  activeHead: usize;
  activeTail: usize;
}

@unmanaged
class Aio {
  contexts: usize;
  maxNr: u32;
  usedNr: u32;
}

const aio = changetype<Aio>(memory.data(offsetof<Aio>(), 16));
const ringPages = changetype<PageRuns>(memory.data(offsetof<PageRuns>(), 16));

/** `maxNr`: fs.aio-max-nr. Rings for it are claimed: twice that many events, and rounding for each context. */
export function contextClaim(maxNr: u32): void {
  aio.maxNr = maxNr;
  ringPages.pageCount =
    <u32>((<u64>maxNr * 2 * IO_EVENT_SIZE) / PAGE_SIZE) + (maxNr > 0 ? MAX_AIO_CONTEXTS : 0);
  ringPages.base = arenaClaim(<u64>ringPages.pageCount * PAGE_SIZE, PAGE_SIZE);
}

/** Claims what clients may not name. */
export function contextClaimPrivate(): void {
  pageRunClaimMap(ringPages);
  aio.contexts = arenaClaim(<u64>MAX_AIO_CONTEXTS * offsetof<AioContext>(), 16);
}

function contextAt(index: u32): AioContext {
  return changetype<AioContext>(aio.contexts + <usize>index * offsetof<AioContext>());
}

/** The live context with this handle, or null. Linux reads the id at the handle's address; so does this, checked. */
export function findContext(handle: u32): AioContext | null {
  if (!isClientRange(handle, AIO_RING_HEADER_SIZE)) return null;
  const id = load<u32>(handle, AIO_RING_ID);
  if (id >= <u32>MAX_AIO_CONTEXTS) return null;
  const context = contextAt(id);
  return context.isLive != 0 && context.ring == handle ? context : null;
}

/** The place of a context, for records: what a client wrote over its ring does not change it. */
export function contextNumber(context: AioContext): u32 {
  return <u32>((changetype<usize>(context) - aio.contexts) / offsetof<AioContext>());
}

/** The handle of the live context in place `index`, or 0. */
export function liveContextAt(index: u32): u32 {
  const context = contextAt(index);
  return context.isLive != 0 ? <u32>context.ring : 0;
}

/** Sheet §7, in its order: EFAULT, EINVAL, EAGAIN, ENOMEM. On failure the word at `contextAddress` is untouched. */
export function ioSetup(eventCount: u32, contextAddress: u32): i32 {
  if (contextAddress == 0 || !isClientRange(contextAddress, 8)) return -EFAULT;
  if (load<u64>(contextAddress) != 0 || eventCount == 0) return -EINVAL;
  const events = max<u32>(eventCount, MIN_EVENTS) * 2;
  if (events > MAX_RING_EVENTS) return -EINVAL;
  if (events == 0 || eventCount > aio.maxNr || aio.usedNr + eventCount > aio.maxNr) return -EAGAIN;
  let id: u32 = 0;
  while (id < <u32>MAX_AIO_CONTEXTS && contextAt(id).isLive != 0) id++;
  if (id == <u32>MAX_AIO_CONTEXTS) return -ENOMEM;
  const pageCount = <u32>pagesFor(AIO_RING_HEADER_SIZE + IO_EVENT_SIZE * (<u64>events + 2));
  const ring = pageRunTake(ringPages, pageCount);
  if (ring == 0) return -ENOMEM;
  const context = contextAt(id);
  context.ring = ring;
  context.pageCount = pageCount;
  context.nr = pageCount * (PAGE_SIZE / IO_EVENT_SIZE) - 1;
  context.asked = eventCount;
  context.available = context.nr - 1;
  context.inFlight = 0;
  context.isLive = 1;
  context.notifyKind = KIND_NONE;
  context.activeHead = 0;
  context.activeTail = 0;
  aio.usedNr += eventCount;
  store<u32>(ring, id, AIO_RING_ID);
  store<u32>(ring, context.nr, AIO_RING_NR);
  store<u32>(ring, 0, AIO_RING_HEAD);
  store<u32>(ring, 0, AIO_RING_TAIL);
  store<u32>(ring, AIO_RING_MAGIC_VALUE, AIO_RING_MAGIC);
  store<u32>(ring, 1, AIO_RING_COMPAT);
  store<u32>(ring, 0, AIO_RING_INCOMPAT);
  store<u32>(ring, AIO_RING_HEADER_SIZE, AIO_RING_HEADER_LENGTH);
  store<u64>(contextAddress, <u64>ring);
  return 0;
}

/** Requests of a context that have not completed; -EINVAL for no such context. io_destroy waits until it is 0. */
export function ioInFlight(handle: u32): i32 {
  const context = findContext(handle);
  return context == null ? -EINVAL : <i32>context.inFlight;
}

/** Ends a context with nothing in flight: unreaped events are discarded, the quota comes back. */
export function ioDestroyEnd(handle: u32): i32 {
  const context = findContext(handle);
  if (context == null) return -EINVAL;
  assert(context.inFlight == 0, 'a busy context was destroyed');
  context.isLive = 0;
  aio.usedNr -= context.asked;
  pageRunGive(ringPages, context.ring, context.pageCount);
  store<u32>(context.ring, 0, AIO_RING_MAGIC);
  return 0;
}

/** Events on the ring that have not been reaped. The client may have moved head itself: a head outside the ring counts as empty. */
function eventsOnRing(context: AioContext): u32 {
  const head = load<u32>(context.ring, AIO_RING_HEAD);
  const tail = load<u32>(context.ring, AIO_RING_TAIL) % context.nr;
  if (head >= context.nr) return 0;
  return tail >= head ? tail - head : context.nr - head + tail;
}

/** Slots that the client freed by moving head itself are found when slots run out (user_refill_reqs_available). */
export function refill(context: AioContext): void {
  const outstanding = context.inFlight + eventsOnRing(context);
  if (outstanding < context.nr - 1) context.available = context.nr - 1 - outstanding;
}

/** Puts an event on the ring: a slot was taken for it, so there is room. */
export function putEvent(context: AioContext, data: u64, object: u64, result: i32): void {
  const ring = context.ring;
  const tail = load<u32>(ring, AIO_RING_TAIL) % context.nr;
  const event = ring + AIO_RING_HEADER_SIZE + <usize>tail * IO_EVENT_SIZE;
  store<u64>(event, data, IO_EVENT_DATA);
  store<u64>(event, object, IO_EVENT_OBJ);
  store<i64>(event, <i64>result, IO_EVENT_RES);
  store<i64>(event, 0, IO_EVENT_RES2);
  store<u32>(ring, (tail + 1) % context.nr, AIO_RING_TAIL);
  context.inFlight--;
  count(COUNTER_AIO_COMPLETED);
  if (recording())
    record(RECORD_AIO_EVENT, 0, contextNumber(context), clientOffset(object), data, 1, <u32>result);
  if (context.notifyKind != KIND_NONE) complete(context.notifyKind, ring, 0);
}

/** From now on each event of the context also completes (kind, handle). For users inside the core. */
export function ioNotify(handle: u32, kind: u32): void {
  const context = findContext(handle);
  if (context != null) context.notifyKind = kind;
}

/** Checks of io_getevents that come before it waits (sheet §13). 0 or EINVAL. */
export function ioCheckReap(handle: u32, minimum: i32, maximum: i32): i32 {
  if (findContext(handle) == null) return -EINVAL;
  return minimum < 0 || minimum > maximum ? -EINVAL : 0;
}

/** Moves up to `maximum` events from the ring to `events`; how many, or EFAULT (then none has left the ring). */
export function ioReap(handle: u32, maximum: u32, events: u32): i32 {
  const context = findContext(handle);
  if (context == null) return -EINVAL;
  const ring = context.ring;
  const ready = min<u32>(eventsOnRing(context), maximum);
  if (ready == 0) return 0;
  if (events == 0 || !isClientRange(events, <u64>ready * IO_EVENT_SIZE)) return -EFAULT;
  let head = load<u32>(ring, AIO_RING_HEAD);
  for (let index: u32 = 0; index < ready; index++) {
    memory.copy(
      <usize>events + <usize>index * IO_EVENT_SIZE,
      ring + AIO_RING_HEADER_SIZE + <usize>head * IO_EVENT_SIZE,
      IO_EVENT_SIZE,
    );
    head = head + 1 == context.nr ? 0 : head + 1;
  }
  store<u32>(ring, head, AIO_RING_HEAD);
  // never more than the ring has room for, whatever the client wrote into the header
  context.available = min<u32>(
    context.available + ready,
    context.nr - 1 - min<u32>(context.nr - 1, context.inFlight),
  );
  return <i32>ready;
}
