// The bytes of a trace: from a path or an async iterable, decompressed when they are gzip.
//
// Verbs: openSource, ByteStream.pull, peek, close. The only file of this folder that knows Node.
// Invariant: memory is a few chunks, whatever the size of the file; gzip data that stops early is an error
// and never an end.

import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { isGzip } from './detect.ts';
import { TraceError } from './errors.ts';

const CHUNK_BYTES = 262144;
/** Enough for two records of any binary format, to tell them from a gzip magic. */
const RAW_HEAD_BYTES = 128;

/** Chunks that can be looked at before they are taken. */
export class ByteStream {
  /** Bytes that came from the iterable so far. */
  bytesRead = 0;
  readonly #iterator: AsyncIterator<Uint8Array>;
  #waiting: Uint8Array | undefined;
  #isEnded = false;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#iterator = chunks[Symbol.asyncIterator]();
  }

  /** The next chunk, never empty; undefined at the end. */
  async pull(): Promise<Uint8Array | undefined> {
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      return waiting;
    }
    while (!this.#isEnded) {
      const { done, value } = await this.#iterator.next();
      if (done === true) {
        this.#isEnded = true;
        break;
      }
      if (!(value instanceof Uint8Array)) throw new TypeError('a chunk of a trace must be a Uint8Array');
      this.bytesRead += value.length;
      if (value.length > 0) return value;
    }
    return undefined;
  }

  /** At least `byteCount` bytes, fewer only where the stream ends; they stay to be pulled. */
  async peek(byteCount: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let total = 0;
    for await (const piece of this.copies()) {
      pieces.push(piece);
      total += piece.length;
      if (total >= byteCount) break;
    }
    const joined = new Uint8Array(total);
    let at = 0;
    for (const piece of pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    if (total > 0) this.#waiting = joined;
    return joined;
  }

  /** The chunks for a taker that holds several at a time: the iterable may reuse its buffer for the next one. */
  async *copies(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = await this.pull();
      if (chunk === undefined) return;
      yield new Uint8Array(chunk);
    }
  }

  /** Lets go of the file or the iterable. May be called twice. */
  async close(): Promise<void> {
    this.#isEnded = true;
    this.#waiting = undefined;
    await this.#iterator.return?.();
  }
}

/** The bytes of one trace. */
export interface Source {
  /** The content, decompressed. */
  readonly content: ByteStream;
  /** The bytes as stored; the same stream when nothing is compressed. */
  readonly raw: ByteStream;
  readonly compression: 'none' | 'gzip';
  /** Lets go of everything. May be called twice. */
  readonly close: () => Promise<void>;
}

/**
 * Opens a path or takes over an iterable.
 *
 * @throws TraceError ERR_TRACE_IO when the path cannot be opened or read.
 */
export async function openSource(
  source: string | AsyncIterable<Uint8Array>,
  file: string,
  signal: AbortSignal | undefined,
): Promise<Source> {
  const raw = new ByteStream(typeof source === 'string' ? readFile(source, file, signal) : source);
  const isPacked = isGzip(await raw.peek(RAW_HEAD_BYTES));
  const content = isPacked ? new ByteStream(gunzip(raw, file)) : raw;
  const close = async () => {
    await Promise.all([content.close(), raw.close()]);
  };
  return { content, raw, compression: isPacked ? 'gzip' : 'none', close };
}

async function* readFile(
  path: string,
  file: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: CHUNK_BYTES, ...(signal && { signal }) });
  } catch (error) {
    signal?.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    throw new TraceError('ERR_TRACE_IO', file, `cannot be read: ${reason}`, {}, { cause: error });
  }
}

async function* gunzip(raw: ByteStream, file: string): AsyncGenerator<Uint8Array> {
  const inflate = createGunzip({ chunkSize: CHUNK_BYTES });
  // An error of the feeding side destroys `inflate`, so it surfaces in the loop below.
  pipeline(raw.copies(), inflate).catch(() => {});
  try {
    yield* inflate;
  } catch (error) {
    throw gzipError(error, file, raw.bytesRead);
  }
}

function gzipError(error: unknown, file: string, bytesRead: number): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!code.startsWith('Z_')) return error;
  if (code === 'Z_BUF_ERROR') {
    const reason = `the gzip data stops in the middle, after ${bytesRead} bytes: the file is truncated`;
    return new TraceError('ERR_TRACE_TRUNCATED', file, reason, {}, { cause: error });
  }
  const reason = `the gzip data is damaged: ${(error as Error).message}`;
  return new TraceError('ERR_TRACE_GZIP', file, reason, {}, { cause: error });
}
