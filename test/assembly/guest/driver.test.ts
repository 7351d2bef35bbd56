// The guest's driver of replays: it attaches a device when it is first used, takes every interrupt, and leaves a device behind
// that runs. What a replay makes of its requests is tested in test/src/replay.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  REPLAY_THROUGH_VIRTIO,
  ROOT_REPLAY_RECORDS,
  TRACE_DEVICE,
  TRACE_FLUSH,
  TRACE_LENGTH,
  TRACE_OFFSET,
  TRACE_RECORD_SIZE,
  TRACE_WRITE,
} from '../../../assembly/layout.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';

const EBUSY = -16;
const STATUS = 0x070;
const RECORDS = 4096;

interface Request {
  readonly operation: number;
  readonly device?: number;
  readonly offset?: number;
  readonly bytes?: number;
}

async function open(build: Build, batch: number): Promise<Machine> {
  const drive = { size: 1048576 };
  const machine = await openMachine(build, {
    drives: [drive, drive],
    payload: 'none',
    replay: { records: RECORDS, batch, sectors: 65536, dataBytes: 1048576 },
  });
  assert.is(machine.core.exports.replayOpen(REPLAY_THROUGH_VIRTIO), 0);
  return machine;
}

function play(machine: Machine, requests: readonly Request[]): void {
  const { core } = machine;
  const view = new DataView(core.memory.buffer, core.root(ROOT_REPLAY_RECORDS));
  requests.forEach(({ operation, device = 0, offset = 0, bytes = 0 }, index) => {
    const at = index * TRACE_RECORD_SIZE;
    for (let word = 0; word < TRACE_RECORD_SIZE; word += 4) view.setUint32(at + word, 0, true);
    view.setUint8(at, operation);
    view.setUint16(at + TRACE_DEVICE, device, true);
    view.setUint32(at + TRACE_LENGTH, bytes, true);
    view.setBigUint64(at + TRACE_OFFSET, BigInt(offset), true);
  });
  assert.is(
    core.call((exports) => exports.replayBatch(requests.length)),
    0,
  );
  let result: number;
  do result = core.call((exports) => exports.replayRun(1_000_000));
  while (result === 1);
  assert.is(result, 0);
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

const register = (machine: Machine, device: number, offset: number, width = 4) =>
  machine.core.call((exports) => exports.virtioRead(device, offset, width));

for (const build of BUILDS) {
  const driver = suite(`guest/driver (${build})`);

  driver(
    'it attaches a device with its first request, and leaves it running with no interrupt pending',
    async () => {
      const machine = await open(build, 16);
      const statuses = () => [0, 1].map((device) => register(machine, device, STATUS));
      assert.equal(statuses(), [0, 0]);
      const requests = Array.from({ length: 64 }, (_, index) => ({
        operation: TRACE_WRITE,
        device: 1,
        offset: index * 8192,
        bytes: 4096,
      }));
      play(machine, requests);
      assert.equal(statuses(), [0, 15]);
      play(machine, [{ operation: TRACE_FLUSH }]);
      assert.equal(statuses(), [15, 15]);
      for (const device of [0, 1]) {
        assert.is(register(machine, device, 0x044), 1, 'QueueReady');
        assert.is(register(machine, device, 0x060), 0, 'InterruptStatus');
        assert.is(register(machine, device, 0x120, 1), 1, 'writeback, for FLUSH was accepted');
        assert.is(
          machine.core.call((exports) => exports.virtioMemory(device, 0, 0)),
          EBUSY,
        );
      }
      const { writes, flushes } = machine.counters.guest;
      assert.equal([writes, flushes], [64, 1]);
    },
  );

  driver('its indices wrap at 65,536 on both rings', async () => {
    const machine = await open(build, 64);
    const requests = Array.from({ length: RECORDS }, () => ({ operation: TRACE_FLUSH }));
    for (let count = 0; count < 17; count++) play(machine, requests);
    assert.is(machine.counters.guest.flushes, 17 * RECORDS);
    assert.is(register(machine, 0, STATUS), 15);
  });

  driver.run();
}
