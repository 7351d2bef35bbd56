// What the WASI calls of an adapter have in common: checked memory, errors as numbers, and an honest answer to the rest.
//
// Verbs: guarded, refusals. A call answers a WASI number, 0 for success.

import { GuestFault } from '../../core/guest-memory.ts';
import {
  WASI_EFAULT,
  WASI_EINVAL,
  WASI_ENOMEM,
  WASI_ENOSYS,
  WASI_ENOTSUP,
  WASI_EROFS,
  WASI_SUCCESS,
  wasiErrno,
} from './errno.ts';

/** A call as wasm makes it: i32 as number, i64 as bigint. */
export type WasiCall = (...values: never[]) => number;
export type WasiCalls = Record<string, WasiCall>;

/** The number of an error that a machine or a guest's memory has thrown; anything else is thrown on. */
function numberOf(error: unknown): number {
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

/** Calls of preview 1 that have no meaning here, with the number that says why. */
export function refusals(): WasiCalls {
  const answers: Readonly<Record<number, readonly string[]>> = {
    [WASI_SUCCESS]: ['fd_advise'],
    // the set of files is the machine's, fixed when it opened
    [WASI_EROFS]: [
      'path_create_directory',
      'path_filestat_set_times',
      'path_link',
      'path_remove_directory',
      'path_rename',
      'path_symlink',
    ],
    [WASI_EINVAL]: ['path_readlink'],
    [WASI_ENOTSUP]: ['fd_allocate', 'fd_fdstat_set_rights', 'fd_filestat_set_times'],
    [WASI_ENOSYS]: [
      'fd_readdir',
      'fd_renumber',
      'proc_raise',
      'sock_accept',
      'sock_recv',
      'sock_send',
      'sock_shutdown',
    ],
  };
  const named = Object.entries(answers).flatMap(([answer, names]) =>
    names.map((name) => [name, () => Number(answer)] as const),
  );
  return Object.fromEntries(named);
}
