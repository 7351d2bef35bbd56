// The behaviours of the buffered-write sheet (its §21, numbered in each claim) that flat files and whole drives can show.
//
// Seen through the image's host (which reads and writes reach the drive), counters and records. Every row has its test:
//   1 to 3, 6 to 8, 15, 16, 19, 21 to 24, 35  here; 32 to 34 in files/direct.test.ts; all but 6 to 8, 15, 16 also in files/volume/data.test.ts
//   4 to 15, 17, 18, 25, 26  iomap.test.ts, against a scripted provider; 4, 5, 9 to 11, 17, 18, 25, 26 also in data.test.ts
//   20, 27                   data.test.ts; 27 at every moment in files/volume/crash-data.test.ts
//   24 (WB_SYNC_NONE), 30    flusher.test.ts
//   28, 29                   dirty-limits.test.ts, throttle.test.ts
//   31                       readahead.test.ts
//   36 to 38                 eviction.test.ts
// The invariants of §20 are machineCheck's (machine/check.test.ts), which test/model/files*.test.ts ask after every call.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WRITEBACK_EVICTION, WRITEBACK_SYNC } from '../../../assembly/layout.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { StorageError } from '../../../src/errors.ts';
import type { OpenFile } from '../../../src/files.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, EXACT, NO_POOL_IN_USE, poolsInUse } from '../../support/machine.ts';
import { FlakyImage, openFlaky, WASI_EIO, WASI_ENOSPC } from '../drive/flaky-image.ts';

const PAGE = 4096;
const DISK = 0xdd;

const buffered = suite('page cache');

interface Bench {
  readonly machine: Machine;
  readonly image: FlakyImage;
  readonly file: OpenFile;
}

/** A flat file of `size` bytes at the start of an image full of DISK. */
async function open(build: Build, size: number, config: MachineConfig = {}): Promise<Bench> {
  const image = new FlakyImage();
  image.memory.write(new Uint8Array(262144).fill(DISK), 0);
  const { machine } = await openFlaky(
    build,
    {
      ...EXACT,
      drives: [{ size: 262144 }],
      files: [{ name: 'file', capacity: 65536, size }],
      records: 1024,
      ...EXACT,
      ...config,
    },
    image,
  );
  return { machine, image, file: machine.openFile('file') };
}

function reads(image: FlakyImage): [number, number][] {
  return image.take('pread').map(({ offset, bytes }) => [offset, bytes]);
}

function writes(image: FlakyImage): [number, number][] {
  return image.take('pwrite').map(({ offset, bytes }) => [offset, bytes]);
}

