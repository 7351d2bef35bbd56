// test-timeout: 240
// machineCheck: a machine in use breaks no rule, and each rule that is broken by hand is found.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openNodeImages } from '../../../src/backing/node-files.ts';
import { Machine } from '../../../src/machine.ts';
import { type ProbeExports, probeModule } from '../../support/iomap-probe.ts';
import { BUILDS, type Build, brokenRule, EXACT } from '../../support/machine.ts';

const RULES = 12;
const EFAULT = -14;
/** Drive 0, the volume's records 0 and 1 (the root); the first file is number 2 of the volume. */
const FILE = 3;

const rules = suite('machineCheck');

/** A machine with one dirty page in a file of its volume. */
async function open(build: Build): Promise<Machine> {
  const machine = await Machine.open(
    { core: () => probeModule(build), openImages: openNodeImages },
    { ...EXACT, drives: [{ size: 1048576 }], volume: { inodes: 16, extents: 256 } },
  );
  machine.fs.writeFile('/f', new Uint8Array(100).fill(1));
  assert.is(machine.counters.cache.nrDirty, 1);
  return machine;
}

for (const build of BUILDS) {
  rules(`${build}: a machine in use breaks none`, async () => {
    assert.is(brokenRule(await open(build)), '');
  });

  for (let rule = 1; rule <= RULES; rule++) {
    rules(`${build}: rule ${rule} is found when it is broken`, async () => {
      const machine = await open(build);
      (machine.core.exports as ProbeExports).probeBreak(rule, FILE);
      assert.match(brokenRule(machine), new RegExp(`^rule ${rule}, `));
    });
  }

  rules(`${build}: an address that is not the client's is EFAULT`, async () => {
    const machine = await open(build);
    assert.is(machine.core.exports.machineCheck(0), EFAULT);
  });
}

rules.run();
