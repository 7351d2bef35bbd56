// The calls of WASI preview 1 that have no meaning for a guest whose files are the machine's drives and flat files.
//
// Verbs: refusals. Each answers the number that says why.

import type { WasiCalls } from '../wasi/calls.ts';
import { WASI_EINVAL, WASI_ENOSYS, WASI_ENOTSUP, WASI_EROFS, WASI_SUCCESS } from '../wasi/errno.ts';

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
    [WASI_ENOSYS]: ['fd_readdir', 'fd_renumber', 'sock_accept', 'sock_recv', 'sock_send', 'sock_shutdown'],
  };
  const named = Object.entries(answers).flatMap(([answer, names]) =>
    names.map((name) => [name, () => Number(answer)] as const),
  );
  return Object.fromEntries(named);
}
