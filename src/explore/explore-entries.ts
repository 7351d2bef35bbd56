// What explore, exploreDevice and their reruns take, as the subjects that an exploration works on. The entries of the package add platform and files.
//
// Verbs: exploreFiles, exploreSectors, rerunFiles, rerunSectors.

import type { Machine } from '../machine.ts';
import type { Platform } from '../platform.ts';
import { exploreOn, rerunOn, type Subject } from './explore.ts';
import { checkedRecipe, type Rerun, recipeOptions } from './recipe.ts';
import type { ExploreDeviceOptions, ExploreOptions, Recipe } from './types.ts';
import type { Verdict } from './verdict.ts';

/**
 * Files in the shape of an entry: `filesOf(machine)` is called once, perhaps before there is a volume, and what it returns gives the files anew
 * for each image that the machine comes to be on.
 */
export type FileShape<Fs> = (machine: Machine) => () => Fs;

function fileSubject<Value, Fs>(
  filesOf: FileShape<Fs>,
  { setup, workload, recover, profile = 'strict', volume }: ExploreOptions<Value, Fs>,
): Subject<Value> {
  const shapes = new WeakMap<Machine, () => Fs>();
  const shapeOf = (machine: Machine): (() => Fs) => {
    const shape = shapes.get(machine) ?? filesOf(machine);
    shapes.set(machine, shape);
    return shape;
  };
  return {
    kind: 'explore',
    setup: setup && ((machine) => setup({ fs: shapeOf(machine)(), machine })),
    workload: (context) => workload({ ...context, fs: shapeOf(context.machine)() }),
    recover: (facts) => recover({ ...facts, fs: shapeOf(facts.machine)() }),
    adorn: (machine) => void shapeOf(machine),
    volume: { profile, volume },
  };
}

function sectorSubject<Value>({ setup, workload, recover }: ExploreDeviceOptions<Value>): Subject<Value> {
  return {
    kind: 'exploreDevice',
    setup: setup && ((machine) => setup({ device: machine.blockDevice(), machine })),
    workload: (context) => workload({ ...context, device: context.machine.blockDevice() }),
    recover: (facts) => recover({ ...facts, device: facts.machine.blockDevice() }),
    adorn: undefined,
    volume: undefined,
  };
}

/** `explore`, with files in this shape. */
export function exploreFiles<Value, Fs>(
  platform: Platform,
  filesOf: FileShape<Fs>,
  options: ExploreOptions<Value, Fs>,
): Promise<Verdict> {
  return exploreOn(platform, fileSubject(filesOf, options), options);
}

/** `exploreDevice`. */
export function exploreSectors<Value>(
  platform: Platform,
  options: ExploreDeviceOptions<Value>,
): Promise<Verdict> {
  return exploreOn(platform, sectorSubject(options), options);
}

/** `rerun`, with files in this shape. Throws ConfigError for a recipe that is none, or of another run. */
export async function rerunFiles<Value, Fs>(
  platform: Platform,
  filesOf: FileShape<Fs>,
  input: string | Recipe,
  given: ExploreOptions<Value, Fs>,
): Promise<Rerun> {
  const recipe = checkedRecipe(input, 'explore');
  const options = recipeOptions(recipe, given);
  return rerunOn(platform, fileSubject(filesOf, options), options, recipe);
}

/** `rerunDevice`. */
export async function rerunSectors<Value>(
  platform: Platform,
  input: string | Recipe,
  given: ExploreDeviceOptions<Value>,
): Promise<Rerun> {
  const recipe = checkedRecipe(input, 'exploreDevice');
  const options = recipeOptions(recipe, given);
  return rerunOn(platform, sectorSubject(options), options, recipe);
}
