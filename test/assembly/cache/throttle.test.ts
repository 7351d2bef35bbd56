// Dirty limits and the pauses of writers (sheet §9, §10; its §21 by number), against a model of balance_dirty_pages.
//
// A held drive writes nothing, so that dirty pages only grow and every pause can be told in advance; a slow one lets
// writers come to the limit and wait there.
// test-timeout: 60

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RWF_NOWAIT } from '../../../assembly/layout.ts';
import { pwrite } from '../../../src/aio-request.ts';
import type { MachineConfig, VmConfig } from '../../../src/core/options.ts';
import type { StorageError } from '../../../src/errors.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { dirtyLimitsModel, ThrottleModel } from './throttle-model.ts';

const PAGE = 4096;
const PIECE = 16384 * PAGE;
const SEED = 20260711;
const MILLION = { cache: PAGE * 1_000_000, drives: [{ size: '8GiB' }] } as const;

const throttle = suite('throttle');

/** A machine without bytes, and writes of whole pages one behind the other on its drive. */
class Writer {
  readonly machine: Machine;
  readonly #fd: number;
  readonly #buffer: number;
  #page = 0;

  private constructor(machine: Machine) {
    this.machine = machine;
    this.#fd = machine.openFile('drive0').descriptor;
    this.#buffer = machine.buffers.allocate(PIECE);
  }

  static async open(build: Build, config: MachineConfig): Promise<Writer> {
    const machine = await openMachine(build, {
      payload: 'none',
      buffers: PIECE + 65536,
      records: 65536,
      ...config,
    });
    return new Writer(machine);
  }

  /** The result of the write that takes the last page: bytes, or an errno. */
  write(pageCount: number): number {
    let result = 0;
    for (let left = pageCount; left > 0; ) {
      const bytes = Math.min(left * PAGE, PIECE);
      result = this.machine.core.call((exports) =>
        exports.filePwrite(this.#fd, this.#buffer, bytes, this.#page * PAGE),
      );
      if (result < 0) return result;
      this.#page += bytes / PAGE;
      left -= bytes / PAGE;
    }
    return result;
  }

  pauses(): { timeNs: number; pauseNs: number; dirty: number }[] {
    return this.machine.records
      .take()
      .filter(({ kind }) => kind === 'paused')
      .map(({ timeNs, address, count }) => ({ timeNs, pauseNs: address, dirty: count }));
  }
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as StorageError).code;
  }
  return '0';
}

