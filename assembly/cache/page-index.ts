// The page index: (file, page index) → page.
//
// Verbs: indexClaim, indexFind, indexInsert, indexRemove, pageHash.
// Layout: buckets of one word, the first page; a page links the next one of its bucket. The bucket keeps the low four
// bits of the page index, so the 16 pages of an aligned 64 KiB have buckets side by side: a sequential walk stays in a
// cache line.
// Invariant: at least twice as many buckets as pages; a page is in at most one chain.

import { arenaClaim } from '../base/arena';
import { mix32 } from '../base/hash';
import { keyOf, Page } from './page';

const GROUP_BITS: u32 = 4;
const GROUP_MASK: u32 = 15;

@unmanaged
class PageIndex {
  base: usize;
  mask: u32;
}

const table = changetype<PageIndex>(memory.data(offsetof<PageIndex>(), 16));

/** `pageCount`: the most pages that can be in the index. */
export function indexClaim(pageCount: u32): void {
  let buckets: u32 = 64;
  while (buckets < pageCount * 2) buckets <<= 1;
  table.mask = buckets - 1;
  table.base = arenaClaim((<u64>buckets) << 2, 64);
}

/** A hash of a key that keeps its low four bits. */
export function pageHash(key: u64): u32 {
  const group = key >> GROUP_BITS;
  const hash = mix32(<u32>group ^ (<u32>(group >> 32) * 0x9e3779b1));
  return (hash << GROUP_BITS) | (<u32>key & GROUP_MASK);
}

/** Address of the bucket of a key. */
function bucketOf(key: u64): usize {
  return table.base + ((<usize>(pageHash(key) & table.mask)) << 2);
}

/** The page with this key (pageKey), or 0. */
export function indexFind(key: u64): usize {
  let page = load<usize>(bucketOf(key));
  while (page != 0 && keyOf(page) != key) page = changetype<Page>(page).indexNext;
  return page;
}

/** Enters a page whose key fields are set. The key must not be there yet. */
export function indexInsert(page: usize): void {
  const bucket = bucketOf(keyOf(page));
  changetype<Page>(page).indexNext = load<usize>(bucket);
  store<usize>(bucket, page);
}

export function indexRemove(page: usize): void {
  let link = bucketOf(keyOf(page));
  while (load<usize>(link) != page) {
    assert(load<usize>(link) != 0, 'a page is missing from the index');
    link = load<usize>(link) + offsetof<Page>('indexNext');
  }
  store<usize>(link, changetype<Page>(page).indexNext);
}
