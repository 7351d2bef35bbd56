// What an error of the drive means for a guest: report, ignore, stop and enospc, for each member of a merged I/O.
//
// The drive is an image that fails the calls a test picks. Rows are those of "Behaviours worth testing" in the sheet on
// request merging.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  VIRTIO_BLK_S_IOERR,
  VIRTIO_IO_STATUS_FAILED,
  VIRTIO_IO_STATUS_NOSPACE,
  VIRTIO_IO_STATUS_OK,
} from '../../../assembly/layout.ts';
import type { ErrorPolicy, MachineConfig } from '../../../src/core/options.ts';
import { BUILDS, type Build } from '../../support/machine.ts';
import { type CallName, type FlakyImage, WASI_EIO, WASI_ENOSPC } from '../drive/flaky-image.ts';
import { all, type Disk, OK, openDisk, openFlakyDisk, valuesOf } from './block-disk.ts';
import { NO_STATUS } from './queue.ts';

const IOERR: number = VIRTIO_BLK_S_IOERR;
const CONFIG_WRITEBACK = 0x120;

const failing = (image: FlakyImage, name: CallName, errno: number) => {
  image.fail = (call) => (call.name === name ? errno : 0);
};

const healthy = (image: FlakyImage) => {
  image.fail = () => 0;
};

function open(
  build: Build,
  virtio: NonNullable<MachineConfig['virtio']> = {},
): Promise<{ disk: Disk; image: FlakyImage }> {
  return openFlakyDisk(build, { cacheMode: 'none', virtio });
}

const three = (disk: Disk) => [disk.write(0, 8, 1), disk.write(8, 8, 2), disk.write(16, 8, 3)];

