// All memory of the machine, claimed once at open.
//
// Verbs: arenaStart, arenaClaim, arenaCommit. Parts first claim (addresses only, nothing is touched), then the
// memory grows, then parts initialise themselves. A machine does so once; an explorer of crash states in steps, as one tells it what the next needs.
// Layout: static data | config | claims in the order they were made.
// Invariant: when open has returned no claim is made and memory.grow is never called again.

const WASM_PAGE_SHIFT: u64 = 16;
const ADDRESS_SPACE: u64 = 0x100000000;

@unmanaged
class Arena {
  next: u64;
}

const arena = changetype<Arena>(memory.data(offsetof<Arena>(), 16));

export function arenaStart(address: usize): void {
  arena.next = <u64>address;
}

/** Reserves `bytes` at a multiple of `alignment` (a power of two). The address is meaningless when arenaCommit then fails. */
export function arenaClaim(bytes: u64, alignment: u64): usize {
  const address = (arena.next + alignment - 1) & ~(alignment - 1);
  arena.next = address + bytes;
  return <usize>address;
}

/** Bytes claimed so far, the static data and the config included. */
export function arenaBytes(): u64 {
  return arena.next;
}

/** Grows the memory to hold every claim. False when 4 GiB or the runtime's limit is passed; nothing has changed then. */
export function arenaCommit(): bool {
  const end = arena.next;
  if (end > ADDRESS_SPACE) return false;
  const pagesNeeded = <i32>((end + 0xffff) >> WASM_PAGE_SHIFT);
  const pagesHeld = memory.size();
  if (pagesNeeded <= pagesHeld) return true;
  return memory.grow(pagesNeeded - pagesHeld) >= 0;
}
