// Requests that may not wait: how many a drive has room for, and what ends with EAGAIN beyond that.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RWF_NOWAIT } from '../../../assembly/layout.ts';
import type { BlockRequestOptions } from '../../../src/block-device.ts';
import type { DriveConfig } from '../../../src/core/options.ts';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';

const EAGAIN = -11;
const room = suite('room for requests');

for (const build of BUILDS) {
  room(
    `${build}: io_submit: the third RWF_NOWAIT of a drive of depth 2 is EAGAIN, and is accepted after one has ended`,
    async () => {
      for (const op of ['pread', 'pwrite'] as const) {
        const machine = await openMachine(build, { drives: [{ size: '1MiB', queueDepth: 2 }] });
        const file = machine.openFile('drive0', { direct: true });
        const context = machine.createAioContext(8);
        const buffer = machine.buffers.allocate(512);
        const submit = (data: number): void => {
          const offset = data * 8192;
          context.submit([{ op, file, buffer, length: 512, offset, data, rwFlags: RWF_NOWAIT }]);
          machine.run();
        };
        const events = (): number[][] => context.getEvents().map(({ data, res }) => [data, res]);
        machine.holdCompletions(true);
        for (const data of [1, 2, 3]) submit(data);
        assert.equal(events(), [[3, EAGAIN]]);
        machine.releaseCompletion();
        submit(4);
        assert.equal(events(), [[1, 512]]);
        machine.holdCompletions(false);
        machine.run();
        assert.equal(events(), [
          [2, 512],
          [4, 512],
        ]);
        assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      }
    },
  );

  /** Reads that do not touch, until one is refused: how many were taken. */
  const roomOf = async (drive: DriveConfig, more: Partial<BlockRequestOptions> = {}): Promise<number> => {
    const machine = await openMachine(build, {
      drives: [{ size: '4MiB', ...drive }],
      payload: 'none',
      limits: { blockRequests: 1024 },
    });
    const device = machine.blockDevice();
    machine.holdCompletions(true);
    for (let index = 0; ; index++) {
      const request = device.submit({
        operation: 'read',
        sector: index * 8,
        sectorCount: 1,
        nowait: true,
        ...more,
      });
      machine.run();
      if (!request.isDone) continue;
      assert.is(request.result, EAGAIN);
      machine.holdCompletions(false);
      machine.run();
      device.reap();
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      return index;
    }
  };

  room(
    `${build}: a drive has room for queueDepth requests; a scheduler for twice that, at most 256`,
    async () => {
      assert.is(await roomOf({ queueDepth: 1 }), 1);
      assert.is(await roomOf({ queueDepth: 300 }), 300);
      assert.is(await roomOf({ queueDepth: 3, scheduler: 'deadline' }), 6);
      assert.is(await roomOf({ queueDepth: 300, scheduler: 'deadline' }), 256);
    },
  );

  room(`${build}: what joins a waiting request needs no room, and what may wait waits`, async () => {
    const machine = await openMachine(build, { drives: [{ size: '1MiB', queueDepth: 2 }] });
    const device = machine.blockDevice();
    machine.holdCompletions(true);
    const read = (sector: number, nowait: boolean) =>
      device.submit({ operation: 'read', sector, sectorCount: 1, nowait });
    const [joined, refused] = device.plug(() => {
      read(0, true);
      read(100, true);
      return [read(101, true), read(200, true)];
    });
    const waits = read(300, false);
    machine.run();
    assert.equal([joined?.isDone, refused?.result, waits.isDone], [false, EAGAIN, false]);
    machine.holdCompletions(false);
    machine.run();
    assert.equal([joined?.result, waits.result], [0, 0]);
    device.reap();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });
}

room.run();
