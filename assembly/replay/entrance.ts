// The entrances of a replay: how a request gets on a virtqueue or into an iocb, and how those that were put are announced.
//
// Verbs: playerInit, checkSlot, putRequest, playerNotify. Linux AIO has no discard, and USRBIO no sync either: they are
// calls of their own, started with the notification.
// Invariant: what checkSlot lets pass, the entrance takes.

import { KIND_AIO_READY, KIND_GUEST_INTERRUPT, KIND_PLAYER_DONE } from '../base/dispatch';
import { EFBIG, EINVAL, ENODEV } from '../base/errno';
import {
  OPERATION_DATASYNC,
  OPERATION_DISCARD,
  OPERATION_SYNC,
  Operation,
  operationTake,
} from '../base/operation';
import { driveAt, driveCount } from '../drive/drive-table';
import { startOperation } from '../files/file-operation';
import { driverAttach, driverKick, driverPut } from '../guest/driver';
import {
  IOCB_BUF,
  IOCB_CMD_FDSYNC,
  IOCB_CMD_FSYNC,
  IOCB_CMD_PREAD,
  IOCB_CMD_PWRITE,
  IOCB_DATA,
  IOCB_FILDES,
  IOCB_LIO_OPCODE,
  IOCB_NBYTES,
  IOCB_OFFSET,
  IOCB_SIZE,
  REPLAY_MOST_IN_FLIGHT,
  REPLAY_NOTIFICATIONS,
  REPLAY_THROUGH_AIO,
  REPLAY_THROUGH_BLUESTORE,
  REPLAY_THROUGH_USRBIO,
  REPLAY_THROUGH_VIRTIO,
  TRACE_DATASYNC,
  TRACE_DISCARD,
  TRACE_FLUSH,
  TRACE_READ,
  TRACE_WRITE,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
} from '../layout';
import { SECTOR_SHIFT, SECTOR_SIZE, VIRTIO_MAX_SECTORS } from '../limits';
import { ioSubmit } from '../rings/aio';
import { ioNotify, ioSetup } from '../rings/aio-context';
import { bluestoreNotify, bluestorePut } from './bluestore-entrance';
import { descriptorOf, inodeOf, isDirect } from './device';
import {
  addTo,
  announced,
  DISCARD_SEGMENT_SIZE,
  isTransfer,
  player,
  replayState,
  Slot,
  slotAt,
  widenDown,
  widenUp,
} from './lot';
import { usrbioNotify, usrbioOpen, usrbioPut } from './usrbio-entrance';

/** `through`: REPLAY_THROUGH_…. 0, or EINVAL for a machine without a player, or the errno of io_setup. */
export function playerInit(through: u32, seed: u32, cacheMode: u32): i32 {
  if (player.recordCapacity == 0 || player.isReady != 0) return -EINVAL;
  if (through > <u32>REPLAY_THROUGH_BLUESTORE) return -EINVAL;
  player.through = through;
  player.seed = seed;
  player.cacheMode = cacheMode;
  if (through == REPLAY_THROUGH_AIO) {
    const contextAddress = <u32>player.context;
    const result = ioSetup(player.slotCapacity, contextAddress);
    if (result != 0) return result;
    player.context = load<u64>(contextAddress);
    ioNotify(<u32>player.context, KIND_AIO_READY);
  }
  if (through == REPLAY_THROUGH_USRBIO) {
    const result = usrbioOpen();
    if (result != 0) return result;
  }
  player.isReady = 1;
  return 0;
}

function putVirtio(slot: Slot, index: u32): i32 {
  const result = driverAttach(slot.device, KIND_GUEST_INTERRUPT);
  if (result != 0) return result;
  const sector = slot.offset >> SECTOR_SHIFT;
  switch (slot.operation) {
    case TRACE_READ:
      driverPut(slot.device, index, VIRTIO_BLK_T_IN, sector, slot.data, slot.bytes, true);
      return 0;
    case TRACE_WRITE:
      driverPut(slot.device, index, VIRTIO_BLK_T_OUT, sector, slot.data, slot.bytes, false);
      return 0;
    case TRACE_DISCARD: {
      const segment = player.discardSegments + <usize>index * DISCARD_SEGMENT_SIZE;
      store<u64>(segment, sector);
      store<u32>(segment, slot.bytes >> SECTOR_SHIFT, 8);
      store<u32>(segment, 0, 12);
      driverPut(slot.device, index, VIRTIO_BLK_T_DISCARD, 0, segment, DISCARD_SEGMENT_SIZE, false);
      return 0;
    }
    default:
      driverPut(slot.device, index, VIRTIO_BLK_T_FLUSH, 0, 0, 0, false);
      return 0;
  }
}

function iocbOpcode(operation: u32): u32 {
  switch (operation) {
    case TRACE_READ:
      return IOCB_CMD_PREAD;
    case TRACE_WRITE:
      return IOCB_CMD_PWRITE;
    case TRACE_FLUSH:
      return IOCB_CMD_FSYNC;
    default:
      return IOCB_CMD_FDSYNC;
  }
}

function putUsrbio(slot: Slot, index: u32): i32 {
  if (slot.operation <= <u32>TRACE_WRITE) return usrbioPut(slot, index);
  return min<i32>(descriptorOf(slot.device), 0);
}

