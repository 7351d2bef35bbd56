// What faults leave stays with the disk: over snapshots, clones and crashes. Behaviours 15, 29, 31 and 33 of the fact sheet on crash consistency.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Machine } from '../../src/machine.ts';
import { valuesOf } from '../assembly/drive/held-drive.ts';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';

const fill = (value: number, sectors = 1) => new Uint8Array(sectors * 512).fill(value);
const first = (machine: Machine, sector = 0) => machine.blockDevice().read(sector, 1)[0] as number;

/** The first sector's value after each way in which the power can go. */
function images(machine: Machine): number[] {
  const choices = machine.uncertainWrites().reduce((sum, write) => sum + write.choices, 0);
  const all = Array.from({ length: 1 << choices }, (_, mask) =>
    valuesOf(machine.crash('power', { choose: BigInt(mask) }).memory(), 1),
  );
  return [...new Set(all.flat())].sort();
}

const damage = suite('damage over a crash');

for (const build of BUILDS) {
  const test = (name: string, body: (machine: Machine) => void) =>
    damage(`${build}: ${name}`, async () => {
      const machine = await openMachine(build, {
        drives: [{ size: 32768 }],
        cache: '64KiB',
        buffers: '1MiB',
        sharedMemory: '64KiB',
        aioMaxNr: 16,
      });
      body(machine);
    });

  test('behaviour 15: a flush that is ignored leaves the write uncertain; once honest, the next covers all', (machine) => {
    const file = machine.openFile('drive0');
    const rule = machine.faults.add('ignoredFlush on=flush');
    file.write(fill(1), 0);
    file.sync();
    assert.equal(images(machine), [0, 1]);
    machine.faults.disable(rule);
    file.sync();
    // nothing was dirty, and the drive is flushed all the same
    assert.equal(images(machine), [1]);
  });

  test('behaviour 31: what a failed flush should have covered may be lost, although the next one succeeds', (machine) => {
    const file = machine.openFile('drive0');
    machine.faults.add('failedFlush on=flush times=1');
    file.write(fill(1), 0);
    assert.throws(() => file.sync(), /EIO/);
    file.sync();
    assert.equal(images(machine), [0, 1]);
    const after = machine.crash('os');
    after.blockDevice().flush();
    assert.equal(images(after), [0, 1], 'nor does a flush of the next system cover it');
  });

  test('behaviour 33: a request that is stuck when the power goes is uncertain', (machine) => {
    const device = machine.blockDevice();
    machine.faults.add('stuck on=write times=1');
    const stuck = device.submit({ operation: 'write', sector: 0, data: fill(1) });
    device.write(8, fill(2));
    machine.advance(1e9);
    assert.is(stuck.isDone, false);
    assert.equal(images(machine), [0, 1]);
    const after = machine.crash('os');
    assert.equal(poolsInUse(after), NO_POOL_IN_USE);
    assert.equal(images(after), [0, 1]);
  });

  test('behaviour 29: rot lasts over crashes and clones; a snapshot from before shows the good byte', (machine) => {
    const device = machine.blockDevice();
    device.write(0, fill(7), { fua: true });
    const before = machine.snapshot();
    machine.faults.add('rot range=0+512 bits=8');
    const rotten = device.read(0, 1).join();
    assert.is.not(rotten, fill(7).join());
    for (const other of [
      machine.clone(),
      machine.crash('os'),
      machine.crash('power'),
      machine.crash('process'),
    ])
      assert.is(other.blockDevice().read(0, 1).join(), rotten);
    machine.restore(before);
    assert.is(device.read(0, 1).join(), fill(7).join());
    assert.is(machine.faults.layers().length, 0);
  });

  test('a write that was lost is lost for the machines after it, and heals where it is written again', (machine) => {
    const device = machine.blockDevice();
    device.write(0, fill(1), { fua: true });
    machine.faults.add('lostWrite on=write times=1');
    device.write(0, fill(2), { fua: true });
    assert.is(first(machine), 1);
    const after = machine.crash('power');
    assert.is(first(after), 1);
    assert.is(after.faults.layers().length, 1);
    after.faults.heal();
    assert.is(first(after), 2, 'the layer file came along');
    assert.is(first(machine), 1);
    after.blockDevice().write(0, fill(3), { fua: true });
    assert.is(first(after.crash('power')), 3);
  });

  test('rules go on counting where they were', (machine) => {
    const device = machine.blockDevice();
    machine.faults.add('eio on=write nth=3');
    device.write(0, fill(1));
    device.write(1, fill(1));
    const snapshot = machine.snapshot();
    const fails = (one: Machine) => {
      assert.throws(() => one.blockDevice().write(2, fill(1)), /EIO/);
      one.blockDevice().write(2, fill(1));
    };
    for (const other of [machine.clone(), machine.crash('os'), machine.crash('process')]) fails(other);
    fails(machine);
    machine.restore(snapshot);
    fails(machine);
  });
}

damage.run();
