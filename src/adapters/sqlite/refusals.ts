// What becomes of errors: nothing may be thrown through SQLite, so each method answers a code and the error is kept.
//
// Verbs: guard, refuse.

import { errnoNumber } from '../../errors.ts';

/** Codes of errors (`EIO`) that a method answers otherwise than the rest. */
export type Exceptions = Readonly<Record<string, number>>;

export class Refusals {
  /** The last error as it was thrown. */
  error: unknown;
  /** Its number of Linux, positive; 0 before the first one and for what is no error of a system call. */
  errno = 0;

  /** A method that answers `code`, or that of `exceptions`, where `body` throws. */
  guard<Arguments extends unknown[]>(
    code: number,
    body: (...values: Arguments) => number,
    exceptions: Exceptions = {},
  ): (...values: Arguments) => number {
    return (...values) => {
      try {
        return body(...values);
      } catch (error) {
        return this.refuse(error, code, exceptions);
      }
    };
  }

  refuse(error: unknown, code: number, exceptions: Exceptions = {}): number {
    this.error = error;
    const name = codeOf(error);
    this.errno = name === undefined ? 0 : (errnoNumber(name) ?? 0);
    return (name === undefined ? undefined : exceptions[name]) ?? code;
  }
}

/** Node's name of an error: `ENOSPC`. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
