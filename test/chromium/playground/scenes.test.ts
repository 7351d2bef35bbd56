// test-timeout: 240
// Every scene of the gallery plays to its end in the page, without a fault, to the hash of Node.

import * as assert from 'uvu/assert';
import { SCENES } from '../../../src/playground/scenes/index.ts';
import { playAhead } from '../../src/playground/support/engine.ts';
import { factsOf, playgroundSuite, waitFor } from '../support/page.ts';

const { test, visit, run } = playgroundSuite('scenes of the playground');

for (const scene of SCENES) {
  test(`${scene.id} plays to its end, with the hash of Node`, async () => {
    const node = await playAhead(scene);
    await visit({ link: `#scene=${scene.id}` }, async (page) => {
      await page.selectOption('.speed', '0');
      await page.click('.play-button');
      await waitFor(page, 'finished');
      const { stepCount, recordHash, step } = await factsOf(page);
      assert.equal([step, stepCount], [node.stepCount, node.stepCount]);
      assert.is(recordHash, node.hashOf(step));
      await page.waitForSelector('.replayed:has-text("same hash")');
      assert.is(await page.$('[role="alert"]'), null);
    });
  });
}

run();
