// What a virtio-blk device has done, by operation: query-blockstats of QEMU (block/accounting.c).
//
// Verbs: statsClaim, statsAddress, statsDone, statsFailed, statsInvalid, statsMerged, statsEvent, statsStatus.
// Layout: VIRTIO_STATS_SIZE bytes of u64 for each device (layout.ts). Counting is once for each guest request, when it ends.

import { arenaClaim } from '../base/arena';
import { now } from '../base/clock';
import {
  OP_FLUSH,
  OP_READ,
  VIRTIO_STATS_BYTES,
  VIRTIO_STATS_EVENTS,
  VIRTIO_STATS_FAILED,
  VIRTIO_STATS_GROUP_SIZE,
  VIRTIO_STATS_INVALID,
  VIRTIO_STATS_MERGED,
  VIRTIO_STATS_OPERATIONS,
  VIRTIO_STATS_SIZE,
  VIRTIO_STATS_STATUS,
  VIRTIO_STATS_TIME,
} from '../layout';

const stats: usize = memory.data(8, 8);

export function statsClaim(deviceCount: u32): void {
  store<usize>(stats, arenaClaim(<u64>deviceCount * VIRTIO_STATS_SIZE, 16));
}

export function statsAddress(device: u32): usize {
  return load<usize>(stats) + <usize>device * VIRTIO_STATS_SIZE;
}

/** The counters of reads, writes (write-zeroes among them) or flushes. */
function group(device: u32, operation: u32): usize {
  const index: usize = operation == OP_READ ? 0 : operation == OP_FLUSH ? 2 : 1;
  return statsAddress(device) + index * VIRTIO_STATS_GROUP_SIZE;
}

function add(address: usize, amount: u64): void {
  store<u64>(address, load<u64>(address) + amount);
}

export function statsDone(device: u32, operation: u32, bytes: u64, submitted: u64): void {
  const counters = group(device, operation);
  add(counters + VIRTIO_STATS_OPERATIONS, 1);
  add(counters + VIRTIO_STATS_BYTES, bytes);
  add(counters + VIRTIO_STATS_TIME, now() - submitted);
}

export function statsFailed(device: u32, operation: u32): void {
  add(group(device, operation) + VIRTIO_STATS_FAILED, 1);
}

export function statsInvalid(device: u32, operation: u32): void {
  add(group(device, operation) + VIRTIO_STATS_INVALID, 1);
}

export function statsMerged(device: u32, operation: u32, count: u32): void {
  add(group(device, operation) + VIRTIO_STATS_MERGED, count);
}

/** An I/O error event (BLOCK_IO_ERROR). */
export function statsEvent(device: u32): void {
  add(statsAddress(device) + VIRTIO_STATS_EVENTS, 1);
}

/** I/O status: VIRTIO_IO_STATUS_…. */
export function statsStatus(device: u32, status: u32): void {
  store<u64>(statsAddress(device), status, VIRTIO_STATS_STATUS);
}
