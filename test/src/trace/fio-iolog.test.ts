// fio iolog, versions 2 and 3: every action, appended logs, torn lines, and each fault with its message.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  TRACE_DATASYNC,
  TRACE_DISCARD,
  TRACE_FLUSH,
  TRACE_READ,
  TRACE_WRITE,
} from '../../../assembly/layout.ts';
import { expectFault, faultOf, NAME, readTrace } from './support.ts';

const iolog = suite('trace/fio-iolog');

const V2 = 'fio version 2 iolog\na add\na open\n';
const V3 = 'fio version 3 iolog\n7 a add\n9 a open\n';

iolog('version 3: every action becomes its record, in microseconds since the first request', async () => {
  const log = `${V3}20 a read 3 1\n21 a write 4096 512\n21 a trim 0 65536\n22 a sync 777 0\n24 a datasync 5 9\n30 a close\n`;
  const { reader, records } = await readTrace(log);
  assert.equal(records, [
    { operation: TRACE_READ, device: 0, lengthBytes: 1, offsetBytes: 3, timeNs: 0n, line: 4 },
    { operation: TRACE_WRITE, device: 0, lengthBytes: 512, offsetBytes: 4096, timeNs: 1000n, line: 5 },
    { operation: TRACE_DISCARD, device: 0, lengthBytes: 65536, offsetBytes: 0, timeNs: 1000n, line: 6 },
    { operation: TRACE_FLUSH, device: 0, lengthBytes: 0, offsetBytes: 0, timeNs: 2000n, line: 7 },
    { operation: TRACE_DATASYNC, device: 0, lengthBytes: 0, offsetBytes: 0, timeNs: 4000n, line: 8 },
  ]);
  assert.is(reader.format, 'fio-iolog-v3');
  assert.is(reader.formatTitle, 'fio iolog version 3');
  assert.is(reader.entrance, 'aio');
  assert.is(reader.unit, 'byte');
  assert.is(reader.hasClock, true);
  const { totals } = reader;
  assert.is(totals.spanSeconds, 0.000004);
  assert.is(totals.requests, 5);
  assert.equal(
    [totals.reads, totals.writes, totals.discards, totals.flushes, totals.datasyncs],
    [1, 1, 1, 2, 1],
  );
  assert.equal([totals.readBytes, totals.writeBytes, totals.discardBytes], [1, 512, 65536]);
  assert.is(totals.maxEndByte, 65536);
  assert.is(totals.notes.size, 0);
});

iolog('version 2 has no clock', async () => {
  const { reader, records } = await readTrace(`${V2}a read 0 4096\na sync 0 0\n`);
  assert.is(reader.format, 'fio-iolog-v2');
  assert.is(reader.hasClock, false);
  assert.equal(
    records.map(({ timeNs }) => timeNs),
    [0n, 0n],
  );
  assert.is(reader.totals.spanSeconds, 0);
});

iolog('a header alone is a trace of zero requests', async () => {
  for (const log of ['fio version 3 iolog\n', 'fio version 2 iolog', 'fio version 3 iolog\r\n\r\n\n', V3]) {
    const { reader, records } = await readTrace(log);
    assert.equal(records, []);
    assert.is(reader.totals.requests, 0);
    assert.is(reader.totals.spanSeconds, 0);
    assert.is(reader.totals.skipped, 0);
  }
});

iolog('waits of version 2 are noted and ignored, in the long and the short form', async () => {
  const { reader, records } = await readTrace(`${V2}a wait 100 0\nwait 2000 0\na read 0 1\nwait read 0 1\n`);
  assert.is(records.length, 2);
  assert.equal(reader.deviceNames, ['a', 'wait']);
  assert.equal(reader.totals.notes.get('wait lines ignored'), { count: 2, firstLines: [4, 5] });
});

iolog('a wait in version 3 is noted and ignored', async () => {
  const { reader, records } = await readTrace(`${V3}10 a wait 100 0\n11 a read 0 1\n`);
  assert.is(records.length, 1);
  assert.equal(reader.totals.notes.get('wait lines ignored'), { count: 1, firstLines: [4] });
});

iolog('actions that fio logs but cannot read are counted and passed over', async () => {
  const log = `${V3}10 a sync_file_range 0 4096\n11 a read 0 1\n12 a sync_file_range 0 4096\n`;
  const { reader, records } = await readTrace(log);
  assert.is(records.length, 1);
  assert.is(reader.totals.skipped, 0);
  assert.equal(reader.totals.notes.get('unknown action "sync_file_range" passed over'), {
    count: 2,
    firstLines: [4, 6],
  });
});

iolog('a log that invents actions without end does not grow the notes without end', async () => {
  const word = (index: number) => [...String(index)].map((digit) => 'abcdefghij'[Number(digit)]).join('');
  const lines = Array.from({ length: 500 }, (_, index) => `a x${word(index)} 0 0`);
  const { reader } = await readTrace(`${V2}${lines.join('\n')}\n`);
  assert.ok(reader.totals.notes.size <= 33);
  assert.is(
    [...reader.totals.notes.values()].reduce((sum, { count }) => sum + count, 0),
    500,
  );
});

