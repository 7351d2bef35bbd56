// Every entrance of a replay leaves the same bytes: Linux AIO, USRBIO, BlueStore and virtio, in memory and on real images.
//
// test-timeout: 240
//
// BlueStore reads and writes whole blocks of 4 KiB only, so the player widens what is not whole by read-modify-write; what
// it does there is counted request by request on traces made for it.

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../../src/errors.ts';
import { ENTRANCES, type Entrance } from '../../../src/replay/options.ts';
import type { ReplayReport } from '../../../src/replay/report.ts';
import { BUILDS } from '../../support/machine.ts';
import { delivered, iolog, play, playFile, refusalOf, withFolder } from './support.ts';

const entrances = suite('replay/entrances');

const RINGS: readonly Entrance[] = ['aio', 'usrbio', 'bluestore'];
const traces = delivered('the same bytes through every entrance');
const small = traces.filter(({ isLarge }) => !isLarge);

function assertGood(report: ReplayReport, what: string): void {
  assert.is(report.verify.mismatches, 0, what);
  assert.is(report.verify.reopenedMismatches, 0, what);
  assert.is(report.drive.errors, 0, what);
}

for (const trace of small) {
  entrances(`${trace.name}: AIO, USRBIO and BlueStore leave the same image`, async () => {
    await withFolder(async (folder) => {
      const images = new Map<string, Buffer>();
      const checked: number[] = [];
      for (const through of RINGS) {
        const image = join(folder, through);
        const report = await playFile(trace.path, { through, image, reopen: true, cache: '4MiB' });
        assertGood(report, through);
        assert.is(report.player.requests, trace.expected.requests, through);
        checked.push(report.verify.reopenedSectors ?? 0);
        // a device beyond 256 MiB is sparse and was compared sector by sector when it was reopened
        if (statSync(image).size <= 2 ** 28) images.set(through, readFileSync(image));
      }
      assert.equal(checked, [checked[0], checked[0], checked[0]]);
      const reference = images.get('aio');
      for (const [through, bytes] of images) {
        const length = Math.min(bytes.length, reference?.length ?? 0);
        assert.ok(bytes.subarray(0, length).equals(reference?.subarray(0, length) as Buffer), through);
        // what one entrance wrote further is a widened block's zeros
        for (const rest of [bytes, reference as Buffer])
          assert.ok(rest.subarray(length).every((byte) => byte === 0));
      }
    });
  });
}

for (const trace of traces.filter(({ isLarge }) => isLarge)) {
  for (const through of ['usrbio', 'bluestore'] as const) {
    entrances(`${trace.name}: nothing comes back wrong through ${through}`, async () => {
      const report = await playFile(trace.path, { through });
      assert.is(report.verify.mismatches, 0);
      assert.is(report.player.requests, trace.expected.requests);
    });
  }
}

for (const trace of small.filter(({ isWholeSectors }) => isWholeSectors)) {
  entrances(`${trace.name}: a guest's disk on Linux AIO leaves what one on threads leaves`, async () => {
    const reports: ReplayReport[] = [];
    for (const engine of ['threads', 'linux-aio'] as const) {
      const options = { through: 'virtio', cacheMode: 'none', engine, reopen: true } as const;
      const report = await playFile(trace.path, options);
      assertGood(report, engine);
      reports.push(report);
    }
    const [threads, aio] = reports as [ReplayReport, ReplayReport];
    assert.equal(aio.guest, threads.guest);
    assert.is(aio.verify.sectorsChecked, threads.verify.sectorsChecked);
    assert.is(threads.aio.submitted, 0);
    assert.ok(aio.aio.submitted > 0, 'the engine was used');
  });
}

entrances('an engine is refused where it can not be', async () => {
  for (const options of [
    { through: 'aio', engine: 'threads' },
    { through: 'virtio', engine: 'linux-aio', cacheMode: 'writeback' },
    { through: 'virtio', engine: 'uring' as 'threads' },
  ] as const) {
    try {
      await play(iolog(['a write 0 512']), options);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, ConfigError);
      assert.match((error as Error).message, 'engine');
    }
  }
});

