// Requests beyond reading and writing: write-zeroes, discards of a device with large blocks, SCSI, lifetime, secure erase; and
// the length that each answer has in the used ring.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  VIRTIO_BLK_S_IOERR,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_S_UNSUPP,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_WRITE_ZEROES,
} from '../../../assembly/layout.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { openFlaky, WASI_EIO } from '../drive/flaky-image.ts';
import { type Descriptor, GuestQueue, type Put, type Request, WRITE } from './queue.ts';

const SECTORS = 2048;
const UNMAP = 1;

async function open(build: Build, config: MachineConfig = {}): Promise<[Machine, GuestQueue]> {
  const machine = await openMachine(build, { drives: [{ size: SECTORS * 512 }], ...config });
  return [machine, GuestQueue.attached(machine)];
}

/** Status and used length of one request. */
function serve(
  queue: GuestQueue,
  request: Request,
  fill?: (put: Put) => void,
): [status: number, length: number] {
  const put = queue.put(request);
  fill?.(put);
  queue.kickAndRun();
  const used = queue.takeUsed();
  assert.is(used.length, 1);
  assert.is(used[0]?.id, put.head);
  assert.equal(poolsInUse(queue.machine), NO_POOL_IN_USE);
  return [queue.statusOf(put), used[0]?.length as number];
}

function segment(queue: GuestQueue, type: number, sector: number, sectors: number, flags = 0): number {
  const [status, length] = serve(queue, { type, pieces: [16] }, ({ data }) => {
    queue.view.setBigUint64(data, BigInt(sector), true);
    queue.view.setUint32(data + 8, sectors, true);
    queue.view.setUint32(data + 12, flags, true);
  });
  assert.is(length, 1);
  return status;
}

const pattern = (bytes: number) => new Uint8Array(bytes).map((_, at) => (at * 3 + 1) & 0xff);

function writeDrive(machine: Machine, bytes: Uint8Array): void {
  const file = machine.openFile('drive0');
  file.write(bytes, 0);
  file.close();
}

function readDrive(machine: Machine, bytes: number): Uint8Array {
  const file = machine.openFile('drive0', { readOnly: true });
  const read = file.read(bytes, 0);
  file.close();
  return read;
}

