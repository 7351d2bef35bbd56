// Streams over the adapter: Node's own ReadStream and WriteStream, which take the calls that they make from an `fs` option.
//
// Verbs: streamCalls. What a stream does (start, end, autoClose, highWaterMark, flush) is Node's code.

import * as real from 'node:fs';
import type { FileHandle } from './file-handle.ts';

type Options = Record<string, unknown> & { fd?: unknown; fs?: unknown };
type Constructor = new (path: unknown, options: Options) => object;

/** Options with our calls; a FileHandle of ours becomes its descriptor, and is closed in its own way. */
function withCalls(calls: object, given: unknown): Options {
  const options: Options = typeof given === 'string' ? { encoding: given } : { ...(given as object) };
  options.fs ??= calls;
  const handle = options.fd as FileHandle | undefined;
  if (typeof handle !== 'object' || handle === null) return options;
  const close = (_fd: number, done: (error?: unknown) => void) => {
    handle.close().then(() => done(null), done);
  };
  return { ...options, fd: handle.fd, fs: Object.assign(Object.create(options.fs as object), { close }) };
}

/** `calls`: the adapter, whose open, read, write, writev, fsync and close the streams use when they come to them. */
export function streamCalls(calls: object) {
  class ReadStream extends (real.ReadStream as unknown as Constructor) {
    constructor(path: unknown, options?: unknown) {
      super(path, withCalls(calls, options));
    }
  }
  class WriteStream extends (real.WriteStream as unknown as Constructor) {
    constructor(path: unknown, options?: unknown) {
      super(path, withCalls(calls, options));
    }
  }
  return {
    ReadStream,
    WriteStream,
    createReadStream: (path: unknown, options?: unknown) => new ReadStream(path, options),
    createWriteStream: (path: unknown, options?: unknown) => new WriteStream(path, options),
  };
}
