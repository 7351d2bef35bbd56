// The virtio-blk device: what each request does to the drive and what its driver reads back, and the status of everything
// that is wrong with a request but not with its ring.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ROOT_BUFFERS,
  VIRTIO_BLK_ID_BYTES,
  VIRTIO_BLK_S_IOERR,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_S_UNSUPP,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
} from '../../../assembly/layout.ts';
import type { CacheMode, MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { GuestQueue, NO_STATUS, type Put, type Request, WRITE } from './queue.ts';

const CAPACITY = 2048;
const TYPE_WRITE_ZEROES = 13;
const TYPE_BARRIER = 0x80000000;
const FLAG_UNMAP = 1;

async function open(build: Build, config: MachineConfig = {}): Promise<[Machine, GuestQueue]> {
  const machine = await openMachine(build, { drives: [{ size: CAPACITY * 512 }], ...config });
  return [machine, GuestQueue.attached(machine)];
}

/** Puts one request, runs it and checks that it has exactly one used entry. Returns its status and used length. */
function serve(queue: GuestQueue, request: Request, fill?: (put: Put) => void): Put & { length: number } {
  const put = queue.put(request);
  fill?.(put);
  queue.kickAndRun();
  const used = queue.takeUsed();
  assert.equal(
    used.map(({ id }) => id),
    [put.head],
  );
  assert.equal(poolsInUse(queue.machine), NO_POOL_IN_USE);
  return { ...put, length: used[0]?.length as number };
}

const pattern = (bytes: number, seed: number) =>
  new Uint8Array(bytes).map((_, at) => (at * 13 + (at >> 8) + seed) & 0xff);

function readDrive(machine: Machine, sector: number, sectors: number): Uint8Array {
  const file = machine.openFile('drive0', { readOnly: true });
  const bytes = file.read(sectors * 512, sector * 512);
  file.close();
  return bytes;
}

function writeDrive(machine: Machine, sector: number, bytes: Uint8Array): void {
  const file = machine.openFile('drive0');
  file.write(bytes, sector * 512);
  file.close();
}

interface Segment {
  readonly sector?: number | bigint;
  readonly sectors?: number;
  readonly flags?: number;
}

const discard = (queue: GuestQueue, segment: Segment, pieces = [16], type = VIRTIO_BLK_T_DISCARD) =>
  serve(queue, { type, pieces }, ({ data }) => {
    queue.view.setBigUint64(data, BigInt(segment.sector ?? 0), true);
    queue.view.setUint32(data + 8, segment.sectors ?? 1, true);
    queue.view.setUint32(data + 12, segment.flags ?? 0, true);
  });

const CACHE_MODES: readonly CacheMode[] = ['writeback', 'none', 'writethrough', 'directsync', 'unsafe'];

for (const build of BUILDS) {
  const virtioBlk = suite(`virtio-blk (${build})`);

  for (const cacheMode of CACHE_MODES) {
    virtioBlk(`OUT writes its pieces in order and IN reads them back, cache=${cacheMode}`, async () => {
      const [machine, queue] = await open(build, { cacheMode });
      const data = pattern(4096, 3);
      const out = serve(
        queue,
        { type: VIRTIO_BLK_T_OUT, sector: 17, pieces: [512, 1024, 2560] },
        ({ data: at }) => {
          queue.bytes.set(data, at);
        },
      );
      assert.is(queue.statusOf(out), VIRTIO_BLK_S_OK);
      assert.is(out.length, 1);
      assert.equal(readDrive(machine, 17, 8), data);
      const back = serve(queue, { type: VIRTIO_BLK_T_IN, sector: 17, pieces: [2560, 512, 1024], isIn: true });
      assert.is(queue.statusOf(back), VIRTIO_BLK_S_OK);
      assert.is(back.length, 4097);
      assert.equal(queue.dataOf(back), data);
      assert.equal(readDrive(machine, 0, 17), new Uint8Array(17 * 512), 'nothing before it changed');
      assert.equal(readDrive(machine, 25, 8), new Uint8Array(8 * 512), 'nothing behind it changed');
      const { reads, writes } = machine.counters.guest;
      assert.equal([reads, writes], [1, 1]);
    });
  }

  virtioBlk('pieces may lie anywhere, whatever alignment the drive asks of direct I/O', async () => {
    for (const cacheMode of CACHE_MODES) {
      const [machine, queue] = await open(build, { cacheMode, drives: [{ dmaAlignment: 4096 }] });
      queue.allocate(1);
      const data = pattern(1024, 5);
      const out = serve(queue, { type: VIRTIO_BLK_T_OUT, sector: 3, pieces: [512, 512] }, ({ data: at }) => {
        assert.is.not(at % 512, 0);
        queue.bytes.set(data, at);
      });
      assert.is(queue.statusOf(out), VIRTIO_BLK_S_OK, cacheMode);
      assert.equal(readDrive(machine, 3, 2), data);
      const back = serve(queue, { type: VIRTIO_BLK_T_IN, sector: 3, pieces: [1024], isIn: true });
      assert.is(queue.statusOf(back), VIRTIO_BLK_S_OK, cacheMode);
      assert.equal(queue.dataOf(back), data);
    }
  });

  virtioBlk('IN changes the data area and the status byte, and no byte around them', async () => {
    const [machine, queue] = await open(build);
    writeDrive(machine, 4, pattern(512, 9));
    const area = queue.allocate(1024);
    queue.bytes.fill(0xa5, area, area + 1024);
    const header = queue.header(VIRTIO_BLK_T_IN, 4);
    queue.putChain([
      { address: header, length: 16 },
      { address: area + 100, length: 512, flags: WRITE },
      { address: area + 700, length: 1, flags: WRITE },
    ]);
    queue.kickAndRun();
    const expected = new Uint8Array(1024).fill(0xa5);
    expected.set(pattern(512, 9), 100);
    expected[700] = VIRTIO_BLK_S_OK;
    assert.equal(queue.bytes.slice(area, area + 1024), expected);
  });

  virtioBlk('a completion is published after the drive answers, not inside the kick', async () => {
    const [machine, queue] = await open(build, { drives: [{ size: CAPACITY * 512, latencyNs: 70_000 }] });
    const put = queue.put({ type: VIRTIO_BLK_T_IN, sector: 0, pieces: [512], isIn: true });
    queue.kick();
    assert.is(queue.usedIndex, 0);
    machine.advance(69_999);
    assert.is(queue.usedIndex, 0);
    assert.is(queue.statusOf(put), NO_STATUS);
    machine.advance(1);
    assert.equal(queue.takeUsed(), [{ id: put.head, length: 513 }]);
  });

  virtioBlk('a flush makes completed writes durable, and is counted', async () => {
    const [machine, queue] = await open(build, { cacheMode: 'none' });
    serve(queue, { type: VIRTIO_BLK_T_OUT, sector: 0, pieces: [512] });
    assert.is(machine.volatileWrites(), 1);
    const flush = serve(queue, { type: VIRTIO_BLK_T_FLUSH });
    assert.is(queue.statusOf(flush), VIRTIO_BLK_S_OK);
    assert.is(flush.length, 1);
    assert.is(machine.volatileWrites(), 0);
    assert.is(machine.counters.guest.flushes, 1);
    assert.is(machine.counters.drive.flushes, 1);
  });

  virtioBlk('a write survives a power cut if a flush followed its completion, and only then', async () => {
    for (const isFlushed of [true, false]) {
      const [machine, queue] = await open(build);
      serve(queue, { type: VIRTIO_BLK_T_OUT, sector: 0, pieces: [512] }, ({ data }) => {
        queue.bytes.fill(7, data, data + 512);
      });
      if (isFlushed) serve(queue, { type: VIRTIO_BLK_T_FLUSH });
      const memory = machine.memory();
      machine.cutPower();
      const left = new Uint8Array(512);
      memory.read(left, 0);
      assert.equal([...new Set(left)], [isFlushed ? 7 : 0]);
    }
  });

  virtioBlk('with cache=writethrough and directsync a write is durable when it completes', async () => {
    for (const cacheMode of ['writethrough', 'directsync'] as const) {
      const [machine, queue] = await open(build, { cacheMode });
      serve(queue, { type: VIRTIO_BLK_T_OUT, sector: 0, pieces: [512] });
      assert.is(machine.volatileWrites(), 0, cacheMode);
      assert.is(machine.counters.cache.nrDirty, 0, cacheMode);
    }
  });

  virtioBlk('with cache=unsafe a flush answers OK and does nothing', async () => {
    const [machine, queue] = await open(build, { cacheMode: 'unsafe' });
    serve(queue, { type: VIRTIO_BLK_T_OUT, sector: 0, pieces: [512] });
    assert.is(queue.statusOf(serve(queue, { type: VIRTIO_BLK_T_FLUSH })), VIRTIO_BLK_S_OK);
    assert.is(machine.counters.drive.flushes, 0);
    assert.is(machine.counters.cache.nrDirty, 1);
  });

  virtioBlk('rows 22 and 23: type 5 is a flush, and the legacy barrier bit is ignored', async () => {
    const [machine, queue] = await open(build);
    assert.is(queue.statusOf(serve(queue, { type: 5 })), VIRTIO_BLK_S_OK);
    assert.is(machine.counters.guest.flushes, 1);
    const write = serve(
      queue,
      { type: TYPE_BARRIER + VIRTIO_BLK_T_OUT, sector: 1, pieces: [512] },
      ({ data }) => {
        queue.bytes.fill(0x77, data, data + 512);
      },
    );
    assert.is(queue.statusOf(write), VIRTIO_BLK_S_OK);
    assert.equal([...new Set(readDrive(machine, 1, 1))], [0x77]);
  });

  for (const type of [6, 7, 10, 12, TYPE_WRITE_ZEROES, 14, 15, 16, 28, 99, 0x7fffffff]) {
    virtioBlk(`row 24: type ${type} is not supported, and its status byte says so`, async () => {
      const [machine, queue] = await open(build);
      const put = serve(queue, { type, pieces: [512] });
      assert.is(queue.statusOf(put), VIRTIO_BLK_S_UNSUPP);
      assert.is(put.length, 1);
      assert.not(queue.needsReset);
      assert.equal(readDrive(machine, 0, 1), new Uint8Array(512));
    });
  }

  virtioBlk('row 26: GET_ID gives 20 bytes padded with NUL, cut to a shorter buffer', async () => {
    const [, queue] = await open(build);
    const id = new Uint8Array(VIRTIO_BLK_ID_BYTES);
    id.set(new TextEncoder().encode('sectorlab-0000'));
    for (const room of [20, 5, 1, 32]) {
      const put = serve(queue, { type: VIRTIO_BLK_T_GET_ID, pieces: [room], isIn: true }, ({ data }) => {
        queue.bytes.fill(0xee, data, data + room);
      });
      assert.is(queue.statusOf(put), VIRTIO_BLK_S_OK);
      assert.is(put.length, room + 1);
      const expected = new Uint8Array(room).fill(0xee);
      expected.set(id.subarray(0, Math.min(room, 20)));
      assert.equal(queue.dataOf(put), expected);
    }
  });

  virtioBlk('row 25: a serial number of exactly 20 characters has no NUL behind it', async () => {
    for (const serial of ['abcdefghijklmnopqrst', 'abc']) {
      const machine = await openMachine(build, { drives: [{ serial }] });
      const queue = GuestQueue.attached(machine);
      const put = serve(queue, { type: VIRTIO_BLK_T_GET_ID, pieces: [20], isIn: true }, ({ data }) => {
        queue.bytes.fill(0xee, data, data + 20);
      });
      assert.is(put.length, 21);
      assert.is(new TextDecoder().decode(queue.dataOf(put)), serial.padEnd(20, '\0'));
    }
  });

  virtioBlk('GET_ID tells devices apart', async () => {
    const machine = await openMachine(build, { drives: Array.from({ length: 13 }, () => ({ size: 4096 })) });
    const queue = GuestQueue.attached(machine, { device: 12 });
    const put = serve(queue, { type: VIRTIO_BLK_T_GET_ID, pieces: [20], isIn: true });
    assert.is(new TextDecoder().decode(queue.dataOf(put).subarray(0, 14)), 'sectorlab-0012');
  });

  const IN = { type: VIRTIO_BLK_T_IN, isIn: true };
  const OUT = { type: VIRTIO_BLK_T_OUT };
  const BAD_RANGES: readonly [name: string, request: Request][] = [
    ['row 16: a read at the capacity', { ...IN, sector: CAPACITY, pieces: [512] }],
    ['a read across the capacity', { ...IN, sector: CAPACITY - 1, pieces: [1024] }],
    ['row 18: a read at the last u64 sector', { ...IN, sector: 2n ** 64n - 1n, pieces: [512] }],
    ['a read of which sector × 512 wraps to 0', { ...IN, sector: 2n ** 55n, pieces: [512] }],
    ['an empty read behind the capacity', { ...IN, sector: CAPACITY + 1 }],
    ['a read of 511 bytes', { ...IN, sector: 0, pieces: [511] }],
    ['a write at the capacity', { ...OUT, sector: CAPACITY, pieces: [512] }],
    ['a write across the capacity', { ...OUT, sector: CAPACITY - 1, pieces: [512, 512] }],
    ['row 19: a write of 513 bytes', { ...OUT, sector: 0, pieces: [512, 1] }],
    ['a write at 2^63', { ...OUT, sector: 2n ** 63n, pieces: [512] }],
  ];
  for (const [name, request] of BAD_RANGES) {
    virtioBlk(`${name} is an I/O error at once, and the drive is as it was`, async () => {
      const [machine, queue] = await open(build);
      const old = pattern(CAPACITY * 512, 1);
      writeDrive(machine, 0, old);
      const put = queue.put(request);
      queue.kick();
      const bytes = request.isIn === true ? put.bytes + 1 : 1;
      assert.equal(queue.takeUsed(), [{ id: put.head, length: bytes }]);
      assert.is(queue.statusOf(put), VIRTIO_BLK_S_IOERR);
      machine.run();
      assert.equal(readDrive(machine, 0, CAPACITY), old);
      const { invalid, reads, writes } = machine.counters.guest;
      assert.equal([invalid, reads, writes], [1, 0, 0]);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      assert.not(queue.needsReset);
    });
  }

  virtioBlk('row 17: an empty read or write at the capacity is OK', async () => {
    const [, queue] = await open(build);
    for (const type of [VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT]) {
      const put = serve(queue, { type, sector: CAPACITY });
      assert.is(queue.statusOf(put), VIRTIO_BLK_S_OK);
      assert.is(put.length, 1);
    }
  });

  virtioBlk('a read of more than 4,194,303 sectors is an I/O error, whatever the drive holds', async () => {
    const [machine, queue] = await open(build, { drives: [{ size: 2 ** 33 }] });
    const status = queue.statusByte();
    // 2^31 bytes, one sector too many; all pieces are one place, and nothing is written there
    const piece = { address: machine.core.root(ROOT_BUFFERS), length: 2 ** 22, flags: WRITE };
    const chain = [
      { address: queue.header(VIRTIO_BLK_T_IN, 0), length: 16 },
      ...Array.from({ length: 512 }, () => piece),
      { address: status, length: 1, flags: WRITE },
    ];
    queue.putChain(chain, true);
    queue.kickAndRun();
    assert.is(queue.bytes[status], VIRTIO_BLK_S_IOERR);
  });

  virtioBlk(
    'row 21: a read-only device refuses writes and discards and serves reads and flushes',
    async () => {
      const [machine, queue] = await open(build, { drives: [{ size: CAPACITY * 512, readOnly: true }] });
      const statuses = [
        serve(queue, { ...OUT, sector: 0, pieces: [512] }),
        discard(queue, { sector: 0, sectors: 8 }),
        serve(queue, { ...IN, sector: 0, pieces: [512] }),
        serve(queue, { type: VIRTIO_BLK_T_FLUSH }),
      ].map((put) => queue.statusOf(put));
      assert.equal(statuses, [VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_OK, VIRTIO_BLK_S_OK]);
      assert.equal(readDrive(machine, 0, 1), new Uint8Array(512));
      assert.is(machine.counters.drive.writes + machine.counters.drive.discards, 0);
    },
  );

  virtioBlk('writable bytes of a write other than its status are left alone', async () => {
    const [, queue] = await open(build);
    const spare = queue.allocate(64);
    queue.bytes.fill(0xee, spare, spare + 64);
    const head = queue.putChain([
      { address: queue.header(VIRTIO_BLK_T_OUT, 0), length: 16 },
      { address: queue.allocate(512), length: 512 },
      { address: spare, length: 64, flags: WRITE },
    ]);
    queue.kickAndRun();
    assert.is(queue.takeUsed()[0]?.id, head);
    assert.equal([...queue.bytes.slice(spare, spare + 63)], new Array(63).fill(0xee));
    assert.is(queue.bytes[spare + 63], VIRTIO_BLK_S_OK);
  });

  virtioBlk('DISCARD zeroes its sectors and no others, cached or not', async () => {
    const [machine, queue] = await open(build);
    const old = pattern(64 * 512, 5);
    writeDrive(machine, 0, old);
    const put = discard(queue, { sector: 3, sectors: 20 });
    assert.is(queue.statusOf(put), VIRTIO_BLK_S_OK);
    assert.is(put.length, 1);
    const expected = old.slice().fill(0, 3 * 512, 23 * 512);
    assert.equal(readDrive(machine, 0, 64), expected);
    const { discards } = machine.counters.guest;
    assert.equal([discards, machine.counters.drive.discardBytes], [1, 20 * 512]);
  });

  const DISCARDS: readonly [name: string, segment: Segment, status: number][] = [
    ['of no sectors', { sectors: 0 }, VIRTIO_BLK_S_OK],
    ['up to the capacity', { sector: CAPACITY - 8, sectors: 8 }, VIRTIO_BLK_S_OK],
    ['across the capacity', { sector: CAPACITY - 8, sectors: 9 }, VIRTIO_BLK_S_IOERR],
    ['at the last u64 sector', { sector: 2n ** 64n - 1n }, VIRTIO_BLK_S_IOERR],
    ['of 4,194,304 sectors', { sectors: 4194304 }, VIRTIO_BLK_S_IOERR],
    ['of 2^32 - 1 sectors', { sectors: 2 ** 32 - 1 }, VIRTIO_BLK_S_IOERR],
    ['with the unmap flag', { flags: FLAG_UNMAP }, VIRTIO_BLK_S_UNSUPP],
    ['with an unknown flag', { flags: 2 }, VIRTIO_BLK_S_UNSUPP],
    ['out of range with an unknown flag', { sector: CAPACITY, flags: 2 }, VIRTIO_BLK_S_IOERR],
  ];
  for (const [name, segment, status] of DISCARDS) {
    virtioBlk(`a DISCARD ${name} has status ${status}`, async () => {
      const [machine, queue] = await open(build);
      assert.is(queue.statusOf(discard(queue, segment)), status);
      assert.not(queue.needsReset);
      assert.is(machine.counters.guest.discards, status === VIRTIO_BLK_S_OK ? 1 : 0);
    });
  }

  virtioBlk(
    'row 30: a DISCARD of two segments is not supported; its segment may stand in several pieces',
    async () => {
      const [machine, queue] = await open(build);
      writeDrive(machine, 0, pattern(4096, 2));
      assert.is(queue.statusOf(discard(queue, { sectors: 8 }, [32])), VIRTIO_BLK_S_UNSUPP);
      assert.equal(readDrive(machine, 0, 8), pattern(4096, 2));
      assert.is(queue.statusOf(discard(queue, { sectors: 8 }, [3, 8, 5])), VIRTIO_BLK_S_OK);
      assert.equal(readDrive(machine, 0, 8), new Uint8Array(4096));
    },
  );

  virtioBlk(
    'type 10, a DISCARD without its OUT bit, is not supported even with a short segment',
    async () => {
      const [, queue] = await open(build);
      assert.is(queue.statusOf(serve(queue, { type: 10, pieces: [8] })), VIRTIO_BLK_S_UNSUPP);
      assert.not(queue.needsReset);
    },
  );

  virtioBlk('requests of two devices go to their own drives', async () => {
    const machine = await openMachine(build, { drives: [{ size: 8192 }, { size: 8192 }] });
    const queues = [0, 1].map((device) => GuestQueue.attached(machine, { device, room: 65536 }));
    queues.forEach((queue, device) => {
      serve(queue, { ...OUT, sector: 0, pieces: [512] }, ({ data }) => {
        queue.bytes.fill(device + 1, data, data + 512);
      });
    });
    const values = [0, 1].map((drive) => machine.openFile(`drive${drive}`).read(1, 0)[0]);
    assert.equal(values, [1, 2]);
  });

  virtioBlk.run();
}
