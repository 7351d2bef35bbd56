// aio_write and aio_read of a BlueStore device: what an IOContext queues (src/blk/kernel/KernelDevice.cc of Ceph).
//
// Verbs: contextWrite, contextRead. They submit nothing; one that fails has queued nothing.
// A write's pieces that are not whole blocks, that lie where the drive can not reach them, or are 1,024 and more, are
// copied into shared memory; else the client's memory is used in place and may not change until the request is done.
// Invariant: no request is longer than rwIoMax, but for reads, which are never cut.

import { EAGAIN, ENOMEM } from '../base/errno';
import { SpanCursor, spanCopyOut, spanGiveChain, spanPieces } from '../base/span';
import { movesBytes } from '../drive/drive-table';
import {
  AIO_T_INLINE_COUNT,
  AIO_T_INLINE_IOVECS,
  AIO_T_IOV,
  AIO_T_IOV_COUNT,
  IOCB_CMD_PREADV,
  IOCB_CMD_PWRITEV,
  IOVEC_BASE,
  IOVEC_LENGTH,
  IOVEC_SIZE,
} from '../layout';
import { DEVICE_MAX_PIECES } from '../limits';
import { aioClear, aioPrepareVector } from './aio-t';
import {
  DeviceAio,
  deviceAioAddress,
  deviceAioGive,
  deviceAioLink,
  deviceAioTake,
  deviceAioUnlink,
} from './device-aio';
import { IoContext, pendingOf } from './io-context';
import { checkAlive, checkBuffer, checkIo, KernelDevice } from './kernel-device';
import { pieces, piecesAreWhole, piecesExport, piecesImport } from './pieces';
import { sharedTake } from './shared-memory';

const cursor = changetype<SpanCursor>(memory.data(offsetof<SpanCursor>(), 8));

/** Forgets what was queued behind `last`. */
function rollBack(context: IoContext, last: usize): void {
  const list = pendingOf(context);
  while (list.last != last) {
    const aio = changetype<DeviceAio>(list.last);
    deviceAioUnlink(list, aio);
    deviceAioGive(aio);
    context.numPending--;
  }
}

/** Fills a request's iovecs with the next `bytes` of the cursor. 0, or ENOMEM without shared memory for a long list. */
function fillPieces(aio: DeviceAio, at: usize, bytes: u64): i32 {
  const count = spanPieces(cursor.span, cursor.offset, <u32>bytes);
  let list = at + AIO_T_INLINE_IOVECS;
  if (count > <u32>AIO_T_INLINE_COUNT) {
    aio.listBytes = count * IOVEC_SIZE;
    aio.list = sharedTake(aio.listBytes);
    if (aio.list == 0) return -ENOMEM;
    list = aio.list;
    store<u64>(at, list, AIO_T_IOV);
  }
  store<u32>(at, piecesExport(cursor, bytes, list), AIO_T_IOV_COUNT);
  return 0;
}

function storePiece(at: usize, base: u64, length: u64): void {
  store<u64>(at, base, AIO_T_INLINE_IOVECS + IOVEC_BASE);
  store<u64>(at, length, AIO_T_INLINE_IOVECS + IOVEC_LENGTH);
  store<u32>(at, 1, AIO_T_IOV_COUNT);
}

/** Copies the next `bytes` of the cursor into shared memory. 0 or ENOMEM. */
function fillCopy(aio: DeviceAio, at: usize, bytes: u64): i32 {
  aio.copy = sharedTake(bytes);
  if (aio.copy == 0) return -ENOMEM;
  if (movesBytes()) spanCopyOut(cursor, aio.copy, <u32>bytes);
  storePiece(at, aio.copy, bytes);
  return 0;
}

/** Queues one request of `bytes` at `offset`; its pieces are filled in by the caller. The record, or 0. */
function queueAio(context: IoContext, device: KernelDevice, bytes: u64): usize {
  const pointer = deviceAioTake(changetype<usize>(context));
  if (pointer == 0) return 0;
  const aio = changetype<DeviceAio>(pointer);
  aio.length = bytes;
  aioClear(deviceAioAddress(aio), 0, device.descriptor);
  deviceAioLink(pendingOf(context), aio);
  context.numPending++;
  return pointer;
}

/** Queues the chain in `pieces` as writes of at most rwIoMax bytes. */
function queueWrites(context: IoContext, device: KernelDevice, offset: u64): i32 {
  const isCopied =
    pieces.count >= <u32>DEVICE_MAX_PIECES ||
    !piecesAreWhole(pieces.head, device.blockSize - 1, device.addressMask);
  cursor.span = pieces.head;
  cursor.offset = 0;
  for (let done: u64 = 0; done < pieces.total; ) {
    const bytes = min<u64>(pieces.total - done, device.rwIoMax);
    const pointer = queueAio(context, device, bytes);
    if (pointer == 0) return -EAGAIN;
    const aio = changetype<DeviceAio>(pointer);
    const at = deviceAioAddress(aio);
    const filled = isCopied ? fillCopy(aio, at, bytes) : fillPieces(aio, at, bytes);
    if (filled != 0) return filled;
    aioPrepareVector(at, IOCB_CMD_PWRITEV, offset + done, bytes);
    done += bytes;
  }
  return 0;
}

/**
 * aio_write of `count` iovecs at `iovecs`: queues, submits nothing. 0; EINVAL, an abort, for no whole blocks of the
 * device; EFAULT; EAGAIN without a request or span left, ENOMEM without shared memory for a copy: then nothing is queued.
 */
export function contextWrite(
  context: IoContext,
  device: KernelDevice,
  offset: u64,
  iovecs: u64,
  count: u32,
): i32 {
  const alive = checkAlive(device);
  if (alive != 0) return alive;
  const imported = piecesImport(iovecs, count);
  if (imported != 0) return imported;
  let result = checkIo(device, offset, pieces.total);
  if (result == 0 && device.isBlackhole == 0) {
    const last = context.pendingLast;
    result = queueWrites(context, device, offset);
    if (result != 0) rollBack(context, last);
  }
  spanGiveChain(pieces.head);
  return result;
}

/** aio_read of `bytes` bytes to `buffer`: queues one request, however long. Errors as contextWrite. */
export function contextRead(
  context: IoContext,
  device: KernelDevice,
  offset: u64,
  buffer: u64,
  bytes: u64,
): i32 {
  const alive = checkAlive(device);
  if (alive != 0) return alive;
  const checked = checkIo(device, offset, bytes);
  if (checked != 0) return checked;
  const reachable = checkBuffer(device, buffer, bytes);
  if (reachable != 0) return reachable;
  const pointer = queueAio(context, device, bytes);
  if (pointer == 0) return -EAGAIN;
  const at = deviceAioAddress(changetype<DeviceAio>(pointer));
  storePiece(at, buffer, bytes);
  aioPrepareVector(at, IOCB_CMD_PREADV, offset, bytes);
  return 0;
}
