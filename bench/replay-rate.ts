// How fast is a trace replayed when no bytes are moved: by the core alone, and with reading the trace?
//
// The trace is two hours of a production disk, kept beside the repository; where it is missing, one is made with the
// same number of requests. The core's time and the parser's are measured apart, by the replay itself.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Bench } from 'tinybench';
import { nodePlatform } from '../src/node-platform.ts';
import type { ReplayOptions } from '../src/replay/options.ts';
import { replay } from '../src/replay/player.ts';
import type { ReplayReport } from '../src/replay/report.ts';
import { openTrace, type TraceReader } from '../src/trace/index.ts';
import { count, printTable } from './table.ts';

export const title = 'requests a second, payload none, batch 32, merging on';

const TRACE = fileURLToPath(new URL('../../shared/traces/vscsi/cloudPhysicsIO.vscsi.gz', import.meta.url));
const ROUNDS = 9;
const MADE_REQUESTS = 113_872;

const SETTINGS: readonly [name: string, options: ReplayOptions][] = [
  ['page cache 32 MiB', { cache: '32MiB' }],
  ['page cache 1 GiB', { cache: '1GiB' }],
  ['page cache 32 MiB, exact lru', { cache: '32MiB', eviction: 'lru' }],
  ['page cache 1 GiB, exact lru', { cache: '1GiB', eviction: 'lru' }],
  ['cache mode none', { cacheMode: 'none' }],
  ['fixed drive of 100 µs, 8 channels', { drive: { model: 'fixed', channels: 8 } }],
  ['fixed drive, 32 clients', { drive: { model: 'fixed', channels: 8 }, timing: 'closed:32' }],
  ['hdd, 32 clients', { drive: { model: 'hdd', size: '4TiB' }, timing: 'closed:32' }],
  ['hdd at the times of the trace', { drive: { model: 'hdd', size: '4TiB' }, timing: 'trace' }],
  ['nvme at the times of the trace', { drive: { model: 'nvme' }, timing: 'trace' }],
];

/** MSR rows over 32 GiB: sizes of 4 to 64 KiB, three of ten requests continue the one before. */
function madeTrace(): Uint8Array {
  let state = 1;
  const next = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  let end = 0;
  const rows = Array.from({ length: MADE_REQUESTS }, (_, index) => {
    const size = (1 + next(16)) * 4096;
    const offset = next(10) < 3 ? end : next(2 ** 23) * 4096;
    end = offset + size;
    return `${128166372003061629n + BigInt(index) * 600n},made,0,${next(10) < 4 ? 'Read' : 'Write'},${offset},${size},0`;
  });
  return new TextEncoder().encode(`${rows.join('\n')}\n`);
}

function opener(): () => Promise<TraceReader> {
  if (existsSync(TRACE)) {
    console.log('  trace: cloudPhysicsIO.vscsi.gz, beside the repository');
    return () => openTrace(TRACE);
  }
  console.log(`  trace: made here (${TRACE} is missing), ${count(MADE_REQUESTS)} MSR rows`);
  const bytes = madeTrace();
  return () =>
    openTrace(
      (async function* whole() {
        yield bytes;
      })(),
      { name: 'made' },
    );
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** Replays ROUNDS times; the core's time is what tinybench sees. */
async function measure(
  name: string,
  open: () => Promise<TraceReader>,
  options: ReplayOptions,
): Promise<string[]> {
  const reports: ReplayReport[] = [];
  const bench = new Bench({ iterations: ROUNDS, time: 0, warmupIterations: 2, warmupTime: 0 });
  bench.add(name, async () => {
    const report = await replay(nodePlatform, await open(), { ...options, payload: 'none' });
    reports.push(report);
    return { overriddenDuration: report.time.coreSeconds * 1000 };
  });
  await bench.run();
  const result = bench.tasks[0]?.result;
  if (result === undefined || !('latency' in result)) throw new Error(`${name} was not measured`);
  const coreSeconds = result.latency.p50 / 1000;
  const [{ trace, cache }] = reports as [ReplayReport];
  const measured = reports.slice(-ROUNDS);
  const parseSeconds = median(measured.map(({ time }) => time.parseSeconds));
  const wallSeconds = median(measured.map(({ time }) => time.wallSeconds));
  return [
    name,
    count(trace.requests / coreSeconds),
    cache.accesses === 0 ? '-' : count(cache.accesses / coreSeconds),
    `${(coreSeconds * 1000).toFixed(1)} ms`,
    `${(parseSeconds * 1000).toFixed(1)} ms`,
    count(trace.requests / wallSeconds),
  ];
}

export async function run(): Promise<void> {
  const open = opener();
  const rows: string[][] = [];
  for (const [name, options] of SETTINGS) rows.push(await measure(name, open, options));
  printTable(
    ['', 'core requests/s', 'core page accesses/s', 'core (median)', 'parse (median)', 'requests/s in all'],
    rows,
  );
}
