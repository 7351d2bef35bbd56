// The calls of a workload: each that changes something has a number, which the write log keeps with what it submits, and a stack.
//
// Verbs: CallRecorder: begin, end, stop. Invariant: watching changes nothing that a workload can see.

import type { CallWatcher } from '../core/call-watcher.ts';
import type { StorageErrorDetails } from '../errors.ts';
import { FileSystem } from '../fs/file-system.ts';
import type { Machine } from '../machine.ts';
import type { CallSite } from './parts.ts';
import { callerFrames, holdStack } from './record-stack.ts';

/** Calls that change files or drives, or make them durable. */
const CHANGING: ReadonlySet<string> = new Set([
  ...['open', 'write', 'close', 'ftruncate', 'fallocate', 'setattr', 'fsetattr'],
  ...['rename', 'link', 'unlink', 'mkdir', 'rmdir', 'umount'],
  ...['fsync', 'fdatasync', 'syncfs', 'sync_file_range', 'fadvise64'],
  ...['flush', 'discard', 'writeZeroes'],
]);

/** Calls after which an inode may have no name any more. */
const REMOVING: ReadonlySet<string> = new Set(['rename', 'unlink', 'rmdir']);

/** A call, as it was made. */
export class RecordedCall implements CallSite {
  readonly syscall: string;
  readonly #details: StorageErrorDetails;
  readonly #stack: Error;

  constructor(syscall: string, details: StorageErrorDetails) {
    this.syscall = syscall;
    this.#details = details;
    this.#stack = holdStack();
  }

  get path(): string | undefined {
    return this.#details.path;
  }

  get dest(): string | undefined {
    return this.#details.dest;
  }

  get offset(): number | undefined {
    return this.#details.offset;
  }

  get length(): number | undefined {
    return this.#details.length;
  }

  get text(): string {
    const { path, dest, offset, length } = this.#details;
    const words: string[] = [];
    if (path !== undefined) words.push(`'${path}'`);
    if (dest !== undefined) words.push(`'${dest}'`);
    if (length !== undefined && length > 0)
      words.push(offset === undefined ? `${length} bytes` : `${length} bytes at ${offset}`);
    return `${this.syscall}(${words.join(', ')})`;
  }

  stack(): readonly string[] {
    return callerFrames(this.#stack.stack);
  }
}

/** Watches the calls on one machine. */
export class CallRecorder implements CallWatcher {
  readonly calls = new Map<number, CallSite>();
  /** The last name of each inode. */
  readonly paths = new Map<number, string>();
  readonly #machine: Machine;
  /** Calls of our own, with memory of their own. */
  readonly #files: FileSystem | undefined;

  constructor(machine: Machine, hasFiles: boolean) {
    this.#machine = machine;
    this.#files = hasFiles ? new FileSystem(machine) : undefined;
    machine.watcher = this;
  }

  begin(syscall: string, details: StorageErrorDetails): number {
    if (!CHANGING.has(syscall)) return 0;
    if (REMOVING.has(syscall)) {
      this.#name(details.path);
      this.#name(details.dest);
    }
    const tag = this.calls.size + 1;
    this.calls.set(tag, new RecordedCall(syscall, details));
    this.#machine.tag = tag;
    return tag;
  }

  end(): void {
    this.#machine.tag = 0;
  }

  #name(path: string | undefined): void {
    if (path === undefined || this.#files === undefined) return;
    try {
      this.paths.set(this.#files.stat(path).inode, path);
    } catch {
      // there is none of that name: the call itself says so
    }
  }

  /** Watches no longer, and learns the names of all that is there. */
  stop(): void {
    this.#machine.watcher = undefined;
    if (this.#files === undefined) return;
    try {
      this.#learn(this.#files, '/');
    } catch {
      // the volume is unmounted, or its drive fails: the names that are known must do
    }
  }

  #learn(files: FileSystem, folder: string): void {
    this.paths.set(files.stat(folder).inode, folder);
    for (const { name, inode, type } of files.entries(folder)) {
      const path = folder === '/' ? `/${name}` : `${folder}/${name}`;
      if (type === 'directory') this.#learn(files, path);
      else this.paths.set(inode, path);
    }
  }
}
