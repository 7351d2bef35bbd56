// What the page knows, as signals: the scene, its run, the moment that is shown, what is selected.
//
// Everybody reads these; only actions.ts writes them. Components that read a signal are drawn again when it changes.
// Invariant: the moment that is shown is `cursor`, and every view tells of that moment only.

import { computed, signal } from '@preact/signals';
import type { Run } from './model/run.ts';
import type { EntityKey, StackState } from './model/types.ts';
import type { Scene } from './scene/types.ts';
import { FIRST_SCENE } from './scenes/index.ts';
import { Story } from './story.ts';
import type { CutRequest, Stake, Survivor } from './worker/plug-protocol.ts';
import type { Standing } from './worker/protocol.ts';

/** What a crash makes of something volatile. */
export type Fate = 'kept' | 'lost' | 'torn';

/** Steps a second of a scene that says nothing of it. */
const DEFAULT_PACE = 4;

/** The scene as it is played: what the gallery has, with the reader's changes. */
export const scene = signal<Scene>(FIRST_SCENE);
/** Its run as far as it is known; undefined while a scene is being opened. */
export const run = signal<Run | undefined>(undefined);
/** Run of a live machine (a kept disk, a Linux guest): it grows as things happen, and the engine's machine is not its. */
export const liveRun = signal<Run | undefined>(undefined);
/** What is shown happens now: there is nothing to stand at, no knob to turn, no link to give. */
export const isLive = computed(() => run.value !== undefined && run.value === liveRun.value);
/** The run of what a crash has left, and the moment that it came from. */
export interface Aftermath {
  readonly run: Run;
  /** The run's number at the engine. */
  readonly number: number;
  readonly survivor: Survivor;
  /** What was at stake at the crash, and what was let survive of it. */
  readonly stake: Stake;
  readonly request: CutRequest;
  /** Chapters of the boot; behind them, if that was asked for, come those of the scene that were left. */
  readonly bootCount: number;
  readonly isGoingOn: boolean;
  /** What of the rest could not be done, in words. */
  readonly refusals: readonly string[];
  readonly before: { readonly run: Run; readonly step: number };
}
/** Crashes one in the other: of the scene, of what that one has left, and so on. */
export const aftermaths = signal<readonly Aftermath[]>([]);
/** The crash whose remains are shown; undefined: the run of the scene is. */
export const aftermath = computed(() => aftermaths.value.find((one) => one.run === run.value));
/** What the chapters of the shown run are of: the scene, or its boot after a crash. */
export const told = computed(() => aftermath.value?.run.scene ?? scene.value);
/** The moment of the scene that the reader is at: behind a crash, that of the first one. */
export const sceneStep = computed(() =>
  aftermath.value === undefined ? cursor.value : (aftermaths.value[0]?.before.step ?? cursor.value),
);
/** Grows with each part of the run: whoever reads the run's length reads this. */
export const runVersion = signal(0);
/** Steps made at the moment that is shown. */
export const cursor = signal(0);
export const isPlaying = signal(false);
/** Times the scene's own pace; 0: as fast as the screen. */
export const speed = signal(1);
/** Steps a second; 0: as fast as the screen. */
export const pace = computed(() => speed.value * (scene.value.pace ?? DEFAULT_PACE));
/** What the inspector tells of, and what is under the pointer or has the focus. */
export const selection = signal<EntityKey | undefined>(undefined);
export const hovered = signal<EntityKey | undefined>(undefined);
/** The machine at a moment near the cursor, as the worker last told. */
export const standing = signal<Standing | undefined>(undefined);
/** While a power cut is being chosen: what it would leave of the volatile writes, the writes in flight and the dirty pages that are shown. */
export const fates = signal<ReadonlyMap<EntityKey, Fate>>(new Map());
/** What went wrong, in words for the reader. */
export const problem = signal<string | undefined>(undefined);

/** The stack at the cursor. A new object for each moment, good until the next. */
export const stack = computed<StackState | undefined>(() => {
  runVersion.value;
  return run.value?.stateAt(cursor.value);
});

/** What the run tells, as far as it is known; a run's own for as long as it is shown. */
const storyOfRun = computed(() => (run.value === undefined ? undefined : new Story(run.value)));
export const story = computed<Story | undefined>(() => {
  runVersion.value;
  storyOfRun.value?.catchUp();
  return storyOfRun.value;
});

/** Hash of all records up to the cursor. */
export const recordHash = computed<string | undefined>(() => {
  runVersion.value;
  return run.value?.hash(cursor.value);
});

/** ready: nothing shown yet; finished: the cursor is at the end of a run that is known to its end. */
export type PageState = 'loading' | 'ready' | 'playing' | 'paused' | 'finished' | 'failed';

export const pageState = computed<PageState>(() => {
  runVersion.value;
  const shown = run.value;
  if (shown === undefined) return problem.value === undefined ? 'loading' : 'failed';
  if (isPlaying.value) return 'playing';
  if (shown.isWhole && cursor.value === shown.stepCount) return 'finished';
  return cursor.value === 0 ? 'ready' : 'paused';
});
