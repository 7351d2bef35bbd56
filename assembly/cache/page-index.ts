// The page index: (file, page index) → page, an open-addressing table.
//
// Verbs: indexClaim, indexFind, indexInsert, indexRemove.
// Layout: 8-byte slots: hash (low word), page number + 1 (high word; 0: empty). The hash keeps the low four bits of
// the page index, so the 16 pages of an aligned 64 KiB stand side by side and a sequential walk stays in a cache line.
// Invariant: at most half full; linear probing without tombstones (removal shifts later entries back).

import { arenaClaim } from '../base/arena';
import { mix32 } from '../base/hash';
import { keyOf, pageAtNumber, pageNumber } from './page';

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
  let slots: u32 = 64;
  while (slots < pageCount * 2) slots <<= 1;
  table.mask = slots - 1;
  table.base = arenaClaim((<u64>slots) << 3, 64);
}

function hashKey(key: u64): u32 {
  const group = key >> GROUP_BITS;
  return (mix32(<u32>group ^ (<u32>(group >> 32) * 0x9e3779b1)) << GROUP_BITS) | (<u32>key & GROUP_MASK);
}

function slotAddress(slot: u32): usize {
  return table.base + ((<usize>slot) << 3);
}

/** The page with this key (pageKey), or 0. */
export function indexFind(key: u64): usize {
  const hash = hashKey(key);
  let slot = hash & table.mask;
  while (true) {
    const entry = load<u64>(slotAddress(slot));
    if (entry == 0) return 0;
    if (<u32>entry == hash) {
      const page = pageAtNumber(<u32>(entry >> 32) - 1);
      if (keyOf(page) == key) return page;
    }
    slot = (slot + 1) & table.mask;
  }
}

/** Enters a page whose key fields are set. The key must not be there yet. */
export function indexInsert(page: usize): void {
  const hash = hashKey(keyOf(page));
  let slot = hash & table.mask;
  while (load<u64>(slotAddress(slot)) != 0) slot = (slot + 1) & table.mask;
  store<u64>(slotAddress(slot), <u64>hash | ((<u64>(pageNumber(page) + 1)) << 32));
}

export function indexRemove(page: usize): void {
  const wanted = pageNumber(page) + 1;
  let hole = hashKey(keyOf(page)) & table.mask;
  while (<u32>(load<u64>(slotAddress(hole)) >> 32) != wanted) {
    assert(load<u64>(slotAddress(hole)) != 0, 'a page is missing from the index');
    hole = (hole + 1) & table.mask;
  }
  let slot = hole;
  while (true) {
    slot = (slot + 1) & table.mask;
    const entry = load<u64>(slotAddress(slot));
    if (entry == 0) break;
    const home = <u32>entry & table.mask;
    // an entry may move back to the hole unless its home lies behind the hole (cyclically)
    if (((slot - home) & table.mask) >= ((slot - hole) & table.mask)) {
      store<u64>(slotAddress(hole), entry);
      hole = slot;
    }
  }
  store<u64>(slotAddress(hole), 0);
}
