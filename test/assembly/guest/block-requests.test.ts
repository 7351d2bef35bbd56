// QEMU's block layer below the device: alignment, serialising, splitting, FUA and flushes, zeros and discards.
//
// What reached the file is read from the records of operations, in order. Rows are those of "Behaviours worth testing" and
// §6.3 in the sheet on request merging; 45 and 46 stand in test/assembly/block, 47 waits for a deadline scheduler.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { VIRTIO_BLK_S_IOERR } from '../../../assembly/layout.ts';
import type { CacheMode, MachineConfig } from '../../../src/core/options.ts';
import { BUILDS, openMachine } from '../../support/machine.ts';
import { all, Disk, OK, openDisk, openFlakyDisk, valuesOf } from './block-disk.ts';

const ENGINES = ['threads', 'linux-aio'] as const;
const SLOW = [{ size: 1048576, latencyNs: 1000, channels: 64 }] as const;

/** A drive whose sector n holds n, as the device sees it, with nothing dirty. */
function fillSectors(disk: Disk, count: number): void {
  const file = disk.machine.openFile('drive0', { direct: true });
  for (let sector = 0; sector < count; sector++)
    file.write(new Uint8Array(512).fill(sector + 100), sector * 512);
  file.close();
  disk.takeRecords();
}

const old = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => first + index + 100);

interface PaddedRow {
  readonly offset: number;
  readonly bytes: number;
  readonly reads: readonly string[];
  readonly write: string;
}

const PADDED: readonly PaddedRow[] = [
  { offset: 4608, bytes: 512, reads: ['R4096+4096'], write: 'W4096+4096' },
  { offset: 4096, bytes: 512, reads: ['R4096+4096'], write: 'W4096+4096' },
  { offset: 3584, bytes: 1024, reads: ['R0+8192'], write: 'W0+8192' },
  { offset: 512, bytes: 8192, reads: ['R0+4096', 'R8192+4096'], write: 'W0+12288' },
  { offset: 4096, bytes: 4608, reads: ['R8192+4096'], write: 'W4096+8192' },
];

