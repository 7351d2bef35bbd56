// Rows of steps: every step and every record goes out once, in order, however many there are, and hashes stay.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RECORD_SIZE } from '../../../../assembly/layout.ts';
import { StepRows } from '../../../../src/playground/worker/step-rows.ts';

const stepRows = suite('rows of steps');

/** Step number `step` as the machine would tell it. */
const rowOf = (step: number) => ({
  recordEnd: 2 * step,
  timeNs: 2 ** 40 + step,
  chapter: step % 7,
  words: Uint32Array.of(0, step, 0xabc0_0000 + step),
});

function addTo(rows: StepRows, from: number, to: number): void {
  for (let step = from; step <= to; step++) {
    const { recordEnd, timeNs, chapter, words } = rowOf(step);
    rows.take(new Uint8Array(2 * RECORD_SIZE).fill(step & 0xff));
    rows.add(recordEnd, timeNs, chapter, words, 1);
  }
}

const hashOf = (step: number) => (BigInt(0xabc0_0000 + step) << 32n) | BigInt(step);

stepRows('parts together tell each step once, beyond any capacity', () => {
  const rows = new StepRows();
  const ends = [3, 4096, 4097, 20_000];
  let before = 0;
  for (const end of ends) {
    addTo(rows, before + 1, end);
    assert.equal([rows.count, rows.unsentSteps, rows.takenCount], [end, end - before, 2 * end]);
    assert.is(rows.recordCount, 2 * end);
    const part = rows.part(end === 20_000, undefined);
    const steps = Array.from({ length: end - before }, (_, index) => before + 1 + index);
    assert.equal(
      [...part.recordEnds],
      steps.map((step) => rowOf(step).recordEnd),
    );
    assert.equal(
      [...part.timesNs],
      steps.map((step) => rowOf(step).timeNs),
    );
    assert.equal(
      [...part.chapters],
      steps.map((step) => rowOf(step).chapter),
    );
    assert.ok(part.hashes.every((hash, index) => hash === hashOf(before + 1 + index)));
    assert.is(part.records.length, (end - before) * 2 * RECORD_SIZE);
    assert.equal([part.records[0], part.records.at(-1)], [(before + 1) & 0xff, end & 0xff]);
    assert.is(part.isLast, end === 20_000);
    before = end;
  }
  for (const step of [1, 3, 4096, 4097, 20_000])
    assert.is(rows.hashOf(step), hashOf(step).toString(16).padStart(16, '0'));
});

stepRows('of no step there is no hash, and a small one has all its digits', () => {
  const rows = new StepRows();
  assert.equal([rows.hashOf(0), rows.recordCount, rows.unsentSteps], [undefined, 0, 0]);
  rows.add(0, 0, 65_535, Uint32Array.of(0xf, 0x2), 0);
  assert.is(rows.hashOf(1), '000000020000000f');
  const part = rows.part(true, 'why');
  assert.equal([part.cutShort, part.isLast, part.records.length, part.chapters[0]], ['why', true, 0, 65_535]);
});

stepRows.run();
