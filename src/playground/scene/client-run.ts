// One client of a scene that is played: what it does next, as soon as its depth, its batch and its syncs let it.
//
// Verbs: begin, act, collect; isDone, waitsUntilNs. A lot enters when so many places are free; a sync waits for what came before
// it and lets nothing begin before it ends, as a wait and a call do.
// Invariant: its fields are put back by a snapshot of the machine, so that a run goes on from it as the first time.

import { ConfigError } from '../../errors.ts';
import type { Machine } from '../../machine.ts';
import type { Port } from './clients/port.ts';
import { doMachineWork } from './machine-work.ts';
import type { Job } from './plan.ts';
import { type Ask, askAt, type RowPlace } from './rows.ts';
import type { Stamp } from './stamp.ts';
import type { MachineWork, NameWork, SceneMachine } from './types.ts';

export const MAX_DEPTH = 256;

/** Requests in flight at most, and requests of a lot. */
export function depthOf(client: { readonly depth?: number; readonly batch?: number }): {
  readonly depth: number;
  readonly batch: number;
} {
  const depth = client.depth ?? MAX_DEPTH;
  return { depth, batch: client.batch ?? (client.depth === undefined ? depth : 1) };
}

/** Follows what clients do; it changes nothing. `client`: its number in the scene. */
export interface RunWatcher {
  began(client: number, ask: Ask): void;
  /** `number`: of the request, as its ask has it. */
  ended(client: number, number: number, result: number): void;
  called(client: number, work: NameWork | MachineWork, result: number): void;
}

/** Where a client is in its chapter. */
interface Cursor {
  readonly chapter: number;
  /** Index of its job, of the request in the job's row, and number of requests begun. */
  job: number;
  index: number;
  number: number;
  inFlight: number;
  /** It is in a sync: nothing begins. */
  isSyncing: boolean;
  /** End of its wait. */
  waitsUntilNs: number | undefined;
}

export class ClientRun {
  readonly #machine: Machine;
  readonly #port: Port;
  readonly #plan: readonly (readonly Job[])[];
  readonly #depth: number;
  readonly #batch: number;
  readonly #options: SceneMachine;
  readonly #seed: number;
  readonly #index: number;
  readonly #round: number;
  #cursor: Cursor = newCursor(-1);
  /** Is told what the client does. */
  watcher: RunWatcher | undefined;
  /** Requests that have begun, ended, and failed, in the whole run. */
  submitted = 0;
  completed = 0;
  failed = 0;

  /** `plan`: its jobs by chapter; `index`: its number among the clients. */
  constructor(
    machine: Machine,
    port: Port,
    plan: readonly (readonly Job[])[],
    limits: { readonly depth: number; readonly batch: number },
    who: { readonly options: SceneMachine; readonly index: number; readonly round: number },
  ) {
    this.#machine = machine;
    this.#port = port;
    this.#plan = plan;
    this.#depth = limits.depth;
    this.#batch = limits.batch;
    this.#options = who.options;
    this.#seed = who.options.seed ?? 1;
    this.#index = who.index;
    this.#round = who.round;
    machine.timeline.keep(this, () => {
      const [cursor, submitted, completed, failed] = [
        { ...this.#cursor },
        this.submitted,
        this.completed,
        this.failed,
      ];
      return () => {
        this.#cursor = { ...cursor };
        this.submitted = submitted;
        this.completed = completed;
        this.failed = failed;
      };
    });
  }

  begin(chapter: number): void {
    this.#cursor = newCursor(chapter);
  }

  get #job(): Job | undefined {
    return this.#plan[this.#cursor.chapter]?.[this.#cursor.job];
  }

  /** Everything of the chapter has ended. */
  get isDone(): boolean {
    return this.#job === undefined && this.#cursor.inFlight === 0;
  }

  get inFlight(): number {
    return this.#cursor.inFlight;
  }

  /** When its wait ends; undefined: it is in none. */
  get waitsUntilNs(): number | undefined {
    return this.#cursor.waitsUntilNs;
  }