iolog('a second header resets the time base: its times continue where the first log stopped', async () => {
  const log = `${V3}100 a read 0 1\n300 a read 1 1\n350 a close\n${V3}40 a read 2 1\n90 a read 3 1\n${V3}10 a read 4 1\n`;
  const { reader, records } = await readTrace(log);
  assert.equal(
    records.map(({ timeNs }) => timeNs),
    [0n, 200_000n, 290_000n, 340_000n, 350_000n],
  );
  assert.is(reader.totals.timeGoesBack, 0);
  assert.is(reader.totals.spanSeconds, 0.00035);
  const [[remark, tally]] = [...reader.totals.notes] as [[string, unknown]];
  assert.match(remark, /repeated header/);
  assert.equal(tally, { count: 2, firstLines: [7, 12] });
});

iolog('a bad line does not move the time base of the log after it', async () => {
  const log = `${V3}100 a read 0 1\n900 a read 0 0\n${V3}40 a read 2 1\n`;
  const { records } = await readTrace(log, { skipBad: 1 });
  assert.equal(
    records.map(({ timeNs }) => timeNs),
    [0n, 40_000n],
  );
});

iolog('time that goes back is counted, and stops at the first request', async () => {
  const { reader, records } = await readTrace(
    `${V3}100 a read 0 1\n90 a read 0 1\n120 a read 0 1\n110 a read 0 1\n`,
  );
  assert.equal(
    records.map(({ timeNs }) => timeNs),
    [0n, 0n, 20_000n, 10_000n],
  );
  assert.is(reader.totals.timeGoesBack, 2);
  assert.is(reader.totals.spanSeconds, 0.00003);
});

iolog('a file without add or open is tolerated with one note', async () => {
  const { reader, records } = await readTrace(
    'fio version 2 iolog\nb add\na read 0 1\na read 1 1\nb read 0 1\n',
  );
  assert.is(records.length, 3);
  assert.equal(reader.deviceNames, ['b', 'a']);
  assert.equal(reader.totals.notes.get('file used without an add and an open line'), {
    count: 2,
    firstLines: [3, 5],
  });
});

iolog('open and close may repeat; use after close is noted', async () => {
  const { reader } = await readTrace(`${V2}a read 0 1\na close\na open\na read 0 1\na close\na read 0 1\n`);
  assert.equal(reader.totals.notes.get('file used without an add and an open line'), {
    count: 1,
    firstLines: [9],
  });
});

iolog('tabs, runs of blanks and leading blanks separate fields as well', async () => {
  const { records } = await readTrace(`${V3} \t20   a\tread  0\t4096  \n`);
  assert.is(records[0]?.lengthBytes, 4096);
});

iolog('torn and glued lines are bad lines, by number', async () => {
  for (const torn of [
    '181 a wri',
    '181 a write 100',
    '181',
    '18',
    '.dat write 100 4096',
    'te 100 4096',
    '181 a write 1007222 a write 1 2',
    '181 a wri222 a write 12 8192',
    '181 a write 0 40a96',
    '181 a write 0x10 4096',
    '181 a 4096 8192 1',
    'fio version 3',
    'fio version 3 iolog 181 a read 0 1',
  ]) {
    const { error, records } = await faultOf(`${V3}10 a read 0 1\n${torn}\n20 a read 0 1\n`);
    assert.is(error.code, 'ERR_TRACE_LINE', torn);
    assert.is(error.line, 5, torn);
    assert.is(records.length, 1, torn);
    const skipping = await readTrace(`${V3}10 a read 0 1\n${torn}\n20 a read 0 1\n`, { skipBad: 1 });
    assert.is(skipping.records.length, 2, torn);
    assert.is(skipping.reader.totals.skipped, 1, torn);
  }
});

