// The calls of WASI preview 1 on names: open, make, rename, link, remove, and reading directories.
//
// Verbs: pathCalls. There are no symbolic links: making one is ENOTSUP, reading one EINVAL.

import type { DirectoryEntry } from '../../fs/structs.ts';
import {
  DIRENT_SIZE,
  FDFLAG_DSYNC,
  FDFLAG_RSYNC,
  FDFLAG_SYNC,
  FDFLAGS_ALL,
  FILETYPE_DIRECTORY,
  FILETYPE_REGULAR_FILE,
  OFLAG_CREATE,
  OFLAG_DIRECTORY,
  OFLAG_EXCLUSIVE,
  OFLAG_TRUNCATE,
  RIGHT_CREATE_DIRECTORY,
  RIGHT_CREATE_FILE,
  RIGHT_DATASYNC,
  RIGHT_LINK_SOURCE,
  RIGHT_LINK_TARGET,
  RIGHT_OPEN,
  RIGHT_PATH_SET_SIZE,
  RIGHT_READ,
  RIGHT_READDIR,
  RIGHT_READLINK,
  RIGHT_REMOVE_DIRECTORY,
  RIGHT_RENAME_SOURCE,
  RIGHT_RENAME_TARGET,
  RIGHT_SYMLINK,
  RIGHT_SYNC,
  RIGHT_UNLINK,
  RIGHTS_DIRECTORY,
  RIGHTS_FILE,
  RIGHTS_WRITING,
} from './abi.ts';
import { type WasiCalls, WasiError } from './calls.ts';
import type { WasiContext } from './context.ts';
import type { Descriptor, DirectoryDescriptor } from './descriptors.ts';
import {
  WASI_EINVAL,
  WASI_ENOENT,
  WASI_ENOTCAPABLE,
  WASI_ENOTDIR,
  WASI_ENOTSUP,
  WASI_SUCCESS,
} from './errno.ts';
import { pathAt, pathBelow, tidyPath } from './paths.ts';

const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

/** What the directory itself must allow for an open. */
function neededRights(oflags: number, flags: number): { base: bigint; inheriting: bigint } {
  let base = RIGHT_OPEN;
  let inheriting = 0n;
  if ((oflags & OFLAG_CREATE) !== 0) base |= RIGHT_CREATE_FILE;
  if ((oflags & OFLAG_TRUNCATE) !== 0) base |= RIGHT_PATH_SET_SIZE;
  if ((flags & FDFLAG_DSYNC) !== 0) inheriting |= RIGHT_DATASYNC;
  if ((flags & (FDFLAG_SYNC | FDFLAG_RSYNC)) !== 0) inheriting |= RIGHT_SYNC;
  return { base, inheriting };
}