/** Lets a held drive go on, and sees that nothing is left. */
function finish(machine: Machine): void {
  machine.holdCompletions(false);
  machine.openFile('drive0').sync();
  machine.run();
  assert.is(machine.vmstat().nr_dirty + machine.vmstat().nr_writeback, 0);
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

for (const build of BUILDS) {
  throttle(`${build}: options out of their range are refused by name`, async () => {
    const cases: [VmConfig, string][] = [
      [{ dirtyRatio: 101 }, 'vm.dirtyRatio'],
      [{ dirtyBackgroundRatio: 101 }, 'vm.dirtyBackgroundRatio'],
      [{ dirtyBytes: 4096 }, 'vm.dirtyBytes'],
      [{ writeBandwidth: 0 }, 'vm.writeBandwidth'],
    ];
    for (const [vm, field] of cases) {
      let named = '';
      await openMachine(build, { vm }).catch((error) => {
        named = error.field;
      });
      assert.is(named, field);
    }
  });

  throttle(`${build}: 28. no pause up to freerun, pauses above it`, async () => {
    const writer = await Writer.open(build, MILLION);
    writer.machine.holdCompletions(true);
    writer.write(149902);
    assert.is(writer.machine.vmstat().nr_dirty + writer.machine.vmstat().nr_writeback, 149902);
    assert.equal(writer.pauses(), []);
    assert.is(writer.machine.nowNs, 0);
    writer.write(4096);
    const pauses = writer.pauses();
    assert.ok(pauses.length > 0 && pauses.every(({ dirty }) => dirty > 149902));
    assert.is(writer.machine.counters.dirty.pauses, pauses.length);
    const together = pauses.reduce((sum, { pauseNs }) => sum + pauseNs, 0);
    assert.is(writer.machine.counters.dirty.pausedNs, together);
    assert.is(writer.machine.nowNs, together);
    finish(writer.machine);
  });

  throttle(`${build}: 28. at the limit the ratio is 0 and pauses of 200 ms follow each other`, async () => {
    const drives = [{ size: '8GiB', latencyNs: 100e9 }];
    const writer = await Writer.open(build, { ...MILLION, drives });
    assert.ok(writer.write(201_000) > 0, 'the drive lets it go on in the end');
    const pauses = writer.pauses().filter(({ dirty }) => dirty >= 199951);
    assert.ok(pauses.length > 300, `${pauses.length} pauses at the limit`);
    for (const { pauseNs } of pauses) assert.is(pauseNs, 200_000_000);
    const over = Math.max(...pauses.map(({ dirty }) => dirty)) - 199951;
    assert.ok(over < 32, 'nobody goes beyond it by more than a look at the limits allows');
  });

  throttle(`${build}: pauses are the model's, whatever the cache, the bandwidth and the writes`, async () => {
    const step = fc.record({
      pages: fc.integer({ min: 1, max: 700 }),
      idleNs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3e7 }), fc.constant(2e9)),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 100, max: 40_000 }),
        fc.integer({ min: 1024, max: 400_000 }),
        fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }),
        async (cachePages, bandwidth, steps) => {
          const vm = { writeBandwidth: bandwidth * PAGE };
          const writer = await Writer.open(build, {
            cache: cachePages * PAGE,
            drives: [{ size: '8GiB' }],
            vm,
          });
          writer.machine.holdCompletions(true);
          const limits = dirtyLimitsModel(cachePages, {
            ratio: 20,
            backgroundRatio: 10,
            bytes: 0,
            backgroundBytes: 0,
          });
          const model = new ThrottleModel(limits, bandwidth);
          // near the limit the rate is 0, which is another test's
          const most = limits.setpoint + Math.floor((limits.threshold - limits.setpoint) * 0.9);
          for (const { pages, idleNs } of steps) {
            const count = Math.min(pages, most - model.dirty);
            if (count <= 0) break;
            model.write(count);
            assert.is(writer.write(count) > 0, true);
            assert.is(writer.machine.nowNs, model.timeNs);
            writer.machine.advance(idleNs);
            model.timeNs += idleNs;
          }
          assert.equal(writer.pauses(), model.pauses);
          finish(writer.machine);
        },
      ),
      { seed: SEED, numRuns: build === 'release' ? 40 : 8 },
    );
  });

  throttle(`${build}: 16. rewriting a dirty page 10,000 times counts once and never pauses`, async () => {
    const machine = await openMachine(build, { cache: '64KiB' });
    const file = machine.openFile('drive0');
    const page = new Uint8Array(PAGE);
    for (let time = 0; time < 10_000; time++) file.write(page, 0);
    const { nr_dirty, nr_dirtied } = machine.vmstat();
    assert.equal([nr_dirty, nr_dirtied], [1, 1]);
    assert.is(machine.counters.dirty.pauses, 0);
    file.sync();
    assert.is(machine.vmstat().nr_written, 1);
    assert.is(machine.counters.drive.writes, 1);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  throttle(
    `${build}: 29. NOWAIT over the limit is EAGAIN and copies nothing; below it, it writes`,
    async () => {
      const machine = await openMachine(build, { cache: '1MiB', vm: { dirtyBytes: 32 * PAGE } });
      machine.holdCompletions(true);
      const file = machine.openFile('drive0');
      const context = machine.createAioContext<string>(8);
      const buffer = machine.allocateBuffer(PAGE);
      const write = (page: number, value: number): number => {
        buffer.bytes.fill(value);
        context.submit([pwrite(file, buffer, page * PAGE, { rwFlags: RWF_NOWAIT })]);
        machine.core.call((exports) => exports.machineRunDue());
        const [event] = context.getEvents({ min: 0, max: 1 });
        return event?.res ?? Number.NaN;
      };
      assert.is(write(0, 1), PAGE, 'below the limit');
      let page = 1;
      let result = PAGE;
      while (result === PAGE && page < 64) result = write(page++, 2);
      assert.is(result, -11);
      const { nr_dirty, nr_writeback, nr_file_pages } = machine.vmstat();
      assert.ok(nr_dirty + nr_writeback > machine.dirtyLimits().freerun);
      assert.is(nr_file_pages, page - 1, 'the page that was refused is not there');
      assert.is(machine.counters.dirty.pauses, 0, 'who may not wait does not pause');
      machine.holdCompletions(false);
      machine.run();
      assert.is(write(page - 1, 3), PAGE, 'below it again');
      file.sync();
      context.destroy();
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  throttle(
    `${build}: at the limit of a held drive a write ends with EDEADLK, and goes on when it can`,
    async () => {
      const machine = await openMachine(build, { cache: '1MiB', vm: { dirtyBytes: 32 * PAGE } });
      machine.holdCompletions(true);
      const file = machine.openFile('drive0');
      assert.is(
        codeOf(() => file.write(new Uint8Array(64 * PAGE).fill(5), 0)),
        'EDEADLK',
      );
      assert.is(machine.vmstat().nr_dirty + machine.vmstat().nr_writeback, 32);
      const pausedNs = machine.counters.dirty.pausedNs;
      assert.is(machine.run(), 0, 'nothing can happen');
      assert.is(machine.counters.dirty.pausedNs, pausedNs, 'and no time passes');
      machine.holdCompletions(false);
      machine.run();
      assert.is(machine.vmstat().nr_dirtied, 64, 'the write has gone on');
      assert.equal(file.read(64 * PAGE, 0), new Uint8Array(64 * PAGE).fill(5));
      file.sync();
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  throttle(`${build}: writers that wait together at the limit all go on`, async () => {
    const machine = await openMachine(build, { cache: '1MiB', vm: { dirtyBytes: 16 * PAGE } });
    machine.holdCompletions(true);
    const context = machine.createAioContext<number>(8);
    const buffer = machine.allocateBuffer(16 * PAGE);
    const files = [0, 1, 2, 3].map(() => machine.openFile('drive0'));
    context.submit(files.map((file, index) => pwrite(file, buffer, index * 16 * PAGE, { data: index })));
    machine.run();
    assert.ok(context.getEvents({ min: 0, max: 8 }).length < 4);
    while (machine.heldCompletions() > 0) {
      machine.releaseCompletion();
      machine.run();
    }
    machine.holdCompletions(false);
    machine.run();
    assert.is(machine.vmstat().nr_dirtied, 64);
    files[0]?.sync();
    context.getEvents({ min: 0, max: 8 });
    context.destroy();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  throttle(`${build}: without bytes the pauses and times are the same`, async () => {
    const run = async (payload: 'full' | 'none') => {
      const machine = await openMachine(build, {
        payload,
        powerCuts: false,
        cache: '4MiB',
        drives: [{ size: '64MiB', latencyNs: 1_000_000 }],
        records: true,
      });
      const file = machine.openFile('drive0');
      for (let piece = 0; piece < 40; piece++) file.write(new Uint8Array(300_000), piece * 300_001);
      file.sync();
      assert.ok(machine.counters.dirty.pauses > 0 && machine.counters.dirty.flusherPages > 0);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      return [machine.counters, machine.nowNs, machine.recordHash, machine.diskStat()];
    };
    assert.equal(await run('none'), await run('full'));
  });
}

throttle.run();
