// BlueStore's KernelDevice and IOContext as exports: handles checked, numbers turned into ranges, and the waiting.
//
// Verbs: kernelDeviceOpen, kernelDeviceClose, kernelDeviceFlush, kernelDeviceWrite, kernelDeviceRead,
// kernelDeviceReadRandom, kernelDeviceDiscard …; ioContextCreate, ioContextAioWrite, ioContextAioRead, ioContextSubmit,
// ioContextWait …. Waiting is virtual: it takes events of the machine, the AIO thread of every device among them.
// A result is 0 or a negative errno; ENOTRECOVERABLE is a dead device, and DEVICE_DEATH says why; DEVICE_ABORT is set
// where an argument would have aborted Ceph.

import { isClientRange } from '../base/client-memory';
import { KIND_CALL_DONE } from '../base/dispatch';
import { EAGAIN, EBADF, EDEADLK, EFAULT, EINVAL, EIO } from '../base/errno';
import { OPERATION_READ, OPERATION_WRITE, PENDING } from '../base/operation';
import { spanGiveChain, spanTake } from '../base/span';
import { ABORT_INVALID_IO, ABORT_SHORT_IO, DEVICE_OPTION_SIZE } from '../layout';
import { DEVICE_MAX_PIECES, MAX_TRANSFER_BYTES } from '../limits';
import { isWhole } from '../rings/aio-t';
import { deviceEnd, deviceIsIdle, deviceStop } from '../rings/aio-thread';
import { deviceDiscard, deviceFlush, deviceTransfer } from '../rings/device-call';
import {
  contextDevice,
  contextGive,
  contextOf,
  contextSleep,
  contextSubmit,
  contextTake,
  contextTakeDone,
  IoContext,
} from '../rings/io-context';
import { contextRead, contextWrite } from '../rings/io-request';
import {
  checkAlive,
  checkBuffer,
  checkIo,
  deviceAbort,
  deviceAny,
  deviceKill,
  deviceOf,
  deviceOpen,
  deviceOptions,
  KernelDevice,
} from '../rings/kernel-device';
import { pieces, piecesAreWhole, piecesImport, piecesSkip } from '../rings/pieces';
import { callBegin, callFinish } from './file-calls';
import { passTime, pumpOne } from './pump';

/** Opens a device on a descriptor opened for reading, writing and direct I/O. `options`: DEVICE_OPTION_… in client memory, or 0. A handle, 1 and up. */
export function kernelDeviceOpen(descriptor: i32, options: i32): i32 {
  if (options == 0) return deviceOpen(descriptor, deviceOptions());
  if (!isClientRange(<u32>options, DEVICE_OPTION_SIZE)) return -EFAULT;
  return deviceOpen(descriptor, <u32>options);
}

/** Stops the AIO thread and ends the device. Requests in flight end, but their contexts never hear of it. EDEADLK when a held drive keeps them: then it may be called again, and nothing else. */
export function kernelDeviceClose(handle: i32): i32 {
  const device = deviceAny(handle);
  if (device == null) return -EBADF;
  deviceStop(device);
  while (!deviceIsIdle(device)) {
    if (!pumpOne()) return -EDEADLK;
  }
  deviceEnd(device);
  return 0;
}

/** Where a device's state (DEVICE_…) is, or EBADF. */
export function kernelDeviceState(handle: i32): i32 {
  const device = deviceAny(handle);
  return device == null ? -EBADF : <i32>changetype<usize>(device);
}

/** From now on writes and discards answer success and do nothing (1), or work again (0). */
export function kernelDeviceBlackhole(handle: i32, isOn: i32): i32 {
  const device = deviceOf(handle);
  if (device == null) return -EBADF;
  device.isBlackhole = isOn != 0 ? 1 : 0;
  return 0;
}

/** The context with a priv whose last running request ended first, of those not taken yet: its handle, 0: none. */
export function kernelDeviceTakeDone(handle: i32): i32 {
  const device = deviceOf(handle);
  return device == null ? -EBADF : contextTakeDone(device);
}

/** The result of what was started for a call: its own if it did not wait. */
function finish(started: i32): i32 {
  return started == PENDING ? callFinish() : started;
}

/** flush(): makes durable what was reaped, or does nothing if nothing was. */
export function kernelDeviceFlush(handle: i32): i32 {
  const device = deviceOf(handle);
  if (device == null) return -EBADF;
  const number = callBegin();
  return number == 0 ? -EAGAIN : finish(deviceFlush(device, KIND_CALL_DONE, number));
}