function filled(length: number, value = 1): Uint8Array {
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

for (const build of BUILDS) {
  buffered(`${build}: 1. a cold full-page write reads nothing`, async () => {
    const { machine, image, file } = await open(build, 65536);
    file.write(filled(PAGE), PAGE);
    assert.equal(image.take(), []);
    assert.is(machine.counters.cache.nrDirty, 1);
    assert.equal(file.read(PAGE, PAGE), filled(PAGE));
    assert.equal(image.take(), [], 'the page is uptodate');
  });

  buffered(`${build}: 2. a cold 1-byte write reads its block once and keeps the other bytes`, async () => {
    const { image, file } = await open(build, 65536);
    file.write(filled(1), PAGE + 100);
    assert.equal(reads(image), [[PAGE, PAGE]]);
    assert.equal([...file.read(3, PAGE + 99)], [DISK, 1, DISK]);
    file.sync();
    assert.equal(writes(image), [[PAGE, PAGE]]);
    const byte = new Uint8Array(2);
    image.memory.read(byte, PAGE + 100);
    assert.equal([...byte], [1, DISK]);
  });

  buffered(
    `${build}: 3. a 1-byte write past the end reads nothing and zeroes the rest of the block`,
    async () => {
      const { image, file } = await open(build, PAGE);
      file.write(filled(1), PAGE + 100);
      assert.equal(image.take(), []);
      assert.is(file.size, PAGE + 101);
      assert.equal(
        file.read(200, PAGE),
        Uint8Array.from({ length: 101 }, (_, index) => (index === 100 ? 1 : 0)),
      );
      file.sync();
      const tail = new Uint8Array(PAGE - 101);
      image.memory.read(tail, PAGE + 101);
      assert.ok(tail.every((byte) => byte === 0));
    },
  );

  buffered(`${build}: 6. block 512, write [700, 2400): one read of [512, 2560)`, async () => {
    const { image, file } = await open(build, 3000, { blockSize: 512 });
    file.write(filled(1700), 700);
    assert.equal(reads(image), [[512, 2048]]);
    file.sync();
    assert.equal(writes(image), [[512, 2048]]);
    assert.equal([...file.read(2, 2399)], [1, DISK]);
    assert.equal([...file.read(2, 699)], [DISK, 1]);
  });

  buffered(`${build}: 7. the same with i_size 1000: read [512, 1024), zero [2400, 2560)`, async () => {
    const { image, file } = await open(build, 1000, { blockSize: 512 });
    file.write(filled(1700), 700);
    assert.equal(reads(image), [[512, 512]]);
    assert.is(file.size, 2400);
    file.sync();
    assert.equal(writes(image), [[512, 2048]]);
    const tail = new Uint8Array(160);
    image.memory.read(tail, 2400);
    assert.ok(tail.every((byte) => byte === 0));
  });

  buffered(`${build}: 8. a block that is uptodate already splits the read`, async () => {
    const { image, file } = await open(build, 65536, { blockSize: 1024 });
    file.write(filled(1024, 5), 1024);
    assert.equal(reads(image), []);
    file.write(filled(2000), 500);
    assert.equal(reads(image), [
      [0, 1024],
      [2048, 1024],
    ]);
    assert.equal(
      [...file.read(1, 499), ...file.read(1, 500), ...file.read(1, 2499), ...file.read(1, 2500)],
      [DISK, 1, 1, DISK],
    );
  });

  buffered(`${build}: 15. a write of 0 bytes is 0 and changes nothing`, async () => {
    const { machine, image, file } = await open(build, 100);
    assert.is(file.write(filled(0), 5000), 0);
    const address = machine.buffers.allocate(64);
    assert.is(machine.core.exports.filePwrite(file.descriptor, address, 0, 5000), 0);
    assert.is(file.size, 100);
    assert.equal([machine.counters.cache.accesses, image.take().length], [0, 0]);
  });

  buffered(
    `${build}: 16. rewriting one dirty page 10,000 times is one dirty page and one write`,
    async () => {
      const { machine, image, file } = await open(build, 65536);
      for (let round = 0; round < 10000; round++) file.write(filled(PAGE, round), 0);
      const { nrDirty, dirtiedPages, throttledCount } = machine.counters.cache;
      assert.equal(
        { nrDirty, dirtiedPages, throttledCount },
        { nrDirty: 1, dirtiedPages: 1, throttledCount: 0 },
      );
      file.sync();
      assert.equal(writes(image), [[0, PAGE]]);
    },
  );

  buffered(
    `${build}: 19. write-back zeroes behind the end of the file, on the drive and in the cache`,
    async () => {
      const { machine, image, file } = await open(build, 5000);
      // the block is read in whole, with what stood on the drive behind the end
      file.write(filled(1), 4500);
      assert.equal(reads(image), [[PAGE, PAGE]]);
      file.sync();
      const tail = new Uint8Array(8192 - 5000);
      image.memory.read(tail, 5000);
      assert.ok(
        tail.every((byte) => byte === 0),
        'on the drive',
      );
      file.write(filled(1), 6000);
      assert.equal(image.take('pread'), []);
      assert.ok(
        file.read(1000, 5000).every((byte) => byte === 0),
        'in the cache',
      );
      assert.is(machine.counters.cache.misses, 1);
    },
  );

  buffered(
    `${build}: 21. a write-back error: fsync says EIO once, the page is clean, reads give the new data until it is evicted`,
    async () => {
      const { machine, image, file } = await open(build, 65536, { cache: 2 * PAGE });
      file.write(filled(PAGE), 0);
      image.fail = ({ name }) => (name === 'pwrite' ? WASI_EIO : 0);
      assert.is(
        codeOf(() => file.sync()),
        'EIO',
      );
      image.fail = () => 0;
      assert.is(machine.counters.cache.nrDirty, 0);
      assert.is(
        codeOf(() => file.sync()),
        '0',
      );
      assert.equal(file.read(PAGE, 0), filled(PAGE));
      file.read(1, PAGE);
      file.read(1, 2 * PAGE);
      assert.equal(file.read(PAGE, 0), filled(PAGE, DISK), 'after eviction the old data is back');
    },
  );

  buffered(
    `${build}: 22. each open file hears of an error once; one opened after all heard of it does not`,
    async () => {
      const { machine, image, file } = await open(build, 65536);
      const second = machine.openFile('file');
      file.write(filled(PAGE), 0);
      image.fail = ({ name }) => (name === 'pwrite' ? WASI_EIO : 0);
      second.write(filled(1), 0);
      assert.is(
        codeOf(() => second.sync()),
        'EIO',
      );
      image.fail = () => 0;
      assert.is(
        codeOf(() => file.sync()),
        'EIO',
      );
      assert.is(
        codeOf(() => file.sync()),
        '0',
      );
      assert.is(
        codeOf(() => second.sync()),
        '0',
      );
      assert.is(
        codeOf(() => machine.openFile('file').sync()),
        '0',
      );
    },
  );

  buffered(
    `${build}: 22. a second error of the same kind is news to every file that heard of the first`,
    async () => {
      const { machine, image, file } = await open(build, 65536);
      const second = machine.openFile('file');
      for (let round = 0; round < 3; round++) {
        file.write(filled(PAGE, round), 0);
        image.fail = ({ name }) => (name === 'pwrite' ? WASI_EIO : 0);
        assert.is(
          codeOf(() => file.sync()),
          'EIO',
        );
        image.fail = () => 0;
        assert.is(
          codeOf(() => second.sync()),
          'EIO',
        );
        assert.equal([codeOf(() => file.sync()), codeOf(() => second.sync())], ['0', '0']);
      }
    },
  );

  buffered(`${build}: 22. a file opened before anyone collected the error hears of it`, async () => {
    const { machine, image, file } = await open(build, 65536, { cache: PAGE });
    image.fail = ({ name }) => (name === 'pwrite' ? WASI_EIO : 0);
    file.write(filled(PAGE), 0);
    // evicts the dirty page, and nobody waits for that write
    file.read(1, PAGE);
    image.fail = () => 0;
    const late = machine.openFile('file');
    assert.is(
      codeOf(() => late.sync()),
      'EIO',
    );
    assert.is(
      codeOf(() => file.sync()),
      'EIO',
    );
    assert.is(
      codeOf(() => machine.openFile('file').sync()),
      '0',
    );
  });

  buffered(`${build}: 23. two errors before anyone looks are one report, the last`, async () => {
    const { image, file } = await open(build, 65536, { cache: PAGE });
    const errnos = [WASI_EIO, WASI_ENOSPC];
    image.fail = ({ name }) => (name === 'pwrite' ? (errnos.shift() ?? 0) : 0);
    file.write(filled(PAGE), 0);
    file.write(filled(PAGE), PAGE);
    file.read(1, 5 * PAGE);
    assert.is(
      codeOf(() => file.sync()),
      'ENOSPC',
    );
    assert.is(
      codeOf(() => file.sync()),
      '0',
    );
  });

  buffered(`${build}: 24. a sync goes on behind a page that fails`, async () => {
    const { image, file } = await open(build, 65536, { merge: false, limits: { maxSectors: 8 } });
    file.write(filled(10 * PAGE), 0);
    image.fail = ({ name, offset }) => (name === 'pwrite' && offset === 3 * PAGE ? WASI_EIO : 0);
    assert.is(
      codeOf(() => file.sync()),
      'EIO',
    );
    assert.equal(
      writes(image).map(([offset]) => offset / PAGE),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
  });

  buffered(
    `${build}: an ioend is pages that follow each other; a gap of one block starts another`,
    async () => {
      const { machine, image, file } = await open(build, 65536);
      for (const index of [5, 1, 0, 6, 3]) file.write(filled(PAGE), index * PAGE);
      file.sync();
      assert.equal(writes(image), [
        [0, 2 * PAGE],
        [3 * PAGE, PAGE],
        [5 * PAGE, 2 * PAGE],
      ]);
      assert.is(machine.counters.cache.ioends, 3);
      const records = machine.records.take().filter(({ kind }) => kind === 'writeback');
      assert.equal(
        records.map(({ address, count, detail }) => [address, count, detail]),
        [
          [0, 2, WRITEBACK_SYNC],
          [3, 1, WRITEBACK_SYNC],
          [5, 2, WRITEBACK_SYNC],
        ],
      );
    },
  );

  buffered(`${build}: dirty blocks with clean ones between them are ioends of their own`, async () => {
    const { machine, image, file } = await open(build, 65536, { blockSize: 512 });
    for (const block of [0, 2, 3, 7]) file.write(filled(512), block * 512);
    assert.is(machine.counters.cache.nrDirty, 1, 'one page, however many blocks');
    file.sync();
    assert.equal(writes(image), [
      [0, 512],
      [1024, 1024],
      [3584, 512],
    ]);
    assert.is(machine.counters.cache.writtenBackPages, 1);
  });

  buffered(`${build}: an ioend keeps within maxSectors and maxSegments`, async () => {
    for (const limits of [{ maxSectors: 16 }, { maxSegments: 2 }]) {
      const { image, file } = await open(build, 65536, { limits, merge: false });
      file.write(filled(5 * PAGE), 0);
      file.sync();
      assert.equal(writes(image), [
        [0, 2 * PAGE],
        [2 * PAGE, 2 * PAGE],
        [4 * PAGE, PAGE],
      ]);
    }
  });

  buffered(`${build}: files that follow each other on the drive do not share an ioend`, async () => {
    const { machine, image } = await open(build, 0, {
      files: [
        { name: 'file', capacity: PAGE },
        { name: 'b', capacity: PAGE },
      ],
      cache: 2 * PAGE,
      merge: false,
    });
    for (const name of ['file', 'b']) machine.openFile(name).write(filled(PAGE), 0);
    machine.openFile('drive0').read(2 * PAGE, 4 * PAGE);
    assert.equal(writes(image), [
      [0, PAGE],
      [PAGE, PAGE],
    ]);
    assert.is(machine.counters.cache.ioends, 2);
  });

  buffered(`${build}: a dirty victim is written before it leaves, a clean one just leaves`, async () => {
    const { machine, image, file } = await open(build, 65536, { cache: 2 * PAGE });
    file.write(filled(PAGE), 0);
    file.read(PAGE, PAGE);
    image.take();
    file.read(1, 2 * PAGE);
    assert.equal(writes(image), [[0, PAGE]]);
    file.read(1, 3 * PAGE);
    assert.equal(writes(image), []);
    const records = machine.records.take();
    assert.equal(
      records.filter(({ kind }) => kind === 'evicted').map(({ address, detail }) => [address, detail]),
      [
        [0, 1],
        [1, 0],
      ],
    );
    assert.equal(
      records.filter(({ kind }) => kind === 'writeback').map(({ detail }) => detail),
      [WRITEBACK_EVICTION],
    );
  });

  buffered(`${build}: a cold read of many pages is one read in, and a second read is none`, async () => {
    const { machine, image, file } = await open(build, 65536);
    file.read(5 * PAGE, 100);
    assert.equal(reads(image), [[0, 6 * PAGE]]);
    file.read(6 * PAGE, 0);
    assert.equal(reads(image), []);
    assert.is(machine.counters.cache.readInPages, 6);
  });

  buffered(
    `${build}: a read in leaves out what is cached, and never passes the end of the file`,
    async () => {
      const { image, file } = await open(build, 3 * PAGE + 10);
      file.read(1, PAGE);
      image.take();
      assert.is(file.read(65536, 0).length, 3 * PAGE + 10);
      assert.equal(reads(image), [
        [0, PAGE],
        [2 * PAGE, 2 * PAGE],
      ]);
    },
  );

  buffered(
    `${build}: a read of a page that failed is EIO, the pages before it are the result, and a retry reads again`,
    async () => {
      const { image, file, machine } = await open(build, 65536, { merge: false, limits: { maxSectors: 8 } });
      image.fail = ({ name, offset }) => (name === 'pread' && offset === 2 * PAGE ? WASI_EIO : 0);
      assert.is(file.read(4 * PAGE, 0).length, 2 * PAGE);
      assert.is(
        codeOf(() => file.read(1, 2 * PAGE)),
        'EIO',
      );
      image.fail = () => 0;
      assert.equal([...file.read(1, 2 * PAGE)], [DISK]);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  buffered(
    `${build}: a write whose read-in fails is EIO, nothing is dirty, and the pages before it are the result`,
    async () => {
      const { machine, image, file } = await open(build, 65536);
      image.fail = ({ name }) => (name === 'pread' ? WASI_EIO : 0);
      assert.is(
        codeOf(() => file.write(filled(10), 100)),
        'EIO',
      );
      assert.is(machine.counters.cache.nrDirty, 0);
      assert.is(file.write(filled(PAGE + 10), PAGE), PAGE);
      assert.is(machine.counters.cache.nrDirty, 1);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  buffered(
    `${build}: 35. a synchronous write whose flush fails is EIO, though the cache holds the bytes`,
    async () => {
      for (const options of [{ dsync: true }, { sync: true }]) {
        const { machine, image } = await open(build, 65536);
        const file = machine.openFile('file', options);
        image.fail = ({ name }) => (name === 'sync' ? WASI_EIO : 0);
        assert.is(
          codeOf(() => file.write(filled(PAGE), 0)),
          'EIO',
        );
        image.fail = () => 0;
        assert.equal(file.read(PAGE, 0), filled(PAGE));
        assert.is(machine.counters.cache.nrDirty, 0);
      }
    },
  );

  buffered(
    `${build}: a synchronous write reports the write-back error instead of its count, once`,
    async () => {
      const { machine, image } = await open(build, 65536);
      const file = machine.openFile('file', { dsync: true });
      image.fail = ({ name }) => (name === 'pwrite' ? WASI_EIO : 0);
      assert.is(
        codeOf(() => file.write(filled(PAGE), 0)),
        'EIO',
      );
      image.fail = () => 0;
      assert.is(file.write(filled(PAGE), PAGE), PAGE);
    },
  );

  buffered(`${build}: a synchronous write writes back its own range only, then flushes`, async () => {
    const { machine, image, file } = await open(build, 65536);
    file.write(filled(PAGE), 5 * PAGE);
    machine.openFile('file', { dsync: true }).write(filled(10), 0);
    assert.equal(
      image
        .take()
        .filter(({ name }) => name !== 'pread')
        .map(({ name, offset }) => [name, offset]),
      [
        ['pwrite', 0],
        ['sync', 0],
      ],
    );
    assert.is(machine.counters.cache.nrDirty, 1);
  });

  buffered(`${build}: close and write do not report an error, fsync does`, async () => {
    const { machine, image, file } = await open(build, 65536, { cache: PAGE });
    image.fail = ({ name }) => (name === 'pwrite' ? WASI_EIO : 0);
    file.write(filled(PAGE), 0);
    const second = machine.openFile('file');
    file.read(1, PAGE);
    image.fail = () => 0;
    assert.is(file.write(filled(1), 0), 1);
    file.close();
    assert.is(
      codeOf(() => second.datasync()),
      'EIO',
    );
  });

  buffered(`${build}: a discard zeroes and cleans cached pages, and the drive is told once`, async () => {
    const { machine, image, file } = await open(build, 65536);
    file.write(filled(3 * PAGE), 0);
    file.discard(PAGE - 512, PAGE + 512);
    assert.equal(writes(image), [[PAGE - 512, PAGE + 512]]);
    assert.is(machine.counters.cache.nrDirty, 2);
    assert.is(machine.counters.cache.discardedPages, 2);
    assert.is(machine.counters.drive.discards, 1);
    const expected = filled(3 * PAGE);
    expected.fill(0, PAGE - 512, 2 * PAGE);
    assert.equal(file.read(3 * PAGE, 0), expected);
    assert.equal(reads(image), []);
    file.sync();
    const seen = new Uint8Array(3 * PAGE);
    image.memory.read(seen, 0);
    assert.equal(seen, expected);
  });

  buffered(`${build}: a sync with fewer bios than dirty runs still writes every run`, async () => {
    const { machine, image, file } = await open(build, 65536, {
      blockSize: 512,
      limits: { bios: 4 },
      merge: false,
      // one bio comes back at a time
      drives: [{ size: 262144, latencyNs: 10, channels: 1 }],
    });
    for (let sector = 0; sector < 64; sector += 2) file.write(filled(512), sector * 512);
    file.sync();
    assert.is(writes(image).length, 32);
    assert.is(machine.counters.cache.nrDirty, 0);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  buffered(`${build}: reading more of a page while it is written back hangs nothing`, async () => {
    const { machine, file } = await open(build, 65536, {
      blockSize: 512,
      drives: [{ size: 262144, latencyNs: 100 }],
    });
    const context = machine.createAioContext(8);
    const buffer = machine.buffers.allocate(PAGE);
    file.write(filled(512), 0);
    context.submit([
      { op: 'fsync', file, data: 1 },
      { op: 'pread', file, buffer, length: PAGE, offset: 0, data: 2 },
    ]);
    assert.equal(
      context
        .getEvents({ min: 2 })
        .map(({ res }) => res)
        .sort(),
      [0, PAGE],
    );
    assert.equal([...machine.core.memory.bytes.subarray(buffer + 511, buffer + 513)], [1, DISK]);
    assert.is(machine.counters.cache.nrWriteback, 0);
    file.sync();
  });
}

buffered.run();
