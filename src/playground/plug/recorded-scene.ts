// A scene played once more with a write log: what its clients were promised, and where each of its steps is in the log.
//
// Verbs: recordScene, recordRun, RecordedScene: logStepAt, sceneStepIn, rowsAt. Crash exploration counts entries of the log, the page counts steps of the
// scene. Playing with a log makes the same records as without.

import type { Machine } from '../../machine.ts';
import type { WriteLog } from '../../write-log/entries.ts';
import { machineOptions } from '../scene/machine-options.ts';
import { type CreateMachine, SceneRun } from '../scene/run.ts';
import { stampBytes } from '../scene/stamp.ts';
import type { Scene } from '../scene/types.ts';
import type { BytesOf } from './judge.ts';
import { EVERYTHING, Ledger, type LedgerRow } from './ledger.ts';

const STEPS_A_TURN = 4096;

/** Gives other work of this thread its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** The bytes that the writes of a scene carry. */
export function sceneBytes(scene: Scene): BytesOf {
  const seed = scene.machine.seed ?? 1;
  return ({ client, chapter, request, round = 0 }, offset, length) => {
    const bytes = new Uint8Array(length);
    stampBytes(bytes, offset, { seed, client, chapter, request, round });
    return bytes;
  };
}

/** What a ledger goes on from. */
export interface LedgerStart {
  readonly ledger: Ledger;
  /** How often the power was cut before. */
  readonly round: number;
  /** Steps that were made before the run's own. */
  readonly stepsBefore: number;
}

/** Keeps a ledger of what the clients of a run ask for. `onEnd` is told of each row that has ended. */
export function keepLedger(
  run: SceneRun,
  onEnd?: (row: LedgerRow) => void,
  { ledger, round, stepsBefore }: LedgerStart = { ledger: new Ledger(), round: 0, stepsBefore: 0 },
): Ledger {
  const now = (): number => stepsBefore + run.stepCount + 1;
  const open = new Map<string, number>();
  const { clients } = run.scene;
  run.watch({
    began(client, { op, offset, length, fua, number }) {
      if (op === 'read') return;
      const isSync = op === 'fsync' || op === 'fdatasync' || op === 'flush';
      const row = ledger.begin({
        client,
        chapter: run.chapter,
        round,
        request: number,
        op: isSync ? 'sync' : op,
        target: clients[client]?.target ?? 'drive0',
        offsetBytes: offset,
        lengthBytes: length,
        isForced: fua,
        begunStep: now(),
      });
      open.set(`${client} ${number}`, row);
    },
    ended(client, number, result) {
      const key = `${client} ${number}`;
      const row = open.get(key);
      if (row === undefined) return;
      open.delete(key);
      ledger.end(row, now(), result);
      onEnd?.(ledger.rows[row] as LedgerRow);
    },
    called(client, work, result) {
      if (work.op === 'rename' && work.to !== undefined && result >= 0)
        ledger.rename(work.path, work.to, now());
      if (work.op !== 'sync') return;
      const step = now();
      const row = ledger.begin({
        client,
        chapter: run.chapter,
        round,
        request: -1,
        op: 'sync',
        target: EVERYTHING,
        offsetBytes: 0,
        lengthBytes: 0,
        isForced: false,
        begunStep: step,
      });
      ledger.end(row, step, result);
      onEnd?.(ledger.rows[row] as LedgerRow);
    },
  });
  return ledger;
}

export class RecordedScene {
  readonly scene: Scene;
  readonly ledger: Ledger;
  readonly log: WriteLog;
  readonly bytesOf: BytesOf;
  /** Bytes of the log at the end of each step of the scene. */
  readonly #logBytes: readonly number[];
  /** Where each entry of the log begins. */
  readonly #entryStarts: readonly number[];

  constructor(scene: Scene, ledger: Ledger, log: WriteLog, logBytes: readonly number[]) {
    this.scene = scene;
    this.ledger = ledger;
    this.log = log;
    this.bytesOf = sceneBytes(scene);
    this.#logBytes = logBytes;
    // marks are of those who record with promises, and count as entries
    this.#entryStarts = Array.from(log.entries(), ({ offset }) => offset);
  }

  get stepCount(): number {
    return this.#logBytes.length;
  }

  /** Entries of the log behind `step` steps of the scene. */
  logStepAt(step: number): number {
    const bytes = step === 0 ? 0 : (this.#logBytes[Math.min(step, this.stepCount) - 1] ?? 0);
    return countBelow(this.#entryStarts, bytes);
  }

  /** The last step of the scene behind which the log had no more than `entries` entries: all that was acknowledged by then. */
  lastStepAt(entries: number): number {
    let low = 0;
    let high = this.stepCount;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.logStepAt(middle) <= entries) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The first step of the scene behind which the log had `first` to `last` entries; the nearest before them where there is none. */
  sceneStepIn(first: number, last: number): number {
    let low = 0;
    let high = this.stepCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.logStepAt(middle) < first) low = middle + 1;
      else high = middle;
    }
    return this.logStepAt(low) <= last ? low : Math.max(0, low - 1);
  }
}

/** How many of a sorted list are below `limit`. */
function countBelow(sorted: readonly number[], limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Plays a run on a machine with a write log to its end. `onEnd` as for keepLedger. */
export function recordRun(machine: Machine, scene: Scene, onEnd: (row: LedgerRow) => void): RecordedScene {
  const run = new SceneRun(machine, scene);
  const ledger = keepLedger(run, onEnd);
  const logBytes: number[] = [];
  while (run.step()) logBytes.push(machine.writeLog.bytes);
  return new RecordedScene(scene, ledger, machine.writeLog.snapshot(), logBytes);
}

/** Plays a scene with a write log, and gives way to other work now and then. */
export async function recordScene(scene: Scene, create: CreateMachine): Promise<RecordedScene> {
  const machine = await create({ ...machineOptions(scene), writeLog: true });
  try {
    const run = new SceneRun(machine, scene);
    const ledger = keepLedger(run);
    const logBytes: number[] = [];
    while (run.step()) {
      logBytes.push(machine.writeLog.bytes);
      if (logBytes.length % STEPS_A_TURN === 0) await nextTurn();
    }
    return new RecordedScene(scene, ledger, machine.writeLog.snapshot(), logBytes);
  } finally {
    machine.close();
  }
}
