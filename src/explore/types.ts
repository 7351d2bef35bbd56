// What explore() takes and gives: workload and recovery, options, verdict. Types only.
//
// Steps count entries of the write log; a crash at step n has seen the first n of them.

import type { BlockDevice } from '../block-device.ts';
import type { DriveConfig, MachineConfig, Size, VolumeConfig, VolumeProfile } from '../core/options.ts';
import type { CrashModel } from '../crash/options.ts';
import type { CrashState } from '../crash/state.ts';
import type { CrashKind } from '../crash-kinds.ts';
import type { Machine } from '../machine.ts';

/** What every workload gets beside its files or device. */
export interface WorkloadBase<Value> {
  /** The machine below, for what neither files nor device can do. */
  readonly machine: Machine;
  /** Says that `value` has been promised to a user: from now on no crash may lose it. */
  ack(value: Value): void;
  /**
   * Says that work for `value` begins: from now on a crash may leave it. Without it, work for a value begins when the one before
   * is acknowledged, as it is in a program that does one thing after the other.
   */
  attempt(value: Value): void;
}

/** A workload of files gets these. */
export interface WorkloadContext<Value, Fs> extends WorkloadBase<Value> {
  /** In the shape of node:fs, over an empty volume or what `setup` has left. */
  readonly fs: Fs;
}

/** A workload of sectors gets these. */
export interface DeviceWorkloadContext<Value> extends WorkloadBase<Value> {
  readonly device: BlockDevice;
}

/** What every recovery gets beside its files or device. */
export interface RecoverBase<Value> {
  readonly machine: Machine;
  /** The values that were acknowledged before the last moment at which a crash can leave this image: all must be there. In the order of their acknowledgement. */
  readonly must: readonly Value[];
  /** The values begun before the first such moment: nothing else may be there. The acknowledged ones in their order, then those only begun. */
  readonly may: readonly Value[];
  /** Which kind of crash it was; 'none' for the end of the run without any. */
  readonly crash: CrashKind | 'none';
}

export interface RecoverContext<Value, Fs> extends RecoverBase<Value> {
  readonly fs: Fs;
}

export interface DeviceRecoverContext<Value> extends RecoverBase<Value> {
  readonly device: BlockDevice;
}

/** How far explore has come. */
export interface ExploreProgress {
  readonly phase: 'record' | 'enumerate' | 'check' | 'shrink' | 'explain' | 'flushes' | 'faults';
  readonly done: number;
  /** Of how many, when that is known. */
  readonly total: number | undefined;
  readonly failed: number;
}

/** Options that both levels have. */
export interface ExploreCommon {
  /** Kinds of crash. Default `'power'`. */
  readonly crash?: CrashKind | readonly CrashKind[];
  /** The drive: model, promises, volatile cache, faults (a lying disk is `faults: ['ignoredFlush']`). Default: instant, 16 MiB, with a volatile cache. */
  readonly drive?: Omit<DriveConfig, 'image' | 'memory'>;
  /**
   * Further options of the machine. It is small by default, as one is put back for each image: a cache of 1 MiB, buffers of 256 KiB, blocks of
   * 512 bytes, little room for rings and guests (`aioMaxNr` 64, `limits.virtioRequests` 1, `limits.bluestoreAios` 0, `sharedMemory` 4,096 …).
   */
  readonly machine?: Omit<MachineConfig, 'drives' | 'volume' | 'writeLog' | 'seed'>;
  /** How writes tear when the power goes, and whatever else the crash model leaves open. Default: any subset, torn at any 512 bytes, old or new bytes. */
  readonly tearing?: CrashModel['tearing'];
  /** A tearing unit. Default 512 bytes. */
  readonly unit?: Size;
  /** All else of the crash model. */
  readonly model?: Omit<CrashModel, 'tearing' | 'unit' | 'flushScope' | 'promises'>;
  /** A crash point with at most so many states is gone through exhaustively, others by a sample. Default 65,536. */
  readonly bound?: number;
  /**
   * When to stop: distinct images checked, states of a sample at one crash point (default 4,096), seconds; and, once an image has failed, images
   * checked in a row without a new kind of failure (`alike`, default 4,096; Infinity goes on to the end). A search in which nothing fails
   * has no limit but the samples' unless one is given.
   */
  readonly budget?: {
    readonly images?: number;
    readonly sample?: number;
    readonly seconds?: number;
    readonly alike?: number;
  };
  /** Seed of the machine and of samples. Default 1. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ExploreProgress) => void;
  /** Crashes during recovery, one inside the other, so deep. Default 0. */
  readonly recoveryDepth?: number;
  /** Milliseconds of real time that one asynchronous recovery may take before it counts as hanging. Default 10,000. */
  readonly recoverTimeoutMs?: number;
  /** Stop after so many different findings. Default 8. */
  readonly maxFindings?: number;
  /** Shrinks and explains findings. Default true. */
  readonly explain?: boolean;
  /** Finds out which fsyncs the check notices the removal of: `verdict.flushes`. Default true; where the main search was cut off, they are not tested. */
  readonly flushes?: boolean;
}

