// Who may use a file at the same time: the i_rwsem of Linux, as ext4 and XFS take it.
//
// Verbs: lockInode, unlockInode. What moves the end of the file (a truncate, an append, a write past the end) and every write
// through the cache has the file alone; direct writes below the end and direct reads share it. Buffered reads, syncs and
// discards need no lock: reads look at the size in every step. A whole drive has no end that moves, and no lock.
// Invariant: waiters are served in order of arrival and hold no page and no bio, so waiting ends and is never circular.

import {
  FLAG_APPEND,
  FLAG_DIRECT,
  FLAG_NOWAIT,
  OPERATION_FALLOCATE,
  OPERATION_READ,
  OPERATION_TRUNCATE,
  OPERATION_WRITE,
  Operation,
} from '../base/operation';
import { park, Waiter, wakeOne } from '../base/wait-queue';
import { Inode } from '../cache/inode';

const LOCK_NONE: u32 = 0;
const LOCK_SHARED: u32 = 1;
const LOCK_EXCLUSIVE: u32 = 2;

/** A direct write of parts of blocks zeroes what lies beside them, where nothing was: no other write may be there. */
function isSharingBlocks(operation: Operation, inode: Inode): bool {
  const inBlock = ((<u64>1) << inode.blockShift) - 1;
  const isAligned = ((operation.position | operation.length) & inBlock) == 0;
  return inode.volumeInode != 0 && (operation.flags & FLAG_DIRECT) != 0 && !isAligned;
}

function lockNeeded(operation: Operation, inode: Inode): u32 {
  if (inode.isBlockDevice != 0) return LOCK_NONE;
  switch (operation.kind) {
    case OPERATION_TRUNCATE:
    case OPERATION_FALLOCATE:
      return LOCK_EXCLUSIVE;
    case OPERATION_READ:
      return operation.flags & FLAG_DIRECT ? LOCK_SHARED : LOCK_NONE;
    case OPERATION_WRITE: {
      // a write through the cache has the file alone, as under ext4 and XFS: it is seen whole or not at all by other writes
      if ((operation.flags & (FLAG_DIRECT | FLAG_APPEND)) != FLAG_DIRECT) return LOCK_EXCLUSIVE;
      if (isSharingBlocks(operation, inode)) return LOCK_EXCLUSIVE;
      return operation.position + operation.length > inode.size ? LOCK_EXCLUSIVE : LOCK_SHARED;
    }
    default:
      return LOCK_NONE;
  }
}

/** Takes the lock if nobody is in the way. */
function tryLock(operation: Operation, inode: Inode): bool {
  const lock = lockNeeded(operation, inode);
  if (inode.lockExclusive != 0 || (lock == LOCK_EXCLUSIVE && inode.lockShared > 0)) return false;
  if (lock == LOCK_EXCLUSIVE) inode.lockExclusive = 1;
  else inode.lockShared++;
  operation.inodeLock = lock;
  return true;
}

/** True when the operation may begin; else it is parked, and holds the lock when it is woken, unless it may not wait. */
export function lockInode(operation: Operation, inode: Inode): bool {
  if (lockNeeded(operation, inode) == LOCK_NONE) return true;
  if (inode.lockWaiters == 0 && tryLock(operation, inode)) return true;
  if ((operation.flags & FLAG_NOWAIT) == 0)
    park(changetype<usize>(inode) + offsetof<Inode>('lockWaiters'), changetype<usize>(operation));
  return false;
}

/** Gives the lock back, if the operation holds it, and wakes those who hold it next. */
export function unlockInode(operation: Operation, inode: Inode): void {
  if (operation.inodeLock == LOCK_NONE) return;
  if (operation.inodeLock == LOCK_EXCLUSIVE) inode.lockExclusive = 0;
  else inode.lockShared--;
  operation.inodeLock = LOCK_NONE;
  while (inode.lockWaiters != 0) {
    const first = changetype<Waiter>(inode.lockWaiters).next;
    if (!tryLock(changetype<Operation>(first), inode)) return;
    wakeOne(changetype<usize>(inode) + offsetof<Inode>('lockWaiters'));
  }
}
