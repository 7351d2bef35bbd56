// Eviction, exact LRU: the page whose last access is longest ago leaves first.
//
// Verbs: lruTouched, lruVictim. Only an access moves a page; a discard, a write-back or a read-in does not.
// Layout: the FIRST list, in order of the last access.

import { FIRST, moveToFront } from './eviction-lists';

export function lruTouched(pointer: usize): void {
  moveToFront(FIRST, pointer);
}

export function lruVictim(): usize {
  return FIRST.tail;
}
