// What each drive has in hand, drive by drive: requests, the most at one time, and how long they were there together.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DRIVE_TIMES_MOST, DRIVE_TIMES_REQUESTS, DRIVE_TIMES_TOTAL_NS } from '../../../assembly/layout.ts';
import { BUILDS, openMachine } from '../../support/machine.ts';

const times = suite('drive times');

for (const build of BUILDS) {
  times(`${build}: each drive has an account of its own`, async () => {
    const drive = { size: 65536, model: 'fixed', latencyNs: 1000 } as const;
    const machine = await openMachine(build, { drives: [drive, { ...drive, channels: 2 }] });
    const { core } = machine;
    for (let sector = 0; sector < 3; sector++)
      machine.blockDevice(0).submit({ operation: 'read', sector: sector * 8, sectorCount: 1 });
    for (let sector = 0; sector < 2; sector++)
      machine.blockDevice(1).submit({ operation: 'read', sector: sector * 8, sectorCount: 1 });
    machine.run();
    const account = (index: number): number[] => {
      const at = core.call((exports) => exports.driveTimes(index));
      return [DRIVE_TIMES_REQUESTS, DRIVE_TIMES_MOST, DRIVE_TIMES_TOTAL_NS].map((field) =>
        core.memory.u64(at + field),
      );
    };
    // one after the other on one channel: 1, 2 and 3 µs; both at once on two
    assert.equal(account(0), [3, 3, 6000]);
    assert.equal(account(1), [2, 2, 2000]);
    assert.is(
      core.call((exports) => exports.driveTimes(2)),
      -19,
    );
  });
}

times.run();