iolog('each fault names file, line, value and limit', async () => {
  const two53 = 2 ** 53;
  const cases: [string, RegExp | string][] = [
    ['20 a read -4096 512', `${NAME}: line 4: offset -4096 is negative (the least is 0)`],
    ['20 a read 0 -1', `${NAME}: line 4: length -1 is negative (the least is 0)`],
    ['-20 a read 0 1', `${NAME}: line 4: time -20 is negative (the least is 0)`],
    ['20 a read x 1', `${NAME}: line 4: offset "x" is no whole number`],
    ['soon a read 0 1', `${NAME}: line 4: time "soon" is no whole number`],
    ['20 a read 0 0', `${NAME}: line 4: a read of length 0 (the least is 1 byte)`],
    ['20 a write 0 0', `${NAME}: line 4: a write of length 0 (the least is 1 byte)`],
    ['20 a trim 0 0', `${NAME}: line 4: a discard of length 0 (the least is 1 byte)`],
    ['20 a read 0 4294967296', `${NAME}: line 4: length 4294967296 is above the limit of 4294967295 bytes`],
    [`20 a read ${two53} 1`, `${NAME}: line 4: offset ${two53} is above the limit of 2^53 - 1`],
    [
      '20 a read 18446744073709551615 1',
      `${NAME}: line 4: offset 18446744073709551615 is above the limit of 2^53 - 1`,
    ],
    [
      `20 a read ${two53 - 1} 1`,
      /line 4: offset 9007199254740991 \+ length 1 ends above the limit of 9007199254740991/,
    ],
    [`${two53} a read 0 1`, /line 4: time 9007199254740992 is above the limit/],
    ['20 a READ 0 1', `${NAME}: line 4: action "READ" is not read, write, trim, sync or datasync`],
    ['20 a erase', `${NAME}: line 4: file action "erase" is not add, open or close`],
    ['20 a read 0', `${NAME}: line 4: 4 fields instead of 3 (file action) or 5 (request)`],
    ['20 a read 0 1 2', `${NAME}: line 4: 6 fields instead of 3 (file action) or 5 (request)`],
    ['20 a sync', /file action "sync" is not add, open or close/],
    [`20 ${'n'.repeat(257)} read 0 1`, /line 4: a file name of 257 bytes; fio reads 256/],
    ['\n20 a read 0 1', `${NAME}: line 4: a blank line before the end of the file`],
  ];
  for (const [line, message] of cases) await expectFault(`${V3}${line}\n`, 'ERR_TRACE_LINE', message);
  await expectFault(
    `${V2}a read 0\n`,
    'ERR_TRACE_LINE',
    `${NAME}: line 4: 3 fields instead of 2 (file action) or 4 (request)`,
  );
});

iolog('the largest values pass', async () => {
  const name = 'n'.repeat(256);
  const { records } = await readTrace(`${V3}20 ${name} read ${2 ** 53 - 2 ** 32} 4294967295\n`);
  assert.is(records[0]?.offsetBytes, 2 ** 53 - 2 ** 32);
});

iolog('a header of the other version is never passed over', async () => {
  await expectFault(
    `${V3}20 a read 0 1\n${V2}`,
    'ERR_TRACE_FORMAT',
    `${NAME}: line 5: "fio version 2 iolog" in a trace read as version 3: split the file there`,
    { skipBad: Infinity },
  );
  await expectFault(V2, 'ERR_TRACE_FORMAT', /line 1: .* in a trace read as version 3: name that version/, {
    format: 'fio-iolog-v3',
  });
});

iolog('a format named by hand still needs its header', async () => {
  await expectFault(
    '20 a read 0 1\n',
    'ERR_TRACE_FORMAT',
    `${NAME}: line 1: the header "fio version 3 iolog" is missing: "20 a read 0 1"`,
    {
      format: 'fio-iolog-v3',
    },
  );
});

iolog('versions 1 and 4 and a damaged header are refused by name', async () => {
  await expectFault(
    '0, 4096, 512\n1, 8192, 512\n',
    'ERR_TRACE_FORMAT',
    /fio iolog version 1, which is not supported yet/,
  );
  await expectFault(
    'fio version 4 iolog\n',
    'ERR_TRACE_FORMAT',
    /fio iolog version 4, which is not supported yet/,
  );
  await expectFault(
    'fio version 3 iol\n',
    'ERR_TRACE_FORMAT',
    /header "fio version 3 iol" is not "fio version N iolog"/,
  );
});

const request = fc.record({
  word: fc.constantFrom('read', 'write', 'trim', 'sync', 'datasync'),
  file: fc.constantFrom('x.db', '/dev/loop1', 'ü'),
  offsetBytes: fc.nat(2 ** 52),
  lengthBytes: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  gapMicros: fc.nat(2 ** 44),
});
const WORDS = ['read', 'write', 'trim', 'sync', 'datasync'];

iolog('what is written is what is read, in both versions', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(2, 3),
      fc.array(request, { minLength: 1 }),
      async (version, requests) => {
        let micros = 0;
        const expected: unknown[] = [];
        const names: string[] = [];
        const lines = [`fio version ${version} iolog`];
        for (const { word, file, offsetBytes, lengthBytes, gapMicros } of requests) {
          if (!names.includes(file)) names.push(file);
          const isSync = word.endsWith('sync');
          if (lines.length > 1) micros += gapMicros;
          lines.push(
            `${version === 3 ? `${micros + 50} ` : ''}${file} ${word} ${offsetBytes} ${isSync ? 0 : lengthBytes}`,
          );
          expected.push({
            operation: WORDS.indexOf(word),
            device: names.indexOf(file),
            lengthBytes: isSync ? 0 : lengthBytes,
            offsetBytes: isSync ? 0 : offsetBytes,
            timeNs: version === 3 ? BigInt(micros) * 1000n : 0n,
            line: lines.length,
          });
        }
        const { reader, records } = await readTrace(`${lines.join('\n')}\n`);
        assert.equal(records, expected);
        assert.equal(reader.deviceNames, names);
        assert.is(reader.totals.spanSeconds, version === 3 ? micros / 1e6 : 0);
      },
    ),
  );
});

iolog.run();
