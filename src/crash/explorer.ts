// The explorer: every image that a crash may leave of a drive, counted, built one after the other, each distinct one known by its hash.
//
// Verbs: open, points, count, images, state, statesOf. It is an instance of the core of its own; the core decides what a state is,
// in which order they come and what is a new image.
// Invariant: one image exists at a time. One that is asked for its bytes later is built again.

import {
  CRASH_AT_POINT,
  CRASH_DISTINCT,
  CRASH_ENTRY_COUNT,
  CRASH_FIRST_POINT,
  CRASH_FIRST_VISIT,
  CRASH_HASH,
  CRASH_IMAGE,
  CRASH_IMAGE_STATES,
  CRASH_IS_EXHAUSTIVE,
  CRASH_LAST_POINT,
  CRASH_LOSS_CAPACITY,
  CRASH_LOSSES,
  CRASH_MEMORY_BYTES,
  CRASH_ORDINALS,
  CRASH_STATES,
  CRASH_STATES_BUILT,
  CRASH_STATES_LOG2,
  CRASH_UNCERTAIN,
  CRASH_VISIT_NEXT,
  CRASH_VISIT_ORDINAL,
  CRASH_VISIT_POINT,
  ROOT_BAD_FIELD,
} from '../../assembly/layout.ts';
import { SparseMemory } from '../backing/sparse-memory.ts';
import type { Core } from '../core/core.ts';
import type { CoreExports } from '../core/exports.ts';
import { parseSize } from '../core/size.ts';
import { ConfigError, check, StorageError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import { WriteLog } from '../write-log/entries.ts';
import { type LogInput, sourceOf } from '../write-log/source.ts';
import { type ExplorerCore, giveCore, takeCore } from './core-pool.ts';
import { CrashImage } from './image.ts';
import { type CrashPoint, type LoggedWrite, readPoints, readWrites, refusal } from './log-facts.ts';
import { type CrashExplorerOptions, crashConfig, describeCrashField, setDescriptors } from './options.ts';
import { type CrashLoss, type CrashState, readLosses, writeLosses } from './state.ts';

const EINVAL = -22;
const ENOMEM = -12;
const COPY_BYTES = 1048576;

/** How many states a crash point has. */
export interface CrashCount {
  /**
   * Candidate states, of which several may have the same image: exact up to 2^53, beyond that the nearest number, perhaps Infinity. Parts of writes that
   * change nothing in any of them are not counted, nor are equal bytes that come again over the same sectors.
   */
  readonly states: number;
  /** The logarithm of their number to the base 2. */
  readonly log2: number;
  /** States that are gone through: all of them, or the sample. */
  readonly visits: number;
  readonly isExhaustive: boolean;
  /** Writes that may be there or not. */
  readonly uncertain: number;
}

/** Which states to go through. */
export interface CrashImagesOptions {
  /** Indices of crash points, in this order. Default: all. */
  readonly points?: Iterable<number>;
  /** Only states whose image did not come before. Default false. */
  readonly newOnly?: boolean;
}

interface Figures {
  readonly entryCount: number;
  readonly distinct: number;
  readonly states: number;
}

/** The log as sparse memory, which the core can read. */
function logMemory(log: LogInput | WriteLog): SparseMemory {
  const source = log instanceof WriteLog ? log.source : sourceOf(log);
  if (source instanceof SparseMemory) return source;
  const memory = new SparseMemory(source.size);
  for (let offset = 0; offset < source.size; offset += COPY_BYTES) {
    const piece = new Uint8Array(Math.min(COPY_BYTES, source.size - offset));
    source.read(piece, offset);
    memory.write(piece, offset);
  }
  return memory;
}

/** Explores a write log. Make one with `CrashExplorer.open` of the package entry. */
export class CrashExplorer implements Disposable {
  readonly #from: ExplorerCore;
  readonly #core: Core;
  readonly #log: SparseMemory;
  readonly #image: SparseMemory;
  readonly #report: number;
  #points: readonly CrashPoint[] | undefined;
  #writes: readonly LoggedWrite[] | undefined;
  #counts = new Map<number, CrashCount>();
  /** Changes whenever an image is built. */
  #turn = 0;
  #isClosed = false;
  #figures: Figures | undefined;

  protected constructor(from: ExplorerCore, log: SparseMemory, image: SparseMemory) {
    const { core } = from;
    this.#from = from;
    this.#core = core;
    this.#log = log;
    this.#image = image;
    this.#report = core.call((exports) => exports.crashReport()) >>> 0;
  }

  /**
   * Opens an explorer. Throws ConfigError for an option out of its range, WriteLogError for a log that is damaged, StorageError
   * ENOMEM for one that does not fit into memory.
   */
  static async on(platform: Platform, options: CrashExplorerOptions): Promise<CrashExplorer> {
    const log = logMemory(options.log);
    const image = options.base?.fork() ?? new SparseMemory();
    if (options.size !== undefined) image.extend(parseSize(options.size, 'size'));
    const config = crashConfig(options);
    const from = await takeCore(platform, config);
    const { core, host } = from;
    setDescriptors(config, {
      log: host.add(log),
      base: options.base === undefined ? -1 : host.add(options.base.fork()),
      image: host.add(image),
    });
    core.seed = options.seed ?? 1;
    core.memory.bytes.set(config, core.exports.configAddress());
    const result = core.call((exports) => exports.crashOpen());
    const explorer = new CrashExplorer(from, log, image);
    if (result === 0) return explorer;
    const reason = explorer.#whyClosed(result, config);
    explorer.close();
    throw reason;
  }

  #whyClosed(result: number, config: Uint8Array): Error {
    const refused = refusal(this.#core.memory, this.#report);
    if (refused !== undefined) return refused;
    if (result === EINVAL) return describeCrashField(config, this.#core.root(ROOT_BAD_FIELD));
    const bytes = this.#core.memory.u64(this.#report + CRASH_MEMORY_BYTES);
    const hint =
      result === ENOMEM ? `the log needs more than 4 GiB of memory; ${bytes} bytes so far` : undefined;
    return new StorageError('crash', result, hint === undefined ? {} : { hint });
  }

  #call<T>(body: (exports: CoreExports) => T): T {
    if (this.#isClosed) throw new StorageError('crash', -9, { hint: 'the explorer is closed' });
    return this.#core.call(body);
  }

  #u32(field: number): number {
    return this.#core.memory.u32(this.#report + field);
  }

  #f64(field: number): number {
    return this.#core.memory.f64(this.#report + field);
  }

  /** What is known of a closed explorer as well. */
  #countAll(): Figures {
    return (
      this.#figures ?? {
        entryCount: this.#u32(CRASH_ENTRY_COUNT),
        distinct: this.#u32(CRASH_DISTINCT),
        states: this.#f64(CRASH_STATES_BUILT),
      }
    );
  }

  /** Entries of the log: steps count from 0 to here. */
  get entryCount(): number {
    return this.#countAll().entryCount;
  }

  /** The writes of the log that reach the media, in the order in which they were submitted. */
  get writes(): readonly LoggedWrite[] {
    this.#writes ??= this.#call(() => readWrites(this.#core.memory, this.#report));
    return this.#writes;
  }

  /** The steps at which the set of possible images changes. */
  points(): readonly CrashPoint[] {
    this.#points ??= this.#call(() => readPoints(this.#core.memory, this.#report, this.#log));
    return this.#points;
  }

  /** The crash point in whose range a step lies. Throws ConfigError for a step that the log has not. */
  pointAt(step: number): CrashPoint {
    const point = this.points().findLast((one) => one.step <= step);
    if (point === undefined || !Number.isInteger(step) || step > this.entryCount)
      throw new ConfigError('step', step, `a whole number from 0 to ${this.entryCount}`);
    return point;
  }

  /** The crash point of a mark: the first whose text is this. Undefined when there is none. */
  pointOfMark(text: string): CrashPoint | undefined {
    return this.points().find((point) => point.marks.includes(text));
  }

  /** The writes that are uncertain at a crash point. */
  uncertain(point: number): LoggedWrite[] {
    const { step } = this.#point(point);
    return this.writes.filter(
      (write) =>
        write.submitted <= step &&
        (write.durable ?? Number.POSITIVE_INFINITY) > step &&
        (write.failed ?? Number.POSITIVE_INFINITY) > step,
    );
  }

  #point(index: number): CrashPoint {
    const point = this.points()[index];
    if (point === undefined) throw new ConfigError('point', index, `from 0 to ${this.points().length - 1}`);
    return point;
  }

  #enter(point: number): void {
    if (this.#u32(CRASH_AT_POINT) === point) return;
    this.#point(point);
    check(
      'crash',
      this.#call((exports) => exports.crashPoint(point)),
    );
  }

  /** How many states a crash point has, by its index. */
  count(point: number): CrashCount {
    let count = this.#counts.get(point);
    if (count === undefined) {
      this.#enter(point);
      count = {
        states: this.#f64(CRASH_STATES),
        log2: this.#f64(CRASH_STATES_LOG2),
        visits: this.#f64(CRASH_ORDINALS),
        isExhaustive: this.#u32(CRASH_IS_EXHAUSTIVE) === 1,
        uncertain: this.#u32(CRASH_UNCERTAIN),
      };
      this.#counts.set(point, count);
    }
    return count;
  }

  /** True when every crash point has all its states gone through, not a sample. */
  get exhaustive(): boolean {
    return this.points().every(({ index }) => this.count(index).isExhaustive);
  }

  /** Distinct images built so far. */
  get distinct(): number {
    return this.#countAll().distinct;
  }

  /** States built so far, by `images`. */
  get states(): number {
    return this.#countAll().states;
  }

  /**
   * Goes through the states of crash points, building the image of each: in an order in which few sectors change, or in that of
   * the sample. Stop and go on whenever you like. Throws StorageError ENOSPC for more distinct images than `limits.images`.
   */
  *images(options: CrashImagesOptions = {}): Generator<CrashImage, void, undefined> {
    const points = options.points ?? this.points().map(({ index }) => index);
    for (const point of points) {
      const { visits } = this.count(point);
      for (let ordinal = 0; ordinal < visits; ordinal++) {
        this.#enter(point);
        const result = this.#call((exports) => exports.crashBuild(ordinal));
        this.#turn++;
        if (result < 0)
          throw new StorageError('crash', result, { hint: `at crash point ${point}; see limits.images` });
        if (result === 1 || options.newOnly !== true) yield this.#imageOf(point, ordinal, result === 1);
      }
    }
  }

  #imageOf(point: number, ordinal: number, isNew: boolean): CrashImage {
    const index = this.#u32(CRASH_IMAGE);
    const turn = this.#turn;
    let state: CrashState | undefined;
    const describe = () => {
      state ??= this.#describe(point, ordinal);
      return state;
    };
    return new CrashImage(this, {
      hash: this.#hash(),
      index,
      isNew,
      point: this.#point(point),
      describe,
      bytes: () => {
        if (this.#turn !== turn) this.#rebuild(describe());
        return this.#image;
      },
    });
  }

  #hash(): string {
    const { memory } = this.#core;
    return memory.hex64(this.#report + CRASH_HASH) + memory.hex64(this.#report + CRASH_HASH + 8);
  }

  /** What a state lacks; the image stays as it is. */
  #describe(point: number, ordinal: number): CrashState {
    this.#enter(point);
    const count = check(
      'crash',
      this.#call((exports) => exports.crashDescribe(ordinal)),
    );
    const losses = readLosses(this.#core.memory, this.#u32(CRASH_LOSSES), count);
    return { step: this.#point(point).step, losses };
  }

  #rebuild(state: CrashState): boolean {
    this.#enter(this.pointAt(state.step).index);
    const losses: readonly CrashLoss[] = state.losses;
    const limit = 'losses of writes that are uncertain there, as the model allows them';
    if (!Array.isArray(losses) || losses.length > this.#u32(CRASH_LOSS_CAPACITY))
      throw new ConfigError('state.losses', JSON.stringify(losses), limit);
    writeLosses(this.#core.memory, this.#u32(CRASH_LOSSES), losses);
    this.#turn++;
    const result = this.#call((exports) => exports.crashRebuild(losses.length));
    if (result === EINVAL) throw new ConfigError('state.losses', JSON.stringify(losses), limit);
    return check('crash', result) === 1;
  }

  /**
   * Builds the image of a state alone, without the seed, and counts nothing. Losses may be any that the model's pieces can have, also where
   * its order would not allow them together. Throws ConfigError for others.
   */
  state(state: CrashState): CrashImage {
    const isNew = this.#rebuild(state);
    const turn = this.#turn;
    return new CrashImage(this, {
      hash: this.#hash(),
      index: isNew ? undefined : this.#u32(CRASH_IMAGE),
      isNew,
      point: this.pointAt(state.step),
      describe: () => state,
      bytes: () => {
        if (this.#turn !== turn) this.#rebuild(state);
        return this.#image;
      },
    });
  }

  /** What is known of a distinct image by its index, 0 to distinct - 1: its hash, the first and the last crash point that it came from so far, and how many states have it. */
  facts(image: number): {
    readonly hash: string;
    readonly first: CrashPoint;
    readonly last: CrashPoint;
    readonly states: number;
  } {
    check(
      'crash',
      this.#call((exports) => exports.crashImage(image)),
    );
    return {
      hash: this.#hash(),
      first: this.#point(this.#u32(CRASH_FIRST_POINT)),
      last: this.#point(this.#u32(CRASH_LAST_POINT)),
      states: this.#u32(CRASH_IMAGE_STATES),
    };
  }

  /** The states that have a distinct image, by its index: different things missing, the same bytes. At most `limits.visits` states of all images are kept. */
  statesOf(image: number): CrashState[] {
    this.facts(image);
    const found = new Map<string, CrashState>();
    for (let visit = this.#u32(CRASH_FIRST_VISIT); visit !== 0; ) {
      check(
        'crash',
        this.#call((exports) => exports.crashVisit(visit)),
      );
      visit = this.#u32(CRASH_VISIT_NEXT);
      const state = this.#describe(this.#u32(CRASH_VISIT_POINT), this.#f64(CRASH_VISIT_ORDINAL));
      found.set(JSON.stringify(state), state);
    }
    return [...found.values()];
  }

  /** Lets go of the memory. Nothing can be built any more, nor asked but for how much there was. */
  close(): void {
    if (this.#isClosed) return;
    this.#figures = this.#countAll();
    this.#isClosed = true;
    giveCore(this.#from);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
