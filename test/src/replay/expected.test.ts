// The delivered traces against numbers that another program counted: totals, and hits of an LRU at three sizes.
//
// test-timeout: 300
//
// One access per page touched, in trace order, so the runs are `batch 1`, unmerged, without readahead. The sizes are
// 4, 32 and 256 MiB in pages; with bytes and without must agree with the same numbers.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ReplayReport } from '../../../src/replay/report.ts';
import { type Delivered, delivered, type Expected, playFile } from './support.ts';

const suiteOf = suite('replay/expected');

const PAGES = [1024, 8192, 65536] as const;
const IN_TRACE_ORDER = { eviction: 'lru', readahead: 'off', merge: false, batch: 1 } as const;
const DEBUG_TRACE = 'msr-csv/hm_0-sample.csv';

const traces = delivered('hits and totals of the delivered traces');

function checkTotals({ trace }: ReplayReport, expected: Expected): void {
  const { requests, reads, writes, discards, flushes, readBytes, writeBytes, devices } = trace;
  assert.equal(
    { requests, reads, writes, discards, flushes, readBytes, writeBytes, devices },
    {
      requests: expected.requests,
      reads: expected.reads,
      writes: expected.writes,
      discards: expected.discards,
      flushes: expected.flushes,
      readBytes: expected.read_bytes,
      writeBytes: expected.write_bytes,
      devices: expected.devices,
    },
  );
  assert.is(trace.spanSeconds, expected.span_s);
}

async function checkHits(
  { path, expected }: Delivered,
  pages: number,
  payload: 'none' | 'full',
  build: 'release' | 'debug' = 'release',
): Promise<void> {
  const report = await playFile(path, { ...IN_TRACE_ORDER, cache: pages * 4096, payload, build });
  checkTotals(report, expected);
  const { hits, accesses, misses } = report.cache;
  assert.equal({ hits, accesses }, expected.lru[pages]);
  assert.is(misses, accesses - hits);
  assert.is(report.verify.mismatches, 0);
  assert.is(report.config.readahead, 'off');
}

for (const trace of traces) {
  for (const pages of PAGES) {
    suiteOf(`${trace.name}: totals and LRU hits at ${pages} pages, without bytes`, () =>
      checkHits(trace, pages, 'none'),
    );
    if (trace.isLarge && pages !== 8192) continue;
    suiteOf(`${trace.name}: totals and LRU hits at ${pages} pages, with bytes`, () =>
      checkHits(trace, pages, 'full'),
    );
  }
}

for (const trace of traces.filter(({ name }) => name === DEBUG_TRACE)) {
  for (const payload of ['none', 'full'] as const) {
    suiteOf(`${trace.name}: totals and LRU hits on the debug build, payload ${payload}`, async () => {
      for (const pages of PAGES) await checkHits(trace, pages, payload, 'debug');
    });
  }
}

suiteOf('the traces cover every delivered format', () => {
  if (traces.length === 0) return;
  const folders = new Set(traces.map(({ name }) => name.split('/')[0]));
  assert.equal([...folders].sort(), ['fio-iolog', 'msr-csv', 'vscsi']);
});

suiteOf.run();
