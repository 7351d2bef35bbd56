// test-timeout: 120
// Two ways to the same crash states: what a power cut of the machine may leave, subset by subset, and what the explorer
// builds from the machine's write log are the same set of images.
//
// Random requests on a small drive (writes, discards, FUA, PREFLUSH, flushes) whose completions are held and released in any
// order; whole writes and writes that tear in units; drives that promise, and drives that lie, lose and fail.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SparseMemory } from '../../src/backing/sparse-memory.ts';
import type { DrivePromise } from '../../src/core/promises.ts';
import { CrashExplorer } from '../../src/crash/explorer.ts';
import type { CrashModel } from '../../src/crash/options.ts';
import type { Machine } from '../../src/machine.ts';
import { BUILDS, type Build, coreModule, openMachine } from '../support/machine.ts';

const SECTORS = 12;
const MAX_CHOICES = 6;
const SEED = 1958;
const RUNS = 70;

type Step = readonly [kind: number, sector: number, sectorCount: number, flags: number];
const steps = fc.array(fc.tuple(fc.nat(11), fc.nat(SECTORS - 1), fc.integer({ min: 1, max: 3 }), fc.nat(7)), {
  maxLength: 24,
  size: 'max',
});
const setups = fc.record({
  unit: fc.constantFrom(0, 512, 1024),
  discardZeroes: fc.boolean(),
  merge: fc.boolean(),
  fua: fc.boolean(),
  faults: fc.subarray([
    'eio on=write,flush nth=3 times=once',
    'ignoredFlush perMillion=400000',
    'ignoredFua perMillion=400000',
    'lostWrite perMillion=150000',
    'misdirectedWrite perMillion=150000',
    'failedFlush nth=1 times=once',
  ]),
  promises: fc.constantFrom<readonly DrivePromise[]>([], ['SEQUENTIAL'], ['ATOMIC1K'], ['ATOMIC']),
});
type Setup = typeof setups extends fc.Arbitrary<infer T> ? T : never;

/** Every write has bytes of its own. */
function play(machine: Machine, sequence: readonly Step[]): void {
  const device = machine.blockDevice();
  machine.holdCompletions(true);
  sequence.forEach(([kind, sector, most, flags], number) => {
    const sectorCount = Math.min(most, SECTORS - sector);
    const flush = { fua: (flags & 3) === 3, preflush: (flags & 4) !== 0 && (flags & 1) !== 0 };
    if (kind < 4) {
      const data = new Uint8Array(sectorCount * 512).fill(number + 1);
      device.submit({ operation: 'write', sector, data, ...flush });
    } else if (kind === 4) {
      device.submit({ operation: 'discard', sector, sectorCount });
    } else if (kind === 5) {
      device.submit({ operation: 'writeZeroes', sector, sectorCount, ...flush });
    } else if (kind < 8) {
      device.submit({ operation: 'flush' });
    } else if (kind < 10) {
      while (machine.heldCompletions() > 0) machine.releaseCompletion(0);
    } else if (machine.heldCompletions() > 0) {
      machine.releaseCompletion(sector % machine.heldCompletions());
    }
    machine.run();
  });
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

function content(memory: SparseMemory): string {
  const bytes = new Uint8Array(SECTORS * 512);
  memory.read(bytes, 0);
  return Buffer.from(bytes.filter((_, at) => at % 512 === 0)).toString('hex');
}

/** No write is there behind one that is not there or torn. */
function isInOrder(mask: number, choices: readonly number[]): boolean {
  let at = 0;
  const kept = choices.map((count) => {
    const all = (1 << count) - 1;
    const bits = (mask >> at) & all;
    at += count;
    return bits === 0 ? 'none' : bits === all ? 'all' : 'some';
  });
  const end = kept.findIndex((part) => part !== 'all');
  return end < 0 || kept.slice(end + 1).every((part) => part === 'none');
}

/** The images that the machine's power cuts leave, one for each mask; a drive that promises order refuses the others. */
function imagesOfCuts(machine: Machine, setup: Setup, choices: readonly number[]): Set<string> {
  const isSequential = setup.promises.includes('SEQUENTIAL');
  const images = new Set<string>();
  for (let mask = 0; mask < 1 << total(choices); mask++) {
    if (isSequential && !isInOrder(mask, choices)) {
      assert.throws(
        () => machine.crash('power', { choose: BigInt(mask), tearing: setup.unit }),
        /choose .*promises SEQUENTIAL/,
      );
      continue;
    }
    const after = machine.crash('power', { choose: BigInt(mask), tearing: setup.unit });
    images.add(content(after.memory()));
    after.close();
  }
  return images;
}

async function imagesOfLog(build: Build, machine: Machine, setup: Setup): Promise<Set<string>> {
  const model: CrashModel = {
    ...(setup.unit === 0 ? { tearing: 'none' } : { tearing: 'units', unit: setup.unit }),
    discard: setup.discardZeroes ? 'zeroes' : 'oldOrZero',
    promises: setup.promises,
  };
  const platform = { core: () => coreModule(build), openImages: () => Promise.reject(new Error('no files')) };
  const explorer = await CrashExplorer.on(platform, { log: machine.writeLog.snapshot(), model });
  const last = explorer.points().length - 1;
  assert.ok(explorer.count(last).isExhaustive);
  const images = new Set<string>();
  for (const image of explorer.images({ points: [last] })) images.add(content(image.memory));
  explorer.close();
  return images;
}

const agreement = suite('power cuts and the explorer');

for (const build of BUILDS) {
  agreement(`${build}: leave the same images`, async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(setups, steps, async (setup, sequence) => {
        const { unit: _, merge, ...drive } = setup;
        const machine = await openMachine(build, {
          drives: [{ size: SECTORS * 512, ...drive }],
          merge,
          writeLog: true,
          cache: 4096,
          buffers: 131072,
        });
        play(machine, sequence);
        const writes = machine.uncertainWrites(0, setup.unit);
        const choices = writes.map((write) => write.choices);
        if (total(choices) > MAX_CHOICES) return;
        const cuts = imagesOfCuts(machine, setup, choices);
        assert.equal([...(await imagesOfLog(build, machine, setup))].sort(), [...cuts].sort());
        compared += cuts.size;
        machine.close();
      }),
      { seed: SEED, numRuns: RUNS },
    );
    assert.ok(compared > RUNS, `only ${compared} images were compared`);
  });
}

agreement.run();
