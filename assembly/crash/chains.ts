// Chains: writes of which, while they are uncertain, only the first ones can be there, in the order of the log.
//
// Verbs: chainsCount, chainsClaim, chainsLink, chainsClear, chainsAdd, chainCount, chainHead, chainHeadOf, linkEnd, isLinkLast.
// A link of a chain is a run of writes with LOG_FLAG_TOGETHER and the next write of the chain without it: they are there together or not at all.
// A run whose last write the log does not have yet is a link of its own.
// Layout: an open-addressing table of the chains by their numbers; at a crash point its writes, linked by Write.chainNext.
// Invariant: which writes are a link is found once, from the whole log. At a crash point the uncertain ones among them are what is left of it.

import { arenaClaim } from '../base/arena';
import { mix64 } from '../base/identity';
import { LOG_FLAG_TOGETHER, LOG_FLAG_UNTORN } from '../layout';
import { NEVER, report, Write, writeAt } from './tables';

@unmanaged
class Chain {
  number: u32;
  /** While the log is read: its link that is not complete, or 0. */
  openLink: u32;
  /** At a crash point: its first and last uncertain write, NEVER: none. */
  head: u32;
  tail: u32;
}

@unmanaged
class Chains {
  /** Writes of the log that are in chains: there are at most so many chains. */
  writeCount: u32;
  table: usize;
  mask: u32;
  base: usize;
  count: u32;
  /** Indices of those that have uncertain writes. */
  active: usize;
  activeCount: u32;
}

const chains = changetype<Chains>(memory.data(offsetof<Chains>(), 16));

/** Counts what chainsClaim needs. */
export function chainsCount(): void {
  chains.writeCount = 0;
  for (let index: u32 = 0; index < report.writeCount; index++) {
    if (writeAt(index).chain != 0) chains.writeCount++;
  }
}

export function chainsClaim(): void {
  let size: u32 = 1;
  while (size < chains.writeCount * 2) size <<= 1;
  chains.mask = size - 1;
  chains.table = arenaClaim(<u64>size * 4, 64);
  chains.base = arenaClaim(<u64>chains.writeCount * offsetof<Chain>(), 64);
  chains.active = arenaClaim(<u64>chains.writeCount * 4, 64);
}

function chainAt(index: u32): Chain {
  return changetype<Chain>(chains.base + <usize>(index - 1) * offsetof<Chain>());
}

/** Index of the chain of this number, counted from 1; made when there is none. */
function indexOf(number: u32): u32 {
  let at = <u32>mix64(number) & chains.mask;
  while (true) {
    const place = chains.table + ((<usize>at) << 2);
    const index = load<u32>(place);
    if (index != 0 && chainAt(index).number == number) return index;
    if (index == 0) {
      store<u32>(place, ++chains.count);
      const made = chainAt(chains.count);
      made.number = number;
      made.openLink = 0;
      made.head = NEVER;
      return chains.count;
    }
    at = (at + 1) & chains.mask;
  }
}

/** Gives each write its chain and its link, and finds those that do not tear. */
export function chainsLink(): void {
  chains.count = 0;
  chains.activeCount = 0;
  let links: u32 = 0;
  for (let index: u32 = 0; index < report.writeCount; index++) {
    const write = writeAt(index);
    write.isSolid = (write.flags & LOG_FLAG_UNTORN) != 0 ? 1 : 0;
    if (write.chain == 0) continue;
    write.chainIndex = indexOf(write.chain);
    const chain = chainAt(write.chainIndex);
    const isOpen = (write.flags & LOG_FLAG_TOGETHER) != 0;
    if (isOpen || chain.openLink != 0) write.isSolid = 1;
    write.link = chain.openLink != 0 ? chain.openLink : ++links;
    chain.openLink = isOpen ? write.link : 0;
  }
}

/** Forgets the chains of the crash point before. */
export function chainsClear(): void {
  for (let index: u32 = 0; index < chains.activeCount; index++) {
    chainAt(load<u32>(chains.active + ((<usize>index) << 2))).head = NEVER;
  }
  chains.activeCount = 0;
}

/** Adds the newest uncertain write of the crash point to its chain. */
export function chainsAdd(index: u32): void {
  const write = writeAt(index);
  write.linkFirst = index;
  if (write.chainIndex == 0) return;
  const chain = chainAt(write.chainIndex);
  write.chainNext = NEVER;
  if (chain.head == NEVER) {
    chain.head = index;
    store<u32>(chains.active + ((<usize>chains.activeCount) << 2), write.chainIndex);
    chains.activeCount++;
  } else {
    const before = writeAt(chain.tail);
    before.chainNext = index;
    if (before.link == write.link) write.linkFirst = before.linkFirst;
  }
  chain.tail = index;
}

/** Chains with uncertain writes. */
export function chainCount(): u32 {
  return chains.activeCount;
}

/** The first uncertain write of chain number `active`, 0 to chainCount - 1. */
export function chainHead(active: u32): u32 {
  return chainAt(load<u32>(chains.active + ((<usize>active) << 2))).head;
}

/** The first uncertain write of the chain that a write is in. */
export function chainHeadOf(write: Write): u32 {
  return chainAt(write.chainIndex).head;
}

/** The first write of the chain behind the link that `index` is in, or NEVER. */
export function linkEnd(index: u32): u32 {
  const link = writeAt(index).link;
  let next = writeAt(index).chainNext;
  while (next != NEVER && writeAt(next).link == link) next = writeAt(next).chainNext;
  return next;
}

/** No later uncertain write stands and falls with this one. */
export function isLinkLast(write: Write): bool {
  return write.chainIndex == 0 || write.chainNext == NEVER || writeAt(write.chainNext).link != write.link;
}
