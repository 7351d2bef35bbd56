// The bytes of a trace in a browser: from any chunks, decompressed with DecompressionStream.
//
// Verbs: openWebSource, chunksOf. A browser takes gzip data of one member only.

import { damagedGzip, truncatedGzip } from './errors.ts';
import { type ByteStream, type Source, sourceOf } from './source.ts';

/** As openSource of Node, without paths. */
export function openWebSource(chunks: AsyncIterable<Uint8Array>, file: string): Promise<Source> {
  return sourceOf(chunks, file, gunzip);
}

/** What a file holds, as it is read. */
export async function* chunksOf(blob: Blob): AsyncGenerator<Uint8Array> {
  const reader = blob.stream().getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel();
  }
}

async function* gunzip(raw: ByteStream, file: string): AsyncGenerator<Uint8Array> {
  const unpacker = new DecompressionStream('gzip');
  const reader = unpacker.readable.getReader();
  const feeding = feed(raw, unpacker.writable.getWriter());
  // an error of the feeding side surfaces in the loop below
  feeding.catch(() => {});
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
    await feeding;
  } catch (error) {
    throw gzipError(error, file, raw.bytesRead);
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function feed(raw: ByteStream, writer: WritableStreamDefaultWriter<BufferSource>): Promise<void> {
  for await (const chunk of raw.copies()) await writer.write(chunk as Uint8Array<ArrayBuffer>);
  await writer.close();
}

/** Engines tell data that stops early by words, or by zlib's code. */
function gzipError(error: unknown, file: string, bytesRead: number): unknown {
  if (!(error instanceof Error)) return error;
  const code = 'code' in error ? String(error.code) : '';
  if (!(error instanceof TypeError) && !code.startsWith('Z_')) return error;
  return code === 'Z_BUF_ERROR' || /truncated|unexpected end/i.test(error.message)
    ? truncatedGzip(file, bytesRead, error)
    : damagedGzip(file, error.message, error);
}
