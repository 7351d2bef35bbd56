// The plug panel's own state: what is at stake at the cursor, what the reader lets survive, what came up.
//
// Verbs: look, pull, choose, setKept, boot, playRest, tryAll, back, toBefore. Modes: idle (the plug is in), choosing, booting, survivor.
// What a crash has left is a run of its own, in which the plug can be pulled again. Invariant: a stake is of the run and the moment it names; when the cursor moves on, the choice is over.

import { batch, computed, effect, signal } from '@preact/signals';
import { proxy } from 'comlink';
import type { CrashKind } from '../../../crash-kinds.ts';
import { backToBefore, backToScene, engine, pause, play, seek, showBoot, tell } from '../../actions.ts';
import { closeSheet } from '../../shell/view.ts';
import { aftermath, cursor, fates, run, scene, stack } from '../../state.ts';
import type { Stake, Survivor, Tally } from '../../worker/plug-protocol.ts';
import { choiceCount, fatesOf, keptBy, type Preset } from './choice.ts';

export type PlugMode = 'idle' | 'choosing' | 'booting' | 'survivor';

export const mode = signal<PlugMode>('idle');
export const stake = signal<Stake | undefined>(undefined);
export const crash = signal<CrashKind>('power');
/** Bytes of a unit that writes tear in; 0: they do not. */
export const tearing = signal(0);
export const drive = signal(0);
export const kept = signal<readonly boolean[]>([]);
export const preset = signal<Preset | undefined>('none');
export const randomSeed = signal(1);
/** What a killed process or a volume that is refused has left: it does not boot, so it is no run. */
const unbooted = signal<Survivor | undefined>(undefined);
export const survivor = computed(() => aftermath.value?.survivor ?? unbooted.value);
/** Of all choices at this moment. */
export const allTally = signal<Tally | undefined>(undefined);
export const isTryingAll = signal(false);

/** The engine's number of the run that is shown; 0: the scene's. */
function runNumber(): number {
  return aftermath.value?.number ?? 0;
}

/** The stake of the moment that is shown, once it is known. */
export const stakeNow = computed(() => {
  const known = stake.value;
  const isNow =
    known?.after === runNumber() &&
    known.step === cursor.value &&
    known.drive === drive.value &&
    known.tearing === tearing.value;
  return isNow ? known : undefined;
});

/** Asks what is at stake at the cursor, unless that is known; of a drive that has something at stake, unless the reader has chosen one. */
export async function look(isDriveChosen = false): Promise<void> {
  if (stakeNow.value !== undefined || run.value === undefined) return;
  const [step, opened] = [cursor.value, run.value];
  try {
    const told = await engine.stake(step, drive.value, tearing.value, runNumber());
    if (run.value !== opened || cursor.value !== step) return;
    const busy = told.driveCounts.findIndex((count) => count > 0);
    if (!isDriveChosen && told.writes.length === 0 && busy >= 0) {
      drive.value = busy;
      await look();
      return;
    }
    batch(() => {
      stake.value = told;
      kept.value = keptBy(preset.value ?? 'none', told.writes, randomSeed.value);
    });
  } catch (error) {
    if (run.value === opened) tell(error);
  }
}

/** The panel begins anew where the scene or the moment is another. */
effect(() => {
  run.value;
  cursor.value;
  // what has come up is told at each moment of its run
  if (mode.peek() === 'idle' || (mode.peek() === 'survivor' && aftermath.value !== undefined)) return;
  if (mode.peek() !== 'booting' && stakeNow.peek() === undefined) reset();
});

effect(() => {
  scene.value;
  drive.value = 0;
  stake.value = undefined;
});

function reset(): void {
  batch(() => {
    mode.value = aftermath.peek() === undefined ? 'idle' : 'survivor';
    unbooted.value = undefined;
    allTally.value = undefined;
    preset.value = 'none';
  });
}

effect(() => {
  const [shown, now] = [stack.value, stakeNow.value];
  const isChosen = mode.value === 'choosing' || mode.value === 'booting';
  const isChoosing = isChosen && shown !== undefined && now !== undefined;
  fates.value = isChoosing ? fatesOf(shown, now, crash.value, kept.value) : new Map();
});

/** Stops time, and lets the reader choose. */
export async function pull(): Promise<void> {
  pause();
  await look();
  if (stakeNow.value !== undefined) mode.value = 'choosing';
}

