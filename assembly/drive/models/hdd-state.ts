// One rotating disk: what it is made of, where its head is, and what it has to do.
//
// The files beside this one work on it: hdd-geometry (where a sector is), hdd-seek (how long the arm moves), hdd-media (what passes
// under the head when), hdd-read-ahead and hdd-write-cache (its buffer), hdd.ts (what is done next).
// Verbs: hddParameter, hddOf, revolutionNs.
// Layout: an Hdd, its zones, the entries of its write cache. Times are virtual nanoseconds, angles nanoseconds of a revolution.

import { HDD_RPM } from '../../layout';
import { Drive } from '../drive-table';

const MINUTE_NS: u64 = 60000000000;

@unmanaged
export class Hdd {
  drive: usize;
  // the platters
  revolution: u64;
  heads: u32;
  zoneCount: u32;
  zones: usize;
  cylinders: u64;
  sectors: u64;
  /** By how much the next track of a cylinder, and the first one of the next cylinder, begins later. */
  trackSkew: u64;
  cylinderSkew: u64;
  // the arm
  seekTrack: u64;
  seekKnee: u64;
  seekFull: u64;
  headSwitch: u64;
  writeSettle: u64;
  // the electronics
  commandNs: u64;
  linkRate: u64;
  linkFreeAt: u64;
  reorderDepth: u32;
  /** Where the head is, from `freeAt` on. */
  head: u32;
  cylinder: u64;
  freeAt: u64;
  /** When it last did something for the host. */
  hostUntil: u64;
  idleNs: u64;
  /** What it did last was for the host. */
  wasHost: u32;
  // requests that wait: for the head; for room in the write cache; flushes, for what they cover
  waitHead: usize;
  waitTail: usize;
  roomHead: usize;
  roomTail: usize;
  flushHead: usize;
  flushTail: usize;
  // when events are due that wake it, or 0
  awaitedAt: u64;
  backgroundAt: u64;
  // reading ahead: [aheadFirst, aheadNext) is in the buffer; if it is running, aheadNext passes the head at aheadTime or later
  readAhead: u64;
  aheadFirst: u64;
  aheadNext: u64;
  aheadTime: u64;
  aheadLimit: u64;
  isReadingAhead: u32;
  // the write cache: entries by sector; the one that is being written is not among them
  entryCount: u32;
  entries: usize;
  entryCapacity: u32;
  isDestaging: u32;
  /** A write found no room, and half of the cache is not free yet. */
  isPressed: u32;
  cacheBytes: u64;
  cacheUsed: u64;
  nextSequence: u64;
  /** Where the elevator is. */
  elevator: u64;
}

export function hddOf(drive: Drive): Hdd {
  return changetype<Hdd>(drive.modelState);
}

/** Parameter number `number` of a drive. */
export function hddParameter(drive: Drive, number: u32): u64 {
  return load<u64>(drive.parameters + ((<usize>number) << 3));
}

/** Nanoseconds of one revolution. */
export function revolutionNs(drive: Drive): u64 {
  return MINUTE_NS / hddParameter(drive, HDD_RPM);
}