/** A range of whole blocks: 0, or EINVAL, an abort. */
function checkRange(device: KernelDevice, offset: f64, bytes: f64): i32 {
  const alive = checkAlive(device);
  if (alive != 0) return alive;
  if (!isWhole(offset) || !isWhole(bytes)) return deviceAbort(device, ABORT_INVALID_IO, -EINVAL);
  return checkIo(device, <u64>offset, <u64>bytes);
}

/** One pwritev of the pieces behind the first `done` bytes. Bytes written, or a negative errno. */
function writeRest(
  device: KernelDevice,
  offset: u64,
  iovecs: u32,
  count: u32,
  isBuffered: bool,
  done: u64,
): i32 {
  const imported = piecesImport(iovecs, count);
  if (imported != 0) return imported;
  const isCopied =
    !isBuffered &&
    (pieces.count >= <u32>DEVICE_MAX_PIECES ||
      !piecesAreWhole(pieces.head, device.blockSize - 1, device.addressMask));
  piecesSkip(pieces.head, done);
  const bytes = min<u64>(pieces.total - done, MAX_TRANSFER_BYTES);
  const number = callBegin();
  if (number == 0) {
    spanGiveChain(pieces.head);
    return -EAGAIN;
  }
  return finish(
    deviceTransfer(
      device,
      OPERATION_WRITE,
      !isBuffered,
      offset + done,
      bytes,
      pieces.head,
      0,
      isCopied ? bytes : 0,
      KIND_CALL_DONE,
      number,
    ),
  );
}

/** A synchronous write of `count` iovecs; goes on after a short one. `isBuffered`: through the page cache. */
export function kernelDeviceWrite(handle: i32, offset: f64, iovecs: i32, count: i32, isBuffered: i32): i32 {
  const device = deviceOf(handle);
  if (device == null) return -EBADF;
  return write(device, offset, <u32>iovecs, count, isBuffered != 0);
}

function write(device: KernelDevice, offset: f64, iovecs: u32, count: i32, isBuffered: bool): i32 {
  if (count < 0) return -EINVAL;
  const imported = piecesImport(iovecs, <u32>count);
  if (imported != 0) return imported;
  const total = pieces.total;
  spanGiveChain(pieces.head);
  const checked = checkRange(device, offset, <f64>total);
  if (checked != 0 || device.isBlackhole != 0) return checked;
  for (let done: u64 = 0; done < total; ) {
    const written = writeRest(device, <u64>offset, iovecs, <u32>count, isBuffered, done);
    if (written < 0) return written;
    if (written == 0) return -EIO;
    done += written;
  }
  return 0;
}

/** One pread; `wide` bytes from `first` on through a bounce buffer, or 0. Longer than the kernel reads at once, it is short. */
function read(device: KernelDevice, offset: u64, buffer: u64, bytes: u32, first: u64, wide: u64): i32 {
  if (max<u64>(bytes, wide) > <u64>MAX_TRANSFER_BYTES)
    return deviceKill(device, ABORT_SHORT_IO, MAX_TRANSFER_BYTES);
  const number = callBegin();
  const span: usize = number == 0 ? 0 : spanTake(<usize>buffer, bytes);
  if (span == 0) return -EAGAIN;
  const result = finish(
    deviceTransfer(
      device,
      OPERATION_READ,
      true,
      first,
      bytes,
      span,
      <u32>(offset - first),
      wide,
      KIND_CALL_DONE,
      number,
    ),
  );
  return min<i32>(result, 0);
}

/** A synchronous direct read of whole blocks. 0 or a negative errno; a short one kills the device. */
export function kernelDeviceRead(handle: i32, offset: f64, buffer: i32, bytes: i32): i32 {
  const device = deviceOf(handle);
  if (device == null) return -EBADF;
  const checked = checkRange(device, offset, <f64>(<u32>bytes));
  if (checked != 0) return checked;
  const reachable = checkBuffer(device, <u32>buffer, <u32>bytes);
  if (reachable != 0) return reachable;
  return read(device, <u64>offset, <u32>buffer, <u32>bytes, <u64>offset, 0);
}

