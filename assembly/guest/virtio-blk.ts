// A virtio-blk device per drive: requests from its virtqueue go through multireq to the block backend.
//
// Verbs: virtioClaim, virtioInit, virtioSetQueue, virtioNotify, backendDone (virtio_blk_handle_vq and what it calls in
// QEMU's hw/block/virtio-blk.c). One notification drains the queue; reads and writes gather in the merge buffer, a
// flush pushes buffered writes out first, a discard goes at once.
// Layout: an array of VirtioDevice records, a pool of VirtioRequest records; merged requests are linked by mergedNext.
// Invariants: every chain that was popped gets exactly one used entry; a malformed one breaks the device until reset.

import { arenaClaim } from '../base/arena';
import { count, countMany } from '../base/counters';
import { complete, KIND_NONE } from '../base/dispatch';
import { EBUSY, EINVAL, ENODEV } from '../base/errno';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { record, recording } from '../base/record';
import { Span, SpanCursor, spanAwait, spanCopyIn, spanCopyOut, spanGiveChain } from '../base/span';
import { plugBegin, plugEnd } from '../block/queue';
import { driveAt } from '../drive/drive-table';
import {
  COUNTER_GUEST_DISCARDS,
  COUNTER_GUEST_FLUSHES,
  COUNTER_GUEST_INVALID,
  COUNTER_GUEST_READS,
  COUNTER_GUEST_READS_MERGED,
  COUNTER_GUEST_WRITES,
  COUNTER_GUEST_WRITES_MERGED,
  DRIVE_FLAG_READ_ONLY,
  OP_DISCARD,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
  RECORD_GUEST_DONE,
  RECORD_GUEST_REQUEST,
  RECORD_MULTIREQ_ISSUED,
  VIRTIO_BLK_ID_BYTES,
  VIRTIO_BLK_S_IOERR,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_S_UNSUPP,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
} from '../layout';
import { SECTOR_SHIFT, SECTOR_SIZE, VIRTIO_MAX_SECTORS } from '../limits';
import { backendDiscard, backendFinished, backendFlush, backendTransfer } from './block-backend';
import {
  multireqAdd,
  multireqConfigure,
  multireqCount,
  multireqIsFull,
  multireqIsWrite,
  multireqPlan,
  multireqRequest,
  multireqRunFirst,
  multireqRunLength,
} from './multireq';
import {
  chain,
  chainDrop,
  POP_BROKEN,
  POP_CHAIN,
  POP_LATER,
  queuePop,
  queuePush,
  queueSetUp,
  Virtqueue,
} from './virtqueue';

/** Type bits that QEMU ignores: OUT (for the switch) and the legacy BARRIER. */
const TYPE_BARRIER: u32 = 0x80000000;
const TYPE_OUT: u32 = 1;
const DISCARD_SEGMENT_SIZE: u64 = 16;
const DISCARD_FLAG_UNMAP: u32 = 1;

@unmanaged
export class VirtioDevice {
  index: u32;
  cacheMode: u32;
  /** Requests popped and not finished. */
  inFlight: u32;
  isBroken: u32;
  /** A pop found no span or request record; the queue is drained again when a virtio request of any device ends. */
  isStalled: u32;
  /** KIND_… to complete when entries were used, or KIND_NONE; one interrupt is pending at a time. */
  interruptKind: u32;
  isInterruptPending: u32;
  // a Virtqueue
  descriptors: usize;
  available: usize;
  used: usize;
  size: u32;
  lastAvailable: u16;
  usedIndex: u16;
}

@unmanaged
class VirtioRequest {
  mergedNext: usize;
  device: usize;
  sector: u64;
  bytes: u32;
  pieces: u32;
  spans: usize;
  spansTail: usize;
  statusAddress: usize;
  writableBytes: u32;
  head: u32;
  operation: u32;
}

@unmanaged
class Virtio {
  devices: usize;
  count: u32;
  /** Devices with isStalled, and the one that is looked at first when something comes back. */
  stalledCount: u32;
  nextStalled: u32;
}

const virtio = changetype<Virtio>(memory.data(offsetof<Virtio>(), 16));
export const virtioRequestPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const discardSegment: usize = memory.data(16, 16);
const serial: usize = memory.data<u8>([
  0x73, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x6c, 0x61, 0x62, 0x2d, 0x30, 0x30, 0x30, 0x30, 0, 0, 0, 0, 0, 0,
]);

export function virtioClaim(deviceCount: u32, requestCount: u32): void {
  virtio.count = deviceCount;
  virtio.devices = arenaClaim(<u64>deviceCount * offsetof<VirtioDevice>(), 64);
  poolClaim(virtioRequestPool, offsetof<VirtioRequest>(), requestCount);
}

