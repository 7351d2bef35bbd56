// The pages of the cache, by slot of the grid and by (file, index).
//
// Verbs: find, enter, leave, stepAside (into the doorway), view, save, restore.
// Layout: a column of numbers for each field, so that a whole cache is saved and put back as memory; views read the columns.
// Invariants: slots below the capacity are the grid; what is chosen to leave stands from the capacity on; a page has one slot.

import { Places } from './places.ts';
import type { CachedPage, PageState } from './types.ts';

const FLAG_USED = 1;
const FLAG_LEAVING = 2;
const FLAG_ACTIVE = 4;
const FLAG_AHEAD = 8;
const NONE = -1;

export type LookupKind = 'hit' | 'miss';

export interface SavedTable {
  readonly end: number;
  readonly columns: readonly (Uint8Array | Uint16Array | Float64Array)[];
  readonly grid: Uint8Array;
  readonly door: Uint8Array;
  readonly early: readonly number[];
}

export class PageTable {
  readonly capacity: number;
  /** The bits of a page with all its blocks. */
  readonly wholePage: number;
  #room: number;
  /** No slot from it on is used. */
  #end = 0;
  file: Uint16Array;
  index: Float64Array;
  uptodate: Uint8Array;
  dirty: Uint8Array;
  writeback: Uint8Array;
  /** Reads in flight. */
  reads: Uint8Array;
  #flags: Uint8Array;
  #next: Int32Array;
  #heads: Int32Array;
  #grid = new Places();
  #door = new Places();
  /** Slots of pages that entered while the grid was full: their victims are told later in the same step. */
  #early: number[] = [];
  readonly #views: PageView[] = [];
  #shown: (CachedPage | undefined)[] = [];
  #isShownStale = true;
  /** Slots looked up in this step. */
  readonly lookups = new Map<number, LookupKind>();

