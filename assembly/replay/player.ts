// The replay player: records of a trace become requests on a ring, in trace order, in lots of `batch`.
//
// Verbs: playerClaim, playerInit, playerStart, playerPrepare, playerNotify, playerIsIdle. A lot is filled, announced
// with one notification, and ends when all its requests have ended; then the next one begins. A request that overlaps
// one of its lot, with a write or discard among the two, is held: the lot is announced without it.
// Layout: a slot for each request of a lot; their data side by side in the data arena.
// Invariant: what a read must find follows from the order of the trace alone, so the host can say it in advance
// (one generation per sector), and the check is made here when the read ends.

import { arenaClaim } from '../base/arena';
import { now } from '../base/clock';
import { KIND_AIO_READY, KIND_GUEST_INTERRUPT, KIND_PLAYER_DONE, KIND_PLAYER_SYNCED } from '../base/dispatch';
import { EFBIG, EINVAL, EIO } from '../base/errno';
import { HISTOGRAM_SIZE, histogramAdd } from '../base/histogram';
import { OPERATION_DATASYNC, OPERATION_DISCARD, Operation, operationTake } from '../base/operation';
import { errseqCheckAndAdvance, errseqSample, Inode, inodeAt, inodeCount } from '../cache/inode';
import { driveAt, movesBytes } from '../drive/drive-table';
import { descriptorOpen, OpenFile, openFileOf } from '../files/descriptor';
import { startOperation } from '../files/file-operation';
import {
  driverAttach,
  driverClaim,
  driverClaimPrivate,
  driverPut,
  driverStatus,
  driverTakeUsed,
} from '../guest/driver';
import { virtioInterruptTaken, virtioNotify } from '../guest/virtio-blk';
import {
  CACHE_MODE_DIRECTSYNC,
  CACHE_MODE_NONE,
  CACHE_MODE_WRITETHROUGH,
  IO_EVENT_DATA,
  IO_EVENT_RES,
  IO_EVENT_SIZE,
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
  OPEN_DIRECT,
  OPEN_DSYNC,
  OPEN_READ,
  OPEN_WRITE,
  REPLAY_CONSUMED,
  REPLAY_ERROR,
  REPLAY_ERROR_LINE,
  REPLAY_HELD_FOR_OVERLAP,
  REPLAY_MISMATCH_LINE,
  REPLAY_MISMATCH_SECTOR,
  REPLAY_MISMATCHES,
  REPLAY_NOTIFICATIONS,
  REPLAY_REQUESTS,
  REPLAY_SECTORS_CHECKED,
  REPLAY_STATE_SIZE,
  REPLAY_THROUGH_AIO,
  REPLAY_THROUGH_VIRTIO,
  TRACE_DEVICE,
  TRACE_DISCARD,
  TRACE_FLUSH,
  TRACE_LENGTH,
  TRACE_LINE,
  TRACE_OFFSET,
  TRACE_OPERATION,
  TRACE_READ,
  TRACE_RECORD_SIZE,
  TRACE_WRITE,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
} from '../layout';
import { REPLAY_LOT_BYTES, SECTOR_SHIFT, SECTOR_SIZE, VIRTIO_MAX_SECTORS } from '../limits';
import { ioSubmit } from '../rings/aio';
import { ioNotify, ioReap, ioSetup } from '../rings/aio-context';
import { payloadCheck, payloadFill, payloadUnknown, sectorsTouched } from './payload';

const DISCARD_SEGMENT_SIZE: u32 = 16;

@unmanaged
class Slot {
  offset: u64;
  line: u64;
  submitted: u64;
  bytes: u32;
  operation: u32;
  device: u32;
  data: usize;
  generations: usize;
  isDone: u32;
}

