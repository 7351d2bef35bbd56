// Opening: options in their ranges, the docstring's example, and every shared trace against its expected numbers.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FORMATS, type OpenTraceOptions, openTrace, TraceBatch } from '../../../src/trace/index.ts';
import { formatNamed } from '../../../src/trace/registry.ts';
import { expectFault, NAME, pack, readTrace, SHARED_TRACES, streamOf, summary, utf8 } from './support.ts';

const open = suite('trace/open');

const ROW = '128166372003061629,web,1,Read,4096,512,100\n';

open('the example of the docstring runs', async () => {
  const reader = await openTrace(streamOf(utf8(ROW)));
  const batch = new TraceBatch(1024);
  const seen: unknown[] = [];
  while ((await reader.next(batch)) > 0) {
    for (let index = 0; index < batch.count; index++) seen.push(batch.at(index));
  }
  assert.equal([reader.format, reader.totals.requests, seen.length], ['msr-csv', 1, 1]);
});

open('options outside their range are refused', async () => {
  const wrong: OpenTraceOptions[] = [
    { skipBad: -1 },
    { skipBad: 1.5 },
    { skipBad: Number.NaN },
    { maxDevices: 0 },
    { maxDevices: 65537 },
    { maxDevices: 2.5 },
  ];
  for (const options of wrong) {
    try {
      await openTrace(streamOf(utf8(ROW)), options);
      assert.unreachable(JSON.stringify(options));
    } catch (error) {
      assert.instance(error, RangeError);
    }
  }
});

open('one device too many is an error that no skipBad passes over', async () => {
  const rows = [0, 1, 2].map((disk) => ROW.replace('web,1', `web,${disk}`)).join('');
  assert.is((await readTrace(rows, { maxDevices: 3 })).records.length, 3);
  const message = `${NAME}: line 3: "web,2" is one more than the limit of 2 devices or files (maxDevices)`;
  await expectFault(rows, 'ERR_TRACE_DEVICES', message, { maxDevices: 2, skipBad: Infinity });
  await expectFault(
    'fio version 2 iolog\na add\nb add\n',
    'ERR_TRACE_DEVICES',
    /line 3: "b" is one more than/,
    { maxDevices: 1 },
  );
});

open('a stream without a name is called <stream>', async () => {
  try {
    await openTrace(streamOf());
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, '<stream>: the file is empty');
  }
});

open('the names of the registry are unique and found', () => {
  assert.is(new Set(FORMATS.map(({ name }) => name)).size, FORMATS.length);
  for (const format of FORMATS) assert.is(formatNamed(format.name), format);
  assert.is(formatNamed('nothing'), undefined);
});

/** Members of expected.json that every reader must reproduce exactly. */
const CHECKED = [
  'requests',
  'reads',
  'writes',
  'discards',
  'flushes',
  'read_bytes',
  'write_bytes',
  'discard_bytes',
  'span_s',
  'devices',
  'time_goes_back',
  'max_end_byte',
];

const list = new URL('expected.json', SHARED_TRACES);
if (existsSync(list)) {
  const all = JSON.parse(readFileSync(list, 'utf8')) as Record<string, Record<string, number>>;
  const readable = Object.entries(all).filter(([path]) => /^(fio-iolog|msr-csv)\/|\.vscsi/.test(path));
  open('the shared set has every format of this test', () => {
    assert.ok(readable.length >= 10);
  });
  for (const [path, expected] of readable) {
    open(`${path} gives the expected numbers, as it is, plain, packed and with CRLF`, async () => {
      const stored = new Uint8Array(readFileSync(fileURLToPath(new URL(path, SHARED_TRACES))));
      const plain = path.endsWith('.gz') ? new Uint8Array(gunzipSync(stored)) : stored;
      const whole = await readTrace(stored, {}, 1000);
      const { totals, deviceNames } = whole.reader;
      assert.equal(
        {
          requests: totals.requests,
          reads: totals.reads,
          writes: totals.writes,
          discards: totals.discards,
          flushes: totals.flushes,
          read_bytes: totals.readBytes,
          write_bytes: totals.writeBytes,
          discard_bytes: totals.discardBytes,
          span_s: Math.round(totals.spanSeconds * 1e6) / 1e6,
          devices: deviceNames.length,
          time_goes_back: totals.timeGoesBack,
          max_end_byte: totals.maxEndByte,
        },
        Object.fromEntries(CHECKED.map((key) => [key, expected[key]])),
      );
      const same = summary(whole);
      assert.equal(summary(await readTrace(plain, {}, 999)), same);
      assert.equal(summary(await readTrace(pack(plain), {}, 1001)), same);
      if (!path.includes('vscsi')) {
        const crlf = Buffer.from(plain).toString('latin1').replaceAll('\n', '\r\n');
        assert.equal(summary(await readTrace(new Uint8Array(Buffer.from(crlf, 'latin1')), {}, 64)), same);
      }
    });
  }
} else {
  console.log('SKIPPED: shared traces against expected.json: ../shared/traces is not there');
}

open.run();
