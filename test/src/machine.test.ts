// The machine's own verbs: time, steps, holds, power, closing, and what it refuses.
//
// Also: an assertion of the core becomes an InternalError and ends the machine.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COUNTER_NR_DIRTY, ROOT_COUNTERS } from '../../assembly/layout.ts';
import { ConfigError, InternalError, StorageError } from '../../src/errors.ts';
import { Machine } from '../../src/index.ts';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';

const machines = suite('machine');

machines('Machine.create() needs nothing and has one 64 MiB drive', async () => {
  using machine = await Machine.create();
  assert.is(machine.driveCount, 1);
  assert.is(machine.openFile('drive0').size, 67108864);
  assert.is(machine.nowNs, 0);
});

for (const build of BUILDS) {
  machines(`${build}: advance lets exactly that much time pass, events included`, async () => {
    const machine = await openMachine(build, { drives: [{ latencyNs: 1000, channels: 1 }] });
    const file = machine.openFile('drive0', { direct: true });
    const context = machine.createAioContext(4);
    const buffer = machine.buffers.allocate(512);
    context.submit([0, 8192].map((offset) => ({ op: 'pread', file, buffer, length: 512, offset })));
    machine.advance(999);
    assert.equal([machine.nowNs, context.getEvents().length], [999, 0]);
    machine.advance(1);
    assert.equal([machine.nowNs, context.getEvents().length], [1000, 1]);
    machine.advance(10 ** 12);
    assert.equal([machine.nowNs, context.getEvents().length], [10 ** 12 + 1000, 1]);
    for (const wrong of [-1, Number.NaN, 2 ** 53 + 2])
      assert.throws(
        () => machine.advance(wrong),
        (error: unknown) => error instanceof ConfigError,
      );
  });

  machines(`${build}: step runs one event, run all of them, and an idle machine none`, async () => {
    const machine = await openMachine(build);
    assert.is(machine.step(), false);
    assert.is(machine.run(), 0);
    const file = machine.openFile('drive0', { direct: true });
    const context = machine.createAioContext(4);
    context.submit([{ op: 'pread', file, buffer: machine.buffers.allocate(512), length: 512, offset: 0 }]);
    assert.is(machine.step(), true);
    assert.ok(machine.run() > 0);
    assert.is(machine.step(), false);
    assert.is(context.getEvents().length, 1);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  machines(`${build}: a drive that does not exist is ENODEV`, async () => {
    const machine = await openMachine(build);
    for (const call of [
      () => machine.holdCompletions(true, 1),
      () => machine.heldCompletions(1),
      () => machine.releaseCompletion(0, 1),
      () => machine.volatileWrites(1),
    ])
      assert.throws(call, (error: unknown) => error instanceof StorageError && error.code === 'ENODEV');
    assert.throws(
      () => machine.memory(1),
      (error: unknown) => error instanceof ConfigError,
    );
    assert.throws(
      () => machine.attachDrive(1),
      (error: unknown) => error instanceof ConfigError,
    );
  });

  machines(`${build}: a machine that keeps no replaced bytes refuses to cut the power`, async () => {
    for (const config of [{ powerCuts: false }, { payload: 'none' }] as const) {
      const machine = await openMachine(build, config);
      assert.throws(
        () => machine.cutPower(),
        (error: unknown) => error instanceof ConfigError && error.field === 'powerCuts',
      );
    }
    const machine = await openMachine(build);
    assert.throws(
      () => machine.cutPower({ keep: 'some' as 'all' }),
      (error: unknown) => error instanceof ConfigError && error.field === 'keep',
    );
  });

  machines(`${build}: a power cut takes the page cache, and keep: 'all' what the drive had`, async () => {
    const machine = await openMachine(build, { drives: [{ size: 8192 }] });
    machine.openFile('drive0').write(new Uint8Array([1]), 0);
    machine.openFile('drive0', { direct: true }).write(new Uint8Array(512).fill(2), 4096);
    assert.equal(machine.cutPower({ keep: 'all' }), [0]);
    const seen = (await openMachine(build, { drives: [{ memory: machine.memory() }] }))
      .openFile('drive0')
      .read(4097, 0);
    assert.equal([seen[0], seen[4096]], [0, 2]);
  });

  machines(`${build}: drives of a large machine get their memory when they are attached`, async () => {
    const machine = await openMachine(build, {
      drives: Array.from({ length: 65 }, () => ({ size: 4096 })),
      limits: { virtioRequests: 0 },
      powerCuts: false,
    });
    assert.throws(
      () => machine.memory(64),
      (error: unknown) => error instanceof ConfigError,
    );
    machine.attachDrive(64);
    machine.attachDrive(64);
    machine.openFile('drive64', { dsync: true }).write(new Uint8Array([3]), 0);
    const seen = new Uint8Array(1);
    machine.memory(64).read(seen, 0);
    assert.is(seen[0], 3);
  });

  machines(
    `${build}: a broken invariant is an InternalError with seed and step, and the machine is dead`,
    async () => {
      const machine = await openMachine(build, { seed: 77 });
      const file = machine.openFile('drive0');
      file.write(new Uint8Array(1), 0);
      machine.core.memory.setU32(machine.core.root(ROOT_COUNTERS) + COUNTER_NR_DIRTY, 0);
      for (const call of [() => file.sync(), () => file.read(1, 0), () => machine.run()]) {
        try {
          call();
          assert.unreachable('it went on');
        } catch (error) {
          assert.instance(error, InternalError, String(error));
          const { code, seed, step, message, cause } = error as InternalError;
          assert.is(code, 'ERR_SECTORLAB_INTERNAL');
          assert.is(seed, 77);
          assert.ok(step > 0);
          assert.match(message, /a gauge fell below zero \(.*counters\.ts:\d+\) \(seed 77, step \d+\)/);
          assert.instance(cause, WebAssembly.RuntimeError);
        }
      }
    },
  );
}

machines.run();
