// A virtio-blk device for each drive: requests from its virtqueues go through multireq to the block backend.
//
// Verbs: blkClaim, blkInit, blkNotify, blkDriverOk, blkReset, blkResume, blkDrain…, backendDone (virtio_blk_handle_vq and what it calls in
// QEMU's hw/block/virtio-blk.c). One notification drains a queue; reads and writes gather in the merge buffer, a flush pushes
// buffered writes out first, a discard or write-zeroes goes at once.
// Layout: a pool of VirtioRequest records; merged requests are linked by mergedNext, stopped ones by stoppedNext.
// Invariants: every chain that was popped gets exactly one used entry, unless the device is broken or reset; a request that
// the error policy has stopped is parsed anew when it is resumed.

import { now } from '../base/clock';
import { count, countMany } from '../base/counters';
import { KIND_BACKEND_DONE } from '../base/dispatch';
import { EINVAL, ENOSPC } from '../base/errno';
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
  COUNTER_GUEST_WRITE_ZEROES,
  COUNTER_GUEST_WRITES,
  COUNTER_GUEST_WRITES_MERGED,
  OP_DISCARD,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
  OP_WRITE_ZEROES,
  RECORD_GUEST_DONE,
  RECORD_GUEST_REQUEST,
  RECORD_GUEST_STOPPED,
  RECORD_MULTIREQ_ISSUED,
  VIRTIO_BLK_F_CONFIG_WCE,
  VIRTIO_BLK_F_DISCARD,
  VIRTIO_BLK_F_FLUSH,
  VIRTIO_BLK_F_WRITE_ZEROES,
  VIRTIO_BLK_ID_BYTES,
  VIRTIO_BLK_S_IOERR,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_S_UNSUPP,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_SCSI_CMD,
  VIRTIO_BLK_T_WRITE_ZEROES,
  VIRTIO_IO_STATUS_FAILED,
  VIRTIO_IO_STATUS_NOSPACE,
  VIRTIO_IO_STATUS_OK,
} from '../layout';
import { SECTOR_SHIFT, VIRTIO_MAX_SECTORS } from '../limits';
import {
  ACTION_IGNORE,
  ACTION_STOP,
  backendDrainBegin,
  backendDrainEnd,
  backendFinished,
  backendSubmit,
  errorAction,
} from './block-backend';
import { hasWriteCache, isReadOnly, nodeAt } from './block-node';
import { REQUEST_FUA, REQUEST_MAY_UNMAP } from './block-request';
import { engineBegin, engineEnd } from './engine';
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
import { blkOffer } from './virtio-blk-config';
import {
  configChanged,
  deviceAt,
  deviceBreak,
  deviceCount,
  deviceReset,
  deviceSignal,
  hasFeature,
  isRunning,
  queueOf,
  resetContinues,
  VirtioDevice,
} from './virtio-device';
import { statsDone, statsEvent, statsFailed, statsInvalid, statsMerged, statsStatus } from './virtio-stats';
import {
  chain,
  chainDrop,
  POP_BROKEN,
  POP_CHAIN,
  POP_LATER,
  queueListen,
  queuePop,
  queuePush,
  queueReparse,
  queueShouldSignal,
  queueSilence,
  Virtqueue,
} from './virtqueue';

/** Type bits that QEMU ignores: OUT (for the switch) and the legacy BARRIER. */
const TYPE_BARRIER: u32 = 0x80000000;
const TYPE_OUT: u32 = 1;
const SEGMENT_SIZE: u64 = 16;
const SEGMENT_FLAG_UNMAP: u32 = 1;

@unmanaged
class VirtioRequest {
  mergedNext: usize;
  stoppedNext: usize;
  device: usize;
  queue: u32;
  /** Of the queue, when the chain was popped. */
  generation: u32;
  operation: u32;
  sector: u64;
  bytes: u64;
  pieces: u32;
  spans: usize;
  spansTail: usize;
  statusAddress: usize;
  writableBytes: u32;
  head: u32;
  submitted: u64;
}

@unmanaged
class Virtio {
  /** Devices with a queue that waits for records or spans, and the one that is looked at first when some come back. */
  stalledCount: u32;
  nextStalled: u32;
}

