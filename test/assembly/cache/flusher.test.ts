// The flusher (sheet §11, §12.1; its §21 by number): what it writes, when, in which order, and what it leaves alone.
//
// Seen through the image's host (the order of writes), counters and records. `EXACT` takes the limits away and stops the
// clock of the flusher; each test gives back what it is about.
// test-timeout: 60

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FLUSH_BACKGROUND, FLUSH_PERIODIC, WRITEBACK_FLUSHER } from '../../../assembly/layout.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { StorageError } from '../../../src/errors.ts';
import type { OpenFile } from '../../../src/files.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, EXACT, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { type FlakyImage, openFlaky, WASI_EIO } from '../drive/flaky-image.ts';

const PAGE = 4096;
const SECOND = 1e9;
/** No limits and exact LRU, with Linux's times. */
const TIMED: MachineConfig = {
  ...EXACT,
  vm: { dirtyBytes: '64GiB', dirtyBackgroundBytes: '32GiB' },
  records: 65536,
};
/** Everything above one dirty page is too much for the flusher, nothing for writers. */
const EAGER: MachineConfig = { ...TIMED, vm: { dirtyBytes: '64GiB', dirtyBackgroundBytes: PAGE } };

const flusher = suite('flusher');

function dirtyPages(file: OpenFile, ...pages: number[]): void {
  for (const page of pages) file.write(new Uint8Array(PAGE).fill(page + 1), page * PAGE);
}

function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index);
}

function writtenPages(image: FlakyImage): number[] {
  return image.take('pwrite').flatMap(({ offset, bytes }) => range(offset / PAGE, (offset + bytes) / PAGE));
}

/** The passes of the flusher since the last look: which file, how many pages, why. */
function passes(machine: Machine): [number, number, number][] {
  return machine.records
    .take()
    .filter(({ kind }) => kind === 'flusher')
    .map(({ device, count, detail }) => [device, count, detail]);
}

