// What a trace held: counts, bytes, span, and everything that was passed over.
//
// Verbs: count (recorder.ts adds to the typed arrays), skip, note; the getters answer.
// Invariant: only delivered requests are counted; a skipped line shows in `skipped` and nowhere else.

import {
  TRACE_DATASYNC,
  TRACE_DISCARD,
  TRACE_FLUSH,
  TRACE_READ,
  TRACE_WRITE,
} from '../../assembly/layout.ts';

const OPERATIONS = TRACE_DATASYNC + 1;
const FIRST_LINES = 5;
/** Distinct notes kept: a hostile file must not grow the table by inventing words. */
const MAX_NOTES = 32;
const OTHER_NOTES = 'other remarks';

/** How often something happened, and the first five lines or records where it did. */
export interface Tally {
  count: number;
  readonly firstLines: number[];
}

/** Running totals of one reader: live while it reads, final once `next` has returned 0. */
export class TraceTotals {
  /** Requests by TRACE_* operation. Float64Array because counts may pass 2^32. */
  readonly countByOperation = new Float64Array(OPERATIONS);
  /** Bytes by TRACE_* operation. */
  readonly bytesByOperation = new Float64Array(OPERATIONS);
  /** Bad lines or records passed over, at most `skipBad`. */
  skipped = 0;
  /** Bad lines by kind of fault. */
  readonly skippedReasons = new Map<string, Tally>();
  /** Things worth telling that are no fault: ignored waits, unknown actions, a second header. */
  readonly notes = new Map<string, Tally>();
  /** Requests whose time is before that of the request just ahead of them. */
  timeGoesBack = 0;
  /** One past the last byte that a read, write or discard touches on any device. */
  maxEndByte = 0;
  /** Earliest and latest request, in ticks of the format. */
  minTicks = 0;
  maxTicks = 0;
  readonly #ticksPerSecond: number;

  /** `ticksPerSecond` is 0 for a format without a clock. */
  constructor(ticksPerSecond: number) {
    this.#ticksPerSecond = ticksPerSecond;
  }

  get requests(): number {
    return this.countByOperation.reduce((sum, count) => sum + count, 0);
  }
  get reads(): number {
    return this.countByOperation[TRACE_READ]!;
  }
  get writes(): number {
    return this.countByOperation[TRACE_WRITE]!;
  }
  get discards(): number {
    return this.countByOperation[TRACE_DISCARD]!;
  }
  /** Flushes and datasyncs together. */
  get flushes(): number {
    return this.countByOperation[TRACE_FLUSH]! + this.datasyncs;
  }
  /** The part of `flushes` that asked for data only. */
  get datasyncs(): number {
    return this.countByOperation[TRACE_DATASYNC]!;
  }
  get readBytes(): number {
    return this.bytesByOperation[TRACE_READ]!;
  }
  get writeBytes(): number {
    return this.bytesByOperation[TRACE_WRITE]!;
  }
  get discardBytes(): number {
    return this.bytesByOperation[TRACE_DISCARD]!;
  }
  /** Latest minus earliest request, in seconds; 0 without a clock. */
  get spanSeconds(): number {
    return this.#ticksPerSecond === 0 ? 0 : (this.maxTicks - this.minTicks) / this.#ticksPerSecond;
  }

  skip(kind: string, line: number): void {
    this.skipped++;
    tally(this.skippedReasons, kind, line);
  }

  note(remark: string, line: number): void {
    const isRoom = this.notes.has(remark) || this.notes.size < MAX_NOTES;
    tally(this.notes, isRoom ? remark : OTHER_NOTES, line);
  }
}

function tally(table: Map<string, Tally>, key: string, line: number): void {
  let entry = table.get(key);
  if (entry === undefined) {
    entry = { count: 0, firstLines: [] };
    table.set(key, entry);
  }
  entry.count++;
  if (entry.firstLines.length < FIRST_LINES) entry.firstLines.push(line);
}
