// What a survivor holds of a scene's writes, and which promises it breaks.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Judged, judgeSectors } from '../../../../src/playground/plug/judge.ts';
import { Ledger, type LedgerRow, promisedWrites } from '../../../../src/playground/plug/ledger.ts';

const judging = suite('judge of survivors');

/** A write is filled with 1 more than its index. */
const bytesOf = (row: LedgerRow, _offset: number, length: number) =>
  new Uint8Array(length).fill(row.index + 1);

const plain = { client: 0, chapter: 0, request: 0, target: 'drive0', isForced: false, begunStep: 0 } as const;

/** Sectors by the number that fills them. */
function judge(ledger: Ledger, sectors: readonly number[]): Judged {
  const bytes = new Uint8Array(sectors.length * 512);
  sectors.forEach((fill, index) => {
    bytes.fill(fill, index * 512, index * 512 + 512);
  });
  return judgeSectors(ledger.rows, bytesOf, (_, offset, length) => [bytes.subarray(offset, offset + length)]);
}

function write(ledger: Ledger, offsetBytes: number, lengthBytes: number, isForced = false): number {
  return ledger.begin({ ...plain, op: 'write', offsetBytes, lengthBytes, isForced });
}

function sync(ledger: Ledger): number {
  return ledger.begin({ ...plain, op: 'sync', offsetBytes: 0, lengthBytes: 0 });
}

judging(
  'a write is promised by a sync that began after it had ended, and not by one that began before',
  () => {
    const ledger = new Ledger();
    const early = write(ledger, 0, 512);
    const late = write(ledger, 512, 512);
    ledger.end(early, 1, 512);
    const flush = sync(ledger);
    ledger.end(late, 2, 512);
    assert.equal([...promisedWrites(ledger.rows)], [], 'the sync is on its way');
    ledger.end(flush, 3, 0);
    assert.equal([...promisedWrites(ledger.rows)], [early]);
  },
);

judging('a failed sync promises nothing, and a forced write promises itself', () => {
  const ledger = new Ledger();
  const kept = write(ledger, 0, 512, true);
  ledger.end(kept, 1, 512);
  const other = write(ledger, 512, 512);
  ledger.end(other, 1, 512);
  ledger.end(sync(ledger), 2, -5);
  assert.equal([...promisedWrites(ledger.rows)], [kept]);
});

judging('a sync of one file says nothing of another, and a sync of everything says it of all', () => {
  const ledger = new Ledger();
  const row = write(ledger, 0, 512);
  ledger.end(row, 1, 512);
  ledger.end(ledger.begin({ ...plain, target: '/b', op: 'sync', offsetBytes: 0, lengthBytes: 0 }), 2, 0);
  assert.is(promisedWrites(ledger.rows).size, 0);
  ledger.end(ledger.begin({ ...plain, target: '*', op: 'sync', offsetBytes: 0, lengthBytes: 0 }), 3, 0);
  assert.is(promisedWrites(ledger.rows).size, 1);
});

judging('what ended later than a step has not ended at it, and what began later is not there', () => {
  const ledger = new Ledger();
  ledger.end(write(ledger, 0, 512), 4, 512);
  ledger.begin({ ...plain, begunStep: 9, op: 'sync', offsetBytes: 0, lengthBytes: 0 });
  assert.equal(
    ledger.upTo(3).map(({ ended }) => ended),
    [undefined],
  );
  assert.is(ledger.upTo(4)[0]?.ended?.result, 512);
  assert.is(ledger.upTo(9).length, 2);
});

judging('each write is there, replaced, partly there or lost', () => {
  const ledger = new Ledger();
  for (const [offset, length] of [
    [0, 1024],
    [1024, 1024],
    [0, 1024],
    [2048, 512],
  ] as const)
    ledger.end(write(ledger, offset, length), 1, length);
  const { writes, luckyThere, unpromisedLost } = judge(ledger, [3, 3, 2, 0, 0]);
  assert.equal(
    writes.map(({ fate }) => fate),
    ['replaced', 'partly', 'there', 'lost'],
  );
  assert.equal([...(writes[1]?.sectors ?? [])], [1, 0]);
  assert.equal([luckyThere, unpromisedLost], [2, 2]);
});

judging('a promised write that is missing breaks a promise; one replaced by a later write does not', () => {
  const ledger = new Ledger();
  const first = write(ledger, 0, 512);
  ledger.end(first, 1, 512);
  ledger.end(sync(ledger), 2, 0);
  const second = write(ledger, 0, 512);
  ledger.end(second, 3, 512);
  assert.is(judge(ledger, [0]).promisedLost, 1);
  assert.is(judge(ledger, [first + 1]).promisedLost, 0);
  assert.is(judge(ledger, [second + 1]).promisedLost, 0);
});

judging('of two writes in flight at once either may be the last', () => {
  const ledger = new Ledger();
  const first = write(ledger, 0, 512);
  const second = write(ledger, 0, 512);
  ledger.end(second, 1, 512);
  ledger.end(first, 1, 512);
  ledger.end(sync(ledger), 2, 0);
  assert.is(judge(ledger, [first + 1]).promisedLost, 0);
  assert.is(judge(ledger, [second + 1]).promisedLost, 0);
  assert.is(judge(ledger, [0]).promisedLost, 2);
});

judging('bytes that nobody wrote are told, and break what was promised there', () => {
  const ledger = new Ledger();
  ledger.end(write(ledger, 0, 512), 1, 512);
  assert.equal([judge(ledger, [99]).foreignSectors, judge(ledger, [99]).promisedLost], [1, 0]);
  ledger.end(sync(ledger), 2, 0);
  assert.is(judge(ledger, [99]).promisedLost, 1);
});

judging('a part of a sector is judged with what lies beside it', () => {
  const ledger = new Ledger();
  ledger.end(write(ledger, 0, 512), 1, 512);
  ledger.end(write(ledger, 100, 50), 2, 50);
  const sector = new Uint8Array(512).fill(1);
  const fates = () => judgeSectors(ledger.rows, bytesOf, () => [sector]).writes.map(({ fate }) => fate);
  assert.equal(fates(), ['there', 'lost']);
  sector.fill(2, 100, 150);
  assert.equal(fates(), ['replaced', 'there']);
});

judging('a write that ends where a sector ends is not in the next one', () => {
  const ledger = new Ledger();
  ledger.end(write(ledger, 0, 512), 1, 512);
  ledger.end(write(ledger, 512, 512), 1, 512);
  const { writes, foreignSectors } = judge(ledger, [1, 2, 7]);
  assert.equal(
    writes.map(({ fate, sectorCount }) => [fate, sectorCount]),
    [
      ['there', 1],
      ['there', 1],
    ],
  );
  assert.is(foreignSectors, 0, 'sector 2 is nobody’s');
});

judging(
  'a renamed file may be found under each of its names; one whose name is taken is replaced by the file that has it',
  () => {
    const ledger = new Ledger();
    ledger.rename('/a', '/b', 1);
    assert.equal([ledger.namesOf('/a'), ledger.namesOf('/x')], [['/a', '/b'], ['/x']]);
    ledger.rename('/b', '/c', 2);
    assert.equal(ledger.namesOf('/a'), ['/a', '/b', '/c']);
    assert.equal(ledger.namesOf('/other'), ['/other'], 'nobody else is renamed');
    ledger.rename('/new', '/c', 3);
    assert.equal(ledger.replacements.at(-1), { target: '/a', by: '/new', from: '/new', step: 3 });
    assert.equal(ledger.namesOf('/a'), ['/a', '/b', '/c']);
  },
);

judging.run();
