// Counters by name: every COUNTER_ of the layout is in the object, and a known workload gives known numbers.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as layout from '../../assembly/layout.ts';
import { BUILDS, EXACT, openMachine } from '../support/machine.ts';

const counters = suite('counters');

counters('every counter but the step count is in a group', async () => {
  const machine = await openMachine('release');
  const offsets = Object.entries(layout).flatMap(([name, offset]) =>
    name.startsWith('COUNTER_') ? [offset] : [],
  );
  assert.is(new Set(offsets).size, offsets.length);
  assert.is(offsets.length * 8, layout.COUNTERS_SIZE);
  // each word gets a value of its own; each value turns up once
  const base = machine.core.root(layout.ROOT_COUNTERS);
  for (const offset of offsets) machine.core.memory.setU64(base + offset, 1000 + offset);
  const values = Object.values(machine.counters).flatMap((group) =>
    Object.values(group as Record<string, number>),
  );
  const expected = offsets.filter((offset) => offset !== layout.COUNTER_STEPS).map((offset) => 1000 + offset);
  assert.equal(
    [...values].sort((a, b) => a - b),
    expected.sort((a, b) => a - b),
  );
});

for (const build of BUILDS) {
  counters(`${build}: a small workload gives the numbers that can be counted by hand`, async () => {
    const machine = await openMachine(build, { ...EXACT, drives: [{ size: '1MiB' }], cache: 2 * 4096 });
    const file = machine.openFile('drive0');
    file.write(new Uint8Array(4096), 0); // miss, dirtied
    file.write(new Uint8Array(10), 0); // hit
    file.read(8192, 0); // hit, miss: 1 page read in
    file.read(1, 8192); // miss: page 0 is written back and evicted
    file.sync();
    machine.openFile('drive0', { direct: true }).write(new Uint8Array(1024), 65536);
    file.discard(131072, 1024);
    const { cache, block, drive } = machine.counters;
    assert.equal(cache, {
      accesses: 5,
      hits: 2,
      misses: 3,
      evictions: 1,
      readInPages: 2,
      dirtiedPages: 1,
      writtenBackPages: 1,
      ioends: 1,
      throttledCount: 0,
      discardedPages: 0,
      nrDirty: 0,
      nrWriteback: 0,
      nrFilePages: 2,
      readaheadPages: 0,
    });
    assert.equal(block, {
      reads: 2,
      writes: 2,
      readMerges: 0,
      writeMerges: 0,
      readSectors: 16,
      writeSectors: 10,
      flushes: 1,
      discards: 1,
      readBioSectors: 16,
      writeBioSectors: 10,
    });
    assert.equal(drive, {
      reads: 2,
      writes: 2,
      readBytes: 8192,
      writeBytes: 5120,
      flushes: 1,
      discards: 1,
      discardBytes: 1024,
      writeZeroes: 0,
      destaged: 0,
      errors: 0,
      faults: 0,
    });
  });
}

counters.run();
