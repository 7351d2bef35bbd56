// What a reader can do, as functions: open a scene, play, pause, step, seek, select.
//
// Buttons, keys, links and tests call these. The worker is asked through `engine`; playing is a matter of the page alone, since the
// run is known ahead.

import { batch, effect } from '@preact/signals';
import { proxy, wrap } from 'comlink';
import { mayLeave, stake } from './live/leaving.ts';
import { Run } from './model/run.ts';
import type { EntityKey } from './model/types.ts';
import { Playhead } from './playhead.ts';
import { bootRun } from './plug/boot-run.ts';
import type { Scene } from './scene/types.ts';
import {
  type Aftermath,
  aftermath,
  aftermaths,
  cursor,
  isLive,
  isPlaying,
  liveRun,
  pace,
  problem,
  run,
  runVersion,
  scene,
  selection,
  speed,
  standing,
  story,
  told,
} from './state.ts';
import type { WorkerCalls } from './worker/calls.ts';
import type { Boot } from './worker/plug-protocol.ts';
import type { RunPart } from './worker/protocol.ts';

const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
worker.addEventListener('error', (event) => {
  tell(`The machine's worker has stopped: ${event.message || 'its script could not be loaded'}`);
});

/** The worker, which lies beside the page's script. */
export const engine = wrap<WorkerCalls>(worker);

/** The step to go to once the run is known so far. */
let wantedStep: number | undefined;
/** The part of the run to go to once all of it is known, 0 to 1. */
let wantedPart: number | undefined;

/** What is being opened: an earlier one that is ready later is not shown. */
let opening = new AbortController();

/** Begins to open something. The signal tells when it is wanted no longer: something else was asked for, or it was cancelled. */
export function beginOpening(): AbortSignal {
  cancelOpening();
  opening = new AbortController();
  return opening.signal;
}

export function cancelOpening(): void {
  opening.abort();
}

/** Tells the reader what went wrong. */
export function tell(failure: unknown): void {
  problem.value = failure instanceof Error ? failure.message : String(failure);
}

export function dismissProblem(): void {
  problem.value = undefined;
}

/** Opens a scene at its start, or at `step` once the run has come so far. False: the reader stays with a live machine. */
export async function openScene(next: Scene, step = 0): Promise<boolean> {
  const wanted = beginOpening();
  if (stake.peek() !== undefined && !(await mayLeave())) return false;
  if (wanted.aborted) return true;
  batch(() => {
    pause();
    scene.value = next;
    run.value = undefined;
    cursor.value = 0;
    selection.value = undefined;
    standing.value = undefined;
    problem.value = undefined;
  });
  wantedStep = step > 0 ? step : undefined;
  wantedPart = undefined;
  try {
    const opened = await openRun(next);
    if (scene.value === next) show(opened);
  } catch (error) {
    if (scene.value === next) tell(error);
  }
  return true;
}

/**
 * Opens a scene in place of the one that is shown, at the same part of its run, or at `part` of it, 0 to 1. Throws what is wrong with the
 * scene; what was shown stays then, and when `wanted` tells that the scene is wanted no longer.
 */
export async function replaceScene(next: Scene, part?: number, wanted = beginOpening()): Promise<void> {
  backToBefore();
  const opened = await openRun(next).catch((error: unknown) => {
    if (!wanted.aborted) throw error;
  });
  if (opened === undefined || wanted.aborted || !(await mayLeave()) || wanted.aborted) return;
  const before = run.value;
  const shownPart = before === undefined || before.stepCount === 0 ? 0 : cursor.value / before.stepCount;
  batch(() => {
    pause();
    scene.value = next;
    cursor.value = 0;
    selection.value = undefined;
    standing.value = undefined;
    problem.value = undefined;
    wantedStep = undefined;
    wantedPart = part ?? shownPart;
    show(opened);
  });
}

/** A run and the parts of it that have come before anybody shows it. */
interface OpenedRun {
  readonly run: Run;
  readonly early: RunPart[];
  isShown: boolean;
}

