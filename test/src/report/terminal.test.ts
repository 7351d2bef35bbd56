// The replay report for people: every part says what the report's numbers say, with units, shares and one or many, and
// what did not happen is not shown as if it had.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
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

terminal('an instant drive has no latencies, a slow one has both kinds', () => {
  assert.match(lineOf('latency'), 'the drive is instant');
  const time = { ...report.time, virtualSeconds: 2.5 };
  const read = { count: 2, mean: 1500, p50: 1000, p90: 2000, p99: 2000, p999: 2000, max: 2000 };
  const changed = { time, latencyNs: { read, write: { ...read, count: 1000 } } };
  assert.is(lineOf('latency', changed), 'virtual, reads  2: mean 1.5, p50 1.0, p99 2.0, max 2.0 µs');
  assert.match(linesOf(changed).join('\n'), 'writes 1,000: mean 1.5');
  assert.match(lineOf('time', changed), /^2\.500 s virtual; /);
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
