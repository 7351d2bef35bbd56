// What is told and set of files by their names, synchronous: stat, access, chmod, chown, utimes, statfs.
//
// Verbs: attributeCalls; checkOwner, toOwner and toTimes, for descriptors as well. `-1` for an owner leaves him.

import type { FileStat } from '../../fs/structs.ts';
import { checkInteger, toMode, toPath, toSeconds, toThreeBits } from './arguments.ts';
import { X_OK } from './constants.ts';
import type { Context } from './context.ts';
import { asNode, EACCES, errnoError } from './errors.ts';
import { StatFs, toStats } from './stats.ts';

const MAX_ID = 4294967295;
const ANY_EXECUTE = 0o111;

interface StatOptions {
  readonly bigint?: boolean;
  readonly throwIfNoEntry?: boolean;
}

/** Checks the arguments of a chown. */
export function checkOwner(uid: unknown, gid: unknown): void {
  checkInteger(uid, 'uid', -1, MAX_ID);
  checkInteger(gid, 'gid', -1, MAX_ID);
}

export function toOwner(stat: FileStat, uid: unknown, gid: unknown): [number, number] {
  return [uid === -1 ? stat.uid : (uid as number), gid === -1 ? stat.gid : (gid as number)];
}

/** Whole microseconds, as libuv hands them over; a negative number is now, on the machine's clock. */
function toTimeNs(context: Context, value: unknown, name: string): bigint {
  const seconds = toSeconds(value, name);
  if (seconds === undefined || seconds < 0) return BigInt(context.machine.nowNs);
  return BigInt(Math.trunc(seconds * 1e6)) * 1000n;
}

/** The times of a utimes, nanoseconds since 1970; `names`: what the arguments are called in an error. */
export function toTimes(
  context: Context,
  accessed: unknown,
  modified: unknown,
  names: readonly [string, string] = ['time', 'time'],
): [bigint, bigint] {
  return [toTimeNs(context, accessed, names[0]), toTimeNs(context, modified, names[1])];
}

export function attributeCalls(context: Context) {
  const { volume } = context;

  function stat(syscall: string, path: unknown, options: StatOptions | null = {}) {
    const name = toPath(path);
    const found = asNode(syscall, () => volume.statIfThere(name), name);
    if (typeof found !== 'number') return toStats(found, options?.bigint);
    if (options?.throwIfNoEntry === false) return undefined;
    throw errnoError(found, syscall, name);
  }

  function chown(syscall: string, path: unknown, uid: unknown, gid: unknown): void {
    const name = toPath(path);
    checkOwner(uid, gid);
    asNode(syscall, () => volume.setAttributes(name, { owner: toOwner(volume.stat(name), uid, gid) }), name);
  }

  function utimes(syscall: string, path: unknown, accessed: unknown, modified: unknown): void {
    const name = toPath(path);
    const times = toTimes(context, accessed, modified);
    asNode(syscall, () => volume.setAttributes(name, { times }), name);
  }

  return {
    statSync: (path: unknown, options?: StatOptions) => stat('stat', path, options),
    lstatSync: (path: unknown, options?: StatOptions) => stat('lstat', path, options),

    accessSync(path: unknown, mode?: unknown): void {
      const name = toPath(path);
      const wanted = toThreeBits(mode);
      const found = asNode('access', () => volume.stat(name), name);
      // the caller is root: only what nobody may execute is refused
      if ((wanted & X_OK) !== 0 && found.isFile && (found.mode & ANY_EXECUTE) === 0)
        throw errnoError(EACCES, 'access', name);
    },

    existsSync(path: unknown): boolean {
      try {
        return volume.exists(toPath(path));
      } catch {
        return false;
      }
    },

    chmodSync(path: unknown, mode: unknown): void {
      const name = toPath(path);
      const permissions = toMode(mode, 'mode');
      asNode('chmod', () => volume.chmod(name, permissions), name);
    },

    chownSync: (path: unknown, uid: unknown, gid: unknown) => chown('chown', path, uid, gid),
    lchownSync: (path: unknown, uid: unknown, gid: unknown) => chown('lchown', path, uid, gid),
    utimesSync: (path: unknown, accessed: unknown, modified: unknown) =>
      utimes('utime', path, accessed, modified),
    lutimesSync: (path: unknown, accessed: unknown, modified: unknown) =>
      utimes('lutime', path, accessed, modified),

    statfsSync(path: unknown, options?: { bigint?: boolean }) {
      const name = toPath(path);
      const found = asNode(
        'statfs',
        () => {
          volume.stat(name);
          return volume.statfs();
        },
        name,
      );
      return options?.bigint === true ? new StatFs(found, BigInt) : new StatFs(found, Number);
    },
  };
}
