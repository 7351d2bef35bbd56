// What the check said: errors by name, message, and a key that is the same for one bug and different values.
//
// Verbs: failureOf, failureKey.

import type { Failure } from './parts.ts';
import { userFrames } from './record-stack.ts';

/** Recovery has not ended in time. */
export class RecoverTimeoutError extends Error {
  override readonly name = 'RecoverTimeoutError';

  constructor(milliseconds: number) {
    super(`recovery has not ended within ${milliseconds} ms`);
  }
}

/** A crash during recovery has led to another state than recovery alone. */
export class RecoveryDiffersError extends Error {
  override readonly name = 'RecoveryDiffersError';

  constructor(expected: string, found: string | undefined) {
    super(`after a crash during recovery it returns ${found ?? 'nothing'}, without that crash ${expected}`);
  }
}

/** Values out of a message: quoted parts, numbers, hexadecimal digits. Of several lines the first says what is wrong. */
function withoutValues(message: string): string {
  const [first = ''] = message.split('\n');
  return first
    .replace(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`/g, '…')
    .replace(/\b(?:0x)?[0-9a-f]*\d[0-9a-f]*\b/gi, '…');
}

/** A stack without our frames and those of whoever called explore. */
function userStack(stack: string): string {
  const first = stack.search(/^\s+at /m);
  const head = first < 0 ? stack : stack.slice(0, first).trimEnd();
  return [head, ...userFrames(stack).map((frame) => `    at ${frame}`)].join('\n');
}

/** The place in the user's code that threw, without the column. */
function placeOf(stack: string | undefined): string {
  const [frame = ''] = stack === undefined ? [] : userFrames(stack);
  return frame.replace(/:\d+\)?$/, '');
}

/** One bug, one key: name, message without values, and the line that threw. */
export function failureKey(name: string, message: string, stack: string | undefined): string {
  return `${name}: ${withoutValues(message)} @ ${placeOf(stack)}`;
}

/** Whatever was thrown, as a failure. */
export function failureOf(thrown: unknown, isLoss: boolean): Failure {
  const isError = thrown instanceof Error;
  const name = isError ? thrown.name : `thrown ${typeof thrown}`;
  const message = isError ? thrown.message : String(thrown);
  const stack = isError ? thrown.stack : undefined;
  return {
    name,
    message,
    stack: stack === undefined ? undefined : userStack(stack),
    key: failureKey(name, message, stack),
    isTimeout: thrown instanceof RecoverTimeoutError,
    isLoss,
  };
}
