// What stands where in the stack at one moment, told from records alone; what the lanes draw.
//
// Fields are as assembly/layout.ts gives them: sectors, page indexes, nanoseconds; bytes for requests of applications. A thing has a
// key (`request:3`, `page:0:17`) that stays its own for the whole run: views keep an element for each key, so that a change of
// place is a movement. Whatever the records do not say is not here.

import type { Shape } from '../worker/protocol.ts';

/** `ring:CLIENT:NUMBER`, `page:FILE:INDEX`, `request:ID`, `bio:ID`, `write:DRIVE:ID`, `sector:DRIVE:SECTOR`, `guest:DEVICE:NUMBER`, `record:NUMBER`, `lane:NAME`. */
export type EntityKey = string;

/** What a request does: its hue. */
export type Hue = 'read' | 'write' | 'flush' | 'discard';

/** A request of an application, from its submission until its end has been taken. */
export interface RingRequest {
  readonly key: EntityKey;
  readonly client: number;
  readonly hue: Hue;
  /** Word for what was asked: read, write, fsync … */
  readonly verb: string;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly submittedNs: number;
  state: 'prepared' | 'running' | 'done';
  /** Bytes, or a negative errno, once done. */
  result: number;
  endedNs: number;
}

export interface RingState {
  readonly client: number;
  readonly name: string;
  readonly entrance: string;
  /** Running ones, and those that have ended in the last steps, oldest first; at most 64. */
  readonly requests: readonly RingRequest[];
  /** Requests beyond those. */
  readonly hiddenCount: number;
  readonly submitted: number;
  readonly completed: number;
  readonly failed: number;
}

/** A request of a guest on its virtqueue, and the merged I/O it went into. */
export interface GuestRequest {
  readonly key: EntityKey;
  readonly hue: Hue;
  readonly sector: number;
  readonly sectorCount: number;
  state: 'waiting' | 'merged' | 'issued' | 'done';
  /** Number of the merged I/O; 0 while none. */
  group: number;
  status: number;
}

export interface GuestState {
  readonly device: number;
  readonly name: string;
  readonly requests: readonly GuestRequest[];
  readonly isStopped: boolean;
}

export type PageState = 'reading' | 'clean' | 'dirty' | 'writeback';

export interface CachedPage {
  readonly key: EntityKey;
  readonly file: number;
  readonly index: number;
  /** Place in the grid, kept while it is cached. */
  slot: number;
  state: PageState;
  /** Dirtied again while it was being written back. */
  isDirtyAgain: boolean;
  /** Chosen to leave: it is being written first. */
  isLeaving: boolean;
  isActive: boolean;
  /** Brought in by readahead and not used yet. */
  isAhead: boolean;
  /** Looked up in this step. */
  lookup: 'hit' | 'miss' | undefined;
}

export interface CacheState {
  readonly capacityPages: number;
  /** By slot; undefined: empty. */
  readonly slots: readonly (CachedPage | undefined)[];
  readonly pageCount: number;
  readonly dirtyCount: number;
  readonly writebackCount: number;
  readonly hits: number;
  readonly misses: number;
  /** Writers that wait for room or pause, with why. */
  readonly pausedWriters: number;
}

/** One submitter's piece of a request. */
export interface Bio {
  readonly key: EntityKey;
  readonly sector: number;
  readonly sectorCount: number;
  /** Joined in this step, and at which end. */
  joined: 'front' | 'back' | undefined;
}

/** A request of the block layer and the drive. */
export interface BlockRequest {
  readonly key: EntityKey;
  readonly id: number;
  readonly drive: number;
  readonly hue: Hue;
  readonly verb: string;
  sector: number;
  sectorCount: number;
  bios: Bio[];
  /** Why it was not merged into another, in words. */
  readonly apart: string;
  state: 'waiting' | 'inService';
  readonly queuedNs: number;
  issuedNs: number;
  /** Row in the drive's queue where it is drawn, kept while it is there. */
  row: number;
}

/** A completed write in a drive's volatile cache. */
export interface VolatileWrite {
  readonly key: EntityKey;
  readonly requestId: number;
  readonly sector: number;
  readonly sectorCount: number;
  readonly hue: Hue;
}

export interface DriveState {
  readonly index: number;
  readonly waiting: readonly BlockRequest[];
  readonly inService: readonly BlockRequest[];
  readonly volatileWrites: readonly VolatileWrite[];
  /** By sector up to 65,536 cells over the drive: 0 untouched, 1 on the media, 2 volatile over it, 3 lost by the last power cut. */
  readonly media: Uint8Array;
  readonly sectorsACell: number;
  /** Where the last request ended: the head of a disk. */
  readonly headSector: number;
  readonly reads: number;
  readonly writes: number;
  readonly flushes: number;
  readonly merges: number;
}

/** The whole stack at the end of a step. */
export interface StackState {
  readonly shape: Shape;
  /** Steps made. */
  readonly step: number;
  readonly nowNs: number;
  /** -1 before the first. */
  readonly chapter: number;
  readonly rings: readonly RingState[];
  readonly guests: readonly GuestState[];
  readonly cache: CacheState;
  readonly drives: readonly DriveState[];
  /** Number of the first record of this step, and behind its last. */
  readonly firstRecord: number;
  readonly endRecord: number;
}
