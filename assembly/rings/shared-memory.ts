// Memory that a client and the core share while a machine runs: USRBIO buffers and rings, BlueStore's copies.
//
// Verbs: sharedClaim, sharedClaimPrivate, sharedTake, sharedGive. It is part of client memory, in whole pages.

import { arenaClaim } from '../base/arena';
import { PageRuns, pageRunClaimMap, pageRunGive, pageRunTake, pagesFor } from '../base/page-run';
import { PAGE_SIZE } from '../limits';

export const sharedRuns = changetype<PageRuns>(memory.data(offsetof<PageRuns>(), 16));

/** `bytes` are rounded up to whole pages. */
export function sharedClaim(bytes: u32): void {
  sharedRuns.pageCount = <u32>pagesFor(bytes);
  sharedRuns.base = arenaClaim(<u64>sharedRuns.pageCount * PAGE_SIZE, PAGE_SIZE);
}

/** Claims what clients may not name. */
export function sharedClaimPrivate(): void {
  pageRunClaimMap(sharedRuns);
}

/** The address of `bytes` bytes (1 or more) at a page, or 0 when they are not free. */
export function sharedTake(bytes: u64): usize {
  return pageRunTake(sharedRuns, pagesFor(bytes));
}

export function sharedGive(address: usize, bytes: u64): void {
  pageRunGive(sharedRuns, address, <u32>pagesFor(bytes));
}
