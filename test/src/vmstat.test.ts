// The figures under Linux's names: vmstat, meminfo, diskStat and dirtyLimits of a machine, counted by hand.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COUNTER_PGPGIN, COUNTER_PGPGOUT, DISK_STAT_SIZE, ROOT_COUNTERS } from '../../assembly/layout.ts';
import type { StorageError } from '../../src/errors.ts';
import { BUILDS, EXACT, openMachine } from '../support/machine.ts';

const PAGE = 4096;
const MS = 1_000_000;

const vmstat = suite('vmstat');

for (const build of BUILDS) {
  vmstat(`${build}: pages free, cached, dirty, under write-back and written`, async () => {
    const machine = await openMachine(build, { ...EXACT, cache: 8 * PAGE });
    const file = machine.openFile('drive0');
    const pages = (): number[] => {
      const { nr_free_pages, nr_file_pages, nr_dirty, nr_writeback, nr_dirtied, nr_written } =
        machine.vmstat();
      return [nr_free_pages, nr_file_pages, nr_dirty, nr_writeback, nr_dirtied, nr_written];
    };
    assert.equal(pages(), [8, 0, 0, 0, 0, 0]);
    file.read(2 * PAGE, 0);
    file.write(new Uint8Array(3 * PAGE), PAGE);
    assert.equal(pages(), [4, 4, 3, 0, 3, 0]);
    assert.equal(
      { ...machine.meminfo(), 'Active(file)': 0, 'Inactive(file)': 0 },
      {
        MemTotal: 32,
        MemFree: 16,
        Cached: 16,
        'Active(file)': 0,
        'Inactive(file)': 0,
        Dirty: 12,
        Writeback: 0,
      },
    );
    machine.holdCompletions(true);
    try {
      file.sync();
    } catch (error) {
      assert.is((error as StorageError).code, 'EDEADLK');
    }
    assert.equal(pages(), [4, 4, 0, 3, 3, 0]);
    assert.is(machine.meminfo().Writeback, 12);
    assert.is(machine.diskStat().in_flight, 1);
    machine.holdCompletions(false);
    machine.run();
    assert.equal(pages(), [4, 4, 0, 0, 3, 3]);
  });

  vmstat(`${build}: pgpgin and pgpgout are KiB of reads and writes, and nothing else`, async () => {
    const machine = await openMachine(build, EXACT);
    const file = machine.openFile('drive0', { direct: true });
    file.read(3 * 512, 0);
    file.read(512, 8192);
    file.write(new Uint8Array(5 * 512), 0);
    file.discard(65536, 65536);
    file.sync();
    const { pgpgin, pgpgout } = machine.vmstat();
    assert.equal([pgpgin, pgpgout], [2, 2], 'half a KiB is left out');
    const counters = machine.core.root(ROOT_COUNTERS);
    assert.is(machine.core.memory.u64(counters + COUNTER_PGPGIN), 4);
    assert.is(machine.core.memory.u64(counters + COUNTER_PGPGOUT), 5);
  });

  vmstat(`${build}: diskStat has the 17 fields of the kernel, counted by hand`, async () => {
    const latencyNs = { read: 2 * MS, write: 5 * MS, discard: 7 * MS, flush: 11 * MS };
    const machine = await openMachine(build, { ...EXACT, drives: [{ size: '1MiB', latencyNs }, {}] });
    const names = Object.keys(machine.diskStat());
    assert.is(names.length * 8, DISK_STAT_SIZE);
    const direct = machine.openFile('drive0', { direct: true });
    direct.read(8192, 0);
    direct.read(512, 0);
    direct.write(new Uint8Array(4096), 65536);
    direct.discard(131072, 8192);
    direct.sync();
    assert.equal(machine.diskStat(), {
      read_ios: 2,
      read_merges: 0,
      read_sectors: 17,
      read_ticks: 4,
      write_ios: 1,
      write_merges: 0,
      write_sectors: 8,
      write_ticks: 5,
      in_flight: 0,
      io_ticks: 27,
      time_in_queue: 27,
      discard_ios: 1,
      discard_merges: 0,
      discard_sectors: 16,
      discard_ticks: 7,
      flush_ios: 1,
      flush_ticks: 11,
    });
    const other = machine.diskStat(1);
    assert.ok(Object.values(other).every((value) => value === 0));
  });

  vmstat(
    `${build}: requests that wait for each other add up their times, the drive's own counts once`,
    async () => {
      const machine = await openMachine(build, {
        ...EXACT,
        drives: [{ size: '1MiB', latencyNs: 10 * MS, queueDepth: 1 }],
      });
      const file = machine.openFile('drive0');
      machine.advance(3 * MS);
      for (const page of [0, 10, 11, 20]) file.write(new Uint8Array(PAGE), page * PAGE);
      file.sync();
      const { write_ios, write_merges, write_sectors, write_ticks, io_ticks, time_in_queue, flush_ticks } =
        machine.diskStat();
      assert.equal([write_ios, write_merges, write_sectors], [3, 0, 32]);
      assert.is(write_ticks, 10 + 20 + 30);
      assert.is(flush_ticks, 10);
      assert.is(time_in_queue, 70);
      assert.is(io_ticks, 40);
      assert.is(machine.diskStat().in_flight, 0);
    },
  );

  vmstat(`${build}: a bio that joins a waiting request is a merge`, async () => {
    const machine = await openMachine(build, {
      ...EXACT,
      drives: [{ size: '1MiB', latencyNs: MS }],
    });
    const context = machine.createAioContext(8);
    const file = machine.openFile('drive0', { direct: true });
    const buffers = [0, 1, 2].map(() => machine.allocateBuffer(PAGE));
    context.submit(
      buffers.map((buffer, index) => ({ op: 'pwrite' as const, file, buffer, offset: index * PAGE })),
    );
    machine.run();
    const { write_ios, write_merges, write_sectors, write_ticks } = machine.diskStat();
    assert.equal([write_ios, write_merges, write_sectors, write_ticks], [1, 2, 24, 1]);
    context.getEvents();
    context.destroy();
  });

  vmstat(`${build}: a drive that is not there is ENODEV`, async () => {
    const machine = await openMachine(build);
    for (const drive of [1, 4096, -1]) {
      let code = '';
      try {
        machine.diskStat(drive);
      } catch (error) {
        code = (error as StorageError).code;
      }
      assert.is(code, 'ENODEV');
    }
  });

  vmstat(`${build}: the limits in vmstat are those of dirtyLimits`, async () => {
    const machine = await openMachine(build, { vm: { dirtyBytes: '1MiB', dirtyBackgroundBytes: '256KiB' } });
    const { nr_dirty_threshold, nr_dirty_background_threshold } = machine.vmstat();
    const { threshold, background, freerun, setpoint, positionRatio } = machine.dirtyLimits();
    assert.equal([nr_dirty_threshold, nr_dirty_background_threshold], [256, 64]);
    assert.equal([threshold, background, freerun, setpoint, positionRatio], [256, 64, 160, 208, 2]);
  });
}

vmstat.run();
