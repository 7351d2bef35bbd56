// Commits, checkpoints and mounts: what is durable when, how often the drive is flushed, and what errors of the drive do.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  COUNTER_BLOCK_FLUSHES,
  COUNTER_JOURNAL_CHECKPOINTS,
  COUNTER_JOURNAL_COMMITS,
  COUNTER_JOURNAL_SECTORS,
  OPEN_CREATE,
  OPEN_READ,
  OPEN_WRITE,
} from '../../../../assembly/layout.ts';
import type { SparseMemory } from '../../../../src/backing/sparse-memory.ts';
import type { MachineConfig } from '../../../../src/core/options.ts';
import { BUILDS, type Build, EXACT, NO_POOL_IN_USE, poolsInUse } from '../../../support/machine.ts';
import { FlakyImage, openFlaky, WASI_EIO } from '../../drive/flaky-image.ts';
import { ERRNO, type RawStat, RawVolume, SMALL } from './raw-volume.ts';

const journal = suite('files/volume/journal');
const SECOND = 1_000_000_000;

/** Cuts the power and mounts what is left. */
async function crash(
  build: Build,
  volume: RawVolume,
  keep: 'none' | 'all' = 'none',
  config: MachineConfig = {},
): Promise<RawVolume> {
  const memory = volume.machine.memory();
  volume.machine.cutPower({ keep });
  return mounted(build, memory, config);
}

async function mounted(build: Build, memory: SparseMemory, config: MachineConfig = {}): Promise<RawVolume> {
  const volume = await RawVolume.open(build, { drives: [{ size: 1048576, memory }], ...config });
  assert.is(volume.mount(), 0);
  assert.equal(volume.check(), []);
  return volume;
}

function over(volume: RawVolume): void {
  volume.machine.run();
  assert.equal(volume.check(), []);
  assert.equal(poolsInUse(volume.machine), NO_POOL_IN_USE);
}

