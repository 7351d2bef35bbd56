// Flushes and synchronous I/O of a BlueStore device: operations on its file, each with a record of its own.
//
// Verbs: deviceCallClaim, deviceCallInit, deviceFlush, deviceTransfer, deviceDiscard, deviceCallDone. Whoever starts one
// hears of its end through (doneKind, owner); nothing here waits.
// Invariant: one flush runs at a time; a later one begins when it has ended, and does nothing when the flag is clear then.

import { complete, KIND_KERNEL_DEVICE_DONE } from '../base/dispatch';
import { EAGAIN, ENOMEM, ENOTRECOVERABLE } from '../base/errno';
import {
  FLAG_DIRECT,
  OPERATION_DATASYNC,
  OPERATION_DISCARD,
  OPERATION_READ,
  OPERATION_WRITE,
  Operation,
  operationTake,
  PENDING,
} from '../base/operation';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { SpanCursor, spanCopyIn, spanCopyOut, spanGiveChain, spanTake } from '../base/span';
import { errseqCheckAndAdvance, Inode } from '../cache/inode';
import { movesBytes } from '../drive/drive-table';
import { OpenFile, readThrough } from '../files/descriptor';
import { startOperation } from '../files/file-operation';
import { ABORT_FLUSH, ABORT_NONE, ABORT_SHORT_IO } from '../layout';
import { MAX_DEVICE_CALLS } from '../limits';
import { aiosExist } from './device-aio';
import { checkAlive, deviceKill, KernelDevice } from './kernel-device';
import { sharedGive, sharedTake } from './shared-memory';

@unmanaged
class DeviceCall {
  next: usize;
  device: usize;
  kind: u32;
  length: u64;
  doneKind: u32;
  owner: usize;
  /** Shared memory that the operation uses instead of the client's, and how much. */
  bounce: usize;
  bounceBytes: u64;
  /** A read: the client's chain that bytes from `bounce + skip` go to. */
  target: usize;
  skip: u32;
  targetBytes: u32;
}

export const deviceCallPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const cursor = changetype<SpanCursor>(memory.data(offsetof<SpanCursor>(), 8));

export function deviceCallClaim(): void {
  poolClaim(deviceCallPool, offsetof<DeviceCall>(), aiosExist() ? MAX_DEVICE_CALLS : 0);
}

export function deviceCallInit(): void {
  poolInit(deviceCallPool);
}

function take(device: KernelDevice, kind: u32, length: u64, doneKind: u32, owner: usize): usize {
  const pointer = poolTake(deviceCallPool);
  if (pointer == 0) return 0;
  memory.fill(pointer, 0, offsetof<DeviceCall>());
  const call = changetype<DeviceCall>(pointer);
  call.device = changetype<usize>(device);
  call.kind = kind;
  call.length = length;
  call.doneKind = doneKind;
  call.owner = owner;
  device.callCount++;
  return pointer;
}

/** Gives a call back, with the memory that it holds. */
function give(call: DeviceCall): void {
  if (call.bounce != 0) sharedGive(call.bounce, call.bounceBytes);
  spanGiveChain(call.target);
  changetype<KernelDevice>(call.device).callCount--;
  poolGive(deviceCallPool, changetype<usize>(call));
}

/** Starts the operation of a call; the chain is its own. PENDING, or EAGAIN without an operation left. */
function start(call: DeviceCall, offset: u64, flags: u32, spans: usize): i32 {
  const pointer = operationTake();
  if (pointer == 0) {
    spanGiveChain(spans);
    return -EAGAIN;
  }
  const operation = changetype<Operation>(pointer);
  operation.kind = <u8>call.kind;
  operation.flags = <u16>flags;
  const opened = changetype<OpenFile>(changetype<KernelDevice>(call.device).opened);
  operation.inode = opened.inode;
  operation.position = offset;
  operation.length = call.length;
  operation.spans = spans;
  operation.doneKind = KIND_KERNEL_DEVICE_DONE;
  operation.owner = changetype<usize>(call);
  readThrough(operation, opened);
  startOperation(operation);
  return PENDING;
}

function flagsOf(device: KernelDevice): u32 {
  return changetype<OpenFile>(device.opened).operationFlags;
}

/** Runs the fdatasync of a flush. PENDING, or EAGAIN, and the flag is set again. */
function startFlush(device: KernelDevice, call: DeviceCall): i32 {
  device.ioSinceFlush = 0;
  const result = start(call, 0, flagsOf(device), 0);
  if (result != PENDING) {
    device.ioSinceFlush = 1;
    return result;
  }
  device.isFlushing = 1;
  device.fdatasyncs++;
  return PENDING;
}

/**
 * flush(): 0 at once when nothing was reaped since the last one and none is running; else PENDING, and (doneKind,
 * owner) hears of the end; EAGAIN without a record left; ENOTRECOVERABLE.
 */
