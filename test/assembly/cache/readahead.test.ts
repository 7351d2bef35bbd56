// Readahead: which pages a read brings in, sheet buffered-write §18 and §21 row 31; fadvise.
//
// test-timeout: 120
//
// The tables of §18.2 stand here as they stand there; random access patterns are compared with a model of the rules of its
// own (readahead-model.ts). The drive holds a pattern, and every byte read is checked against it.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { StorageError } from '../../../src/errors.ts';
import type { OpenFile } from '../../../src/files.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, EXACT, NO_POOL_IN_USE, poolsInUse } from '../../support/machine.ts';
import { FlakyImage, openFlaky, WASI_EIO } from '../drive/flaky-image.ts';
import { PREAD, Ring } from '../rings/ring.ts';
import { NaiveFile } from './readahead-model.ts';

const PAGE = 4096;
const PAGES = 600;
const DEFAULT = 131072;

type Range = readonly [from: number, to: number];

/** Bytes of the image: no two pages alike. */
const PATTERN = Uint8Array.from(
  { length: PAGES * PAGE },
  (_, index) => (index * 31 + (index >> 8) * 7 + (index >> 12)) & 0xff,
);

interface Bench {
  readonly machine: Machine;
  readonly image: FlakyImage;
  readonly file: OpenFile;
}

async function open(build: Build, bytes = PAGES * PAGE, config: MachineConfig = {}): Promise<Bench> {
  const image = new FlakyImage();
  image.memory.write(PATTERN, 0);
  const { machine } = await openFlaky(
    build,
    {
      ...EXACT,
      readahead: DEFAULT,
      drives: [{ size: PAGES * PAGE }],
      files: [{ name: 'file', capacity: PAGES * PAGE, size: bytes }],
      records: 8192,
      ...config,
    },
    image,
  );
  return { machine, image, file: machine.openFile('file') };
}

/** Page ranges of the read-ins since the last look. */
function readIns(machine: Machine): Range[] {
  const records = machine.records.take().filter(({ kind }) => kind === 'readIn');
  return records.map(({ address, count }) => [address, address + count]);
}

/** Reads `count` pages and checks their bytes. */
function readPages(file: OpenFile, page: number, count = 1): void {
  check(file, page * PAGE, count * PAGE);
}

function check(file: OpenFile, position: number, bytes: number): void {
  const expected = PATTERN.subarray(position, Math.max(position, Math.min(position + bytes, file.size)));
  const got = file.read(bytes, position);
  assert.ok(Buffer.compare(got, expected) === 0, `${bytes} bytes at ${position}`);
}

function withCode(code: string): (error: StorageError) => boolean {
  return (error) => error.code === code;
}

function sequence(bench: Bench, step: number, pages: number): Range[] {
  for (let page = 0; page < pages; page += step) readPages(bench.file, page, step);
  return readIns(bench.machine);
}