/** `maxTransfer`: bytes of one merged I/O, 0 for QEMU's default. */
export function virtioInit(cacheMode: u32, maxTransfer: u32, isMerging: bool): void {
  poolInit(virtioRequestPool);
  multireqConfigure(maxTransfer, 0, isMerging);
  for (let index: u32 = 0; index < virtio.count; index++) {
    const device = deviceAt(index);
    memory.fill(changetype<usize>(device), 0, offsetof<VirtioDevice>());
    device.index = index;
    device.cacheMode = cacheMode;
  }
}

function deviceAt(index: u32): VirtioDevice {
  return changetype<VirtioDevice>(virtio.devices + <usize>index * offsetof<VirtioDevice>());
}

function queueOf(device: VirtioDevice): Virtqueue {
  return changetype<Virtqueue>(changetype<usize>(device) + offsetof<VirtioDevice>('descriptors'));
}

/** Tells the device where its ring is. 0, ENODEV, EBUSY with requests in flight, EINVAL (queueSetUp). Mends a broken device. */
export function virtioSetQueue(index: u32, size: u32, descriptors: u32, available: u32, used: u32): i32 {
  if (index >= virtio.count) return -ENODEV;
  const device = deviceAt(index);
  if (device.inFlight > 0) return -EBUSY;
  const result = queueSetUp(queueOf(device), size, descriptors, available, used);
  if (result != 0) return result;
  device.isBroken = 0;
  setStalled(device, false);
  return 0;
}

/** For a driver inside the core: completes (kind, device index) after entries were used. */
export function virtioSetInterrupt(index: u32, kind: u32): void {
  deviceAt(index).interruptKind = kind;
}

/** 0, or 1 when the device needs a reset (virtioSetQueue), or ENODEV. */
export function virtioIsBroken(index: u32): i32 {
  return index < virtio.count ? <i32>deviceAt(index).isBroken : -ENODEV;
}

function finish(device: VirtioDevice, request: VirtioRequest, status: u32, writtenBytes: u32): void {
  store<u8>(request.statusAddress, <u8>status);
  if (recording()) {
    record(
      RECORD_GUEST_DONE,
      request.operation,
      device.index,
      request.head,
      request.sector,
      request.bytes >> SECTOR_SHIFT,
      status,
    );
  }
  queuePush(queueOf(device), request.head, writtenBytes);
  poolGive(virtioRequestPool, changetype<usize>(request));
  device.inFlight--;
  if (device.interruptKind != KIND_NONE && device.isInterruptPending == 0) {
    device.isInterruptPending = 1;
    complete(device.interruptKind, device.index, 0);
  }
}

/** The driver has seen the interrupt and is about to read the used ring. */
export function virtioInterruptTaken(index: u32): void {
  deviceAt(index).isInterruptPending = 0;
}

/** Ends a request that never reached the backend. */
function finishNow(device: VirtioDevice, request: VirtioRequest, status: u32): void {
  spanGiveChain(request.spans);
  finish(device, request, status, request.writableBytes);
}

/** virtio_blk_sect_range_ok: length and sector in whole logical blocks, inside the device. */
function isInRange(device: VirtioDevice, sector: u64, bytes: u64): bool {
  const capacity = driveAt(device.index).sizeSectors;
  if (bytes >> SECTOR_SHIFT > <u64>VIRTIO_MAX_SECTORS || (bytes & (SECTOR_SIZE - 1)) != 0) return false;
  return sector <= capacity && bytes >> SECTOR_SHIFT <= capacity - sector;
}

/** Submits the runs of the merge buffer, in order of sectors. */
function submitMultireq(device: VirtioDevice): void {
  const isWrite = multireqIsWrite();
  const runCount = multireqPlan(device.index);
  for (let run: u32 = 0; run < runCount; run++) {
    const firstEntry = multireqRunFirst(run);
    const memberCount = multireqRunLength(run);
    const first = changetype<VirtioRequest>(multireqRequest(firstEntry));
    let last = first;
    let bytes = first.bytes;
    let spansTail = first.spansTail;
    let spans = first.spans;
    for (let member: u32 = 1; member < memberCount; member++) {
      const request = changetype<VirtioRequest>(multireqRequest(firstEntry + member));
      last.mergedNext = changetype<usize>(request);
      last = request;
      bytes += request.bytes;
      if (request.spans == 0) continue;
      if (spansTail != 0) changetype<Span>(spansTail).next = request.spans;
      else spans = request.spans;
      spansTail = request.spansTail;
    }
    last.mergedNext = 0;
    countMany(isWrite ? COUNTER_GUEST_WRITES_MERGED : COUNTER_GUEST_READS_MERGED, memberCount - 1);
    if (recording()) {
      record(
        RECORD_MULTIREQ_ISSUED,
        isWrite ? OP_WRITE : OP_READ,
        device.index,
        first.head,
        first.sector,
        bytes >> SECTOR_SHIFT,
        memberCount,
      );
    }
    backendTransfer(
      isWrite,
      device.index,
      device.cacheMode,
      first.sector,
      bytes,
      spans,
      changetype<usize>(first),
    );
  }
}

