// Eviction, S3-FIFO: three queues (Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues are all you need for cache eviction",
// SOSP 2023, algorithm 1).
//
// Verbs: s3Init, s3Entered, s3Touched, s3Victim, s3Next, s3Left. A new page enters the small queue, or the main one when it
// has left not long ago. What reaches the end of the small queue with more than one access moves to main, its accesses
// forgotten; else it leaves, and its key is kept. What reaches the end of main goes round once more for each access.
// Layout: FIRST is the small queue, a tenth of the cache; SECOND is main; the keys that left small are shadows, as many as
// main has pages; a page's accesses, 0 to 3, are two of its policy bits.

import { FIRST, IN_SECOND, moveToFront, pushFront, SECOND, setBits, unlink } from './eviction-lists';
import { keyOf, Page, policyBits, setPolicyBits } from './page';
import { shadowAdd, shadowTake } from './shadows';

const ACCESS_SHIFT: u8 = 1;
const MOST_ACCESSES: u8 = 3;
/** From this many accesses on a page of the small queue moves to main. */
const MOVE_ACCESSES: u8 = 2;
const SMALL_SHARE: u32 = 10;

@unmanaged
class S3Fifo {
  smallCapacity: u32;
}

const s3 = changetype<S3Fifo>(memory.data(offsetof<S3Fifo>(), 16));

function smallCapacityOf(capacity: u32): u32 {
  return max<u32>(capacity / SMALL_SHARE, 1);
}

/** Keys that are remembered: as many as main has pages. */
export function s3GhostCount(capacity: u32): u32 {
  return capacity - smallCapacityOf(capacity);
}

export function s3Init(capacity: u32): void {
  s3.smallCapacity = smallCapacityOf(capacity);
}

function accessesOf(pointer: usize): u8 {
  return policyBits(changetype<Page>(pointer)) >> ACCESS_SHIFT;
}

function setAccesses(pointer: usize, accesses: u8): void {
  const page = changetype<Page>(pointer);
  setPolicyBits(page, (policyBits(page) & IN_SECOND) | (accesses << ACCESS_SHIFT));
}

export function s3Entered(pointer: usize): void {
  if (shadowTake(keyOf(pointer)) == 0) {
    pushFront(FIRST, pointer);
    return;
  }
  setBits(changetype<Page>(pointer), IN_SECOND);
  pushFront(SECOND, pointer);
}

export function s3Touched(pointer: usize): void {
  const accesses = accessesOf(pointer);
  if (accesses < MOST_ACCESSES) setAccesses(pointer, accesses + 1);
}

function isSmallFull(count: u32): bool {
  return count >= s3.smallCapacity;
}

/** The page that leaves next; those before it have moved on. */
export function s3Victim(): usize {
  while (true) {
    if (isSmallFull(FIRST.count)) {
      const pointer = FIRST.tail;
      if (accessesOf(pointer) < MOVE_ACCESSES) return pointer;
      unlink(FIRST, pointer);
      setAccesses(pointer, 0);
      setBits(changetype<Page>(pointer), IN_SECOND);
      pushFront(SECOND, pointer);
    } else {
      const pointer = SECOND.tail;
      const accesses = accessesOf(pointer);
      if (accesses == 0) return pointer;
      setAccesses(pointer, accesses - 1);
      moveToFront(SECOND, pointer);
    }
  }
}

/** The page that s3Victim would answer, without moving one. */
export function s3Next(): usize {
  let count = FIRST.count;
  let pointer = FIRST.tail;
  for (; isSmallFull(count); count--) {
    if (accessesOf(pointer) < MOVE_ACCESSES) return pointer;
    pointer = changetype<Page>(pointer).lruPrevious;
  }
  // the first of the least accessed in main; what would move there from the small queue stands behind all others
  let least: usize = 0;
  for (pointer = SECOND.tail; pointer != 0; pointer = changetype<Page>(pointer).lruPrevious) {
    if (least == 0 || accessesOf(pointer) < accessesOf(least)) least = pointer;
  }
  const hasMoved = count < FIRST.count;
  return hasMoved && (least == 0 || accessesOf(least) > 0) ? FIRST.tail : least;
}

/** The page leaves for good: the key of one of the small queue is remembered. */
export function s3Left(pointer: usize): void {
  if ((policyBits(changetype<Page>(pointer)) & IN_SECOND) == 0) shadowAdd(keyOf(pointer), 0, false);
}
