// Recording a run: a machine over a base image, whose write log holds all that it does, calls by number, promises by mark.
//
// Verbs: makeBase, record, recordOn, settle. Invariant: nothing of the base is uncertain: what a mount of it writes comes before the log begins.

import { SparseMemory } from '../backing/sparse-memory.ts';
import type { MachineConfig } from '../core/options.ts';
import { Machine } from '../machine.ts';
import type { Platform } from '../platform.ts';
import type { WriteLog } from '../write-log/entries.ts';
import type { Recording } from './parts.ts';
import { CallRecorder } from './record-calls.ts';
import { type LogFacts, readLogFacts } from './record-log.ts';
import { PromiseBook } from './record-promises.ts';

/** Where a run begins. */
export interface RunStart {
  readonly platform: Platform;
  /** Without drive memory, and without a write log. */
  readonly config: MachineConfig;
  /** The same for machines on what a crash leaves. */
  readonly imageConfig: MachineConfig;
  readonly base: SparseMemory;
}

/** What a recorded body gets. */
export interface RunContext<Value> {
  readonly machine: Machine;
  readonly ack: (value: Value) => void;
  readonly attempt: (value: Value) => void;
}

/** A run that has ended. */
export interface RecordedRun<Value> {
  readonly recording: Recording<Value>;
  readonly facts: LogFacts;
  readonly log: WriteLog;
  /** What the body returned. */
  readonly result: unknown;
  /** What it threw, if it did. */
  readonly thrown: { readonly error: unknown } | undefined;
}

/** The options of a machine over `memory`. */
export function configOver(config: MachineConfig, memory: SparseMemory, isLogging: boolean): MachineConfig {
  const [drive, ...others] = config.drives ?? [{}];
  return { ...config, drives: [{ ...drive, memory }, ...others], writeLog: isLogging };
}

/** Writes everything, also where the volume is gone or its drive fails: what can not be written is not there. */
export function settle(machine: Machine, hasFiles: boolean): void {
  try {
    // an unmount, and not a sync: it also zeroes what was freed
    if (hasFiles) machine.fs.unmount();
    machine.run();
  } catch {
    // unmounted, or a fault of the drive
  }
}

/** What a drive holds after `prepare`, with nothing uncertain and, on a volume, nothing left to replay. */
export async function makeBase(
  platform: Platform,
  config: MachineConfig,
  prepare: ((machine: Machine) => unknown) | undefined,
): Promise<SparseMemory> {
  const hasFiles = Boolean(config.volume);
  const [drive, ...others] = config.drives ?? [{}];
  // a drive that lies about flushes would lose what was made
  const honest = { ...config, drives: [{ ...drive, faults: [] }, ...others] };
  let memory = new SparseMemory();
  // the second time the mount itself puts in order what it finds
  for (const setUp of hasFiles ? [prepare, undefined] : [prepare]) {
    const machine = await Machine.open(platform, configOver(honest, memory, false));
    await setUp?.(machine);
    // an unmount, and not a sync: it also zeroes what was freed
    if (hasFiles) machine.fs.unmount();
    else machine.blockDevice().flush();
    machine.cutPower();
    memory = machine.memory(0);
  }
  return memory;
}

/** A machine that is over a base and keeps a write log. */
export interface RecordTarget {
  readonly machine: Machine;
  readonly base: SparseMemory;
  readonly baseHash?: string | undefined;
  readonly imageConfig: MachineConfig;
  readonly isNaming: boolean;
}

/** Runs `body`, and notes everything: what it throws too, and `isNaming` the names of all inodes. */
export async function recordOn<Value>(
  { machine, base, baseHash, imageConfig, isNaming }: RecordTarget,
  body: (context: RunContext<Value>) => unknown,
): Promise<RecordedRun<Value>> {
  const recorder = new CallRecorder(machine, isNaming && Boolean(imageConfig.volume));
  const book = new PromiseBook<Value>(machine);
  let result: unknown;
  let thrown: RecordedRun<Value>['thrown'];
  try {
    result = await body({
      machine,
      ack: (value) => book.ack(value),
      attempt: (value) => book.attempt(value),
    });
  } catch (error) {
    thrown = { error };
  }
  const log = machine.writeLog.snapshot();
  recorder.stop();
  const facts = readLogFacts(log);
  const recording: Recording<Value> = {
    log: log.source as SparseMemory,
    base,
    baseHash,
    config: imageConfig,
    promises: book.promises(facts.markSteps),
    calls: recorder.calls,
    hash: facts.hash,
    paths: recorder.paths,
  };
  return { recording, facts, log, result, thrown };
}

/** A run of the workload. */
export interface RecordedWorkload<Value> extends RecordedRun<Value> {
  /** What the drive holds when everything has been written. */
  readonly end: SparseMemory;
}

/** As recordOn, on a new machine. */
export async function record<Value>(
  { platform, config, imageConfig, base }: RunStart,
  body: (context: RunContext<Value>) => unknown,
): Promise<RecordedWorkload<Value>> {
  const machine = await Machine.open(platform, configOver(config, base.fork(), true));
  try {
    const run = await recordOn({ machine, base, imageConfig, isNaming: true }, body);
    settle(machine, Boolean(imageConfig.volume));
    return { ...run, end: machine.memory(0).fork() };
  } finally {
    machine.close();
  }
}
