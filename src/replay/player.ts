// The replay player's host side: reads a trace, hands batches to the core, and returns to the event loop in between.
//
// Verbs: replay. The core decides order, lots and overlaps (assembly/replay/player.ts); here are only reading,
// the oracle's generations, time slices and the report.
// Invariant: what the core is given depends on the trace and the options alone, never on how long a slice took, so the
// same replay gives the same counters and the same record hash.

import {
  REPLAY_CONSUMED,
  REPLAY_ERROR_LINE,
  REPLAY_REQUESTS,
  REPLAY_THROUGH_AIO,
  REPLAY_THROUGH_BLUESTORE,
  REPLAY_THROUGH_USRBIO,
  REPLAY_THROUGH_VIRTIO,
  ROOT_REPLAY_GENERATIONS,
  ROOT_REPLAY_MIXED,
  ROOT_REPLAY_RECORDS,
  ROOT_REPLAY_STATE,
  TRACE_DEVICE,
  TRACE_DISCARD,
} from '../../assembly/layout.ts';
import { SECTOR_SIZE, VIRTIO_MAX_SECTORS } from '../../assembly/limits.ts';
import type { CoreExports } from '../core/exports.ts';
import { check, StorageError } from '../errors.ts';
import { Machine } from '../machine.ts';
import type { Platform } from '../platform.ts';
import { FORMATS, TraceBatch, type TraceReader } from '../trace/index.ts';
import {
  BATCH_RECORDS,
  BATCH_SECTORS,
  DATA_BYTES,
  type Entrance,
  type ReplayOptions,
  type ResolvedReplay,
  replayMachine,
  resolveReplay,
} from './options.ts';
import { type GenerationSink, Oracle, sectorsOf, WORDS_A_RECORD } from './oracle.ts';
import { buildReport, type Measured, measureDrives, type ReplayReport } from './report.ts';

const THROUGH: Readonly<Record<Entrance, number>> = {
  virtio: REPLAY_THROUGH_VIRTIO,
  aio: REPLAY_THROUGH_AIO,
  usrbio: REPLAY_THROUGH_USRBIO,
  bluestore: REPLAY_THROUGH_BLUESTORE,
};
/** A slice of work before the event loop runs again: half of the promised 50 ms. */
const SLICE_MS = 25;
/** Events of one call of the core: at first, and at most. More would save nothing, and the next event may cost more. */
const FEW_EVENTS = 4;
const MANY_EVENTS = 2048;
/** Why a replay can come to nothing. */
const STUCK = 'a request never ends; timeoutNs of the drive would end it with ETIMEDOUT';
const EDEADLK = -35;
/** In place of a count of records: the signal came first. */
const STOPPED = -1;

/** How far a replay is. */
export interface ReplayProgress {
  readonly requests: number;
  readonly bytesRead: number;
  readonly seconds: number;
}

export interface ReplayControl {
  /** Stops at the next slice; the report then covers what was done. */
  readonly signal?: AbortSignal;
  /** Called after each slice. */
  readonly onProgress?: (progress: ReplayProgress) => void;
}

/** A request that the entrance can not take: names file, line and reason. */
export class ReplayError extends Error {
  override readonly name = 'ReplayError';
  readonly code = 'ERR_REPLAY_REQUEST';
  readonly file: string;
  /** Line of a text trace or record of a binary one, from 1. */
  readonly line: number;

  /** `unit`: what the trace is counted in, as in the messages of its reader. */
  constructor(file: string, unit: 'line' | 'record', line: number, reason: string) {
    super(`${file}: ${unit} ${line}: ${reason}`);
    this.file = file;
    this.line = line;
  }
}

/**
 * Plays a trace through a machine. Throws TraceError for a bad trace, ReplayError for a request that the entrance can
 * not take, ConfigError for an option out of its range, StorageError when an image fails.
 */
