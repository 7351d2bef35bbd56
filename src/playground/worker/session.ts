// One run in the worker, of a scene or of what a crash has left: its machine plays ahead of the reader, tells all records, and goes back to any step that is asked for.
//
// Verbs: open, at, sectors, close. The run is played in slices, between which the worker answers calls. Snapshots are taken on the way, so
// that going back replays a little; when there are too many, every second is dropped and the distance doubles.
// Invariant: a step that is played again has the hash of the first time, or the call fails.

import { RECORD_SIZE, ROOT_NOW, ROOT_RECORD_HASH, ROOT_RECORDS_MADE } from '../../../assembly/layout.ts';
import { SECTOR_SIZE } from '../../../assembly/limits.ts';
import { formatSize } from '../../core/size.ts';
import { type CreateMachine, openScene, type SceneRun, type SteppedRun } from '../scene/run.ts';
import type { Scene } from '../scene/types.ts';
import type { RunPart, Shape, Standing } from './protocol.ts';
import { shapeOf } from './shape.ts';
import { SnapshotRow } from './snapshot-row.ts';
import { StepRows } from './step-rows.ts';

/** Longest stretch without looking for messages, and longest time until a part is sent. */
const SLICE_MS = 20;
const PART_MS = 100;
/** Steps of the first part, which is sent at once, and steps between two looks at the clock. */
const FIRST_PART_STEPS = 256;
const STEPS_A_LOOK = 64;
/** How long the machine stands where it was asked to before it goes on ahead. */
const STANDING_MS = 150;

/** Where a run is left that does not end. */
export interface Caps {
  readonly steps: number;
  readonly records: number;
}
export const CAPS: Caps = { steps: 2_000_000, records: 1_500_000 };

const NO_CHAPTER = 65535;
const MOST_SECTORS = 131072;

export class Session<Played extends SteppedRun = SteppedRun> {
  readonly scene: Scene;
  readonly shape: Shape;
  readonly #run: Played;
  readonly #onPart: (part: RunPart) => void;
  readonly #caps: Caps;
  readonly #rows = new StepRows();
  readonly #snapshots: SnapshotRow;
  #isWhole = false;
  #isClosed = false;
  #standsSince = Number.NEGATIVE_INFINITY;
  #partSince = 0;
  #ended: (() => void) | undefined;
  /** Ends when the run is known to its end, or the session is closed. */
  readonly whole: Promise<void>;

