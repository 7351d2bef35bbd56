// What the host's objects know of a machine that can go back: a snapshot puts their fields back too, and what was made later is stale.
//
// Verbs: Timeline: keep, drop, save, restore. Anchor: machine, check, isStale. Linear memory goes back by itself; an object with
// fields of its own keeps itself here, and says how to put them back.
// Layout: objects are numbered as they are made; `past` lists the numbers that belong to the present history, from `open` on all do.
// Invariant: an object is stale exactly when the machine went back to before it was made, and has not come forward again.

import { StorageError } from '../errors.ts';
import type { Machine } from '../machine.ts';

const ESTALE = -116;

/** Notes an object's fields, and returns what puts them back. Called any number of times, as is what it returns. */
export type Saver = () => () => void;

/** The objects at one moment. */
export interface SavedTimeline {
  readonly past: readonly (readonly [from: number, to: number])[];
  readonly savers: ReadonlyMap<object, Saver>;
  readonly restorers: readonly (() => void)[];
}

export class Timeline {
  #made = 0;
  #open = 0;
  #past: SavedTimeline['past'] = [];
  #savers = new Map<object, Saver>();

  /** Number of a new object. */
  birth(): number {
    return this.#made++;
  }

  /** True for the number of an object that the present knows. */
  holds(birth: number): boolean {
    return birth >= this.#open || this.#past.some(([from, to]) => birth >= from && birth < to);
  }

  /** From now on snapshots put `owner` back. */
  keep(owner: object, saver: Saver): void {
    this.#savers.set(owner, saver);
  }

  /** The object is closed: only snapshots made before know it. */
  drop(owner: object): void {
    this.#savers.delete(owner);
  }

  save(): SavedTimeline {
    const present: SavedTimeline['past'] = this.#made > this.#open ? [[this.#open, this.#made]] : [];
    return {
      past: [...this.#past, ...present],
      savers: new Map(this.#savers),
      restorers: [...this.#savers.values()].map((saver) => saver()),
    };
  }

  restore(saved: SavedTimeline): void {
    this.#past = saved.past;
    this.#open = this.#made;
    this.#savers = new Map(saved.savers);
    for (const restorer of saved.restorers) restorer();
  }
}

/** An object's hold on its machine. */
export class Anchor {
  readonly #machine: Machine;
  readonly #birth: number;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#birth = machine.timeline.birth();
  }

  /** True when the machine went back to before the object was made. */
  get isStale(): boolean {
    return !this.#machine.timeline.holds(this.#birth);
  }

  /** Throws StorageError ESTALE for an object that is stale. */
  check(): void {
    if (this.isStale)
      throw new StorageError('restore', ESTALE, {
        hint: 'the machine went back to a snapshot from before this was made',
      });
  }

  /** The machine. Throws as check. */
  get machine(): Machine {
    this.check();
    return this.#machine;
  }
}

/** Saves an array's elements. */
export function saveList<T>(list: T[]): () => void {
  const copy = list.slice();
  return () => {
    list.length = 0;
    for (const element of copy) list.push(element);
  };
}

/** Saves a map's entries. */
export function saveMap<K, V>(map: Map<K, V>): () => void {
  const copy = new Map(map);
  return () => {
    map.clear();
    for (const [key, value] of copy) map.set(key, value);
  };
}
