// Reading: independent of how bytes are cut, faults in their order, skipping, closing, aborting, constant memory.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openTrace, TraceBatch, TraceError } from '../../../src/trace/index.ts';
import {
  cut,
  expectFault,
  join,
  NAME,
  pack,
  readTrace,
  streamOf,
  summary,
  utf8,
  vscsiRecord,
} from './support.ts';

const reader = suite('trace/reader');

const LOG = `fio version 3 iolog\r\n7 a add\n9 a open\n12 a read 0 4096\n13 bb write 1 1\nx\n15 a sync 1 0\r\n\n\nfio version 3 iolog\n4 a trim 8 8\n5 a odd 1 1\n7 a read 9 9`;
const ROWS = `\ufeff${[0, 9, 4].map((ticks, index) => `${128166372003061629n + BigInt(ticks)},h,${index},Write,512,512,1`).join('\r\n')}\n\nbad\n\n\n`;
const row = (index: number) =>
  `${128166372003061629n + BigInt(index * 1000)},h,0,Read,${index * 512},512,1\n`;
const CONTENTS: [name: string, bytes: Uint8Array][] = [
  ['iolog', utf8(LOG)],
  ['msr', utf8(ROWS)],
  [
    'vscsi v1',
    join([0, 1, 2].map((index) => vscsiRecord(1, { opcode: index === 1 ? 0x12 : 0x28, lbn: BigInt(index) }))),
  ],
  [
    'vscsi v2',
    join(
      [0, 1, 2, 3].map((index) =>
        vscsiRecord(2, { micros: BigInt(index) }).subarray(0, index === 3 ? 9 : 40),
      ),
    ),
  ],
];

for (const [name, bytes] of CONTENTS) {
  reader(`${name}: any cutting of the bytes and any batch size give the same records`, async () => {
    const expected = summary(await readTrace(bytes, { skipBad: 9 }, 100));
    for (let size = 1; size <= bytes.length; size++) {
      assert.equal(
        summary(await readTrace(cut(bytes, [size]), { skipBad: 9 }, 1 + (size % 5))),
        expected,
        `pieces of ${size}`,
      );
    }
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 9 }),
        async (sizes, capacity) => {
          assert.equal(summary(await readTrace(cut(bytes, sizes), { skipBad: 9 }, capacity)), expected);
        },
      ),
    );
  });
}

reader('a long line cut anywhere is one bad line', async () => {
  const bytes = utf8(`${row(0)}${'y'.repeat(65537)}\n${row(1)}`);
  for (const size of [1000, 65536, 65537, 65580, 65581, bytes.length]) {
    const { records, reader: done } = await readTrace(cut(bytes, [size]), { skipBad: 1 });
    assert.is(records.length, 2);
    assert.equal([...done.totals.skippedReasons], [['line too long', { count: 1, firstLines: [2] }]]);
  }
});

reader('requests ahead of a fault are delivered first; then every call throws the same error', async () => {
  const open = await openTrace(streamOf(utf8(`${row(0)}${row(1)}bad\n${row(2)}`)), { name: NAME });
  const batch = new TraceBatch(10);
  assert.is(await open.next(batch), 2);
  assert.is(open.totals.requests, 2);
  const errors: unknown[] = [];
  for (let call = 0; call < 2; call++) {
    try {
      await open.next(batch);
      assert.unreachable();
    } catch (error) {
      errors.push(error);
    }
    assert.is(batch.count, 0);
  }
  assert.instance(errors[0], TraceError);
  assert.is(errors[0], errors[1]);
});

