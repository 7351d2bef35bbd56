// Wait queues: waiters wake in the order in which they parked, through a completion and never at once, and a queue's one
// word is 0 again when nobody waits. Several queues over one set of waiters are compared with arrays.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUILDS } from '../../support/machine.ts';
import { openUnit, type Unit } from '../../support/unit-module.ts';

const SEED = 20240614;
const WAITERS = 24;
const QUEUES = 3;
const WAITER_SIZE = 16;

const queueAt = (unit: Unit, queue: number) => unit.scratch + queue * 4;
const waiterAt = (unit: Unit, waiter: number) => unit.scratch + 64 + waiter * WAITER_SIZE;

function park(unit: Unit, queue: number, waiter: number): void {
  unit.view.setUint32(waiterAt(unit, waiter) + 4, unit.exports.LOG_KIND.value, true);
  unit.exports.park(queueAt(unit, queue), waiterAt(unit, waiter));
}

/** Runs what was woken since the last call: the numbers of the waiters, in order. */
function woken(unit: Unit): number[] {
  const before = unit.exports.unitLogCount();
  while (unit.exports.dispatchOne() !== 0);
  const log = unit.exports.unitLog();
  const owners: number[] = [];
  for (let index = before; index < unit.exports.unitLogCount(); index++)
    owners.push(unit.view.getUint32(log + index * 4, true));
  return owners.map((owner) => (owner - waiterAt(unit, 0)) / WAITER_SIZE);
}

for (const build of BUILDS) {
  const waitQueue = suite(`wait queue (${build})`);

  waitQueue('wakeAll wakes in the order of parking', async () => {
    const unit = await openUnit(build);
    for (const waiter of [3, 1, 2]) park(unit, 0, waiter);
    unit.exports.wakeAll(queueAt(unit, 0));
    assert.equal(woken(unit), [3, 1, 2]);
    assert.is(unit.view.getUint32(queueAt(unit, 0), true), 0);
  });

  waitQueue('waking runs nothing: it queues one completion', async () => {
    const unit = await openUnit(build);
    park(unit, 0, 5);
    assert.is(unit.exports.wakeOne(queueAt(unit, 0)), 1);
    assert.is(unit.exports.unitLogCount(), 0);
    assert.is(unit.exports.dispatchPending(), 1);
    assert.equal(woken(unit), [5]);
  });

  waitQueue('an empty queue wakes nobody', async () => {
    const unit = await openUnit(build);
    assert.is(unit.exports.wakeOne(queueAt(unit, 0)), 0);
    unit.exports.wakeAll(queueAt(unit, 0));
    assert.is(unit.exports.dispatchPending(), 0);
  });

  waitQueue('any parking and waking on several queues is first in, first out on each', async () => {
    const step = fc.record({ queue: fc.nat(QUEUES - 1), act: fc.nat(9) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120, size: 'max' }), async (steps) => {
        const unit = await openUnit(build);
        const free = Array.from({ length: WAITERS }, (_, index) => index);
        const queues: number[][] = Array.from({ length: QUEUES }, () => []);
        for (const { queue, act } of steps) {
          const waiting = queues[queue] as number[];
          if (act > 3 && free.length > 0) {
            const waiter = free.shift() as number;
            park(unit, queue, waiter);
            waiting.push(waiter);
            continue;
          }
          const expected = act === 0 ? waiting.splice(0) : waiting.splice(0, 1);
          if (act === 0) unit.exports.wakeAll(queueAt(unit, queue));
          else assert.is(unit.exports.wakeOne(queueAt(unit, queue)), expected.length);
          assert.equal(woken(unit), expected);
          free.push(...expected);
          assert.is(unit.view.getUint32(queueAt(unit, queue), true) === 0, waiting.length === 0);
        }
      }),
      { seed: SEED, numRuns: 100 },
    );
  });

  waitQueue.run();
}
