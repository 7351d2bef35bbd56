// The core's player by hand: requests with their times go in, the machine's records and histograms come out.
//
// Verbs: playAsked. One batch, no oracle: for schedules that are looked at request by request, with payload none.

import * as assert from 'uvu/assert';
import {
  DRIVE_TIMES_MOST,
  DRIVE_TIMES_REQUESTS,
  DRIVE_TIMES_TOTAL_NS,
  REPLAY_BACKWARD,
  REPLAY_HELD_FOR_OVERLAP,
  REPLAY_HISTOGRAM_ALL,
  REPLAY_HISTOGRAM_DRIVE,
  REPLAY_HISTOGRAM_LATENCY,
  REPLAY_HISTOGRAM_SERVICE,
  REPLAY_LATE,
  REPLAY_MOST_IN_FLIGHT,
  REPLAY_NOTIFICATIONS,
  REPLAY_REQUESTS,
  REPLAY_THROUGH_AIO,
  REPLAY_THROUGH_BLUESTORE,
  REPLAY_THROUGH_USRBIO,
  REPLAY_THROUGH_VIRTIO,
  ROOT_REPLAY_RECORDS,
  ROOT_REPLAY_STATE,
  TRACE_DISCARD,
  TRACE_FLUSH,
  TRACE_LENGTH,
  TRACE_LINE,
  TRACE_OFFSET,
  TRACE_READ,
  TRACE_RECORD_SIZE,
  TRACE_TIME,
  TRACE_WRITE,
} from '../../../assembly/layout.ts';
import type { CoreExports } from '../../../src/core/exports.ts';
import type { MachineRecord } from '../../../src/records.ts';
import { LatencyHistogram } from '../../../src/replay/latency.ts';
import {
  type Entrance,
  type ReplayOptions,
  replayMachine,
  resolveReplay,
} from '../../../src/replay/options.ts';
import { type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';

export const READ = TRACE_READ;
export const WRITE = TRACE_WRITE;
export const DISCARD = TRACE_DISCARD;
export const FLUSH = TRACE_FLUSH;

export interface Asked {
  readonly operation: number;
  readonly offset: number;
  readonly length: number;
  readonly timeNs: number;
}

export interface Played {
  readonly records: readonly MachineRecord[];
  readonly nowNs: number;
  readonly player: Readonly<
    Record<'requests' | 'notifications' | 'heldForOverlap' | 'late' | 'backward' | 'mostInFlight', number>
  >;
  readonly latency: Readonly<Record<'read' | 'write' | 'discard' | 'flush' | 'all', LatencyHistogram>>;
  readonly service: Readonly<Record<'read' | 'write' | 'discard' | 'flush', LatencyHistogram>>;
  readonly drive: LatencyHistogram;
  readonly driveTimes: { readonly totalNs: number; readonly requests: number; readonly most: number };
}

const THROUGH: Readonly<Record<Entrance, number>> = {
  virtio: REPLAY_THROUGH_VIRTIO,
  aio: REPLAY_THROUGH_AIO,
  usrbio: REPLAY_THROUGH_USRBIO,
  bluestore: REPLAY_THROUGH_BLUESTORE,
};
/** A format with times, in bytes. */
const READER = { entrance: 'aio', unit: 'byte', format: 'fio-iolog-v3', hasClock: true } as const;

/** Plays requests on device 0, in one batch; line n is the n-th of them, from 1. Asserts that nothing is left in hand. */
export async function playAsked(
  build: Build,
  asked: readonly Asked[],
  options: ReplayOptions,
): Promise<Played> {
  const config = resolveReplay({ ...options, records: 65536 }, READER);
  using machine = await openMachine(build, replayMachine(config, options));
  const { core } = machine;
  const { memory } = core;
  const call = (body: (exports: CoreExports) => number) => core.call(body);
  assert.is(
    call((exports) => exports.replayOpen(THROUGH[config.through])),
    0,
  );
  asked.forEach(({ operation, offset, length, timeNs }, index) => {
    const at = core.root(ROOT_REPLAY_RECORDS) + index * TRACE_RECORD_SIZE;
    memory.setU32(at, operation);
    memory.setU32(at + TRACE_LENGTH, length);
    memory.setU64(at + TRACE_OFFSET, offset);
    memory.setU64(at + TRACE_TIME, timeNs);
    memory.setU64(at + TRACE_LINE, index + 1);
  });
  assert.is(
    call((exports) => exports.replayBatch(asked.length)),
    0,
  );
  // three events at a time: what is played does not depend on it
  for (const step of ['replayRun', 'replayDrain'] as const) {
    let result = 1;
    while (result === 1) result = call((exports) => exports[step](3));
    assert.is(result, 0);
  }
  // the rings of USRBIO stay as long as the machine
  const { sharedPages, ...pools } = poolsInUse(machine);
  const { sharedPages: none, ...unused } = NO_POOL_IN_USE;
  assert.equal(pools, unused);
  if (config.through !== 'usrbio') assert.is(sharedPages, none);
  const state = (field: number) => memory.u64(core.root(ROOT_REPLAY_STATE) + field);
  const histogram = (kind: number) =>
    LatencyHistogram.fromCore(
      memory,
      call((exports) => exports.replayHistogram(kind)),
    );
  const group = (first: number) => ({
    read: histogram(first),
    write: histogram(first + 1),
    discard: histogram(first + 2),
    flush: histogram(first + 3),
  });
  const times = call((exports) => exports.driveTimes(0));
  return {
    records: machine.records.take(),
    nowNs: machine.nowNs,
    player: {
      requests: state(REPLAY_REQUESTS),
      notifications: state(REPLAY_NOTIFICATIONS),
      heldForOverlap: state(REPLAY_HELD_FOR_OVERLAP),
      late: state(REPLAY_LATE),
      backward: state(REPLAY_BACKWARD),
      mostInFlight: state(REPLAY_MOST_IN_FLIGHT),
    },
    latency: { ...group(REPLAY_HISTOGRAM_LATENCY), all: histogram(REPLAY_HISTOGRAM_ALL) },
    service: group(REPLAY_HISTOGRAM_SERVICE),
    drive: histogram(REPLAY_HISTOGRAM_DRIVE),
    driveTimes: {
      totalNs: memory.u64(times + DRIVE_TIMES_TOTAL_NS),
      requests: memory.u64(times + DRIVE_TIMES_REQUESTS),
      most: memory.u64(times + DRIVE_TIMES_MOST),
    },
  };
}
