// The errors that users meet, shaped like Node's.
//
// StorageError: news from the simulated storage (a Linux errno). ConfigError: an option out of its range.
// VolumeError: a volume that can not be mounted.
// WriteLogError: a write log that can not be read.
// CephAbortError: what aborts the process of a BlueStore.
// InternalError: a broken invariant of ours; the machine is dead.

const ERRNO_NAMES: Readonly<Record<number, string>> = {
  1: 'EPERM',
  2: 'ENOENT',
  4: 'EINTR',
  5: 'EIO',
  6: 'ENXIO',
  9: 'EBADF',
  11: 'EAGAIN',
  12: 'ENOMEM',
  13: 'EACCES',
  14: 'EFAULT',
  16: 'EBUSY',
  17: 'EEXIST',
  18: 'EXDEV',
  19: 'ENODEV',
  20: 'ENOTDIR',
  21: 'EISDIR',
  22: 'EINVAL',
  24: 'EMFILE',
  27: 'EFBIG',
  28: 'ENOSPC',
  29: 'ESPIPE',
  30: 'EROFS',
  31: 'EMLINK',
  35: 'EDEADLK',
  36: 'ENAMETOOLONG',
  38: 'ENOSYS',
  39: 'ENOTEMPTY',
  52: 'EBADE',
  61: 'ENODATA',
  67: 'ENOLINK',
  75: 'EOVERFLOW',
  78: 'EREMCHG',
  84: 'EILSEQ',
  95: 'EOPNOTSUPP',
  110: 'ETIMEDOUT',
  115: 'EINPROGRESS',
  116: 'ESTALE',
  117: 'EUCLEAN',
  121: 'EREMOTEIO',
  125: 'ECANCELED',
  131: 'ENOTRECOVERABLE',
};

/** The symbolic name of a Linux errno, given positive or negative: `errnoName(-5)` is `'EIO'`. */
export function errnoName(errno: number): string {
  const positive = Math.abs(errno);
  return ERRNO_NAMES[positive] ?? `E${positive}`;
}

/** The Linux errno of a symbolic name, positive, or undefined: `errnoNumber('EIO')` is 5. */
export function errnoNumber(name: string): number | undefined {
  const entry = Object.entries(ERRNO_NAMES).find(([, known]) => known === name);
  const match = /^E(\d{1,4})$/.exec(name);
  if (entry !== undefined) return Number(entry[0]);
  return match !== null && Number(match[1]) > 0 && Number(match[1]) < 4096 ? Number(match[1]) : undefined;
}

/** What a failed call was about, for the message. */
export interface StorageErrorDetails {
  readonly path?: string;
  /** The second path of a call that has two. */
  readonly dest?: string;
  readonly offset?: number;
  readonly length?: number;
  readonly hint?: string;
}

/** A call on the simulated storage failed: `code` as Node names it, `errno` negative, `syscall` the Linux call. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  readonly path?: string;
  readonly dest?: string;
  readonly offset?: number;
  readonly length?: number;

  /** `result`: the negative errno that the core answered. */
  constructor(syscall: string, result: number, details: StorageErrorDetails = {}) {
    const code = errnoName(result);
    const dest = details.dest === undefined ? '' : ` -> '${details.dest}'`;
    const where = details.path === undefined ? '' : ` '${details.path}'${dest}`;
    const range = details.offset === undefined ? '' : ` at offset ${details.offset}`;
    const size = details.length === undefined ? '' : `, ${details.length} bytes`;
    const hint = details.hint === undefined ? '' : ` (${details.hint})`;
    super(`${code}: ${syscall}${where}${range}${size}${hint}`);
    this.code = code;
    this.errno = -Math.abs(result);
    this.syscall = syscall;
    if (details.path !== undefined) this.path = details.path;
    if (details.dest !== undefined) this.dest = details.dest;
    if (details.offset !== undefined) this.offset = details.offset;
    if (details.length !== undefined) this.length = details.length;
  }
}

/** A write log is damaged, or what was given is none: `path`, `offset` (bytes) and `field` say where. */
export class WriteLogError extends Error {
  override readonly name = 'WriteLogError';
  readonly code = 'ERR_SECTORLAB_LOG';
  readonly path?: string;
  readonly offset: number;
  readonly field: string;

  /** `found`: what stands there, in words. */
  constructor(path: string | undefined, offset: number, field: string, found: string) {
    super(`${path ?? 'the write log'} at offset ${offset}: ${field} is ${found}`);
    if (path !== undefined) this.path = path;
    this.offset = offset;
    this.field = field;
  }
}

/** The volume on a drive is damaged, or what is there is no volume: `problems` says in words what was found. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError';
  readonly code = 'EUCLEAN';
  readonly errno = -117;
  readonly problems: readonly string[];

  constructor(message: string, problems: readonly string[] = []) {
    super([message, ...problems].join('\n  '));
    this.problems = problems;
  }
}

/** Why Ceph aborts, by the numbers ABORT_… of the core. */
export const ABORT_REASONS = [
  'none',
  'initTwice',
  'notShutDown',
  'destroyFailed',
  'batchTooLong',
  'nothingAccepted',
  'invalidIo',
  'submit',
  'reap',
  'unexpectedError',
  'shortIo',
  'flush',
] as const;

export type AbortReason = (typeof ABORT_REASONS)[number];

/**
 * Ceph's code asserts that this can not be, and its process aborts. `invalidIo` is an argument, and nothing has happened;
 * `submit`, `reap`, `unexpectedError`, `shortIo` and `flush` kill a device: every later call on it throws this again.
 */
export class CephAbortError extends Error {
  override readonly name = 'CephAbortError';
  readonly code = 'ERR_CEPH_ABORT';
  readonly reason: AbortReason;
  readonly syscall: string;
  /** The result that led to it, a negative errno or a number of bytes. */
  readonly result: number;

  constructor(syscall: string, reason: AbortReason, result: number) {
    super(`Ceph aborts in ${syscall}: ${reason} (${result < 0 ? errnoName(result) : result})`);
    this.reason = reason;
    this.syscall = syscall;
    this.result = result;
  }
}

/** An option is out of its range: `field`, the `value` given and the `limit` are in the message and in fields. */
export class ConfigError extends RangeError {
  override readonly name = 'ConfigError';
  readonly code = 'ERR_SECTORLAB_CONFIG';
  readonly field: string;
  readonly value: unknown;
  readonly limit: string;

  constructor(field: string, value: unknown, limit: string) {
    super(`${field} is ${formatValue(value)}; it must be ${limit}`);
    this.field = field;
    this.value = value;
    this.limit = limit;
  }
}

function formatValue(value: unknown): string {
  if (value === undefined) return 'not given';
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** An assertion of the core failed. This is a bug in sectorlab; the machine can not be used any more. */
export class InternalError extends Error {
  override readonly name = 'InternalError';
  readonly code = 'ERR_SECTORLAB_INTERNAL';
  readonly seed: number;
  readonly step: number;

  constructor(message: string, seed: number, step: number, cause: unknown) {
    super(
      `${message} (seed ${seed}, step ${step}). This is a bug in sectorlab; please report it with the seed.`,
      { cause },
    );
    this.seed = seed;
    this.step = step;
  }
}

/** Throws a StorageError for a negative result, else gives it back. */
export function check(syscall: string, result: number, details?: StorageErrorDetails): number {
  if (result < 0) throw new StorageError(syscall, result, details);
  return result;
}
