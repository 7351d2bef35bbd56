// The guest's side of a virtqueue: a small driver that builds chains and reads the used ring.
//
// Verbs: driverClaim, driverAttach, driverPut, driverTakeUsed. Each request has a slot; slot s owns descriptors
// 3s … 3s + 2 (header, data, status), a 16-byte header and a status byte, so nothing is allocated per request.
// Layout in client memory, per device, made when the device is first used: descriptor table, available ring, used
// ring; per slot: headers and status bytes, shared by all devices.
// Invariant: a slot is on at most one ring at a time.

import { arenaClaim } from '../base/arena';
import {
  VIRTIO_BLK_HEADER_SIZE,
  VIRTQ_AVAIL_IDX,
  VIRTQ_AVAIL_RING,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
  VIRTQ_DESC_SIZE,
  VIRTQ_USED_ENTRY_SIZE,
  VIRTQ_USED_IDX,
  VIRTQ_USED_RING,
} from '../layout';
import { virtioSetInterrupt, virtioSetQueue } from './virtio-blk';

const DESCRIPTORS_A_SLOT: u32 = 3;

@unmanaged
class GuestDevice {
  isAttached: u32;
  availableIndex: u16;
  usedIndex: u16;
}

@unmanaged
class Driver {
  rings: usize;
  ringBytes: u32;
  queueSize: u32;
  availableOffset: u32;
  usedOffset: u32;
  headers: usize;
  statuses: usize;
  devices: usize;
}

const driver = changetype<Driver>(memory.data(offsetof<Driver>(), 16));

/** `slotCount`: requests on the rings at one time. */
export function driverClaim(deviceCount: u32, slotCount: u32): void {
  let size: u32 = 4;
  while (size < slotCount * DESCRIPTORS_A_SLOT) size <<= 1;
  driver.queueSize = size;
  driver.availableOffset = size * VIRTQ_DESC_SIZE;
  driver.usedOffset = (driver.availableOffset + 6 + size * 2 + 3) & ~(<u32>3);
  driver.ringBytes = (driver.usedOffset + 6 + size * VIRTQ_USED_ENTRY_SIZE + 63) & ~(<u32>63);
  driver.rings = arenaClaim(<u64>deviceCount * driver.ringBytes, 64);
  driver.headers = arenaClaim(<u64>slotCount * VIRTIO_BLK_HEADER_SIZE, 16);
  driver.statuses = arenaClaim(slotCount, 16);
}

/** Claims what clients may not name. */
export function driverClaimPrivate(deviceCount: u32): void {
  driver.devices = arenaClaim(<u64>deviceCount * offsetof<GuestDevice>(), 16);
}

function guestDevice(device: u32): GuestDevice {
  return changetype<GuestDevice>(driver.devices + <usize>device * offsetof<GuestDevice>());
}

function ringOf(device: u32): usize {
  return driver.rings + <usize>device * driver.ringBytes;
}

/** Gives the device its ring, once. The device completes `interruptKind` (owner: its index) when it used entries. */
export function driverAttach(device: u32, interruptKind: u32): i32 {
  const guest = guestDevice(device);
  if (guest.isAttached != 0) return 0;
  const ring = ringOf(device);
  const result = virtioSetQueue(
    device,
    driver.queueSize,
    <u32>ring,
    <u32>ring + driver.availableOffset,
    <u32>ring + driver.usedOffset,
  );
  if (result != 0) return result;
  virtioSetInterrupt(device, interruptKind);
  guest.isAttached = 1;
  return 0;
}

function setDescriptor(ring: usize, index: u32, address: usize, length: u32, flags: u32): void {
  const descriptor = ring + <usize>index * VIRTQ_DESC_SIZE;
  store<u64>(descriptor, <u64>address);
  store<u32>(descriptor, length, 8);
  store<u16>(descriptor, <u16>flags, 12);
  store<u16>(descriptor, <u16>(index + 1), 14);
}

/** Puts a request on the ring, without a kick. Data of `bytes` at `address` (none when 0), `isIn`: the device writes it. */
export function driverPut(
  device: u32,
  slot: u32,
  type: u32,
  sector: u64,
  address: usize,
  bytes: u32,
  isIn: bool,
): void {
  const ring = ringOf(device);
  const header = driver.headers + <usize>slot * VIRTIO_BLK_HEADER_SIZE;
  const first = slot * DESCRIPTORS_A_SLOT;
  store<u32>(header, type);
  store<u32>(header, 0, 4);
  store<u64>(header, sector, 8);
  store<u8>(driver.statuses + slot, 0xff);
  setDescriptor(ring, first, header, VIRTIO_BLK_HEADER_SIZE, VIRTQ_DESC_F_NEXT);
  let last = first + 1;
  if (bytes > 0) {
    setDescriptor(ring, last, address, bytes, VIRTQ_DESC_F_NEXT | (isIn ? VIRTQ_DESC_F_WRITE : 0));
    last++;
  }
  setDescriptor(ring, last, driver.statuses + slot, 1, VIRTQ_DESC_F_WRITE);
  const guest = guestDevice(device);
  const available = ring + driver.availableOffset;
  store<u16>(
    available + ((<usize>(<u32>guest.availableIndex & (driver.queueSize - 1))) << 1),
    <u16>first,
    VIRTQ_AVAIL_RING,
  );
  guest.availableIndex++;
  store<u16>(available, guest.availableIndex, VIRTQ_AVAIL_IDX);
}

/** The slot of the next used entry of a device, or -1. Its status byte is driverStatus(slot). */
export function driverTakeUsed(device: u32): i32 {
  const guest = guestDevice(device);
  const used = ringOf(device) + driver.usedOffset;
  if (load<u16>(used, VIRTQ_USED_IDX) == guest.usedIndex) return -1;
  const entry =
    used + VIRTQ_USED_RING + <usize>(<u32>guest.usedIndex & (driver.queueSize - 1)) * VIRTQ_USED_ENTRY_SIZE;
  guest.usedIndex++;
  return <i32>(load<u32>(entry) / DESCRIPTORS_A_SLOT);
}

export function driverStatus(slot: u32): u32 {
  return load<u8>(driver.statuses + slot);
}
