// The BlueStore entrance of a replay: a KernelDevice for each device, an IOContext for each request of a lot.
//
// Verbs: bluestorePut, bluestoreNotify, bluestoreDone. BlueStore reads and writes whole blocks of
// 4 KiB, so a request is widened to them: a write first reads the blocks that it covers in part, puts its bytes between
// theirs, and writes all of them.
// Invariant: no two requests in flight share a block that one of them writes (overlaps() widens as this does).

import { complete, KIND_PLAYER_DONE, KIND_PLAYER_PART } from '../base/dispatch';
import { PENDING } from '../base/operation';
import { movesBytes } from '../drive/drive-table';
import {
  DEVICE_OPTION_MAX_IODEPTH,
  IOVEC_BASE,
  IOVEC_LENGTH,
  IOVEC_SIZE,
  TRACE_DISCARD,
  TRACE_READ,
  TRACE_WRITE,
} from '../layout';
import { deviceFlush } from '../rings/device-call';
import {
  contextGive,
  contextNotify,
  contextOf,
  contextSubmit,
  contextTake,
  IoContext,
} from '../rings/io-context';
import { contextRead, contextWrite } from '../rings/io-request';
import { deviceOf, deviceOpen, deviceOptions, KernelDevice } from '../rings/kernel-device';
import { descriptorOf } from './device';
import { announced, player, Slot, slotAt, widenDown, widenUp } from './lot';
import { payloadFill } from './payload';

/** Requests of one slot in flight: the blocks at the two ends of a write. */
const REQUESTS_A_SLOT: u32 = 2;

/** The device's handle, opened at its first request; or a negative errno. */
function handleOf(device: u32): i32 {
  const address = player.kernelDevices + ((<usize>device) << 2);
  if (load<i32>(address) != 0) return load<i32>(address);
  const descriptor = descriptorOf(device);
  if (descriptor < 0) return descriptor;
  const options = deviceOptions();
  store<i32>(options, <i32>(player.slotCapacity * REQUESTS_A_SLOT), DEVICE_OPTION_MAX_IODEPTH);
  const handle = deviceOpen(descriptor, options);
  if (handle > 0) store<i32>(address, handle);
  return handle;
}

function kernelDevice(slot: Slot): KernelDevice {
  return changetype<KernelDevice>(deviceOf(handleOf(slot.device)));
}

/** Opens the device of a request and gives it a context. 0 or a negative errno. */
export function bluestorePut(slot: Slot, index: u32): i32 {
  const handle = handleOf(slot.device);
  if (handle < 0) return handle;
  if (slot.operation > <u32>TRACE_WRITE) return 0;
  const taken = contextTake(kernelDevice(slot), 0, true);
  if (taken < 0) return taken;
  slot.context = taken;
  contextNotify(changetype<IoContext>(contextOf(taken)), KIND_PLAYER_PART, index);
  return 0;
}

/** Where the widened request begins in the player's data: its own bytes lie at slot.data. */
function widenedData(slot: Slot): usize {
  return slot.data - <usize>(slot.offset - widenDown(slot.offset));
}

function queueRead(slot: Slot, from: u64, to: u64): i32 {
  const start = widenDown(slot.offset);
  const context = changetype<IoContext>(contextOf(slot.context));
  return contextRead(context, kernelDevice(slot), from, widenedData(slot) + <usize>(from - start), to - from);
}

/** Queues reads of the blocks that a write covers in part: none, one or two. 0 or a negative errno. */
function queueEdges(slot: Slot): i32 {
  const start = widenDown(slot.offset);
  const end = widenUp(slot.offset + slot.bytes);
  const isHeadPartial = start < slot.offset;
  const isTailPartial = slot.offset + slot.bytes < end;
  const block = widenUp(start + 1) - start;
  if (isHeadPartial && isTailPartial && end - start <= block * 2) return queueRead(slot, start, end);
  let result = 0;
  if (isHeadPartial) result = queueRead(slot, start, start + block);
  if (isTailPartial && result == 0) result = queueRead(slot, end - block, end);
  return result;
}

/** Submits what the slot's context has queued. The queue of the device is deep enough to take it at once. */
function submit(slot: Slot, index: u32, queued: i32): void {
  const context = changetype<IoContext>(contextOf(slot.context));
  const result = queued != 0 ? queued : contextSubmit(context, kernelDevice(slot));
  if (result != 0) complete(KIND_PLAYER_PART, index, result);
}

/** Writes the widened blocks; the write's own bytes are put between those that were read. */
function writeBlocks(slot: Slot, index: u32): void {
  if (movesBytes())
    payloadFill(player.seed, slot.device, slot.data, slot.offset, slot.bytes, slot.generations);
  const start = widenDown(slot.offset);
  const iovec = player.iovecs + <usize>index * IOVEC_SIZE;
  store<u64>(iovec, widenedData(slot), IOVEC_BASE);
  store<u64>(iovec, widenUp(slot.offset + slot.bytes) - start, IOVEC_LENGTH);
  const context = changetype<IoContext>(contextOf(slot.context));
  submit(slot, index, contextWrite(context, kernelDevice(slot), start, iovec, 1));
}

function startSlot(slot: Slot, index: u32): void {
  if (slot.operation == TRACE_READ) {
    submit(slot, index, queueRead(slot, widenDown(slot.offset), widenUp(slot.offset + slot.bytes)));
    return;
  }
  if (slot.operation > <u32>TRACE_WRITE) {
    const result = deviceFlush(kernelDevice(slot), KIND_PLAYER_DONE, index);
    if (result != PENDING) complete(KIND_PLAYER_DONE, index, result);
    return;
  }
  const queued = queueEdges(slot);
  const context = changetype<IoContext>(contextOf(slot.context));
  slot.isMerging = queued != 0 || context.numPending > 0 ? 1 : 0;
  if (slot.isMerging != 0) submit(slot, index, queued);
  else writeBlocks(slot, index);
}

/** Starts every request that is announced but the discards, which go to the drive past the device. */
export function bluestoreNotify(): void {
  for (let at: u32 = 0; at < player.putCount; at++) {
    const index = announced(at);
    const slot = slotAt(index);
    if (slot.operation != TRACE_DISCARD) startSlot(slot, index);
  }
}

/** The context of a slot has ended with `result`. True when the whole request has; else its blocks are being written. */
export function bluestoreDone(index: u32, result: i32): bool {
  const slot = slotAt(index);
  if (slot.isMerging != 0 && result == 0) {
    slot.isMerging = 0;
    writeBlocks(slot, index);
    return false;
  }
  contextGive(changetype<IoContext>(contextOf(slot.context)));
  return true;
}
