// Calls on the volume: format, mount, unmount, check, and everything that takes a path.
//
// Verbs: volumeFormat … volumeStatfs, fileStat, fileSetAttributes. A path is `bytes` bytes of UTF-8 in client memory. Calls that change
// names are done when they return, in memory; those that use the drive are pumped like any other call.
// Invariant: nothing is read or written at an address that is not the client's.

import { isClientRange } from '../base/client-memory';
import { EEXIST, EFAULT, EINVAL, EISDIR, EMFILE, ENODEV, ENOENT, ENOTDIR, EROFS } from '../base/errno';
import { OPERATION_TRUNCATE } from '../base/operation';
import { Inode } from '../cache/inode';
import {
  descriptorClose,
  descriptorOpenInode,
  hasFreeDescriptor,
  notFile,
  OpenFile,
  openFileOf,
} from '../files/descriptor';
import { setAttributes, statfs, statInode } from '../files/volume/attributes';
import { extentsLoad } from '../files/volume/extents';
import { volume } from '../files/volume/geometry';
import { diskInode } from '../files/volume/image';
import { inodeOf, inodesLoad, inodeTake, isDirectory, ROOT_INODE } from '../files/volume/inodes';
import { listDirectory } from '../files/volume/listing';
import { namesLoad } from '../files/volume/names';
import {
  changeErrno,
  nameCreate,
  nameLink,
  nameMkdir,
  nameRename,
  nameRmdir,
  nameUnlink,
  readErrno,
} from '../files/volume/namespace';
import { LAST_NAME, walk, walkExisting, walkFrom } from '../files/volume/walk';
import {
  MODE_DIRECTORY,
  OPEN_CREATE,
  OPEN_DIRECT,
  OPEN_DIRECTORY,
  OPEN_EXCLUSIVE,
  OPEN_FLAGS_ALL,
  OPEN_READ,
  OPEN_TRUNCATE,
  OPEN_WRITE,
  STAT_SIZE,
  STATFS_SIZE,
  VOLUME_OPEN_FLAGS_ALL,
} from '../layout';
import { runCall } from './file-calls';

/** Makes an empty volume on its drive: what was there is gone. 0, or EBUSY (mounted), ENODEV (no volume), EROFS, EIO. */
export function volumeFormat(): i32 {
  if (volume.drive == 0) return -ENODEV;
  inodesLoad();
  extentsLoad();
  const number = inodeTake(MODE_DIRECTORY | 0x1ed);
  diskInode(number).links = 2;
  diskInode(number).parent = ROOT_INODE;
  return 0;
}

export function volumeMount(): i32 {
  if (volume.drive == 0) return -ENODEV;
  inodesLoad();
  namesLoad();
  extentsLoad();
  volume.isMounted = 1;
  return 0;
}

/** Why a call with this path is refused before it looks at any, or 0. */
function pathErrno(path: i32, bytes: i32): i32 {
  const refused = readErrno();
  if (refused != 0) return refused;
  return bytes >= 0 && isClientRange(<u32>path, <u32>bytes) ? 0 : -EFAULT;
}

/** What open answers for an inode that is there, or 0. */
function existingErrno(number: u32, flags: u32, hasSlash: bool): i32 {
  const isCreating = (flags & OPEN_CREATE) != 0;
  if (isCreating && (flags & OPEN_EXCLUSIVE) != 0) return -EEXIST;
  if (isDirectory(number)) {
    if (isCreating || (flags & (OPEN_WRITE | OPEN_TRUNCATE)) != 0) return -EISDIR;
    return (flags & OPEN_DIRECT) != 0 ? -EINVAL : 0;
  }
  if (hasSlash || (flags & OPEN_DIRECTORY) != 0) return -ENOTDIR;
  const isChanging = (flags & (OPEN_WRITE | OPEN_TRUNCATE)) != 0;
  return isChanging && changeErrno() != 0 ? -EROFS : 0;
}

/**
 * open. `flags`: OPEN_…; `mode`: permission bits of a file that is made. A descriptor, or a negative errno: EINVAL (flags),
 * ENOENT, EEXIST, EISDIR, ENOTDIR, ENAMETOOLONG, EILSEQ, ENOSPC, EROFS, EMFILE, ENODEV (not mounted), EFAULT, EIO.
 */
export function volumeOpen(path: i32, pathBytes: i32, flags: i32, mode: i32): i32 {
  let result = pathErrno(path, pathBytes);
  if (result != 0) return result;
  const wanted = <u32>flags;
  const isCreating = (wanted & OPEN_CREATE) != 0;
  if ((wanted & ~VOLUME_OPEN_FLAGS_ALL) != 0 || (wanted & (OPEN_READ | OPEN_WRITE)) == 0) return -EINVAL;
  if (isCreating && (wanted & OPEN_DIRECTORY) != 0) return -EINVAL;
  const at = walkFrom;
  result = walk(<usize>path, <u32>pathBytes, at);
  if (result != 0) return result;
  if (isCreating && at.last == LAST_NAME && at.hasSlash != 0) return -EISDIR;
  if (at.child == 0 && !isCreating) return -ENOENT;
  if (at.child != 0) result = existingErrno(at.child, wanted, at.hasSlash != 0);
  if (result != 0) return result;
  if (!hasFreeDescriptor()) return -EMFILE;
  const isNew = at.child == 0;
  const number = isNew ? nameCreate(at, <u32>mode) : <i32>at.child;
  if (number < 0) return number;
  const descriptor = descriptorOpenInode(inodeOf(<u32>number), wanted & OPEN_FLAGS_ALL);
  return isNew || (wanted & OPEN_TRUNCATE) == 0 ? descriptor : emptied(descriptor);
}

