// What fault runs have found: grouped, told, and asserted.
//
// Verbs: FaultReport: findings, toString, toJSON, assertHandled. Runs are grouped by phase, effect, operation, outcome, and the source line
// that met the fault.

import {
  FAULT_OUTCOMES,
  type FaultFacts,
  type FaultFinding,
  type FaultOutcome,
  type FaultRun,
} from './faults-types.ts';

/** Outcomes that no engine should have. */
const BAD: readonly FaultOutcome[] = ['hang', 'refused', 'wrongAnswer', 'silentLoss', 'died'];

const WORDS: Readonly<Record<FaultOutcome, string>> = {
  handled: 'handled',
  noticed: 'damage noticed',
  hang: 'hang',
  refused: 'recovery refuses files that are not damaged',
  wrongAnswer: 'wrong answer',
  silentLoss: 'silent loss',
  died: 'sectorlab died (our bug)',
};
const LOOK_WORDS = {
  power: 'after a power cut',
  reopened: 'after a clean reopening',
  during: 'during recovery',
  afterwards: 'in the next recovery, without the fault',
} as const;

export function isBad(outcome: FaultOutcome): boolean {
  return BAD.includes(outcome);
}

/** Who met the fault, in words. */
function meeting({ call, stack }: FaultRun): string {
  const [line] = stack;
  if (line === undefined) return 'in the background';
  return `met by ${call} at ${line}`;
}

function sentenceOf(run: FaultRun, runs: number): string {
  const times = runs === 1 ? '' : ` (and ${runs - 1} more like it)`;
  const where = run.look === undefined ? '' : ` ${LOOK_WORDS[run.look]}`;
  const error = run.error === undefined ? '' : `: ${run.error}`;
  const told = run.reported === undefined ? 'nothing was reported' : `reported was ${run.reported}`;
  const who = run.phase === 'recovery' ? ' of the recovery' : '';
  return `${WORDS[run.outcome]}${where}${error}; '${run.fault}'${who}, ${meeting(run)}, ${told}${times}`;
}

/** What is not handled, the worst first. */
export function findingsOf(runs: readonly FaultRun[]): FaultFinding[] {
  const groups = new Map<string, FaultRun[]>();
  for (const run of runs) {
    if (run.outcome === 'handled') continue;
    const key = [run.phase, run.effect, run.operation, run.outcome, run.syscall, run.stack[0]].join('\n');
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const findings = [...groups.values()].map((group): FaultFinding => {
    const first = group[0] as FaultRun;
    const { effect, operation, phase, outcome, call, stack } = first;
    const sentence = sentenceOf(first, group.length);
    return { sentence, effect, operation, phase, outcome, call, stack, first, runs: group.length };
  });
  const rank = ({ outcome }: FaultFinding): number => FAULT_OUTCOMES.indexOf(outcome);
  return findings.sort((one, other) => rank(other) - rank(one));
}

/** How many runs had each outcome. */
export function countOutcomes(runs: readonly FaultRun[]): Record<FaultOutcome, number> {
  const counts = Object.fromEntries(FAULT_OUTCOMES.map((outcome) => [outcome, 0]));
  for (const { outcome } of runs) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts as Record<FaultOutcome, number>;
}

/** A fault was not handled: `report` has everything. */
export class FaultsNotHandledError extends Error {
  override readonly name = 'FaultsNotHandledError';
  readonly code = 'ERR_SECTORLAB_FAULTS';
  readonly report: FaultReport;

  constructor(message: string, report: FaultReport) {
    super(message);
    this.report = report;
  }
}

/** What exploreFaults found. */
export class FaultReport implements FaultFacts {
  readonly verdict: FaultFacts['verdict'];
  readonly reason: string | undefined;
  readonly exhaustive: boolean;
  readonly runs: readonly FaultRun[];
  readonly findings: readonly FaultFinding[];
  readonly coverage: FaultFacts['coverage'];
  readonly outcomes: FaultFacts['outcomes'];
  readonly seed: number;
  readonly stopped: FaultFacts['stopped'];
  readonly elapsedMs: number;

  constructor(facts: FaultFacts) {
    this.verdict = facts.verdict;
    this.reason = facts.reason;
    this.exhaustive = facts.exhaustive;
    this.runs = facts.runs;
    this.findings = facts.findings;
    this.coverage = facts.coverage;
    this.outcomes = facts.outcomes;
    this.seed = facts.seed;
    this.stopped = facts.stopped;
    this.elapsedMs = facts.elapsedMs;
  }

  /** Lines for people. */
  toString(): string {
    const { runs, outcomes, findings } = this;
    const counts = FAULT_OUTCOMES.filter((outcome) => outcomes[outcome] > 0);
    const parts = counts.map((outcome) => `${outcomes[outcome]} ${WORDS[outcome]}`).join(', ');
    const points = this.coverage.reduce((sum, one) => sum + one.points, 0);
    const all = this.exhaustive ? 'every request tried with every fault' : 'not every request was tried';
    return [
      `${this.verdict}${this.reason === undefined ? '' : `: ${this.reason}`}`,
      `${this.coverage.length} faults at ${points} points, ${runs.length} runs: ${parts || 'none'}; ${all}`,
      ...findings.map(({ sentence }) => `- ${sentence}`),
    ].join('\n');
  }

  /** Plain data, without what differs from run to run of the same program. */
  toJSON(): Omit<FaultFacts, 'elapsedMs'> {
    const { verdict, reason, exhaustive, runs, findings, coverage, outcomes, seed, stopped } = this;
    return { verdict, reason, exhaustive, runs, findings, coverage, outcomes, seed, stopped };
  }

  /**
   * Throws FaultsNotHandledError unless every fault was handled, or its damage noticed; also when nothing was measured, or not everything that
   * was asked for.
   */
  assertHandled(): void {
    if (this.verdict === 'survived' && this.exhaustive) return;
    const bad = this.findings.filter(({ outcome }) => isBad(outcome)).map(({ sentence }) => sentence);
    const cut = this.exhaustive
      ? []
      : [`stopped before every request was tried (${this.stopped ?? 'maxPoints'})`];
    const [head, ...rest] = [this.reason, ...bad, ...cut].filter((line) => line !== undefined);
    throw new FaultsNotHandledError([head ?? this.verdict, ...rest].join('\n'), this);
  }
}
