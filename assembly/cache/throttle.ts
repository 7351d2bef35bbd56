// Dirty limits: writers over them pause (mm/page-writeback.c).
//
// Verbs: balanceDirtyPagesRatelimited.

import { Operation } from '../base/operation';
import { Inode } from './inode';

/**
 * Called before each page of a buffered write. 0: go on; PENDING: the operation is parked until its pause is over; EAGAIN
 * (negative) for an operation that may not wait.
 */
export function balanceDirtyPagesRatelimited(_operation: Operation, _inode: Inode): i32 {
  return 0;
}
