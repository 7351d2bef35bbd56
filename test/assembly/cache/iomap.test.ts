// test-timeout: 300
// The contract of iomap against a provider that does what the test has written down (sheet of buffered writes §3 to §8, §13,
// §14.2, §21): which calls are made with which ranges, what is read and what is zeroed, what the caller sees.
//
// The rows of §21 are numbered in the claims: 4 to 15, 17, 18, 25, 26. The rest of the rows is in buffered.test.ts, in
// files/volume/data.test.ts and beside the parts that they are about.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COUNTER_IOMAP_BEGINS, COUNTER_IOMAP_ENDS } from '../../../assembly/layout.ts';
import {
  DELALLOC,
  F_BOUNDARY,
  F_NEW,
  F_SIZE_CHANGED,
  F_STALE,
  HOLE,
  MAPPED,
  Probe,
  type ProbeCall,
  UNWRITTEN,
} from '../../support/iomap-probe.ts';
import { BUILDS, type Build, brokenRule, NO_POOL_IN_USE, poolsInUse } from '../../support/machine.ts';
import { WASI_EIO } from '../drive/flaky-image.ts';

const PAGE = 4096;
const EIO = -5;
const EFAULT = -14;
const ENOSPC = -28;
const EDQUOT = -122;
const END = 262144;

const contract = suite('iomap');

/** A test body, after which nothing is held and every rule holds. */
function claim(name: string, body: (build: Build) => Promise<Probe>): void {
  for (const build of BUILDS) {
    contract(`${build}: ${name}`, async () => {
      const probe = await body(build);
      probe.machine.run();
      assert.equal(poolsInUse(probe.machine), NO_POOL_IN_USE);
      assert.is(brokenRule(probe.machine), '');
    });
  }
}

function mapped(offset: number, end: number) {
  return { offset, length: end - offset, type: MAPPED };
}

/** [position, length] of calls. */
function ranges(calls: readonly ProbeCall[]): [number, number][] {
  return calls.map(({ position, length }) => [position, length]);
}

/** The blocks that calls of punch take away; a write that goes back to begin before its error surfaces gives them back twice. */
function punched(probe: Probe, blockSize: number): number[] {
  const blocks = probe.calls('punch').flatMap(({ position, length }) => {
    assert.equal([position % blockSize, length % blockSize], [0, 0], 'whole blocks');
    return Array.from({ length: length / blockSize }, (_, block) => position / blockSize + block);
  });
  return [...new Set(blocks)];
}

function isFilled(bytes: Uint8Array | number, value: number): boolean {
  return typeof bytes !== 'number' && bytes.every((byte) => byte === value);
}

// ---- §8: the worked examples ----

claim('4. write [1000, 19000) over mapped, delayed and unwritten extents', async (build) => {
  const probe = await Probe.open(build, 18000);
  probe.script([
    mapped(0, 8192),
    { offset: 8192, length: 4096, type: DELALLOC, flags: F_NEW },
    { offset: 12288, length: 4096, type: UNWRITTEN },
    mapped(16384, 20480),
    { offset: 20480, length: END - 20480, type: HOLE },
  ]);
  assert.is(probe.write(1000, 18000), 18000);
  const calls = probe.calls();
  assert.equal(ranges(calls.filter(({ name }) => name === 'begin')), [
    [1000, 18000],
    [8192, 10808],
    [12288, 6712],
    [16384, 2616],
  ]);
  const ends = calls.filter(({ name }) => name === 'end');
  assert.equal(
    ends.map(({ position, length, extra }) => [position, length, extra]),
    [
      [1000, 7192, 7192],
      [8192, 4096, 4096],
      [12288, 4096, 4096],
      [16384, 2616, 2616],
    ],
  );
  assert.equal(
    ends.map(({ flags }) => flags & F_SIZE_CHANGED),
    [0, 0, 0, F_SIZE_CHANGED],
  );
  assert.equal(probe.drive('pread'), [
    [0, 4096],
    [16384, 4096],
  ]);
  assert.is(probe.size, 19000);
  assert.is(probe.machine.counters.cache.nrDirty, 5);
  probe.sync();
  const tail = new Uint8Array(1480);
  probe.image.memory.read(tail, 19000);
  assert.ok(isFilled(tail, 0), 'the block behind the end is written as zeros');
  return probe;
});

