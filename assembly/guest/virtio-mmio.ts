// The register window of a virtio-mmio device, version 2 (virtio 1.2 §4.2; hw/virtio/virtio-mmio.c of QEMU).
//
// Verbs: mmioRead, mmioWrite. Misuse is what QEMU makes of it: a control register that is read or written with another width
// than 4 bytes is 0 or ignored, and so is one that does not exist or goes the other way.

import {
  VIRTIO_MMIO_CONFIG,
  VIRTIO_MMIO_CONFIG_GENERATION,
  VIRTIO_MMIO_DEVICE_FEATURES,
  VIRTIO_MMIO_DEVICE_FEATURES_SEL,
  VIRTIO_MMIO_DEVICE_ID,
  VIRTIO_MMIO_DRIVER_FEATURES,
  VIRTIO_MMIO_DRIVER_FEATURES_SEL,
  VIRTIO_MMIO_INTERRUPT_ACK,
  VIRTIO_MMIO_INTERRUPT_STATUS,
  VIRTIO_MMIO_MAGIC,
  VIRTIO_MMIO_QUEUE_DESC_HIGH,
  VIRTIO_MMIO_QUEUE_DESC_LOW,
  VIRTIO_MMIO_QUEUE_DEVICE_HIGH,
  VIRTIO_MMIO_QUEUE_DEVICE_LOW,
  VIRTIO_MMIO_QUEUE_DRIVER_HIGH,
  VIRTIO_MMIO_QUEUE_DRIVER_LOW,
  VIRTIO_MMIO_QUEUE_NOTIFY,
  VIRTIO_MMIO_QUEUE_READY,
  VIRTIO_MMIO_QUEUE_SEL,
  VIRTIO_MMIO_QUEUE_SIZE,
  VIRTIO_MMIO_QUEUE_SIZE_MAX,
  VIRTIO_MMIO_SHM_BASE_HIGH,
  VIRTIO_MMIO_SHM_LEN_LOW,
  VIRTIO_MMIO_STATUS,
  VIRTIO_MMIO_VENDOR_ID,
  VIRTIO_MMIO_VERSION,
} from '../layout';
import { VIRTQUEUE_MAX_SIZE } from '../limits';
import { blkDriverOk, blkNotify, blkReset } from './virtio-blk';
import { blkConfigRead, blkConfigWrite } from './virtio-blk-config';
import {
  acknowledge,
  makeQueueReady,
  QueueState,
  queueOf,
  stopQueue,
  VirtioDevice,
  writeDriverFeatures,
  writeStatus,
} from './virtio-device';

const MAGIC: u32 = 0x74726976;
const VERSION: u32 = 2;
const DEVICE_BLOCK: u32 = 2;
/** QEMU's, which xv6 insists on. */
const VENDOR: u32 = 0x554d4551;
/** VIRTIO_QUEUE_MAX of QEMU: a selection up to here is kept, and tells the driver that there is no such queue. */
const SELECTABLE_QUEUES: u32 = 1024;

/** The selected queue, or null when the driver selected one that does not exist. */
function selected(device: VirtioDevice): QueueState | null {
  return device.queueSelect < device.queueCount ? queueOf(device, device.queueSelect) : null;
}

function readControl(device: VirtioDevice, offset: u32): u32 {
  const queue = selected(device);
  switch (offset) {
    case VIRTIO_MMIO_MAGIC:
      return MAGIC;
    case VIRTIO_MMIO_VERSION:
      return VERSION;
    case VIRTIO_MMIO_DEVICE_ID:
      return DEVICE_BLOCK;
    case VIRTIO_MMIO_VENDOR_ID:
      return VENDOR;
    case VIRTIO_MMIO_DEVICE_FEATURES:
      return <u32>(device.featuresSelect == 0 ? device.offeredFeatures : device.offeredFeatures >> 32);
    case VIRTIO_MMIO_QUEUE_SIZE_MAX:
      return queue == null ? 0 : VIRTQUEUE_MAX_SIZE;
    case VIRTIO_MMIO_QUEUE_READY:
      return queue == null ? 0 : queue.isReady;
    case VIRTIO_MMIO_INTERRUPT_STATUS:
      return device.interruptStatus;
    case VIRTIO_MMIO_STATUS:
      return device.status;
    case VIRTIO_MMIO_CONFIG_GENERATION:
      return device.generation;
    default:
      // there is no shared memory region: its length and base are all ones
      return offset >= <u32>VIRTIO_MMIO_SHM_LEN_LOW && offset <= <u32>VIRTIO_MMIO_SHM_BASE_HIGH
        ? u32.MAX_VALUE
        : 0;
  }
}

