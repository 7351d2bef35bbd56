// A virtio device before it is a disk: status, features, queues, interrupts (virtio 1.2 §2; hw/virtio/virtio.c of QEMU).
//
// Verbs: deviceClaim, deviceInit, deviceAt, writeStatus, writeDriverFeatures, makeQueueReady, deviceBreak, deviceSignal,
// deviceReset, resetContinues. What the requests mean stands in virtio-blk.ts; registers are virtio-mmio.ts.
// Layout: an array of VirtioDevice records, and for each device `queueLimit` QueueState records.
// Invariants: nothing is taken from a queue before DRIVER_OK, and nothing is published by a device that is broken or being
// reset; a reset ends when the last request in the backend has.

import { arenaClaim } from '../base/arena';
import { complete, KIND_NONE } from '../base/dispatch';
import {
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_VERSION_1,
  VIRTIO_INTERRUPT_CONFIG,
  VIRTIO_INTERRUPT_USED,
  VIRTIO_STATUS_DRIVER_OK,
  VIRTIO_STATUS_FEATURES_OK,
  VIRTIO_STATUS_NEEDS_RESET,
} from '../layout';
import { queueSetUp, Virtqueue } from './virtqueue';

@unmanaged
export class VirtioDevice {
  index: u32;
  status: u32;
  /** A driver error: nothing is popped, signalled or published until the next reset. */
  isBroken: u32;
  /** A reset waits for requests in the backend. */
  isResetting: u32;
  offeredFeatures: u64;
  driverFeatures: u64;
  interruptStatus: u32;
  /** ConfigGeneration: changes when the config space does. */
  generation: u32;
  queueCount: u32;
  queues: usize;
  /** Requests popped, not finished and not parked. */
  inFlight: u32;
  /** KIND_… to complete (owner: the index) when an interrupt is raised, or KIND_NONE; one is pending at a time. */
  interruptKind: u32;
  isInterruptPending: u32;
  /** The guest's memory within client memory. */
  guestBase: u64;
  guestBytes: u64;
  // registers that select
  featuresSelect: u32;
  driverFeaturesSelect: u32;
  queueSelect: u32;
  // the disk
  capacity: u64;
  blockSize: u32;
  /** Address of the serial number in the config: 20 bytes, or NULs. */
  serial: usize;
  /** 1: a completed write may be volatile; 0: every write is on the media when it completes. And what it is after a reset. */
  writeCache: u32;
  initialWriteCache: u32;
  /** Queues whose draining stopped for want of a span or a request record: a bit each. */
  stalledQueues: u32;
  /** Requests that the error policy has stopped, youngest first. */
  stopped: usize;
  /** The machine stands still because of an error: nothing is taken until it is resumed. */
  isStopped: u32;
  /** Notifications are not looked at (drain). */
  quiesced: u32;
}

/** A ring, and the registers that say where it is going to be. */
@unmanaged
export class QueueState extends Virtqueue {
  descriptorAddress: u64;
  driverAddress: u64;
  deviceAddress: u64;
  wantedSize: u32;
  isReady: u32;
  /** How often the queue was stopped: a chain popped before that belongs to a ring that is gone. */
  generation: u32;
}

@unmanaged
class Devices {
  base: usize;
  count: u32;
  queueLimit: u32;
}

const devices = changetype<Devices>(memory.data(offsetof<Devices>(), 16));

export function deviceClaim(deviceCount: u32, queueLimit: u32): void {
  devices.count = deviceCount;
  devices.queueLimit = queueLimit;
  devices.base = arenaClaim(
    <u64>deviceCount * (offsetof<VirtioDevice>() + queueLimit * offsetof<QueueState>()),
    64,
  );
}

export function deviceCount(): u32 {
  return devices.count;
}

export function deviceAt(index: u32): VirtioDevice {
  return changetype<VirtioDevice>(devices.base + <usize>index * offsetof<VirtioDevice>());
}

/** Clears the records and gives each device its queues; guest memory is all of client memory at its own addresses. */
export function deviceInit(): void {
  assert(
    offsetof<QueueState>('descriptorAddress') >= offsetof<Virtqueue>(),
    'a queue without room for its ring',
  );
  const queues = devices.base + <usize>devices.count * offsetof<VirtioDevice>();
  for (let index: u32 = 0; index < devices.count; index++) {
    const device = deviceAt(index);
    memory.fill(changetype<usize>(device), 0, offsetof<VirtioDevice>());
    device.index = index;
    device.queueCount = devices.queueLimit;
    device.queues = queues + <usize>(index * devices.queueLimit) * offsetof<QueueState>();
    device.guestBytes = u32.MAX_VALUE;
    device.offeredFeatures =
      ((<u64>1) << VIRTIO_F_VERSION_1) | (1 << VIRTIO_F_INDIRECT_DESC) | (1 << VIRTIO_F_EVENT_IDX);
    clearQueues(device);
  }
}

export function queueOf(device: VirtioDevice, index: u32): QueueState {
  return changetype<QueueState>(device.queues + <usize>index * offsetof<QueueState>());
}

