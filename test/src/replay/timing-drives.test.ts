// Recorded traces in every timing on every model of a drive: nothing comes back wrong, what the drives say of themselves
// adds up, and the same run gives the same hash.
//
// test-timeout: 120

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDrive } from '../../../src/core/drive-models/text.ts';
import { LatencyHistogram } from '../../../src/replay/latency.ts';
import type { Timing } from '../../../src/replay/options.ts';
import { decisions, delivered, play } from './support.ts';

const drives = suite('replay/timing-drives');

const DRIVES = ['fixed,channels=4,latencyNs=80us', 'hdd', 'ssd', 'nvme'];
/** Two with times, one of them with unaligned files and syncs. */
const TRACES = ['fio-iolog/multifile-fdatasync.v3.iolog', 'msr-csv/hm_0-sample.csv'];
const LINES = 700;

/** The first lines of a text trace. */
async function cut(path: string): Promise<string> {
  const file = createReadStream(path);
  const lines = createInterface({ input: path.endsWith('.gz') ? file.pipe(createGunzip()) : file });
  const taken: string[] = [];
  for await (const line of lines) {
    taken.push(line);
    if (taken.length === LINES) break;
  }
  file.destroy();
  return `${taken.join('\n')}\n`;
}

const traces = delivered('recorded traces in every timing on every drive').filter(({ name }) =>
  TRACES.includes(name),
);

for (const { name, path } of traces) {
  for (const line of DRIVES) {
    drives(`${name} on ${line}: nothing is wrong in any timing, and the figures add up`, async () => {
      const content = await cut(path);
      for (const timing of ['asap', 'trace', 'closed:1', 'closed:16'] as const satisfies readonly Timing[]) {
        const options = { timing, drive: parseDrive(line), cache: '1MiB', records: true } as const;
        const report = await play(content, { ...options, reopen: true });
        const what = `${timing}: `;
        assert.is(report.verify.mismatches, 0, what);
        assert.is(report.verify.reopenedMismatches, 0, what);
        assert.is(report.player.requests, report.trace.requests, what);
        const { read, write, discard, flush, all } = report.latencyNs;
        assert.equal(
          [read.count, write.count, discard.count, flush.count],
          [report.trace.reads, report.trace.writes, report.trace.discards, report.trace.flushes],
        );
        const summed = [read, write, discard, flush].reduce(
          (sum, one) => sum.merge(LatencyHistogram.fromJSON(one)),
          LatencyHistogram.empty(),
        );
        assert.equal(JSON.parse(JSON.stringify(summed)), JSON.parse(JSON.stringify(all)));
        assert.ok(report.throughput.seconds > 0 && report.throughput.seconds <= report.time.virtualSeconds);
        for (const { meanDepth, mostDepth, utilisation } of report.driveUse) {
          assert.ok(utilisation >= 0 && utilisation <= 1, `${what}${utilisation}`);
          assert.ok(meanDepth <= mostDepth && mostDepth <= 1024, `${what}${meanDepth} ${mostDepth}`);
        }
        if (timing === 'closed:1') assert.is(report.player.mostInFlight, 1);
        if (report.serviceNs !== null) {
          // what waits outside the ring only adds to what is served
          assert.ok(BigInt(report.serviceNs.read.sum) <= BigInt(read.sum), what);
          assert.ok(report.serviceNs.write.max <= write.max, what);
        }
        if (timing !== 'trace') continue;
        assert.ok(report.throughput.seconds >= report.trace.spanSeconds - 1e-6);
        const again = await play(content, { ...options, reopen: true });
        assert.equal(decisions(again), decisions(report));
      }
    });
  }
}

drives('payload none decides as full does on every drive, through every kind of request', async () => {
  const lines = Array.from({ length: 600 }, (_, index) => {
    const action = index % 11 === 0 ? 'trim' : index % 3 === 0 ? 'read' : 'write';
    if (index % 17 === 0) return `${index * 40} a sync 0 0`;
    return `${index * 40} a ${action} ${((index * 7919) % 4000) * 512} ${512 * (1 + (index % 24))}`;
  });
  const trace = ['fio version 3 iolog', '0 a add', '0 a open', ...lines, ''].join('\n');
  for (const line of DRIVES) {
    for (const timing of ['trace', 'closed:8'] as const) {
      const options = { timing, drive: parseDrive(line), cache: '256KiB', records: true } as const;
      const full = await play(trace, options);
      const none = await play(trace, { ...options, payload: 'none' });
      assert.is(none.records?.hash, full.records?.hash, `${line} ${timing}`);
      assert.equal(none.latencyNs, full.latencyNs);
      assert.equal(none.driveUse, full.driveUse);
      assert.is(full.verify.mismatches, 0);
    }
  }
});

drives(
  'a report names the drive so that it can be asked for again, and each parameter with its source',
  async () => {
    const line = 'hdd,rpm=5400,size=2TiB';
    const { config, driveParameters } = await play('fio version 2 iolog\na add\na open\na read 0 512\n', {
      drive: parseDrive(line),
    });
    assert.is(config.drive, line);
    assert.is(config.driveBytes, 2 ** 41);
    assert.equal(parseDrive(config.drive), parseDrive(line));
    const of = (name: string) => driveParameters.find((parameter) => parameter.name === name);
    assert.equal(of('rpm'), { name: 'rpm', value: 5400, unit: 'rpm', source: 'given' });
    const { value, unit, source } = of('seekAverageNs') ?? {};
    assert.equal([value, unit], [8_500_000, 'ns']);
    assert.match(source ?? '', /Deskstar/);
  },
);

drives('flash tells its write amplification, what has none tells null', async () => {
  const trace = 'fio version 2 iolog\na add\na open\na write 0 65536\na sync 0 0\n';
  const of = async (line: string) => (await play(trace, { drive: parseDrive(line) })).writeAmplification;
  assert.is(await of('hdd'), null);
  assert.is(await of('instant'), null);
  assert.is(await of('nvme'), 1);
});

drives.run();
