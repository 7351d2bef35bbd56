// `sectorlab replay` on good traces: every key of the JSON, the same on every format and through gzip, and a text for
// people that has no escape codes when no terminal reads it.

import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LatencyHistogram } from '../../../src/replay/latency.ts';
import type { ReplayReport } from '../../../src/replay/report.ts';
import { sharedPath, withFolder } from '../replay/support.ts';
import { MADE_TRACES, type MadeTrace, runCli, save } from './support.ts';

const report = suite('cli/replay-report');

/** Keys that a reader of the JSON may count on; each is a number. */
const NUMBERS: Readonly<Record<string, readonly string[]>> = {
  trace: [
    ...['requests', 'reads', 'writes', 'discards', 'flushes'],
    ...['readBytes', 'writeBytes', 'spanSeconds', 'skipped'],
  ],
  config: ['cacheBytes', 'blockSize', 'batch', 'seed'],
  guest: ['reads', 'writes', 'flushes', 'readsMerged', 'writesMerged', 'invalid'],
  aio: ['submitted', 'completed', 'partialSubmits'],
  cache: [
    ...['accesses', 'hits', 'misses', 'evictions', 'readInPages', 'dirtiedPages'],
    ...['writtenBackPages', 'ioends', 'throttledCount'],
  ],
  block: ['reads', 'writes', 'readMerges', 'writeMerges', 'readSectors', 'writeSectors', 'flushes'],
  drive: ['reads', 'writes', 'readBytes', 'writeBytes', 'flushes'],
  dirty: ['thresholdPages', 'backgroundPages', 'pauses', 'pausedNs', 'flusherPasses', 'flusherPages'],
  vmstat: [
    'nr_free_pages',
    'nr_file_pages',
    'nr_dirty',
    'nr_writeback',
    'nr_dirtied',
    'nr_written',
    'pgpgin',
    'pgpgout',
  ],
  meminfo: ['MemTotal', 'MemFree', 'Cached', 'Dirty', 'Writeback'],
  player: ['requests', 'notifications', 'heldForOverlap', 'late', 'backward', 'mostInFlight'],
  throughput: ['seconds', 'requestsPerSecond', 'bytesPerSecond'],
  verify: ['sectorsChecked', 'mismatches'],
  time: ['virtualSeconds', 'parseSeconds', 'coreSeconds', 'wallSeconds', 'requestsPerSecond'],
};
const LATENCY = ['count', 'mean', 'p50', 'p90', 'p95', 'p99', 'p999', 'p9999', 'max'];
const ESCAPE = String.fromCharCode(27);

function assertKeys(found: Record<string, unknown>): void {
  for (const [group, keys] of Object.entries(NUMBERS)) {
    for (const key of keys) {
      const value = (found[group] as Record<string, unknown>)[key];
      assert.ok(Number.isFinite(value) && (value as number) >= 0, `${group}.${key} is ${value}`);
    }
  }
  for (const kind of ['read', 'write', 'discard', 'flush', 'all']) {
    for (const key of LATENCY) {
      const value = (found.latencyNs as Record<string, Record<string, unknown>>)[kind]?.[key];
      assert.ok(Number.isFinite(value), `latencyNs.${kind}.${key} is ${value}`);
    }
  }
}

async function replayJson(args: readonly string[]): Promise<ReplayReport> {
  const { code, stdout, stderr } = await runCli(['replay', ...args, '--json']);
  assert.is(stderr, '');
  assert.is(code, 0);
  const found = JSON.parse(stdout) as ReplayReport & Record<string, unknown>;
  assertKeys(found);
  return found;
}

function assertTrace({ trace }: ReplayReport, made: MadeTrace): void {
  const { reads, writes, discards, flushes, readBytes, writeBytes, spanSeconds } = trace;
  assert.equal([reads, writes, discards, flushes], made.counts);
  assert.is(trace.requests, reads + writes + discards + flushes);
  assert.equal({ readBytes, writeBytes }, { readBytes: made.readBytes, writeBytes: made.writeBytes });
  assert.ok(Math.abs(spanSeconds - made.spanSeconds) < 1e-9, String(spanSeconds));
  assert.is(trace.skipped, 0);
}