function handleTransfer(device: VirtioDevice, request: VirtioRequest, isWrite: bool): void {
  request.operation = isWrite ? OP_WRITE : OP_READ;
  request.spans = isWrite ? chain.readable : chain.writable;
  request.spansTail = isWrite ? chain.readableTail : chain.writableTail;
  request.pieces = isWrite ? chain.readablePieces : chain.writablePieces;
  spanGiveChain(isWrite ? chain.writable : chain.readable);
  const bytes = isWrite ? chain.readableBytes : chain.writableBytes - 1;
  request.bytes = <u32>bytes;
  const isReadOnly = isWrite && (driveAt(device.index).flags & DRIVE_FLAG_READ_ONLY) != 0;
  if (isReadOnly || !isInRange(device, request.sector, bytes)) {
    count(COUNTER_GUEST_INVALID);
    finishNow(device, request, VIRTIO_BLK_S_IOERR);
    return;
  }
  if (multireqIsFull(isWrite)) submitMultireq(device);
  multireqAdd(changetype<usize>(request), request.sector, request.bytes, request.pieces, isWrite);
}

/** One segment, as QEMU: the checks and their order are those of sheet virtio-blk §6.5. False: the device is broken. */
function handleDiscard(device: VirtioDevice, request: VirtioRequest, isOut: bool): bool {
  request.operation = OP_DISCARD;
  const payloadBytes = chain.readableBytes;
  if (payloadBytes < DISCARD_SEGMENT_SIZE && isOut) {
    chainDrop();
    poolGive(virtioRequestPool, changetype<usize>(request));
    device.inFlight--;
    return false;
  }
  let status: u32 = VIRTIO_BLK_S_UNSUPP;
  if (isOut && payloadBytes == DISCARD_SEGMENT_SIZE) {
    const cursor = changetype<SpanCursor>(cursorScratch);
    cursor.span = chain.readable;
    cursor.offset = 0;
    spanCopyOut(cursor, discardSegment, <u32>DISCARD_SEGMENT_SIZE);
    const sector = load<u64>(discardSegment);
    const sectorCount = load<u32>(discardSegment, 8);
    const flags = load<u32>(discardSegment, 12);
    chainDrop();
    request.sector = sector;
    request.bytes = sectorCount << SECTOR_SHIFT;
    const isReadOnly = (driveAt(device.index).flags & DRIVE_FLAG_READ_ONLY) != 0;
    if (
      isReadOnly ||
      sectorCount > <u32>VIRTIO_MAX_SECTORS ||
      !isInRange(device, sector, (<u64>sectorCount) << SECTOR_SHIFT)
    ) {
      status = VIRTIO_BLK_S_IOERR;
    } else if ((flags & ~DISCARD_FLAG_UNMAP) != 0 || (flags & DISCARD_FLAG_UNMAP) != 0) {
      status = VIRTIO_BLK_S_UNSUPP;
    } else {
      backendDiscard(
        device.index,
        device.cacheMode,
        sector,
        (<u64>sectorCount) << SECTOR_SHIFT,
        changetype<usize>(request),
      );
      return true;
    }
  } else {
    chainDrop();
  }
  finishNow(device, request, status);
  return true;
}

function handleGetId(device: VirtioDevice, request: VirtioRequest): void {
  request.operation = OP_READ;
  let digits = device.index;
  for (let place: usize = 13; place > 9; place--) {
    store<u8>(serial + place, <u8>(0x30 + (digits % 10)));
    digits /= 10;
  }
  const cursor = changetype<SpanCursor>(cursorScratch);
  cursor.span = chain.writable;
  cursor.offset = 0;
  spanCopyIn(cursor, serial, <u32>min<u64>(chain.writableBytes - 1, VIRTIO_BLK_ID_BYTES));
  chainDrop();
  finishNow(device, request, VIRTIO_BLK_S_OK);
}

const cursorScratch: usize = memory.data(16, 16);

