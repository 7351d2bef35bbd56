// A drive of 128 sectors with faults, under the hand of a test: each sector holds its own value, and everything is durable.
//
// Verbs: FaultyDrive.open, send, media, read, code. `media` is what the image holds, whatever a read would give.

import type { BlockOperation, BlockRequest, BlockRequestOptions } from '../../../src/block-device.ts';
import type { DriveConfig, MachineConfig } from '../../../src/core/options.ts';
import { StorageError } from '../../../src/errors.ts';
import type { Machine } from '../../../src/machine.ts';
import { type Build, openMachine } from '../../support/machine.ts';

export const SECTOR = 512;
export const SECTORS = 128;

/** `count` sectors of one value. */
export const filled = (value: number, count = 1): Uint8Array => new Uint8Array(count * SECTOR).fill(value);

/** The code of the error that a call throws, or 'none'. */
export function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof StorageError) return error.code;
    throw error;
  }
  return 'none';
}

export class FaultyDrive {
  readonly machine: Machine;

  private constructor(machine: Machine) {
    this.machine = machine;
  }

  static async open(build: Build, drive: DriveConfig = {}, config: MachineConfig = {}): Promise<FaultyDrive> {
    const machine = await openMachine(build, {
      drives: [{ size: SECTORS * SECTOR, ...drive }],
      merge: false,
      cache: '256KiB',
      records: 4096,
      ...config,
    });
    const bytes = new Uint8Array(SECTORS * SECTOR).map((_, at) => (at >> 9) + 1);
    if (config.payload !== 'none') machine.memory().write(bytes, 0);
    return new FaultyDrive(machine);
  }

  /** Submits a request of `count` sectors and runs what is pending. A write fills them with `value`. */
  send(
    operation: BlockOperation,
    sector = 8,
    count = 4,
    value = 200,
    more: Partial<BlockRequestOptions> = {},
  ): BlockRequest {
    const isFlush = operation === 'flush';
    const request = this.machine.blockDevice().submit({
      operation,
      ...(isFlush ? {} : { sector, sectorCount: count }),
      ...(operation === 'write' ? { data: filled(value, count) } : {}),
      ...more,
    });
    this.machine.run();
    return request;
  }

  /** The first byte of each sector of the image. */
  media(sector: number, count: number): number[] {
    const bytes = new Uint8Array(count * SECTOR);
    this.machine.memory().read(bytes, sector * SECTOR);
    return Array.from({ length: count }, (_, at) => bytes[at * SECTOR] as number);
  }

  /** The first byte of each sector as a read gives it, or the code of its error. */
  read(sector: number, count: number): number[] | string {
    try {
      const bytes = this.machine.blockDevice().read(sector, count);
      return Array.from({ length: count }, (_, at) => bytes[at * SECTOR] as number);
    } catch (error) {
      return (error as StorageError).code;
    }
  }
}
