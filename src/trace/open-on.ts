// Opens a trace, whatever platform its bytes come from: decompression, format, reader.
//
// Verbs: openTraceOn. Invariant: it either returns a reader that has a format, or throws and holds nothing open.

import type { TraceFormat } from './decoder.ts';
import { detectFormat, HEAD_BYTES, refuseCompressed } from './detect.ts';
import { TraceError } from './errors.ts';
import { StreamReader, type TraceReader } from './reader.ts';
import { Recorder } from './recorder.ts';
import { FORMATS, formatNamed, formatNames } from './registry.ts';
import type { Source } from './source.ts';

const DEFAULT_MAX_DEVICES = 4096;
/** TRACE_DEVICE is 16 bits wide. */
const MAX_DEVICES = 65536;
const STREAM_NAME = '<stream>';

/** How to open a trace. */
export interface OpenTraceOptions {
  /** A `FormatName`, instead of detection. */
  format?: string | undefined;
  /** Bad lines or records that may be passed over and counted, 0 (default) to Infinity. */
  skipBad?: number | undefined;
  /** What errors call the trace; default: the path, or `<stream>`. */
  name?: string | undefined;
  /** Most devices or files in one trace, 1 to 65,536; default 4,096. */
  maxDevices?: number | undefined;
  /** Aborts reading: `next` then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/**
 * Opens what `open` gives: the platform's bytes. Throws as openTrace; `naming` is what that says of naming the format, where a caller can.
 */
export async function openTraceOn(
  open: (file: string) => Promise<Source>,
  options: OpenTraceOptions = {},
  naming = '',
): Promise<TraceReader> {
  const { skipBad = 0, maxDevices = DEFAULT_MAX_DEVICES, signal, name: file = STREAM_NAME } = options;
  if (!(skipBad >= 0) || (!Number.isInteger(skipBad) && skipBad !== Infinity)) {
    throw new RangeError(`skipBad ${skipBad} is not an integer of at least 0, nor Infinity`);
  }
  if (!Number.isInteger(maxDevices) || maxDevices < 1 || maxDevices > MAX_DEVICES) {
    throw new RangeError(`maxDevices ${maxDevices} is not an integer from 1 to ${MAX_DEVICES}`);
  }
  signal?.throwIfAborted();
  const named = options.format === undefined ? undefined : requireFormat(options.format, file);
  const opened = await open(file);
  try {
    const peeked = await opened.content.peek(HEAD_BYTES + 1);
    const head = peeked.subarray(0, HEAD_BYTES);
    const format = chooseFormat(named, head, peeked.length <= HEAD_BYTES, file, naming);
    return new StreamReader(format, new Recorder({ file, format, skipBad, maxDevices }), opened, signal);
  } catch (error) {
    // Not awaited: a pipe that is waiting for its writer must not hold the message back.
    opened.close().catch(() => {});
    throw error;
  }
}

function requireFormat(name: string, file: string): TraceFormat {
  const format = formatNamed(name);
  if (format !== undefined) return format;
  throw new TraceError('ERR_TRACE_FORMAT', file, `"${name}" is no format; there are ${formatNames()}`);
}

function chooseFormat(
  named: TraceFormat | undefined,
  head: Uint8Array,
  isWhole: boolean,
  file: string,
  naming: string,
): TraceFormat {
  if (head.length === 0) throw new TraceError('ERR_TRACE_EMPTY', file, 'the file is empty');
  const isText = named === undefined || named.counts === 'line';
  if (isText && isWhole && isBlank(head)) {
    throw new TraceError('ERR_TRACE_EMPTY', file, 'there is nothing in the file but blank lines');
  }
  if (named !== undefined) {
    const compressed = isText ? refuseCompressed(head) : undefined;
    if (compressed !== undefined) throw new TraceError('ERR_TRACE_FORMAT', file, compressed);
    return named;
  }
  const detection = detectFormat(head, isWhole);
  if ('format' in detection) return FORMATS.find(({ name }) => name === detection.format)!;
  throw new TraceError(
    'ERR_TRACE_FORMAT',
    file,
    `${detection.refusal} (supported: ${formatNames()}${naming})`,
  );
}

function isBlank(head: Uint8Array): boolean {
  return new TextDecoder().decode(head).trim() === '';
}
