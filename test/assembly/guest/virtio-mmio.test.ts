// The register window: each register in its direction, what misuse answers, the config space at and behind its end, queues
// that are selected, set up and stopped.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { VIRTIO_BLK_S_OK, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT } from '../../../assembly/layout.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { GuestQueue, NO_STATUS, type Put } from './queue.ts';

const EBUSY = -16;
const ENODEV = -19;
const EINVAL = -22;
const ONES = 0xffffffff;
const CONFIG = 0x100;
const CONFIG_BYTES = 57;
const NEEDS_RESET = 64;
const SECTORS = 2048;

async function open(build: Build, config: MachineConfig = {}): Promise<[Machine, GuestQueue]> {
  const machine = await openMachine(build, { drives: [{ size: SECTORS * 512 }], ...config });
  return [machine, new GuestQueue(machine)];
}

/** Queues of one device, each with rings of its own; the device runs. */
async function openQueues(build: Build, count: number, config: MachineConfig = {}): Promise<GuestQueue[]> {
  const machine = await openMachine(build, {
    drives: [{ size: SECTORS * 512 }],
    ...config,
    virtio: { queues: count, ...config.virtio },
  });
  const queues = Array.from({ length: count }, () => new GuestQueue(machine, { size: 16, room: 65536 }));
  queues[0]?.attach({ status: 11 });
  queues.forEach((queue, index) => {
    queue.setUpQueue(index);
  });
  queues[0]?.write(0x070, 15);
  return queues;
}

const write = (queue: GuestQueue, sector: number): Put =>
  queue.put({ type: VIRTIO_BLK_T_OUT, sector, pieces: [512] });

function checkServed(queue: GuestQueue, puts: readonly Put[]): void {
  assert.equal(
    queue.takeUsed().map(({ id }) => id),
    puts.map(({ head }) => head),
  );
  for (const put of puts) assert.is(queue.statusOf(put), VIRTIO_BLK_S_OK);
}

const CONSTANT: readonly [name: string, offset: number, value: number][] = [
  ['MagicValue', 0x000, 0x74726976],
  ['Version', 0x004, 2],
  ['DeviceID', 0x008, 2],
  ['VendorID', 0x00c, 0x554d4551],
  ['QueueSizeMax', 0x034, 1024],
  ['QueueReady', 0x044, 0],
  ['InterruptStatus', 0x060, 0],
  ['Status', 0x070, 0],
  ['SHMLenLow', 0x0b0, ONES],
  ['SHMLenHigh', 0x0b4, ONES],
  ['SHMBaseLow', 0x0b8, ONES],
  ['SHMBaseHigh', 0x0bc, ONES],
];
const WRITE_ONLY = [
  0x014, 0x020, 0x024, 0x030, 0x038, 0x050, 0x064, 0x080, 0x084, 0x090, 0x094, 0x0a0, 0x0a4, 0x0ac,
];
/** Legacy registers, QueueReset (not offered), and places where nothing is. */
const UNKNOWN = [
  0x018, 0x01c, 0x028, 0x02c, 0x03c, 0x040, 0x048, 0x054, 0x068, 0x074, 0x0a8, 0x0c0, 0x0c4, 0x0f8,
];

