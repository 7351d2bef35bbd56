// The options that a scene's machine is opened with: the scene's own, and what playing needs.
//
// Verbs: machineOptions. Everybody who plays a scene opens its machine with these, or the records would differ.

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import { DEFAULT_CACHE } from '../../core/config.ts';
import type { MachineConfig } from '../../core/options.ts';
import { parseSize } from '../../core/size.ts';
import type { Scene } from './types.ts';

const LEAST_RECORDS = 16384;
const MOST_RECORDS = 1048576;
/** A call may look at each page of the cache, and make so many records of each. */
const RECORDS_A_PAGE = 4;

export function machineOptions(scene: Scene): MachineConfig {
  return { ...scene.machine, records: recordCapacity(scene) };
}

/** Room for the records of the largest step, a power of two. */
function recordCapacity({ machine }: Scene): number {
  const pages = parseSize(machine.cache ?? DEFAULT_CACHE, 'cache') / PAGE_SIZE;
  const wanted = Math.max(LEAST_RECORDS, pages * RECORDS_A_PAGE);
  return Math.min(MOST_RECORDS, 2 ** Math.ceil(Math.log2(wanted)));
}
