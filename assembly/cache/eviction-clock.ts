// Eviction, CLOCK: FIFO in which an access gives a page a second chance (Corbató, "A Paging Experiment with the Multics
// System", 1968).
//
// Verbs: clockTouched, clockVictim, clockNext. A page enters with its bit clear and an access sets it; the hand, which is
// the end of the list, passes over a page whose bit is set and clears it.
// Layout: the FIRST list, the hand at its end; the page's bit ACCESSED.

import { clearBits, FIRST, moveToFront, setBits } from './eviction-lists';
import { Page, policyBits } from './page';

const ACCESSED: u8 = 2;

function isAccessed(pointer: usize): bool {
  return (policyBits(changetype<Page>(pointer)) & ACCESSED) != 0;
}

export function clockTouched(pointer: usize): void {
  setBits(changetype<Page>(pointer), ACCESSED);
}

/** The page under the hand when it has come to rest. */
export function clockVictim(): usize {
  while (isAccessed(FIRST.tail)) {
    clearBits(changetype<Page>(FIRST.tail), ACCESSED);
    moveToFront(FIRST, FIRST.tail);
  }
  return FIRST.tail;
}

/** The page that clockVictim would answer, without moving the hand. */
export function clockNext(): usize {
  let pointer = FIRST.tail;
  while (pointer != 0 && isAccessed(pointer)) pointer = changetype<Page>(pointer).lruPrevious;
  return pointer != 0 ? pointer : FIRST.tail;
}
