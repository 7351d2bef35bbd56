// The replay player: records of a trace become requests on a ring, in trace order, in lots of `batch`, or one by one
// (flight.ts).
//
// Verbs: playerStart, playerPrepare, playerSyncNext, playerIsIdle, and the handlers of what ended. A lot is filled,
// announced with one notification, and ends when all its requests have ended; then the next begins. One that overlaps
// another of its lot, with a write or discard among the two, is held: the lot is announced without it.
// Invariant: what a read must find follows from the order of the trace alone, so the host can say it in advance
// (one generation per sector), and the check is made here when the read ends.

import { now } from '../base/clock';
import { KIND_PLAYER_SYNCED } from '../base/dispatch';
import { EINVAL, EIO } from '../base/errno';
import { histogramAdd } from '../base/histogram';
import { OPERATION_DATASYNC, Operation, operationTake } from '../base/operation';
import { errseqCheckAndAdvance, errseqSample, Inode, inodeAt, inodeCount } from '../cache/inode';
import { movesBytes } from '../drive/drive-table';
import { startOperation } from '../files/file-operation';
import { driverInterrupted, driverStatus, driverTakeUsed } from '../guest/driver';
import {
  HF3FS_CQE_RESULT,
  HF3FS_CQE_USERDATA,
  IO_EVENT_DATA,
  IO_EVENT_RES,
  IO_EVENT_SIZE,
  REPLAY_BYTES,
  REPLAY_CONSUMED,
  REPLAY_ERROR,
  REPLAY_HELD_FOR_OVERLAP,
  REPLAY_HISTOGRAM_LATENCY,
  REPLAY_HISTOGRAM_SERVICE,
  REPLAY_LAST_END,
  REPLAY_MISMATCH_LINE,
  REPLAY_MISMATCH_SECTOR,
  REPLAY_MISMATCHES,
  REPLAY_REQUESTS,
  REPLAY_SECTORS_CHECKED,
  REPLAY_TIMING_ASAP,
  TRACE_READ,
  TRACE_RECORD_SIZE,
  VIRTIO_BLK_S_OK,
} from '../layout';
import { REPLAY_LOT_BYTES } from '../limits';
import { ioReap } from '../rings/aio-context';
import { bluestoreDone } from './bluestore-entrance';
import { checkSlot, putRequest } from './entrance';
import { fillWrite, flightCount, flightEnd } from './flight';
import {
  addTo,
  announce,
  isTransfer,
  operationOf,
  overlapsLot,
  Player,
  player,
  playerHistogram,
  playerStop,
  replayState,
  Slot,
  slotAt,
  slotRead,
  widenDown,
  widenUp,
} from './lot';
import { payloadCheck, payloadUnknown, sectorsTouched } from './payload';
import { usrbioFetch, usrbioResult } from './usrbio-entrance';

/** A batch of `recordCount` records is in place. 0, or EINVAL when the last one is not finished or it is too large. */
export function playerStart(recordCount: u32): i32 {
  if (player.isReady == 0 || recordCount > player.recordCapacity || player.slotCount > 0) return -EINVAL;
  if (load<u32>(replayState, REPLAY_CONSUMED) != player.recordCount) return -EINVAL;
  player.recordCount = recordCount;
  player.generationCursor = 0;
  store<u32>(replayState, 0, REPLAY_CONSUMED);
  return 0;
}

