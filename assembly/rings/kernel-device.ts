// KernelDevice: BlueStore's block device over one aio_queue and one open file (src/blk/kernel/KernelDevice.cc of Ceph).
//
// Verbs: deviceClaim, deviceOptions, deviceOpen, deviceOf, deviceAbort, deviceKill, checkIo. Requests are queued in
// io-request.ts, submitted in io-context.ts and reaped in aio-thread.ts, which also closes; flushes and synchronous I/O are in
// device-call.ts; what waits is in machine/kernel-device-calls.ts.
// Two kinds of abort: an argument that aborts Ceph is answered and noted, and nothing has happened; an abort of the AIO
// thread kills the device, which from then on answers ENOTRECOVERABLE.
// Invariant: io_since_flush is set before anybody hears of a completion.

import { arenaClaim } from '../base/arena';
import { isClientRange } from '../base/client-memory';
import { KIND_KERNEL_DEVICE_READY } from '../base/dispatch';
import { EFAULT, EINVAL, EMFILE, ENODEV, ENOTRECOVERABLE } from '../base/errno';
import { Inode } from '../cache/inode';
import { Drive } from '../drive/drive-table';
import { holdDescriptor, notFile, OpenFile, openFileOf } from '../files/descriptor';
import {
  ABORT_INVALID_IO,
  ABORT_NONE,
  AIO_RULE_OLDER,
  DEVICE_ABORT,
  DEVICE_BLOCK_SIZE,
  DEVICE_CONTEXT,
  DEVICE_DEATH,
  DEVICE_DEATH_RESULT,
  DEVICE_FDATASYNCS,
  DEVICE_IO_SINCE_FLUSH,
  DEVICE_OPTION_BLOCK_SIZE,
  DEVICE_OPTION_INITIAL_DELAY_US,
  DEVICE_OPTION_MAX_IODEPTH,
  DEVICE_OPTION_REAP_MAX,
  DEVICE_OPTION_RULE,
  DEVICE_OPTION_RW_IO_MAX,
  DEVICE_OPTION_SIZE,
  DEVICE_OPTION_SUBMIT_RETRIES,
  DEVICE_SIZE_BYTES,
  OPEN_DIRECT,
  OPEN_READ,
  OPEN_WRITE,
} from '../layout';
import {
  DEFAULT_AIO_IODEPTH,
  DEFAULT_AIO_REAP,
  DEFAULT_DEVICE_BLOCK,
  DEFAULT_SUBMIT_DELAY_US,
  DEFAULT_SUBMIT_RETRIES,
  MAX_DEVICE_BLOCK,
  MAX_KERNEL_DEVICES,
  MAX_SUBMIT_RETRIES,
  MAX_TRANSFER_BYTES,
  SECTOR_SIZE,
} from '../limits';
import { ioNotify } from './aio-context';
import { queueCreate, queueDestroy, queueInit, queueOf } from './aio-queue';
import { aiosExist } from './device-aio';
import { delayNanoseconds } from './submit-batch';

@unmanaged
export class KernelDevice {
  // the first words are what DEVICE_… names
  abortReason: u32;
  deathReason: u32;
  deathResult: i32;
  blockSize: u32;
  size: u64;
  ioSinceFlush: u32;
  fdatasyncs: u32;
  context: u32;
  isLive: u32;
  /** Closing: nobody reaps any more. */
  isStopping: u32;
  /** Writes and discards answer success and do nothing (objectstore_blackhole). */
  isBlackhole: u32;
  queue: usize;
  opened: usize;
  descriptor: i32;
  reapMax: u32;
  submitRetries: u32;
  rule: u32;
  rwIoMax: u32;
  /** Alignment of a buffer's address less 1. */
  addressMask: u32;
  /** Flushes and synchronous calls that have not ended; a flush is one of them; flushes that wait for it. */
  callCount: u32;
  isFlushing: u32;
  flushHead: usize;
  flushTail: usize;
  /** Contexts whose priv is to be told, oldest first. */
  doneHead: usize;
  doneTail: usize;
  submitDelay: u64;
}

@unmanaged
class Devices {
  table: usize;
}

const devices = changetype<Devices>(memory.data(offsetof<Devices>(), 16));
const options: usize = memory.data(DEVICE_OPTION_SIZE, 16);

