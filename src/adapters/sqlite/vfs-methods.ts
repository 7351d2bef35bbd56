// sqlite3_vfs: what SQLite calls to open and delete files, to learn the time and to draw random numbers.
//
// Verbs: vfsMethods.

import {
  SQLITE_ACCESS_EXISTS,
  SQLITE_CANTOPEN,
  SQLITE_IOCAP_POWERSAFE_OVERWRITE,
  SQLITE_IOERR_ACCESS,
  SQLITE_IOERR_DELETE,
  SQLITE_IOERR_DELETE_NOENT,
  SQLITE_IOERR_DIR_FSYNC,
  SQLITE_OK,
  SQLITE_OPEN_CREATE,
  SQLITE_OPEN_DELETEONCLOSE,
  SQLITE_OPEN_EXCLUSIVE,
  SQLITE_OPEN_MAIN_DB,
  SQLITE_OPEN_MAIN_JOURNAL,
  SQLITE_OPEN_READONLY,
  SQLITE_OPEN_READWRITE,
  SQLITE_OPEN_SUPER_JOURNAL,
  SQLITE_OPEN_URI,
  SQLITE_OPEN_WAL,
} from './codes.ts';
import type { Mount } from './mount.ts';
import { OpenFile, syncFolder } from './open-file.ts';
import { fullPath } from './paths.ts';
import { codeOf, type Refusals } from './refusals.ts';
import type { Sqlite3 } from './types.ts';

/** SQLITE_DEFAULT_FILE_PERMISSIONS. */
const FILE_MODE = 0o644;
/** MAX_PATHNAME of os_unix.c. */
export const MAX_PATH_BYTES = 512;
const JOURNALS = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
/** The Julian day number of 1970, in milliseconds. */
const EPOCH_MS = 210866760000000;
const DAY_MS = 86400000;

interface Opened {
  readonly fd: number;
  readonly isReadOnly: boolean;
}

/** What the methods work with. */
export interface VfsContext {
  readonly sqlite3: Pick<Sqlite3, 'capi' | 'wasm'>;
  readonly ioMethods: number;
  /** By the address of their sqlite3_file. */
  readonly files: Map<number, OpenFile>;
  readonly refusals: Refusals;
  /** The volume that is shown now. Throws when there is none. */
  mount(): Mount;
}

export function vfsMethods({ sqlite3, ioMethods, files, refusals, mount }: VfsContext) {
  const { capi, wasm } = sqlite3;
  const textAt = (pointer: number): string => wasm.cstrToJs(pointer) ?? '';

  const hasPowersafeOverwrite = (name: number, flags: number, { characteristics }: Mount): boolean => {
    const isPromised = (characteristics & SQLITE_IOCAP_POWERSAFE_OVERWRITE) !== 0;
    if ((flags & SQLITE_OPEN_URI) === 0) return isPromised;
    return capi.sqlite3_uri_boolean(name, 'psow', isPromised ? 1 : 0) !== 0;
  };

  return {
    xOpen: refusals.guard(
      SQLITE_CANTOPEN,
      (_vfs: number, name: number, file: number, flags: number, outFlags: number) => {
        // without methods SQLite does not close it
        wasm.poke32(file, 0);
        const now = mount();
        const path = name === 0 ? now.temporaryPath() : textAt(name);
        const { fd, isReadOnly } = openUnix(now, path, flags);
        // os_unix.c takes the name away at once: a crash leaves no temporary file behind
        if ((flags & SQLITE_OPEN_DELETEONCLOSE) !== 0) now.fs.unlinkSync(path);
        const opened = new OpenFile(now, {
          path,
          fd,
          isDatabase: (flags & SQLITE_OPEN_MAIN_DB) !== 0,
          syncsFolder: (flags & SQLITE_OPEN_CREATE) !== 0 && (flags & JOURNALS) !== 0,
          hasPowersafeOverwrite: hasPowersafeOverwrite(name, flags, now),
        });
        files.set(file, opened);
        wasm.poke32(file, ioMethods);
        if (outFlags !== 0) wasm.poke32(outFlags, isReadOnly ? asReadOnly(flags) : flags);
        return SQLITE_OK;
      },
    ),

    xDelete: refusals.guard(
      SQLITE_IOERR_DELETE,
      (_vfs: number, name: number, syncsFolder: number) => {
        const now = mount();
        const path = textAt(name);
        now.fs.unlinkSync(path);
        if ((syncsFolder & 1) === 0) return SQLITE_OK;
        try {
          syncFolder(now, path);
          return SQLITE_OK;
        } catch (error) {
          return refusals.refuse(error, SQLITE_IOERR_DIR_FSYNC);
        }
      },
      { ENOENT: SQLITE_IOERR_DELETE_NOENT },
    ),

    xAccess: refusals.guard(SQLITE_IOERR_ACCESS, (_vfs: number, name: number, how: number, out: number) => {
      wasm.poke32(out, isAccessible(mount(), textAt(name), how) ? 1 : 0);
      return SQLITE_OK;
    }),

    xFullPathname: refusals.guard(
      SQLITE_CANTOPEN,
      (_vfs: number, name: number, outBytes: number, out: number) => {
        const path = new TextEncoder().encode(`${fullPath(textAt(name))}\0`);
        if (path.length > Math.min(outBytes, MAX_PATH_BYTES)) return SQLITE_CANTOPEN;
        wasm.heap8u().set(path, out);
        return SQLITE_OK;
      },
    ),

    xRandomness: refusals.guard(0, (_vfs: number, length: number, out: number) => {
      mount().randomBytes(wasm.heap8u().subarray(out, out + length));
      return length;
    }),

    xSleep: refusals.guard(0, (_vfs: number, microseconds: number) => {
      mount().sleep(microseconds);
      return microseconds;
    }),

    xCurrentTime: refusals.guard(1, (_vfs: number, out: number) => {
      wasm.poke64f(out, (EPOCH_MS + mount().timeMs) / DAY_MS);
      return SQLITE_OK;
    }),

    xCurrentTimeInt64: refusals.guard(1, (_vfs: number, out: number) => {
      wasm.poke64(out, BigInt(EPOCH_MS + mount().timeMs));
      return SQLITE_OK;
    }),

    // as os_unix.c: the number, no text
    xGetLastError: () => refusals.errno,
  };
}

const asReadOnly = (flags: number): number =>
  (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;

/** As unixOpen: what can not be opened to write is opened to read. */
function openUnix({ fs }: Mount, path: string, flags: number): Opened {
  const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = fs.constants;
  const isWritable = (flags & SQLITE_OPEN_READWRITE) !== 0;
  const made =
    ((flags & SQLITE_OPEN_CREATE) !== 0 ? O_CREAT : 0) | ((flags & SQLITE_OPEN_EXCLUSIVE) !== 0 ? O_EXCL : 0);
  try {
    const fd = fs.openSync(path, (isWritable ? O_RDWR : O_RDONLY) | made, FILE_MODE);
    return { fd, isReadOnly: !isWritable };
  } catch (error) {
    if (!isWritable || codeOf(error) === 'EISDIR') throw error;
    return { fd: fs.openSync(path, O_RDONLY), isReadOnly: true };
  }
}

/** As unixAccess: an empty file counts as none, and what can not be found out as no. */
function isAccessible({ fs }: Mount, path: string, how: number): boolean {
  try {
    if (how === SQLITE_ACCESS_EXISTS) {
      const stats = fs.statSync(path, { throwIfNoEntry: false });
      return stats !== undefined && (!stats.isFile() || stats.size > 0);
    }
    fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
