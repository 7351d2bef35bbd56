// The journal: transactions of metadata, each of them whole on the drive or not there.
//
// Verbs: journalWait, journalKick, journalHasFailed.

import { Operation } from '../../base/operation';

/** 0 when the transaction is durable. */
export function journalWait(_operation: Operation, _transaction: u64): i32 {
  return 0;
}

/** Starts a commit and waits for nothing. */
export function journalKick(): void {}

/** A write of the journal has failed: the volume changes no more. */
export function journalHasFailed(): bool {
  return false;
}
