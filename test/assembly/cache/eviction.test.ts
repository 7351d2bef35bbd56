// test-timeout: 60
// Eviction: each policy's own order, hit counts against naive models, and Linux's rules (buffered-write sheet §19, rows 36 to
// 38 of its §21 in the claims).
//
// Pages are read or written one at a time and in whole, so that an access is one access and a write needs no read.

import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FLUSH_ASKED, TRACE_READ, TRACE_WRITE } from '../../../assembly/layout.ts';
import { EVICTIONS, type Eviction, type MachineConfig } from '../../../src/core/options.ts';
import type { OpenFile } from '../../../src/files.ts';
import type { Machine } from '../../../src/machine.ts';
import type { MachineRecord } from '../../../src/records.ts';
import { openTrace, TraceBatch } from '../../../src/trace/index.ts';
import {
  BUILDS,
  type Build,
  brokenRule,
  EXACT,
  NO_POOL_IN_USE,
  openMachine,
  poolsInUse,
} from '../../support/machine.ts';
import { NaiveLinux, naiveCache } from './eviction-model.ts';

const PAGE = 4096;
const SAMPLE = fileURLToPath(new URL('../../examples/sample.iolog.gz', import.meta.url));

/** A machine whose cache holds `pages` pages, and single pages of its drive. */
class Bench {
  readonly machine: Machine;
  readonly file: OpenFile;
  readonly #buffer: number;

  constructor(machine: Machine) {
    this.machine = machine;
    this.file = machine.openFile('drive0');
    this.#buffer = machine.buffers.allocate(PAGE);
  }

  static async open(
    build: Build,
    eviction: Eviction,
    pages: number,
    config: MachineConfig = {},
  ): Promise<Bench> {
    const exact = { ...EXACT, eviction, cache: pages * PAGE };
    return new Bench(await openMachine(build, { ...exact, records: 65536, ...config }));
  }

