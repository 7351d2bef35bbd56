// sqlite3_io_methods: what SQLite calls on an open file, from addresses and 64-bit numbers to methods of OpenFile.
//
// Verbs: ioMethods. Of version 2: with shared memory for the write-ahead log, without memory-mapped files (xFetch).

import {
  SQLITE_FCNTL_CHUNK_SIZE,
  SQLITE_FCNTL_HAS_MOVED,
  SQLITE_FCNTL_LAST_ERRNO,
  SQLITE_FCNTL_LOCKSTATE,
  SQLITE_FCNTL_PERSIST_WAL,
  SQLITE_FCNTL_POWERSAFE_OVERWRITE,
  SQLITE_FCNTL_SIZE_HINT,
  SQLITE_FCNTL_TEMPFILENAME,
  SQLITE_FCNTL_VFSNAME,
  SQLITE_FULL,
  SQLITE_IOCAP_POWERSAFE_OVERWRITE,
  SQLITE_IOERR,
  SQLITE_IOERR_CHECKRESERVEDLOCK,
  SQLITE_IOERR_CLOSE,
  SQLITE_IOERR_CORRUPTFS,
  SQLITE_IOERR_FSTAT,
  SQLITE_IOERR_FSYNC,
  SQLITE_IOERR_LOCK,
  SQLITE_IOERR_READ,
  SQLITE_IOERR_SHMLOCK,
  SQLITE_IOERR_SHMMAP,
  SQLITE_IOERR_TRUNCATE,
  SQLITE_IOERR_UNLOCK,
  SQLITE_IOERR_WRITE,
  SQLITE_LOCK_NONE,
  SQLITE_NOTFOUND,
  SQLITE_OK,
} from './codes.ts';
import type { OpenFile } from './open-file.ts';
import type { Exceptions, Refusals } from './refusals.ts';
import type { Sqlite3 } from './types.ts';

/** SQLITE_DEFAULT_SECTOR_SIZE, what os_unix.c answers. */
const SECTOR_BYTES = 4096;

/** unixRead takes these for a damaged file system. */
const DAMAGED: Exceptions = {
  EIO: SQLITE_IOERR_CORRUPTFS,
  ENXIO: SQLITE_IOERR_CORRUPTFS,
  ERANGE: SQLITE_IOERR_CORRUPTFS,
};
const NO_ROOM: Exceptions = { ENOSPC: SQLITE_FULL };