/** Adds the record to the lot. False: it must wait for the lot (it overlaps, or its data has no room), or the player stopped. */
function addRecord(record: usize): bool {
  const index = player.slotCount;
  const slot = slotAt(index);
  slotRead(slot, record);
  const refusal = checkSlot(slot);
  if (refusal != 0) {
    playerStop(slot.line, refusal);
    return false;
  }
  if (slot.bytes > 0 && overlapsLot(slot)) {
    addTo(REPLAY_HELD_FOR_OVERLAP, 1);
    return false;
  }
  const widened = isTransfer(slot) ? widenUp(slot.offset + slot.bytes) - widenDown(slot.offset) : 0;
  const dataBytes = (<u32>widened + 63) & ~(<u32>63);
  if (index > 0 && dataBytes + player.dataUsed > <u32>REPLAY_LOT_BYTES) return false;
  slot.arrived = now();
  slot.data = player.data + player.dataUsed + <usize>(slot.offset - widenDown(slot.offset));
  slot.isMerging = 0;
  slot.generations = player.generations + ((<usize>player.generationCursor) << 2);
  slot.mixed = player.mixed;
  slot.isDone = 0;
  const result = putRequest(slot, index);
  if (result < 0) {
    playerStop(slot.line, -result);
    return false;
  }
  if (isTransfer(slot)) player.generationCursor += sectorsTouched(slot.offset, slot.bytes);
  fillWrite(slot);
  player.dataUsed += dataBytes;
  player.slotCount++;
  announce(index);
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
    slot.mixed,
    firstBad,
  );
  addTo(REPLAY_SECTORS_CHECKED, sectorCount - payloadUnknown());
  if (badCount == 0) return;
  if (load<u64>(replayState, REPLAY_MISMATCHES) == 0)
    store<u64>(replayState, slot.line, REPLAY_MISMATCH_LINE);
  else store<u64>(firstBad, earlier);
  addTo(REPLAY_MISMATCHES, badCount);
}

/** A request ended. `isGood`: with the whole of its bytes. */
function finish(index: u32, isGood: bool): void {
  const slot = slotAt(index);
  assert(slot.isDone == 0, 'a replayed request ended twice');
  slot.isDone = 1;
  addTo(REPLAY_REQUESTS, 1);
  store<u64>(replayState, now(), REPLAY_LAST_END);
  player.outstanding--;
  if (!isGood) {
    playerStop(slot.line, EIO);
  } else {
    const operation = operationOf(slot);
    if (isTransfer(slot)) addTo(REPLAY_BYTES, slot.bytes);
    histogramAdd(playerHistogram(REPLAY_HISTOGRAM_LATENCY + operation), now() - slot.arrived);
    if (player.timing != REPLAY_TIMING_ASAP)
      histogramAdd(playerHistogram(REPLAY_HISTOGRAM_SERVICE + operation), now() - slot.issued);
    if (slot.operation == TRACE_READ && movesBytes()) check(slot);
  }
  if (player.timing != REPLAY_TIMING_ASAP) {
    flightEnd(slot);
  } else if (player.outstanding == 0) {
    player.slotCount = 0;
    player.dataUsed = 0;
  }
}

/** Handler of KIND_GUEST_INTERRUPT: reads the device's used ring. */
export function playerInterrupt(device: usize, _result: i32): void {
  driverInterrupted(<u32>device);
  while (true) {
    const slot = driverTakeUsed(<u32>device);
    if (slot < 0) return;
    finish(<u32>slot, driverStatus(<u32>slot) == <u32>VIRTIO_BLK_S_OK);
  }
}

/** Handler of KIND_AIO_READY: reaps the context. */
export function playerAioReady(handle: usize, _result: i32): void {
  const reaped = ioReap(<u32>handle, player.slotCapacity, <u32>player.events);
  for (let index = 0; index < reaped; index++) {
    const event = player.events + <usize>index * IO_EVENT_SIZE;
    const slot = <u32>load<u64>(event, IO_EVENT_DATA);
    finish(slot, load<i64>(event, IO_EVENT_RES) == <i64>slotAt(slot).bytes);
  }
}

/** Handler of KIND_USRBIO_READY: fetches what a ring holds. */
export function playerUsrbioReady(handle: usize, _result: i32): void {
  const fetched = usrbioFetch(handle);
  for (let index: u32 = 0; index < fetched; index++) {
    const cqe = usrbioResult(index);
    const slot = <u32>load<u64>(cqe, HF3FS_CQE_USERDATA);
    finish(slot, load<i64>(cqe, HF3FS_CQE_RESULT) == <i64>slotAt(slot).bytes);
  }
}

/** Handler of KIND_PLAYER_PART: the IOContext of a request through BlueStore has ended. */
export function playerPartDone(index: usize, result: i32): void {
  if (bluestoreDone(<u32>index, result)) finish(<u32>index, result == 0);
}

/** Handler of KIND_PLAYER_DONE: a discard, or a sync beside a USRBIO ring, ended. */
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

/** Nothing is on a ring, nothing has arrived, no sync runs. */
export function playerIsIdle(): bool {
  return player.outstanding == 0 && flightCount() == 0;
}
