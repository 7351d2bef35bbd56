// What stands where in the stack at one moment, told from records alone; what the lanes draw.
//
// Fields are as assembly/layout.ts gives them: sectors, page indexes, nanoseconds; bytes for requests of applications. A thing has a
// key (`request:3`, `page:0:17`) that stays its own for the whole run: views keep an element for each key, so that a change of
// place is a movement. Requests, bios and volatile writes are never changed, only replaced; pages are good until the next moment is
// asked for. Whatever the records do not say is not here.

import type { Shape } from '../worker/protocol.ts';

/**
 * `ring:CLIENT:NUMBER`, `page:FILE:INDEX`, `request:ID`, `flush:ID` (the flush that the block layer sends for request ID), `bio:ID`,
 * `write:DRIVE:ID`, `sector:DRIVE:SECTOR`, `guest:DEVICE:NUMBER`, `record:NUMBER`, `lane:NAME`.
 */
export type EntityKey = string;

/** What a request does: its hue. */
export type Hue = 'read' | 'write' | 'flush' | 'discard';

/** A request of an application, from its submission until its end has been taken. */
export interface RingRequest {
  readonly key: EntityKey;
  readonly client: number;
  /** Counted from 0 among those of its client. */
  readonly number: number;
  readonly hue: Hue;
  /** Word for what was asked: read, write, fsync … */
  readonly verb: string;
  /** Number of the file or drive in records; -1 when the records do not tell. */
  readonly file: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly submittedNs: number;
  readonly state: 'prepared' | 'running' | 'done';
  /** USRBIO: number of the job that took it; 0: none yet. */
  readonly job: number;
  /** The file operation that serves it; 0 while there is none, or when the records do not tell. */
  readonly operation: number;
  /** Bytes, or a negative errno, once done. */
  readonly result: number;
  readonly endedNs: number;
}

export interface RingState {
  readonly client: number;
  readonly name: string;
  readonly entrance: string;
  /** Running ones, and those that have ended in the last steps, oldest first; at most 64. */
  readonly requests: readonly RingRequest[];
  /** Requests beyond those. */
  readonly hiddenCount: number;
  readonly inFlight: number;
  readonly submitted: number;
  readonly completed: number;
  readonly failed: number;
  /** USRBIO: jobs formed. BlueStore: calls of io_submit. Else 0. */
  readonly batches: number;
  /** BlueStore: times that a batch waited because the ring was full. */
  readonly retries: number;
}

/** A request of a guest on its virtqueue, and the merged I/O it went into. */
export interface GuestRequest {
  readonly key: EntityKey;
  readonly device: number;
  readonly number: number;
  readonly hue: Hue;
  readonly verb: string;
  readonly sector: number;
  readonly sectorCount: number;
  readonly submittedNs: number;
  readonly endedNs: number;
  readonly state: 'waiting' | 'merged' | 'issued' | 'done';
  /** Number of the merged I/O; 0 while none. */
  readonly group: number;
  /** Why it did not join the run before it, in words; empty when it did, or none was there. */
  readonly apart: string;
  readonly status: number;
}

export interface GuestState {
  readonly device: number;
  readonly client: number;
  readonly name: string;
  /** As of a ring: at most 64. */
  readonly requests: readonly GuestRequest[];
  readonly hiddenCount: number;
  readonly inFlight: number;
  readonly submitted: number;
  readonly completed: number;
  readonly failed: number;
  /** Requests that joined another's I/O. */
  readonly merges: number;
  readonly isStopped: boolean;
}

export type PageState = 'reading' | 'clean' | 'dirty' | 'writeback';

export interface CachedPage {
  readonly key: EntityKey;
  readonly file: number;
  readonly index: number;
  /** Place in the grid, kept while it is cached; from capacityPages on: in the doorway, on its way out. */
  readonly slot: number;
  readonly state: PageState;
  /** Blocks as bits, block 0 lowest: which hold their bytes, which are newer than the drive, which are being written. */
  readonly uptodate: number;
  readonly dirty: number;
  readonly writeback: number;
  /** Not all of its blocks hold their bytes. */
  readonly isPartial: boolean;
  /** Dirtied again while it was being written back. */
  readonly isDirtyAgain: boolean;
  /** Chosen to leave: it is being written first. */
  readonly isLeaving: boolean;
  readonly isActive: boolean;
  /** Brought in by readahead and not used yet. */
  readonly isAhead: boolean;
  /** Looked up in this step. */
  readonly lookup: 'hit' | 'miss' | undefined;
}

export interface CacheState {
  readonly capacityPages: number;
  /** By slot; undefined: empty. Longer than capacityPages while pages in the doorway are written before they leave. */
  readonly slots: readonly (CachedPage | undefined)[];
  readonly pageCount: number;
  readonly dirtyCount: number;
  readonly writebackCount: number;
  readonly readingCount: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  readonly refaults: number;
  readonly activations: number;
  /** Writers that wait for room or pause. */
  readonly pausedWriters: number;
  /** When the pause of the writers over the dirty limit ends; 0: none pauses. */
  readonly pausedUntilNs: number;
  /** Dirty pages and pages under write-back at which writers pause, as the last pause told; 0: never yet. */
  readonly dirtyLimitPages: number;
}

/** One submitter's piece of a request. */
export interface Bio {
  readonly key: EntityKey;
  readonly id: number;
  readonly sector: number;
  readonly sectorCount: number;
  /** Joined in this step, and at which end. */
  readonly joined: 'front' | 'back' | undefined;
}

/** A request of the block layer and the drive. */
export interface BlockRequest {
  readonly key: EntityKey;
  readonly id: number;
  readonly drive: number;
  readonly hue: Hue;
  readonly verb: string;
  readonly sector: number;
  readonly sectorCount: number;
  readonly bios: readonly Bio[];
  /** Why it was not merged into another, in words. */
  readonly apart: string;
  readonly state: 'waiting' | 'inService';
  /** A flush that waits for the one at the drive, which serves it too: that one's id; else 0. */
  readonly sharedWith: number;
  /** A fault of the drive has met it. */
  readonly isFaulty: boolean;
  readonly queuedNs: number;
  readonly issuedNs: number;
  /** Row in the drive's queue where it is drawn, kept while it is there. */
  readonly row: number;
}

/** A completed write in a drive's volatile cache. */
export interface VolatileWrite {
  readonly key: EntityKey;
  readonly drive: number;
  readonly requestId: number;
  readonly sector: number;
  readonly sectorCount: number;
  readonly hue: Hue;
  /** When the drive said that it is done. */
  readonly sinceNs: number;
  /** A flush that failed left it behind: no later flush need cover it. */
  readonly isOrphan: boolean;
}

export interface DriveState {
  readonly index: number;
  readonly waiting: readonly BlockRequest[];
  readonly inService: readonly BlockRequest[];
  readonly volatileWrites: readonly VolatileWrite[];
  /** By sector up to 65,536 cells over the drive: 0 untouched, 1 on the media, 2 volatile over it, 3 lost by the last power cut, 4 there before the scene began. */
  readonly media: Uint8Array;
  readonly sectorsACell: number;
  /** Where the last request ended: the head of a disk. */
  readonly headSector: number;
  readonly reads: number;
  readonly writes: number;
  readonly flushes: number;
  readonly discards: number;
  /** What submitters asked for, flushes apart; a request is made of one or more. */
  readonly pieces: number;
  /** By how much merging has made requests fewer than pieces. */
  readonly merges: number;
  readonly errors: number;
  readonly faults: number;
  readonly destaged: number;
  /** Writes that the last power cut kept, and lost. */
  readonly kept: number;
  readonly lost: number;
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
