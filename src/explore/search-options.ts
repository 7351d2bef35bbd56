// How an explorer sees each kind of crash.
//
//   power    the model asked for. On a volume with a profile what a flush does not cover stays uncertain even where the drive has no cache of
//            its own: pages of the kernel's cache are as volatile.
//   os       the drive keeps its power and all that it has taken; pages of the cache are lost one by one, whole. Where the log holds
//            nothing of the page cache (a device, profile journal), only requests in flight are uncertain.
//   process  nothing that was written is lost: the page cache lives on. One state at each point (see search.ts).
//
// Verbs: explorerOptions.

import type { DriveConfig, VolumeProfile } from '../core/options.ts';
import type { CrashExplorerOptions, CrashModel } from '../crash/options.ts';
import type { CrashKind } from '../crash-kinds.ts';
import type { Recording } from './parts.ts';
import type { ExploreCommon } from './types.ts';

/** Pages of the page cache: what the kernel writes back whole. */
const PAGE = 4096;

/** What of the options an explorer's depend on. */
export interface ModelOptions
  extends Pick<ExploreCommon, 'tearing' | 'unit' | 'model' | 'bound' | 'budget' | 'seed'> {
  readonly drive: DriveConfig;
  /** Undefined: a workload of sectors. */
  readonly profile: VolumeProfile | undefined;
}

/** Changes go to the drive early, so that the log holds what the page cache may lose. */
export function isEarly(profile: VolumeProfile | undefined): boolean {
  return profile !== undefined && profile !== 'journal';
}

function deviceOf(options: ModelOptions, crash: CrashKind): NonNullable<CrashModel['device']> {
  // with its power the drive keeps what it has taken, whatever it is otherwise; the page cache goes
  if (crash !== 'power') return isEarly(options.profile) ? 'volatile' : 'noCache';
  if (isEarly(options.profile)) return options.model?.device ?? 'volatile';
  const { volatileWrites, powerLossProtection } = options.drive;
  const isKept = volatileWrites === 0 || powerLossProtection === true;
  return options.model?.device ?? (isKept ? 'noCache' : 'volatile');
}

function modelOf(options: ModelOptions, crash: CrashKind): CrashModel {
  const { model, tearing, unit, profile, drive } = options;
  const isByFile = profile === 'strict' || profile === 'alice';
  const common: CrashModel = {
    ...model,
    device: deviceOf(options, crash),
    flushScope: isByFile ? 'domain' : 'all',
    promises: drive.promises ?? [],
  };
  if (crash === 'power')
    return {
      ...common,
      ...(tearing === undefined ? {} : { tearing }),
      ...(unit === undefined ? {} : { unit }),
    };
  const pages: CrashModel = isEarly(profile) ? { tearing: 'units', unit: PAGE } : { tearing: 'none' };
  return { ...common, ...pages, damage: 'none', scope: 'powersafe' };
}

/** With what to open an explorer on a recording, the log apart. */
export function explorerOptions<Value>(
  recording: Recording<Value>,
  options: ModelOptions,
  crash: CrashKind,
): Omit<CrashExplorerOptions, 'log'> {
  const { bound, budget, seed } = options;
  return {
    base: recording.base,
    model: modelOf(options, crash),
    ...(recording.baseHash === undefined ? {} : { baseHash: recording.baseHash }),
    ...(bound === undefined ? {} : { bound }),
    ...(budget?.sample === undefined ? {} : { budget: budget.sample }),
    ...(seed === undefined ? {} : { seed }),
  };
}
