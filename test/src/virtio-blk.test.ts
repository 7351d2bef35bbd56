// The host's driver of the virtio-blk device: what its calls do to the drive, what they throw, and what they leave behind.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SparseMemory } from '../../src/backing/sparse-memory.ts';
import type { MachineConfig } from '../../src/core/options.ts';
import type { VirtioBlkChain } from '../../src/core/virtio-queue.ts';
import { ConfigError, StorageError } from '../../src/errors.ts';
import type { Machine } from '../../src/machine.ts';
import type { VirtioBlkDevice, VirtioBlkOptions } from '../../src/virtio-blk.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';

const SIZE = 1048576;
const OK = 0;
const IOERR = 1;
const UNSUPP = 2;

const blk = suite('src/virtio-blk');

const pattern = (bytes: number, seed: number) =>
  new Uint8Array(bytes).map((_, at) => (at * 7 + (at >> 9) + seed) & 0xff);

/** A request's bytes. */
function chain(type: number, sector: number, data = new Uint8Array(0), answerBytes = 0): VirtioBlkChain {
  const readable = new Uint8Array(16 + data.length);
  new DataView(readable.buffer).setUint32(0, type, true);
  new DataView(readable.buffer).setUint32(8, sector, true);
  readable.set(data, 16);
  return { readable, writableLength: answerBytes + 1 };
}

const fails = (code: string) => (error: unknown) => error instanceof StorageError && error.code === code;
const isConfigError = (error: unknown) => error instanceof ConfigError;

/** Runs `body` on a machine with a driver, closes it, and checks that nothing of either is left. */
async function withDisk(
  build: Build,
  body: (disk: VirtioBlkDevice, machine: Machine) => void,
  config: MachineConfig = {},
  options: VirtioBlkOptions = {},
): Promise<void> {
  const machine = await openMachine(build, { drives: [{ size: SIZE }], ...config });
  const before = machine.buffers.freeBytes;
  const disk = machine.virtioBlk(0, options);
  body(disk, machine);
  disk.close();
  disk.close();
  assert.is(machine.buffers.freeBytes, before);
  machine.run();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  assert.throws(() => disk.read(0, 512), fails('EBADF'));
  machine.close();
}

/** A store whose writes fail while it is told to. */
class FailingMemory extends SparseMemory {
  isFailing = false;

  override write(source: Uint8Array, offset: number): void {
    if (this.isFailing) throw new Error('a bad medium');
    super.write(source, offset);
  }
}