for (const made of MADE_TRACES) {
  for (const isPacked of [false, true]) {
    report(`${made.format}${isPacked ? ' in gzip' : ''}: every key is there and counts what is in it`, () =>
      withFolder(async (folder) => {
        const file = save(folder, 'trace', made.content, isPacked);
        const found = await replayJson([file, '--reopen']);
        assert.is(found.trace.file, file);
        assert.is(found.trace.format, made.format);
        assertTrace(found, made);
        const through = made.format.startsWith('fio') ? 'aio' : 'virtio';
        assert.is(found.config.through, through);
        assert.is(found.config.seed, 1);
        assert.is(found.verify.sectorsChecked, 9);
        assert.is(found.verify.mismatches, 0);
        assert.is(found.verify.reopenedMismatches, 0);
        assert.is(found.verify.reopenedSectors, 24);
        assert.is(found.interrupted, false);
        assert.is(found.player.requests, found.trace.requests);
      }),
    );
  }
}

const [MSR] = MADE_TRACES as [MadeTrace];

report('timing and drive reach the report, and its histograms can be merged from the JSON', () =>
  withFolder(async (folder) => {
    const rows = Array.from(
      { length: 20 },
      (_, index) =>
        `${128166372003061629n + BigInt(index) * 10_000n},made,0,${index % 2 === 0 ? 'Read' : 'Write'},${index * 8192},4096,0`,
    );
    const file = save(folder, 'trace', `${rows.join('\n')}\n`);
    const options = ['--timing', 'trace', '--speedup', '2.5', '--drive', 'hdd,rpm=5400,queueDepth=4'];
    const found = await replayJson([file, ...options, '--cache-mode', 'none']);
    const { timing, speedup, drive, driveBytes, driveCount } = found.config;
    assert.equal(
      { timing, speedup, drive, driveBytes, driveCount },
      {
        timing: 'trace',
        speedup: 2.5,
        drive: 'hdd,rpm=5400,queueDepth=4',
        driveBytes: 500_107_862_016,
        driveCount: 64,
      },
    );
    const rpm = found.driveParameters.find(({ name }) => name === 'rpm');
    assert.equal(rpm, { name: 'rpm', value: 5400, unit: 'rpm', source: 'given' });
    const [read, write] = [found.latencyNs.read, found.latencyNs.write].map((one) =>
      LatencyHistogram.fromJSON(one),
    );
    assert.equal([read?.count, write?.count], [10, 10]);
    const merged = read?.merge(write as LatencyHistogram).toJSON();
    assert.equal(JSON.parse(JSON.stringify(merged)), found.latencyNs.all);
    assert.is(found.serviceNs?.read.count, 10);
    assert.is(found.driveUse.length, 1);
    const text = await runCli(['replay', file, ...options, '--cache-mode', 'none']);
    assert.match(
      text.stdout,
      /^timing +open loop: each request at its time in the trace, 2.5 times as fast; /m,
    );
    assert.match(text.stdout, /^throughput +[\d,]+ requests\/s, [\d.]+ MB\/s in /m);
    assert.match(text.stdout, /^ +reads +10 +[\d,.]+ /m);
    const closed = await replayJson([file, '--timing', 'closed:3', '--drive', 'fixed,latencyNs=1ms']);
    assert.equal([closed.config.timing, closed.config.speedup], ['closed:3', null]);
    assert.is(closed.player.mostInFlight, 3);
    assert.is((await replayJson([file])).serviceNs, null);
    assert.is(closed.config.scheduler, 'none');
    const scheduled = await runCli(['replay', file, '--drive', 'hdd', '--scheduler', 'deadline']);
    assert.match(scheduled.stdout, /^block .*; scheduler deadline$/m);
  }),
);

report('every option reaches the report', () =>
  withFolder(async (folder) => {
    const file = save(folder, 'trace', MSR.content);
    const options = ['--cache', '1MiB', '--cache-mode', 'writethrough', '--block-size', '512', '--no-merge'];
    const more = [
      '--batch',
      '7',
      '--seed',
      '99',
      '--through',
      'aio',
      '--drive',
      'fixed',
      '--latency',
      '3000',
    ];
    const found = await replayJson([
      file,
      ...options,
      ...more,
      '--channels',
      '2',
      '--records',
      '--readahead',
      'off',
    ]);
    const { cacheBytes, cacheMode, blockSize, merge, batch, seed, through, drive, readahead } = found.config;
    assert.equal(
      { cacheBytes, cacheMode, blockSize, merge, batch, seed, through, drive, readahead },
      {
        cacheBytes: 2 ** 20,
        cacheMode: 'writethrough',
        blockSize: 512,
        merge: false,
        batch: 7,
        seed: 99,
        through: 'aio',
        drive: 'fixed,channels=2,latencyNs=3us',
        readahead: 'off',
      },
    );
    assert.ok(found.time.virtualSeconds > 0);
    assert.ok(found.latencyNs.write.max >= 3000);
    assert.match(found.records?.hash ?? '', /^[0-9a-f]{16}$/);
    assert.is(found.aio.submitted, 4);
  }),
);

