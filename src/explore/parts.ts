// What the parts of explore hand each other: a recorded run, a judge of images, failures. Types only.
//
// Order: record, enumerate, judge, then shrink and explain what failed. Public words are in types.ts.

import type { SparseMemory } from '../backing/sparse-memory.ts';
import type { MachineConfig } from '../core/options.ts';
import type { CrashExplorer } from '../crash/explorer.ts';
import type { CrashImage } from '../crash/image.ts';
import type { CrashExplorerOptions } from '../crash/options.ts';
import type { CrashState } from '../crash/state.ts';
import type { CrashKind } from '../crash-kinds.ts';
import type { Machine } from '../machine.ts';
import type { LogInput } from '../write-log/source.ts';
import type { VerdictFacts } from './types.ts';

/** A call of the workload: what machine.tag numbers. */
export interface CallSite {
  /** As Linux knows it: `write`, `rename`, `fsync`. */
  readonly syscall: string;
  /** As a reader wants it: "write('/log', 12 bytes at 0)". */
  readonly text: string;
  readonly path: string | undefined;
  /** The other path of a call that has two. */
  readonly dest?: string | undefined;
  /** The bytes of the file (or device) that it is about. */
  readonly offset?: number | undefined;
  readonly length?: number | undefined;
  /** The caller's frames, nearest first; found when asked for. */
  stack(): readonly string[];
}

/** An ack or an attempt of the workload. */
export interface Promised<Value> {
  readonly value: Value;
  /** Entries of the log when it was begun, and when it was acknowledged (undefined: never). */
  readonly attempted: number;
  readonly acknowledged: number | undefined;
}

/** A run of a workload (or of a recovery) that can be explored. */
export interface Recording<Value> {
  readonly log: SparseMemory;
  /** The drive before it, and its hash when that is a crash image itself. */
  readonly base: SparseMemory;
  readonly baseHash: string | undefined;
  /** With what machines are opened on images. */
  readonly config: MachineConfig;
  /** In the order in which they were begun. */
  readonly promises: readonly Promised<Value>[];
  /** By tag. */
  readonly calls: ReadonlyMap<number, CallSite>;
  /** Hash over the log: two runs of one workload have the same. */
  readonly hash: string;
  /** The paths that inodes (domains) had, for words. */
  readonly paths: ReadonlyMap<number, string>;
}

/** How the explorer sees a kind of crash of this recording. */
export type ExplorerOptionsOf = (kind: CrashKind) => Omit<CrashExplorerOptions, 'log'>;

/** The check failed. */
export interface Failure {
  /** Name and message of the error; same check, same text but for numbers and quoted parts: `key`. */
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly key: string;
  readonly isTimeout: boolean;
  /** It is the same image with fewer promises that passes: what was acknowledged is missing. */
  readonly isLoss: boolean;
}

/** What recovery made of an image. */
export interface Judgement {
  readonly failure: Failure | undefined;
  /** What recover returned, as JSON. */
  readonly state: string | undefined;
}

/** Runs recovery on images, once for each image and what must and may be there. */
export interface Judge {
  /**
   * `firstStep`, `lastStep`: the range of steps at which a crash leaves this image; what must be there follows from the last, what may be
   * there from the first. Steps between entries (1.5) lie before what was promised at the next one. `lastStep` 0 asks whether the image is good when nothing was acknowledged, wherever the first lies.
   */
  judge(image: CrashImage, firstStep: number, lastStep: number): Promise<Judgement>;
  /** Recoveries run so far. */
  readonly runs: number;
}

/** A failing image, as the search found it. */
export interface FoundFailure {
  readonly crash: CrashKind;
  /** States that lead to it: the first of the workload's run, further ones of recoveries. */
  readonly states: readonly CrashState[];
  readonly firstStep: number;
  readonly lastStep: number;
  readonly hash: string;
  readonly failure: Failure;
}

/** What explains and shrinks needs of one level: the run, its explorer, its judge. */
export interface Level<Value> {
  readonly recording: Recording<Value>;
  readonly explorer: CrashExplorer;
  readonly judge: Judge;
  readonly crash: CrashKind;
  /** What the explorer was opened with. */
  readonly options: Omit<CrashExplorerOptions, 'log'>;
  /** Opens an explorer with the same options on another log: this one with a flush more or less. Whoever asks closes it. */
  open(log: LogInput): Promise<CrashExplorer>;
}

/** The levels of a run, to go back to a failing image: of the workload, and of recoveries on its crash images. */
export interface Levels<Value> {
  /** The run of the workload, under a kind of crash. */
  workload(crash: CrashKind): Promise<Level<Value>>;
  /**
   * The run of the recovery on the image that a crash leaves in this state. What must and may be there stays what it is there: in `range`, where that
   * is given.
   */
  recovery(
    level: Level<Value>,
    state: CrashState,
    range?: readonly [first: number, last: number],
  ): Promise<Level<Value>>;
}

/** Opens machines on images, quickly one after the other. */
export interface ImageMachines {
  open(memory: SparseMemory): Machine;
}

/** What a search has come to. */
export interface SearchTally {
  checked: number;
  recoveryImages: number;
  /** Crash points of recoveries of which only a sample was gone through. */
  sampled: number;
  readonly failures: FoundFailure[];
  /** Keys of the failures. */
  readonly keys: Set<string>;
  stopped: VerdictFacts['stopped'];
}
