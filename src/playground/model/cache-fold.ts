// The page cache as its records tell it.
//
// Verbs: apply (one record), beginStep, save, restore, state.
// Invariants (test/src/playground/model): pages, dirty pages and pages under write-back are as many as the core counts, after every step.

import {
  PAGE_BLOCKS_DIRTY_SHIFT,
  PAGE_BLOCKS_UPTODATE,
  RECORD_ACTIVATED,
  RECORD_BLOCKS,
  RECORD_DEACTIVATED,
  RECORD_DIRTIED,
  RECORD_ENTERED,
  RECORD_EVICTED,
  RECORD_PAGE_HIT,
  RECORD_PAGE_MISS,
  RECORD_PAGE_READ,
  RECORD_PAGES_DISCARDED,
  RECORD_PAUSED,
  RECORD_READ_IN,
  RECORD_READAHEAD,
  RECORD_REFAULT,
  RECORD_THROTTLED,
  RECORD_WRITEBACK,
  RECORD_WRITTEN,
  WRITEBACK_EVICTION,
} from '../../../assembly/layout.ts';
import type { Shape } from '../worker/protocol.ts';
import { type LookupKind, PageTable } from './page-table.ts';
import type { RecordView } from './record-store.ts';
import type { CacheState } from './types.ts';

interface Counts {
  pages: number;
  dirty: number;
  writeback: number;
  reading: number;
  hits: number;
  misses: number;
  evictions: number;
  refaults: number;
  activations: number;
  pausedUntilNs: number;
  dirtyLimitPages: number;
}

export interface SavedCache {
  readonly counts: Counts;
  readonly waiting: readonly string[];
  readonly table: ReturnType<PageTable['save']>;
}