const virtio = changetype<Virtio>(memory.data(offsetof<Virtio>(), 16));
export const virtioRequestPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const segment: usize = memory.data(16, 16);
const cursor = changetype<SpanCursor>(memory.data(offsetof<SpanCursor>(), 8));
const serial: usize = memory.data<u8>([
  0x73, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x6c, 0x61, 0x62, 0x2d, 0x30, 0x30, 0x30, 0x30, 0, 0, 0, 0, 0, 0,
]);

export function blkClaim(requestCount: u32): void {
  poolClaim(virtioRequestPool, offsetof<VirtioRequest>(), requestCount);
}

/** `maxTransfer`: bytes of one merged I/O; `blockSize`: logical_block_size. Devices and nodes have been initialised. */
export function blkInit(maxTransfer: u32, blockSize: u32, isMerging: bool): void {
  poolInit(virtioRequestPool);
  memory.fill(changetype<usize>(virtio), 0, offsetof<Virtio>());
  multireqConfigure(maxTransfer, 0, isMerging);
  for (let index: u32 = 0; index < deviceCount(); index++) {
    const device = deviceAt(index);
    device.capacity = driveAt(index).sizeSectors & ~(<u64>(blockSize >> SECTOR_SHIFT) - 1);
    device.blockSize = blockSize;
    device.initialWriteCache = hasWriteCache(nodeAt(index)) ? 1 : 0;
    device.writeCache = device.initialWriteCache;
    blkOffer(device, isReadOnly(nodeAt(index)));
  }
}

// ---- ending a request ----

/** True when the ring that a request came from is still there and its driver may see the answer. */
function isAwaited(device: VirtioDevice, request: VirtioRequest): bool {
  return isRunning(device) && queueOf(device, request.queue).generation == request.generation;
}

function finish(device: VirtioDevice, request: VirtioRequest, status: u32): void {
  if (recording()) {
    record(
      RECORD_GUEST_DONE,
      request.operation,
      device.index,
      request.head,
      request.sector,
      <u32>(request.bytes >> SECTOR_SHIFT),
      status,
    );
  }
  if (isAwaited(device, request)) {
    const queue = queueOf(device, request.queue);
    store<u8>(request.statusAddress, <u8>status);
    queuePush(queue, request.head, request.writableBytes);
    if (queueShouldSignal(queue)) deviceSignal(device);
  }
  poolGive(virtioRequestPool, changetype<usize>(request));
  device.inFlight--;
}

/** Ends a request that never reached the backend. */
function finishNow(device: VirtioDevice, request: VirtioRequest, status: u32): void {
  spanGiveChain(request.spans);
  finish(device, request, status);
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
    case OP_WRITE_ZEROES:
      count(COUNTER_GUEST_WRITE_ZEROES);
      break;
    default:
      count(COUNTER_GUEST_DISCARDS);
  }
}

function finishGood(device: VirtioDevice, request: VirtioRequest): void {
  countDone(request.operation);
  if (request.operation != OP_DISCARD)
    statsDone(device.index, request.operation, request.bytes, request.submitted);
  finish(device, request, VIRTIO_BLK_S_OK);
}

/** Parks a request until the machine goes on (werror=stop). */
function stop(device: VirtioDevice, request: VirtioRequest, errno: i32): void {
  request.stoppedNext = device.stopped;
  device.stopped = changetype<usize>(request);
  device.isStopped = 1;
  device.inFlight--;
  statsStatus(device.index, errno == -ENOSPC ? VIRTIO_IO_STATUS_NOSPACE : VIRTIO_IO_STATUS_FAILED);
  if (recording()) {
    record(
      RECORD_GUEST_STOPPED,
      request.operation,
      device.index,
      request.head,
      request.sector,
      <u32>(request.bytes >> SECTOR_SHIFT),
      <u32>errno,
    );
  }
}

/** virtio_blk_handle_rw_error for one member of an I/O. */
function finishBad(device: VirtioDevice, request: VirtioRequest, errno: i32): void {
  statsEvent(device.index);
  const action = errorAction(request.operation == OP_READ, errno);
  // a request that nobody waits for is not tried again
  if (action == ACTION_STOP && isAwaited(device, request)) {
    stop(device, request, errno);
    return;
  }
  if (action == ACTION_IGNORE) {
    finishGood(device, request);
    return;
  }
  if (request.operation != OP_DISCARD) statsFailed(device.index, request.operation);
  finish(device, request, VIRTIO_BLK_S_IOERR);
}

