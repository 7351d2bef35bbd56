// Calls that change names: create, mkdir, rmdir, unlink, link, rename (fs/namei.c; errors in its order).
//
// Verbs: nameCreate, nameMkdir, nameRmdir, nameUnlink, nameLink, nameRename. Each changes the image at once and whole, so
// it is in one transaction: a crash leaves all of it or nothing.
// Invariants: every directory but the root has one name, and '..' is `parent`; a directory's links are 2 and its
// subdirectories, a file's its names; a name never names a file without links.

import {
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  EMLINK,
  ENODEV,
  ENOENT,
  ENOSPC,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EROFS,
} from '../../base/errno';
import {
  DIRENT_TYPE_DIRECTORY,
  DIRENT_TYPE_FILE,
  MODE_DIRECTORY,
  MODE_FILE,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
} from '../../layout';
import { hasRecords, volume } from './geometry';
import { diskInode } from './image';
import {
  directoryChanged,
  inodeAltered,
  inodeOf,
  inodeRelease,
  inodeTake,
  isDirectory,
  LINKS_MAX,
  MODE_BITS,
  ROOT_INODE,
} from './inodes';
import { journalHasFailed } from './journal';
import { entryCount, nameAdd, nameMove, nameRemove, nameSetChild, namesAvailable } from './names';
import { recordAdded, recordExchanged, recordMoved, recordRemoved } from './record-names';
import {
  LAST_DOT,
  LAST_DOT_DOT,
  LAST_NAME,
  LAST_ROOT,
  Walk,
  walk,
  walkExisting,
  walkFrom,
  walkTo,
} from './walk';

/** Why the volume can not be read now, or 0. */
export function readErrno(): i32 {
  return volume.isMounted != 0 ? 0 : -ENODEV;
}

/** Why the volume can not be changed now, or 0. */
export function changeErrno(): i32 {
  if (volume.isMounted == 0) return -ENODEV;
  return volume.isReadOnly != 0 || journalHasFailed() ? -EROFS : 0;
}

function typeOf(number: u32): u32 {
  return isDirectory(number) ? DIRENT_TYPE_DIRECTORY : DIRENT_TYPE_FILE;
}

function addLinks(number: u32, amount: i32): void {
  const disk = diskInode(number);
  disk.links = <u32>(<i32>disk.links + amount);
  inodeAltered(number);
}

/** A new file in the place that `at` found empty: its number, or ENOSPC, EROFS. */
export function nameCreate(at: Walk, mode: u32): i32 {
  const refused = changeErrno();
  if (refused != 0) return refused;
  if (namesAvailable() == 0) return -ENOSPC;
  const number = inodeTake(MODE_FILE | (mode & MODE_BITS));
  if (number == 0) return -ENOSPC;
  diskInode(number).links = 1;
  nameAdd(at.parent, number, DIRENT_TYPE_FILE, at.name, at.nameBytes);
  directoryChanged(at.parent);
  recordAdded(at, number);
  return <i32>number;
}

/** mkdir. 0, or EEXIST, EMLINK, ENOSPC, EROFS, and what walk answers. */
export function nameMkdir(path: usize, bytes: u32, mode: u32): i32 {
  const at = walkTo;
  let result = walk(path, bytes, at);
  if (result != 0) return result;
  if (at.child != 0) return -EEXIST;
  result = changeErrno();
  if (result != 0) return result;
  if (diskInode(at.parent).links >= LINKS_MAX) return -EMLINK;
  if (namesAvailable() == 0) return -ENOSPC;
  const number = inodeTake(MODE_DIRECTORY | (mode & MODE_BITS));
  if (number == 0) return -ENOSPC;
  const disk = diskInode(number);
  disk.links = 2;
  disk.parent = at.parent;
  nameAdd(at.parent, number, DIRENT_TYPE_DIRECTORY, at.name, at.nameBytes);
  addLinks(at.parent, 1);
  directoryChanged(at.parent);
  recordAdded(at, number);
  return 0;
}

