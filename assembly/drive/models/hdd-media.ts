// What passes under the head when: positioning, waiting for the platter to turn, and moving along tracks.
//
// Verbs: positionedAt, travel. The platter never stops: its angle is the virtual time modulo a revolution. A write settles
// longer before it begins; on the way from track to track skews leave just the time for the change.
// Invariant: travel() that begins where and when another one ended waits for nothing, so that a run of sectors costs the same in one
// piece or in many.

import { locate, place, sectorAngle, trackAngle } from './hdd-geometry';
import { seekNs } from './hdd-seek';
import { Hdd } from './hdd-state';

/** Where travel() has ended. */
@unmanaged
export class Journey {
  /** When the first sector began to pass, and when the last one had passed. */
  begun: u64;
  ended: u64;
  /** Sectors that had passed in time. */
  sectors: u64;
  cylinder: u64;
  head: u32;
}

export const journey = changetype<Journey>(memory.data(offsetof<Journey>(), 16));
export const FOR_EVER: u64 = u64.MAX_VALUE;

/** When a head that leaves (cylinder, head) at `time` is at the start of sector `place`, settled. */
function arriveAt(hdd: Hdd, time: u64, cylinder: u64, head: u32, settle: u64): u64 {
  const distance = cylinder < place.cylinder ? place.cylinder - cylinder : cylinder - place.cylinder;
  if (distance != 0)
    time += max<u64>(seekNs(hdd, distance), head != place.head ? hdd.headSwitch : 0) + settle;
  else if (head != place.head) time += hdd.headSwitch + settle;
  const angle = trackAngle(hdd, place.cylinder, place.head) + sectorAngle(hdd, place.index, place.perTrack);
  const wait = (angle + hdd.revolution - (time % hdd.revolution)) % hdd.revolution;
  return time + wait;
}

/** When the head, which is free to move at `time`, is at the start of a sector. */
export function positionedAt(hdd: Hdd, time: u64, sector: u64, isWrite: bool): u64 {
  locate(hdd, sector);
  return arriveAt(hdd, time, hdd.cylinder, hdd.head, isWrite ? hdd.writeSettle : 0);
}

/** Whole sectors from `place` on, at most `count`, that pass within `time`. */
function sectorsWithin(hdd: Hdd, time: u64, count: u32): u32 {
  const from = sectorAngle(hdd, place.index, place.perTrack);
  // angles are rounded down, so this may be one less than there are, or one more
  const reached = <u32>(((time + from) * place.perTrack) / hdd.revolution);
  let passed = reached > place.index ? reached - place.index : 0;
  while (passed > 0 && sectorAngle(hdd, place.index + passed, place.perTrack) - from > time) passed--;
  return min<u32>(passed, count);
}

/**
 * Moves the head, free at `time`, over `count` sectors from `sector` on: see `journey`. It stops behind the last sector that has
 * passed by `until`. The disk itself is not changed.
 */
export function travel(hdd: Hdd, time: u64, sector: u64, count: u64, isWrite: bool, until: u64): void {
  journey.begun = time;
  journey.ended = time;
  journey.sectors = 0;
  journey.cylinder = hdd.cylinder;
  journey.head = hdd.head;
  let settle: u64 = isWrite ? hdd.writeSettle : 0;
  while (journey.sectors < count) {
    locate(hdd, sector + journey.sectors);
    const arrived = arriveAt(hdd, journey.ended, journey.cylinder, journey.head, settle);
    if (arrived > until) return;
    settle = 0;
    if (journey.sectors == 0) journey.begun = arrived;
    const onTrack = <u32>min<u64>(place.perTrack - place.index, count - journey.sectors);
    const from = sectorAngle(hdd, place.index, place.perTrack);
    let passed = onTrack;
    if (arrived + sectorAngle(hdd, place.index + onTrack, place.perTrack) - from > until)
      passed = sectorsWithin(hdd, until - arrived, onTrack);
    journey.ended = arrived + sectorAngle(hdd, place.index + passed, place.perTrack) - from;
    journey.sectors += passed;
    journey.cylinder = place.cylinder;
    journey.head = place.head;
    if (passed < onTrack) return;
  }
}

/** The head is where the journey has ended. */
export function headFollows(hdd: Hdd): void {
  hdd.cylinder = journey.cylinder;
  hdd.head = journey.head;
}