@unmanaged
class Player {
  through: u32;
  batch: u32;
  seed: u32;
  cacheMode: u32;
  records: usize;
  recordCount: u32;
  recordCapacity: u32;
  generations: usize;
  /** Sectors of the batch's records that have been passed so far. */
  generationCursor: u32;
  mixed: usize;
  data: usize;
  dataBytes: u32;
  dataUsed: u32;
  slots: usize;
  slotCount: u32;
  outstanding: u32;
  iocbs: usize;
  iocbPointers: usize;
  iocbCount: u32;
  events: usize;
  context: u64;
  descriptors: usize;
  discardSegments: usize;
  latencyRead: usize;
  latencyWrite: usize;
  isReady: u32;
  sectorCapacity: u32;
  /** The next file of the final sync, and the first error it met. */
  syncIndex: u32;
  syncError: i32;
  syncCursor: u32;
}

const player = changetype<Player>(memory.data(offsetof<Player>(), 16));
export const replayState: usize = memory.data(REPLAY_STATE_SIZE, 16);

/** Claims the player's part of client memory. `sectorCapacity`: generations of one batch. */
export function playerClaim(deviceCount: u32, recordCapacity: u32, batch: u32, dataBytes: u32): void {
  player.recordCapacity = recordCapacity;
  player.batch = batch;
  player.dataBytes = dataBytes;
  driverClaim(deviceCount, batch);
  player.data = arenaClaim(dataBytes, 4096);
  player.iocbs = arenaClaim(<u64>batch * IOCB_SIZE, 64);
  player.iocbPointers = arenaClaim(<u64>batch * 4, 16);
  player.events = arenaClaim(<u64>batch * IO_EVENT_SIZE, 64);
  player.discardSegments = arenaClaim(<u64>batch * DISCARD_SEGMENT_SIZE, 16);
  // the word that io_setup fills must be client memory
  player.context = <u64>arenaClaim(8, 16);
}

/** Claims what clients may not name. */
export function playerClaimPrivate(deviceCount: u32, sectorCapacity: u32): void {
  driverClaimPrivate(deviceCount);
  player.sectorCapacity = sectorCapacity;
  player.records = arenaClaim(<u64>player.recordCapacity * TRACE_RECORD_SIZE, 64);
  player.generations = arenaClaim(<u64>sectorCapacity * 4, 64);
  player.mixed = arenaClaim(<u64>sectorCapacity * SECTOR_SIZE, 64);
  player.slots = arenaClaim(<u64>player.batch * offsetof<Slot>(), 64);
  player.descriptors = arenaClaim(<u64>deviceCount * 4, 16);
  player.latencyRead = arenaClaim(HISTOGRAM_SIZE, 16);
  player.latencyWrite = arenaClaim(HISTOGRAM_SIZE, 16);
}

export function playerRecords(): usize {
  return player.records;
}

export function playerGenerations(): usize {
  return player.generations;
}

export function playerMixed(): usize {
  return player.mixed;
}

export function playerMixedCapacity(): u32 {
  return player.sectorCapacity;
}

export function playerLatency(isWrite: bool): usize {
  return isWrite ? player.latencyWrite : player.latencyRead;
}

/** `through`: REPLAY_THROUGH_…. 0, or EINVAL for a machine without a player, or the errno of io_setup. */
export function playerInit(through: u32, seed: u32, cacheMode: u32): i32 {
  if (player.recordCapacity == 0 || player.isReady != 0) return -EINVAL;
  if (through != <u32>REPLAY_THROUGH_VIRTIO && through != <u32>REPLAY_THROUGH_AIO) return -EINVAL;
  player.through = through;
  player.seed = seed;
  player.cacheMode = cacheMode;
  if (through == REPLAY_THROUGH_AIO) {
    const contextAddress = <u32>player.context;
    const result = ioSetup(player.batch, contextAddress);
    if (result != 0) return result;
    player.context = load<u64>(contextAddress);
    ioNotify(<u32>player.context, KIND_AIO_READY);
  }
  player.isReady = 1;
  return 0;
}

