// What tests of machine.fs share: small machines with a volume, and what a call throws.

import * as assert from 'uvu/assert';
import type { MachineConfig } from '../../../src/core/options.ts';
import { StorageError } from '../../../src/errors.ts';
import type { Machine } from '../../../src/machine.ts';
import { type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bytes = (content: string): Uint8Array => new TextEncoder().encode(content);

/** A machine with a volume on one drive of 8 MiB. */
export function openVolume(build: Build, config: MachineConfig = {}): Promise<Machine> {
  return openMachine(build, { drives: [{ size: '8MiB' }], cache: '1MiB', volume: true, ...config });
}

/** The machine that finds what `machine` has left on its drive. */
export function reopen(build: Build, machine: Machine, config: MachineConfig = {}): Promise<Machine> {
  return openVolume(build, { ...config, drives: [{ memory: machine.memory() }] });
}

export function thrown(call: () => unknown): StorageError {
  try {
    call();
  } catch (error) {
    assert.instance(error, StorageError, String(error));
    return error as StorageError;
  }
  throw new Error('nothing was thrown');
}

/** The code of the StorageError that a call throws. */
export function codeOf(call: () => unknown): string {
  return thrown(call).code;
}

/** The volume is sound and nothing is held. */
export function assertSound(machine: Machine): void {
  assert.equal(machine.fs.check(), []);
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}
