// The devices of a trace as files: the descriptor through which an entrance other than virtio reaches one.
//
// Verbs: descriptorOf, inodeOf, isDirect. A device is opened at its first request, with the flags of the cache mode.

import { descriptorOpen, OpenFile, openFileOf } from '../files/descriptor';
import {
  CACHE_MODE_DIRECTSYNC,
  CACHE_MODE_NONE,
  CACHE_MODE_WRITETHROUGH,
  OPEN_DIRECT,
  OPEN_DSYNC,
  OPEN_READ,
  OPEN_WRITE,
} from '../layout';
import { player } from './lot';

/** True when the cache mode goes around the page cache. */
export function isDirect(): bool {
  return player.cacheMode == CACHE_MODE_NONE || player.cacheMode == CACHE_MODE_DIRECTSYNC;
}

/** The device's descriptor, or a negative errno. */
export function descriptorOf(device: u32): i32 {
  const address = player.descriptors + ((<usize>device) << 2);
  if (load<i32>(address) != 0) return load<i32>(address);
  const mode = player.cacheMode;
  let flags: u32 = OPEN_READ | OPEN_WRITE;
  if (isDirect()) flags |= OPEN_DIRECT;
  if (mode == CACHE_MODE_WRITETHROUGH || mode == CACHE_MODE_DIRECTSYNC) flags |= OPEN_DSYNC;
  const descriptor = descriptorOpen(device, flags);
  if (descriptor > 0) store<i32>(address, descriptor);
  return descriptor;
}

/** The inode of a device that has a descriptor. */
export function inodeOf(device: u32): usize {
  return changetype<OpenFile>(openFileOf(descriptorOf(device))).inode;
}
