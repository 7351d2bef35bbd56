// `sectorlab crash MODULE`: explores the workload that a module exports, with its own recovery as the check.
//
// Verbs: runModule, runFaults, rerunModule. The module exports `workload` and `recover`, and perhaps `setup` and `options`; `device: true` makes them work on
// sectors. With `--export` one of its exports is an object of these.

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError } from '../../errors.ts';
import { WorkloadError } from '../../explore/explore-reasons.ts';
import type { FaultReport } from '../../explore/faults-report.ts';
import type { Rerun } from '../../explore/recipe.ts';
import type { ExploreCommon, ExploreDeviceOptions, ExploreOptions, Recipe } from '../../explore/types.ts';
import type { Verdict } from '../../explore/verdict.ts';
import { explore, exploreDevice, exploreFaults, type NodeFs, rerun, rerunDevice } from '../../index.ts';
import type { CrashFlags } from './flags.ts';
import { given, toModel } from './flags.ts';
import { InputError } from './log-input.ts';

/** What a module exports; nothing of it is believed. */
interface Exports {
  readonly workload?: unknown;
  readonly recover?: unknown;
  readonly setup?: unknown;
  readonly options?: unknown;
  readonly device?: unknown;
}

type Common = Omit<ExploreCommon, 'signal' | 'onProgress'>;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** The first of the user's frames, so that one line is enough to find the place. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frame = error.stack
    ?.split('\n')
    .find((line) => /^\s+at .*file:/.test(line) && !line.includes('/dist/cli/'));
  const text = error.message.split('\n')[0] ?? '';
  return frame === undefined ? `${error.name}: ${text}` : `${error.name}: ${text} (${frame.trim()})`;
}

async function load(file: string): Promise<Record<string, unknown>> {
  try {
    return await import(pathToFileURL(path.resolve(file)).href);
  } catch (error) {
    const { code } = error as { code?: string };
    const hint =
      code === 'ERR_UNKNOWN_FILE_EXTENSION'
        ? `; for TypeScript: NODE_OPTIONS='--import tsx' npx sectorlab crash ${file}`
        : '';
    throw new InputError(`${file} can not be imported: ${describe(error)}${hint}`);
  }
}

/** The module's exports, or those of what it exports by that name. */
function exportsOf(file: string, module: Record<string, unknown>, name: string | undefined): Exports {
  if (name === undefined && 'workload' in module) return module;
  const found = module[name ?? 'default'];
  if (isObject(found)) return found;
  const names = Object.keys(module).join(', ') || 'nothing';
  throw new InputError(
    name === undefined
      ? `${file} exports no workload; it exports ${names}`
      : `${file} has no export '${name}' that is an object; it exports ${names}`,
  );
}

function checkShape(file: string, exports: Exports): void {
  for (const name of ['workload', 'recover'] as const) {
    if (typeof exports[name] !== 'function')
      throw new InputError(`${file} must export a function '${name}'; it is ${typeof exports[name]}`);
  }
  if (exports.setup !== undefined && typeof exports.setup !== 'function')
    throw new InputError(`${file} must export 'setup' as a function; it is ${typeof exports.setup}`);
  if (exports.options !== undefined && !isObject(exports.options))
    throw new InputError(`${file} must export 'options' as an object; it is ${typeof exports.options}`);
}

/** The module's options, and over them those of the command line. */
function optionsOf(own: Common, flags: CrashFlags): Common {
  const { promises, tearing, unit, ...model } = toModel(flags);
  const size = flags.size === undefined ? {} : { size: flags.size };
  return {
    ...own,
    ...given(flags, ['crash', 'bound', 'seed', 'maxFindings', 'recoveryDepth']),
    ...(tearing === undefined ? {} : { tearing }),
    ...(unit === undefined ? {} : { unit }),
    ...(flags.timeout === undefined ? {} : { recoverTimeoutMs: Math.ceil(flags.timeout * 1000) }),
    ...(flags.flushes ? {} : { flushes: false }),
    model: { ...own.model, ...model },
    drive: { ...own.drive, ...size, ...(promises === undefined ? {} : { promises }) },
    budget: { ...own.budget, ...given(flags, ['images', 'sample', 'seconds']) },
  };
}

type Parts = ExploreOptions<unknown, NodeFs> & ExploreDeviceOptions<unknown>;

/** A module's workload with all its options. Throws InputError for a module that has none. */
async function partsOf(
  file: string,
  flags: CrashFlags,
): Promise<{ readonly parts: Parts; readonly isDevice: boolean }> {
  const exports = exportsOf(file, await load(file), flags.export);
  checkShape(file, exports);
  const { workload, recover, setup, device } = exports;
  const options = optionsOf((exports.options ?? {}) as Common, flags);
  const functions = { workload, recover, ...(setup === undefined ? {} : { setup }) };
  const isDevice = device === true;
  const files = isDevice ? {} : given(flags, ['profile']);
  return { parts: { ...options, ...files, ...functions } as Parts, isDevice };
}

/** What setup or workload throw is bad input. */
async function blame<T>(file: string, running: Promise<T>): Promise<T> {
  try {
    return await running;
  } catch (error) {
    if (error instanceof WorkloadError)
      throw new InputError(`${file}: ${error.message} (${describe(error.cause)})`);
    throw error;
  }
}

type Control = Pick<ExploreCommon, 'signal' | 'onProgress'>;

/** Throws InputError for a module that can not be explored, or whose workload throws; ConfigError for an option out of its range. */
export async function runModule(file: string, flags: CrashFlags, control: Control): Promise<Verdict> {
  const { parts, isDevice } = await partsOf(file, flags);
  const options = { ...parts, ...control };
  return blame(file, isDevice ? exploreDevice(options) : explore(options));
}

/** The workload under faults. Throws what runModule throws. */
export async function runFaults(file: string, flags: CrashFlags, control: Control): Promise<FaultReport> {
  const { parts, isDevice } = await partsOf(file, flags);
  if (isDevice) throw new ConfigError('--faults', true, `left out: ${file} works on sectors`);
  // what is of crashes alone says nothing about faults
  const { budget: _budget, profile: _profile, volume: _volume, ...options } = parts;
  return blame(file, exploreFaults({ ...options, ...control, budget: given(flags, ['seconds']) }));
}

/** The image of a recipe again, with the module's own check. Throws what runModule throws. */
export async function rerunModule(file: string, flags: CrashFlags, recipe: Recipe): Promise<Rerun> {
  const { parts, isDevice } = await partsOf(file, flags);
  // the recipe says what it was found with
  const { drive: _drive, model: _model, seed: _seed, profile: _profile, ...rest } = parts;
  const options = rest as Parts;
  return blame(file, isDevice ? rerunDevice(recipe, options) : rerun(recipe, options));
}