/** Takes the last name of a directory that is empty. */
function endDirectory(number: u32): void {
  const disk = diskInode(number);
  addLinks(disk.parent, -1);
  disk.links = 0;
  inodeAltered(number);
  inodeRelease(inodeOf(number));
}

/** Takes one name of a file. */
function dropLink(number: u32): void {
  addLinks(number, -1);
  inodeRelease(inodeOf(number));
}

/** rmdir. 0, or EBUSY (the root), EINVAL ('.'), ENOTEMPTY ('..' as well), ENOTDIR, EROFS, and what walk answers. */
export function nameRmdir(path: usize, bytes: u32): i32 {
  const at = walkTo;
  let result = walk(path, bytes, at);
  if (result != 0) return result;
  if (at.last == LAST_ROOT) return -EBUSY;
  if (at.last == LAST_DOT) return -EINVAL;
  if (at.last == LAST_DOT_DOT) return -ENOTEMPTY;
  result = changeErrno();
  if (result != 0) return result;
  if (at.child == 0) return -ENOENT;
  if (!isDirectory(at.child)) return -ENOTDIR;
  if (entryCount(at.child) > 0) return -ENOTEMPTY;
  nameRemove(at.slot);
  directoryChanged(at.parent);
  recordRemoved(at);
  endDirectory(at.child);
  return 0;
}

/** unlink. 0, or EISDIR, ENOTDIR (a slash behind a file), ENOENT, EROFS, and what walk answers. */
export function nameUnlink(path: usize, bytes: u32): i32 {
  const at = walkTo;
  let result = walk(path, bytes, at);
  if (result != 0) return result;
  if (at.last != LAST_NAME) return -EISDIR;
  result = changeErrno();
  if (result != 0) return result;
  if (at.child == 0) return -ENOENT;
  if (isDirectory(at.child)) return -EISDIR;
  if (at.hasSlash != 0) return -ENOTDIR;
  nameRemove(at.slot);
  directoryChanged(at.parent);
  recordRemoved(at);
  dropLink(at.child);
  return 0;
}

/** link. 0, or EPERM (a directory), EEXIST, EMLINK, ENOSPC, EROFS, and what walk answers. */
export function nameLink(from: usize, fromBytes: u32, to: usize, toBytes: u32): i32 {
  let result = walkExisting(from, fromBytes, walkFrom);
  if (result != 0) return result;
  const at = walkTo;
  result = walk(to, toBytes, at);
  if (result != 0) return result;
  if (at.child != 0) return -EEXIST;
  if (at.hasSlash != 0) return -ENOENT;
  result = changeErrno();
  if (result != 0) return result;
  const number = walkFrom.child;
  if (isDirectory(number)) return -EPERM;
  if (diskInode(number).links >= LINKS_MAX) return -EMLINK;
  if (namesAvailable() == 0) return -ENOSPC;
  nameAdd(at.parent, number, DIRENT_TYPE_FILE, at.name, at.nameBytes);
  addLinks(number, 1);
  directoryChanged(at.parent);
  recordAdded(at, number);
  return 0;
}

/** True when `directory` is `number` or lies below it. */
function isBelow(directory: u32, number: u32): bool {
  while (directory != number) {
    if (directory == ROOT_INODE) return false;
    directory = diskInode(directory).parent;
  }
  return true;
}

/** A directory that gets another parent: '..', and the parents' links. */
function moveDirectory(number: u32, parent: u32): void {
  const disk = diskInode(number);
  if (disk.parent == parent) return;
  addLinks(disk.parent, -1);
  addLinks(parent, 1);
  disk.parent = parent;
}

