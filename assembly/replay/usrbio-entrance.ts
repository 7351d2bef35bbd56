// The USRBIO entrance of a replay: one ring that reads and one that writes, over the player's data as a shared buffer.
//
// Verbs: usrbioOpen, usrbioPut, usrbioNotify, usrbioFetch. 3FS has no flush and no discard in its rings: they are a sync and
// an ioctl of their own, which the player starts with the lot.
// Invariant: a ring has an entry for each slot, so it takes a whole lot; one by one it may be full all the same, for an entry
// comes back after those before it.

import { KIND_USRBIO_READY } from '../base/dispatch';
import { HF3FS_CQE_SIZE, HF3FS_IOV_ID, REPLAY_TIMING_ASAP, TRACE_READ } from '../layout';
import { iovPublish, iovWrap, writeMountPoint } from '../rings/usrbio-buffer';
import { regFd, registrationOf } from '../rings/usrbio-fd';
import { submitIos } from '../rings/usrbio-jobs';
import { fetchResults, iorCreate, prepIo, Ring, ringOf, ringOfStruct } from '../rings/usrbio-ring';
import { descriptorOf } from './device';
import { player, Slot } from './lot';
import { roomBytes } from './room';

function openRing(ior: usize, isForRead: bool): i32 {
  const mount = <u32>player.mountPoint;
  const result = iorCreate(<u32>ior, mount, <i32>player.slotCapacity, isForRead, 0, 0, 0, 0, 0);
  if (result != 0) return result;
  const ring = ringOfStruct(<u32>ior);
  if (ring != null) ring.notifyKind = KIND_USRBIO_READY;
  return 0;
}

/** Makes the rings and publishes the data. 0, or EIO without shared memory for the rings. */
export function usrbioOpen(): i32 {
  writeMountPoint(player.mountPoint);
  const mount = <u32>player.mountPoint;
  const id = <u32>player.iov + HF3FS_IOV_ID;
  const bytes = player.timing == REPLAY_TIMING_ASAP ? player.dataBytes : <u32>roomBytes(player.dataBytes);
  let result = iovPublish(id, <u32>player.data, bytes, 0);
  if (result == 0) result = iovWrap(<u32>player.iov, <u32>player.data, id, mount, bytes, 0, 0);
  if (result == 0) result = openRing(player.readRing, true);
  if (result == 0) result = openRing(player.writeRing, false);
  return result;
}

/** Prepares a read or write. 0 or a negative errno, EAGAIN for a full ring. */
export function usrbioPut(slot: Slot, index: u32): i32 {
  const descriptor = descriptorOf(slot.device);
  if (descriptor < 0) return descriptor;
  if (registrationOf(descriptor) == null) {
    const registered = regFd(descriptor);
    if (registered > 0) return -registered;
  }
  const isRead = slot.operation == TRACE_READ;
  const ring = isRead ? player.readRing : player.writeRing;
  const prepared = prepIo(
    <u32>ring,
    <u32>player.iov,
    isRead,
    <u32>slot.data,
    descriptor,
    slot.offset,
    slot.bytes,
    index,
  );
  return prepared < 0 ? prepared : 0;
}

export function usrbioNotify(): void {
  submitIos(<u32>player.readRing);
  submitIos(<u32>player.writeRing);
}

/** Fetches the results of a ring to the player's cqes; how many. */
export function usrbioFetch(handle: usize): u32 {
  const found = ringOf(handle);
  if (found == null) return 0;
  return fetchResults(changetype<Ring>(found), player.cqes, player.slotCapacity);
}

export function usrbioResult(index: u32): usize {
  return player.cqes + <usize>index * HF3FS_CQE_SIZE;
}
