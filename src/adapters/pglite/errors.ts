// Errors as PGlite's layer over Emscripten takes them: what has a `code`, and that is a number of wasi-libc's <errno.h>.
//
// Verbs: asEmscripten, badDescriptor. Anything else passes PostgreSQL and ends the program, as a bug should.

import { WASI_EBADF, wasiErrno } from '../wasi/errno.ts';

class PgliteError extends Error {
  override readonly name = 'PgliteError';
  readonly code: number;

  constructor(code: number, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export function badDescriptor(descriptor: number): Error {
  return new PgliteError(WASI_EBADF, `EBADF: descriptor ${descriptor} is not open`);
}

/** Runs a call on the volume; its StorageError becomes one that PostgreSQL sees as errno. */
export function asEmscripten<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    // by shape: the machine may come from another bundle of this package
    const { name, errno, message } = error as { name?: string; errno?: number; message?: string };
    if (name !== 'StorageError' || errno === undefined) throw error;
    throw new PgliteError(wasiErrno(-errno), message ?? '', error);
  }
}
