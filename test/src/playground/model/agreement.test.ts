// test-timeout: 300
// The stack told by records alone is the machine: after every step of every scene it counts what the machine counts.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { BlockRequest, CachedPage, StackState } from '../../../../src/playground/model/types.ts';
import type { SceneRun } from '../../../../src/playground/scene/run.ts';
import { SCENES } from '../../../../src/playground/scenes/index.ts';
import { COALESCED, FAILING_GUEST } from '../support/corner-scenes.ts';
import { ENTRANCE_SCENES, TOGETHER } from '../support/entrances.ts';
import { playBeside } from '../support/model.ts';

const agreement = suite('model agreement');

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** What the model says, by the names of the machine's counters. */
function told({ cache, drives, rings, guests }: StackState) {
  const pages = cache.slots.filter((page): page is CachedPage => page !== undefined);
  const issued = (pick: (drive: StackState['drives'][number]) => number) => sum(drives.map(pick));
  return {
    nrFilePages: [cache.pageCount, pages.length],
    nrDirty: [cache.dirtyCount, pages.filter(({ dirty }) => dirty !== 0).length],
    nrWriteback: [cache.writebackCount, pages.filter(({ state }) => state === 'writeback').length],
    hits: cache.hits,
    misses: cache.misses,
    refaults: cache.refaults,
    nrActiveFile: pages.filter(({ isActive }) => isActive).length,
    merges: issued(({ merges }) => merges),
    reads: issued(({ reads }) => reads),
    writes: issued(({ writes }) => writes),
    flushes: issued(({ flushes }) => flushes),
    discards: issued(({ discards }) => discards),
    errors: issued(({ errors }) => errors),
    faults: issued(({ faults }) => faults),
    destaged: issued(({ destaged }) => destaged),
    inService: drives.map(({ inService }) => inService.length),
    volatileWrites: drives.map(({ volatileWrites }) => volatileWrites.length),
    // a sync of USRBIO goes through AIO
    asked: sum(rings.map(({ inFlight }) => inFlight)),
    guestMerges: sum(guests.map(({ merges }) => merges)),
  };
}

function counted({ machine }: SceneRun): ReturnType<typeof told> {
  const { cache, reclaim, block, drive, aio, usrbio, guest } = machine.counters;
  const ofDrives = (of: (index: number) => number): number[] =>
    Array.from({ length: machine.driveCount }, (_, index) => of(index));
  return {
    nrFilePages: [cache.nrFilePages, cache.nrFilePages],
    nrDirty: [cache.nrDirty, cache.nrDirty],
    nrWriteback: [cache.nrWriteback, cache.nrWriteback],
    hits: cache.hits,
    misses: cache.misses,
    refaults: reclaim.refaults,
    nrActiveFile: reclaim.nrActiveFile,
    merges: block.readMerges + block.writeMerges,
    reads: drive.reads,
    writes: drive.writes,
    flushes: drive.flushes,
    discards: drive.discards,
    errors: drive.errors,
    faults: drive.faults,
    destaged: drive.destaged,
    inService: ofDrives((index) => machine.diskStat(index).in_flight),
    volatileWrites: ofDrives((index) => machine.volatileWrites(index)),
    asked: aio.submitted - aio.completed + usrbio.prepared - usrbio.completed,
    guestMerges: guest.readsMerged + guest.writesMerged,
  };
}

for (const scene of [...SCENES, ...ENTRANCE_SCENES, TOGETHER, COALESCED, FAILING_GUEST]) {
  agreement(`${scene.id}: the model counts what the machine counts, after every step`, async () => {
    let last: StackState | undefined;
    await playBeside(scene, (played, run) => {
      last = run.stateAt(run.stepCount);
      if (last === undefined) throw new Error('no state of a step that is known');
      assert.equal(told(last), counted(played), `step ${run.stepCount}`);
      assert.is(run.hash(run.stepCount), played.machine.recordHash);
      assert.is(last.nowNs, played.machine.nowNs);
      for (const page of last.cache.slots)
        if (page !== undefined) assert.is(page.slot >= last.cache.capacityPages, page.isLeaving, page.key);
    });
    const left: BlockRequest[] = (last?.drives ?? []).flatMap(({ waiting, inService }) => [
      ...waiting,
      ...inService,
    ]);
    assert.equal(left, [], 'requests are left over');
  });
}

agreement.run();