/** A batch of `recordCount` records is in place. 0, or EINVAL when the last one is not finished or it is too large. */
export function playerStart(recordCount: u32): i32 {
  if (player.isReady == 0 || recordCount > player.recordCapacity || player.slotCount > 0) return -EINVAL;
  if (load<u32>(replayState, REPLAY_CONSUMED) != player.recordCount) return -EINVAL;
  player.recordCount = recordCount;
  player.generationCursor = 0;
  store<u32>(replayState, 0, REPLAY_CONSUMED);
  return 0;
}

function slotAt(index: u32): Slot {
  return changetype<Slot>(player.slots + <usize>index * offsetof<Slot>());
}

function addTo(field: usize, amount: u64): void {
  store<u64>(replayState + field, load<u64>(replayState + field) + amount);
}

function isModifying(operation: u32): bool {
  return operation == TRACE_WRITE || operation == TRACE_DISCARD;
}

/** True when the request shares a byte with one of the lot and one of the two modifies it. */
function overlapsLot(device: u32, operation: u32, offset: u64, bytes: u32): bool {
  const isWriter = isModifying(operation);
  for (let index: u32 = 0; index < player.slotCount; index++) {
    const slot = slotAt(index);
    if (slot.device != device || slot.bytes == 0 || (!isWriter && !isModifying(slot.operation))) continue;
    if (offset < slot.offset + slot.bytes && slot.offset < offset + bytes) return true;
  }
  return false;
}

function stop(record: usize, errno: i32): bool {
  store<u32>(replayState, <u32>errno, REPLAY_ERROR);
  store<u64>(replayState, load<u64>(record, TRACE_LINE), REPLAY_ERROR_LINE);
  return false;
}

