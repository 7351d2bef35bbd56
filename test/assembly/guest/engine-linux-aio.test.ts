// The block layer on Linux AIO: batches, plugs, what io_submit refuses, and events that nobody sent.
//
// What io_submit took is read from the records of accepted iocbs. Rows are those of "Behaviours worth testing" in the sheet
// on request merging.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AIO_RING_HEADER_SIZE,
  AIO_RING_MAGIC,
  AIO_RING_MAGIC_VALUE,
  AIO_RING_TAIL,
  IO_EVENT_DATA,
  IO_EVENT_RES,
  IO_EVENT_SIZE,
  VIRTIO_BLK_S_IOERR,
} from '../../../assembly/layout.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { all, Disk, OK, openDisk, openFlakyDisk } from './block-disk.ts';
import type { Put } from './queue.ts';

const AIO: MachineConfig = { cacheMode: 'none', merge: false, virtio: { engine: 'linux-aio' } };

/** Iocbs accepted between two requests that were popped, in order, without the gaps. */
function acceptedInARow(disk: Disk): number[] {
  const runs: number[] = [];
  let isIn = false;
  for (const { kind } of disk.takeRecords()) {
    if (kind === 'guestRequest') isIn = false;
    if (kind !== 'aioAccepted') continue;
    if (isIn) runs.push((runs.pop() as number) + 1);
    else runs.push(1);
    isIn = true;
  }
  return runs;
}

/** An AIO context of a neighbour that has `count` reads of drive 1 in flight, until its completions are let go. */
function neighbour(disk: Disk, count: number): void {
  const { machine } = disk;
  const context = machine.createAioContext(count);
  const file = machine.openFile('drive1', { direct: true });
  machine.holdCompletions(true, 1);
  const buffer = machine.buffers.allocate(512, 512);
  const requests = all(count, 0).map(() => ({ op: 'pread', file, buffer, length: 512, offset: 0 }) as const);
  assert.is(context.submit(requests), count);
}

const TWO_DRIVES = [{ size: 1048576 }, { size: 1048576 }] as const;

