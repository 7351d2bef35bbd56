// Fault runs: one workload under each fault of the catalogue, at each request that the fault could hit.
//
// Verbs: exploreFaultsOn. A run has one fault at one point: the n-th request that matches, n = 1, 2, …, until a run has no n-th. After
// each, recoveries look at what is left (faults-run.ts). Invariant: the same options and the same program give the same report.

import { MAX_U32, whole } from '../core/config-values.ts';
import type { Machine } from '../machine.ts';
import type { Platform } from '../platform.ts';
import { FaultBench } from './faults-bench.ts';
import { type PlannedFault, planFaults } from './faults-plan.ts';
import { countOutcomes, FaultReport, findingsOf, isBad } from './faults-report.ts';
import { FaultRunner, type RunResult } from './faults-run.ts';
import type { ExploreFaultsOptions, FaultCoverage, FaultFacts, FaultRun } from './faults-types.ts';
import { Pace } from './search-pace.ts';
import type { ExploreProgress } from './types.ts';

const DEFAULT_POINTS = 1024;
const PHASES = ['workload', 'recovery'] as const;
/** How far it may go, and has gone. */
class Progress {
  readonly #pace: Pace;
  readonly #most: number;
  readonly runs: FaultRun[] = [];
  #tried = 0;
  #failed = 0;

  constructor(options: Pick<ExploreFaultsOptions<never, never>, 'budget' | 'signal' | 'onProgress'>) {
    const { budget, signal, onProgress } = options;
    this.#most = whole('budget.runs', budget?.runs, MAX_U32);
    this.#pace = new Pace({ signal, onProgress, seconds: budget?.seconds });
  }

  get elapsedMs(): number {
    return performance.now() - this.#pace.startMs;
  }

  get stopped(): FaultFacts['stopped'] {
    return this.#pace.stopped ?? (this.#tried >= this.#most ? 'runs' : undefined);
  }

  /** A point was tried; the run, if the fault did something. */
  add(run: FaultRun | undefined): void {
    this.#tried++;
    if (run === undefined) return;
    this.runs.push(run);
    if (isBad(run.outcome)) this.#failed++;
  }

  /** Lets others run now and then. False when it is over. */
  async goesOn(): Promise<boolean> {
    if (this.#pace.isDue) await this.#pace.pause(() => this.#now());
    return this.stopped === undefined;
  }

  #now(): ExploreProgress {
    return { phase: 'faults', done: this.#tried, total: undefined, failed: this.#failed };
  }

  end(): void {
    this.#pace.report(this.#now());
  }
}

/** One fault at one request after the other. */
async function tryFault(
  fault: PlannedFault,
  phase: 'workload' | 'recovery',
  maxPoints: number,
  progress: Progress,
  run: (point: number) => Promise<RunResult>,
): Promise<FaultCoverage> {
  let points = 0;
  let hits = 0;
  let isComplete = false;
  while (points < maxPoints && (await progress.goesOn())) {
    const result = await run(points + 1);
    isComplete = result.matches < points + 1;
    if (isComplete) break;
    points++;
    if (result.run !== undefined) hits++;
    progress.add(result.run);
  }
  const { effect, operation, text } = fault;
  return { fault: text, effect, operation, phase, points, hits, isComplete };
}

function verdictOf(runs: readonly FaultRun[]): Pick<FaultFacts, 'verdict' | 'reason'> {
  if (runs.length === 0) return { verdict: 'notMeasured', reason: 'no fault hit any request' };
  const isViolated = runs.some(({ outcome }) => isBad(outcome));
  return { verdict: isViolated ? 'violated' : 'survived', reason: undefined };
}

/** See exploreFaults of the package entry. */
export async function exploreFaultsOn<Value, Fs>(
  platform: Platform,
  fsOf: (machine: Machine) => Fs,
  options: ExploreFaultsOptions<Value, Fs>,
): Promise<FaultReport> {
  const progress = new Progress(options);
  const { runs } = progress;
  const coverage: FaultCoverage[] = [];
  const report = (verdict: Pick<FaultFacts, 'verdict' | 'reason'>): FaultReport =>
    new FaultReport({
      ...verdict,
      exhaustive: coverage.length > 0 && coverage.every(({ isComplete }) => isComplete),
      runs,
      findings: findingsOf(runs),
      coverage,
      outcomes: countOutcomes(runs),
      seed: options.seed ?? 1,
      stopped: coverage.every(({ isComplete }) => isComplete) ? undefined : progress.stopped,
      elapsedMs: progress.elapsedMs,
    });

  planFaults(options.faults, undefined);
  const maxPoints = whole('maxPoints', options.maxPoints, DEFAULT_POINTS);
  const bench = await FaultBench.open(platform, fsOf, options);
  const { recover, isNoticed = () => false } = options;
  const runner = await FaultRunner.open(bench, { recover, isNoticed, fsOf, timeoutMs: bench.timeoutMs });
  if (typeof runner === 'string') return report({ verdict: 'harnessBroken', reason: runner });
  const plan = planFaults(options.faults, bench.usedRange());
  for (const phase of options.recovery === false ? PHASES.slice(0, 1) : PHASES) {
    for (const fault of plan)
      coverage.push(
        await tryFault(fault, phase, maxPoints, progress, (point) => runner[phase](fault, point)),
      );
  }
  progress.end();
  return report(verdictOf(runs));
}
