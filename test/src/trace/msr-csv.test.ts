// MSR Cambridge CSV: filetimes that fit no double, rows out of order, and each bad row with its message.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TRACE_READ, TRACE_WRITE } from '../../../assembly/layout.ts';
import { openTrace } from '../../../src/trace/index.ts';
import { drain, expectFault, faultOf, NAME, readTrace, SHARED_TRACES, summary, utf8 } from './support.ts';

const msr = suite('trace/msr-csv');

const START = 128166372003061629n;
const GOOD = `${START},web,1,Read,4096,512,100`;

msr('a row becomes a record; the device is host and disk number', async () => {
  const { reader, records } = await readTrace(
    `${START},web,1,Read,7014609920,24576,41286\n${START + 1n},src1,0,Write,512,1024,0\n${START + 26n},web,1,Write,0,512,7\n`,
  );
  assert.equal(records, [
    { operation: TRACE_READ, device: 0, lengthBytes: 24576, offsetBytes: 7014609920, timeNs: 0n, line: 1 },
    { operation: TRACE_WRITE, device: 1, lengthBytes: 1024, offsetBytes: 512, timeNs: 100n, line: 2 },
    { operation: TRACE_WRITE, device: 0, lengthBytes: 512, offsetBytes: 0, timeNs: 2600n, line: 3 },
  ]);
  assert.equal(reader.deviceNames, ['web.1', 'src1.0']);
  assert.is(reader.format, 'msr-csv');
  assert.is(reader.entrance, 'virtio');
  assert.is(reader.unit, 'sector');
  assert.is(reader.hasClock, true);
  assert.is(reader.totals.spanSeconds, 0.0000026);
  assert.is(reader.totals.maxEndByte, 7014609920 + 24576);
});

msr('rows may go back in time: the record stops at 0, the span does not', async () => {
  const rows = [0n, 50n, -30n, 20n].map((ticks) => `${START + ticks},h,0,Read,0,512,1`);
  const { reader, records } = await readTrace(rows.join('\n'));
  assert.equal(
    records.map(({ timeNs }) => timeNs),
    [0n, 5000n, 0n, 2000n],
  );
  assert.is(reader.totals.timeGoesBack, 1);
  assert.is(reader.totals.spanSeconds, 0.000008);
});

msr('filetimes of any length are exact, also where the last nine digits wrap', async () => {
  for (const [first, second] of [
    [128166372999999999n, 128166373000000000n],
    [999999999n, 1000000000n],
    [0n, 9007199254740991n],
    [9223372036854775806n, 9223372036854775807n],
  ] as const) {
    const { records } = await readTrace(`${first},h,0,Read,0,512,1\n${second},h,0,Read,0,512,1\n`);
    assert.is(records[1]?.timeNs, (second - first) * 100n);
  }
});

