// What a crash can not take apart: a state is closed by what must be missing as well, and told legal or not.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LoggedWrite } from '../../../src/crash/log-facts.ts';
import type { CrashModel } from '../../../src/crash/options.ts';
import type { CrashLoss } from '../../../src/crash/state.ts';
import { type Lost, Ties, wholeLoss } from '../../../src/explore/shrink-ties.ts';

const ties = suite('explore/shrink-ties');

/** Four sectors at 2 KiB for each index. */
function write(index: number, parts: Partial<LoggedWrite> = {}): LoggedWrite {
  return {
    index,
    number: index + 1,
    operation: 'write',
    offset: index * 2048,
    length: 2048,
    tag: 0,
    domain: 0,
    isFua: false,
    isUntorn: false,
    isTogether: false,
    chain: 0,
    link: 0,
    submitted: index + 1,
    completed: undefined,
    durable: undefined,
    failed: undefined,
    ...parts,
  };
}

const whole = (...writes: readonly LoggedWrite[]): Lost =>
  new Map(writes.map((one) => [one.index, wholeLoss(one)]));

/** Some sectors of write 0, from `first` on. */
const torn = (first: number, sectors: number, kind: CrashLoss['kind'] = 'missing'): Lost =>
  new Map([[0, [{ write: 0, kind, offset: first * 512, length: sectors * 512 }]]]);

const indicesOf = (lost: Lost): number[] => [...lost.keys()].sort((left, right) => left - right);

ties('which parts of a write may be missing is as the model tears', () => {
  const cases: [CrashModel['tearing'], front: boolean, middle: boolean, back: boolean][] = [
    ['none', false, false, false],
    ['units', true, true, true],
    ['unitPrefix', false, false, true],
    ['unitSuffix', true, false, false],
    ['unitEnds', true, false, true],
  ];
  for (const [tearing, ...expected] of cases) {
    const one = new Ties([write(0)], tearing === undefined ? {} : { tearing });
    const found = [torn(0, 1), torn(1, 2), torn(3, 1)].map((lost) => one.isLegal(lost));
    assert.equal(found, expected, tearing);
    assert.ok(one.isLegal(whole(write(0))), 'all of it may always be missing');
  }
});

ties('a write in one piece does not tear, nor does one that is not uncertain go missing', () => {
  const one = new Ties([write(0, { isUntorn: true })], { tearing: 'units' });
  assert.not(one.isLegal(torn(0, 1)));
  assert.ok(one.isLegal(whole(write(0))));
  assert.not(one.isLegal(whole(write(1))));
});

ties('writes that go together are missing together, whole', () => {
  const [first, second, alone] = [
    write(0, { chain: 3, isTogether: true }),
    write(1, { chain: 3 }),
    write(2),
  ] as const;
  const together = new Ties([first, second, alone]);
  assert.equal(together.close(whole(first)), whole(first, second));
  assert.equal(indicesOf(together.close(whole(second))), [0, 1]);
  assert.equal(together.close(torn(0, 1)), whole(first, second));
  assert.not(together.isLegal(whole(first)));
  assert.not(together.isLegal(new Map([...torn(0, 1), ...whole(second)])), 'one of them is torn');
  assert.ok(together.isLegal(whole(first, second)));
  assert.ok(together.isLegal(whole(alone)));
});

ties('behind what is missing of a chain nothing is there; what is before it may be', () => {
  const links = [
    write(0, { chain: 3 }),
    write(1, { chain: 3 }),
    write(2, { chain: 4 }),
    write(3, { chain: 3 }),
  ];
  const chained = new Ties(links);
  assert.equal(indicesOf(chained.close(whole(links[1] as LoggedWrite))), [1, 3]);
  assert.equal(indicesOf(chained.close(torn(0, 1))), [0, 1, 3]);
  assert.equal(chained.close(torn(0, 1)).get(0), torn(0, 1).get(0), 'the first one may be torn');
});

ties('with an order, of all or of each domain, the later ones are missing too', () => {
  const writes = [
    write(0, { domain: 7 }),
    write(1, { domain: 8 }),
    write(2, { domain: 7 }),
    write(3, { domain: 8 }),
  ];
  const closed = (model: CrashModel, index: number) =>
    indicesOf(new Ties(writes, model).close(whole(writes[index] as LoggedWrite)));
  assert.equal(closed({}, 1), [1]);
  assert.equal(closed({ order: 'prefix' }, 1), [1, 2, 3]);
  assert.equal(closed({ promises: ['SEQUENTIAL'] }, 2), [2, 3]);
  assert.equal(closed({ order: 'domainPrefix' }, 0), [0, 2]);
  assert.equal(closed({ order: 'domainPrefix' }, 1), [1, 3]);
});

ties.run();
