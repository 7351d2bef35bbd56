// A guest's request to a virtio-blk device: its record, and how it ends.
//
// Verbs: virtioRequestsClaim, virtioRequestsInit, finishNow, finishIo, parkRequest. It ends with a status byte and a used entry;
// or, after an error and as the policy says, it is parked until the machine goes on (virtio_blk_rw_complete of QEMU).
// Layout: a pool of records; the members of a merged I/O are linked by mergedNext, parked requests by stoppedNext.
// Invariant: nothing is written to the guest for a request whose ring is gone.

import { count } from '../base/counters';
import { ENOSPC } from '../base/errno';
import { Pool, poolClaim, poolGive, poolInit } from '../base/pool';
import { record, recording } from '../base/record';
import { spanGiveChain } from '../base/span';
import {
  COUNTER_GUEST_DISCARDS,
  COUNTER_GUEST_FLUSHES,
  COUNTER_GUEST_READS,
  COUNTER_GUEST_WRITE_ZEROES,
  COUNTER_GUEST_WRITES,
  OP_DISCARD,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
  OP_WRITE_ZEROES,
  RECORD_GUEST_DONE,
  RECORD_GUEST_STOPPED,
  VIRTIO_BLK_S_IOERR,
  VIRTIO_BLK_S_OK,
  VIRTIO_IO_STATUS_FAILED,
  VIRTIO_IO_STATUS_NOSPACE,
} from '../layout';
import { SECTOR_SHIFT } from '../limits';
import { ACTION_IGNORE, ACTION_STOP, errorAction } from './block-backend';
import { deviceSignal, isRunning, queueOf, VirtioDevice } from './virtio-device';
import { statsDone, statsEvent, statsFailed, statsStatus } from './virtio-stats';
import { queuePush, queueShouldSignal } from './virtqueue';

@unmanaged
export class VirtioRequest {
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

export const virtioRequestPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));

export function virtioRequestsClaim(requestCount: u32): void {
  poolClaim(virtioRequestPool, offsetof<VirtioRequest>(), requestCount);
}

export function virtioRequestsInit(): void {
  poolInit(virtioRequestPool);
}

/** True when the ring that a request came from is still there and its driver may see the answer. */
export function isAwaited(device: VirtioDevice, request: VirtioRequest): bool {
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
export function finishNow(device: VirtioDevice, request: VirtioRequest, status: u32): void {
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
export function parkRequest(device: VirtioDevice, request: VirtioRequest, errno: i32): void {
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
    parkRequest(device, request, errno);
    return;
  }
  if (action == ACTION_IGNORE) {
    finishGood(device, request);
    return;
  }
  if (request.operation != OP_DISCARD) statsFailed(device.index, request.operation);
  finish(device, request, VIRTIO_BLK_S_IOERR);
}

/** One I/O has ended: every member of it gets its status and its used entry. */
export function finishIo(device: VirtioDevice, pointer: usize, result: i32): void {
  while (pointer != 0) {
    const request = changetype<VirtioRequest>(pointer);
    pointer = request.mergedNext;
    request.mergedNext = 0;
    if (result < 0) finishBad(device, request, result);
    else finishGood(device, request);
  }
}
