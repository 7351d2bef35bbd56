// FileHandle, what promises.open gives: the calls on one descriptor as promises.
//
// Verbs: read, write, readv, writev, readFile, writeFile, appendFile, stat, truncate, sync, datasync, chmod, chown, utimes,
// createReadStream, createWriteStream, readableWebStream, readLines, close. A closed handle answers EBADF, `file closed`.

import { EventEmitter } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { Readable, type Writable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { toBytes, toOptions } from './arguments.ts';
import { later } from './forms.ts';

type Values = readonly unknown[];
const READ_BYTES = 16384;

/** The synchronous calls on descriptors, and the streams. */
export interface HandleCalls {
  readonly [name: `${string}Sync`]: (...values: never[]) => unknown;
  readonly createReadStream: (path: unknown, options?: unknown) => unknown;
  readonly createWriteStream: (path: unknown, options?: unknown) => unknown;
}

type Chunks = Iterable<unknown> | AsyncIterable<unknown>;

/** Whether writeFile takes content piece by piece. */
export function isChunks(content: unknown): content is Chunks {
  if (content === null || typeof content !== 'object' || ArrayBuffer.isView(content)) return false;
  return Symbol.iterator in content || Symbol.asyncIterator in content;
}

export class FileHandle extends EventEmitter implements AsyncDisposable {
  readonly #calls: HandleCalls;
  #fd: number;

  constructor(calls: HandleCalls, fd: number) {
    super();
    this.#calls = calls;
    this.#fd = fd;
  }

  /** -1 once it is closed. */
  get fd(): number {
    return this.#fd;
  }

  #run<T>(name: `${string}Sync`, ...values: unknown[]): Promise<T> {
    return later(() => this.#now(name, ...values) as T);
  }

  #now(name: `${string}Sync`, ...values: unknown[]): unknown {
    if (this.#fd === -1)
      throw Object.assign(new Error('file closed'), { code: 'EBADF', syscall: name.replace(/Sync$/, '') });
    return (this.#calls[name] as (...all: Values) => unknown)(this.#fd, ...values);
  }

  async read(
    first?: unknown,
    ...rest: [unknown?, unknown?, unknown?]
  ): Promise<{ bytesRead: number; buffer: unknown }> {
    const options = ArrayBuffer.isView(first)
      ? undefined
      : (first as { buffer?: unknown } | null | undefined);
    const buffer =
      options === undefined && first != null ? first : (options?.buffer ?? Buffer.alloc(READ_BYTES));
    const [offset, length, position] = rest;
    const where: Values = options
      ? [options]
      : typeof offset === 'object'
        ? [offset]
        : [{ offset: offset ?? 0, length: length ?? undefined, position }];
    return { bytesRead: await this.#run<number>('readSync', buffer, ...where), buffer };
  }

  async write(buffer: unknown, ...rest: Values): Promise<{ bytesWritten: number; buffer: unknown }> {
    const isEmpty = ArrayBuffer.isView(buffer) && buffer.byteLength === 0;
    return { bytesWritten: isEmpty ? 0 : await this.#run<number>('writeSync', buffer, ...rest), buffer };
  }

  async readv(buffers: unknown, position?: unknown): Promise<{ bytesRead: number; buffers: unknown }> {
    return { bytesRead: await this.#run<number>('readvSync', buffers, position), buffers };
  }

  async writev(buffers: unknown, position?: unknown): Promise<{ bytesWritten: number; buffers: unknown }> {
    return { bytesWritten: await this.#run<number>('writevSync', buffers, position), buffers };
  }

  async readFile(options?: unknown): Promise<string | Buffer> {
    return this.#run('readFileSync', options);
  }

  /** Content is text, bytes, or an iterable or stream of either, which is written as it comes. */
  async writeFile(content: unknown, given?: unknown): Promise<void> {
    if (!isChunks(content)) return this.#run('writeFileSync', content, given);
    const { encoding, signal } = toOptions(given);
    for await (const chunk of content) {
      const bytes = toBytes(chunk, 'data', encoding);
      await this.#run('writeFileSync', bytes, { ...(signal === undefined ? {} : { signal }) });
    }
  }

  async appendFile(content: unknown, options?: unknown): Promise<void> {
    return this.writeFile(content, options);
  }

  async stat(options?: unknown): Promise<unknown> {
    return this.#run('fstatSync', options);
  }

  async truncate(length: unknown = 0): Promise<void> {
    return this.#run('ftruncateSync', length);
  }

  async sync(): Promise<void> {
    return this.#run('fsyncSync');
  }

  async datasync(): Promise<void> {
    return this.#run('fdatasyncSync');
  }

  async chmod(mode: unknown): Promise<void> {
    return this.#run('fchmodSync', mode);
  }

  async chown(uid: unknown, gid: unknown): Promise<void> {
    return this.#run('fchownSync', uid, gid);
  }

  async utimes(accessed: unknown, modified: unknown): Promise<void> {
    return this.#run('futimesSync', accessed, modified);
  }

  createReadStream(options: object = {}): Readable {
    return this.#calls.createReadStream('', { ...options, fd: this }) as Readable;
  }

  createWriteStream(options: object = {}): Writable {
    return this.#calls.createWriteStream('', { ...options, fd: this }) as Writable;
  }

  /** The lines of the file, without their ends. */
  readLines(options: object = {}): Interface {
    return createInterface({ input: this.createReadStream(options), crlfDelay: Number.POSITIVE_INFINITY });
  }

  /** The bytes from where the handle stands, which stays open. */
  readableWebStream(): ReadableStream {
    return Readable.toWeb(this.createReadStream({ autoClose: false }));
  }

  /** A second time does nothing. */
  async close(): Promise<void> {
    if (this.#fd === -1) return;
    const closing = this.#run<void>('closeSync');
    this.#fd = -1;
    await closing;
    this.emit('close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
