// What stands where in the stack, told from records alone.
//
// Verbs: Model.apply (one entry), advanceTo (a step that made none). The views draw this and ask nothing else. Fields are as assembly/layout.ts gives them: sectors, page indexes, nanoseconds; bytes for requests.
// Invariants: a page is in one slot, or on its way out, or waiting for a slot that frees in the same step; a request is
// waiting or on one channel. The scene has one drive and one file over the whole of it.

import { OP_WRITE, WRITEBACK_EVICTION } from '../../assembly/layout.ts';
import type { MachineRecord, RecordKind } from '../records.ts';
import type { Entry } from './protocol.ts';
import type { Scene } from './scene.ts';

export type PageState = 'reading' | 'clean' | 'dirty' | 'writeback';

export interface CachedPage {
  readonly index: number;
  state: PageState;
  /** Dirtied while it was being written back. */
  isDirtyAgain: boolean;
  readsInFlight: number;
}

/** One submitter's piece of a request. */
export interface Bio {
  readonly id: number;
  readonly sector: number;
  readonly sectorCount: number;
}

export interface BlockRequest {
  readonly id: number;
  readonly operation: number;
  sector: number;
  sectorCount: number;
  bios: Bio[];
  /** Channel of the drive that serves it; -1 while it waits. */
  channel: number;
  issuedStep: number;
  issuedNs: number;
}

/** A request of the application, from io_submit to its event. */
export interface RingRequest {
  readonly iocb: number;
  readonly operation: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  isDone: boolean;
  result: number;
}

export interface VolatileWrite {
  readonly requestId: number;
  readonly sector: number;
  readonly sectorCount: number;
}

interface PageRange {
  readonly first: number;
  readonly count: number;
}

type Handler = (record: MachineRecord) => void;

export class Model {
  chapter = -1;
  step = 0;
  ring: RingRequest[] = [];
  readonly pages = new Map<number, CachedPage>();
  readonly slots: (number | undefined)[];
  readonly leaving = new Set<number>();
  /** Pages looked up in the last step. */
  readonly lookups = new Map<number, 'hit' | 'miss'>();
  readonly requests = new Map<number, BlockRequest>();
  /** Requests whose record said ISSUED in the last step. */
  issued: BlockRequest[] = [];
  readonly channels: (BlockRequest | undefined)[];
  volatileWrites: VolatileWrite[] = [];
  /** For each sector: written by the scene and on the media. */
  readonly durable: Uint8Array;
  readonly #channelFreeNs: number[];
  readonly #unplaced: number[] = [];
  readonly #readBios = new Map<number, PageRange>();
  readonly #volatileIds = new Set<number>();

  constructor(shape: Scene['shape']) {
    this.slots = new Array<number | undefined>(shape.cachePages).fill(undefined);
    this.channels = new Array<BlockRequest | undefined>(shape.channels).fill(undefined);
    this.#channelFreeNs = new Array<number>(shape.channels).fill(0);
    this.durable = new Uint8Array(shape.driveSectors);
  }

  apply(entry: Entry): void {
    this.advanceTo(entry.chapter, entry.step);
    this.#handlers[entry.record.kind]?.(entry.record);
  }

  /** A step may make no record; what belongs to the step before it is over all the same. */
  advanceTo(chapter: number, step: number): void {
    if (chapter !== this.chapter) this.ring = [];
    if (step !== this.step) {
      this.lookups.clear();
      this.issued = [];
    }
    this.chapter = chapter;
    this.step = step;
  }

  get waiting(): BlockRequest[] {
    return [...this.requests.values()].filter((request) => request.channel < 0);
  }

