// The page loads from its own origin alone, under its content policy, and has the state that tests read.

import * as assert from 'uvu/assert';
import { FIRST_SCENE } from '../../../src/playground/scenes/index.ts';
import { assertFits, factsOf, playgroundSuite } from '../support/page.ts';

const { test, visit, run } = playgroundSuite('playground page');
const WIDTHS = [320, 390, 768, 1100, 1440];

test('it opens the first scene without a fault, and asks no other origin', async () => {
  await visit({ begins: ['ready', 'failed'] }, async (page) => {
    assert.is((await factsOf(page)).scene, FIRST_SCENE.id);
  });
});

for (const width of WIDTHS) {
  test(`at ${width} pixels nothing scrolls sideways`, async () => {
    await visit({ viewport: { width, height: 800 }, begins: ['ready', 'failed'] }, (page) =>
      assertFits(page, 'at the start'),
    );
  });
}

run();
