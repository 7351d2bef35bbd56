// What exploreFaults() takes and gives: options, one run with a fault, findings. Types only.
//
// A fault is a rule of machine.faults; a point is one request that it could hit: the n-th of its operation.

import type { FaultRule } from '../faults/rule.ts';
import type { FaultEffect } from '../faults/table.ts';
import type { ExploreCommon, ExploreOptions, RecoverContext } from './types.ts';

/**
 * What became of the workload and its files when a fault hit:
 *
 * - `handled`: recovery finds everything that was acknowledged, whether the fault was reported or not.
 * - `noticed`: recovery refuses the files with an error that says so (see `isNoticed`); the drive had damaged them. Nothing wrong was answered.
 * - `refused`: the same, but the fault had left no damage: recovery should have succeeded.
 * - `wrongAnswer`: recovery finds a state that never was, or, although the workload had reported an error, not all that it acknowledged.
 * - `silentLoss`: what was acknowledged is missing, and no error was ever reported.
 * - `hang`: nothing could end a request that was waited for, or a promise was not settled in time.
 * - `died`: an assertion of sectorlab failed: our bug.
 */
export type FaultOutcome = (typeof FAULT_OUTCOMES)[number];

/** From good to bad: of several that a run has, the worst counts. */
export const FAULT_OUTCOMES = [
  'handled',
  'noticed',
  'hang',
  'refused',
  'wrongAnswer',
  'silentLoss',
  'died',
] as const;

/** When a recovery looks at the files: after a power cut straight after the workload, or reopened after a sync without the fault. */
export type FaultLook = 'power' | 'reopened' | 'during' | 'afterwards';

/** A workload under faults. */
export interface ExploreFaultsOptions<Value, Fs>
  extends Pick<ExploreOptions<Value, Fs>, 'setup' | 'workload'>,
    Pick<ExploreCommon, 'drive' | 'machine' | 'seed' | 'signal' | 'onProgress' | 'recoverTimeoutMs'> {
  /**
   * As in explore: throws when something is wrong. `crash` says which look it is: 'power', or 'none' for files that were reopened. To say
   * that it notices damage, and answers nothing in its place, it throws an error whose `code` is 'ECORRUPT', or passes on the error that
   * the files gave it (EIO, EUCLEAN, …), itself or as `cause`. Any other error is a wrong answer.
   */
  readonly recover: (context: RecoverContext<Value, Fs>) => unknown;
  /** Whether an error of `recover` says that it has noticed damage; asked for errors for which that is not plain. Default: none of them does. */
  readonly isNoticed?: (error: unknown) => boolean;
  /**
   * Faults to try: an effect stands for a rule for each of its operations; a rule (object or text, without nth, every, from) for
   * itself, where `times` says how many requests it hits from the point on: 'once' (default), a number, or 'ever'. Default: FAULT_CATALOGUE.
   */
  readonly faults?: readonly (FaultEffect | FaultRule | string)[];
  /** Each fault is tried at so many requests, the first ones. Default 1,024. */
  readonly maxPoints?: number;
  /** Tries the faults at the requests of a recovery, too. Default true. */
  readonly recovery?: boolean;
  /** When to stop: runs, seconds. Default: no limit. */
  readonly budget?: { readonly runs?: number; readonly seconds?: number };
}

/** One run with a fault at one point. */
export interface FaultRun {
  /** The rule as text: 'eio on=write nth=3 times=once'. */
  readonly fault: string;
  readonly effect: FaultEffect;
  readonly operation: string;
  /** Whose request was hit: the workload's, or the recovery's. */
  readonly phase: 'workload' | 'recovery';
  /** It was the n-th that the rule matched, 1 and up. */
  readonly point: number;
  /** The call that met the fault, by its Linux name, and in words: "fdatasync('/log')". Both are empty for what happened by itself: write-back. */
  readonly syscall: string;
  readonly call: string;
  /** The caller's stack lines, nearest first, without frames of sectorlab and Node. */
  readonly stack: readonly string[];
  /** What the workload (or the recovery that met the fault) threw: name and message. */
  readonly reported: string | undefined;
  readonly acknowledged: number;
  readonly outcome: FaultOutcome;
  /** Where the outcome showed, and the error that showed it; undefined when all was well. */
  readonly look: FaultLook | undefined;
  readonly error: string | undefined;
}

/** Runs with one effect, operation and outcome that one source line met. */
export interface FaultFinding {
  /** All of it in one sentence. */
  readonly sentence: string;
  readonly effect: FaultEffect;
  readonly operation: string;
  readonly phase: 'workload' | 'recovery';
  readonly outcome: FaultOutcome;
  /** Of the first run: offsets may differ in others. */
  readonly call: string;
  readonly stack: readonly string[];
  /** The first run of them. */
  readonly first: FaultRun;
  readonly runs: number;
}

/** How often a fault could be tried. */
export interface FaultCoverage {
  /** The rule without its point. */
  readonly fault: string;
  readonly effect: FaultEffect;
  readonly operation: string;
  readonly phase: 'workload' | 'recovery';
  /** Requests that it was tried at, and those of them at which it did something: a lack of room is none where room is not needed. */
  readonly points: number;
  readonly hits: number;
  /** Every request was tried. */
  readonly isComplete: boolean;
}

/** What exploreFaults found. */
export interface FaultFacts {
  /** survived: every run was handled or noticed. notMeasured: no fault hit anything. harnessBroken: recovery fails without a fault. */
  readonly verdict: 'survived' | 'violated' | 'notMeasured' | 'harnessBroken';
  /** Why it is not measured, or in what the harness is broken. */
  readonly reason: string | undefined;
  /** Every request was tried with every fault. */
  readonly exhaustive: boolean;
  readonly runs: readonly FaultRun[];
  /** What is not good, the worst first; noticed damage comes last. Handled runs are not among them. */
  readonly findings: readonly FaultFinding[];
  readonly coverage: readonly FaultCoverage[];
  readonly outcomes: Readonly<Record<FaultOutcome, number>>;
  readonly seed: number;
  /** What cut it off, if anything did. */
  readonly stopped: 'runs' | 'seconds' | 'signal' | undefined;
  readonly elapsedMs: number;
}
