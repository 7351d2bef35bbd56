// A trace being read: pulls chunks, lets the format's decoder turn them into records, keeps errors in order.
//
// Verbs: next, close. Invariant: requests ahead of a fault are always delivered before the fault is thrown, and
// a reader that has failed keeps failing the same way.

import type { TraceBatch } from './batch.ts';
import type { Decoder, Entrance, FormatName, OffsetUnit, TraceFormat } from './decoder.ts';
import { TraceError } from './errors.ts';
import type { Recorder } from './recorder.ts';
import type { Source } from './source.ts';
import type { TraceTotals } from './totals.ts';

const NOTHING = new Uint8Array(0);

/** An open trace. Read it with `next` until that returns 0. */
export interface TraceReader {
  /** The path, or the `name` option, or `<stream>`. */
  readonly file: string;
  readonly format: FormatName;
  /** The format for people: "fio iolog version 3". */
  readonly formatTitle: string;
  /** Decompressed on the way, or not. */
  readonly compression: 'none' | 'gzip';
  /** Where such requests usually enter the stack. */
  readonly entrance: Entrance;
  readonly unit: OffsetUnit;
  /** False when the format has no times: every record then says 0, and the span is 0. */
  readonly hasClock: boolean;
  /** Devices or files met so far; a record's device is an index into this. Grows while reading. */
  readonly deviceNames: readonly string[];
  /** Live; final once `next` has returned 0. */
  readonly totals: TraceTotals;
  /** Bytes taken from the file as stored (compressed, if it is): progress against the file's size. */
  readonly bytesRead: number;
  /**
   * Replaces the content of `batch`; returns the number of records, 0 only at the end of the trace.
   *
   * @throws TraceError at the first line or record that is bad and may not be skipped, after the requests ahead
   * of it were delivered; every later call throws the same error.
   * @throws the reason of the AbortSignal once that is aborted.
   */
  next(batch: TraceBatch): Promise<number>;
  /** Lets go of the file. Needed only when not reading to the end; may be called twice. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The one implementation of TraceReader, for every format. */
export class StreamReader implements TraceReader {
  readonly #format: TraceFormat;
  readonly #recorder: Recorder;
  readonly #decoder: Decoder;
  readonly #source: Source;
  readonly #signal: AbortSignal | undefined;
  #chunk: Uint8Array = NOTHING;
  #position = 0;
  #state: 'open' | 'ended' | 'closed' = 'open';
  #isBusy = false;
  #failure: { error: unknown } | undefined;

  constructor(format: TraceFormat, recorder: Recorder, source: Source, signal: AbortSignal | undefined) {
    this.#format = format;
    this.#recorder = recorder;
    this.#decoder = format.create(recorder);
    this.#source = source;
    this.#signal = signal;
  }

  get file(): string {
    return this.#recorder.file;
  }
  get format(): FormatName {
    return this.#format.name;
  }
  get formatTitle(): string {
    return this.#format.title;
  }
  get compression(): 'none' | 'gzip' {
    return this.#source.compression;
  }
  get entrance(): Entrance {
    return this.#format.entrance;
  }
  get unit(): OffsetUnit {
    return this.#format.unit;
  }
  get hasClock(): boolean {
    return this.#format.ticksPerSecond > 0;
  }
  get deviceNames(): readonly string[] {
    return this.#recorder.deviceNames;
  }
  get totals(): TraceTotals {
    return this.#recorder.totals;
  }
  get bytesRead(): number {
    return this.#source.raw.bytesRead;
  }

  async next(batch: TraceBatch): Promise<number> {
    if (this.#isBusy) throw new Error('next was called while an earlier call was still running');
    if (batch.words.length === 0) throw new Error('the memory under the batch has been detached');
    this.#isBusy = true;
    try {
      batch.count = 0;
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#state === 'closed') throw new Error('next was called on a closed trace reader');
      if (this.#state === 'open') await this.#fill(batch);
      return batch.count;
    } finally {
      this.#isBusy = false;
    }
  }

  async close(): Promise<void> {
    if (this.#state === 'open') this.#state = 'closed';
    this.#chunk = NOTHING;
    this.#position = 0;
    await this.#source.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #fill(batch: TraceBatch): Promise<void> {
    this.#recorder.batch = batch;
    try {
      await this.#decode(batch);
    } catch (error) {
      this.#failure = { error };
      // Not awaited: a pipe that is waiting for its writer must not hold the message back.
      this.close().catch(() => {});
      // Only a fault of the trace waits its turn; an abort is told at once.
      if (batch.count === 0 || !(error instanceof TraceError)) throw error;
    }
  }

  async #decode(batch: TraceBatch): Promise<void> {
    while (batch.count < batch.capacity) {
      if (this.#position === this.#chunk.length) {
        this.#signal?.throwIfAborted();
        const chunk = await this.#source.content.pull();
        if (this.#state !== 'open') throw new Error('the trace reader was closed while next was running');
        if (chunk === undefined) {
          this.#end();
          return;
        }
        this.#chunk = chunk;
        this.#position = 0;
      }
      this.#position = this.#decoder.push(this.#chunk, this.#position, this.#chunk.length);
    }
  }

  #end(): void {
    this.#decoder.finish();
    const { requests, skipped } = this.totals;
    if (requests === 0 && skipped > 0) {
      const reasons = [...this.totals.skippedReasons]
        .map(([kind, { count }]) => `${kind} ${count}`)
        .join(', ');
      const reason = `not one readable request, ${skipped} bad ${this.#format.counts}s skipped: ${reasons}`;
      throw new TraceError('ERR_TRACE_EMPTY', this.file, reason);
    }
    this.#state = 'ended';
  }
}
