// What becomes of drives when their machine crashes.
//
// Verbs: takeDrives, readCut, cutDrives, withoutFormat. The core decides; this carries its state from the machine that crashed to the one
// that comes after, and says which writes survive.

import { CUT_MASK, CUT_NONE, SAVED_BLOCK_SIZE, SAVED_BLOCKS, SAVED_COUNT } from '../assembly/layout.ts';
import { whole } from './core/config-values.ts';
import type { Core } from './core/core.ts';
import type { MachineConfig, Size } from './core/options.ts';
import { ConfigError, check } from './errors.ts';
import type { Machine } from './machine.ts';
import { readChoice, type Survivors, tearingUnit, uncertainWrites } from './uncertain-writes.ts';

const EINVAL = -22;

/** What dies: the client of the machine, the operating system, or everything that needs power. */
export type CrashKind = 'process' | 'os' | 'power';

/** How the power goes. */
export interface CrashOptions {
  /** What survives of the uncertain writes. A mask is for one drive: the others lose all. Default none. */
  readonly choose?: Survivors;
  /** Bytes of the unit that writes tear in, at multiples of itself on the drive: a power of two from 512 to 65,536; 0 (default): they do not. */
  readonly tearing?: Size;
  /** For `random`: a whole number from 0 to 2^32 - 1. Default 0. */
  readonly seed?: number;
  /** Drive that a mask is for. Default 0. */
  readonly drive?: number;
}

/** One power cut, drive by drive. */
export interface Cut {
  readonly unitBytes: number;
  readonly seed: number;
  readonly choices: readonly { readonly choose: number; readonly mask: Uint8Array }[];
}

/** The drives of a new machine, which has the config and forks of the backings, go on where the others are. */
export function takeDrives(to: Core, from: Core, hasPower: boolean): void {
  const saved = from.call((exports) => exports.drivesSave());
  const { memory } = from;
  for (let index = 0; index < memory.u32(saved + SAVED_COUNT); index++) {
    const row = saved + SAVED_BLOCKS + index * SAVED_BLOCK_SIZE;
    const address = memory.u32(row);
    to.memory.bytes.set(memory.bytes.subarray(address, address + memory.u32(row + 4)), address);
  }
  check(
    'crash',
    to.call((exports) => exports.drivesLoad(hasPower ? 1 : 0)),
  );
}

/** The options of a power cut on `machine`. Throws ConfigError. */
export function readCut(machine: Machine, options: CrashOptions): Cut {
  const { choose = 'none', seed = 0, drive: chosen = 0 } = options;
  const unitBytes = tearingUnit(options.tearing);
  if (!Number.isInteger(chosen) || chosen < 0 || chosen >= machine.driveCount)
    throw new ConfigError('drive', chosen, `from 0 to ${machine.driveCount - 1}`);
  const choices = Array.from({ length: machine.driveCount }, (_, drive) => {
    if (typeof choose === 'string') return readChoice(choose, 0);
    if (drive !== chosen) return { choose: CUT_NONE, mask: new Uint8Array() };
    const writes = uncertainWrites(machine, drive, unitBytes);
    return readChoice(
      choose,
      writes.reduce((sum, write) => sum + write.choices, 0),
    );
  });
  return { unitBytes, seed: whole('seed', seed, 0), choices };
}

/** Cuts the power of all drives of a new machine: their caches are empty afterwards. */
export function cutDrives({ core, buffers }: Machine, { unitBytes, seed, choices }: Cut): void {
  choices.forEach(({ choose, mask }, drive) => {
    buffers.borrow(Math.max(1, mask.length), (address) => {
      core.memory.bytes.set(mask, address);
      const result = core.call((exports) =>
        exports.driveCutPower(drive, choose, unitBytes, address, mask.length, seed),
      );
      if (result === EINVAL && choose === CUT_MASK)
        throw new ConfigError(
          'choose',
          'a mask',
          `a prefix of the uncertain writes: drive ${drive} promises SEQUENTIAL`,
        );
      check('crash', result);
    });
  });
  check(
    'crash',
    core.call((exports) => exports.drivesForget()),
  );
}

/** A volume's options for a machine that finds one there. */
export function withoutFormat(volume: MachineConfig['volume']): MachineConfig['volume'] {
  return typeof volume === 'object' ? { ...volume, format: false } : volume;
}