function putAio(slot: Slot, index: u32): i32 {
  const descriptor = descriptorOf(slot.device);
  if (descriptor < 0) return descriptor;
  // Linux AIO has no discard: it is an ioctl of its own, started with the lot
  if (slot.operation == TRACE_DISCARD) return 0;
  const iocb = player.iocbs + <usize>index * IOCB_SIZE;
  memory.fill(iocb, 0, IOCB_SIZE);
  store<u64>(iocb, index, IOCB_DATA);
  store<u16>(iocb, <u16>iocbOpcode(slot.operation), IOCB_LIO_OPCODE);
  store<i32>(iocb, descriptor, IOCB_FILDES);
  if (slot.bytes > 0) {
    store<u64>(iocb, slot.data, IOCB_BUF);
    store<u64>(iocb, slot.bytes, IOCB_NBYTES);
    store<u64>(iocb, slot.offset, IOCB_OFFSET);
  }
  store<u32>(player.iocbPointers + ((<usize>player.iocbCount) << 2), <u32>iocb);
  player.iocbCount++;
  return 0;
}

/** Puts a request where the next notification announces it. 0 or a negative errno; EAGAIN: the ring is full. */
export function putRequest(slot: Slot, index: u32): i32 {
  switch (player.through) {
    case REPLAY_THROUGH_VIRTIO:
      return putVirtio(slot, index);
    case REPLAY_THROUGH_AIO:
      return putAio(slot, index);
    case REPLAY_THROUGH_USRBIO:
      return putUsrbio(slot, index);
    default:
      return bluestorePut(slot, index);
  }
}

/** Checks what the entrance can take. 0 or a positive errno: ENODEV, EFBIG, EINVAL. */
export function checkSlot(slot: Slot): i32 {
  if (slot.device >= driveCount()) return ENODEV;
  const offset = slot.offset;
  const bytes = slot.bytes;
  const size = driveAt(slot.device).sizeSectors << SECTOR_SHIFT;
  if (offset > size || <u64>bytes > size - offset) return EFBIG;
  const isWidened = player.through == REPLAY_THROUGH_BLUESTORE;
  const needsSectors =
    player.through == REPLAY_THROUGH_VIRTIO ||
    slot.operation == TRACE_DISCARD ||
    (isTransfer(slot) && isDirect() && !isWidened);
  if (needsSectors && ((offset | bytes) & (SECTOR_SIZE - 1)) != 0) return EINVAL;
  if (isTransfer(slot) && widenUp(offset + bytes) - widenDown(offset) > <u64>player.dataBytes) return EFBIG;
  return player.through == REPLAY_THROUGH_VIRTIO && bytes >> SECTOR_SHIFT > <u32>VIRTIO_MAX_SECTORS
    ? EFBIG
    : 0;
}

/** Starts what the entrance has no request for: a discard, or through USRBIO a sync. */
function startOperationOf(index: u32): void {
  const slot = slotAt(index);
  const pointer = operationTake();
  assert(pointer != 0, 'no operation is left for a replayed discard or sync');
  const operation = changetype<Operation>(pointer);
  operation.kind = operationKind(slot.operation);
  operation.inode = inodeOf(slot.device);
  operation.position = slot.offset;
  operation.length = slot.bytes;
  operation.doneKind = KIND_PLAYER_DONE;
  operation.owner = index;
  startOperation(operation);
}

function operationKind(operation: u32): u8 {
  if (operation == TRACE_DISCARD) return OPERATION_DISCARD;
  return operation == TRACE_FLUSH ? OPERATION_SYNC : OPERATION_DATASYNC;
}

/** Starts what the entrance has no request for, among those that are announced: operations from `first` on. */
function startOperations(first: u32, last: u32): void {
  for (let at: u32 = 0; at < player.putCount; at++) {
    const index = announced(at);
    const operation = slotAt(index).operation;
    if (operation >= first && operation <= last) startOperationOf(index);
  }
}

function submitIocbs(): void {
  const submitted =
    player.iocbCount > 0 ? ioSubmit(<u32>player.context, <i32>player.iocbCount, <u32>player.iocbPointers) : 0;
  assert(submitted == <i32>player.iocbCount, 'a replayed iocb was refused');
  player.iocbCount = 0;
}

/** Each device gets its kick, in the order of their first requests. */
function kickDevices(): void {
  for (let at: u32 = 0; at < player.putCount; at++) {
    const device = slotAt(announced(at)).device;
    let isFirst = true;
    for (let earlier: u32 = 0; earlier < at && isFirst; earlier++)
      isFirst = slotAt(announced(earlier)).device != device;
    if (isFirst) driverKick(device);
  }
}

/** One notification for what has been put. */
export function playerNotify(): void {
  player.outstanding += player.putCount;
  addTo(REPLAY_NOTIFICATIONS, 1);
  if (player.outstanding > load<u64>(replayState, REPLAY_MOST_IN_FLIGHT))
    store<u64>(replayState, player.outstanding, REPLAY_MOST_IN_FLIGHT);
  switch (player.through) {
    case REPLAY_THROUGH_AIO:
      submitIocbs();
      startOperations(TRACE_DISCARD, TRACE_DISCARD);
      break;
    case REPLAY_THROUGH_BLUESTORE:
      bluestoreNotify();
      startOperations(TRACE_DISCARD, TRACE_DISCARD);
      break;
    case REPLAY_THROUGH_USRBIO:
      usrbioNotify();
      startOperations(TRACE_DISCARD, TRACE_DATASYNC);
      break;
    default:
      kickDevices();
  }
  player.putCount = 0;
}
