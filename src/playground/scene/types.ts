// What a scene is: a machine, clients that use it, and chapters of what they do.
//
// Pure data, JSON through and through: it is written here, in the page's editor, made from a trace, and put into a link. scene/run.ts
// plays it; scene/check.ts is the gate for what comes from outside. Offsets and lengths are bytes, as numbers or as text ('64KiB').
// Invariant: nothing in a scene depends on where or how fast it is played.

import type { MachineConfig, Size } from '../../core/options.ts';
import type { RecordKind } from '../../records.ts';

/** A machine's options that are plain data and mean something in a page. */
export type SceneMachine = Omit<MachineConfig, 'replay' | 'payload' | 'writeLog' | 'records' | 'powerCuts'>;

/** Through which door a client asks: Linux AIO, 3FS USRBIO, BlueStore's aio_queue, a guest's virtio-blk disk, the block layer, or files of the volume by name. */
export type Entrance = 'aio' | 'usrbio' | 'bluestore' | 'virtio' | 'block' | 'files';

/** Somebody who uses the machine. */
export interface SceneClient {
  /** Unique in the scene; shown as the label of its ring. */
  readonly name: string;
  readonly entrance: Entrance;
  /** `drive0`, the name of a file of `machine.files`, or for `files` and `aio` a path on the volume (`/log`), which is made when the scene opens. Default drive0. */
  readonly target?: string;
  /** Around the page cache. Default false; virtio and block have their own rules. */
  readonly direct?: boolean;
  /** Requests in flight at most, 1 to 256. Default 256: everything of a chapter at once. */
  readonly depth?: number;
  /** Requests that enter together, 1 to depth: it waits until so many are free. Default 1 with a depth, else all. */
  readonly batch?: number;
  /** Only `usrbio`: io_depth of the ring. Default 0. */
  readonly ioDepth?: number;
}

/** Where a row of requests goes. */
export type Pattern = 'sequential' | 'reverse' | 'random' | 'stride';

/** One request, or a row of `count` alike. */
export interface TransferWork {
  readonly op: 'read' | 'write' | 'discard' | 'writeZeroes';
  /** First byte; of a row, where its range begins. */
  readonly offset: Size;
  readonly length: Size;
  /** Default 1. */
  readonly count?: number;
  /** How a row moves through its range. Default sequential. */
  readonly pattern?: Pattern;
  /** Bytes that a row stays in, from `offset`. Default: what a sequential row needs. */
  readonly span?: Size;
  /** From one request of a `stride` row to the next. */
  readonly stride?: Size;
  /** Asks for the media itself: O_DSYNC through files, FUA on a drive. */
  readonly fua?: boolean;
}

/** Requests one by one, in short: what a trace is made into. Kind: 0 read, 1 write, 2 discard, 3 writeZeroes; offset and length are bytes. */
export interface ListWork {
  readonly op: 'list';
  readonly requests: readonly (readonly [kind: number, offset: number, length: number])[];
}

/** Waits for the client's earlier requests, then asks for durability, and lets nothing of the client begin before it ends. */
export interface SyncWork {
  readonly op: 'fsync' | 'fdatasync' | 'flush';
}

/** Waits for the client's earlier requests, then lets virtual time pass, for everyone. */
export interface WaitWork {
  readonly op: 'wait';
  readonly ns: number;
}

/** Names of the volume; only for clients of `files`. Each runs as one step. */
export interface NameWork {
  readonly op: 'create' | 'mkdir' | 'unlink' | 'rename' | 'truncate' | 'fsyncDirectory';
  readonly path: string;
  /** Of rename. */
  readonly to?: string;
  /** Of truncate. */
  readonly size?: Size;
}

/** For the machine as a whole: drop clean pages, sync everything. */
export interface MachineWork {
  readonly op: 'dropCaches' | 'sync';
}

export type Work = (TransferWork | ListWork | SyncWork | WaitWork | NameWork | MachineWork) & {
  /** Name of the client. Default: the first. */
  readonly client?: string;
};

/** A sentence that a record proves: shown when the `nth` record of its kind (and operation, and client's device) in the chapter is made. */
export interface SceneNote {
  readonly kind: RecordKind;
  /** The record's operation (OP_…), where the kind alone is not enough. */
  readonly operation?: number;
  /** The record's device: number of the drive, file, ring or queue. */
  readonly device?: number;
  /** Counted from 1, the default. */
  readonly nth?: number;
  /** What just happened, and why it matters. */
  readonly text: string;
}

export interface Chapter {
  readonly title: string;
  readonly text: string;
  /** Each client does its own in this order; clients work beside each other. */
  readonly work: readonly Work[];
  readonly notes: readonly SceneNote[];
}

/** What the scene's reader may find after a power cut. */
export type SceneCheck = 'sectors' | 'files' | 'xv6-log';

export interface Scene {
  /** Kebab-case; links name it. */
  readonly id: string;
  readonly title: string;
  /** The question that it answers, one line: it stands under the title in the gallery. */
  readonly question: string;
  /** Two or three sentences before the first step. */
  readonly intro: string;
  /** Group in the gallery. */
  readonly group: 'first steps' | 'cache' | 'merging' | 'drives' | 'rings' | 'guests' | 'crashes' | 'yours';
  readonly machine: SceneMachine;
  readonly clients: readonly SceneClient[];
  readonly chapters: readonly Chapter[];
  /** How the survivor of a power cut is judged. Default sectors, or files where there is a volume. */
  readonly check?: SceneCheck;
  /** Steps a second that suit it, where the default of 4 does not. */
  readonly pace?: number;
}
