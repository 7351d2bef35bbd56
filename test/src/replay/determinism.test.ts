// The same replay gives the same report: run after run, with bytes or without, however long a slice of work takes.
//
// Only the seconds of the real machine may differ. Traces are made here from a fixed seed: overlaps, discards, flushes
// and two devices, in caches of a few pages, on instant and on slow drives.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ReplayOptions } from '../../../src/replay/options.ts';
import type { ReplayReport } from '../../../src/replay/report.ts';
import { decisions, iolog, play } from './support.ts';

const determinism = suite('replay/determinism');

/** Whole numbers from 0 to `limit` - 1, always the same ones (a linear congruential generator). */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** `count` requests over 4 MiB of two files: mixed sizes, one in ten a trim, one in twelve a sync. */
function mixture(count: number, seed: number): string {
  const next = numbers(seed);
  const requests = Array.from({ length: count }, () => {
    const file = next(4) === 0 ? 'b' : 'a';
    if (next(12) === 0) return `${file} ${next(2) === 0 ? 'sync' : 'datasync'} 0 0`;
    const action = next(10) === 0 ? 'trim' : next(2) === 0 ? 'read' : 'write';
    return `${file} ${action} ${next(8000) * 512} ${(1 + next(40)) * 512}`;
  });
  return iolog(requests, ['a', 'b']);
}

const TRACE = mixture(1200, 42);
const FIXED = {
  model: 'fixed',
  latencyNs: { read: 80_000, write: 20_000, flush: 500_000 },
  channels: 4,
} as const;

const SETTINGS: readonly ReplayOptions[] = [
  { batch: 1, cache: '16KiB' },
  { batch: 32, cache: '256KiB', through: 'virtio' },
  { batch: 256, cache: '1MiB', through: 'virtio', drive: FIXED },
  { batch: 32, cache: '64KiB', drive: FIXED },
  { batch: 32, cacheMode: 'none', through: 'virtio', drive: FIXED },
  { batch: 7, cacheMode: 'writethrough', drive: FIXED, merge: false },
  { batch: 256, cacheMode: 'directsync', drive: { ...FIXED, queueDepth: 2 } },
];

function nameOf(options: ReplayOptions): string {
  const { batch, cache = '32MiB', cacheMode = 'writeback', through = 'aio', drive } = options;
  return `batch ${batch}, ${cacheMode}, cache ${cache}, ${through}, ${drive === undefined ? 'instant' : 'fixed'}`;
}

/** Everything that must not depend on whether bytes were moved. */
function withoutBytes(report: ReplayReport): unknown {
  const { trace, guest, aio, cache, block, drive, latencyNs, player, records } = report;
  const { virtualSeconds } = report.time;
  return { trace, guest, aio, cache, block, drive, latencyNs, player, records, virtualSeconds };
}

for (const options of SETTINGS) {
  determinism(`the same options give the same report twice: ${nameOf(options)}`, async () => {
    const first = await play(TRACE, { ...options, records: true });
    const second = await play(TRACE, { ...options, records: true });
    assert.equal(decisions(first), decisions(second));
    assert.match(first.records?.hash ?? '', /^[0-9a-f]{16}$/);
    assert.is(first.player.requests, first.trace.requests);
  });

  determinism(`payload none decides as payload full does: ${nameOf(options)}`, async () => {
    const full = await play(TRACE, { ...options, records: true, payload: 'full' });
    const none = await play(TRACE, { ...options, records: true, payload: 'none' });
    assert.equal(withoutBytes(none), withoutBytes(full));
    assert.is(full.verify.mismatches, 0);
    assert.ok(full.verify.sectorsChecked > 0);
    if (options.drive !== undefined) assert.ok(none.time.virtualSeconds > 0);
  });

  determinism(`the debug build decides as the release build does: ${nameOf(options)}`, async () => {
    const release = await play(TRACE, { ...options, records: true });
    const debug = await play(TRACE, { ...options, records: true, build: 'debug' });
    assert.equal(decisions(debug), decisions(release));
  });
}

/** Runs `body` while each look at the clock advances it by `stepMs`. */
async function withClock<T>(stepMs: number, body: () => Promise<T>): Promise<T> {
  const { now } = performance;
  let time = 0;
  performance.now = () => {
    time += stepMs;
    return time;
  };
  try {
    return await body();
  } finally {
    performance.now = now;
  }
}

determinism('how long a slice takes has no influence', async () => {
  const trace = mixture(9000, 7);
  for (const options of [{ batch: 1 }, { batch: 32, through: 'virtio', drive: FIXED }] as const) {
    const counted = async (stepMs: number) => {
      let slices = 0;
      const control = {
        onProgress: () => {
          slices++;
        },
      };
      const report = await withClock(stepMs, () =>
        play(trace, { ...options, cache: '256KiB', records: true, control }),
      );
      return { slices, report };
    };
    const endless = await counted(0);
    const tiny = await counted(1000);
    const uneven = await counted(2.3);
    assert.is(endless.slices, 0);
    assert.ok(tiny.slices > 50, `${tiny.slices} slices`);
    assert.ok(uneven.slices > endless.slices && uneven.slices < tiny.slices, `${uneven.slices} slices`);
    assert.equal(decisions(tiny.report), decisions(endless.report));
    assert.equal(decisions(uneven.report), decisions(endless.report));
  }
});

determinism('the hash of records tells runs apart that differ by one request or one option', async () => {
  const hashOf = async (trace: string, options: ReplayOptions = {}) =>
    (await play(trace, { batch: 8, ...options, records: true })).records?.hash;
  const base = await hashOf(TRACE);
  assert.is.not(await hashOf(mixture(1201, 42)), base);
  assert.is.not(await hashOf(TRACE, { cache: '32KiB' }), base);
  assert.is.not(await hashOf(TRACE, { batch: 9 }), base);
});

determinism('a ring of records of any size gives the same hash', async () => {
  const small = await play(TRACE, { records: 64 });
  const large = await play(TRACE, { records: 4096 });
  assert.is(small.records?.hash, large.records?.hash);
  assert.is((await play(TRACE)).records, null);
});

determinism('a slow drive takes virtual time and the latencies add up', async () => {
  const reads = iolog(Array.from({ length: 10 }, (_, index) => `a read ${index * 4096} 4096`));
  const report = await play(reads, {
    cacheMode: 'none',
    batch: 1,
    drive: { model: 'fixed', latencyNs: 5000 },
  });
  const { count, mean, max, sum } = report.latencyNs.read;
  assert.equal({ count, mean, max, sum }, { count: 10, mean: 5000, max: 5000, sum: '50000' });
  assert.ok(report.time.virtualSeconds >= 10 * 5e-6);
  assert.is(report.config.drive, 'fixed,channels=1,latencyNs=5us');
});

determinism('a drive with a latency and no model is fixed, and the report says so', async () => {
  const report = await play(iolog(['a read 0 512']), { drive: { latencyNs: 700 } });
  assert.is(report.config.drive, 'fixed,channels=1,latencyNs=700ns');
  assert.ok(report.time.virtualSeconds > 0);
  assert.is((await play(iolog(['a read 0 512']))).config.drive, 'instant');
});

determinism.run();
