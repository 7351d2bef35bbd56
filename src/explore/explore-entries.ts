// What explore and exploreDevice take, as the subjects that an exploration works on. The entries of the package add platform and files.
//
// Verbs: exploreFiles, exploreSectors.

import type { Machine } from '../machine.ts';
import type { Platform } from '../platform.ts';
import { exploreOn } from './explore.ts';
import type { ExploreDeviceOptions, ExploreOptions } from './types.ts';
import type { Verdict } from './verdict.ts';

/**
 * Files in the shape of an entry: `filesOf(machine)` is called once, perhaps before there is a volume, and what it returns gives the files anew
 * for each image that the machine comes to be on.
 */
export type FileShape<Fs> = (machine: Machine) => () => Fs;

/** `explore`, with files in this shape. */
export function exploreFiles<Value, Fs>(
  platform: Platform,
  filesOf: FileShape<Fs>,
  options: ExploreOptions<Value, Fs>,
): Promise<Verdict> {
  const { setup, workload, recover, profile = 'strict', volume } = options;
  const shapes = new WeakMap<Machine, () => Fs>();
  const shapeOf = (machine: Machine): (() => Fs) => {
    const shape = shapes.get(machine) ?? filesOf(machine);
    shapes.set(machine, shape);
    return shape;
  };
  return exploreOn<Value>(
    platform,
    {
      kind: 'explore',
      setup: setup && ((machine) => setup({ fs: shapeOf(machine)(), machine })),
      workload: (context) => workload({ ...context, fs: shapeOf(context.machine)() }),
      recover: (facts) => recover({ ...facts, fs: shapeOf(facts.machine)() }),
      adorn: (machine) => void shapeOf(machine),
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
      adorn: undefined,
      volume: undefined,
    },
    options,
  );
}
