// Inodes that nobody can reach any more: their pages and blocks go, then their number is free.
//
// Verbs: volumeEvict, inodeEvicted, evictNext. One at a time, in the order they came; a truncate to nothing does the work.
// Layout: a list through the inodes' evictNext.
// Invariant: an inode on the list has no name and no descriptor; a crash before its end leaves it without links, and the next
// mount ends it.

import { KIND_INODE_EVICTED } from '../../base/dispatch';
import { OPERATION_TRUNCATE, Operation, operationTake } from '../../base/operation';
import { inodeForgotten } from '../../cache/flusher';
import { Inode } from '../../cache/inode';
import { shadowsDrop } from '../../cache/shadows';
import { startOperation } from '../file-operation';
import { inodeFree } from './inodes';

@unmanaged
class Evictions {
  first: usize;
  last: usize;
  isRunning: u32;
}

const evictions = changetype<Evictions>(memory.data(offsetof<Evictions>(), 16));

export function evictInit(): void {
  evictions.first = 0;
  evictions.last = 0;
  evictions.isRunning = 0;
}

/** Nobody can reach the file any more: its pages and extents go, then inodeFree. */
export function volumeEvict(inode: Inode): void {
  inode.evictNext = 0;
  if (evictions.last != 0) changetype<Inode>(evictions.last).evictNext = changetype<usize>(inode);
  else evictions.first = changetype<usize>(inode);
  evictions.last = changetype<usize>(inode);
  evictNext();
}

/** Begins with the next one if none is on its way. Without a free operation it is tried again at the next call. */
export function evictNext(): void {
  if (evictions.isRunning != 0 || evictions.first == 0) return;
  const pointer = operationTake();
  if (pointer == 0) return;
  evictions.isRunning = 1;
  const operation = changetype<Operation>(pointer);
  operation.kind = OPERATION_TRUNCATE;
  operation.inode = evictions.first;
  operation.doneKind = KIND_INODE_EVICTED;
  operation.owner = evictions.first;
  startOperation(operation);
}

/** Handler of KIND_INODE_EVICTED. Also after an error (the volume can not be changed any more): the names are gone all the same. */
export function inodeEvicted(pointer: usize, _result: i32): void {
  const inode = changetype<Inode>(pointer);
  evictions.first = inode.evictNext;
  if (evictions.first == 0) evictions.last = 0;
  evictions.isRunning = 0;
  shadowsDrop(inode);
  inodeForgotten(inode);
  inodeFree(inode);
  evictNext();
}
