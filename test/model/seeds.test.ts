// test-timeout: 120
// A thousand seeds, each a random machine under a random workload, leave the same trail when they are played again, and in
// both builds. test/chromium/seeds.test.ts plays them once more in a browser.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openMachine } from '../support/machine.ts';
import { runSeeds, SEEDS } from './seeds.ts';

const DEBUG_COUNT = 200;

const seeds = suite('seeds');
let first: string[];

seeds.before(async () => {
  first = await runSeeds((config) => openMachine('release', config), SEEDS.first, SEEDS.count);
});

seeds('a thousand seeds are a thousand different trails', () => {
  assert.is(first.length, 1000);
  assert.is(new Set(first).size, 1000);
});

seeds('played again, each leaves the same trail', async () => {
  const again = await runSeeds((config) => openMachine('release', config), SEEDS.first, SEEDS.count);
  assert.equal(again, first);
});

seeds('the debug build leaves the same trail', async () => {
  const debug = await runSeeds((config) => openMachine('debug', config), SEEDS.first, DEBUG_COUNT);
  assert.equal(debug, first.slice(0, DEBUG_COUNT));
});

seeds.run();