function exchange(from: Walk, to: Walk): i32 {
  const first = from.child;
  const second = to.child;
  const typeFirst = typeOf(first);
  const typeSecond = typeOf(second);
  if (from.parent != to.parent && typeFirst != typeSecond) {
    const gains = typeFirst == <u32>DIRENT_TYPE_DIRECTORY ? to.parent : from.parent;
    if (diskInode(gains).links >= LINKS_MAX) return -EMLINK;
  }
  nameSetChild(from.slot, second, typeSecond);
  nameSetChild(to.slot, first, typeFirst);
  if (isDirectory(first)) moveDirectory(first, to.parent);
  if (isDirectory(second)) moveDirectory(second, from.parent);
  inodeAltered(first);
  inodeAltered(second);
  directoryChanged(from.parent);
  directoryChanged(to.parent);
  recordExchanged(from, to);
  return 0;
}

/** What stands at the target makes way. 0, or why it can not. */
function replaceErrno(from: Walk, to: Walk): i32 {
  const isMoved = isDirectory(from.child);
  if (to.child == 0) {
    const isFull = isMoved && from.parent != to.parent && diskInode(to.parent).links >= LINKS_MAX;
    return isFull ? -EMLINK : 0;
  }
  if (isMoved && !isDirectory(to.child)) return -ENOTDIR;
  if (!isMoved && isDirectory(to.child)) return -EISDIR;
  return isMoved && entryCount(to.child) > 0 ? -ENOTEMPTY : 0;
}

function moveName(from: Walk, to: Walk): i32 {
  const refused = replaceErrno(from, to);
  if (refused != 0) return refused;
  const number = from.child;
  const replaced = to.child;
  // a crash may leave both names
  if (hasRecords() && namesAvailable() == 0) return -ENOSPC;
  recordMoved(from, to);
  if (replaced != 0) nameRemove(to.slot);
  nameMove(from.slot, to.parent, to.name, to.nameBytes);
  if (replaced != 0) {
    if (isDirectory(replaced)) endDirectory(replaced);
    else dropLink(replaced);
  }
  if (isDirectory(number)) moveDirectory(number, to.parent);
  inodeAltered(number);
  directoryChanged(from.parent);
  directoryChanged(to.parent);
  return 0;
}

/** What Linux checks between the two look-ups and the rename itself, in its order. */
function renameErrno(from: Walk, to: Walk, flags: u32): i32 {
  const isExchange = (flags & RENAME_EXCHANGE) != 0;
  if (from.last != LAST_NAME || to.last != LAST_NAME) return -EBUSY;
  const refused = changeErrno();
  if (refused != 0) return refused;
  if (from.child == 0) return -ENOENT;
  if ((flags & RENAME_NOREPLACE) != 0 && to.child != 0) return -EEXIST;
  if (isExchange) {
    if (to.child == 0) return -ENOENT;
    if (!isDirectory(to.child) && to.hasSlash != 0) return -ENOTDIR;
  }
  if (!isDirectory(from.child)) {
    if (from.hasSlash != 0 || (!isExchange && to.hasSlash != 0)) return -ENOTDIR;
  }
  if (isDirectory(from.child) && isBelow(to.parent, from.child)) return -EINVAL;
  if (to.child != 0 && isDirectory(to.child) && isBelow(from.parent, to.child))
    return isExchange ? -EINVAL : -ENOTEMPTY;
  return 0;
}

/**
 * rename, with RENAME_NOREPLACE or RENAME_EXCHANGE. 0, or EBUSY (the root, '.', '..'), ENOENT, EEXIST, ENOTDIR, EISDIR,
 * ENOTEMPTY, EINVAL (below itself, flags), EMLINK, EROFS, and what walk answers. Two names of one file: nothing happens.
 */
export function nameRename(from: usize, fromBytes: u32, to: usize, toBytes: u32, flags: u32): i32 {
  if (flags > <u32>RENAME_EXCHANGE) return -EINVAL;
  let result = walk(from, fromBytes, walkFrom);
  if (result != 0) return result;
  result = walk(to, toBytes, walkTo);
  if (result != 0) return result;
  result = renameErrno(walkFrom, walkTo, flags);
  if (result != 0) return result;
  if (walkFrom.child == walkTo.child) return 0;
  return (flags & RENAME_EXCHANGE) != 0 ? exchange(walkFrom, walkTo) : moveName(walkFrom, walkTo);
}
