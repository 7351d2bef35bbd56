// What the tests of the trace readers share: bytes as a stream, a trace read to its end, a fault caught.
//
// Verbs: utf8, pack, streamOf, cut, readTrace, faultOf, vscsiRecord. Invariant: nothing here repeats a rule of the readers.

import { gzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import {
  type OpenTraceOptions,
  openTrace,
  TraceBatch,
  TraceError,
  type TraceErrorCode,
  type TraceReader,
  type TraceRecord,
} from '../../../src/trace/index.ts';

/** Traces kept beside the repository; a test that needs them says so when they are not there. */
export const SHARED_TRACES = new URL('../../../../shared/traces/', import.meta.url);

export const NAME = 'some.trace';

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Gzip data, as bytes that `slice` copies (that of a Buffer does not). */
export function pack(content: string | Uint8Array): Uint8Array {
  return new Uint8Array(gzipSync(content));
}

export async function* streamOf(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** `bytes` in pieces whose sizes repeat `sizes`; each piece is a copy that is spoilt once the next is asked for. */
export async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let position = 0;
  for (let index = 0; position < bytes.length; index++) {
    const size = Math.max(1, sizes[index % sizes.length]!);
    const piece = bytes.slice(position, position + size);
    position += size;
    yield piece;
    piece.fill(0x58);
  }
}

/** Everything that a reader has to say about a trace. */
export interface WholeTrace {
  reader: TraceReader;
  records: TraceRecord[];
}

type Content = string | Uint8Array | AsyncIterable<Uint8Array>;

function open(content: Content, options: OpenTraceOptions): Promise<TraceReader> {
  const bytes = typeof content === 'string' ? utf8(content) : content;
  return openTrace(bytes instanceof Uint8Array ? streamOf(bytes) : bytes, { name: NAME, ...options });
}

/** Reads content (text, bytes or a stream) to its end. */
export async function readTrace(
  content: Content,
  options: OpenTraceOptions = {},
  capacity = 7,
): Promise<WholeTrace> {
  const reader = await open(content, options);
  const records: TraceRecord[] = [];
  await drain(reader, records, capacity);
  return { reader, records };
}

/** Reads on until the end, adding to `records`. */
export async function drain(reader: TraceReader, records: TraceRecord[], capacity = 7): Promise<void> {
  const batch = new TraceBatch(capacity);
  while ((await reader.next(batch)) > 0) {
    for (let index = 0; index < batch.count; index++) records.push(batch.at(index));
  }
}

/** The totals that two readings of the same requests must agree on. */
export function summary({ reader, records }: WholeTrace): unknown {
  const { totals } = reader;
  return {
    records,
    format: reader.format,
    names: reader.deviceNames,
    span: totals.spanSeconds,
    back: totals.timeGoesBack,
    end: totals.maxEndByte,
    skipped: [...totals.skippedReasons],
    notes: [...totals.notes],
  };
}

/** The TraceError that ends the reading, and what was delivered before it. */
export async function faultOf(
  content: Content,
  options: OpenTraceOptions = {},
): Promise<{ error: TraceError; records: TraceRecord[] }> {
  const records: TraceRecord[] = [];
  try {
    await drain(await open(content, options), records);
  } catch (error) {
    assert.instance(error, TraceError, String(error));
    return { error: error as TraceError, records };
  }
  return assert.unreachable('the trace was read without a fault') as never;
}

/** Checks code, place and message of a fault. `message` is all of it, or a pattern of it. */
export async function expectFault(
  content: Content,
  code: TraceErrorCode,
  message: string | RegExp,
  options: OpenTraceOptions = {},
): Promise<void> {
  const { error } = await faultOf(content, options);
  assert.is(error.code, code, error.message);
  assert.is(error.file, NAME);
  assert.ok(error.message.endsWith(error.reason), error.message);
  if (typeof message === 'string') assert.is(error.message, message);
  else assert.match(error.message, message);
}

/** One vscsi record to be encoded. */
export interface VscsiFields {
  opcode?: number;
  lengthBytes?: number;
  lbn?: bigint;
  micros?: bigint;
  serial?: number;
  /** All 16 bits of the version field. */
  versionField?: number;
}

/** A vscsi record, laid out as the format says: 32 bytes in version 1, 40 in version 2. */
export function vscsiRecord(version: 1 | 2, fields: VscsiFields = {}): Uint8Array {
  const {
    opcode = 0x28,
    lengthBytes = 4096,
    lbn = 8n,
    micros = 5633898368802n,
    serial = 0x800000f4,
  } = fields;
  const { versionField = version << 8 } = fields;
  const bytes = new Uint8Array(version === 1 ? 32 : 40);
  const view = new DataView(bytes.buffer);
  view.setUint32(version === 1 ? 0 : 4, serial, true);
  view.setUint32(version === 1 ? 4 : 8, lengthBytes, true);
  view.setUint32(version === 1 ? 8 : 12, 1, true);
  view.setUint16(version === 1 ? 12 : 0, opcode, true);
  view.setUint16(version === 1 ? 14 : 2, versionField, true);
  view.setBigUint64(16, lbn, true);
  view.setBigUint64(24, micros, true);
  if (version === 2) view.setBigUint64(32, 250n, true);
  return bytes;
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
