// Shadows: keys of pages that left the cache, each with what was noted when it left (mm/workingset.c).
//
// Verbs: shadowsClaim, shadowAdd, shadowTake, shadowsDrop, shadowsDropRange.
// Layout: a ring of slots in the order of leaving, 16 bytes each: key (the page's key, and two bits of its middle byte),
// age, number of the next slot of the bucket + 1; and buckets of one word, the number of the first slot + 1.
// Invariant: a shadow lives until as many pages have left after it as there are slots; a key has at most one.

import { arenaClaim } from '../base/arena';
import { count, countDown } from '../base/counters';
import { COUNTER_WORKINGSET_NODES } from '../layout';
import { Inode, inodeAt } from './inode';
import { pageKey } from './page';
import { pageHash } from './page-index';

@unmanaged
export class Shadow {
  key: u64;
  /** What shadowAdd was given. */
  age: u32;
  nextSlot: u32;
}

@unmanaged
class Shadows {
  slots: usize;
  buckets: usize;
  bucketMask: u32;
  slotCount: u32;
  /** The slot that is filled next: the oldest. */
  cursor: u32;
}

const table = changetype<Shadows>(memory.data(offsetof<Shadows>(), 16));

const FILE_SHIFT: u64 = 48;
/** Bits of a slot's key that are not of the page's key: the slot is in use; the page was of the working set. */
const IN_USE: u64 = 1 << 40;
const WORKINGSET: u64 = 1 << 41;
const INDEX_MASK: u64 = IN_USE - 1;

/** Room for `slotCount` shadows; 0: none are kept. */
export function shadowsClaim(slotCount: u32): void {
  table.slotCount = slotCount;
  table.cursor = 0;
  if (slotCount == 0) return;
  let buckets: u32 = 1;
  while (buckets < slotCount) buckets <<= 1;
  table.bucketMask = buckets - 1;
  table.buckets = arenaClaim((<u64>buckets) << 2, 64);
  table.slots = arenaClaim(<u64>slotCount * offsetof<Shadow>(), 64);
}

function slotAt(slot: u32): Shadow {
  return changetype<Shadow>(table.slots + <usize>slot * offsetof<Shadow>());
}

function keyOfShadow(shadow: Shadow): u64 {
  return shadow.key & ~(IN_USE | WORKINGSET);
}

function fileOf(key: u64): Inode {
  return inodeAt(<u32>(key >> FILE_SHIFT));
}

function bucketOf(key: u64): usize {
  return table.buckets + ((<usize>(pageHash(key) & table.bucketMask)) << 2);
}

/** Address of the word that holds the number of this key's slot, or 0. */
function linkOf(key: u64): usize {
  let link = bucketOf(key);
  while (true) {
    const number = load<u32>(link);
    if (number == 0) return 0;
    const shadow = slotAt(number - 1);
    if (keyOfShadow(shadow) == key) return link;
    link = changetype<usize>(shadow) + offsetof<Shadow>('nextSlot');
  }
}

function removeAt(link: usize): Shadow {
  const shadow = slotAt(load<u32>(link) - 1);
  store<u32>(link, shadow.nextSlot);
  fileOf(shadow.key).shadowCount--;
  countDown(COUNTER_WORKINGSET_NODES, 1);
  shadow.key &= ~IN_USE;
  return shadow;
}

/** Notes that the page with this key leaves; the oldest shadow goes for it when there is no room. */
export function shadowAdd(key: u64, age: u32, isWorkingset: bool): void {
  if (table.slotCount == 0) return;
  const slot = table.cursor;
  table.cursor = slot + 1 == table.slotCount ? 0 : slot + 1;
  const shadow = slotAt(slot);
  if (shadow.key & IN_USE) removeAt(linkOf(keyOfShadow(shadow)));
  shadow.key = key | IN_USE | (isWorkingset ? WORKINGSET : 0);
  shadow.age = age;
  const bucket = bucketOf(key);
  shadow.nextSlot = load<u32>(bucket);
  store<u32>(bucket, slot + 1);
  const inode = fileOf(key);
  const end = (key & INDEX_MASK) + 1;
  if (inode.shadowCount++ == 0 || end > inode.shadowEnd) inode.shadowEnd = end;
  count(COUNTER_WORKINGSET_NODES);
}

/** Removes the shadow of this key and returns its address, whose age holds until the next shadowAdd; 0 when there is none. */
export function shadowTake(key: u64): usize {
  if (table.slotCount == 0 || fileOf(key).shadowCount == 0) return 0;
  const link = linkOf(key);
  return link == 0 ? 0 : changetype<usize>(removeAt(link));
}

/** Whether a shadow that was taken is of a page that had been active. */
export function isWorkingset(shadow: usize): bool {
  return (changetype<Shadow>(shadow).key & WORKINGSET) != 0;
}

/** Forgets the shadows of pages first ≤ index ≤ last of a file: by index if the range is the shorter, else slot by slot. */
export function shadowsDropRange(inode: Inode, first: u64, last: u64): void {
  if (inode.shadowCount == 0) return;
  const end = last < inode.shadowEnd ? last + 1 : inode.shadowEnd;
  if (first >= end) return;
  if (end - first <= <u64>table.slotCount) {
    for (let index = first; index < end && inode.shadowCount > 0; index++)
      shadowTake(pageKey(inode.index, index));
  } else {
    for (let slot: u32 = 0; slot < table.slotCount && inode.shadowCount > 0; slot++) {
      const shadow = slotAt(slot);
      if ((shadow.key & IN_USE) == 0 || shadow.key >> FILE_SHIFT != <u64>inode.index) continue;
      const index = shadow.key & INDEX_MASK;
      if (index >= first && index < end) removeAt(linkOf(keyOfShadow(shadow)));
    }
  }
  if (end == inode.shadowEnd) inode.shadowEnd = first;
}

/** Forgets the shadows of a file that is going away, or has lost all its pages. */
export function shadowsDrop(inode: Inode): void {
  shadowsDropRange(inode, 0, u64.MAX_VALUE);
}
