// What the WASI calls of the adapters have in common: checked memory, and errors as numbers.
//
// Verbs: guarded, WasiError. A call answers a WASI number, 0 for success.

import { GuestFault } from '../../core/guest-memory.ts';
import { WASI_EFAULT, WASI_ENOMEM, wasiErrno } from './errno.ts';

/** A call as wasm makes it: i32 as number, i64 as bigint. */
export type WasiCall = (...values: never[]) => number;
export type WasiCalls = Record<string, WasiCall>;

/** Ends a call with a WASI number. */
export class WasiError extends Error {
  override readonly name = 'WasiError';
  readonly errno: number;

  constructor(errno: number) {
    super(`WASI errno ${errno}`);
    this.errno = errno;
  }
}

/** The number of an error that a machine or a guest's memory has thrown; anything else is thrown on. */
function numberOf(error: unknown): number {
  if (error instanceof WasiError) return error.errno;
  if (error instanceof GuestFault) return WASI_EFAULT;
  // by shape: the machine may come from another bundle of this package
  const { name, errno } = error as { name?: string; errno?: number };
  if (name === 'StorageError' && errno !== undefined) return wasiErrno(-errno);
  if (name === 'ConfigError') return WASI_ENOMEM;
  throw error;
}

/** The same calls with what they throw turned into numbers. */
export function guarded(calls: WasiCalls): WasiCalls {
  const named = Object.entries(calls).map(([name, call]) => [
    name,
    (...values: never[]) => {
      try {
        return call(...values);
      } catch (error) {
        return numberOf(error);
      }
    },
  ]);
  return Object.fromEntries(named);
}
