// What the page asks of its worker about crashes, and what it gets: what is at stake at a moment, what a cut leaves, what all cuts leave.
//
// Everything is plain data. Ledger rows are the writes and syncs of the scene's clients, by their index.

import type { CrashKind } from '../../crash-kinds.ts';
import type { Recipe } from '../../explore/types.ts';
import type { Judged } from '../plug/judge.ts';
import type { LedgerRow } from '../plug/ledger.ts';
import type { Xv6Flushes, Xv6Found } from '../plug/xv6.ts';
import type { Scene } from '../scene/types.ts';
import type { RunPart, Shape } from './protocol.ts';

/** A write that a power cut may lose. */
export interface StakeWrite {
  /** Identity of the drive's request, as records have it. */
  readonly id: number;
  readonly operation: 'write' | 'discard' | 'writeZeroes';
  readonly sector: number;
  readonly sectorCount: number;
  /** The drive has reported it: it is in the volatile cache; else it is in flight. */
  readonly isCompleted: boolean;
  /** Units that each may survive: 1 where it does not tear. */
  readonly choices: number;
  /** Rows of the ledger whose sectors these are. */
  readonly rows: readonly number[];
}

/** What is at stake at a moment. */
export interface Stake {
  /** Number of the run; 0: the scene's. */
  readonly after: number;
  readonly step: number;
  readonly drive: number;
  /** Bytes of a tearing unit; 0: writes do not tear. */
  readonly tearing: number;
  /** In submission order. */
  readonly writes: readonly StakeWrite[];
  /** Uncertain writes of each drive. */
  readonly driveCounts: readonly number[];
  readonly dirtyPages: number;
  /** What the clients have asked for by now. */
  readonly rows: readonly LedgerRow[];
  /** Indexes of the rows that must survive. */
  readonly promised: readonly number[];
  /** Why a power cut can not be played here, in words. */
  readonly refusal: string | undefined;
}

export interface CutRequest {
  readonly step: number;
  readonly crash: CrashKind;
  readonly drive: number;
  readonly tearing: number;
  /** For a power cut: one a choice, in the order of the stake's writes. */
  readonly kept: readonly boolean[];
  /** Number of the run that crashes: of what a crash before has left. Default 0: the scene's. */
  readonly after?: number;
}

/** Where the scene's programs go on that start again behind a crash. */
export interface GoesOn {
  /** Index of the scene's chapter. */
  readonly chapter: number;
  /** It had begun before the crash. */
  readonly isAgain: boolean;
}

export interface SurvivorFile {
  readonly path: string;
  readonly bytes: number;
}

/** What a crash has left. */
export interface Survivor {
  readonly crash: CrashKind;
  readonly step: number;
  readonly judged: Judged;
  readonly rows: readonly LedgerRow[];
  /** Of a scene with a volume: what is there by name. */
  readonly files: readonly SurvivorFile[] | undefined;
  /** Faults that the volume's own check has found. */
  readonly faults: readonly string[];
  /** Of the xv6 log: what its recovery finds, and what is wrong with it. */
  readonly xv6: (Xv6Found & { readonly problem: string | undefined }) | undefined;
  /** It does not come up at all; why. */
  readonly refused: string | undefined;
  /** Why the drive may break promises: its faults lie. */
  readonly isLying: boolean;
  /** Undefined: nothing of the scene is left to do, or nothing that can do it. */
  readonly goesOn: GoesOn | undefined;
}

/** What a survivor did while it came up, and where that was asked for the rest of the scene behind it, as a run; its chapters tell it. */
export interface Boot {
  /** Of the run, from 1: the machine stands at its steps too, and it can crash again. */
  readonly number: number;
  readonly scene: Scene;
  /** Chapters that the boot has; those behind it are the scene's. */
  readonly bootCount: number;
  /** What could not be done of the rest, in words. */
  readonly refusals: readonly string[];
  readonly shape: Shape;
  readonly parts: readonly RunPart[];
}