export async function replay(
  platform: Platform,
  reader: TraceReader,
  options: ReplayOptions = {},
  control: ReplayControl = {},
): Promise<ReplayReport> {
  const config = resolveReplay(options, reader);
  const machine = await Machine.open(platform, replayMachine(config, options));
  try {
    for (const rule of options.faults ?? []) machine.faults.add(rule, '--fault');
    const run = new Run(machine, reader, config, control);
    const finished = await run.play();
    const reopened = config.reopen && !finished.interrupted ? await run.reopen(platform, options) : null;
    const interrupted = finished.interrupted || reopened?.interrupted === true;
    return buildReport(reader, config, machine, { ...finished, interrupted, reopened });
  } finally {
    machine.close();
    const closed = reader.close();
    // not awaited after a stop: the trace may be a pipe that never answers
    if (control.signal?.aborted === true) closed.catch(() => {});
    else await closed;
  }
}

class Run {
  readonly #machine: Machine;
  readonly #reader: TraceReader;
  readonly #config: ResolvedReplay;
  readonly #control: ReplayControl;
  readonly #oracle: Oracle;
  readonly #attached = new Set<number>();
  /** Events of the core in one call: grows and shrinks with the time that a call takes. */
  #eventLimit = FEW_EVENTS;
  #parseMs = 0;
  #coreMs = 0;
  #sliceStart = 0;
  #startMs = 0;

  constructor(machine: Machine, reader: TraceReader, config: ResolvedReplay, control: ReplayControl) {
    this.#machine = machine;
    this.#reader = reader;
    this.#config = config;
    this.#control = control;
    this.#oracle = new Oracle(config.seed);
  }

