// Eventfds: 64-bit counters behind a descriptor (fs/eventfd.c).
//
// Verbs: eventfdCreate, eventfdRead, eventfdWrite for clients; eventfdSignal, eventfdReady, pollPark, pollUnpark for the
// rings. None of them waits: where Linux would, a client gets EAGAIN (EFD_NONBLOCK), and a poll parks itself here.
// Layout: an Eventfd shares the table and the first two words with OpenFile; its polls are a ring of PollWaiters in the
// order of parking, the word `waiters` holds the last.
// Invariants: a client can not bring the count to 2^64 - 1, a signal can; a parked poll is not ready; who becomes ready is
// taken off the ring at once and hears of it through (KIND_EVENTFD_SIGNALLED, waiter, ready bits).

import { isClientRange } from '../base/client-memory';
import { complete, KIND_EVENTFD_SIGNALLED } from '../base/dispatch';
import { EAGAIN, EBADF, EFAULT, EINVAL } from '../base/errno';
import { DESCRIPTOR_EVENTFD, EVENTFD_SEMAPHORE, POLLERR, POLLIN, POLLOUT } from '../layout';
import { descriptorOf, descriptorTake, OpenFile } from './descriptor';

@unmanaged
export class Eventfd {
  kind: u32;
  holders: u32;
  count: u64;
  isSemaphore: u32;
  /** The poll that parked last; its `next` is the first. */
  waiters: usize;
}

/** A poll that waits. The first words of the record of whoever polls. */
@unmanaged
export class PollWaiter {
  next: usize;
  previous: usize;
  /** The eventfd where it is parked, or 0. */
  eventfd: usize;
  /** The bits that wake it. */
  mask: u32;
}

/** An eventfd with `initialCount`; EVENTFD_SEMAPHORE makes reads take 1. Its descriptor, or EINVAL (flags), EMFILE. */
export function eventfdCreate(initialCount: u32, flags: i32): i32 {
  if (offsetof<Eventfd>() > 32 || offsetof<Eventfd>('holders') != offsetof<OpenFile>('holders'))
    ERROR('an eventfd does not fit the record of a descriptor');
  if ((flags & ~EVENTFD_SEMAPHORE) != 0) return -EINVAL;
  const descriptor = descriptorTake(DESCRIPTOR_EVENTFD);
  if (descriptor < 0) return descriptor;
  const eventfd = changetype<Eventfd>(descriptorOf(descriptor));
  eventfd.count = initialCount;
  eventfd.isSemaphore = flags & EVENTFD_SEMAPHORE;
  return descriptor;
}

/** The eventfd behind a descriptor, or 0. */
export function eventfdOf(descriptor: i32): usize {
  const record = descriptorOf(descriptor);
  return record != 0 && changetype<OpenFile>(record).kind == <u32>DESCRIPTOR_EVENTFD ? record : 0;
}

/** What a call answers where eventfdOf has found none: EBADF, or EINVAL for a file. */
export function notEventfd(descriptor: i32): i32 {
  return descriptorOf(descriptor) == 0 ? -EBADF : -EINVAL;
}

/** Stores the count (1 for a semaphore) in the u64 at `address` and takes it off. 0, or EBADF, EINVAL, EAGAIN (it is 0), EFAULT. */
export function eventfdRead(descriptor: i32, address: i32): i32 {
  const pointer = eventfdOf(descriptor);
  if (pointer == 0) return notEventfd(descriptor);
  const eventfd = changetype<Eventfd>(pointer);
  if (eventfd.count == 0) return -EAGAIN;
  if (!isClientRange(<u32>address, 8)) return -EFAULT;
  const taken: u64 = eventfd.isSemaphore != 0 ? 1 : eventfd.count;
  eventfd.count -= taken;
  store<u64>(<usize>address, taken);
  wakeReady(eventfd);
  return 0;
}

/** Adds the u64 at `address`. 0, or EBADF, EINVAL (no eventfd, or 2^64 - 1), EFAULT, EAGAIN (the count would pass 2^64 - 2). */
export function eventfdWrite(descriptor: i32, address: i32): i32 {
  const pointer = eventfdOf(descriptor);
  if (pointer == 0) return notEventfd(descriptor);
  if (!isClientRange(<u32>address, 8)) return -EFAULT;
  const eventfd = changetype<Eventfd>(pointer);
  const added = load<u64>(<usize>address);
  if (added == u64.MAX_VALUE) return -EINVAL;
  if (added >= u64.MAX_VALUE - eventfd.count) return -EAGAIN;
  eventfd.count += added;
  if (added > 0) wakeReady(eventfd);
  return 0;
}

/** Adds 1, up to 2^64 - 1 (eventfd_signal). */
export function eventfdSignal(eventfd: Eventfd): void {
  if (eventfd.count < u64.MAX_VALUE) eventfd.count++;
  wakeReady(eventfd);
}

/** POLLIN: a read gives something; POLLOUT: a write of 1 finds room; POLLERR: signals have overflowed. */
export function eventfdReady(eventfd: Eventfd): u32 {
  const count = eventfd.count;
  let ready: u32 = 0;
  if (count > 0) ready |= POLLIN;
  if (count < u64.MAX_VALUE - 1) ready |= POLLOUT;
  if (count == u64.MAX_VALUE) ready |= POLLERR;
  return ready;
}

/** Parks a poll that is not ready: `waiter.mask` is set. The caller holds the eventfd until the poll has ended. */
export function pollPark(eventfd: Eventfd, waiter: PollWaiter): void {
  const pointer = changetype<usize>(waiter);
  waiter.eventfd = changetype<usize>(eventfd);
  const last = eventfd.waiters;
  if (last == 0) {
    waiter.next = pointer;
    waiter.previous = pointer;
  } else {
    const first = changetype<PollWaiter>(last).next;
    waiter.next = first;
    waiter.previous = last;
    changetype<PollWaiter>(last).next = pointer;
    changetype<PollWaiter>(first).previous = pointer;
  }
  eventfd.waiters = pointer;
}

/** Takes a parked poll off the ring. */
export function pollUnpark(waiter: PollWaiter): void {
  const pointer = changetype<usize>(waiter);
  const eventfd = changetype<Eventfd>(waiter.eventfd);
  waiter.eventfd = 0;
  if (waiter.next == pointer) {
    eventfd.waiters = 0;
    return;
  }
  changetype<PollWaiter>(waiter.previous).next = waiter.next;
  changetype<PollWaiter>(waiter.next).previous = waiter.previous;
  if (eventfd.waiters == pointer) eventfd.waiters = waiter.previous;
}

function wakeReady(eventfd: Eventfd): void {
  const last = eventfd.waiters;
  if (last == 0) return;
  const ready = eventfdReady(eventfd);
  let pointer = changetype<PollWaiter>(last).next;
  while (true) {
    const waiter = changetype<PollWaiter>(pointer);
    const next = waiter.next;
    if ((waiter.mask & ready) != 0) {
      pollUnpark(waiter);
      complete(KIND_EVENTFD_SIGNALLED, pointer, waiter.mask & ready);
    }
    if (pointer == last) return;
    pointer = next;
  }
}
