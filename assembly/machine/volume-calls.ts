// Calls on the volume: format, mount, unmount, check, and everything that takes a path.
//
// Verbs: volumeFormat … volumeStatfs, fileStat, fileSetAttributes. A path is `bytes` bytes of UTF-8 in client memory. Calls that change
// names are done when they return, in memory; those that use the drive are pumped like any other call.
// Invariant: nothing is read or written at an address that is not the client's.

import { isClientRange } from '../base/client-memory';
import { KIND_CALL_DONE } from '../base/dispatch';
import {
  EAGAIN,
  EBUSY,
  EDEADLK,
  EEXIST,
  EFAULT,
  EINVAL,
  EISDIR,
  EMFILE,
  ENODEV,
  ENOENT,
  ENOSPC,
  ENOTDIR,
  EROFS,
} from '../base/errno';
import {
  OPERATION_FORGET,
  OPERATION_SYNC_ALL,
  OPERATION_TRUNCATE,
  Operation,
  operationTake,
} from '../base/operation';
import { errseqLast, Inode } from '../cache/inode';
import {
  descriptorClose,
  descriptorOpenInode,
  hasFreeDescriptor,
  notFile,
  OpenFile,
  openFileOf,
} from '../files/descriptor';
import { startOperation } from '../files/file-operation';
import { setAttributes, statfs, statInode } from '../files/volume/attributes';
import { evictNext } from '../files/volume/evict';
import { hasRecords, volume } from '../files/volume/geometry';
import { inodeOf, isDirectory, ROOT_INODE, superInode } from '../files/volume/inodes';
import { readyCommit } from '../files/volume/journal';
import { listDirectory } from '../files/volume/listing';
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
import { problemsClear, problemsCopy } from '../files/volume/problems';
import {
  hasRecordsToCommit,
  isCommitting,
  recordsCommit,
  recordsInFlight,
  recordsReadyForCall,
} from '../files/volume/records';
import {
  STEP_CHECKPOINT,
  STEP_COMMIT,
  STEP_END,
  STEP_FORMAT,
  STEP_MOUNT,
  taskBegin,
  taskIsBusy,
  taskSetAfter,
} from '../files/volume/task';
import { hasOrphans, openInodeCount, volumeLeave } from '../files/volume/unmount';
import { verifyMemory, verifyStructure } from '../files/volume/verify';
import { LAST_NAME, Walk, walk, walkExisting, walkFrom } from '../files/volume/walk';
import {
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
import { callBegin, callFinish, runCall } from './file-calls';
import { pumpOne } from './pump';

/** Makes an empty volume on its drive: what was there is gone. 0, or EBUSY (mounted), ENODEV (no volume), EROFS, EIO. */
export function volumeFormat(): i32 {
  if (volume.isMounted != 0) return -EBUSY;
  return runTask(STEP_FORMAT);
}

/** Pumps until a call may change names: on a volume with records until the records of one call can be made. */
function readyNames(): void {
  if (!hasRecords()) return;
  while (volume.isMounted != 0 && changeErrno() == 0 && !recordsReadyForCall()) {
    if (!pumpOne()) return;
  }
}

/** A call that changes names has found no room: true when a commit may have made some, and it is worth trying again. */
function hasMadeRoom(result: i32): bool {
  if (result != -ENOSPC || !hasRecordsToCommit()) return false;
  recordsCommit();
  while (isCommitting()) {
    if (!pumpOne()) return false;
  }
  return changeErrno() == 0;
}

/** A call that changes names has done so: pumps until its records are on the drive. What cannot end, as on a held drive, is not waited for. */
function endNames(result: i32): i32 {
  while (recordsInFlight() > 0 && pumpOne()) {}
  return result;
}

/** Runs a task of the volume as a call. 0 or a negative errno: EBUSY while another is on its way. */
function runTask(step: u32): i32 {
  if (volume.drive == 0) return -ENODEV;
  if (taskIsBusy()) return -EBUSY;
  const number = callBegin();
  if (number == 0) return -EAGAIN;
  taskBegin(step, KIND_CALL_DONE, number);
  return callFinish();
}

/**
 * Mounts the volume, after a crash as well. 0, or ENODATA (a blank drive), EINVAL (something else is on it, or a volume of other
 * sizes), EUCLEAN (damage): volumeCheck then tells the problems; EBUSY (mounted), ENODEV (no volume in the config), EIO.
 */
export function volumeMount(): i32 {
  if (volume.isMounted != 0) return -EBUSY;
  return runTask(STEP_MOUNT);
}

/** Pumps until what the volume does in the background has ended: 0, or EDEADLK when it can not. */
function settle(): i32 {
  while (taskIsBusy() || hasOrphans()) {
    evictNext();
    if (!pumpOne()) return -EDEADLK;
  }
  return 0;
}

/** Runs an operation on the root as a call. */
function runOnRoot(kind: u8, position: u64): i32 {
  const number = callBegin();
  const pointer: usize = number == 0 ? 0 : operationTake();
  if (pointer == 0) return -EAGAIN;
  const operation = changetype<Operation>(pointer);
  operation.kind = kind;
  operation.inode = changetype<usize>(inodeOf(ROOT_INODE));
  operation.position = position;
  operation.doneKind = KIND_CALL_DONE;
  operation.owner = number;
  startOperation(operation);
  return callFinish();
}

/**
 * Writes everything home and leaves the volume. 0, or an error of writing, and then what was not durable is lost; EBUSY while a
 * file is open, EDEADLK while the drive holds its completions: then it is still mounted.
 */
export function volumeUnmount(): i32 {
  const refused = readErrno();
  if (refused != 0) return refused;
  if (openInodeCount() > 0) return -EBUSY;
  let result = runOnRoot(OPERATION_SYNC_ALL, 0);
  if (result == -EDEADLK || result == -EAGAIN) return result;
  if (settle() != 0) return -EDEADLK;
  if (result == 0) result = runOnRoot(OPERATION_SYNC_ALL, 0);
  if (result == 0) result = errseqLast(superInode());
  if (changeErrno() == 0 && hasRecords()) {
    readyCommit();
    const committed = runTask(STEP_COMMIT);
    if (result == 0) result = committed;
  }
  if (changeErrno() == 0) {
    taskSetAfter(STEP_END);
    const checkpoint = runTask(STEP_CHECKPOINT);
    if (result == 0) result = checkpoint;
  }
  const forgotten = runOnRoot(OPERATION_FORGET, 1);
  if (forgotten != 0) return forgotten;
  volumeLeave();
  return result;
}

/**
 * Looks at everything of a mounted volume, in memory and in its metadata; of one that could not be mounted it tells why. Writes
 * PROBLEM_… structs to `out`, as many as `bytes` holds and at most 64. How many problems there are; ENODEV, EFAULT.
 */
export function volumeCheck(out: i32, bytes: i32): i32 {
  if (volume.drive == 0) return -ENODEV;
  if (bytes < 0 || !isClientRange(<u32>out, <u32>bytes)) return -EFAULT;
  if (volume.isMounted != 0) {
    problemsClear();
    verifyStructure(false);
    verifyMemory();
  }
  return <i32>problemsCopy(<usize>out, <u32>bytes);
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
  const number = isNew ? createNew(at, <u32>mode) : <i32>at.child;
  if (number < 0) return number;
  const descriptor = descriptorOpenInode(inodeOf(<u32>number), wanted & OPEN_FLAGS_ALL);
  return isNew || (wanted & OPEN_TRUNCATE) == 0 ? descriptor : emptied(descriptor);
}

/** Makes the file that the walk has not found. Its number or a negative errno. */
function createNew(at: Walk, mode: u32): i32 {
  readyNames();
  let number = nameCreate(at, mode);
  if (hasMadeRoom(number)) number = nameCreate(at, mode);
  return endNames(number);
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
  if (refused != 0) return refused;
  readyNames();
  let result = nameMkdir(<usize>path, <u32>pathBytes, <u32>mode);
  if (hasMadeRoom(result)) result = nameMkdir(<usize>path, <u32>pathBytes, <u32>mode);
  return endNames(result);
}

/** rmdir: 0 or a negative errno. */
export function volumeRmdir(path: i32, pathBytes: i32): i32 {
  const refused = pathErrno(path, pathBytes);
  if (refused != 0) return refused;
  readyNames();
  return endNames(nameRmdir(<usize>path, <u32>pathBytes));
}

/** unlink: 0 or a negative errno. A file that is open lives on until its last close. */
export function volumeUnlink(path: i32, pathBytes: i32): i32 {
  const refused = pathErrno(path, pathBytes);
  if (refused != 0) return refused;
  readyNames();
  return endNames(nameUnlink(<usize>path, <u32>pathBytes));
}

/** rename, `flags`: RENAME_…: 0 or a negative errno. */
export function volumeRename(from: i32, fromBytes: i32, to: i32, toBytes: i32, flags: i32): i32 {
  let refused = pathErrno(from, fromBytes);
  if (refused == 0) refused = pathErrno(to, toBytes);
  if (refused != 0) return refused;
  readyNames();
  let result = nameRename(<usize>from, <u32>fromBytes, <usize>to, <u32>toBytes, <u32>flags);
  if (hasMadeRoom(result))
    result = nameRename(<usize>from, <u32>fromBytes, <usize>to, <u32>toBytes, <u32>flags);
  return endNames(result);
}

/** link: 0 or a negative errno. */
export function volumeLink(from: i32, fromBytes: i32, to: i32, toBytes: i32): i32 {
  let refused = pathErrno(from, fromBytes);
  if (refused == 0) refused = pathErrno(to, toBytes);
  if (refused != 0) return refused;
  readyNames();
  let result = nameLink(<usize>from, <u32>fromBytes, <usize>to, <u32>toBytes);
  if (hasMadeRoom(result)) result = nameLink(<usize>from, <u32>fromBytes, <usize>to, <u32>toBytes);
  return endNames(result);
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

function changeAttributes(inode: Inode, mask: u32, from: usize): i32 {
  readyNames();
  return endNames(setAttributes(inode, mask, from));
}

/** chmod, chown, utimes: `mask`: ATTRIBUTE_…, the fields to take of the STAT struct at `from`. 0 or a negative errno. */
export function volumeSetAttributes(path: i32, pathBytes: i32, mask: i32, from: i32): i32 {
  const refused = pathErrno(path, pathBytes);
  if (refused != 0) return refused;
  if (!isClientRange(<u32>from, STAT_SIZE)) return -EFAULT;
  const result = walkExisting(<usize>path, <u32>pathBytes, walkFrom);
  return result != 0 ? result : changeAttributes(inodeOf(walkFrom.child), <u32>mask, <usize>from);
}

/** fchmod, fchown, futimes. 0 or a negative errno; EINVAL for a file that is not on the volume. */
export function fileSetAttributes(descriptor: i32, mask: i32, from: i32): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return notFile(descriptor);
  if (!isClientRange(<u32>from, STAT_SIZE)) return -EFAULT;
  return changeAttributes(changetype<Inode>(changetype<OpenFile>(pointer).inode), <u32>mask, <usize>from);
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