report('dirty limits are taken, and the figures under Linux names add up', () =>
  withFolder(async (folder) => {
    const vm = ['--dirty-background-bytes', '8192', '--dirty-expire-centisecs', '10'];
    const args = ['--dirty-bytes', '64KiB', ...vm, '--dirty-writeback-centisecs', '0', '--through', 'aio'];
    const found = await replayJson([save(folder, 'trace', MSR.content), ...args]);
    assert.equal(found.config.vm, {
      dirtyBytes: 65536,
      dirtyBackgroundBytes: 8192,
      dirtyExpireCentisecs: 10,
      dirtyWritebackCentisecs: 0,
    });
    const { vmstat, meminfo, diskstats } = found;
    assert.equal([vmstat.nr_dirty_threshold, vmstat.nr_dirty_background_threshold], [16, 2]);
    assert.equal([vmstat.nr_dirty, vmstat.nr_writeback], [0, 0], 'the replay ends with a sync');
    assert.is(vmstat.nr_written, vmstat.nr_dirtied);
    assert.is(meminfo.Cached, vmstat.nr_file_pages * 4);
    assert.is(diskstats.length, found.trace.devices);
    const sectors = diskstats.reduce((sum, stat) => sum + stat.write_sectors, 0);
    assert.is(sectors * 512, found.drive.writeBytes);
    const ratios = await replayJson([
      ...[save(folder, 'again', MSR.content), '--cache', '4MiB'],
      ...['--dirty-ratio', '50', '--dirty-background-ratio', '25'],
    ]);
    assert.equal([ratios.vmstat.nr_dirty_threshold, ratios.vmstat.nr_dirty_background_threshold], [512, 256]);
  }),
);

report('a latency alone means a fixed drive', () =>
  withFolder(async (folder) => {
    const found = await replayJson([save(folder, 'trace', MSR.content), '--latency', '5000']);
    assert.is(found.config.drive, 'fixed,channels=1,latencyNs=5us');
  }),
);

report('payload none counts the same and checks nothing', () =>
  withFolder(async (folder) => {
    const file = save(folder, 'trace', MSR.content);
    const full = await replayJson([file]);
    const none = await replayJson([file, '--payload', 'none']);
    assert.equal([none.cache, none.block, none.drive], [full.cache, full.block, full.drive]);
    assert.is(none.verify.sectorsChecked, 0);
  }),
);

report('the report for people has a line for each part and no escape codes', () =>
  withFolder(async (folder) => {
    const file = save(folder, 'trace', MSR.content);
    for (const environment of [{}, { NO_COLOR: '1' }, { FORCE_COLOR: '1' }]) {
      const { code, stdout, stderr } = await runCli(['replay', file], environment);
      assert.is(code, 0);
      assert.is(stderr, '');
      assert.not.ok(stdout.includes(ESCAPE), 'an escape code');
      for (const label of ['trace', 'requests', 'virtio', 'cache', 'drive', 'verify', 'time']) {
        assert.match(stdout, new RegExp(`^${label} +\\S`, 'm'), label);
      }
      assert.match(stdout, 'requests    4: 2 reads of 4.5 KiB, 2 writes of 12 KiB\n');
      assert.match(stdout, '9 sectors read back, 0 mismatches');
      assert.not.match(stdout, /NaN|undefined|null/);
    }
  }),
);

report('a trace of nothing but a header is no error: zeros, no NaN, and a word on stderr', () =>
  withFolder(async (folder) => {
    const file = save(folder, 'empty.iolog', 'fio version 3 iolog\n');
    const text = await runCli(['replay', file]);
    assert.is(text.code, 0);
    assert.not.match(text.stdout, /NaN|undefined|Infinity/);
    assert.is(text.stderr, `${file}: the trace holds no requests\n`);
    const json = await runCli(['replay', file, '--json', '--drive', 'fixed', '--reopen']);
    assert.is(json.code, 0);
    const found = JSON.parse(json.stdout) as ReplayReport & Record<string, unknown>;
    assertKeys(found);
    assert.is(found.trace.requests, 0);
    assert.is(found.cache.accesses, 0);
    assert.not.match(json.stdout, /NaN/);
  }),
);

