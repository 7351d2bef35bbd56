// The descriptors of one guest: the numbers that open() gave it, which io_submit and the WASI calls both mean.
//
// Verbs: get, file, open, replace, close, closeAll. 0, 1 and 2 are the standard streams, 3 the one directory there is;
// files follow, the lowest free number first. A number is the guest's own: no other file of the machine can be named.

import type { OpenFile, OpenOptions } from '../../files.ts';
import type { Machine } from '../../machine.ts';

export const ROOT_DESCRIPTOR = 3;
/** Numbers that a guest can have open, as RLIMIT_NOFILE is on most systems. */
const MAX_DESCRIPTORS = 1024;

export interface GuestFile {
  readonly kind: 'file';
  readonly name: string;
  /** Number of the file in its machine. */
  readonly number: number;
  readonly options: OpenOptions;
  /** WASI's fdflags. */
  readonly flags: number;
  readonly open: OpenFile;
  /** The descriptor's own position. */
  position: number;
}

export type Descriptor =
  | GuestFile
  | { readonly kind: 'directory' }
  | { readonly kind: 'stream'; readonly number: number };

export class Descriptors {
  readonly #machine: Machine;
  readonly #table: (Descriptor | undefined)[] = [
    { kind: 'stream', number: 0 },
    { kind: 'stream', number: 1 },
    { kind: 'stream', number: 2 },
    { kind: 'directory' },
  ];

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  get(descriptor: number): Descriptor | undefined {
    return this.#table[descriptor];
  }

  file(descriptor: number): GuestFile | undefined {
    const found = this.#table[descriptor];
    return found?.kind === 'file' ? found : undefined;
  }

  /** The lowest free number, or -1. */
  #free(): number {
    let number = 0;
    while (this.#table[number] !== undefined) number++;
    return number < MAX_DESCRIPTORS ? number : -1;
  }

  /** A descriptor for a file of the machine, or -1 when all are in use. Throws what Machine.openFile throws. */
  open(name: string, options: OpenOptions, flags: number): number {
    const descriptor = this.#free();
    if (descriptor < 0) return -1;
    this.#table[descriptor] = this.#make(name, options, flags, 0);
    return descriptor;
  }

  openDirectory(): number {
    const descriptor = this.#free();
    if (descriptor >= 0) this.#table[descriptor] = { kind: 'directory' };
    return descriptor;
  }

  /** Opens the file behind a descriptor again with other flags; requests in flight keep theirs. */
  reopen(descriptor: number, file: GuestFile, options: OpenOptions, flags: number): void {
    this.#table[descriptor] = this.#make(file.name, options, flags, file.position);
    file.open.close();
  }

  #make(name: string, options: OpenOptions, flags: number, position: number): GuestFile {
    const number = this.#machine.fileNumber(name);
    return {
      kind: 'file',
      name,
      number,
      options,
      flags,
      open: this.#machine.openFile(name, options),
      position,
    };
  }

  /** False when nothing is open there. */
  close(descriptor: number): boolean {
    const found = this.#table[descriptor];
    if (found === undefined) return false;
    this.#table[descriptor] = undefined;
    if (found.kind === 'file') found.open.close();
    return true;
  }

  closeAll(): void {
    for (let descriptor = 0; descriptor < this.#table.length; descriptor++) this.close(descriptor);
  }
}
