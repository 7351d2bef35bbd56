// explore and exploreDevice for tests, on both builds of the core.
//
// Verbs: explore, exploreDevice. Options are those of the package; shrinking and the test of flushes are off unless asked for.

import { type NodeFs, nodeFs } from '../../src/adapters/node-fs.ts';
import { openNodeImages } from '../../src/backing/node-files.ts';
import { exploreFiles, exploreSectors } from '../../src/explore/explore-entries.ts';
import type { ExploreDeviceOptions, ExploreOptions } from '../../src/explore/types.ts';
import type { Verdict } from '../../src/explore/verdict.ts';
import type { Platform } from '../../src/platform.ts';
import { type Build, coreModule } from './machine.ts';

const PLAIN = { explain: false, flushes: false } as const;

export function platformOf(build: Build): Platform {
  return { core: () => coreModule(build), openImages: openNodeImages };
}

export function explore<Value>(build: Build, options: ExploreOptions<Value, NodeFs>): Promise<Verdict> {
  const files = (machine: Parameters<typeof nodeFs>[0]) => {
    const fs = nodeFs(machine);
    return () => ({ ...fs });
  };
  return exploreFiles(platformOf(build), files, { ...PLAIN, ...options });
}

export function exploreDevice<Value>(build: Build, options: ExploreDeviceOptions<Value>): Promise<Verdict> {
  return exploreSectors(platformOf(build), { ...PLAIN, ...options });
}
