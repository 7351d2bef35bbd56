// The event heap: events leave by time, equal times in the order in which they were set, and the clock follows them.
// The order is compared with a sorted array over random schedules that put and take in turns.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUILDS } from '../../support/machine.ts';
import { openUnit, type Unit } from '../../support/unit-module.ts';

const EVENTS = 512;
const NUMBER_OF_RUNS = 300;
const SEED = 20240611;

interface Taken {
  readonly time: bigint;
  readonly kind: number;
  readonly owner: number;
}

function take(unit: Unit): Taken {
  unit.exports.eventPop(unit.scratch);
  const view = unit.view;
  return {
    time: view.getBigUint64(unit.scratch, true),
    kind: view.getUint32(unit.scratch + 16, true),
    owner: view.getUint32(unit.scratch + 20, true),
  };
}

for (const build of BUILDS) {
  const clock = suite(`clock (${build})`);

  clock('time starts at 0 with no event', async () => {
    const unit = await openUnit(build);
    assert.is(unit.exports.now(), 0n);
    assert.is(unit.exports.eventCount(), 0);
  });

  clock('events of one time leave in the order in which they were set', async () => {
    const unit = await openUnit(build, { events: EVENTS });
    for (let owner = 0; owner < EVENTS; owner++) unit.exports.eventAt(7n, 2, owner);
    const owners = Array.from({ length: EVENTS }, () => take(unit).owner);
    assert.equal(owners, [...owners.keys()]);
    assert.is(unit.exports.eventCount(), 0);
  });

  clock('an event comes back whole, and the clock is at its time', async () => {
    const unit = await openUnit(build);
    const time = 2n ** 63n + 5n;
    unit.exports.eventAt(time, 14, 0x12345678);
    assert.is(BigInt.asUintN(64, unit.exports.eventNextTime()), time);
    assert.is(unit.exports.now(), 0n, 'looking moves nothing');
    assert.equal(take(unit), { time, kind: 14, owner: 0x12345678 });
    assert.is(BigInt.asUintN(64, unit.exports.now()), time);
  });

  clock('advanceTo moves time forward and traps on a step back', async () => {
    const unit = await openUnit(build);
    unit.exports.advanceTo(10n);
    unit.exports.advanceTo(10n);
    assert.is(unit.exports.now(), 10n);
    assert.throws(
      () => unit.exports.advanceTo(9n),
      (error: unknown) => error instanceof WebAssembly.RuntimeError,
    );
  });

  clock('one event more than was claimed traps', async () => {
    const unit = await openUnit(build, { events: 3 });
    for (let owner = 0; owner < 3; owner++) unit.exports.eventAt(1n, 1, owner);
    assert.throws(
      () => unit.exports.eventAt(1n, 1, 3),
      (error: unknown) => error instanceof WebAssembly.RuntimeError,
    );
  });

  clock('any schedule leaves in the order of a sorted array', async () => {
    // a step puts an event this far ahead, or takes one
    const delay = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 2 ** 40 }));
    const steps = fc.array(fc.option(delay, { freq: 2 }), { maxLength: EVENTS, size: 'max' });
    const unit = await openUnit(build, { events: EVENTS });
    let sequence = 0;
    fc.assert(
      fc.property(steps, (schedule) => {
        const expected: { time: bigint; owner: number }[] = [];
        const takeOne = () => {
          // a stable sort keeps equal times in the order of setting
          expected.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
          const next = expected.shift();
          const { time, owner } = take(unit);
          assert.equal({ time, owner }, next);
          assert.is(unit.exports.now(), time);
        };
        for (const step of schedule) {
          if (step !== null) {
            const event = { time: unit.exports.now() + BigInt(step), owner: sequence++ };
            unit.exports.eventAt(event.time, 1, event.owner);
            expected.push(event);
          } else if (expected.length > 0) {
            takeOne();
          }
          assert.is(unit.exports.eventCount(), expected.length);
        }
        while (expected.length > 0) takeOne();
      }),
      { seed: SEED, numRuns: NUMBER_OF_RUNS },
    );
  });

  clock.run();
}