for (const build of BUILDS) {
  const mmio = suite(`virtio-mmio (${build})`);

  for (const [name, offset, value] of CONSTANT) {
    mmio(
      `${name} reads ${value} after a reset, as 4 bytes at its own offset and in no other way`,
      async () => {
        const [, queue] = await open(build);
        assert.is(queue.read(offset), value);
        for (const width of [0, 1, 2, 3, 5, 8, -1, 2 ** 31])
          assert.is(queue.read(offset, width), 0, `${width}`);
        for (const aside of [1, 2, 3]) assert.is(queue.read(offset + aside), 0);
      },
    );
  }

  mmio('a register that is only written, or is not there, reads 0 whatever was written', async () => {
    const [, queue] = await open(build);
    for (const offset of [...WRITE_ONLY, ...UNKNOWN]) {
      if (offset !== 0x050) queue.write(offset, ONES);
      assert.is(queue.read(offset), 0, offset.toString(16));
    }
  });

  mmio('registers that are only read keep their values', async () => {
    const [, queue] = await open(build);
    const offsets = [0x000, 0x004, 0x008, 0x00c, 0x010, 0x034, 0x060, 0x0b0, 0x0b4, 0x0b8, 0x0bc, 0x0fc];
    const before = offsets.map((offset) => queue.read(offset));
    for (const offset of offsets) assert.is(queue.write(offset, 0x12345678), 0);
    assert.equal(
      offsets.map((offset) => queue.read(offset)),
      before,
    );
    assert.is(queue.read(0x070), 0);
  });

  mmio('a control register is not written by 1 or 2 bytes, nor beside its offset', async () => {
    const [, queue] = await open(build);
    for (const width of [0, 1, 2, 3, 8]) queue.write(0x070, 1, width);
    for (const aside of [0x071, 0x072, 0x073]) queue.write(aside, 1);
    assert.is(queue.read(0x070), 0);
    queue.write(0x070, 1);
    assert.is(queue.read(0x070), 1);
    for (const width of [1, 2]) queue.write(0x070, 0, width);
    assert.is(queue.read(0x070), 1);
  });

  mmio('any FeaturesSel but 0 is 1', async () => {
    const [, queue] = await open(build);
    queue.write(0x014, 0);
    const low = queue.read(0x010);
    for (const select of [1, 2, 77, ONES]) {
      queue.write(0x014, select);
      assert.is(queue.read(0x010), 1, 'VERSION_1');
    }
    queue.write(0x014, 0);
    assert.is(queue.read(0x010), low);
  });

  mmio(
    'a queue that does not exist has size 0, is never ready, and setting it up changes nothing',
    async () => {
      const [machine, queue] = await open(build, { virtio: { queues: 2 } });
      assert.is(queue.attach(), 15);
      for (const [select, size] of [
        [1, 1024],
        [2, 0],
        [1023, 0],
        [0, 1024],
      ] as const) {
        queue.write(0x030, select);
        assert.is(queue.read(0x034), size, `queue ${select}`);
      }
      queue.write(0x030, 2);
      queue.write(0x038, 8);
      queue.write(0x080, queue.descriptors);
      queue.write(0x044, 1);
      assert.is(queue.read(0x044), 0);
      queue.write(0x044, 0);
      assert.is(queue.read(0x070), 15);
      queue.write(0x030, 0);
      assert.is(queue.read(0x044), 1, 'the queue that exists is as it was');
      // QEMU passes over a selection that is out of its own range
      queue.write(0x030, 1024);
      assert.is(queue.read(0x034), 1024);
      for (const notified of [2, 77, 65535, 65536, ONES]) {
        const put = write(queue, 0);
        assert.is(queue.write(0x050, notified), 0);
        machine.run();
        assert.is(queue.statusOf(put), NO_STATUS, `${notified} is no queue`);
      }
      queue.kickAndRun();
      assert.is(queue.takeUsed().length, 5);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  mmio('while a queue is ready its size and place stay', async () => {
    const [, queue] = await open(build);
    queue.attach();
    for (const offset of [0x038, 0x080, 0x084, 0x090, 0x094, 0x0a0, 0x0a4]) queue.write(offset, 3);
    queue.write(0x044, 1);
    const put = write(queue, 1);
    queue.kickAndRun();
    checkServed(queue, [put]);
    assert.not(queue.needsReset);
  });

  mmio('a ring address has 64 bits', async () => {
    for (const high of [0x084, 0x094, 0x0a4]) {
      const [, queue] = await open(build);
      queue.attach({ status: 11 });
      queue.write(0x044, 0);
      queue.write(high, 1);
      queue.write(0x044, 1);
      assert.is(queue.read(0x044), 0);
      assert.is(queue.read(0x070) & NEEDS_RESET, NEEDS_RESET);
    }
  });

  // ---- the config space ----

  mmio(
    'the config space has 57 bytes: capacity, limits, geometry, and no more than the features say',
    async () => {
      const [, queue] = await open(build, { virtio: { queues: 3, blockSize: 4096 } });
      const at = (offset: number, width: number) => queue.read(CONFIG + offset, width);
      assert.equal([at(0, 4), at(4, 4)], [SECTORS, 0], 'capacity');
      assert.equal([at(8, 4), at(12, 4)], [0, 254], 'size_max, seg_max');
      assert.equal([at(16, 2), at(18, 1), at(19, 1)], [2, 16, 63], 'geometry');
      assert.equal([at(20, 4), at(32, 1), at(33, 1), at(34, 2)], [4096, 1, 0, 3]);
      assert.equal([at(36, 4), at(40, 4), at(44, 4)], [4194303, 1, 8], 'discard');
      assert.equal([at(48, 4), at(52, 4), at(56, 1)], [4194303, 1, 1], 'write zeroes');
      // the same bytes by every width
      const bytes = Array.from({ length: CONFIG_BYTES }, (_, offset) => at(offset, 1));
      for (let offset = 0; offset + 4 <= CONFIG_BYTES; offset++) {
        const [a, b, c, d] = bytes.slice(offset, offset + 4) as [number, number, number, number];
        assert.is(at(offset, 2), a | (b << 8));
        assert.is(at(offset, 4), (a | (b << 8) | (c << 16) | (d << 24)) >>> 0);
      }
    },
  );

  mmio('behind the end and across it the config space is all ones of the width', async () => {
    const [, queue] = await open(build);
    for (const offset of [57, 58, 96, 4096, 2 ** 31 - 1 - CONFIG]) {
      assert.is(queue.read(CONFIG + offset, 1), 0xff);
      assert.is(queue.read(CONFIG + offset, 2), 0xffff);
      assert.is(queue.read(CONFIG + offset, 4), ONES);
    }
    assert.is(queue.read(-1, 1), 0xff, 'an offset is unsigned');
    assert.equal([queue.read(CONFIG + 56, 1), queue.read(CONFIG + 56, 2)], [1, 0xffff]);
    assert.equal([queue.read(CONFIG + 53, 4), queue.read(CONFIG + 54, 4)], [0x01000000, ONES]);
    for (const width of [0, 3, 8, -1]) assert.is(queue.read(CONFIG, width), 0);
  });

  mmio(
    'writeback is written by its byte, or with its neighbours; nothing else in the space can be',
    async () => {
      const [, queue] = await open(build);
      const space = () => Array.from({ length: CONFIG_BYTES }, (_, offset) => queue.read(CONFIG + offset, 1));
      const before = space();
      for (let offset = 0; offset < 70; offset++) {
        if (offset !== 32) queue.write(CONFIG + offset, 0, 1);
      }
      for (const offset of [0, 28, 33, 36, 54, 57, 2 ** 31 - 1 - CONFIG]) queue.write(CONFIG + offset, 0, 4);
      for (const width of [0, 3, 8]) queue.write(CONFIG + 32, 0, width);
      assert.equal(space(), before);
      const writes: readonly [offset: number, width: number, value: number, writeback: number][] = [
        [32, 1, 0, 0],
        [32, 1, 2, 1],
        [32, 4, 0xffffff00, 0],
        [32, 4, 1, 1],
        [32, 2, 0, 0],
        [31, 2, 0x0100, 1],
        [29, 4, 0x00ffffff, 0],
        [30, 4, 0x00010000, 1],
      ];
      for (const [offset, width, value, writeback] of writes) {
        queue.write(CONFIG + offset, value, width);
        assert.is(queue.read(CONFIG + 32, 1), writeback, `${value} of ${width} bytes at ${offset}`);
      }
      assert.equal(space(), before);
    },
  );

  mmio('row 39: a resize while the capacity is read shows in ConfigGeneration, and interrupts', async () => {
    const size = 2 ** 42 + 2 ** 41;
    const [machine, queue] = await open(build, { drives: [{ size }], payload: 'none' });
    const resize = (bytes: number) => machine.core.call((exports) => exports.virtioResize(0, bytes));
    assert.is(resize(2 ** 41), 0);
    assert.is(queue.interruptStatus, 0, 'no driver runs that would hear of it');
    queue.attach();
    let reads = 0;
    const capacity = (between: () => void): number => {
      for (;;) {
        const generation = queue.read(0x0fc);
        const low = queue.read(CONFIG, 4);
        if (reads++ === 0) between();
        const high = queue.read(CONFIG + 4, 4);
        if (queue.read(0x0fc) === generation) return high * 2 ** 32 + low;
      }
    };
    assert.is(
      capacity(() => assert.is(resize(size), 0)),
      size / 512,
    );
    assert.is(reads, 2, 'the first pair of halves did not belong together');
    assert.is(queue.interruptStatus, 2);
    queue.acknowledge(2);
    assert.is(queue.interruptStatus, 0);
    for (const bad of [-512, 511, size + 512, 0.5, Number.NaN, 2 ** 53]) assert.is(resize(bad), EINVAL);
    assert.is(
      machine.core.call((exports) => exports.virtioResize(1, 512)),
      ENODEV,
    );
    assert.is(queue.interruptStatus, 0);
  });

  mmio('row 39: what lies behind a capacity that shrank is out of range', async () => {
    const [machine, queue] = await open(build);
    queue.attach();
    assert.is(
      machine.core.call((exports) => exports.virtioResize(0, 8 * 512)),
      0,
    );
    const puts = [write(queue, 7), write(queue, 8)];
    queue.kickAndRun();
    assert.equal(
      puts.map((put) => queue.statusOf(put)),
      [0, 1],
    );
  });

  // ---- queues ----

  mmio('several queues go on by themselves, in any order of notification', async () => {
    const queues = await openQueues(build, 4);
    const machine = (queues[0] as GuestQueue).machine;
    const puts = queues.map((queue, index) => [write(queue, index * 8), write(queue, index * 8 + 4)]);
    for (const index of [2, 0]) queues[index]?.kick();
    machine.run();
    assert.equal(
      queues.map((queue) => queue.usedIndex),
      [2, 0, 2, 0],
    );
    for (const index of [3, 1]) queues[index]?.kick();
    machine.run();
    queues.forEach((queue, index) => {
      checkServed(queue, puts[index] as Put[]);
    });
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  mmio('a queue that is not ready is passed over, and the others are served', async () => {
    const [first, second] = (await openQueues(build, 2)) as [GuestQueue, GuestQueue];
    first.write(0x030, 0);
    first.write(0x044, 0);
    assert.is(first.read(0x044), 0);
    const left = write(first, 0);
    first.kickAndRun();
    assert.is(first.statusOf(left), NO_STATUS);
    const put = write(second, 8);
    second.kickAndRun();
    checkServed(second, [put]);
    assert.not(first.needsReset);
  });

  for (const isAgain of [false, true]) {
    mmio(
      `a queue that is stopped with requests in flight is not written to${isAgain ? ', nor its new ring' : ''}`,
      async () => {
        const [first, second] = (await openQueues(build, 2)) as [GuestQueue, GuestQueue];
        const { machine } = first;
        // the used index is large, so that an entry without the ring's size would lie far behind it
        for (let count = 0; count < 40; count++) {
          const put = write(first, 0);
          first.kickAndRun();
          checkServed(first, [put]);
        }
        machine.holdCompletions(true);
        const gone = Array.from({ length: 5 }, (_, index) => write(first, 64 + index * 8));
        const reads = first.put({ type: VIRTIO_BLK_T_IN, sector: 512, pieces: [512], isIn: true });
        first.kick();
        const other = write(second, 128);
        second.kick();
        machine.run();
        first.write(0x030, 0);
        first.write(0x044, 0);
        const fresh = isAgain ? new GuestQueue(machine, { size: 8, room: 65536 }) : undefined;
        fresh?.setUpQueue(0);
        // the rings, and the requests of before behind them
        const rings = () => first.bytes.slice(first.descriptors, gone[0]?.header);
        const before = rings();
        machine.holdCompletions(false);
        machine.run();
        assert.equal(rings(), before);
        for (const put of [...gone, reads]) assert.is(first.statusOf(put), NO_STATUS);
        checkServed(second, [other]);
        assert.not(first.needsReset);
        assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
        if (fresh === undefined) return;
        assert.is(fresh.usedIndex, 0);
        // a full ring many times over: nothing of the old one counts as outstanding
        for (let count = 0; count < 10; count++) {
          const puts = [write(fresh, 0), write(fresh, 8)];
          fresh.kickAndRun();
          checkServed(fresh, puts);
        }
      },
    );
  }

  mmio('a status of which only higher bits are set is a reset, and lets the rings go', async () => {
    const [machine, queue] = await open(build);
    queue.attach();
    queue.write(0x070, 0x100);
    assert.equal([queue.read(0x070), queue.read(0x044)], [0, 0]);
    const put = write(queue, 0);
    queue.kickAndRun();
    assert.is(queue.statusOf(put), NO_STATUS);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  // ---- the guest's memory ----

  mmio('with virtioMemory the guest names its own addresses, and nothing outside is reached', async () => {
    const [machine, queue] = await open(build);
    const bytes = 131072;
    const base = machine.buffers.allocate(bytes + 8192, 4096) + 4096;
    const memory = (device: number, at: number, size: number) =>
      machine.core.call((exports) => exports.virtioMemory(device, at, size));
    assert.equal([memory(1, base, bytes), memory(-1, base, bytes)], [ENODEV, ENODEV]);
    for (const [at, size] of [
      [0, 4096],
      [base, 2 ** 32],
      [base, -1],
      [base, Number.NaN],
      [-4096, 4096],
      [base, 0.5],
    ])
      assert.is(memory(0, at as number, size as number), EINVAL, `${at}, ${size}`);
    assert.is(memory(0, base, bytes), 0);
    const { view } = queue;
    const setUp = (status: number) => {
      for (const value of [0, 1, 3, 11]) queue.write(0x070, value);
      queue.write(0x038, 8);
      for (const [index, address] of [0, 256, 512].entries()) queue.write(0x080 + index * 16, address);
      view.setUint32(base + 256, 0, true);
      view.setUint32(base + 512, 0, true);
      queue.write(0x044, 1);
      queue.write(0x070, status);
    };
    const describe = (index: number, address: bigint, length: number, flags: number) => {
      view.setBigUint64(base + index * 16, address, true);
      view.setUint32(base + index * 16 + 8, length, true);
      view.setUint16(base + index * 16 + 12, flags, true);
      view.setUint16(base + index * 16 + 14, index + 1, true);
    };
    const read = (address: bigint, length: number) => {
      setUp(15);
      queue.bytes.fill(0, base + 1024, base + 1040);
      describe(0, 1024n, 16, 1);
      describe(1, address, length, 3);
      describe(2, 1040n, 1, 2);
      view.setUint16(base + 260, 0, true);
      view.setUint16(base + 258, 1, true);
      queue.write(0x050, 0);
      machine.run();
      return queue.read(0x070);
    };
    queue.bytes.fill(0xa5, base - 4096, base);
    queue.bytes.fill(0xa5, base + bytes, base + bytes + 4096);
    assert.is(read(BigInt(bytes - 512), 512), 15);
    assert.is(view.getUint32(base + 520, true), 513, 'used.len');
    for (const address of [
      BigInt(bytes) - 511n,
      BigInt(bytes),
      -1n,
      -512n,
      BigInt(base),
      2n ** 63n,
      BigInt(-base),
    ])
      assert.is(read(BigInt.asUintN(64, address), 512), 15 | NEEDS_RESET, `${address}`);
    const guards = [
      ...queue.bytes.slice(base - 4096, base),
      ...queue.bytes.slice(base + bytes, base + bytes + 4096),
    ];
    assert.ok(guards.every((byte) => byte === 0xa5));
    assert.is(memory(0, base, 4096), EBUSY, 'the device is in use');
    queue.write(0x070, 0);
    queue.write(0x038, 8);
    for (const [index, address] of [0, 256, 512].entries()) queue.write(0x080 + index * 16, address);
    queue.write(0x044, 1);
    assert.is(memory(0, base, 4096), EBUSY, 'a queue that is ready knows the memory, whatever the status');
    queue.write(0x070, 0);
    assert.is(memory(0, base, 4096), 0);
    queue.write(0x080, 4096 - 64);
    queue.write(0x038, 8);
    queue.write(0x044, 1);
    assert.is(queue.read(0x070), NEEDS_RESET, 'a table that leaves the memory');
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  mmio.run();
}
