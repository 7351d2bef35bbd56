// Drains of a device: what is counted in flight, what waits outside, nesting, and admission in order.
//
// Rows are those of "Behaviours worth testing" in the sheet on request merging.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { VIRTIO_BLK_S_IOERR } from '../../../assembly/layout.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import { BUILDS, openMachine } from '../../support/machine.ts';
import { all, Disk, OK, openDisk, openFlakyDisk } from './block-disk.ts';
import { NO_STATUS } from './queue.ts';

const EINVAL = -22;
const EDEADLK = -35;
const ENODEV = -19;
const ENGINES = ['threads', 'linux-aio'] as const;

for (const build of BUILDS) {
  const drains = suite(`block drain (${build})`);

  for (const engine of ENGINES) {
    const config: MachineConfig = { cacheMode: 'none', merge: false, virtio: { engine } };
    const slow: MachineConfig = { ...config, drives: [{ size: 1048576, latencyNs: 1000, channels: 8 }] };

    drains(`row 28: a drive that takes no time ends nothing inside the notification, ${engine}`, async () => {
      const disk = await openDisk(build, config);
      const puts = [disk.write(0, 8, 1), disk.read(0, 8), disk.flush(), disk.write(8, 0, 0, [])];
      disk.kick();
      assert.equal(disk.used(), []);
      disk.machine.run();
      assert.equal(disk.ended(...puts), all(4, OK));
      disk.assertIdle();
    });

    drains(`row 28: a drain ends behind the last completion handler, ${engine}`, async () => {
      const disk = await openDisk(build, config);
      const put = disk.write(0, 8, 1);
      disk.kick();
      assert.equal(disk.used(), []);
      assert.is(disk.drainBegin(), 0);
      assert.equal(disk.ended(put), [OK], 'the drain has seen to it');
      assert.is(disk.machine.run(), 0, 'and nothing is left to run');
      assert.is(disk.drainEnd(), 0);
      disk.assertIdle();
    });

    drains(
      `row 29: a drain returns after the two in flight; the third runs when it ends, ${engine}`,
      async () => {
        const disk = await openDisk(build, slow);
        const two = [disk.write(0, 8, 1), disk.write(16, 8, 2)];
        disk.kick();
        assert.is(disk.drainBegin(), 0);
        assert.is(disk.machine.nowNs, 1000, 'it has waited for the drive');
        assert.equal(disk.ended(...two), [OK, OK]);
        const third = disk.write(32, 8, 3);
        disk.queue.kickAndRun();
        assert.equal(disk.used(), []);
        assert.is(disk.queue.statusOf(third), NO_STATUS);
        assert.is(disk.drainEnd(), 0);
        assert.equal(disk.used(), [], 'not inside the call');
        disk.machine.run();
        assert.equal(disk.ended(third), [OK]);
        disk.assertIdle();
      },
    );

    drains(`row 30: drains nest: two begun and one ended are still one, ${engine}`, async () => {
      const disk = await openDisk(build, slow);
      assert.is(disk.drainBegin(), 0);
      assert.is(disk.drainBegin(), 0);
      const put = disk.write(0, 8, 1);
      disk.queue.kickAndRun();
      assert.is(disk.drainEnd(), 0);
      disk.machine.run();
      assert.equal(disk.used(), []);
      assert.is(disk.drainEnd(), 0);
      disk.machine.run();
      assert.equal(disk.ended(put), [OK]);
      assert.is(disk.drainEnd(), EINVAL);
      disk.assertIdle();
    });

    drains(
      `a drive that holds its completions: EDEADLK, and the device is quiesced all the same, ${engine}`,
      async () => {
        const disk = await openDisk(build, config);
        disk.machine.holdCompletions(true);
        const held = disk.write(0, 8, 1);
        disk.kick();
        assert.is(disk.drainBegin(), EDEADLK);
        const late = disk.write(8, 8, 2);
        disk.queue.kickAndRun();
        assert.is(disk.machine.heldCompletions(), 1, 'the late one is not taken');
        disk.machine.holdCompletions(false);
        disk.machine.run();
        assert.equal(disk.ended(held), [OK]);
        assert.is(disk.drainBegin(), 0);
        assert.is(disk.drainEnd(), 0);
        disk.machine.run();
        assert.equal(disk.used(), [], 'the first is still open');
        assert.is(disk.drainEnd(), 0);
        disk.machine.run();
        assert.equal(disk.ended(late), [OK]);
        disk.assertIdle();
      },
    );

    drains(`what comes to a quiesced node waits uncounted and enters in its order, ${engine}`, async () => {
      const { disk, image } = await openFlakyDisk(build, {
        ...config,
        virtio: { engine, writeError: 'stop' },
      });
      image.fail = ({ name }) => (name === 'pwrite' ? 29 : 0);
      const sectors = [40, 0, 24, 8, 80, 64];
      const puts = sectors.map((sector) => disk.write(sector, 8, 1));
      disk.queue.kickAndRun();
      image.fail = () => 0;
      assert.is(disk.drainBegin(), 0);
      disk.resume();
      disk.machine.run();
      assert.equal(disk.used(), []);
      assert.is(disk.drainBegin(), 0, 'a drain does not wait for them');
      assert.is(disk.drainEnd(), 0);
      image.take();
      assert.is(disk.drainEnd(), 0);
      disk.machine.run();
      assert.equal(disk.ended(...puts), all(6, OK));
      assert.equal(
        image.take('pwrite').map(({ offset }) => offset / 512),
        sectors,
      );
      disk.assertIdle();
    });

    drains(
      `a drain ends in the middle of a split, padded or stopped request as well, ${engine}`,
      async () => {
        for (let steps = 0; steps < 30; steps++) {
          const disk = await openDisk(build, {
            ...slow,
            maxTransfer: 4096,
            virtio: { engine, requestAlignment: 4096 },
          });
          const puts = [disk.write(1, 30, 1), disk.write(20, 30, 2), disk.read(3, 40), disk.flush()];
          disk.kick();
          for (let step = 0; step < steps; step++) disk.machine.step();
          assert.is(disk.drainBegin(), 0);
          assert.equal(disk.ended(...puts), all(4, OK));
          assert.equal(disk.sectors(1, 49), [...all(19, 1), ...all(30, 2)]);
          disk.assertIdle();
        }
      },
    );

    drains(`a reset waits for what is in flight and publishes nothing of it, ${engine}`, async () => {
      const disk = await openDisk(build, slow);
      const put = disk.write(0, 8, 1);
      disk.kick();
      assert.is(disk.queue.write(0x070, 0), 0);
      assert.is(disk.machine.nowNs, 1000);
      assert.equal([disk.queue.usedIndex, disk.queue.statusOf(put)], [0, NO_STATUS]);
      assert.equal(disk.sectors(0, 8), all(8, 1));
      disk.assertIdle();
    });

    drains(`devices drain by themselves, ${engine}`, async () => {
      const machine = await openMachine(build, {
        ...config,
        drives: [0, 1].map(() => ({ size: 1048576, latencyNs: 1000 })),
      });
      const [one, two] = [0, 1].map((device) => new Disk(machine, { device })) as [Disk, Disk];
      assert.is(one.drainBegin(), 0);
      const puts = [one.write(0, 8, 1), two.write(0, 8, 2)] as const;
      one.kick();
      two.kick();
      machine.run();
      assert.equal(two.ended(puts[1]), [OK]);
      assert.equal(one.used(), []);
      assert.is(one.drainEnd(), 0);
      machine.run();
      assert.equal(one.ended(puts[0]), [OK]);
      one.assertIdle();
    });
  }

  drains('a drain does not flush', async () => {
    const disk = await openDisk(build, { cacheMode: 'none' });
    assert.equal(disk.serve(disk.write(0, 8, 1)), [OK]);
    assert.is(disk.drainBegin(), 0);
    assert.is(disk.machine.volatileWrites(), 1);
    assert.is(disk.drainEnd(), 0);
  });

  drains('an empty request passes every check but its place', async () => {
    const disk = await openDisk(build, { cacheMode: 'none', virtio: { requestAlignment: 4096 } });
    const puts = [disk.write(3, 0, 0, []), disk.read(2048, 0, []), disk.write(2049, 0, 0, [])];
    assert.equal(disk.serve(...puts), [OK, OK, VIRTIO_BLK_S_IOERR]);
    assert.equal(disk.operations(), []);
    disk.assertIdle();
  });

  drains('a device that does not exist has nothing to drain or resume', async () => {
    const machine = await openMachine(build, {});
    for (const device of [1, -1, 2 ** 31 - 1]) {
      for (const name of ['virtioDrainBegin', 'virtioDrainEnd', 'virtioResume', 'virtioStats'] as const)
        assert.is(
          machine.core.call((exports) => exports[name](device)),
          ENODEV,
        );
    }
  });

  drains.run();
}