/** Truncates the file that has just been opened to nothing. The descriptor, or why not, and then it is closed again. */
function emptied(descriptor: i32): i32 {
  const opened = changetype<OpenFile>(openFileOf(descriptor));
  if (changetype<Inode>(opened.inode).size == 0) return descriptor;
  const result = runCall(opened, OPERATION_TRUNCATE, 0, 0, 0);
  if (result >= 0) return descriptor;
  descriptorClose(descriptor);
  return result;
}

/** mkdir: 0 or a negative errno. */
export function volumeMkdir(path: i32, pathBytes: i32, mode: i32): i32 {
  const refused = pathErrno(path, pathBytes);
  return refused != 0 ? refused : nameMkdir(<usize>path, <u32>pathBytes, <u32>mode);
}

/** rmdir: 0 or a negative errno. */
export function volumeRmdir(path: i32, pathBytes: i32): i32 {
  const refused = pathErrno(path, pathBytes);
  return refused != 0 ? refused : nameRmdir(<usize>path, <u32>pathBytes);
}

/** unlink: 0 or a negative errno. A file that is open lives on until its last close. */
export function volumeUnlink(path: i32, pathBytes: i32): i32 {
  const refused = pathErrno(path, pathBytes);
  return refused != 0 ? refused : nameUnlink(<usize>path, <u32>pathBytes);
}

/** rename, `flags`: RENAME_…: 0 or a negative errno. */
export function volumeRename(from: i32, fromBytes: i32, to: i32, toBytes: i32, flags: i32): i32 {
  let refused = pathErrno(from, fromBytes);
  if (refused == 0) refused = pathErrno(to, toBytes);
  if (refused != 0) return refused;
  return nameRename(<usize>from, <u32>fromBytes, <usize>to, <u32>toBytes, <u32>flags);
}

/** link: 0 or a negative errno. */
export function volumeLink(from: i32, fromBytes: i32, to: i32, toBytes: i32): i32 {
  let refused = pathErrno(from, fromBytes);
  if (refused == 0) refused = pathErrno(to, toBytes);
  if (refused != 0) return refused;
  return nameLink(<usize>from, <u32>fromBytes, <usize>to, <u32>toBytes);
}

/** stat: writes STAT_SIZE bytes at `out`. 0 or a negative errno. */
export function volumeStat(path: i32, pathBytes: i32, out: i32): i32 {
  const refused = pathErrno(path, pathBytes);
  if (refused != 0) return refused;
  if (!isClientRange(<u32>out, STAT_SIZE)) return -EFAULT;
  const result = walkExisting(<usize>path, <u32>pathBytes, walkFrom);
  if (result == 0) statInode(inodeOf(walkFrom.child), <usize>out);
  return result;
}

/** fstat, of drives and flat files as well: writes STAT_SIZE bytes at `out`. 0, or EBADF, EINVAL (an eventfd), EFAULT. */
export function fileStat(descriptor: i32, out: i32): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return notFile(descriptor);
  if (!isClientRange(<u32>out, STAT_SIZE)) return -EFAULT;
  statInode(changetype<Inode>(changetype<OpenFile>(pointer).inode), <usize>out);
  return 0;
}

/** chmod, chown, utimes: `mask`: ATTRIBUTE_…, the fields to take of the STAT struct at `from`. 0 or a negative errno. */
export function volumeSetAttributes(path: i32, pathBytes: i32, mask: i32, from: i32): i32 {
  const refused = pathErrno(path, pathBytes);
  if (refused != 0) return refused;
  if (!isClientRange(<u32>from, STAT_SIZE)) return -EFAULT;
  const result = walkExisting(<usize>path, <u32>pathBytes, walkFrom);
  return result != 0 ? result : setAttributes(inodeOf(walkFrom.child), <u32>mask, <usize>from);
}

/** fchmod, fchown, futimes. 0 or a negative errno; EINVAL for a file that is not on the volume. */
export function fileSetAttributes(descriptor: i32, mask: i32, from: i32): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return notFile(descriptor);
  if (!isClientRange(<u32>from, STAT_SIZE)) return -EFAULT;
  return setAttributes(changetype<Inode>(changetype<OpenFile>(pointer).inode), <u32>mask, <usize>from);
}

/**
 * Lists a directory: DIRENT_… entries behind `cursor`, 0 at first and then the cookie of the last entry. Bytes written, 0 at
 * the end, or a negative errno: EINVAL when the next entry does not fit.
 */
export function volumeReaddir(descriptor: i32, cursor: i32, out: i32, outBytes: i32): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return notFile(descriptor);
  if (outBytes < 0 || !isClientRange(<u32>out, <u32>outBytes)) return -EFAULT;
  const inode = changetype<Inode>(changetype<OpenFile>(pointer).inode);
  return listDirectory(inode, <u32>cursor, <usize>out, <u32>outBytes);
}

/** statfs: writes STATFS_SIZE bytes at `out`. 0, or ENODEV, EFAULT. */
export function volumeStatfs(out: i32): i32 {
  const refused = readErrno();
  if (refused != 0) return refused;
  if (!isClientRange(<u32>out, STATFS_SIZE)) return -EFAULT;
  statfs(<usize>out);
  return 0;
}