function clearQueues(device: VirtioDevice): void {
  memory.fill(device.queues, 0, <usize>device.queueCount * offsetof<QueueState>());
}

export function hasFeature(device: VirtioDevice, bit: u32): bool {
  return ((device.driverFeatures >> bit) & 1) != 0;
}

/** True when requests may be taken and published. */
export function isRunning(device: VirtioDevice): bool {
  return (device.status & VIRTIO_STATUS_DRIVER_OK) != 0 && (device.isBroken | device.isResetting) == 0;
}

/** Word 0 or 1 of what the driver accepts; ignored once FEATURES_OK is set. */
export function writeDriverFeatures(device: VirtioDevice, word: u32, value: u32): void {
  if (device.status & VIRTIO_STATUS_FEATURES_OK) return;
  const shift: u64 = word == 0 ? 0 : 32;
  device.driverFeatures =
    (device.driverFeatures & ~((<u64>u32.MAX_VALUE) << shift)) | ((<u64>value) << shift);
}

/**
 * A status that is not 0. Neither FEATURES_OK nor DRIVER_OK is set when the driver accepted what was not offered: the device
 * is unusable for it. True when DRIVER_OK was set by this.
 */
export function writeStatus(device: VirtioDevice, value: u32): bool {
  if (device.isResetting != 0) return false;
  const wasRunning = (device.status & VIRTIO_STATUS_DRIVER_OK) != 0;
  let status = value & 0xff & ~VIRTIO_STATUS_NEEDS_RESET;
  if ((device.driverFeatures & ~device.offeredFeatures) != 0)
    status &= ~(VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK);
  device.status = status | (device.status & VIRTIO_STATUS_NEEDS_RESET);
  return !wasRunning && (status & VIRTIO_STATUS_DRIVER_OK) != 0;
}

/** QueueReady = 1: the ring is mapped, or the device is broken. */
export function makeQueueReady(device: VirtioDevice, index: u32): void {
  const queue = queueOf(device, index);
  queue.guestBase = device.guestBase;
  queue.guestBytes = device.guestBytes;
  queue.hasEventIndex = hasFeature(device, VIRTIO_F_EVENT_IDX) ? 1 : 0;
  const result = queueSetUp(
    queue,
    queue.wantedSize,
    queue.descriptorAddress,
    queue.driverAddress,
    queue.deviceAddress,
  );
  if (result == 0) queue.isReady = 1;
  else deviceBreak(device);
}

/** QueueReady = 0: the device does not touch the ring any more; what is in flight ends without an entry. */
export function stopQueue(device: VirtioDevice, index: u32): void {
  const queue = queueOf(device, index);
  queue.isReady = 0;
  queue.size = 0;
  queue.generation++;
}

/** True when the driver has the device or one of its queues in use. */
export function isInUse(device: VirtioDevice): bool {
  for (let index: u32 = 0; index < device.queueCount; index++) {
    if (queueOf(device, index).isReady != 0) return true;
  }
  return device.status != 0;
}

function raise(device: VirtioDevice, bit: u32): void {
  device.interruptStatus |= bit;
  if (device.interruptKind == KIND_NONE || device.isInterruptPending != 0) return;
  device.isInterruptPending = 1;
  complete(device.interruptKind, device.index, 0);
}

/** Interrupts for used entries, when the driver wants to hear of them. */
export function deviceSignal(device: VirtioDevice): void {
  raise(device, VIRTIO_INTERRUPT_USED);
}

/** The config space has changed: a new generation, and an interrupt for a driver that runs. */
export function configChanged(device: VirtioDevice): void {
  device.generation++;
  if (device.status & VIRTIO_STATUS_DRIVER_OK) raise(device, VIRTIO_INTERRUPT_CONFIG);
}

/** virtio_error: the driver broke the rules. NEEDS_RESET shows it, with an interrupt for a driver that runs. */
export function deviceBreak(device: VirtioDevice): void {
  if (device.isBroken != 0) return;
  device.isBroken = 1;
  device.status |= VIRTIO_STATUS_NEEDS_RESET;
  configChanged(device);
}

export function acknowledge(device: VirtioDevice, bits: u32): void {
  device.interruptStatus &= ~bits;
  if ((device.interruptStatus & VIRTIO_INTERRUPT_USED) == 0) device.isInterruptPending = 0;
}

/** Status = 0. The rings are let go at once; the status reads 0 when the backend has ended what it was given. */
export function deviceReset(device: VirtioDevice): void {
  device.isResetting = 1;
  resetContinues(device);
}

/** A request has ended, or a reset has begun: ends the reset when nothing is left. */
export function resetContinues(device: VirtioDevice): void {
  if (device.isResetting == 0 || device.inFlight > 0) return;
  device.isResetting = 0;
  device.isBroken = 0;
  device.status = 0;
  device.driverFeatures = 0;
  device.interruptStatus = 0;
  device.isInterruptPending = 0;
  device.featuresSelect = 0;
  device.driverFeaturesSelect = 0;
  device.queueSelect = 0;
  device.writeCache = device.initialWriteCache;
  clearQueues(device);
}