  /** Takes what has ended. Nothing happens in the machine. */
  collect(): void {
    const cursor = this.#cursor;
    if (cursor.inFlight === 0) return;
    for (const { number, result } of this.#port.reap()) {
      cursor.inFlight--;
      this.completed++;
      if (result < 0) this.failed++;
      this.watcher?.ended(this.#index, number, result);
    }
    if (cursor.inFlight === 0) cursor.isSyncing = false;
  }

  /** Does the next thing, if it may. False: it has nothing to do now. */
  act(): boolean {
    const cursor = this.#cursor;
    for (let job = this.#job; job !== undefined; job = this.#job) {
      if (job.kind === 'row') return !cursor.isSyncing && this.#enterLot();
      if (cursor.inFlight > 0) return false;
      if (job.kind === 'wait') {
        cursor.waitsUntilNs ??= this.#machine.nowNs + job.ns;
        if (this.#machine.nowNs < cursor.waitsUntilNs) return false;
        cursor.waitsUntilNs = undefined;
        this.#nextJob();
        continue;
      }
      this.#nextJob();
      if (job.kind === 'sync') this.#sync(job.op);
      else this.#call(job.work);
      return true;
    }
    return false;
  }

  #nextJob(): void {
    this.#cursor.job++;
    this.#cursor.index = 0;
  }

  #sync(op: Ask['op']): void {
    this.#cursor.isSyncing = true;
    this.#enter([{ op, offset: 0, length: 0, fua: false, number: this.#cursor.number++ }]);
  }

  #call(work: Extract<Job, { kind: 'call' }>['work']): void {
    const result =
      'path' in work ? (this.#port.call?.(work) ?? 0) : doMachineWork(this.#machine, this.#options, work);
    if (result < 0) this.failed++;
    this.watcher?.called(this.#index, work, result);
  }

  /** Lets the next lot enter, if there is room for all of it. */
  #enterLot(): boolean {
    const room = Math.min(this.#depth - this.#cursor.inFlight, this.#batch);
    const lot = this.#nextAsks(room);
    if (lot.length === 0 || (room < this.#batch && this.#hasMoreThan(room))) return false;
    const taken = this.#enter(lot);
    this.#skip(taken);
    return taken > 0;
  }

  /** The next requests of its rows, at most `most`. */
  #nextAsks(most: number): Ask[] {
    const { chapter, job, index, number } = this.#cursor;
    const place: RowPlace = { seed: this.#seed, client: this.#index, chapter };
    const asks: Ask[] = [];
    let at = index;
    for (let next = job; asks.length < most; next++, at = 0) {
      const one = this.#plan[chapter]?.[next];
      if (one?.kind !== 'row') break;
      for (; at < one.row.count && asks.length < most; at++)
        asks.push(askAt(one.row, at, number + asks.length, place));
    }
    return asks;
  }

  /** There are more than `count` requests before the next sync, wait, call or the end. */
  #hasMoreThan(count: number): boolean {
    return this.#nextAsks(count + 1).length > count;
  }

  #skip(count: number): void {
    const cursor = this.#cursor;
    cursor.number += count;
    let left = count;
    for (let job = this.#job; left > 0 && job?.kind === 'row'; job = this.#job) {
      const here = Math.min(left, job.row.count - cursor.index);
      cursor.index += here;
      left -= here;
      if (cursor.index === job.row.count) this.#nextJob();
    }
  }

  /** Hands requests to the port; how many of them it took. */
  #enter(asks: readonly Ask[]): number {
    const stampOf = ({ number }: Ask): Stamp => ({
      seed: this.#seed,
      client: this.#index,
      chapter: this.#cursor.chapter,
      request: number,
      round: this.#round,
    });
    let taken = 0;
    while (taken < asks.length) {
      const count = this.#port.submit(asks.slice(taken), stampOf);
      for (const ask of asks.slice(taken, taken + count)) this.watcher?.began(this.#index, ask);
      taken += count;
      this.#cursor.inFlight += count;
      this.submitted += count;
      if (count === 0) break;
    }
    if (taken === 0 && this.#cursor.inFlight === 0)
      throw new ConfigError('machine.buffers', 'too small', `room for a request of ${asks[0]?.length} bytes`);
    return taken;
  }
}

function newCursor(chapter: number): Cursor {
  return {
    chapter,
    job: 0,
    index: 0,
    number: 0,
    inFlight: 0,
    isSyncing: false,
    waitsUntilNs: undefined,
  };
}