for (const build of BUILDS) {
  const engine = suite(`engine linux-aio (${build})`);
  const open = (config: MachineConfig = {}, room = 2097152) =>
    openDisk(build, { ...AIO, ...config, virtio: { ...AIO.virtio, ...config.virtio } }, { room });

  engine('row 31: EAGAIN with some in flight: the rest goes out as completions come', async () => {
    const disk = await open({ limits: { operations: 5 } });
    disk.machine.holdCompletions(true);
    const puts = all(40, 0).map((_, index) => disk.write(index * 16, 8, index + 1));
    disk.queue.kickAndRun();
    assert.is(disk.machine.heldCompletions(), 5, 'the kernel has no more kiocbs');
    disk.machine.releaseCompletion(2);
    disk.machine.run();
    assert.is(disk.used().length, 1);
    assert.is(disk.machine.heldCompletions(), 5, 'one ended, one more was taken');
    disk.machine.holdCompletions(false);
    disk.machine.run();
    assert.is(disk.used().length, 39);
    assert.equal(
      puts.map((put) => disk.queue.statusOf(put)),
      all(40, OK),
    );
    puts.forEach((_, index) => {
      assert.equal(disk.sectors(index * 16, 8), all(8, index + 1));
    });
    disk.assertIdle();
  });

  engine(
    'row 31: EAGAIN with none in flight: nothing fails, nothing spins, and it goes out at last',
    async () => {
      const disk = await open({ drives: TWO_DRIVES, limits: { operations: 4 } });
      neighbour(disk, 4);
      const puts = all(40, 0).map((_, index) => disk.write(index * 16, 8, index + 1));
      disk.kick();
      assert.ok(disk.machine.run() < 1000, 'the machine comes to rest');
      assert.equal(disk.used(), []);
      const late = disk.read(0, 8);
      disk.queue.kickAndRun();
      assert.equal(disk.used(), []);
      disk.machine.releaseCompletion(0, 1);
      disk.machine.run();
      assert.equal(disk.ended(...puts, late), all(41, OK), 'one kiocb is enough for all of them');
      disk.machine.holdCompletions(false, 1);
      disk.machine.run();
      disk.assertIdle();
    },
  );

  engine('row 31: a drain of what the kernel refuses answers EDEADLK instead of spinning', async () => {
    const disk = await open({ drives: TWO_DRIVES, limits: { operations: 1 } });
    neighbour(disk, 1);
    const put = disk.write(0, 8, 1);
    disk.kick();
    assert.is(disk.drainBegin(), -35);
    disk.machine.holdCompletions(false, 1);
    disk.machine.run();
    assert.equal(disk.ended(put), [OK]);
    assert.is(disk.drainBegin(), 0);
    disk.assertIdle();
  });

  engine('row 31: pieces that are named twice never make the kernel refuse', async () => {
    for (const aioBatch of [1, 32]) {
      const disk = await open({ limits: { spans: 2048 }, virtio: { aioBatch }, buffers: '16MiB' }, 8388608);
      const pieces = all(1000, 512);
      const puts = [0, 1000].map((sector) => disk.write(sector, 1000, 1 + sector / 1000, pieces));
      assert.equal(disk.serve(...puts), [OK, OK]);
      assert.equal(disk.sectors(0, 2000), [...all(1000, 1), ...all(1000, 2)]);
      disk.assertIdle();
    }
  });

  engine(
    'io_setup fails: the threads serve, and Linux AIO as soon as there is room for its context',
    async () => {
      const disk = await open({ drives: TWO_DRIVES, aioMaxNr: 1024 });
      const taken = disk.machine.createAioContext(1);
      assert.equal(disk.serve(disk.write(0, 8, 1), disk.flush(), disk.read(0, 8)), all(3, OK));
      assert.equal(acceptedInARow(disk), []);
      taken.destroy();
      assert.equal(disk.serve(disk.write(8, 8, 2), disk.read(0, 8)), all(2, OK));
      assert.equal(acceptedInARow(disk), [2]);
      assert.equal(disk.sectors(0, 16), [...all(8, 1), ...all(8, 2)]);
      disk.assertIdle();
      const never = await open({ aioMaxNr: 1023 });
      assert.equal(never.serve(never.write(8, 8, 2), never.read(0, 8)), all(2, OK));
      never.assertIdle();
    },
  );

  engine('row 32: a request that can not be submitted fails alone, and those behind it go out', async () => {
    const disk = await open({ sharedMemory: 0 });
    disk.align(512);
    // 17 pieces are one more than fit beside an iocb, and there is no shared memory for them
    const pieces = (count: number) => all(count, 512);
    const puts = [
      disk.write(0, 17, 1, pieces(17)),
      disk.write(32, 16, 2, pieces(16)),
      disk.write(64, 17, 3, pieces(17)),
      disk.write(96, 1, 4),
      disk.write(128, 17, 5, pieces(17)),
    ];
    assert.equal(disk.serve(...puts), [1, 0, 1, 0, 1]);
    assert.equal(disk.sectors(32, 16), all(16, 2));
    assert.equal(disk.sectors(96, 1), [4]);
    assert.is(disk.stats().writes.failed, 3);
    assert.equal(
      disk.serve(disk.write(0, 17, 1, pieces(17))),
      [VIRTIO_BLK_S_IOERR],
      'with nothing else in flight',
    );
    disk.assertIdle();
  });

  engine(
    'row 33: 40 requests in one plug, batch 32: one submit at the 32nd, one of 8 at the end',
    async () => {
      const disk = await open();
      const puts = all(40, 0).map((_, index) => disk.write(index * 16, 8, 1));
      disk.kick();
      const kinds = disk.takeRecords().map(({ kind }) => kind);
      const popped = (until: number) =>
        kinds.slice(0, until).filter((kind) => kind === 'guestRequest').length;
      const accepted = kinds.flatMap((kind, index) => (kind === 'aioAccepted' ? [popped(index)] : []));
      // the buffer of merged requests holds the newest until the next one comes
      assert.equal(accepted, [...all(32, 33), ...all(8, 40)]);
      disk.machine.run();
      assert.equal(disk.ended(...puts), all(40, OK));
      disk.assertIdle();
    },
  );

  engine('row 33: the batch is a setting, and one request outside of a plug goes at once', async () => {
    for (const [aioBatch, expected] of [
      // the last two requests leave when the ring is found empty
      [1, [...all(8, 1), 2]],
      [4, [4, 4, 2]],
      [1024, [10]],
    ] as const) {
      const disk = await open({ virtio: { aioBatch } });
      const puts = all(10, 0).map((_, index) => disk.write(index * 16, 8, 1));
      disk.kick();
      assert.equal(acceptedInARow(disk), expected, `batch ${aioBatch}`);
      disk.machine.run();
      assert.equal(disk.ended(...puts), all(10, OK));
      disk.assertIdle();
    }
  });

  engine(
    'row 34: a resume and the queues behind it are plugs one after the other: one submit each',
    async () => {
      const { disk, image } = await openFlakyDisk(build, {
        ...AIO,
        virtio: { ...AIO.virtio, writeError: 'stop' },
      });
      image.fail = ({ name }) => (name === 'pwrite' ? 29 : 0);
      const puts = all(5, 0).map((_, index) => disk.write(index * 16, 8, 1));
      disk.queue.kickAndRun();
      image.fail = () => 0;
      const later = all(3, 0).map((_, index) => disk.write(256 + index * 16, 8, 2));
      disk.takeRecords();
      disk.resume();
      assert.equal(acceptedInARow(disk), [5, 3]);
      disk.machine.run();
      assert.equal(disk.ended(...puts, ...later), all(8, OK));
      disk.assertIdle();
    },
  );

  engine('row 37: a piece at an odd address goes through a copy on the threads, both ways', async () => {
    for (const kind of ['linux-aio', 'threads'] as const) {
      const disk = await open({ drives: [{ size: 1048576, dmaAlignment: 512 }], virtio: { engine: kind } });
      disk.align(512, 3);
      const odd = disk.write(0, 8, 1, [512, 1024, 2560]);
      assert.is(odd.data % 512, 3);
      disk.align(512);
      const even = disk.write(16, 8, 2, [512, 1024, 2560]);
      assert.is(even.data % 512, 0);
      assert.equal(disk.serve(odd, even), [OK, OK]);
      assert.equal(acceptedInARow(disk), kind === 'threads' ? [] : [1]);
      assert.equal([disk.sectors(0, 8), disk.sectors(16, 8)], [all(8, 1), all(8, 2)]);
      disk.takeRecords();
      disk.align(512, 511);
      const back = disk.read(12, 8, [512, 3584]);
      assert.equal(disk.serve(back), [OK]);
      assert.equal(acceptedInARow(disk), []);
      const bytes = disk.queue.dataOf(back);
      assert.equal(bytes, new Uint8Array(4096).fill(0, 0, 2048).fill(2, 2048));
      disk.assertIdle();
    }
  });

  engine('row 37: a piece that is not whole blocks long goes through a copy as well', async () => {
    const disk = await open();
    disk.align(512);
    const put = disk.write(0, 2, 1, [100, 924]);
    assert.equal(disk.serve(put), [OK]);
    assert.equal(acceptedInARow(disk), []);
    assert.equal(disk.sectors(0, 3), [1, 1, 0]);
    disk.assertIdle();
  });

  engine('buffered modes refuse the engine', async () => {
    for (const cacheMode of ['writeback', 'writethrough', 'unsafe'] as const) {
      try {
        await open({ cacheMode });
        assert.unreachable();
      } catch (error) {
        assert.match(String(error), /virtio\.engine/);
      }
    }
  });

  engine('1,024 requests of one ring are in flight together', async () => {
    const disk = await openDisk(
      build,
      {
        ...AIO,
        limits: { virtioRequests: 4096, operations: 4096 },
        drives: [{ size: 8388608, queueDepth: 65536 }],
      },
      { size: 1024 },
    );
    const other = disk.machine;
    other.holdCompletions(true);
    const puts = all(1024, 0).map((_, index) => {
      const header = disk.queue.header(1, index * 2);
      const data = disk.queue.allocate(512, 16);
      disk.queue.bytes.fill((index % 251) + 1, data, data + 512);
      const status = disk.queue.statusByte();
      const chain = [
        { address: header, length: 16 },
        { address: data, length: 512 },
        { address: status, length: 1, flags: 2 },
      ];
      return { head: disk.queue.putChain(chain, true), header, data, bytes: 512, status };
    });
    disk.queue.kickAndRun();
    assert.is(other.heldCompletions(), 1024);
    other.holdCompletions(false);
    other.run();
    assert.equal(disk.ended(...puts), all(1024, OK));
    puts.forEach((_, index) => {
      if (index % 64 === 0) assert.equal(disk.sectors(index * 2, 2), [(index % 251) + 1, 0]);
    });
    disk.assertIdle();
  });

  engine(
    'several devices share 1,024 iocbs: 2,000 requests at once, none lost, each to its own drive',
    async () => {
      const machine = await openMachine(build, {
        ...AIO,
        limits: { virtioRequests: 4096, operations: 4096 },
        drives: all(4, 0).map(() => ({ size: 1048576, queueDepth: 65536 })),
        buffers: '16MiB',
      });
      const disks = all(4, 0).map((_, device) => new Disk(machine, { device, size: 512, room: 2097152 }));
      for (const disk of disks) machine.holdCompletions(true, disk.device);
      const puts = disks.map((disk) =>
        all(500, 0).map((_, index) => {
          const put = disk.queue.put({ type: 1, sector: index * 2, pieces: [512], isIndirect: true });
          disk.queue.bytes.fill(disk.device * 50 + (index % 50) + 1, put.data, put.data + 512);
          return put;
        }),
      );
      for (const disk of disks) disk.kick();
      machine.run();
      assert.is(
        disks.reduce((sum, disk) => sum + machine.heldCompletions(disk.device), 0),
        1024,
      );
      // the last device's are let go first: what waits is of the last ones
      for (const disk of disks.toReversed()) {
        machine.holdCompletions(false, disk.device);
        machine.run();
      }
      disks.forEach((disk, device) => {
        assert.equal(disk.ended(...(puts[device] ?? [])), all(500, OK));
        for (const index of [0, 1, 49, 50, 250, 499])
          assert.equal(disk.sectors(index * 2, 2), [device * 50 + (index % 50) + 1, 0]);
      });
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  engine(
    'events that a client forges end a job early at most: none ends twice, and nothing traps',
    async () => {
      const disk = await open();
      const { machine } = disk;
      assert.equal(disk.serve(disk.write(1024, 8, 1)), [OK]);
      machine.holdCompletions(true);
      const puts = all(6, 0).map((_, index) => disk.write(index * 16, 8, 2));
      disk.queue.kickAndRun();
      const words = new Uint32Array(machine.core.memory.buffer);
      const magic = words.indexOf(AIO_RING_MAGIC_VALUE);
      const ring = magic * 4 - AIO_RING_MAGIC;
      const tail = words[(ring + AIO_RING_TAIL) >>> 2] as number;
      // slots that do not exist, one that is free, and twice the third request's
      const forged = [1024n, 2n ** 63n, 2n ** 64n - 1n, 900n, 3n, 3n];
      forged.forEach((data, index) => {
        const event = ring + AIO_RING_HEADER_SIZE + (tail + index) * IO_EVENT_SIZE;
        disk.queue.view.setBigUint64(event + IO_EVENT_DATA, data, true);
        disk.queue.view.setBigInt64(event + IO_EVENT_RES, -(2n ** 63n), true);
      });
      words[(ring + AIO_RING_TAIL) >>> 2] = tail + forged.length;
      machine.releaseCompletion(0);
      machine.run();
      assert.equal(disk.ended(puts[0] as Put, puts[2] as Put).length, 2);
      machine.holdCompletions(false);
      machine.run();
      const others = puts.filter((_, index) => index !== 0 && index !== 2);
      assert.equal(disk.ended(...others), all(4, OK));
      disk.assertIdle();
      const mark = disk.queue.mark();
      for (let round = 0; round < 40; round++) {
        const more = all(40, 0).map((_, index) => disk.write(index * 16, 8, round));
        assert.equal(disk.serve(...more), all(40, OK));
        disk.queue.release(mark);
      }
      disk.assertIdle();
    },
  );

  engine('a forged event for a job that still waits for the kernel is passed over', async () => {
    const disk = await open({ limits: { operations: 2 } });
    const { machine } = disk;
    machine.holdCompletions(true);
    const puts = all(6, 0).map((_, index) => disk.write(index * 16, 8, index + 1));
    disk.queue.kickAndRun();
    assert.is(machine.heldCompletions(), 2);
    const words = new Uint32Array(machine.core.memory.buffer);
    const ring = words.indexOf(AIO_RING_MAGIC_VALUE) * 4 - AIO_RING_MAGIC;
    [2n, 3n, 4n, 5n].forEach((data, index) => {
      const event = ring + AIO_RING_HEADER_SIZE + index * IO_EVENT_SIZE;
      disk.queue.view.setBigUint64(event + IO_EVENT_DATA, data, true);
    });
    words[(ring + AIO_RING_TAIL) >>> 2] = 4;
    machine.releaseCompletion(0);
    machine.run();
    assert.equal(disk.ended(puts[0] as Put), [OK]);
    machine.holdCompletions(false);
    machine.run();
    assert.equal(disk.ended(...puts.slice(1)), all(5, OK));
    puts.forEach((_, index) => {
      assert.equal(disk.sectors(index * 16, 8), all(8, index + 1));
    });
    disk.assertIdle();
  });

  engine.run();
}