claim('5. block 1024, write [500, 7000): five mappings, one read, one zero fill', async (build) => {
  const probe = await Probe.open(build, 6000, { blockSize: 1024 });
  probe.script([
    mapped(0, 1024),
    { offset: 1024, length: 1024, type: DELALLOC, flags: F_NEW },
    { offset: 2048, length: 2048, type: UNWRITTEN },
    mapped(4096, 6144),
    { offset: 6144, length: 2048, type: DELALLOC, flags: F_NEW },
  ]);
  assert.is(probe.write(500, 6500), 6500);
  assert.equal(ranges(probe.calls('begin')), [
    [500, 6500],
    [1024, 5976],
    [2048, 4952],
    [4096, 2904],
    [6144, 856],
  ]);
  assert.equal(probe.drive('pread'), [[0, 1024]]);
  assert.equal(probe.page(0), { uptodate: 0b1111, dirty: 0b1111 });
  assert.equal(probe.page(1), { uptodate: 0b0111, dirty: 0b0111 });
  assert.is(probe.size, 7000);
  // [7000, 7168) is zeros in the cache: the block is written with them
  probe.sync();
  const tail = new Uint8Array(168);
  probe.image.memory.read(tail, 7000);
  assert.ok(isFilled(tail, 0));
  return probe;
});

claim('6. block 512, write [700, 2400) below the end: one read of [512, 2560)', async (build) => {
  const probe = await Probe.open(build, 3000, { blockSize: 512 });
  probe.script([mapped(0, END)]);
  assert.is(probe.write(700, 1700), 1700);
  assert.equal(probe.drive('pread'), [[512, 2048]]);
  assert.equal(probe.page(0), { uptodate: 0b11110, dirty: 0b11110 });
  return probe;
});

claim('7. the same with i_size 1000: the run is cut behind the block of the last byte', async (build) => {
  const probe = await Probe.open(build, 1000, { blockSize: 512 });
  probe.script([mapped(0, END)]);
  assert.is(probe.write(700, 1700), 1700);
  assert.equal(probe.drive('pread'), [[512, 512]]);
  assert.is(probe.size, 2400);
  probe.exports.probeSetSize(probe.file, 2560n);
  assert.ok(isFilled(probe.read(2400, 160), 0), 'zeroed, not read');
  return probe;
});

claim('8. block 1024: a block that is uptodate splits the read', async (build) => {
  const probe = await Probe.open(build, 65536, { blockSize: 1024 });
  probe.script([mapped(0, END)]);
  probe.write(1024, 1024);
  assert.is(probe.write(500, 2000), 2000);
  assert.equal(probe.drive('pread'), [
    [0, 1024],
    [2048, 1024],
  ]);
  return probe;
});

// ---- §6.3: what must be read or zeroed, row by row ----

claim('6.3a. a write of the whole page reads nothing', async (build) => {
  const probe = await Probe.open(build, 65536, { blockSize: 512 });
  probe.script([mapped(0, END)]);
  probe.write(PAGE, PAGE);
  assert.equal(probe.drive('pread'), []);
  assert.equal(probe.page(1), { uptodate: 0xff, dirty: 0xff });
  return probe;
});

claim('6.3c. a page that is uptodate is not read again', async (build) => {
  const probe = await Probe.open(build, 65536);
  probe.script([mapped(0, END)]);
  probe.read(0, PAGE);
  probe.image.take();
  probe.write(100, 1);
  assert.equal(probe.drive('pread'), []);
  return probe;
});