/** Serves the chain in `chain`. False: a fatal driver error. */
function handleRequest(device: VirtioDevice, request: VirtioRequest): bool {
  const type = <u32>chain.header0;
  memory.fill(changetype<usize>(request), 0, offsetof<VirtioRequest>());
  request.device = changetype<usize>(device);
  request.sector = chain.header1;
  request.head = chain.head;
  request.statusAddress = chain.statusAddress;
  request.writableBytes = <u32>chain.writableBytes;
  device.inFlight++;
  if (recording()) {
    record(
      RECORD_GUEST_REQUEST,
      type & 0xff,
      device.index,
      chain.head,
      chain.header1,
      <u32>(chain.readableBytes + chain.writableBytes - 1),
      chain.head,
    );
  }
  switch (type & ~(TYPE_OUT | TYPE_BARRIER)) {
    case VIRTIO_BLK_T_IN:
      handleTransfer(device, request, (type & TYPE_OUT) == VIRTIO_BLK_T_OUT);
      return true;
    case VIRTIO_BLK_T_FLUSH:
      request.operation = OP_FLUSH;
      chainDrop();
      if (multireqCount() > 0 && multireqIsWrite()) submitMultireq(device);
      backendFlush(device.index, device.cacheMode, changetype<usize>(request));
      return true;
    case VIRTIO_BLK_T_GET_ID:
      handleGetId(device, request);
      return true;
    case VIRTIO_BLK_T_DISCARD & ~1:
      return handleDiscard(device, request, (type & TYPE_OUT) != 0);
    default:
      chainDrop();
      finishNow(device, request, VIRTIO_BLK_S_UNSUPP);
      return true;
  }
}

function setStalled(device: VirtioDevice, isStalled: bool): void {
  if ((device.isStalled != 0) == isStalled) return;
  device.isStalled = isStalled ? 1 : 0;
  if (isStalled) virtio.stalledCount++;
  else virtio.stalledCount--;
}

function drain(device: VirtioDevice): void {
  const queue = queueOf(device);
  setStalled(device, false);
  while (device.isBroken == 0) {
    const request = poolTake(virtioRequestPool);
    if (request == 0) {
      setStalled(device, true);
      break;
    }
    const popped = queuePop(queue);
    if (popped != POP_CHAIN) {
      poolGive(virtioRequestPool, request);
      if (popped == POP_LATER) {
        setStalled(device, true);
        spanAwait();
      }
      if (popped == POP_BROKEN) device.isBroken = 1;
      break;
    }
    if (!handleRequest(device, changetype<VirtioRequest>(request))) device.isBroken = 1;
  }
  if (multireqCount() > 0) submitMultireq(device);
}

/** Records and spans are shared: what one device gave back serves whichever device waits, in turn, until it is used up. */
function drainStalled(): void {
  for (let left = virtio.count; left > 0 && virtio.stalledCount > 0; left--) {
    const device = deviceAt(virtio.nextStalled);
    virtio.nextStalled = virtio.nextStalled + 1 == virtio.count ? 0 : virtio.nextStalled + 1;
    if (device.isStalled == 0) continue;
    plugBegin();
    drain(device);
    plugEnd();
    if (device.isStalled != 0) return;
  }
}

/** The driver's kick. 0, ENODEV for no such device, EINVAL for a queue that is not set up. A broken device ignores it. */
export function virtioNotify(index: u32): i32 {
  if (index >= virtio.count) return -ENODEV;
  const device = deviceAt(index);
  if (device.size == 0) return -EINVAL;
  plugBegin();
  drain(device);
  plugEnd();
  return 0;
}

function countDone(operation: u32): void {
  switch (operation) {
    case OP_READ:
      count(COUNTER_GUEST_READS);
      break;
    case OP_WRITE:
      count(COUNTER_GUEST_WRITES);
      break;
    case OP_FLUSH:
      count(COUNTER_GUEST_FLUSHES);
      break;
    default:
      count(COUNTER_GUEST_DISCARDS);
  }
}

/** Handler of KIND_SPANS_BACK: somebody, perhaps an AIO request, gave spans back. */
export function virtioSpansBack(_owner: usize, _result: i32): void {
  drainStalled();
}

/** Handler of KIND_BACKEND_DONE: one I/O ended; every member gets its status and its used entry. */
export function backendDone(pointer: usize, result: i32): void {
  const device = changetype<VirtioDevice>(changetype<VirtioRequest>(pointer).device);
  const status: u32 = result < 0 ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
  while (pointer != 0) {
    const request = changetype<VirtioRequest>(pointer);
    const next = request.mergedNext;
    if (result >= 0) countDone(request.operation);
    finish(device, request, status, request.writableBytes);
    pointer = next;
  }
  backendFinished();
  drainStalled();
}
