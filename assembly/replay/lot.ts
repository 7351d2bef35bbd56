// The replay player's state: the batch it plays, the requests that are on the rings, and where their bytes are.
//
// Verbs: playerClaim, playerClaimPrivate, slotAt, slotRead, overlaps, overlapsLot, playerStop, and where things are for the
// host.
// Layout: a slot for each request; the data of a lot side by side in the data arena (one by one: room.ts); the batch's
// records, then one generation for each sector that they read or write.
// Invariant: requests that are on the rings together share no byte that one of them modifies.

import { arenaClaim } from '../base/arena';
import { driverClaim, driverClaimPrivate } from '../guest/driver';
import {
  HF3FS_CQE_SIZE,
  HF3FS_IOR_SIZE,
  HF3FS_IOV_SIZE,
  HISTOGRAM_SIZE,
  IO_EVENT_SIZE,
  IOCB_SIZE,
  IOVEC_SIZE,
  REPLAY_ERROR,
  REPLAY_ERROR_LINE,
  REPLAY_HISTOGRAM_DRIVE,
  REPLAY_OPERATION_FLUSH,
  REPLAY_STATE_SIZE,
  REPLAY_THROUGH_BLUESTORE,
  REPLAY_TIMING_ASAP,
  TRACE_DEVICE,
  TRACE_DISCARD,
  TRACE_FLUSH,
  TRACE_LENGTH,
  TRACE_LINE,
  TRACE_OFFSET,
  TRACE_OPERATION,
  TRACE_RECORD_SIZE,
  TRACE_WRITE,
} from '../layout';
import { DEFAULT_DEVICE_BLOCK, SECTOR_SIZE } from '../limits';
import { roomBytes, roomClaim } from './room';

export const DISCARD_SEGMENT_SIZE: u32 = 16;
/** bdev_block_size of Ceph. */
const BLUESTORE_BLOCK: u64 = DEFAULT_DEVICE_BLOCK;

@unmanaged
export class Slot {
  offset: u64;
  line: u64;
  /** When the trace, or its client, had it ready; and when it was put on the ring. */
  arrived: u64;
  issued: u64;
  bytes: u32;
  operation: u32;
  device: u32;
  data: usize;
  generations: usize;
  /** Sectors that its generations name by a number. */
  mixed: usize;
  isDone: u32;
  // one by one: neighbours in the order of the trace, then in the line of those that may be put on the ring
  previous: usize;
  next: usize;
  nextReady: usize;
  /** Earlier requests that must end first, pages of its data, and whether it came late to the ring. */
  blockers: u32;
  pages: u32;
  isLate: u32;
  /** BlueStore: its IOContext, and whether the blocks at its ends are being read. */
  context: i32;
  isMerging: u32;
}

@unmanaged
export class Player {
  through: u32;
  timing: u32;
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
  slotCapacity: u32;
  slotCount: u32;
  /** u32 numbers of slots that the next notification announces. */
  put: usize;
  putCount: u32;
  outstanding: u32;
  iocbs: usize;
  iocbPointers: usize;
  iocbCount: u32;
  events: usize;
  context: u64;
  descriptors: usize;
  /** USRBIO: struct hf3fs_ior of the rings that read and write, hf3fs_iov of the data, results, and a text. */
  readRing: usize;
  writeRing: usize;
  iov: usize;
  cqes: usize;
  mountPoint: usize;
  /** BlueStore: an iovec for each slot, and i32 for each device: its KernelDevice, or 0. */
  iovecs: usize;
  kernelDevices: usize;
  discardSegments: usize;
  /** By operation: from arrival to end, then from the ring to the end (REPLAY_HISTOGRAM_…). */
  histograms: usize;
  isReady: u32;
  sectorCapacity: u32;
  /** The next file of the final sync, and the first error it met. */
  syncIndex: u32;
  syncError: i32;
  syncCursor: u32;
}

export const player = changetype<Player>(memory.data(offsetof<Player>(), 16));

export const replayState: usize = memory.data(REPLAY_STATE_SIZE, 16);

/**
 * Claims the player's part of client memory. `slotCapacity`: requests that are not in lots at one time; 0: lots of
 * `batch`. `dataBytes`: the longest request.
 */
export function playerClaim(
  deviceCount: u32,
  recordCapacity: u32,
  batch: u32,
  slotCapacity: u32,
  dataBytes: u32,
): void {
  const slots = slotCapacity == 0 ? batch : slotCapacity;
  player.recordCapacity = recordCapacity;
  player.batch = batch;
  player.slotCapacity = slots;
  player.dataBytes = dataBytes;
  driverClaim(deviceCount, slots);
  player.data = arenaClaim(slotCapacity == 0 ? dataBytes : roomBytes(dataBytes), 4096);
  player.iocbs = arenaClaim(<u64>slots * IOCB_SIZE, 64);
  player.iocbPointers = arenaClaim(<u64>slots * 4, 16);
  player.events = arenaClaim(<u64>slots * IO_EVENT_SIZE, 64);
  player.discardSegments = arenaClaim(<u64>slots * DISCARD_SEGMENT_SIZE, 16);
  player.readRing = arenaClaim(HF3FS_IOR_SIZE, 16);
  player.writeRing = arenaClaim(HF3FS_IOR_SIZE, 16);
  player.iov = arenaClaim(HF3FS_IOV_SIZE, 16);
  player.cqes = arenaClaim(<u64>slots * HF3FS_CQE_SIZE, 16);
  player.mountPoint = arenaClaim(16, 16);
  player.iovecs = arenaClaim(<u64>slots * IOVEC_SIZE, 16);
  // the word that io_setup fills must be client memory
  player.context = <u64>arenaClaim(8, 16);
}