for (const build of BUILDS) {
  const errors = suite(`block errors (${build})`);

  errors(
    'row 24: a merged run of 3 that fails with EIO is three IOERR, failed_ops + 3, merged + 2',
    async () => {
      const { disk, image } = await open(build);
      failing(image, 'pwrite', WASI_EIO);
      assert.equal(disk.serve(...three(disk)), all(3, IOERR));
      const { writes, events, status } = disk.stats();
      assert.equal([writes.failed, writes.merged, writes.operations, writes.bytes], [3, 2, 0, 0]);
      assert.equal([events, status], [3, VIRTIO_IO_STATUS_OK]);
      assert.is(image.take('pwrite').length, 1, 'nobody tries the members alone');
      healthy(image);
      assert.equal(disk.serve(...three(disk)), all(3, OK));
      disk.assertIdle();
    },
  );

  errors(
    'row 25: with ENOSPC and werror=enospc three are parked, and on resume they merge again',
    async () => {
      const { disk, image } = await open(build);
      failing(image, 'pwrite', WASI_ENOSPC);
      const puts = [disk.write(16, 8, 3), disk.write(0, 8, 1), disk.write(8, 8, 2)];
      assert.equal(disk.serve(), []);
      assert.equal(
        puts.map((put) => disk.queue.statusOf(put)),
        all(3, NO_STATUS),
      );
      assert.equal([disk.stats().status, disk.stats().events], [VIRTIO_IO_STATUS_NOSPACE, 3]);
      assert.is(disk.takeRecords().filter(({ kind }) => kind === 'guestStopped').length, 3);

      const late = disk.read(0, 8);
      assert.equal(disk.serve(), [], 'a stopped machine takes nothing from the ring');
      healthy(image);
      image.take();
      disk.takeRecords();
      assert.is(disk.resume(), 0);
      assert.equal(disk.used(), [], 'nothing ends inside the call');
      disk.machine.run();
      assert.equal(disk.ended(...puts, late), all(4, OK));
      const calls = image.take();
      assert.equal(
        calls.filter(({ name }) => name === 'pwrite').map(({ offset, bytes }) => [offset, bytes]),
        [[0, 12288]],
      );
      const requests = disk.takeRecords().filter(({ kind }) => kind === 'guestRequest');
      assert.equal(
        requests.map(({ address }) => address),
        [0, 8, 16, 0],
      );
      const { writes, status } = disk.stats();
      assert.equal([writes.operations, writes.failed, writes.merged, status], [3, 0, 4, VIRTIO_IO_STATUS_OK]);
      assert.equal(disk.sectors(0, 24), [...all(8, 1), ...all(8, 2), ...all(8, 3)]);
      disk.assertIdle();
    },
  );

  errors('row 25: what fails again on resume is parked again, as often as it fails', async () => {
    const { disk, image } = await open(build, { writeError: 'stop', readError: 'stop' });
    failing(image, 'pwrite', WASI_EIO);
    const puts = three(disk);
    disk.queue.kickAndRun();
    for (let round = 0; round < 5; round++) {
      disk.resume();
      disk.machine.run();
      assert.equal(disk.used(), []);
      assert.is(disk.stats().status, VIRTIO_IO_STATUS_FAILED);
    }
    healthy(image);
    disk.resume();
    disk.machine.run();
    assert.equal(disk.ended(...puts), all(3, OK));
    disk.assertIdle();
  });

  errors(
    'row 25: a resume follows the chain as the driver left it, and a bad one breaks the device',
    async () => {
      const { disk, image } = await open(build, { writeError: 'stop' });
      failing(image, 'pwrite', WASI_EIO);
      const puts = three(disk);
      disk.queue.kickAndRun();
      healthy(image);
      disk.queue.describe(puts[1]?.head as number, { address: 0, length: 0 });
      disk.resume();
      disk.machine.run();
      assert.is(disk.queue.needsReset, true);
      assert.equal(disk.used(), []);
      disk.assertIdle();
      assert.is(disk.queue.attach(), 15);
      assert.equal(disk.serve(disk.write(0, 8, 9)), [OK]);
      assert.equal(disk.sectors(0, 8), all(8, 9));
      disk.assertIdle();
    },
  );

  errors('row 26: with werror=ignore three are OK, nr_ops + 3, three events', async () => {
    const { disk, image } = await open(build, { writeError: 'ignore' });
    failing(image, 'pwrite', WASI_EIO);
    assert.equal(disk.serve(...three(disk)), all(3, OK));
    const { writes, events } = disk.stats();
    assert.equal([writes.operations, writes.bytes, writes.failed, events], [3, 12288, 0, 3]);
    disk.assertIdle();
  });

  errors(
    'row 27: a reset forgets what is parked: no used entries, and the write cache as at first',
    async () => {
      const { disk, image } = await open(build, { writeError: 'stop' });
      failing(image, 'pwrite', WASI_EIO);
      disk.queue.write(CONFIG_WRITEBACK, 0, 1);
      const puts = three(disk);
      disk.queue.kickAndRun();
      assert.is(disk.stats().status, VIRTIO_IO_STATUS_FAILED);
      assert.is(disk.queue.read(CONFIG_WRITEBACK, 1), 0);
      healthy(image);
      image.take();
      assert.is(disk.queue.write(0x070, 0), 0);
      assert.is(disk.queue.read(CONFIG_WRITEBACK, 1), 1);
      assert.is(disk.stats().status, VIRTIO_IO_STATUS_OK);
      disk.assertIdle();
      disk.resume();
      disk.machine.run();
      assert.is(disk.queue.usedIndex, 0);
      assert.equal(
        puts.map((put) => disk.queue.statusOf(put)),
        all(3, NO_STATUS),
      );
      assert.equal(image.take('pwrite'), []);
      disk.queue.attach();
      assert.equal(disk.serve(disk.write(8, 8, 7)), [OK]);
      disk.assertIdle();
    },
  );

  errors('a request that fails while a reset waits for it is not parked behind it', async () => {
    const { disk, image } = await open(build, { writeError: 'stop' });
    failing(image, 'pwrite', WASI_EIO);
    const puts = three(disk);
    disk.kick();
    assert.is(disk.queue.write(0x070, 0), 0, 'the reset waits');
    assert.is(disk.stats().status, VIRTIO_IO_STATUS_OK);
    disk.assertIdle();
    healthy(image);
    disk.queue.attach();
    assert.equal(disk.serve(disk.write(32, 8, 4)), [OK], 'the new driver is served');
    assert.equal(
      puts.map((put) => disk.queue.statusOf(put)),
      all(3, NO_STATUS),
    );
    disk.assertIdle();
  });

  /** What a write of each policy gets for each error: its status, or none when it is parked. */
  const TABLE: readonly [ErrorPolicy, number, number][] = [
    ['report', IOERR, IOERR],
    ['ignore', OK, OK],
    ['stop', NO_STATUS, NO_STATUS],
    ['enospc', NO_STATUS, IOERR],
  ];
  for (const [policy, full, other] of TABLE) {
    errors(
      `werror=${policy} and rerror=${policy} decide by the error, for writes, flushes and reads`,
      async () => {
        for (const [errno, expected] of [
          [WASI_ENOSPC, full],
          [WASI_EIO, other],
        ] as const) {
          for (const name of ['pwrite', 'sync', 'pread'] as const) {
            const { disk, image } = await open(build, { writeError: policy, readError: policy });
            assert.equal(disk.serve(disk.write(0, 1, 1)), [OK]);
            failing(image, name, errno);
            const put = {
              pwrite: () => disk.write(8, 8, 1),
              sync: () => disk.flush(),
              pread: () => disk.read(0, 8),
            };
            const request = put[name]();
            disk.queue.kickAndRun();
            assert.is(disk.queue.statusOf(request), expected, `${name} with ${errno}`);
            assert.is(disk.stats().events, 1);
            healthy(image);
            disk.resume();
            disk.machine.run();
            if (expected === NO_STATUS) assert.is(disk.queue.statusOf(request), OK);
            disk.assertIdle();
          }
        }
      },
    );
  }

  errors('the defaults: rerror=report, werror=enospc', async () => {
    const { disk, image } = await openFlakyDisk(build, { cacheMode: 'none' });
    failing(image, 'pread', WASI_ENOSPC);
    assert.equal(disk.serve(disk.read(0, 8)), [IOERR]);
    assert.is(disk.stats().reads.failed, 1);
    failing(image, 'pwrite', WASI_EIO);
    assert.equal(disk.serve(disk.write(0, 8, 1)), [IOERR]);
    failing(image, 'pwrite', WASI_ENOSPC);
    disk.write(0, 8, 1);
    disk.queue.kickAndRun();
    assert.equal(disk.used(), []);
    assert.is(disk.stats().status, VIRTIO_IO_STATUS_NOSPACE);
  });

  errors('a drain does not wait for what is parked', async () => {
    const { disk, image } = await open(build, { writeError: 'stop' });
    failing(image, 'pwrite', WASI_EIO);
    const puts = three(disk);
    disk.queue.kickAndRun();
    assert.is(disk.drainBegin(), 0);
    healthy(image);
    disk.resume();
    disk.machine.run();
    assert.equal(disk.used(), [], 'they come to a node that is quiesced');
    assert.is(disk.drainEnd(), 0);
    disk.machine.run();
    assert.equal(disk.ended(...puts), all(3, OK));
    disk.assertIdle();
  });

  errors(
    'a failed flush of a buffered file makes every later one fail; of a direct one only itself',
    async () => {
      for (const [cacheMode, expected] of [
        ['writeback', IOERR],
        ['none', OK],
      ] as const) {
        const { disk, image } = await openFlakyDisk(build, { cacheMode });
        assert.equal(disk.serve(disk.write(0, 8, 1)), [OK]);
        failing(image, 'sync', WASI_EIO);
        assert.equal(disk.serve(disk.flush()), [IOERR]);
        healthy(image);
        assert.equal(disk.serve(disk.flush()), [expected], cacheMode);
        assert.equal(disk.serve(disk.write(8, 8, 2)), [OK]);
        assert.equal(disk.serve(disk.flush()), [expected], cacheMode);
        assert.is(disk.stats().flushes.failed, expected === OK ? 1 : 3);
        disk.assertIdle();
      }
    },
  );

  errors(
    'a write-through write whose flush fails is an error, and so is every later one of a buffered file',
    async () => {
      for (const [cacheMode, expected] of [
        ['writethrough', IOERR],
        ['directsync', OK],
      ] as const) {
        const { disk, image } = await openFlakyDisk(build, { cacheMode, virtio: { fua: 'flush' } });
        failing(image, 'sync', WASI_EIO);
        assert.equal(disk.serve(disk.write(0, 8, 1)), [IOERR]);
        healthy(image);
        assert.equal(disk.serve(disk.write(8, 8, 2)), [expected], cacheMode);
        disk.assertIdle();
      }
    },
  );

  errors(
    'a bad sector that is read only to fill a block fails the write, and nothing is written',
    async () => {
      for (const [sector, bad] of [
        [9, 4096],
        [7, 0],
        [15, 16384],
      ] as const) {
        const { disk, image } = await open(build, { requestAlignment: 4096 });
        image.fail = ({ name, offset, bytes }) =>
          name === 'pread' && offset <= bad && bad < offset + bytes ? WASI_EIO : 0;
        assert.equal(disk.serve(disk.write(sector, 18, 1)), [IOERR]);
        assert.equal(image.take('pwrite'), []);
        disk.assertIdle();
        healthy(image);
        assert.equal(disk.serve(disk.write(sector, 18, 1)), [OK], 'nobody waits for the failed one');
        disk.assertIdle();
      }
    },
  );

  errors('an error in a chunk ends the request there: chunks before it stay, none follows', async () => {
    const { disk, image } = await openFlakyDisk(build, { cacheMode: 'none', maxTransfer: 8192 });
    image.fail = ({ name, offset }) => (name === 'pwrite' && offset === 8192 ? WASI_EIO : 0);
    assert.equal(disk.serve(disk.write(0, 64, 5)), [IOERR]);
    assert.equal(
      image.take('pwrite').map(({ offset, bytes }) => [offset, bytes]),
      [
        [0, 8192],
        [8192, 8192],
      ],
    );
    assert.equal(disk.sectors(0, 64), [...all(16, 5), ...all(48, 0)]);
    disk.assertIdle();
  });

  errors('rows 35 and 36: a short count of the drive is continued, and none at all is an error', async () => {
    // the file is as long as the device: no request reaches an end of file, where QEMU's two engines differ
    for (const engine of ['threads', 'linux-aio'] as const) {
      const { disk, image } = await open(build, { engine });
      image.short = ({ bytes }) => Math.min(bytes, 512);
      assert.equal(disk.serve(disk.write(0, 8, 5)), [OK], 'the drive asks for the rest');
      const put = disk.read(0, 8);
      assert.equal(disk.serve(put), [OK]);
      assert.equal(valuesOf(disk.queue.dataOf(put)), all(8, 5));
      image.short = ({ name, bytes }) => (name === 'pwrite' ? 0 : bytes);
      assert.equal(disk.serve(disk.write(16, 8, 6)), [IOERR], `${engine}: no byte is written`);
      disk.assertIdle();
    }
  });

  errors(
    'a read-only drive: writes, discards and zeroes are refused, reads and flushes are served',
    async () => {
      for (const engine of ['threads', 'linux-aio'] as const) {
        const config = {
          drives: [{ size: 1048576, readOnly: true }],
          cacheMode: 'none',
          virtio: { engine },
        } as const;
        const disk = await openDisk(build, config);
        const puts = [disk.write(0, 8, 1), disk.read(0, 8), disk.flush(), disk.write(8, 8, 1)];
        assert.equal(disk.serve(...puts), [IOERR, OK, OK, IOERR]);
        assert.equal(disk.operations(), ['R0+4096']);
        assert.is(disk.stats().writes.invalid, 2);
        disk.assertIdle();
      }
    },
  );

  for (const sharedMemory of [0, 4096]) {
    errors(
      `shared memory of ${sharedMemory} bytes: what needs a copy is IOERR, and nothing leaks`,
      async () => {
        const config = { cacheMode: 'none', sharedMemory, virtio: { requestAlignment: 4096 } } as const;
        const disk = await openDisk(build, { ...config, drives: [{ size: 1048576, dmaAlignment: 512 }] });
        for (let round = 0; round < 3; round++) {
          disk.align(512, 1);
          const odd = disk.write(0, 16, 1);
          assert.is.not(odd.data % 512, 0);
          disk.align(512);
          // padded at both ends: two blocks
          assert.equal(disk.serve(odd, disk.write(31, 10, 2), disk.read(63, 10)), all(3, IOERR));
          disk.assertIdle();
        }
        disk.align(512);
        assert.equal(disk.serve(disk.write(0, 16, 3)), [OK], 'what needs none is served');
        disk.assertIdle();
      },
    );
  }

  errors.run();
}