/** The descriptor through which the aio entrance reaches a device; opened at its first request. */
function descriptorOf(device: u32): i32 {
  const address = player.descriptors + ((<usize>device) << 2);
  if (load<i32>(address) != 0) return load<i32>(address);
  let flags: u32 = OPEN_READ | OPEN_WRITE;
  const mode = player.cacheMode;
  if (mode == CACHE_MODE_NONE || mode == CACHE_MODE_DIRECTSYNC) flags |= OPEN_DIRECT;
  if (mode == CACHE_MODE_WRITETHROUGH || mode == CACHE_MODE_DIRECTSYNC) flags |= OPEN_DSYNC;
  const descriptor = descriptorOpen(device, flags);
  if (descriptor > 0) store<i32>(address, descriptor);
  return descriptor;
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

/** Checks what the entrance can take. 0 or a positive errno. */
function checkRecord(device: u32, operation: u32, offset: u64, bytes: u32): i32 {
  const size = driveAt(device).sizeSectors << SECTOR_SHIFT;
  if (offset > size || <u64>bytes > size - offset) return EFBIG;
  const isTransfer = operation == TRACE_READ || operation == TRACE_WRITE;
  const needsSectors =
    player.through == REPLAY_THROUGH_VIRTIO || operation == TRACE_DISCARD || (isTransfer && isDirect());
  if (needsSectors && ((offset | bytes) & (SECTOR_SIZE - 1)) != 0) return EINVAL;
  if (isTransfer && bytes > player.dataBytes) return EFBIG;
  return player.through == REPLAY_THROUGH_VIRTIO && bytes >> SECTOR_SHIFT > <u32>VIRTIO_MAX_SECTORS
    ? EFBIG
    : 0;
}

function isDirect(): bool {
  return player.cacheMode == CACHE_MODE_NONE || player.cacheMode == CACHE_MODE_DIRECTSYNC;
}

/** Adds the record to the lot. False: it must wait for the lot (it overlaps, or its data has no room), or the player stopped. */
function addRecord(record: usize): bool {
  const device = <u32>load<u16>(record, TRACE_DEVICE);
  const operation = <u32>load<u8>(record, TRACE_OPERATION);
  const isFlush = operation >= <u32>TRACE_FLUSH;
  const offset: u64 = isFlush ? 0 : load<u64>(record, TRACE_OFFSET);
  const bytes: u32 = isFlush ? 0 : load<u32>(record, TRACE_LENGTH);
  const refusal = checkRecord(device, operation, offset, bytes);
  if (refusal != 0) return stop(record, refusal);
  if (bytes > 0 && overlapsLot(device, operation, offset, bytes)) {
    addTo(REPLAY_HELD_FOR_OVERLAP, 1);
    return false;
  }
  const isTransfer = operation <= <u32>TRACE_WRITE;
  const dataBytes: u32 = isTransfer ? (bytes + 63) & ~(<u32>63) : 0;
  if (player.slotCount > 0 && dataBytes + player.dataUsed > <u32>REPLAY_LOT_BYTES) return false;
  const index = player.slotCount;
  const slot = slotAt(index);
  slot.offset = offset;
  slot.line = load<u64>(record, TRACE_LINE);
  slot.submitted = now();
  slot.bytes = bytes;
  slot.operation = operation;
  slot.device = device;
  slot.data = player.data + player.dataUsed;
  slot.generations = player.generations + ((<usize>player.generationCursor) << 2);
  slot.isDone = 0;
  const result = player.through == REPLAY_THROUGH_VIRTIO ? putVirtio(slot, index) : putAio(slot, index);
  if (result < 0) return stop(record, -result);
  if (isTransfer) player.generationCursor += sectorsTouched(offset, bytes);
  if (operation == TRACE_WRITE && movesBytes())
    payloadFill(player.seed, device, slot.data, offset, bytes, slot.generations);
  player.dataUsed += dataBytes;
  player.slotCount++;
  return true;
}

/**
 * Fills the lot from the batch. True: a lot waits to be announced. False: the batch is used up, or the player stopped
 * with REPLAY_ERROR.
 */
export function playerPrepare(): bool {
  let consumed = load<u32>(replayState, REPLAY_CONSUMED);
  if (load<u32>(replayState, REPLAY_ERROR) != 0) return false;
  while (consumed < player.recordCount && player.slotCount < player.batch) {
    if (!addRecord(player.records + <usize>consumed * TRACE_RECORD_SIZE)) break;
    consumed++;
  }
  store<u32>(replayState, consumed, REPLAY_CONSUMED);
  return player.slotCount > 0;
}

function startDiscard(index: u32): void {
  const slot = slotAt(index);
  const pointer = operationTake();
  assert(pointer != 0, 'no operation is left for a replayed discard');
  const operation = changetype<Operation>(pointer);
  operation.kind = OPERATION_DISCARD;
  operation.inode = changetype<OpenFile>(openFileOf(descriptorOf(slot.device))).inode;
  operation.position = slot.offset;
  operation.length = slot.bytes;
  operation.doneKind = KIND_PLAYER_DONE;
  operation.owner = index;
  startOperation(operation);
}

/** One notification for the lot. The caller pumps until playerIsIdle(). */
export function playerNotify(): void {
  player.outstanding = player.slotCount;
  addTo(REPLAY_NOTIFICATIONS, 1);
  if (player.through == REPLAY_THROUGH_AIO) {
    const submitted =
      player.iocbCount > 0
        ? ioSubmit(<u32>player.context, <i32>player.iocbCount, <u32>player.iocbPointers)
        : 0;
    assert(submitted == <i32>player.iocbCount, 'a replayed iocb was refused');
    player.iocbCount = 0;
    for (let index: u32 = 0; index < player.slotCount; index++) {
      if (slotAt(index).operation == TRACE_DISCARD) startDiscard(index);
    }
    return;
  }
  // each device of the lot gets its kick, in the order of their first requests
  for (let index: u32 = 0; index < player.slotCount; index++) {
    const device = slotAt(index).device;
    let isFirst = true;
    for (let earlier: u32 = 0; earlier < index && isFirst; earlier++)
      isFirst = slotAt(earlier).device != device;
    if (isFirst) virtioNotify(device);
  }
}

function check(slot: Slot): void {
  const sectorCount = sectorsTouched(slot.offset, slot.bytes);
  const firstBad = replayState + REPLAY_MISMATCH_SECTOR;
  const earlier = load<u64>(firstBad);
  const badCount = payloadCheck(
    player.seed,
    slot.device,
    slot.data,
    slot.offset,
    slot.bytes,
    slot.generations,
    player.mixed,
    firstBad,
  );
  addTo(REPLAY_SECTORS_CHECKED, sectorCount - payloadUnknown());
  if (badCount == 0) return;
  if (load<u64>(replayState, REPLAY_MISMATCHES) == 0)
    store<u64>(replayState, slot.line, REPLAY_MISMATCH_LINE);
  else store<u64>(firstBad, earlier);
  addTo(REPLAY_MISMATCHES, badCount);
}

/** One request of the lot ended. `isGood`: with the whole of its bytes. */
function finish(index: u32, isGood: bool): void {
  const slot = slotAt(index);
  assert(slot.isDone == 0, 'a replayed request ended twice');
  slot.isDone = 1;
  addTo(REPLAY_REQUESTS, 1);
  if (!isGood) {
    store<u32>(replayState, EIO, REPLAY_ERROR);
    store<u64>(replayState, slot.line, REPLAY_ERROR_LINE);
  } else if (slot.operation == TRACE_READ) {
    histogramAdd(player.latencyRead, now() - slot.submitted);
    if (movesBytes()) check(slot);
  } else if (slot.operation == TRACE_WRITE) {
    histogramAdd(player.latencyWrite, now() - slot.submitted);
  }
  if (--player.outstanding == 0) {
    player.slotCount = 0;
    player.dataUsed = 0;
  }
}

/** Handler of KIND_GUEST_INTERRUPT: reads the device's used ring. */
export function playerInterrupt(device: usize, _result: i32): void {
  virtioInterruptTaken(<u32>device);
  while (true) {
    const slot = driverTakeUsed(<u32>device);
    if (slot < 0) return;
    finish(<u32>slot, driverStatus(<u32>slot) == <u32>VIRTIO_BLK_S_OK);
  }
}

/** Handler of KIND_AIO_READY: reaps the context. */
export function playerAioReady(handle: usize, _result: i32): void {
  const reaped = ioReap(<u32>handle, player.batch, <u32>player.events);
  for (let index = 0; index < reaped; index++) {
    const event = player.events + <usize>index * IO_EVENT_SIZE;
    const slot = <u32>load<u64>(event, IO_EVENT_DATA);
    finish(slot, load<i64>(event, IO_EVENT_RES) == <i64>slotAt(slot).bytes);
  }
}

/** Handler of KIND_PLAYER_DONE: a discard of the aio entrance ended. */
export function playerDiscardDone(index: usize, result: i32): void {
  finish(<u32>index, result == 0);
}

/** Starts the write-back and flush of the next file with cached pages. False when there is none left. */
export function playerSyncNext(): bool {
  while (player.syncIndex < inodeCount()) {
    const inode = inodeAt(player.syncIndex++);
    if (inode.pageCount == 0) continue;
    const pointer = operationTake();
    assert(pointer != 0, 'no operation is left for the final sync');
    const operation = changetype<Operation>(pointer);
    operation.kind = OPERATION_DATASYNC;
    operation.inode = changetype<usize>(inode);
    operation.doneKind = KIND_PLAYER_SYNCED;
    operation.owner = changetype<usize>(inode);
    player.syncCursor = errseqSample(inode);
    player.outstanding = 1;
    startOperation(operation);
    return true;
  }
  return false;
}

/** Handler of KIND_PLAYER_SYNCED. */
export function playerSynced(inode: usize, result: i32): void {
  const cursor = changetype<usize>(player) + offsetof<Player>('syncCursor');
  const error = errseqCheckAndAdvance(changetype<Inode>(inode), cursor);
  if (player.syncError == 0) player.syncError = error != 0 ? error : result;
  player.outstanding = 0;
}

/** 0, or the first error of the final sync. */
export function playerSyncError(): i32 {
  return player.syncError;
}

export function playerIsIdle(): bool {
  return player.outstanding == 0;
}
