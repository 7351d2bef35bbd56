// The iterator over the mappings of a range (fs/iomap/iter.c iomap_iter).
//
// Verbs: iterBegin, iterNext, iterAdvance, iterLeft, iterFail, iterStale, isIterStale. A loop calls iterNext until it answers 0 or an errno and
// runs its body on each mapping in between; the body advances, or sets a status.
// Layout: ITERATOR_SIZE bytes inside the operation. The mapping that is held is kept there, because the operation may be
// parked in the middle of it; its cookie tells whether it is still true when the operation goes on.
// Invariant: every mapping that was begun is ended by the next iterNext, also after an error.

import { EIO } from '../base/errno';
import { ITERATOR_SIZE, Operation } from '../base/operation';
import { Inode } from './inode';
import { IOMAP_F_STALE, Iomap, iomap, iomapBegin, iomapEnd } from './iomap';

@unmanaged
export class IomapIter {
  // the first fields are an Iomap
  address: u64;
  offset: u64;
  length: u64;
  type: u32;
  flags: u32;
  /** Where the body goes on, and how much is left of the whole range. */
  position: u64;
  left: u64;
  /** Where the held mapping was begun (iter_start_pos). */
  start: u64;
  inode: usize;
  requestFlags: u32;
  /** mappingSequence of the inode when the mapping was begun. */
  cookie: u32;
  status: i32;
  isHeld: u32;
}

export function iteratorOf(operation: Operation): IomapIter {
  return changetype<IomapIter>(changetype<usize>(operation) + offsetof<Operation>('iterator'));
}

/** Starts over [position, position + length) with the request flags of iomapBegin. */
export function iterBegin(
  iter: IomapIter,
  inode: Inode,
  position: u64,
  length: u64,
  requestFlags: u32,
): void {
  if (offsetof<IomapIter>() > ITERATOR_SIZE) ERROR('an iterator does not fit an operation');
  iter.inode = changetype<usize>(inode);
  iter.position = position;
  iter.left = length;
  iter.requestFlags = requestFlags;
  iter.status = 0;
  iter.isHeld = 0;
}

/** Bytes that the held mapping has of what is left. */
export function iterLeft(iter: IomapIter): u64 {
  return min<u64>(iter.left, iter.offset + iter.length - iter.position);
}

/** The body has done `bytes` more. More than iterLeft is a bug of the body: the loop ends with EIO, as Linux ends it. */
export function iterAdvance(iter: IomapIter, bytes: u64): void {
  if (bytes > iterLeft(iter)) {
    iter.status = -EIO;
    return;
  }
  iter.position += bytes;
  iter.left -= bytes;
}

/** The body could not go on: `status` is a negative errno; 0 when it has done part of the mapping (the next pass meets the error). */
export function iterFail(iter: IomapIter, status: i32): void {
  iter.status = iter.position > iter.start ? 0 : status > 0 ? -EIO : status;
}

/** The held mapping is no longer true: the next iterNext asks again at the same place. */
export function iterStale(iter: IomapIter): void {
  iter.flags |= IOMAP_F_STALE;
}

/** iomap_valid: something has changed the file's mappings since the held one was begun. */
export function isIterStale(iter: IomapIter): bool {
  return iter.cookie != changetype<Inode>(iter.inode).mappingSequence;
}

/** Ends the held mapping: 0, or the provider's error, which counts only when nothing was done in it. */
function endHeld(iter: IomapIter): i32 {
  const advanced = iter.position - iter.start;
  const length = min<u64>(iter.left + advanced, iter.offset + iter.length - iter.start);
  iter.isHeld = 0;
  memory.copy(changetype<usize>(iomap), changetype<usize>(iter), offsetof<Iomap>());
  const result = iomapEnd(changetype<Inode>(iter.inode), iter.start, length, advanced, iter.requestFlags);
  return result < 0 && advanced == 0 ? result : 0;
}

/** 1: a mapping is held, run the body; 0: done, or nothing was done in the last one; else a negative errno. */
export function iterNext(iter: IomapIter): i32 {
  if (iter.isHeld != 0) {
    const isAdvanced = iter.position > iter.start;
    const isStale = (iter.flags & IOMAP_F_STALE) != 0;
    const ended = endHeld(iter);
    if (ended < 0) return ended;
    if (iter.status < 0) return iter.status;
    if (!isAdvanced && !isStale) return 0;
  }
  if (iter.left == 0) return 0;
  iter.status = 0;
  const inode = changetype<Inode>(iter.inode);
  const result = iomapBegin(inode, iter.position, iter.left, iter.requestFlags);
  if (result < 0) return result;
  memory.copy(changetype<usize>(iter), changetype<usize>(iomap), offsetof<Iomap>());
  iter.start = iter.position;
  iter.cookie = inode.mappingSequence;
  iter.isHeld = 1;
  return 1;
}