async function openRun(next: Scene): Promise<OpenedRun> {
  const early: RunPart[] = [];
  let opened: OpenedRun | undefined;
  const take = (_run: number, part: RunPart): void => {
    if (opened?.isShown !== true) early.push(part);
    else if (run.value === opened.run) addPart(opened.run, part);
    // a boot is shown meanwhile, and the way back leads here
    else opened.run.add(part);
  };
  const { shape } = await engine.open(next, proxy(take));
  opened = { run: new Run(shape, next), early, isShown: false };
  return opened;
}

function show(opened: OpenedRun): void {
  batch(() => {
    run.value = opened.run;
    opened.isShown = true;
    for (const part of opened.early) addPart(opened.run, part);
  });
}

/** Shows the run of a live machine, and follows it: playing it is being at its end. */
export function showLive(live: Run): void {
  if (live.scene !== scene.peek()) cancelOpening();
  batch(() => {
    pause();
    liveRun.value = live;
    wantedStep = undefined;
    wantedPart = undefined;
    scene.value = live.scene;
    run.value = live;
    cursor.value = 0;
    selection.value = undefined;
    standing.value = undefined;
    problem.value = undefined;
  });
  play();
}

/** Shows how what a crash has left comes up. Its drives begin with what they had at the crash. */
export function showBoot(
  boot: Boot,
  facts: Pick<Aftermath, 'survivor' | 'stake' | 'request' | 'before'>,
): void {
  const { number, bootCount, refusals } = boot;
  const { before, request } = facts;
  const then = before.run.stateAt(before.step);
  if (then === undefined) return;
  const booted = bootRun(boot, then, request.crash);
  const isGoingOn = boot.scene.chapters.length > bootCount;
  const parent = aftermaths.value.findIndex((one) => one.run === before.run);
  batch(() => {
    pause();
    aftermaths.value = [
      ...aftermaths.value.slice(0, parent + 1),
      { ...facts, run: booted, number, bootCount, isGoingOn, refusals },
    ];
    showRun(booted, isGoingOn ? Math.max(0, (booted.firstStepOf(bootCount) ?? 1) - 1) : 0);
  });
}

/** From what a crash has left back to the moment of the crash. */
export function backToBefore(): void {
  const shown = aftermath.value;
  if (shown === undefined) return;
  batch(() => {
    pause();
    showRun(shown.before.run, shown.before.step);
  });
}

/** Back to the run of the scene. */
export function backToScene(): void {
  while (aftermath.value !== undefined) backToBefore();
}

/** Another run of the scene that is open. */
function showRun(next: Run, step: number): void {
  run.value = next;
  cursor.value = step;
  wantedStep = undefined;
  wantedPart = undefined;
  selection.value = undefined;
  standing.value = undefined;
}

/** A live machine goes on, whether its past is being looked at or not. */
export function addLivePart(to: Run, part: RunPart): void {
  if (run.value !== to) to.add(part);
  else {
    addPart(to, part);
    if (isPlaying.value && frame === 0) play();
  }
}

function addPart(to: Run, part: RunPart): void {
  batch(() => {
    to.add(part);
    runVersion.value++;
    if (wantedStep !== undefined) seek(wantedStep);
    else if (wantedPart !== undefined && to.isWhole) seek(wantedPart * to.stepCount);
  });
}

/** Shows the moment behind `step` steps; one that is not known yet is shown as soon as it is, one outside becomes the nearest. A live machine
 * has no moments ahead. */
export function seek(step: number): void {
  const known = run.value?.stepCount ?? 0;
  const isAhead = step > known && run.value?.isWhole !== true && !isLive.value;
  wantedStep = isAhead ? step : undefined;
  wantedPart = undefined;
  cursor.value = Math.max(0, Math.min(known, Math.round(step)));
}

/** Pauses, and shows the moment behind `step` steps. */
export function goTo(step: number): void {
  pause();
  seek(step);
}

/** To the end, which for a live machine is what happens now. */
export function toEnd(): void {
  if (isLive.value) toNow();
  else goTo(Number.POSITIVE_INFINITY);
}

/** Shows what a live machine does now, and follows it. */
export function toNow(): void {
  seek(run.value?.stepCount ?? 0);
  if (!isPlaying.value) play();
}

