// Detection goes by content: supported formats are found in any disguise, known others are refused by name.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FORMATS } from '../../../src/trace/index.ts';
import { expectFault, faultOf, join, NAME, readTrace, utf8, vscsiRecord } from './support.ts';

const detect = suite('trace/detect');

const MSR_ROW = '128166372003061629,web,1,Read,4096,512,100\n';

/** A hand-written sample of each family that is known but has no reader, and a part of its name. */
const UNSUPPORTED: [content: string | Uint8Array, name: string][] = [
  [Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0), 'zstd data'],
  [utf8('BZh91AY&SY'), 'bzip2 data'],
  [Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 4), 'xz data'],
  [utf8('PK\u0003\u0004rest'), 'a zip archive'],
  [Uint8Array.of(0x07, 0x74, 0x61, 0x65, 1, 0, 0, 0), 'a blktrace binary'],
  [Uint8Array.of(0x65, 0x61, 0x74, 0x07, 0, 0, 0, 1), 'a blktrace binary'],
  [Uint8Array.of(0x08, 0x74, 0x61, 0x65, 1, 0, 0, 0), 'a blktrace binary (version 8)'],
  [Uint8Array.of(0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12), 'a libCacheSim lcs trace'],
  [Uint8Array.of(0xff, 0xfe, 0x31, 0, 0x2c, 0), 'UTF-16 text'],
  [oracleGeneral(5), 'a libCacheSim oracleGeneral trace'],
  ['  8,16   5        1     0.000000000 18615  Q   R 1444645666 + 256 [java]\n', 'blkparse text'],
  [
    '# tracer: nop\n  fio-1  [001] ..... 12.000001: block_bio_queue: 7,1 WS 8 + 8 [fio]\n',
    'ftrace block events',
  ],
  ['Timestamp,Response,IOType,LUN,Offset,Size\n', "SYSTOR '17 CSV"],
  ['1456095145.133076000,0.000806000,R,0,512,512\n', "SYSTOR '17 CSV"],
  ['version,time,op,size,lbn\n1,5633898,2a,512,42932745\n', 'CloudPhysics CSV'],
  ['0,W,21981565440,512,5633898368802\n', 'Alibaba CSV'],
  ['0,303567,3584,w,0.000000\n', 'SPC (UMass) trace'],
  ['1538323200,4247200,128,1,1058\n', 'Tencent CBS CSV'],
  ['7961.833 0 20228336 8 0\n', 'DiskSim, SSDsim or MQSim ASCII trace'],
  ['1 1 0 0\n2 1 0 0\n', 'ARC .lis trace'],
  ['1, 4096, 512\n', 'fio iolog version 1'],
];

/** 24-byte records: time u32, id u64, size u32, next access i64. */
function oracleGeneral(recordCount: number): Uint8Array {
  const bytes = new Uint8Array(recordCount * 24);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < recordCount; index++) {
    view.setUint32(index * 24, 1000 + index, true);
    view.setBigUint64(index * 24 + 4, 77n, true);
    view.setUint32(index * 24 + 12, 4096, true);
    view.setBigInt64(index * 24 + 16, -1n, true);
  }
  return bytes;
}

for (const [content, name] of UNSUPPORTED) {
  detect(`${name} is refused by name, with the way to overrule it`, async () => {
    const { error } = await faultOf(content);
    assert.is(error.code, 'ERR_TRACE_FORMAT');
    const start = `${NAME}: this looks like ${name}, which is not supported yet`;
    assert.is(error.message.slice(0, start.length), start);
    assert.match(error.message, /--format NAME/);
    for (const format of FORMATS) assert.ok(error.message.includes(format.name));
  });
}

detect('compressed data is refused by name even when a text format is named by hand', async () => {
  await expectFault(utf8('BZh91AY&SY'), 'ERR_TRACE_FORMAT', /bzip2 data, which is not supported yet/, {
    format: 'msr-csv',
  });
});

detect('what nothing fits says how it starts, what was tried and how to name the format', async () => {
  for (const content of [
    utf8('hello\nworld\n'),
    Uint8Array.of(0),
    Uint8Array.of(0x1f),
    utf8('a,b,c'),
    utf8('{"a":1}'),
  ]) {
    const { error } = await faultOf(content);
    assert.is(error.code, 'ERR_TRACE_FORMAT');
    assert.match(
      error.message,
      /: no known trace format: it starts with ".*"; tried vscsi 1 and 2, fio iolog, MSR/,
    );
    assert.match(error.message, /--format NAME/);
  }
});

detect('two families with equal scores are refused, not picked from', async () => {
  const text = `${MSR_ROW}0,W,21981565440,512,5633898368802\n`;
  await expectFault(
    text,
    'ERR_TRACE_FORMAT',
    /could be MSR Cambridge CSV or Alibaba CSV: the first lines fit both/,
  );
  assert.is((await readTrace(text, { format: 'msr-csv', skipBad: 1 })).records.length, 1);
});

detect('comments, a byte-order mark and bad rows do not hide an MSR trace', async () => {
  for (const text of [`\ufeff${MSR_ROW}`, `x\n${MSR_ROW}y\n`, MSR_ROW.replace('Read', 'read')]) {
    const { error } = await faultOf(`${text}bad\n`);
    assert.is(error.code, 'ERR_TRACE_LINE');
  }
  const { reader } = await readTrace(`# from hm\n${MSR_ROW}`, { skipBad: 1 });
  assert.is(reader.format, 'msr-csv');
});

detect('a format named by hand overrules detection', async () => {
  const { error } = await faultOf(MSR_ROW, { format: 'vscsi-v1' });
  assert.match(error.message, /record 1 at byte 0: version \d+ in a trace of version 1/);
  const two = join([vscsiRecord(2), vscsiRecord(2)]);
  assert.is((await faultOf(two, { format: 'vscsi-v1' })).error.code, 'ERR_TRACE_LINE');
  assert.is((await readTrace(two, { format: 'vscsi-v2' })).records.length, 2);
});

detect('a format that does not exist is refused with those that do', async () => {
  await expectFault(
    MSR_ROW,
    'ERR_TRACE_FORMAT',
    `${NAME}: "msr" is no format; there are ${FORMATS.map(({ name }) => name).join(', ')}`,
    {
      format: 'msr',
    },
  );
});

detect('detection sees the same 64 KiB however the bytes arrive', async () => {
  const rows = MSR_ROW.repeat(3000);
  const bytes = utf8(rows);
  async function* bySize(size: number) {
    for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
  }
  for (const size of [1, 4096, 65536, 65537, bytes.length]) {
    assert.is((await readTrace(bySize(size), {}, 1000)).records.length, 3000);
  }
});

detect.run();