reader('skipBad N passes over N bad lines, counts them by reason, and stops at the next', async () => {
  const text = `${row(0)}bad\n${row(1)}worse\n${row(2).replace('Read', 'Trim')}${row(3)}`;
  const { reader: done, records } = await readTrace(text, { skipBad: 3 });
  assert.is(records.length, 3);
  assert.equal(
    [...done.totals.skippedReasons],
    [
      ['field count', { count: 2, firstLines: [2, 4] }],
      ['unknown operation', { count: 1, firstLines: [5] }],
    ],
  );
  await expectFault(
    text,
    'ERR_TRACE_LINE',
    `${NAME}: line 5: Type "Trim" is neither Read nor Write (bad line 3; at most 2 may be skipped)`,
    { skipBad: 2 },
  );
  await expectFault(text, 'ERR_TRACE_LINE', `${NAME}: line 2: 1 comma-separated fields instead of 7`);
});

reader('only the first five lines of a reason are kept', async () => {
  const { reader: done } = await readTrace(`${row(0)}${'bad\n'.repeat(1000)}`, { skipBad: Infinity });
  assert.equal([...done.totals.skippedReasons.values()], [{ count: 1000, firstLines: [2, 3, 4, 5, 6] }]);
});

reader('blank lines with text after them are bad lines, each by its own number', async () => {
  const { reader: done, records } = await readTrace(`${row(0)}\n\r\n \n${row(1)}\n\n`, { skipBad: 3 });
  assert.equal(
    records.map(({ line }) => line),
    [1, 5],
  );
  assert.equal([...done.totals.skippedReasons], [['blank line', { count: 3, firstLines: [2, 3, 4] }]]);
  await expectFault(
    `${row(0)}\n\n${row(1)}`,
    'ERR_TRACE_LINE',
    /line 3: a blank line .* \(bad line 2; at most 1/,
    { skipBad: 1 },
  );
});

reader('a blank line before a line that is too long keeps its number', async () => {
  const text = `${row(0)}\n${'y'.repeat(70_000)}\n${row(1)}`;
  const { reader: done } = await readTrace(text, { skipBad: 2 });
  assert.equal(
    [...done.totals.skippedReasons].map(([kind, { firstLines }]) => [kind, firstLines]),
    [
      ['blank line', [2]],
      ['line too long', [3]],
    ],
  );
});

reader('a trace of nothing but skipped lines is an error, not an empty success', async () => {
  await expectFault(
    row(0).replace('Read', 'READ').repeat(3),
    'ERR_TRACE_EMPTY',
    `${NAME}: not one readable request, 3 bad lines skipped: unknown operation 3`,
    { skipBad: 9 },
  );
});

reader('after the end next returns 0 again; a closed reader refuses', async () => {
  const batch = new TraceBatch(4);
  const ended = await openTrace(streamOf(utf8(row(0))));
  assert.equal([await ended.next(batch), await ended.next(batch), await ended.next(batch)], [1, 0, 0]);
  await ended.close();
  assert.is(await ended.next(batch), 0);
  const closed = await openTrace(streamOf(utf8(row(0))));
  await closed.close();
  await closed.close();
  await refuses(() => closed.next(batch), /closed trace reader/);
});

reader('close, the end and a fault all let go of the stream', async () => {
  for (const [text, calls] of [
    [row(0).repeat(3000), 1],
    [row(0), 2],
    ['bad\n', 1],
  ] as const) {
    let isReleased = false;
    async function* watched() {
      try {
        yield utf8(row(0));
        yield utf8(text);
        yield utf8(row(0).repeat(9000));
      } finally {
        isReleased = true;
      }
    }
    const open = await openTrace(watched());
    for (let call = 0; call < calls; call++) await open.next(new TraceBatch(10)).catch(() => {});
    await open[Symbol.asyncDispose]();
    assert.ok(isReleased);
  }
  let isReleased = false;
  async function* unknown() {
    try {
      yield utf8('what is this\n');
      yield utf8('x'.repeat(100_000));
    } finally {
      isReleased = true;
    }
  }
  await refuses(() => openTrace(unknown()), /no known trace format/);
  assert.ok(isReleased);
});

reader('a gzip stream is let go of as well, at any moment', async () => {
  const packed = pack(Array.from({ length: 50_000 }, (_, index) => row(index * 7919)).join(''));
  for (let calls = 0; calls < 20; calls++) {
    let isReleased = false;
    async function* watched() {
      try {
        for (let at = 0; at < packed.length; at += 10_000) yield packed.slice(at, at + 10_000);
      } finally {
        isReleased = true;
      }
    }
    const open = await openTrace(watched());
    for (let call = 0; call < calls; call++) assert.is(await open.next(new TraceBatch(1000)), 1000);
    await open.close();
    assert.ok(isReleased);
  }
});

reader('a fault is told at once, though the stream is waiting for its writer', async () => {
  for (const bytes of [
    utf8(`${row(0)}bad\n${row(1).repeat(2000)}`),
    pack(`${row(0)}bad\n${randomRows(9000)}`),
  ]) {
    async function* stalled() {
      yield bytes.slice(0, 90_000);
      await new Promise(() => {});
    }
    const open = await openTrace(stalled());
    const batch = new TraceBatch(10);
    assert.is(await open.next(batch), 1);
    await refuses(() => open.next(batch), /line 2: 1 comma/);
  }
});

/** Rows that gzip cannot make small. */
function randomRows(count: number): string {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 1;
  };
  return Array.from(
    { length: count },
    () => `${128166372003061629n + BigInt(random())},h,0,Read,${random() * 512},512,${random()}\n`,
  ).join('');
}

