// The bytes of a write say who wrote them and for which place, wherever they are cut, and nothing else says so.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readStamp, STAMP_BYTES, type Stamp, stampBytes } from '../../../../src/playground/scene/stamp.ts';

const stamps = suite('stamps of writes');

const WHO: Stamp = { seed: 3_000_000_007, client: 65_535, chapter: 300, request: 70_000 };
const FAR = 5 * 2 ** 32 + 96;

function written(offset: number, length: number, stamp: Stamp = WHO): Uint8Array {
  const bytes = new Uint8Array(length);
  stampBytes(bytes, offset, stamp);
  return bytes;
}

stamps('each unit of a write says who wrote it, however far out it lies', () => {
  for (const offset of [0, 4096, FAR]) {
    const bytes = written(offset, 4 * STAMP_BYTES);
    for (let at = 0; at < bytes.length; at += STAMP_BYTES)
      assert.equal(readStamp(bytes, at, offset + at), WHO, `${at} of ${offset}`);
  }
});

stamps('what was written for one place is no stamp of another', () => {
  const bytes = written(FAR, STAMP_BYTES);
  for (const place of [0, 96, FAR - STAMP_BYTES, FAR + STAMP_BYTES, FAR + 2 ** 32, 5 * 2 ** 32])
    assert.is(readStamp(bytes, 0, place), undefined, String(place));
});

stamps('a unit with any byte changed, and bytes that nobody wrote, are no stamp', () => {
  assert.is(readStamp(new Uint8Array(STAMP_BYTES), 0, 0), undefined);
  for (let at = 0; at < STAMP_BYTES; at++) {
    const bytes = written(64, STAMP_BYTES);
    bytes[at] = (bytes[at] as number) ^ 0x40;
    assert.is(readStamp(bytes, 0, 64), undefined, `byte ${at}`);
  }
});

stamps('writes that begin and end within units put their parts of them', () => {
  const whole = written(64, 160);
  for (const [from, to] of [
    [0, 160],
    [7, 153],
    [33, 40],
    [31, 33],
    [64, 65],
  ] as const)
    assert.equal([...written(64 + from, to - from)], [...whole.subarray(from, to)], `${from} to ${to}`);
});

stamps('seed, client, chapter and request each make other bytes', () => {
  const others = [{ seed: 1 }, { client: 1 }, { chapter: 1 }, { request: 1 }].map((change) =>
    String(written(0, STAMP_BYTES, { ...WHO, ...change })),
  );
  assert.is(new Set([String(written(0, STAMP_BYTES)), ...others]).size, 5);
});

stamps.run();
