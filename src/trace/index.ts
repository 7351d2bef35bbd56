// Readers of block-I/O traces: the public names of this folder, re-exported and nothing else.
//
// open.ts finds the format and opens it; reader.ts turns bytes into batches; a format is one file
// (fio-iolog, msr-csv, vscsi) plus a row in registry.ts plus its signature in detect.ts.

export { TraceBatch, type TraceRecord } from './batch.ts';
export type { Entrance, FormatName, OffsetUnit } from './decoder.ts';
export { TraceError, type TraceErrorCode, type TracePlace } from './errors.ts';
export { type OpenTraceOptions, openTrace } from './open.ts';
export type { TraceReader } from './reader.ts';
export { FORMATS } from './registry.ts';
export type { Tally, TraceTotals } from './totals.ts';