  constructor(capacity: number, blocksAPage: number) {
    this.capacity = capacity;
    this.wholePage = 2 ** blocksAPage - 1;
    this.#room = Math.max(64, capacity + 64);
    this.file = new Uint16Array(this.#room);
    this.index = new Float64Array(this.#room);
    this.uptodate = new Uint8Array(this.#room);
    this.dirty = new Uint8Array(this.#room);
    this.writeback = new Uint8Array(this.#room);
    this.reads = new Uint8Array(this.#room);
    this.#flags = new Uint8Array(this.#room);
    this.#next = new Int32Array(this.#room);
    this.#heads = new Int32Array(2 ** Math.ceil(Math.log2(this.#room))).fill(NONE);
  }

  #bucket(file: number, index: number): number {
    return (Math.imul(index >>> 0, 0x9e3779b1) ^ Math.imul(file + 1, 0x85ebca6b)) & (this.#heads.length - 1);
  }

  /** Slot of a page, or -1. */
  find(file: number, index: number): number {
    let slot = this.#heads[this.#bucket(file, index)] as number;
    while (slot !== NONE && (this.index[slot] !== index || this.file[slot] !== file))
      slot = this.#next[slot] as number;
    return slot;
  }

  /** Slot of a page that was not there. */
  enter(file: number, index: number): number {
    const slot = this.#takeGrid();
    this.file[slot] = file;
    this.index[slot] = index;
    this.uptodate[slot] = 0;
    this.dirty[slot] = 0;
    this.writeback[slot] = 0;
    this.reads[slot] = 0;
    this.#flags[slot] = FLAG_USED;
    this.#link(slot);
    return slot;
  }

  leave(slot: number): void {
    this.#unlink(slot);
    this.#flags[slot] = 0;
    this.lookups.delete(slot);
    this.#giveSlot(slot);
  }

  /** The page is chosen to leave: it stands in the doorway until it does. The slot where it is now. */
  stepAside(slot: number): number {
    if (this.isLeaving(slot)) return slot;
    const door = this.capacity + this.#door.take();
    this.#use(door);
    this.#move(slot, door);
    this.#setFlag(door, FLAG_LEAVING, true);
    this.#giveSlot(slot);
    return door;
  }

  #move(from: number, to: number): void {
    this.#unlink(from);
    for (const column of this.#columns()) column[to] = column[from] as number;
    this.#flags[to] = this.#flags[from] as number;
    this.#flags[from] = 0;
    this.#link(to);
    const lookup = this.lookups.get(from);
    if (lookup === undefined) return;
    this.lookups.delete(from);
    this.lookups.set(to, lookup);
  }

  isLeaving(slot: number): boolean {
    return ((this.#flags[slot] as number) & FLAG_LEAVING) !== 0;
  }

  isActive(slot: number): boolean {
    return ((this.#flags[slot] as number) & FLAG_ACTIVE) !== 0;
  }

  isAhead(slot: number): boolean {
    return ((this.#flags[slot] as number) & FLAG_AHEAD) !== 0;
  }

  setActive(slot: number, isActive: boolean): void {
    this.#setFlag(slot, FLAG_ACTIVE, isActive);
  }

  setAhead(slot: number, isAhead: boolean): void {
    this.#setFlag(slot, FLAG_AHEAD, isAhead);
  }

  isWhole(slot: number): boolean {
    return this.uptodate[slot] === this.wholePage;
  }

  /** By slot, undefined where none is; the same array until the next change of place. */
  shown(): readonly (CachedPage | undefined)[] {
    if (!this.#isShownStale) return this.#shown;
    this.#isShownStale = false;
    const shown = new Array<CachedPage | undefined>(Math.max(this.capacity, this.#end));
    for (let slot = 0; slot < shown.length; slot++)
      shown[slot] = slot < this.#end && this.#flags[slot] !== 0 ? this.view(slot) : undefined;
    this.#shown = shown;
    return shown;
  }

  view(slot: number): CachedPage {
    let view = this.#views[slot];
    if (view === undefined) {
      view = new PageView(this, slot);
      this.#views[slot] = view;
    }
    return view;
  }

  save(): SavedTable {
    return {
      end: this.#end,
      columns: [...this.#columns(), this.#flags].map((column) => column.slice(0, this.#end)),
      grid: this.#grid.save(),
      door: this.#door.save(),
      early: this.#early.slice(),
    };
  }

  restore(saved: SavedTable): void {
    this.#grid.restore(saved.grid);
    this.#door.restore(saved.door);
    this.#early = saved.early.slice();
    while (this.#room < saved.end) this.#grow();
    this.#flags.fill(0, 0, this.#end);
    this.#end = saved.end;
    [...this.#columns(), this.#flags].forEach((column, number) => {
      column.set(saved.columns[number] ?? []);
    });
    this.#relink();
    this.lookups.clear();
    this.#isShownStale = true;
  }

  #columns(): (Uint8Array | Uint16Array | Float64Array)[] {
    return [this.file, this.index, this.uptodate, this.dirty, this.writeback, this.reads];
  }

  #setFlag(slot: number, flag: number, isSet: boolean): void {
    const flags = this.#flags[slot] as number;
    this.#flags[slot] = isSet ? flags | flag : flags & ~flag;
  }

  #takeGrid(): number {
    const place = this.#grid.take();
    if (place < this.capacity) {
      this.#use(place);
      return place;
    }
    this.#grid.give(place);
    const door = this.capacity + this.#door.take();
    this.#use(door);
    this.#early.push(door);
    return door;
  }

  /** A slot is free: who came early takes it. */
  #giveSlot(slot: number): void {
    this.#isShownStale = true;
    if (slot >= this.capacity) {
      this.#door.give(slot - this.capacity);
      if (this.#early.length > 0) this.#early = this.#early.filter((early) => early !== slot);
      return;
    }
    const early = this.#early.shift();
    if (early === undefined) {
      this.#grid.give(slot);
      return;
    }
    this.#move(early, slot);
    this.#door.give(early - this.capacity);
  }

  #use(slot: number): void {
    while (slot >= this.#room) this.#grow();
    this.#end = Math.max(this.#end, slot + 1);
    this.#isShownStale = true;
  }

  #grow(): void {
    const room = this.#room * 2;
    const larger = <Column extends Uint8Array | Uint16Array | Float64Array>(
      column: Column,
      empty: Column,
    ): Column => {
      empty.set(column);
      return empty;
    };
    this.file = larger(this.file, new Uint16Array(room));
    this.index = larger(this.index, new Float64Array(room));
    this.uptodate = larger(this.uptodate, new Uint8Array(room));
    this.dirty = larger(this.dirty, new Uint8Array(room));
    this.writeback = larger(this.writeback, new Uint8Array(room));
    this.reads = larger(this.reads, new Uint8Array(room));
    this.#flags = larger(this.#flags, new Uint8Array(room));
    this.#next = new Int32Array(room);
    this.#heads = new Int32Array(2 ** Math.ceil(Math.log2(room)));
    this.#room = room;
    this.#relink();
  }

  #link(slot: number): void {
    const bucket = this.#bucket(this.file[slot] as number, this.index[slot] as number);
    this.#next[slot] = this.#heads[bucket] as number;
    this.#heads[bucket] = slot;
  }

  #unlink(slot: number): void {
    const bucket = this.#bucket(this.file[slot] as number, this.index[slot] as number);
    let before = NONE;
    let at = this.#heads[bucket] as number;
    while (at !== slot) {
      before = at;
      at = this.#next[at] as number;
    }
    if (before === NONE) this.#heads[bucket] = this.#next[slot] as number;
    else this.#next[before] = this.#next[slot] as number;
  }

  #relink(): void {
    this.#heads.fill(NONE);
    for (let slot = 0; slot < this.#end; slot++) if (this.#flags[slot] !== 0) this.#link(slot);
  }
}

/** What the columns say of one slot now. */
class PageView implements CachedPage {
  readonly #table: PageTable;
  readonly slot: number;

  constructor(table: PageTable, slot: number) {
    this.#table = table;
    this.slot = slot;
  }

  get key(): string {
    return `page:${this.file}:${this.index}`;
  }

  get file(): number {
    return this.#table.file[this.slot] as number;
  }

  get index(): number {
    return this.#table.index[this.slot] as number;
  }

  get uptodate(): number {
    return this.#table.uptodate[this.slot] as number;
  }

  get dirty(): number {
    return this.#table.dirty[this.slot] as number;
  }

  get writeback(): number {
    return this.#table.writeback[this.slot] as number;
  }

  get state(): PageState {
    if (this.writeback !== 0) return 'writeback';
    if ((this.#table.reads[this.slot] as number) > 0) return 'reading';
    return this.dirty === 0 ? 'clean' : 'dirty';
  }

  get isPartial(): boolean {
    return !this.#table.isWhole(this.slot);
  }

  get isDirtyAgain(): boolean {
    return this.writeback !== 0 && this.dirty !== 0;
  }

  get isLeaving(): boolean {
    return this.#table.isLeaving(this.slot);
  }

  get isActive(): boolean {
    return this.#table.isActive(this.slot);
  }

  get isAhead(): boolean {
    return this.#table.isAhead(this.slot);
  }

  get lookup(): LookupKind | undefined {
    return this.#table.lookups.get(this.slot);
  }
}