  readonly #handlers: Partial<Record<RecordKind, Handler>> = {
    aioAccepted: (record) => {
      this.ring.push({
        iocb: record.id,
        operation: record.operation,
        offsetBytes: record.address,
        lengthBytes: record.count,
        isDone: false,
        result: 0,
      });
    },
    aioEvent: (record) => {
      const request = this.ring.find(({ iocb, isDone }) => iocb === record.id && !isDone);
      if (request === undefined) return;
      request.isDone = true;
      request.result = record.detail;
    },
    pageHit: (record) => {
      this.lookups.set(record.address, 'hit');
    },
    pageMiss: (record) => {
      this.lookups.set(record.address, 'miss');
    },
    readIn: (record) => {
      this.#readBios.set(record.id, { first: record.address, count: record.count });
      for (const page of this.#range(record)) {
        page.state = 'reading';
        page.readsInFlight++;
      }
    },
    dirtied: (record) => {
      for (const page of this.#range(record)) {
        if (page.state === 'writeback') page.isDirtyAgain = true;
        else page.state = 'dirty';
      }
    },
    writeback: (record) => {
      for (const page of this.#range(record)) {
        page.state = 'writeback';
        if (record.detail === WRITEBACK_EVICTION) this.#leave(page.index);
      }
    },
    written: (record) => {
      for (const page of this.#range(record)) {
        page.state = page.isDirtyAgain ? 'dirty' : 'clean';
        page.isDirtyAgain = false;
      }
    },
    evicted: (record) => {
      this.#leave(record.address);
      this.leaving.delete(record.address);
      this.pages.delete(record.address);
    },
    pagesDiscarded: (record) => {
      const page = this.pages.get(record.address);
      if (page?.state === 'dirty' && record.detail === 0) page.state = 'clean';
    },
    queued: (record) => {
      const { id, operation, address: sector, count: sectorCount } = record;
      const bios = [{ id: record.detail >>> 8, sector, sectorCount }];
      this.requests.set(id, {
        id,
        operation,
        sector,
        sectorCount,
        bios,
        channel: -1,
        issuedStep: 0,
        issuedNs: 0,
      });
    },
    backMerged: (record) => this.#merge(record, false),
    frontMerged: (record) => this.#merge(record, true),
    issued: (record) => {
      const request = this.requests.get(record.id);
      if (request === undefined) return;
      request.channel = this.#freeChannel();
      request.issuedStep = this.step;
      request.issuedNs = record.timeNs;
      this.channels[request.channel] = request;
      this.issued.push(request);
    },
    volatile: (record) => {
      this.#volatileIds.add(record.id);
      this.volatileWrites.push({
        requestId: record.id,
        sector: record.address,
        sectorCount: record.count,
      });
    },
    flushed: (record) => {
      for (const write of this.volatileWrites.splice(0, record.count)) this.#settle(write);
    },
    destaged: (record) => {
      this.volatileWrites = this.volatileWrites.filter(({ requestId }) => requestId !== record.id);
      this.#settle({ requestId: record.id, sector: record.address, sectorCount: record.count });
    },
    completed: (record) => {
      const request = this.requests.get(record.id);
      if (request === undefined) return;
      this.requests.delete(record.id);
      this.channels[request.channel] = undefined;
      this.#channelFreeNs[request.channel] = record.timeNs;
      for (const bio of request.bios) this.#readDone(bio.id);
      // without a volatile cache a completed write is on the media
      if (request.operation === OP_WRITE && record.detail === 0 && !this.#volatileIds.delete(record.id)) {
        this.#settle({ requestId: record.id, sector: record.address, sectorCount: record.count });
      }
    },
  };

  #range(record: MachineRecord): CachedPage[] {
    return Array.from({ length: record.count }, (_, index) => this.#enter(record.address + index));
  }

  #enter(index: number): CachedPage {
    let page = this.pages.get(index);
    if (page === undefined) {
      page = { index, state: 'clean', isDirtyAgain: false, readsInFlight: 0 };
      this.pages.set(index, page);
      const free = this.slots.indexOf(undefined);
      if (free >= 0) this.slots[free] = index;
      else this.#unplaced.push(index);
    }
    return page;
  }

  #leave(index: number): void {
    const slot = this.slots.indexOf(index);
    if (slot < 0) return;
    this.leaving.add(index);
    this.slots[slot] = this.#unplaced.shift();
  }

  #merge(record: MachineRecord, isFront: boolean): void {
    const request = this.requests.get(record.detail);
    if (request === undefined) return;
    const bio = { id: record.id, sector: record.address, sectorCount: record.count };
    request.bios = isFront ? [bio, ...request.bios] : [...request.bios, bio];
    request.sectorCount += record.count;
    if (isFront) request.sector = record.address;
  }

  /** The core's rule (assembly/drive/service.ts): the channel that has been free longest. */
  #freeChannel(): number {
    let best = -1;
    this.channels.forEach((request, channel) => {
      if (request !== undefined) return;
      const isOlder = best < 0 || this.#freeNs(channel) < this.#freeNs(best);
      if (isOlder) best = channel;
    });
    return Math.max(best, 0);
  }

  #freeNs(channel: number): number {
    return this.#channelFreeNs[channel] ?? 0;
  }

  #readDone(bioId: number): void {
    const range = this.#readBios.get(bioId);
    if (range === undefined) return;
    this.#readBios.delete(bioId);
    for (let index = range.first; index < range.first + range.count; index++) {
      const page = this.pages.get(index);
      if (page === undefined) continue;
      page.readsInFlight--;
      if (page.readsInFlight === 0 && page.state === 'reading') page.state = 'clean';
    }
  }

  #settle({ sector, sectorCount }: VolatileWrite): void {
    this.durable.fill(1, sector, sector + sectorCount);
  }
}