export class CacheFold {
  readonly #table: PageTable;
  /** Pages for which a writer waits until there is room, as FILE:INDEX. */
  readonly #waiting = new Set<string>();
  /** Pages that were looked for in this step and were not there. */
  readonly #missed = new Set<string>();
  #counts: Counts = {
    pages: 0,
    dirty: 0,
    writeback: 0,
    reading: 0,
    hits: 0,
    misses: 0,
    evictions: 0,
    refaults: 0,
    activations: 0,
    pausedUntilNs: 0,
    dirtyLimitPages: 0,
  };

  constructor(shape: Shape) {
    this.#table = new PageTable(shape.cachePages, shape.blocksAPage);
  }

  beginStep(): void {
    if (this.#table.lookups.size > 0) this.#table.lookups.clear();
    if (this.#missed.size > 0) this.#missed.clear();
  }

  apply(kind: number, record: RecordView): void {
    switch (kind) {
      case RECORD_PAGE_HIT:
        this.#lookUp(record, 'hit');
        break;
      case RECORD_PAGE_MISS:
        this.#lookUp(record, 'miss');
        break;
      case RECORD_ENTERED:
        this.#enter(record.device, record.address);
        break;
      case RECORD_READ_IN:
        this.#readIn(record);
        break;
      case RECORD_PAGE_READ:
        this.#read(record);
        break;
      case RECORD_BLOCKS:
        if (record.detail !== 0) this.#leaveForDrive(this.#enter(record.device, record.address));
        this.#setBlocks(this.#enter(record.device, record.address), record.id);
        break;
      case RECORD_DIRTIED:
      case RECORD_PAGES_DISCARDED:
        this.#setBlocks(this.#enter(record.device, record.address), record.id);
        break;
      case RECORD_WRITEBACK:
        this.#writeBack(record);
        break;
      case RECORD_WRITTEN:
        this.#written(record);
        break;
      case RECORD_EVICTED:
        this.#evict(record);
        break;
      case RECORD_THROTTLED:
        this.#waiting.add(`${record.device}:${record.address}`);
        break;
      case RECORD_PAUSED:
        this.#counts.pausedUntilNs = record.timeNs + record.address;
        this.#counts.dirtyLimitPages = record.detail >>> 0;
        break;
      case RECORD_ACTIVATED:
      case RECORD_DEACTIVATED:
        this.#activate(record, kind === RECORD_ACTIVATED);
        break;
      case RECORD_REFAULT:
        this.#counts.refaults++;
        break;
      case RECORD_READAHEAD:
        this.#ahead(record);
        break;
    }
  }

  #enter(file: number, index: number): number {
    const found = this.#table.find(file, index);
    if (found >= 0) return found;
    this.#counts.pages++;
    if (this.#waiting.size > 0) this.#waiting.delete(`${file}:${index}`);
    const slot = this.#table.enter(file, index);
    if (this.#missed.size > 0 && this.#missed.has(`${file}:${index}`)) this.#table.lookups.set(slot, 'miss');
    return slot;
  }

  #lookUp(record: RecordView, kind: LookupKind): void {
    if (kind === 'hit') this.#counts.hits++;
    else this.#counts.misses++;
    const slot = this.#table.find(record.device, record.address);
    if (slot < 0) {
      this.#missed.add(`${record.device}:${record.address}`);
      return;
    }
    this.#table.lookups.set(slot, kind);
    this.#table.setAhead(slot, false);
  }

  #readIn(record: RecordView): void {
    const { device, address, count } = record;
    for (let index = address; index < address + count; index++) {
      const slot = this.#enter(device, index);
      if (this.#table.reads[slot] === 0) this.#counts.reading++;
      (this.#table.reads[slot] as number)++;
    }
  }

  #read(record: RecordView): void {
    const slot = this.#table.find(record.device, record.address);
    if (slot < 0) return;
    if ((this.#table.reads[slot] as number) > 0) {
      (this.#table.reads[slot] as number)--;
      if (this.#table.reads[slot] === 0) this.#counts.reading--;
    }
    this.#setBlocks(slot, record.id);
  }

  #setBlocks(slot: number, blocks: number): void {
    const wasDirty = this.#table.dirty[slot] !== 0;
    this.#table.uptodate[slot] = blocks & PAGE_BLOCKS_UPTODATE;
    this.#table.dirty[slot] = blocks >>> PAGE_BLOCKS_DIRTY_SHIFT;
    const isDirty = this.#table.dirty[slot] !== 0;
    if (isDirty !== wasDirty) this.#counts.dirty += isDirty ? 1 : -1;
  }

  /** All dirty blocks of the pages are on their way; a second run of a page that is on its way already changes nothing. */
  #writeBack(record: RecordView): void {
    const { device, address, count } = record;
    const isLeaving = record.detail === WRITEBACK_EVICTION;
    for (let index = address; index < address + count; index++) {
      let slot = this.#enter(device, index);
      if (isLeaving) slot = this.#table.stepAside(slot);
      this.#leaveForDrive(slot);
    }
  }

  #leaveForDrive(slot: number): void {
    const dirty = this.#table.dirty[slot] as number;
    if (this.#table.writeback[slot] !== 0) return;
    if (dirty !== 0) this.#counts.dirty--;
    this.#table.writeback[slot] = dirty === 0 ? this.#table.wholePage : dirty;
    this.#table.dirty[slot] = 0;
    this.#counts.writeback++;
  }

  #written(record: RecordView): void {
    const slot = this.#table.find(record.device, record.address);
    if (slot < 0 || this.#table.writeback[slot] === 0) return;
    this.#table.writeback[slot] = 0;
    this.#counts.writeback--;
  }

  #evict(record: RecordView): void {
    const slot = this.#table.find(record.device, record.address);
    this.#counts.evictions++;
    if (slot < 0) return;
    if (this.#table.dirty[slot] !== 0) this.#counts.dirty--;
    if (this.#table.writeback[slot] !== 0) this.#counts.writeback--;
    if (this.#table.reads[slot] !== 0) this.#counts.reading--;
    this.#counts.pages--;
    this.#table.leave(slot);
  }

  #activate(record: RecordView, isActive: boolean): void {
    const slot = this.#table.find(record.device, record.address);
    if (slot >= 0) this.#table.setActive(slot, isActive);
    if (isActive) this.#counts.activations++;
  }

  /** Of the window's pages, those that are on their way and that nobody has asked for yet were read ahead. */
  #ahead(record: RecordView): void {
    const { device, address } = record;
    let left = record.count;
    for (let index = address; left > 0; index++) {
      const slot = this.#table.find(device, index);
      if (slot < 0) return;
      if (this.#table.reads[slot] === 0) continue;
      left--;
      if (!this.#table.lookups.has(slot)) this.#table.setAhead(slot, true);
    }
  }

  save(): SavedCache {
    return { counts: { ...this.#counts }, waiting: [...this.#waiting], table: this.#table.save() };
  }

  restore(saved: SavedCache): void {
    this.#counts = { ...saved.counts };
    this.#waiting.clear();
    this.#missed.clear();
    for (const page of saved.waiting) this.#waiting.add(page);
    this.#table.restore(saved.table);
  }

  state(nowNs: number): CacheState {
    const counts = this.#counts;
    const isPausing = counts.pausedUntilNs > nowNs;
    return {
      capacityPages: this.#table.capacity,
      slots: this.#table.shown(),
      pageCount: counts.pages,
      dirtyCount: counts.dirty,
      writebackCount: counts.writeback,
      readingCount: counts.reading,
      hits: counts.hits,
      misses: counts.misses,
      evictions: counts.evictions,
      refaults: counts.refaults,
      activations: counts.activations,
      pausedWriters: this.#waiting.size + (isPausing ? 1 : 0),
      pausedUntilNs: isPausing ? counts.pausedUntilNs : 0,
      dirtyLimitPages: counts.dirtyLimitPages,
    };
  }
}
