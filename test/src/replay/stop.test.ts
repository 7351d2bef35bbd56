// A replay lets the event loop turn while it works, and stops when it is told to, wherever it is: before the first
// request, in the middle, waiting for a silent trace, or checking what it left.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ReplayProgress, replay } from '../../../src/replay/player.ts';
import type { ReplayReport } from '../../../src/replay/report.ts';
import { formatReport } from '../../../src/report/terminal.ts';
import { openTrace } from '../../../src/trace/index.ts';
import { streamOf, utf8 } from '../trace/support.ts';
import { iolog, platformOf, play } from './support.ts';

const stop = suite('replay/stop');

const PROMISED_MS = 50;
/** What is allowed beyond the promise, for the collector and for caches that other programs share: one turn in twenty, and any. */
const HEADROOM = 2;
const WORST = 10;

/** Writes and reads of 64 KiB, all over 256 MiB. */
function longTrace(requests: number): string {
  return iolog(
    Array.from({ length: requests }, (_, index) => {
      const offset = ((index * 2654435761) % 4096) * 65536;
      return `a ${index % 3 === 2 ? 'read' : 'write'} ${offset} 65536`;
    }),
  );
}

/**
 * How long each turn of the event loop took while `body` ran, shortest first: the time that passed, or the processor
 * time of this process where that is less, because other programs run on this computer too.
 */
async function gapsDuring(body: () => Promise<unknown>): Promise<number[]> {
  const gaps: number[] = [];
  let last = performance.now();
  let usage = process.cpuUsage();
  const look = (): void => {
    const now = performance.now();
    const { user, system } = process.cpuUsage(usage);
    gaps.push(Math.min(now - last, (user + system) / 1000));
    last = now;
    usage = process.cpuUsage();
  };
  const timer = setInterval(look, 1);
  try {
    await body();
  } finally {
    look();
    clearInterval(timer);
  }
  return gaps.sort((left, right) => left - right);
}

/** What is written stays dirty until the sync at the end; all requests in large lots; a small cache. */
const SETTINGS = [
  { cache: '512MiB', reopen: true },
  { cache: '8MiB', batch: 256 },
  { cacheMode: 'none', through: 'virtio' },
  { payload: 'none', cache: '1MiB' },
] as const;

for (const options of SETTINGS) {
  stop(`the event loop turns at least every ${PROMISED_MS} ms: ${JSON.stringify(options)}`, async () => {
    const trace = longTrace('payload' in options ? 300_000 : 10_000);
    let report: ReplayReport | undefined;
    const gaps = await gapsDuring(async () => {
      report = await play(trace, options);
    });
    const at = (share: number): number => gaps[Math.floor((gaps.length - 1) * share)] as number;
    console.log(
      `${gaps.length} turns: median ${at(0.5).toFixed(1)} ms, 95 % ${at(0.95).toFixed(1)} ms, max ${at(1).toFixed(1)} ms`,
    );
    assert.is(report?.verify.mismatches, 0);
    assert.ok(gaps.length > 5, `${gaps.length} turns`);
    assert.ok(at(0.5) <= PROMISED_MS, `median ${at(0.5)} ms`);
    assert.ok(at(0.95) <= PROMISED_MS * HEADROOM, `95 % at ${at(0.95)} ms`);
    assert.ok(at(1) <= PROMISED_MS * WORST, `the longest took ${at(1)} ms`);
  });
}

function assertStopped(report: ReplayReport): void {
  assert.is(report.interrupted, true);
  assert.is(report.verify.mismatches, 0);
  assert.ok(report.player.requests <= report.trace.requests);
  assert.match(formatReport(report), /stopped before the end/);
}

stop('a signal in the middle ends the replay there, with the figures so far', async () => {
  const controller = new AbortController();
  const seen: ReplayProgress[] = [];
  const onProgress = (progress: ReplayProgress): void => {
    seen.push(progress);
    if (seen.length === 3) controller.abort();
  };
  const trace = longTrace(20_000);
  const report = await play(trace, { control: { signal: controller.signal, onProgress } });
  assertStopped(report);
  assert.is(seen.length, 3);
  assert.is(report.player.requests, seen[2]?.requests);
  assert.ok(report.player.requests > 0 && report.player.requests < 20_000);
  assert.is(report.latencyNs.read.count + report.latencyNs.write.count, report.player.requests);
});

stop('progress only grows, and counts bytes of the trace as it is stored', async () => {
  const seen: ReplayProgress[] = [];
  const trace = longTrace(6000);
  await play(trace, { control: { onProgress: (progress) => seen.push(progress) } });
  assert.ok(seen.length > 2);
  for (let index = 1; index < seen.length; index++) {
    const [before, after] = [seen[index - 1] as ReplayProgress, seen[index] as ReplayProgress];
    assert.ok(after.requests >= before.requests && after.seconds > before.seconds);
    assert.ok(after.bytesRead <= trace.length && after.requests <= 6000);
  }
});

stop('a signal given before the start plays nothing', async () => {
  const report = await play(longTrace(10), { control: { signal: AbortSignal.abort() } });
  assertStopped(report);
  assert.is(report.player.requests, 0);
});

stop('a signal ends a replay whose trace is silent', async () => {
  const controller = new AbortController();
  async function* silent(): AsyncGenerator<Uint8Array> {
    // enough for the format to be found, one batch of requests, and then nothing for ever
    yield utf8(longTrace(6000));
    controller.abort();
    await new Promise(() => {});
  }
  const reader = await openTrace(silent(), { name: 'pipe' });
  const report = await replay(platformOf(), reader, {}, { signal: controller.signal });
  assertStopped(report);
});

stop('a signal ends the check of what was left', async () => {
  const controller = new AbortController();
  const requests = 6000;
  const onProgress = ({ requests: played }: ReplayProgress): void => {
    if (played === requests) controller.abort();
  };
  const control = { signal: controller.signal, onProgress };
  const report = await play(longTrace(requests), { reopen: true, cache: '1MiB', control });
  assertStopped(report);
  assert.is(report.player.requests, requests);
  assert.is(report.verify.reopenedMismatches ?? 0, 0);
});

stop('a replay that fails closes its trace', async () => {
  let isClosed = false;
  async function* watched(): AsyncGenerator<Uint8Array> {
    try {
      yield* streamOf(utf8(iolog(['a write 0 67108865'])), utf8('a read 0 512\n'.repeat(10_000)));
    } finally {
      isClosed = true;
    }
  }
  try {
    await replay(platformOf(), await openTrace(watched()), {});
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).name, 'ReplayError');
  }
  assert.ok(isClosed);
});

stop.run();
