// What a power cut may take: the table of flush and FUA rules, row by row, then random histories against a naive list.
//
// S is submission, C is completion, F a flush. "Durable" is there with keep 'none'; "uncertain" is gone with keep 'none'
// and there with keep 'all'. Writes with PREFLUSH: block/flush.test.ts.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import type { DriveConfig } from '../../../src/core/options.ts';
import { BUILDS, openMachine } from '../../support/machine.ts';
import { HeldDrive, valuesOf } from './held-drive.ts';
import { NaiveCache, type NaiveWrite } from './naive-cache.ts';

const OLD = 7;

/** A memory whose first 64 sectors hold OLD. */
function oldMemory(): SparseMemory {
  const memory = new SparseMemory();
  memory.write(new Uint8Array(64 * 512).fill(OLD), 0);
  return memory;
}

const cache = suite('volatile write cache');

for (const build of BUILDS) {
  /** Plays a history and cuts the power both ways: values of the first sectors with keep none and keep all. */
  const outcomes = async (
    history: (drive: HeldDrive) => void,
    config: DriveConfig = {},
  ): Promise<{ none: number[]; all: number[] }> => {
    const play = async (keep: 'none' | 'all') => {
      const drive = await HeldDrive.open(build, { memory: oldMemory(), ...config });
      history(drive);
      return drive.cut(keep, 4);
    };
    return { none: await play('none'), all: await play('all') };
  };

  cache(`${build}: a completed write is uncertain until a flush`, async () => {
    const { none, all } = await outcomes((drive) => drive.complete(drive.write(1, 0)));
    assert.equal(none, [OLD, OLD, OLD, OLD]);
    assert.equal(all, [1, OLD, OLD, OLD]);
  });

  cache(`${build}: a write that is submitted and not completed is uncertain`, async () => {
    const { none, all } = await outcomes((drive) => drive.write(1, 0));
    assert.equal(none, [OLD, OLD, OLD, OLD]);
    assert.equal(all, [1, OLD, OLD, OLD]);
  });

  cache(`${build}: S(W1) C(W1) S(F) C(F): W1 is durable`, async () => {
    const { none } = await outcomes((drive) => {
      drive.complete(drive.write(1, 0));
      drive.complete(drive.flush());
    });
    assert.equal(none, [1, OLD, OLD, OLD]);
  });

  cache(`${build}: S(W1) C(W1) S(F), crash before C(F): W1 is uncertain`, async () => {
    const { none, all } = await outcomes((drive) => {
      drive.complete(drive.write(1, 0));
      drive.flush();
    });
    assert.equal(none, [OLD, OLD, OLD, OLD]);
    assert.equal(all, [1, OLD, OLD, OLD]);
  });

  cache(
    `${build}: S(W1) S(F) C(W1) C(F): W1 is uncertain, it completed after the flush was sent`,
    async () => {
      const { none } = await outcomes((drive) => {
        const write = drive.write(1, 0);
        const flush = drive.flush();
        drive.complete(write);
        drive.complete(flush);
      });
      assert.equal(none, [OLD, OLD, OLD, OLD]);
    },
  );

  cache(`${build}: the next flush covers what the last one did not`, async () => {
    const { none } = await outcomes((drive) => {
      const write = drive.write(1, 0);
      const flush = drive.flush();
      drive.complete(write);
      drive.complete(flush);
      drive.complete(drive.flush());
    });
    assert.equal(none, [1, OLD, OLD, OLD]);
  });

  cache(`${build}: S(W1) C(W1) S(W2+FUA) C(W2): W2 is durable, W1 uncertain`, async () => {
    const { none, all } = await outcomes((drive) => {
      drive.complete(drive.write(1, 0));
      drive.complete(drive.forcedWrite(2, 1));
    });
    assert.equal(none, [OLD, 2, OLD, OLD]);
    assert.equal(all, [1, 2, OLD, OLD]);
  });

  cache(`${build}: S(W2+FUA), crash before C(W2): W2 is uncertain`, async () => {
    const { none, all } = await outcomes((drive) => drive.forcedWrite(2, 1));
    assert.equal(none, [OLD, OLD, OLD, OLD]);
    assert.equal(all, [OLD, 2, OLD, OLD]);
  });

  cache(
    `${build}: dm-log-writes order: W1 W2 W3 C3 C2 S(F) C1 C(F): W2 and W3 durable, W1 uncertain`,
    async () => {
      const { none, all } = await outcomes((drive) => {
        const writes = [1, 2, 3].map((value) => drive.write(value, value - 1));
        drive.complete(writes[2] as number);
        drive.complete(writes[1] as number);
        const flush = drive.flush();
        drive.complete(writes[0] as number);
        drive.complete(flush);
      });
      assert.equal(none, [OLD, 2, 3, OLD]);
      assert.equal(all, [1, 2, 3, OLD]);
    },
  );

  cache(`${build}: a forced write over a volatile one stays, the rest of the volatile one goes`, async () => {
    const { none } = await outcomes((drive) => {
      drive.complete(drive.write(1, 0, 4));
      drive.complete(drive.forcedWrite(2, 1, 2));
    });
    assert.equal(none, [OLD, 2, 2, OLD]);
  });

  cache(
    `${build}: a volatile write over a forced one over a volatile one leaves the forced one`,
    async () => {
      const { none, all } = await outcomes((drive) => {
        drive.complete(drive.write(1, 0, 4));
        drive.complete(drive.forcedWrite(2, 1, 2));
        drive.complete(drive.write(3, 2, 2));
      });
      assert.equal(none, [OLD, 2, 2, OLD]);
      assert.equal(all, [1, 2, 3, 3]);
    },
  );

  cache(`${build}: two uncertain writes of one sector both go`, async () => {
    const { none, all } = await outcomes((drive) => {
      drive.complete(drive.write(1, 0));
      drive.complete(drive.write(2, 0));
    });
    assert.equal(none, [OLD, OLD, OLD, OLD]);
    assert.equal(all, [2, OLD, OLD, OLD]);
  });

  cache(`${build}: without a volatile cache a completed write is durable`, async () => {
    const { none } = await outcomes((drive) => drive.complete(drive.write(1, 0)), { volatileWrites: 0 });
    assert.equal(none, [1, OLD, OLD, OLD]);
  });

  cache(`${build}: a full cache moves its oldest completed write to the media`, async () => {
    const drive = await HeldDrive.open(build, { memory: oldMemory(), volatileWrites: 2 });
    for (const [index, value] of [1, 2, 3].entries()) {
      drive.complete(drive.write(value, index));
      assert.is(drive.machine.volatileWrites(), Math.min(index + 1, 2));
    }
    assert.is(drive.machine.counters.drive.destaged, 1);
    assert.equal(
      drive.machine.records
        .take()
        .filter(({ kind }) => kind === 'destaged')
        .map(({ address }) => address),
      [0],
    );
    assert.equal(drive.cut('none', 4), [1, OLD, OLD, OLD]);
  });

  cache(`${build}: a flush records how many writes it covered`, async () => {
    const drive = await HeldDrive.open(build);
    drive.complete(drive.write(1, 0));
    drive.complete(drive.write(1, 2));
    const late = drive.write(1, 4);
    const flush = drive.flush();
    drive.complete(late);
    drive.complete(flush);
    const flushed = drive.machine.records.take().filter(({ kind }) => kind === 'flushed');
    assert.equal(
      flushed.map(({ count, detail }) => [count, detail]),
      [[2, 1]],
    );
    assert.is(drive.machine.volatileWrites(), 1);
  });

  cache(`${build}: any number of forced writes fits behind one volatile write`, async () => {
    const machine = await openMachine(build, {
      drives: [{ size: '1MiB', volatileWrites: 1 }],
      limits: { bios: 4 },
    });
    machine.openFile('drive0', { direct: true }).write(new Uint8Array(512).fill(1), 0);
    const forced = machine.openFile('drive0', { direct: true, dsync: true });
    for (let round = 0; round < 100; round++) forced.write(new Uint8Array(512).fill(2), (round % 20) * 512);
    assert.equal(machine.cutPower(), [1]);
    const bytes = new Uint8Array(21 * 512);
    machine.memory().read(bytes, 0);
    assert.ok(bytes.subarray(0, 20 * 512).every((byte) => byte === 2));
  });

  cache(`${build}: a drive that is never flushed does not keep more and more replaced bytes`, async () => {
    const stores = new Set<SparseMemory>();
    const { write } = SparseMemory.prototype;
    SparseMemory.prototype.write = function (this: SparseMemory, source, offset) {
      stores.add(this);
      write.call(this, source, offset);
    };
    try {
      const machine = await openMachine(build, { drives: [{ size: '1MiB', volatileWrites: 8 }] });
      const file = machine.openFile('drive0', { direct: true });
      for (let round = 0; round < 2000; round++)
        file.write(new Uint8Array(4096).fill((round % 255) + 1), (round % 200) * 4096);
      const held = [...stores].map((store) => store.heldBytes);
      assert.is(stores.size, 2, 'the drive and what it would undo');
      assert.ok(Math.max(...held) <= 1048576, `${held} bytes held`);
    } finally {
      SparseMemory.prototype.write = write;
    }
  });

  cache(
    `${build}: random histories lose exactly what a naive list of writes loses, whichever parts are kept`,
    async () => {
      const acts = fc.oneof(
        {
          weight: 4,
          arbitrary: fc.tuple(fc.constantFrom('write', 'forced'), fc.nat(15), fc.integer({ min: 1, max: 6 })),
        },
        { weight: 1, arbitrary: fc.tuple(fc.constant('flush'), fc.nat(0), fc.nat(0)) },
        { weight: 4, arbitrary: fc.tuple(fc.constant('complete'), fc.nat(20), fc.nat(0)) },
      );
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(1, 2, 3, 100),
          fc.array(acts, { maxLength: 50, size: 'max' }),
          fc.constantFrom(0, 512, 1024, 4096),
          fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
          async (limit, history, tearing, bits) => {
            const drive = await HeldDrive.open(build, { memory: oldMemory(), volatileWrites: limit });
            const naive = new NaiveCache(limit, OLD);
            for (const [kind, first, count] of history) {
              if (kind === 'complete') {
                if (drive.heldCount > 0) naive.complete(drive.completeAt(first % drive.heldCount));
              } else if (kind === 'flush') {
                naive.flush(drive.flush());
              } else {
                const value = 10 + (naive.writes.length % 200);
                const number =
                  kind === 'write'
                    ? drive.write(value, first, count)
                    : drive.forcedWrite(value, first, count);
                naive.write(number, value, first, count, kind === 'forced');
              }
              assert.is(drive.machine.volatileWrites(), naive.volatileCount);
            }
            const writes = drive.machine.uncertainWrites(0, tearing);
            const uncertain = naive.writes.filter(({ state }) => state !== 'durable');
            assert.equal(
              writes.map(({ sector, sectorCount, isCompleted }) => [sector, sectorCount, isCompleted]),
              uncertain.map(({ sector, count, state }) => [sector, count, state === 'volatile']),
            );
            // which units of each write survive, told by the unit's number on the drive
            const units = Math.max(1, tearing / 512);
            const survivors = new Map<NaiveWrite, Set<number>>();
            const choose: boolean[] = [];
            for (const write of uncertain) {
              const kept = new Set<number>();
              const first = tearing === 0 ? 0 : Math.floor(write.sector / units);
              const last = tearing === 0 ? 0 : Math.floor((write.sector + write.count - 1) / units);
              for (let unit = first; unit <= last; unit++) {
                const isKept = bits[choose.length % bits.length] as boolean;
                choose.push(isKept);
                if (isKept) kept.add(unit);
              }
              survivors.set(write, kept);
            }
            const after = drive.machine.crash('power', { choose, tearing });
            assert.equal(
              valuesOf(after.memory(), 22),
              naive.image(22, (write, sector) =>
                (survivors.get(write) as Set<number>).has(tearing === 0 ? 0 : Math.floor(sector / units)),
              ),
            );
            assert.equal(drive.cut('none', 22), naive.image(22));
          },
        ),
        { seed: 4711, numRuns: build === 'release' ? 400 : 150 },
      );
    },
  );
}

cache.run();