  read(...pages: number[]): void {
    const { exports } = this.machine.core;
    for (const page of pages) {
      const result = exports.filePread(this.file.descriptor, this.#buffer, PAGE, page * PAGE);
      assert.is(result, PAGE, `read of page ${page}`);
    }
  }

  write(...pages: number[]): void {
    const { exports } = this.machine.core;
    for (const page of pages) {
      const result = exports.filePwrite(this.file.descriptor, this.#buffer, PAGE, page * PAGE);
      assert.is(result, PAGE, `write of page ${page}`);
    }
  }

  /** Records since the last call, of one kind. */
  taken(kind: MachineRecord['kind']): MachineRecord[] {
    return this.machine.records.take().filter((record) => record.kind === kind);
  }

  evicted(): number[] {
    return this.taken('evicted').map(({ address }) => address);
  }

  end(): void {
    this.machine.run();
    assert.equal(poolsInUse(this.machine), NO_POOL_IN_USE);
  }
}

const eviction = suite('eviction');

/** Accesses in order, and which pages leave while they happen, by policy; the cache has three pages unless said. */
const ORDERS: readonly [
  policy: Eviction,
  pages: number,
  accesses: readonly number[],
  left: readonly number[],
][] = [
  ['lru', 3, [1, 2, 3, 1, 4, 5], [2, 3]],
  ['fifo', 3, [1, 2, 3, 1, 4, 1, 5], [1, 2, 3]],
  // page 1 has its second chance when 4 comes, and is the third to leave
  ['clock', 3, [1, 2, 3, 1, 4, 5, 6], [2, 3, 1]],
  // all accessed: the hand goes round once and takes the page that it met first
  ['clock', 3, [1, 2, 3, 1, 2, 3, 4], [1]],
  // one access is not enough to move to main, two are
  ['s3-fifo', 4, [1, 2, 3, 4, 1, 1, 2, 5], [2]],
  // 2 comes back while its key is remembered: it is in main, where 1 is the first to leave
  ['s3-fifo', 4, [1, 2, 3, 4, 1, 1, 2, 5, 2, 6, 7, 8, 9], [2, 3, 4, 5, 6, 7]],
  ['linux', 4, [1, 2, 3, 4, 1, 5, 6], [1, 2]],
  ['linux', 4, [1, 2, 3, 4, 1, 1, 5, 6, 7], [2, 3, 4]],
];

for (const build of BUILDS) {
  for (const [policy, pages, accesses, left] of ORDERS) {
    eviction(`${build}: ${policy}: ${accesses.join(' ')} makes ${left.join(' ')} leave`, async () => {
      const bench = await Bench.open(build, policy, pages);
      bench.read(...accesses);
      assert.equal(bench.evicted(), left);
      bench.end();
    });
  }

  eviction(
    `${build}: linux: the first further access marks, the second activates, more change nothing`,
    async () => {
      const bench = await Bench.open(build, 'linux', 4);
      const lists = (): number[] => {
        const { nrActiveFile, nrInactiveFile, activatedPages } = bench.machine.counters.reclaim;
        return [nrActiveFile, nrInactiveFile, activatedPages];
      };
      bench.read(1, 2);
      assert.equal(lists(), [0, 2, 0]);
      bench.read(1);
      assert.equal(lists(), [0, 2, 0]);
      bench.write(1);
      assert.equal(lists(), [1, 1, 1]);
      bench.read(1, 1, 1);
      assert.equal(lists(), [1, 1, 1]);
      const activated = bench.taken('activated');
      assert.equal(
        activated.map(({ device, address, count, detail }) => [device, address, count, detail]),
        [[0, 1, 1, 0]],
      );
      bench.end();
    },
  );

  eviction(
    `${build}: linux: active pages are demoted when they outnumber the inactive, oldest first`,
    async () => {
      const bench = await Bench.open(build, 'linux', 4);
      for (const page of [1, 2, 3, 4]) bench.read(page, page, page);
      assert.is(bench.machine.counters.reclaim.nrActiveFile, 4);
      bench.read(5);
      const { reclaim } = bench.machine.counters;
      assert.equal(
        { ...reclaim, scannedPages: 0 },
        {
          scannedPages: 0,
          takenPages: 1,
          activatedPages: 4,
          deactivatedPages: 2,
          refaults: 0,
          refaultsActivated: 0,
          refaultsRestored: 0,
          droppedPages: 0,
          nrActiveFile: 2,
          nrInactiveFile: 2,
          nrShadows: 1,
        },
      );
      assert.equal(bench.evicted(), [1]);
      bench.end();
    },
  );

  eviction(
    `${build}: 36. all pages dirty: nothing leaves, the flusher is asked; when they are clean they go`,
    async () => {
      const bench = await Bench.open(build, 'linux', 8);
      const { machine } = bench;
      bench.write(0, 1, 2, 3, 4, 5, 6, 7);
      machine.holdCompletions(true);
      machine.records.take();
      const context = machine.createAioContext(4);
      const buffer = machine.buffers.allocate(PAGE);
      context.submit([{ op: 'pread', file: bench.file, buffer, length: PAGE, offset: 20 * PAGE }]);
      machine.run();
      const { cache } = machine.counters;
      assert.equal([cache.evictions, cache.nrFilePages, cache.throttledCount], [0, 8, 1]);
      assert.is(cache.nrWriteback, 8, 'the flusher writes');
      const asked = bench.taken('flusher').filter(({ detail }) => detail === FLUSH_ASKED);
      assert.is(asked.length, 1);
      machine.holdCompletions(false);
      assert.is(context.getEvents({ min: 1 })[0]?.res, PAGE);
      const left = bench.taken('evicted');
      assert.equal(
        left.map(({ detail }) => detail),
        [0],
        'one clean page',
      );
      bench.read(21, 22, 23, 24, 25, 26, 27);
      assert.equal(bench.evicted().length, 7);
      assert.is(machine.counters.cache.nrFilePages, 8);
      context.destroy();
      bench.end();
    },
  );

  eviction(
    `${build}: linux: a page that was set aside dirty is the next to leave when it is clean`,
    async () => {
      const bench = await Bench.open(build, 'linux', 4);
      bench.write(0);
      bench.read(1, 2, 3, 4);
      assert.equal(bench.evicted(), [1], 'the dirty page 0 was passed over');
      assert.is(bench.machine.counters.cache.nrDirty, 0, 'and the flusher has written it');
      bench.read(5);
      assert.equal(bench.evicted(), [0]);
      bench.end();
    },
  );

  eviction(`${build}: linux: accesses activate a page that was set aside, and it stays`, async () => {
    const bench = await Bench.open(build, 'linux', 4);
    const { machine } = bench;
    machine.holdCompletions(true);
    bench.write(0, 1, 2, 3);
    const context = machine.createAioContext(4);
    const buffer = machine.buffers.allocate(PAGE);
    context.submit([{ op: 'pread', file: bench.file, buffer, length: PAGE, offset: 9 * PAGE }]);
    bench.read(0, 0);
    assert.equal([machine.counters.reclaim.nrActiveFile, machine.counters.reclaim.nrInactiveFile], [1, 3]);
    machine.holdCompletions(false);
    assert.is(context.getEvents({ min: 1 })[0]?.res, PAGE);
    assert.not.ok(bench.evicted().includes(0));
    assert.is(machine.counters.reclaim.nrActiveFile, 1);
    context.destroy();
    bench.end();
  });

  // eight pages, four of them active; then page 9 leaves and `between` pages follow it
  for (const [between, isRecent] of [
    [3, true],
    [4, false],
  ] as const) {
    eviction(
      `${build}: 37. a page that comes back after ${between + 1} evictions goes to the ${isRecent ? 'active' : 'inactive'} list`,
      async () => {
        const bench = await Bench.open(build, 'linux', 8);
        for (const page of [1, 2, 3, 4]) bench.read(page, page, page);
        bench.read(9, 10, 11, 12);
        bench.read(20); // 9 leaves
        assert.equal(bench.evicted(), [9]);
        // each pushes one more out; so does the return of 9
        for (let page = 0; page < between - 1; page++) bench.read(21 + page);
        bench.machine.records.take();
        bench.read(9);
        const [refault] = bench.taken('refault');
        assert.equal([refault?.address, refault?.count, refault?.detail], [9, between + 1, isRecent ? 1 : 0]);
        const { reclaim } = bench.machine.counters;
        assert.equal([reclaim.refaults, reclaim.refaultsActivated], [1, isRecent ? 1 : 0]);
        assert.is(reclaim.nrActiveFile, isRecent ? 5 : 4);
        bench.end();
      },
    );
  }

  eviction(`${build}: 38. drop_caches leaves a dirty page with its data and drops a clean one`, async () => {
    for (const policy of EVICTIONS) {
      const bench = await Bench.open(build, policy, 8);
      const { machine, file } = bench;
      file.write(new Uint8Array(PAGE).fill(7), 0);
      bench.read(1, 1, 1, 2);
      assert.is(machine.dropCaches(), 2, policy);
      assert.is(machine.counters.cache.nrFilePages, 1);
      assert.is(machine.counters.reclaim.droppedPages, 2);
      machine.records.take();
      assert.equal(file.read(PAGE, 0), new Uint8Array(PAGE).fill(7));
      assert.is(bench.taken('pageHit').length, 1);
      assert.is(machine.dropCaches(), 0);
      file.sync();
      assert.is(machine.dropCaches(), 1);
      const { cache, reclaim } = machine.counters;
      assert.equal([cache.nrFilePages, reclaim.nrActiveFile, reclaim.nrInactiveFile], [0, 0, 0]);
      assert.is(reclaim.nrShadows, 0, 'what is dropped has not been reclaimed');
      bench.end();
    }
  });

  eviction(`${build}: drop_caches leaves pages that are being read or written`, async () => {
    const bench = await Bench.open(build, 'linux', 8);
    const { machine } = bench;
    bench.write(0);
    machine.holdCompletions(true);
    const context = machine.createAioContext(4);
    const buffer = machine.buffers.allocate(PAGE);
    context.submit([
      { op: 'pread', file: bench.file, buffer, length: PAGE, offset: PAGE },
      { op: 'fsync', file: bench.file },
    ]);
    machine.run();
    assert.is(machine.dropCaches(), 0);
    machine.holdCompletions(false);
    assert.equal(
      context.getEvents({ min: 2 }).map(({ res }) => res),
      [PAGE, 0],
    );
    assert.is(machine.dropCaches(), 2);
    context.destroy();
    bench.end();
  });

  eviction(`${build}: shadows go with what a truncate or a direct write takes away`, async () => {
    const bench = await Bench.open(build, 'linux', 4, {
      files: [{ name: 'file', capacity: 64 * PAGE, size: 64 * PAGE }],
      drives: [{ size: 1048576 }],
    });
    const { machine } = bench;
    const file = machine.openFile('file');
    const shadows = (): number => machine.counters.reclaim.nrShadows;
    const readPages = (first: number, last: number): void => {
      for (let page = first; page <= last; page++) file.read(1, page * PAGE);
    };
    readPages(0, 7);
    assert.is(shadows(), 4, 'pages 0 to 3');
    machine.openFile('file', { direct: true }).write(new Uint8Array(2 * PAGE), 0);
    assert.is(shadows(), 2, 'pages 2 and 3');
    file.truncate(3 * PAGE);
    assert.is(shadows(), 1, 'page 2');
    bench.read(50, 51, 52, 53, 54);
    assert.is(shadows(), 2, 'and the page of the drive that left');
    file.truncate(0);
    assert.is(shadows(), 1);
    file.truncate(64 * PAGE);
    file.read(1, 2 * PAGE);
    assert.is(machine.counters.reclaim.refaults, 0);
    bench.end();
  });

  eviction(`${build}: shadows of a file of the volume go when it is removed`, async () => {
    const machine = await openMachine(build, {
      ...EXACT,
      eviction: 'linux',
      cache: 4 * PAGE,
      volume: true,
      drives: [{ size: 4194304 }],
    });
    machine.fs.writeFile('/one', new Uint8Array(16 * PAGE));
    machine.fs.sync();
    machine.fs.readFile('/one');
    assert.is(machine.counters.reclaim.nrShadows, 4);
    machine.fs.unlink('/one');
    machine.run();
    assert.is(machine.counters.reclaim.nrShadows, 0);
    assert.is(brokenRule(machine), '');
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  eviction(`${build}: a shadow lasts until as many pages have left as the cache holds`, async () => {
    const bench = await Bench.open(build, 'linux', 4);
    bench.read(...Array.from({ length: 100 }, (_, page) => page));
    assert.is(bench.machine.counters.reclaim.nrShadows, 4);
    bench.read(0);
    assert.is(bench.machine.counters.reclaim.refaults, 0);
    bench.end();
  });
}

/** Numbers from 0 to limit - 1; the same ones for the same seed. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** Accesses of `pages` pages: some favourites, some anywhere, now and then a scan. */
function mixedAccesses(seed: number, pages: number, count: number): number[] {
  const next = randomNumbers(seed);
  const accesses: number[] = [];
  while (accesses.length < count) {
    const kind = next(20);
    if (kind === 0) {
      const first = next(pages);
      for (let index = 0; index < next(pages); index++) accesses.push((first + index) % pages);
    } else if (kind < 12) accesses.push(next(Math.max(pages >> 3, 1)));
    else accesses.push(next(pages));
  }
  return accesses;
}

/** Plays accesses on a machine and on the model; `isWrite` says which are writes. Hits must be equal at the end. */
async function compare(
  build: Build,
  policy: Eviction,
  capacity: number,
  accesses: readonly number[],
  isWrite: (index: number) => boolean,
): Promise<void> {
  const bench = await Bench.open(build, policy, capacity, {
    payload: 'none',
    records: 0,
    drives: [{ size: 2 ** 40 }],
  });
  const model = naiveCache(policy, capacity);
  let hits = 0;
  accesses.forEach((page, index) => {
    if (model.access(page)) hits++;
    if (isWrite(index)) bench.write(page);
    else bench.read(page);
  });
  const { cache, reclaim } = bench.machine.counters;
  const what = `${policy}, ${capacity} pages`;
  assert.is(cache.accesses, accesses.length, what);
  assert.is(cache.hits, hits, what);
  if (model instanceof NaiveLinux) {
    const { activatedPages, deactivatedPages, takenPages, refaultsActivated, refaultsRestored } = reclaim;
    const { refaults: _, ...expected } = model.reclaim;
    assert.equal(
      { activatedPages, deactivatedPages, takenPages, refaultsActivated, refaultsRestored },
      expected,
      what,
    );
    assert.is(reclaim.nrActiveFile, model.activeCount, what);
    assert.is(reclaim.nrActiveFile + reclaim.nrInactiveFile, cache.nrFilePages, what);
  }
  bench.end();
}

for (const build of BUILDS) {
  for (const policy of EVICTIONS) {
    eviction(`${build}: ${policy} hits as its naive model does, on random accesses`, async () => {
      for (const [seed, capacity] of [1, 2, 3, 5, 9, 10, 11, 20, 64, 100].entries()) {
        const accesses = mixedAccesses(seed + 1, capacity * 3, 3000);
        // only reads for linux: what is dirty leaves later
        await compare(build, policy, capacity, accesses, (index) => policy !== 'linux' && index % 3 === 0);
      }
    });
  }
}

/** The pages that the sample's reads and writes touch, in order, and which touches are writes. */
async function sampleAccesses(): Promise<{ pages: number[]; writes: boolean[] }> {
  const reader = await openTrace(SAMPLE);
  const batch = new TraceBatch(1024);
  const pages: number[] = [];
  const writes: boolean[] = [];
  while ((await reader.next(batch)) > 0) {
    for (let index = 0; index < batch.count; index++) {
      const { operation, offsetBytes, lengthBytes } = batch.at(index);
      if (operation !== TRACE_READ && operation !== TRACE_WRITE) continue;
      const last = Math.floor((offsetBytes + lengthBytes - 1) / PAGE);
      for (let page = Math.floor(offsetBytes / PAGE); page <= last; page++) {
        pages.push(page);
        writes.push(operation === TRACE_WRITE);
      }
    }
  }
  return { pages, writes };
}

for (const [build, capacities] of [
  ['release', [500, 8192]],
  ['debug', [3000]],
] as const) {
  eviction(`${build}: every policy hits as its naive model does, on a recorded trace`, async () => {
    const { pages, writes } = await sampleAccesses();
    assert.is(pages.length, 48_270);
    for (const policy of EVICTIONS) {
      for (const capacity of capacities)
        await compare(
          build,
          policy,
          capacity,
          pages,
          (index) => policy !== 'linux' && (writes[index] as boolean),
        );
    }
  });
}

eviction.run();
