// The block layer's thread pool in virtual time: N workers do one job each, the others wait in order of arrival.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MachineConfig } from '../../../src/core/options.ts';
import { BUILDS, openMachine } from '../../support/machine.ts';
import { all, Disk, OK, openDisk } from './block-disk.ts';

const WRITE_NS = 1000;
const READ_NS = 300;
const FLUSH_NS = 5000;
const DRIVE = {
  size: 1048576,
  channels: 64,
  latencyNs: { write: WRITE_NS, read: READ_NS, flush: FLUSH_NS, discard: 700, writeZeroes: 900 },
};

for (const build of BUILDS) {
  const threads = suite(`engine threads (${build})`);
  const open = (workers: number, config: MachineConfig = {}) =>
    openDisk(build, { cacheMode: 'none', merge: false, drives: [DRIVE], ...config, virtio: { workers } });

  /** When each of the puts ended, in their order. */
  const endings = (disk: Disk): number[] =>
    disk
      .takeRecords()
      .filter(({ kind }) => kind === 'guestDone')
      .map(({ timeNs }) => timeNs);

  for (const [workers, expected] of [
    [1, [1000, 2000, 3000, 4000, 5000, 6000]],
    [2, [1000, 1000, 2000, 2000, 3000, 3000]],
    [4, [1000, 1000, 1000, 1000, 2000, 2000]],
    [64, all(6, 1000)],
  ] as const) {
    threads(`${workers} workers: six writes of 1 µs end at ${expected.join(', ')} ns`, async () => {
      const disk = await open(workers);
      const puts = all(6, 0).map((_, index) => disk.write(index * 16, 8, index + 1));
      disk.kick();
      disk.machine.run();
      assert.equal(
        disk.used(),
        puts.map(({ head }) => head),
        'in order of arrival',
      );
      assert.equal(endings(disk), expected);
      assert.is(
        disk.stats().writes.timeNs,
        expected.reduce((sum, end) => sum + end, 0),
      );
      disk.assertIdle();
    });
  }

  threads('one worker: reads, writes, discards, zeroes and flushes wait for each other alike', async () => {
    const disk = await open(1);
    const puts = [
      disk.write(0, 8, 1),
      disk.read(0, 8),
      disk.discard(16, 8),
      disk.zeroes(32, 8),
      disk.write(8, 8, 1),
    ];
    assert.equal(disk.serve(...puts), all(5, OK));
    const flush = disk.flush();
    assert.equal(disk.serve(flush), [OK]);
    // a discard and zeroes are not gathered: they come before the read that the buffer holds
    assert.equal(endings(disk), [1000, 1700, 2600, 2900, 3900, 8900]);
    disk.assertIdle();
  });

  threads('a worker waits for its drive, and the jobs of another drive wait for the worker', async () => {
    const machine = await openMachine(build, {
      cacheMode: 'none',
      merge: false,
      records: 65536,
      drives: [DRIVE, DRIVE],
      virtio: { workers: 1 },
    });
    const [one, two] = [0, 1].map((device) => new Disk(machine, { device })) as [Disk, Disk];
    machine.holdCompletions(true, 0);
    const first = one.write(0, 8, 1);
    one.kick();
    const second = two.write(0, 8, 2);
    two.kick();
    machine.run();
    assert.equal([one.used(), two.used()], [[], []]);
    machine.holdCompletions(false, 0);
    machine.run();
    assert.equal([one.ended(first), two.ended(second)], [[OK], [OK]]);
    one.assertIdle();
  });

  threads('split, padded and forced requests need a worker for each step, and end', async () => {
    for (const workers of [1, 2]) {
      const disk = await openDisk(build, {
        cacheMode: 'directsync',
        maxTransfer: 4096,
        drives: [{ ...DRIVE, dmaAlignment: 512 }],
        virtio: { workers, requestAlignment: 4096, fua: 'flush' },
      });
      disk.align(512, 1);
      const puts = [disk.write(3, 16, 1), disk.write(17, 30, 2), disk.read(1, 50), disk.flush()];
      disk.align(512);
      assert.equal(disk.serve(...puts, disk.write(64, 8, 3)), all(5, OK));
      assert.equal(disk.sectors(3, 44), [...all(14, 1), ...all(30, 2)]);
      assert.equal(disk.sectors(64, 8), all(8, 3));
      assert.is(disk.machine.volatileWrites(), 0);
      disk.assertIdle();
    }
  });

  threads('1,100 requests in flight on one worker, none lost', async () => {
    const machine = await openMachine(build, {
      cacheMode: 'none',
      limits: { virtioRequests: 2048 },
      merge: false,
      drives: [0, 1, 2].map(() => ({ size: 1048576 })),
      virtio: { workers: 1 },
      buffers: '16MiB',
    });
    const disks = [0, 1, 2].map((device) => new Disk(machine, { device, size: 512, room: 2097152 }));
    machine.holdCompletions(true, 0);
    const puts = disks.map((disk) =>
      all(400, 0).map((_, index) => {
        const put = disk.queue.put({ type: 1, sector: index * 2, pieces: [512], isIndirect: true });
        disk.queue.bytes.fill(disk.device + 1, put.data, put.data + 512);
        return put;
      }),
    );
    for (const disk of disks) disk.kick();
    machine.run();
    assert.is(machine.heldCompletions(0), 1);
    machine.holdCompletions(false, 0);
    machine.run();
    disks.forEach((disk, device) => {
      assert.equal(disk.ended(...(puts[device] ?? [])), all(400, OK));
      assert.equal(disk.sectors(796, 4), [device + 1, 0, device + 1, 0]);
    });
    disks[0]?.assertIdle();
  });

  threads.run();
}