  /** Plays `run` to its end, and closes its machine. */
  constructor(run: Played, onPart: (part: RunPart) => void, caps: Caps = CAPS) {
    this.scene = run.scene;
    this.#run = run;
    this.#onPart = onPart;
    this.#caps = caps;
    this.shape = shapeOf(run);
    this.#snapshots = new SnapshotRow(run.machine);
    this.#snapshots.add(0);
    this.whole = new Promise((resolve) => {
      this.#ended = resolve;
    });
    setTimeout(() => this.#slice());
  }

  /** Opens the scene's machine and begins to play it. Throws what the machine throws. */
  static async open(
    scene: Scene,
    create: CreateMachine,
    onPart: (part: RunPart) => void,
    caps: Caps = CAPS,
  ): Promise<Session<SceneRun>> {
    return new Session(await openScene(scene, create), onPart, caps);
  }

  /** Steps known so far. */
  get stepCount(): number {
    return this.#rows.count;
  }

  // ---- ahead ----

  #slice(): void {
    if (this.#isClosed || this.#isWhole) return;
    const now = performance.now();
    const standsForMs = now - this.#standsSince;
    if (standsForMs < STANDING_MS) {
      setTimeout(() => this.#slice(), STANDING_MS - standsForMs);
      return;
    }
    try {
      this.#toFrontier();
      this.#play(now + SLICE_MS);
    } catch (error) {
      this.#finish(`The run ended: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (!this.#isWhole) setTimeout(() => this.#slice());
  }

  #play(endMs: number): void {
    do {
      for (let count = 0; count < STEPS_A_LOOK; count++) {
        const cut = this.#whyCut();
        if (cut !== undefined || !this.#run.step()) {
          this.#finish(cut ?? this.#run.stuck);
          return;
        }
        this.#note();
      }
      if (this.#partSince === 0 && this.#rows.unsentSteps >= FIRST_PART_STEPS) this.#send();
    } while (performance.now() < endMs);
    if (performance.now() - this.#partSince >= PART_MS) this.#send();
  }

  #whyCut(): string | undefined {
    if (this.#rows.count >= this.#caps.steps)
      return `The run was left after ${this.#caps.steps.toLocaleString('en-US')} steps.`;
    if (this.#rows.recordCount >= this.#caps.records)
      return `The run was left after ${this.#caps.records.toLocaleString('en-US')} records.`;
    return undefined;
  }

  /** Notes the step that was just made. */
  #note(): void {
    const { machine, chapter } = this.#run;
    const { memory, exports } = machine.core;
    const root = exports.rootAddress();
    const made = memory.u64(root + ROOT_RECORDS_MADE);
    if (made - this.#rows.takenCount > machine.records.capacity / 2) this.#takeRecords();
    this.#rows.add(
      made,
      memory.u64(root + ROOT_NOW),
      chapter < 0 ? NO_CHAPTER : chapter,
      memory.words,
      (root + ROOT_RECORD_HASH) >>> 2,
    );
    this.#snapshots.offer(this.#rows.count);
  }

  #takeRecords(): void {
    const { records } = this.#run.machine;
    this.#rows.take(records.takeBytes());
    if (records.lost > 0)
      throw new Error(
        `a step made more than ${records.capacity.toLocaleString('en-US')} records, which take ${formatSize(records.capacity * RECORD_SIZE)}`,
      );
  }

  #finish(cutShort: string | undefined): void {
    this.#isWhole = true;
    this.#send(cutShort);
    this.#ended?.();
  }

  #send(cutShort?: string): void {
    this.#takeRecords();
    this.#partSince = performance.now();
    this.#onPart(this.#rows.part(this.#isWhole, cutShort));
  }

  /** Back to where playing ahead was left. */
  #toFrontier(): void {
    if (this.#run.stepCount !== this.#rows.count) this.#goTo(this.#rows.count);
  }

  // ---- back ----

  /**
   * The run, its machine standing behind `step` steps, 0 to all that are known. It is the caller's until the next await: look at it, clone
   * it, crash it, but let nothing happen in it. Throws RangeError, and an Error when the replay differs from the first time.
   */
  at(step: number): Played {
    if (this.#isClosed) throw new Error('the scene was closed');
    if (!Number.isInteger(step) || step < 0 || step > this.#rows.count)
      throw new RangeError(`step is ${step}; it must be a whole number from 0 to ${this.#rows.count}`);
    this.#standsSince = performance.now();
    this.#goTo(step);
    return this.#run;
  }

  #goTo(step: number): void {
    const run = this.#run;
    // what the ring holds of the frontier is taken before it is overwritten
    if (run.stepCount === this.#rows.count) {
      if (step === run.stepCount) return;
      this.#takeRecords();
    }
    this.#snapshots.restore(step, run.stepCount);
    while (run.stepCount < step && run.step());
    const expected = this.#rows.hashOf(step);
    const { recordHash } = run.machine;
    if (run.stepCount !== step || (expected !== undefined && expected !== recordHash))
      throw new Error(
        `a replay of seed ${this.shape.seed} to step ${step} has hash ${recordHash}, the first time it was ${expected}`,
      );
    run.machine.records.skip();
  }

  /** What the machine tells at a step. Throws as at. */
  stand(step: number): Standing {
    const { machine } = this.at(step);
    return {
      step,
      nowNs: machine.nowNs,
      recordHash: machine.recordHash,
      counters: machine.counters,
      uncertain: Array.from(
        { length: machine.driveCount },
        (_, drive) => machine.uncertainWrites(drive).length,
      ),
    };
  }

  /** Bytes of a drive at a step: what its backing holds, the volatile cache's newest included. Throws RangeError. */
  sectors(step: number, drive: number, sector: number, sectorCount: number): Uint8Array {
    const { machine } = this.at(step);
    const size = machine.blockDevice(drive).sectorCount;
    if (!(sector >= 0 && sectorCount >= 0 && sectorCount <= MOST_SECTORS && sector + sectorCount <= size))
      throw new RangeError(`sectors ${sector} and ${sectorCount} more are not on drive ${drive}`);
    const bytes = new Uint8Array(sectorCount * SECTOR_SIZE);
    machine.memory(drive).read(bytes, sector * SECTOR_SIZE);
    return bytes;
  }

  /** Ends playing and gives the machine up. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#snapshots.clear();
    this.#run.machine.close();
    this.#ended?.();
  }
}
