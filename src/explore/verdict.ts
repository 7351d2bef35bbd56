// The verdict: what explore found, as facts, as a report, as plain data, and as an error that turns a test red.
//
// Verbs: Verdict.assertSurvived, assertFlushesMatter, toString, toJSON. Invariant: a search that was cut short or sampled is never called safe.

import { formatVerdict, verdictMessage } from './report.ts';
import type { Finding, FlushFacts, VerdictFacts, VerdictKind } from './types.ts';

/** Crashes break the workload, or it was not measured whether they do. */
export class VerdictError extends Error {
  override readonly name = 'VerdictError';
  readonly code = 'ERR_SECTORLAB_VERDICT';
  readonly verdict: VerdictFacts;

  constructor(message: string, verdict: VerdictFacts) {
    super(message);
    this.verdict = verdict;
  }
}

/** What `explore` gives. */
export class Verdict implements VerdictFacts {
  readonly verdict: VerdictKind;
  readonly reason: string | undefined;
  readonly exhaustive: boolean;
  readonly sampledPoints: number;
  readonly crashPoints: number;
  readonly states: number;
  readonly possibleStates: number;
  readonly distinctImages: number;
  readonly checkedImages: number;
  readonly failedImages: number;
  readonly recoveryImages: number;
  readonly findings: readonly Finding[];
  readonly flushes: readonly FlushFacts[];
  readonly acknowledged: number;
  readonly seed: number;
  readonly stopped: VerdictFacts['stopped'];
  readonly elapsedMs: number;

  constructor(facts: VerdictFacts) {
    this.verdict = facts.verdict;
    this.reason = facts.reason;
    this.exhaustive = facts.exhaustive;
    this.sampledPoints = facts.sampledPoints;
    this.crashPoints = facts.crashPoints;
    this.states = facts.states;
    this.possibleStates = facts.possibleStates;
    this.distinctImages = facts.distinctImages;
    this.checkedImages = facts.checkedImages;
    this.failedImages = facts.failedImages;
    this.recoveryImages = facts.recoveryImages;
    this.findings = facts.findings;
    this.flushes = facts.flushes;
    this.acknowledged = facts.acknowledged;
    this.seed = facts.seed;
    this.stopped = facts.stopped;
    this.elapsedMs = facts.elapsedMs;
  }

  /** Throws VerdictError unless no crash that was tried broke the workload, and something could have been lost. */
  assertSurvived(): void {
    if (this.verdict !== 'survived') throw new VerdictError(verdictMessage(this), this);
  }

  /**
   * Throws VerdictError when an fsync (or flush) of the workload can be taken away and no check notices: either it is not needed, or the check
   * does not look. Also where that was not tested: with `flushes: false`, or where budget or signal ended before.
   */
  assertFlushesMatter(): void {
    this.assertSurvived();
    const idle = this.flushes.filter(({ need }) => need !== 'needed');
    if (idle.length === 0 && this.flushes.length > 0) return;
    const lines = idle.map(({ call, need, stack }) => {
      const what = need === 'untested' ? 'was not tested' : 'nothing notices its removal';
      return `  ${call}${stack[0] === undefined ? '' : ` at ${stack[0]}`}: ${what}`;
    });
    throw new VerdictError(['no flush was tested'].slice(idle.length).concat(lines).join('\n'), this);
  }

  /** The report. */
  toString(): string {
    return formatVerdict(this);
  }

  /** Plain data; more than 2^1023 possible states are null in JSON. */
  toJSON(): VerdictFacts {
    return { ...this };
  }
}
