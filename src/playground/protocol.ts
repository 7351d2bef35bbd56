// What the page and its worker say to each other.
//
// The page posts commands; the worker, which alone has the machine, answers each with reports. Commands are carried
// out one after the other, so reports come in the order of the commands. `loaded` starts afresh; each `progress` adds
// the entries made since the report before it.

import type { Counters } from '../counters.ts';
import type { MachineRecord } from '../records.ts';

export type Command =
  /** Opens the scene's machine anew; also how the page restarts. */
  | { readonly type: 'load' }
  | { readonly type: 'step' }
  | { readonly type: 'play' }
  | { readonly type: 'pause' }
  /** Steps each second while playing; 0: no pause between them. */
  | { readonly type: 'speed'; readonly stepsPerSecond: number }
  /** Runs to this step, counted from 0, or to the first step of this chapter; from the start when it lies behind. */
  | { readonly type: 'seek'; readonly step?: number; readonly chapter?: number };

/** A record, and where in the run it was made. */
export interface Entry {
  /** Counted from 1. */
  readonly number: number;
  /** Steps made when it was: the same for all records of one step, counted from 1. */
  readonly step: number;
  readonly chapter: number;
  readonly record: MachineRecord;
}

export type RunState = 'ready' | 'playing' | 'paused' | 'finished';

/** Where the run stands. */
export interface Progress {
  readonly state: RunState;
  readonly chapter: number;
  readonly step: number;
  /** Events that the machine has run. */
  readonly eventCount: number;
  readonly nowNs: number;
  readonly recordHash: string;
  readonly counters: Counters;
  readonly entries: readonly Entry[];
}

export type Report =
  | ({ readonly type: 'loaded' } & Progress)
  | ({ readonly type: 'progress' } & Progress)
  | { readonly type: 'failed'; readonly message: string };
