// The replay player's state: the batch it plays, the lot that is on the rings, and where their bytes are.
//
// Verbs: playerClaim, playerClaimPrivate, slotAt, overlapsLot, and where things are for the host.
// Layout: a slot for each request of a lot; their data side by side in the data arena; the batch's records, then one
// generation for each sector that they read or write.
// Invariant: requests of one lot share no byte that one of them modifies.

import { arenaClaim } from '../base/arena';
import { HISTOGRAM_SIZE } from '../base/histogram';
import { driverClaim, driverClaimPrivate } from '../guest/driver';
import {
  HF3FS_CQE_SIZE,
  HF3FS_IOR_SIZE,
  HF3FS_IOV_SIZE,
  IO_EVENT_SIZE,
  IOCB_SIZE,
  IOVEC_SIZE,
  REPLAY_STATE_SIZE,
  REPLAY_THROUGH_BLUESTORE,
  TRACE_DISCARD,
  TRACE_RECORD_SIZE,
  TRACE_WRITE,
} from '../layout';
import { DEFAULT_DEVICE_BLOCK, SECTOR_SIZE } from '../limits';

export const DISCARD_SEGMENT_SIZE: u32 = 16;
/** bdev_block_size of Ceph. */
const BLUESTORE_BLOCK: u64 = DEFAULT_DEVICE_BLOCK;

@unmanaged
export class Slot {
  offset: u64;
  line: u64;
  submitted: u64;
  bytes: u32;
  operation: u32;
  device: u32;
  data: usize;
  generations: usize;
  isDone: u32;
  /** BlueStore: its IOContext, and whether the blocks at its ends are being read. */
  context: i32;
  isMerging: u32;
}

@unmanaged
export class Player {
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
  latencyRead: usize;
  latencyWrite: usize;
  isReady: u32;
  sectorCapacity: u32;
  /** The next file of the final sync, and the first error it met. */
  syncIndex: u32;
  syncError: i32;
  syncCursor: u32;
}

export const player = changetype<Player>(memory.data(offsetof<Player>(), 16));

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
  player.readRing = arenaClaim(HF3FS_IOR_SIZE, 16);
  player.writeRing = arenaClaim(HF3FS_IOR_SIZE, 16);
  player.iov = arenaClaim(HF3FS_IOV_SIZE, 16);
  player.cqes = arenaClaim(<u64>batch * HF3FS_CQE_SIZE, 16);
  player.mountPoint = arenaClaim(16, 16);
  player.iovecs = arenaClaim(<u64>batch * IOVEC_SIZE, 16);
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
  player.kernelDevices = arenaClaim(<u64>deviceCount * 4, 16);
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

/** True when the request shares a byte, or a block of BlueStore, with one of the lot and one of the two modifies it. */
export function overlapsLot(device: u32, operation: u32, offset: u64, bytes: u32): bool {
  const isWriter = isModifying(operation);
  const mask = unit() - 1;
  const start = offset & ~mask;
  const end = (offset + bytes + mask) & ~mask;
  for (let index: u32 = 0; index < player.slotCount; index++) {
    const slot = slotAt(index);
    if (slot.device != device || slot.bytes == 0 || (!isWriter && !isModifying(slot.operation))) continue;
    const slotEnd = (slot.offset + slot.bytes + mask) & ~mask;
    if (start < slotEnd && (slot.offset & ~mask) < end) return true;
  }
  return false;
}