/** A workload on files. */
export interface ExploreOptions<Value, Fs> extends ExploreCommon {
  /** Runs before anything is recorded; what it leaves is durable. */
  readonly setup?: (context: { readonly fs: Fs; readonly machine: Machine }) => void | Promise<void>;
  readonly workload: (context: WorkloadContext<Value, Fs>) => void | Promise<void>;
  /**
   * Opens what a crash has left, and throws when something is wrong with it. What it returns (any JSON value), if anything, is the
   * logical state that it found: with `recoveryDepth` a crash during recovery must lead to the same one.
   */
  readonly recover: (context: RecoverContext<Value, Fs>) => unknown;
  /** What of names and sizes a crash may take: `strict` (default) as POSIX promises, `ordered` as ext4 does, `alice`, `journal`. See VolumeConfig. */
  readonly profile?: VolumeProfile;
  /** Room of the volume. Default: 512 files and directories, 4,096 extents, the whole drive. */
  readonly volume?: Pick<VolumeConfig, 'inodes' | 'extents' | 'size'>;
}

/** A workload on sectors. */
export interface ExploreDeviceOptions<Value> extends ExploreCommon {
  readonly setup?: (context: {
    readonly device: BlockDevice;
    readonly machine: Machine;
  }) => void | Promise<void>;
  readonly workload: (context: DeviceWorkloadContext<Value>) => void | Promise<void>;
  readonly recover: (context: DeviceRecoverContext<Value>) => unknown;
}

/** survived: no state failed. notMeasured: nothing could have been lost. harnessBroken: the check fails without a crash, or two runs differ. */
export type VerdictKind = 'survived' | 'violated' | 'notMeasured' | 'harnessBroken';

/** A write or a change of a name, as a caller knows it. */
export interface WriteFacts {
  /** Index of the write in the explorer's `writes`. */
  readonly write: number;
  /** What it is in words: "bytes 0 to 511 of /db-wal", "the name /a in /". */
  readonly what: string;
  /** The call that made it: "fs.writeSync('/db', 512 bytes at 0)". Empty when the caller is not known. */
  readonly call: string;
  /**
   * The caller's frames, nearest first, with places relative to the current folder. Without those of sectorlab and Node, and those in
   * node_modules unless there are no others.
   */
  readonly stack: readonly string[];
  readonly file: string | undefined;
  readonly offset: number;
  readonly length: number;
}

/** Enough to build a failing image again on another machine, without the seed. */
export interface Recipe {
  readonly sectorlab: string;
  readonly kind: 'explore' | 'exploreDevice' | 'log';
  readonly crash: CrashKind;
  /** Options that the run had: profile, drive, model, seed. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Hash of the log that it belongs to: another workload has another. */
  readonly log: string;
  /** The state, and for a crash during recovery those of the crashes behind it. */
  readonly states: readonly CrashState[];
  /**
   * First and last step of the workload's log for which the check was made, where these are not those of the first state's crash point: an image
   * that arises at several moments must hold what was acknowledged by the last, and nothing begun after the first.
   */
  readonly range?: readonly [first: number, last: number];
  /** Hash of the last image. */
  readonly image: string;
  /** What was found, for who has only the recipe; nothing is built from it. Older recipes have none. */
  readonly finding?: RecipeFinding;
}

/** One line of what led to a recipe's failure. */
export interface RecipeRow {
  readonly step: number;
  readonly kind: TimelineRow['kind'];
  readonly what: string;
  readonly fate?: NonNullable<TimelineRow['fate']>;
  readonly line?: string;
  readonly operation?: NonNullable<TimelineRow['operation']>;
  /** Of a write: bytes of the drive. */
  readonly offset?: number;
  readonly length?: number;
  readonly domain?: number;
}