/** `files`: by the address of their sqlite3_file. `name`: of the VFS. */
export function ioMethods(
  wasm: Sqlite3['wasm'],
  files: Map<number, OpenFile>,
  refusals: Refusals,
  name: string,
) {
  const control = fileControls(wasm, name);

  /** A method of a file on a volume that is still there. */
  const onFile = <Arguments extends unknown[]>(
    code: number,
    body: (file: OpenFile, ...values: Arguments) => number,
    exceptions?: Exceptions,
  ) =>
    refusals.guard(
      code,
      (pointer: number, ...values: Arguments): number => {
        const file = files.get(pointer);
        if (file === undefined || file.mount.isLeft) return code;
        try {
          return body(file, ...values);
        } catch (error) {
          const answer = refusals.refuse(error, code, exceptions);
          file.lastErrno = refusals.errno;
          return answer;
        }
      },
      exceptions,
    );

  return {
    xClose: refusals.guard(SQLITE_IOERR_CLOSE, (pointer: number) => {
      const file = files.get(pointer);
      files.delete(pointer);
      return file?.close() ?? SQLITE_OK;
    }),

    xRead: onFile(
      SQLITE_IOERR_READ,
      (file, pointer: number, length: number, offset: bigint) =>
        file.read(wasm.heap8u(), pointer, length, Number(offset)),
      DAMAGED,
    ),

    xWrite: onFile(
      SQLITE_IOERR_WRITE,
      (file, pointer: number, length: number, offset: bigint) =>
        file.write(wasm.heap8u(), pointer, length, Number(offset)),
      NO_ROOM,
    ),

    xTruncate: onFile(SQLITE_IOERR_TRUNCATE, (file, bytes: bigint) => file.truncate(Number(bytes))),

    xSync: onFile(SQLITE_IOERR_FSYNC, (file, flags: number) => file.sync(flags)),

    xFileSize: onFile(SQLITE_IOERR_FSTAT, (file, out: number) => {
      wasm.poke64(out, BigInt(file.size));
      return SQLITE_OK;
    }),

    xLock: onFile(SQLITE_IOERR_LOCK, (file, level: number) => file.lock?.lock(level) ?? SQLITE_OK),

    xUnlock: onFile(SQLITE_IOERR_UNLOCK, (file, level: number) => {
      file.lock?.unlock(level);
      return SQLITE_OK;
    }),

    xCheckReservedLock: onFile(SQLITE_IOERR_CHECKRESERVEDLOCK, (file, out: number) => {
      wasm.poke32(out, file.lock?.isReserved === true ? 1 : 0);
      return SQLITE_OK;
    }),

    xFileControl: onFile(SQLITE_IOERR, (file, operation: number, argument: number) => {
      const body = control[operation];
      return body === undefined ? SQLITE_NOTFOUND : body(file, argument);
    }),

    xSectorSize: () => SECTOR_BYTES,

    xDeviceCharacteristics: (pointer: number): number => {
      const file = files.get(pointer);
      if (file === undefined) return 0;
      const { characteristics } = file.mount;
      return file.hasPowersafeOverwrite
        ? characteristics | SQLITE_IOCAP_POWERSAFE_OVERWRITE
        : characteristics & ~SQLITE_IOCAP_POWERSAFE_OVERWRITE;
    },

    xShmMap: onFile(
      SQLITE_IOERR_SHMMAP,
      (file, index: number, bytes: number, isMade: number, out: number) =>
        file.sharedMemory?.map(index, bytes, isMade !== 0, (pointer) => wasm.poke32(out, pointer)) ??
        SQLITE_IOERR_SHMMAP,
    ),

    xShmLock: onFile(
      SQLITE_IOERR_SHMLOCK,
      (file, first: number, count: number, flags: number) =>
        file.sharedMemory?.lock(first, count, flags) ?? SQLITE_IOERR_SHMLOCK,
    ),

    xShmBarrier: (): void => {},

    // memory is given back even when the volume is gone
    xShmUnmap: (pointer: number): number => {
      files.get(pointer)?.sharedMemory?.unmap();
      return SQLITE_OK;
    },
  };
}

/** Sets a yes or no, or tells it where the argument is negative (os_unix.c, unixModeBit). */
function modeBit(wasm: Sqlite3['wasm'], argument: number, isSet: boolean): boolean {
  const asked = wasm.peek32(argument) | 0;
  if (asked >= 0) return asked > 0;
  wasm.poke32(argument, isSet ? 1 : 0);
  return isSet;
}

type Control = (file: OpenFile, argument: number) => number;

/** By operation; what is not there is SQLITE_NOTFOUND. */
function fileControls(wasm: Sqlite3['wasm'], name: string): Readonly<Record<number, Control>> {
  const done =
    (body: (file: OpenFile, argument: number) => unknown): Control =>
    (file, argument) => {
      body(file, argument);
      return SQLITE_OK;
    };
  return {
    [SQLITE_FCNTL_LOCKSTATE]: done((file, out) => wasm.poke32(out, file.lock?.level ?? SQLITE_LOCK_NONE)),
    [SQLITE_FCNTL_LAST_ERRNO]: done((file, out) => wasm.poke32(out, file.lastErrno)),
    [SQLITE_FCNTL_CHUNK_SIZE]: done((file, argument) => {
      file.chunkBytes = Math.max(0, wasm.peek32(argument) | 0);
    }),
    [SQLITE_FCNTL_SIZE_HINT]: done((file, argument) => file.growTo(Number(wasm.peek64(argument)))),
    [SQLITE_FCNTL_PERSIST_WAL]: done((file, argument) => {
      file.keepsLog = modeBit(wasm, argument, file.keepsLog);
    }),
    [SQLITE_FCNTL_POWERSAFE_OVERWRITE]: done((file, argument) => {
      file.hasPowersafeOverwrite = modeBit(wasm, argument, file.hasPowersafeOverwrite);
    }),
    [SQLITE_FCNTL_VFSNAME]: done((_file, out) => wasm.poke32(out, wasm.allocCString(name, false))),
    [SQLITE_FCNTL_TEMPFILENAME]: done((file, out) =>
      wasm.poke32(out, wasm.allocCString(file.mount.temporaryPath(), false)),
    ),
    [SQLITE_FCNTL_HAS_MOVED]: done((file, out) => wasm.poke32(out, file.hasMoved ? 1 : 0)),
  };
}
