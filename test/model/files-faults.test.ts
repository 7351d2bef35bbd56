// test-timeout: 240
// As files.test.ts, on a drive whose writes of data fail at times: what is lost is reported, and nothing else is lost.
//
// SECTORLAB_SEEDS=first:count plays other seeds.

import { suite } from 'uvu';
import { BUILDS } from '../support/machine.ts';
import { type FilesBench, holdsForSeeds } from './files-bench.ts';
import { Faults } from './files-faults.ts';

const SEEDS = { release: [40001, 120], debug: [45001, 20] } as const;

const faults = suite('files on a drive that fails');

for (const build of BUILDS) {
  faults(`${build}: what is lost is reported once to each descriptor, and nothing else is lost`, async () => {
    const players = new Map<FilesBench, Faults>();
    await holdsForSeeds(
      build,
      SEEDS[build],
      (bench) => {
        if (!bench.random.oneIn(8) || players.get(bench)?.turn() !== true) bench.step();
      },
      async (of, seed) => {
        const player = await Faults.open(of, seed);
        players.set(player.bench, player);
        return player.bench;
      },
    );
  });
}

faults.run();
