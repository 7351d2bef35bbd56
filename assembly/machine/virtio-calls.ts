// The virtio devices as exports: the register window, the guest's memory, drain, resume, and what waits.
//
// Verbs: virtioRead, virtioWrite, virtioMemory, virtioDrainBegin, virtioDrainEnd, virtioResume, virtioResize, virtioStats. Device n
// is drive n. Waiting is virtual: a reset and a drain take events of the machine until the backend has ended what it has.

import { isClientRange } from '../base/client-memory';
import { EBUSY, EDEADLK, EINVAL, ENODEV } from '../base/errno';
import { backendInFlight } from '../guest/block-backend';
import { blkDrainBegin, blkDrainEnd, blkResize, blkResume } from '../guest/virtio-blk';
import { deviceAt, deviceCount, isInUse, VirtioDevice } from '../guest/virtio-device';
import { mmioRead, mmioWrite } from '../guest/virtio-mmio';
import { statsAddress } from '../guest/virtio-stats';
import { SECTOR_SHIFT, SECTOR_SIZE } from '../limits';
import { isOffset } from './file-calls';
import { pumpOne } from './pump';

function find(device: i32): VirtioDevice | null {
  return <u32>device < deviceCount() ? deviceAt(<u32>device) : null;
}

/** A register of `width` (1, 2 or 4) bytes at `offset` of the device's virtio-mmio window; all ones for no device. */
export function virtioRead(device: i32, offset: i32, width: i32): i32 {
  const found = find(device);
  return found == null ? -1 : <i32>mmioRead(found, <u32>offset, <u32>width);
}

/**
 * Writes a register. 0; ENODEV; EDEADLK when a reset waits for a drive that holds its completions: the status then reads 0
 * once they have come.
 */
export function virtioWrite(device: i32, offset: i32, width: i32, value: i32): i32 {
  const found = find(device);
  if (found == null) return -ENODEV;
  mmioWrite(found, <u32>offset, <u32>width, <u32>value);
  while (found.isResetting != 0) {
    if (!pumpOne()) return -EDEADLK;
  }
  return 0;
}

/**
 * Says where the guest's memory lies: its address 0 is client memory at `base`, and it has `bytes` bytes. 0; ENODEV; EBUSY
 * while the device is in use; EINVAL for a range outside client memory.
 */
export function virtioMemory(device: i32, base: i32, bytes: f64): i32 {
  const found = find(device);
  if (found == null) return -ENODEV;
  if (isInUse(found)) return -EBUSY;
  if (!isOffset(bytes) || !isClientRange(<u32>base, <u64>bytes)) return -EINVAL;
  found.guestBase = <u32>base;
  found.guestBytes = <u64>bytes;
  return 0;
}

/** Stops taking requests and waits for those in the backend. 0, ENODEV, or EDEADLK when a held drive keeps them: it is quiesced all the same. */
export function virtioDrainBegin(device: i32): i32 {
  const found = find(device);
  if (found == null) return -ENODEV;
  blkDrainBegin(found);
  while (backendInFlight(found.index) > 0) {
    if (!pumpOne()) return -EDEADLK;
  }
  return 0;
}

/** Ends the drain that was begun last. 0, ENODEV, or EINVAL when none was. */
export function virtioDrainEnd(device: i32): i32 {
  const found = find(device);
  return found == null ? -ENODEV : blkDrainEnd(found);
}

/** Goes on after an error that stopped the device: what was stopped is tried again. 0 or ENODEV. */
export function virtioResume(device: i32): i32 {
  const found = find(device);
  if (found == null) return -ENODEV;
  blkResume(found);
  return 0;
}

/** Sets the capacity, in bytes: whole logical blocks, at most the drive's. The driver gets a config interrupt. 0, ENODEV, EINVAL. */
export function virtioResize(device: i32, bytes: f64): i32 {
  const found = find(device);
  if (found == null) return -ENODEV;
  if (!isOffset(bytes) || (<u64>bytes & (SECTOR_SIZE - 1)) != 0) return -EINVAL;
  return blkResize(found, <u64>bytes >> SECTOR_SHIFT);
}

/** Address of the device's statistics (VIRTIO_STATS_…), or ENODEV. */
export function virtioStats(device: i32): i32 {
  return find(device) == null ? -ENODEV : <i32>statsAddress(<u32>device);
}
