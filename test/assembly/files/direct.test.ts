// Direct I/O: whole sectors around the page cache, coherent with it, durable when synchronous.
//
// Behaviours 32 to 34 of the buffered-write sheet (§21) and the rules of its §16 that one extent can show. Head and tail
// zeroing (§16.5) waits for unwritten extents; NOWAIT is in test/assembly/cache/nowait.test.ts.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StorageError } from '../../../src/errors.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { FlakyImage, openFlaky, WASI_EIO } from '../drive/flaky-image.ts';
import { EINVAL, type Iocb, PREAD, PREADV, PWRITE, Ring } from '../rings/ring.ts';

const PAGE = 4096;
const direct = suite('direct I/O');

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as StorageError).code;
  }
  return '0';
}

async function open(build: Build, options: { direct: true; dsync?: boolean } = { direct: true }) {
  const image = new FlakyImage();
  image.memory.write(filled(65536, 0xdd), 0);
  const files = [{ name: 'file', capacity: 32768, size: 32768 }];
  const { machine } = await openFlaky(build, { drives: [{ size: 65536 }], files }, image);
  return { machine, image, cached: machine.openFile('file'), direct: machine.openFile('file', options) };
}

for (const build of BUILDS) {
  for (const dmaAlignment of [1, 4, 512, 4096]) {
    direct(
      `${build}: a buffer that is not at a multiple of ${dmaAlignment} is EINVAL where the drive wants that`,
      async () => {
        const drives = [{ size: 65536, dmaAlignment }, { size: 65536 }];
        const machine = await openMachine(build, { drives, files: [{ name: 'file', capacity: 32768 }] });
        const ring = new Ring(machine);
        const handle = ring.open(64);
        const base = ring.allocate(16384, 4096);
        const fds = ['drive0', 'file', 'drive1'].map(
          (name) => machine.openFile(name, { direct: true }).descriptor,
        );
        const one = (fields: Iocb) => {
          assert.is(ring.submitOne(handle, fields), 1, 'it is accepted');
          return ring.results(handle)[0];
        };
        for (const address of [0, 1, 2, 4, 8, 256, 512, 1024, 2048, 4096]) {
          const buf = base + address;
          const [drive, file, other] = fds as [number, number, number];
          const expected = address % dmaAlignment === 0 ? 512 : EINVAL;
          assert.is(one({ opcode: PWRITE, fd: drive, buf, nbytes: 512, offset: 512 }), expected);
          assert.is(one({ opcode: PREAD, fd: drive, buf, nbytes: 512, offset: 512 }), expected);
          assert.is(one({ opcode: PREAD, fd: drive, buf, nbytes: 0, offset: 512 }), 0);
          assert.is(one({ opcode: PREAD, fd: drive, buf, nbytes: 512, offset: 65536 }), 0);
          assert.is(one({ opcode: PWRITE, fd: file, buf, nbytes: 512, offset: 0 }), expected);
          assert.is(one({ opcode: PREAD, fd: other, buf, nbytes: 512, offset: 512 }), 512);
          const pieces: [number, number][] = [
            [base, 512],
            [buf, 512],
          ];
          const vectored = { opcode: PREADV, fd: drive, buf: ring.iovecs(pieces), nbytes: 2 };
          assert.is(one(vectored), expected === 512 ? 1024 : EINVAL);
        }
        const buffered = machine.openFile('drive0').descriptor;
        assert.is(one({ opcode: PREAD, fd: buffered, buf: base + 1, nbytes: 512 }), 512);
        const file = machine.openFile('drive0', { direct: true });
        assert.is(file.write(filled(1024, 7), 2048), 1024);
        assert.equal(file.read(1024, 2048), filled(1024, 7));
        assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      },
    );
  }

  direct(`${build}: offset, length and pieces are whole sectors, else EINVAL wherever they lie`, async () => {
    const machine = await openMachine(build, { files: [{ name: 'file', capacity: 32768 }] });
    for (const name of ['drive0', 'file']) {
      const file = machine.openFile(name, { direct: true });
      for (const [length, offset] of [
        [512, 100],
        [100, 512],
        [511, 0],
        [512, 5001],
      ] as const) {
        assert.is(
          codeOf(() => file.write(filled(length, 1), offset)),
          'EINVAL',
          `${name} ${length} at ${offset}`,
        );
        assert.is(
          codeOf(() => file.read(length, offset)),
          'EINVAL',
          `${name} ${length} at ${offset}`,
        );
      }
    }
    assert.is(machine.openFile('file').size, 0);
  });

  direct(
    `${build}: 32. a direct write over a dirty page: written back, dropped, then the direct bytes`,
    async () => {
      const { machine, image, cached, direct: file } = await open(build);
      cached.write(filled(PAGE, 1), 0);
      file.write(filled(512, 2), 512);
      assert.equal(
        image.take('pwrite').map(({ offset, bytes }) => [offset, bytes]),
        [
          [0, PAGE],
          [512, 512],
        ],
      );
      assert.is(machine.counters.cache.nrFilePages, 0);
      const expected = filled(PAGE, 1).fill(2, 512, 1024);
      assert.equal(cached.read(PAGE, 0), expected);
      assert.equal(file.read(PAGE, 0), expected);
    },
  );

  direct(`${build}: a page that is dirtied while a direct write waits is written, not dropped`, async () => {
    const machine = await openMachine(build, {
      drives: [{ size: 65536, latencyNs: 1000 }],
      cache: PAGE,
      blockSize: 512,
    });
    const [cached, around] = [machine.openFile('drive0'), machine.openFile('drive0', { direct: true })];
    cached.write(filled(4 * PAGE, 1), 0);
    const context = machine.createAioContext(4);
    const buffer = machine.buffers.allocate(2048);
    machine.core.memory.bytes.fill(2, buffer, buffer + 2048);
    // both wait for the victims on their way out, among them their own page
    context.submit([
      { op: 'pwrite', file: around, buffer, length: 2048, offset: PAGE + 2048 },
      { op: 'pwrite', file: cached, buffer, length: 2048, offset: PAGE },
    ]);
    assert.is(context.getEvents({ min: 2 }).length, 2);
    assert.equal(cached.read(PAGE, PAGE), filled(PAGE, 2));
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  direct(`${build}: a direct read sees dirty pages, and leaves them in the cache, clean`, async () => {
    const { machine, cached, direct: file } = await open(build);
    cached.write(filled(10, 1), 100);
    assert.equal([...file.read(512, 0).subarray(99, 111)], [0xdd, ...filled(10, 1), 0xdd]);
    const { nrDirty, nrFilePages } = machine.counters.cache;
    assert.equal({ nrDirty, nrFilePages }, { nrDirty: 0, nrFilePages: 1 });
  });

  direct(`${build}: only the pages of the range are written back and dropped`, async () => {
    const { machine, image, cached, direct: file } = await open(build);
    for (const page of [0, 1, 2]) cached.write(filled(PAGE, 1), page * PAGE);
    file.write(filled(PAGE, 2), PAGE);
    assert.equal(
      image.take('pwrite').map(({ offset }) => offset),
      [PAGE, PAGE],
    );
    const { nrDirty, nrFilePages } = machine.counters.cache;
    assert.equal({ nrDirty, nrFilePages }, { nrDirty: 2, nrFilePages: 2 });
  });

  direct(
    `${build}: 33. when the write-back before a direct write fails, the write goes through the cache`,
    async () => {
      const { machine, image, cached, direct: file } = await open(build);
      cached.write(filled(PAGE, 1), 0);
      image.fail = ({ name }) => (name === 'pwrite' ? WASI_EIO : 0);
      assert.is(file.write(filled(512, 2), 512), 512);
      image.fail = () => 0;
      assert.equal(
        cached.read(PAGE, 0),
        filled(PAGE, 1).fill(2, 512, 1024),
        'nothing that was cached is lost',
      );
      assert.is(machine.counters.cache.nrDirty, 1);
      assert.is(
        codeOf(() => cached.sync()),
        'EIO',
        'fsync tells of the failed write-back',
      );
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  direct(
    `${build}: a synchronous direct write that goes through the cache is still on the media`,
    async () => {
      const { image, cached, direct: file } = await open(build, { direct: true, dsync: true });
      cached.write(filled(PAGE, 1), 0);
      let failures = 1;
      image.fail = ({ name }) => (name === 'pwrite' && failures-- > 0 ? WASI_EIO : 0);
      // the error of the write-back is this file's to report, once
      assert.is(
        codeOf(() => file.write(filled(512, 2), 0)),
        'EIO',
      );
      const seen = new Uint8Array(1);
      image.memory.read(seen, 0);
      assert.is(seen[0], 2);
      assert.is(image.take().at(-1)?.name, 'sync');
    },
  );

  direct(`${build}: a direct read whose write-back fails is that error, not the old bytes`, async () => {
    const { image, cached, direct: file } = await open(build);
    cached.write(filled(PAGE, 1), 0);
    image.fail = ({ name }) => (name === 'pwrite' ? WASI_EIO : 0);
    assert.is(
      codeOf(() => file.read(512, 0)),
      'EIO',
    );
    image.fail = () => 0;
    assert.is(file.read(512, 0).length, 512, 'and nothing is dirty any more');
  });

  direct(`${build}: 34. an error in any part of a large write is the result of all of it`, async () => {
    const { machine, image } = await openFlaky(build, { drives: [{ size: '8MiB' }] });
    image.fail = ({ name, offset }) => (name === 'pwrite' && offset >= 2 * 327680 ? WASI_EIO : 0);
    const file = machine.openFile('drive0', { direct: true });
    const context = machine.createAioContext(4);
    const length = 3 * 1048576;
    const buffer = machine.buffers.allocate(length);
    context.submit([{ op: 'pwrite', file, buffer, length, offset: 0 }]);
    assert.equal(
      context.getEvents({ min: 1 }).map(({ res }) => res),
      [-5],
    );
    assert.ok(image.take('pwrite').length > 2, 'the other parts went on');
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  direct(
    `${build}: a synchronous direct write is forced: one sync of the image a write, no flush request`,
    async () => {
      const { machine, image, direct: file } = await open(build, { direct: true, dsync: true });
      file.write(filled(1024, 1), 0);
      assert.equal(
        image.take().map(({ name }) => name),
        ['pwrite', 'sync'],
      );
      assert.is(machine.counters.block.flushes, 0);
      assert.is(machine.volatileWrites(), 0);
    },
  );

  direct(`${build}: a direct write behind the end zeroes the gap through the cache`, async () => {
    const machine = await openMachine(build, { files: [{ name: 'file', capacity: 32768, size: 100 }] });
    machine.memory().write(filled(32768, 0xdd), 0);
    const file = machine.openFile('file', { direct: true });
    assert.is(file.write(filled(512, 1), 1024), 512);
    assert.is(file.size, 1536);
    const seen = machine.openFile('file').read(2000, 0);
    assert.is(seen.length, 1536);
    assert.equal([seen[99], seen[100], seen[1023], seen[1024]], [0xdd, 0, 0, 1]);
  });

  direct(
    `${build}: at the end of the room a write is short, behind it ENOSPC; a read is short, behind it empty`,
    async () => {
      const machine = await openMachine(build, { drives: [{ size: 2048 }] });
      for (const options of [{}, { direct: true }]) {
        const file = machine.openFile('drive0', options);
        assert.is(file.write(filled(1024, 1), 1536), 512);
        assert.is(
          codeOf(() => file.write(filled(512, 1), 2048)),
          'ENOSPC',
        );
        assert.is(file.read(1024, 1536).length, 512);
        assert.is(file.read(512, 2048).length, 0);
      }
    },
  );
}

direct.run();
