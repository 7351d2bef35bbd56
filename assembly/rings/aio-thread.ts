// The AIO thread of a BlueStore device: it reaps, judges each result and tells the contexts; and how it stops.
//
// Verbs: deviceReady (KernelDevice::_aio_thread), deviceStop, deviceIsIdle, deviceEnd (_aio_stop). It is the handler of
// KIND_KERNEL_DEVICE_READY, which each event on the ring completes.
// Invariant: io_since_flush is set before anybody hears of a completion; a dead or stopping device reaps nothing.

import {
  EAGAIN,
  EBADE,
  EILSEQ,
  EIO,
  ENODATA,
  ENOLINK,
  ENOMEM,
  ENOSPC,
  EOPNOTSUPP,
  EREMCHG,
  EREMOTEIO,
  ETIMEDOUT,
} from '../base/errno';
import { releaseDescriptor } from '../files/descriptor';
import {
  ABORT_NONE,
  ABORT_REAP,
  ABORT_SHORT_IO,
  ABORT_UNEXPECTED_ERROR,
  AIO_T_RVAL,
  IO_EVENT_OBJ,
  IO_EVENT_RES,
  IO_EVENT_SIZE,
} from '../layout';
import { MAX_KERNEL_DEVICES } from '../limits';
import { ioReap } from './aio-context';
import { AioQueue, queueDestroy, queueEvents, queueInFlight, queueShutdown } from './aio-queue';
import { DeviceAio, deviceAioAddress, deviceAioFind } from './device-aio';
import { contextRequestDone, contextsOrphan, IoContext } from './io-context';
import { deviceAt, deviceKill, KernelDevice } from './kernel-device';

/** Errors that are news of the medium (is_expected_ioerr). `result` is negative. */
export function isExpectedError(result: i64): bool {
  switch (<i32>max<i64>(result, i32.MIN_VALUE)) {
    case -EOPNOTSUPP:
    case -ETIMEDOUT:
    case -ENOSPC:
    case -ENOLINK:
    case -EREMOTEIO:
    case -EAGAIN:
    case -EIO:
    case -ENODATA:
    case -EILSEQ:
    case -ENOMEM:
    case -EREMCHG:
    case -EBADE:
      return true;
    default:
      return false;
  }
}

/** One event: `object` is the address of an aio_t, `result` its bytes or a negative errno. */
function requestReaped(device: KernelDevice, object: u64, result: i64): void {
  const pointer = deviceAioFind(object);
  const isOurs =
    pointer != 0 &&
    changetype<IoContext>(changetype<DeviceAio>(pointer).context).device == changetype<usize>(device);
  if (!isOurs) {
    deviceKill(device, ABORT_REAP, 0);
    return;
  }
  const aio = changetype<DeviceAio>(pointer);
  store<i64>(deviceAioAddress(aio), result, AIO_T_RVAL);
  device.ioSinceFlush = 1;
  if (result < 0) {
    const context = changetype<IoContext>(aio.context);
    if (context.allowEio == 0 || !isExpectedError(result)) {
      deviceKill(device, ABORT_UNEXPECTED_ERROR, <i32>result);
      return;
    }
  } else if (<u64>result != aio.length) {
    deviceKill(device, ABORT_SHORT_IO, <i32>result);
    return;
  }
  contextRequestDone(device, aio, result >= 0);
}

/** One round: get_next_completed and what follows from it. */
function reap(device: KernelDevice): void {
  const events = queueEvents();
  const reaped = ioReap(device.context, device.reapMax, <u32>events);
  if (reaped < 0) {
    deviceKill(device, ABORT_REAP, reaped);
    return;
  }
  for (let index = 0; index < reaped && device.deathReason == <u32>ABORT_NONE; index++) {
    const event = events + <usize>index * IO_EVENT_SIZE;
    requestReaped(device, load<u64>(event, IO_EVENT_OBJ), load<i64>(event, IO_EVENT_RES));
  }
}

/** Handler of KIND_KERNEL_DEVICE_READY. `contextHandle` is that of the device's AIO context. */
export function deviceReady(contextHandle: usize, _result: i32): void {
  for (let index: u32 = 0; index < <u32>MAX_KERNEL_DEVICES; index++) {
    const device = deviceAt(index);
    if (device.isLive == 0 || device.context != <u32>contextHandle) continue;
    if (device.isStopping == 0 && device.deathReason == <u32>ABORT_NONE) reap(device);
    return;
  }
}

/** _aio_stop begins: the thread has gone, so nothing is reaped any more. */
export function deviceStop(device: KernelDevice): void {
  device.isStopping = 1;
}

/** True when io_destroy has nothing to wait for. */
export function deviceIsIdle(device: KernelDevice): bool {
  return queueInFlight(changetype<AioQueue>(device.queue)) == 0 && device.callCount == 0;
}

/** _aio_stop ends. Contexts with requests whose events nobody reaped never complete. */
export function deviceEnd(device: KernelDevice): void {
  const queue = changetype<AioQueue>(device.queue);
  queueShutdown(queue);
  queueDestroy(queue);
  contextsOrphan(changetype<usize>(device));
  releaseDescriptor(device.opened);
  device.isLive = 0;
}
