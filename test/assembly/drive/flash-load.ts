// Load on a drive of flash, and what came of it: so many requests outstanding at any time, in virtual time, without bytes.
//
// Verbs: openFlash, closedLoop, steadyRate, draws. A latency is from submission to completion, a rate from the first submission to the
// last completion, or over a stretch in the middle where the depth is always full.

import type { BlockRequest, BlockRequestOptions } from '../../../src/block-device.ts';
import type { DriveConfig, MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import { type Build, openMachine } from '../../support/machine.ts';

export interface Outcome {
  readonly latenciesNs: number[];
  /** When each was complete, in that order. */
  readonly endsNs: number[];
  readonly seconds: number;
  /** Requests a second. */
  readonly rate: number;
}

/** A machine without bytes whose only drive is of this kind. */
export function openFlash(build: Build, drive: DriveConfig, config: MachineConfig = {}): Promise<Machine> {
  return openMachine(build, {
    drives: [{ size: '256MiB', ...drive }],
    payload: 'none',
    cache: 65536,
    merge: false,
    ...config,
  });
}

/** A small reproducible sequence of whole numbers below `below`. */
export function draws(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) >>> 0;
    return Math.floor((mixed / 2 ** 32) * below);
  };
}

/** `count` requests of `next(n)`, always `depth` of them outstanding. */
export function closedLoop(
  machine: Machine,
  depth: number,
  count: number,
  next: (number: number) => BlockRequestOptions,
): Outcome {
  const device = machine.blockDevice();
  const startedNs = new Map<BlockRequest, number>();
  const latenciesNs: number[] = [];
  const endsNs: number[] = [];
  const begin = machine.nowNs;
  let submitted = 0;
  const submit = (): void => {
    startedNs.set(device.submit(next(submitted++)), machine.nowNs);
  };
  for (let index = 0; index < Math.min(depth, count); index++) submit();
  while (latenciesNs.length < count) {
    if (!machine.step()) throw new Error('the machine is idle before its requests have ended');
    for (const request of device.reap()) {
      if (request.result !== 0) throw new Error(`a request ended with ${request.result}`);
      latenciesNs.push(machine.nowNs - (startedNs.get(request) as number));
      endsNs.push(machine.nowNs);
      startedNs.delete(request);
      if (submitted < count) submit();
    }
  }
  const seconds = (machine.nowNs - begin) / 1e9;
  return { latenciesNs, endsNs, seconds, rate: count / seconds };
}

/** Requests a second over `count` of them, after as many as `warm` and with `depth` of them always outstanding. */
export function steadyRate(
  machine: Machine,
  depth: number,
  warm: number,
  count: number,
  next: (number: number) => BlockRequestOptions,
): number {
  const { endsNs } = closedLoop(machine, depth, warm + count + depth, next);
  return count / (((endsNs[warm + count] as number) - (endsNs[warm] as number)) / 1e9);
}