function isIdle(machine: Machine): void {
  machine.holdCompletions(false);
  machine.run();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
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
  flusher(`${build}: 30. an idle dirty file is not written at 29 s and is by 35 s`, async () => {
    for (const [startNs, lastNs] of [
      [0, 0],
      [3.3 * SECOND, 1.7 * SECOND],
    ] as const) {
      const machine = await openMachine(build, TIMED);
      const file = machine.openFile('drive0');
      machine.advance(startNs);
      dirtyPages(file, 5);
      assert.is(machine.run(), 0, 'nothing waits for the flusher');
      machine.advance(29 * SECOND);
      assert.is(machine.vmstat().nr_dirty, 1);
      machine.advance(6 * SECOND + lastNs);
      assert.equal([machine.vmstat().nr_dirty, machine.vmstat().nr_written], [0, 1]);
      assert.is(machine.counters.drive.flushes, 0, 'no device flush');
      assert.is(machine.volatileWrites(), 1);
      const [pass] = machine.records.take().filter(({ kind }) => kind === 'flusher');
      assert.is(pass?.detail, FLUSH_PERIODIC);
      assert.is(pass?.timeNs, startNs + 30 * SECOND);
      isIdle(machine);
    }
  });

  flusher(`${build}: 30. with dirtyWritebackCentisecs 0 it is never written`, async () => {
    const machine = await openMachine(build, { ...TIMED, vm: { dirtyWritebackCentisecs: 0 } });
    dirtyPages(machine.openFile('drive0'), 0);
    machine.advance(1e6 * SECOND);
    assert.is(machine.vmstat().nr_dirty, 1);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  flusher(`${build}: times are options`, async () => {
    const vm = { dirtyExpireCentisecs: 100, dirtyWritebackCentisecs: 70 };
    const machine = await openMachine(build, { ...TIMED, vm });
    dirtyPages(machine.openFile('drive0'), 0);
    machine.advance(1.39 * SECOND);
    assert.is(machine.vmstat().nr_dirty, 1, 'at 0.7 s it is too young');
    machine.advance(0.01 * SECOND);
    assert.is(machine.vmstat().nr_dirty, 0);
    isIdle(machine);
  });

  flusher(
    `${build}: age is the file's: a young page goes with its old file, a young file stays`,
    async () => {
      const files = [
        { name: 'old', capacity: '1MiB', size: '1MiB' },
        { name: 'young', capacity: '1MiB', size: '1MiB' },
      ];
      const machine = await openMachine(build, { ...TIMED, files });
      const [old, young] = [machine.openFile('old'), machine.openFile('young')];
      dirtyPages(old, 0);
      machine.advance(29 * SECOND);
      dirtyPages(old, 1);
      dirtyPages(young, 0, 1, 2);
      machine.advance(1 * SECOND);
      assert.is(machine.vmstat().nr_dirty, 3, 'those of the young file');
      assert.equal(passes(machine), [[1, 2, FLUSH_PERIODIC]]);
      machine.advance(34 * SECOND);
      assert.equal(passes(machine), [[2, 3, FLUSH_PERIODIC]]);
      isIdle(machine);
    },
  );

  flusher(`${build}: a file that is clean in between is as old as its last first dirty page`, async () => {
    const machine = await openMachine(build, TIMED);
    const file = machine.openFile('drive0');
    dirtyPages(file, 0);
    machine.advance(20 * SECOND);
    file.sync();
    dirtyPages(file, 1);
    machine.advance(29 * SECOND);
    assert.is(machine.vmstat().nr_dirty, 1);
    machine.advance(6 * SECOND);
    assert.is(machine.vmstat().nr_dirty, 0);
    isIdle(machine);
  });

  flusher(`${build}: a page dirtied again during its write-back is written again, 30 s later`, async () => {
    const machine = await openMachine(build, TIMED);
    const file = machine.openFile('drive0');
    dirtyPages(file, 0);
    machine.holdCompletions(true);
    machine.advance(30 * SECOND);
    const counts = (): number[] => {
      const { nr_dirty, nr_writeback, nr_dirtied, nr_written } = machine.vmstat();
      return [nr_dirty, nr_writeback, nr_dirtied, nr_written];
    };
    assert.equal(counts(), [0, 1, 1, 0]);
    dirtyPages(file, 0);
    assert.equal(counts(), [1, 1, 2, 0]);
    machine.advance(40 * SECOND);
    assert.equal(counts(), [1, 1, 2, 0], 'under write-back it is left alone');
    machine.holdCompletions(false);
    machine.run();
    assert.equal(counts(), [1, 0, 2, 1]);
    machine.advance(5 * SECOND);
    assert.equal(counts(), [0, 0, 2, 2]);
    isIdle(machine);
  });

  flusher(
    `${build}: over the background limit it writes in ascending order, whatever was dirtied first`,
    async () => {
      const { machine, image } = await openFlaky(build, EAGER);
      const file = machine.openFile('drive0');
      dirtyPages(file, 9, 3, 20, 4, 10, 1, 19);
      machine.advance(5 * SECOND);
      assert.equal(writtenPages(image), [1, 3, 4, 9, 10, 19, 20]);
      assert.equal(passes(machine), [[0, 7, FLUSH_BACKGROUND]]);
      const { flusherPasses, flusherPages } = machine.counters.dirty;
      assert.equal([flusherPasses, flusherPages], [1, 7]);
      isIdle(machine);
    },
  );

  flusher(`${build}: neighbours travel in one ioend, which tells why`, async () => {
    const machine = await openMachine(build, EAGER);
    dirtyPages(machine.openFile('drive0'), 7, 5, 6, 4);
    machine.advance(5 * SECOND);
    const ioends = machine.records.take().filter(({ kind }) => kind === 'writeback');
    assert.equal(
      ioends.map(({ address, count, detail }) => [address, count, detail]),
      [[4, 4, WRITEBACK_FLUSHER]],
    );
    isIdle(machine);
  });

  flusher(`${build}: background write-back ends below the limit, oldest file first`, async () => {
    const files = ['a', 'b', 'c'].map((name) => ({ name, capacity: '8MiB', size: '8MiB' }));
    const vm = { dirtyBytes: '64GiB', dirtyBackgroundBytes: 150 * PAGE };
    const machine = await openMachine(build, { ...TIMED, files, vm });
    for (const [index, name] of ['b', 'c', 'a'].entries()) {
      machine.advance(index);
      machine.openFile(name).write(new Uint8Array(100 * PAGE), 0);
    }
    assert.is(machine.vmstat().nr_dirty, 300);
    machine.advance(5 * SECOND);
    assert.is(machine.vmstat().nr_dirty, 100);
    assert.equal(passes(machine), [
      [2, 100, FLUSH_BACKGROUND],
      [3, 100, FLUSH_BACKGROUND],
    ]);
    isIdle(machine);
  });

  flusher(`${build}: a writer wakes it, without a tick`, async () => {
    const vm = { dirtyBytes: '8MiB', dirtyBackgroundBytes: '64KiB', dirtyWritebackCentisecs: 0 };
    const machine = await openMachine(build, { ...TIMED, vm });
    const file = machine.openFile('drive0');
    for (let page = 0; page < 400; page += 10) dirtyPages(file, ...range(page, page + 10));
    machine.run();
    const { flusherPages } = machine.counters.dirty;
    assert.ok(flusherPages > 300, `${flusherPages} pages`);
    assert.is(machine.counters.dirty.pauses, 0);
    assert.is(machine.nowNs, 0);
    isIdle(machine);
  });

  flusher(`${build}: files take turns of 1,024 pages, and each goes on where it was left`, async () => {
    const files = ['a', 'b'].map((name) => ({ name, capacity: '16MiB', size: '16MiB' }));
    const drives = [{ size: '32MiB' }];
    const vm = { ...TIMED.vm, writeBandwidth: '4MiB' };
    const { machine, image } = await openFlaky(build, { ...TIMED, vm, cache: '64MiB', files, drives });
    for (const name of ['a', 'b']) machine.openFile(name).write(new Uint8Array(1500 * PAGE), 0);
    machine.advance(30 * SECOND);
    assert.equal(passes(machine), [
      [1, 1024, FLUSH_PERIODIC],
      [2, 1024, FLUSH_PERIODIC],
      [1, 476, FLUSH_PERIODIC],
      [2, 476, FLUSH_PERIODIC],
    ]);
    const b = 4096;
    assert.equal(writtenPages(image), [
      ...range(0, 1024),
      ...range(b, b + 1024),
      ...range(1024, 1500),
      ...range(b + 1024, b + 1500),
    ]);
    isIdle(machine);
  });

  flusher(
    `${build}: a pass begins where the last one ended, and goes round the end of the file once`,
    async () => {
      const { machine, image } = await openFlaky(build, {
        ...TIMED,
        cache: '64MiB',
        drives: [{ size: '32MiB' }],
        vm: { dirtyBytes: '64GiB', dirtyBackgroundBytes: 1000 * PAGE, writeBandwidth: '4MiB' },
      });
      const file = machine.openFile('drive0');
      file.write(new Uint8Array(1500 * PAGE), 100 * PAGE);
      machine.advance(5 * SECOND);
      assert.equal(writtenPages(image), range(100, 1124), 'one pass brings it below the limit');
      dirtyPages(file, 50);
      file.write(new Uint8Array(600 * PAGE), 3000 * PAGE);
      machine.advance(5 * SECOND);
      assert.equal(writtenPages(image), [...range(1124, 1600), ...range(3000, 3548)]);
      machine.advance(25 * SECOND);
      assert.equal(writtenPages(image), [...range(3548, 3600), 50]);
      assert.is(machine.vmstat().nr_dirty, 0);
      isIdle(machine);
    },
  );

  flusher(`${build}: it waits for a bio where there are few, and writes all the same`, async () => {
    const { machine, image } = await openFlaky(build, {
      ...EAGER,
      limits: { bios: 4 },
      drives: [{ size: '1MiB', latencyNs: 1000 }],
    });
    const pages = range(0, 40).map((index) => index * 3);
    dirtyPages(machine.openFile('drive0'), ...pages);
    machine.advance(5 * SECOND);
    machine.run();
    assert.equal(writtenPages(image), pages);
    assert.is(machine.counters.dirty.flusherPages, 40);
    assert.equal(passes(machine).length, 1, 'one pass, with pauses for bios');
    isIdle(machine);
  });

  flusher(
    `${build}: without bios on a held drive a sync answers EDEADLK, and all ends when it lets go`,
    async () => {
      const machine = await openMachine(build, { ...EAGER, limits: { bios: 4 } });
      const file = machine.openFile('drive0');
      machine.holdCompletions(true);
      dirtyPages(file, ...range(0, 20).map((index) => index * 2));
      machine.advance(5 * SECOND);
      assert.is(machine.vmstat().nr_writeback, 4);
      assert.is(
        codeOf(() => file.sync()),
        'EDEADLK',
      );
      isIdle(machine);
      assert.is(machine.vmstat().nr_written, 20);
      assert.is(machine.vmstat().nr_dirty, 0);
    },
  );

  flusher(`${build}: an error of the drive while flushing is the next fsync's, once`, async () => {
    const { machine, image } = await openFlaky(build, EAGER);
    const [file, other] = [machine.openFile('drive0'), machine.openFile('drive0')];
    dirtyPages(file, 0, 2, 4);
    image.fail = (call) => (call.name === 'pwrite' && call.offset === 2 * PAGE ? WASI_EIO : 0);
    machine.advance(5 * SECOND);
    image.fail = () => 0;
    assert.is(machine.vmstat().nr_dirty, 0, 'the page is clean all the same');
    assert.equal(writtenPages(image), [0, 2, 4]);
    assert.is(
      codeOf(() => file.sync()),
      'EIO',
    );
    assert.is(
      codeOf(() => file.sync()),
      '0',
    );
    assert.is(
      codeOf(() => other.sync()),
      'EIO',
    );
    assert.equal([...file.read(1, 2 * PAGE)], [3], 'the cache holds what was written');
    isIdle(machine);
  });

  flusher(
    `${build}: a sync waits for what the flusher has sent, and for nothing that it has to do`,
    async () => {
      const machine = await openMachine(build, {
        ...EAGER,
        drives: [{ size: '1MiB', latencyNs: 1_000_000 }],
      });
      const file = machine.openFile('drive0');
      dirtyPages(file, 0, 1, 2);
      machine.advance(5 * SECOND);
      assert.is(machine.vmstat().nr_writeback, 3);
      file.sync();
      assert.is(machine.vmstat().nr_writeback, 0);
      assert.is(machine.counters.drive.writes, 1, 'nothing was written twice');
      assert.is(machine.volatileWrites(), 0);
      isIdle(machine);
    },
  );

  flusher(`${build}: a power cut and a close with dirty pages lose them`, async () => {
    const machine = await openMachine(build, TIMED);
    dirtyPages(machine.openFile('drive0'), 0);
    machine.advance(31 * SECOND);
    dirtyPages(machine.openFile('drive0'), 1);
    assert.equal(machine.cutPower(), [1], 'flushed to the drive is not durable');
    const reopened = await openMachine(build, { drives: [{ memory: machine.memory() }] });
    assert.equal(reopened.openFile('drive0').read(2 * PAGE, 0), new Uint8Array(2 * PAGE));
    dirtyPages(reopened.openFile('drive0'), 0);
    reopened.close();
  });

  flusher(`${build}: without bytes the flusher does the same at the same times`, async () => {
    const run = async (payload: 'full' | 'none') => {
      const machine = await openMachine(build, {
        payload,
        powerCuts: false,
        drives: [{ size: '64MiB', latencyNs: 300_000 }],
        records: true,
      });
      const file = machine.openFile('drive0');
      for (let step = 0; step < 60; step++) {
        file.write(new Uint8Array(150_000), (step * 7_777_777) % 60_000_000);
        machine.advance(1.1 * SECOND);
      }
      assert.ok(machine.counters.dirty.flusherPasses > 1);
      return [machine.counters, machine.vmstat(), machine.nowNs, machine.recordHash];
    };
    assert.equal(await run('none'), await run('full'));
  });
}

flusher.run();
