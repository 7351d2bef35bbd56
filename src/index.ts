// The package entry for Node: re-exports, and a Machine that finds its module and reaches real files.
// Everything else is public.ts.

import { type NodeFs, nodeFs } from './adapters/node-fs.ts';
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
import { Machine as MachineBase } from './machine.ts';
import { nodePlatform } from './node-platform.ts';

export type { NodeFs } from './adapters/node-fs.ts';
export * from './public.ts';
export { importDmLogWrites, openWriteLog } from './write-log/node-logs.ts';

/** A whole block-I/O path. `await Machine.create()` has one 64 MiB drive in memory and needs no set-up. */
export class Machine extends MachineBase {
  /** Throws ConfigError for an option out of its range, StorageError for an image that can not be opened. */
  static create(config: MachineConfig = {}): Promise<MachineBase> {
    return MachineBase.open(nodePlatform, config);
  }
}

/** An object of its own for each image, as workloads may replace functions of it. */
function nodeFiles(machine: MachineBase): () => NodeFs {
  const fs = nodeFs(machine);
  return () => ({ ...fs, promises: { ...fs.promises } });
}

/** Every image that a crash may leave of a drive, from its write log. */
export class CrashExplorer extends CrashExplorerBase {
  /**
   * Throws ConfigError for an option out of its range, WriteLogError for a damaged log, StorageError ENOMEM for one that does
   * not fit into memory.
   *
   * @example
   * const machine = await Machine.create({ writeLog: true });
   * const file = machine.openFile('drive0', { direct: true });
   * file.write(new Uint8Array(512).fill(1), 0);
   * file.write(new Uint8Array(512).fill(2), 512); // nothing has synced either
   * const explorer = await CrashExplorer.open({ log: machine.writeLog.snapshot() });
   * const found = new Set();
   * for (const image of explorer.images()) found.add(`${image.read(0, 1)} ${image.read(512, 1)}`);
   * console.log([...found].sort().join(', ')); // 0 0, 0 2, 1 0, 1 2
   */
  static open(options: CrashExplorerOptions): Promise<CrashExplorerBase> {
    return CrashExplorerBase.on(nodePlatform, options);
  }
}

/**
 * Runs a workload on a volume whose every write is recorded, builds each image that a crash may leave of it, and runs `recover` on it:
 * what was acknowledged must be there, what was not begun must not. Values are strings; `explore<number>` and the like for others. Throws ConfigError for an option out of its range,
 * WorkloadError for what setup or workload throw.
 *
 * @example
 * const verdict = await explore({
 *   workload({ fs, ack }) {
 *     fs.writeFileSync('/ledger', 'Ada owes 10', { flush: true });
 *     ack('Ada owes 10'); // the file is durable, its name is not: nobody has synced the directory
 *   },
 *   recover({ fs, must }) {
 *     for (const text of must) if (fs.readFileSync('/ledger', 'utf8') !== text) throw new Error('a debt is lost');
 *   },
 * });
 * console.log(verdict.verdict); // violated
 */
export function explore<Value = string>(options: ExploreOptions<Value, NodeFs>): Promise<Verdict> {
  return exploreFiles(nodePlatform, nodeFiles, options);
}

/**
 * As explore, for a workload on the sectors of a drive.
 *
 * @example
 * const verdict = await exploreDevice({
 *   workload({ device, ack }) {
 *     device.write(0, new Uint8Array(512).fill(7));
 *     device.flush();
 *     ack(7);
 *   },
 *   recover({ device, must }) {
 *     for (const value of must) if (device.read(0, 1)[0] !== value) throw new Error(`${value} is lost`);
 *   },
 * });
 * console.log(verdict.verdict, verdict.exhaustive); // survived true
 */
export function exploreDevice<Value = number>(options: ExploreDeviceOptions<Value>): Promise<Verdict> {
  return exploreSectors(nodePlatform, options);
}

/**
 * Runs a workload on files once for each fault that its drive may have and each request that the fault may hit, and each time looks at what
 * recovery makes of it: after a power cut straight behind the end, and reopened when the fault is over. The volume writes back as Linux does, and
 * reports errors of fsync as Linux does. Recoveries are run under the faults as well. A request that is stuck fails after 30 s of virtual time unless
 * `drive.timeoutNs` says otherwise. Throws ConfigError for an option out of its range, WorkloadError for what setup throws.
 *
 * @example
 * const report = await exploreFaults({
 *   faults: ['eio on=write'],
 *   workload({ fs, ack }) {
 *     const fd = fs.openSync('/log', 'a');
 *     fs.writeSync(fd, 'Ada owes 10\n');
 *     try {
 *       fs.fsyncSync(fd);
 *     } catch {
 *       fs.fsyncSync(fd); // the pages are clean: nothing is written, and it says 0
 *     }
 *     ack('Ada owes 10');
 *   },
 *   recover({ fs, must }) {
 *     const log = fs.existsSync('/log') ? fs.readFileSync('/log', 'utf8') : '';
 *     for (const line of must) if (!log.includes(line)) throw new Error(`${line} is lost`);
 *   },
 * });
 * console.log(report.verdict, report.findings[0].outcome, report.findings[0].call); // violated silentLoss fsync('/log')
 */
export function exploreFaults<Value = unknown>(
  options: ExploreFaultsOptions<Value, NodeFs>,
): Promise<FaultReport> {
  return exploreFaultsOn(nodePlatform, (machine) => nodeFs(machine), options);
}

/**
 * Goes back to the failing image of a finding: `recipe` is `finding.recipe`, or its JSON. The workload is run again, the image is built
 * without the seed and its hash compared, and `recover` runs on it. Options that the recipe has need not be given. Throws ConfigError for a
 * recipe of another workload or other options.
 *
 * @example
 * const ledger = {
 *   workload({ fs, ack }) {
 *     fs.writeFileSync('/ledger', 'Ada owes 10');
 *     ack('Ada owes 10');
 *   },
 *   recover({ fs, must }) {
 *     for (const text of must) if (fs.readFileSync('/ledger', 'utf8') !== text) throw new Error('a debt is lost');
 *   },
 * };
 * const { findings } = await explore(ledger);
 * const text = JSON.stringify(findings[0].recipe); // to keep, or to send to somebody
 * const { error, image } = await rerun(text, ledger);
 * console.log(error === findings[0].error, image.hash === findings[0].recipe.image); // true true
 */
export function rerun<Value = string>(
  recipe: string | Recipe,
  options: ExploreOptions<Value, NodeFs>,
): Promise<Rerun> {
  return rerunFiles(nodePlatform, nodeFiles, recipe, options);
}

/** As rerun, for a finding of exploreDevice. */
export function rerunDevice<Value = number>(
  recipe: string | Recipe,
  options: ExploreDeviceOptions<Value>,
): Promise<Rerun> {
  return rerunSectors(nodePlatform, recipe, options);
}