export function pathCalls(context: WasiContext): WasiCalls {
  const { machine, guest, descriptors } = context;

  /** A path below a directory that may be used so. */
  function resolve(number: number, right: bigint, path: number, length: number): string {
    return pathBelow(descriptors.directory(number, right), pathAt(guest, path, length));
  }

  function open(
    number: number,
    _lookup: number,
    path: number,
    length: number,
    oflags: number,
    wantedBase: bigint,
    wantedInheriting: bigint,
    flags: number,
    out: number,
  ): number {
    const needed = neededRights(oflags, flags);
    const directory = descriptors.directory(number, needed.base);
    const base = BigInt.asUintN(64, wantedBase);
    const inheriting = BigInt.asUintN(64, wantedInheriting);
    if (((base | inheriting | needed.inheriting) & ~directory.rights.inheriting) !== 0n)
      return WASI_ENOTCAPABLE;
    if ((flags & ~FDFLAGS_ALL) !== 0) return WASI_EINVAL;
    // open(2) knows no such thing
    if ((oflags & OFLAG_CREATE) !== 0 && (oflags & OFLAG_DIRECTORY) !== 0) return WASI_EINVAL;
    guest.bytes(out, 4);
    descriptors.free();
    const whole = pathBelow(directory, pathAt(guest, path, length));
    const file = machine.fs.open(
      whole,
      {
        read: (base & (RIGHT_READ | RIGHT_READDIR)) !== 0n,
        write: (base & RIGHTS_WRITING) !== 0n,
        create: (oflags & OFLAG_CREATE) !== 0,
        exclusive: (oflags & OFLAG_EXCLUSIVE) !== 0,
        truncate: (oflags & OFLAG_TRUNCATE) !== 0,
        directory: (oflags & OFLAG_DIRECTORY) !== 0,
        dsync: (flags & FDFLAG_DSYNC) !== 0,
        sync: (flags & (FDFLAG_SYNC | FDFLAG_RSYNC)) !== 0,
      },
      FILE_MODE,
    );
    const isDirectory = file.stat().isDirectory;
    const opened: Descriptor = isDirectory
      ? {
          kind: 'directory',
          file,
          flags,
          rights: { base: base & RIGHTS_DIRECTORY, inheriting },
          path: tidyPath(whole),
          preopen: undefined,
          listing: undefined,
        }
      : { kind: 'file', file, flags, rights: { base: base & RIGHTS_FILE, inheriting: 0n } };
    guest.setU32(out, descriptors.add(opened));
    return WASI_SUCCESS;
  }

  /** Directories that the guest has open follow a rename. */
  function rename(
    fromDirectory: number,
    from: number,
    fromLength: number,
    toDirectory: number,
    to: number,
    toLength: number,
  ): number {
    const oldPath = resolve(fromDirectory, RIGHT_RENAME_SOURCE, from, fromLength);
    const newPath = resolve(toDirectory, RIGHT_RENAME_TARGET, to, toLength);
    const isDirectory = machine.fs.stat(oldPath).isDirectory;
    machine.fs.rename(oldPath, newPath);
    const [old, now] = [tidyPath(oldPath), tidyPath(newPath)];
    if (isDirectory && old !== now) {
      // an empty directory that stood there is gone
      descriptors.moved(now, undefined);
      descriptors.moved(old, now);
    }
    return WASI_SUCCESS;
  }

  /** What a directory holds, `.` and `..` first. The directory above one that was opened for the guest is that itself. */
  function list(directory: DirectoryDescriptor): readonly DirectoryEntry[] {
    if (directory.path === undefined) throw new WasiError(WASI_ENOENT);
    const { inode } = directory.file.stat();
    const above = directory.preopen === undefined ? machine.fs.stat(`${directory.path}/..`).inode : inode;
    return [
      { name: '.', type: 'directory', inode },
      { name: '..', type: 'directory', inode: above },
      ...directory.file.entries(),
    ];
  }

  function readdir(number: number, buffer: number, length: number, cookie: bigint, out: number): number {
    const found = descriptors.need(number, RIGHT_READDIR);
    if (found.kind !== 'directory') return WASI_ENOTDIR;
    const room = guest.bytes(buffer, length >>> 0);
    guest.bytes(out, 4);
    const first = BigInt.asUintN(64, cookie);
    if (first === 0n || found.listing === undefined) found.listing = list(found);
    let used = 0;
    for (let index = Number(first); index < found.listing.length && used < room.length; index++) {
      const entry = encodeEntry(found.listing[index] as DirectoryEntry, index + 1);
      // the last one is cut where the buffer ends: a full buffer says that there may be more
      const part = entry.subarray(0, room.length - used);
      room.set(part, used);
      used += part.length;
    }
    guest.setU32(out, used);
    return WASI_SUCCESS;
  }

  return {
    path_open: open,
    fd_readdir: readdir,
    path_create_directory: (number: number, path: number, length: number) => {
      machine.fs.mkdir(resolve(number, RIGHT_CREATE_DIRECTORY, path, length), DIRECTORY_MODE);
      return WASI_SUCCESS;
    },
    path_link: (
      fromDirectory: number,
      _lookup: number,
      from: number,
      fromLength: number,
      toDirectory: number,
      to: number,
      toLength: number,
    ) => {
      const oldPath = resolve(fromDirectory, RIGHT_LINK_SOURCE, from, fromLength);
      machine.fs.link(oldPath, resolve(toDirectory, RIGHT_LINK_TARGET, to, toLength));
      return WASI_SUCCESS;
    },
    path_readlink: (number: number, path: number, length: number) => {
      machine.fs.stat(resolve(number, RIGHT_READLINK, path, length));
      return WASI_EINVAL;
    },
    path_remove_directory: (number: number, path: number, length: number) => {
      const whole = resolve(number, RIGHT_REMOVE_DIRECTORY, path, length);
      machine.fs.rmdir(whole);
      descriptors.moved(tidyPath(whole), undefined);
      return WASI_SUCCESS;
    },
    path_rename: rename,
    path_symlink: (_target: number, _targetLength: number, number: number, path: number, length: number) => {
      resolve(number, RIGHT_SYMLINK, path, length);
      return WASI_ENOTSUP;
    },
    path_unlink_file: (number: number, path: number, length: number) => {
      machine.fs.unlink(resolve(number, RIGHT_UNLINK, path, length));
      return WASI_SUCCESS;
    },
  };
}

/** A dirent and its name. `next`: the cookie of the entry behind it. */
function encodeEntry({ name, type, inode }: DirectoryEntry, next: number): Uint8Array {
  const text = new TextEncoder().encode(name);
  const bytes = new Uint8Array(DIRENT_SIZE + text.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(next), true);
  view.setBigUint64(8, BigInt(inode), true);
  view.setUint32(16, text.length, true);
  view.setUint8(20, type === 'directory' ? FILETYPE_DIRECTORY : FILETYPE_REGULAR_FILE);
  bytes.set(text, DIRENT_SIZE);
  return bytes;
}