export function deviceClaim(): void {
  if (offsetof<KernelDevice>('abortReason') != DEVICE_ABORT) ERROR('DEVICE_ABORT');
  if (offsetof<KernelDevice>('deathReason') != DEVICE_DEATH) ERROR('DEVICE_DEATH');
  if (offsetof<KernelDevice>('deathResult') != DEVICE_DEATH_RESULT) ERROR('DEVICE_DEATH_RESULT');
  if (offsetof<KernelDevice>('blockSize') != DEVICE_BLOCK_SIZE) ERROR('DEVICE_BLOCK_SIZE');
  if (offsetof<KernelDevice>('size') != DEVICE_SIZE_BYTES) ERROR('DEVICE_SIZE_BYTES');
  if (offsetof<KernelDevice>('ioSinceFlush') != DEVICE_IO_SINCE_FLUSH) ERROR('DEVICE_IO_SINCE_FLUSH');
  if (offsetof<KernelDevice>('fdatasyncs') != DEVICE_FDATASYNCS) ERROR('DEVICE_FDATASYNCS');
  if (offsetof<KernelDevice>('context') != DEVICE_CONTEXT) ERROR('DEVICE_CONTEXT');
  devices.table = arenaClaim(<u64>MAX_KERNEL_DEVICES * offsetof<KernelDevice>(), 16);
}

export function deviceAt(index: u32): KernelDevice {
  return changetype<KernelDevice>(devices.table + <usize>index * offsetof<KernelDevice>());
}

/** A live device, also one that is stopping; or null. */
export function deviceAny(handle: i32): KernelDevice | null {
  const index = <u32>handle - 1;
  if (index >= <u32>MAX_KERNEL_DEVICES) return null;
  const device = deviceAt(index);
  return device.isLive != 0 ? device : null;
}

/** A device that can be used, dead ones included; or null. Forgets the abort reason of the call before. */
export function deviceOf(handle: i32): KernelDevice | null {
  const device = deviceAny(handle);
  if (device == null || device.isStopping != 0) return null;
  device.abortReason = ABORT_NONE;
  return device;
}

/** The default options (DEVICE_OPTION_…), to be changed and handed to deviceOpen. */
export function deviceOptions(): usize {
  store<u32>(options, DEFAULT_DEVICE_BLOCK, DEVICE_OPTION_BLOCK_SIZE);
  store<i32>(options, DEFAULT_AIO_IODEPTH, DEVICE_OPTION_MAX_IODEPTH);
  store<u32>(options, DEFAULT_AIO_REAP, DEVICE_OPTION_REAP_MAX);
  store<u32>(options, DEFAULT_SUBMIT_RETRIES, DEVICE_OPTION_SUBMIT_RETRIES);
  store<u64>(options, DEFAULT_SUBMIT_DELAY_US, DEVICE_OPTION_INITIAL_DELAY_US);
  store<u32>(options, MAX_TRANSFER_BYTES, DEVICE_OPTION_RW_IO_MAX);
  store<u32>(options, 0, DEVICE_OPTION_RULE);
  return options;
}

function areOptionsGood(from: usize): bool {
  const blockSize = load<u32>(from, DEVICE_OPTION_BLOCK_SIZE);
  const reapMax = load<u32>(from, DEVICE_OPTION_REAP_MAX);
  const rwIoMax = load<u32>(from, DEVICE_OPTION_RW_IO_MAX);
  return (
    popcnt<u32>(blockSize) == 1 &&
    blockSize >= <u32>SECTOR_SIZE &&
    blockSize <= <u32>MAX_DEVICE_BLOCK &&
    reapMax >= 1 &&
    reapMax <= <u32>DEFAULT_AIO_REAP &&
    load<u32>(from, DEVICE_OPTION_SUBMIT_RETRIES) <= <u32>MAX_SUBMIT_RETRIES &&
    rwIoMax >= <u32>SECTOR_SIZE &&
    rwIoMax <= <u32>MAX_TRANSFER_BYTES &&
    (rwIoMax & (SECTOR_SIZE - 1)) == 0 &&
    load<u32>(from, DEVICE_OPTION_RULE) <= <u32>AIO_RULE_OLDER
  );
}

