// Pools: every record is handed out once, in address order at first; a full pool answers 0; what comes back is handed
// out again. Random takes and gives are compared with a set.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUILDS } from '../../support/machine.ts';
import { openUnit } from '../../support/unit-module.ts';

const SEED = 20240613;
const RECORDS = 9;
const RECORD_SIZE = 16;

for (const build of BUILDS) {
  const pool = suite(`pool (${build})`);

  pool('a fresh pool hands its records out in address order, then answers 0', async () => {
    const unit = await openUnit(build, { records: RECORDS });
    const address = unit.exports.unitPool();
    const first = unit.exports.poolTake(address);
    const rest = Array.from({ length: RECORDS - 1 }, () => unit.exports.poolTake(address));
    assert.equal(
      rest,
      rest.map((_, index) => first + RECORD_SIZE * (index + 1)),
    );
    assert.is(first % 64, 0);
    assert.is(unit.exports.unitPoolUsed(), RECORDS);
    assert.is(unit.exports.poolTake(address), 0);
    assert.is(unit.exports.unitPoolUsed(), RECORDS, 'a take that failed counts nothing');
  });

  pool('poolHolds knows the starts of records and nothing else', async () => {
    const unit = await openUnit(build, { records: RECORDS });
    const address = unit.exports.unitPool();
    const first = unit.exports.poolTake(address);
    const held: number[] = [];
    for (let at = first - 2 * RECORD_SIZE; at < first + (RECORDS + 2) * RECORD_SIZE; at++)
      if (unit.exports.poolHolds(address, at) !== 0) held.push(at - first);
    assert.equal(
      held,
      Array.from({ length: RECORDS }, (_, index) => index * RECORD_SIZE),
    );
  });

  pool('giving a record to an empty pool traps', async () => {
    const unit = await openUnit(build, { records: RECORDS });
    const address = unit.exports.unitPool();
    const record = unit.exports.poolTake(address);
    unit.exports.poolGive(address, record);
    assert.throws(
      () => unit.exports.poolGive(address, record),
      (error: unknown) => error instanceof WebAssembly.RuntimeError,
    );
  });

  pool('no record is out twice and none is lost, whatever is taken and given', async () => {
    // a number takes when it is odd, else gives the record in use of that number
    const unit = await openUnit(build, { records: RECORDS });
    const address = unit.exports.unitPool();
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { maxLength: 100, size: 'max' }), (steps) => {
        unit.exports.poolInit(address);
        const out: number[] = [];
        for (const step of steps) {
          if (step % 2 === 1) {
            const record = unit.exports.poolTake(address);
            assert.is(record === 0, out.length === RECORDS);
            if (record === 0) continue;
            assert.not(out.includes(record), 'handed out twice');
            assert.is(unit.exports.poolHolds(address, record), 1);
            unit.bytes.fill(0xee, record, record + RECORD_SIZE);
            out.push(record);
          } else if (out.length > 0) {
            const [record] = out.splice(step % out.length, 1);
            unit.exports.poolGive(address, record as number);
          }
          assert.is(unit.exports.unitPoolUsed(), out.length);
        }
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  pool.run();
}
