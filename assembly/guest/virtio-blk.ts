// A virtio-blk device for each drive: when its queues are looked at, and how it is stopped, resumed and reset.
//
// Verbs: blkClaim, blkInit, blkNotify, blkDriverOk, blkReset, blkResume, blkDrainBegin, blkDrainEnd, blkResize, backendDone
// (virtio_blk_handle_vq and what is around it in QEMU's hw/block/virtio-blk.c). One notification drains a queue; what each
// request asks for stands in virtio-commands.ts, how it ends in virtio-request.ts.
// Invariants: every chain that was popped gets exactly one used entry, unless the device is broken or reset; a request that
// the error policy has stopped is parsed anew when it is resumed.

import { EINVAL, ENOSPC } from '../base/errno';
import { poolGive, poolTake } from '../base/pool';
import { spanAwait } from '../base/span';
import { plugBegin, plugEnd } from '../block/queue';
import { driveAt } from '../drive/drive-table';
import {
  CONFIG_DRIVE_SERIAL,
  CONFIG_DRIVE_SIZE,
  VIRTIO_BLK_F_CONFIG_WCE,
  VIRTIO_BLK_F_FLUSH,
  VIRTIO_IO_STATUS_OK,
} from '../layout';
import { SECTOR_SHIFT } from '../limits';
import { backendDrainBegin, backendDrainEnd, backendFinished } from './block-backend';
import { hasWriteCache, isReadOnly, nodeAt } from './block-node';
import { engineBegin, engineEnd } from './engine';
import { multireqCount } from './multireq';
import { blkOffer } from './virtio-blk-config';
import { commandsInit, handleRequest, submitMultireq } from './virtio-commands';
import {
  configChanged,
  deviceAt,
  deviceBreak,
  deviceCount,
  deviceReset,
  hasFeature,
  isRunning,
  queueOf,
  resetContinues,
  VirtioDevice,
} from './virtio-device';
import {
  finishIo,
  isAwaited,
  parkRequest,
  VirtioRequest,
  virtioRequestPool,
  virtioRequestsClaim,
  virtioRequestsInit,
} from './virtio-request';
import { statsStatus } from './virtio-stats';
import {
  POP_BROKEN,
  POP_CHAIN,
  POP_LATER,
  queueListen,
  queuePop,
  queueReparse,
  queueSilence,
  Virtqueue,
} from './virtqueue';

@unmanaged
class Virtio {
  /** Devices with a queue that waits for records or spans, and the one that is looked at first when some come back. */
  stalledCount: u32;
  nextStalled: u32;
}

const virtio = changetype<Virtio>(memory.data(offsetof<Virtio>(), 16));

export function blkClaim(requestCount: u32): void {
  virtioRequestsClaim(requestCount);
}

/** `maxTransfer`: bytes of one merged I/O; `blockSize`: logical_block_size; `config`: the drives' configs. Devices and nodes have been initialised. */
export function blkInit(maxTransfer: u32, blockSize: u32, isMerging: bool, config: usize): void {
  virtioRequestsInit();
  memory.fill(changetype<usize>(virtio), 0, offsetof<Virtio>());
  commandsInit(maxTransfer, isMerging);
  for (let index: u32 = 0; index < deviceCount(); index++) {
    const device = deviceAt(index);
    device.capacity = driveAt(index).sizeSectors & ~(<u64>(blockSize >> SECTOR_SHIFT) - 1);
    device.blockSize = blockSize;
    device.serial = config + <usize>index * CONFIG_DRIVE_SIZE + CONFIG_DRIVE_SERIAL;
    device.initialWriteCache = hasWriteCache(nodeAt(index)) ? 1 : 0;
    device.writeCache = device.initialWriteCache;
    blkOffer(device, isReadOnly(nodeAt(index)));
  }
}

/** Handler of KIND_BACKEND_DONE. */
export function backendDone(pointer: usize, result: i32): void {
  const device = changetype<VirtioDevice>(changetype<VirtioRequest>(pointer).device);
  finishIo(device, pointer, result);
  backendFinished(device.index);
  resetContinues(device);
  drainStalled();
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
    parkRequest(device, request, -ENOSPC);
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
