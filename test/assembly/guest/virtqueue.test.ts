// The split virtqueue: framing is not assumed, indices wrap at 65,536, and a malformed ring or chain makes the device need
// a reset, which mends it; it never traps, never walks for ever, and answers no chain of it.
//
// Rows are bad rings; each is one notification. The fuzz at the end mixes good and hostile chains.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ROOT_BUFFERS,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
} from '../../../assembly/layout.ts';
import { VIRTQUEUE_MAX_PIECES, VIRTQUEUE_MAX_SIZE } from '../../../assembly/limits.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { type Descriptor, GuestQueue, INDIRECT, NEXT, NO_STATUS, WRITE } from './queue.ts';

const ENODEV = -19;
const EDEADLK = -35;
/** DRIVER_OK and NEEDS_RESET. */
const BROKEN = 15 | 64;
const SEED = 20240618;

async function open(build: Build, size = 256): Promise<[Machine, GuestQueue]> {
  const machine = await openMachine(build, { drives: [{ size: 1048576 }] });
  return [machine, GuestQueue.attached(machine, { size })];
}

/** One write of a sector that must work, to show that the device lives. */
function checkAlive(queue: GuestQueue): void {
  const put = queue.put({ type: VIRTIO_BLK_T_OUT, sector: 3, pieces: [512] });
  queue.kickAndRun();
  assert.equal(queue.takeUsed(), [{ id: put.head, length: 1 }]);
  assert.is(queue.statusOf(put), VIRTIO_BLK_S_OK);
}

/** Sector 2 of the drive holds these bytes. */
function fillSector(machine: Machine): Uint8Array {
  const bytes = new Uint8Array(512).map((_, at) => (at * 7) & 0xff);
  const file = machine.openFile('drive0');
  file.write(bytes, 1024);
  file.close();
  return bytes;
}

/** Breaks a ring of 8 entries; what it does is one row. */
interface BadRing {
  readonly name: string;
  readonly build: (queue: GuestQueue) => void;
}

/** A header, a sector to write and a status byte, as parts for chains. */
function parts(queue: GuestQueue): { header: Descriptor; piece: Descriptor; status: Descriptor } {
  return {
    header: { address: queue.header(VIRTIO_BLK_T_IN, 2), length: 16 },
    piece: { address: queue.allocate(512), length: 512, flags: WRITE },
    status: { address: queue.statusByte(), length: 1, flags: WRITE },
  };
}

const offered = (chain: (queue: GuestQueue) => Descriptor[]) => (queue: GuestQueue) => {
  queue.describeChain(0, chain(queue));
  queue.offer(0);
};

const indirect = (bytes: (count: number) => number, chain: (queue: GuestQueue) => Descriptor[]) =>
  offered((queue) => {
    const entries = chain(queue);
    const table = queue.allocate(16 * entries.length + 16, 16);
    queue.describeChain(0, entries, table);
    return [{ address: table, length: bytes(entries.length), flags: INDIRECT }];
  });

const whole = (queue: GuestQueue): Descriptor[] => {
  const { header, piece, status } = parts(queue);
  return [header, piece, status];
};

/** The first byte of client memory; the core's own lies before it. */
const clientStart = (queue: GuestQueue) => queue.machine.core.root(ROOT_BUFFERS);
/** The end of all memory. */
const memoryEnd = (queue: GuestQueue) => queue.bytes.length;

