// What explore and exploreDevice take, as the subjects that an exploration works on. The entries of the package add platform and files.
//
// Verbs: exploreFiles, exploreSectors.

import type { Machine } from '../machine.ts';
import type { Platform } from '../platform.ts';
import { exploreOn } from './explore.ts';
import type { ExploreDeviceOptions, ExploreOptions } from './types.ts';
import type { Verdict } from './verdict.ts';

/** `explore`, with files as `filesOf` makes them. */
export function exploreFiles<Value, Fs>(
  platform: Platform,
  filesOf: (machine: Machine) => Fs,
  options: ExploreOptions<Value, Fs>,
): Promise<Verdict> {
  const { setup, workload, recover, profile = 'strict', volume } = options;
  return exploreOn<Value>(
    platform,
    {
      kind: 'explore',
      setup: setup && ((machine) => setup({ fs: filesOf(machine), machine })),
      workload: (context) => workload({ ...context, fs: filesOf(context.machine) }),
      recover: (facts) => recover({ ...facts, fs: filesOf(facts.machine) }),
      volume: { profile, volume },
    },
    options,
  );
}

/** `exploreDevice`. */
export function exploreSectors<Value>(
  platform: Platform,
  options: ExploreDeviceOptions<Value>,
): Promise<Verdict> {
  const { setup, workload, recover } = options;
  return exploreOn<Value>(
    platform,
    {
      kind: 'exploreDevice',
      setup: setup && ((machine) => setup({ device: machine.blockDevice(), machine })),
      workload: (context) => workload({ ...context, device: context.machine.blockDevice() }),
      recover: (facts) => recover({ ...facts, device: facts.machine.blockDevice() }),
      volume: undefined,
    },
    options,
  );
}