msr('each fault names file, line, value and limit', async () => {
  const row = (
    fields: Partial<Record<'time' | 'host' | 'disk' | 'type' | 'offset' | 'size' | 'response', string>>,
  ) => {
    const all = {
      time: `${START}`,
      host: 'web',
      disk: '1',
      type: 'Read',
      offset: '0',
      size: '512',
      response: '9',
    };
    return Object.values({ ...all, ...fields }).join(',');
  };
  const cases: [string, string][] = [
    [`${START},web,1,Read,0,512`, '6 comma-separated fields instead of 7'],
    [`${GOOD},`, '8 comma-separated fields instead of 7'],
    ['x', '1 comma-separated fields instead of 7'],
    [row({ time: 'noon' }), 'Timestamp "noon" is no whole number'],
    [row({ time: '1.28166E+17' }), 'Timestamp "1.28166E+17" is no whole number'],
    [row({ time: '' }), 'Timestamp is empty'],
    [row({ time: '-5' }), 'Timestamp -5 is negative (the least is 0)'],
    [row({ time: '9223372036854775808' }), 'Timestamp 9223372036854775808 is above the limit of 2^63 - 1'],
    [row({ time: '5' }), 'Timestamp 5 is over 28 years (2^53 ticks) from the first'],
    [row({ host: '' }), 'Hostname is empty'],
    [row({ host: 'h'.repeat(257) }), 'Hostname and DiskNumber are above 256 bytes'],
    [row({ disk: 'c' }), 'DiskNumber "c" is no whole number'],
    [row({ type: 'read' }), 'Type "read" is neither Read nor Write'],
    [row({ type: 'Trim' }), 'Type "Trim" is neither Read nor Write'],
    [row({ type: 'Read ' }), 'Type "Read " is neither Read nor Write'],
    [row({ type: '\u001b[0m' }), 'Type "\\u001b[0m" is neither Read nor Write'],
    [row({ offset: '-512' }), 'Offset -512 is negative (the least is 0)'],
    [row({ offset: ' 0' }), 'Offset " 0" is no whole number'],
    [row({ offset: '100' }), 'offset 100 is no multiple of 512 bytes'],
    [row({ offset: '4294967297' }), 'offset 4294967297 is no multiple of 512 bytes'],
    [row({ size: '100' }), 'length 100 is no multiple of 512 bytes'],
    [row({ size: '0' }), 'a read of length 0 (the least is 1 byte)'],
    [row({ size: '4294967296' }), 'length 4294967296 is above the limit of 4294967295 bytes'],
    [row({ size: '99999999999999999999' }), 'Size 99999999999999999999 is above the limit of 2^53 - 1'],
    [row({ offset: '9007199254740992' }), 'Offset 9007199254740992 is above the limit of 2^53 - 1'],
    [
      row({ offset: '9007199254740480' }),
      'offset 9007199254740480 + length 512 ends above the limit of 9007199254740991 (2^53 - 1)',
    ],
    [row({ response: '' }), 'ResponseTime is empty'],
    [row({ response: '0.5' }), 'ResponseTime "0.5" is no whole number'],
    [`\n${GOOD}`, 'a blank line before the end of the file'],
  ];
  for (const [line, reason] of cases) {
    const { error, records } = await faultOf(`${GOOD}\n${line}\n${GOOD}\n`);
    assert.is(error.message, `${NAME}: line 2: ${reason}`);
    assert.is(error.code, 'ERR_TRACE_LINE');
    assert.is(error.line, 2);
    assert.is(error.byteOffset, GOOD.length + 1);
    assert.is(records.length, 1, reason);
  }
});

msr('a bad row leaves no trace in clock, devices or totals', async () => {
  const bad = `${START - 999n},other,7,Read,0,0,1\n`;
  const { reader, records } = await readTrace(`${bad}${GOOD}\n`, { skipBad: 1 });
  assert.equal(reader.deviceNames, ['web.1']);
  assert.is(records[0]?.timeNs, 0n);
  assert.is(reader.totals.requests, 1);
  assert.is(reader.totals.spanSeconds, 0);
});

msr('a header row is a bad row', async () => {
  const header = 'Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime';
  await expectFault(
    `${header}\n${GOOD}\n`,
    'ERR_TRACE_LINE',
    `${NAME}: line 1: Timestamp "Timestamp" is no whole number`,
  );
  assert.is((await readTrace(`${header}\n${GOOD}\n`, { skipBad: 1 })).records.length, 1);
});

msr('byte-order mark, CRLF, a missing last newline and blank lines at the end change nothing', async () => {
  const rows = [GOOD, `${START + 9n},web,2,Write,512,512,1`];
  const plain = summary(await readTrace(`${rows.join('\n')}\n`));
  for (const text of [
    rows.join('\n'),
    `\ufeff${rows.join('\n')}`,
    `${rows.join('\r\n')}\r\n`,
    rows.join('\r\n'),
    `${rows.join('\n')}\r`,
    `${rows.join('\n')}\n\n \t\n\r\n\r\n`,
  ]) {
    assert.equal(summary(await readTrace(text)), plain, JSON.stringify(text));
  }
});

