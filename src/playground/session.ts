// One run of the scene under the page's commands: the worker's whole logic, apart from the worker.
//
// Verbs: Session.handle. It opens the machine, steps it, plays it at a pace, and reports what happened.
// Invariant: the pace is the only thing that real time decides; what the machine is asked, and so its records, is the
// scene's alone. Rewinding opens a new machine and runs it to the place: the same seed gives the same run.

import type { Machine } from '../machine.ts';
import type { Command, Entry, Progress, Report, RunState } from './protocol.ts';
import type { Scene } from './scene.ts';
import { SceneRun } from './scene-run.ts';

const DEFAULT_STEPS_PER_SECOND = 4;
/** Longest stretch without looking for commands while playing without pauses. */
const SLICE_MS = 20;

export class Session {
  readonly #scene: Scene;
  readonly #open: () => Promise<Machine>;
  readonly #report: (report: Report) => void;
  #machine: Machine | undefined;
  #run: SceneRun | undefined;
  #entries: Entry[] = [];
  #recordCount = 0;
  #step = 0;
  #state: RunState = 'ready';
  #stepsPerSecond = DEFAULT_STEPS_PER_SECOND;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #queue: Promise<void> = Promise.resolve();

  constructor(scene: Scene, open: () => Promise<Machine>, report: (report: Report) => void) {
    this.#scene = scene;
    this.#open = open;
    this.#report = report;
  }

  /** Carries out a command after those before it. Every failure is reported, none is thrown. */
  handle(command: Command): Promise<void> {
    return this.#inTurn(() => this.#obey(command));
  }

  #inTurn(work: () => void | Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(work).catch((error: unknown) => {
      this.#halt();
      this.#report({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
    });
    return this.#queue;
  }

  async #obey(command: Command): Promise<void> {
    switch (command.type) {
      case 'load':
        return this.#load();
      case 'step':
        this.#halt();
        this.#advance();
        return this.#progress();
      case 'play':
        if (this.#state !== 'playing') this.#play();
        return this.#progress();
      case 'pause':
        this.#halt();
        return this.#progress();
      case 'speed':
        this.#stepsPerSecond = command.stepsPerSecond;
        if (this.#state === 'playing') this.#play();
        return;
      case 'seek':
        return this.#seek(command.step, command.chapter);
    }
  }

  async #load(): Promise<void> {
    this.#halt();
    this.#machine?.close();
    this.#machine = await this.#open();
    this.#run = new SceneRun(this.#machine, this.#scene);
    this.#state = 'ready';
    this.#entries = [];
    this.#recordCount = 0;
    this.#step = 0;
    this.#collect();
    this.#report({ type: 'loaded', ...this.#take() });
  }

  async #seek(step: number | undefined, chapter: number | undefined): Promise<void> {
    this.#halt();
    const isThere = (): boolean =>
      step !== undefined ? this.#step >= step : (this.#run?.chapter ?? 0) >= (chapter ?? 0);
    const isBehind = step !== undefined ? step < this.#step : (chapter ?? 0) <= (this.#run?.chapter ?? 0);
    if (isBehind) await this.#load();
    while (!isThere() && this.#advance());
    this.#progress();
  }

  #halt(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#state === 'playing') this.#state = 'paused';
  }

  #play(): void {
    if (this.#state === 'finished') return;
    clearTimeout(this.#timer);
    this.#state = 'playing';
    const pauseMs = this.#stepsPerSecond > 0 ? 1000 / this.#stepsPerSecond : 0;
    this.#timer = setTimeout(() => void this.#inTurn(() => this.#tick(pauseMs)), pauseMs);
  }

  #tick(pauseMs: number): void {
    if (this.#state !== 'playing') return;
    const end = performance.now() + SLICE_MS;
    let isGoing = this.#advance();
    while (isGoing && pauseMs === 0 && performance.now() < end) isGoing = this.#advance();
    this.#progress();
    if (isGoing) this.#play();
  }

  /** One step; false when the scene has ended. */
  #advance(): boolean {
    if (this.#run === undefined) throw new Error('no scene is loaded');
    if (!this.#run.step()) {
      this.#state = 'finished';
      return false;
    }
    if (this.#state === 'ready') this.#state = 'paused';
    this.#step++;
    this.#collect();
    return true;
  }

  #collect(): void {
    const chapter = this.#run?.chapter ?? -1;
    for (const record of this.#machine?.records.take() ?? []) {
      this.#entries.push({ number: ++this.#recordCount, step: this.#step, chapter, record });
    }
  }

  #take(): Progress {
    const machine = this.#machine;
    if (machine === undefined || this.#run === undefined) throw new Error('no scene is loaded');
    const entries = this.#entries;
    this.#entries = [];
    return {
      state: this.#state,
      chapter: this.#run.chapter,
      step: this.#step,
      eventCount: this.#run.eventCount,
      nowNs: machine.nowNs,
      recordHash: machine.recordHash,
      counters: machine.counters,
      entries,
    };
  }

  #progress(): void {
    this.#report({ type: 'progress', ...this.#take() });
  }
}
