// Every kind of record has a sentence of its own, a layer, and numbers as a reader expects them.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type MachineRecord, RECORD_KIND_NAMES } from '../../../../src/index.ts';
import { describe, LAYER_NAMES, layerOf, recordHue } from '../../../../src/playground/model/describe.ts';
import { formatBytes, formatDuration, formatTime } from '../../../../src/playground/model/formats.ts';

const words = suite('records in words');

function record(kind: MachineRecord['kind'], fields: Partial<MachineRecord> = {}): MachineRecord {
  return { timeNs: 0, kind, operation: 1, device: 0, id: 7, address: 8192, count: 1, detail: 1, ...fields };
}

words('every kind has a sentence, no two the same, none with words of a program', () => {
  const sentences = RECORD_KIND_NAMES.map((kind) => describe(record(kind)));
  assert.is(new Set(sentences).size, RECORD_KIND_NAMES.length);
  RECORD_KIND_NAMES.forEach((kind, number) => {
    const sentence = sentences[number] ?? '';
    assert.not.match(sentence, /undefined|NaN|\[object|!/, kind);
    assert.is.not(sentence, kind);
    assert.is(sentence, sentence.trim());
  });
});

words('every kind belongs to a layer, and every layer has kinds', () => {
  const layers = new Set(RECORD_KIND_NAMES.map(layerOf));
  assert.equal([...layers].sort(), [...LAYER_NAMES].sort());
});

words('a record that moves bytes has the hue of its request, bookkeeping has none', () => {
  assert.is(recordHue(record('issued', { operation: 0 })), 'read');
  assert.is(recordHue(record('issued', { operation: 4 })), 'flush');
  assert.is(recordHue(record('aioAccepted', { operation: 5 })), 'flush');
  assert.is(recordHue(record('readIn', { operation: 0 })), 'read');
  assert.is(recordHue(record('pageHit')), undefined);
});

words('numbers have separators and units', () => {
  assert.is(
    describe(record('queued', { operation: 0, address: 123456, count: 2048, detail: 4 })),
    'request #7, read of 2,048 sectors from 123,456: queued; not adjacent to what waits',
  );
  assert.is(
    describe(record('paused', { address: 12_400_000, count: 1, detail: 900 })),
    'a writer pauses for 12.4 ms: 1 page dirty or on the way, the limit is 900',
  );
  assert.is(formatBytes(3 * 2 ** 20), '3 MiB');
  assert.is(formatBytes(1000), '1,000 B');
  assert.is(formatDuration(800), '800 ns');
  assert.is(formatTime(1_240_999), '1,240 µs');
  assert.is(formatTime(999_999_999), '999,999 µs');
  assert.is(formatTime(36_000_091_226), '36.000091 s');
});

words.run();
