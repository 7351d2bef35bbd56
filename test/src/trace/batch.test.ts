// The batch lays records out as assembly/layout.ts draws them, over its own memory or over memory it is given.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  TRACE_DEVICE,
  TRACE_DISCARD,
  TRACE_LENGTH,
  TRACE_LINE,
  TRACE_OFFSET,
  TRACE_OPERATION,
  TRACE_RECORD_SIZE,
  TRACE_TIME,
} from '../../../assembly/layout.ts';
import { openTrace, TraceBatch } from '../../../src/trace/index.ts';
import { streamOf, utf8 } from './support.ts';

const batch = suite('trace/batch');

/** Second file, line 7, offset above 2^32, 5,000,001 seconds after the first request. */
const LOG = `fio version 3 iolog
0 a add
0 a open
0 b add
0 b open
10 a read 0 1
5000001000010 b trim 4886718345 4294967295
`;

batch('a record has its fields where layout.ts says, and zeros elsewhere', async () => {
  const filled = new TraceBatch(2);
  const reader = await openTrace(streamOf(utf8(LOG)));
  assert.is(await reader.next(filled), 2);
  const view = new DataView(filled.bytes.buffer, TRACE_RECORD_SIZE, TRACE_RECORD_SIZE);
  assert.is(view.getUint8(TRACE_OPERATION), TRACE_DISCARD);
  assert.is(view.getUint8(TRACE_OPERATION + 1), 0);
  assert.is(view.getUint16(TRACE_DEVICE, true), 1);
  assert.is(view.getUint32(TRACE_LENGTH, true), 4294967295);
  assert.is(view.getBigUint64(TRACE_OFFSET, true), 4886718345n);
  assert.is(view.getBigUint64(TRACE_TIME, true), 5000001000000000n);
  assert.is(view.getBigUint64(TRACE_LINE, true), 7n);
  assert.equal(filled.at(1), {
    operation: TRACE_DISCARD,
    device: 1,
    lengthBytes: 4294967295,
    offsetBytes: 4886718345,
    timeNs: 5000001000000000n,
    line: 7,
  });
});

batch('records can be written straight into memory that the caller owns', async () => {
  const memory = new ArrayBuffer(64 + TRACE_RECORD_SIZE + 64);
  new Uint8Array(memory).fill(0xaa);
  const window = new TraceBatch(1, memory, 64);
  const reader = await openTrace(streamOf(utf8(LOG)));
  assert.is(await reader.next(window), 1);
  assert.is(window.at(0).line, 6);
  const around = new Uint8Array(memory);
  assert.ok(around.subarray(0, 64).every((byte) => byte === 0xaa));
  assert.ok(around.subarray(64 + TRACE_RECORD_SIZE).every((byte) => byte === 0xaa));
});

batch('wrong capacities, windows and indexes are refused', () => {
  for (const capacity of [0, -1, 1.5, Number.NaN]) {
    assert.throws(
      () => new TraceBatch(capacity),
      (error: Error) => error instanceof RangeError,
    );
  }
  assert.throws(
    () => new TraceBatch(2, new ArrayBuffer(TRACE_RECORD_SIZE)),
    (error: Error) => error instanceof RangeError,
  );
  assert.throws(
    () => new TraceBatch(1, new ArrayBuffer(64), 2),
    (error: Error) => error instanceof RangeError,
  );
  for (const index of [0, -1, 0.5])
    assert.throws(() => new TraceBatch(1).at(index), /of a batch that holds 0/);
});

batch.run();