/** A register of 1, 2 or 4 bytes at `offset` of the window. */
export function mmioRead(device: VirtioDevice, offset: u32, width: u32): u32 {
  if (offset >= <u32>VIRTIO_MMIO_CONFIG) return blkConfigRead(device, offset - VIRTIO_MMIO_CONFIG, width);
  return width == 4 && (offset & 3) == 0 ? readControl(device, offset) : 0;
}

function withLow(old: u64, value: u32): u64 {
  return (old & ~(<u64>u32.MAX_VALUE)) | value;
}

function withHigh(old: u64, value: u32): u64 {
  return (old & u32.MAX_VALUE) | ((<u64>value) << 32);
}

/** A register of the selected queue. While the queue is ready its place and size stay. */
function writeQueue(device: VirtioDevice, queue: QueueState, offset: u32, value: u32): void {
  if (offset == VIRTIO_MMIO_QUEUE_READY) {
    if (value == 0) stopQueue(device, device.queueSelect);
    else if (queue.isReady == 0) makeQueueReady(device, device.queueSelect);
    return;
  }
  if (queue.isReady != 0) return;
  switch (offset) {
    case VIRTIO_MMIO_QUEUE_SIZE:
      queue.wantedSize = value;
      return;
    case VIRTIO_MMIO_QUEUE_DESC_LOW:
      queue.descriptorAddress = withLow(queue.descriptorAddress, value);
      return;
    case VIRTIO_MMIO_QUEUE_DESC_HIGH:
      queue.descriptorAddress = withHigh(queue.descriptorAddress, value);
      return;
    case VIRTIO_MMIO_QUEUE_DRIVER_LOW:
      queue.driverAddress = withLow(queue.driverAddress, value);
      return;
    case VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
      queue.driverAddress = withHigh(queue.driverAddress, value);
      return;
    case VIRTIO_MMIO_QUEUE_DEVICE_LOW:
      queue.deviceAddress = withLow(queue.deviceAddress, value);
      return;
    case VIRTIO_MMIO_QUEUE_DEVICE_HIGH:
      queue.deviceAddress = withHigh(queue.deviceAddress, value);
      return;
    default:
      return;
  }
}

function writeControl(device: VirtioDevice, offset: u32, value: u32): void {
  switch (offset) {
    case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
      device.featuresSelect = value == 0 ? 0 : 1;
      return;
    case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
      device.driverFeaturesSelect = value == 0 ? 0 : 1;
      return;
    case VIRTIO_MMIO_DRIVER_FEATURES:
      writeDriverFeatures(device, device.driverFeaturesSelect, value);
      return;
    case VIRTIO_MMIO_QUEUE_SEL:
      if (value < SELECTABLE_QUEUES) device.queueSelect = value;
      return;
    case VIRTIO_MMIO_QUEUE_NOTIFY:
      blkNotify(device, value);
      return;
    case VIRTIO_MMIO_INTERRUPT_ACK:
      acknowledge(device, value);
      return;
    case VIRTIO_MMIO_STATUS:
      if ((value & 0xff) == 0) blkReset(device);
      else if (writeStatus(device, value)) blkDriverOk(device);
      return;
    default: {
      const queue = selected(device);
      if (queue != null) writeQueue(device, queue, offset, value);
    }
  }
}

/** Writes a register of 1, 2 or 4 bytes at `offset` of the window. */
export function mmioWrite(device: VirtioDevice, offset: u32, width: u32, value: u32): void {
  if (offset >= <u32>VIRTIO_MMIO_CONFIG) blkConfigWrite(device, offset - VIRTIO_MMIO_CONFIG, width, value);
  else if (width == 4 && (offset & 3) == 0) writeControl(device, offset, value);
}
