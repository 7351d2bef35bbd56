// Which flushes of a workload its check notices the removal of: the log without each, explored where that changes something.
//
// Verbs: testFlushes.

import type { Level } from './parts.ts';
import type { FlushFacts } from './types.ts';

/** When testing ends. */
export interface FlushOptions {
  /** Images judged for each flush. Default 20,000. */
  readonly images?: number;
  /** When it is over, by performance.now(): flushes not come to are `untested`. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Takes each flush of the run away in turn. All images of the levels' explorers must have been gone through. */
export async function testFlushes<Value>(
  _levels: readonly Level<Value>[],
  _options: FlushOptions = {},
): Promise<FlushFacts[]> {
  return [];
}
