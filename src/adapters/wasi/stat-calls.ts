// The calls of WASI preview 1 on what is known of files and descriptors: types, sizes, times, flags, rights, preopens.
//
// Verbs: statCalls. Times are nanoseconds since 1970 on the machine's clock.

import type { FileStat } from '../../fs/structs.ts';
import {
  FDFLAG_APPEND,
  FDFLAG_NONBLOCK,
  FDFLAGS_ALL,
  FDSTAT_SIZE,
  FILESTAT_SIZE,
  FILETYPE_CHARACTER_DEVICE,
  FILETYPE_DIRECTORY,
  FILETYPE_REGULAR_FILE,
  FSTFLAG_ACCESS,
  FSTFLAG_ACCESS_NOW,
  FSTFLAG_MODIFY,
  FSTFLAG_MODIFY_NOW,
  PRESTAT_SIZE,
  RIGHT_PATH_SET_TIMES,
  RIGHT_PATH_STAT,
  RIGHT_SET_FLAGS,
  RIGHT_SET_TIMES,
  RIGHT_STAT,
} from './abi.ts';
import { type WasiCalls, WasiError } from './calls.ts';
import type { WasiContext } from './context.ts';
import type { Descriptor } from './descriptors.ts';
import {
  WASI_EBADF,
  WASI_EINVAL,
  WASI_ENAMETOOLONG,
  WASI_ENOTCAPABLE,
  WASI_ENOTSUP,
  WASI_SUCCESS,
} from './errno.ts';
import { pathAt, pathBelow } from './paths.ts';

/** There is one volume. */
const DEVICE = 1n;
/** F_SETFL changes these; who wants durable writes says so to open. */
const CHANGEABLE_FLAGS = FDFLAG_APPEND | FDFLAG_NONBLOCK;
const MAX_TIME_NS = (1n << 63n) - 1n;

function fileType(found: Descriptor): number {
  if (found.kind === 'directory') return FILETYPE_DIRECTORY;
  return found.kind === 'file' ? FILETYPE_REGULAR_FILE : FILETYPE_CHARACTER_DEVICE;
}

/** One of the two times to set. Throws EINVAL for flags that contradict each other. */
function chosenTime(flags: number, given: number, now: number, values: readonly bigint[]): bigint {
  const [old, wanted, current] = values as [bigint, bigint, bigint];
  const isGiven = (flags & given) !== 0;
  const isNow = (flags & now) !== 0;
  if (isGiven && isNow) throw new WasiError(WASI_EINVAL);
  if (isNow) return current;
  if (!isGiven) return old;
  const unsigned = BigInt.asUintN(64, wanted);
  if (unsigned > MAX_TIME_NS) throw new WasiError(WASI_EINVAL);
  return unsigned;
}

