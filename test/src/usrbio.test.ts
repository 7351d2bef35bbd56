// The comfortable USRBIO interface: rings with prepare, submit and wait as the Python binding has them, preadv and pwritev.
//
// Row 30 of the sheet is here; the other rows are in test/assembly/rings/usrbio.test.ts.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MachineConfig } from '../../src/core/options.ts';
import type { ConfigError, StorageError } from '../../src/errors.ts';
import type { Machine } from '../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';

const CHUNK = 4096;
const client = suite('usrbio');

const CONFIG: MachineConfig = {
  drives: [{ size: 1048576, latencyNs: 100_000, channels: 4 }],
  files: [{ name: 'file', capacity: 262144 }],
  cache: 1048576,
  buffers: 1048576,
  sharedMemory: 1048576,
  usrbio: { chunkSize: CHUNK },
};

function open(build: Build, config: MachineConfig = {}): Promise<Machine> {
  return openMachine(build, { ...CONFIG, ...config });
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as StorageError | ConfigError).code;
  }
  return '0';
}

function finish(machine: Machine): void {
  machine.run();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

const bytesOf = (text: string) => new TextEncoder().encode(text);
const CONFIG_ERROR = 'ERR_SECTORLAB_CONFIG';

for (const build of BUILDS) {
  client(`${build}: take() gives what has ended, and lets nothing happen`, async () => {
    const machine = await open(build);
    const { usrbio } = machine;
    const file = machine.openFile('drive0');
    const ring = usrbio.createRing<number>({ entries: 8 });
    const other = usrbio.createRing({ entries: 1 });
    assert.is(other.number, ring.number + 1);
    const iov = usrbio.createIov(16384);
    for (let index = 0; index < 8; index++) ring.prepare(iov.slice(0, 512), file, index * 512, index);
    ring.submit();
    const steps = machine.stepCount;
    assert.equal(ring.take(), []);
    assert.is(machine.stepCount, steps);
    machine.run();
    assert.equal(
      ring.take().map(({ userdata, result }) => [userdata, result]),
      Array.from({ length: 8 }, (_, index) => [index, 512]),
    );
    assert.equal(ring.take(), []);
    assert.equal(ring.wait(), []);
    for (const one of [ring, other, iov]) one.destroy();
    usrbio.close();
    finish(machine);
  });

  client(
    `${build}: row 30: wait() gives one of three, wait for three gives three, an error is a result`,
    async () => {
      const machine = await open(build);
      const { usrbio } = machine;
      const file = machine.openFile('drive0');
      const ring = usrbio.createRing<string>({ entries: 8 });
      const iov = usrbio.createIov(16384, { blockSize: 8192 });
      const three = () => {
        ring.prepare(iov.slice(0, 100), file, 0, 'a').prepare(iov.slice(8000, 8300), file, 0, 'b');
        assert.is(ring.prepare(iov.slice(9000, 9200), file, 1048576 - 50, 'c').submit(), ring);
      };
      three();
      assert.equal(ring.wait(), [], 'they are in flight');
      machine.run();
      const first = ring.wait();
      assert.is(first.length, 1);
      assert.equal([first[0]?.userdata, first[0]?.result, first[0]?.index], ['a', 100, 0]);
      assert.is(first[0]?.iov.length, 100);
      const others = ring.wait({ maxResults: 8 });
      assert.equal(
        others.map(({ userdata, result }) => [userdata, result]),
        [
          ['b', -22],
          ['c', 50],
        ],
      );
      assert.equal(ring.wait(), []);
      three();
      assert.equal(
        ring.wait({ minResults: 3 }).map(({ result }) => result),
        [100, -22, 50],
      );
      three();
      assert.is(ring.wait({ minResults: 2, maxResults: 1 }).length, 2, 'the larger one is the limit');
      assert.is(ring.wait({ minResults: 5 }).length, 1, 'nothing more can end');
      ring.destroy();
      iov.destroy();
      finish(machine);
    },
  );

  client(`${build}: a time that is up gives fewer results`, async () => {
    const machine = await open(build);
    const { usrbio } = machine;
    const file = machine.openFile('drive0');
    const ring = usrbio.createRing({ entries: 4, ioDepth: -1 });
    const iov = usrbio.createIov(65536);
    machine.advance(1_000_000);
    for (const chunk of [0, 2, 4])
      ring.prepare(iov.slice(chunk * CHUNK, (chunk + 1) * CHUNK), file, chunk * CHUNK);
    ring.submit();
    assert.equal(ring.wait({ minResults: 3, timeoutNs: 99_999 }), []);
    assert.is(machine.nowNs, 1_099_999);
    assert.equal(ring.wait({ minResults: 3, timeoutNs: 0 }), []);
    assert.equal(ring.wait({ minResults: 3, timeoutNs: -5 }), []);
    assert.equal(ring.wait({ minResults: 3, deadlineNs: 5 }), [], 'past');
    assert.equal(ring.wait({ minResults: 3, deadlineNs: -1 }), [], 'long past');
    assert.is(machine.nowNs, 1_099_999);
    assert.is(
      codeOf(() => ring.wait({ timeoutNs: Number.NaN })),
      CONFIG_ERROR,
    );
    assert.is(ring.wait({ minResults: 1, timeoutNs: 0.5 }).length, 0);
    assert.is(ring.wait({ minResults: 1, maxResults: 1, deadlineNs: 1_100_000 }).length, 1);
    assert.is(ring.wait({ minResults: 2, timeoutNs: Number.POSITIVE_INFINITY }).length, 2);
    assert.is(machine.nowNs, 1_100_000, 'without limit it does not wait for what can not come');
    assert.equal(ring.wait({ minResults: 1 }), []);
    assert.is(machine.nowNs, 1_100_000);
    ring.destroy();
    iov.destroy();
    finish(machine);
  });

  client(`${build}: a full ring, a closed file, a destroyed ring and buffer throw`, async () => {
    const machine = await open(build);
    const { usrbio } = machine;
    const file = machine.openFile('drive0');
    const readOnly = machine.openFile('drive0', { readOnly: true });
    const ring = usrbio.createRing({ entries: 1 });
    const writer = usrbio.createRing({ entries: 1, read: false });
    const iov = usrbio.createIov(4096);
    const second = usrbio.openIov(iov.id, 4096);
    assert.is(
      codeOf(() => writer.prepare(iov, readOnly, 0)),
      'EACCES',
    );
    assert.is(
      codeOf(() => ring.prepare(iov.slice(0, 0), file, 0)),
      'EINVAL',
    );
    assert.is(
      codeOf(() => ring.prepare(iov, file, -1)),
      'EINVAL',
    );
    assert.is(
      codeOf(() => ring.prepare(iov, file, 0.5)),
      'EINVAL',
    );
    ring.prepare(iov, file, 0);
    assert.is(
      codeOf(() => ring.prepare(iov, file, 0)),
      'EAGAIN',
    );
    assert.is(ring.submit().wait({ minResults: 1 })[0]?.result, 4096);
    const closed = machine.openFile('drive0');
    closed.close();
    assert.is(
      codeOf(() => ring.prepare(iov, closed, 0)),
      'EBADF',
    );
    assert.is(
      codeOf(() => iov.slice(-1)),
      CONFIG_ERROR,
    );
    assert.is(
      codeOf(() => iov.slice(0, 4097)),
      CONFIG_ERROR,
    );
    assert.is(
      codeOf(() => iov.slice(10, 9)),
      CONFIG_ERROR,
    );
    for (const made of [ring, writer]) {
      made.destroy();
      made.destroy();
      assert.is(
        codeOf(() => made.prepare(iov, file, 0)),
        'EINVAL',
      );
      assert.is(
        codeOf(() => made.submit()),
        'EINVAL',
      );
      assert.is(
        codeOf(() => made.wait()),
        'EINVAL',
      );
    }
    const slice = iov.slice(0, 10);
    iov.destroy();
    iov.destroy();
    assert.is(
      codeOf(() => slice.bytes),
      'EBADF',
    );
    assert.is(
      codeOf(() => iov.id),
      'EBADF',
    );
    assert.is(second.bytes.length, 4096, 'mapped twice');
    second.destroy();
    finish(machine);
  });

  client(`${build}: options that are refused leave nothing behind`, async () => {
    const machine = await open(build);
    const { usrbio } = machine;
    for (const entries of [0, -1])
      assert.is(
        codeOf(() => usrbio.createRing({ entries })),
        'EINVAL',
      );
    for (const entries of [1.5, Number.NaN, 2 ** 32 + 1])
      assert.is(
        codeOf(() => usrbio.createRing({ entries })),
        CONFIG_ERROR,
      );
    assert.is(
      codeOf(() => usrbio.createRing({ entries: 4, ioDepth: 5 })),
      'EINVAL',
    );
    assert.is(
      codeOf(() => usrbio.createRing({ entries: 4, ioDepth: 0.5 })),
      CONFIG_ERROR,
    );
    assert.is(
      codeOf(() => usrbio.createRing({ entries: 4, timeoutMs: -1 })),
      'EINVAL',
    );
    assert.is(
      codeOf(() => usrbio.createRing({ entries: 100000 })),
      'EIO',
    );
    assert.is(
      codeOf(() => usrbio.createIov('1GiB')),
      'EIO',
    );
    assert.is(
      codeOf(() => usrbio.createIov(0)),
      'EIO',
    );
    assert.is(
      codeOf(() => usrbio.createIov(4096, { blockSize: 4097 })),
      'EINVAL',
    );
    assert.is(
      codeOf(() => usrbio.openIov(new Uint8Array(16), 4096)),
      'ENOENT',
    );
    assert.is(
      codeOf(() => usrbio.wrapIov(64, 4096)),
      'EFAULT',
    );
    // no client memory for the results
    const room = machine.buffers.allocate(1048576 - 4096);
    assert.is(
      codeOf(() => usrbio.createRing({ entries: 1000 })),
      CONFIG_ERROR,
    );
    machine.buffers.free(room);
    finish(machine);
  });

  client(`${build}: pwritev and preadv, one buffer behind the other`, async () => {
    const machine = await open(build);
    const { usrbio } = machine;
    const file = machine.openFile('file');
    const iov = usrbio.createIov(65536);
    iov.bytes.set(bytesOf('one two three '));
    const words = [iov.slice(0, 4), iov.slice(4, 4), iov.slice(4, 8), iov.slice(8, 14)];
    assert.is(usrbio.pwritev(words, file, 5000), 14);
    assert.is(file.size, 5014);
    assert.is(usrbio.preadv([iov.slice(100, 104), iov.slice(200, 300), iov.slice(300, 400)], file, 5000), 14);
    assert.equal(iov.slice(100, 104).bytes, bytesOf('one '));
    assert.equal(iov.slice(200, 210).bytes, bytesOf('two three '));
    // more buffers than the ring has entries
    const many = Array.from({ length: 150 }, (_, index) => iov.slice(index * 16, index * 16 + 16));
    for (const [index, part] of many.entries()) part.bytes.fill(index + 1);
    assert.is(usrbio.pwritev(many, file, 0), 2400);
    for (const part of many) part.bytes.fill(0);
    assert.is(usrbio.preadv(many, file, 0), 2400);
    assert.ok(many.every((part, index) => part.bytes.every((byte) => byte === index + 1)));
    assert.is(usrbio.preadv([], file, 0), 0);
    assert.is(
      codeOf(() => usrbio.pwritev([iov.slice(0, 512)], file, 262144)),
      'ENOSPC',
    );
    assert.is(usrbio.preadv([iov.slice(0, 16)], file, 16), 16, 'after an error too');
    iov.destroy();
    assert.is(
      codeOf(() => usrbio.preadv([iov], file, 0)),
      'EBADF',
    );
    usrbio.close();
    finish(machine);
  });

  client(`${build}: a preadv that a held drive stopped leaves nothing to the next one`, async () => {
    const machine = await open(build);
    const { usrbio } = machine;
    const file = machine.openFile('drive0');
    file.write(new Uint8Array(8192).fill(7), 65536);
    file.sync();
    const cold = machine.openFile('drive0', { direct: true });
    const iov = usrbio.createIov(8192);
    machine.holdCompletions(true);
    assert.is(
      codeOf(() => usrbio.preadv([iov.slice(0, 4096), iov.slice(4096)], cold, 0)),
      'EDEADLK',
    );
    machine.holdCompletions(false);
    assert.is(usrbio.preadv([iov.slice(0, 512)], cold, 65536), 512);
    assert.ok(iov.slice(0, 512).bytes.every((byte) => byte === 7));
    // the first buffer is good, the second is not: nothing of the first stays prepared
    const gone = usrbio.createIov(4096);
    gone.destroy();
    assert.is(
      codeOf(() => usrbio.preadv([iov.slice(0, 512), gone], cold, 0)),
      'EBADF',
    );
    assert.is(usrbio.preadv([iov.slice(512, 1536)], cold, 65536), 1024);
    assert.ok(iov.slice(512, 1536).bytes.every((byte) => byte === 7));
    iov.destroy();
    usrbio.close();
    finish(machine);
  });

  client(`${build}: a file number that is opened again is another file`, async () => {
    const machine = await open(build);
    const { usrbio } = machine;
    machine.openFile('file').write(new Uint8Array(512).fill(1), 0);
    machine.openFile('drive0').write(new Uint8Array(512).fill(2), 524288);
    const ring = usrbio.createRing({ entries: 4 });
    const iov = usrbio.createIov(4096);
    const file = machine.openFile('file');
    ring.prepare(iov.slice(0, 1), file, 0);
    file.close();
    const drive = machine.openFile('drive0');
    assert.is(drive.descriptor, file.descriptor);
    ring.prepare(iov.slice(1, 2), drive, 524288).submit();
    assert.is(ring.wait({ minResults: 2 }).length, 2);
    assert.equal([...iov.bytes.subarray(0, 2)], [1, 2]);
    usrbio.deregister(drive);
    usrbio.deregister(drive);
    usrbio.deregister(file);
    drive.close();
    ring.destroy();
    iov.destroy();
    finish(machine);
  });

  client(`${build}: client memory that is wrapped, and a buffer that is opened by its id`, async () => {
    const machine = await open(build);
    const { usrbio } = machine;
    const file = machine.openFile('drive0');
    const address = machine.buffers.allocate(4096);
    const wrapped = usrbio.wrapIov(address, 4096, { blockSize: 2048 });
    wrapped.bytes.fill(9);
    assert.is(usrbio.pwritev([wrapped.slice(0, 2048), wrapped.slice(2048)], file, 0), 4096);
    assert.is(
      codeOf(() => usrbio.pwritev([wrapped], file, 0)),
      'EINVAL',
      'over a block',
    );
    const iov = usrbio.createIov(4096);
    const again = usrbio.openIov(iov.id, 2048);
    assert.is(usrbio.preadv([again], file, 100), 2048);
    assert.ok(
      iov.bytes.subarray(0, 2048).every((byte) => byte === 9),
      'the same memory',
    );
    assert.is(
      codeOf(() => usrbio.openIov(iov.id, 4097)),
      'EIO',
    );
    assert.is(
      codeOf(() => usrbio.openIov(iov.id, 4096, { blockSize: 512 })),
      'ENOENT',
    );
    iov.unlink();
    assert.is(
      codeOf(() => usrbio.openIov(iov.id, 4096)),
      'EIO',
    );
    assert.is(usrbio.preadv([iov], file, 0), 4096, 'unlinked, and still good');
    again.destroy();
    iov.destroy();
    wrapped.destroy();
    machine.buffers.free(address);
    usrbio.close();
    finish(machine);
  });

  client(`${build}: punchHole and forbidReadHoles`, async () => {
    const machine = await open(build);
    const { usrbio } = machine;
    const file = machine.openFile('file');
    file.write(new Uint8Array(4 * CHUNK).fill(5), 0);
    const iov = usrbio.createIov(4 * CHUNK);
    usrbio.punchHole(file, [
      { start: CHUNK, end: 2 * CHUNK },
      { start: 3 * CHUNK, end: 4 * CHUNK },
    ]);
    usrbio.punchHole(file, []);
    assert.is(usrbio.preadv([iov], file, 0), 3 * CHUNK);
    assert.ok(file.read(CHUNK, CHUNK).every((byte) => byte === 0));
    assert.is(file.size, 4 * CHUNK);
    const strict = usrbio.createRing({ entries: 2, forbidReadHoles: true });
    assert.is(strict.prepare(iov, file, 0).submit().wait({ minResults: 1 })[0]?.result, -61);
    assert.is(
      codeOf(() => usrbio.punchHole(file, [{ start: 1, end: CHUNK }])),
      'EINVAL',
    );
    assert.is(
      codeOf(() => usrbio.punchHole(file, [{ start: CHUNK, end: 0 }])),
      'EINVAL',
    );
    const ranges = Array.from({ length: 1001 }, () => ({ start: 0, end: CHUNK }));
    assert.is(
      codeOf(() => usrbio.punchHole(file, ranges)),
      'EINVAL',
    );
    assert.is(file.read(1, 0)[0], 5, 'nothing was punched');
    strict.destroy();
    iov.destroy();
    usrbio.close();
    finish(machine);
  });
}

client.run();
