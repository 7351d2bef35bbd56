// What a crash has left, as a run: it boots, and where that is asked for the scene's programs start again and go on.
//
// Verbs: SurvivorRun.step. Its chapters are those of the boot, then the scene's own from where the programs go on. A program that had begun before
// the crash finds its file by name; where the file is gone, it does nothing, and why is told.
// Invariant: a step is one event of the machine, or one thing that is begun; a snapshot of the machine puts the run back too.

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import { StorageError } from '../../errors.ts';
import type { Machine } from '../../machine.ts';
import { openPort } from '../scene/clients/index.ts';
import type { Port, PortPlace } from '../scene/clients/port.ts';
import { SceneRun, type SteppedRun } from '../scene/run.ts';
import type { Scene } from '../scene/types.ts';
import type { Survivor } from '../worker/plug-protocol.ts';
import type { FileShape } from '../worker/protocol.ts';
import { type BootChapter, bootChapters } from './boot-chapters.ts';
import type { Ledger } from './ledger.ts';
import { Reader } from './reader.ts';

/** What a survivor goes on with. */
export interface GoingOn {
  /** Index of the scene's chapter that its programs go on with; undefined: they do not, and what is left is read back in their place. */
  readonly chapter: number | undefined;
  /** The scene's chapter that had begun, and that programs go on with, when the crash came: a crash while it boots leaves them there. */
  readonly begunChapter: number;
  readonly nextChapter: number;
  /** How often the power was cut. */
  readonly round: number;
  /** What was asked for before the crash, and under which names files may be; the run's own. */
  readonly ledger: Ledger;
}

export class SurvivorRun implements SteppedRun {
  readonly machine: Machine;
  readonly scene: Scene;
  /** Chapters of the boot. */
  readonly bootCount: number;
  readonly #played: Scene;
  readonly #goesOn: GoingOn;
  readonly #survivor: Survivor;
  readonly #boot: readonly BootChapter[];
  readonly #reader: Reader;
  /** Has what it does told, once it begins: the rest of the scene. */
  readonly #onRest: (rest: SceneRun, stepsBefore: number) => void;
  readonly #refusals = new Map<number, string>();
  stepCount = 0;
  #chapter = 0;
  #act = 0;
  #rest: SceneRun | undefined;