/** How far a search has come, and in the end what was found. */
export interface Tally {
  /** States gone through, and how many there are, perhaps Infinity. */
  readonly states: number;
  readonly possibleStates: number;
  readonly distinctImages: number;
  /** States in which something that belongs together is there by halves. */
  readonly halves: number;
  /** States that lack something that was promised; those by halves are not counted again. */
  readonly lost: number;
  /** Distinct images among these two. */
  readonly badImages: number;
  /** Every state was gone through. */
  readonly isExhaustive: boolean;
  readonly elapsedMs: number;
}

/** A line of what led to a failing case. */
export interface CaseRow {
  /** Entries of the log before it. */
  readonly step: number;
  readonly kind: 'write' | 'flush' | 'attempt' | 'ack' | 'crash';
  readonly fate: 'durable' | 'kept' | 'missing' | 'torn' | undefined;
  readonly what: string;
  /** Of a write: where it is on the drive, in bytes. */
  readonly offset: number | undefined;
  readonly length: number | undefined;
}

/** The smallest case that fails. */
export interface FailingCase {
  readonly sentence: string;
  readonly error: string;
  readonly missing: readonly string[];
  readonly present: readonly string[];
  readonly proof: string | undefined;
  readonly rows: readonly CaseRow[];
  readonly images: number;
  readonly recipe: Recipe;
  /** Step of the scene at which this crash happens, and what of its stake survives. */
  readonly sceneStep: number;
  readonly tearing: number;
  readonly kept: readonly boolean[];
}

/** What exploring a whole scene has found. */
export interface SceneVerdict {
  readonly verdict: 'survived' | 'violated' | 'notMeasured' | 'harnessBroken';
  readonly reason: string | undefined;
  readonly exhaustive: boolean;
  /** It ended before its end: enough different failures, time, or the reader. */
  readonly isCut: boolean;
  readonly states: number;
  readonly crashPoints: number;
  readonly distinctImages: number;
  readonly checkedImages: number;
  readonly failedImages: number;
  readonly cases: readonly FailingCase[];
  readonly elapsedMs: number;
}

export interface SearchProgress {
  readonly phase: string;
  readonly done: number;
  readonly total: number | undefined;
  readonly failed: number;
}

/** A row of the table of the xv6 log. */
export interface FlushTableRow {
  readonly flushes: Xv6Flushes;
  /** Bytes of a unit that writes tear in; 0: they do not. */
  readonly tearing: number;
  readonly tally: Tally;
}

/** Calls about crashes; every one throws an Error whose message a reader can use. */
export interface PlugEngine {
  /** What is at stake at a step of the open scene, or of the run with this number. */
  stake(step: number, drive: number, tearing: number, after?: number): Promise<Stake>;
  /** Crashes there, boots what is left, and judges it. The machine itself goes on unharmed. */
  cut(request: CutRequest): Promise<Survivor>;
  /**
   * Crashes there again, and plays how what is left comes up, and then what is left of the scene if it `goesOn`; undefined where nothing boots:
   * only a process was killed, or the volume is refused.
   */
  boot(request: CutRequest, goesOn?: boolean): Promise<Boot | undefined>;
  /** Every state that a power cut at a step may leave of the open scene. */
  exploreMoment(step: number, tearing: number, onProgress: (tally: Tally) => void): Promise<Tally>;
  /** Every crash of a scene, its failures shrunk and explained. */
  exploreScene(
    scene: Scene,
    tearing: number,
    onProgress: (progress: SearchProgress) => void,
  ): Promise<SceneVerdict>;
  /** The table of the xv6 log, row by row. */
  flushTable(transactions: number, tearing: number, onRow: (row: FlushTableRow) => void): Promise<void>;
  /** Builds a recipe's image again from its scene. */
  followRecipe(scene: Scene, recipe: Recipe): Promise<FailingCase>;
  /** Ends the search that is running, if one is. */
  stopSearch(): Promise<void>;
}
