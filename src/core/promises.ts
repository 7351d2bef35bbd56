// What drives promise about a power cut, by SQLite's names (c3ref/c_iocap_atomic.html).
// Verbs: promiseBits.

import {
  PROMISE_ATOMIC,
  PROMISE_ATOMIC1K,
  PROMISE_ATOMIC2K,
  PROMISE_ATOMIC4K,
  PROMISE_ATOMIC8K,
  PROMISE_ATOMIC16K,
  PROMISE_ATOMIC32K,
  PROMISE_ATOMIC64K,
  PROMISE_ATOMIC512,
  PROMISE_POWERSAFE_OVERWRITE,
  PROMISE_SAFE_APPEND,
  PROMISE_SEQUENTIAL,
} from '../../assembly/layout.ts';
import { oneOf } from './config-values.ts';

const PROMISES = {
  ATOMIC: PROMISE_ATOMIC,
  ATOMIC512: PROMISE_ATOMIC512,
  ATOMIC1K: PROMISE_ATOMIC1K,
  ATOMIC2K: PROMISE_ATOMIC2K,
  ATOMIC4K: PROMISE_ATOMIC4K,
  ATOMIC8K: PROMISE_ATOMIC8K,
  ATOMIC16K: PROMISE_ATOMIC16K,
  ATOMIC32K: PROMISE_ATOMIC32K,
  ATOMIC64K: PROMISE_ATOMIC64K,
  SAFE_APPEND: PROMISE_SAFE_APPEND,
  SEQUENTIAL: PROMISE_SEQUENTIAL,
  POWERSAFE_OVERWRITE: PROMISE_POWERSAFE_OVERWRITE,
} as const;

/**
 * A device characteristic, as SQLite names them: `ATOMIC`, no write tears; `ATOMIC512` to `ATOMIC64K`, aligned pieces of that size do
 * not; `SEQUENTIAL`, writes reach the media in the order in which they were submitted; `POWERSAFE_OVERWRITE`, nothing outside a
 * write's own sectors changes; `SAFE_APPEND`, a file's data is there before its new size is (sectors know of no files: it is for file models).
 */
export type DrivePromise = keyof typeof PROMISES;

const NAMES = Object.keys(PROMISES) as DrivePromise[];

/** The PROMISE_… bits of a list. Throws ConfigError for a name that is none. */
export function promiseBits(field: string, promises: readonly DrivePromise[] = []): number {
  return promises.reduce(
    (bits, name, index) => bits | PROMISES[oneOf(`${field}[${index}]`, name, NAMES, 'ATOMIC')],
    0,
  );
}