  async play(): Promise<Omit<Measured, 'reopened'>> {
    const { core } = this.#machine;
    check(
      'replay',
      core.call((exports) => exports.replayOpen(THROUGH[this.#config.through])),
    );
    this.#startMs = performance.now();
    this.#sliceStart = this.#startMs;
    const batch = new TraceBatch(BATCH_RECORDS);
    let interrupted = false;
    while (!interrupted) {
      const before = performance.now();
      const count = await this.#next(batch);
      this.#parseMs += performance.now() - before;
      if (count === 0) break;
      interrupted = count === STOPPED || (await this.#playBatch(batch));
    }
    interrupted ||= await this.#slices(
      (exports, events) => exports.replayDrain(events),
      (result) => this.#failure(result),
    );
    const atDrives = measureDrives(this.#machine, this.#reader.deviceNames.length);
    // an event of a sync is 4 MiB of pages: what the requests before it allowed is far too much
    this.#eventLimit = FEW_EVENTS;
    interrupted ||= await this.#slices((exports, events) => exports.replaySync(events), syncFailure);
    return {
      requests: this.#requests(),
      parseSeconds: this.#parseMs / 1000,
      coreSeconds: this.#coreMs / 1000,
      wallSeconds: (performance.now() - this.#startMs) / 1000,
      interrupted,
      atDrives,
    };
  }

  /** Fills the batch, or answers STOPPED as soon as the signal says so: a pipe may be silent for ever. */
  #next(batch: TraceBatch): Promise<number> {
    const signal = this.#control.signal;
    if (signal === undefined) return this.#reader.next(batch);
    if (signal.aborted) return Promise.resolve(STOPPED);
    return new Promise((resolve, reject) => {
      const stop = (): void => resolve(STOPPED);
      signal.addEventListener('abort', stop, { once: true });
      this.#reader
        .next(batch)
        .then(resolve, reject)
        .finally(() => signal.removeEventListener('abort', stop));
    });
  }

  #state(field: number): number {
    return this.#machine.core.memory.u64(this.#machine.core.root(ROOT_REPLAY_STATE) + field);
  }

  #requests(): number {
    return this.#state(REPLAY_REQUESTS);
  }

  #timed<T>(body: () => T): T {
    const before = performance.now();
    try {
      return body();
    } finally {
      this.#coreMs += performance.now() - before;
    }
  }

  /** Cuts the reader's batch into parts whose sectors fit, and plays each. True when the run was stopped. */
  async #playBatch(batch: TraceBatch): Promise<boolean> {
    let first = 0;
    while (first < batch.count) {
      let end = first;
      let sectors = 0;
      while (end < batch.count) {
        const more = sectorsOf(batch.words, end * WORDS_A_RECORD);
        if (end > first && sectors + more > BATCH_SECTORS) break;
        sectors += more;
        end++;
      }
      this.#load(batch, first, end, sectors);
      if (await this.#playLoaded(end - first)) return true;
      first = end;
    }
    return false;
  }

  /** Copies records [first, end) and their generations to the core. */
  #load(batch: TraceBatch, first: number, end: number, sectors: number): void {
    const { core } = this.#machine;
    const words = batch.words.subarray(first * WORDS_A_RECORD, end * WORDS_A_RECORD);
    core.memory.words.set(words, core.root(ROOT_REPLAY_RECORDS) >>> 2);
    if (this.#config.payload === 'none') return;
    for (let at = 0; at < words.length; at += WORDS_A_RECORD) {
      const device = (words[at] as number) >>> (TRACE_DEVICE * 8);
      // one that is not there is refused by the core when its turn comes
      if (this.#attached.has(device) || device >= this.#config.driveCount) continue;
      this.#machine.attachDrive(device);
      if (this.#machine.heldData(device)) this.#oracle.markUnknown(device);
      this.#attached.add(device);
    }
    // a request that is too large is refused by the core before its generations are looked at
    if (sectors > BATCH_SECTORS) return;
    const generations = core.root(ROOT_REPLAY_GENERATIONS);
    const mixed = core.root(ROOT_REPLAY_MIXED);
    const sink: GenerationSink = {
      generations: core.memory.words.subarray(generations >>> 2, (generations >>> 2) + BATCH_SECTORS),
      mixed: core.memory.bytes.subarray(mixed, mixed + BATCH_SECTORS * SECTOR_SIZE),
      count: 0,
      mixedCount: 0,
    };
    for (let at = 0; at < words.length; at += WORDS_A_RECORD) this.#oracle.apply(words, at, sink);
  }

  /** Runs the core over the loaded records. True when the run was stopped. */
  async #playLoaded(count: number): Promise<boolean> {
    const { core } = this.#machine;
    check(
      'replay',
      core.call((exports) => exports.replayBatch(count)),
    );
    return this.#slices(
      (exports, events) => exports.replayRun(events),
      (result) => this.#failure(result),
    );
  }

  /** Calls the core until it answers 0, with a turn of the event loop after each slice. True when the run was stopped. */
  async #slices(
    body: (exports: CoreExports, events: number) => number,
    failure: (result: number) => Error,
  ): Promise<boolean> {
    while (true) {
      const before = performance.now();
      const result = this.#timed(() => this.#machine.core.call((exports) => body(exports, this.#eventLimit)));
      const after = performance.now();
      if (result < 0) throw failure(result);
      this.#adjust(after - before);
      if (after - this.#sliceStart >= SLICE_MS && (await this.#breathe())) return true;
      if (result === 0) return false;
    }
  }

  /** Keeps one call of the core at about a quarter of a slice. */
  #adjust(tookMs: number): void {
    if (tookMs < SLICE_MS / 8) this.#eventLimit = Math.min(MANY_EVENTS, this.#eventLimit * 2);
    else if (tookMs > SLICE_MS / 3) this.#eventLimit = Math.max(1, this.#eventLimit >> 1);
  }

