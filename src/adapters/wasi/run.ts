// A guest's life: it runs until it returns, or until it calls proc_exit.
//
// Verbs: runStart.

import { ExitStatus } from './process-calls.ts';

/** Runs a program's `_start`; its exit status. What it traps with is thrown. */
export function runStart(instance: WebAssembly.Instance): number {
  try {
    (instance.exports._start as () => void)();
    return 0;
  } catch (error) {
    if (error instanceof ExitStatus) return error.status;
    throw error;
  }
}
