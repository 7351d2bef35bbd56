// Runs of whole pages out of one region of memory: first fit over a map with one byte for each page.
//
// Verbs: pageRunClaimMap, pageRunTake, pageRunGive. For the few large things that come and go while a machine runs:
// AIO rings, and the memory that USRBIO and BlueStore share between a client and the core.
// Invariant: a run that is taken overlaps no other one; a run is given back whole.

import { PAGE_SIZE } from '../limits';
import { arenaClaim } from './arena';

@unmanaged
export class PageRuns {
  /** Where the region starts: a multiple of PAGE_SIZE. Its owner claims it. */
  base: usize;
  pageCount: u32;
  usedPages: u32;
  map: usize;
}

/** Claims the map of a region of `pageCount` pages. The region and its map may lie in different memory. */
export function pageRunClaimMap(runs: PageRuns): void {
  runs.map = arenaClaim(runs.pageCount, 16);
}

/** Whole pages that `bytes` need. */
export function pagesFor(bytes: u64): u64 {
  return (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
}

/** The address of `pageCount` pages in a row (1 or more), or 0 when there are none. */
export function pageRunTake(runs: PageRuns, pageCount: u64): usize {
  let length: u64 = 0;
  for (let page: u32 = 0; page < runs.pageCount; page++) {
    length = load<u8>(runs.map + page) == 0 ? length + 1 : 0;
    if (length < pageCount) continue;
    const first = page + 1 - <u32>pageCount;
    memory.fill(runs.map + first, 1, <usize>pageCount);
    runs.usedPages += <u32>pageCount;
    return runs.base + <usize>first * PAGE_SIZE;
  }
  return 0;
}

export function pageRunGive(runs: PageRuns, address: usize, pageCount: u32): void {
  const first = (address - runs.base) / PAGE_SIZE;
  assert(load<u8>(runs.map + first) != 0 && runs.usedPages >= pageCount, 'pages were given back twice');
  memory.fill(runs.map + first, 0, pageCount);
  runs.usedPages -= pageCount;
}
