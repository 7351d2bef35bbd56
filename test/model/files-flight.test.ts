// test-timeout: 240
// As files.test.ts, with AIO requests in flight on several files: held and released in random order, other calls meanwhile.
//
// SECTORLAB_SEEDS=first:count plays other seeds.

import { suite } from 'uvu';
import { BUILDS } from '../support/machine.ts';
import { holdsForSeeds } from './files-bench.ts';

const SEEDS = { release: [20001, 240], debug: [30001, 30] } as const;

/** Here one sync once left a part of a page to another, and did not wait for it. */
const SHARED_SYNC = [150158, 1] as const;

const flights = suite('files with requests in flight');

for (const build of BUILDS) {
  flights(`${build}: answers, sizes and bytes are those of the model, and every rule holds`, async () => {
    for (const seeds of [SEEDS[build], SHARED_SYNC]) {
      await holdsForSeeds(build, seeds, (bench) => {
        if (bench.random.oneIn(4)) bench.flight();
        else bench.step();
      });
    }
  });
}

flights.run();