claim('6.3d1. whole blocks of a page are neither read nor zeroed', async (build) => {
  const probe = await Probe.open(build, 65536, { blockSize: 512 });
  probe.script([mapped(0, END)]);
  probe.write(512, 1024);
  assert.equal(probe.drive('pread'), []);
  assert.equal(probe.page(0), { uptodate: 0b110, dirty: 0b110 });
  return probe;
});

for (const [what, extent, size] of [
  ['delayed', { offset: 0, length: END, type: DELALLOC, flags: F_NEW }, 65536],
  ['unwritten', { offset: 0, length: END, type: UNWRITTEN }, 65536],
  ['mapped and new', { offset: 0, length: END, type: MAPPED, flags: F_NEW }, 65536],
  ['behind the end', { offset: 0, length: END, type: MAPPED }, PAGE],
] as const) {
  claim(`6.3d2. a block that is ${what} is zeroed around the write`, async (build) => {
    const probe = await Probe.open(build, size);
    probe.script([extent]);
    probe.write(PAGE + 100, 1);
    assert.equal(probe.drive('pread'), []);
    probe.exports.probeSetSize(probe.file, BigInt(2 * PAGE));
    const bytes = probe.read(PAGE, PAGE) as Uint8Array;
    assert.equal(
      Array.from(bytes.keys()).filter((at) => bytes[at] !== 0),
      [100],
    );
    return probe;
  });
}

claim('6.3d4. a read-in that fails is the answer, and nothing is dirty', async (build) => {
  const probe = await Probe.open(build, 65536);
  probe.script([mapped(0, END)]);
  probe.image.fail = ({ name }) => (name === 'pread' ? WASI_EIO : 0);
  assert.is(probe.write(100, 1), EIO);
  assert.is(probe.machine.counters.cache.nrDirty, 0);
  assert.is(probe.size, 65536);
  assert.equal(
    probe.calls().map(({ name, extra }) => [name, extra]),
    [
      ['begin', 0],
      ['map', 0],
      ['end', 0],
    ],
  );
  return probe;
});

claim('6.3. a block that straddles the end and is mapped is read', async (build) => {
  const probe = await Probe.open(build, 5000);
  probe.script([mapped(0, END)]);
  probe.write(4200, 10);
  assert.equal(probe.drive('pread'), [[PAGE, PAGE]]);
  return probe;
});

// ---- §6.8: what the caller sees ----

claim('6.8. the first begin fails: its errno', async (build) => {
  const probe = await Probe.open(build, 0);
  probe.script([mapped(0, END)]);
  probe.fail('begin', 0, EDQUOT);
  assert.is(probe.write(0, 100), EDQUOT);
  assert.equal(
    probe.calls().map(({ name }) => name),
    ['begin'],
  );
  assert.is(probe.size, 0);
  return probe;
});

claim('12. the third begin fails: the bytes of the first two, and its errno next time', async (build) => {
  const probe = await Probe.open(build, 0);
  probe.script([
    { offset: 0, length: PAGE, type: DELALLOC, flags: F_NEW },
    { offset: PAGE, length: PAGE, type: UNWRITTEN },
    { offset: 2 * PAGE, length: END - 2 * PAGE, type: DELALLOC, flags: F_NEW },
  ]);
  probe.fail('begin', 2, ENOSPC);
  probe.fail('begin', 3, ENOSPC);
  assert.is(probe.write(0, 3 * PAGE), 2 * PAGE);
  assert.is(probe.size, 2 * PAGE);
  assert.is(probe.write(2 * PAGE, PAGE), ENOSPC);
  assert.is(probe.write(2 * PAGE, PAGE), PAGE);
  assert.is(probe.calls('begin').length, 5);
  return probe;
});

claim('6.8. the read-in of the last page fails: the bytes before it', async (build) => {
  const probe = await Probe.open(build, 65536);
  probe.script([mapped(0, END)]);
  probe.image.fail = ({ name, offset }) => (name === 'pread' && offset === 2 * PAGE ? WASI_EIO : 0);
  assert.is(probe.write(0, 2 * PAGE + 5), 2 * PAGE);
  // the body has done part of its mapping: it is asked for again, and fails there without progress
  assert.equal(ranges(probe.calls('begin')), [
    [0, 2 * PAGE + 5],
    [2 * PAGE, 5],
  ]);
  assert.is(probe.write(2 * PAGE, 5), EIO);
  return probe;
});

