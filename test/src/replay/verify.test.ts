// Every read of a replay is checked against an oracle. Here: that no delivered trace fails the check at any setting,
// in memory or on real image files, and that the check can fail.
//
// test-timeout: 300
//
// A check that cannot fail proves nothing, so bytes are spoilt behind the machine's back, in memory and on disk,
// and the mismatches must be counted, placed, and seen after reopening.

import { existsSync, linkSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import { CACHE_MODE_NAMES, type CacheMode } from '../../../src/core/options.ts';
import type { ReplayOptions } from '../../../src/replay/options.ts';
import type { ReplayReport } from '../../../src/replay/report.ts';
import { type Delivered, delivered, iolog, NAME, play, playFile, refusalOf, withFolder } from './support.ts';

const verify = suite('replay/verify');

const traces = delivered('reads of the delivered traces checked');
const UNALIGNED = 'fio-iolog/overlap-unaligned.v2.iolog';
const MULTIFILE = 'fio-iolog/multifile-fdatasync.v3.iolog';
const SMALL = ['msr-csv/hm_0-sample.csv', 'fio-iolog/zipf4k-fsync16.v2.iolog'];

function named(name: string): Delivered[] {
  return traces.filter((trace) => trace.name === name);
}

/** Every read was whole-sector, so the sectors that the check looked at are known. */
function assertVerified(report: ReplayReport, { expected, isWholeSectors }: Delivered): void {
  assert.is(report.verify.mismatches, 0, JSON.stringify(report.verify));
  assert.is(report.verify.firstMismatch, null);
  if (isWholeSectors) assert.is(report.verify.sectorsChecked, expected.read_bytes / 512);
  assert.is(report.latencyNs.read.count, expected.reads);
  assert.is(report.latencyNs.write.count, expected.writes);
  assert.is(report.drive.errors, 0);
}

/** Buffered or direct, merged or not; two of the four for the large one. */
function settingsOf(trace: Delivered): ReplayOptions[] {
  const modes: CacheMode[] = trace.isWholeSectors ? ['writeback', 'none'] : ['writeback'];
  const all = modes.flatMap((cacheMode) => [true, false].map((merge) => ({ cacheMode, merge })));
  return trace.isLarge ? all.filter(({ cacheMode, merge }) => (cacheMode === 'writeback') === merge) : all;
}

for (const trace of traces) {
  for (const options of settingsOf(trace)) {
    const { cacheMode, merge } = options;
    verify(`${trace.name}: no read comes back wrong, ${cacheMode}, merge ${merge}`, async () => {
      assertVerified(await playFile(trace.path, { ...options, cache: '2MiB' }), trace);
    });
  }
}

for (const trace of traces.filter(({ name }) => SMALL.includes(name))) {
  for (const cacheMode of CACHE_MODE_NAMES) {
    for (const through of ['virtio', 'aio', 'usrbio'] as const) {
      verify(`${trace.name}: no read comes back wrong, ${cacheMode} through ${through}`, async () => {
        const report = await playFile(trace.path, { cacheMode, through, cache: '1MiB', reopen: true });
        assertVerified(report, trace);
        assert.is(report.verify.reopenedMismatches, 0);
        assert.ok((report.verify.reopenedSectors ?? 0) > 0);
      });
    }
  }
}

for (const trace of traces.filter(({ isLarge, isWholeSectors }) => !isLarge && isWholeSectors)) {
  const other = trace.name.startsWith('fio-iolog/') ? 'virtio' : 'aio';
  verify(`${trace.name}: no read comes back wrong through ${other}`, async () => {
    assertVerified(await playFile(trace.path, { through: other, cache: '2MiB', batch: 16 }), trace);
  });
}

for (const trace of named(UNALIGNED)) {
  verify('a byte-granular trace is left right after reopening', async () => {
    const report = await playFile(trace.path, { cache: '64KiB', reopen: true });
    assert.is(report.verify.reopenedMismatches, 0);
    assert.ok((report.verify.reopenedSectors ?? 0) >= trace.expected.requests);
  });
}

for (const trace of traces.filter(({ isLarge }) => !isLarge)) {
  verify(`${trace.name}: a real image holds what the trace left, reopened`, async () => {
    await withFolder(async (folder) => {
      const image = join(folder, 'disk.img');
      const report = await playFile(trace.path, { image, reopen: true, cache: '4MiB' });
      assertVerified(report, trace);
      assert.is(report.verify.reopenedMismatches, 0);
      if (trace.expected.writes > 0) assert.ok((report.verify.reopenedSectors ?? 0) > 0);
      assert.ok(existsSync(image));
    });
  });
}

for (const trace of named(MULTIFILE)) {
  verify('the files of a trace go to PATH, PATH.1 and PATH.2', async () => {
    await withFolder(async (folder) => {
      const image = join(folder, 'disk.img');
      const report = await playFile(trace.path, { image, reopen: true });
      assertVerified(report, trace);
      assert.is(report.trace.devices, 3);
      for (const path of [image, `${image}.1`, `${image}.2`]) assert.ok(statSync(path).size > 0, path);
      assert.not.ok(existsSync(`${image}.3`));
    });
  });
}

const DIRECT: readonly CacheMode[] = ['none', 'directsync'];

for (const cacheMode of DIRECT) {
  verify(`a request of odd bytes is refused by ${cacheMode}, naming file, line and reason`, async () => {
    const trace = iolog(['a write 0 512', 'a write 100 200', 'a read 0 512']);
    const error = await refusalOf(trace, { cacheMode });
    assert.is(error.file, NAME);
    assert.is(error.line, 5);
    assert.match(error.message, `${NAME}: line 5: `);
    assert.match(error.message, 'offset 100 and length 200 are not whole sectors of 512 bytes');
    assert.match(error.message, cacheMode);
    assert.not.match(error.message, '--through aio');
  });
}

for (const trace of named(UNALIGNED)) {
  verify(
    'a byte-granular trace is refused by a direct cache mode, naming file, line and reason',
    async () => {
      try {
        await playFile(trace.path, { cacheMode: 'none' });
      } catch (error) {
        assert.match(
          String(error),
          /ReplayError: .*overlap-unaligned\.v2\.iolog: line 4: offset \d+ and length \d+ /,
        );
        return;
      }
      assert.unreachable('direct I/O took odd bytes');
    },
  );
}

verify('a request of odd bytes is refused by virtio, which names the entrance that takes it', async () => {
  const error = await refusalOf(iolog(['a read 0 513']), { through: 'virtio' });
  assert.is(error.line, 4);
  assert.match(error.message, 'length 513');
  assert.match(error.message, '--through aio');
});

const WRITE_THEN_READ = iolog([
  ...Array.from({ length: 64 }, (_, block) => `a write ${block * 4096} 4096`),
  'a sync 0 0',
  ...Array.from({ length: 64 }, (_, block) => `a read ${block * 4096} 4096`),
]);
/** Too few pages to hold what is written, so that reads go to the drive. */
const TINY = { cache: '32KiB', batch: 1 } as const;

/** Runs `body` while one bit of byte `offset` comes out wrong whenever memory takes it: no part of the stack knows. */
async function withSpoiltByte<T>(offset: number, body: () => Promise<T>): Promise<T> {
  const { write } = SparseMemory.prototype;
  SparseMemory.prototype.write = function writeSpoilt(source, at) {
    write.call(this, source, at);
    const byte = source[offset - at];
    if (byte !== undefined) write.call(this, new Uint8Array([byte ^ 0x10]), offset);
  };
  try {
    return await body();
  } finally {
    SparseMemory.prototype.write = write;
  }
}

verify('one bit that changes in the backing is one mismatch, at its line and sector', async () => {
  const report = await withSpoiltByte(4096 * 3 + 1025, () => play(WRITE_THEN_READ, TINY));
  assert.is(report.verify.mismatches, 1);
  // 1 header, add, open, 64 writes, 1 sync; then the read of block 3
  assert.equal(report.verify.firstMismatch, { line: 3 + 64 + 1 + 4, sector: 3 * 8 + 2 });
});

verify('one bit that changes in the backing is seen when direct reads find it', async () => {
  const report = await withSpoiltByte(4096 * 63 + 4095, () =>
    play(WRITE_THEN_READ, { cacheMode: 'none', batch: 32 }),
  );
  assert.is(report.verify.mismatches, 1);
  assert.is(report.verify.firstMismatch?.sector, 63 * 8 + 7);
});

verify('one bit that changes in the backing and is never read is found after reopening', async () => {
  const writes = WRITE_THEN_READ.replace(/a read .*\n/g, '');
  const report = await withSpoiltByte(512, () => play(writes, { ...TINY, reopen: true }));
  assert.is(report.verify.mismatches, 0);
  assert.is(report.verify.reopenedMismatches, 1);
  assert.is(report.verify.reopenedSectors, 64 * 8);
});

verify('what an image held before is not checked, what the run writes over it is', async () => {
  await withFolder(async (folder) => {
    const image = join(folder, 'disk.img');
    writeFileSync(image, new Uint8Array(16 * 512).fill(7));
    const requests = [
      'a read 0 4096',
      'a write 512 1024',
      'a write 2100 10',
      'a read 0 4096',
      'a read 4096 4096',
    ];
    const report = await play(iolog(requests), { image, batch: 1, reopen: true });
    assert.is(report.verify.mismatches, 0);
    assert.is(report.verify.sectorsChecked, 2, 'the two sectors that were written whole');
    assert.is(report.verify.reopenedSectors, 2);
    assert.is(report.verify.reopenedMismatches, 0);
    const bytes = readFileSync(image);
    assert.is(bytes[2099], 7, 'what lies around a part stays');
    assert.is(bytes[2110], 7);
  });
});

verify('two devices that share one image spoil each other, and the check says how many sectors', async () => {
  await withFolder(async (folder) => {
    const image = join(folder, 'disk.img');
    writeFileSync(image, '');
    linkSync(image, `${image}.1`);
    const requests = ['a write 0 4096', 'b write 1024 512', 'a read 0 4096'];
    const report = await play(iolog(requests, ['a', 'b']), { image, batch: 1, cacheMode: 'none' });
    assert.is(report.verify.mismatches, 1);
    assert.equal(report.verify.firstMismatch, { line: 8, sector: 2 });
  });
});

verify('nothing is checked without bytes, and the report says 0 sectors', async () => {
  const report = await play(WRITE_THEN_READ, { payload: 'none' });
  assert.is(report.verify.sectorsChecked, 0);
  assert.is(report.verify.mismatches, 0);
});

verify('no bytes and an image, or no bytes and reopening, contradict each other', async () => {
  await assertConfigError({ payload: 'none', image: 'disk.img' }, /payload is 'none'.*image/);
  await assertConfigError({ payload: 'none', reopen: true }, /payload is 'none'/);
});

async function assertConfigError(options: ReplayOptions, message: RegExp): Promise<void> {
  try {
    await play(WRITE_THEN_READ, options);
  } catch (error) {
    assert.is((error as Error).name, 'ConfigError');
    assert.match((error as Error).message, message);
    return;
  }
  assert.unreachable('the options were taken');
}

verify.run();