for (const build of BUILDS) {
  const requests = suite(`block requests (${build})`);
  const open = (config: MachineConfig = {}) => openDisk(build, config);

  for (const cacheMode of ['writeback', 'none'] as const) {
    for (const { offset, bytes, reads, write } of PADDED) {
      const [sector, count] = [offset / 512, bytes / 512];
      requests(`row 38: request_alignment 4096, ${bytes} at ${offset}, cache=${cacheMode}`, async () => {
        const disk = await open({ cacheMode, virtio: { requestAlignment: 4096 } });
        fillSectors(disk, 40);
        assert.equal(disk.serve(disk.write(sector, count, 7)), [OK]);
        assert.equal(disk.operations(), [...reads, write]);
        assert.equal(disk.sectors(0, 40), [
          ...old(0, sector),
          ...all(count, 7),
          ...old(sector + count, 40 - sector - count),
        ]);
        disk.takeRecords();

        disk.queue.bytes.fill(0xee, disk.queue.mark(), disk.queue.mark() + 16384);
        const put = disk.read(sector, count, count > 2 ? [512, bytes - 1024, 512] : [bytes]);
        assert.equal(disk.serve(put), [OK]);
        assert.equal(disk.operations(), [write.replace('W', 'R')], 'a read is widened, in one pass');
        assert.equal(valuesOf(disk.queue.dataOf(put)), all(count, 7));
        disk.assertIdle();
      });
    }
  }

  requests('row 38: aligned requests are neither widened nor serialised', async () => {
    const disk = await open({ cacheMode: 'none', virtio: { requestAlignment: 4096 } });
    assert.equal(disk.serve(disk.write(8, 16, 7)), [OK]);
    assert.equal(disk.operations(), ['W4096+8192']);
    disk.assertIdle();
  });

  for (const engine of ENGINES) {
    requests(`row 39: two unaligned writes into one block both survive, ${engine}`, async () => {
      const disk = await open({
        cacheMode: 'none',
        drives: SLOW,
        merge: false,
        virtio: { requestAlignment: 4096, engine },
      });
      fillSectors(disk, 16);
      assert.equal(disk.serve(disk.write(1, 1, 7), disk.write(5, 1, 8)), [OK, OK]);
      assert.equal(disk.operations(), ['R0+4096', 'W0+4096', 'R0+4096', 'W0+4096']);
      assert.equal(disk.sectors(0, 8), [100, 7, 102, 103, 104, 8, 106, 107]);
      disk.assertIdle();
    });
  }

  requests(
    'a request waits for a serialising one that it touches, others pass, and each wait ends in order',
    async () => {
      const disk = await open({
        cacheMode: 'none',
        drives: SLOW,
        merge: false,
        virtio: { requestAlignment: 4096 },
      });
      fillSectors(disk, 64);
      const names = new Map<number, string>();
      const put = (name: string, { head }: { head: number }) => names.set(head, name);
      put('unaligned', disk.write(1, 1, 1));
      put('whole block', disk.write(0, 8, 2));
      put('same block', disk.write(2, 1, 3));
      put('zeroes', disk.zeroes(3, 1));
      put('next block', disk.write(8, 8, 4));
      put('far', disk.write(32, 8, 5));
      disk.queue.kickAndRun();
      assert.equal(
        disk.used().map((head) => names.get(head)),
        // zeroes and whole block are plain: they need not wait for each other
        ['next block', 'far', 'unaligned', 'whole block', 'zeroes', 'same block'],
      );
      assert.equal(disk.sectors(0, 16), [2, 2, 3, 0, 2, 2, 2, 2, ...all(8, 4)]);
      disk.assertIdle();
    },
  );

  requests('a serialising write waits for plain ones in flight, and reads what they wrote', async () => {
    for (const engine of ENGINES) {
      const disk = await open({
        cacheMode: 'none',
        drives: SLOW,
        merge: false,
        virtio: { requestAlignment: 4096, engine },
      });
      fillSectors(disk, 32);
      const puts = [disk.write(0, 8, 2), disk.write(8, 8, 3), disk.write(6, 4, 4), disk.read(0, 16)];
      assert.equal(disk.serve(...puts), all(4, OK));
      assert.equal(disk.operations(), ['W0+4096', 'W4096+4096', 'R0+8192', 'R0+8192', 'W0+8192']);
      assert.equal(disk.sectors(0, 16), [...all(6, 2), ...all(4, 4), ...all(6, 3)]);
      disk.assertIdle();
    }
  });

  requests(
    'row 40: two plain overlapping writes in flight both complete, and one of them wins each sector',
    async () => {
      for (const engine of ENGINES) {
        const disk = await open({ cacheMode: 'none', drives: SLOW, merge: false, virtio: { engine } });
        disk.machine.holdCompletions(true);
        const puts = [disk.write(0, 16, 1), disk.write(8, 16, 2)];
        disk.queue.kickAndRun();
        assert.is(disk.machine.heldCompletions(), 2, 'neither waits for the other');
        disk.machine.holdCompletions(false);
        disk.machine.run();
        assert.equal(disk.ended(...puts), [OK, OK]);
        const values = disk.sectors(0, 24);
        assert.equal([values.slice(0, 8), values.slice(16)], [all(8, 1), all(8, 2)]);
        assert.ok(values.slice(8, 16).every((value) => value === 1 || value === 2));
        disk.assertIdle();
      }
    },
  );

  const SYNCHRONOUS: readonly CacheMode[] = ['writethrough', 'directsync'];
  for (const cacheMode of SYNCHRONOUS) {
    for (const fua of ['native', 'flush'] as const) {
      requests(`row 41: cache=${cacheMode}, fua=${fua}: a flush a write, one for a merged run`, async () => {
        const { disk, image } = await openFlakyDisk(build, { cacheMode, virtio: { fua } });
        for (const sector of [0, 16, 32]) assert.equal(disk.serve(disk.write(sector, 8, 1)), [OK]);
        assert.is(image.take('sync').length, 3);
        const puts = [0, 8, 16].map((sector) => disk.write(sector, 8, 2));
        assert.equal(disk.serve(...puts), all(3, OK));
        assert.is(image.take('sync').length, 1);
        assert.is(disk.stats().writes.merged, 2);
        assert.equal(disk.serve(disk.flush()), [OK]);
        assert.equal(image.take('sync'), [], 'a flush behind them has nothing to do');
        assert.is(disk.machine.volatileWrites(), 0);
        disk.assertIdle();
      });
    }
  }

  for (const cacheMode of SYNCHRONOUS) {
    requests(`zeroes are durable like any write, asked for or detected, cache=${cacheMode}`, async () => {
      for (const fua of ['native', 'flush'] as const) {
        const { disk, image } = await openFlakyDisk(build, {
          cacheMode,
          virtio: { fua, detectZeroes: 'on' },
        });
        for (const put of [
          () => disk.zeroes(64, 8),
          () => disk.zeroes(0, 8, true),
          () => disk.write(8, 8, 0),
        ]) {
          assert.equal(disk.serve(put()), [OK]);
          assert.is(image.take('sync').length, 1, fua);
          assert.is(disk.machine.volatileWrites(), 0, fua);
        }
        assert.equal(disk.serve(disk.write(8, 8, 1)), [OK]);
        assert.equal(disk.serve(disk.flush()), [OK]);
        assert.is(image.take('sync').length, 1, 'a write that is forced leaves a flush nothing to do');
        disk.assertIdle();
      }
    });
  }

  for (const engine of ENGINES) {
    requests(
      `row 42: a FUA write of 3 × max_transfer, emulated, is 3 writes and a flush, ${engine}`,
      async () => {
        const disk = await open({
          cacheMode: 'directsync',
          maxTransfer: 8192,
          virtio: { fua: 'flush', engine },
        });
        assert.equal(disk.serve(disk.write(16, 48, 3)), [OK]);
        assert.equal(disk.operations(), ['W8192+8192', 'W16384+8192', 'W24576+8192', 'F']);
        assert.is(disk.machine.volatileWrites(), 0);
        assert.equal(disk.serve(disk.zeroes(16, 8)), [OK]);
        assert.equal(disk.operations(), ['Z8192+4096', 'F'], 'a write-zeroes is forced as well');
        disk.assertIdle();
      },
    );
  }

  requests('concurrent emulated FUA writes share a flush that begins after both', async () => {
    const drives = [{ size: 1048576, latencyNs: { write: 1000, flush: 100000 }, channels: 64 }];
    const disk = await open({ cacheMode: 'directsync', merge: false, drives, virtio: { fua: 'flush' } });
    const puts = [0, 16, 32, 48].map((sector) => disk.write(sector, 8, 1));
    assert.equal(disk.serve(...puts), all(4, OK));
    const operations = disk.operations();
    assert.is(operations.filter((name) => name === 'F').length, 2, operations.join(' '));
    assert.is(disk.machine.volatileWrites(), 0);
    disk.assertIdle();
  });

  requests('row 43: a flush with nothing written since the last does not touch the drive', async () => {
    for (const engine of ENGINES) {
      const disk = await open({ cacheMode: 'none', virtio: { engine } });
      assert.equal(disk.serve(disk.flush()), [OK]);
      assert.equal(disk.operations(), [], 'nothing was ever written');
      assert.equal(disk.serve(disk.write(0, 8, 1)), [OK]);
      assert.equal(disk.serve(disk.flush()), [OK]);
      assert.equal(disk.operations(), ['W0+4096', 'F']);
      assert.equal(disk.serve(disk.read(0, 8), disk.flush()), [OK, OK]);
      assert.equal(disk.operations().sort(), ['R0+4096']);
      assert.equal(disk.serve(disk.discard(0, 8)), [OK]);
      assert.equal(disk.serve(disk.flush()), [OK]);
      assert.equal(disk.operations(), ['D0+4096', 'F'], 'a discard is a write');
      assert.is(disk.stats().flushes.operations, 4, 'each is counted');
      disk.assertIdle();
    }
  });

  requests(
    'row 44: a range-check failure between two mergeable writes: IOERR first, the two still merge',
    async () => {
      const disk = await open();
      const [first, bad, last] = [disk.write(0, 8, 1), disk.write(2044, 8, 1), disk.write(8, 8, 2)];
      disk.kick();
      assert.equal(disk.ended(bad), [VIRTIO_BLK_S_IOERR]);
      disk.machine.run();
      assert.equal(disk.ended(first, last), [OK, OK]);
      assert.equal(disk.operations(), ['W0+8192']);
      assert.equal([disk.stats().writes.merged, disk.stats().writes.invalid], [1, 1]);
      disk.assertIdle();
    },
  );

  requests('flushes run one at a time, and those that wait are covered by the write generation', async () => {
    const { disk, image } = await openFlakyDisk(build, { cacheMode: 'none' });
    assert.equal(disk.serve(disk.write(0, 8, 1)), [OK]);
    disk.machine.holdCompletions(true);
    const flushes = [disk.flush(), disk.flush(), disk.flush()];
    disk.queue.kickAndRun();
    assert.is(disk.machine.heldCompletions(), 1, 'the others wait for it');
    disk.machine.holdCompletions(false);
    disk.machine.run();
    assert.equal(disk.ended(...flushes), all(3, OK));
    assert.is(image.take('sync').length, 1);

    assert.equal(disk.serve(disk.write(0, 8, 2)), [OK]);
    disk.machine.holdCompletions(true);
    const first = disk.flush();
    disk.queue.kickAndRun();
    const write = disk.write(8, 8, 3);
    disk.queue.kickAndRun();
    assert.is(disk.machine.heldCompletions(), 2);
    disk.machine.releaseCompletion(1);
    disk.machine.run();
    assert.equal(disk.ended(write), [OK]);
    const second = disk.flush();
    disk.queue.kickAndRun();
    disk.machine.holdCompletions(false);
    disk.machine.run();
    assert.equal(disk.ended(first, second), [OK, OK]);
    assert.is(image.take('sync').length, 2, 'a write ended after the first had begun');
    disk.assertIdle();
  });

  requests('a write that failed in the middle leaves a flush something to do', async () => {
    const { disk, image } = await openFlakyDisk(build, { cacheMode: 'none', maxTransfer: 4096 });
    image.fail = ({ name, offset }) => (name === 'pwrite' && offset === 4096 ? 29 : 0);
    assert.equal(disk.serve(disk.write(0, 16, 1)), [VIRTIO_BLK_S_IOERR]);
    assert.equal(disk.sectors(0, 8), all(8, 1), 'the chunk before the one that failed stays written');
    image.take();
    assert.equal(disk.serve(disk.flush()), [OK]);
    assert.is(image.take('sync').length, 1);
    disk.assertIdle();
  });

  requests('a write that failed before it wrote leaves a flush nothing to do', async () => {
    const options = { cacheMode: 'none', virtio: { requestAlignment: 4096 } } as const;
    const { disk, image } = await openFlakyDisk(build, options);
    image.fail = ({ name }) => (name === 'pread' ? 29 : 0);
    assert.equal(disk.serve(disk.write(1, 1, 1)), [VIRTIO_BLK_S_IOERR], 'its block could not be read');
    image.fail = () => 0;
    assert.equal(disk.serve(disk.flush()), [OK]);
    assert.equal(image.take('sync'), []);
    disk.assertIdle();
  });

  requests('a flush that fails covers nothing: the one that waited behind it tries again', async () => {
    const { disk, image } = await openFlakyDisk(build, { cacheMode: 'none' });
    assert.equal(disk.serve(disk.write(0, 8, 1)), [OK]);
    let calls = 0;
    image.fail = ({ name }) => (name === 'sync' && ++calls === 1 ? 29 : 0);
    assert.equal(disk.serve(disk.flush(), disk.flush(), disk.flush()), [VIRTIO_BLK_S_IOERR, OK, OK]);
    assert.is(calls, 2);
    disk.assertIdle();
  });

  requests('cache=unsafe drops flushes and FUA', async () => {
    for (const fua of ['native', 'flush'] as const) {
      const { disk, image } = await openFlakyDisk(build, { cacheMode: 'unsafe', virtio: { fua } });
      disk.queue.write(0x120, 0, 1);
      assert.equal(disk.serve(disk.write(0, 8, 1), disk.zeroes(8, 8)), [OK, OK]);
      assert.equal(disk.serve(disk.flush()), [OK]);
      assert.equal(image.take('sync'), []);
      assert.ok(!disk.operations().includes('F'));
      disk.assertIdle();
    }
  });

  requests('a request above max_transfer is split in order, through its pieces', async () => {
    for (const engine of ENGINES) {
      const disk = await open({ cacheMode: 'none', maxTransfer: 4096, virtio: { engine } });
      const pieces = [512, 1024, 3072, 512, 4096, 7168];
      const put = disk.write(5, 32, 0, pieces);
      for (let sector = 0; sector < 32; sector++)
        disk.queue.bytes.fill(sector + 1, put.data + sector * 512, put.data + sector * 512 + 512);
      assert.equal(disk.serve(put), [OK]);
      const chunks = [2560, 6656, 10752, 14848].map((offset) => `${offset}+4096`);
      assert.equal(
        disk.operations(),
        chunks.map((chunk) => `W${chunk}`),
      );
      const back = disk.read(5, 32, pieces.toReversed());
      assert.equal(disk.serve(back), [OK]);
      assert.equal(
        disk.operations(),
        chunks.map((chunk) => `R${chunk}`),
      );
      assert.equal(
        valuesOf(disk.queue.dataOf(back)),
        Array.from({ length: 32 }, (_, index) => index + 1),
      );
      disk.assertIdle();
    }
  });

  requests(
    'max_transfer is rounded down to request_alignment, and a padded request is split there',
    async () => {
      const disk = await open({ cacheMode: 'none', maxTransfer: 9000, virtio: { requestAlignment: 4096 } });
      fillSectors(disk, 64);
      assert.equal(disk.serve(disk.write(3, 40, 9)), [OK]);
      assert.equal(disk.operations(), ['R0+4096', 'R20480+4096', 'W0+8192', 'W8192+8192', 'W16384+8192']);
      assert.equal(disk.sectors(0, 48), [...old(0, 3), ...all(40, 9), ...old(43, 5)]);
      disk.assertIdle();
    },
  );

  requests('the longest request there is goes through in what one system call can move', async () => {
    for (const engine of ENGINES) {
      const disk = await openDisk(build, {
        payload: 'none',
        cacheMode: 'none',
        drives: [{ size: '4GiB' }],
        virtio: { engine },
      });
      const table = disk.queue.allocate(1024 * 16, 16);
      const status = disk.queue.statusByte();
      // 4,194,303 sectors: the same bytes again and again
      const piece = 4194304;
      const data = disk.machine.buffers.allocate(piece);
      const lengths = [...all(511, piece), 4194303 * 512 - 511 * piece];
      const head = disk.queue.header(1, 0);
      disk.queue.describeChain(
        0,
        [
          { address: head, length: 16 },
          ...lengths.map((length) => ({ address: data, length })),
          { address: status, length: 1, flags: 2 },
        ],
        table,
      );
      disk.queue.describe(0, { address: table, length: (lengths.length + 2) * 16, flags: 4 });
      disk.queue.offer(0);
      disk.queue.kickAndRun();
      assert.is(disk.queue.bytes[status], OK, engine);
      disk.assertIdle();
    }
  });

  for (const [detectZeroes, operation] of [
    ['off', 'W4096+4096'],
    ['on', 'Z4096+4096'],
    ['unmap', 'D4096+4096'],
  ] as const) {
    requests(`detect-zeroes=${detectZeroes}: a write of nothing but zeros`, async () => {
      for (const cacheMode of ['none', 'writeback'] as const) {
        const disk = await open({ cacheMode, virtio: { detectZeroes } });
        fillSectors(disk, 32);
        const pieces = [512, 1024, 2560];
        assert.equal(disk.serve(disk.write(8, 8, 0, pieces)), [OK]);
        const [only, ...others] = disk.operations();
        assert.equal(others, []);
        assert.ok(only === operation || (detectZeroes === 'unmap' && only === 'Z4096+4096'), only);
        assert.equal(disk.sectors(7, 10), [107, ...all(8, 0), 116]);
        disk.takeRecords();

        const put = disk.write(8, 8, 0, pieces);
        disk.queue.bytes[put.data + 4095] = 1;
        assert.equal(disk.serve(put), [OK]);
        assert.equal(disk.operations(), ['W4096+4096'], 'one byte is enough');
        assert.is(disk.stats().writes.operations, 2, 'it counts as the write that it was');
        assert.is(disk.machine.counters.guest.writes, 2);
        disk.assertIdle();
      }
    });
  }

  requests('detect-zeroes looks at the widened write, and only where there are bytes', async () => {
    const disk = await open({ cacheMode: 'none', virtio: { detectZeroes: 'on', requestAlignment: 4096 } });
    assert.equal(disk.serve(disk.write(9, 1, 0)), [OK]);
    assert.equal(disk.operations(), ['R4096+4096', 'Z4096+4096']);
    assert.equal(disk.serve(disk.write(9, 1, 1)), [OK]);
    assert.equal(disk.serve(disk.write(10, 1, 0)), [OK]);
    assert.equal(disk.operations(), ['R4096+4096', 'W4096+4096', 'R4096+4096', 'W4096+4096']);
    disk.assertIdle();
    const none = await open({ cacheMode: 'none', payload: 'none', virtio: { detectZeroes: 'on' } });
    assert.equal(none.serve(none.write(8, 8, 0)), [OK]);
    assert.equal(none.operations(), ['W4096+4096']);
    none.assertIdle();
  });

  requests('discard=ignore answers OK and does nothing; write-zeroes with unmap still zeroes', async () => {
    const disk = await open({ cacheMode: 'none', virtio: { discard: 'ignore' } });
    fillSectors(disk, 16);
    assert.equal(disk.serve(disk.discard(0, 8)), [OK]);
    assert.equal(disk.operations(), []);
    assert.equal(disk.sectors(0, 16), old(0, 16));
    assert.is(disk.machine.counters.guest.discards, 1);
    assert.equal(disk.serve(disk.zeroes(0, 8, true)), [OK]);
    assert.equal(disk.sectors(0, 16), [...all(8, 0), ...old(8, 8)]);
    disk.assertIdle();
  });

  for (const engine of ENGINES) {
    for (const maxTransfer of [0, 4096]) {
      const title = `2,048 spans for requests of many pieces, max_transfer ${maxTransfer}, ${engine}: they wait and all end`;
      requests(title, async () => {
        const disk = await openDisk(
          build,
          {
            cacheMode: 'none',
            maxTransfer,
            limits: { spans: 2048 },
            drives: [{ size: 4194304, latencyNs: 1000, channels: 4 }],
            virtio: { engine, requestAlignment: 4096, queues: 2 },
            buffers: '16MiB',
          },
          { room: 8388608 },
        );
        const pieces = all(1000, 512);
        // unaligned at both ends, and cut in the middle of pieces
        const puts = Array.from({ length: 6 }, (_, index) =>
          disk.write(index * 1000 + 1, 1000, index + 1, pieces),
        );
        assert.equal(disk.serve(...puts), all(6, OK));
        for (let index = 0; index < 6; index++)
          assert.equal(disk.sectors(index * 1000 + 1, 1000), all(1000, index + 1));
        const reads = Array.from({ length: 5 }, (_, index) => disk.read(index * 1000 + 501, 1000, pieces));
        assert.equal(disk.serve(...reads), all(5, OK));
        reads.forEach((put, index) => {
          const values = valuesOf(disk.queue.dataOf(put));
          assert.equal(values, [...all(500, index + 1), ...all(500, index + 2)]);
        });
        disk.assertIdle();
      });
    }
  }

  requests('two devices that both find no spans do not keep each other awake', async () => {
    const machine = await openMachine(build, {
      cacheMode: 'none',
      limits: { spans: 2048 },
      drives: [0, 1, 2].map(() => ({ size: 1048576 })),
      buffers: '16MiB',
    });
    const disks = [0, 1, 2].map((device) => new Disk(machine, { device, room: 4194304 }));
    machine.holdCompletions(true, 0);
    const pieces = all(1020, 512);
    const puts = disks.map((disk) => [disk.write(0, 1020, 1, pieces), disk.write(1024, 1020, 2, pieces)]);
    for (const disk of disks) disk.kick();
    machine.run();
    disks.slice(1).forEach((disk) => {
      assert.equal(disk.used(), [], 'drive 0 has all spans');
    });
    machine.holdCompletions(false, 0);
    machine.run();
    disks.forEach((disk, index) => {
      assert.equal(disk.ended(...(puts[index] ?? [])), [OK, OK]);
    });
    disks[0]?.assertIdle();
  });

  requests.run();
}
