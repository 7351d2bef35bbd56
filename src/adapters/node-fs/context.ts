// What the calls of one adapter share: the volume, the descriptors, the umask, and names for temporary folders.
//
// Verbs: add, file, remove, temporaryName. A descriptor is the lowest free number from 3, as in a process.

import { saveList } from '../../core/timeline.ts';
import type { FileSystem } from '../../fs/file-system.ts';
import type { VolumeFile } from '../../fs/volume-file.ts';
import type { Machine } from '../../machine.ts';
import { toFd } from './arguments.ts';
import { EBADF, errnoError } from './errors.ts';

/** 0, 1 and 2 are nobody's: a process has its streams there. */
const FIRST_FD = 3;
const NAME_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const NAME_LENGTH = 6;

export class Context {
  readonly machine: Machine;
  readonly volume: FileSystem;
  readonly umask: number;
  readonly #files: (VolumeFile | undefined)[] = [];
  #state: number;

  constructor(machine: Machine, umask: number) {
    this.machine = machine;
    this.volume = machine.fs;
    this.umask = umask;
    this.#state = machine.core.seed;
    machine.timeline.keep(this, () => this.#save());
  }

  #save(): () => void {
    const files = saveList(this.#files);
    const state = this.#state;
    return () => {
      files();
      this.#state = state;
    };
  }

  add(file: VolumeFile): number {
    let slot = this.#files.indexOf(undefined);
    if (slot < 0) slot = this.#files.length;
    this.#files[slot] = file;
    return slot + FIRST_FD;
  }

  /** The open file of a descriptor. Throws EBADF naming `syscall`, or what Node throws for what is no descriptor. */
  file(fd: unknown, syscall: string): VolumeFile {
    const file = this.#files[toFd(fd) - FIRST_FD];
    if (file === undefined) throw errnoError(EBADF, syscall);
    return file;
  }

  remove(fd: number): void {
    this.#files[fd - FIRST_FD] = undefined;
  }

  /** Six characters that differ from call to call, the same ones in each run. */
  temporaryName(): string {
    let name = '';
    while (name.length < NAME_LENGTH) {
      this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
      name += NAME_CHARACTERS[(this.#state >>> 16) % NAME_CHARACTERS.length];
    }
    return name;
  }
}
