// The guest's side of a virtio-blk device: a driver as Linux's, for replays.
//
// Verbs: driverClaim, driverAttach, driverPut, driverKick, driverTakeUsed. It negotiates everything that is offered, describes
// each request in an indirect table, and notifies only when the device has asked for it (EVENT_IDX). Slot s owns entry s of
// the descriptor table, a table of three descriptors (header, data, status), a header and a status byte, so nothing is
// allocated per request.
// Layout in client memory, per device, made when the device is first used: descriptor table, available ring, used
// ring; per slot: tables, headers and status bytes, shared by all devices.
// Invariant: a slot is on at most one ring at a time.

import { arenaClaim } from '../base/arena';
import { EINVAL, ENODEV } from '../base/errno';
import {
  VIRTIO_BLK_HEADER_SIZE,
  VIRTIO_INTERRUPT_CONFIG,
  VIRTIO_INTERRUPT_USED,
  VIRTIO_MMIO_DEVICE_FEATURES,
  VIRTIO_MMIO_DEVICE_FEATURES_SEL,
  VIRTIO_MMIO_DRIVER_FEATURES,
  VIRTIO_MMIO_DRIVER_FEATURES_SEL,
  VIRTIO_MMIO_INTERRUPT_ACK,
  VIRTIO_MMIO_QUEUE_DESC_LOW,
  VIRTIO_MMIO_QUEUE_DEVICE_LOW,
  VIRTIO_MMIO_QUEUE_DRIVER_LOW,
  VIRTIO_MMIO_QUEUE_NOTIFY,
  VIRTIO_MMIO_QUEUE_READY,
  VIRTIO_MMIO_QUEUE_SEL,
  VIRTIO_MMIO_QUEUE_SIZE,
  VIRTIO_MMIO_STATUS,
  VIRTIO_STATUS_ACKNOWLEDGE,
  VIRTIO_STATUS_DRIVER,
  VIRTIO_STATUS_DRIVER_OK,
  VIRTIO_STATUS_FEATURES_OK,
  VIRTIO_STATUS_NEEDS_RESET,
  VIRTQ_AVAIL_IDX,
  VIRTQ_AVAIL_RING,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
  VIRTQ_DESC_SIZE,
  VIRTQ_USED_ENTRY_SIZE,
  VIRTQ_USED_IDX,
  VIRTQ_USED_RING,
} from '../layout';
import { VIRTQUEUE_MAX_SIZE } from '../limits';
import { deviceAt, deviceCount, VirtioDevice } from './virtio-device';
import { mmioRead, mmioWrite } from './virtio-mmio';
import { needsEvent } from './virtqueue';

const DESCRIPTORS_A_SLOT: u32 = 3;
const TABLE_SIZE: u32 = DESCRIPTORS_A_SLOT * VIRTQ_DESC_SIZE;

@unmanaged
class GuestDevice {
  isAttached: u32;
  availableIndex: u16;
  usedIndex: u16;
  /** The available index at the last decision about a notification. */
  announced: u16;
  padding: u16;
}

@unmanaged
class Driver {
  rings: usize;
  ringBytes: u32;
  queueSize: u32;
  availableOffset: u32;
  usedOffset: u32;
  tables: usize;
  headers: usize;
  statuses: usize;
  devices: usize;
}

const driver = changetype<Driver>(memory.data(offsetof<Driver>(), 16));

