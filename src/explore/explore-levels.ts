// The levels of an exploration: the run of the workload, and runs of recovery on images that crashes left of it, each with its explorer and judge.
//
// Verbs: ExploreLevels: workload, recovery, rangeOf. Explaining goes back to them by their states.

import { CrashExplorer } from '../crash/explorer.ts';
import type { CrashImage } from '../crash/image.ts';
import type { CrashState } from '../crash/state.ts';
import type { CrashKind } from '../crash-kinds.ts';
import type { Machine } from '../machine.ts';
import type { Platform } from '../platform.ts';
import type { Resolved } from './explore-options.ts';
import { ImageMachine } from './images.ts';
import { type RecoverCall, RecoveryJudge } from './judge.ts';
import { PromiseRange } from './judge-promises.ts';
import type { Level, Levels } from './parts.ts';
import { type RecordedRun, recordOn } from './record.ts';
import { honestLog } from './search-honest.ts';
import type { StepRange } from './search-images.ts';
import { explorerOptions } from './search-options.ts';

export interface LevelsOptions<Value> {
  readonly platform: Platform;
  readonly recover: RecoverCall<Value>;
  readonly resolved: Resolved;
  readonly run: RecordedRun<Value>;
  readonly machines: ImageMachine;
  readonly adorn: ((machine: Machine) => void) | undefined;
}

/** Of a recovery's run: its log is short, and thousands are opened. */
const SMALL_LIMITS = { images: 65_536, visits: 65_536, payload: '256KiB' } as const;

export class ExploreLevels<Value> implements Levels<Value> {
  readonly promises: PromiseRange<Value>;
  readonly #options: LevelsOptions<Value>;
  readonly #byKind = new Map<CrashKind, Promise<Level<Value>>>();
  /** Of runs of recovery: the steps of the workload that count. */
  readonly #outer = new WeakMap<Level<Value>, StepRange>();
  #recorders: Promise<ImageMachine> | undefined;

  constructor(options: LevelsOptions<Value>) {
    this.#options = options;
    this.promises = new PromiseRange(options.run.recording.promises);
  }

  workload(crash: CrashKind): Promise<Level<Value>> {
    let level = this.#byKind.get(crash);
    if (level === undefined) {
      level = this.#level(this.#options.run, crash, undefined, undefined);
      this.#byKind.set(crash, level);
    }
    return level;
  }

  async recovery(level: Level<Value>, state: CrashState, given?: StepRange): Promise<Level<Value>> {
    const image = level.explorer.state(state);
    const range = this.#outer.get(level) ?? given ?? [image.firstStep, image.lastStep];
    const run = await this.recordRecovery(level, image, range, true);
    return this.recoveryLevel(run, level.crash, range);
  }

  /** Runs recovery on an image, and records it; `isNaming`: with the names of inodes, for words. */
  async recordRecovery(
    level: Level<Value>,
    image: CrashImage,
    [firstStep, lastStep]: StepRange,
    isNaming: boolean,
  ): Promise<RecordedRun<Value>> {
    const { platform, recover, resolved, adorn } = this.#options;
    this.#recorders ??= ImageMachine.prepare(platform, resolved.config, { isLogging: true, adorn });
    const recorders = await this.#recorders;
    const base = image.memory;
    const must = this.promises.must(lastStep);
    const may = this.promises.may(firstStep);
    return recordOn<Value>(
      {
        machine: recorders.open(base),
        base,
        baseHash: image.hash,
        imageConfig: resolved.config,
        isNaming,
      },
      ({ machine }) => recover({ machine, must, may, crash: level.crash }),
    );
  }

  /** The level of a recorded run of recovery. */
  async recoveryLevel(run: RecordedRun<Value>, crash: CrashKind, range: StepRange): Promise<Level<Value>> {
    const expected = run.result === undefined ? undefined : JSON.stringify(run.result);
    const level = await this.#level(run, crash, range, expected);
    this.#outer.set(level, range);
    return level;
  }

  async #level(
    run: RecordedRun<Value>,
    crash: CrashKind,
    outer: StepRange | undefined,
    expected: string | undefined,
  ): Promise<Level<Value>> {
    const { platform, recover, resolved, machines } = this.#options;
    const options = {
      ...explorerOptions(run.recording, resolved.model, crash),
      ...(outer === undefined ? {} : { limits: SMALL_LIMITS }),
    };
    const open: Level<Value>['open'] = (log) => CrashExplorer.on(platform, { ...options, log });
    const judge = new RecoveryJudge<Value>({
      machines,
      recover,
      promises: this.promises,
      crash,
      timeoutMs: resolved.timeoutMs,
      hasFiles: Boolean(resolved.config.volume),
      keepsState: resolved.depth > 0,
      outer,
      expected,
    });
    const { recording } = run;
    const log = crash === 'os' ? honestLog(recording.log) : recording.log;
    return {
      recording: { ...recording, log },
      explorer: await open(log),
      judge,
      crash,
      options,
      open,
    };
  }
}
