// Where a sector is: zones of cylinders, whose tracks have fewer sectors the further in they are.
//
// Verbs: geometryBytes, geometryInit, locate, trackAngle, sectorAngle. Sectors run along a track, then to the next head of the same cylinder, then
// to the next cylinder inwards, so a disk is fastest at its first sectors.
// Layout: the sectors of a track fall in equal steps from the first zone to the last; cylinders are shared out evenly, the
// first zones take what is left over. A disk has as many cylinders as its capacity takes, and never more zones than cylinders.
// Invariant: every sector below the capacity lies in a zone; a zone is 24 bytes: first sector u64, first cylinder u64,
// sectors of a track u32.

import {
  HDD_CAPACITY,
  HDD_CYLINDER_SKEW,
  HDD_HEADS,
  HDD_INNER_SECTORS,
  HDD_OUTER_SECTORS,
  HDD_TRACK_SKEW,
  HDD_ZONES,
} from '../../layout';
import { SECTOR_SHIFT } from '../../limits';
import { Drive } from '../drive-table';
import { Hdd, hddParameter } from './hdd-state';

const ZONE_SIZE: usize = 24;

@unmanaged
class Zone {
  firstSector: u64;
  firstCylinder: u64;
  perTrack: u32;
  padding: u32;
}

/** Where locate() has found a sector. */
@unmanaged
export class Place {
  cylinder: u64;
  head: u32;
  /** Number of the sector on its track. */
  index: u32;
  perTrack: u32;
}

export const place = changetype<Place>(memory.data(offsetof<Place>(), 16));

/** Bytes of the zones of one disk. */
export function geometryBytes(parameters: usize): u64 {
  return load<u64>(parameters + (HDD_ZONES << 3)) * ZONE_SIZE;
}

function zoneAt(hdd: Hdd, number: u32): Zone {
  return changetype<Zone>(hdd.zones + <usize>number * ZONE_SIZE);
}

/** Sectors of a track in zone `number` of `count`. */
function perTrackOf(outer: u64, inner: u64, number: u64, count: u64): u64 {
  return count == 1 ? outer : outer - ((outer - inner) * number) / (count - 1);
}

/** Sectors of one cylinder of each zone together. */
function sectorsOfZones(heads: u64, outer: u64, inner: u64, count: u64): u64 {
  let sum: u64 = 0;
  for (let number: u64 = 0; number < count; number++) sum += perTrackOf(outer, inner, number, count);
  return sum * heads;
}

/** Lays out the zones; hdd.zones has room for them. */
export function geometryInit(hdd: Hdd, drive: Drive): void {
  const heads = hddParameter(drive, HDD_HEADS);
  const outer = hddParameter(drive, HDD_OUTER_SECTORS);
  const inner = min<u64>(hddParameter(drive, HDD_INNER_SECTORS), outer);
  hdd.sectors = max<u64>(hddParameter(drive, HDD_CAPACITY) >> SECTOR_SHIFT, drive.sizeSectors);
  const least = (hdd.sectors + heads * outer - 1) / (heads * outer);
  const count = min<u64>(hddParameter(drive, HDD_ZONES), least);
  const turn = sectorsOfZones(heads, outer, inner, count);
  hdd.heads = <u32>heads;
  hdd.zoneCount = <u32>count;
  // whole turns through all zones, then one cylinder more for each zone from the outermost on until all fits
  const each = hdd.sectors / turn;
  let left = hdd.sectors % turn;
  let sector: u64 = 0;
  let cylinder: u64 = 0;
  for (let number: u32 = 0; number < hdd.zoneCount; number++) {
    const zone = zoneAt(hdd, number);
    zone.firstSector = sector;
    zone.firstCylinder = cylinder;
    zone.perTrack = <u32>perTrackOf(outer, inner, number, count);
    let cylinders = each;
    const perCylinder = heads * zone.perTrack;
    if (left > 0) {
      cylinders++;
      left -= min<u64>(left, perCylinder);
    }
    sector += cylinders * perCylinder;
    cylinder += cylinders;
  }
  hdd.cylinders = cylinder;
  const trackSkew = hddParameter(drive, HDD_TRACK_SKEW);
  const cylinderSkew = hddParameter(drive, HDD_CYLINDER_SKEW);
  hdd.trackSkew = (trackSkew != 0 ? trackSkew : hdd.headSwitch) % hdd.revolution;
  hdd.cylinderSkew =
    (cylinderSkew != 0 ? cylinderSkew : max<u64>(hdd.seekTrack, hdd.headSwitch)) % hdd.revolution;
}

/** Finds a sector: see `place`. */
export function locate(hdd: Hdd, sector: u64): void {
  let low: u32 = 0;
  let high = hdd.zoneCount - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (zoneAt(hdd, middle).firstSector <= sector) low = middle;
    else high = middle - 1;
  }
  const zone = zoneAt(hdd, low);
  const perCylinder = <u64>zone.perTrack * hdd.heads;
  const inZone = sector - zone.firstSector;
  const inCylinder = inZone % perCylinder;
  place.cylinder = zone.firstCylinder + inZone / perCylinder;
  place.head = <u32>(inCylinder / zone.perTrack);
  place.index = <u32>(inCylinder % zone.perTrack);
  place.perTrack = zone.perTrack;
}

/** Angle at which a track begins. */
export function trackAngle(hdd: Hdd, cylinder: u64, head: u32): u64 {
  const perCylinder = ((<u64>hdd.heads - 1) * hdd.trackSkew + hdd.cylinderSkew) % hdd.revolution;
  return ((cylinder % hdd.revolution) * perCylinder + <u64>head * hdd.trackSkew) % hdd.revolution;
}

/** Angle from the start of a track to where sector `index` of `perTrack` begins, or the one before it ends. */
export function sectorAngle(hdd: Hdd, index: u32, perTrack: u32): u64 {
  return (<u64>index * hdd.revolution) / perTrack;
}
