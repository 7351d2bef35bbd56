// How a file of the volume is opened: open(2)'s flags as names, as Node's strings, or as Linux's numbers.
//
// Verbs: coreOpenFlags. The numbers are those of x86-64 and most others.

import {
  OPEN_APPEND,
  OPEN_CREATE,
  OPEN_DIRECT,
  OPEN_DIRECTORY,
  OPEN_DSYNC,
  OPEN_EXCLUSIVE,
  OPEN_READ,
  OPEN_SYNC,
  OPEN_TRUNCATE,
  OPEN_WRITE,
} from '../../assembly/layout.ts';
import { ConfigError } from '../errors.ts';

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_DSYNC = 0o10000;
export const O_DIRECT = 0o40000;
export const O_DIRECTORY = 0o200000;
/** Contains O_DSYNC. */
export const O_SYNC = 0o4010000;

const ACCESS_MODE = 3;

/** open(2)'s flags, each false by default; without `read` and `write` a file is opened for reading. */
export interface OpenFlags {
  readonly read?: boolean;
  readonly write?: boolean;
  /** Make the file if there is none. */
  readonly create?: boolean;
  /** With `create`: EEXIST if there is one. */
  readonly exclusive?: boolean;
  /** Empty the file. */
  readonly truncate?: boolean;
  /** Every write goes to the end. */
  readonly append?: boolean;
  /** ENOTDIR for what is no directory. */
  readonly directory?: boolean;
  /** Around the page cache: offsets and lengths in whole sectors of 512 bytes. */
  readonly direct?: boolean;
  /** A write is on the media when it returns, with what is needed to read it back. */
  readonly dsync?: boolean;
  /** As dsync, with all metadata. */
  readonly sync?: boolean;
}

/** Node's flags as Linux's numbers; `s` may stand before or behind what it belongs to. */
const TEXT_FLAGS: ReadonlyMap<string, number> = new Map([
  ['r', O_RDONLY],
  ['rs', O_RDONLY | O_SYNC],
  ['sr', O_RDONLY | O_SYNC],
  ['r+', O_RDWR],
  ['rs+', O_RDWR | O_SYNC],
  ['sr+', O_RDWR | O_SYNC],
  ['w', O_WRONLY | O_CREAT | O_TRUNC],
  ['wx', O_WRONLY | O_CREAT | O_TRUNC | O_EXCL],
  ['xw', O_WRONLY | O_CREAT | O_TRUNC | O_EXCL],
  ['w+', O_RDWR | O_CREAT | O_TRUNC],
  ['wx+', O_RDWR | O_CREAT | O_TRUNC | O_EXCL],
  ['xw+', O_RDWR | O_CREAT | O_TRUNC | O_EXCL],
  ['a', O_WRONLY | O_CREAT | O_APPEND],
  ['ax', O_WRONLY | O_CREAT | O_APPEND | O_EXCL],
  ['xa', O_WRONLY | O_CREAT | O_APPEND | O_EXCL],
  ['as', O_WRONLY | O_CREAT | O_APPEND | O_SYNC],
  ['sa', O_WRONLY | O_CREAT | O_APPEND | O_SYNC],
  ['a+', O_RDWR | O_CREAT | O_APPEND],
  ['ax+', O_RDWR | O_CREAT | O_APPEND | O_EXCL],
  ['xa+', O_RDWR | O_CREAT | O_APPEND | O_EXCL],
  ['as+', O_RDWR | O_CREAT | O_APPEND | O_SYNC],
  ['sa+', O_RDWR | O_CREAT | O_APPEND | O_SYNC],
]);

/** Linux's number for one of Node's strings, or undefined. */
export function textFlags(text: string): number | undefined {
  return TEXT_FLAGS.get(text);
}

const NUMBER_FLAGS = [
  [O_CREAT, OPEN_CREATE],
  [O_EXCL, OPEN_EXCLUSIVE],
  [O_TRUNC, OPEN_TRUNCATE],
  [O_APPEND, OPEN_APPEND],
  [O_DSYNC, OPEN_DSYNC],
  [O_DIRECT, OPEN_DIRECT],
  [O_DIRECTORY, OPEN_DIRECTORY],
] as const;

/** Flags that the volume does not know change nothing, as on Linux. */
function fromNumber(flags: number): number {
  const access = flags & ACCESS_MODE;
  let result = (access !== O_WRONLY ? OPEN_READ : 0) | (access !== O_RDONLY ? OPEN_WRITE : 0);
  for (const [bit, open] of NUMBER_FLAGS) if ((flags & bit) !== 0) result |= open;
  return (flags & O_SYNC) === O_SYNC ? (result & ~OPEN_DSYNC) | OPEN_SYNC : result;
}

const NAMED_FLAGS = [
  ['read', OPEN_READ],
  ['write', OPEN_WRITE],
  ['create', OPEN_CREATE],
  ['exclusive', OPEN_EXCLUSIVE],
  ['truncate', OPEN_TRUNCATE],
  ['append', OPEN_APPEND],
  ['directory', OPEN_DIRECTORY],
  ['direct', OPEN_DIRECT],
  ['dsync', OPEN_DSYNC],
  ['sync', OPEN_SYNC],
] as const;

function fromNames(flags: OpenFlags): number {
  let result = 0;
  for (const [name, open] of NAMED_FLAGS) if (flags[name] === true) result |= open;
  return (result & (OPEN_READ | OPEN_WRITE)) === 0 ? result | OPEN_READ : result;
}

/** OPEN_… bits for names, one of Node's strings (`'r'`, `'wx+'`), or Linux's number. Throws ConfigError for an unknown string. */
export function coreOpenFlags(flags: string | number | OpenFlags): number {
  if (typeof flags === 'object') return fromNames(flags);
  const number = typeof flags === 'number' ? flags : textFlags(flags);
  if (number === undefined || !Number.isInteger(number) || (number & ACCESS_MODE) === ACCESS_MODE)
    throw new ConfigError(
      'flags',
      flags,
      "Linux's O_ flags, or one of r, r+, w, wx, w+, wx+, a, ax, a+, ax+",
    );
  return fromNumber(number);
}