export function stepForward(): void {
  goTo(cursor.value + 1);
}

export function stepBack(): void {
  goTo(cursor.value - 1);
}

/** To the next moment at which a chapter begins, or to the end. */
export function chapterForward(): void {
  const next = chapterStarts().find((step) => step > cursor.value);
  if (next === undefined) toEnd();
  else goTo(next);
}

/** To where the chapter began, from there to where the one before it did. */
export function chapterBack(): void {
  goTo(chapterStarts().findLast((step) => step < cursor.value) ?? 0);
}

function chapterStarts(): number[] {
  const known = story.value;
  return told.value.chapters.flatMap((_, index) => known?.firstStepOf(index) ?? []);
}

export function select(key: EntityKey | undefined): void {
  selection.value = key;
}

/** A frame that comes later than this is not made up for: the page was out of sight. */
const LONGEST_FRAME_MS = 250;
/** At full speed a run of any length takes about this long. */
const FULL_SPEED_MS = 3000;
const SLOWEST_FULL_SPEED = 60;
const SLOWEST_LIVE_SPEED = 12;

/** What a live machine has done since is caught up with in about this long. */
const CATCH_UP_SECONDS = 0.7;

function stepsASecond(playing: Run): number {
  if (isLive.value)
    return Math.max(SLOWEST_LIVE_SPEED, (playing.stepCount - cursor.value) / CATCH_UP_SECONDS);
  return speed.value === 0
    ? Math.max(SLOWEST_FULL_SPEED, (playing.stepCount * 1000) / FULL_SPEED_MS)
    : pace.value;
}

/** At the scene's own pace a reader gets the time to read; faster, as much less. */
export function restBehind(step: number): number {
  const rest = speed.value === 0 ? 0 : (story.value?.restBehind(step) ?? 0);
  return rest / Math.max(1, speed.value);
}

/** 0: no frame is asked for. */
let frame = 0;

/** Plays from the cursor, from the start when it is at the end; the first step comes `restMs` later than the pace says. */
export function play(restMs = 0): void {
  const playing = run.value;
  if (playing === undefined) return;
  if (playing.isWhole && cursor.value >= playing.stepCount) seek(0);
  isPlaying.value = true;
  let shownAt: number | undefined;
  let playhead = new Playhead(cursor.value, restMs);
  const draw = (now: number): void => {
    if (!isPlaying.value || run.value !== playing) return;
    const elapsedMs = Math.min(LONGEST_FRAME_MS, now - (shownAt ?? now));
    shownAt = now;
    // somebody has moved the cursor meanwhile: on from there
    if (playhead.step !== cursor.value) playhead = new Playhead(cursor.value);
    const step = playhead.advance(elapsedMs, stepsASecond(playing), playing.stepCount, restBehind);
    if (step !== cursor.value) seek(step);
    if (playing.isWhole && step >= playing.stepCount) isPlaying.value = false;
    // the next part of a live run goes on
    else if (isLive.value && step >= playing.stepCount) frame = 0;
    else frame = requestAnimationFrame(draw);
  };
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(draw);
}

export function pause(): void {
  isPlaying.value = false;
  cancelAnimationFrame(frame);
}

export function togglePlaying(): void {
  if (isPlaying.value) pause();
  else play();
}

const STAND_AFTER_MS = 150;

/** Once the cursor rests, the machine itself is put back to that moment; it must make the same records again. A live one only goes on. */
effect(() => {
  const shown = run.value;
  const step = cursor.value;
  if (shown === undefined || isPlaying.value || isLive.value) return;
  const timer = setTimeout(() => void standAt(shown, step), STAND_AFTER_MS);
  return () => clearTimeout(timer);
});

async function standAt(shown: Run, step: number): Promise<void> {
  try {
    const told = await engine.stand(step, aftermath.value?.number ?? 0);
    if (run.value !== shown) return;
    standing.value = told;
    const hash = shown.hash(step);
    if (hash !== undefined && told.recordHash !== hash)
      tell(`Replayed to step ${step}, the machine made other records: their hash is ${told.recordHash}.`);
  } catch (error) {
    if (run.value === shown) tell(error);
  }
}
