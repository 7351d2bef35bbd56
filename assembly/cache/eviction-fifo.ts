// Eviction, FIFO: the page that entered first leaves first; accesses change nothing.
//
// Verbs: fifoVictim. Layout: the FIRST list, in order of entering.

import { FIRST } from './eviction-lists';

export function fifoVictim(): usize {
  return FIRST.tail;
}