export function statCalls(context: WasiContext): WasiCalls {
  const { machine, guest, descriptors } = context;

  function putStat(stat: FileStat, out: number): number {
    guest.bytes(out, FILESTAT_SIZE).fill(0);
    guest.setU64(out, DEVICE);
    guest.setU64(out + 8, BigInt(stat.inode));
    guest.setU8(out + 16, stat.isDirectory ? FILETYPE_DIRECTORY : FILETYPE_REGULAR_FILE);
    guest.setU64(out + 24, BigInt(stat.links));
    guest.setU64(out + 32, BigInt(stat.size));
    guest.setU64(out + 40, stat.accessTimeNs);
    guest.setU64(out + 48, stat.modifyTimeNs);
    guest.setU64(out + 56, stat.changeTimeNs);
    return WASI_SUCCESS;
  }

  /** Access and modification time after a change. */
  function times(stat: FileStat, access: bigint, modify: bigint, flags: number): readonly [bigint, bigint] {
    const now = BigInt(machine.nowNs);
    return [
      chosenTime(flags, FSTFLAG_ACCESS, FSTFLAG_ACCESS_NOW, [stat.accessTimeNs, access, now]),
      chosenTime(flags, FSTFLAG_MODIFY, FSTFLAG_MODIFY_NOW, [stat.modifyTimeNs, modify, now]),
    ];
  }

  function preopen(number: number): Uint8Array {
    const found = descriptors.get(number);
    if (found?.kind !== 'directory' || found.preopen === undefined) throw new WasiError(WASI_EBADF);
    return new TextEncoder().encode(found.preopen);
  }

  return {
    fd_fdstat_get: (number: number, out: number) => {
      const found = descriptors.need(number, 0n);
      guest.bytes(out, FDSTAT_SIZE).fill(0);
      guest.setU8(out, fileType(found));
      guest.setU16(out + 2, found.flags);
      guest.setU64(out + 8, found.rights.base);
      guest.setU64(out + 16, found.rights.inheriting);
      return WASI_SUCCESS;
    },
    fd_fdstat_set_flags: (number: number, flags: number) => {
      const found = descriptors.need(number, RIGHT_SET_FLAGS);
      if ((flags & ~FDFLAGS_ALL) !== 0) return WASI_EINVAL;
      if (((flags ^ found.flags) & ~CHANGEABLE_FLAGS) !== 0) return WASI_ENOTSUP;
      found.flags = flags;
      return WASI_SUCCESS;
    },
    fd_fdstat_set_rights: (number: number, base: bigint, inheriting: bigint) => {
      const { rights } = descriptors.need(number, 0n);
      const wanted = { base: BigInt.asUintN(64, base), inheriting: BigInt.asUintN(64, inheriting) };
      if ((wanted.base & ~rights.base) !== 0n || (wanted.inheriting & ~rights.inheriting) !== 0n)
        return WASI_ENOTCAPABLE;
      Object.assign(rights, wanted);
      return WASI_SUCCESS;
    },
    fd_filestat_get: (number: number, out: number) => {
      const found = descriptors.need(number, RIGHT_STAT);
      if (found.kind !== 'stream') return putStat(found.file.stat(), out);
      guest.bytes(out, FILESTAT_SIZE).fill(0);
      guest.setU8(out + 16, FILETYPE_CHARACTER_DEVICE);
      return WASI_SUCCESS;
    },
    fd_filestat_set_times: (number: number, access: bigint, modify: bigint, flags: number) => {
      const found = descriptors.need(number, RIGHT_SET_TIMES);
      if (found.kind === 'stream') return WASI_EINVAL;
      found.file.setAttributes({ times: times(found.file.stat(), access, modify, flags) });
      return WASI_SUCCESS;
    },
    fd_prestat_get: (number: number, out: number) => {
      const { length } = preopen(number);
      guest.bytes(out, PRESTAT_SIZE).fill(0);
      guest.setU32(out + 4, length);
      return WASI_SUCCESS;
    },
    fd_prestat_dir_name: (number: number, path: number, length: number) => {
      const name = preopen(number);
      if (length >>> 0 < name.length) return WASI_ENAMETOOLONG;
      guest.bytes(path, name.length).set(name);
      return WASI_SUCCESS;
    },
    path_filestat_get: (number: number, _lookup: number, path: number, length: number, out: number) => {
      const directory = descriptors.directory(number, RIGHT_PATH_STAT);
      const stat = machine.fs.stat(pathBelow(directory, pathAt(guest, path, length)));
      return putStat(stat, out);
    },
    path_filestat_set_times: (
      number: number,
      _lookup: number,
      path: number,
      length: number,
      access: bigint,
      modify: bigint,
      flags: number,
    ) => {
      const directory = descriptors.directory(number, RIGHT_PATH_SET_TIMES);
      const whole = pathBelow(directory, pathAt(guest, path, length));
      machine.fs.setAttributes(whole, { times: times(machine.fs.stat(whole), access, modify, flags) });
      return WASI_SUCCESS;
    },
  };
}