/** Claims what clients may not name. */
export function playerClaimPrivate(deviceCount: u32, sectorCapacity: u32, timing: u32): void {
  driverClaimPrivate(deviceCount);
  player.timing = timing;
  player.sectorCapacity = sectorCapacity;
  player.records = arenaClaim(<u64>player.recordCapacity * TRACE_RECORD_SIZE, 64);
  player.generations = arenaClaim(<u64>sectorCapacity * 4, 64);
  player.mixed = arenaClaim(<u64>sectorCapacity * SECTOR_SIZE, 64);
  player.slots = arenaClaim(<u64>player.slotCapacity * offsetof<Slot>(), 64);
  player.put = arenaClaim(<u64>player.slotCapacity * 4, 16);
  player.descriptors = arenaClaim(<u64>deviceCount * 4, 16);
  player.kernelDevices = arenaClaim(<u64>deviceCount * 4, 16);
  player.histograms = arenaClaim(<u64>REPLAY_HISTOGRAM_DRIVE * HISTOGRAM_SIZE, 16);
  if (timing != REPLAY_TIMING_ASAP) roomClaim(player.data, player.dataBytes);
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

/** A histogram of the player's own, by number (below REPLAY_HISTOGRAM_DRIVE). */
export function playerHistogram(number: u32): usize {
  return player.histograms + <usize>number * HISTOGRAM_SIZE;
}

export function slotAt(index: u32): Slot {
  return changetype<Slot>(player.slots + <usize>index * offsetof<Slot>());
}

export function addTo(field: usize, amount: u64): void {
  store<u64>(replayState + field, load<u64>(replayState + field) + amount);
}

function isModifying(operation: u32): bool {
  return operation == TRACE_WRITE || operation == TRACE_DISCARD;
}

/** What an entrance reads and writes at once: BlueStore's blocks, else bytes. */
function unit(): u64 {
  return player.through == REPLAY_THROUGH_BLUESTORE ? BLUESTORE_BLOCK : 1;
}

/** The start of the unit that a byte lies in. */
export function widenDown(offset: u64): u64 {
  return offset & ~(unit() - 1);
}

/** The end of the unit before a byte. */
export function widenUp(offset: u64): u64 {
  return (offset + unit() - 1) & ~(unit() - 1);
}

/** What a record asks for. A flush is of the whole device. */
export function slotRead(slot: Slot, record: usize): void {
  const operation = <u32>load<u8>(record, TRACE_OPERATION);
  const isFlush = operation >= <u32>TRACE_FLUSH;
  slot.operation = operation;
  slot.device = <u32>load<u16>(record, TRACE_DEVICE);
  slot.offset = isFlush ? 0 : load<u64>(record, TRACE_OFFSET);
  slot.bytes = isFlush ? 0 : load<u32>(record, TRACE_LENGTH);
  slot.line = load<u64>(record, TRACE_LINE);
}

export function isTransfer(slot: Slot): bool {
  return slot.operation <= <u32>TRACE_WRITE;
}

/** REPLAY_OPERATION_…. */
export function operationOf(slot: Slot): u32 {
  return min<u32>(slot.operation, REPLAY_OPERATION_FLUSH);
}

/** True when the slot shares a byte of [start, end), or a block of BlueStore, with a request, and one of the two modifies it. */
function meets(slot: Slot, device: u32, isWriter: bool, mask: u64, start: u64, end: u64): bool {
  if (slot.device != device || slot.bytes == 0 || (!isWriter && !isModifying(slot.operation))) return false;
  return start < ((slot.offset + slot.bytes + mask) & ~mask) && (slot.offset & ~mask) < end;
}

/** True when the request overlaps one of the lot, with a write or discard among the two. */
export function overlapsLot(slot: Slot): bool {
  const isWriter = isModifying(slot.operation);
  const mask = unit() - 1;
  const start = widenDown(slot.offset);
  const end = widenUp(slot.offset + slot.bytes);
  const device = slot.device;
  for (let index: u32 = 0; index < player.slotCount; index++) {
    if (meets(slotAt(index), device, isWriter, mask, start, end)) return true;
  }
  return false;
}

/** True when two requests overlap, with a write or discard among the two. */
export function overlaps(left: Slot, right: Slot): bool {
  if (right.bytes == 0) return false;
  const end = widenUp(right.offset + right.bytes);
  return meets(left, right.device, isModifying(right.operation), unit() - 1, widenDown(right.offset), end);
}

/** The next notification announces the slot too. */
export function announce(index: u32): void {
  store<u32>(player.put + ((<usize>player.putCount) << 2), index);
  player.putCount++;
}

/** Number `index` of the slots that are announced. */
export function announced(index: u32): u32 {
  return load<u32>(player.put + ((<usize>index) << 2));
}

/** The player stops at a line of the trace; the first reason counts. */
export function playerStop(line: u64, errno: i32): void {
  if (load<u32>(replayState, REPLAY_ERROR) != 0) return;
  store<u32>(replayState, <u32>errno, REPLAY_ERROR);
  store<u64>(replayState, line, REPLAY_ERROR_LINE);
}
