// Opens a trace in Node.
//
// Verbs: openTrace. Invariant: it either returns a reader that has a format, or throws and holds nothing open.

import { openSource } from './node-source.ts';
import { type OpenTraceOptions, openTraceOn } from './open-on.ts';
import type { TraceReader } from './reader.ts';

export type { OpenTraceOptions } from './open-on.ts';

const NAMING = '; --format NAME, or the option format, reads it as one of these regardless';

/**
 * Opens a trace file, or bytes from anywhere, plain or gzip, and finds its format from the first 64 KiB.
 *
 * Memory stays constant: the trace is read as `next` asks for it. A stream may reuse the buffer of one chunk
 * for the next.
 *
 * @throws TraceError ERR_TRACE_IO, ERR_TRACE_EMPTY, ERR_TRACE_FORMAT, ERR_TRACE_GZIP or ERR_TRACE_TRUNCATED.
 * @throws RangeError when skipBad or maxDevices is out of its range.
 * @example
 * const reader = await openTrace('hm_0.csv.gz');
 * const batch = new TraceBatch(1024);
 * while ((await reader.next(batch)) > 0) {
 *   for (let index = 0; index < batch.count; index++) console.log(batch.at(index));
 * }
 * console.log(reader.format, reader.totals.requests);
 */
export function openTrace(
  source: string | AsyncIterable<Uint8Array>,
  options: OpenTraceOptions = {},
): Promise<TraceReader> {
  const name = options.name ?? (typeof source === 'string' ? source : undefined);
  return openTraceOn((file) => openSource(source, file, options.signal), { ...options, name }, NAMING);
}