report('an image is a real file, and nothing but the report is printed', () =>
  withFolder(async (folder) => {
    const image = path.join(folder, 'disk.img');
    const trace = save(folder, 'trace', MSR.content);
    const { code, stdout, stderr } = await runCli(['replay', trace, '--image', image, '--reopen']);
    assert.is(code, 0);
    assert.is(stderr, '', 'no ExperimentalWarning');
    assert.match(stdout, 'reopened: 24 sectors, 0 mismatches');
    assert.is(readFileSync(image).length, 65536 + 8192);
  }),
);

report('a sector that something else wrote is a violation: exit 1, its line and sector named', () =>
  withFolder(async (folder) => {
    // the second file of the trace has the same image as the first
    const image = path.join(folder, 'disk.img');
    const lines = [
      'f add',
      'f open',
      'g add',
      'g open',
      'f write 0 4096',
      'g write 512 512',
      'f read 0 4096',
    ];
    const trace = save(folder, 'trace', `fio version 2 iolog\n${lines.join('\n')}\n`);
    const run = async (...more: string[]) => {
      rmSync(image, { force: true });
      rmSync(`${image}.1`, { force: true });
      writeFileSync(image, '');
      linkSync(image, `${image}.1`);
      return runCli(['replay', trace, '--image', image, '--cache-mode', 'none', '--batch', '1', ...more]);
    };
    const { code, stdout } = await run();
    assert.is(code, 1);
    assert.match(stdout, '8 sectors read back, 1 mismatches (first: line 8, sector 1)');
    const json = await run('--json');
    assert.is(json.code, 1);
    assert.equal((JSON.parse(json.stdout) as ReplayReport).verify.firstMismatch, { line: 8, sector: 1 });
  }),
);

report('bad lines that may be skipped are counted by reason', async () => {
  const file = sharedPath('edge/msr-bad-rows.csv');
  if (!existsSync(file)) {
    console.log('SKIPPED: bad rows skipped and counted: the traces beside the repository are missing');
    return;
  }
  const found = await replayJson([file, '--skip-bad', '7']);
  assert.is(found.trace.requests, 10);
  assert.is(found.trace.skipped, 7);
  const reasons = Object.values(found.trace.skippedReasons);
  assert.is(
    reasons.reduce((sum, count) => sum + count, 0),
    7,
  );
  const tooMany = await runCli(['replay', file, '--skip-bad', '6']);
  assert.is(tooMany.code, 2);
  assert.is(tooMany.stdout, '');
  assert.match(tooMany.stderr, /msr-bad-rows\.csv: line \d+: .*at most 6 may be skipped/);
});

report('--help and --version answer on stdout with exit 0', async () => {
  const help = await runCli(['replay', '--help']);
  assert.is(help.code, 0);
  assert.is(help.stderr, '');
  for (const option of ['--cache', '--batch', '--skip-bad', '--json', '--payload', '--reopen']) {
    assert.match(help.stdout, option);
  }
  const version = await runCli(['--version']);
  assert.equal([version.code, version.stdout], [0, '0.1.0\n']);
});

report(
  'rules of faults reach the drive: the report says what each did, and a write that was lost is found',
  async () => {
    const sample = 'test/examples/sample.iolog.gz';
    const rules = ['--fault', 'lostWrite every=300', '--fault', 'slow perMillion=100000 factor=20'];
    const { code, stdout } = await runCli(['replay', sample, '--drive', 'fixed', ...rules]);
    assert.is(code, 1);
    assert.match(stdout, /^faults {6}lostWrite every=300: met 1\d of 3,\d+ requests$/m);
    assert.match(stdout, /^ +slow perMillion=100000 factor=20: met 1,\d+ of 12,\d+ requests$/m);
    assert.match(stdout, /^verify .*[1-9]\d* mismatches \(first: line \d+, sector \d+\)$/m);
    const json = await runCli([
      'replay',
      sample,
      '--payload',
      'none',
      '--fault',
      'reorder perMillion=10',
      '--json',
    ]);
    assert.is(json.code, 0);
    const [fault] = (JSON.parse(json.stdout) as ReplayReport).faults;
    assert.is(fault?.rule, 'reorder perMillion=10');
  },
);

report.run();
