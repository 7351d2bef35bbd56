// Naive page caches, one for each eviction policy: keys in ordered maps, no page, no byte, nothing dirty.
//
// Verbs: naiveCache, access. Written from the policies' descriptions, not from assembly/cache: CLOCK turns a hand over a ring of
// slots where the core moves pages round a list, and what has left is kept in maps without a bound.

import type { Eviction } from '../../../src/core/options.ts';

export interface NaiveCache {
  /** One access; true for a hit. */
  access(page: number): boolean;
}

/** What the linux policy counts beside hits. */
export interface NaiveReclaim {
  activatedPages: number;
  deactivatedPages: number;
  takenPages: number;
  refaults: number;
  refaultsActivated: number;
  refaultsRestored: number;
}

function oldest(queue: Map<number, unknown>): number {
  return queue.keys().next().value as number;
}

class NaiveLru implements NaiveCache {
  readonly #pages = new Map<number, true>();

  constructor(
    readonly capacity: number,
    readonly movesOnHit: boolean,
  ) {}

  access(page: number): boolean {
    const isHit = this.#pages.has(page);
    if (isHit && !this.movesOnHit) return true;
    this.#pages.delete(page);
    if (this.#pages.size === this.capacity) this.#pages.delete(oldest(this.#pages));
    this.#pages.set(page, true);
    return isHit;
  }
}

class NaiveClock implements NaiveCache {
  readonly #slots: { page: number; isAccessed: boolean }[] = [];
  readonly #places = new Map<number, number>();
  #hand = 0;

  constructor(readonly capacity: number) {}

  access(page: number): boolean {
    const found = this.#slots[this.#places.get(page) ?? -1];
    if (found !== undefined) {
      found.isAccessed = true;
      return true;
    }
    if (this.#slots.length < this.capacity) {
      this.#places.set(page, this.#slots.length);
      this.#slots.push({ page, isAccessed: false });
      return false;
    }
    let slot = this.#slots[this.#hand] as { page: number; isAccessed: boolean };
    while (slot.isAccessed) {
      slot.isAccessed = false;
      this.#hand = (this.#hand + 1) % this.capacity;
      slot = this.#slots[this.#hand] as typeof slot;
    }
    this.#places.delete(slot.page);
    this.#places.set(page, this.#hand);
    slot.page = page;
    this.#hand = (this.#hand + 1) % this.capacity;
    return false;
  }
}

class NaiveS3Fifo implements NaiveCache {
  readonly #small = new Map<number, number>();
  readonly #main = new Map<number, number>();
  /** Key → how many keys had been remembered before it. */
  readonly #ghost = new Map<number, number>();
  #remembered = 0;
  readonly #smallTarget: number;

  constructor(readonly capacity: number) {
    this.#smallTarget = Math.max(Math.floor(capacity / 10), 1);
  }

  access(page: number): boolean {
    for (const queue of [this.#small, this.#main]) {
      const accesses = queue.get(page);
      if (accesses === undefined) continue;
      queue.set(page, Math.min(accesses + 1, 3));
      return true;
    }
    while (this.#small.size + this.#main.size >= this.capacity) {
      if (this.#small.size >= this.#smallTarget) this.#fromSmall();
      else this.#fromMain();
    }
    const number = this.#ghost.get(page);
    this.#ghost.delete(page);
    const isGhost = number !== undefined && this.#remembered - number <= this.capacity - this.#smallTarget;
    (isGhost ? this.#main : this.#small).set(page, 0);
    return false;
  }

  #fromSmall(): void {
    const page = oldest(this.#small);
    const accesses = this.#small.get(page) as number;
    this.#small.delete(page);
    if (accesses > 1) this.#main.set(page, 0);
    else this.#ghost.set(page, this.#remembered++);
  }

  #fromMain(): void {
    const page = oldest(this.#main);
    const accesses = this.#main.get(page) as number;
    this.#main.delete(page);
    if (accesses > 0) this.#main.set(page, accesses - 1);
  }
}

interface LinuxPage {
  isReferenced: boolean;
  wasActive: boolean;
}

export class NaiveLinux implements NaiveCache {
  readonly #inactive = new Map<number, LinuxPage>();
  readonly #active = new Map<number, LinuxPage>();
  readonly #shadows = new Map<number, { age: number; wasActive: boolean }>();
  #age = 0;
  readonly reclaim: NaiveReclaim = {
    activatedPages: 0,
    deactivatedPages: 0,
    takenPages: 0,
    refaults: 0,
    refaultsActivated: 0,
    refaultsRestored: 0,
  };

  constructor(readonly capacity: number) {}

  get activeCount(): number {
    return this.#active.size;
  }

  access(page: number): boolean {
    if (this.#active.has(page) || this.#inactive.has(page)) {
      this.#hit(page);
      return true;
    }
    if (this.#active.size + this.#inactive.size === this.capacity) this.#evict();
    const shadow = this.#shadows.get(page);
    this.#shadows.delete(page);
    const entered = { isReferenced: false, wasActive: false };
    if (shadow === undefined) {
      this.#inactive.set(page, entered);
      return false;
    }
    this.reclaim.refaults++;
    if (this.#age - shadow.age > this.#active.size) {
      this.#inactive.set(page, entered);
      return false;
    }
    this.reclaim.refaultsActivated++;
    if (shadow.wasActive) this.reclaim.refaultsRestored++;
    this.#active.set(page, { isReferenced: false, wasActive: shadow.wasActive });
    this.#age++;
    return false;
  }

  #hit(page: number): void {
    const found = (this.#active.get(page) ?? this.#inactive.get(page)) as LinuxPage;
    if (!found.isReferenced) {
      found.isReferenced = true;
    } else if (this.#inactive.delete(page)) {
      found.isReferenced = false;
      this.#active.set(page, found);
      this.#age++;
      this.reclaim.activatedPages++;
    }
  }

  #evict(): void {
    // a cache below 1 GiB: the ratio is 1
    while (this.#inactive.size < this.#active.size) {
      const page = oldest(this.#active);
      const demoted = this.#active.get(page) as LinuxPage;
      this.#active.delete(page);
      demoted.wasActive = true;
      this.#inactive.set(page, demoted);
      this.reclaim.deactivatedPages++;
    }
    const victim = oldest(this.#inactive);
    const left = this.#inactive.get(victim) as LinuxPage;
    this.#inactive.delete(victim);
    this.#shadows.set(victim, { age: this.#age++, wasActive: left.wasActive });
    this.reclaim.takenPages++;
  }
}

/** An empty cache of `capacity` pages. */
export function naiveCache(policy: Eviction, capacity: number): NaiveCache {
  switch (policy) {
    case 'linux':
      return new NaiveLinux(capacity);
    case 'lru':
      return new NaiveLru(capacity, true);
    case 'fifo':
      return new NaiveLru(capacity, false);
    case 'clock':
      return new NaiveClock(capacity);
    default:
      return new NaiveS3Fifo(capacity);
  }
}
