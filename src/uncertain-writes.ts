// The writes of a drive that a power cut may lose, and what of them survives.
//
// Verbs: uncertainWrites, tearingUnit, readChoice. The core decides what the choices mean (assembly/drive/power-cut.ts).

import {
  CUT_ALL,
  CUT_MASK,
  CUT_NONE,
  CUT_RANDOM,
  UNCERTAIN_CHOICES,
  UNCERTAIN_COMPLETED,
  UNCERTAIN_ID,
  UNCERTAIN_OPERATION,
  UNCERTAIN_SECTOR,
  UNCERTAIN_SECTORS,
  UNCERTAIN_SIZE,
  UNCERTAIN_TAG,
} from '../assembly/layout.ts';
import type { Size } from './core/options.ts';
import { parseSize } from './core/size.ts';
import { ConfigError, check } from './errors.ts';
import type { Machine } from './machine.ts';

const OPERATIONS = ['read', 'write', 'discard', 'writeZeroes', 'flush'] as const;
/** Structs that one call lists. */
const BATCH = 256;
const MIN_UNIT = 512;
const MAX_UNIT = 65536;

/** A write that has not become durable: it was taken by the drive, and no flush covers it. */
export interface UncertainWrite {
  /** Identity of the drive's request, as the records have it. */
  readonly id: number;
  readonly operation: 'write' | 'discard' | 'writeZeroes';
  /** First sector, and how many, of 512 bytes. */
  readonly sector: number;
  readonly sectorCount: number;
  /** The drive has reported it. */
  readonly isCompleted: boolean;
  /** What the caller called it (`machine.tag`), exact up to 2^53; 0: nothing. */
  readonly tag: number;
  /** How many bits of a mask are its: 1, or its units when writes may tear; a discard has its units in any case. */
  readonly choices: number;
}

/**
 * What survives of the uncertain writes: none, all, a random subset, or those whose bit is set, one bit a choice in the order of
 * `uncertainWrites`. As bytes: the lowest bit of the first byte is the first choice.
 */
export type Survivors = 'none' | 'all' | 'random' | readonly boolean[] | bigint | Uint8Array;

/** Bytes of a unit that writes tear in; 0: they do not. Throws ConfigError. */
export function tearingUnit(tearing: Size | undefined): number {
  const unit = tearing === undefined ? 0 : parseSize(tearing, 'tearing');
  if (unit !== 0 && (!Number.isInteger(Math.log2(unit)) || unit < MIN_UNIT || unit > MAX_UNIT))
    throw new ConfigError('tearing', tearing, '0, or a power of two from 512 to 65536 bytes');
  return unit;
}

/** Lists a drive's uncertain writes in submission order. Throws StorageError ENODEV. */
export function uncertainWrites(machine: Machine, drive: number, unitBytes: number): UncertainWrite[] {
  const { core, buffers } = machine;
  return buffers.borrow(BATCH * UNCERTAIN_SIZE, (address) => {
    const writes: UncertainWrite[] = [];
    while (true) {
      const left = check(
        'uncertain',
        core.call((exports) => exports.driveUncertain(drive, unitBytes, writes.length, address, BATCH)),
      );
      const count = Math.min(left, BATCH);
      for (let index = 0; index < count; index++)
        writes.push(read(machine, address + index * UNCERTAIN_SIZE));
      if (left <= BATCH) return writes;
    }
  });
}

function read({ core: { memory } }: Machine, address: number): UncertainWrite {
  return {
    id: memory.u32(address + UNCERTAIN_ID),
    operation: OPERATIONS[memory.u32(address + UNCERTAIN_OPERATION)] as UncertainWrite['operation'],
    sector: memory.u64(address + UNCERTAIN_SECTOR),
    sectorCount: memory.u32(address + UNCERTAIN_SECTORS),
    isCompleted: memory.u32(address + UNCERTAIN_COMPLETED) !== 0,
    tag: memory.u64(address + UNCERTAIN_TAG),
    choices: memory.u32(address + UNCERTAIN_CHOICES),
  };
}

/** What driveCutPower takes for `survivors` of `count` choices. Throws ConfigError for a mask of another length. */
export function readChoice(
  survivors: Survivors,
  count: number,
): { readonly choose: number; readonly mask: Uint8Array } {
  const nothing = new Uint8Array();
  if (survivors === 'none') return { choose: CUT_NONE, mask: nothing };
  if (survivors === 'all') return { choose: CUT_ALL, mask: nothing };
  if (survivors === 'random') return { choose: CUT_RANDOM, mask: nothing };
  const mask = new Uint8Array(Math.ceil(count / 8));
  const wrong = (limit: string) => new ConfigError('choose', String(survivors), limit);
  if (typeof survivors === 'bigint') {
    if (survivors < 0n || survivors >> BigInt(count) !== 0n) throw wrong(`from 0n to 2^${count} - 1`);
    for (let index = 0; index < mask.length; index++)
      mask[index] = Number((survivors >> BigInt(index * 8)) & 0xffn);
  } else if (survivors instanceof Uint8Array) {
    const isFit =
      survivors.length === mask.length &&
      (count % 8 === 0 || (survivors.at(-1) as number) >> (count % 8) === 0);
    if (!isFit) throw wrong(`${count} bits in ${mask.length} bytes`);
    mask.set(survivors);
  } else {
    if (!Array.isArray(survivors)) throw wrong("'none', 'all', 'random', or a mask");
    if (survivors.length !== count) throw wrong(`${count} booleans, one for each choice`);
    survivors.forEach((isKept, index) => {
      if (isKept) mask[index >> 3] = (mask[index >> 3] as number) | (1 << (index & 7));
    });
  }
  return { choose: CUT_MASK, mask };
}
