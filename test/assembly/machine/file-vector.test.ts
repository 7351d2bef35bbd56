// filePreadv and filePwritev, and buffers that end outside client memory.
//
// Client memory ends behind the pages of the AIO rings; a buffer across that end is moved as far as it goes.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT_BUFFER_BYTES, ROOT_BUFFERS } from '../../../assembly/layout.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, EXACT, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { EBADF, EFAULT, EINVAL, PREAD, PREADV, PWRITE, Ring } from '../rings/ring.ts';

const PAGE = 4096;
const AIO_MAX_NR = 1024;
const SIZE = 65536;
const MAX_TRANSFER = 0x7ffff000;

/** Behind the last byte of client memory. */
function clientEnd(machine: Machine): number {
  const buffersEnd = machine.core.root(ROOT_BUFFERS) + machine.core.root(ROOT_BUFFER_BYTES);
  return Math.ceil(buffersEnd / PAGE) * PAGE + AIO_MAX_NR * 2 * 32 + 256 * PAGE + PAGE;
}

const pattern = (bytes: number, seed: number) =>
  Uint8Array.from({ length: bytes }, (_, index) => (index * 7 + (index >> 8) + seed) & 0xff);

for (const build of BUILDS) {
  const vector = suite(`file vectors (${build})`);

  const open = async (options: { direct?: boolean } = {}) => {
    const machine = await openMachine(build, {
      ...EXACT,
      drives: [{ size: SIZE }],
      aioMaxNr: AIO_MAX_NR,
      sharedMemory: 0,
      limits: { bluestoreAios: 0 },
    });
    const file = machine.openFile('drive0', options);
    const ring = new Ring(machine);
    const readv = (iovecs: number, count: number, offset = 0, fd = file.descriptor) =>
      machine.core.call((exports) => exports.filePreadv(fd, iovecs, count, offset));
    const writev = (iovecs: number, count: number, offset = 0, fd = file.descriptor) =>
      machine.core.call((exports) => exports.filePwritev(fd, iovecs, count, offset));
    return { machine, file, ring, readv, writev, end: clientEnd(machine) };
  };

  vector('pieces are written and read in their order, empty ones are passed over', async () => {
    const { machine, file, ring, readv, writev } = await open();
    const at = ring.allocate(8 * PAGE);
    ring.bytes.set(pattern(8 * PAGE, 1), at);
    const pieces = ring.iovecs([
      [at + 5000, 100],
      [0, 0],
      [at, 4000],
      [at + 7000, 9000],
    ]);
    assert.is(writev(pieces, 4, 123), 13100);
    const expected = Buffer.concat([
      ring.bytes.slice(at + 5000, at + 5100),
      ring.bytes.slice(at, at + 4000),
      ring.bytes.slice(at + 7000, at + 16000),
    ]);
    assert.ok(Buffer.compare(file.read(13100, 123), expected) === 0);
    const into = ring.allocate(4 * PAGE);
    const two = ring.iovecs([
      [into + 100, 13000],
      [into, 100],
    ]);
    assert.is(readv(two, 2, 123), 13100);
    assert.ok(Buffer.compare(ring.bytes.slice(into + 100, into + 13100), expected.subarray(0, 13000)) === 0);
    assert.ok(Buffer.compare(ring.bytes.slice(into, into + 100), expected.subarray(13000)) === 0);
    assert.is(readv(two, 2, SIZE - 50), 50, 'short at the end of the file');
    assert.is(readv(two, 2, SIZE), 0);
    assert.is(readv(two, 0, 0), 0);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  vector('what is refused', async () => {
    const { machine, ring, readv, writev, end } = await open();
    const at = ring.allocate(PAGE);
    const good = ring.iovecs([[at, 10]]);
    for (const call of [readv, writev]) {
      assert.is(call(good, -1), EINVAL);
      assert.is(call(good, 1025), EINVAL);
      for (const offset of [-1, 0.5, 2 ** 53]) assert.is(call(good, 1, offset), EINVAL);
      assert.is(call(end - 8, 1), EFAULT);
      assert.is(call(0, 1), EFAULT);
      assert.is(call(good, 1, 0, 99), EBADF);
      assert.is(call(ring.iovecs([[at, MAX_TRANSFER + 1]]), 1), EINVAL);
      assert.is(
        call(
          ring.iovecs([
            [at, MAX_TRANSFER],
            [at, 1],
          ]),
          2,
        ),
        EINVAL,
      );
      assert.is(call(ring.iovecs([[at, 2n ** 64n - 1n]]), 1), EINVAL);
      assert.is(
        call(
          ring.iovecs([
            [64, 10],
            [at, 10],
          ]),
          2,
        ),
        EFAULT,
      );
    }
    const readOnly = machine.openFile('drive0', { readOnly: true }).descriptor;
    const writeOnly = machine.openFile('drive0', { writeOnly: true }).descriptor;
    assert.is(writev(good, 1, 0, readOnly), EBADF);
    assert.is(readv(good, 1, 0, writeOnly), EBADF);
    assert.is(readv(ring.iovecs(Array.from({ length: 1024 }, () => [at, 3])), 1024), 3072);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  vector('a buffer across the end of memory is moved as far as it goes', async () => {
    const { machine, file, ring, readv, writev, end } = await open();
    file.write(pattern(SIZE, 9), 0);
    const at = end - 5000;
    assert.is(
      machine.core.call((exports) => exports.filePread(file.descriptor, at, 2 * PAGE, 100)),
      5000,
    );
    assert.equal(ring.bytes.slice(at, end), pattern(SIZE, 9).slice(100, 5100));
    assert.is(
      machine.core.call((exports) => exports.filePwrite(file.descriptor, at, 2 * PAGE, 30000)),
      5000,
    );
    assert.equal(file.read(5000, 30000), pattern(SIZE, 9).slice(100, 5100));
    const buffer = ring.allocate(PAGE);
    const pieces = ring.iovecs([
      [buffer, 10],
      [at, 2 * PAGE],
      [buffer + 10, 10],
    ]);
    assert.is(readv(pieces, 3, 0), 5010);
    assert.is(writev(pieces, 3, 40000), 5010);
    const handle = ring.open(8);
    for (const [opcode, buf, nbytes, expected] of [
      [PREAD, at, 2 * PAGE, 5000],
      [PWRITE, at, 2 * PAGE, 5000],
      [PREADV, pieces, 3, 5010],
    ] as const) {
      assert.is(ring.submitOne(handle, { opcode, fd: file.descriptor, buf, nbytes, offset: 50000 }), 1);
      assert.equal(ring.results(handle), [expected]);
    }
    assert.is(readv(pieces, 3, SIZE - 7), 7, 'the file ends before the memory does');
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  vector('around the cache such a buffer is refused', async () => {
    const { machine, file, ring, readv, end } = await open({ direct: true });
    const at = end - PAGE;
    assert.is(
      machine.core.call((exports) => exports.filePread(file.descriptor, at, 2 * PAGE, 0)),
      EFAULT,
    );
    assert.is(
      machine.core.call((exports) => exports.filePwrite(file.descriptor, at, 2 * PAGE, 0)),
      EFAULT,
    );
    assert.is(readv(ring.iovecs([[at, 2 * PAGE]]), 1), EFAULT);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  vector('the host’s readv and writev take any buffers, and go on where one call ends', async () => {
    const machine = await openMachine(build, { drives: [{ size: 8 * 1048576 }] });
    const file = machine.openFile('drive0');
    const lengths = [0, 1, 4095, 1048576 + 5, 3, 0, 700000];
    const buffers = lengths.map((length, index) => pattern(length, index));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    assert.is(file.writev(buffers, 77), total);
    assert.ok(Buffer.compare(file.read(total, 77), Buffer.concat(buffers)) === 0);
    const into = lengths.map((length) => new Uint8Array(length)).reverse();
    assert.is(file.readv(into, 77), total);
    assert.ok(Buffer.compare(Buffer.concat(into), Buffer.concat(buffers)) === 0);
    const many = Array.from({ length: 3000 }, (_, index) => pattern(2, index));
    assert.is(file.writev(many, 0), 6000);
    assert.ok(Buffer.compare(file.read(6000, 0), Buffer.concat(many)) === 0);
    assert.is(file.readv([new Uint8Array(10), new Uint8Array(10)], file.size - 13), 13);
    assert.is(file.readv([], 0), 0);
    const direct = machine.openFile('drive0', { direct: true });
    assert.is(direct.writev([pattern(512, 3), pattern(1024, 4)], 4096), 1536);
    assert.equal(direct.read(1536, 4096), Uint8Array.from([...pattern(512, 3), ...pattern(1024, 4)]));
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  vector.run();
}