/** Handler of KIND_BACKEND_DONE: one I/O ended; every member gets its status and its used entry. */
export function backendDone(pointer: usize, result: i32): void {
  const device = changetype<VirtioDevice>(changetype<VirtioRequest>(pointer).device);
  while (pointer != 0) {
    const request = changetype<VirtioRequest>(pointer);
    pointer = request.mergedNext;
    request.mergedNext = 0;
    if (result < 0) finishBad(device, request, result);
    else finishGood(device, request);
  }
  backendFinished(device.index);
  resetContinues(device);
  drainStalled();
}

// ---- what the guest asks for ----

/** virtio_blk_sect_range_ok: length and sector in whole logical blocks, inside the device. */
function isInRange(device: VirtioDevice, sector: u64, bytes: u64): bool {
  const blockMask = <u64>device.blockSize - 1;
  const sectors = bytes >> SECTOR_SHIFT;
  if (sectors > <u64>VIRTIO_MAX_SECTORS || (bytes & blockMask) != 0) return false;
  if ((sector & (blockMask >> SECTOR_SHIFT)) != 0) return false;
  return sector <= device.capacity && sectors <= device.capacity - sector;
}

/** FUA for a write of a device without a write cache. */
function writeFlags(device: VirtioDevice): u32 {
  return device.writeCache == 0 ? REQUEST_FUA : 0;
}

/** One run of the merge buffer as one I/O. */
function submitRun(device: VirtioDevice, firstEntry: u32, memberCount: u32, isWrite: bool): void {
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
  const operation: u32 = isWrite ? OP_WRITE : OP_READ;
  if (memberCount > 1) {
    countMany(isWrite ? COUNTER_GUEST_WRITES_MERGED : COUNTER_GUEST_READS_MERGED, memberCount - 1);
    statsMerged(device.index, operation, memberCount - 1);
  }
  if (recording()) {
    record(
      RECORD_MULTIREQ_ISSUED,
      operation,
      device.index,
      first.head,
      first.sector,
      <u32>(bytes >> SECTOR_SHIFT),
      memberCount,
    );
  }
  backendSubmit(
    device.index,
    operation,
    first.sector << SECTOR_SHIFT,
    bytes,
    isWrite ? writeFlags(device) : 0,
    spans,
    KIND_BACKEND_DONE,
    changetype<usize>(first),
  );
}

/** Submits the runs of the merge buffer, in order of sectors. */
function submitMultireq(device: VirtioDevice): void {
  const isWrite = multireqIsWrite();
  const runCount = multireqPlan(device.index);
  for (let run: u32 = 0; run < runCount; run++)
    submitRun(device, multireqRunFirst(run), multireqRunLength(run), isWrite);
}

function refuse(device: VirtioDevice, request: VirtioRequest, operation: u32): void {
  count(COUNTER_GUEST_INVALID);
  statsInvalid(device.index, operation);
  finishNow(device, request, VIRTIO_BLK_S_IOERR);
}

function handleTransfer(device: VirtioDevice, request: VirtioRequest, isWrite: bool): void {
  request.operation = isWrite ? OP_WRITE : OP_READ;
  request.spans = isWrite ? chain.readable : chain.writable;
  request.spansTail = isWrite ? chain.readableTail : chain.writableTail;
  request.pieces = isWrite ? chain.readablePieces : chain.writablePieces;
  spanGiveChain(isWrite ? chain.writable : chain.readable);
  request.bytes = isWrite ? chain.readableBytes : chain.writableBytes - 1;
  const isRefused = isWrite && isReadOnly(nodeAt(device.index));
  if (isRefused || !isInRange(device, request.sector, request.bytes)) {
    refuse(device, request, request.operation);
    return;
  }
  if (multireqIsFull(isWrite)) submitMultireq(device);
  multireqAdd(changetype<usize>(request), request.sector, <u32>request.bytes, request.pieces, isWrite);
}

function handleFlush(device: VirtioDevice, request: VirtioRequest): void {
  request.operation = OP_FLUSH;
  chainDrop();
  if (multireqCount() > 0 && multireqIsWrite()) submitMultireq(device);
  backendSubmit(device.index, OP_FLUSH, 0, 0, 0, 0, KIND_BACKEND_DONE, changetype<usize>(request));
}

