// The descriptors of a guest on a volume: standard streams, preopened directories, and what it has opened.
//
// Verbs: get, need, file, directory, add, close, renumber, moved, closeAll. 0, 1 and 2 are the streams, the preopened
// directories follow in their order; a new descriptor has the lowest free number.
// Invariant: a directory knows its path as long as it has one; renames that this guest makes are followed.

import type { DirectoryEntry } from '../../fs/structs.ts';
import type { VolumeFile } from '../../fs/volume-file.ts';
import { RIGHT_POLL, RIGHT_READ, RIGHT_SET_FLAGS, RIGHT_STAT, RIGHT_WRITE } from './abi.ts';
import { WasiError } from './calls.ts';
import { WASI_EBADF, WASI_EMFILE, WASI_ENOTCAPABLE, WASI_ENOTDIR } from './errno.ts';

/** Numbers that a guest can have open, as RLIMIT_NOFILE is on most systems. */
const MAX_DESCRIPTORS = 1024;
const RIGHTS_STREAM = RIGHT_SET_FLAGS | RIGHT_STAT | RIGHT_POLL;

/** What a descriptor may be used for, and what those opened through it. */
export interface Rights {
  base: bigint;
  inheriting: bigint;
}

export interface StreamDescriptor {
  readonly kind: 'stream';
  readonly number: 0 | 1 | 2;
  readonly rights: Rights;
  /** WASI's fdflags. */
  flags: number;
}

export interface FileDescriptor {
  readonly kind: 'file';
  readonly file: VolumeFile;
  readonly rights: Rights;
  flags: number;
}

export interface DirectoryDescriptor {
  readonly kind: 'directory';
  readonly file: VolumeFile;
  readonly rights: Rights;
  flags: number;
  /** On the volume, without a slash at its end: '' for the root. Undefined: it has been removed. */
  path: string | undefined;
  /** The name that the guest knows it by, when it was opened for the guest. */
  readonly preopen: string | undefined;
  /** What fd_readdir goes through: as it was when the guest began at its start. */
  listing: readonly DirectoryEntry[] | undefined;
}

export type Descriptor = StreamDescriptor | FileDescriptor | DirectoryDescriptor;

function stream(number: 0 | 1 | 2): StreamDescriptor {
  const base = RIGHTS_STREAM | (number === 0 ? RIGHT_READ : RIGHT_WRITE);
  return { kind: 'stream', number, rights: { base, inheriting: 0n }, flags: 0 };
}

export class Descriptors {
  readonly #table: (Descriptor | undefined)[] = [stream(0), stream(1), stream(2)];

  get(number: number): Descriptor | undefined {
    return this.#table[number];
  }

  /** What is open there and may be used so. Throws EBADF, ENOTCAPABLE. */
  need(number: number, right: bigint): Descriptor {
    const found = this.#table[number];
    if (found === undefined) throw new WasiError(WASI_EBADF);
    if ((found.rights.base & right) !== right) throw new WasiError(WASI_ENOTCAPABLE);
    return found;
  }

  /** As need, of a directory. Throws ENOTDIR for anything else. */
  directory(number: number, right: bigint): DirectoryDescriptor {
    const found = this.#table[number];
    if (found !== undefined && found.kind !== 'directory') throw new WasiError(WASI_ENOTDIR);
    return this.need(number, right) as DirectoryDescriptor;
  }

  /** The lowest free number. Throws EMFILE. */
  free(): number {
    let number = 0;
    while (this.#table[number] !== undefined) number++;
    if (number >= MAX_DESCRIPTORS) throw new WasiError(WASI_EMFILE);
    return number;
  }

  add(descriptor: Descriptor): number {
    const number = this.free();
    this.#table[number] = descriptor;
    return number;
  }

  /** Throws EBADF. */
  close(number: number): void {
    const found = this.#table[number];
    if (found === undefined) throw new WasiError(WASI_EBADF);
    this.#table[number] = undefined;
    if (found.kind !== 'stream') found.file.close();
  }

  /** What was `from` is `to`; what that was is closed. Throws EBADF. */
  renumber(from: number, to: number): void {
    const found = this.#table[from];
    if (found === undefined || this.#table[to] === undefined) throw new WasiError(WASI_EBADF);
    if (from === to) return;
    this.close(to);
    this.#table[to] = found;
    this.#table[from] = undefined;
  }

  /** A directory has another path, or (undefined) none any more; so have the directories below it. */
  moved(from: string, to: string | undefined): void {
    for (const found of this.#table) {
      if (found?.kind !== 'directory' || found.path === undefined) continue;
      if (found.path === from || found.path.startsWith(`${from}/`))
        found.path = to === undefined ? undefined : to + found.path.slice(from.length);
    }
  }

  closeAll(): void {
    this.#table.forEach((found, number) => {
      if (found !== undefined && found.kind !== 'stream') this.close(number);
    });
  }
}