msr('a byte-order mark anywhere but at the start is a bad row', async () => {
  await expectFault(
    `${GOOD}\n\ufeff${GOOD}\n`,
    'ERR_TRACE_LINE',
    /line 2: Timestamp "\ufeff?128166372003061629" is no/,
  );
});

msr('a line longer than 64 KiB is one bad line, however it arrives', async () => {
  const text = `${GOOD}\n${'9'.repeat(200_000)}\n${GOOD}\n`;
  await expectFault(
    text,
    'ERR_TRACE_LINE',
    `${NAME}: line 2: 200000 bytes are above the limit of 65536 for one line`,
  );
  const { reader, records } = await readTrace(text, { skipBad: 1 });
  assert.equal(
    records.map(({ line }) => line),
    [1, 3],
  );
  assert.equal([...reader.totals.skippedReasons.keys()], ['line too long']);
});

const badRows = new URL('edge/msr-bad-rows.csv', SHARED_TRACES);
if (existsSync(badRows)) {
  msr('the bad rows of the shared sample: 10 good, 7 skipped by reason', async () => {
    for (const skipBad of [7, 8, Infinity]) {
      const reader = await openTrace(fileURLToPath(badRows), { skipBad });
      await drain(reader, []);
      assert.is(reader.totals.requests, 10);
      assert.is(reader.totals.skipped, 7);
      assert.equal(
        [...reader.totals.skippedReasons].map(([kind, { firstLines }]) => [kind, firstLines]),
        [
          ['field count', [6, 11]],
          ['Timestamp not a number', [7]],
          ['unknown operation', [8, 9]],
          ['blank line', [10]],
          ['negative Offset', [12]],
        ],
      );
    }
  });

  msr('the seventh bad row of the shared sample is one too many for six', async () => {
    const { error } = await faultOf(readFileSync(badRows), { skipBad: 6 });
    const over = '(bad line 7; at most 6 may be skipped)';
    assert.is(error.message, `${NAME}: line 12: Offset -512 is negative (the least is 0) ${over}`);
  });
} else {
  console.log('SKIPPED: the shared bad rows of MSR: ../shared/traces is not there');
}

const row = fc.record({
  host: fc.constantFrom('hm', 'usr', 'prxy-ä', 'a.1'),
  disk: fc.nat(30),
  type: fc.constantFrom('Read', 'Write'),
  sector: fc.nat(2 ** 43),
  sectors: fc.integer({ min: 1, max: 2 ** 23 - 1 }),
  ticks: fc.bigInt(-(2n ** 50n), 2n ** 52n),
  response: fc.nat(),
});

msr('what is written is what is read', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1 }), fc.boolean(), async (rows, isCrlf) => {
      const lines = rows.map(
        ({ host, disk, type, sector, sectors, ticks, response }) =>
          `${START + ticks},${host},${disk},${type},${sector * 512},${sectors * 512},${response}`,
      );
      const names = [...new Set(rows.map(({ host, disk }) => `${host}.${disk}`))];
      const first = rows[0]!.ticks;
      const expected = rows.map(({ host, disk, type, sector, sectors, ticks }, index) => ({
        operation: type === 'Read' ? TRACE_READ : TRACE_WRITE,
        device: names.indexOf(`${host}.${disk}`),
        lengthBytes: sectors * 512,
        offsetBytes: sector * 512,
        timeNs: ticks > first ? (ticks - first) * 100n : 0n,
        line: index + 1,
      }));
      const { reader, records } = await readTrace(utf8(lines.join(isCrlf ? '\r\n' : '\n')));
      assert.equal(records, expected);
      assert.equal(reader.deviceNames, names);
      const sorted = rows.map(({ ticks }) => ticks).sort((left, right) => (left < right ? -1 : 1));
      assert.is(reader.totals.spanSeconds, Number(sorted.at(-1)! - sorted[0]!) / 1e7);
      assert.is(
        reader.totals.timeGoesBack,
        rows.filter(({ ticks }, index) => index > 0 && ticks < rows[index - 1]!.ticks).length,
      );
    }),
  );
});

msr.run();
