// What the page asks of its worker, and what it gets.
//
// The worker has the machine. It plays a scene ahead of the reader, so the whole run is known as records; the page shows any moment of it
// from these. Whoever needs the machine itself at a moment (counters, bytes, a power cut) has it stand there: the worker goes back to
// the nearest snapshot and plays from it, and checks that the records have the same hash as the first time.
// Calls go through Comlink; a run's parts arrive by the callback given to open, in order.

import type { Counters } from '../../counters.ts';
import type { Scene } from '../scene/types.ts';

/** What the views need to know of a machine before its first record. */
export interface Shape {
  readonly seed: number;
  readonly cachePages: number;
  readonly blocksAPage: number;
  readonly drives: readonly DriveShape[];
  /** Number of each file → its name, as records of cache and files have them. */
  readonly files: readonly FileShape[];
  readonly clients: readonly ClientShape[];
  /** Bytes of linear memory. */
  readonly memoryBytes: number;
}

export interface DriveShape {
  readonly index: number;
  /** instant, fixed, hdd, ssd, nvme. */
  readonly model: string;
  readonly sectorCount: number;
  /** Requests it serves at once, as far as the model tells: channels of `fixed`, else undefined. */
  readonly channels: number | undefined;
  readonly queueDepth: number;
  /** Writes that its volatile cache holds; 0: it has none. */
  readonly volatileWrites: number;
}

export interface FileShape {
  /** Number of the file in records (RECORD_DEVICE of cache and file kinds). */
  readonly number: number;
  readonly name: string;
  /** Drive below it. */
  readonly drive: number;
  readonly pageCount: number;
}

export interface ClientShape {
  readonly name: string;
  readonly entrance: string;
  /** Number of its ring, queue or guest device in records; for aio and files the file's. The first of `devices`. */
  readonly device: number;
  /** All such numbers: usrbio has a ring for reads and one for writes. */
  readonly devices: readonly number[];
  /** Numbers of its AIO contexts in records, where it has any. */
  readonly contexts: readonly number[];
  readonly target: string;
}

/** A part of a run, as it is played: records of 32 bytes each (assembly/layout.ts), and a row for each step. Arrays are the page's to keep. */
export interface RunPart {
  readonly records: Uint8Array;
  /** Records made by the end of each step, counted from the start of the run. */
  readonly recordEnds: Uint32Array;
  /** Virtual nanoseconds at the end of each step. */
  readonly timesNs: Float64Array;
  /** Chapter of each step; 65,535 before the first. */
  readonly chapters: Uint16Array;
  /** Hash of all records by the end of each step. */
  readonly hashes: BigUint64Array;
  /** Names of files as they are by now, where they have changed since the run began; a name holds for the past too. */
  readonly files?: readonly FileShape[];
  /** Nothing more will come. */
  readonly isLast: boolean;
  /** Why a scene was left before its end, in words; undefined: it was played to its end. */
  readonly cutShort: string | undefined;
}

/** The machine at a moment. */
export interface Standing {
  readonly step: number;
  readonly nowNs: number;
  readonly recordHash: string;
  readonly counters: Counters;
  /** For each drive, the writes that a power cut may lose. */
  readonly uncertain: readonly number[];
}

export interface Opened {
  readonly shape: Shape;
  /** Number of this run: what belongs to an earlier one is out of date. */
  readonly run: number;
}

export type OnPart = (run: number, part: RunPart) => void;

/** The worker's side. Every method throws an Error whose message a reader can use. */
export interface Engine {
  /** Opens a machine for the scene and plays it to its end, part by part; a later open ends an earlier one. */
  open(scene: Scene, onPart: OnPart): Promise<Opened>;
  /** Has the machine stand behind `step` steps of the run, 0 to all: of the scene, or of the run with this number that a crash has left (Boot). */
  stand(step: number, after?: number): Promise<Standing>;
  /** Bytes of a drive of the scene's machine as they are at the step where it stands. */
  sectors(drive: number, sector: number, sectorCount: number): Promise<Uint8Array>;
}
