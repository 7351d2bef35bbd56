// What recovery makes of files: right, damage noticed, or wrong; and whether what is wrong is that something is missing.
//
// Verbs: recoverOn, isLossOn, withTimeout, describeError, isDeath, isOfStorage. A look is a machine of its own each time: a recovery may write.

import { InternalError } from '../errors.ts';
import type { Machine } from '../machine.ts';
import type { ExploreFaultsOptions } from './faults-types.ts';

/** How one recovery ended. */
export type Ending =
  | { readonly kind: 'right' }
  | { readonly kind: 'noticed' | 'wrong' | 'hang' | 'died'; readonly error: unknown };

/** What recoveries have in common. */
export interface Recovery<Value, Fs> {
  readonly recover: ExploreFaultsOptions<Value, Fs>['recover'];
  readonly isNoticed: (error: unknown) => boolean;
  readonly fsOf: (machine: Machine) => Fs;
  readonly timeoutMs: number;
}

/** What must and may be there. */
export interface Expected<Value> {
  readonly must: readonly Value[];
  readonly may: readonly Value[];
  readonly crash: 'power' | 'none';
}

/** What files answer when a drive is damaged, broken or full; not what they answer to a wrong call. */
const STORAGE_CODES = [
  ...[
    'ECORRUPT',
    'EIO',
    'EUCLEAN',
    'ENODEV',
    'ENXIO',
    'EROFS',
    'ENODATA',
    'ENOSPC',
    'ETIMEDOUT',
    'ECANCELED',
  ],
  ...['EILSEQ', 'ENOLINK', 'EREMOTEIO', 'EBADE', 'EAGAIN'],
];
const MOST_CAUSES = 8;

/** An assertion of the core failed. */
export function isDeath(error: unknown): boolean {
  return error instanceof InternalError || (error as Error | undefined)?.name === 'InternalError';
}

/** The error, or what caused it, tells of damaged or broken storage. */
export function isOfStorage(error: unknown): boolean {
  let cause = error as { code?: unknown; cause?: unknown } | undefined | null;
  for (let depth = 0; depth < MOST_CAUSES && cause; depth++) {
    if (STORAGE_CODES.includes(cause.code as string)) return true;
    cause = cause.cause as typeof cause;
  }
  return false;
}

/** Name and message. */
export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** What it waits for was not settled in time. */
export class Overdue extends Error {
  override readonly name = 'Overdue';
}

/** As `body`, or Overdue after so many milliseconds of real time. */
export async function withTimeout<T>(body: () => T | Promise<T>, timeoutMs: number): Promise<T> {
  const result = body();
  if (!(result instanceof Promise)) return result;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Overdue(`not settled within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** It hangs for want of a promise that is settled: its code may go on at any time. */
export function isOverdue(ending: Ending): boolean {
  return ending.kind !== 'right' && ending.error instanceof Overdue;
}

function endingOf(error: unknown, isNoticed: (error: unknown) => boolean): Ending {
  if (isDeath(error)) return { kind: 'died', error };
  const isHang = error instanceof Overdue || (error as { code?: unknown } | undefined)?.code === 'EDEADLK';
  if (isHang) return { kind: 'hang', error };
  return { kind: isOfStorage(error) || isNoticed(error) ? 'noticed' : 'wrong', error };
}

/** Recovers on the machine that `open` gives: a volume that can not be mounted is as an error of the recovery. */
export async function recoverOn<Value, Fs>(
  open: () => Machine,
  recovery: Recovery<Value, Fs>,
  expected: Expected<Value>,
): Promise<Ending> {
  try {
    const machine = open();
    const context = { ...expected, machine, fs: recovery.fsOf(machine) };
    await withTimeout(() => recovery.recover(context) as void | Promise<void>, recovery.timeoutMs);
    return { kind: 'right' };
  } catch (error) {
    return endingOf(error, recovery.isNoticed);
  }
}

/** Whether it is only that something acknowledged is missing: the same files are right when nothing has to be there. */
export async function isLossOn<Value, Fs>(
  open: () => Machine,
  recovery: Recovery<Value, Fs>,
  expected: Expected<Value>,
): Promise<boolean> {
  if (expected.must.length === 0) return false;
  const ending = await recoverOn(open, recovery, { ...expected, must: [] });
  return ending.kind === 'right';
}