const BAD_RINGS: readonly BadRing[] = [
  {
    name: 'row 3: an available index that is more than the size ahead',
    build: (queue) => {
      offered(whole)(queue);
      queue.setAvailableIndex(queue.size + 1);
    },
  },
  {
    name: 'an available index that went back',
    build: (queue) => {
      offered(whole)(queue);
      queue.setAvailableIndex(0xffff);
    },
  },
  { name: 'row 4: a head that is the size', build: (queue) => queue.offer(queue.size) },
  { name: 'a head of 65,535', build: (queue) => queue.offer(0xffff) },
  {
    name: 'row 5: a chain that comes back to its head',
    build: (queue) => {
      const { header } = parts(queue);
      queue.describe(0, { ...header, flags: NEXT, next: 1 });
      queue.describe(1, { ...header, flags: NEXT, next: 0 });
      queue.offer(0);
    },
  },
  {
    name: 'a descriptor that is its own next',
    build: (queue) => {
      queue.describe(4, { ...parts(queue).piece, flags: NEXT | WRITE, next: 4 });
      queue.offer(4);
    },
  },
  {
    name: 'a next that is the size',
    build: (queue) => {
      queue.describe(0, { ...parts(queue).header, flags: NEXT, next: queue.size });
      queue.offer(0);
    },
  },
  {
    name: 'row 6: a readable descriptor behind a writable one',
    build: offered((queue) => {
      const { header, piece, status } = parts(queue);
      return [header, piece, { ...header }, status];
    }),
  },
  {
    name: 'row 7: a descriptor of length 0',
    build: offered((queue) => {
      const { header, piece, status } = parts(queue);
      return [header, { ...piece, length: 0 }, status];
    }),
  },
  {
    name: 'a status descriptor of length 0',
    build: offered((queue) => {
      const { header, piece, status } = parts(queue);
      return [header, piece, { ...status, length: 0 }];
    }),
  },
  { name: 'no writable descriptor', build: offered((queue) => [parts(queue).header]) },
  { name: 'no readable descriptor', build: offered((queue) => [parts(queue).status]) },
  {
    name: 'a header of 15 bytes',
    build: offered((queue) => {
      const { header, status } = parts(queue);
      return [{ ...header, length: 15 }, status];
    }),
  },
  {
    name: 'a buffer that begins one byte before client memory',
    build: offered((queue) => {
      const { header, status } = parts(queue);
      return [header, { address: clientStart(queue) - 1, length: 512, flags: WRITE }, status];
    }),
  },
  {
    name: 'a buffer that ends one byte behind all memory',
    build: offered((queue) => {
      const { header, status } = parts(queue);
      return [header, { address: memoryEnd(queue) - 511, length: 512, flags: WRITE }, status];
    }),
  },
  {
    name: 'a buffer at address 0, which is the core',
    build: offered((queue) => {
      const { header, status } = parts(queue);
      return [header, { address: 0, length: 512, flags: WRITE }, status];
    }),
  },
  {
    name: 'a status byte above 4 GiB',
    build: offered((queue) => {
      const { header, piece, status } = parts(queue);
      return [header, piece, { ...status, address: status.address + 2 ** 32 }];
    }),
  },
  {
    name: 'an address whose end wraps around 2^64',
    build: (queue) => {
      const { header, status } = parts(queue);
      queue.describeChain(0, [header, { address: 0, length: 512, flags: WRITE }, status]);
      queue.view.setBigUint64(queue.descriptors + 16, 2n ** 64n - 256n, true);
      queue.offer(0);
    },
  },
  { name: 'row 11: an indirect table of 24 bytes', build: indirect(() => 24, whole) },
  {
    name: 'an indirect table of a whole chain and 8 bytes',
    build: indirect((count) => 16 * count + 8, whole),
  },
  { name: 'an indirect table of 0 bytes', build: indirect(() => 0, whole) },
  { name: 'an indirect table that its chain leaves', build: indirect((count) => 16 * (count - 1), whole) },
  { name: 'an indirect table behind client memory', build: indirect(() => 2 ** 31, whole) },
  {
    name: 'a loop inside an indirect table',
    build: (queue) => {
      const { header } = parts(queue);
      const table = queue.allocate(32, 16);
      queue.describe(0, { ...header, flags: NEXT, next: 1 }, table);
      queue.describe(1, { ...header, flags: NEXT, next: 0 }, table);
      queue.describe(0, { address: table, length: 32, flags: INDIRECT });
      queue.offer(0);
    },
  },
  {
    name: 'an indirect entry inside an indirect table whose own address is no buffer',
    build: indirect(
      (count) => 16 * count,
      (queue) => {
        const { header, status } = parts(queue);
        return [header, { address: 0, length: 16, flags: INDIRECT }, status];
      },
    ),
  },
  {
    name: 'more than 1,024 pieces',
    build: indirect(
      (count) => 16 * count,
      (queue) => {
        const { header, piece, status } = parts(queue);
        return [header, ...Array.from({ length: VIRTQUEUE_MAX_PIECES - 1 }, () => piece), status];
      },
    ),
  },
  {
    name: 'row 29: a discard of 8 bytes',
    build: offered((queue) => [
      { address: queue.header(VIRTIO_BLK_T_DISCARD), length: 16 },
      { address: queue.allocate(8), length: 8 },
      { address: queue.statusByte(), length: 1, flags: WRITE },
    ]),
  },
];

