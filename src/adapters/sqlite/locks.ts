// The five levels of lock on a database file, among the connections of one process (os_unix.c, unixLock and unixUnlock).
//
// Verbs: lock, unlock, isReserved. One FileLocks for each inode, one FileLock for each time that it is open.
//
// Invariant: any number of connections are SHARED; at most one is RESERVED or above; while one is PENDING nobody becomes SHARED,
// and who is EXCLUSIVE is alone.

import {
  SQLITE_BUSY,
  SQLITE_LOCK_EXCLUSIVE,
  SQLITE_LOCK_NONE,
  SQLITE_LOCK_PENDING,
  SQLITE_LOCK_SHARED,
  SQLITE_OK,
} from './codes.ts';

/** What the connections of one file hold together. */
export class FileLocks {
  /** The highest level that any of them has. */
  level = SQLITE_LOCK_NONE;
  /** How many have SHARED or above. */
  sharedCount = 0;
}

/** What one open file holds. */
export class FileLock {
  readonly #all: FileLocks;
  level = SQLITE_LOCK_NONE;

  constructor(all: FileLocks) {
    this.#all = all;
  }

  /** Raises the lock to `level`, SHARED first; SQLITE_BUSY when another connection is in the way. */
  lock(level: number): number {
    if (this.level >= level) return SQLITE_OK;
    const all = this.#all;
    const isAnothers = this.level !== all.level;
    if (isAnothers && (all.level >= SQLITE_LOCK_PENDING || level > SQLITE_LOCK_SHARED)) return SQLITE_BUSY;
    if (level === SQLITE_LOCK_SHARED) {
      all.sharedCount++;
      this.level = SQLITE_LOCK_SHARED;
      all.level = Math.max(all.level, SQLITE_LOCK_SHARED);
      return SQLITE_OK;
    }
    const isKeptOut = level === SQLITE_LOCK_EXCLUSIVE && all.sharedCount > 1;
    // readers that are there may finish, new ones wait
    this.level = isKeptOut ? SQLITE_LOCK_PENDING : level;
    all.level = this.level;
    return isKeptOut ? SQLITE_BUSY : SQLITE_OK;
  }

  /** Lowers the lock to `level`, SHARED or NONE. */
  unlock(level: number): void {
    if (this.level <= level) return;
    const all = this.#all;
    if (this.level > SQLITE_LOCK_SHARED) all.level = SQLITE_LOCK_SHARED;
    if (level === SQLITE_LOCK_NONE && --all.sharedCount === 0) all.level = SQLITE_LOCK_NONE;
    this.level = level;
  }

  /** Whether any connection, this one too, means to write. */
  get isReserved(): boolean {
    return this.#all.level > SQLITE_LOCK_SHARED;
  }
}
