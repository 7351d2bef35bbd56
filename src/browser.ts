// The package entry for browsers and other runtimes without files.
// The compiled module is handed in; drives are in memory.

import type { CoreSource } from './core/core.ts';
import type { MachineConfig } from './core/options.ts';
import { ConfigError } from './errors.ts';
import { Machine as MachineBase } from './machine.ts';

export * from './public.ts';
export { importDmLogWrites } from './write-log/dm-import.ts';
export { openWriteLog } from './write-log/entries.ts';

/** A whole block-I/O path in memory. */
export class Machine extends MachineBase {
  /** `core`: the module as URL, Response, bytes or WebAssembly.Module. Throws ConfigError for an option out of its range. */
  static create(core: CoreSource, config: MachineConfig = {}): Promise<MachineBase> {
    return MachineBase.open(
      {
        core: () => core,
        openImages: () => {
          throw new ConfigError('image', 'given', 'left out: there are no files here');
        },
      },
      config,
    );
  }
}
