// The bytes of a trace in Node: from a path or an async iterable, decompressed with zlib.
//
// Verbs: openSource. The only file of this folder that knows Node.
// Invariant: gzip data that stops early is an error and never an end.

import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { damagedGzip, TraceError, truncatedGzip } from './errors.ts';
import { type ByteStream, type Source, sourceOf } from './source.ts';

const CHUNK_BYTES = 262144;
/**
 * Opens a path or takes over an iterable.
 *
 * @throws TraceError ERR_TRACE_IO when the path cannot be opened or read.
 */
export function openSource(
  source: string | AsyncIterable<Uint8Array>,
  file: string,
  signal: AbortSignal | undefined,
): Promise<Source> {
  return sourceOf(typeof source === 'string' ? readFile(source, file, signal) : source, file, gunzip);
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
  return code === 'Z_BUF_ERROR'
    ? truncatedGzip(file, bytesRead, error)
    : damagedGzip(file, (error as Error).message, error);
}