/** The status that a segment is refused with, or OK (sheet virtio-blk §6.5, in its order). */
function checkSegment(device: VirtioDevice, operation: u32): u32 {
  const sectorCount = load<u32>(segment, 8);
  const flags = load<u32>(segment, 12);
  if (isReadOnly(nodeAt(device.index)) || sectorCount > <u32>VIRTIO_MAX_SECTORS) return VIRTIO_BLK_S_IOERR;
  if (!isInRange(device, load<u64>(segment), (<u64>sectorCount) << SECTOR_SHIFT)) return VIRTIO_BLK_S_IOERR;
  if ((flags & ~SEGMENT_FLAG_UNMAP) != 0) return VIRTIO_BLK_S_UNSUPP;
  return operation == OP_DISCARD && flags != 0 ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_OK;
}

/** A discard or write-zeroes of one segment. False: the payload is too short, which breaks the device. */
function handleSegment(device: VirtioDevice, request: VirtioRequest, operation: u32, isOut: bool): bool {
  request.operation = operation;
  const payloadBytes = chain.readableBytes;
  const feature: u32 = operation == OP_DISCARD ? VIRTIO_BLK_F_DISCARD : VIRTIO_BLK_F_WRITE_ZEROES;
  const isKnown = isOut && payloadBytes <= SEGMENT_SIZE && hasFeature(device, feature);
  if (isKnown && payloadBytes < SEGMENT_SIZE) {
    chainDrop();
    return false;
  }
  let status: u32 = VIRTIO_BLK_S_UNSUPP;
  if (isKnown) {
    cursor.span = chain.readable;
    cursor.offset = 0;
    spanCopyOut(cursor, segment, <u32>SEGMENT_SIZE);
    request.sector = load<u64>(segment);
    request.bytes = (<u64>load<u32>(segment, 8)) << SECTOR_SHIFT;
    status = checkSegment(device, operation);
  }
  chainDrop();
  if (status == <u32>VIRTIO_BLK_S_IOERR) {
    refuse(device, request, operation);
    return true;
  }
  if (status != <u32>VIRTIO_BLK_S_OK) {
    finishNow(device, request, status);
    return true;
  }
  let flags: u32 = 0;
  if (operation == OP_WRITE_ZEROES) {
    flags = writeFlags(device);
    if (load<u32>(segment, 12) & SEGMENT_FLAG_UNMAP) flags |= REQUEST_MAY_UNMAP;
  }
  backendSubmit(
    device.index,
    operation,
    request.sector << SECTOR_SHIFT,
    request.bytes,
    flags,
    0,
    KIND_BACKEND_DONE,
    changetype<usize>(request),
  );
  return true;
}

/** The serial number, padded with NULs: "sectorlab-" and the device's number. */
function handleGetId(device: VirtioDevice, request: VirtioRequest): void {
  request.operation = OP_READ;
  let digits = device.index;
  for (let place: usize = 13; place > 9; place--) {
    store<u8>(serial + place, <u8>(0x30 + (digits % 10)));
    digits /= 10;
  }
  cursor.span = chain.writable;
  cursor.offset = 0;
  spanCopyIn(cursor, serial, <u32>min<u64>(chain.writableBytes - 1, VIRTIO_BLK_ID_BYTES));
  chainDrop();
  finishNow(device, request, VIRTIO_BLK_S_OK);
}

/** SCSI passthrough is not there: IOERR for too few pieces, else UNSUPP and 255 in the word before the status. */
function handleScsi(device: VirtioDevice, request: VirtioRequest): void {
  request.operation = OP_READ;
  const isWhole = chain.readableCount >= 2 && chain.writableCount >= 3;
  if (isWhole && chain.secondLastBytes >= 4) store<u32>(chain.secondLast, 255);
  chainDrop();
  finishNow(device, request, isWhole ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR);
}

