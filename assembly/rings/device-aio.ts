// The requests of BlueStore devices: each an aio_t in client memory, where io_submit reads it, and a private record of
// whose it is and what it holds.
//
// Verbs: deviceAioClaim, deviceAioClaimPrivate, deviceAioInit, aiosExist, deviceAioTake, deviceAioGive, deviceAioAddress,
// deviceAioFind, deviceAioLink, deviceAioUnlink.
// Layout: record n of the pool belongs to aio_t n; next to the aio_t records is one array of addresses, in which a window
// lies for the time of an io_submit.
// Invariant: what is decided about a request is decided by its private record; shared memory that it took is given back
// with it.

import { arenaClaim } from '../base/arena';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { AIO_T_SIZE } from '../layout';
import { sharedGive } from './shared-memory';

/** Where a request stands. Only one that the kernel has accepted can complete. */
export const AIO_QUEUED: u32 = 0;
export const AIO_ACCEPTED: u32 = 1;
const AIO_FREE: u32 = 2;

@unmanaged
export class DeviceAio {
  next: usize;
  previous: usize;
  context: usize;
  state: u32;
  length: u64;
  /** Shared memory: a copy of the payload, and the list of more pieces than an aio_t has room for; 0: none. */
  copy: usize;
  list: usize;
  listBytes: u32;
}

@unmanaged
class Aios {
  base: usize;
  pointers: usize;
  count: u32;
}

export const deviceAioPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const aios = changetype<Aios>(memory.data(offsetof<Aios>(), 16));

/** Claims `count` aio_t records and the array of their addresses. */
export function deviceAioClaim(count: u32): void {
  aios.count = count;
  aios.base = arenaClaim(<u64>count * AIO_T_SIZE, 64);
  aios.pointers = arenaClaim((<u64>count) << 2, 16);
}

/** Claims what clients may not name. */
export function deviceAioClaimPrivate(): void {
  poolClaim(deviceAioPool, offsetof<DeviceAio>(), aios.count);
}

export function deviceAioInit(): void {
  poolInit(deviceAioPool);
}

/** False in a machine whose config has none. */
export function aiosExist(): bool {
  return aios.count > 0;
}

/** Room for the addresses of all requests, in client memory. */
export function deviceAioPointers(): usize {
  return aios.pointers;
}

export function deviceAioAddress(aio: DeviceAio): usize {
  const index = (changetype<usize>(aio) - deviceAioPool.base) / offsetof<DeviceAio>();
  return aios.base + index * AIO_T_SIZE;
}

/** The accepted request whose aio_t is at `address`, or 0. */
export function deviceAioFind(address: u64): usize {
  const distance = address - <u64>aios.base;
  if (address < <u64>aios.base || distance % AIO_T_SIZE != 0) return 0;
  const index = distance / AIO_T_SIZE;
  if (index >= <u64>aios.count) return 0;
  const record = deviceAioPool.base + <usize>index * offsetof<DeviceAio>();
  if (record >= deviceAioPool.fresh) return 0;
  return changetype<DeviceAio>(record).state == AIO_ACCEPTED ? record : 0;
}

/** A request of `context` in no list, or 0 when all are in use. */
export function deviceAioTake(context: usize): usize {
  const pointer = poolTake(deviceAioPool);
  if (pointer == 0) return 0;
  memory.fill(pointer, 0, offsetof<DeviceAio>());
  changetype<DeviceAio>(pointer).context = context;
  return pointer;
}

/** Gives a request back, and the shared memory that it holds. */
export function deviceAioGive(aio: DeviceAio): void {
  if (aio.copy != 0) sharedGive(aio.copy, aio.length);
  if (aio.list != 0) sharedGive(aio.list, aio.listBytes);
  aio.state = AIO_FREE;
  poolGive(deviceAioPool, changetype<usize>(aio));
}

/** A list with two ends: its two words are the first and the last request. */
@unmanaged
export class AioList {
  first: usize;
  last: usize;
}

/** Adds a request at the end. */
export function deviceAioLink(list: AioList, aio: DeviceAio): void {
  const pointer = changetype<usize>(aio);
  aio.next = 0;
  aio.previous = list.last;
  if (list.last != 0) changetype<DeviceAio>(list.last).next = pointer;
  else list.first = pointer;
  list.last = pointer;
}

export function deviceAioUnlink(list: AioList, aio: DeviceAio): void {
  if (aio.previous != 0) changetype<DeviceAio>(aio.previous).next = aio.next;
  else list.first = aio.next;
  if (aio.next != 0) changetype<DeviceAio>(aio.next).previous = aio.previous;
  else list.last = aio.previous;
}

/** Puts all of `from` before what `to` holds, and leaves `from` empty. */
export function deviceAioSplice(to: AioList, from: AioList): void {
  if (from.first == 0) return;
  changetype<DeviceAio>(from.last).next = to.first;
  if (to.first != 0) changetype<DeviceAio>(to.first).previous = from.last;
  else to.last = from.last;
  to.first = from.first;
  from.first = 0;
  from.last = 0;
}

/** Gives back every request of a list. */
export function deviceAioGiveAll(list: AioList): void {
  while (list.first != 0) {
    const aio = changetype<DeviceAio>(list.first);
    deviceAioUnlink(list, aio);
    deviceAioGive(aio);
  }
}
