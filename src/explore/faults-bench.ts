// Where runs with faults happen: one machine that goes back to where the setup has left it, and what is left of it afterwards.
//
// Verbs: FaultBench.open, run, left, settle. The volume has the profile `journal` and its usual write-back: errors come as the kernel gives
// them. Invariant: a run begins with the same bytes, the same clock and a page cache without a clean page, whatever ran before.

import { SECTOR_SIZE } from '../../assembly/limits.ts';
import type { FaultRule } from '../faults/rule.ts';
import type { Machine } from '../machine.ts';
import { Machine as MachineClass } from '../machine.ts';
import type { Platform } from '../platform.ts';
import type { Snapshot } from '../snapshot.ts';
import { DRIVE_SIZE, EXTENTS, INODES, SMALL } from './explore-options.ts';
import { WorkloadError } from './explore-reasons.ts';
import { isDeath, Overdue, withTimeout } from './faults-judge.ts';
import type { UsedRange } from './faults-plan.ts';
import { FaultPromises } from './faults-promises.ts';
import type { ExploreFaultsOptions } from './faults-types.ts';
import { FaultWatch } from './faults-watch.ts';
import type { CallSite } from './parts.ts';

/** What Linux waits for a disk before it gives up (30 s). */
const DEFAULT_TIMEOUT_NS = 30e9;
const DEFAULT_TIMEOUT_MS = 10_000;
/** What a rule did while something ran. */
export interface Hit {
  readonly matches: number;
  readonly hits: number;
  /** The rule as text. */
  readonly text: string;
  /** The call that met the fault first; undefined when it hit none, or in the background. */
  readonly met: CallSite | undefined;
  readonly isStuck: boolean;
}

/** How the workload ended. */
export interface WorkloadEnd<Value> {
  readonly promises: FaultPromises<Value>;
  /** What it threw, if anything. */
  readonly thrown: { readonly error: unknown } | undefined;
  readonly hit: Hit;
  readonly isHang: boolean;
  readonly isDead: boolean;
}

const NO_HIT = { matches: 0, hits: 0, text: '' };

/** Runs `body` on the machine with the rule, which is gone afterwards; what it has damaged stays. */
export async function withRule(
  machine: Machine,
  rule: FaultRule | undefined,
  body: () => Promise<void>,
): Promise<Hit> {
  const number = rule === undefined ? undefined : machine.faults.add(rule);
  const watch = new FaultWatch(machine, number);
  let met: CallSite | undefined;
  try {
    await body();
  } finally {
    met = watch.stop();
  }
  const did = number === undefined ? NO_HIT : takeRule(machine, number);
  return { ...did, met, isStuck: watch.isStuck };
}

/** The rule is over: what it did. A machine that has died can not say. */
function takeRule(machine: Machine, number: number): Pick<Hit, 'matches' | 'hits' | 'text'> {
  try {
    const {
      matches = 0,
      hits = 0,
      text = '',
    } = machine.faults.list().find((one) => one.number === number) ?? {};
    machine.faults.remove(number);
    return { matches, hits, text };
  } catch (error) {
    if (!isDeath(error)) throw error;
    return { matches: Number.POSITIVE_INFINITY, hits: 1, text: '' };
  }
}

/** Requests that a fault has kept end, and what is dirty is written, as far as that goes: the fault is over. */
export function settle(machine: Machine): void {
  for (const id of machine.faults.late()) machine.faults.cancel(id);
  machine.run();
  try {
    machine.fs.sync();
  } catch (error) {
    // a volume that a fault has ended stays as it is: what the next mount finds counts
    if (isDeath(error)) throw error;
  }
}

export class FaultBench<Value, Fs> {
  readonly #open: () => Promise<Machine>;
  readonly #fsOf: (machine: Machine) => Fs;
  readonly #options: ExploreFaultsOptions<Value, Fs>;
  readonly timeoutMs: number;
  #machine: Machine;
  #start: Snapshot;
  /** Bytes of the write log before the workload. */
  readonly #logStart: number;

  private constructor(
    open: () => Promise<Machine>,
    machine: Machine,
    fsOf: (machine: Machine) => Fs,
    options: ExploreFaultsOptions<Value, Fs>,
  ) {
    this.#open = open;
    this.#machine = machine;
    this.#start = machine.snapshot();
    this.#logStart = machine.writeLog.bytes;
    this.#fsOf = fsOf;
    this.#options = options;
    this.timeoutMs = options.recoverTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  /** Opens a machine and runs the setup. Throws WorkloadError for what that throws. */
  static async open<Value, Fs>(
    platform: Platform,
    fsOf: (machine: Machine) => Fs,
    options: ExploreFaultsOptions<Value, Fs>,
  ): Promise<FaultBench<Value, Fs>> {
    const open = async (): Promise<Machine> => {
      const machine = await MachineClass.open(platform, {
        ...SMALL,
        ...options.machine,
        limits: { ...SMALL.limits, ...options.machine?.limits },
        drives: [{ size: DRIVE_SIZE, timeoutNs: DEFAULT_TIMEOUT_NS, ...options.drive }],
        seed: options.seed ?? 1,
        volume: { inodes: INODES, extents: EXTENTS },
        writeLog: true,
      });
      try {
        await options.setup?.({ fs: fsOf(machine), machine });
      } catch (error) {
        throw new WorkloadError('setup', error);
      }
      machine.fs.sync();
      machine.dropCaches();
      return machine;
    };
    return new FaultBench(open, await open(), fsOf, options);
  }

  /** The machine as the last run has left it. */
  get machine(): Machine {
    return this.#machine;
  }

  /** The workload from the start, with a rule or without. */
  async run(rule?: FaultRule): Promise<WorkloadEnd<Value>> {
    const machine = this.#machine;
    machine.restore(this.#start);
    const promises = new FaultPromises<Value>();
    const context = {
      machine,
      fs: this.#fsOf(machine),
      ack: (value: Value) => promises.ack(value),
      attempt: (value: Value) => promises.attempt(value),
    };
    let thrown: { error: unknown } | undefined;
    const hit = await withRule(machine, rule, async () => {
      try {
        await withTimeout(() => this.#options.workload(context), this.timeoutMs);
      } catch (error) {
        thrown = { error };
      }
    });
    const isDead = isDeath(thrown?.error);
    return { promises, thrown, hit, isHang: hit.isStuck || thrown?.error instanceof Overdue, isDead };
  }

  /** A machine of its own for the runs to come: what hangs in the old one may still use that. */
  async replace(): Promise<void> {
    this.#machine = await this.#open();
    this.#start = this.#machine.snapshot();
  }

  /** Bytes of the drive from the first to the last that requests of the run have changed; undefined when there were none. */
  usedRange(): UsedRange | undefined {
    let first = Number.POSITIVE_INFINITY;
    let end = 0;
    for (const entry of this.#machine.writeLog.entries()) {
      if (entry.offset < this.#logStart || entry.kind !== 'submit' || entry.sectorCount === 0) continue;
      first = Math.min(first, entry.sector);
      end = Math.max(end, entry.sector + entry.sectorCount);
    }
    return end === 0 ? undefined : { offset: first * SECTOR_SIZE, length: (end - first) * SECTOR_SIZE };
  }
}
