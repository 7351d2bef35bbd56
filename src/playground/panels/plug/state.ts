// The plug panel's own state: what is at stake at the cursor, what the reader lets survive, what came up.
//
// Verbs: look, pull, choose, setKept, boot, tryAll, back. Modes: idle (the plug is in), choosing, booting, survivor.
// Invariant: a stake is of the moment it names; when the cursor moves on, the choice is over.

import { batch, computed, effect, signal } from '@preact/signals';
import { proxy } from 'comlink';
import type { CrashKind } from '../../../crash-kinds.ts';
import { backToBefore, engine, pause, play, seek, showBoot, tell } from '../../actions.ts';
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
export const survivor = signal<Survivor | undefined>(undefined);
/** Of all choices at this moment. */
export const allTally = signal<Tally | undefined>(undefined);
export const isTryingAll = signal(false);

/** The stake of the moment that is shown, once it is known. */
export const stakeNow = computed(() => {
  if (aftermath.value !== undefined) return undefined;
  const known = stake.value;
  const isNow =
    known?.step === cursor.value && known.drive === drive.value && known.tearing === tearing.value;
  return isNow ? known : undefined;
});

/** Asks what is at stake at the cursor, unless that is known; of a drive that has something at stake, unless the reader has chosen one. */
export async function look(isDriveChosen = false): Promise<void> {
  if (stakeNow.value !== undefined || run.value === undefined || aftermath.value !== undefined) return;
  const [step, opened] = [cursor.value, run.value];
  try {
    const told = await engine.stake(step, drive.value, tearing.value);
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
  // what is shown of a boot is about the moment before it
  if (mode.peek() === 'idle' || aftermath.value !== undefined) return;
  if (mode.peek() !== 'booting' && stakeNow.peek() === undefined) reset();
});

effect(() => {
  scene.value;
  drive.value = 0;
  stake.value = undefined;
});

function reset(): void {
  batch(() => {
    mode.value = 'idle';
    survivor.value = undefined;
    allTally.value = undefined;
    preset.value = 'none';
  });
}

effect(() => {
  const [shown, now] = [stack.value, stakeNow.value];
  const isChoosing = mode.value !== 'idle' && shown !== undefined && now !== undefined;
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
  if (now === undefined) return;
  mode.value = 'booting';
  const [step, opened] = [now.step, run.value];
  try {
    const request = {
      step,
      crash: crash.value,
      drive: now.drive,
      tearing: now.tearing,
      kept: [...kept.value],
    };
    const [came, booted] = [await engine.cut(request), await engine.boot(request)];
    if (run.value !== opened || mode.value !== 'booting') return;
    if (cursor.value !== step) {
      reset();
      return;
    }
    batch(() => {
      survivor.value = came;
      mode.value = 'survivor';
      if (booted !== undefined) showBoot(booted, request.crash);
    });
    if (booted !== undefined) watch();
  } catch (error) {
    mode.value = 'choosing';
    tell(error);
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
  if (mode.value !== 'survivor') {
    reset();
    return;
  }
  batch(() => {
    backToBefore();
    survivor.value = undefined;
    mode.value = 'choosing';
  });
}

/** Shows a moment with a choice made: the smallest case that a search has found. */
export async function showMoment(step: number, unit: number, chosen: readonly boolean[]): Promise<void> {
  reset();
  pause();
  batch(() => {
    backToBefore();
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
