// A trace of noise is news, never a trap: whatever the bytes, reading ends, and only ever with a TraceError.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FORMATS, openTrace, TraceBatch, TraceError } from '../../../src/trace/index.ts';
import { cut, join, pack, utf8, vscsiRecord } from './support.ts';

const fuzz = suite('trace/fuzz');

const SEEDS = [
  utf8(
    'fio version 3 iolog\n7 a add\n9 a open\n12 a read 0 4096\n13 a write 1 1\n15 a sync 1 0\n16 a trim 8 8\n20 a close\n',
  ),
  utf8('fio version 2 iolog\na add\na open\na read 0 4096\na wait 100 0\na datasync 0 0\na close\n'),
  utf8('128166372003061629,web,1,Read,4096,512,100\n128166372003061639,src,0,Write,8192,512,9\n'),
  join([vscsiRecord(1), vscsiRecord(1, { opcode: 0x2a }), vscsiRecord(1, { opcode: 0x35 })]),
  join([vscsiRecord(2), vscsiRecord(2, { opcode: 0x42 }), vscsiRecord(2, { opcode: 0x91 })]),
];
const TOKENS = [
  '0',
  '-1',
  '9007199254740991',
  '18446744073709551616',
  ' ',
  '\t',
  ',',
  '\n',
  '\r',
  '\0',
  'read',
  'fio version 3 iolog\n',
];

const option = fc.record({
  format: fc.constantFrom(undefined, undefined, ...FORMATS.map(({ name }) => name)),
  skipBad: fc.constantFrom(0, 1, Infinity),
  sizes: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 4 }),
  isPacked: fc.boolean(),
});
type Option = typeof option extends fc.Arbitrary<infer Value> ? Value : never;

/** Reads to the end or to a TraceError; every record on the way keeps the promises of the layout. */
async function readNoise(bytes: Uint8Array, { format, skipBad, sizes, isPacked }: Option): Promise<void> {
  try {
    const content = isPacked ? pack(bytes) : bytes;
    const reader = await openTrace(cut(content, sizes), { format, skipBad, maxDevices: 3 });
    const batch = new TraceBatch(3);
    while ((await reader.next(batch)) > 0) {
      for (let index = 0; index < batch.count; index++) {
        const { operation, device, offsetBytes, lengthBytes } = batch.at(index);
        assert.ok(operation <= 4 && device < reader.deviceNames.length);
        assert.ok(Number.isSafeInteger(offsetBytes + lengthBytes));
        assert.is(lengthBytes > 0, operation < 3);
      }
    }
    assert.ok(reader.totals.spanSeconds >= 0);
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    assert.ok(error.message.length < 1000);
  }
}

fuzz('random bytes', async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), option, readNoise), { numRuns: 2000 });
});

fuzz('random text', async () => {
  const text = fc.array(fc.oneof(fc.constantFrom(...TOKENS), fc.string({ maxLength: 8 })), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(text, option, (tokens, options) => readNoise(utf8(tokens.join('')), options)),
    { numRuns: 2000 },
  );
});

const mutation = fc.record({
  at: fc.nat(200),
  removed: fc.nat(20),
  inserted: fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.constantFrom(...TOKENS).map(utf8)),
});

fuzz('good traces with parts changed, cut out, doubled and inserted', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...SEEDS),
      fc.array(mutation, { minLength: 1, maxLength: 5 }),
      option,
      (seed, mutations, options) => {
        let bytes = seed;
        for (const { at, removed, inserted } of mutations) {
          bytes = join([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]);
        }
        return readNoise(bytes, options);
      },
    ),
    { numRuns: 3000 },
  );
});

fuzz('lines of 64 KiB that almost fit a pattern do not hold detection up', async () => {
  const starts = [
    '',
    '1,1,',
    '1,1,1,',
    '1.1,1.',
    '1 ',
    '1,1 1 1 ',
    ' block_',
    'fio version ',
    'a,b,c,read,',
    '1, ',
  ];
  for (const start of starts) {
    for (const filler of ['1', 'a', ' ', ',', '.', '1 ', '1,', ' block_a', ', ']) {
      const line = utf8(`${start}${filler.repeat(70_000 / filler.length)}`);
      await readNoise(line, { format: undefined, skipBad: 0, sizes: [70_000], isPacked: false });
    }
  }
});

fuzz('the fuzzer itself finds what is wrong: a good seed reads to its end', async () => {
  for (const seed of SEEDS)
    await readNoise(seed, { format: undefined, skipBad: 0, sizes: [3], isPacked: false });
  const impostor = { format: 'nothing', skipBad: -1, sizes: [3], isPacked: false } as unknown as Option;
  let isFound = false;
  await readNoise(SEEDS[0]!, impostor).catch(() => {
    isFound = true;
  });
  assert.ok(isFound);
});

fuzz.run();