for (const build of BUILDS) {
  const types = suite(`virtio-blk-types (${build})`);

  types(
    'row 20: with blocks of 4,096 bytes, parts of a block and sectors inside one are I/O errors',
    async () => {
      const [machine, queue] = await open(build, { virtio: { blockSize: 4096 } });
      const rows: readonly [sector: number, bytes: number, status: number][] = [
        [0, 4096, VIRTIO_BLK_S_OK],
        [8, 8192, VIRTIO_BLK_S_OK],
        [4, 4096, VIRTIO_BLK_S_IOERR],
        [8, 512, VIRTIO_BLK_S_IOERR],
        [0, 4608, VIRTIO_BLK_S_IOERR],
        [7, 0, VIRTIO_BLK_S_IOERR],
        [SECTORS, 0, VIRTIO_BLK_S_OK],
      ];
      writeDrive(machine, pattern(32768));
      for (const [sector, bytes, status] of rows) {
        for (const isIn of [true, false]) {
          const type = isIn ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT;
          const pieces = bytes > 0 ? [bytes] : [];
          const answer = serve(queue, { type, sector, pieces, isIn }, ({ data }) => {
            queue.bytes.set(pattern(32768).subarray(sector * 512, sector * 512 + bytes), data);
          });
          assert.equal(answer, [status, isIn ? bytes + 1 : 1], `${bytes} bytes at sector ${sector}`);
        }
      }
      assert.equal(readDrive(machine, 32768), pattern(32768));
      for (const type of [VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES]) {
        assert.is(segment(queue, type, 4, 8), VIRTIO_BLK_S_IOERR);
        assert.is(segment(queue, type, 8, 4), VIRTIO_BLK_S_IOERR);
        assert.is(segment(queue, type, 8, 8), VIRTIO_BLK_S_OK);
      }
      assert.equal(readDrive(machine, 32768), pattern(32768).fill(0, 4096, 8192));
    },
  );

  types('a capacity that is no whole number of blocks ends with the last whole one', async () => {
    const [, queue] = await open(build, { drives: [{ size: 9 * 512 }], virtio: { blockSize: 4096 } });
    assert.is(queue.read(0x100), 8);
  });

  types(
    'row 27: DISCARD with unmap is not supported; WRITE_ZEROES reads as zeros with and without',
    async () => {
      const [machine, queue] = await open(build);
      const bytes = pattern(64 * 512);
      writeDrive(machine, bytes);
      assert.is(segment(queue, VIRTIO_BLK_T_DISCARD, 0, 8, UNMAP), VIRTIO_BLK_S_UNSUPP);
      assert.equal(readDrive(machine, bytes.length), bytes);
      assert.is(segment(queue, VIRTIO_BLK_T_WRITE_ZEROES, 3, 5, UNMAP), VIRTIO_BLK_S_OK);
      assert.is(segment(queue, VIRTIO_BLK_T_WRITE_ZEROES, 16, 20), VIRTIO_BLK_S_OK);
      assert.is(segment(queue, VIRTIO_BLK_T_WRITE_ZEROES, 40, 0), VIRTIO_BLK_S_OK);
      assert.equal(readDrive(machine, bytes.length), bytes.fill(0, 1536, 4096).fill(0, 8192, 18432));
      assert.is(machine.counters.guest.writeZeroes, 3);
    },
  );

  types(
    'row 28: WRITE_ZEROES with flags 2 is not supported in range, and an I/O error out of range',
    async () => {
      const [machine, queue] = await open(build);
      const rows: readonly [sector: number, sectors: number, flags: number, status: number][] = [
        [0, 8, 2, VIRTIO_BLK_S_UNSUPP],
        [0, 8, 0xfffffffe, VIRTIO_BLK_S_UNSUPP],
        [SECTORS, 8, 2, VIRTIO_BLK_S_IOERR],
        [SECTORS - 1, 2, 0, VIRTIO_BLK_S_IOERR],
        [0, 4194304, 0, VIRTIO_BLK_S_IOERR],
        [0, 0xffffffff, 2, VIRTIO_BLK_S_IOERR],
        [SECTORS, 0, 0, VIRTIO_BLK_S_OK],
      ];
      const bytes = pattern(SECTORS * 512);
      writeDrive(machine, bytes);
      for (const [sector, sectors, flags, status] of rows)
        assert.is(
          segment(queue, VIRTIO_BLK_T_WRITE_ZEROES, sector, sectors, flags),
          status,
          `${sector} ${flags}`,
        );
      assert.equal(readDrive(machine, bytes.length), bytes);
      assert.not(queue.needsReset);
    },
  );

  types(
    'rows 29 and 30: WRITE_ZEROES of two segments is not supported, of half a segment breaks the device',
    async () => {
      const [machine, queue] = await open(build);
      assert.equal(serve(queue, { type: VIRTIO_BLK_T_WRITE_ZEROES, pieces: [32] }), [VIRTIO_BLK_S_UNSUPP, 1]);
      for (const pieces of [[15], [8, 7], []]) {
        queue.put({ type: VIRTIO_BLK_T_WRITE_ZEROES, pieces });
        queue.kickAndRun();
        assert.ok(queue.needsReset);
        assert.is(queue.takeUsed().length, 0);
        assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
        assert.is(queue.attach(), 15);
      }
    },
  );

  for (const cacheMode of ['writeback', 'none'] as const) {
    types(
      `WRITE_ZEROES of a device without a write cache is on the media when it completes, ${cacheMode}`,
      async () => {
        const [machine, queue] = await open(build, { cacheMode });
        serve(queue, { type: VIRTIO_BLK_T_OUT, sector: 0, pieces: [4096] }, ({ data }) => {
          queue.bytes.fill(7, data, data + 4096);
        });
        serve(queue, { type: VIRTIO_BLK_T_FLUSH });
        queue.write(0x120, 0, 1);
        assert.is(segment(queue, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8), VIRTIO_BLK_S_OK);
        const memory = machine.memory();
        machine.cutPower();
        const left = new Uint8Array(4096);
        memory.read(left, 0);
        assert.equal([...new Set(left)], [0]);
      },
    );
  }

  for (const type of [2, 3]) {
    types(`type ${type} (SCSI) writes 255 into the errors of its second-to-last writable piece`, async () => {
      const [machine, queue] = await open(build);
      const header = queue.header(type);
      const command = queue.allocate(6);
      const area = queue.allocate(64, 4);
      queue.bytes.fill(0xee, area, area + 64);
      const readable: Descriptor[] = [
        { address: header, length: 16 },
        { address: command, length: 6 },
      ];
      const writable = (errorBytes: number): Descriptor[] => [
        { address: area, length: 20, flags: WRITE },
        { address: area + 20, length: errorBytes, flags: WRITE },
        { address: area + 40, length: 1, flags: WRITE },
      ];
      const answer = (chain: Descriptor[]): number[] => {
        queue.bytes[area + 40] = 0xff;
        queue.putChain(chain);
        queue.kickAndRun();
        const total = chain.reduce((sum, { flags = 0, length }) => sum + (flags & WRITE ? length : 0), 0);
        assert.equal(
          queue.takeUsed().map(({ length }) => length),
          [total],
        );
        assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
        return [queue.bytes[area + 40] as number, queue.view.getUint32(area + 20, true)];
      };
      const untouched = 0xeeeeeeee;
      const [, status] = writable(1).slice(1) as [Descriptor, Descriptor];
      assert.equal(answer([...readable, status]), [VIRTIO_BLK_S_IOERR, untouched]);
      assert.equal(answer([...readable.slice(0, 1), ...writable(16)]), [VIRTIO_BLK_S_IOERR, untouched]);
      assert.equal(answer([...readable, ...writable(16).slice(1)]), [VIRTIO_BLK_S_IOERR, untouched]);
      assert.equal(answer([...readable, ...writable(3)]), [VIRTIO_BLK_S_UNSUPP, untouched], 'no room for it');
      assert.equal(answer([...readable, ...writable(16)]), [VIRTIO_BLK_S_UNSUPP, 255]);
      assert.equal([...queue.bytes.slice(area, area + 20)], new Array(20).fill(0xee));
      assert.equal([...queue.bytes.slice(area + 24, area + 36)], new Array(12).fill(0xee));
    });
  }

  types('GET_LIFETIME, SECURE_ERASE and zones are not supported, whatever room they bring', async () => {
    const [machine, queue] = await open(build);
    for (const type of [10, 14, 15, 16, 18, 20, 22, 24, 26]) {
      for (const isIn of [true, false]) {
        for (const pieces of [[], [6], [16], [32]]) {
          const bytes = pieces.reduce((sum, piece) => sum + piece, 0);
          assert.equal(
            serve(queue, { type, pieces, isIn }),
            [VIRTIO_BLK_S_UNSUPP, isIn ? bytes + 1 : 1],
            `${type}`,
          );
        }
      }
    }
    assert.not(queue.needsReset);
    assert.is(machine.counters.drive.writes + machine.counters.drive.discards, 0);
  });

  types('row 23: the barrier bit makes no difference to any type', async () => {
    const [machine, queue] = await open(build);
    const barrier = 0x80000000;
    assert.equal(serve(queue, { type: barrier + VIRTIO_BLK_T_OUT, sector: 1, pieces: [512] }), [0, 1]);
    assert.equal(
      serve(queue, { type: barrier + VIRTIO_BLK_T_IN, sector: 1, pieces: [512], isIn: true }),
      [0, 513],
    );
    assert.equal(serve(queue, { type: barrier + VIRTIO_BLK_T_FLUSH }), [0, 1]);
    assert.equal(serve(queue, { type: barrier + 6 }), [VIRTIO_BLK_S_UNSUPP, 1]);
    assert.is(segment(queue, barrier + VIRTIO_BLK_T_DISCARD, 0, 8), VIRTIO_BLK_S_OK);
    const { reads, writes, flushes, discards } = machine.counters.guest;
    assert.equal([reads, writes, flushes, discards], [1, 1, 1, 1]);
  });

  types('used.len is all writable bytes, whether the request fails or not', async () => {
    const { machine, image } = await openFlaky(build, {
      cacheMode: 'none',
      virtio: { writeError: 'report' },
    });
    const queue = GuestQueue.attached(machine);
    for (const [errno, status] of [
      [0, VIRTIO_BLK_S_OK],
      [WASI_EIO, VIRTIO_BLK_S_IOERR],
    ] as const) {
      image.fail = () => errno;
      assert.equal(serve(queue, { type: VIRTIO_BLK_T_IN, sector: 8, pieces: [512, 1024], isIn: true }), [
        status,
        1537,
      ]);
      assert.equal(serve(queue, { type: VIRTIO_BLK_T_OUT, sector: 8, pieces: [512, 1024] }), [status, 1]);
      assert.equal(serve(queue, { type: VIRTIO_BLK_T_OUT, sector: 8, pieces: [32], isIn: true }), [0, 33]);
    }
    assert.equal(serve(queue, { type: VIRTIO_BLK_T_IN, sector: 3000, pieces: [512], isIn: true }), [1, 513]);
  });

  types.run();
}
