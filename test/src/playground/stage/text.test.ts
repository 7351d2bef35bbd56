import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fitSentence } from '../../../../src/playground/stage/text.ts';

const text = suite('playground stage text');

text('a sentence that does not fit ends with a whole clause', () => {
  assert.is(fitSentence('#3 queued: nothing waits', 1000, 10), '#3 queued: nothing waits');
  assert.is(fitSentence('#3 queued: nothing waits', 80, 10), '#3 queued');
  assert.match(fitSentence('#3 queued: nothing waits', 40, 10), /…$/);
});

text.run();
