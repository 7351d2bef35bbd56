// test-timeout: 120
// The bytes of files on a volume (sheet of buffered writes, §15 to §17 and §21): what is read, written and flushed, what the caller
// sees, what is on the drive. The rows of §21 are numbered in the claims.
//
// The drive is an image that notes every call and fails those that a test picks. Reads and writes of metadata are left out
// of what is compared: only those at or behind the first block count.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ADVICE_DONTNEED,
  COUNTER_IOMAP_BEGINS,
  FALLOCATE_KEEP_SIZE,
  FALLOCATE_PUNCH_HOLE,
  FALLOCATE_ZERO_RANGE,
  OPEN_APPEND,
  OPEN_CREATE,
  OPEN_DIRECT,
  OPEN_DSYNC,
  OPEN_READ,
  OPEN_SYNC,
  OPEN_WRITE,
  SEEK_DATA,
  SEEK_HOLE,
  STATFS_BLOCKS,
  STATFS_BLOCKS_FREE,
} from '../../../../assembly/layout.ts';
import type { MachineConfig } from '../../../../src/core/options.ts';
import type { Machine } from '../../../../src/machine.ts';
import {
  BUILDS,
  type Build,
  brokenRule,
  EXACT,
  NO_POOL_IN_USE,
  openMachine,
  poolsInUse,
} from '../../../support/machine.ts';
import { type FlakyImage, openFlaky, WASI_EIO, WASI_ENOSPC } from '../../drive/flaky-image.ts';
import { RawVolume } from './raw-volume.ts';

const PAGE = 4096;
const RW = OPEN_READ | OPEN_WRITE;
const PUNCH = FALLOCATE_PUNCH_HOLE | FALLOCATE_KEEP_SIZE;
const ENXIO = -6;
const EIO = -5;
const EBADF = -9;
const EFAULT = -14;
const EINVAL = -22;
const EFBIG = -27;
const ENOSPC = -28;
const EOPNOTSUPP = -95;

const data = suite('data of the volume');

/** One file `f` on a fresh volume. */
class Bench {
  readonly machine: Machine;
  readonly image: FlakyImage | undefined;
  readonly volume: RawVolume;
  readonly fd: number;
  readonly #buffer: number;
  #dataStart = 0;

  constructor(machine: Machine, image?: FlakyImage) {
    this.machine = machine;
    this.image = image;
    this.volume = new RawVolume(machine);
    this.#buffer = machine.buffers.allocate(3145728, 4096);
    this.fd = this.open(OPEN_CREATE);
    this.#findData();
  }

  static async open(build: Build, config: MachineConfig = {}): Promise<Bench> {
    const { machine, image } = await openFlaky(build, {
      ...EXACT,
      drives: [{ size: 8388608 }],
      volume: { inodes: 16, extents: 4096 },
      ...config,
    });
    return new Bench(machine, image);
  }

  open(flags = 0, name = 'f'): number {
    return this.volume.openFile(name, RW | flags);
  }