claim(
  '9. a short copy into a page that lacks bytes: written again with what there is, read in first',
  async (build) => {
    const probe = await Probe.open(build, 65536);
    probe.script([mapped(0, END)]);
    assert.is(probe.write(0, PAGE, 1000), 1000);
    assert.equal(probe.drive('pread'), [[0, PAGE]]);
    assert.equal(probe.page(0), { uptodate: 1, dirty: 1 });
    const bytes = probe.read(0, PAGE) as Uint8Array;
    assert.equal([bytes[999], bytes[1000]], [1, 0xdd]);
    return probe;
  },
);

claim('10. a short copy into a page that is uptodate: accepted, only its blocks dirty', async (build) => {
  const probe = await Probe.open(build, 65536, { blockSize: 512 });
  probe.script([mapped(0, END)]);
  probe.read(0, PAGE);
  probe.calls();
  assert.is(probe.write(0, PAGE, 1000), 1000);
  assert.equal(probe.page(0), { uptodate: 0xff, dirty: 0b11 });
  return probe;
});

claim('11. a buffer that is unreadable from byte 0: EFAULT, and nothing has changed', async (build) => {
  const probe = await Probe.open(build, 100);
  probe.script([{ offset: 0, length: END, type: DELALLOC, flags: F_NEW }]);
  assert.is(probe.write(3 * PAGE, 100, 0), EFAULT);
  assert.is(probe.size, 100);
  assert.is(probe.machine.counters.cache.nrDirty, 0);
  assert.is(probe.page(3), undefined);
  return probe;
});

claim('13. an error of end counts only when nothing was done', async (build) => {
  const probe = await Probe.open(build, 0);
  probe.script([{ offset: 0, length: END, type: UNWRITTEN }]);
  probe.fail('end', 0, EIO);
  assert.is(probe.write(0, 100), 100);
  probe.fail('end', 1, EDQUOT);
  probe.exports.probeIterBegin(probe.file, 0n, 10n, 1);
  assert.is(probe.exports.probeIterNext(), 1);
  assert.is(probe.exports.probeIterNext(), EDQUOT);
  return probe;
});

claim('14. a mapping that has gone stale is asked for again at the same place', async (build) => {
  const probe = await Probe.open(build, 65536, { cache: PAGE });
  probe.script([mapped(0, END)]);
  // the second page pushes the first out, whose write-back changes the mappings
  probe.fail('map', 0, 1);
  assert.is(probe.write(0, 2 * PAGE), 2 * PAGE);
  const calls = probe.calls().filter(({ name }) => name === 'begin' || name === 'end');
  assert.equal(ranges(calls.filter(({ name }) => name === 'begin')), [
    [0, 2 * PAGE],
    [PAGE, PAGE],
  ]);
  assert.is((calls[1] as ProbeCall).flags & F_STALE, F_STALE);
  return probe;
});

claim('15. a write of 0 bytes asks for no mapping', async (build) => {
  const probe = await Probe.open(build, 100);
  probe.script([mapped(0, END)]);
  assert.is(probe.write(5000, 0), 0);
  assert.equal(probe.calls(), []);
  assert.is(probe.size, 100);
  return probe;
});

// ---- §4: the iterator, row by row ----