export function choose(next: Preset): void {
  const now = stakeNow.value;
  if (now === undefined) return;
  batch(() => {
    if (next === 'random' && preset.value === 'random') randomSeed.value++;
    preset.value = next;
    kept.value = keptBy(next, now.writes, randomSeed.value);
    mode.value = 'choosing';
  });
}

/** Lets choices `first` to `first + count - 1` survive, or not. */
export function setKept(first: number, count: number, isKept: boolean): void {
  batch(() => {
    preset.value = undefined;
    kept.value = kept.value.map((was, index) => (index >= first && index < first + count ? isKept : was));
  });
}

export async function setTearing(unit: number): Promise<void> {
  batch(() => {
    tearing.value = unit;
    allTally.value = undefined;
  });
  await look();
}

export async function setDrive(index: number): Promise<void> {
  drive.value = index;
  await look(true);
}

/** Crashes, and boots what is left. */
export async function boot(): Promise<void> {
  const now = stakeNow.value;
  const opened = run.value;
  if (now === undefined || opened === undefined) return;
  mode.value = 'booting';
  const { step } = now;
  try {
    const request = {
      step,
      crash: crash.value,
      drive: now.drive,
      tearing: now.tearing,
      kept: [...kept.value],
      after: now.after,
    };
    const [came, booted] = [await engine.cut(request), await engine.boot(request)];
    if (run.value !== opened || mode.value !== 'booting') return;
    if (cursor.value !== step) {
      reset();
      return;
    }
    batch(() => {
      mode.value = 'survivor';
      if (booted === undefined) unbooted.value = came;
      else showBoot(booted, { survivor: came, stake: now, request, before: { run: opened, step } });
    });
    if (booted !== undefined) watch();
  } catch (error) {
    mode.value = 'choosing';
    tell(error);
  }
}

/** Whether the rest of the scene is being made ready. */
export const isGoingOn = signal(false);

/** Crashes as before, boots, and has the scene's programs go on with what they had left. */
export async function playRest(): Promise<void> {
  const shown = aftermath.value;
  if (shown === undefined || isGoingOn.value) return;
  isGoingOn.value = true;
  try {
    const booted = await engine.boot(shown.request, true);
    if (aftermath.value !== shown || booted === undefined) return;
    batch(() => {
      mode.value = 'survivor';
      showBoot(booted, shown);
    });
    watch();
  } catch (error) {
    if (aftermath.value === shown) tell(error);
  } finally {
    isGoingOn.value = false;
  }
}

const LESS_MOTION = '(prefers-reduced-motion: reduce)';

/** Lets the lanes be seen, and plays the boot unless less motion was asked for. */
function watch(): void {
  closeSheet();
  if (!matchMedia(LESS_MOTION).matches) play();
}

/** Judges every choice at this moment. */
export async function tryAll(): Promise<void> {
  const now = stakeNow.value;
  if (now === undefined) return;
  isTryingAll.value = true;
  try {
    const onProgress = proxy((tally: Tally) => {
      allTally.value = tally;
    });
    const tally = await engine.exploreMoment(now.step, now.tearing, onProgress);
    if (stakeNow.value === now) allTally.value = tally;
  } catch (error) {
    tell(error);
  } finally {
    isTryingAll.value = false;
  }
}

/** From what came up back to the choice; from the choice back to a machine that has its power. */
export function back(): void {
  if (mode.value !== 'survivor') reset();
  else if (aftermath.value !== undefined) toBefore();
  else
    batch(() => {
      unbooted.value = undefined;
      mode.value = 'choosing';
    });
}

/** From what a crash has left to the moment of the crash, with its choice. */
export function toBefore(): void {
  const shown = aftermath.value;
  if (shown === undefined) return;
  batch(() => {
    backToBefore();
    stake.value = shown.stake;
    drive.value = shown.stake.drive;
    tearing.value = shown.stake.tearing;
    crash.value = shown.request.crash;
    kept.value = shown.request.kept;
    preset.value = undefined;
    mode.value = 'choosing';
  });
}

/** Shows a moment with a choice made: the smallest case that a search has found. */
export async function showMoment(step: number, unit: number, chosen: readonly boolean[]): Promise<void> {
  reset();
  pause();
  batch(() => {
    backToScene();
    seek(step);
    drive.value = 0;
    tearing.value = unit;
    crash.value = 'power';
  });
  await pull();
  const now = stakeNow.value;
  if (now !== undefined && choiceCount(now.writes) === chosen.length)
    batch(() => {
      preset.value = undefined;
      kept.value = chosen;
    });
}
