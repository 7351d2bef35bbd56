// Dirty limits and the position ratio (sheet §10.2, §10.4; its §21 by number), against a model of Linux's arithmetic.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { VmConfig } from '../../../src/core/options.ts';
import { BUILDS, openMachine } from '../../support/machine.ts';
import { openUnit } from '../../support/unit-module.ts';
import { dirtyLimitsModel, positionRatioModel } from './throttle-model.ts';

const PAGE = 4096;
const SEED = 20260711;
const MILLION = { cache: PAGE * 1_000_000, drives: [{ size: '8GiB' }] } as const;

const limitTests = suite('dirty limits');

for (const build of BUILDS) {
  limitTests(`${build}: 28. limits of 1,000,000 pages, and of 1 GiB`, async () => {
    const million = await openMachine(build, { payload: 'none', ...MILLION });
    assert.equal(million.dirtyLimits(), {
      threshold: 199951,
      background: 99853,
      freerun: 149902,
      setpoint: 174926,
      positionRatio: 2,
    });
    const gib = await openMachine(build, { payload: 'none', cache: '1GiB' });
    const { threshold, background, freerun, setpoint } = gib.dirtyLimits();
    assert.equal([threshold, background, freerun, setpoint], [52416, 26176, 39296, 45856]);
    assert.is(gib.vmstat().nr_dirty_threshold, 52416);
    assert.is(gib.vmstat().nr_dirty_background_threshold, 26176);
  });

  limitTests(`${build}: bytes come before ratios, and the background is below the threshold`, async () => {
    const cases: VmConfig[] = [
      { dirtyRatio: 0 },
      { dirtyRatio: 100, dirtyBackgroundRatio: 100 },
      { dirtyRatio: 5, dirtyBackgroundRatio: 50 },
      { dirtyBytes: 8192 },
      { dirtyBytes: 1_000_001, dirtyBackgroundBytes: 4097 },
      { dirtyBackgroundBytes: '1MiB' },
      { dirtyBackgroundBytes: '1GiB' },
    ];
    for (const vm of cases) {
      for (const pages of [1, 7, 1000, 8192]) {
        const machine = await openMachine(build, { cache: pages * PAGE, vm });
        const bytes = { '1MiB': 1048576, '1GiB': 1073741824 };
        const size = (value: VmConfig['dirtyBytes']): number =>
          typeof value === 'string' ? bytes[value as keyof typeof bytes] : Number(value ?? 0);
        const { positionRatio: _now, ...limits } = machine.dirtyLimits();
        const model = dirtyLimitsModel(pages, {
          ratio: vm.dirtyRatio ?? 20,
          backgroundRatio: vm.dirtyBackgroundRatio ?? 10,
          bytes: size(vm.dirtyBytes),
          backgroundBytes: size(vm.dirtyBackgroundBytes),
        });
        assert.equal(limits, model, `${pages} pages, ${JSON.stringify(vm)}`);
      }
    }
  });

  limitTests(`${build}: the position ratio is 2 at freerun, 1 at the setpoint, 0 at the limit`, async () => {
    const { positionRatio } = (await openUnit(build)).exports;
    const [freerun, setpoint, limit] = [149902n, 174926n, 199951n];
    assert.is(positionRatio(setpoint, freerun, limit), 2045n, '2, as far as the integers go');
    assert.is(positionRatio(setpoint, setpoint, limit), 1024n);
    assert.is(positionRatio(setpoint, limit - 1n, limit), 2n);
    assert.is(positionRatio(setpoint, limit, limit), 0n);
    assert.is(positionRatio(setpoint, limit * 9n, limit), 0n);
    assert.is(positionRatio(0n, 0n, 0n), 0n);
    const pages = fc.integer({ min: 0, max: 2 ** 26 });
    fc.assert(
      fc.property(pages, pages, pages, (a, b, dirty) => {
        const ratio = positionRatio(BigInt(Math.min(a, b)), BigInt(dirty), BigInt(Math.max(a, b)));
        assert.is(Number(ratio), positionRatioModel(Math.min(a, b), dirty, Math.max(a, b)));
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
}

limitTests.run();
