// Findings: what the failing images of a search have in common, each cause shown by its smallest case.
//
// Verbs: explainFailures.

import type { FoundFailure, Levels } from './parts.ts';
import type { Finding, Recipe } from './types.ts';

/** What explaining is given, and when it ends. */
export interface ExplainOptions<Value> {
  readonly levels: Levels<Value>;
  /** What recipes say of the run. */
  readonly kind: Recipe['kind'];
  readonly options: Recipe['options'];
  /** Default 8. */
  readonly maxFindings?: number;
  /** Runs of the check for each finding. Default 2,000. */
  readonly runs?: number;
  /** When it is over, by performance.now(): what is found by then is not made smaller. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (phase: 'shrink' | 'explain', done: number, total: number) => void;
}

/** Makes findings of failing images. Each stands for those with the same failure and the same lines of source. */
export async function explainFailures<Value>(
  _failures: readonly FoundFailure[],
  _options: ExplainOptions<Value>,
): Promise<Finding[]> {
  return [];
}
