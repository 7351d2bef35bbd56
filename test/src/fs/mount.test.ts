// What Machine.create makes of the drive below a volume: a new volume, the one that is there, or a refusal that says why.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import { VolumeError } from '../../../src/errors.ts';
import { BUILDS, type Build } from '../../support/machine.ts';
import { assertSound, openVolume, reopen, text } from './support.ts';

const mount = suite('mount');

async function refusal(build: Build, config: MachineConfig): Promise<VolumeError> {
  try {
    await openVolume(build, config);
  } catch (error) {
    assert.instance(error, VolumeError, String(error));
    return error as VolumeError;
  }
  throw new Error('it was mounted');
}

for (const build of BUILDS) {
  mount(`${build}: a blank drive gets a volume, which the next machine finds`, async () => {
    const machine = await openVolume(build);
    assert.equal(machine.fs.readdir('/'), []);
    machine.fs.writeFile('/a', 'abc', { flush: true });
    const again = await reopen(build, machine);
    assert.is(text(again.fs.readFile('/a')), 'abc');
    assertSound(again);
  });

  mount(`${build}: a drive that holds something else is left alone, unless format is given`, async () => {
    const memory = new SparseMemory(8 * 1048576);
    memory.write(new TextEncoder().encode('somebody else'), 0);
    const drives = [{ memory }];
    const error = await refusal(build, { drives });
    assert.equal([error.name, error.code, error.errno], ['VolumeError', 'EUCLEAN', -117]);
    assert.match(error.message, 'something else');
    assert.match(error.message, 'volume.format: true');
    const left = new Uint8Array(13);
    memory.read(left, 0);
    assert.is(text(left), 'somebody else');
    const machine = await openVolume(build, { drives, volume: { format: true } });
    assert.equal(machine.fs.readdir('/'), []);
  });

  mount(`${build}: format makes a new volume of an old one`, async () => {
    const machine = await openVolume(build);
    machine.fs.writeFile('/a', 'abc', { flush: true });
    const fresh = await reopen(build, machine, { volume: { format: true } });
    assert.not(fresh.fs.exists('/a'));
    assertSound(fresh);
  });

  mount(`${build}: a volume of other sizes says which`, async () => {
    const machine = await openVolume(build, { volume: { inodes: 64 } });
    const error = await refusal(build, { drives: [{ memory: machine.memory() }], volume: { inodes: 128 } });
    assert.match(error.message, 'the volume was made with inodes 64, the machine was opened with 128');
  });

  mount(`${build}: a damaged volume says what is wrong, sector by sector`, async () => {
    const machine = await openVolume(build);
    machine.fs.writeFile('/a', 'abc');
    machine.fs.unmount();
    const memory = machine.memory();
    // the first sector of metadata, behind the superblocks, holds the root
    const byte = new Uint8Array(1);
    memory.read(byte, 1024 + 40);
    memory.write(
      byte.map((value) => value ^ 1),
      1024 + 40,
    );
    const { message, problems } = await refusal(build, { drives: [{ memory }] });
    assert.match(message, 'the volume is damaged');
    assert.match(problems[0] as string, /^sector 2 of the metadata is damaged/);
    assert.match(message, problems[0] as string);
  });

  mount(`${build}: a volume takes part of a drive, and any drive of the machine`, async () => {
    const volume = { drive: 1, size: '4MiB' };
    const machine = await openVolume(build, { drives: [{ size: '1MiB' }, { size: '8MiB' }], volume });
    machine.fs.writeFile('/a', 'abc', { flush: true });
    machine.cutPower();
    const drives = [{ memory: machine.memory(0) }, { memory: machine.memory(1) }];
    const again = await openVolume(build, { drives, volume });
    assert.is(text(again.fs.readFile('/a')), 'abc');
    assert.ok(again.fs.statfs().blocks < 1024);
    assertSound(again);
  });

  mount(`${build}: drives that take time are mounted as well`, async () => {
    const machine = await openVolume(build, { drives: [{ size: '8MiB', latencyNs: 1000 }] });
    assert.ok(machine.nowNs > 0);
    machine.fs.writeFile('/a', 'abc', { flush: true });
    const drives = [{ memory: machine.memory(), latencyNs: 1000 }];
    const again = await openVolume(build, { drives });
    assert.is(text(again.fs.readFile('/a')), 'abc');
    assertSound(again);
  });
}

mount.run();
