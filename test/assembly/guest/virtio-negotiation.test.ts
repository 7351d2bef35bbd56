// Status and features: what the driver must do before it is served, what it may accept, what a reset undoes; and which writes
// are on the media under which write cache, found out by cutting the power.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
} from '../../../assembly/layout.ts';
import type { CacheMode, MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { openFlaky, WASI_ENOSPC } from '../drive/flaky-image.ts';
import { GuestQueue, NO_STATUS, type Put } from './queue.ts';

const EDEADLK = -35;
const STATUS = 0x070;
const WRITEBACK = 0x120;
const NEEDS_RESET = 64;
const FLUSH = 1n << 9n;
const CONFIG_WCE = 1n << 11n;
const VERSION_1 = 1n << 32n;

async function open(build: Build, config: MachineConfig = {}): Promise<[Machine, GuestQueue]> {
  const machine = await openMachine(build, { drives: [{ size: 1048576 }], ...config });
  return [machine, new GuestQueue(machine)];
}

function putWrite(queue: GuestQueue, sector: number, value = 7): Put {
  const put = queue.put({ type: VIRTIO_BLK_T_OUT, sector, pieces: [512] });
  queue.bytes.fill(value, put.data, put.data + 512);
  return put;
}

/** A write that must complete. */
function write(queue: GuestQueue, sector: number): void {
  const put = putWrite(queue, sector);
  queue.kickAndRun();
  assert.equal(queue.takeUsed(), [{ id: put.head, length: 1 }]);
  assert.is(queue.statusOf(put), VIRTIO_BLK_S_OK);
}

function flush(queue: GuestQueue): void {
  const put = queue.put({ type: VIRTIO_BLK_T_FLUSH });
  queue.kickAndRun();
  assert.is(queue.takeUsed().length, 1);
  assert.is(queue.statusOf(put), VIRTIO_BLK_S_OK);
}

/** The first byte of some sectors after the power was cut, with what was volatile lost. */
function afterCut(machine: Machine, sectors: readonly number[]): number[] {
  const memory = machine.memory();
  machine.cutPower();
  return sectors.map((sector) => {
    const bytes = new Uint8Array(512);
    memory.read(bytes, sector * 512);
    assert.is(new Set(bytes).size, 1);
    return bytes[0] as number;
  });
}

const OFFERED_LOW = 0x30006e54;

for (const build of BUILDS) {
  const negotiation = suite(`virtio-negotiation (${build})`);

  negotiation('the features that are offered, by what the drive and the configuration are', async () => {
    const offered = async (config: MachineConfig) => (await open(build, config))[1].offered;
    const usual = await offered({});
    assert.is(usual, VERSION_1 | BigInt(OFFERED_LOW));
    assert.is(await offered({ virtio: { queues: 2 } }), usual | (1n << 12n), 'MQ');
    assert.is(await offered({ drives: [{ size: 8192, readOnly: true }] }), usual | (1n << 5n), 'RO');
    for (const cacheMode of ['none', 'writethrough', 'directsync', 'unsafe'] as const)
      assert.is(await offered({ cacheMode }), usual, cacheMode);
  });

  for (const bit of [0n, 1n, 5n, 7n, 12n, 16n, 17n, 24n, 27n, 30n, 33n, 34n, 35n, 38n, 40n, 63n]) {
    negotiation(
      `row 36: FEATURES_OK stays clear when the driver accepts bit ${bit}, which is not offered`,
      async () => {
        const [, queue] = await open(build);
        const { offered } = queue;
        assert.is(queue.attach({ features: offered | (1n << bit), status: 11 }), 3);
        queue.write(STATUS, 15);
        assert.is(queue.read(STATUS), 3, 'such a device is unusable');
        const put = putWrite(queue, 0);
        queue.kickAndRun();
        assert.is(queue.statusOf(put), NO_STATUS);
        // the driver may think again without a reset
        queue.write(0x024, Number(bit / 32n));
        queue.write(0x020, Number((offered >> ((bit / 32n) * 32n)) & 0xffffffffn));
        queue.write(STATUS, 11);
        assert.is(queue.read(STATUS), 11);
        assert.is(queue.attach({ features: offered }), 15);
        write(queue, 0);
      },
    );
  }

  negotiation('features do not change once FEATURES_OK is set', async () => {
    const [, queue] = await open(build);
    queue.attach({ features: VERSION_1 | FLUSH, status: 11 });
    queue.write(0x024, 0);
    queue.write(0x020, 0x80000001 | 0);
    queue.write(STATUS, 15);
    assert.is(queue.read(STATUS), 15);
    assert.is(queue.read(WRITEBACK, 1), 1, 'FLUSH is still accepted');
    const put = queue.put({ type: 11, pieces: [16] });
    queue.view.setBigUint64(put.data, 0n, true);
    queue.view.setBigUint64(put.data + 8, 1n, true);
    queue.kickAndRun();
    assert.is(queue.statusOf(put), 2, 'and DISCARD is still not');
  });

  negotiation('what was not accepted: DISCARD and WRITE_ZEROES are not supported, FLUSH works', async () => {
    const [, queue] = await open(build);
    queue.attach({ features: VERSION_1 });
    const puts = [11, 13].map((type) => queue.put({ type, pieces: [8] }));
    const last = queue.put({ type: VIRTIO_BLK_T_FLUSH });
    queue.kickAndRun();
    assert.equal(
      [...puts, last].map((put) => queue.statusOf(put)),
      [2, 2, 0],
    );
    assert.not(queue.needsReset);
  });

  negotiation('each status bit is kept, but for NEEDS_RESET, which is the device’s', async () => {
    const [, queue] = await open(build);
    for (const status of [1, 3, 11, 128, 129, 131]) {
      queue.write(STATUS, status);
      assert.is(queue.read(STATUS), status);
    }
    queue.write(STATUS, 3 | NEEDS_RESET);
    assert.is(queue.read(STATUS), 3);
    queue.write(0x044, 1); // no size: broken
    assert.is(queue.read(STATUS), 3 | NEEDS_RESET);
    queue.write(STATUS, 1);
    assert.is(queue.read(STATUS), 1 | NEEDS_RESET, 'only a reset clears it');
    assert.is(queue.interruptStatus, 0, 'no driver runs that would hear of it');
    queue.write(STATUS, 0);
    assert.is(queue.read(STATUS), 0);
  });

  negotiation(
    'row 35: a notification before DRIVER_OK consumes nothing; DRIVER_OK serves the ring',
    async () => {
      const [machine, queue] = await open(build);
      assert.is(queue.attach({ status: 11 }), 11);
      const puts = [putWrite(queue, 0), putWrite(queue, 8)];
      queue.kickAndRun();
      assert.is(queue.usedIndex, 0);
      for (const put of puts) assert.is(queue.statusOf(put), NO_STATUS);
      assert.is(queue.interruptStatus, 0);
      assert.is(machine.counters.drive.writes, 0);
      queue.write(STATUS, 15);
      machine.run();
      assert.equal(
        queue.takeUsed().map(({ id }) => id),
        puts.map(({ head }) => head),
      );
      assert.is(queue.interruptStatus, 1);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  negotiation(
    'row 37: after a reset with requests in flight nothing is used and nothing interrupts',
    async () => {
      const [machine, queue] = await open(build, { drives: [{ size: 1048576, latencyNs: 1000 }] });
      queue.attach();
      const puts = [
        putWrite(queue, 0),
        queue.put({ type: VIRTIO_BLK_T_IN, sector: 64, pieces: [512], isIn: true }),
      ];
      queue.kick();
      const unseen = putWrite(queue, 8);
      assert.is(queue.write(STATUS, 0), 0, 'the reset waits for the drive, in virtual time');
      assert.is(queue.read(STATUS), 0);
      machine.run();
      assert.is(queue.usedIndex, 0);
      assert.is(queue.interruptStatus, 0);
      for (const put of [...puts, unseen]) assert.is(queue.statusOf(put), NO_STATUS);
      assert.is(queue.read(0x044), 0);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      assert.is(queue.attach(), 15);
      write(queue, 0);
    },
  );

  negotiation(
    'row 37: a held drive keeps the reset waiting, EDEADLK each time, and the device idle',
    async () => {
      const [machine, queue] = await open(build, { cacheMode: 'none' });
      queue.attach();
      const features = 0x020;
      machine.holdCompletions(true);
      const put = putWrite(queue, 0);
      queue.kick();
      assert.equal([queue.write(STATUS, 0), queue.write(STATUS, 0)], [EDEADLK, EDEADLK]);
      assert.equal([queue.write(STATUS, 1), queue.write(features, 0)], [EDEADLK, EDEADLK]);
      const late = putWrite(queue, 8);
      queue.kick();
      assert.is(queue.read(STATUS), 15);
      machine.holdCompletions(false);
      machine.run();
      assert.equal([queue.read(STATUS), queue.usedIndex, queue.interruptStatus], [0, 0, 0]);
      for (const each of [put, late]) assert.is(queue.statusOf(each), NO_STATUS);
      assert.is(queue.write(STATUS, 0), 0);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      queue.attach();
      write(queue, 8);
    },
  );

  negotiation('row 38: a broken device passes notifications over, and a reset mends it', async () => {
    const [machine, queue] = await open(build);
    queue.attach();
    machine.holdCompletions(true);
    const before = putWrite(queue, 0);
    queue.kick();
    queue.offer(queue.size);
    queue.kick();
    assert.is(queue.read(STATUS), 15 | NEEDS_RESET);
    assert.is(queue.interruptStatus, 2, 'a config interrupt tells the driver');
    const generation = queue.read(0x0fc);
    machine.holdCompletions(false);
    machine.run();
    assert.is(machine.counters.guest.writes, 1, 'the backend ends what is in flight');
    assert.equal([queue.usedIndex, queue.statusOf(before)], [0, NO_STATUS], 'and nobody is told');
    const after = putWrite(queue, 8);
    queue.kickAndRun();
    assert.is(queue.statusOf(after), NO_STATUS);
    assert.is(queue.interruptStatus, 2);
    assert.is(queue.read(0x0fc), generation);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    assert.is(queue.attach(), 15);
    assert.is(queue.interruptStatus, 0);
    write(queue, 8);
  });

  // ---- requests that the error policy has stopped ----

  for (const how of [
    'reset',
    'reset while it fails',
    'queue stopped',
    'queue stopped while it fails',
  ] as const) {
    negotiation(`a stopped request is forgotten, ${how}, and other devices get its record`, async () => {
      const { machine, image } = await openFlaky(build, {
        drives: [{}, { size: 1048576 }],
        cacheMode: 'none',
        limits: { virtioRequests: 1 },
      });
      const [queue, other] = [0, 1].map((device) =>
        GuestQueue.attached(machine, { device, room: 65536 }),
      ) as [GuestQueue, GuestQueue];
      image.fail = ({ name }) => (name === 'pwrite' ? WASI_ENOSPC : 0);
      const put = putWrite(queue, 0);
      if (how.endsWith('fails')) machine.holdCompletions(true);
      queue.kickAndRun();
      const elsewhere = putWrite(other, 0);
      other.kickAndRun();
      assert.is(other.statusOf(elsewhere), NO_STATUS, 'the one record is taken');
      if (how.startsWith('reset')) queue.write(STATUS, 0);
      else queue.write(0x044, 0);
      machine.holdCompletions(false);
      machine.run();
      assert.is(
        machine.core.call((exports) => exports.virtioResume(0)),
        0,
      );
      machine.run();
      assert.equal([queue.usedIndex, queue.statusOf(put)], [0, NO_STATUS]);
      assert.not(queue.needsReset);
      assert.is(other.statusOf(elsewhere), VIRTIO_BLK_S_OK);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      image.fail = () => 0;
      assert.is(queue.attach(), 15);
      write(queue, 0);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    });
  }

  negotiation(
    'a queue that is stopped while it waits for a record leaves the next one to another device',
    async () => {
      const machine = await openMachine(build, { drives: [{}, {}, {}], limits: { virtioRequests: 1 } });
      const queues = [0, 1, 2].map((device) => GuestQueue.attached(machine, { device, room: 65536 }));
      const puts = queues.map((queue) => {
        const put = putWrite(queue, 0);
        queue.kick();
        return put;
      });
      queues[1]?.write(0x044, 0);
      machine.run();
      assert.equal(
        queues.map((queue, index) => queue.statusOf(puts[index] as Put)),
        [VIRTIO_BLK_S_OK, NO_STATUS, VIRTIO_BLK_S_OK],
      );
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  // ---- the write cache ----

  const CACHED: readonly CacheMode[] = ['writeback', 'none'];
  for (const cacheMode of CACHED) {
    negotiation(
      `row 31: without FLUSH and CONFIG_WCE a completed write is on the media, ${cacheMode}`,
      async () => {
        const [machine, queue] = await open(build, { cacheMode });
        assert.is(queue.read(WRITEBACK, 1), 1);
        queue.attach({ features: VERSION_1 });
        assert.is(queue.read(WRITEBACK, 1), 0);
        write(queue, 0);
        assert.equal(afterCut(machine, [0]), [7]);
      },
    );

    negotiation(`row 32: with FLUSH a completed write may be lost until a flush, ${cacheMode}`, async () => {
      const [machine, queue] = await open(build, { cacheMode });
      queue.attach({ features: VERSION_1 | FLUSH });
      assert.is(queue.read(WRITEBACK, 1), 1);
      write(queue, 0);
      flush(queue);
      write(queue, 8);
      assert.equal(afterCut(machine, [0, 8]), [7, 0]);
    });

    negotiation(
      `row 34: writes after writeback went to 0 are on the media, earlier ones are not, ${cacheMode}`,
      async () => {
        const [machine, queue] = await open(build, { cacheMode });
        queue.attach({ features: VERSION_1 | FLUSH | CONFIG_WCE });
        write(queue, 0);
        queue.write(WRITEBACK, 0, 1);
        write(queue, 8);
        queue.write(WRITEBACK, 1, 1);
        write(queue, 16);
        assert.equal(afterCut(machine, [0, 8, 16]), [0, 7, 0]);
      },
    );
  }

  negotiation('row 33: a flush does not cover a write in flight when it was submitted', async () => {
    const [machine, queue] = await open(build, { cacheMode: 'none' });
    queue.attach({ features: VERSION_1 | FLUSH });
    write(queue, 0);
    machine.holdCompletions(true);
    putWrite(queue, 8);
    queue.kickAndRun();
    queue.put({ type: VIRTIO_BLK_T_FLUSH });
    queue.kickAndRun();
    assert.is(machine.heldCompletions(), 2);
    machine.releaseCompletion(1);
    machine.releaseCompletion(0);
    machine.holdCompletions(false);
    machine.run();
    assert.is(queue.takeUsed().length, 2);
    assert.equal(afterCut(machine, [0, 8]), [7, 0]);
  });

  /** What writeback is at DRIVER_OK, by what the mode starts with and what was accepted (§6.3). */
  const AT_DRIVER_OK: readonly [
    accepted: string,
    features: bigint,
    writeback: (initial: number) => number,
  ][] = [
    ['neither', 0n, () => 0],
    ['FLUSH', FLUSH, () => 1],
    ['FLUSH and CONFIG_WCE', FLUSH | CONFIG_WCE, (initial) => initial],
    ['CONFIG_WCE alone', CONFIG_WCE, () => 0],
  ];
  for (const [accepted, features, writeback] of AT_DRIVER_OK) {
    negotiation(
      `the write cache at DRIVER_OK when the driver accepts ${accepted}, and after a reset`,
      async () => {
        for (const cacheMode of ['writeback', 'none', 'writethrough', 'directsync'] as const) {
          const [machine, queue] = await open(build, { cacheMode });
          const initial = cacheMode === 'writeback' || cacheMode === 'none' ? 1 : 0;
          assert.is(queue.read(WRITEBACK, 1), initial, cacheMode);
          queue.attach({ features: VERSION_1 | features });
          const now = writeback(initial);
          assert.is(queue.read(WRITEBACK, 1), now, cacheMode);
          write(queue, 0);
          assert.is(machine.volatileWrites() + machine.counters.cache.nrDirty > 0, now === 1, cacheMode);
          queue.write(WRITEBACK, 1 - initial, 1);
          queue.write(STATUS, 0);
          assert.is(queue.read(WRITEBACK, 1), initial, `${cacheMode} after a reset`);
        }
      },
    );
  }

  // ---- xv6 ----

  negotiation('row 40: the driver of xv6 brings the device up and reads and writes its blocks', async () => {
    const [machine, queue] = await open(build);
    const { view } = queue;
    const at = (offset: number) => queue.read(offset);
    assert.equal([at(0x000), at(0x004), at(0x008), at(0x00c)], [0x74726976, 2, 2, 0x554d4551]);
    for (const status of [0, 1, 3]) queue.write(STATUS, status);
    const refused = [5, 7, 11, 12, 27, 28, 29].reduce((bits, bit) => bits | (1 << bit), 0);
    queue.write(0x020, at(0x010) & ~refused);
    queue.write(STATUS, 11);
    assert.is(at(STATUS) & 8, 8);
    queue.write(0x030, 0);
    assert.is(at(0x044), 0);
    assert.ok(at(0x034) >= 8);
    const [descriptors, available, used] = [4096, 4096, 4096].map((bytes) => queue.allocate(bytes, 4096)) as [
      number,
      number,
      number,
    ];
    for (const page of [descriptors, available, used]) queue.bytes.fill(0, page, page + 4096);
    queue.write(0x038, 8);
    for (const [index, page] of [descriptors, available, used].entries()) {
      queue.write(0x080 + index * 16, page);
      queue.write(0x084 + index * 16, 0);
    }
    queue.write(0x044, 1);
    queue.write(STATUS, 15);
    assert.is(at(STATUS), 15);
    const header = queue.allocate(16, 8);
    const status = queue.allocate(1);
    const block = queue.allocate(1024, 8);
    const descriptor = (index: number, address: number, length: number, flags: number, next: number) => {
      view.setBigUint64(descriptors + index * 16, BigInt(address), true);
      view.setUint32(descriptors + index * 16 + 8, length, true);
      view.setUint16(descriptors + index * 16 + 12, flags, true);
      view.setUint16(descriptors + index * 16 + 14, next, true);
    };
    let usedIndex = 0;
    /** virtio_disk_rw: three descriptors from anywhere, an interrupt, the used ring. */
    const transfer = (number: number, isWrite: boolean) => {
      const [first, second, third] = [usedIndex, usedIndex + 5, usedIndex + 2].map((n) => n % 8) as [
        number,
        number,
        number,
      ];
      view.setUint32(header, isWrite ? 1 : 0, true);
      view.setUint32(header + 4, 0, true);
      view.setBigUint64(header + 8, BigInt(number * 2), true);
      descriptor(first, header, 16, 1, second);
      descriptor(second, block, 1024, isWrite ? 1 : 3, third);
      queue.bytes[status] = 0xff;
      descriptor(third, status, 1, 2, 0);
      const index = view.getUint16(available + 2, true);
      view.setUint16(available + 4 + (index % 8) * 2, first, true);
      view.setUint16(available + 2, index + 1, true);
      queue.write(0x050, 0);
      machine.run();
      assert.is(at(0x060) & 3, 1);
      queue.write(0x064, at(0x060) & 3);
      assert.is(view.getUint16(used + 2, true), usedIndex + 1);
      assert.is(view.getUint32(used + 4 + (usedIndex % 8) * 8, true), first);
      assert.is(queue.bytes[status], 0);
      usedIndex++;
    };
    const pattern = (number: number) =>
      new Uint8Array(1024).map((_, byte) => (byte * 5 + number * 17) & 0xff);
    for (let number = 0; number < 20; number++) {
      queue.bytes.set(pattern(number), block);
      transfer(number, true);
    }
    for (let number = 0; number < 20; number++) {
      queue.bytes.fill(0, block, block + 1024);
      transfer(number, false);
      assert.equal(queue.bytes.slice(block, block + 1024), pattern(number));
    }
    assert.is(machine.counters.guest.writes, 20);
    assert.ok(
      machine.volatileWrites() + machine.counters.cache.nrDirty > 0,
      'it accepts FLUSH and never flushes',
    );
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  negotiation.run();
}
