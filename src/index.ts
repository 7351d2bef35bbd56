// The package entry for Node: re-exports, and a Machine that finds its module and reaches real files.
// Everything else is public.ts.

import type { MachineConfig } from './core/options.ts';
import { CrashExplorer as CrashExplorerBase } from './crash/explorer.ts';
import type { CrashExplorerOptions } from './crash/options.ts';
import { Machine as MachineBase } from './machine.ts';
import { nodePlatform } from './node-platform.ts';

export * from './public.ts';
export { importDmLogWrites, openWriteLog } from './write-log/node-logs.ts';

/** A whole block-I/O path. `await Machine.create()` has one 64 MiB drive in memory and needs no set-up. */
export class Machine extends MachineBase {
  /** Throws ConfigError for an option out of its range, StorageError for an image that can not be opened. */
  static create(config: MachineConfig = {}): Promise<MachineBase> {
    return MachineBase.open(nodePlatform, config);
  }
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
