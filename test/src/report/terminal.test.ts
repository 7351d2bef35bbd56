// The replay report for people: every part says what the report's numbers say, with units, shares and one or many, and
// what did not happen is not shown as if it had.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LatencyHistogram } from '../../../src/replay/latency.ts';
import type { Timing } from '../../../src/replay/options.ts';
import type { ReplayReport } from '../../../src/replay/report.ts';
import { formatReport } from '../../../src/report/terminal.ts';
import { iolog, play } from '../replay/support.ts';

const terminal = suite('report/terminal');

const TRACE = iolog([
  'a write 0 8192',
  'a write 8192 4096',
  'a sync 0 0',
  'a read 0 4096',
  'a read 4096 8192',
  'a trim 0 4096',
]);

const report = await play(TRACE, { batch: 1, reopen: true, records: true });

function linesOf(changed: Partial<ReplayReport> = {}): string[] {
  return formatReport({ ...report, ...changed }).split('\n');
}

/** The one line that begins with the label. */
function lineOf(label: string, changed: Partial<ReplayReport> = {}): string {
  const found = linesOf(changed).filter((line) => line.startsWith(label.padEnd(12)));
  assert.is(found.length, 1, `${label}: ${found.length} lines`);
  return (found[0] as string).slice(12);
}

terminal('a line for each part, in the order of the path', () => {
  const labels = linesOf()
    .map((line) => line.slice(0, 12).trim())
    .filter((label) => label !== '');
  assert.equal(labels, [
    ...[
      'trace',
      'requests',
      'aio',
      'cache',
      'pages',
      'dirty',
      'block',
      'drive',
      'latency',
      'verify',
      'time',
      'records',
    ],
  ]);
});

terminal('requests are counted by kind with their bytes', () => {
  assert.is(lineOf('trace'), 'made.trace (fio-iolog-v2, 1 device, no clock in this format)');
  assert.is(lineOf('requests'), '6: 2 reads of 12 KiB, 2 writes of 12 KiB, 1 flush, 1 discard of 4 KiB');
});

terminal('kinds that did not occur are not named, and a span is', () => {
  const trace = { ...report.trace, flushes: 0, discards: 0, reads: 1, hasClock: true, spanSeconds: 1.5 };
  assert.is(lineOf('requests', { trace }), '6: 1 read of 12 KiB, 2 writes of 12 KiB');
  assert.match(lineOf('trace', { trace }), ', 1.500 s recorded)');
});

terminal('skipped lines and notes are told with their numbers', () => {
  const skippedReasons = { 'field count': 2, 'negative Offset': 1 };
  const trace = { ...report.trace, skipped: 3, skippedReasons, notes: { 'wait lines ignored': 1234 } };
  assert.match(lineOf('skipped', { trace }), /^3 bad lines: field count 2, negative Offset 1$/);
  assert.is(lineOf('note', { trace }), 'wait lines ignored (1,234)');
  assert.not.ok(linesOf().some((line) => /^(skipped|note)/.test(line)));
});

terminal('hits are shown as a share of accesses', () => {
  const { hits, accesses } = report.cache;
  const share = ((hits / accesses) * 100).toFixed(2);
  assert.match(
    lineOf('cache'),
    `32 MiB linux: ${hits} hits of ${accesses} page accesses (${share} %), 0 evicted`,
  );
  assert.match(lineOf('pages'), `${report.cache.dirtiedPages} dirtied`);
});

terminal('the dirty limits, what the flusher wrote and how long writers paused', () => {
  const flushed = { ...report.dirty, flusherPasses: 1, flusherPages: 2345, pauses: 0, pausedNs: 0 };
  assert.is(
    lineOf('dirty', { dirty: flushed }),
    'limit 1,638 pages, background 818: flusher wrote 2,345 pages in 1 pass, no pause',
  );
  const paused = { ...flushed, flusherPasses: 7, pauses: 3, pausedNs: 12_500_000 };
  assert.match(lineOf('dirty', { dirty: paused }), /2,345 pages in 7 passes, 3 pauses of 12.5 ms together$/);
});

terminal('a cache that was passed by says why, one that was not asked says that', () => {
  const cache = { ...report.cache, accesses: 0 };
  assert.is(lineOf('cache', { cache }), 'no page was asked for');
  const config = { ...report.config, cacheMode: 'none' } as const;
  assert.is(lineOf('cache', { cache, config }), 'not used (cache mode none)');
});

terminal('a run in lots or with merging says that hits are in another order', () => {
  const isSaid = (changed: Partial<ReplayReport>) =>
    linesOf(changed).some((line) => /reorder page/.test(line));
  assert.ok(isSaid({ config: { ...report.config, batch: 32, merge: false } }));
  assert.ok(isSaid({ config: { ...report.config, batch: 1, merge: true } }));
  assert.not.ok(isSaid({ config: { ...report.config, batch: 1, merge: false } }));
});

