// What a guest may ask of a virtio-blk device, request by request (virtio_blk_handle_request of QEMU's hw/block/virtio-blk.c).
//
// Verbs: commandsInit, handleRequest, submitMultireq. Reads and writes gather in the merge buffer, a flush pushes buffered writes
// out first, a discard or write-zeroes goes at once; what can not be done is answered at once.
// Invariant: a chain that was handled is in the merge buffer, in the backend, or answered.

import { now } from '../base/clock';
import { count, countMany } from '../base/counters';
import { KIND_BACKEND_DONE } from '../base/dispatch';
import { poolGive } from '../base/pool';
import { record, recording } from '../base/record';
import { Span, SpanCursor, spanCopyIn, spanCopyOut, spanGiveChain } from '../base/span';
import {
  COUNTER_GUEST_INVALID,
  COUNTER_GUEST_READS_MERGED,
  COUNTER_GUEST_WRITES_MERGED,
  OP_DISCARD,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
  OP_WRITE_ZEROES,
  RECORD_GUEST_REQUEST,
  RECORD_MULTIREQ_ISSUED,
  VIRTIO_BLK_F_DISCARD,
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
} from '../layout';
import { SECTOR_SHIFT, VIRTIO_MAX_SECTORS } from '../limits';
import { backendSubmit } from './block-backend';
import { isReadOnly, nodeAt } from './block-node';
import { REQUEST_FUA, REQUEST_MAY_UNMAP } from './block-request';
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
import { hasFeature, queueOf, VirtioDevice } from './virtio-device';
import { finishNow, VirtioRequest, virtioRequestPool } from './virtio-request';
import { statsInvalid, statsMerged } from './virtio-stats';
import { chain, chainDrop } from './virtqueue';

/** Type bits that QEMU ignores: OUT (for the switch) and the legacy BARRIER. */
const TYPE_BARRIER: u32 = 0x80000000;
const TYPE_OUT: u32 = 1;
const SEGMENT_SIZE: u64 = 16;
const SEGMENT_FLAG_UNMAP: u32 = 1;

const segment: usize = memory.data(16, 16);
const cursor = changetype<SpanCursor>(memory.data(offsetof<SpanCursor>(), 8));
const serial: usize = memory.data<u8>([
  0x73, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x6c, 0x61, 0x62, 0x2d, 0x30, 0x30, 0x30, 0x30, 0, 0, 0, 0, 0, 0,
]);

/** `maxTransfer`: bytes of one merged I/O. */
export function commandsInit(maxTransfer: u32, isMerging: bool): void {
  multireqConfigure(maxTransfer, 0, isMerging);
}

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
export function submitMultireq(device: VirtioDevice): void {
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

/** Writes the device's number into the serial number of a drive that was given none. */
function numberSerial(index: u32): void {
  for (let place: usize = 13; place > 9; place--) {
    store<u8>(serial + place, <u8>(0x30 + (index % 10)));
    index /= 10;
  }
}

/** The serial number, padded with NULs: the drive's own, or "sectorlab-" and its number. */
function handleGetId(device: VirtioDevice, request: VirtioRequest): void {
  request.operation = OP_READ;
  const isGiven = load<u8>(device.serial) != 0;
  if (!isGiven) numberSerial(device.index);
  cursor.span = chain.writable;
  cursor.offset = 0;
  spanCopyIn(
    cursor,
    isGiven ? device.serial : serial,
    <u32>min<u64>(chain.writableBytes - 1, VIRTIO_BLK_ID_BYTES),
  );
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
export function handleRequest(device: VirtioDevice, request: VirtioRequest, queue: u32): bool {
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