/**
 * Opens a device on a descriptor for reading, writing and direct I/O, with the options at `from` (of deviceOptions, or
 * checked client memory). A handle, 1 and up; EBADF, EINVAL, EMFILE, ENODEV without aio_t records, or as io_setup fails.
 */
export function deviceOpen(descriptor: i32, from: usize): i32 {
  if (!aiosExist()) return -ENODEV;
  const opened = openFileOf(descriptor);
  if (opened == 0) return notFile(descriptor);
  const needed: u32 = OPEN_READ | OPEN_WRITE | OPEN_DIRECT;
  if ((changetype<OpenFile>(opened).openFlags & needed) != needed || !areOptionsGood(from)) return -EINVAL;
  let index: u32 = 0;
  while (index < <u32>MAX_KERNEL_DEVICES && deviceAt(index).isLive != 0) index++;
  if (index == <u32>MAX_KERNEL_DEVICES) return -EMFILE;
  const queueHandle = queueCreate(load<i32>(from, DEVICE_OPTION_MAX_IODEPTH), true);
  if (queueHandle < 0) return queueHandle;
  const queue = queueOf(queueHandle)!;
  const result = queueInit(queue);
  if (result != 0) {
    queueDestroy(queue);
    return result;
  }
  ioNotify(queue.context, KIND_KERNEL_DEVICE_READY);
  const device = deviceAt(index);
  memory.fill(changetype<usize>(device), 0, offsetof<KernelDevice>());
  device.blockSize = load<u32>(from, DEVICE_OPTION_BLOCK_SIZE);
  const inode = changetype<Inode>(changetype<OpenFile>(opened).inode);
  device.size = inode.size & ~(<u64>device.blockSize - 1);
  device.addressMask = changetype<Drive>(inode.drive).dmaMask;
  device.context = queue.context;
  device.isLive = 1;
  device.queue = changetype<usize>(queue);
  device.opened = opened;
  device.descriptor = descriptor;
  device.reapMax = load<u32>(from, DEVICE_OPTION_REAP_MAX);
  device.submitRetries = load<u32>(from, DEVICE_OPTION_SUBMIT_RETRIES);
  device.submitDelay = delayNanoseconds(load<u64>(from, DEVICE_OPTION_INITIAL_DELAY_US));
  device.rule = load<u32>(from, DEVICE_OPTION_RULE);
  device.rwIoMax = load<u32>(from, DEVICE_OPTION_RW_IO_MAX);
  holdDescriptor(opened);
  return <i32>index + 1;
}

/** Ceph asserts that an argument is not so: notes why, and answers `result`. */
export function deviceAbort(device: KernelDevice, reason: u32, result: i32): i32 {
  device.abortReason = reason;
  return result;
}

/** The process of a real device aborts: this one is dead from now on. ENOTRECOVERABLE. */
export function deviceKill(device: KernelDevice, reason: u32, result: i32): i32 {
  if (device.deathReason == <u32>ABORT_NONE) {
    device.deathReason = reason;
    device.deathResult = result;
  }
  return -ENOTRECOVERABLE;
}

/** 0, or ENOTRECOVERABLE for a device that is dead. */
export function checkAlive(device: KernelDevice): i32 {
  return device.deathReason == <u32>ABORT_NONE ? 0 : -ENOTRECOVERABLE;
}

/** is_valid_io: whole blocks inside the device, at least one. 0 or EINVAL, an abort. */
export function checkIo(device: KernelDevice, offset: u64, length: u64): i32 {
  const isValid =
    ((offset | length) & (<u64>device.blockSize - 1)) == 0 &&
    length > 0 &&
    offset < device.size &&
    length <= device.size - offset;
  return isValid ? 0 : deviceAbort(device, ABORT_INVALID_IO, -EINVAL);
}

/** A buffer to read into: client memory (else EFAULT) that the drive can reach (else EINVAL, an abort). */
export function checkBuffer(device: KernelDevice, buffer: u64, bytes: u64): i32 {
  if (!isClientRange(buffer, bytes)) return -EFAULT;
  return (buffer & device.addressMask) == 0 ? 0 : deviceAbort(device, ABORT_INVALID_IO, -EINVAL);
}
