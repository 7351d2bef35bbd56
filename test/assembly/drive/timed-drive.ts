// Drives that take time, for tests: machines without bytes, arrivals at given times, and service times out of the records.
//
// Verbs: openTimed, arrive, spans, mean.

import type { BlockDevice, BlockRequestOptions } from '../../../src/block-device.ts';
import type { DriveConfig, MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import { type Build, openMachine } from '../../support/machine.ts';

/** One drive that moves no bytes and merges nothing; its records are kept. */
export function openTimed(build: Build, drive: DriveConfig, config: MachineConfig = {}): Promise<Machine> {
  return openMachine(build, {
    drives: [{ size: '1TiB', queueDepth: 4096, ...drive }],
    payload: 'none',
    merge: false,
    records: 131072,
    cache: '64KiB',
    limits: { blockRequests: 4096 },
    ...config,
  });
}

/** A request and the virtual time at which it is submitted. */
export interface Arrival extends BlockRequestOptions {
  readonly atNs: number;
}

/** Submits each request at its time (in ascending order), then runs until all have ended. */
export function arrive(machine: Machine, device: BlockDevice, arrivals: Iterable<Arrival>): void {
  for (const { atNs, ...request } of arrivals) {
    if (atNs > machine.nowNs) machine.advance(atNs - machine.nowNs);
    device.submit(request);
    device.reap();
  }
  machine.run();
  device.reap();
}

/** What became of one request of the drive. */
export interface Span {
  readonly sector: number;
  readonly queuedNs: number;
  readonly issuedNs: number;
  readonly doneNs: number;
}

/** The requests that have ended since the records were last taken, in the order in which they ended. */
export function spans(machine: Machine): Span[] {
  const queued = new Map<number, number>();
  const issued = new Map<number, number>();
  const ended: Span[] = [];
  for (const { kind, id, timeNs, address } of machine.records.take()) {
    if (kind === 'queued') queued.set(id, timeNs);
    else if (kind === 'issued') issued.set(id, timeNs);
    else if (kind === 'completed') {
      ended.push({
        sector: address,
        queuedNs: queued.get(id) ?? timeNs,
        issuedNs: issued.get(id) ?? timeNs,
        doneNs: timeNs,
      });
    }
  }
  return ended;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