claim(
  'iterator: all of a mapping, part of it, nothing, stale, errors before and after progress, too much',
  async (build) => {
    const probe = await Probe.open(build, 0);
    probe.script([mapped(0, 1000), mapped(1000, 2000), mapped(2000, END)]);
    const { exports } = probe;
    const begin = (position: bigint, length: bigint): void => {
      probe.calls();
      exports.probeIterBegin(probe.file, position, length, 1);
      assert.is(exports.probeIterNext(), 1);
    };
    const log = () =>
      probe.calls().map(({ name, position, length, extra }) => [name, position, length, extra]);

    begin(100n, 1200n);
    assert.is(exports.probeIterLeft(), 900n);
    exports.probeIterAdvance(900n);
    assert.is(exports.probeIterNext(), 1, 'all: the next mapping');
    exports.probeIterAdvance(300n);
    assert.is(exports.probeIterNext(), 0, 'all of the range: done');
    assert.equal(log(), [
      ['begin', 100, 1200, 0],
      ['end', 100, 900, 900],
      ['begin', 1000, 300, 0],
      ['end', 1000, 300, 300],
    ]);

    begin(0n, 1000n);
    exports.probeIterAdvance(10n);
    assert.is(exports.probeIterNext(), 1, 'part: begun again behind it');
    assert.is(exports.probeIterPosition(), 10n);
    assert.is(exports.probeIterNext(), 0, 'nothing: ends quietly');
    assert.equal(log(), [
      ['begin', 0, 1000, 0],
      ['end', 0, 1000, 10],
      ['begin', 10, 990, 0],
      ['end', 10, 990, 0],
    ]);

    begin(0n, 1000n);
    exports.probeIterStale();
    assert.is(exports.probeIterNext(), 1, 'nothing and stale: begun again');
    assert.is(exports.probeIterNext(), 0);
    assert.equal(log(), [
      ['begin', 0, 1000, 0],
      ['end', 0, 1000, 0],
      ['begin', 0, 1000, 0],
      ['end', 0, 1000, 0],
    ]);

    begin(0n, 1000n);
    exports.probeIterFail(ENOSPC);
    assert.is(exports.probeIterNext(), ENOSPC, 'an error before progress');

    begin(0n, 1000n);
    exports.probeIterAdvance(5n);
    exports.probeIterFail(ENOSPC);
    assert.is(exports.probeIterNext(), 1, 'an error behind progress: the next pass meets it');
    exports.probeIterFail(ENOSPC);
    assert.is(exports.probeIterNext(), ENOSPC);

    begin(0n, 2000n);
    exports.probeIterAdvance(1001n);
    assert.is(exports.probeIterNext(), EIO, 'more than the mapping');

    begin(0n, 1000n);
    exports.probeIterFail(7);
    assert.is(exports.probeIterNext(), EIO, 'a positive status');

    const { core } = probe.machine;
    assert.ok(core.counter(COUNTER_IOMAP_BEGINS) > 0);
    assert.is(core.counter(COUNTER_IOMAP_BEGINS), core.counter(COUNTER_IOMAP_ENDS));
    return probe;
  },
);

claim('short mappings are asked for as often as it takes', async (build) => {
  const probe = await Probe.open(build, 0);
  probe.script([{ offset: 0, length: END, type: UNWRITTEN }], 3000);
  assert.is(probe.write(0, 10000), 10000);
  assert.equal(ranges(probe.calls('begin')), [
    [0, 10000],
    [3000, 7000],
    [6000, 4000],
    [9000, 1000],
  ]);
  return probe;
});

// ---- §7: delayed blocks that were not used ----

claim(
  '17. of ten new delayed blocks three are written: the others are given back, but for another writer’s',
  async (build) => {
    const probe = await Probe.open(build, 0);
    probe.script([{ offset: 0, length: END, type: DELALLOC, flags: F_NEW }]);
    probe.exports.probeSetSize(probe.file, BigInt(5 * PAGE));
    probe.write(5 * PAGE, PAGE);
    probe.calls();
    assert.is(probe.write(0, 10 * PAGE, 3 * PAGE), 3 * PAGE);
    assert.equal(punched(probe, PAGE), [3, 4, 6, 7, 8, 9]);
    assert.is(probe.size, 6 * PAGE);
    return probe;
  },
);

