// Plays a scene on a machine, one step at a time, in Node and in the worker alike.
//
// Verbs: openScene makes the machine and the run; SceneRun.step, finish, watch. A step is one event of the machine, or one thing that a client does: a lot
// of requests enters, a call is made. Clients are looked at in their order, and the machine goes on only when none has anything to do.
// A chapter ends when all its work has ended and the machine is idle; records of the opening, if any, are the first step.
// Invariant: whoever plays it, at whatever pace, the machine gets the same calls in the same order, so its records have the same hash.
// A snapshot of the machine puts the run back too.

import { formatSize } from '../../core/size.ts';
import { ConfigError } from '../../errors.ts';
import type { Machine } from '../../machine.ts';
import { MOST_MACHINE_BYTES } from './check-machine.ts';
import { ClientRun, depthOf, type RunWatcher } from './client-run.ts';
import { openPort } from './clients/index.ts';
import { NO_PORT, type Port, type PortPlace } from './clients/port.ts';
import { machineOptions } from './machine-options.ts';
import { longestOf, planScene } from './plan.ts';
import type { Scene } from './types.ts';

/** How a machine is made: `Machine.create` of the browser's entry, or what does the same in Node. */
export type CreateMachine = (options: ReturnType<typeof machineOptions>) => Promise<Machine>;

/** Opens the scene's machine and the run on it. Throws what the machine or a client throws. */
export async function openScene(scene: Scene, create: CreateMachine): Promise<SceneRun> {
  const machine = await create(machineOptions(scene));
  const { memoryBytes } = machine.core;
  try {
    if (memoryBytes > MOST_MACHINE_BYTES)
      throw new ConfigError(
        'machine',
        `${formatSize(memoryBytes)} of memory`,
        `at most ${formatSize(MOST_MACHINE_BYTES)}: cache, buffers, sharedMemory and limits together`,
      );
    return new SceneRun(machine, scene);
  } catch (error) {
    machine.close();
    throw error;
  }
}

/** What a session plays, step by step: a scene, or what a crash has left of one. */
export interface SteppedRun {
  readonly machine: Machine;
  readonly scene: Scene;
  /** Open entrances, one a client, as soon as there are any. */
  readonly ports: readonly Port[];
  /** Steps made. */
  readonly stepCount: number;
  /** Index of the chapter that is played; -1 before the first. */
  readonly chapter: number;
  /** Why it can not go on, in words. */
  readonly stuck: string | undefined;
  /** One step. False when there is nothing left to do. */
  step(): boolean;
}

/** Where a run begins that does not begin at the beginning. */
export interface SceneStart {
  /** Index of its first chapter. */
  readonly chapter: number;
  /** How often the power was cut before: its writes have other bytes than those before them. */
  readonly round: number;
  /** Opens a client's entrance; undefined: it can not be opened, and the client does nothing. */
  readonly open: (place: PortPlace, index: number) => Port | undefined;
}

const FROM_THE_START: SceneStart = { chapter: 0, round: 0, open: openPort };

export class SceneRun implements SteppedRun {
  readonly machine: Machine;
  readonly scene: Scene;
  readonly ports: readonly Port[];
  readonly clients: readonly ClientRun[];
  /** Steps made. */
  stepCount = 0;
  /** Index of the chapter that is played; before the first one of the run, the one before. */
  chapter: number;
  isFinished = false;
  /** Why it can not go on, in words. */
  stuck: string | undefined;
  /** Records that the machine had made before. */
  readonly #recordsBefore: number;

  /** `machine`: opened with machineOptions(scene), or a survivor of such a machine. */
  constructor(machine: Machine, scene: Scene, start = FROM_THE_START) {
    this.machine = machine;
    this.scene = scene;
    this.chapter = start.chapter - 1;
    this.#recordsBefore = start === FROM_THE_START ? 0 : machine.records.made;
    const plan = planScene(scene);
    const opened = scene.clients.map((client, index) => {
      const place = {
        machine,
        client,
        ...depthOf(client),
        longestBytes: longestOf(plan, index),
        earlierCount: scene.clients.slice(0, index).filter(({ entrance }) => entrance === client.entrance)
          .length,
      };
      return start.open(place, index);
    });
    this.ports = opened.map((port) => port ?? NO_PORT);
    this.clients = this.ports.map(
      (port, index) =>
        new ClientRun(
          machine,
          port,
          plan.map((chapter) => (opened[index] === undefined ? [] : (chapter[index] ?? []))),
          depthOf(scene.clients[index] ?? {}),
          { options: scene.machine, index, round: start.round },
        ),
    );
    machine.timeline.keep(this, () => {
      const { stepCount, chapter, isFinished, stuck } = this;
      return () => {
        this.stepCount = stepCount;
        this.chapter = chapter;
        this.isFinished = isFinished;
        this.stuck = stuck;
      };
    });
  }

  /** Has all that clients do from now on told. */
  watch(watcher: RunWatcher): void {
    for (const client of this.clients) client.watcher = watcher;
  }

  /** One step. False when there is nothing left to do. */
  step(): boolean {
    while (!this.isFinished) {
      const isOpening = this.stepCount === 0 && this.machine.records.made > this.#recordsBefore;
      if (isOpening || this.#act() || this.#letHappen()) {
        for (const client of this.clients) client.collect();
        this.stepCount++;
        return true;
      }
      this.#endChapter();
    }
    return false;
  }

  /** The chapter that a program goes on with that starts again: the one that it had begun, unless all of that is done. */
  get nextChapter(): number {
    return this.clients.every(({ isDone }) => isDone) ? this.chapter + 1 : this.chapter;
  }

  /** The chapter that has begun. */
  get begunChapter(): number {
    return this.chapter;
  }

  /** Steps to the end. */
  finish(): void {
    while (this.step());
  }

  /** The first client that may do something does it. */
  #act(): boolean {
    return this.clients.some((client) => client.act());
  }

  /** One event of the machine, or the passing of a client's wait. */
  #letHappen(): boolean {
    let untilNs: number | undefined;
    for (const { waitsUntilNs } of this.clients)
      if (waitsUntilNs !== undefined && (untilNs === undefined || waitsUntilNs < untilNs))
        untilNs = waitsUntilNs;
    if (untilNs === undefined) return this.machine.step();
    const before = this.machine.nowNs;
    return this.machine.stepUntil(untilNs) || this.machine.nowNs > before;
  }

  /** Begins the next chapter, or ends. */
  #endChapter(): void {
    const waiting = this.clients.reduce((sum, { inFlight }) => sum + inFlight, 0);
    if (waiting > 0) {
      this.stuck = `${waiting} request${waiting === 1 ? '' : 's'} can not end: nothing is left to happen that could end them`;
      this.isFinished = true;
      return;
    }
    this.isFinished = this.chapter + 1 >= this.scene.chapters.length;
    if (this.isFinished) return;
    this.chapter++;
    for (const client of this.clients) client.begin(this.chapter);
  }
}