/** `slotCount`: requests on the rings at one time. */
export function driverClaim(deviceCount: u32, slotCount: u32): void {
  let size: u32 = 4;
  while (size < slotCount && size < <u32>VIRTQUEUE_MAX_SIZE) size <<= 1;
  driver.queueSize = size;
  driver.availableOffset = size * VIRTQ_DESC_SIZE;
  driver.usedOffset = (driver.availableOffset + 6 + size * 2 + 3) & ~(<u32>3);
  driver.ringBytes = (driver.usedOffset + 6 + size * VIRTQ_USED_ENTRY_SIZE + 63) & ~(<u32>63);
  driver.rings = arenaClaim(<u64>deviceCount * driver.ringBytes, 64);
  driver.tables = arenaClaim(<u64>slotCount * TABLE_SIZE, 16);
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

function setRegister(device: VirtioDevice, offset: u32, value: u32): void {
  mmioWrite(device, offset, 4, value);
}

/** Accepts every feature that is offered. */
function acceptFeatures(device: VirtioDevice): void {
  for (let word: u32 = 0; word < 2; word++) {
    setRegister(device, VIRTIO_MMIO_DEVICE_FEATURES_SEL, word);
    setRegister(device, VIRTIO_MMIO_DRIVER_FEATURES_SEL, word);
    setRegister(device, VIRTIO_MMIO_DRIVER_FEATURES, mmioRead(device, VIRTIO_MMIO_DEVICE_FEATURES, 4));
  }
}

/**
 * Negotiates and gives the device its ring, once. The device completes `interruptKind` (owner: its index) when it raises
 * an interrupt. 0, ENODEV, or EINVAL for a device that does not accept the driver.
 */
export function driverAttach(index: u32, interruptKind: u32): i32 {
  if (index >= deviceCount()) return -ENODEV;
  const guest = guestDevice(index);
  if (guest.isAttached != 0) return 0;
  const device = deviceAt(index);
  const ring = <u32>ringOf(index);
  let status: u32 = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER;
  setRegister(device, VIRTIO_MMIO_STATUS, 0);
  setRegister(device, VIRTIO_MMIO_STATUS, status);
  acceptFeatures(device);
  status |= VIRTIO_STATUS_FEATURES_OK;
  setRegister(device, VIRTIO_MMIO_STATUS, status);
  if ((mmioRead(device, VIRTIO_MMIO_STATUS, 4) & VIRTIO_STATUS_FEATURES_OK) == 0) return -EINVAL;
  setRegister(device, VIRTIO_MMIO_QUEUE_SEL, 0);
  setRegister(device, VIRTIO_MMIO_QUEUE_SIZE, driver.queueSize);
  setRegister(device, VIRTIO_MMIO_QUEUE_DESC_LOW, ring);
  setRegister(device, VIRTIO_MMIO_QUEUE_DRIVER_LOW, ring + driver.availableOffset);
  setRegister(device, VIRTIO_MMIO_QUEUE_DEVICE_LOW, ring + driver.usedOffset);
  setRegister(device, VIRTIO_MMIO_QUEUE_READY, 1);
  device.interruptKind = interruptKind;
  setRegister(device, VIRTIO_MMIO_STATUS, status | VIRTIO_STATUS_DRIVER_OK);
  if ((mmioRead(device, VIRTIO_MMIO_STATUS, 4) & VIRTIO_STATUS_NEEDS_RESET) != 0) return -EINVAL;
  guest.isAttached = 1;
  return 0;
}

/** Entry `index` of the table at `table`. */
function setDescriptor(table: usize, index: u32, address: usize, length: u32, flags: u32): void {
  const descriptor = table + <usize>index * VIRTQ_DESC_SIZE;
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
  const table = driver.tables + <usize>slot * TABLE_SIZE;
  store<u32>(header, type);
  store<u32>(header, 0, 4);
  store<u64>(header, sector, 8);
  store<u8>(driver.statuses + slot, 0xff);
  setDescriptor(table, 0, header, VIRTIO_BLK_HEADER_SIZE, VIRTQ_DESC_F_NEXT);
  let count: u32 = 1;
  if (bytes > 0)
    setDescriptor(table, count++, address, bytes, VIRTQ_DESC_F_NEXT | (isIn ? VIRTQ_DESC_F_WRITE : 0));
  setDescriptor(table, count++, driver.statuses + slot, 1, VIRTQ_DESC_F_WRITE);
  setDescriptor(ring, slot, table, count * VIRTQ_DESC_SIZE, VIRTQ_DESC_F_INDIRECT);
  const guest = guestDevice(device);
  const available = ring + driver.availableOffset;
  store<u16>(
    available + ((<usize>(<u32>guest.availableIndex & (driver.queueSize - 1))) << 1),
    <u16>slot,
    VIRTQ_AVAIL_RING,
  );
  guest.availableIndex++;
  store<u16>(available, guest.availableIndex, VIRTQ_AVAIL_IDX);
}

/** Notifies the device, if it has asked to hear of what was put since the last time. */
export function driverKick(device: u32): void {
  const guest = guestDevice(device);
  const used = ringOf(device) + driver.usedOffset;
  const event = load<u16>(used + VIRTQ_USED_RING + <usize>driver.queueSize * VIRTQ_USED_ENTRY_SIZE);
  const old = guest.announced;
  guest.announced = guest.availableIndex;
  if (needsEvent(event, guest.availableIndex, old))
    setRegister(deviceAt(device), VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

/** The driver has seen an interrupt and is about to read the used ring. */
export function driverInterrupted(device: u32): void {
  setRegister(deviceAt(device), VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_INTERRUPT_USED | VIRTIO_INTERRUPT_CONFIG);
}

/** The slot of the next used entry of a device, or -1: then the next completion interrupts again. Its status byte is driverStatus(slot). */
export function driverTakeUsed(device: u32): i32 {
  const guest = guestDevice(device);
  const ring = ringOf(device);
  const used = ring + driver.usedOffset;
  if (load<u16>(used, VIRTQ_USED_IDX) == guest.usedIndex) {
    const usedEvent = ring + driver.availableOffset + VIRTQ_AVAIL_RING + ((<usize>driver.queueSize) << 1);
    store<u16>(usedEvent, guest.usedIndex);
    return -1;
  }
  const entry =
    used + VIRTQ_USED_RING + <usize>(<u32>guest.usedIndex & (driver.queueSize - 1)) * VIRTQ_USED_ENTRY_SIZE;
  guest.usedIndex++;
  return <i32>load<u32>(entry);
}

export function driverStatus(slot: u32): u32 {
  return load<u8>(driver.statuses + slot);
}
