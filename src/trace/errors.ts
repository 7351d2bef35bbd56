// The one error that trace readers raise, and how it words the place of the fault.
//
// Invariant: `message` always names the file, then the line or record where there is one, then the reason
// with the offending value; a caller can print it as it is.

/**
 * - `ERR_TRACE_IO`: the file cannot be opened or read.
 * - `ERR_TRACE_EMPTY`: no bytes, only blank lines, or not one readable request.
 * - `ERR_TRACE_FORMAT`: no supported format recognised, or the content contradicts the format named.
 * - `ERR_TRACE_LINE`: a bad line or record, beyond what `skipBad` allows.
 * - `ERR_TRACE_TRUNCATED`: gzip data or a binary record that stops in the middle.
 * - `ERR_TRACE_GZIP`: gzip data that does not decompress.
 * - `ERR_TRACE_DEVICES`: more devices or files than `maxDevices`.
 */
export type TraceErrorCode =
  | 'ERR_TRACE_IO'
  | 'ERR_TRACE_EMPTY'
  | 'ERR_TRACE_FORMAT'
  | 'ERR_TRACE_LINE'
  | 'ERR_TRACE_TRUNCATED'
  | 'ERR_TRACE_GZIP'
  | 'ERR_TRACE_DEVICES';

/** Where a fault is, in the decompressed content. Lines and records count from 1, bytes from 0. */
export interface TracePlace {
  line?: number;
  record?: number;
  byteOffset?: number;
}

/** A trace that cannot be read. `message` is `file: place: reason`. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly code: TraceErrorCode;
  /** The path, or the `name` option, or `<stream>`. */
  readonly file: string;
  /** What is wrong, with the offending value and the limit. */
  readonly reason: string;
  /** Line of a text trace, from 1. */
  readonly line: number | undefined;
  /** Record of a binary trace, from 1. */
  readonly record: number | undefined;
  /** Where that line or record starts in the decompressed content. */
  readonly byteOffset: number | undefined;

  constructor(
    code: TraceErrorCode,
    file: string,
    reason: string,
    place: TracePlace = {},
    options?: { cause: unknown },
  ) {
    super(`${file}: ${describe(place)}${reason}`, options);
    this.code = code;
    this.file = file;
    this.reason = reason;
    this.line = place.line;
    this.record = place.record;
    this.byteOffset = place.byteOffset;
  }
}

/** Text lines are found by number in an editor; binary records need the byte as well. */
function describe(place: TracePlace): string {
  if (place.line !== undefined) return `line ${place.line}: `;
  if (place.record !== undefined) return `record ${place.record} at byte ${place.byteOffset}: `;
  return '';
}

/** Gzip data that ends before it should. */
export function truncatedGzip(file: string, bytesRead: number, cause: unknown): TraceError {
  const reason = `the gzip data stops in the middle, after ${bytesRead} bytes: the file is truncated`;
  return new TraceError('ERR_TRACE_TRUNCATED', file, reason, {}, { cause });
}

export function damagedGzip(file: string, message: string, cause: unknown): TraceError {
  return new TraceError('ERR_TRACE_GZIP', file, `the gzip data is damaged: ${message}`, {}, { cause });
}
