// A crash state as plain data: the crash point, and what is missing of the writes that were uncertain there. It goes through JSON.
//
// Verbs: readLosses, writeLosses.

import {
  CRASH_LOSS_BYTES,
  CRASH_LOSS_FROM,
  CRASH_LOSS_KIND,
  CRASH_LOSS_PATTERN,
  CRASH_LOSS_SIZE,
  CRASH_LOSS_WRITE,
} from '../../assembly/layout.ts';
import type { LinearMemory } from '../core/linear-memory.ts';
import { ConfigError } from '../errors.ts';

const KINDS = ['', 'missing', 'zeros', 'garbage'] as const;

/** A range of bytes of the drive that a write was to change: it holds what was there before (`missing`), `zeros`, or `garbage` of a `pattern`. */
export interface CrashLoss {
  /** Index of the write in the explorer's `writes`. */
  readonly write: number;
  readonly kind: 'missing' | 'zeros' | 'garbage';
  readonly offset: number;
  readonly length: number;
  readonly pattern?: number;
}

/** With the log, the base image and the model enough to build an image again, without the seed. */
export interface CrashState {
  /** Entries of the log before the crash. */
  readonly step: number;
  readonly losses: readonly CrashLoss[];
}

export function readLosses(memory: LinearMemory, address: number, count: number): CrashLoss[] {
  return Array.from({ length: count }, (_, index) => {
    const at = address + index * CRASH_LOSS_SIZE;
    const kind = KINDS[memory.u32(at + CRASH_LOSS_KIND)] as CrashLoss['kind'];
    const loss = {
      write: memory.u32(at + CRASH_LOSS_WRITE),
      kind,
      offset: memory.u64(at + CRASH_LOSS_FROM),
      length: memory.u64(at + CRASH_LOSS_BYTES),
    };
    return kind === 'garbage' ? { ...loss, pattern: memory.u32(at + CRASH_LOSS_PATTERN) } : loss;
  });
}

function isWhole(value: unknown, maximum: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= maximum;
}

/** Puts the losses where the core reads them. Throws ConfigError for what can be none. */
export function writeLosses(memory: LinearMemory, address: number, losses: readonly CrashLoss[]): void {
  losses.forEach((loss, index) => {
    const at = address + index * CRASH_LOSS_SIZE;
    const kind = loss.kind === undefined ? 0 : KINDS.indexOf(loss.kind);
    const pattern = loss.pattern ?? 0;
    const isGood =
      kind > 0 &&
      isWhole(loss.write, 0xffffffff) &&
      isWhole(loss.offset, Number.MAX_SAFE_INTEGER) &&
      isWhole(loss.length, Number.MAX_SAFE_INTEGER) &&
      isWhole(pattern, 0xffffffff);
    if (!isGood)
      throw new ConfigError(`losses[${index}]`, JSON.stringify(loss), 'a write, a kind and a range of bytes');
    memory.setU32(at + CRASH_LOSS_WRITE, loss.write);
    memory.setU32(at + CRASH_LOSS_KIND, kind);
    memory.setU64(at + CRASH_LOSS_FROM, loss.offset);
    memory.setU64(at + CRASH_LOSS_BYTES, loss.length);
    memory.setU32(at + CRASH_LOSS_PATTERN, pattern);
  });
}