/** A finding as its recipe has it: texts of at most 240 characters, at most 64 rows. */
export interface RecipeFinding {
  readonly sentence: string;
  readonly error: string;
  /** The writes that are missing or torn, and the one that is there without them, as their rows call them. */
  readonly missing: readonly string[];
  readonly present: readonly string[];
  /** What a flush put in would repair, in words. */
  readonly proof?: string;
  /** Values acknowledged, and begun, before the crash. */
  readonly acknowledged: number;
  readonly attempted: number;
  /** From the last flush before the missing write to the crash; of a crash during recovery, what recovery did. */
  readonly rows: readonly RecipeRow[];
  /** Rows left out in the middle. */
  readonly leftOut?: number;
}

/** One line of the timeline of a finding: what was done up to the crash, and what became of it. */
export interface TimelineRow {
  /** Entries of the log before it. */
  readonly step: number;
  readonly kind: 'write' | 'flush' | 'attempt' | 'ack' | 'crash';
  /** What became of a write: on the disk for sure, there by chance, not there, there in part. Undefined for all else. */
  readonly fate: 'durable' | 'kept' | 'missing' | 'torn' | undefined;
  /** What it is in words. */
  readonly what: string;
  /** The line of the caller, `engine.ts:31`; empty when it is not known. */
  readonly line: string;
  /** Of a write: what it does, where on the drive in bytes, and the file or directory that it belongs to, as the log numbers them. */
  readonly operation?: 'write' | 'discard' | 'writeZeroes';
  readonly offset?: number;
  readonly length?: number;
  readonly domain?: number;
}

export interface Finding {
  /** All of it in one sentence. */
  readonly sentence: string;
  /** What the check said: name and message of its error. */
  readonly error: string;
  readonly errorStack: string | undefined;
  /** The writes that are missing or torn in the smallest failing state. */
  readonly missing: readonly WriteFacts[];
  /** The write that is there and should not be without them; empty when what was acknowledged is missing. */
  readonly present: readonly WriteFacts[];
  /** The acknowledged value that is lost, as text, if that is what is wrong. */
  readonly lost: string | undefined;
  readonly crash: CrashKind;
  /** The earliest crash point with this failure, and what had been called and acknowledged there. */
  readonly crashPoint: {
    readonly step: number;
    readonly lastStep: number;
    readonly after: string;
    readonly acknowledged: number;
    readonly attempted: number;
  };
  /** Crash during recovery: 1 and more. */
  readonly depth: number;
  /** The whole writes would do, or only a torn one fails. */
  readonly needsTearing: boolean;
  /**
   * With a flush put in behind the missing write: what that would be, the states gone through until the write was durable anyway, and how many
   * of them fail in the same way. Undefined: no flush there repairs it.
   */
  readonly proof:
    | {
        /** "an fsync of /log", "a flush". */
        readonly flush: string;
        readonly flushAfter: WriteFacts;
        readonly states: number;
        readonly failed: number;
        readonly exhaustive: boolean;
      }
    | undefined;
  /** From the last flush before the missing write to the crash. */
  readonly timeline: readonly TimelineRow[];
  /** Failing images that this finding stands for. */
  readonly images: number;
  readonly recipe: Recipe;
}

/** An fsync (or flush) of the workload: one line of source, for one file. */
export interface FlushFacts {
  readonly call: string;
  readonly stack: readonly string[];
  /** Entries of the log when it was complete, the first time. */
  readonly step: number;
  /** How often the workload made it; all of these are taken away together, as when the line is deleted. */
  readonly times: number;
  /** 'needed': without it the check fails. 'unnoticed': nothing notices its removal. 'untested': budget or signal ended before. */
  readonly need: 'needed' | 'unnoticed' | 'untested';
  /** How the check fails without it. */
  readonly error: string | undefined;
  /** All states without it were gone through. */
  readonly exhaustive: boolean;
}

/** What explore found. */
export interface VerdictFacts {
  readonly verdict: VerdictKind;
  /** Why it is not measured, or in what the harness is broken. */
  readonly reason: string | undefined;
  /** Every state of every crash point was gone through. Never say safe without it. */
  readonly exhaustive: boolean;
  /** Crash points at which only a sample was gone through. */
  readonly sampledPoints: number;
  readonly crashPoints: number;
  /** States gone through, and (perhaps Infinity) how many there are. */
  readonly states: number;
  readonly possibleStates: number;
  readonly distinctImages: number;
  readonly checkedImages: number;
  readonly failedImages: number;
  /** Images of crashes during recovery that were checked. */
  readonly recoveryImages: number;
  readonly findings: readonly Finding[];
  readonly flushes: readonly FlushFacts[];
  readonly acknowledged: number;
  readonly seed: number;
  /** What cut the search off, if anything did. */
  readonly stopped: 'images' | 'seconds' | 'signal' | 'findings' | 'alike' | undefined;
  readonly elapsedMs: number;
}
