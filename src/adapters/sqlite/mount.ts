// A volume while the VFS shows it: its fs, what SQLite is told of its drive, the locks of its open databases, clock and chance.
//
// Verbs: enter, leave, timeMs, sleep, randomBytes, temporaryPath.
// Invariant: a mount that was left does nothing any more: whatever is still open on it is refused.

import {
  SQLITE_IOCAP,
  SQLITE_IOCAP_POWERSAFE_OVERWRITE,
  SQLITE_IOCAP_SUBPAGE_READ,
  SQLITE_OK,
} from './codes.ts';
import { FileLocks } from './locks.ts';
import { SharedMemory } from './shared-memory.ts';
import type { Sqlite3, SqliteFs, SqliteVolume } from './types.ts';

const NS_IN_MS = 1_000_000;
const NS_IN_US = 1000;
const TEMPORARY_FOLDERS = ['/var/tmp', '/usr/tmp', '/tmp'];
const NAME_CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const NAME_LENGTH = 16;

/** What the connections of one database file share. */
export interface Inode {
  readonly locks: FileLocks;
  readonly sharedMemory: SharedMemory;
  openCount: number;
}

export class Mount {
  readonly fs: SqliteFs;
  /** SQLITE_IOCAP_…. */
  readonly characteristics: number;
  isLeft = false;
  readonly #machine: SqliteVolume['machine'];
  readonly #wasm: Sqlite3['wasm'];
  readonly #inodes = new Map<string, Inode>();
  #state: number;

  constructor(volume: SqliteVolume, wasm: Sqlite3['wasm']) {
    this.fs = volume.fs;
    this.#machine = volume.machine;
    this.#wasm = wasm;
    // an xorshift generator stands still at 0
    this.#state = (volume.machine?.core.seed ?? 1) >>> 0 || 1;
    const promises = volume.promises?.reduce((bits, name) => bits | SQLITE_IOCAP[name], SQLITE_OK);
    const promised = (volume.machine?.promises() ?? []).reduce((bits, name) => bits | SQLITE_IOCAP[name], 0);
    this.characteristics =
      (promises ?? promised | SQLITE_IOCAP_POWERSAFE_OVERWRITE) | SQLITE_IOCAP_SUBPAGE_READ;
  }

  /** The inode of an open database file; `leave` it when the file is closed. */
  enter(fd: number): { readonly key: string; readonly inode: Inode } {
    const { dev, ino } = this.fs.fstatSync(fd);
    const key = `${dev}:${ino}`;
    let inode = this.#inodes.get(key);
    if (inode === undefined) {
      inode = { locks: new FileLocks(), sharedMemory: new SharedMemory(this.#wasm), openCount: 0 };
      this.#inodes.set(key, inode);
    }
    inode.openCount++;
    return { key, inode };
  }

  leave(key: string): void {
    const inode = this.#inodes.get(key);
    if (inode !== undefined && --inode.openCount === 0) this.#inodes.delete(key);
  }

  /** Milliseconds since 1970. */
  get timeMs(): number {
    return Math.floor((this.#machine?.nowNs ?? 0) / NS_IN_MS);
  }

  /** Lets virtual time pass. */
  sleep(microseconds: number): void {
    this.#machine?.advance(microseconds * NS_IN_US);
  }

  #random(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state;
  }

  /** Fills `bytes`; the same ones in each run. */
  randomBytes(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at++) bytes[at] = this.#random() >>> 24;
  }

  /** A name for a file that nobody else has. */
  temporaryPath(): string {
    const folder = TEMPORARY_FOLDERS.find((path) => this.#isFolder(path)) ?? '';
    let name = '';
    while (name.length < NAME_LENGTH) name += NAME_CHARACTERS[this.#random() % NAME_CHARACTERS.length];
    return `${folder}/etilqs_${name}`;
  }

  #isFolder(path: string): boolean {
    try {
      return this.fs.statSync(path, { throwIfNoEntry: false })?.isFile() === false;
    } catch {
      return false;
    }
  }
}
