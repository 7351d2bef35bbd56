// One guest I/O is one request of the drive and one vectored call of WASI: counted at the image.
//
// With cache=none and directsync nothing lies between the block layer and the file that may cut, copy or repeat a request.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUILDS } from '../../support/machine.ts';
import type { FlakyImage } from '../drive/flaky-image.ts';
import { all, OK, openFlakyDisk, valuesOf } from './block-disk.ts';

const calls = (image: FlakyImage) =>
  image.take().map(({ name, offset, bytes, pieces }) => [name, offset, bytes, pieces]);

for (const build of BUILDS) {
  const merged = suite(`engine calls (${build})`);

  for (const engine of ['threads', 'linux-aio'] as const) {
    for (const cacheMode of ['none', 'directsync'] as const) {
      const open = (maxTransfer = 0) =>
        openFlakyDisk(build, {
          cacheMode,
          maxTransfer,
          limits: { maxSegments: 1024, maxSectors: 65536 },
          virtio: { engine },
        });
      const syncs = cacheMode === 'directsync' ? [['sync', 0, 0, 0]] : [];

      merged(
        `a merged write of 32 requests is one call, and so is the read, ${engine}, cache=${cacheMode}`,
        async () => {
          const { disk, image } = await open();
          const puts = all(32, 0).map((_, index) =>
            disk.write(((index * 7) % 32) * 8, 8, index + 1, [512, 3584]),
          );
          assert.equal(disk.serve(...puts), all(32, OK));
          assert.equal(disk.driveRequests().slice(0, 1), ['W0+256']);
          assert.equal(calls(image), [['pwrite', 0, 131072, 64], ...syncs]);
          const reads = all(32, 0).map((_, index) => disk.read(((index * 7) % 32) * 8, 8, [512, 3584]));
          assert.equal(disk.serve(...reads), all(32, OK));
          assert.equal(disk.driveRequests(), ['R0+256']);
          assert.equal(calls(image), [['pread', 0, 131072, 64]]);
          reads.forEach((put, index) => {
            assert.equal(valuesOf(disk.queue.dataOf(put)), all(8, index + 1));
          });
          const { reads: readStats, writes } = disk.stats();
          assert.equal([readStats.merged, writes.merged], [31, 31]);
          disk.assertIdle();
        },
      );

      merged(
        `1,024 pieces of one run are one call of 1,024 pieces, ${engine}, cache=${cacheMode}`,
        async () => {
          const { disk, image } = await open();
          const puts = [disk.write(0, 512, 1, all(512, 512)), disk.write(512, 512, 2, all(512, 512))];
          assert.equal(disk.serve(...puts), [OK, OK]);
          assert.equal(calls(image), [['pwrite', 0, 524288, 1024], ...syncs]);
          const read = disk.read(0, 1000, all(1000, 512));
          assert.equal(disk.serve(read), [OK]);
          assert.equal(calls(image), [['pread', 0, 512000, 1000]]);
          assert.equal(valuesOf(disk.queue.dataOf(read)), [...all(512, 1), ...all(488, 2)]);
          disk.assertIdle();
        },
      );

      merged(
        `17 pieces, one more than lie beside an iocb, are one call, ${engine}, cache=${cacheMode}`,
        async () => {
          for (const count of [1, 2, 16, 17]) {
            const { disk, image } = await open();
            assert.equal(disk.serve(disk.write(0, count, 1, all(count, 512))), [OK]);
            assert.equal(calls(image), [['pwrite', 0, count * 512, count], ...syncs]);
            disk.assertIdle();
          }
        },
      );

      merged(
        `a request above max_transfer is a call for each chunk, ${engine}, cache=${cacheMode}`,
        async () => {
          const { disk, image } = await open(8192);
          assert.equal(disk.serve(disk.read(0, 40, [8192, 4096, 8192])), [OK]);
          assert.equal(calls(image), [
            ['pread', 0, 8192, 1],
            ['pread', 8192, 8192, 2],
            ['pread', 16384, 4096, 1],
          ]);
          disk.assertIdle();
        },
      );

      merged(`without merging each request is a call, ${engine}, cache=${cacheMode}`, async () => {
        const { disk, image } = await openFlakyDisk(build, { cacheMode, merge: false, virtio: { engine } });
        const puts = all(8, 0).map((_, index) => disk.read(index * 8, 8));
        assert.equal(disk.serve(...puts), all(8, OK));
        assert.equal(
          calls(image),
          all(8, 0).map((_, index) => ['pread', index * 4096, 4096, 1]),
        );
        disk.assertIdle();
      });
    }
  }

  merged.run();
}
