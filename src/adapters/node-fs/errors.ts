// Errors as Node throws them: of the system, with errno, code, syscall, path and dest, and of a call's arguments.
//
// Verbs: errnoError, asNode, systemError, invalidArgType, invalidArgValue, outOfRange, isArgumentError.
// Messages are Node's to the letter, as some programs match them.

import { getSystemErrorMap, inspect } from 'node:util';
import { errnoName } from '../../errors.ts';

/** Texts of libuv, by code; what it has no name for stands here. */
const MESSAGES: ReadonlyMap<string, string> = new Map([
  ['EUCLEAN', 'structure needs cleaning'],
  ['EDEADLK', 'resource deadlock avoided: the drive holds its completions'],
  ...[...getSystemErrorMap().values()].map(([code, text]) => [code, text] as const),
]);

/** libuv's name for EOPNOTSUPP. */
const CODES: Readonly<Record<string, string>> = { EOPNOTSUPP: 'ENOTSUP' };

export const EPERM = -1;
export const ENOENT = -2;
export const EBADF = -9;
export const EACCES = -13;
export const EEXIST = -17;
export const ENOTDIR = -20;
export const EISDIR = -21;
export const EINVAL = -22;
export const ENOSYS = -38;
export const ENOTEMPTY = -39;
export const EOPNOTSUPP = -95;

const codeOf = (errno: number): string => {
  const name = errnoName(errno);
  return CODES[name] ?? name;
};

function located(path: string | undefined, dest: string | undefined): string {
  if (path === undefined) return '';
  return dest === undefined ? ` '${path}'` : ` '${path}' -> '${dest}'`;
}

/** `ENOENT: no such file or directory, open '/x'`. `errno`: Linux's, negative. */
export function errnoError(
  errno: number,
  syscall: string,
  path?: string,
  dest?: string,
): NodeJS.ErrnoException {
  const code = codeOf(errno);
  const text = MESSAGES.get(code) ?? 'unknown error';
  const error: NodeJS.ErrnoException & { dest?: string } = new Error(
    `${code}: ${text}, ${syscall}${located(path, dest)}`,
  );
  error.errno = errno;
  error.code = code;
  error.syscall = syscall;
  if (path !== undefined) error.path = path;
  if (dest !== undefined) error.dest = dest;
  return error;
}

/** The errno of a StorageError, whose class may come from another bundle; 0 for anything else. */
export function storageErrno(error: unknown): number {
  if (!(error instanceof Error) || error.name !== 'StorageError') return 0;
  return (error as Error & { errno: number }).errno;
}

/** Runs `body`; what the volume answers becomes Node's error of `syscall`. */
export function asNode<T>(syscall: string, body: () => T, path?: string, dest?: string): T {
  try {
    return body();
  } catch (error) {
    const errno = storageErrno(error);
    throw errno === 0 ? error : errnoError(errno, syscall, path, dest);
  }
}

/** What a check of Node's own refuses, in the form of a system error: `ERR_FS_EISDIR`, `ERR_FS_CP_EEXIST` … */
export function systemError(
  code: string,
  prefix: string,
  info: {
    readonly errno: number;
    readonly syscall: string;
    readonly message: string;
    readonly path: string;
    readonly dest?: string;
  },
): Error {
  const dest = info.dest === undefined ? '' : ` => ${info.dest}`;
  const returned = `${info.syscall} returned ${codeOf(info.errno)} (${info.message})`;
  const error = new Error(`${prefix}: ${returned} ${info.path}${dest}`);
  error.name = 'SystemError';
  // numbers are positive here, as in Node
  return Object.assign(error, { code, info, errno: -info.errno, syscall: info.syscall, path: info.path });
}

/** A TypeError or RangeError with a code of Node's. */
export function argumentError(
  Kind: typeof TypeError | typeof RangeError,
  code: string,
  message: string,
): Error {
  return Object.assign(new Kind(message), { code });
}

const ARGUMENT_CODES: readonly unknown[] = [
  'ERR_INVALID_ARG_TYPE',
  'ERR_INVALID_ARG_VALUE',
  'ERR_OUT_OF_RANGE',
  'ERR_INVALID_URL_SCHEME',
  'ERR_INVALID_FILE_URL_PATH',
  'ERR_INVALID_FILE_URL_HOST',
];

/** Whether a callback form throws an error at once, as the caller's mistake, and does not hand it to the callback. */
export function isArgumentError(error: unknown): boolean {
  return error instanceof Error && ARGUMENT_CODES.includes((error as NodeJS.ErrnoException).code);
}

const kindOf = (name: string): string => (name.includes('.') ? 'property' : 'argument');

function received(value: unknown): string {
  if (value == null) return String(value);
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'object') {
    const name = value.constructor?.name;
    return name ? `an instance of ${name}` : inspect(value, { depth: -1 });
  }
  const text = inspect(value, { colors: false });
  return `type ${typeof value} (${text.length > 28 ? `${text.slice(0, 25)}...` : text})`;
}

/** `expected` as Node says it: `of type string or an instance of Buffer or URL`. */
export function invalidArgType(name: string, expected: string, value: unknown): Error {
  return argumentError(
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    `The "${name}" ${kindOf(name)} must be ${expected}. Received ${received(value)}`,
  );
}

export function invalidArgValue(name: string, value: unknown, reason = 'is invalid'): Error {
  const text = inspect(value);
  const short = text.length > 128 ? `${text.slice(0, 128)}...` : text;
  return argumentError(
    TypeError,
    'ERR_INVALID_ARG_VALUE',
    `The ${kindOf(name)} '${name}' ${reason}. Received ${short}`,
  );
}

function withSeparators(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, '_');
}

function receivedNumber(value: unknown): string {
  const limit = 2 ** 32;
  if (typeof value === 'bigint')
    return `${value > limit || value < -limit ? withSeparators(String(value)) : value}n`;
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) > limit)
    return withSeparators(String(value));
  return inspect(value);
}

export function outOfRange(name: string, range: string, value: unknown): Error {
  return argumentError(
    RangeError,
    'ERR_OUT_OF_RANGE',
    `The value of "${name}" is out of range. It must be ${range}. Received ${receivedNumber(value)}`,
  );
}