for (const build of BUILDS) {
  const virtqueue = suite(`virtqueue (${build})`);

  virtqueue(
    'a queue is refused whose size is no power of two up to 1,024, or whose parts are misplaced',
    async () => {
      const [, queue] = await open(build);
      const { descriptors, available, used } = queue;
      /** Whether a device with this ring works: 15, or 15 and NEEDS_RESET. */
      const set = (size: number, a = descriptors, b = available, c = used): number => {
        queue.attach({ status: 11 });
        queue.write(0x044, 0);
        queue.write(0x038, size);
        for (const [index, address] of [a, b, c].entries()) queue.write(0x080 + index * 16, address);
        queue.write(0x044, 1);
        queue.write(0x070, 15);
        return queue.read(0x070);
      };
      for (const size of [0, 3, 255, VIRTQUEUE_MAX_SIZE * 2, -1]) assert.is(set(size), BROKEN, `${size}`);
      assert.is(set(8, descriptors + 8), BROKEN);
      assert.is(set(8, descriptors, available + 1), BROKEN);
      assert.is(set(8, descriptors, available, used + 2), BROKEN);
      for (const outside of [0, clientStart(queue) - 16, memoryEnd(queue) - 16, memoryEnd(queue)]) {
        assert.is(set(8, outside), BROKEN);
        assert.is(set(8, descriptors, outside), BROKEN);
        assert.is(set(8, descriptors, available, outside), BROKEN);
      }
      assert.is(set(1), 15);
      assert.is(set(256), 15);
      checkAlive(queue);
    },
  );

  virtqueue('a device without a queue ignores a notification, and no device at all is named', async () => {
    const machine = await openMachine(build);
    const { core } = machine;
    const write = (device: number) => core.call((exports) => exports.virtioWrite(device, 0x050, 4, 0));
    assert.equal([write(0), write(1), write(-1)], [0, ENODEV, ENODEV]);
    const read = (device: number) => core.call((exports) => exports.virtioRead(device, 0, 4));
    assert.equal([read(0), read(1), read(-1)], [0x74726976, -1, -1]);
  });

  virtqueue('a reset waits for what is in flight, and nothing of it is published', async () => {
    const [machine, queue] = await open(build);
    machine.holdCompletions(true);
    const put = queue.put({ type: VIRTIO_BLK_T_IN, sector: 2, pieces: [512], isIn: true });
    queue.kickAndRun();
    assert.is(queue.write(0x070, 0), EDEADLK, 'the drive holds the completion');
    assert.is(queue.read(0x070), 15, 'the status reads 0 when the reset is over');
    machine.holdCompletions(false);
    machine.run();
    assert.is(queue.read(0x070), 0);
    assert.equal(queue.takeUsed(), []);
    assert.is(queue.statusOf(put), NO_STATUS);
    assert.is(queue.attach(), 15);
    checkAlive(queue);
  });

  for (const split of [1, 4, 15]) {
    virtqueue(
      `row 8: a header split ${split} + ${16 - split}, and a status byte behind the data, are one read`,
      async () => {
        const [machine, queue] = await open(build);
        const expected = fillSector(machine);
        const header = queue.header(VIRTIO_BLK_T_IN, 2);
        const data = queue.allocate(514);
        queue.bytes.fill(NO_STATUS, data, data + 514);
        const head = queue.putChain([
          { address: header, length: split },
          { address: header + split, length: 16 - split },
          { address: data, length: 513, flags: WRITE },
        ]);
        queue.kickAndRun();
        assert.equal(queue.takeUsed(), [{ id: head, length: 513 }]);
        assert.equal(queue.bytes.slice(data, data + 512), expected);
        assert.equal([...queue.bytes.slice(data + 512, data + 514)], [VIRTIO_BLK_S_OK, NO_STATUS]);
      },
    );
  }

  virtqueue('row 9: data in the descriptor of the header is written', async () => {
    const [machine, queue] = await open(build);
    const request = queue.allocate(528, 16);
    queue.view.setUint32(request, VIRTIO_BLK_T_OUT, true);
    queue.view.setUint32(request + 4, 0, true);
    queue.view.setBigUint64(request + 8, 5n, true);
    const data = new Uint8Array(512).map((_, at) => (at * 11 + 1) & 0xff);
    queue.bytes.set(data, request + 16);
    const status = queue.statusByte();
    const head = queue.putChain([
      { address: request, length: 528 },
      { address: status, length: 1, flags: WRITE },
    ]);
    queue.kickAndRun();
    assert.equal(queue.takeUsed(), [{ id: head, length: 1 }]);
    assert.is(queue.bytes[status], VIRTIO_BLK_S_OK);
    assert.equal(machine.openFile('drive0').read(512, 5 * 512), data);
  });

  virtqueue('row 10: a readable header and an indirect table for the rest are one chain', async () => {
    const [machine, queue] = await open(build);
    const expected = fillSector(machine);
    const { header, piece, status } = parts(queue);
    const table = queue.allocate(32, 16);
    queue.describeChain(0, [piece, status], table);
    // the device ignores WRITE on the descriptor that names the table
    const head = queue.putChain([header, { address: table, length: 32, flags: INDIRECT | WRITE }]);
    queue.kickAndRun();
    assert.equal(queue.takeUsed(), [{ id: head, length: 513 }]);
    assert.equal(queue.bytes.slice(piece.address, piece.address + 512), expected);
  });

  virtqueue(
    'row 12: a chain in an indirect table, named with WRITE, is used by its head in the main table',
    async () => {
      const [machine, queue] = await open(build, 8);
      const expected = fillSector(machine);
      const { header, piece, status } = parts(queue);
      const table = queue.allocate(48, 16);
      queue.describeChain(0, [header, piece, status], table);
      queue.describe(6, { address: table, length: 48, flags: INDIRECT | WRITE | NEXT, next: 6 });
      queue.offer(6);
      queue.kickAndRun();
      assert.equal(queue.takeUsed(), [{ id: 6, length: 513 }]);
      assert.equal(queue.bytes.slice(piece.address, piece.address + 512), expected);
    },
  );

  virtqueue('1,024 pieces are accepted', async () => {
    const [machine, queue] = await open(build);
    // with header and status; 1,021 bytes and 515 are three sectors
    const pieces = Array.from({ length: VIRTQUEUE_MAX_PIECES - 2 }, (_, index) => (index === 0 ? 515 : 1));
    const bytes = pieces.reduce((a, b) => a + b, 0);
    assert.is(bytes % 512, 0);
    const put = queue.put({ type: VIRTIO_BLK_T_IN, sector: 2, pieces, isIn: true, isIndirect: true });
    queue.kickAndRun();
    assert.equal(queue.takeUsed(), [{ id: put.head, length: bytes + 1 }]);
    assert.is(queue.statusOf(put), VIRTIO_BLK_S_OK);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  virtqueue('row 2: both indices wrap from 65,535 to 0, and slots follow them', async () => {
    const [, queue] = await open(build, 8);
    const header = queue.header(VIRTIO_BLK_T_FLUSH);
    const status = queue.statusByte();
    for (let head = 0; head < 8; head += 2) {
      queue.describeChain(head, [
        { address: header, length: 16 },
        { address: status, length: 1, flags: WRITE },
      ]);
    }
    for (let count = 0; count < 65535; count += 3) {
      for (let index = 0; index < 3; index++) queue.offer(((count + index) % 4) * 2);
      queue.kickAndRun();
    }
    assert.is(queue.usedIndex, 65535);
    queue.takeUsed();
    queue.offer(4);
    queue.kickAndRun();
    assert.is(queue.usedIndex, 0);
    assert.equal(queue.takeUsed(), [{ id: 4, length: 1 }]);
    queue.offer(2);
    queue.kickAndRun();
    assert.is(queue.usedIndex, 1);
    assert.equal(queue.takeUsed(), [{ id: 2, length: 1 }]);
    assert.not(queue.needsReset);
  });

  virtqueue('a full ring of chains is taken in one notification', async () => {
    const [, queue] = await open(build, 8);
    const header = queue.header(VIRTIO_BLK_T_FLUSH);
    const status = queue.statusByte();
    const table = queue.allocate(32, 16);
    queue.describeChain(
      0,
      [
        { address: header, length: 16 },
        { address: status, length: 1, flags: WRITE },
      ],
      table,
    );
    for (let head = 0; head < 8; head++) {
      queue.describe(head, { address: table, length: 32, flags: INDIRECT });
      queue.offer(head);
    }
    queue.kickAndRun();
    assert.equal(
      queue.takeUsed().map(({ id }) => id),
      [0, 1, 2, 3, 4, 5, 6, 7],
    );
  });

  for (const { name, build: breakRing } of BAD_RINGS) {
    virtqueue(`${name} needs a reset, answers nothing, and the reset mends it`, async () => {
      const [machine, queue] = await open(build, 8);
      breakRing(queue);
      const before = queue.bytes.slice(queue.descriptors, queue.descriptors + 16 * queue.size);
      assert.is(queue.kick(), 0);
      machine.run();
      assert.ok(queue.needsReset);
      assert.is(queue.usedIndex, 0);
      assert.equal(
        queue.bytes.slice(queue.descriptors, queue.descriptors + 16 * queue.size),
        before,
        'the device never writes to the descriptor table',
      );
      assert.is(queue.kick(), 0, 'a kick to a broken device is ignored');
      machine.run();
      assert.is(queue.usedIndex, 0);
      assert.ok(queue.needsReset);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      assert.is(queue.attach(), 15);
      assert.not(queue.needsReset);
      checkAlive(queue);
    });
  }

  virtqueue('requests that stand before a bad chain are served, those behind it are not', async () => {
    const [machine, queue] = await open(build);
    const first = queue.put({ type: VIRTIO_BLK_T_OUT, sector: 0, pieces: [512] });
    const second = queue.put({ type: VIRTIO_BLK_T_OUT, sector: 1, pieces: [512] });
    queue.offer(queue.size);
    const third = queue.put({ type: VIRTIO_BLK_T_OUT, sector: 2, pieces: [512] });
    for (const put of [first, second, third]) queue.bytes.fill(9, put.data, put.data + 512);
    queue.kickAndRun();
    assert.ok(queue.needsReset);
    const bytes = machine.openFile('drive0').read(1536, 0);
    assert.equal([...new Set(bytes.subarray(0, 1024))], [9]);
    assert.equal([...new Set(bytes.subarray(1024))], [0]);
    assert.is(queue.statusOf(third), NO_STATUS);
  });

  virtqueue('requests that found no record are taken up when one comes back', async () => {
    const machine = await openMachine(build, { limits: { virtioRequests: 2 } });
    const queue = GuestQueue.attached(machine);
    const puts = Array.from({ length: 9 }, (_, sector) =>
      queue.put({ type: VIRTIO_BLK_T_OUT, sector: sector * 8, pieces: [512] }),
    );
    queue.kickAndRun();
    assert.equal(
      queue.takeUsed().map(({ id }) => id),
      puts.map(({ head }) => head),
    );
  });

  virtqueue('a device that found no record is taken up when another device gives one back', async () => {
    const machine = await openMachine(build, { drives: [{}, {}], limits: { virtioRequests: 1 } });
    const queues = [0, 1].map((device) => GuestQueue.attached(machine, { device, room: 65536 }));
    for (const queue of queues) {
      queue.put({ type: VIRTIO_BLK_T_OUT, sector: 0, pieces: [512] });
      assert.is(queue.kick(), 0);
    }
    machine.run();
    assert.equal(
      queues.map((queue) => queue.takeUsed().length),
      [1, 1],
    );
  });

  virtqueue(
    'random and hostile rings: no trap, and each good chain is answered once or the device is broken',
    async () => {
      // the client memory that chains name holds garbage; some headers are good
      const type = fc.constantFrom(
        VIRTIO_BLK_T_IN,
        VIRTIO_BLK_T_OUT,
        VIRTIO_BLK_T_FLUSH,
        VIRTIO_BLK_T_GET_ID,
        VIRTIO_BLK_T_DISCARD,
        6,
        0x80000001,
      );
      const sector = fc.oneof(fc.nat(2047), fc.constantFrom(2048, 2 ** 32, 2 ** 53 - 1));
      const length = fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(512, 1024, 4096) },
        { weight: 2, arbitrary: fc.integer({ min: 1, max: 5000 }) },
      );
      const good = fc.record({
        type,
        sector,
        pieces: fc.array(length, { maxLength: 12, size: 'max' }),
        isIn: fc.boolean(),
        isIndirect: fc.boolean(),
      });
      const u32 = fc.nat(0xffffffff);
      const place = fc.oneof(fc.nat(65535), fc.nat(65535), u32);
      const hostileDescriptor = fc.record({
        place,
        isOutside: fc.nat(15).map((n) => n === 0),
        length: fc.oneof(fc.nat(4096), fc.nat(64), fc.constant(16), u32),
        flags: fc.oneof(fc.nat(7), fc.nat(3), fc.nat(0xffff)),
        next: fc.oneof(fc.nat(15), fc.nat(0xffff)),
      });
      const hostile = fc.record({
        table: fc.array(hostileDescriptor, { minLength: 8, maxLength: 16, size: 'max' }),
        head: fc.oneof({ weight: 9, arbitrary: fc.nat(15) }, { weight: 1, arbitrary: fc.nat(0xffff) }),
      });
      const round = fc.record({
        goods: fc.array(good, { maxLength: 6, size: 'max' }),
        hostile: fc.option(hostile, { freq: 3 }),
      });

      const machine = await openMachine(build, { drives: [{ size: 1048576 }], cache: 65536 });
      const garbage = machine.buffers.allocate(65536 + 64);
      const queue = GuestQueue.attached(machine, { size: 128, room: 6291456 });
      let described = 0;
      let brokenRounds = 0;
      fc.assert(
        fc.property(
          fc.array(round, { minLength: 1, maxLength: 4, size: 'max' }),
          fc.integer(),
          (rounds, fill) => {
            const start = queue.mark();
            assert.is(queue.attach(), 15);
            for (let at = 0; at < 65536; at += 4)
              queue.view.setUint32(garbage + at, Math.imul(at + fill, 0x9e3779b1), true);
            for (const { goods, hostile: bad } of rounds) {
              const puts = goods.map((request) => queue.put(request));
              described += goods.reduce((sum, { pieces }) => sum + pieces.length + 2, 0);
              if (bad !== null) {
                bad.table.forEach((entry, index) => {
                  const address = entry.isOutside ? entry.place : garbage + (entry.place % 65536);
                  queue.describe(queue.size - 16 + index, { ...entry, address });
                });
                described += bad.table.length;
                queue.offer(bad.head < 16 ? queue.size - 16 + bad.head : bad.head);
              }
              assert.is(queue.kick(), 0);
              machine.run();
              const used = queue.takeUsed().map(({ id }) => id);
              assert.is(new Set(used).size, used.length, 'no chain is answered twice');
              const isGood = (id: number) => puts.some(({ head }) => head === id);
              const answered = puts.filter(({ head }) => used.includes(head));
              // a discard without its segment breaks the device as a hostile chain does
              if (!queue.needsReset) {
                assert.is(answered.length, puts.length, 'no chain is lost');
                for (const put of puts)
                  assert.ok(queue.statusOf(put) <= 2, 'the status is one that there is');
              }
              assert.ok(used.filter((id) => !isGood(id)).length <= (bad === null ? 0 : 1));
              assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
              if (queue.needsReset) {
                brokenRounds++;
                assert.is(queue.attach(), 15);
              }
            }
            queue.release(start);
          },
        ),
        { seed: SEED, numRuns: 3000 },
      );
      assert.ok(described > 200_000, `${described} descriptors were described`);
      assert.ok(brokenRounds > 1000, `${brokenRounds} rounds broke the device`);
      queue.attach();
      checkAlive(queue);
    },
  );

  virtqueue.run();
}
