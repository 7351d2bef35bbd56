// What a drive holds back: requests that it has carried out, and whose completions wait to be released.
//
// Verbs: readHeldRequests.

import {
  BLOCK_FUA,
  HELD_FLAGS,
  HELD_ID,
  HELD_OPERATION,
  HELD_SECTOR,
  HELD_SECTORS,
  HELD_SIZE,
  HELD_TAG,
} from '../assembly/layout.ts';
import type { BlockOperation } from './block-device.ts';
import { check } from './errors.ts';
import type { Machine } from './machine.ts';

/** By number (OP_…). */
const OPERATION_NAMES: readonly BlockOperation[] = ['read', 'write', 'discard', 'writeZeroes', 'flush'];

/** A request whose completion is held. */
export interface HeldRequest {
  /** Number of the request, as records have it. */
  readonly id: number;
  readonly operation: BlockOperation;
  readonly sector: number;
  readonly sectorCount: number;
  /** The drive was asked to put it on the media itself. */
  readonly fua: boolean;
  /** Tag of the request, or of the first that was merged into it; 0: none. */
  readonly tag: number;
}

export function readHeldRequests(machine: Machine, drive: number): HeldRequest[] {
  const { core, buffers } = machine;
  const count = machine.heldCompletions(drive);
  if (count === 0) return [];
  return buffers.borrow(count * HELD_SIZE, (out) => {
    check(
      'held',
      core.call((exports) => exports.driveHeld(drive, out, count)),
    );
    return Array.from({ length: count }, (_, index) => {
      const entry = out + index * HELD_SIZE;
      return {
        id: core.memory.u32(entry + HELD_ID),
        operation: OPERATION_NAMES[core.memory.u32(entry + HELD_OPERATION)] as BlockOperation,
        sector: core.memory.u64(entry + HELD_SECTOR),
        sectorCount: core.memory.u32(entry + HELD_SECTORS),
        fua: (core.memory.u32(entry + HELD_FLAGS) & BLOCK_FUA) !== 0,
        tag: core.memory.u64(entry + HELD_TAG),
      };
    });
  });
}
