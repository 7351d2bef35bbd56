// The file descriptor table.
//
// Verbs: descriptorOpen, descriptorClose, openFileOf, holdFile, releaseFile. A descriptor names an open file; an open
// file keeps the inode, the flags it was opened with, and how far its error cursor has read (errseq).
// Layout: a pool of OpenFile records and an array of descriptor → OpenFile; numbers start at FIRST_DESCRIPTOR.
// Invariant: an open file lives until its descriptor is closed and no operation holds it.

import { arenaClaim } from '../base/arena';
import { EBADF, EINVAL, EMFILE, ENOENT, EROFS } from '../base/errno';
import { FLAG_APPEND, FLAG_DIRECT, FLAG_DSYNC, FLAG_SYNC } from '../base/operation';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { errseqSample, Inode, inodeAt, inodeCount } from '../cache/inode';
import { Drive } from '../drive/drive-table';
import {
  DRIVE_FLAG_READ_ONLY,
  OPEN_APPEND,
  OPEN_DIRECT,
  OPEN_DSYNC,
  OPEN_FLAGS_ALL,
  OPEN_READ,
  OPEN_SYNC,
  OPEN_WRITE,
} from '../layout';
import { MAX_DESCRIPTORS } from '../limits';

const FIRST_DESCRIPTOR: u32 = 3;

@unmanaged
export class OpenFile {
  inode: usize;
  openFlags: u32;
  /** The flags every operation on it starts with (FLAG_…). */
  operationFlags: u32;
  holders: u32;
  errseqCursor: u32;
  padding: u32;
}

@unmanaged
class Descriptors {
  table: usize;
  lowestFree: u32;
}

export const openFilePool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const descriptors = changetype<Descriptors>(memory.data(offsetof<Descriptors>(), 16));

export function descriptorClaim(): void {
  poolClaim(openFilePool, offsetof<OpenFile>(), MAX_DESCRIPTORS);
  descriptors.table = arenaClaim(<u64>MAX_DESCRIPTORS * sizeof<usize>(), 16);
}

export function descriptorInit(): void {
  poolInit(openFilePool);
}

function slot(index: u32): usize {
  return descriptors.table + <usize>index * sizeof<usize>();
}

function operationFlags(openFlags: u32): u32 {
  let flags: u32 = 0;
  if (openFlags & OPEN_DIRECT) flags |= FLAG_DIRECT;
  if (openFlags & OPEN_DSYNC) flags |= FLAG_DSYNC;
  if (openFlags & OPEN_SYNC) flags |= FLAG_SYNC;
  if (openFlags & OPEN_APPEND) flags |= FLAG_APPEND;
  return flags;
}

/** A descriptor for file number `file` (whole drives first), or ENOENT, EINVAL (flags), EROFS, EMFILE. */
export function descriptorOpen(file: u32, openFlags: u32): i32 {
  if (file >= inodeCount()) return -ENOENT;
  if ((openFlags & ~OPEN_FLAGS_ALL) != 0 || (openFlags & (OPEN_READ | OPEN_WRITE)) == 0) return -EINVAL;
  const isReadOnly = (changetype<Drive>(inodeAt(file).drive).flags & DRIVE_FLAG_READ_ONLY) != 0;
  if ((openFlags & OPEN_WRITE) != 0 && isReadOnly) return -EROFS;
  let index = descriptors.lowestFree;
  while (index < <u32>MAX_DESCRIPTORS && load<usize>(slot(index)) != 0) index++;
  if (index == <u32>MAX_DESCRIPTORS) return -EMFILE;
  const pointer = poolTake(openFilePool);
  if (pointer == 0) return -EMFILE;
  const inode = inodeAt(file);
  const opened = changetype<OpenFile>(pointer);
  opened.inode = changetype<usize>(inode);
  opened.openFlags = openFlags;
  opened.operationFlags = operationFlags(openFlags);
  opened.holders = 1;
  opened.errseqCursor = errseqSample(inode);
  inode.openCount++;
  store<usize>(slot(index), pointer);
  descriptors.lowestFree = index + 1;
  return <i32>(index + FIRST_DESCRIPTOR);
}

/** The open file behind a descriptor, or 0. */
export function openFileOf(descriptor: i32): usize {
  const index = <u32>descriptor - FIRST_DESCRIPTOR;
  return index < <u32>MAX_DESCRIPTORS ? load<usize>(slot(index)) : 0;
}

/** An operation is using the file. */
export function holdFile(opened: OpenFile): void {
  opened.holders++;
}

export function releaseFile(opened: OpenFile): void {
  if (--opened.holders > 0) return;
  inodeOf(opened).openCount--;
  poolGive(openFilePool, changetype<usize>(opened));
}

function inodeOf(opened: OpenFile): Inode {
  return changetype<Inode>(opened.inode);
}

/** 0 or EBADF. Operations in flight keep the file until they end. */
export function descriptorClose(descriptor: i32): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return -EBADF;
  const index = <u32>descriptor - FIRST_DESCRIPTOR;
  store<usize>(slot(index), 0);
  if (index < descriptors.lowestFree) descriptors.lowestFree = index;
  releaseFile(changetype<OpenFile>(pointer));
  return 0;
}
