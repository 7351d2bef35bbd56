// test-timeout: 600
// The whole path against the naive model, one operation at a time: every byte, every answer, every cache counter.
//
// Each run is a random machine (block size, cache from one page, latency, queue depth, pool sizes, merging) and a random
// sequence of reads, writes, syncs and discards through buffered, direct, synchronous and appending handles of the same files.
// The seed is fixed and printed; a failure prints the smallest sequence that fast-check found.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';
import { checkSynced, configOf, FILE_NAMES, holds, openPair, runStep, setups, steps } from './workload.ts';

const SEED = 20240817;
const RUNS = { release: 900, debug: 250 } as const;
const STEPS = { minLength: 1, maxLength: 700, size: 'max' } as const;

const model = suite('one operation at a time');

for (const build of BUILDS) {
  model(`${build}: every read, counter and dirty page equals the naive model's`, async () => {
    let stepTotal = 0;
    await holds(
      fc.asyncProperty(setups, fc.array(steps, STEPS), async (setup, sequence) => {
        const pair = await openPair(build, setup);
        for (const step of sequence) runStep(pair, step);
        checkSynced(pair);
        stepTotal += sequence.length;
        pair.machine.run();
        assert.equal(poolsInUse(pair.machine), NO_POOL_IN_USE);

        const reopened = await openMachine(build, {
          ...configOf(setup),
          files: (pair.config.files ?? []).map((file, index) => ({
            ...file,
            size: pair.model.files[index + 1]?.size ?? 0,
          })),
          drives: (pair.config.drives ?? []).map((drive, index) => ({
            ...drive,
            memory: pair.machine.memory(index),
          })),
        });
        for (const [index, name] of FILE_NAMES.entries()) {
          const size = pair.model.files[index]?.size ?? 0;
          const expected = pair.model.read(index, size, 0) as Uint8Array;
          assert.is(
            Buffer.compare(reopened.openFile(name).read(size + 1, 0), expected),
            0,
            `${name} reopened`,
          );
        }
      }),
      SEED,
      RUNS[build],
    );
    console.log(`${build}: seed ${SEED}, ${stepTotal} operations`);
    assert.ok(stepTotal > RUNS[build] * 100);
  });
}

model.run();
