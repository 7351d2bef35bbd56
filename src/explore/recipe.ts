// A recipe: a failing image as a small JSON, and the way back from it: the same run, the same image, the same failure.
//
// Verbs: recipeOf, parseRecipe, checkedRecipe, recipeOptions, replayRecipe. A recipe needs no seed: its states say what is missing.
// Invariant: what is replayed is what was found, or an error says in what it differs: another workload, another image.

import type { CrashImage } from '../crash/image.ts';
import type { CrashLoss, CrashState } from '../crash/state.ts';
import type { CrashKind } from '../crash-kinds.ts';
import { ConfigError } from '../errors.ts';
import { VERSION } from '../version.ts';
import type { Levels } from './parts.ts';
import { fields } from './recipe-fields.ts';
import { readFinding } from './recipe-finding.ts';
import type { ExploreCommon, Recipe } from './types.ts';

const KINDS: readonly Recipe['kind'][] = ['explore', 'exploreDevice', 'log'];
/** Who follows a recipe of this kind. */
const FOLLOWERS: Readonly<Record<Recipe['kind'], string>> = {
  explore: 'rerun',
  exploreDevice: 'rerunDevice',
  log: 'sectorlab crash --recipe',
};
const CRASHES: readonly CrashKind[] = ['power', 'os', 'process'];
const { object, text, oneOf, whole, list } = fields;
const LOSSES: readonly CrashLoss['kind'][] = ['missing', 'zeros', 'garbage'];

/** The recipe of a failing image. */
export function recipeOf(parts: Omit<Recipe, 'sectorlab'>): Recipe {
  return { sectorlab: VERSION, ...parts };
}

/** What came of a recipe. */
export interface Rerun {
  /** The image, as it was found. */
  readonly image: CrashImage;
  /** Name and message of what the check threw, and its stack; undefined when it passes by now. */
  readonly error: string | undefined;
  readonly errorStack: string | undefined;
}

/**
 * A recipe from its JSON text, or from what that parses to. Throws ConfigError, which names the field that is wrong.
 *
 * @example
 * const text = JSON.stringify({
 *   sectorlab: '0.2.0', kind: 'explore', crash: 'power', options: {}, log: 'aa', image: 'bb',
 *   states: [{ step: 4, losses: [{ write: 1, kind: 'missing', offset: 512, length: 512 }] }],
 * });
 * console.log(parseRecipe(text).states[0].losses.length); // 1
 */
export function parseRecipe(input: unknown): Recipe {
  const parsed = typeof input === 'string' ? parseJson(input) : input;
  const recipe = object('recipe', parsed);
  return {
    sectorlab: text('recipe.sectorlab', recipe.sectorlab),
    kind: oneOf('recipe.kind', recipe.kind, KINDS),
    crash: oneOf('recipe.crash', recipe.crash, CRASHES),
    options: object('recipe.options', recipe.options),
    log: text('recipe.log', recipe.log),
    states: readStates(recipe.states),
    ...(recipe.range === undefined ? {} : { range: readRange(recipe.range) }),
    image: text('recipe.image', recipe.image),
    ...(recipe.finding === undefined ? {} : { finding: readFinding(recipe.finding) }),
  };
}

function parseJson(input: string): unknown {
  try {
    return JSON.parse(input);
  } catch {
    throw new ConfigError('recipe', input.slice(0, 40), 'the JSON of a finding');
  }
}

function readStates(value: unknown): CrashState[] {
  const states = list('recipe.states', value);
  if (states.length === 0) throw new ConfigError('recipe.states', '[]', 'a list of one state and more');
  return states.map((one, index) => {
    const field = `recipe.states[${index}]`;
    const state = object(field, one);
    const losses = list(`${field}.losses`, state.losses).map((loss, at) =>
      readLoss(`${field}.losses[${at}]`, loss),
    );
    return { step: whole(`${field}.step`, state.step), losses };
  });
}

function readRange(value: unknown): readonly [first: number, last: number] {
  const steps = list('recipe.range', value);
  const [first, last] = [whole('recipe.range[0]', steps[0]), whole('recipe.range[1]', steps[1])];
  if (steps.length !== 2 || first > last)
    throw new ConfigError(
      'recipe.range',
      JSON.stringify(value),
      'two steps, the first one not above the last',
    );
  return [first, last];
}

function readLoss(field: string, value: unknown): CrashLoss {
  const loss = object(field, value);
  const read = {
    write: whole(`${field}.write`, loss.write),
    kind: oneOf(`${field}.kind`, loss.kind, LOSSES),
    offset: whole(`${field}.offset`, loss.offset),
    length: whole(`${field}.length`, loss.length),
  };
  return loss.pattern === undefined ? read : { ...read, pattern: whole(`${field}.pattern`, loss.pattern) };
}

/** Options of the run that a recipe was made of; what is `given` now goes before them. Crashes during recovery are as deep as the recipe has them. */
export function recipeOptions<Options extends ExploreCommon>(recipe: Recipe, given: Options): Options {
  const recoveryDepth = Math.max(given.recoveryDepth ?? 0, recipe.states.length - 1);
  return { ...recipe.options, ...given, recoveryDepth };
}

/** A recipe that this function can follow. */
export function checkedRecipe(input: string | Recipe, kind: Recipe['kind']): Recipe {
  const recipe = parseRecipe(input);
  if (recipe.kind !== kind)
    throw new ConfigError('recipe.kind', recipe.kind, `'${kind}' here: ${FOLLOWERS[recipe.kind]} follows it`);
  return recipe;
}

/**
 * Builds the image of a recipe again and runs the check on it. Throws ConfigError when the run is not the one that the recipe was made of
 * (its log has another hash), or the image is another (another model of the drive, another version).
 */
export async function replayRecipe<Value>(recipe: Recipe, levels: Levels<Value>): Promise<Rerun> {
  let level = await levels.workload(recipe.crash);
  const { hash } = level.recording;
  if (hash !== recipe.log)
    throw new ConfigError(
      'recipe.log',
      recipe.log,
      `${hash}, the hash of what this workload writes: it is not the one that the recipe was made of`,
    );
  for (const state of recipe.states.slice(0, -1)) level = await levels.recovery(level, state, recipe.range);
  const image = level.explorer.state(recipe.states.at(-1) as CrashState);
  if (image.hash !== recipe.image)
    throw new ConfigError(
      'recipe.image',
      recipe.image,
      `${image.hash}, the hash of the image built: made with other options, or by sectorlab ${recipe.sectorlab} and not ${VERSION}`,
    );
  const { step, lastStep } = image.point;
  const { failure } = await level.judge.judge(image, ...(recipe.range ?? ([step, lastStep] as const)));
  const error = failure === undefined ? undefined : `${failure.name}: ${failure.message}`;
  return { image, error, errorStack: failure?.stack };
}
