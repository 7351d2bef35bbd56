// A run as far as it is known: its records, a row for each step, and the stack at any of them.
//
// Verbs: add, stateAt, recordAt; historyOf, factsOf; step facts: timeNs, hash, chapterOf, firstStepOf, recordsOf, stepOfRecord.
// Steps are counted as "steps made": 0 is before the first, stepCount behind the last. A scout folds what arrives and leaves checkpoints
// behind, so that any moment is a few thousand records away; the stack that is shown has a fold of its own, which goes on from where it is when
// that is nearer.
// Invariant: stateAt(step) is the fold of all records up to the end of that step, whatever was asked before.

import type { MachineRecord } from '../../records.ts';
import type { Scene } from '../scene/types.ts';
import type { FileShape, RunPart, Shape } from '../worker/protocol.ts';
import { Checkpoints } from './checkpoints.ts';
import { Column } from './columns.ts';
import type { HeldByDrive } from './drive-fold.ts';
import { type Facts, factsOf } from './facts.ts';
import { Fold, type SavedFold } from './fold.ts';
import { historyOf } from './history.ts';
import { RecordStore } from './record-store.ts';
import type { EntityKey, StackState } from './types.ts';

const NO_CHAPTER = 65535;

export class Run {
  #shape: Shape;
  readonly scene: Scene;
  /** Every step is known. */
  isWhole = false;
  /** Why the run was left before its end. */
  cutShort: string | undefined;
  readonly records = new RecordStore();
  readonly #recordEnds = new Column<Uint32Array>((length) => new Uint32Array(length));
  readonly #timesNs = new Column<Float64Array>((length) => new Float64Array(length));
  readonly #chapters = new Column<Uint16Array>((length) => new Uint16Array(length));
  readonly #hashes = new Column<BigUint64Array>((length) => new BigUint64Array(length));
  readonly #checkpoints = new Checkpoints();
  readonly #scout: Fold;
  #scoutStep = 0;
  #startNs = 0;
  readonly #fold: Fold;
  #foldStep = 0;
  #shown: StackState | undefined;
  /** The last answer of historyOf. */
  #history: { readonly key: EntityKey; readonly recordCount: number; readonly records: readonly number[] } = {
    key: '',
    recordCount: 0,
    records: [],
  };

  /** A run that begins where another has come to. Requests of clients are numbered anew, as nobody knows the earlier ones. */
  static behind(before: Run, shape: Shape): Run {
    const next = new Run(shape, before.scene, [], before.#scout.save());
    next.#startNs = before.timeNs(before.stepCount);
    return next;
  }

  /** `held`: what the drives have when the run begins; default nothing. `stack`: what else there is, and then theirs too. */
  constructor(
    shape: Shape,
    scene: Scene,
    held: readonly HeldByDrive[] = [],
    stack?: Pick<SavedFold, 'cache' | 'drives'>,
  ) {
    this.#shape = shape;
    this.scene = scene;
    this.#scout = new Fold(shape, held);
    this.#fold = new Fold(shape, held);
    if (stack !== undefined) {
      const saved = { ...this.#fold.save(), cache: stack.cache, drives: stack.drives };
      this.#scout.restore(saved);
      this.#fold.restore(saved);
    }
    this.#checkpoints.leave(0, 0, this.#fold);
  }

  get shape(): Shape {
    return this.#shape;
  }

  /** Steps known so far. */
  get stepCount(): number {
    return this.#recordEnds.count;
  }

  get recordCount(): number {
    return this.records.count;
  }

  add(part: RunPart): void {
    this.records.add(part.records);
    this.#recordEnds.add(part.recordEnds);
    this.#timesNs.add(part.timesNs);
    this.#chapters.add(part.chapters);
    this.#hashes.add(part.hashes);
    if (part.files !== undefined) this.#name(part.files);
    this.isWhole = part.isLast;
    this.cutShort = part.cutShort;
    while (this.#scoutStep < this.stepCount) {
      this.#scoutStep++;
      this.#play(this.#scout, this.#scoutStep);
      this.#checkpoints.offer(this.#scoutStep, this.#recordEnd(this.#scoutStep), this.#scout);
    }
  }

  #name(files: readonly FileShape[]): void {
    this.#shape = { ...this.#shape, files };
    this.#shown = undefined;
  }

  /** The stack behind `step` steps, 0 to stepCount: a new object for each moment, whose parts are good until the next. */
  stateAt(step: number): StackState | undefined {
    if (!Number.isInteger(step) || step < 0 || step > this.stepCount) return undefined;
    if (this.#shown?.step === step) return this.#shown;
    const near = this.#checkpoints.before(step);
    if (this.#foldStep > step || near.step > this.#foldStep) {
      this.#fold.restore(near.saved);
      this.#foldStep = near.step;
    }
    while (this.#foldStep < step) {
      this.#foldStep++;
      this.#play(this.#fold, this.#foldStep);
    }
    const [firstRecord, endRecord] = this.recordsOf(step);
    this.#shown = {
      shape: this.shape,
      step,
      nowNs: this.timeNs(step),
      chapter: this.chapterOf(step),
      ...this.#fold.state(this.timeNs(step)),
      firstRecord,
      endRecord,
    };
    return this.#shown;
  }

  #play(fold: Fold, step: number): void {
    fold.beginStep(step);
    const [first, end] = this.recordsOf(step);
    for (let number = first; number < end; number++) fold.apply(this.records.look(number));
    if (step === 1 && this.chapterOf(step) < 0) fold.endOpening();
  }

  /** Record number `index`, counted from 0. */
  recordAt(index: number): MachineRecord {
    return this.records.at(index);
  }

  /** Numbers of the records that concern a thing, in order, as far as the run is known. */
  historyOf(key: EntityKey): readonly number[] {
    if (this.#history.key !== key || this.#history.recordCount !== this.recordCount)
      this.#history = {
        key,
        recordCount: this.recordCount,
        records: historyOf(this.records, this.shape, key),
      };
    return this.#history.records;
  }

  /** What the thing is behind `step` steps; undefined when it is not there then. */
  factsOf(key: EntityKey, step: number): Facts | undefined {
    const state = this.stateAt(step);
    return state && factsOf(state, key);
  }

  /** Virtual time behind `step` steps. */
  timeNs(step: number): number {
    return step === 0 ? this.#startNs : this.#timesNs.at(step - 1);
  }

  /** Hash of all records by the end of a step, as the machine's `recordHash`; of step 0 none is known. */
  hash(step: number): string | undefined {
    return step === 0
      ? undefined
      : this.#hashes
          .at(step - 1)
          .toString(16)
          .padStart(16, '0');
  }

  /** Chapter of a step; -1 before the first. */
  chapterOf(step: number): number {
    const chapter = step === 0 ? NO_CHAPTER : this.#chapters.at(step - 1);
    return chapter === NO_CHAPTER ? -1 : chapter;
  }

  /** The first step of a chapter; undefined while it is not known. */
  firstStepOf(chapter: number): number | undefined {
    let [low, high] = [1, this.stepCount + 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.chapterOf(middle) >= chapter) high = middle;
      else low = middle + 1;
    }
    return low <= this.stepCount && this.chapterOf(low) === chapter ? low : undefined;
  }

  /** Numbers of the records of a step: the first, and behind the last. */
  recordsOf(step: number): readonly [first: number, end: number] {
    return [this.#recordEnd(step - 1), this.#recordEnd(step)];
  }

  #recordEnd(step: number): number {
    return step <= 0 ? 0 : this.#recordEnds.at(step - 1);
  }

  /** The step that made a record. */
  stepOfRecord(record: number): number {
    let [low, high] = [1, this.stepCount];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#recordEnd(middle) > record) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
