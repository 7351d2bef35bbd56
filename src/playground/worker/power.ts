// Cuts the power of a live machine, and opens what is left.
//
// Verbs: choose, cutPower. The machine that comes after is over the same disk: in memory over what the first one's media hold, or over the
// file of the origin's private file system, into which what the cut changed is written.

import { SparseMemory } from '../../backing/sparse-memory.ts';
import type { Machine } from '../../machine.ts';
import type { UncertainWrite } from '../../uncertain-writes.ts';
import type { PlugChoice, PlugTold } from './live-protocol.ts';
import { patchStored } from './stored-disks.ts';

/** One bit for each choice that a cut has: does it survive? */
export function survivors(writes: readonly UncertainWrite[], { choose, seed }: PlugChoice): boolean[] {
  const choices = writes.reduce((sum, write) => sum + write.choices, 0);
  let state = seed >>> 0;
  return Array.from({ length: choices }, () => {
    if (choose !== 'random') return choose === 'all';
    // a step of a linear congruential generator (Numerical Recipes); its high bit
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >= 0x80000000;
  });
}

function countKept(writes: readonly UncertainWrite[], mask: readonly boolean[]): number {
  let bit = 0;
  return writes.filter(({ choices }) => {
    const bits = mask.slice(bit, bit + choices);
    bit += choices;
    return bits.some(Boolean);
  }).length;
}

export interface AfterCut {
  readonly machine: Machine;
  readonly told: PlugTold;
}

/** Takes the power of `machine` and closes it. `reopen` opens the machine again over the stored disk `image`, where there is one. */
export async function cutPower(
  machine: Machine,
  choice: PlugChoice,
  image: string | undefined,
  reopen: () => Promise<Machine>,
): Promise<AfterCut> {
  const writes = machine.uncertainWrites(0);
  const mask = survivors(writes, choice);
  const kept = countKept(writes, mask);
  const told = {
    uncertain: writes.length,
    kept,
    lost: writes.length - kept,
    dirtyPages: machine.vmstat().nr_dirty,
  };
  const left = machine.crash('power', { choose: mask });
  const changed = image === undefined ? [] : [...left.memory(0).unshared(new SparseMemory())];
  machine.close();
  if (image === undefined) return { machine: left, told };
  await patchStored(image, changed);
  return { machine: await reopen(), told };
}
