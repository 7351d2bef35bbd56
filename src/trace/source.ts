// The bytes of a trace: chunks that can be looked at before they are taken, decompressed when they are gzip.
//
// Verbs: ByteStream.pull, peek, copies, close; sourceOf. Where the chunks come from and who decompresses them is the platform's: node-source.ts, web-source.ts.
// Invariant: memory is a few chunks, whatever the size of the file.

import { isGzip } from './detect.ts';

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

/** Decompresses; throws TraceError for data that is damaged or stops early. */
export type Gunzip = (raw: ByteStream, file: string) => AsyncIterable<Uint8Array>;

/** The source of these chunks. */
export async function sourceOf(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  gunzip: Gunzip,
): Promise<Source> {
  const raw = new ByteStream(chunks);
  const isPacked = isGzip(await raw.peek(RAW_HEAD_BYTES));
  const content = isPacked ? new ByteStream(gunzip(raw, file)) : raw;
  const close = async () => {
    await Promise.all([content.close(), raw.close()]);
  };
  return { content, raw, compression: isPacked ? 'gzip' : 'none', close };
}
