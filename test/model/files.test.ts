// test-timeout: 240
// Random calls on files of a volume, a flat file and a drive, one after the other, against arrays of bytes.
//
// Each seed is a machine of its own: block size, cache, limits, drives. SECTORLAB_SEEDS=first:count plays others instead.

import { suite } from 'uvu';
import { BUILDS } from '../support/machine.ts';
import { holdsForSeeds } from './files-bench.ts';

const SEEDS = { release: [1, 240], debug: [10001, 30] } as const;

const files = suite('files against their models');

for (const build of BUILDS) {
  files(`${build}: answers, sizes and bytes are those of the model, and every rule holds`, async () => {
    await holdsForSeeds(build, SEEDS[build], (bench) => bench.step());
  });
}

files.run();
