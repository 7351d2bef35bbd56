// RWF_NOWAIT: a request that would have to wait before its I/O starts ends with EAGAIN, or short, and never parks.
//
// Each case makes one reason to wait, sees EAGAIN, takes the reason away and sees the whole length.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { OpenOptions } from '../../../src/files.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, EXACT, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { EAGAIN, EINVAL, ENOSPC, PREAD, PWRITE, Ring } from '../rings/ring.ts';

const DSYNC = 2;
const NOWAIT = 8;
const PAGE = 4096;
const SIZE = 1048576;

class Bench {
  readonly machine: Machine;
  readonly ring: Ring;
  readonly handle: number;
  readonly buffer: number;
  readonly #fds = new Map<string, number>();

  constructor(machine: Machine) {
    this.machine = machine;
    this.ring = new Ring(machine);
    this.handle = this.ring.open(16);
    this.buffer = this.ring.allocate(65536, PAGE);
    this.ring.bytes.fill(0x77, this.buffer, this.buffer + 65536);
  }

  fd(name: string, options: OpenOptions): number {
    const key = `${name} ${JSON.stringify(options)}`;
    const fd = this.#fds.get(key) ?? this.machine.openFile(name, options).descriptor;
    this.#fds.set(key, fd);
    return fd;
  }

  /** Submits one request and leaves it. */
  start(
    opcode: number,
    offset: number,
    nbytes: number,
    rwFlags = 0,
    options: OpenOptions = {},
    name = 'drive0',
  ): void {
    const fd = this.fd(name, options);
    const accepted = this.ring.submitOne(this.handle, {
      opcode,
      fd,
      buf: this.buffer,
      nbytes,
      offset,
      rwFlags,
    });
    assert.is(accepted, 1);
  }

  /** The result of a request with RWF_NOWAIT, which must have ended by itself: nothing is run but what is due. */
  now(opcode: number, offset: number, nbytes: number, options: OpenOptions = {}, name = 'drive0'): number {
    const mark = this.ring.mark();
    this.start(opcode, offset, nbytes, NOWAIT, options, name);
    const { events } = this.ring.getEvents(this.handle, 0, 100);
    this.ring.release(mark);
    return events.at(-1)?.res ?? Number.NaN;
  }

  read(offset: number, nbytes: number, options?: OpenOptions, name?: string): number {
    return this.now(PREAD, offset, nbytes, options, name);
  }

  write(offset: number, nbytes: number, options?: OpenOptions, name?: string): number {
    return this.now(PWRITE, offset, nbytes, options, name);
  }

  /** Brings pages in, or dirties them, and waits. */
  wait(opcode: number, offset: number, nbytes: number, name = 'drive0'): void {
    this.start(opcode, offset, nbytes, 0, {}, name);
    this.machine.run();
    this.ring.getEvents(this.handle, 0, 100);
  }

  sync(name = 'drive0'): void {
    this.machine.openFile(name).sync();
  }

  /** Lets everything end; nothing may be left. */
  end(): void {
    this.machine.holdCompletions(false);
    this.machine.run();
    this.ring.getEvents(this.handle, 0, 200);
    assert.equal(poolsInUse(this.machine), NO_POOL_IN_USE);
  }
}

async function open(build: Build, config: MachineConfig = {}): Promise<Bench> {
  return new Bench(await openMachine(build, { ...EXACT, drives: [{ size: SIZE }], ...config }));
}

