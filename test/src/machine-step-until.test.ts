// Stepping with a deadline: one event at a time, those of the background included, and events taken from a ring while nothing happens.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fsync, Machine, pwrite } from '../../src/index.ts';

const stepping = suite('stepUntil');

stepping('it runs one event at a time, and then it is the deadline', async () => {
  const machine = await Machine.create({ drives: [{ latencyNs: 1000 }] });
  const device = machine.blockDevice();
  device.submit({ operation: 'read', sector: 0, sectorCount: 8 });
  assert.is(machine.stepUntil(999), false);
  assert.is(machine.nowNs, 999);
  assert.is(device.reap().length, 0);
  assert.is(machine.stepUntil(5000), true);
  assert.is(machine.nowNs, 1000);
  while (machine.stepUntil(5000));
  assert.is(machine.nowNs, 5000);
  assert.is(device.reap().length, 1);
});

stepping('event by event it comes to the same records as advance() at once', async () => {
  const play = async (pass: (machine: Machine, timeNs: number) => void) => {
    const machine = await Machine.create({ records: true, drives: [{ latencyNs: 1000 }] });
    machine.openFile('drive0').write(new Uint8Array(65536).fill(1), 0);
    pass(machine, 40e9);
    return machine;
  };
  const atOnce = await play((machine, timeNs) => machine.advance(timeNs));
  let steps = 0;
  const stepped = await play((machine, timeNs) => {
    while (machine.stepUntil(timeNs)) steps++;
  });
  assert.is(stepped.recordHash, atOnce.recordHash);
  assert.is(stepped.nowNs, atOnce.nowNs);
  assert.ok(steps > 3, `${steps} events`);
  assert.is(stepped.vmstat().nr_dirty, 0);
});

stepping('a time in the past runs what is due and moves no clock; a bad one is refused', async () => {
  const machine = await Machine.create();
  machine.advance(100);
  assert.is(machine.stepUntil(50), false);
  assert.is(machine.nowNs, 100);
  for (const bad of [-1, Number.NaN, 2 ** 53 + 2]) {
    try {
      machine.stepUntil(bad);
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, 'timeNs');
    }
  }
});

stepping('takeEvents takes what is on the ring and lets nothing happen, around its end too', async () => {
  const machine = await Machine.create({ aioMaxNr: 64 });
  const file = machine.openFile('drive0');
  const context = machine.createAioContext(1);
  const buffer = machine.allocateBuffer(512);
  let taken = 0;
  for (let round = 0; round < 100; round++) {
    context.submit([pwrite(file, buffer, 0, { data: round * 2 }), fsync(file, { data: round * 2 + 1 })]);
    const before = machine.stepCount;
    assert.equal(context.takeEvents(), []);
    assert.is(machine.stepCount, before);
    machine.run();
    const events = context.takeEvents();
    assert.equal(events.map(({ data }) => data).sort(), [round * 2, round * 2 + 1].sort());
    assert.ok(events.every(({ res }) => res >= 0));
    taken += events.length;
  }
  assert.is(taken, 200);
  assert.ok(taken > context.slotCount);
  assert.equal(context.getEvents(), []);
});

stepping.run();