/** read_random: any range inside the device, through memory of whole blocks where it is none itself. */
export function kernelDeviceReadRandom(handle: i32, offset: f64, buffer: i32, bytes: i32): i32 {
  const device = deviceOf(handle);
  if (device == null) return -EBADF;
  const alive = checkAlive(device);
  if (alive != 0) return alive;
  const length = <u64>(<u32>bytes);
  const isInside =
    isWhole(offset) && length > 0 && <u64>offset < device.size && length <= device.size - <u64>offset;
  if (!isInside) return deviceAbort(device, ABORT_INVALID_IO, -EINVAL);
  if (!isClientRange(<u32>buffer, length)) return -EFAULT;
  const start = <u64>offset;
  const mask = <u64>device.blockSize - 1;
  const isWholeBlocks = ((start | length) & mask) == 0 && (<u32>buffer & device.addressMask) == 0;
  if (isWholeBlocks) return read(device, start, <u32>buffer, <u32>bytes, start, 0);
  const first = start & ~mask;
  return read(device, start, <u32>buffer, <u32>bytes, first, ((start + length + mask) & ~mask) - first);
}

/** Discards whole blocks; they read as zeros. */
export function kernelDeviceDiscard(handle: i32, offset: f64, bytes: f64): i32 {
  const device = deviceOf(handle);
  if (device == null) return -EBADF;
  const checked = checkRange(device, offset, bytes);
  if (checked != 0 || device.isBlackhole != 0) return checked;
  const number = callBegin();
  if (number == 0) return -EAGAIN;
  return finish(deviceDiscard(device, <u64>offset, <u64>bytes, KIND_CALL_DONE, number));
}

/** An IOContext of a device: its handle, 1 and up. `priv`: 0, or a number of the owner's, who then takes the end with kernelDeviceTakeDone. */
export function ioContextCreate(handle: i32, priv: f64, allowEio: i32): i32 {
  const device = deviceOf(handle);
  if (device == null) return -EBADF;
  if (!isWhole(priv)) return -EINVAL;
  const alive = checkAlive(device);
  return alive != 0 ? alive : contextTake(device, <u64>priv, allowEio != 0);
}

/** Ends a context. EBUSY while its requests run, unless its device is closed. */
export function ioContextDestroy(handle: i32): i32 {
  const context = contextOf(handle);
  return context == null ? -EBADF : contextGive(context);
}

/** Where a context's state (IO_CONTEXT_…) is, or EBADF. */
export function ioContextState(handle: i32): i32 {
  const context = contextOf(handle);
  return context == null ? -EBADF : <i32>changetype<usize>(context);
}

/** The device that a context can use, or null. */
function usableDevice(context: IoContext | null): KernelDevice | null {
  if (context == null) return null;
  const device = contextDevice(context);
  if (device == null || device.isStopping != 0) return null;
  device.abortReason = 0;
  return device;
}

/** aio_write of `count` iovecs: queues. `isBuffered`: writes now, through the page cache, and queues nothing. */
export function ioContextAioWrite(handle: i32, offset: f64, iovecs: i32, count: i32, isBuffered: i32): i32 {
  const context = contextOf(handle);
  const device = usableDevice(context);
  if (context == null || device == null) return -EBADF;
  if (isBuffered != 0) return write(device, offset, <u32>iovecs, count, true);
  if (count < 0) return -EINVAL;
  // contextWrite finds fault with an offset that no device has
  const start = isWhole(offset) ? <u64>offset : u64.MAX_VALUE;
  return contextWrite(context, device, start, <u32>iovecs, <u32>count);
}

/** aio_read to `buffer`: queues one request. */
export function ioContextAioRead(handle: i32, offset: f64, buffer: i32, bytes: i32): i32 {
  const context = contextOf(handle);
  const device = usableDevice(context);
  if (context == null || device == null) return -EBADF;
  const start = isWhole(offset) ? <u64>offset : u64.MAX_VALUE;
  return contextRead(context, device, start, <u32>buffer, <u32>bytes);
}

/** aio_submit: hands what is queued to the kernel; sleeps between retries, and the AIO threads go on. */
export function ioContextSubmit(handle: i32): i32 {
  const context = contextOf(handle);
  const device = usableDevice(context);
  if (context == null || device == null) return -EBADF;
  while (true) {
    const result = contextSubmit(context, device);
    if (result != PENDING) return result;
    passTime(contextSleep(context));
  }
}

/** aio_wait: until nothing of the context runs; what is only queued is not waited for. EDEADLK when nothing can end it. */
export function ioContextWait(handle: i32): i32 {
  const context = contextOf(handle);
  if (context == null) return -EBADF;
  while (context.numRunning > 0) {
    const device = contextDevice(context);
    if (device == null) return -EDEADLK;
    const alive = checkAlive(device);
    if (alive != 0) return alive;
    if (!pumpOne()) return -EDEADLK;
  }
  return 0;
}
