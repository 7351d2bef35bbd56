// One run with a fault and what became of it: the workload's, and a recovery's.
//
// Verbs: FaultRunner.open, workload, recovery. After the workload two recoveries look at the files: behind a power cut straight after it, where
// nothing is kept that no flush covers, and reopened after a sync without the fault. A fault during a recovery is
// looked at by that recovery itself, and by one behind another power cut, without the fault.

import type { Machine } from '../machine.ts';
import type { Snapshot } from '../snapshot.ts';
import { type FaultBench, type Hit, settle, type WorkloadEnd, withRule } from './faults-bench.ts';
import {
  describeError,
  type Ending,
  type Expected,
  isLossOn,
  isOverdue,
  type Recovery,
  recoverOn,
} from './faults-judge.ts';
import { type PlannedFault, ruleAt, SILENT_FAULTS } from './faults-plan.ts';
import type { FaultPromises } from './faults-promises.ts';
import { FAULT_OUTCOMES, type FaultLook, type FaultOutcome, type FaultRun } from './faults-types.ts';

/** What a run came to, and how often its rule matched: fewer than its point says that there are no more. */
export interface RunResult {
  readonly matches: number;
  /** Undefined when the fault did nothing. */
  readonly run: FaultRun | undefined;
}

/** An outcome with where it showed. */
interface Found {
  readonly outcome: FaultOutcome;
  readonly look: FaultLook | undefined;
  readonly error: string | undefined;
}

const LOOKS = ['power', 'reopened'] as const;
const HANDLED: Found = { outcome: 'handled', look: undefined, error: undefined };

function worst(found: readonly Found[]): Found {
  const rank = ({ outcome }: Found): number => FAULT_OUTCOMES.indexOf(outcome);
  return found.reduce((one, other) => (rank(other) > rank(one) ? other : one), HANDLED);
}

export class FaultRunner<Value, Fs> {
  readonly #bench: FaultBench<Value, Fs>;
  readonly #recovery: Recovery<Value, Fs>;
  readonly #clean: WorkloadEnd<Value>;
  /** What the power leaves of the clean run: recoveries with faults begin here. */
  #left: Machine;
  #leftStart: Snapshot;

  private constructor(
    bench: FaultBench<Value, Fs>,
    recovery: Recovery<Value, Fs>,
    clean: WorkloadEnd<Value>,
    left: Machine,
  ) {
    this.#bench = bench;
    this.#recovery = recovery;
    this.#clean = clean;
    this.#left = left;
    this.#leftStart = left.snapshot();
  }

  /** Runs the workload without a fault: the others are compared with it. Answers what is wrong already there, if anything is. */
  static async open<Value, Fs>(
    bench: FaultBench<Value, Fs>,
    recovery: Recovery<Value, Fs>,
  ): Promise<FaultRunner<Value, Fs> | string> {
    const clean = await bench.run();
    if (clean.isDead) throw clean.thrown?.error;
    if (clean.isHang) return 'the workload hangs without a fault';
    if (clean.thrown !== undefined)
      return `the workload fails without a fault: ${describeError(clean.thrown.error)}`;
    const runner = new FaultRunner(bench, recovery, clean, bench.machine.crash('power'));
    for (const look of LOOKS) {
      const { ending } = await runner.#look(look, clean.promises);
      if (ending.kind === 'right') continue;
      const where = look === 'power' ? 'after a power cut at the end' : 'on reopened files';
      return `recovery fails without a fault, ${where}: ${describeError(ending.error)}`;
    }
    return runner;
  }

  /** Values that the workload acknowledges without a fault. */
  get acknowledged(): number {
    return this.#clean.promises.must.length;
  }

  /** The workload with a fault at its `point`-th request. */
  async workload(fault: PlannedFault, point: number): Promise<RunResult> {
    const end = await this.#bench.run(ruleAt(fault, point));
    const { hit, promises, thrown } = end;
    if (hit.hits === 0) return { matches: hit.matches, run: undefined };
    const found = await this.#judge(fault, end);
    if (end.isHang) await this.#bench.replace();
    const reported = thrown && describeError(thrown.error);
    const acknowledged = promises.must.length;
    return {
      matches: hit.matches,
      run: { ...describeRun(fault, point, hit), phase: 'workload', reported, acknowledged, ...found },
    };
  }

