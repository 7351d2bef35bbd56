// What a trace format has to bring: a row of facts and a decoder that turns its bytes into records.
//
// Verbs: create, push, finish. Invariant: a decoder never holds on to the chunk that it was given; what it
// needs of an unfinished line or record it copies, so the result does not depend on how the bytes were cut.

import type { Recorder } from './recorder.ts';

/** Formats by the name that `--format` takes. */
export type FormatName = 'fio-iolog-v2' | 'fio-iolog-v3' | 'msr-csv' | 'vscsi-v1' | 'vscsi-v2';
/** Way into the stack: application I/O through AIO, or block requests of a guest through virtio. */
export type Entrance = 'aio' | 'virtio';
/** Whether offsets and lengths may be any byte, or are whole 512-byte sectors. */
export type OffsetUnit = 'byte' | 'sector';

/** Bytes in, records out through the recorder that the decoder was made with. */
export interface Decoder {
  /**
   * Decodes bytes[start, end) until the batch is full or the bytes are used up; returns where it stopped.
   * The batch has room for a record when this is called.
   *
   * @throws TraceError at a line or record that is bad and may not be skipped.
   */
  push(bytes: Uint8Array, start: number, end: number): number;
  /** The content has ended: deals with an unfinished line or record. Writes at most one record. */
  finish(): void;
}

/** One row of the registry. */
export interface TraceFormat {
  readonly name: FormatName;
  /** For people: "fio iolog version 3". */
  readonly title: string;
  readonly entrance: Entrance;
  readonly unit: OffsetUnit;
  /** Clock ticks a second; 0 for a format without a clock. Divides 10^9. */
  readonly ticksPerSecond: number;
  /** What errors count: lines of text or binary records. */
  readonly counts: 'line' | 'record';
  /** Raw name in the trace → name shown; the raw one when absent. */
  readonly label?: (key: string) => string;
  readonly create: (recorder: Recorder) => Decoder;
}
