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
  SEQUENTIAL: PROMISE_SEQUENTIAL,
} as const;

/** A device characteristic that keeps a machine's power cuts from some states. */
export type DrivePromise = keyof typeof PROMISES;

const NAMES = Object.keys(PROMISES) as DrivePromise[];

/** The PROMISE_… bits of a list. Throws ConfigError for a name that is none. */
export function promiseBits(field: string, promises: readonly DrivePromise[] = []): number {
  return promises.reduce(
    (bits, name, index) => bits | PROMISES[oneOf(`${field}[${index}]`, name, NAMES, 'ATOMIC')],
    0,
  );
}