for (const build of BUILDS) {
  const nowait = suite(`nowait (${build})`);

  nowait('a read takes what is cached and stops at the first page that is not', async () => {
    const bench = await open(build);
    assert.is(bench.read(0, 100), EAGAIN);
    bench.wait(PREAD, 0, 2 * PAGE);
    assert.is(bench.read(0, 2 * PAGE), 2 * PAGE);
    assert.is(bench.read(100, 4 * PAGE), 2 * PAGE - 100);
    assert.is(bench.read(PAGE, PAGE + 1), PAGE);
    assert.is(bench.read(2 * PAGE, 1), EAGAIN);
    assert.is(bench.read(5, 0), 0);
    bench.end();
  });

  nowait('EAGAIN leaves no trace: no page, no access, no request', async () => {
    const bench = await open(build);
    const before = bench.machine.counters;
    assert.is(bench.read(0, PAGE), EAGAIN);
    assert.is(bench.write(10, 20), EAGAIN);
    const { cache, drive, block } = bench.machine.counters;
    assert.equal({ cache, drive, block }, { cache: before.cache, drive: before.drive, block: before.block });
    bench.end();
  });

  nowait('a read at the end is 0, whatever is cached, and one across it is short', async () => {
    const bench = await open(build, { files: [{ name: 'file', capacity: 16384, size: 5000 }] });
    for (const offset of [5000, 5001, 100000]) assert.is(bench.read(offset, 10, {}, 'file'), 0);
    assert.is(bench.read(SIZE, 10), 0);
    bench.wait(PREAD, 0, 16384, 'file');
    assert.is(bench.read(4000, 9999, {}, 'file'), 1000);
    bench.end();
  });

  nowait('a read does not wait for a read-in that is on its way', async () => {
    const bench = await open(build);
    bench.machine.holdCompletions(true);
    bench.start(PREAD, 0, PAGE);
    assert.is(bench.read(0, 1), EAGAIN);
    assert.is(bench.write(0, PAGE), EAGAIN, 'nor does a write');
    assert.is(bench.write(PAGE, PAGE), PAGE);
    bench.machine.holdCompletions(false);
    bench.machine.run();
    assert.is(bench.read(0, PAGE), PAGE);
    bench.end();
  });

  nowait('of a page some of whose blocks are there those are read', async () => {
    const bench = await open(build, { blockSize: 512 });
    assert.is(bench.write(1024, 512), 512);
    assert.is(bench.read(1024, 512), 512);
    assert.is(bench.read(1030, 100), 100);
    assert.is(bench.read(1023, 10), EAGAIN);
    assert.is(bench.read(1500, 100), EAGAIN);
    bench.end();
  });

  nowait('a write of whole blocks needs no bytes; one of a part of a block does', async () => {
    const bench = await open(build, { blockSize: 1024 });
    assert.is(bench.write(0, 1024), 1024);
    for (const [offset, bytes] of [
      [PAGE + 10, 20],
      [PAGE + 10, 1014],
      [PAGE, 1023],
      [PAGE + 1024, 1025],
    ] as const)
      assert.is(bench.write(offset, bytes), EAGAIN, `${bytes} at ${offset}`);
    assert.is(bench.write(3, 1000), 1000, 'the block is there');
    assert.is(bench.write(3, 1024), EAGAIN, 'the one behind it is not');
    assert.is(bench.write(2 * PAGE, PAGE + 1), PAGE, 'a page that needs none, then one that does');
    bench.wait(PREAD, PAGE, PAGE);
    assert.is(bench.write(PAGE + 10, 20), 20);
    bench.end();
  });

  nowait('a part of a block behind the end of a file is zeros, and needs none', async () => {
    const bench = await open(build, { files: [{ name: 'file', capacity: 16384, size: 4096 }] });
    assert.is(bench.write(4096, 10, {}, 'file'), 10);
    assert.is(bench.write(4106, 5000, {}, 'file'), 5000);
    assert.is(bench.machine.openFile('file').size, 9106);
    assert.is(bench.write(4000, 10, {}, 'file'), EAGAIN, 'below the old end they are on the drive');
    bench.end();
  });

  nowait(
    'a gap behind the end wants zeros: EAGAIN; without room it is ENOSPC, across the end short',
    async () => {
      const bench = await open(build, { files: [{ name: 'file', capacity: 8192, size: 0 }] });
      assert.is(bench.write(1, 10, {}, 'file'), EAGAIN);
      assert.is(bench.write(8192, 10, {}, 'file'), ENOSPC);
      assert.is(bench.write(0, 10000, {}, 'file'), 8192);
      assert.is(bench.write(8191, 10, {}, 'file'), 1);
      assert.is(bench.write(SIZE, 1), ENOSPC);
      bench.end();
    },
  );

  nowait('a write needs a frame that is free or clean', async () => {
    const bench = await open(build, { cache: 4 * PAGE });
    for (let page = 0; page < 4; page++) assert.is(bench.write(page * PAGE, PAGE), PAGE);
    assert.is(bench.write(8 * PAGE, PAGE), EAGAIN);
    assert.is(bench.write(3 * PAGE, 2 * PAGE), PAGE, 'one that is cached, then one that finds no frame');
    assert.is(bench.machine.counters.cache.writtenBackPages, 0, 'nothing was written to make room');
    bench.sync();
    assert.is(bench.write(8 * PAGE, 3 * PAGE), 3 * PAGE);
    bench.end();
  });

  nowait('a page under write-back takes a write, but a victim on its way out does not', async () => {
    const bench = await open(build, { cache: PAGE });
    assert.is(bench.write(0, PAGE), PAGE);
    bench.machine.holdCompletions(true);
    bench.ring.submitOne(bench.handle, { opcode: 2, fd: bench.fd('drive0', {}) });
    bench.machine.run();
    assert.is(bench.machine.counters.cache.nrWriteback, 1);
    assert.is(bench.write(0, PAGE), PAGE);
    bench.machine.holdCompletions(false);
    bench.machine.run();
    bench.machine.holdCompletions(true);
    bench.start(PWRITE, PAGE, PAGE);
    bench.machine.run();
    assert.is(bench.read(PAGE, PAGE), PAGE);
    assert.is(bench.read(0, PAGE), EAGAIN);
    assert.is(bench.write(0, PAGE), EAGAIN);
    bench.end();
  });

  nowait('direct: dirty pages and write-back in the range, and nowhere else', async () => {
    const direct = { direct: true };
    const bench = await open(build);
    bench.wait(PWRITE, 2 * PAGE, PAGE);
    for (const [offset, bytes] of [
      [2 * PAGE, 512],
      [PAGE, 2 * PAGE],
      [3 * PAGE - 512, 512],
    ] as const) {
      assert.is(bench.read(offset, bytes, direct), EAGAIN);
      assert.is(bench.write(offset, bytes, direct), EAGAIN);
    }
    assert.is(bench.read(PAGE, PAGE, direct), PAGE);
    assert.is(bench.write(3 * PAGE, PAGE, direct), PAGE);
    assert.is(bench.machine.counters.cache.nrDirty, 1, 'nothing was written back for them');
    bench.machine.holdCompletions(true);
    bench.ring.submitOne(bench.handle, { opcode: 2, fd: bench.fd('drive0', {}) });
    bench.machine.run();
    assert.is(bench.machine.counters.cache.nrWriteback, 1);
    assert.is(bench.read(2 * PAGE, 512, direct), EAGAIN);
    assert.is(bench.write(2 * PAGE, 512, direct), EAGAIN);
    bench.machine.holdCompletions(false);
    bench.machine.run();
    assert.is(bench.read(2 * PAGE, PAGE, direct), PAGE);
    assert.is(bench.write(2 * PAGE, PAGE, direct), PAGE, 'clean pages are dropped');
    assert.is(bench.machine.counters.cache.nrFilePages, 0);
    bench.end();
  });

  nowait('direct: what is being read in stops a write and no read', async () => {
    const direct = { direct: true };
    const bench = await open(build);
    bench.machine.holdCompletions(true);
    bench.start(PREAD, 0, PAGE);
    assert.is(bench.write(0, 512, direct), EAGAIN);
    bench.start(PREAD, 0, 512, NOWAIT, direct);
    bench.machine.run();
    assert.is(bench.ring.getEvents(bench.handle, 0, 9).result, 0, 'it is with the drive');
    bench.machine.holdCompletions(false);
    assert.equal(bench.ring.results(bench.handle), [PAGE, 512]);
    assert.is(bench.write(0, 512, direct), 512);
    bench.end();
  });

  nowait('direct: without a free bio EAGAIN; with some, as much as they carry', async () => {
    const direct = { direct: true };
    const bench = await open(build, { limits: { bios: 4, maxSectors: 8 } });
    bench.machine.holdCompletions(true);
    bench.start(PREAD, 0, 3 * PAGE, 0, direct);
    bench.machine.run();
    bench.start(PREAD, 8 * PAGE, 3 * PAGE, NOWAIT, direct);
    assert.is(bench.read(16 * PAGE, 512, direct), EAGAIN);
    assert.is(bench.write(16 * PAGE, 512, direct), EAGAIN);
    bench.machine.holdCompletions(false);
    assert.equal(bench.ring.results(bench.handle), [3 * PAGE, PAGE]);
    assert.is(bench.read(16 * PAGE, 512, direct), 512);
    bench.end();
  });

  nowait('direct: what is not aligned is EINVAL, and zeros behind the end are still EAGAIN', async () => {
    const direct = { direct: true };
    const bench = await open(build, { files: [{ name: 'file', capacity: 16384, size: 0 }] });
    assert.is(bench.read(1, 512, direct), EINVAL);
    assert.is(bench.write(0, 100, direct), EINVAL);
    assert.is(bench.write(4096, 512, direct, 'file'), EAGAIN);
    assert.is(bench.write(0, 512, direct, 'file'), 512);
    bench.end();
  });

  nowait('a file that another request has to itself', async () => {
    const direct = { direct: true };
    const bench = await open(build, { files: [{ name: 'file', capacity: 65536, size: 8192 }] });
    bench.wait(PREAD, 0, PAGE, 'file');
    bench.machine.holdCompletions(true);
    bench.start(PWRITE, 8192, PAGE, 0, direct, 'file');
    bench.machine.run();
    assert.is(bench.write(0, PAGE, {}, 'file'), EAGAIN);
    assert.is(bench.read(PAGE, 512, direct, 'file'), EAGAIN);
    assert.is(bench.read(0, PAGE, {}, 'file'), PAGE, 'a buffered read asks nobody');
    bench.machine.holdCompletions(false);
    bench.machine.run();
    assert.is(bench.write(0, PAGE, {}, 'file'), PAGE);
    assert.is(bench.read(PAGE, 512, direct, 'file'), 512);
    bench.end();
  });

  nowait('with DSYNC the copy does not wait, and the sync behind it does', async () => {
    const bench = await open(build, { drives: [{ size: SIZE, latencyNs: 1000 }] });
    bench.start(PWRITE, 0, PAGE, NOWAIT | DSYNC);
    assert.is(bench.ring.getEvents(bench.handle, 0, 9).result, 0);
    assert.equal(bench.ring.results(bench.handle), [PAGE]);
    assert.equal([bench.machine.nowNs, bench.machine.volatileWrites()], [2000, 0]);
    bench.start(PWRITE, PAGE + 1, 1, NOWAIT | DSYNC);
    assert.equal(bench.ring.getEvents(bench.handle, 1, 1, 0).events[0]?.res, EAGAIN);
    bench.end();
  });

  nowait('bytes that were written and read without waiting are the right ones', async () => {
    const bench = await open(build, { blockSize: 512, cache: 16 * PAGE });
    const at = (index: number) => (index * 31 + (index >> 8)) & 0xff;
    for (let index = 0; index < 8192; index++) bench.ring.bytes[bench.buffer + index] = at(index);
    assert.is(bench.write(1024, 8192), 8192);
    bench.ring.bytes.fill(0, bench.buffer, bench.buffer + 65536);
    assert.is(bench.read(1500, 7000), 7000);
    const got = bench.ring.bytes.slice(bench.buffer, bench.buffer + 7000);
    assert.equal(
      got,
      new Uint8Array(7000).map((_, index) => at(index + 476)),
    );
    assert.equal(
      bench.machine.openFile('drive0').read(8192, 1024),
      new Uint8Array(8192).map((_, index) => at(index)),
    );
    bench.end();
  });

  nowait('without data the decisions are the same', async () => {
    const results: number[][] = [];
    for (const payload of ['full', 'none'] as const) {
      const bench = await open(build, { payload, cache: 4 * PAGE, blockSize: 512 });
      const found: number[] = [];
      for (let index = 0; index < 200; index++) {
        const offset = ((index * 7919) % 32) * 512 + (index % 3 === 0 ? 100 : 0);
        const bytes = 512 * (1 + (index % 11));
        found.push(index % 2 === 0 ? bench.read(offset, bytes) : bench.write(offset, bytes));
        if (index % 17 === 0) bench.sync();
        if (index % 13 === 0) bench.wait(PREAD, (index % 8) * PAGE, PAGE);
      }
      results.push(found);
      bench.end();
    }
    assert.equal(results[0], results[1]);
    assert.ok((results[0] ?? []).filter((res) => res === EAGAIN).length > 20);
    assert.ok((results[0] ?? []).filter((res) => res > 0).length > 20);
  });

  nowait.run();
}
