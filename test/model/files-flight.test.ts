// test-timeout: 240
// As files.test.ts, with AIO requests in flight on several files: held and released in random order, other calls meanwhile.
//
// SECTORLAB_SEEDS=first:count plays other seeds.

import { suite } from 'uvu';
import { BUILDS } from '../support/machine.ts';
import { holdsForSeeds } from './files-bench.ts';

const SEEDS = { release: [20001, 240], debug: [30001, 30] } as const;

const flights = suite('files with requests in flight');

for (const build of BUILDS) {
  flights(`${build}: answers, sizes and bytes are those of the model, and every rule holds`, async () => {
    await holdsForSeeds(build, SEEDS[build], (bench) => {
      if (bench.random.oneIn(4)) bench.flight();
      else bench.step();
    });
  });
}

flights.run();