for (const build of BUILDS) {
  const counter = (volume: RawVolume, which: number) => volume.machine.core.counter(which);

  journal(
    `${build}: a blank drive is ENODATA, something else EINVAL, and both can be formatted`,
    async () => {
      const volume = await RawVolume.open(build);
      assert.is(volume.mount(), ERRNO.ENODATA);
      const other = await RawVolume.open(build);
      other.machine.memory().write(new Uint8Array(512).fill(7), 0);
      assert.is(other.mount(), ERRNO.EINVAL);
      assert.ok(other.check()[0]?.startsWith('2 '), 'not a volume');
      assert.is(other.format(), 0);
      assert.is(other.mount(), 0);
      assert.is(other.mount(), ERRNO.EBUSY);
      assert.is(other.format(), ERRNO.EBUSY);
      assert.equal(other.names('/'), []);
      over(other);
    },
  );

  journal(`${build}: a machine without a volume answers ENODEV`, async () => {
    const volume = await RawVolume.open(build, { volume: false });
    assert.equal(
      [volume.format(), volume.mount(), volume.unmount(), volume.openFile('/')],
      [ERRNO.ENODEV, ERRNO.ENODEV, ERRNO.ENODEV, ERRNO.ENODEV],
    );
  });

  journal(`${build}: a volume of other sizes is not mounted, and says which`, async () => {
    const volume = await RawVolume.fresh(build);
    const memory = volume.machine.memory();
    const other = await RawVolume.open(build, {
      drives: [{ size: 1048576, memory }],
      volume: { ...SMALL, inodes: 65 },
    });
    assert.is(other.mount(), ERRNO.EINVAL);
    assert.equal(other.check(), ['3 0 0 2 64 65']);
    const smaller = await RawVolume.open(build, { drives: [{ size: 524288, memory }] });
    assert.is(smaller.mount(), ERRNO.EINVAL);
  });

  journal(
    `${build}: what fsync has answered for is there after a power cut, what it has not is whole or gone`,
    async () => {
      const volume = await RawVolume.fresh(build);
      assert.is(volume.mkdir('/d'), 0);
      assert.is(volume.create('/d/a'), 0);
      assert.is(volume.sync('/d'), 0);
      assert.is(volume.rename('/d/a', '/b'), 0);
      const after = await crash(build, volume);
      assert.equal(after.names('/'), ['d/']);
      assert.equal(after.names('/d'), ['a']);
      over(after);
    },
  );

  journal(`${build}: five seconds after its first change a transaction is committed on its own`, async () => {
    const volume = await RawVolume.fresh(build);
    assert.is(volume.create('/a'), 0);
    volume.machine.run();
    assert.is(counter(volume, COUNTER_JOURNAL_COMMITS), 0, 'nobody waits for it');
    volume.machine.advance(4.9 * SECOND);
    assert.is(counter(volume, COUNTER_JOURNAL_COMMITS), 0);
    volume.machine.advance(0.2 * SECOND);
    assert.is(counter(volume, COUNTER_JOURNAL_COMMITS), 1);
    assert.is(volume.create('/b'), 0);
    const after = await crash(build, volume);
    assert.equal(after.names('/'), ['a']);
  });

  journal(`${build}: one commit holds every change since the last, each sector once`, async () => {
    const volume = await RawVolume.fresh(build);
    for (let index = 0; index < 5; index++) assert.is(volume.create(`/f${index}`), 0);
    assert.is(volume.sync('/'), 0);
    assert.is(counter(volume, COUNTER_JOURNAL_COMMITS), 1);
    assert.is(counter(volume, COUNTER_JOURNAL_SECTORS), 5 + 1, 'five names, and one sector of six inodes');
    assert.is(volume.sync('/'), 0);
    assert.is(counter(volume, COUNTER_JOURNAL_COMMITS), 1, 'nothing to commit');
    over(volume);
  });

  journal(`${build}: a full journal is emptied by a checkpoint, and nothing is lost on the way`, async () => {
    const volume = await RawVolume.fresh(build);
    for (let round = 0; round < 200; round++) {
      assert.is(volume.create(`/f${round % 40}-${round}`), 0);
      if (round >= 40) assert.is(volume.unlink(`/f${round % 40}-${round - 40}`), 0);
      assert.is(volume.sync('/'), 0);
    }
    assert.ok(counter(volume, COUNTER_JOURNAL_CHECKPOINTS) >= 2);
    const names = volume.names('/');
    over(volume);
    const after = await crash(build, volume);
    assert.equal(after.names('/'), names);
    over(after);
  });

  journal(`${build}: one transaction may touch all there is`, async () => {
    const volume = await RawVolume.fresh(build);
    for (let index = 0; index < 63; index++) assert.is(volume.create(`/f${index}`), 0);
    for (let index = 0; index < 25; index++) assert.is(volume.link('/f0', `/l${index}`), 0);
    assert.is(volume.sync('/'), 0);
    assert.is(counter(volume, COUNTER_JOURNAL_COMMITS), 1);
    const after = await crash(build, volume);
    const names = after.names('/');
    assert.is(typeof names === 'number' ? names : names.length, 88);
  });

  journal(`${build}: an unmount leaves everything at home, and a mount goes on from there`, async () => {
    const volume = await RawVolume.fresh(build);
    assert.is(volume.mkdir('/d'), 0);
    const descriptor = volume.openFile('/d', OPEN_READ);
    assert.is(volume.unmount(), ERRNO.EBUSY);
    assert.is(volume.close(descriptor), 0);
    assert.is(volume.unmount(), 0);
    assert.is(volume.unmount(), ERRNO.ENODEV);
    assert.is(volume.stat('/'), ERRNO.ENODEV);
    assert.is(volume.mount(), 0);
    assert.equal(volume.names('/'), ['d/']);
    assert.is(volume.unmount(), 0);
    assert.is(volume.format(), 0);
    assert.is(volume.mount(), 0);
    assert.equal(volume.names('/'), []);
    over(volume);
  });

  journal(`${build}: the volume's clock goes on where the last mount stopped`, async () => {
    const volume = await RawVolume.fresh(build);
    volume.machine.advance(100 * SECOND);
    assert.is(volume.create('/a'), 0);
    assert.is(volume.sync('/'), 0);
    const after = await crash(build, volume);
    assert.is((after.stat('/a') as RawStat).changeTime, 100 * SECOND);
    after.machine.advance(5);
    assert.is(after.create('/b'), 0);
    assert.ok((after.stat('/b') as RawStat).changeTime >= 100 * SECOND + 5);
  });

  journal(`${build}: a file unlinked while it is open is given back by the next mount`, async () => {
    const volume = await RawVolume.fresh(build);
    const descriptor = volume.openFile('/a', OPEN_READ | OPEN_WRITE | OPEN_CREATE);
    const [address] = volume.put(new Uint8Array(8192).fill(1));
    assert.is(
      volume.call((exports) => exports.filePwrite(descriptor, address, 8192, 0)),
      8192,
    );
    assert.is(volume.unlink('/a'), 0);
    assert.is(
      volume.call((exports) => exports.fileSync(descriptor, 0)),
      0,
    );
    const after = await crash(build, volume);
    after.machine.run();
    assert.equal(after.check(), []);
    const statfs = after.scratch;
    assert.is(
      after.call((exports) => exports.volumeStatfs(statfs)),
      0,
    );
    assert.is(after.machine.core.memory.u32(statfs + 12), 63, 'inodes free');
    assert.is(after.machine.core.memory.u32(statfs + 36), 64, 'extents free');
    over(after);
  });

  journal(`${build}: on a read-only drive the volume is read-only, replay included`, async () => {
    const volume = await RawVolume.fresh(build);
    assert.is(volume.create('/a'), 0);
    assert.is(volume.sync('/'), 0);
    const memory = volume.machine.memory();
    volume.machine.cutPower();
    const after = await mounted(build, memory, { drives: [{ size: 1048576, memory, readOnly: true }] });
    assert.equal(after.names('/'), ['a']);
    assert.equal(
      [
        after.create('/b'),
        after.mkdir('/d'),
        after.unlink('/a'),
        after.rename('/a', '/b'),
        after.link('/a', '/b'),
      ],
      [ERRNO.EROFS, ERRNO.EROFS, ERRNO.EROFS, ERRNO.EROFS, ERRNO.EROFS],
    );
    assert.is(after.openFile('/a', OPEN_WRITE), ERRNO.EROFS);
    assert.ok(after.openFile('/a', OPEN_READ) >= 3);
  });

  journal(`${build}: a journal that can not be written makes the volume read-only`, async () => {
    const image = new FlakyImage();
    const { machine } = await openFlaky(
      build,
      { ...EXACT, drives: [{ size: 1048576 }], volume: SMALL },
      image,
    );
    const volume = new RawVolume(machine);
    assert.equal([volume.format(), volume.mount()], [0, 0]);
    assert.is(volume.create('/kept'), 0);
    assert.is(volume.sync('/'), 0);
    assert.is(volume.create('/lost'), 0);
    const open = volume.openFile('/lost');
    const orphan = volume.openFile('/orphan', OPEN_READ | OPEN_WRITE | OPEN_CREATE);
    const [address] = volume.put(new Uint8Array(4096).fill(1));
    const write = (descriptor: number) =>
      volume.call((exports) => exports.filePwrite(descriptor, address, 4096, 0));
    assert.equal([write(open), write(orphan), volume.unlink('/orphan')], [4096, 4096, 0]);
    image.fail = (call) => (call.name === 'pwrite' ? WASI_EIO : 0);
    assert.is(volume.sync('/'), ERRNO.EIO);
    assert.is(volume.sync('/'), ERRNO.EIO);
    assert.is(volume.create('/more'), ERRNO.EROFS);
    assert.is(write(open), ERRNO.EROFS, 'bytes are a change as well');
    assert.is(volume.openFile('/lost'), ERRNO.EROFS);
    assert.equal(volume.names('/'), ['kept', 'lost'], 'it can still be read');
    assert.equal([volume.close(open), volume.close(orphan)], [0, 0]);
    image.fail = () => 0;
    assert.is(volume.create('/more'), ERRNO.EROFS, 'and stays so');
    machine.run();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    assert.is(volume.unmount(), ERRNO.EIO);
    assert.is(volume.mount(), 0);
    assert.equal(volume.names('/'), ['kept']);
  });

  journal(`${build}: a mount or format that meets an error answers it, and can be tried again`, async () => {
    const image = new FlakyImage();
    const { machine } = await openFlaky(
      build,
      { ...EXACT, drives: [{ size: 1048576 }], volume: SMALL },
      image,
    );
    const volume = new RawVolume(machine);
    let calls = 0;
    const failAt = (which: number) => {
      calls = 0;
      image.fail = () => (++calls === which ? WASI_EIO : 0);
    };
    let which = 1;
    for (failAt(which); volume.format() !== 0; failAt(which)) which++;
    assert.ok(which > 4, 'each call of a format failed once');
    which = 1;
    for (failAt(which); volume.mount() !== 0; failAt(which)) which++;
    assert.ok(which > 2, 'each call of a mount failed once');
    image.fail = () => 0;
    assert.equal(volume.names('/'), []);
    over(volume);
  });

  journal(`${build}: fsync waits for its own transaction, and many wait for one`, async () => {
    const volume = await RawVolume.fresh(build, {
      drives: [{ size: 1048576, model: 'fixed', latencyNs: 1000, channels: 1 }],
    });
    const flushes = counter(volume, COUNTER_BLOCK_FLUSHES);
    assert.is(volume.create('/a'), 0);
    assert.is(volume.sync('/'), 0);
    assert.ok(counter(volume, COUNTER_BLOCK_FLUSHES) - flushes <= 2);
    volume.machine.holdCompletions(true);
    assert.is(volume.create('/b'), 0);
    assert.is(volume.sync('/'), -35, 'EDEADLK: the drive holds it');
    assert.is(volume.unmount(), -35);
    assert.equal(volume.names('/'), ['a', 'b'], 'still mounted');
    volume.machine.holdCompletions(false);
    over(volume);
  });
}

journal.run();
