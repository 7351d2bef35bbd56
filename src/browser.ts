// The package entry for browsers and other runtimes without Node's files.
// The compiled module is handed in; drives are in memory, or in files of the origin's private file system.

import { openOpfsImages } from './backing/opfs.ts';
import type { CoreSource } from './core/core.ts';
import type { MachineConfig } from './core/options.ts';
import { CrashExplorer as CrashExplorerBase } from './crash/explorer.ts';
import type { CrashExplorerOptions } from './crash/options.ts';
import { exploreFiles, exploreSectors, rerunFiles, rerunSectors } from './explore/explore-entries.ts';
import { exploreFaultsOn } from './explore/faults.ts';
import type { FaultReport } from './explore/faults-report.ts';
import type { ExploreFaultsOptions } from './explore/faults-types.ts';
import type { Rerun } from './explore/recipe.ts';
import type { ExploreDeviceOptions, ExploreOptions, Recipe } from './explore/types.ts';
import type { Verdict } from './explore/verdict.ts';
import type { FileSystem } from './fs/file-system.ts';
import { Machine as MachineBase } from './machine.ts';
import type { Platform } from './platform.ts';

export * from './public.ts';
export { importDmLogWrites } from './write-log/dm-import.ts';
export { openWriteLog } from './write-log/entries.ts';

/** A whole block-I/O path in memory, or over files of the browser. */
export class Machine extends MachineBase {
  /**
   * `core`: the module as URL, Response, bytes or WebAssembly.Module. A drive's `image` is the name of a file in the origin's private file
   * system, in a dedicated worker; the machine alone has it until it closes, and what a crash left of it can be read until then. Throws
   * ConfigError for an option out of its range or an image where there are no such files, StorageError for one that can not be opened
   * (EBUSY: another machine or tab has it).
   */
  static create(core: CoreSource, config: MachineConfig = {}): Promise<MachineBase> {
    return MachineBase.open(platform(core), config);
  }
}

/** Every image that a crash may leave of a drive, from its write log. */
export class CrashExplorer extends CrashExplorerBase {
  /**
   * `core` as for Machine.create. Throws ConfigError for an option out of its range, WriteLogError for a damaged log,
   * StorageError ENOMEM for one that does not fit into memory.
   */
  static open(core: CoreSource, options: CrashExplorerOptions): Promise<CrashExplorerBase> {
    return CrashExplorerBase.on(platform(core), options);
  }
}

/** Runs a workload, builds every image that a crash may leave of it, and checks each. `core` as for Machine.create; `fs` is `machine.fs`. */
export function explore<Value = string>(
  core: CoreSource,
  options: ExploreOptions<Value, FileSystem>,
): Promise<Verdict> {
  return exploreFiles(platform(core), (machine) => () => machine.fs, options);
}

/** As explore, for a workload on the sectors of a drive. */
export function exploreDevice<Value = number>(
  core: CoreSource,
  options: ExploreDeviceOptions<Value>,
): Promise<Verdict> {
  return exploreSectors(platform(core), options);
}

/** As Node's exploreFaults, with `core` as for Machine.create, and `machine.fs` for files. */
export function exploreFaults<Value = unknown>(
  core: CoreSource,
  options: ExploreFaultsOptions<Value, FileSystem>,
): Promise<FaultReport> {
  return exploreFaultsOn(platform(core), (machine) => machine.fs, options);
}

/** Goes back to the failing image of a finding, also of one that was found in Node. `core` as for Machine.create; `fs` is `machine.fs`. Throws ConfigError. */
export function rerun<Value = string>(
  core: CoreSource,
  recipe: string | Recipe,
  options: ExploreOptions<Value, FileSystem>,
): Promise<Rerun> {
  return rerunFiles(platform(core), (machine) => () => machine.fs, recipe, options);
}

/** As rerun, for a finding of exploreDevice. */
export function rerunDevice<Value = number>(
  core: CoreSource,
  recipe: string | Recipe,
  options: ExploreDeviceOptions<Value>,
): Promise<Rerun> {
  return rerunSectors(platform(core), recipe, options);
}

function platform(core: CoreSource): Platform {
  return {
    core: () => core,
    openImages: openOpfsImages,
  };
}