function end({ machine }: Bench): void {
  machine.holdCompletions(false);
  machine.run();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

/** A latency that is the same for everything, so that requests are on their way together. */
const SLOW = { size: PAGES * PAGE, latencyNs: 1000, channels: 4 } as const;

for (const build of BUILDS) {
  const readahead = suite(`readahead (${build})`);

  for (const [step, expected] of [
    [
      1,
      [
        [0, 4],
        [4, 12],
        [12, 28],
        [28, 60],
        [60, 92],
        [92, 124],
      ],
    ],
    [
      4,
      [
        [0, 8],
        [8, 24],
        [24, 56],
        [56, 88],
        [88, 120],
      ],
    ],
    [
      32,
      [
        [0, 32],
        [32, 64],
        [64, 96],
        [96, 128],
      ],
    ],
  ] as const) {
    readahead(`row 31: ${step} pages at a time from the start of a file`, async () => {
      for (const config of [{}, { drives: [SLOW] }]) {
        const bench = await open(build, undefined, config);
        assert.equal(sequence(bench, step, 88).slice(0, expected.length), expected);
        end(bench);
      }
    });
  }

  readahead('row 31: a file of 10 pages is read up to its last page', async () => {
    for (const bytes of [10 * PAGE, 9 * PAGE + 1]) {
      const bench = await open(build, bytes);
      for (let page = 0; page < 10; page++) readPages(bench.file, page);
      assert.equal(readIns(bench.machine), [
        [0, 4],
        [4, 10],
      ]);
      end(bench);
    }
  });

  readahead('single pages here and there are read as they are', async () => {
    const bench = await open(build);
    for (const page of [50, 7, 300, 51]) readPages(bench.file, page);
    assert.equal(readIns(bench.machine), [
      [50, 51],
      [7, 8],
      [300, 301],
      [51, 52],
    ]);
    assert.is(bench.machine.counters.cache.readaheadPages, 0);
    end(bench);
  });

  readahead(
    'a page that was read ahead is a hit, and one that its own request brings in a miss',
    async () => {
      const bench = await open(build);
      readPages(bench.file, 0);
      readPages(bench.file, 1);
      readPages(bench.file, 100, 5);
      const { hits, misses, readInPages, readaheadPages } = bench.machine.counters.cache;
      assert.equal(
        { hits, misses, readInPages, readaheadPages },
        {
          hits: 1,
          misses: 6,
          readInPages: 17,
          readaheadPages: 11,
        },
      );
      end(bench);
    },
  );

  readahead('a request longer than the maximum is read in windows of the maximum', async () => {
    const bench = await open(build);
    readPages(bench.file, 200, 80);
    assert.equal(readIns(bench.machine), [
      [200, 232],
      [232, 264],
      [264, 296],
      [296, 328],
    ]);
    assert.is(bench.machine.counters.cache.misses, 80);
    end(bench);
  });

  readahead('cached pages right before a miss tell of a stream, which goes on from there', async () => {
    const bench = await open(build);
    readPages(bench.file, 100, 6);
    const other = bench.machine.openFile('file');
    readIns(bench.machine);
    readPages(other, 106);
    assert.equal(readIns(bench.machine), [[106, 113]], 'six before it and one asked for');
    readPages(other, 112);
    assert.equal(
      readIns(bench.machine),
      [[113, 124]],
      'the last page had the mark; twice seven, cut to four',
    );
    end(bench);
  });

  readahead('two streams through one descriptor both keep their windows', async () => {
    const bench = await open(build);
    for (let page = 0; page < 64; page++) {
      readPages(bench.file, page);
      readPages(bench.file, 300 + page);
    }
    const ranges = readIns(bench.machine);
    const far = ranges.filter(([from]) => from >= 300);
    assert.ok(far.length < 16, `the far stream took ${far.length} read-ins`);
    assert.ok(ranges.length - far.length < 12);
    end(bench);
  });

  readahead('each open file has a state of its own', async () => {
    const bench = await open(build);
    const other = bench.machine.openFile('file');
    readPages(bench.file, 0);
    readPages(other, 4);
    assert.equal(
      readIns(bench.machine),
      [
        [0, 4],
        [4, 13],
      ],
      'twice the four pages before it and one, for they reach back to the start',
    );
    readPages(bench.file, 1);
    assert.equal(readIns(bench.machine), [], 'all of the window of the first is there');
    readPages(bench.file, 12);
    assert.equal(
      readIns(bench.machine),
      [[13, 16]],
      'the mark of the other, which is nothing to this one: distance and one, twice',
    );
    readPages(other, 13);
    assert.equal(readIns(bench.machine), [[16, 24]]);
    end(bench);
  });

  readahead('a marked page under write-back starts nothing and keeps its mark', async () => {
    const bench = await open(build);
    readPages(bench.file, 0);
    bench.file.write(PATTERN.subarray(PAGE, 2 * PAGE), PAGE);
    bench.machine.holdCompletions(true);
    bench.machine.core.call((exports) => exports.fileSyncRange(bench.file.descriptor, 0, 0, 2));
    readIns(bench.machine);
    assert.is(bench.machine.counters.cache.nrWriteback, 1);
    readPages(bench.file, 1);
    assert.equal(readIns(bench.machine), []);
    bench.machine.holdCompletions(false);
    bench.machine.run();
    readPages(bench.file, 1);
    assert.equal(readIns(bench.machine), [[4, 12]]);
    end(bench);
  });

  readahead('off, and for random access, a miss reads what was asked for', async () => {
    for (const config of [{ readahead: 0 }, {}]) {
      const bench = await open(build, undefined, config);
      if (config.readahead !== 0) bench.file.advise('random');
      for (let page = 0; page < 5; page++) readPages(bench.file, page);
      readPages(bench.file, 20, 7);
      assert.equal(readIns(bench.machine), [
        [0, 1],
        [1, 2],
        [2, 3],
        [3, 4],
        [4, 5],
        [20, 27],
      ]);
      end(bench);
    }
  });

  readahead('fadvise: sequential doubles the maximum, normal takes it back', async () => {
    const bench = await open(build);
    bench.file.advise('sequential');
    assert.equal(sequence(bench, 1, 124), [
      [0, 4],
      [4, 12],
      [12, 28],
      [28, 60],
      [60, 124],
      [124, 188],
    ]);
    bench.file.advise('normal');
    readPages(bench.file, 124);
    assert.equal(readIns(bench.machine), [[188, 220]]);
    end(bench);
  });

  readahead('fadvise: willneed starts reads of 2 MiB and waits for none of them', async () => {
    const bench = await open(build, undefined, {
      drives: [SLOW],
      limits: { maxSectors: 8192, maxSegments: 1024 },
    });
    bench.file.advise('random');
    bench.file.advise('willneed', 100, 520 * PAGE);
    assert.is(bench.machine.nowNs, 0);
    assert.is(bench.machine.counters.cache.readaheadPages, 521);
    assert.equal(readIns(bench.machine), [
      [0, 256],
      [256, 512],
      [512, 521],
    ]);
    bench.machine.run();
    check(bench.file, 0, 521 * PAGE);
    assert.is(bench.machine.counters.cache.misses, 0);
    bench.file.advise('willneed');
    assert.equal(readIns(bench.machine), [[521, 600]]);
    end(bench);
  });

  readahead(
    'fadvise: willneed of more than the cache ends when the frames are all on their way',
    async () => {
      const bench = await open(build, undefined, { cache: 16 * PAGE, drives: [SLOW], readahead: 0 });
      bench.file.advise('willneed');
      assert.equal(readIns(bench.machine), [[0, 16]]);
      const sparse = await open(build, undefined, { drives: [{ size: 2 ** 52 }], readahead: 0 });
      const drive = sparse.machine.openFile('drive0');
      drive.advise('willneed');
      assert.is(sparse.machine.counters.cache.nrFilePages, 8192);
      end(bench);
      end(sparse);
    },
  );

  readahead('fadvise: dontneed starts write-back, and drops whole pages that are clean', async () => {
    const bench = await open(build, 8 * PAGE + 100, { readahead: 0, drives: [SLOW] });
    const { machine, file } = bench;
    check(file, 0, file.size);
    file.write(PATTERN.subarray(2 * PAGE, 3 * PAGE), 2 * PAGE);
    file.advise('dontneed', 100, 5 * PAGE);
    assert.is(
      machine.counters.cache.nrFilePages,
      9 - 3,
      'pages 1, 3 and 4: the dirty one is on its way, 0 and 5 are partial',
    );
    machine.run();
    assert.is(machine.counters.cache.nrDirty, 0);
    file.advise('dontneed', PAGE, 2 * PAGE);
    assert.is(machine.counters.cache.nrFilePages, 5);
    file.advise('dontneed', 5 * PAGE, 3 * PAGE + 99);
    assert.is(machine.counters.cache.nrFilePages, 2, 'the last page is partial');
    file.advise('dontneed', 5 * PAGE, 3 * PAGE + 100);
    assert.is(machine.counters.cache.nrFilePages, 1, 'but the range that ends where the file does has it');
    file.advise('dontneed');
    assert.is(machine.counters.cache.nrFilePages, 0);
    check(file, 0, file.size);
    end(bench);
  });

  readahead('fadvise: what it refuses', async () => {
    const { machine, file } = await open(build);
    const advise = (fd: number, offset: number, bytes: number, advice: number) =>
      machine.core.call((exports) => exports.fileAdvise(fd, offset, bytes, advice));
    for (const advice of [-1, 6, 1000]) assert.is(advise(file.descriptor, 0, 0, advice), -22);
    for (const bad of [-1, 0.5, 2 ** 53, Number.NaN]) {
      assert.is(advise(file.descriptor, bad, 0, 0), -22);
      assert.is(advise(file.descriptor, 0, bad, 0), -22);
    }
    assert.is(advise(99, 0, 0, 0), -9);
    assert.is(advise(file.descriptor, 2 ** 53 - 1, 2 ** 53 - 1, 3), 0, 'behind the end there is nothing');
    for (const advice of [3, 4, 5]) assert.is(advise(file.descriptor, 0, 0, advice), 0);
    assert.throws(() => file.advise('never' as 'normal'), /advice/);
  });

  readahead(
    "errors of readahead are nobody's; the read that comes for the page gets EIO, and the maximum is quartered",
    async () => {
      const bench = await open(build);
      const { machine, image, file } = bench;
      const isBad = (offset: number, bytes: number) => offset <= 2 * PAGE && offset + bytes > 2 * PAGE;
      image.fail = ({ offset, bytes }) => (isBad(offset, bytes) ? WASI_EIO : 0);
      readPages(file, 0);
      assert.equal(
        readIns(machine),
        [
          [0, 4],
          [0, 1],
        ],
        'the window fails as a whole, and its first page is read again alone',
      );
      readPages(file, 1);
      assert.equal(readIns(machine).slice(0, 1), [[4, 12]], 'the mark is where it was');
      assert.throws(() => file.read(PAGE, 2 * PAGE), withCode('EIO'));
      image.fail = () => 0;
      readPages(file, 2);
      readPages(file, 3);
      readIns(machine);
      readPages(file, 200, 20);
      assert.equal(
        readIns(machine),
        [
          [200, 208],
          [208, 216],
          [216, 224],
          [224, 232],
        ],
        'a window of 8 pages',
      );
      const other = machine.openFile('file');
      readPages(other, 400, 20);
      assert.equal(readIns(machine), [[400, 420]], 'an open file has a maximum of its own');
      end(bench);
    },
  );

  readahead('bytes that were copied win over an error', async () => {
    const bench = await open(build, undefined, { readahead: 0 });
    const { image, file } = bench;
    image.fail = ({ offset, bytes }) => (offset + bytes > 40 * PAGE ? WASI_EIO : 0);
    assert.is(file.read(64 * PAGE, 0).length, 32 * PAGE, 'the chunks before it');
    assert.throws(() => file.read(PAGE, 40 * PAGE), withCode('EIO'));
    end(bench);
  });

  readahead('i_size is looked at when the pages are there', async () => {
    const bench = await open(build, 100 * PAGE, { drives: [SLOW] });
    const { machine, file } = bench;
    const ring = new Ring(machine);
    const handle = ring.open(8);
    const buffer = ring.allocate(8 * PAGE, PAGE);
    machine.holdCompletions(true);
    ring.submitOne(handle, {
      opcode: PREAD,
      fd: file.descriptor,
      buf: buffer,
      nbytes: 8 * PAGE,
      offset: 98 * PAGE,
    });
    machine.run();
    file.write(PATTERN.subarray(100 * PAGE, 101 * PAGE), 100 * PAGE);
    machine.holdCompletions(false);
    assert.equal(ring.results(handle), [3 * PAGE], 'the file has grown while the read waited');
    assert.equal(ring.bytes.slice(buffer, buffer + 3 * PAGE), PATTERN.slice(98 * PAGE, 101 * PAGE));
    end(bench);
  });

  readahead('a file may be closed while a read through it waits', async () => {
    const bench = await open(build, undefined, { drives: [SLOW] });
    const { machine } = bench;
    const ring = new Ring(machine);
    const handle = ring.open(8);
    const buffer = ring.allocate(PAGE, PAGE);
    for (let round = 0; round < 3; round++) {
      const file = machine.openFile('file');
      machine.holdCompletions(true);
      ring.submitOne(handle, {
        opcode: PREAD,
        fd: file.descriptor,
        buf: buffer,
        nbytes: PAGE,
        offset: round * 50 * PAGE,
      });
      machine.run();
      assert.throws(() => file.read(PAGE, (round * 50 + 20) * PAGE), withCode('EDEADLK'));
      file.close();
      const next = machine.openFile('drive0');
      assert.is(next.descriptor, file.descriptor);
      machine.holdCompletions(false);
      assert.equal(ring.results(handle), [PAGE]);
      next.close();
    }
    end(bench);
  });

  const ENTRANCES: Readonly<Record<string, (machine: Machine) => (page: number) => Uint8Array>> = {
    aio: (machine) => {
      const { descriptor } = machine.openFile('drive0');
      const ring = new Ring(machine);
      const handle = ring.open(8);
      const buf = ring.allocate(PAGE, PAGE);
      return (page) => {
        ring.submitOne(handle, { opcode: PREAD, fd: descriptor, buf, nbytes: PAGE, offset: page * PAGE });
        assert.equal(ring.results(handle), [PAGE]);
        return ring.bytes.slice(buf, buf + PAGE);
      };
    },
    guest: (machine) => {
      const disk = machine.virtioBlk();
      return (page) => disk.read(page * PAGE, PAGE);
    },
    usrbio: (machine) => {
      const { usrbio } = machine;
      const file = machine.openFile('drive0');
      const ring = usrbio.createRing({ entries: 8 });
      const piece = usrbio.createIov(PAGE).slice(0, PAGE);
      return (page) => {
        ring.prepare(piece, file, page * PAGE, page).submit();
        assert.is([...ring.wait({ minResults: 1 })][0]?.result, PAGE);
        return piece.bytes;
      };
    },
  };
  for (const [name, start] of Object.entries(ENTRANCES)) {
    readahead(`reads through ${name} read ahead`, async () => {
      const { machine } = await open(build, undefined, { drives: [SLOW] });
      const read = start(machine);
      for (let page = 0; page < 4; page++)
        assert.ok(Buffer.compare(read(page), PATTERN.slice(page * PAGE, (page + 1) * PAGE)) === 0);
      assert.equal(readIns(machine), [
        [0, 4],
        [4, 12],
      ]);
    });
  }

  readahead('requests that are on their way together get the windows of a sequential reader', async () => {
    const bench = await open(build, undefined, { drives: [SLOW] });
    const { machine, file } = bench;
    const ring = new Ring(machine);
    const handle = ring.open(64);
    const buffer = ring.allocate(32 * PAGE, PAGE);
    const wishes = Array.from({ length: 32 }, (_, page) =>
      ring.iocb({
        opcode: PREAD,
        fd: file.descriptor,
        buf: buffer + page * PAGE,
        nbytes: PAGE,
        offset: page * PAGE,
      }),
    );
    assert.is(ring.submit(handle, wishes), 32);
    assert.equal(readIns(machine), [
      [0, 4],
      [4, 12],
      [12, 28],
      [28, 60],
      [60, 92],
    ]);
    assert.is(ring.results(handle).length, 32);
    assert.equal(ring.bytes.slice(buffer, buffer + 32 * PAGE), PATTERN.slice(0, 32 * PAGE));
    end(bench);
  });

  readahead('random access patterns read what the rules say, in their order', async () => {
    const step = fc.record({
      by: fc.nat(2),
      how: fc.constantFrom('next', 'next', 'next', 'near', 'jump', 'advise'),
      where: fc.nat(PAGES * PAGE),
      bytes: fc.oneof(
        fc.integer({ min: 1, max: PAGE }),
        fc.constant(PAGE),
        fc.integer({ min: 1, max: 40 * PAGE }),
      ),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 2, 3, 4, 6, 8, 16, 31, 32, 33, 64, 100),
        fc.constantFrom(512, 1024, 4096),
        fc.integer({ min: 1, max: PAGES * PAGE }),
        fc.array(step, { minLength: 1, maxLength: 60 }),
        async (maximum, blockSize, bytes, steps) => {
          const bench = await open(build, bytes, {
            readahead: maximum * PAGE,
            blockSize,
            limits: { maxSectors: 8192, maxSegments: 1024 },
          });
          const { machine } = bench;
          const model = new NaiveFile(bytes, maximum);
          const files = [0, 1, 2].map(() => ({ file: machine.openFile('file'), state: model.open(), at: 0 }));
          readIns(machine);
          for (const { by, how, where, bytes: wanted } of steps) {
            const one = files[by] as (typeof files)[number];
            if (how === 'advise') {
              // exact reads are of blocks, the model's of pages
              const kinds = blockSize === PAGE ? 3 : 2;
              const advice = (['normal', 'sequential', 'random'] as const)[where % kinds] ?? 'normal';
              one.file.advise(advice);
              model.advise(one.state, advice);
              continue;
            }
            if (how === 'jump') one.at = where;
            if (how === 'near') one.at += where % (8 * PAGE);
            // a call that waits for two chunks of its own is two read-ins: no more than the model's one
            const length = one.state.isRandom ? Math.min(wanted, 8 * PAGE) : wanted;
            const { cache } = machine.counters;
            check(one.file, one.at, length);
            const expected = model.read(one.state, one.at, length);
            assert.equal(readIns(machine), expected.ranges);
            const { hits, misses } = machine.counters.cache;
            assert.equal([hits - cache.hits, misses - cache.misses], [expected.hits, expected.misses]);
            one.at += length;
          }
          end(bench);
        },
      ),
      { numRuns: 60 },
    );
  });

  readahead(
    'with caches smaller than the window, few bios and small requests the bytes are right',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.record({
            cache: fc.integer({ min: 1, max: 40 }),
            bios: fc.constantFrom(4, 5, 64),
            maxSectors: fc.constantFrom(8, 64, 2560),
            blockSize: fc.constantFrom(512, 2048, 4096),
            latencyNs: fc.constantFrom(0, 1000),
          }),
          fc.array(fc.tuple(fc.nat(99), fc.integer({ min: 1, max: 20 * PAGE }), fc.boolean()), {
            maxLength: 30,
          }),
          async ({ cache, bios, maxSectors, blockSize, latencyNs }, steps) => {
            const bench = await open(build, 100 * PAGE - 77, {
              cache: cache * PAGE,
              blockSize,
              limits: { bios, maxSectors },
              drives: [{ size: PAGES * PAGE, latencyNs }],
            });
            let at = 0;
            for (const [jump, bytes, isWrite] of steps) {
              if (jump > 60) at = (jump - 60) * 2 * PAGE;
              if (isWrite) {
                const room = Math.max(0, Math.min(bytes, 100 * PAGE - 77 - at));
                bench.file.write(PATTERN.subarray(at, at + room), at);
              } else {
                check(bench.file, at, bytes);
              }
              at += bytes;
            }
            bench.file.sync();
            end(bench);
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  readahead('many reads at one time through a small cache bring the right bytes', async () => {
    const bench = await open(build, undefined, { drives: [SLOW], cache: 24 * PAGE, limits: { bios: 16 } });
    const { machine, file } = bench;
    const ring = new Ring(machine);
    const handle = ring.open(64);
    const buffer = ring.allocate(48 * 3 * PAGE, PAGE);
    for (let round = 0; round < 8; round++) {
      const mark = ring.mark();
      const places = Array.from({ length: 48 }, (_, index) => (index * 7919 + round * 104729) % (500 * PAGE));
      const wishes = places.map((offset, index) =>
        ring.iocb({
          opcode: PREAD,
          fd: file.descriptor,
          buf: buffer + index * 3 * PAGE,
          nbytes: index % 3 === 0 ? 3 * PAGE : 5000,
          offset: index % 2 === 0 ? offset : round * 40 * PAGE + index * PAGE,
        }),
      );
      assert.is(ring.submit(handle, wishes), 48);
      assert.is(ring.results(handle).length, 48);
      places.forEach((place, index) => {
        const offset = index % 2 === 0 ? place : round * 40 * PAGE + index * PAGE;
        const bytes = index % 3 === 0 ? 3 * PAGE : 5000;
        const at = buffer + index * 3 * PAGE;
        assert.ok(
          Buffer.compare(ring.bytes.slice(at, at + bytes), PATTERN.slice(offset, offset + bytes)) === 0,
        );
      });
      ring.release(mark);
    }
    end(bench);
  });

  readahead('without data the decisions are the same', async () => {
    const hashes: string[] = [];
    for (const payload of ['full', 'none'] as const) {
      const bench = await openPlain(build, payload);
      for (let index = 0; index < 300; index++) {
        const page = index % 5 === 0 ? (index * 37) % PAGES : index;
        bench.file.read(PAGE * (1 + (index % 4)), page * PAGE);
      }
      hashes.push(`${bench.machine.recordHash} ${JSON.stringify(bench.machine.counters)}`);
    }
    assert.is(hashes[0], hashes[1]);
  });

  readahead.run();
}

async function openPlain(build: Build, payload: 'full' | 'none') {
  const { openMachine } = await import('../../support/machine.ts');
  const machine = await openMachine(build, {
    ...EXACT,
    readahead: DEFAULT,
    payload,
    powerCuts: false,
    cache: 100 * PAGE,
    records: true,
    drives: [SLOW],
  });
  return { machine, file: machine.openFile('drive0') };
}