  /** `machine`: what `crashUnmounted` has left of the scene's, nothing was done to it. */
  constructor(
    machine: Machine,
    scene: Scene,
    survivor: Survivor,
    goesOn: GoingOn,
    onRest: (rest: SceneRun, stepsBefore: number) => void = () => undefined,
  ) {
    this.machine = machine;
    this.#played = scene;
    this.#goesOn = goesOn;
    this.#survivor = survivor;
    this.#onRest = onRest;
    this.#reader = new Reader(machine);
    this.#boot = bootChapters(survivor, {
      hasCut: survivor.crash === 'power' && machine.records.made > 0,
      isXv6: scene.check === 'xv6-log',
      isRead: goesOn.chapter === undefined,
    });
    this.bootCount = this.#boot.length;
    this.scene = {
      ...scene,
      clients: goesOn.chapter === undefined ? [] : scene.clients,
      chapters: [
        ...this.#boot.map(({ told }) => told),
        ...(goesOn.chapter === undefined ? [] : scene.chapters.slice(goesOn.chapter)),
      ],
    };
    machine.timeline.keep(this, () => {
      const [stepCount, chapter, act, rest] = [this.stepCount, this.#chapter, this.#act, this.#rest];
      return () => {
        this.stepCount = stepCount;
        this.#chapter = chapter;
        this.#act = act;
        this.#rest = rest;
      };
    });
  }

  get ports(): readonly Port[] {
    return this.#rest?.ports ?? [];
  }

  get chapter(): number {
    if (this.#rest === undefined) return Math.min(this.#chapter, this.bootCount - 1);
    return this.bootCount + this.#rest.chapter - (this.#goesOn.chapter ?? 0);
  }

  get stuck(): string | undefined {
    return this.#rest?.stuck;
  }

  /** The scene's chapter that a program goes on with that starts again behind a crash at this step. */
  get nextChapter(): number {
    return this.#rest?.nextChapter ?? this.#goesOn.nextChapter;
  }

  /** The scene's chapter that has begun. */
  get begunChapter(): number {
    return Math.max(this.#rest?.chapter ?? -1, this.#goesOn.begunChapter);
  }

  get ledger(): Ledger {
    return this.#goesOn.ledger;
  }

  /** Of the xv6 log, the transactions that recovery finds. */
  get transactionsFound(): number {
    return this.#survivor.xv6?.transactions ?? 0;
  }

  /** Why programs could not go on, in words, with the core's own error. */
  get refusals(): readonly string[] {
    return [...this.#refusals.values()];
  }

  /** One step. False when there is nothing left to do. */
  step(): boolean {
    const hasStepped = (this.stepCount === 0 && this.machine.records.made > 0) || this.#stepBoot();
    if (!hasStepped && !this.#stepRest()) return false;
    this.stepCount++;
    return true;
  }

  #stepBoot(): boolean {
    if (this.#rest !== undefined) return false;
    for (; this.#chapter < this.bootCount; this.#chapter++, this.#act = 0) {
      const happened = this.machine.step();
      if (happened) {
        this.#reader.collect();
        this.machine.blockDevice(0).reap();
        return true;
      }
      const act = this.#boot[this.#chapter]?.acts[this.#act];
      if (act === undefined) continue;
      this.#act++;
      act({ machine: this.machine, reader: this.#reader });
      return true;
    }
    return false;
  }

  #stepRest(): boolean {
    const { chapter, round } = this.#goesOn;
    if (chapter === undefined) return false;
    if (this.#rest === undefined) {
      const open = (place: PortPlace, index: number) => this.#open(place, index);
      this.#rest = new SceneRun(this.machine, this.#played, { chapter, round, open });
      this.#onRest(this.#rest, this.stepCount);
    }
    return this.#rest.step();
  }

  /** A program that starts again opens the file that it had; one that had not begun opens what it would have opened. */
  #open(place: PortPlace, index: number): Port | undefined {
    const { target = '' } = place.client;
    const mustExist = target.startsWith('/') && target !== '/' && this.#hadBegun(index);
    const { fs } = this.#survivor.files === undefined ? { fs: undefined } : this.machine;
    const names = mustExist ? this.#goesOn.ledger.namesOf(target).toReversed() : [target];
    const name = names.find((one) => fs?.exists(one)) ?? names.at(-1) ?? target;
    try {
      const client = target === '' ? place.client : { ...place.client, target: name };
      return openPort({ ...place, client, mustExist });
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      if (this.#hasWork(index))
        this.#refusals.set(index, `${place.client.name} can not go on: ${error.message}`);
      return undefined;
    }
  }

  #worksIn(index: number, chapters: Scene['chapters']): boolean {
    const { clients } = this.#played;
    const { name } = clients[index] ?? {};
    return chapters.some(({ work }) => work.some(({ client = clients[0]?.name }) => client === name));
  }

  #hadBegun(index: number): boolean {
    return this.#worksIn(index, this.#played.chapters.slice(0, this.#goesOn.chapter));
  }

  #hasWork(index: number): boolean {
    return this.#worksIn(index, this.#played.chapters.slice(this.#goesOn.chapter));
  }
}

/** The files that came up, as records number them. */
export function namedFiles(scene: Scene, { files = [] }: Survivor, machine: Machine): FileShape[] {
  const { volume } = scene.machine;
  const drive = typeof volume === 'object' ? (volume.drive ?? 0) : 0;
  return files
    .filter(({ path }) => machine.fs.exists(path))
    .map(({ path, bytes }) => ({
      number: machine.volumeFileNumber(machine.fs.stat(path).inode),
      name: path,
      drive,
      pageCount: Math.ceil(bytes / PAGE_SIZE),
    }));
}