claim('17. behind the end everything is given back', async (build) => {
  const probe = await Probe.open(build, 0);
  probe.script([{ offset: 0, length: END, type: DELALLOC, flags: F_NEW }]);
  assert.is(probe.write(0, 10 * PAGE, 3 * PAGE), 3 * PAGE);
  assert.equal(punched(probe, PAGE), [3, 4, 5, 6, 7, 8, 9]);
  assert.is(probe.size, 3 * PAGE);
  assert.is(probe.page(3), undefined);
  return probe;
});

claim(
  '18. written half a block: given back from the block behind it; nothing: from the block of the position',
  async (build) => {
    const probe = await Probe.open(build, 0);
    probe.script([{ offset: 0, length: END, type: DELALLOC, flags: F_NEW }]);
    assert.is(probe.write(0, 4 * PAGE, PAGE + PAGE / 2), PAGE + PAGE / 2);
    assert.equal(punched(probe, PAGE), [2, 3]);
    probe.exports.probeRelease(probe.file, BigInt(8 * PAGE + 100), BigInt(2 * PAGE), 0n);
    assert.equal(punched(probe, PAGE), [8, 9, 10]);
    return probe;
  },
);

claim('7. inside a dirty page blocks that are clean are given back one by one', async (build) => {
  const probe = await Probe.open(build, 0, { blockSize: 1024 });
  probe.script([{ offset: 0, length: END, type: DELALLOC, flags: F_NEW }]);
  probe.exports.probeSetSize(probe.file, BigInt(PAGE));
  probe.write(1024, 1024);
  probe.write(3072, 1024);
  probe.calls();
  probe.exports.probeRelease(probe.file, 0n, BigInt(2 * PAGE), 0n);
  assert.equal(punched(probe, 1024), [0, 2, 4, 5, 6, 7]);
  return probe;
});

// ---- §13: ioends ----

function writtenBack(probe: Probe): [number, number, number][] {
  assert.is(probe.sync(), 0);
  return probe.calls('done').map(({ position, length, flags }) => [position, length, flags]);
}

claim('25. mapped, unwritten and mapped in a row: three ioends', async (build) => {
  const probe = await Probe.open(build, 4 * PAGE);
  probe.script([
    mapped(0, 2 * PAGE),
    { offset: 2 * PAGE, length: PAGE, type: UNWRITTEN },
    mapped(3 * PAGE, END),
  ]);
  probe.write(0, 4 * PAGE);
  assert.equal(writtenBack(probe), [
    [0, 2 * PAGE, 0],
    [2 * PAGE, PAGE, 1],
    [3 * PAGE, PAGE, 0],
  ]);
  return probe;
});

claim(
  '26. neighbours in the file that are none on the drive, and the other way round: two ioends',
  async (build) => {
    const probe = await Probe.open(build, 16 * PAGE);
    probe.script([
      { offset: 0, length: PAGE, type: MAPPED, address: 0 },
      { offset: PAGE, length: PAGE, type: MAPPED, address: 8 * PAGE },
      { offset: 2 * PAGE, length: END - 2 * PAGE, type: MAPPED, address: 16 * PAGE },
    ]);
    probe.write(0, 2 * PAGE);
    assert.equal(writtenBack(probe), [
      [0, PAGE, 0],
      [PAGE, PAGE, 0],
    ]);
    probe.script([
      { offset: 0, length: 2 * PAGE, type: MAPPED, address: 0 },
      { offset: 2 * PAGE, length: END - 2 * PAGE, type: MAPPED, address: PAGE },
    ]);
    probe.write(0, PAGE);
    probe.write(2 * PAGE, PAGE);
    assert.equal(writtenBack(probe), [
      [0, PAGE, 0],
      [2 * PAGE, PAGE, 0],
    ]);
    return probe;
  },
);

claim('13. a mapping with BOUNDARY begins an ioend of its own', async (build) => {
  const probe = await Probe.open(build, 4 * PAGE);
  probe.script([mapped(0, PAGE), { offset: PAGE, length: END - PAGE, type: MAPPED, flags: F_BOUNDARY }]);
  probe.write(0, 3 * PAGE);
  assert.equal(writtenBack(probe), [
    [0, PAGE, 0],
    [PAGE, 2 * PAGE, 0],
  ]);
  return probe;
});

