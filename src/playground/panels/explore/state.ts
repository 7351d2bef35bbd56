// Exploring every crash of a scene: the search that runs, what it has found, a recipe that was opened.
//
// Verbs: exploreAll, computeTable, stop, showCase, openRecipe, switchFlush.

import { batch, effect, signal } from '@preact/signals';
import { proxy } from 'comlink';
import { SECTOR_SIZE } from '../../../../assembly/limits.ts';
import { parseRecipe } from '../../../explore/recipe.ts';
import type { Recipe } from '../../../explore/types.ts';
import { engine, openScene, tell } from '../../actions.ts';
import { XV6_PARTS, type Xv6Part } from '../../plug/xv6.ts';
import type { Scene } from '../../scene/types.ts';
import { flushesOf, xv6Scene } from '../../scenes/xv6-log.ts';
import { isLive, scene } from '../../state.ts';
import type { FailingCase, FlushTableRow, SceneVerdict, SearchProgress } from '../../worker/plug-protocol.ts';
import { showMoment, tearing } from '../plug/state.ts';

/** Tearing units of the table: none, a sector. */
export const TABLE_UNITS = [0, SECTOR_SIZE] as const;
export const search = signal<'none' | 'scene' | 'table'>('none');
export const progress = signal<SearchProgress | undefined>(undefined);
export const verdict = signal<SceneVerdict | undefined>(undefined);
export const table = signal<readonly FlushTableRow[]>([]);
/** A recipe from outside, and what became of it here. */
export interface OpenedRecipe {
  readonly name: string;
  readonly recipe: Recipe;
  /** The scenes that are known here are being asked whether it is of theirs. */
  readonly isAsking: boolean;
  /** Undefined: it is of no scene that is known here. */
  readonly told: FailingCase | undefined;
}
export const openedRecipe = signal<OpenedRecipe | undefined>(undefined);
/** When the search began, by performance.now(). */
let startMs = 0;
let number = 0;

effect(() => {
  scene.value;
  batch(() => {
    if (search.peek() === 'scene') void stop();
    verdict.value = undefined;
    progress.value = undefined;
  });
});

/** Images a second, as of now. */
export function rateOf({ done }: SearchProgress): number {
  const seconds = (performance.now() - startMs) / 1000;
  return seconds <= 0 ? 0 : Math.round(done / seconds);
}

async function run(kind: 'scene' | 'table', body: () => Promise<void>): Promise<void> {
  const mine = ++number;
  startMs = performance.now();
  batch(() => {
    search.value = kind;
    progress.value = undefined;
  });
  try {
    await body();
  } catch (error) {
    tell(error);
  } finally {
    if (mine === number) search.value = 'none';
  }
}

/** Explores every crash of the scene that is open. */
export function exploreAll(): Promise<void> {
  const explored = scene.value;
  return run('scene', async () => {
    const onProgress = proxy((told: SearchProgress) => {
      progress.value = told;
    });
    const found = await engine.exploreScene(explored, tearing.value, onProgress);
    if (scene.value === explored) verdict.value = found;
  });
}

/** The table of the xv6 log, for both of its transactions: writes whole, then torn by sectors. */
export function computeTable(): Promise<void> {
  table.value = [];
  return run('table', async () => {
    const onRow = proxy((row: FlushTableRow) => {
      table.value = [...table.value, row];
    });
    for (const unit of TABLE_UNITS) if (search.value === 'table') await engine.flushTable(2, unit, onRow);
  });
}

export async function stop(): Promise<void> {
  number++;
  search.value = 'none';
  await engine.stopSearch();
}

export function showCase({ sceneStep, tearing: unit, kept }: FailingCase): Promise<void> {
  return showMoment(sceneStep, unit, kept);
}

/** Opens the xv6 log with a flush switched on or off. */
export async function switchFlush(part: Xv6Part, isOn: boolean): Promise<void> {
  await openScene(xv6Scene({ ...flushesOf(scene.value), [part]: isOn }));
}

/** The scenes that a recipe may be of: the one that is open, and the xv6 log with any of its flushes. */
function* candidates(): Generator<Scene> {
  if (!isLive.value) yield scene.value;
  for (let bits = 15; bits >= 0; bits--) {
    const isOn = (part: Xv6Part) => (bits & (1 << XV6_PARTS.indexOf(part))) !== 0;
    yield xv6Scene({ log: isOn('log'), header: isOn('header'), homes: isOn('homes'), clear: isOn('clear') });
  }
}

/** Opens a recipe of explore. Throws ConfigError for what is none. */
export async function openRecipe(input: string | Recipe, name: string): Promise<void> {
  const recipe = parseRecipe(input);
  const asking: OpenedRecipe = { name, recipe, isAsking: recipe.kind === 'exploreDevice', told: undefined };
  openedRecipe.value = asking;
  if (!asking.isAsking) return;
  for (const candidate of candidates()) {
    const told = await engine.followRecipe(candidate, recipe).catch(() => undefined);
    if (openedRecipe.value !== asking) return;
    if (told === undefined) continue;
    const isOpen = candidate === scene.value || (await openScene(candidate));
    // the reader would rather stay at what runs
    openedRecipe.value = isOpen ? { ...asking, isAsking: false, told } : undefined;
    return;
  }
  openedRecipe.value = { ...asking, isAsking: false };
}
