// Where the bytes of a log are: in an array, in sparse memory, in a file, in a machine that is still running.
//
// Verbs: sourceOf. Whatever has a size and can be read at an offset is a source; SparseMemory is one as it is.

import { ConfigError } from '../errors.ts';

/** Bytes that can be read at any offset. */
export interface LogSource {
  /** Bytes in it. */
  readonly size: number;
  /** Fills `target` with the bytes from `offset` on, which all lie inside. */
  read(target: Uint8Array, offset: number): void;
  /** What it is called in errors: a path. */
  readonly name?: string;
  /** Lets go of a file. */
  close?(): void;
}

/** What a log can be read from. */
export type LogInput = Uint8Array | LogSource;

/** A source over `input`. Throws ConfigError for what is none. */
export function sourceOf(input: LogInput): LogSource {
  if (input instanceof Uint8Array) {
    return {
      size: input.length,
      read: (target, offset) => target.set(input.subarray(offset, offset + target.length)),
    };
  }
  if (typeof input?.read !== 'function' || typeof input.size !== 'number')
    throw new ConfigError('source', input, 'a Uint8Array, a SparseMemory or a path (Node only)');
  return input;
}

/** Bytes [offset, offset + length) of a source. */
export function readBytes(source: LogSource, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  source.read(bytes, offset);
  return bytes;
}
