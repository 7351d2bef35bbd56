// What a reader chooses of a power cut: which units of the uncertain writes survive, by presets or one by one, and what this makes of each write.
//
// Verbs: choiceCount, keptBy, fateOfWrite, fatesOf. Pure: signals and the worker are in state.ts.

import type { CrashKind } from '../../../crash-kinds.ts';
import type { StackState } from '../../model/types.ts';
import type { Fate } from '../../state.ts';
import type { Stake, StakeWrite } from '../../worker/plug-protocol.ts';

export type Preset = 'none' | 'all' | 'random' | 'worst';

export function choiceCount(writes: readonly StakeWrite[]): number {
  return writes.reduce((sum, { choices }) => sum + choices, 0);
}

/** Where the choices of each write begin. */
export function firstChoices(writes: readonly StakeWrite[]): number[] {
  let next = 0;
  return writes.map(({ choices }) => {
    const first = next;
    next += choices;
    return first;
  });
}

/** A number from 0 to below 1 for each index, the same for the same seed (mulberry32). */
function chances(seed: number, count: number): number[] {
  let state = seed >>> 0;
  return Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  });
}

/** What survives by a preset: one a choice. The worst order keeps the newer half of the writes and loses the older. */
export function keptBy(preset: Preset, writes: readonly StakeWrite[], seed: number): boolean[] {
  const count = choiceCount(writes);
  if (preset === 'random') return chances(seed, count).map((chance) => chance < 0.5);
  if (preset !== 'worst') return new Array<boolean>(count).fill(preset === 'all');
  const half = Math.ceil(writes.length / 2);
  return writes.flatMap(({ choices }, index) => new Array<boolean>(choices).fill(index >= half));
}

export function fateOfWrite(kept: readonly boolean[], first: number, { choices }: StakeWrite): Fate {
  const count = kept.slice(first, first + choices).filter(Boolean).length;
  return count === 0 ? 'lost' : count === choices ? 'kept' : 'torn';
}

/** What a crash makes of everything volatile that the stage shows. */
export function fatesOf(
  stack: StackState,
  stake: Stake,
  crash: CrashKind,
  kept: readonly boolean[],
): Map<string, Fate> {
  const fates = new Map<string, Fate>();
  for (const page of stack.cache.slots)
    if (page !== undefined && page.state !== 'clean' && page.state !== 'reading')
      fates.set(page.key, crash === 'process' ? 'kept' : 'lost');
  const firsts = firstChoices(stake.writes);
  const byRequest = new Map(
    stake.writes.map((write, index): [number, Fate] => [
      write.id,
      crash === 'power' ? fateOfWrite(kept, firsts[index] as number, write) : 'kept',
    ]),
  );
  for (const drive of stack.drives) {
    const isChosen = drive.index === stake.drive;
    const other: Fate = crash === 'power' ? 'lost' : 'kept';
    for (const { key, requestId } of drive.volatileWrites)
      fates.set(key, (isChosen ? byRequest.get(requestId) : undefined) ?? other);
    for (const { key, id, hue } of drive.inService)
      if (hue === 'write' || hue === 'discard')
        fates.set(key, (isChosen ? byRequest.get(id) : undefined) ?? other);
    for (const { key, hue } of drive.waiting)
      if (hue === 'write' || hue === 'discard') fates.set(key, crash === 'process' ? 'kept' : 'lost');
  }
  return fates;
}
