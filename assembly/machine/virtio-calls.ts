// The virtio devices as exports.
// Verbs: virtioQueue (where the ring is), virtioKick (the driver's notification), virtioNeedsReset.

import { virtioIsBroken, virtioNotify, virtioSetQueue } from '../guest/virtio-blk';

export function virtioQueue(device: i32, size: i32, descriptors: i32, available: i32, used: i32): i32 {
  return virtioSetQueue(<u32>device, <u32>size, <u32>descriptors, <u32>available, <u32>used);
}

export function virtioKick(device: i32): i32 {
  return virtioNotify(<u32>device);
}

export function virtioNeedsReset(device: i32): i32 {
  return virtioIsBroken(<u32>device);
}