export function deviceFlush(device: KernelDevice, doneKind: u32, owner: usize): i32 {
  const alive = checkAlive(device);
  if (alive != 0) return alive;
  if (device.isFlushing == 0 && device.ioSinceFlush == 0) return 0;
  const pointer = take(device, OPERATION_DATASYNC, 0, doneKind, owner);
  if (pointer == 0) return -EAGAIN;
  const call = changetype<DeviceCall>(pointer);
  if (device.isFlushing != 0) {
    if (device.flushTail != 0) changetype<DeviceCall>(device.flushTail).next = pointer;
    else device.flushHead = pointer;
    device.flushTail = pointer;
    return PENDING;
  }
  const result = startFlush(device, call);
  if (result != PENDING) give(call);
  return result;
}

/** The flusher before has gone: those that wait have their turn, until one has something to flush. */
function nextFlush(device: KernelDevice): void {
  while (device.isFlushing == 0 && device.flushHead != 0) {
    const call = changetype<DeviceCall>(device.flushHead);
    device.flushHead = call.next;
    if (call.next == 0) device.flushTail = 0;
    let result = checkAlive(device);
    if (result == 0 && device.ioSinceFlush != 0) result = startFlush(device, call);
    if (result == PENDING) return;
    complete(call.doneKind, call.owner, result);
    give(call);
  }
}

/**
 * One synchronous read or write (OPERATION_READ, OPERATION_WRITE) of `length` bytes with the chain `spans`, which is the
 * call's from now on. PENDING; EAGAIN without a record left; ENOMEM without shared memory for a copy.
 *
 * With `bounceBytes` the operation uses so many bytes of shared memory: a write's are copied there now, a read's come
 * from there when it is done, `skip` bytes into it and `length` less where the range was widened to whole blocks.
 */
export function deviceTransfer(
  device: KernelDevice,
  kind: u8,
  isDirect: bool,
  offset: u64,
  length: u64,
  spans: usize,
  skip: u32,
  bounceBytes: u64,
  doneKind: u32,
  owner: usize,
): i32 {
  const pointer = take(device, kind, bounceBytes > 0 ? bounceBytes : length, doneKind, owner);
  if (pointer == 0) {
    spanGiveChain(spans);
    return -EAGAIN;
  }
  const call = changetype<DeviceCall>(pointer);
  let chain = spans;
  if (bounceBytes > 0) {
    call.target = spans;
    call.skip = skip;
    call.targetBytes = <u32>length;
    call.bounceBytes = bounceBytes;
    call.bounce = sharedTake(bounceBytes);
    chain = call.bounce == 0 ? 0 : spanTake(call.bounce, <u32>bounceBytes);
    if (chain == 0) {
      const result = call.bounce == 0 ? -ENOMEM : -EAGAIN;
      give(call);
      return result;
    }
    cursor.span = spans;
    cursor.offset = 0;
    if (kind == OPERATION_WRITE && movesBytes()) spanCopyOut(cursor, call.bounce, <u32>length);
  }
  const flags = flagsOf(device);
  const result = start(call, offset, isDirect ? flags : flags & ~(<u32>FLAG_DIRECT), chain);
  if (result != PENDING) give(call);
  return result;
}

/** Discards whole blocks. PENDING or EAGAIN. */
export function deviceDiscard(
  device: KernelDevice,
  offset: u64,
  length: u64,
  doneKind: u32,
  owner: usize,
): i32 {
  const pointer = take(device, OPERATION_DISCARD, length, doneKind, owner);
  if (pointer == 0) return -EAGAIN;
  const call = changetype<DeviceCall>(pointer);
  const result = start(call, offset, 0, 0);
  if (result != PENDING) give(call);
  return result;
}

/** The errors that write-back met belong to the first fdatasync after them. */
function flushResult(device: KernelDevice, result: i32): i32 {
  const opened = changetype<OpenFile>(device.opened);
  const error = errseqCheckAndAdvance(
    changetype<Inode>(opened.inode),
    device.opened + offsetof<OpenFile>('errseqCursor'),
  );
  return error != 0 && result >= 0 ? error : result;
}

/** What the owner of a call is told, and what its end does to the device. */
function judge(call: DeviceCall, device: KernelDevice, result: i32): i32 {
  switch (<u8>call.kind) {
    case OPERATION_DATASYNC: {
      device.isFlushing = 0;
      const flushed = flushResult(device, result);
      if (flushed < 0) deviceKill(device, ABORT_FLUSH, flushed);
      break;
    }
    case OPERATION_WRITE:
      if (result > 0) device.ioSinceFlush = 1;
      break;
    case OPERATION_READ:
      if (result >= 0 && <u64>result != call.length) deviceKill(device, ABORT_SHORT_IO, result);
      else if (result > 0 && call.bounce != 0 && movesBytes()) {
        cursor.span = call.target;
        cursor.offset = 0;
        spanCopyIn(cursor, call.bounce + call.skip, call.targetBytes);
      }
      break;
    default:
  }
  return device.deathReason == <u32>ABORT_NONE ? result : -ENOTRECOVERABLE;
}

/** Handler of KIND_KERNEL_DEVICE_DONE: the operation of a call ended. */
export function deviceCallDone(pointer: usize, result: i32): void {
  const call = changetype<DeviceCall>(pointer);
  const device = changetype<KernelDevice>(call.device);
  const isFlush = <u8>call.kind == OPERATION_DATASYNC;
  const answer = judge(call, device, result);
  complete(call.doneKind, call.owner, answer);
  give(call);
  if (isFlush) nextFlush(device);
}