/** Serves the chain in `chain`. False: a fatal driver error, and the record is free again. */
function handleRequest(device: VirtioDevice, request: VirtioRequest, queue: u32): bool {
  const type = <u32>chain.header0;
  memory.fill(changetype<usize>(request), 0, offsetof<VirtioRequest>());
  request.device = changetype<usize>(device);
  request.queue = queue;
  request.generation = queueOf(device, queue).generation;
  request.sector = chain.header1;
  request.head = chain.head;
  request.statusAddress = chain.statusAddress;
  request.writableBytes = <u32>chain.writableBytes;
  request.submitted = now();
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
  const isOut = (type & TYPE_OUT) != 0;
  let isGood = true;
  switch (type & ~(TYPE_OUT | TYPE_BARRIER)) {
    case VIRTIO_BLK_T_IN:
      handleTransfer(device, request, (type & TYPE_OUT) == VIRTIO_BLK_T_OUT);
      break;
    case VIRTIO_BLK_T_FLUSH:
      handleFlush(device, request);
      break;
    case VIRTIO_BLK_T_GET_ID:
      handleGetId(device, request);
      break;
    case VIRTIO_BLK_T_SCSI_CMD:
      handleScsi(device, request);
      break;
    case VIRTIO_BLK_T_DISCARD & ~1:
      isGood = handleSegment(device, request, OP_DISCARD, isOut);
      break;
    case VIRTIO_BLK_T_WRITE_ZEROES & ~1:
      isGood = handleSegment(device, request, OP_WRITE_ZEROES, isOut);
      break;
    default:
      chainDrop();
      finishNow(device, request, VIRTIO_BLK_S_UNSUPP);
  }
  if (isGood) return true;
  poolGive(virtioRequestPool, changetype<usize>(request));
  device.inFlight--;
  return false;
}

// ---- draining queues ----

function setStalled(device: VirtioDevice, queue: u32, isStalled: bool): void {
  const bit: u32 = 1 << queue;
  if (((device.stalledQueues & bit) != 0) == isStalled) return;
  const wasStalled = device.stalledQueues != 0;
  device.stalledQueues ^= bit;
  if ((device.stalledQueues != 0) == wasStalled) return;
  if (wasStalled) virtio.stalledCount--;
  else virtio.stalledCount++;
}

/**
 * Pops and handles until the ring is empty or something is missing. No driver runs meanwhile, so a second look at the ring
 * finds nothing; more chains than the ring has entries come from a ring that the device itself overwrites, and end the walk.
 */
function popAll(device: VirtioDevice, queue: Virtqueue, index: u32): void {
  for (let left = queue.size; left > 0 && isRunning(device); left--) {
    const request = poolTake(virtioRequestPool);
    if (request == 0) {
      setStalled(device, index, true);
      return;
    }
    const popped = queuePop(queue);
    if (popped == POP_CHAIN) {
      if (!handleRequest(device, changetype<VirtioRequest>(request), index)) deviceBreak(device);
      continue;
    }
    poolGive(virtioRequestPool, request);
    if (popped == POP_BROKEN) deviceBreak(device);
    if (popped == POP_LATER) {
      setStalled(device, index, true);
      spanAwait();
    }
    return;
  }
}

function mayPop(device: VirtioDevice, index: u32): bool {
  return (
    isRunning(device) && (device.quiesced | device.isStopped) == 0 && queueOf(device, index).isReady != 0
  );
}

/** virtio_blk_handle_vq. The caller holds a plug. */
function drainQueue(device: VirtioDevice, index: u32): void {
  // a queue that may not be looked at now is drained when it may, and no longer waits for records
  setStalled(device, index, false);
  if (!mayPop(device, index)) return;
  const queue = queueOf(device, index);
  engineBegin();
  queueSilence(queue);
  popAll(device, queue, index);
  if (device.isBroken == 0) queueListen(queue);
  if (multireqCount() > 0) submitMultireq(device);
  engineEnd();
}

function drainAll(device: VirtioDevice): void {
  plugBegin();
  for (let index: u32 = 0; index < device.queueCount; index++) drainQueue(device, index);
  plugEnd();
}

/** Records and spans are shared: what one device gave back serves whichever device waits, in turn, until it is used up. */
function drainStalled(): void {
  for (let left = deviceCount(); left > 0 && virtio.stalledCount > 0; left--) {
    const device = deviceAt(virtio.nextStalled);
    virtio.nextStalled = virtio.nextStalled + 1 == deviceCount() ? 0 : virtio.nextStalled + 1;
    if (device.stalledQueues == 0) continue;
    drainAll(device);
    if (device.stalledQueues != 0) return;
  }
}