claim('13. an ioend is cut to the end of the file; what is appended is one of its own', async (build) => {
  const probe = await Probe.open(build, 0);
  probe.script([{ offset: 0, length: END, type: DELALLOC, flags: F_NEW }]);
  probe.write(0, 5000);
  assert.equal(writtenBack(probe), [[0, 5000, 1]]);
  assert.equal(probe.drive('pwrite'), [[0, 2 * PAGE]]);
  probe.write(5000, 100);
  assert.equal(writtenBack(probe), [[PAGE, 1004, 1]]);
  return probe;
});

claim('12.2. holes are passed over, and a mapping that stays delayed is EIO', async (build) => {
  const probe = await Probe.open(build, 0);
  probe.script([{ offset: 0, length: END, type: DELALLOC, flags: F_NEW }]);
  probe.write(0, 2 * PAGE);
  probe.script([
    { offset: 0, length: PAGE, type: HOLE },
    { offset: PAGE, length: END - PAGE, type: UNWRITTEN },
  ]);
  assert.equal(writtenBack(probe), [[PAGE, PAGE, 1]]);
  probe.script([{ offset: 0, length: END, type: DELALLOC, flags: F_NEW }], 0, true);
  probe.write(0, 100);
  assert.is(probe.sync(), EIO);
  assert.is(probe.sync(), 0);
  assert.is(probe.machine.counters.cache.nrDirty, 0);
  return probe;
});

claim('12.2. an error of map is noted, the page is clean, and what follows is written', async (build) => {
  const probe = await Probe.open(build, 4 * PAGE);
  probe.script([mapped(0, END)]);
  probe.write(0, 3 * PAGE);
  probe.fail('map', 1, ENOSPC);
  assert.is(probe.sync(), ENOSPC);
  assert.equal(ranges(probe.calls('done')), [
    [0, PAGE],
    [2 * PAGE, PAGE],
  ]);
  assert.is(probe.machine.counters.cache.nrDirty, 0);
  return probe;
});

claim('18.1. an error of map reads as EIO, whatever it was', async (build) => {
  const probe = await Probe.open(build, 4 * PAGE);
  probe.script([mapped(0, END)]);
  probe.fail('map', 0, ENOSPC);
  assert.is(probe.read(0, 100), EIO);
  return probe;
});

// ---- §14.2: errseq_t ----

claim('14.2. errseq: who hears of an error, and how often', async (build) => {
  const probe = await Probe.open(build, 0);
  probe.script([mapped(0, END)]);
  const { exports, file } = probe;
  const SEEN = 0x1000;
  const COUNT = 0x2000;
  assert.is(exports.probeErrseqSample(file, 0), 0, 'no error yet');
  assert.is(exports.probeErrseqCheck(file, 0), 0);
  assert.is(exports.probeErrseqSet(file, 5), 5);
  assert.is(
    exports.probeErrseqSet(file, 28),
    28,
    'nobody has seen the first: the counter stands, the last errno wins',
  );
  assert.is(exports.probeErrseqSample(file, 1), 0, 'opened behind it, before anybody has seen it');
  assert.is(exports.probeErrseqCheck(file, 0), ENOSPC);
  assert.is(exports.probeErrseq(file), 28 | SEEN);
  assert.is(exports.probeErrseqCheck(file, 0), 0, 'once');
  assert.is(exports.probeErrseqCheck(file, 1), ENOSPC, 'and once by each');
  assert.is(exports.probeErrseqSample(file, 2), 28 | SEEN, 'opened when it had been seen');
  assert.is(exports.probeErrseqCheck(file, 2), 0);
  assert.is(exports.probeErrseqSet(file, 5), 5 | COUNT, 'a second one, behind one that was seen');
  for (const cursor of [0, 1, 2]) {
    assert.is(exports.probeErrseqCheck(file, cursor), EIO);
    assert.is(exports.probeErrseqCheck(file, cursor), 0);
  }
  return probe;
});

contract.run();