terminal('an instant drive has no latencies, a slow one has those of each kind that occurred', () => {
  assert.match(lineOf('latency'), 'the drive is instant');
  const time = { ...report.time, virtualSeconds: 2.5 };
  const none = LatencyHistogram.empty().toJSON();
  const read = LatencyHistogram.of([1000, 2000]).toJSON();
  const write = LatencyHistogram.of(Array.from({ length: 1000 }, () => 1_234_500)).toJSON();
  const latencyNs = { read, write, discard: none, flush: none, all: write };
  const changed = { time, latencyNs, driveNs: read };
  assert.is(
    lineOf('latency', changed),
    'of each request from the notification of its lot to its end, in µs of virtual time',
  );
  const rows = linesOf(changed).filter((row) => /^ {12}(reads|writes|discards|flushes|at the)/.test(row));
  assert.equal(
    rows.map((row) => row.trim().split(/ {2,}/)),
    [
      ['reads', '2', '1.5', '1.0', '2.0', '2.0', '2.0', '2.0'],
      ['writes', '1,000', '1,234.5', '1,234.5', '1,234.5', '1,234.5', '1,234.5', '1,234.5'],
      ['at the drive', '2', '1.5', '1.0', '2.0', '2.0', '2.0', '2.0'],
    ],
  );
  assert.match(lineOf('time', changed), /^2\.500 s virtual; /);
});

terminal(
  'what lasts over ten seconds is told in milliseconds, and what it counts from follows the timing',
  () => {
    const time = { ...report.time, virtualSeconds: 2.5 };
    const read = LatencyHistogram.of([20_000_000_000]).toJSON();
    const latencyNs = { ...report.latencyNs, read, all: read };
    const said = (timing: Timing) =>
      lineOf('latency', { time, latencyNs, config: { ...report.config, timing, speedup: 1 } });
    assert.match(
      said('trace'),
      /^of each request from arrival at its time in the trace to its end, in ms of/,
    );
    assert.match(said('closed:3'), /^of each request from when its client took it to its end, in ms of/);
    const row = linesOf({ time, latencyNs }).find((one) => one.startsWith(`${' '.repeat(12)}reads`));
    assert.match(row ?? '', /^ +reads +1 +20,000\.0 +20,000\.0/);
  },
);

terminal('how requests were issued is told when it was not in lots', () => {
  assert.not.ok(linesOf().some((row) => row.startsWith('timing')));
  const player = { ...report.player, mostInFlight: 1017, late: 0, backward: 0 };
  const trace = { ...report.config, timing: 'trace', speedup: 1 } as const;
  const first = 'open loop: each request at its time in the trace';
  assert.is(lineOf('timing', { config: trace, player }), `${first}; 1,017 in flight at the most`);
  assert.is(
    lineOf('timing', { config: { ...trace, speedup: 2.5 }, player: { ...player, late: 1234, backward: 2 } }),
    `${first}, 2.5 times as fast; 1,017 in flight at the most, 1,234 late for a full ring, 2 with a time that lies back`,
  );
  const closed = (clients: number) =>
    lineOf('timing', { config: { ...report.config, timing: `closed:${clients}` }, player });
  assert.is(closed(1), 'closed loop: 1 client; 1,017 in flight at the most');
  assert.is(closed(8), 'closed loop: 8 clients; 1,017 in flight at the most');
});

terminal('throughput and the use of the busiest drive are told once time has passed', () => {
  assert.not.ok(linesOf().some((row) => /^(throughput|use) /.test(row)));
  const throughput = { seconds: 2, requestsPerSecond: 1500, bytesPerSecond: 12_345_678 };
  const use = (utilisation: number, meanDepth: number) => ({ meanDepth, mostDepth: 7, utilisation });
  const one = { throughput, driveUse: [use(0.125, 0.5)] };
  assert.is(lineOf('throughput', one), '1,500 requests/s, 12.3 MB/s in 2.000 s of virtual time');
  assert.is(
    lineOf('use', one),
    'drive busy 12.50 % of that time, queue depth 0.50 on average, 7 at the most',
  );
  const three = { throughput, driveUse: [use(0.1, 1), use(0.9, 2.25), use(0.3, 3)], writeAmplification: 1.5 };
  assert.is(
    lineOf('use', three),
    'busiest of 3 drives busy 90.00 % of that time, queue depth 2.25 on average, 7 at the most; write amplification 1.50',
  );
});

terminal('what was checked, what was wrong, and where first', () => {
  assert.match(lineOf('verify'), /^24 sectors read back, 0 mismatches; reopened: 24 sectors, 0 mismatches$/);
  const verify = {
    sectorsChecked: 24,
    mismatches: 12,
    firstMismatch: { line: 7, sector: 99 },
    reopenedSectors: null,
    reopenedMismatches: null,
  };
  assert.match(
    lineOf('verify', { verify }),
    '24 sectors read back, 12 mismatches (first: line 7, sector 99)',
  );
  const config = { ...report.config, payload: 'none' } as const;
  assert.is(lineOf('verify', { config }), 'nothing: payload none moves no bytes');
});

terminal('a run that was stopped says so and how far it came', () => {
  const player = { ...report.player, requests: 1234 };
  const last = linesOf({ interrupted: true, player }).at(-1);
  assert.is(last, 'stopped before the end, after 1,234 requests: the figures are those so far');
  assert.not.match(formatReport(report), /stopped/);
});

terminal('the hash of records is shown only when there is one', () => {
  assert.is(lineOf('records'), `hash ${report.records?.hash}`);
  assert.not.ok(linesOf({ records: null }).some((line) => line.startsWith('records')));
});

terminal('a report of nothing has no NaN', async () => {
  const empty = formatReport(await play(iolog([])));
  assert.not.match(empty, /NaN|Infinity|undefined|null/);
  assert.match(empty, /^requests +0: 0 reads of 0 B, 0 writes of 0 B$/m);
});

terminal.run();
