// Synchronous calls on ranges of a file: fallocate, sync_file_range, lseek for data and holes, syncfs.
//
// Verbs: fileFallocate, fileSyncRange, fileSeek, volumeSyncfs. Offsets and lengths are whole numbers in f64.
// Invariant: a result is 0, a position, or a negative Linux errno.

import { EBADF, EINVAL, ENODEV, ENOTDIR, ENXIO, EOPNOTSUPP } from '../base/errno';
import { OPERATION_FALLOCATE, OPERATION_SYNC_ALL, OPERATION_SYNC_RANGE } from '../base/operation';
import { errseqCheckAndAdvance, Inode } from '../cache/inode';
import { notFile, OpenFile, openFileOf } from '../files/descriptor';
import { volume } from '../files/volume/geometry';
import { superInode } from '../files/volume/inodes';
import { seekFile } from '../files/volume/seek';
import {
  OPEN_WRITE,
  SEEK_DATA,
  SEEK_HOLE,
  SYNC_RANGE_WAIT_AFTER,
  SYNC_RANGE_WAIT_BEFORE,
  SYNC_RANGE_WRITE,
} from '../layout';
import { isOffset, runCallWithMode, withFileError } from './file-calls';

/**
 * fallocate on a file of the volume: `mode` is FALLOCATE_…. 0; EBADF without OPEN_WRITE; EOPNOTSUPP for a mode that there is not, or
 * a drive or flat file; EINVAL for no bytes; EFBIG; ENOSPC: then nothing was allocated; EISDIR, EROFS.
 */
export function fileFallocate(descriptor: i32, mode: i32, offset: f64, bytes: f64): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return notFile(descriptor);
  const opened = changetype<OpenFile>(pointer);
  if ((opened.openFlags & OPEN_WRITE) == 0) return -EBADF;
  if (!isOffset(offset) || !isOffset(bytes) || bytes == 0) return -EINVAL;
  if (changetype<Inode>(opened.inode).volumeInode == 0) return -EOPNOTSUPP;
  return runCallWithMode(opened, OPERATION_FALLOCATE, <u64>offset, <u64>bytes, <u32>mode);
}

/**
 * sync_file_range: `flags` are SYNC_RANGE_…; 0 bytes: to the end of the file. 0, EINVAL, or with a flag to wait an error of
 * write-back. It makes no metadata durable and flushes no drive.
 */
export function fileSyncRange(descriptor: i32, offset: f64, bytes: f64, flags: i32): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return notFile(descriptor);
  const opened = changetype<OpenFile>(pointer);
  const all = SYNC_RANGE_WAIT_BEFORE | SYNC_RANGE_WRITE | SYNC_RANGE_WAIT_AFTER;
  if ((flags & ~all) != 0 || !isOffset(offset) || !isOffset(bytes) || !isOffset(offset + bytes))
    return -EINVAL;
  const length = bytes == 0 ? ((<u64>1) << 53) - <u64>offset : <u64>bytes;
  const result = runCallWithMode(opened, OPERATION_SYNC_RANGE, <u64>offset, length, <u32>flags);
  const isWaiting = (flags & (SYNC_RANGE_WAIT_BEFORE | SYNC_RANGE_WAIT_AFTER)) != 0;
  return isWaiting ? withFileError(opened, result) : result;
}

/** lseek with SEEK_DATA or SEEK_HOLE: the position, ENXIO at or behind the end, EINVAL. A drive or flat file is all data. */
export function fileSeek(descriptor: i32, offset: f64, whence: i32): f64 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return notFile(descriptor);
  const inode = changetype<Inode>(changetype<OpenFile>(pointer).inode);
  if (whence != SEEK_DATA && whence != SEEK_HOLE) return -EINVAL;
  if (!isOffset(offset)) return -ENXIO;
  if (inode.isDirectory != 0) return -ENOTDIR;
  const wantsData = whence == SEEK_DATA;
  if (inode.volumeInode != 0) return seekFile(inode, <u64>offset, wantsData);
  if (<u64>offset >= inode.size) return -ENXIO;
  return wantsData ? offset : <f64>inode.size;
}

/** syncfs: all files and names of the volume, through any descriptor on it. 0, ENODEV without one, or an error that was not reported through this descriptor yet. */
export function volumeSyncfs(descriptor: i32): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return notFile(descriptor);
  const opened = changetype<OpenFile>(pointer);
  if (volume.isMounted == 0 || changetype<Inode>(opened.inode).volumeInode == 0) return -ENODEV;
  const result = runCallWithMode(opened, OPERATION_SYNC_ALL, 0, 0, 0);
  const cursor = pointer + offsetof<OpenFile>('superErrseqCursor');
  const error = errseqCheckAndAdvance(superInode(), cursor);
  return error != 0 && result >= 0 ? error : result;
}