for (const build of BUILDS) {
  for (const cacheMode of ['none', 'writeback', 'writethrough', 'directsync', 'unsafe'] as const) {
    blk(`${build}: ${cacheMode}: what is written is read, and is on the drive`, () =>
      withDisk(
        build,
        (disk, machine) => {
          const bytes = pattern(70000 - (70000 % 512), 3);
          disk.write(1536, bytes);
          assert.equal(disk.read(1536, bytes.length), bytes);
          disk.flush();
          const file = machine.openFile('drive0', { readOnly: true });
          assert.equal(file.read(bytes.length, 1536), bytes);
          file.close();
          disk.writeZeroes(2048, 1024);
          disk.writeZeroes(4096, 512, { unmap: true });
          disk.discard(8192, 4096);
          assert.equal(disk.read(2048, 1024), new Uint8Array(1024));
          assert.equal(disk.read(4096, 512), new Uint8Array(512));
          assert.equal(disk.read(1536, 512), bytes.subarray(0, 512));
          assert.is(disk.getId(), 'sectorlab-0000');
        },
        { cacheMode, drives: [{ size: SIZE, dmaAlignment: 512, latencyNs: 1000 }] },
      ),
    );
  }

  blk(`${build}: the disk tells its size, and only what is inside it is served`, () =>
    withDisk(build, (disk) => {
      assert.is(disk.capacity, SIZE);
      assert.is(disk.blockSize, 512);
      assert.equal(disk.read(SIZE, 0), new Uint8Array(0));
      const outside: (() => unknown)[] = [
        () => disk.read(SIZE, 512),
        () => disk.write(SIZE - 512, new Uint8Array(1024)),
        () => disk.write(0, new Uint8Array(513)),
        () => disk.read(0, 100),
        () => disk.discard(SIZE, 512),
        () => disk.writeZeroes(SIZE - 512, 1024),
      ];
      for (const call of outside) assert.throws(call, fails('EIO'));
      for (const call of [
        () => disk.read(100, 512),
        () => disk.read(-512, 512),
        () => disk.discard(0, 100),
        () => disk.discard(0, 2 ** 41),
        () => disk.read(0, 0.5),
      ])
        assert.throws(call, isConfigError);
      assert.is(disk.stats.invalid_rd_operations, 2);
      assert.is(disk.stats.invalid_wr_operations >= 3, true);
    }),
  );

  blk(`${build}: a raw chain's answer is what the device wrote, with the status last`, () =>
    withDisk(build, (disk) => {
      disk.write(0, pattern(512, 1));
      const read = disk.request(chain(0, 0, undefined, 512));
      assert.is(read.length, 513);
      assert.is(read.written.length, 513);
      assert.is(read.status, OK);
      assert.equal(read.written.subarray(0, 512), pattern(512, 1));
      assert.is(disk.request(chain(4, 0)).status, OK);
      assert.is(disk.request(chain(99, 0)).status, UNSUPP);
      assert.is(disk.request(chain(1, 0, new Uint8Array(513))).status, IOERR);
    }),
  );

  blk(`${build}: chains of one submit merge, and each has its own answer`, () =>
    withDisk(
      build,
      (disk, machine) => {
        const count = 8;
        const data = Array.from({ length: count }, (_, index) => pattern(4096, index));
        const writes = disk.submit(data.map((bytes, index) => chain(1, index * 8, bytes)));
        assert.is(
          writes.every(({ isDone }) => !isDone),
          true,
        );
        disk.wait(writes);
        assert.equal(
          writes.map(({ status, length }) => [status, length]),
          data.map(() => [OK, 1]),
        );
        const reads = disk.submit(data.map((_, index) => chain(0, index * 8, undefined, 4096)));
        machine.run();
        assert.is(disk.poll(), count);
        reads.forEach((read, index) => {
          assert.equal(read.written.subarray(0, 4096), data[index]);
        });
        const { wr_operations, wr_bytes, wr_merged, rd_operations, rd_bytes, rd_merged } = disk.stats;
        assert.equal([wr_operations, wr_bytes, wr_merged], [count, count * 4096, count - 1]);
        assert.equal([rd_operations, rd_bytes, rd_merged], [count, count * 4096, count - 1]);
        for (const bytes of data) disk.write(0, bytes);
        assert.is(disk.stats.wr_merged, count - 1);
      },
      { drives: [{ size: SIZE, latencyNs: 1000 }] },
    ),
  );

  blk(`${build}: the ring is used again and again, past its counter's end`, () =>
    withDisk(build, (disk) => {
      const batch = Array.from({ length: 341 }, () => chain(8, 0, undefined, 20));
      for (let total = 0; total <= 65536; total += batch.length) {
        const requests = disk.submit(batch);
        disk.wait(requests);
        assert.is(requests.at(-1)?.written[0], 0x73);
      }
      assert.throws(() => disk.submit([...batch, ...batch]), isConfigError);
    }),
  );

  blk(`${build}: a submit without room puts nothing on the ring`, () =>
    withDisk(build, (disk, machine) => {
      const free = machine.buffers.freeBytes;
      const big = chain(1, 0, new Uint8Array(SIZE / 2));
      assert.throws(() => disk.submit(Array.from({ length: 20 }, () => big)), isConfigError);
      assert.throws(() => disk.submit([{ readable: new Uint8Array(16), writableLength: -1 }]), isConfigError);
      assert.is(machine.buffers.freeBytes, free);
      machine.holdCompletions(true);
      const held = disk.submit(Array.from({ length: 341 }, () => chain(1, 0, new Uint8Array(512))));
      assert.throws(() => disk.submit([chain(1, 0)]), fails('EAGAIN'));
      machine.holdCompletions(false);
      disk.wait(held);
      assert.is(disk.stats.wr_operations, 341);
      assert.is(machine.buffers.freeBytes, free);
    }),
  );

  blk(`${build}: a held completion is waited for until it is released`, () =>
    withDisk(build, (disk, machine) => {
      const before = machine.buffers.freeBytes;
      machine.holdCompletions(true);
      const requests = disk.submit([chain(1, 0, pattern(512, 9))]);
      assert.throws(() => disk.wait(requests), fails('EDEADLK'));
      assert.is(requests[0]?.state, 'pending');
      assert.throws(() => disk.close(), fails('EDEADLK'));
      assert.ok(machine.buffers.freeBytes < before, 'the drive still has the data');
      machine.releaseCompletion();
      machine.holdCompletions(false);
      disk.reset();
      assert.is(requests[0]?.state, 'lost');
      assert.throws(() => disk.wait(requests), fails('EIO'));
      assert.is(machine.buffers.freeBytes, before);
      assert.equal(disk.read(0, 512), pattern(512, 9));
    }),
  );

  blk(`${build}: a malformed chain breaks the device until it is reset`, () =>
    withDisk(build, (disk) => {
      const malformed: VirtioBlkChain[] = [
        { readable: new Uint8Array(0), writableLength: 1 },
        { readable: new Uint8Array(16), writableLength: 0 },
        { readable: new Uint8Array(0), writableLength: 0 },
        { readable: new Uint8Array(15), writableLength: 1 },
        chain(11, 0, new Uint8Array(8)),
      ];
      for (const bad of malformed) {
        assert.is(disk.needsReset, false);
        assert.throws(() => disk.request(bad), fails('EIO'));
        assert.is(disk.needsReset, true);
        assert.throws(() => disk.flush(), fails('EIO'));
        disk.reset();
        disk.flush();
      }
    }),
  );

  blk(`${build}: features are accepted as told`, async () => {
    await withDisk(build, (disk) => {
      assert.ok(disk.hasFeature('version1') && disk.hasFeature('flush') && disk.hasFeature('discard'));
      assert.not.ok(disk.features.includes('eventIdx') || disk.features.includes('readOnly'));
      disk.reset({ accept: ['flush', 'version1'] });
      assert.equal(disk.features, ['flush', 'version1']);
      assert.throws(() => disk.discard(0, 512), fails('EOPNOTSUPP'));
      disk.reset({ deny: ['writeZeroes'] });
      disk.discard(0, 512);
      assert.throws(() => disk.writeZeroes(0, 512), fails('EOPNOTSUPP'));
    });
    const machine = await openMachine(build, { drives: [{ size: SIZE }] });
    const before = machine.buffers.freeBytes;
    assert.throws(() => machine.virtioBlk(0, { accept: ['mq'] }), isConfigError);
    assert.throws(() => machine.virtioBlk(0, { deny: ['what' as 'mq'] }), isConfigError);
    assert.throws(() => machine.virtioBlk(1), isConfigError);
    assert.is(machine.buffers.freeBytes, before);
    const first = machine.virtioBlk(0);
    assert.throws(() => machine.virtioBlk(0), fails('EBUSY'));
    first.close();
    machine.virtioBlk(0).close();
    machine.close();
  });

  blk(`${build}: without flush the device writes through, and a power cut loses nothing`, async () => {
    const lost: number[] = [];
    for (const deny of [[], ['flush', 'configWce']] as const) {
      const memory = new SparseMemory();
      const machine = await openMachine(build, { drives: [{ size: SIZE, memory }], cacheMode: 'writeback' });
      machine.virtioBlk(0, { deny }).write(0, pattern(512, 5));
      machine.cutPower();
      const after = await openMachine(build, { drives: [{ size: SIZE, memory }] });
      lost.push(after.virtioBlk(0).read(0, 512)[1] === pattern(512, 5)[1] ? 0 : 1);
      after.close();
    }
    assert.equal(lost, [1, 0]);
  });

  blk(`${build}: the write cache is switched in the config space`, () =>
    withDisk(
      build,
      (disk, machine) => {
        assert.is(disk.readConfig(32, 1), 1);
        disk.write(0, new Uint8Array(512));
        assert.is(machine.volatileWrites(), 1);
        disk.flush();
        disk.writeConfig(32, 1, 0);
        assert.is(disk.readConfig(32, 1), 0);
        disk.write(0, new Uint8Array(512));
        assert.is(machine.volatileWrites(), 0);
      },
      { cacheMode: 'none' },
    ),
  );

  blk(`${build}: a drained device takes requests when the drain ends, a smaller one refuses`, () =>
    withDisk(build, (disk) => {
      disk.drain();
      const waiting = disk.submit([chain(1, 0, pattern(512, 4))]);
      assert.throws(() => disk.wait(waiting), fails('EDEADLK'));
      disk.drainEnd();
      disk.wait(waiting);
      assert.is(waiting[0]?.status, OK);
      assert.throws(() => disk.drainEnd(), fails('EINVAL'));
      disk.resume();
      disk.resize(SIZE / 2);
      assert.is(disk.capacity, SIZE / 2);
      assert.throws(() => disk.read(SIZE / 2, 512), fails('EIO'));
      assert.throws(() => disk.resize(SIZE * 2), fails('EINVAL'));
      assert.throws(() => disk.resize(100), fails('EINVAL'));
    }),
  );

  blk(`${build}: an error of the drive is reported and counted`, () => {
    const memory = new FailingMemory();
    return withDisk(
      build,
      (disk) => {
        memory.isFailing = true;
        assert.throws(() => disk.write(0, pattern(512, 1)), fails('EIO'));
        memory.isFailing = false;
        disk.write(0, pattern(512, 2));
        const { wr_operations, failed_wr_operations, io_errors, io_status } = disk.stats;
        assert.equal([wr_operations, failed_wr_operations, io_errors, io_status], [1, 1, 1, 'ok']);
      },
      { cacheMode: 'none', drives: [{ size: SIZE, memory }] },
    );
  });

  blk(`${build}: an error that stops the device is tried again when it is resumed`, () => {
    const memory = new FailingMemory();
    return withDisk(
      build,
      (disk) => {
        memory.isFailing = true;
        const requests = disk.submit([chain(1, 0, pattern(512, 1)), chain(1, 8, pattern(512, 2))]);
        assert.throws(() => disk.wait(requests), fails('EDEADLK'));
        assert.is(disk.stats.io_status, 'failed');
        memory.isFailing = false;
        disk.resume();
        disk.wait(requests);
        assert.equal(
          requests.map(({ status }) => status),
          [OK, OK],
        );
        assert.is(disk.stats.io_status, 'ok');
        assert.equal(disk.read(4096, 512), pattern(512, 2));
      },
      { cacheMode: 'none', virtio: { writeError: 'stop' }, drives: [{ size: SIZE, memory }] },
    );
  });

  blk(`${build}: a read-only drive refuses what would change it`, () =>
    withDisk(
      build,
      (disk) => {
        assert.ok(disk.hasFeature('readOnly'));
        assert.throws(() => disk.write(0, new Uint8Array(512)), fails('EIO'));
        assert.throws(() => disk.discard(0, 512), fails('EIO'));
        disk.flush();
        assert.equal(disk.read(0, 512), new Uint8Array(512));
      },
      { drives: [{ size: SIZE, readOnly: true }] },
    ),
  );

  blk(`${build}: statistics count operations, bytes, virtual time and flushes`, () =>
    withDisk(
      build,
      (disk) => {
        disk.write(0, new Uint8Array(1024));
        disk.read(0, 512);
        disk.flush();
        disk.flush();
        const { stats } = disk;
        assert.equal(
          [stats.wr_operations, stats.wr_bytes, stats.rd_operations, stats.rd_bytes],
          [1, 1024, 1, 512],
        );
        assert.is(stats.flush_operations, 2);
        assert.ok(stats.rd_total_time_ns >= 5000 && stats.wr_total_time_ns >= 5000);
        assert.equal([stats.failed_rd_operations, stats.io_errors, stats.io_status], [0, 0, 'ok']);
      },
      { cacheMode: 'none', drives: [{ size: SIZE, latencyNs: 5000 }] },
    ),
  );
}

blk.run();
