// Who is told of the calls that change files or drives, before they are made: explore, which records them.
//
// Nothing is decided here.

import type { StorageErrorDetails } from '../errors.ts';

export interface CallWatcher {
  /** A call begins, by its Linux name. Returns the tag of what it submits: 0 for calls that change nothing. */
  begin(syscall: string, details: StorageErrorDetails): number;
  /** It has ended, well or not. `result`: a negative errno, else what the core answered. */
  end(result: number): void;
}