  async #breathe(): Promise<boolean> {
    this.#control.onProgress?.({
      requests: this.#requests(),
      bytesRead: this.#reader.bytesRead,
      seconds: (performance.now() - this.#startMs) / 1000,
    });
    await eventLoopTurn();
    this.#sliceStart = performance.now();
    return this.#control.signal?.aborted === true;
  }

  /** The record that stopped the core, in words. */
  #failure(result: number): Error {
    const line = this.#state(REPLAY_ERROR_LINE);
    const error = new StorageError('replay', result);
    const consumed = this.#machine.core.memory.u32(
      this.#machine.core.root(ROOT_REPLAY_STATE) + REPLAY_CONSUMED,
    );
    const at = (this.#machine.core.root(ROOT_REPLAY_RECORDS) >>> 2) + consumed * WORDS_A_RECORD;
    const length = this.#machine.core.memory.words[at + 1] ?? 0;
    const offset = this.#machine.core.memory.u64((at + 2) * 4);
    const operation = (this.#machine.core.memory.words[at] ?? 0) & 0xff;
    if (error.code === 'EINVAL') {
      const reason = `offset ${offset} and length ${length} are not whole sectors of ${SECTOR_SIZE} bytes`;
      return this.#refusal(line, `${reason}, which ${this.#whyWholeSectors(operation)}`);
    }
    if (error.code === 'EFBIG') return this.#refusal(line, this.#whyTooBig(operation, offset, length));
    if (error.code === 'ENODEV')
      return this.#refusal(line, this.#whyNoDrive((this.#machine.core.memory.words[at] ?? 0) >>> 16));
    if (error.code === 'EDEADLK') return new StorageError('replay', result, { hint: STUCK });
    if (error.code === 'EIO') return this.#refusal(line, 'the request failed with an I/O error');
    return error;
  }

  #refusal(line: number, reason: string): ReplayError {
    const { file, format } = this.#reader;
    const unit = FORMATS.find(({ name }) => name === format)?.counts ?? 'line';
    return new ReplayError(file, unit, line, reason);
  }

  #whyWholeSectors(operation: number): string {
    if (this.#config.through === 'virtio') return 'this entrance needs (--through aio takes bytes)';
    if (operation === TRACE_DISCARD) return 'a discard needs';
    return `cache mode ${this.#config.cacheMode} needs (writeback takes bytes)`;
  }

  /** Which of the core's bounds a request is over. */
  #whyTooBig(operation: number, offset: number, length: number): string {
    const { drive, driveBytes } = this.#config;
    if (offset + length > driveBytes) {
      const end =
        driveBytes === 2 ** 52
          ? '2^52 bytes'
          : `${driveBytes} bytes (--drive ${drive},size=… makes it larger)`;
      return `offset ${offset} with length ${length} ends past the drive's end, ${end}`;
    }
    if (operation !== TRACE_DISCARD)
      return `length ${length} is more than the ${DATA_BYTES} bytes that one replayed request may have`;
    return `length ${length} is more than the ${VIRTIO_MAX_SECTORS * SECTOR_SIZE} bytes that one virtio discard may have (--through aio takes more)`;
  }

  #whyNoDrive(device: number): string {
    const { drive, driveCount } = this.#config;
    return `device ${device + 1} of the trace is one more than the ${driveCount} ${drive.split(',')[0]} drives that a replay has`;
  }

  /** Opens what the run left in a new machine and reads every sector that was ever written. */
  async reopen(
    platform: Platform,
    options: ReplayOptions,
  ): Promise<{ sectors: number; mismatches: number; interrupted: boolean }> {
    const config = replayMachine(this.#config, options);
    const drives = (config.drives ?? []).map((drive, device) =>
      options.image === undefined && this.#attached.has(device)
        ? { ...drive, memory: this.#machine.memory(device) }
        : drive,
    );
    this.#machine.close();
    const { replay: _room, ...rest } = config;
    using machine = await Machine.open(platform, { ...rest, drives, records: false, buffers: 2097152 });
    let sectors = 0;
    let mismatches = 0;
    for (const range of this.#oracle.writtenRanges()) {
      machine.attachDrive(range.device);
      using file = machine.openFile(`drive${range.device}`, { readOnly: true });
      const bytes = file.read(range.count * SECTOR_SIZE, range.sector * SECTOR_SIZE);
      for (let index = 0; index < range.count; index++) {
        const got = bytes.subarray(index * SECTOR_SIZE, (index + 1) * SECTOR_SIZE);
        const expected = this.#oracle.expected(range.device, range.sector + index);
        if (expected === undefined) continue;
        sectors++;
        if (!isEqual(got, expected)) mismatches++;
      }
      if (performance.now() - this.#sliceStart >= SLICE_MS && (await this.#breathe()))
        return { sectors, mismatches, interrupted: true };
    }
    return { sectors, mismatches, interrupted: false };
  }
}

/** Lets timers, signals and I/O run. */
function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}

function syncFailure(result: number): Error {
  const stuck = result === EDEADLK ? `: ${STUCK}` : '';
  return new StorageError('fdatasync', result, { hint: `the final sync of the replay${stuck}` });
}

function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) {
    if (left[index] !== right[index]) return false;
  }
  return true;
}
