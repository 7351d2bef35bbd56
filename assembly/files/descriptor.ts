// The file descriptor table.
//
// Verbs: descriptorOpen, descriptorOpenInode, hasFreeDescriptor, descriptorTake, descriptorDup, descriptorClose, descriptorOf,
// openFileOf, notFile, holdDescriptor, releaseDescriptor, readaheadStateOf, readThrough. A descriptor names an open file or an
// eventfd (eventfd.ts); an open file keeps the inode, the flags it was opened with, how far its error cursor has read (errseq),
// and what it knows of its reads (readahead).
// Layout: a pool of records and an array of descriptor → record; numbers start at FIRST_DESCRIPTOR. Records of every
// kind begin with the kind and the number of holders.
// Invariants: a record lives until its descriptor is closed and no request holds it; openFileOf gives files only.

import { arenaClaim } from '../base/arena';
import { EBADF, EINVAL, EMFILE, ENOENT, EROFS } from '../base/errno';
import {
  FLAG_APPEND,
  FLAG_DIRECT,
  FLAG_DSYNC,
  FLAG_SYNC,
  OPERATION_READ,
  Operation,
} from '../base/operation';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { errseqSample, Inode, inodeAt } from '../cache/inode';
import { ReadaheadState, readaheadOpen } from '../cache/readahead';
import { Drive } from '../drive/drive-table';
import {
  DESCRIPTOR_FILE,
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
import { flatCount } from './flat';
import { inodeRelease } from './volume/inodes';

const FIRST_DESCRIPTOR: u32 = 3;

@unmanaged
export class OpenFile {
  /** DESCRIPTOR_FILE. */
  kind: u32;
  holders: u32;
  inode: usize;
  openFlags: u32;
  /** The flags every operation on it starts with (FLAG_…). */
  operationFlags: u32;
  errseqCursor: u32;
  /** As errseqCursor, for errors of the whole volume (f_sb_err). */
  superErrseqCursor: u32;
  /** A ReadaheadState. */
  readahead: u64;
}

/** Room for the largest kind of record, an open file. */
const RECORD_SIZE: u32 = <u32>(offsetof<OpenFile>('readahead') + offsetof<ReadaheadState>());

@unmanaged
class Descriptors {
  table: usize;
  lowestFree: u32;
}

export const openFilePool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const descriptors = changetype<Descriptors>(memory.data(offsetof<Descriptors>(), 16));

export function descriptorClaim(): void {
  poolClaim(openFilePool, RECORD_SIZE, MAX_DESCRIPTORS);
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

/** The lowest free place of the table, or MAX_DESCRIPTORS. */
function freeSlot(): u32 {
  let index = descriptors.lowestFree;
  while (index < <u32>MAX_DESCRIPTORS && load<usize>(slot(index)) != 0) index++;
  return index;
}

/** A descriptor for file number `file` (whole drives first), or ENOENT, EINVAL (flags), EROFS, EMFILE. */
export function descriptorOpen(file: u32, openFlags: u32): i32 {
  if (file >= flatCount()) return -ENOENT;
  if ((openFlags & ~OPEN_FLAGS_ALL) != 0 || (openFlags & (OPEN_READ | OPEN_WRITE)) == 0) return -EINVAL;
  const isReadOnly = (changetype<Drive>(inodeAt(file).drive).flags & DRIVE_FLAG_READ_ONLY) != 0;
  if ((openFlags & OPEN_WRITE) != 0 && isReadOnly) return -EROFS;
  return descriptorOpenInode(inodeAt(file), openFlags);
}

/** True when one more descriptor can be opened. */
export function hasFreeDescriptor(): bool {
  return freeSlot() < <u32>MAX_DESCRIPTORS && openFilePool.used < openFilePool.capacity;
}

/** A descriptor for an inode, its flags checked; or EMFILE. */
export function descriptorOpenInode(inode: Inode, openFlags: u32): i32 {
  const descriptor = descriptorTake(DESCRIPTOR_FILE);
  if (descriptor < 0) return descriptor;
  const opened = changetype<OpenFile>(descriptorOf(descriptor));
  opened.inode = changetype<usize>(inode);
  opened.openFlags = openFlags;
  opened.operationFlags = operationFlags(openFlags);
  opened.errseqCursor = errseqSample(inode);
  if (inode.superInode != 0) opened.superErrseqCursor = errseqSample(changetype<Inode>(inode.superInode));
  readaheadOpen(readaheadStateOf(opened));
  inode.openCount++;
  return descriptor;
}

/** The lowest free descriptor with a new record of this kind, all else 0; or EMFILE. */
export function descriptorTake(kind: u32): i32 {
  const index = freeSlot();
  if (index == <u32>MAX_DESCRIPTORS) return -EMFILE;
  const pointer = poolTake(openFilePool);
  if (pointer == 0) return -EMFILE;
  memory.fill(pointer, 0, RECORD_SIZE);
  changetype<OpenFile>(pointer).kind = kind;
  changetype<OpenFile>(pointer).holders = 1;
  store<usize>(slot(index), pointer);
  descriptors.lowestFree = index + 1;
  return <i32>(index + FIRST_DESCRIPTOR);
}

/** dup: the lowest free descriptor, for the same open file; EBADF, EMFILE. */
export function descriptorDup(descriptor: i32): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return -EBADF;
  const index = freeSlot();
  if (index == <u32>MAX_DESCRIPTORS) return -EMFILE;
  holdDescriptor(pointer);
  store<usize>(slot(index), pointer);
  descriptors.lowestFree = index + 1;
  return <i32>(index + FIRST_DESCRIPTOR);
}

/** The record behind a descriptor, whatever its kind, or 0. */
export function descriptorOf(descriptor: i32): usize {
  const index = <u32>descriptor - FIRST_DESCRIPTOR;
  return index < <u32>MAX_DESCRIPTORS ? load<usize>(slot(index)) : 0;
}

export function isFile(record: usize): bool {
  return changetype<OpenFile>(record).kind == <u32>DESCRIPTOR_FILE;
}

/** The open file behind a descriptor, or 0: not open, or no file (notFile says which). */
export function openFileOf(descriptor: i32): usize {
  const record = descriptorOf(descriptor);
  return record != 0 && isFile(record) ? record : 0;
}

/** What a file call answers where openFileOf has found none: EBADF, or EINVAL for an eventfd. */
export function notFile(descriptor: i32): i32 {
  return descriptorOf(descriptor) == 0 ? -EBADF : -EINVAL;
}

/** A request is using the file or eventfd. */
export function holdDescriptor(record: usize): void {
  changetype<OpenFile>(record).holders++;
}

function closeInode(inode: Inode): void {
  if (--inode.openCount == 0 && inode.volumeInode != 0) inodeRelease(inode);
}

export function releaseDescriptor(record: usize): void {
  const opened = changetype<OpenFile>(record);
  if (--opened.holders > 0) return;
  if (isFile(record)) closeInode(changetype<Inode>(opened.inode));
  poolGive(openFilePool, record);
}

export function readaheadStateOf(opened: OpenFile): ReadaheadState {
  return changetype<ReadaheadState>(changetype<usize>(opened) + offsetof<OpenFile>('readahead'));
}

/** The operation, whose kind and flags are set, belongs to this open file: if it reads through the cache it may read ahead, and keeps the file until it ends. */
export function readThrough(operation: Operation, opened: OpenFile): void {
  if (operation.kind != OPERATION_READ || (operation.flags & FLAG_DIRECT) != 0) return;
  operation.opened = changetype<usize>(opened);
  operation.readahead = changetype<usize>(readaheadStateOf(opened));
  holdDescriptor(operation.opened);
}

/** 0 or EBADF. Requests in flight keep the file or eventfd until they end. */
export function descriptorClose(descriptor: i32): i32 {
  const pointer = descriptorOf(descriptor);
  if (pointer == 0) return -EBADF;
  const index = <u32>descriptor - FIRST_DESCRIPTOR;
  store<usize>(slot(index), 0);
  if (index < descriptors.lowestFree) descriptors.lowestFree = index;
  releaseDescriptor(pointer);
  return 0;
}