/** Handler of KIND_SPANS_BACK: somebody, perhaps an AIO request, gave spans back. */
export function virtioSpansBack(_owner: usize, _result: i32): void {
  drainStalled();
}

/** QueueNotify. A queue that does not exist, is not ready, or must not be looked at now is passed over. */
export function blkNotify(device: VirtioDevice, value: u32): void {
  if (value >= device.queueCount) return;
  plugBegin();
  drainQueue(device, value);
  plugEnd();
}

/** DRIVER_OK was set: the write cache follows what was negotiated, and rings that hold something are served. */
export function blkDriverOk(device: VirtioDevice): void {
  const hasFlush = hasFeature(device, VIRTIO_BLK_F_FLUSH);
  if (!hasFeature(device, VIRTIO_BLK_F_CONFIG_WCE)) device.writeCache = hasFlush ? 1 : 0;
  else if (!hasFlush) device.writeCache = 0;
  drainAll(device);
}

// ---- reset, errors that stop, drain ----

/** Forgets the requests that the error policy has stopped. */
function dropStopped(device: VirtioDevice): void {
  while (device.stopped != 0) {
    const pointer = device.stopped;
    device.stopped = changetype<VirtioRequest>(pointer).stoppedNext;
    poolGive(virtioRequestPool, pointer);
  }
  device.isStopped = 0;
  statsStatus(device.index, VIRTIO_IO_STATUS_OK);
}

/** Status = 0: stopped requests never complete, requests in the backend end unseen, then the device is as at first. */
export function blkReset(device: VirtioDevice): void {
  for (let index: u32 = 0; index < device.queueCount; index++) setStalled(device, index, false);
  dropStopped(device);
  deviceReset(device);
  drainStalled();
}

/** The machine goes on: what was stopped is parsed anew, in order of arrival. A fatal error drops the rest. */
export function blkResume(device: VirtioDevice): void {
  let ordered: usize = 0;
  while (device.stopped != 0) {
    const request = changetype<VirtioRequest>(device.stopped);
    device.stopped = request.stoppedNext;
    request.stoppedNext = ordered;
    ordered = changetype<usize>(request);
  }
  device.isStopped = 0;
  statsStatus(device.index, VIRTIO_IO_STATUS_OK);
  plugBegin();
  engineBegin();
  while (ordered != 0) {
    const request = changetype<VirtioRequest>(ordered);
    ordered = request.stoppedNext;
    restart(device, request);
  }
  if (multireqCount() > 0) submitMultireq(device);
  engineEnd();
  plugEnd();
  drainAll(device);
  drainStalled();
}

function restart(device: VirtioDevice, request: VirtioRequest): void {
  const queue = request.queue;
  if (!isAwaited(device, request)) {
    poolGive(virtioRequestPool, changetype<usize>(request));
    return;
  }
  const popped = queueReparse(queueOf(device, queue), request.head);
  if (popped == POP_CHAIN) {
    if (!handleRequest(device, request, queue)) deviceBreak(device);
    return;
  }
  if (popped == POP_LATER) {
    // no span is free: it stays stopped until the next resume
    device.inFlight++;
    stop(device, request, -ENOSPC);
    return;
  }
  poolGive(virtioRequestPool, changetype<usize>(request));
  deviceBreak(device);
}

/** Nothing new is taken, neither from the rings nor by the backend. Nests. */
export function blkDrainBegin(device: VirtioDevice): void {
  device.quiesced++;
  backendDrainBegin(device.index);
}

/** The outermost end looks at the rings again. EINVAL when nothing was begun. */
export function blkDrainEnd(device: VirtioDevice): i32 {
  if (device.quiesced == 0) return -EINVAL;
  device.quiesced--;
  plugBegin();
  backendDrainEnd(device.index);
  plugEnd();
  if (device.quiesced == 0) drainAll(device);
  return 0;
}

/** block_resize: whole logical blocks within the drive. The driver is told. 0 or EINVAL. */
export function blkResize(device: VirtioDevice, sectors: u64): i32 {
  if (
    sectors > driveAt(device.index).sizeSectors ||
    (sectors & ((<u64>device.blockSize >> SECTOR_SHIFT) - 1)) != 0
  )
    return -EINVAL;
  device.capacity = sectors;
  configChanged(device);
  return 0;
}