  /** The lowest place that data is written to: that of a first file's first block. */
  #findData(): void {
    const fd = this.open(OPEN_CREATE, 'first');
    this.image?.take();
    this.write(0, 1, { fd });
    this.volume.call((exports) => exports.fileSyncRange(fd, 0, 0, 7));
    this.#dataStart = this.image?.take('pwrite')[0]?.offset ?? 0;
    this.volume.close(fd);
    this.volume.unlink('first');
    this.volume.syncAll();
    this.image?.take();
  }

  write(offset: number, length: number, { fd = this.fd, value = 1 } = {}): number {
    this.machine.core.memory.bytes.fill(value, this.#buffer, this.#buffer + length);
    return this.volume.call((exports) => exports.filePwrite(fd, this.#buffer, length, offset));
  }

  /** As write, with a buffer that ends after `readable` bytes with client memory. */
  writeShort(offset: number, length: number, readable: number): number {
    const address = this.#clientEnd() - readable;
    return this.volume.call((exports) => exports.filePwrite(this.fd, address, length, offset));
  }

  #clientEnd(): number {
    const fd = this.open(OPEN_CREATE, 'scratch');
    let low = this.#buffer;
    let high = this.machine.core.memory.bytes.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const result = this.volume.call((exports) => exports.filePwrite(fd, middle, 1, 0));
      if (result === EFAULT) high = middle;
      else low = middle + 1;
    }
    this.volume.close(fd);
    this.volume.unlink('scratch');
    this.volume.syncAll();
    return low;
  }

  read(offset: number, length: number, fd = this.fd): Uint8Array {
    const got = this.volume.call((exports) => exports.filePread(fd, this.#buffer, length, offset));
    assert.ok(got >= 0, `read: ${got}`);
    return this.machine.core.memory.bytes.slice(this.#buffer, this.#buffer + got);
  }

  sync(fd = this.fd): number {
    return this.volume.call((exports) => exports.fileSync(fd, 0));
  }

  syncRange(flags: number): number {
    return this.volume.call((exports) => exports.fileSyncRange(this.fd, 0, 0, flags));
  }

  truncate(size: number): number {
    return this.volume.call((exports) => exports.fileTruncate(this.fd, size));
  }

  fallocate(mode: number, offset: number, length: number): number {
    return this.volume.call((exports) => exports.fileFallocate(this.fd, mode, offset, length));
  }

  seek(offset: number, whence: number): number {
    return this.volume.call((exports) => exports.fileSeek(this.fd, offset, whence));
  }

  /** Everything durable and nothing of the file cached. */
  makeCold(): void {
    assert.is(this.sync(), 0);
    this.volume.call((exports) => exports.fileAdvise(this.fd, 0, 0, ADVICE_DONTNEED));
    this.image?.take();
  }

  get size(): number {
    return this.volume.call((exports) => exports.fileSize(this.fd));
  }

  /** Bytes of the reads, or writes, of data since the last time; or how many flushes. */
  lengths(name: 'pread' | 'pwrite'): number[] {
    const calls = this.image?.take(name) ?? [];
    return calls.filter(({ offset }) => offset >= this.#dataStart).map(({ bytes }) => bytes);
  }

  flushes(): number {
    return this.image?.take('sync').length ?? 0;
  }

  /** Writes of data whose number, from 0, is picked answer `errno`. */
  failWrites(isFailing: (number: number) => boolean, errno = WASI_EIO): void {
    let number = 0;
    if (this.image === undefined) return;
    this.image.fail = ({ name, offset }) =>
      name === 'pwrite' && offset >= this.#dataStart && isFailing(number++) ? errno : 0;
  }

  heal(): void {
    if (this.image !== undefined) this.image.fail = () => 0;
  }

  /** Blocks free, of all. */
  blocks(): [free: number, all: number] {
    const { memory } = this.machine.core;
    const out = this.volume.scratch;
    this.volume.call((exports) => exports.volumeStatfs(out));
    return [memory.u64(out + STATFS_BLOCKS_FREE), memory.u64(out + STATFS_BLOCKS)];
  }

  get begins(): number {
    return this.machine.core.counter(COUNTER_IOMAP_BEGINS);
  }

  end(): void {
    this.heal();
    this.machine.run();
    assert.equal(poolsInUse(this.machine), NO_POOL_IN_USE);
    assert.is(brokenRule(this.machine), '');
  }
}

function claim(name: string, body: (bench: Bench) => void, config: MachineConfig = {}): void {
  for (const build of BUILDS) {
    data(`${build}: ${name}`, async () => {
      const bench = await Bench.open(build, config);
      body(bench);
      bench.end();
    });
  }
}

function isFilled(bytes: Uint8Array, value: number): boolean {
  return bytes.every((byte) => byte === value);
}

claim('1. a cold full-page write over mapped blocks reads nothing', (bench) => {
  bench.write(0, 4 * PAGE);
  bench.makeCold();
  assert.is(bench.write(PAGE, PAGE, { value: 2 }), PAGE);
  assert.equal(bench.lengths('pread'), []);
  assert.is(bench.machine.counters.cache.nrDirty, 1);
  assert.ok(isFilled(bench.read(PAGE, PAGE), 2));
});

claim('2. a cold 1-byte write reads its block once, and the other bytes stay', (bench) => {
  bench.write(0, 4 * PAGE);
  bench.makeCold();
  bench.write(PAGE + 100, 1, { value: 2 });
  assert.equal(bench.lengths('pread'), [PAGE]);
  assert.equal([...bench.read(PAGE + 99, 3)], [1, 2, 1]);
});

for (const [what, prepare] of [
  ['unwritten', (bench: Bench) => bench.fallocate(0, 0, 4 * PAGE)],
  ['a hole', (bench: Bench) => bench.truncate(4 * PAGE)],
  ['behind the end', () => 0],
] as const) {
  claim(
    `3. a 1-byte write where the block is ${what} reads nothing, and the rest of it is zeros`,
    (bench) => {
      assert.is(prepare(bench), 0);
      bench.makeCold();
      bench.write(PAGE + 100, 1);
      assert.equal(bench.lengths('pread'), []);
      const bytes = bench.read(PAGE, PAGE);
      assert.equal(
        Array.from(bytes.keys()).filter((at) => bytes[at] !== 0),
        [100],
      );
    },
  );
}

claim(
  '4. write [1000, 19000) over mapped, a hole, unwritten and mapped: four mappings, two reads',
  (bench) => {
    bench.write(0, 2 * PAGE);
    bench.write(4 * PAGE, 18000 - 4 * PAGE);
    bench.sync();
    bench.fallocate(FALLOCATE_KEEP_SIZE, 3 * PAGE, PAGE);
    bench.fallocate(PUNCH, 2 * PAGE, PAGE);
    bench.makeCold();
    const begins = bench.begins;
    assert.is(bench.write(1000, 18000, { value: 2 }), 18000);
    assert.is(bench.begins - begins, 4);
    assert.equal(bench.lengths('pread'), [PAGE, PAGE]);
    assert.is(bench.size, 19000);
    assert.equal([...bench.read(999, 2)], [1, 2]);
  },
);

claim(
  '5. block 1024, write [500, 7000): five mappings, one read of 1024 bytes',
  (bench) => {
    bench.write(0, 1024);
    bench.write(4096, 6000 - 4096);
    bench.sync();
    bench.fallocate(PUNCH, 1024, 3072);
    bench.fallocate(FALLOCATE_KEEP_SIZE, 2048, 2048);
    bench.makeCold();
    const begins = bench.begins;
    assert.is(bench.write(500, 6500, { value: 2 }), 6500);
    assert.is(bench.begins - begins, 5);
    assert.equal(bench.lengths('pread'), [1024]);
    assert.is(bench.size, 7000);
  },
  { blockSize: 1024 },
);

claim('9. a buffer that ends after 1,000 bytes: 1,000 are written, the block is read in', (bench) => {
  bench.write(0, 2 * PAGE);
  bench.makeCold();
  assert.is(bench.writeShort(0, PAGE, 1000), 1000);
  assert.equal([...bench.read(1000, 2)], [1, 1]);
});

claim(
  '10. the same over a cached page: only the blocks that got bytes are written',
  (bench) => {
    bench.write(0, PAGE);
    bench.sync();
    bench.lengths('pwrite');
    assert.is(bench.writeShort(0, PAGE, 1000), 1000);
    bench.image?.take();
    bench.syncRange(7);
    assert.equal(bench.lengths('pwrite'), [1024]);
  },
  { blockSize: 512 },
);

claim('11. a buffer that is unreadable from byte 0: EFAULT, nothing has changed', (bench) => {
  bench.write(0, 100);
  bench.sync();
  const free = bench.blocks();
  assert.is(bench.writeShort(3 * PAGE, 100, 0), EFAULT);
  assert.is(bench.size, 100);
  assert.is(bench.machine.counters.cache.nrDirty, 0);
  assert.equal(bench.blocks(), free);
});

claim('17. of ten blocks that a write was promised three are written: the others are free again', (bench) => {
  bench.writeShort(0, 0, 0);
  const [free] = bench.blocks();
  assert.is(bench.writeShort(0, 10 * PAGE, 3 * PAGE), 3 * PAGE);
  assert.is(bench.blocks()[0], free - 3);
  bench.write(8 * PAGE, PAGE);
  assert.is(bench.writeShort(5 * PAGE, 5 * PAGE, PAGE), PAGE);
  assert.is(bench.blocks()[0], free - 5, 'the block of another write stays promised');
});

claim('18. one and a half blocks written: two stay promised', (bench) => {
  bench.writeShort(0, 0, 0);
  const [free] = bench.blocks();
  assert.is(bench.writeShort(0, 10 * PAGE, PAGE + PAGE / 2), PAGE + PAGE / 2);
  assert.is(bench.blocks()[0], free - 2);
});

claim('19. the tail behind the end is written as zeros', (bench) => {
  bench.write(0, 2 * PAGE);
  bench.makeCold();
  bench.truncate(5000);
  bench.sync();
  bench.truncate(2 * PAGE);
  bench.makeCold();
  assert.ok(isFilled(bench.read(5000, 2 * PAGE - 5000), 0));
  assert.ok(isFilled(bench.read(0, 5000), 1));
});

claim('20. dirty pages behind a truncated end are never written', (bench) => {
  bench.write(0, 8 * PAGE);
  bench.truncate(PAGE);
  bench.image?.take();
  bench.sync();
  assert.equal(bench.lengths('pwrite').slice(0, 1), [PAGE]);
  assert.is(bench.machine.counters.cache.nrDirty, 0);
});

claim(
  '21. a write-back error: EIO once, the page clean, new data until it is dropped, then the old',
  (bench) => {
    bench.write(0, PAGE);
    bench.makeCold();
    bench.write(0, PAGE, { value: 2 });
    bench.failWrites(() => true);
    assert.is(bench.sync(), EIO);
    bench.heal();
    assert.is(bench.sync(), 0);
    assert.is(bench.machine.counters.cache.nrDirty, 0);
    assert.ok(isFilled(bench.read(0, PAGE), 2));
    bench.makeCold();
    assert.ok(isFilled(bench.read(0, PAGE), 1));
  },
);

claim('21. a delayed block whose write failed reads as zeros once its page is dropped', (bench) => {
  bench.write(0, PAGE);
  bench.failWrites(() => true);
  assert.is(bench.sync(), EIO);
  bench.heal();
  bench.makeCold();
  assert.ok(isFilled(bench.read(0, bench.size), 0));
});

claim('22. each handle hears of an error once; one opened when it had been heard does not', (bench) => {
  const second = bench.open();
  bench.write(0, PAGE);
  bench.failWrites(() => true);
  assert.is(bench.syncRange(2), 0, 'sync_file_range without a wait reports nothing');
  bench.machine.run();
  bench.heal();
  const unseen = bench.open();
  assert.is(bench.sync(), EIO);
  const late = bench.open();
  assert.equal(
    [second, unseen, late].map((fd) => bench.sync(fd)),
    [EIO, EIO, 0],
  );
  assert.equal(
    [bench.fd, second, unseen, late].map((fd) => bench.sync(fd)),
    [0, 0, 0, 0],
  );
});

claim('23. EIO, then ENOSPC, before anybody syncs: one report, ENOSPC', (bench) => {
  for (const errno of [WASI_EIO, WASI_ENOSPC]) {
    bench.write(0, PAGE);
    bench.failWrites(() => true, errno);
    bench.syncRange(2);
    bench.machine.run();
  }
  bench.heal();
  assert.is(bench.sync(), ENOSPC);
  assert.is(bench.sync(), 0);
});

claim(
  '24. a sync whose fourth page fails writes those behind it',
  (bench) => {
    bench.write(0, 10 * PAGE);
    bench.sync();
    bench.image?.take();
    bench.write(0, 10 * PAGE, { value: 2 });
    bench.failWrites((number) => number === 3);
    assert.is(bench.sync(), EIO);
    assert.is(bench.lengths('pwrite').length, 10);
    bench.heal();
    bench.makeCold();
    for (let page = 0; page < 10; page++)
      assert.ok(isFilled(bench.read(page * PAGE, PAGE), page === 3 ? 1 : 2), `page ${page}`);
  },
  { merge: false, limits: { maxSectors: 8 } },
);

claim('25. mapped, unwritten and mapped side by side on the drive: three ioends', (bench) => {
  bench.fallocate(0, 0, 4 * PAGE);
  bench.write(0, 2 * PAGE);
  bench.write(3 * PAGE, PAGE);
  bench.sync();
  const { ioends } = bench.machine.counters.cache;
  bench.write(0, 4 * PAGE);
  bench.sync();
  assert.is(bench.machine.counters.cache.ioends - ioends, 3);
});

claim('26. neighbours in the file that are none on the drive: two ioends', (bench) => {
  bench.write(0, PAGE);
  bench.sync();
  const other = bench.open(OPEN_CREATE, 'other');
  bench.write(0, PAGE, { fd: other });
  bench.sync(other);
  bench.write(PAGE, PAGE);
  bench.sync();
  const { ioends } = bench.machine.counters.cache;
  bench.write(0, 2 * PAGE);
  bench.sync();
  assert.is(bench.machine.counters.cache.ioends - ioends, 2);
});

for (const build of BUILDS) {
  data(`${build}: 27. append, sync, append, power cut: the first size, never a whole block`, async () => {
    const config: MachineConfig = {
      ...EXACT,
      drives: [{ size: 8388608 }],
      volume: { inodes: 16, extents: 4096 },
    };
    const bench = new Bench(await openMachine(build, config));
    bench.write(0, 100);
    bench.sync();
    bench.write(100, 100);
    bench.syncRange(7);
    bench.machine.cutPower({ keep: 'none' });
    const again = new Bench(
      await openMachine(build, { ...config, drives: [{ size: 8388608, memory: bench.machine.memory() }] }),
    );
    assert.is(again.size, 100);
    assert.ok(isFilled(again.read(0, 100), 1));
    again.end();
  });
}

claim(
  '32. a direct write over a dirty page: the page first, then the direct bytes, which buffered reads see',
  (bench) => {
    const direct = bench.open(OPEN_DIRECT);
    bench.write(0, 2 * PAGE);
    bench.sync();
    bench.image?.take();
    bench.write(0, 2 * PAGE, { value: 2 });
    assert.is(bench.write(0, PAGE, { fd: direct, value: 3 }), PAGE);
    assert.equal(bench.lengths('pwrite'), [PAGE, PAGE]);
    assert.ok(isFilled(bench.read(0, PAGE), 3));
    assert.ok(isFilled(bench.read(PAGE, PAGE), 2));
  },
);

claim('33. a direct write that can not clean its range goes through the cache', (bench) => {
  const direct = bench.open(OPEN_DIRECT);
  bench.write(0, PAGE);
  bench.failWrites((number) => number === 0);
  assert.is(bench.write(0, PAGE, { fd: direct, value: 3 }), PAGE);
  assert.ok(isFilled(bench.read(0, PAGE), 3));
  assert.is(bench.machine.counters.cache.nrDirty, 1);
});

claim(
  '34. a direct write of 3 MiB that fails in the last MiB is an error, not 2 MiB',
  (bench) => {
    const direct = bench.open(OPEN_DIRECT);
    bench.failWrites((number) => number === 2);
    assert.is(bench.write(0, 3145728, { fd: direct }), EIO);
    assert.is(bench.size, 0);
  },
  { merge: false, limits: { maxSectors: 2048, maxSegments: 128 } },
);

claim('35. an O_DSYNC write whose flush fails: EIO, though the cache holds the bytes', (bench) => {
  const synchronous = bench.open(OPEN_DSYNC | OPEN_APPEND);
  if (bench.image !== undefined) bench.image.fail = ({ name }) => (name === 'sync' ? WASI_EIO : 0);
  assert.is(bench.write(0, PAGE, { fd: synchronous }), EIO);
  assert.is(bench.size, PAGE);
  assert.ok(isFilled(bench.read(0, PAGE), 1));
});

claim('15. who flushes the drive: fsync, fdatasync, syncfs and synchronous writes; nobody else', (bench) => {
  const flushesOf = (call: () => number): number => {
    bench.write(0, PAGE);
    bench.write(bench.size, 1);
    bench.image?.take();
    assert.ok(call() >= 0);
    return bench.flushes();
  };
  const dsync = bench.open(OPEN_DSYNC);
  const sync = bench.open(OPEN_SYNC);
  const extra = bench.open();
  assert.is(
    flushesOf(() => bench.write(0, 10)),
    0,
    'write',
  );
  assert.is(
    flushesOf(() => bench.syncRange(2)),
    0,
    'sync_file_range',
  );
  assert.is(
    flushesOf(() => bench.syncRange(7)),
    0,
    'sync_file_range that waits',
  );
  assert.is(
    flushesOf(() => bench.volume.close(extra)),
    0,
    'close',
  );
  assert.ok(flushesOf(() => bench.sync()) > 0, 'fsync');
  const datasync = () => bench.volume.call((exports) => exports.fileSync(bench.fd, 1));
  assert.ok(flushesOf(datasync) > 0, 'fdatasync');
  assert.ok(flushesOf(() => bench.volume.syncAll()) > 0, 'syncfs');
  assert.ok(flushesOf(() => bench.volume.syncAll()) > 0, 'syncfs with nothing to commit');
  assert.ok(flushesOf(() => bench.write(0, 10, { fd: dsync })) > 0, 'a write with O_DSYNC');
  assert.ok(flushesOf(() => bench.write(0, 10, { fd: sync })) > 0, 'a write with O_SYNC');
});

claim(
  '15. who reports an error of write-back: not write, not close, sync_file_range only where it waits',
  (bench) => {
    bench.write(0, PAGE);
    bench.failWrites(() => true);
    bench.syncRange(2);
    bench.machine.run();
    bench.heal();
    const second = bench.open();
    assert.is(bench.write(0, 1), 1);
    assert.is(bench.syncRange(2), 0);
    assert.is(bench.syncRange(7), EIO);
    assert.is(bench.syncRange(7), 0);
    assert.is(bench.volume.close(second), 0);
    assert.is(
      bench.volume.call((exports) => exports.volumeSyncfs(bench.fd)),
      EIO,
      'syncfs has a cursor of its own',
    );
    assert.is(
      bench.volume.call((exports) => exports.volumeSyncfs(bench.fd)),
      0,
    );
    for (const [offset, bytes, flags] of [
      [0, 0, 8],
      [-1, 0, 0],
      [0, -1, 0],
    ] as const) {
      assert.is(
        bench.volume.call((exports) => exports.fileSyncRange(bench.fd, offset, bytes, flags)),
        EINVAL,
      );
    }
  },
);

claim(
  '16. direct reads: zeros without I/O from holes and unwritten blocks, short at the end, nothing behind it',
  (bench) => {
    const direct = bench.open(OPEN_DIRECT);
    bench.fallocate(0, 0, 2 * PAGE);
    bench.truncate(4 * PAGE - 100);
    bench.makeCold();
    const bytes = bench.read(0, 4 * PAGE, direct);
    assert.is(bytes.length, 4 * PAGE - 100);
    assert.ok(isFilled(bytes, 0));
    assert.equal(bench.lengths('pread'), []);
    assert.is(bench.read(8 * PAGE, PAGE, direct).length, 0);
    assert.is(bench.write(100, 512, { fd: direct }), EINVAL);
    assert.is(bench.write(512, 100, { fd: direct }), EINVAL);
  },
);

claim('16. a direct write of a part of an unwritten block zeroes the rest of it on the drive', (bench) => {
  const direct = bench.open(OPEN_DIRECT);
  bench.write(0, PAGE, { value: 9 });
  bench.sync();
  bench.truncate(0);
  bench.sync();
  bench.fallocate(0, 0, 2 * PAGE);
  assert.is(bench.write(1024, 512, { fd: direct, value: 7 }), 512);
  bench.makeCold();
  const bytes = bench.read(0, 2 * PAGE);
  assert.ok(isFilled(bytes.subarray(1024, 1536), 7));
  assert.ok(isFilled(bytes.subarray(0, 1024), 0));
  assert.ok(isFilled(bytes.subarray(1536), 0));
});

claim('17 (truncate). a shrunk file that grows again reads zeros, cached and cold', (bench) => {
  bench.write(0, 3 * PAGE);
  bench.truncate(5000);
  bench.truncate(3 * PAGE);
  assert.ok(isFilled(bench.read(5000, 3 * PAGE), 0));
  bench.makeCold();
  assert.ok(isFilled(bench.read(5000, 3 * PAGE), 0));
  assert.ok(isFilled(bench.read(0, 5000), 1));
});

claim('SEEK_DATA and SEEK_HOLE: holes, unwritten blocks, and those that are cached', (bench) => {
  bench.write(0, PAGE);
  bench.truncate(8 * PAGE);
  bench.fallocate(0, 4 * PAGE, 2 * PAGE);
  bench.makeCold();
  assert.is(bench.seek(0, SEEK_DATA), 0);
  assert.is(bench.seek(0, SEEK_HOLE), PAGE);
  assert.is(bench.seek(PAGE, SEEK_DATA), ENXIO);
  bench.write(5 * PAGE, 1);
  assert.is(bench.seek(PAGE, SEEK_DATA), 5 * PAGE);
  assert.is(bench.seek(5 * PAGE, SEEK_HOLE), 6 * PAGE);
  assert.is(bench.seek(8 * PAGE, SEEK_HOLE), ENXIO);
  assert.is(bench.seek(0, 7), EINVAL);
});

claim('fallocate: what each mode does to bytes, size and blocks', (bench) => {
  const [free] = bench.blocks();
  assert.is(bench.fallocate(0, 0, 10000), 0);
  assert.equal([bench.size, bench.blocks()[0]], [10000, free - 3]);
  assert.is(bench.fallocate(FALLOCATE_KEEP_SIZE, 20000, 10), 0);
  assert.equal([bench.size, bench.blocks()[0]], [10000, free - 4]);
  bench.write(0, 10000);
  assert.is(bench.fallocate(PUNCH, 100, 5000), 0);
  assert.is(bench.size, 10000);
  const bytes = bench.read(0, 10000);
  assert.ok(isFilled(bytes.subarray(100, 5100), 0));
  assert.equal([bytes[99], bytes[5100]], [1, 1]);
  assert.is(bench.fallocate(FALLOCATE_ZERO_RANGE, 6000, 6000), 0);
  assert.is(bench.size, 12000);
  assert.ok(isFilled(bench.read(6000, 6000), 0));
  assert.is(bench.read(0, 6000)[5999], 1);
});

claim('fallocate: what it refuses', (bench) => {
  assert.is(bench.fallocate(FALLOCATE_PUNCH_HOLE, 0, 10), EOPNOTSUPP);
  assert.is(bench.fallocate(PUNCH | FALLOCATE_ZERO_RANGE, 0, 10), EOPNOTSUPP);
  assert.is(bench.fallocate(8, 0, 10), EOPNOTSUPP);
  assert.is(bench.fallocate(0, 0, 0), EINVAL);
  assert.is(bench.fallocate(0, -1, 10), EINVAL);
  assert.is(bench.fallocate(0, 2 ** 52, 2 ** 52), EFBIG);
  assert.is(
    bench.volume.call((exports) => exports.fileFallocate(99, 0, 0, 1)),
    EBADF,
  );
  const [free] = bench.blocks();
  assert.is(bench.fallocate(0, 0, free * PAGE + 1), ENOSPC);
  assert.is(bench.blocks()[0], free, 'and then nothing is allocated');
});

claim('a volume that is full: short, then ENOSPC; blocks that a commit frees are waited for', (bench) => {
  const [free] = bench.blocks();
  assert.is(bench.fallocate(0, 0, (free - 2) * PAGE), 0);
  const other = bench.open(OPEN_CREATE, 'other');
  assert.is(bench.write(0, 3 * PAGE, { fd: other }), 2 * PAGE);
  assert.is(bench.write(2 * PAGE, PAGE, { fd: other }), ENOSPC);
  assert.is(bench.truncate(0), 0);
  assert.is(bench.write(2 * PAGE, PAGE, { fd: other }), PAGE);
  assert.is(bench.sync(other), 0);
});

claim(
  'a write behind the largest file is EFBIG',
  (bench) => {
    assert.is(bench.write(2 ** 52, 1), EFBIG);
    assert.is(bench.truncate(2 ** 52), EFBIG);
    assert.is(bench.size, 0);
  },
  { blockSize: 512 },
);

claim('a direct write takes no block that was promised to the cache', (bench) => {
  const [free] = bench.blocks();
  const direct = bench.open(OPEN_CREATE | OPEN_DIRECT, 'direct');
  assert.is(bench.fallocate(0, 0, (free - 3) * PAGE), 0);
  const other = bench.open(OPEN_CREATE, 'other');
  assert.is(bench.write(0, 2 * PAGE, { fd: other }), 2 * PAGE);
  assert.is(bench.write(0, 3 * PAGE, { fd: direct }), ENOSPC);
  assert.is(bench.sync(other), 0);
});

claim('a file whose dirty end is punched out keeps its size over a mount', (bench) => {
  bench.write(0, 2 * PAGE);
  bench.fallocate(PUNCH, PAGE, PAGE);
  bench.sync();
  bench.volume.close(bench.fd);
  assert.equal([bench.volume.unmount(), bench.volume.mount()], [0, 0]);
  const fd = bench.open();
  assert.is(
    bench.volume.call((exports) => exports.fileSize(fd)),
    2 * PAGE,
  );
});

claim(
  'a zero range that moves the end shows nothing of what a truncate had cut off',
  (bench) => {
    bench.write(0, PAGE);
    bench.truncate(600);
    assert.is(bench.fallocate(FALLOCATE_ZERO_RANGE, 600, 2000), 0);
    assert.ok(isFilled(bench.read(600, 2000), 0));
  },
  { blockSize: 512 },
);

claim(
  'a read whose window is larger than the cache gets its own page',
  (bench) => {
    bench.truncate(PAGE);
    bench.write(PAGE, 7 * PAGE);
    bench.makeCold();
    assert.ok(isFilled(bench.read(0, PAGE), 0));
    assert.ok(isFilled(bench.read(PAGE, 7 * PAGE), 1));
  },
  { cache: PAGE, readahead: 131072, drives: [{ size: 8388608, model: 'fixed' }] },
);

data.run();