  async #judge(fault: PlannedFault, end: WorkloadEnd<Value>): Promise<Found> {
    const own = end.thrown && describeError(end.thrown.error);
    if (end.isDead) return { outcome: 'died', look: undefined, error: own };
    const found: Found[] = end.isHang ? [{ outcome: 'hang', look: undefined, error: own }] : [];
    const isTold = end.thrown !== undefined || end.promises.must.length < this.acknowledged;
    for (const look of LOOKS) {
      const { ending, isLoss } = await this.#look(look, end.promises);
      found.push(foundBy(fault, look, ending, isLoss && !isTold));
    }
    return worst(found);
  }

  /** What a recovery says of what the workload has left, and whether what it misses is only what was acknowledged. */
  async #look(
    look: 'power' | 'reopened',
    promises: FaultPromises<Value>,
  ): Promise<{ readonly ending: Ending; readonly isLoss: boolean }> {
    const { machine } = this.#bench;
    const open = (): Machine => {
      if (look === 'reopened') settle(machine);
      return machine.crash(look === 'power' ? 'power' : 'os');
    };
    const crash = look === 'power' ? 'power' : 'none';
    return this.#recover(open, {
      must: promises.must,
      may: promises.may(this.#clean.promises),
      crash,
    });
  }

  async #recover(
    open: () => Machine,
    expected: Expected<Value>,
  ): Promise<{ readonly ending: Ending; readonly isLoss: boolean }> {
    const ending = await recoverOn(open, this.#recovery, expected);
    const isWrong = ending.kind === 'wrong';
    return { ending, isLoss: isWrong && (await isLossOn(open, this.#recovery, expected)) };
  }

  /** A recovery with a fault at its `point`-th request, after a power cut at the end of the workload. */
  async recovery(fault: PlannedFault, point: number): Promise<RunResult> {
    const machine = this.#left;
    machine.restore(this.#leftStart);
    const { must } = this.#clean.promises;
    const expected = { must, may: this.#clean.promises.may(this.#clean.promises), crash: 'power' } as const;
    let during: Ending = { kind: 'right' };
    const hit = await withRule(machine, ruleAt(fault, point), async () => {
      during = await recoverOn(() => machine, this.#recovery, expected);
    });
    if (hit.hits === 0) return { matches: hit.matches, run: undefined };
    const found = await this.#judgeRecovery(fault, during, hit, expected);
    if (isOverdue(during)) this.#replaceLeft();
    const reported =
      during.kind === 'right' ? undefined : describeError((during as { error: unknown }).error);
    return {
      matches: hit.matches,
      run: {
        ...describeRun(fault, point, hit),
        phase: 'recovery',
        reported,
        acknowledged: must.length,
        ...found,
      },
    };
  }

  /** What hangs in the old machine may still use that. */
  #replaceLeft(): void {
    this.#left.restore(this.#leftStart);
    this.#left = this.#left.clone();
    this.#leftStart = this.#left.snapshot();
  }

  async #judgeRecovery(
    fault: PlannedFault,
    during: Ending,
    hit: Hit,
    expected: Expected<Value>,
  ): Promise<Found> {
    // a recovery that passes an error on, to be run again, is as good as one that is right
    const own = during.kind === 'noticed' ? HANDLED : foundBy(fault, 'during', during, false);
    if (during.kind === 'died') return own;
    const stuck: Found = { outcome: 'hang', look: 'during', error: undefined };
    for (const id of this.#left.faults.late()) this.#left.faults.cancel(id);
    const { ending, isLoss } = await this.#recover(() => this.#left.crash('power'), expected);
    const afterwards = foundBy(fault, 'afterwards', ending, isLoss && during.kind === 'right');
    return worst([own, afterwards, ...(hit.isStuck ? [stuck] : [])]);
  }
}

function describeRun({ effect, operation }: PlannedFault, point: number, { text, met }: Hit) {
  const { syscall = '', text: call = '' } = met ?? {};
  return { fault: text, effect, operation, point, syscall, call, stack: met?.stack() ?? [] };
}

/** `isSilent`: only what was acknowledged is missing, and nobody was told. */
function foundBy(fault: PlannedFault, look: FaultLook, ending: Ending, isSilent: boolean): Found {
  if (ending.kind === 'right') return HANDLED;
  const error = describeError(ending.error);
  switch (ending.kind) {
    case 'noticed':
      return { outcome: SILENT_FAULTS.includes(fault.effect) ? 'noticed' : 'refused', look, error };
    case 'wrong':
      return { outcome: isSilent ? 'silentLoss' : 'wrongAnswer', look, error };
    default:
      return { outcome: ending.kind, look, error };
  }
}