entrances('payload none makes the same decisions as full, through every entrance', async () => {
  const requests = Array.from({ length: 300 }, (_, index) => {
    const offset = ((index * 7919) % 1000) * 512;
    return `a ${index % 3 === 0 ? 'read' : 'write'} ${offset} ${512 * (1 + (index % 20))}`;
  });
  const drive = { latencyNs: 20_000, channels: 4 };
  for (const through of ENTRANCES) {
    const options = { through, drive, records: true, cacheMode: 'none' } as const;
    const full = await play(iolog(requests), { ...options, payload: 'full' });
    const none = await play(iolog(requests), { ...options, payload: 'none' });
    assert.equal(
      { ...none.drive, ...none.aio, ...none.usrbio },
      { ...full.drive, ...full.aio, ...full.usrbio },
    );
    assert.is(none.records?.hash, full.records?.hash, through);
    assert.is(none.time.virtualSeconds, full.time.virtualSeconds, through);
  }
});

/** Requests through BlueStore, one at a time: how many aio_t they took, and what the drive read and wrote. */
async function widened(requests: readonly string[], build: (typeof BUILDS)[number]): Promise<number[]> {
  const report = await play(iolog(requests), { through: 'bluestore', batch: 1, reopen: true, build });
  assertGood(report, requests.join());
  return [report.aio.submitted, report.drive.readBytes, report.drive.writeBytes];
}

for (const build of BUILDS) {
  entrances(`BlueStore widens by read-modify-write, ${build}`, async () => {
    const once = (request: string) => widened([request], build);
    assert.equal(await once('a write 4096 8192'), [1, 0, 8192], 'whole blocks');
    assert.equal(await once('a write 4608 512'), [2, 4096, 4096], 'inside a block');
    assert.equal(await once('a write 4096 512'), [2, 4096, 4096], 'the start of a block');
    assert.equal(await once('a write 3584 1024'), [2, 8192, 8192], 'two neighbours are one read');
    assert.equal(await once('a write 512 8192'), [3, 8192, 12288], 'two ends apart are two reads');
    assert.equal(await once('a write 4096 4608'), [2, 4096, 8192], 'only the last block');
    assert.equal(await once('a write 5000 13'), [2, 4096, 4096], 'bytes');
    assert.equal(await once('a read 5000 13'), [1, 4096, 0], 'a read is widened too');
    assert.equal(await once('a read 4000 200'), [1, 8192, 0], 'over two blocks');
  });

  entrances(`bytes beside a write stay what they were through BlueStore, ${build}`, async () => {
    const requests = [
      'a write 0 16384',
      ...Array.from(
        { length: 40 },
        (_, index) => `a write ${(index * 397) % 16000} ${1 + ((index * 61) % 380)}`,
      ),
      'a read 0 16384',
    ];
    for (const batch of [1, 8, 32]) {
      const report = await play(iolog(requests), { through: 'bluestore', batch, reopen: true, build });
      assertGood(report, `batch ${batch}`);
    }
  });
}

entrances('writes to one block of BlueStore are held, and other entrances do not hold them', async () => {
  const requests = ['a write 0 512', 'a write 512 512', 'a write 4096 512'];
  const held = async (through: Entrance) =>
    (await play(iolog(requests), { through, cacheMode: 'none' })).player.heldForOverlap;
  assert.is(await held('bluestore'), 1);
  assert.is(await held('aio'), 0);
  assert.is(await held('usrbio'), 0);
});

entrances('a flush through BlueStore does nothing when nothing was reaped since the last', async () => {
  const flushes = async (requests: readonly string[]) =>
    (await play(iolog(requests), { through: 'bluestore', batch: 1 })).drive.flushes;
  assert.is(await flushes(['a sync 0 0']), 0);
  assert.is(await flushes(['a write 0 4096', 'a sync 0 0', 'a sync 0 0']), 1);
  assert.is(await flushes(['a read 0 4096', 'a datasync 0 0']), 1);
});

entrances('what an entrance can not do is refused before anything is played', async () => {
  for (const cacheMode of ['writeback', 'writethrough', 'unsafe'] as const) {
    try {
      await play(iolog(['a write 0 512']), { through: 'bluestore', cacheMode });
      assert.unreachable();
    } catch (error) {
      assert.instance(error, ConfigError);
      assert.match((error as Error).message, 'O_DIRECT');
    }
  }
  const tooBig = await refusalOf(iolog([`a write 512 ${67108864}`]), { through: 'bluestore' });
  assert.match(tooBig.message, 'length 67108864');
  const unaligned = await refusalOf(iolog(['a write 1 512']), { through: 'usrbio', cacheMode: 'none' });
  assert.match(unaligned.message, 'whole sectors');
});

entrances.run();
