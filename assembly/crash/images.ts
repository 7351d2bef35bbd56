// The distinct images met so far, by their hash, and which states have each of them.
//
// Verbs: imagesClaim, imagesInit, imagesForget, imagesNote, imagesLookUp, imagesSelect, visitSelect.
// Layout: an open-addressing table of numbers by hash; the images in the order in which they came; visits (states), linked by image.
// Invariant: an image is counted once, whatever crash points and states it comes from; its first and last crash point are the
// outermost of them. When visits are used up states are still counted, only no longer listed.

import { arenaClaim } from '../base/arena';
import { ENOENT, ENOSPC } from '../base/errno';
import { report } from './tables';
import { epoch } from './uncertain';

@unmanaged
class Distinct {
  low: u64;
  high: u64;
  firstPoint: u32;
  lastPoint: u32;
  states: u32;
  /** Visits count from 1. */
  firstVisit: u32;
  lastVisit: u32;
}

@unmanaged
class Visit {
  ordinal: u64;
  point: u32;
  next: u32;
}

@unmanaged
class Images {
  /** Numbers of images, counted from 1; twice as many as there may be images. */
  table: usize;
  mask: u32;
  images: usize;
  capacity: u32;
  visits: usize;
  visitCapacity: u32;
}

const images = changetype<Images>(memory.data(offsetof<Images>(), 16));

/** `capacity`: images, a power of two; `visits`: states to remember. */
export function imagesClaim(capacity: u32, visits: u32): void {
  images.capacity = capacity;
  images.mask = capacity * 2 - 1;
  images.table = arenaClaim(<u64>capacity * 8, 64);
  images.images = arenaClaim(<u64>capacity * offsetof<Distinct>(), 64);
  images.visitCapacity = visits;
  images.visits = arenaClaim((<u64>visits + 1) * offsetof<Visit>(), 64);
}

export function imagesInit(): void {
  report.distinct = 0;
  report.visitCount = 0;
  report.statesBuilt = 0;
}

function distinctAt(number: u32): Distinct {
  return changetype<Distinct>(images.images + <usize>(number - 1) * offsetof<Distinct>());
}

function visitAt(number: u32): Visit {
  return changetype<Visit>(images.visits + <usize>number * offsetof<Visit>());
}

/** Place in the table of the image with the report's hash: its number stands there, or 0. */
function placeOf(low: u64, high: u64): usize {
  let index = <u32>(low >> 32) & images.mask;
  while (true) {
    const place = images.table + ((<usize>index) << 2);
    const number = load<u32>(place);
    if (number == 0 || (distinctAt(number).low == low && distinctAt(number).high == high)) return place;
    index = (index + 1) & images.mask;
  }
}

/** Empties the table, at the cost of what is in it. */
export function imagesForget(): void {
  // the newest first: the way to one leads over older ones only
  for (let number = report.distinct; number > 0; number--) {
    store<u32>(placeOf(distinctAt(number).low, distinctAt(number).high), 0);
  }
  imagesInit();
}

/** Tells the report about the image of this number. */
function show(number: u32): void {
  const found = distinctAt(number);
  report.hashLow = found.low;
  report.hashHigh = found.high;
  report.image = number - 1;
  report.firstPoint = found.firstPoint;
  report.lastPoint = found.lastPoint;
  report.imageStates = found.states;
  report.firstVisit = found.firstVisit;
}

/** Counts the state just built, whose hash is in the report. 1 when its image is new, 0 when not; ENOSPC when it is one too many. */
export function imagesNote(ordinal: u64): i32 {
  const place = placeOf(report.hashLow, report.hashHigh);
  let number = load<u32>(place);
  const isNew = number == 0;
  if (isNew) {
    if (report.distinct == images.capacity) return -ENOSPC;
    number = ++report.distinct;
    store<u32>(place, number);
    const made = distinctAt(number);
    made.low = report.hashLow;
    made.high = report.hashHigh;
    made.firstPoint = epoch.point;
    made.lastPoint = epoch.point;
    made.states = 0;
    made.firstVisit = 0;
    made.lastVisit = 0;
  }
  const found = distinctAt(number);
  found.firstPoint = min<u32>(found.firstPoint, epoch.point);
  found.lastPoint = max<u32>(found.lastPoint, epoch.point);
  found.states++;
  report.statesBuilt += 1;
  addVisit(found, ordinal);
  show(number);
  report.isNew = isNew ? 1 : 0;
  return report.isNew;
}

function addVisit(found: Distinct, ordinal: u64): void {
  if (report.visitCount == images.visitCapacity) return;
  const number = ++report.visitCount;
  const visit = visitAt(number);
  visit.ordinal = ordinal;
  visit.point = epoch.point;
  visit.next = 0;
  if (found.firstVisit == 0) found.firstVisit = number;
  else visitAt(found.lastVisit).next = number;
  found.lastVisit = number;
}

/** Shows the image with the report's hash if it was met, without counting anything. */
export function imagesLookUp(): void {
  const number = load<u32>(placeOf(report.hashLow, report.hashHigh));
  report.isNew = number == 0 ? 1 : 0;
  if (number != 0) show(number);
}

/** Shows image number `image`, 0 to distinct - 1, in the report. 0 or ENOENT. */
export function imagesSelect(image: u32): i32 {
  if (image >= report.distinct) return -ENOENT;
  show(image + 1);
  return 0;
}

/** Shows a visit, 1 to visitCount, in the report. 0 or ENOENT. */
export function visitSelect(number: u32): i32 {
  if (number == 0 || number > report.visitCount) return -ENOENT;
  const visit = visitAt(number);
  report.visitPoint = visit.point;
  report.visitNext = visit.next;
  report.visitOrdinal = <f64>visit.ordinal;
  return 0;
}
