// Where bytes come from: plain or gzip give the same records, and gzip that is cut or damaged is never whole.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openTrace, TraceError, type TraceRecord } from '../../../src/trace/index.ts';
import {
  cut,
  drain,
  expectFault,
  faultOf,
  join,
  NAME,
  pack,
  readTrace,
  summary,
  utf8,
  vscsiRecord,
} from './support.ts';

const source = suite('trace/source');

const LOG = `fio version 3 iolog\n7 a add\n9 a open\n${Array.from({ length: 40 }, (_, i) => `${20 + i} a write ${i * 4096} 4096\n`).join('')}`;
const ROWS = Array.from(
  { length: 40 },
  (_, i) => `${128166372003061629n + BigInt(i * i)},web,${i % 3},Read,${i * 512},512,9\n`,
).join('');
const RECORDS = join(
  Array.from({ length: 40 }, (_, i) => vscsiRecord(1, { micros: BigInt(i), lbn: BigInt(i) })),
);
const CONTENTS: [name: string, bytes: Uint8Array][] = [
  ['iolog', utf8(LOG)],
  ['msr', utf8(ROWS)],
  ['vscsi', RECORDS],
];

for (const [name, bytes] of CONTENTS) {
  source(`${name}: gzip, several gzip members, and zeros after them read as the plain bytes do`, async () => {
    const plain = await readTrace(bytes);
    assert.is(plain.reader.compression, 'none');
    const half = Math.floor(bytes.length / 2) - 7;
    const members = join([pack(bytes.subarray(0, half)), pack(''), pack(bytes.subarray(half))]);
    for (const packed of [pack(bytes), members, join([members, new Uint8Array(512)])]) {
      const unpacked = await readTrace(packed);
      assert.is(unpacked.reader.compression, 'gzip');
      assert.equal(summary(unpacked), summary(plain));
    }
    for (const size of [1, 2, 7, 64]) {
      assert.equal(summary(await readTrace(cut(members, [size]))), summary(plain), `pieces of ${size}`);
    }
  });

  source(`${name}: gzip cut off anywhere is an error, never a short trace`, async () => {
    const packed = pack(bytes);
    for (let size = 2; size < packed.length; size++) {
      const { error } = await faultOf(packed.slice(0, size));
      assert.is(error.code, 'ERR_TRACE_TRUNCATED', `${size}: ${error.message}`);
      assert.is(
        error.message,
        `${NAME}: the gzip data stops in the middle, after ${size} bytes: the file is truncated`,
      );
    }
  });
}

source('CRLF and LF give identical records', async () => {
  for (const text of [LOG, ROWS]) {
    const expected = summary(await readTrace(text));
    assert.equal(summary(await readTrace(text.replaceAll('\n', '\r\n'))), expected);
    assert.equal(summary(await readTrace(pack(text.replaceAll('\n', '\r\n')))), expected);
  }
});

source('a second gzip member cut off is an error as well', async () => {
  const first = pack(LOG);
  const packed = join([first, pack('90 a read 0 1\n')]);
  for (let size = first.length + 1; size < packed.length; size++) {
    assert.is((await faultOf(packed.slice(0, size))).error.code, 'ERR_TRACE_TRUNCATED', String(size));
  }
});

source('gzip with a damaged byte is an error or reads the same', async () => {
  const packed = pack(ROWS);
  const expected = summary(await readTrace(ROWS));
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: packed.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, flip) => {
        const damaged = packed.slice();
        damaged[at]! ^= flip;
        try {
          assert.equal(summary(await readTrace(damaged)), expected);
        } catch (error) {
          if (!(error instanceof TraceError)) throw error;
        }
      },
    ),
    { numRuns: 500 },
  );
  const wrongSum = packed.slice();
  wrongSum[packed.length - 8]! ^= 1;
  await expectFault(wrongSum, 'ERR_TRACE_GZIP', `${NAME}: the gzip data is damaged: incorrect data check`);
});

source('text after the gzip data is damage; gzip inside gzip is refused by name', async () => {
  await expectFault(join([pack(LOG), utf8('more')]), 'ERR_TRACE_GZIP', /the gzip data is damaged: /);
  await expectFault(pack(pack(LOG)), 'ERR_TRACE_FORMAT', /gzip inside gzip, which is not supported yet/);
});

source('nothing, an empty gzip and blank lines are empty', async () => {
  await expectFault(new Uint8Array(0), 'ERR_TRACE_EMPTY', `${NAME}: the file is empty`);
  await expectFault(pack(''), 'ERR_TRACE_EMPTY', `${NAME}: the file is empty`);
  await expectFault('\n\r\n \n', 'ERR_TRACE_EMPTY', `${NAME}: there is nothing in the file but blank lines`);
  await expectFault('\ufeff\n', 'ERR_TRACE_EMPTY', `${NAME}: there is nothing in the file but blank lines`);
  await expectFault('\n', 'ERR_TRACE_EMPTY', /nothing in the file but blank lines/, { format: 'msr-csv' });
});

source(
  'a file reads as a stream does, whatever its name; a path that cannot be read is an error',
  async () => {
    const folder = await mkdtemp(joinPath(tmpdir(), 'trace-'));
    try {
      for (const [name, content] of [
        ['plain.gz', utf8(LOG)],
        ['packed.csv', pack(LOG)],
      ] as const) {
        const path = joinPath(folder, name);
        await writeFile(path, content);
        const reader = await openTrace(path);
        const records: TraceRecord[] = [];
        await drain(reader, records);
        assert.is(reader.file, path);
        assert.is(reader.bytesRead, content.length);
        assert.equal(records, (await readTrace(LOG)).records);
      }
      for (const path of [joinPath(folder, 'missing'), folder]) {
        try {
          await openTrace(path);
          assert.unreachable();
        } catch (error) {
          assert.instance(error, TraceError);
          assert.is((error as TraceError).code, 'ERR_TRACE_IO');
          assert.match((error as TraceError).message, /: cannot be read: E(NOENT|ISDIR)/);
        }
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

source("an error of the caller's own stream comes through as it is, plain or gzip", async () => {
  const packed = pack(LOG);
  for (const bytes of [utf8(LOG), packed]) {
    async function* failing() {
      yield bytes.slice(0, 200);
      throw new Error('the network is gone');
    }
    try {
      await readTrace(failing());
      assert.unreachable();
    } catch (error) {
      assert.is((error as Error).message, 'the network is gone');
    }
  }
});

source('a stream of anything but bytes is a TypeError', async () => {
  async function* strings() {
    yield 'fio version 3 iolog\n' as unknown as Uint8Array;
  }
  try {
    await openTrace(strings());
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TypeError);
  }
});

source.run();
