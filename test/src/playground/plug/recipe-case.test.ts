// A recipe of a foreign workload, as a case that can be drawn.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RecipeFinding } from '../../../../src/explore/types.ts';
import { toldOf } from '../../../../src/playground/plug/recipe-case.ts';

const FINDING: RecipeFinding = {
  sentence: 'the page can be there while the log is not',
  error: 'Error: no log record',
  missing: ['sectors 0 to 1'],
  present: ['sectors 8 to 9'],
  proof: 'with a flush right behind it all 9 states pass',
  acknowledged: 0,
  attempted: 1,
  rows: [
    { step: 0, kind: 'attempt', what: '1' },
    {
      step: 1,
      kind: 'write',
      what: 'sectors 0 to 1',
      fate: 'missing',
      line: 'a.ts:3',
      offset: 0,
      length: 1024,
    },
    { step: 3, kind: 'flush', what: 'flush', line: 'a.ts:5' },
    { step: 4, kind: 'crash', what: 'power' },
  ],
};

const cases = suite('recipes as cases');

cases('each row is told, and its writes have their place', () => {
  const { sentence, error, proof, rows } = toldOf(FINDING);
  assert.is(sentence, 'The page can be there while the log is not.');
  assert.is(error, 'no log record');
  assert.is(proof, 'With a flush right behind it all 9 states pass.');
  assert.equal(
    rows.map(({ what, fate, offset }) => [what, fate, offset]),
    [
      ['begun 1', undefined, undefined],
      ['sectors 0 to 1', 'missing', 0],
      ['flush (a.ts:5)', undefined, undefined],
      ['power cut', undefined, undefined],
    ],
  );
});

cases('rows that were left out are said where they were', () => {
  const { rows } = toldOf({ ...FINDING, leftOut: 1200 });
  assert.is(rows[2]?.what, '1,200 rows left out');
  assert.is(rows.length, 5);
});

cases.run();
