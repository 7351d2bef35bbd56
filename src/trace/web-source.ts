// The bytes of a trace in a browser: from any chunks, decompressed with pako.
//
// Verbs: openWebSource, chunksOf. pako is loaded when the first gzip data comes.
// Invariant: gzip data gives the bytes and the errors that it gives in Node: every member is read (pigz, bgzip, cat a.gz b.gz), zeros behind
// the last are padding, anything else is damage. The platform's DecompressionStream refuses what follows the first member and does not tell
// where that ended.

/// <reference path="./pako.d.ts" />

import type { Inflate } from 'pako/lib/inflate.js';
import { damagedGzip, truncatedGzip } from './errors.ts';
import { type ByteStream, type Source, sourceOf } from './source.ts';

/** As zlib has it: the largest window, and gzip data only. */
const WINDOW_BITS = 31;
const SYNC_FLUSH = 2;
/** What is unpacked at once: a thousand times as much may come of it. */
const PIECE_BYTES = 16384;
const UNPACKED_BYTES = 65536;

/** As openSource of Node, without paths. */
export function openWebSource(chunks: AsyncIterable<Uint8Array>, file: string): Promise<Source> {
  return sourceOf(chunks, file, gunzip);
}

/** What a file holds, as it is read. Throws the signal's reason, even while it waits for a chunk. */
export async function* chunksOf(blob: Blob, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted();
  const reader = blob.stream().getReader();
  const stop = (): void => void reader.cancel();
  signal?.addEventListener('abort', stop);
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener('abort', stop);
    await reader.cancel();
  }
}

async function* gunzip(raw: ByteStream, file: string): AsyncGenerator<Uint8Array> {
  const { default: pako } = await import('pako/lib/inflate.js');
  const unpacked: Uint8Array[] = [];
  const begin = (): Inflate => {
    const member = new pako.Inflate({ windowBits: WINDOW_BITS, chunkSize: UNPACKED_BYTES });
    member.onData = (bytes) => unpacked.push(bytes);
    member.onEnd = () => {};
    return member;
  };
  let member = begin();
  for await (const piece of piecesOf(raw)) {
    for (let rest = piece; rest.length > 0; ) {
      if (member.ended) {
        if (rest[0] === 0) return;
        member = begin();
      }
      const isGood = member.push(rest, SYNC_FLUSH);
      yield* unpacked.splice(0);
      if (!isGood) throw damagedGzip(file, member.strm.msg, undefined);
      rest = rest.subarray(rest.length - member.strm.avail_in);
    }
  }
  if (!member.ended) throw truncatedGzip(file, raw.bytesRead, undefined);
}

async function* piecesOf(raw: ByteStream): AsyncGenerator<Uint8Array> {
  for (let chunk = await raw.pull(); chunk !== undefined; chunk = await raw.pull())
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
}
