// Dir, what opendir gives: the entries of a directory one by one.
//
// Verbs: readSync, read, closeSync, close, and iteration, which closes. The directory is read when it is opened.

import { checkFunction } from './arguments.ts';
import { later } from './forms.ts';
import type { Dirent } from './stats.ts';

type Callback = (error: unknown, entry?: Dirent | null) => void;

export class Dir implements AsyncIterable<Dirent> {
  readonly path: string;
  readonly #entries: Dirent[];
  #isClosed = false;

  constructor(path: string, entries: Dirent[]) {
    this.path = path;
    this.#entries = entries.toReversed();
  }

  #checkOpen(): void {
    if (this.#isClosed)
      throw Object.assign(new Error('Directory handle was closed'), { code: 'ERR_DIR_CLOSED' });
  }

  readSync(): Dirent | null {
    this.#checkOpen();
    return this.#entries.pop() ?? null;
  }

  closeSync(): void {
    this.#checkOpen();
    this.#isClosed = true;
  }

  read(callback?: Callback): Promise<Dirent | null> | undefined {
    return settle(() => this.readSync(), callback);
  }

  close(callback?: (error: unknown) => void): Promise<void> | undefined {
    return settle<void>(() => this.closeSync(), callback);
  }

  async *entries(): AsyncGenerator<Dirent, void> {
    try {
      for (let entry = await this.read(); entry; entry = await this.read()) yield entry;
    } finally {
      if (!this.#isClosed) this.closeSync();
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<Dirent, void> {
    return this.entries();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed) this.closeSync();
  }
}

/** As a promise, or with a callback. */
function settle<T>(
  call: () => T,
  callback: ((error: unknown, value?: T) => void) | undefined,
): Promise<T> | undefined {
  const promise = later(call);
  if (callback === undefined) return promise;
  checkFunction(callback, 'callback');
  promise.then(
    (value) => callback(null, value),
    (error: unknown) => callback(error),
  );
  return undefined;
}