reader('an aborted signal stops opening and reading with its own reason', async () => {
  const reason = new Error('enough');
  await refuses(() => openTrace(streamOf(utf8(row(0))), { signal: AbortSignal.abort(reason) }), /^enough$/);
  const controller = new AbortController();
  async function* endless() {
    for (let index = 0; ; index++) yield utf8(row(index));
  }
  const open = await openTrace(endless(), { signal: controller.signal });
  assert.is(await open.next(new TraceBatch(10)), 10);
  controller.abort(reason);
  await refuses(() => open.next(new TraceBatch(1e6)), /^enough$/);
});

reader('two calls of next at a time, and a batch whose memory is gone, are refused', async () => {
  const open = await openTrace(streamOf(utf8(row(0)), utf8(row(1))));
  const batch = new TraceBatch(4);
  const first = open.next(batch);
  await refuses(() => open.next(batch), /while an earlier call was still running/);
  assert.is(await first, 2);
  const lost = new TraceBatch(4);
  structuredClone(lost.bytes.buffer, { transfer: [lost.bytes.buffer as ArrayBuffer] });
  await refuses(() => open.next(lost), /detached/);
});

async function refuses(call: () => Promise<unknown>, message: RegExp): Promise<void> {
  try {
    await call();
  } catch (error) {
    assert.match((error as Error).message, message);
    return;
  }
  assert.unreachable('it did not refuse');
}

const MEBIBYTE = 1 << 20;
const STREAM_BYTES = 200 * MEBIBYTE;
const GROWTH_BYTES = 64 * MEBIBYTE;

/** Rows or records of about 1 MiB, copied anew for each chunk so that keeping one would show. */
const BLOCKS: [name: string, block: Uint8Array][] = [
  ['msr', utf8(Array.from({ length: 25_000 }, (_, index) => row(index)).join(''))],
  ['vscsi', join(Array.from({ length: 32_768 }, (_, index) => vscsiRecord(1, { lbn: BigInt(index) })))],
];

for (const [name, block] of BLOCKS) {
  reader(`${name}: 200 MiB pass through in under 64 MiB of growth`, async () => {
    const blockCount = Math.ceil(STREAM_BYTES / block.length);
    async function* large() {
      for (let index = 0; index < blockCount; index++) yield block.slice();
    }
    const used = () => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
    const before = used();
    let peak = before;
    const open = await openTrace(large());
    const batch = new TraceBatch(16_384);
    while ((await open.next(batch)) > 0) peak = Math.max(peak, used());
    assert.is(open.totals.requests, blockCount * (name === 'msr' ? 25_000 : 32_768));
    assert.ok(peak - before < GROWTH_BYTES, `${Math.round((peak - before) / MEBIBYTE)} MiB`);
  });
}

reader.run();
