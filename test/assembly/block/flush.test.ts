// PREFLUSH, FUA and flushes through the block layer: what goes to the drive and when, what is durable afterwards, and the exact rules of
// the sheet's table (§2), row by row and in every order of completions.
//
// S is submission, C is completion, F a flush. "Durable" is there with keep 'none'; "uncertain" is gone with keep 'none'
// and there with keep 'all'. A write fills its sector with one value.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { BlockDevice, BlockRequest, BlockRequestOptions } from '../../../src/block-device.ts';
import type { DriveConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { type CallName, type FlakyImage, openFlaky, WASI_EIO } from '../drive/flaky-image.ts';

const OLD = 1;
const SECTORS = 8;
const filled = (value: number): Uint8Array => new Uint8Array(512).fill(value);

type Flags = Pick<BlockRequestOptions, 'fua' | 'preflush' | 'tag'>;

class Bench {
  readonly machine: Machine;
  readonly device: BlockDevice;

  private constructor(machine: Machine) {
    this.machine = machine;
    this.device = machine.blockDevice();
  }

  /** A drive of 8 sectors that hold OLD, all durable; its completions are held. */
  static async open(build: Build, drive: DriveConfig = {}): Promise<Bench> {
    const machine = await openMachine(build, {
      drives: [{ size: SECTORS * 512, ...drive }],
      cache: '16KiB',
      buffers: '1MiB',
      sharedMemory: 0,
      records: 1024,
    });
    const bench = new Bench(machine);
    bench.device.write(0, new Uint8Array(SECTORS * 512).fill(OLD));
    bench.device.flush();
    machine.records.take();
    machine.holdCompletions(true);
    return bench;
  }

  /** S(W): fills a sector. */
  write(sector: number, value: number, flags: Flags = {}): BlockRequest {
    const request = this.device.submit({ operation: 'write', sector, data: filled(value), ...flags });
    this.machine.run();
    return request;
  }

  /** S(F). */
  flush(): BlockRequest {
    const request = this.device.submit({ operation: 'flush' });
    this.machine.run();
    return request;
  }

  /** What the drive holds, oldest first: the operation, and the sector of a write. */
  held(): string[] {
    return this.machine
      .heldRequests()
      .map(({ operation, sector, fua }) =>
        operation === 'flush' ? 'flush' : `${operation} ${sector}${fua ? ' fua' : ''}`,
      );
  }

  /** C of what is held first, until the request has ended. */
  complete(request: BlockRequest): void {
    while (!request.isDone) this.machine.releaseCompletion();
  }

  /** C of one held completion. */
  release(index = 0): void {
    this.machine.releaseCompletion(index);
  }

  /** Cuts the power; what the sectors hold. */
  cut(keep: 'none' | 'all'): number[] {
    this.machine.cutPower({ keep });
    const bytes = new Uint8Array(SECTORS * 512);
    this.machine.memory().read(bytes, 0);
    return Array.from({ length: SECTORS }, (_, sector) => bytes[sector * 512] as number);
  }

  /** Releases everything that is left; all is given back. */
  finish(): void {
    this.machine.holdCompletions(false);
    this.machine.run();
    this.device.reap();
    assert.equal(poolsInUse(this.machine), NO_POOL_IN_USE);
  }

  issued(): string[] {
    const names = ['read', 'write', 'discard', 'writeZeroes', 'flush'];
    return this.machine.records
      .take()
      .filter(({ kind }) => kind === 'issued')
      .map(({ operation, address }) => (operation === 4 ? 'flush' : `${names[operation]} ${address}`));
  }
}

function failNext(image: FlakyImage, name: CallName): void {
  image.fail = (call) => {
    if (call.name !== name) return 0;
    image.fail = () => 0;
    return WASI_EIO;
  };
}

const flushes = suite('flush sequences');

/** The sheet's table: what is done, then which of sector 0 (W1) and 1 (W2) is durable, which uncertain. */
const ROWS: [string, (bench: Bench) => void, durable: number[], uncertain: number[]][] = [
  [
    'S(W1) C(W1)',
    (bench) => {
      bench.complete(bench.write(0, 10));
    },
    [],
    [0],
  ],
  [
    'S(W1) C(W1) S(F) C(F)',
    (bench) => {
      bench.complete(bench.write(0, 10));
      bench.complete(bench.flush());
    },
    [0],
    [],
  ],
  [
    'S(W1) C(W1) S(F)',
    (bench) => {
      bench.complete(bench.write(0, 10));
      bench.flush();
    },
    [],
    [0],
  ],
  [
    'S(W1) S(F) C(W1) C(F)',
    (bench) => {
      const write = bench.write(0, 10);
      const flush = bench.flush();
      bench.release(0);
      assert.is(write.isDone, true);
      bench.complete(flush);
    },
    [],
    [0],
  ],
  [
    'S(W1) C(W1) S(W2+FUA) C(W2)',
    (bench) => {
      bench.complete(bench.write(0, 10));
      bench.complete(bench.write(1, 11, { fua: true }));
    },
    [1],
    [0],
  ],
  [
    'S(W1) C(W1) S(W2+PREFLUSH) C(W2)',
    (bench) => {
      bench.complete(bench.write(0, 10));
      bench.complete(bench.write(1, 11, { preflush: true }));
    },
    [0],
    [1],
  ],
  [
    'S(W1) C(W1) S(W2+PREFLUSH+FUA) C(W2)',
    (bench) => {
      bench.complete(bench.write(0, 10));
      bench.complete(bench.write(1, 11, { preflush: true, fua: true }));
    },
    [0, 1],
    [],
  ],
  [
    'S(W2+FUA)',
    (bench) => {
      bench.write(1, 11, { fua: true });
    },
    [],
    [1],
  ],
];

for (const build of BUILDS) {
  for (const [claim, act, durable, uncertain] of ROWS) {
    flushes(`${build}: ${claim}, crash: durable ${durable}, uncertain ${uncertain}`, async () => {
      for (const keep of ['none', 'all'] as const) {
        const bench = await Bench.open(build);
        act(bench);
        const kept = keep === 'all' ? [...durable, ...uncertain] : durable;
        const expected = Array.from({ length: SECTORS }, (_, sector) =>
          kept.includes(sector) ? 10 + sector : OLD,
        );
        assert.equal(bench.cut(keep), expected, keep);
      }
    });
  }

  flushes(
    `${build}: on a drive without FUA the data is durable all the same, and so is what came before`,
    async () => {
      const bench = await Bench.open(build, { fua: false });
      bench.complete(bench.write(0, 10));
      const forced = bench.write(1, 11, { fua: true });
      assert.equal(bench.held(), ['write 1']);
      bench.release();
      assert.equal([bench.held(), forced.isDone], [['flush'], false]);
      bench.release();
      assert.is(forced.result, 0);
      assert.equal(bench.cut('none').slice(0, 3), [10, 11, OLD]);
    },
  );

  flushes(`${build}: PREFLUSH and FUA without native FUA are a flush, the write, and a flush`, async () => {
    const bench = await Bench.open(build, { fua: false });
    const write = bench.write(1, 11, { preflush: true, fua: true });
    for (const step of ['flush', 'write 1', 'flush']) {
      assert.equal([bench.held(), write.isDone], [[step], false]);
      bench.release();
    }
    assert.is(write.result, 0);
    assert.equal(bench.issued(), ['flush', 'write 1', 'flush']);
    assert.equal(bench.machine.volatileWrites(), 0);
    bench.finish();
  });

  flushes(`${build}: native FUA is one request to the drive, PREFLUSH one flush before it`, async () => {
    const bench = await Bench.open(build);
    bench.complete(bench.write(0, 2, { fua: true }));
    bench.complete(bench.write(0, 3, { preflush: true }));
    bench.complete(bench.write(0, 4, { preflush: true, fua: true }));
    assert.equal(bench.issued(), ['write 0', 'flush', 'write 0', 'flush', 'write 0']);
    bench.finish();
  });

  flushes(`${build}: discards and write-zeroes take both flags as writes do`, async () => {
    for (const operation of ['discard', 'writeZeroes'] as const) {
      const bench = await Bench.open(build, { fua: false });
      bench.complete(bench.write(3, 9));
      const request = bench.device.submit({
        operation,
        sector: 0,
        sectorCount: 2,
        preflush: true,
        fua: true,
      });
      bench.machine.run();
      bench.complete(request);
      assert.equal(bench.issued().slice(1), ['flush', `${operation} 0`, 'flush']);
      assert.equal(bench.cut('none').slice(0, 4), [0, 0, OLD, 9]);
    }
  });

  for (const [name, drive] of [
    ['without a volatile cache', { volatileWrites: 0 }],
    ['with power-loss protection', { powerLossProtection: true }],
  ] as const) {
    flushes(
      `${build}: a drive ${name} gets no flush and no FUA, and completed writes are durable`,
      async () => {
        for (const fua of [true, false]) {
          const bench = await Bench.open(build, { ...drive, fua });
          const write = bench.write(1, 11, { preflush: true, fua: true });
          assert.equal([bench.held(), write.isDone], [['write 1'], false]);
          const flush = bench.flush();
          assert.equal([bench.held(), flush.result], [['write 1'], 0]);
          bench.release();
          bench.complete(bench.write(2, 12));
          assert.is(bench.machine.volatileWrites(), 0);
          assert.is(bench.machine.counters.drive.flushes, 0);
          assert.is(bench.machine.counters.block.flushes, 0);
          assert.equal(bench.cut('none').slice(0, 4), [OLD, 11, 12, OLD]);
        }
      },
    );
  }

  flushes(`${build}: stripped of FUA, writes merge`, async () => {
    const bench = await Bench.open(build, { powerLossProtection: true });
    bench.device.plug(() => {
      for (const sector of [0, 1, 2])
        bench.device.submit({ operation: 'write', sector, data: filled(5), fua: true });
    });
    bench.machine.run();
    assert.is(bench.machine.heldRequests()[0]?.sectorCount, 3);
    bench.finish();
  });

  flushes(`${build}: flushes that come while one is at the drive share the next one`, async () => {
    const bench = await Bench.open(build);
    const first = bench.flush();
    const others = [bench.flush(), bench.flush(), bench.flush()];
    assert.equal(bench.held(), ['flush']);
    bench.write(0, 10);
    bench.complete(first);
    assert.equal(
      others.map(({ isDone }) => isDone),
      [false, false, false],
    );
    assert.equal(bench.held(), ['write 0', 'flush']);
    bench.release(1);
    assert.equal(
      others.map(({ result }) => result),
      [0, 0, 0],
    );
    assert.is(bench.machine.counters.drive.flushes, 3, 'one of them made the sectors old');
    assert.is(bench.machine.counters.block.flushes, 3);
    assert.is(bench.machine.diskStat().flush_ios, 3);
    bench.finish();
  });

  flushes(
    `${build}: a shared flush covers what completed before it was sent, not before it was asked for`,
    async () => {
      const bench = await Bench.open(build);
      const write = bench.write(0, 10);
      const first = bench.flush();
      const second = bench.flush();
      bench.release(0);
      assert.is(write.isDone, true);
      bench.complete(first);
      assert.is(bench.machine.volatileWrites(), 1);
      bench.complete(second);
      assert.is(bench.machine.volatileWrites(), 0);
      assert.equal(bench.cut('none')[0], 10);
    },
  );

  flushes(`${build}: writes that share a flush before them share the one behind them`, async () => {
    const bench = await Bench.open(build, { fua: false });
    const blocker = bench.flush();
    const writes = [0, 1].map((sector) => bench.write(sector, 20 + sector, { preflush: true, fua: true }));
    assert.equal(bench.held(), ['flush']);
    bench.complete(blocker);
    assert.equal(bench.held(), ['flush']);
    bench.release();
    assert.equal(bench.held().sort(), ['write 0', 'write 1']);
    bench.release();
    assert.is(bench.held().length, 1, 'the flush behind waits for the data of the other');
    bench.release();
    assert.equal(bench.held(), ['flush']);
    bench.release();
    assert.equal(
      writes.map(({ result }) => result),
      [0, 0],
    );
    bench.finish();
  });

  flushes(`${build}: a flush waits for data of a sequence at most 5 seconds`, async () => {
    for (const [ns, expected] of [
      [4_999_999_999, ['write 0']],
      [5_000_000_000, ['write 0', 'flush']],
    ] as const) {
      const bench = await Bench.open(build, { fua: false });
      bench.write(0, 20, { fua: true });
      bench.flush();
      assert.equal(bench.held(), ['write 0']);
      bench.machine.advance(ns);
      // another sequence looks at the clock
      bench.flush();
      assert.equal(bench.held(), expected);
      bench.finish();
    }
  });

  flushes(`${build}: flush sequences go before what waits for the drive`, async () => {
    const bench = await Bench.open(build);
    bench.machine.holdDispatch(true);
    bench.write(0, 2);
    bench.write(2, 3);
    bench.flush();
    bench.write(4, 4, { fua: true });
    assert.equal(bench.held(), []);
    bench.machine.holdDispatch(false);
    bench.machine.run();
    assert.equal(bench.held(), ['flush', 'write 4 fua', 'write 0', 'write 2']);
    bench.finish();
  });

  flushes(`${build}: a failed flush fails what waits for it, and nothing of it is written`, async () => {
    const { machine, image } = await openFlaky(build, { drives: [{ size: '1MiB', fua: false }] });
    const device = machine.blockDevice();
    const act = (flags: Flags): number | undefined => {
      const request = device.submit({ operation: 'write', sector: 0, data: filled(7), ...flags });
      machine.run();
      return request.result;
    };
    act({});
    image.take();
    failNext(image, 'sync');
    assert.is(act({ preflush: true }), -5);
    assert.equal(
      image.take().map(({ name }) => name),
      ['sync'],
    );
    failNext(image, 'sync');
    assert.is(act({ fua: true }), -5);
    assert.equal(
      image
        .take()
        .map(({ name }) => name)
        .filter((name) => name !== 'pread'),
      ['pwrite', 'sync'],
    );
    failNext(image, 'pwrite');
    assert.is(act({ preflush: true, fua: true }), -5);
    assert.is(act({ preflush: true, fua: true }), 0);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  flushes(`${build}: a PREFLUSH or FUA request neither merges nor is merged into`, async () => {
    for (const flag of ['preflush', 'fua'] as const) {
      const bench = await Bench.open(build);
      bench.device.plug(() => {
        bench.device.submit({ operation: 'write', sector: 0, data: filled(5) });
        bench.device.submit({ operation: 'write', sector: 1, data: filled(6), [flag]: true });
        bench.device.submit({ operation: 'write', sector: 2, data: filled(7) });
      });
      bench.machine.run();
      bench.finish();
      assert.is(bench.machine.counters.block.writeMerges, 0, flag);
      assert.is(bench.machine.counters.block.writes, 4);
    }
  });

  flushes(
    `${build}: W1 W2 W3 C3 C2 S(F) C1 C(F): W2 and W3 are durable, W1 is uncertain (dm-log-writes' order)`,
    async () => {
      for (const keep of ['none', 'all'] as const) {
        const bench = await Bench.open(build);
        const [first] = [0, 1, 2].map((sector) => bench.write(sector, 10 + sector));
        bench.machine.releaseCompletions([2, 1]);
        const flush = bench.flush();
        bench.release(0);
        assert.is(first?.isDone, true);
        bench.complete(flush);
        assert.is(bench.machine.volatileWrites(), 1);
        assert.equal(bench.cut(keep).slice(0, 3), [keep === 'all' ? 10 : OLD, 11, 12]);
      }
    },
  );

  flushes(
    `${build}: every order of 4 completions: a flush covers what ended before it was sent, once it has ended`,
    async () => {
      // A ended before F was sent; B lies on A's sector and the next one
      for (const order of permutations([0, 1, 2, 3])) {
        for (let released = 0; released <= 4; released++) {
          const bench = await Bench.open(build);
          bench.complete(bench.write(0, 10));
          bench.device.submit({ operation: 'write', sector: 0, data: new Uint8Array(1024).fill(11) });
          bench.write(4, 12);
          bench.flush();
          bench.write(4, 13);
          assert.equal(bench.held(), ['write 0', 'write 4', 'flush', 'write 4']);
          const gone = order.slice(0, released);
          bench.machine.releaseCompletions(gone);
          const isFlushed = gone.includes(2);
          const volatileWrites = gone.filter((index) => index !== 2).length + (isFlushed ? 0 : 1);
          assert.is(bench.machine.volatileWrites(), volatileWrites, `${gone}`);
          assert.equal(bench.cut('none').slice(0, 5), [isFlushed ? 10 : OLD, OLD, OLD, OLD, OLD], `${gone}`);
        }
      }
    },
  );

  flushes(`${build}: a released order is told as it was given, and a wrong one changes nothing`, async () => {
    const bench = await Bench.open(build);
    for (const tag of [1, 2, 3]) bench.write(tag, tag, { tag });
    for (const wrong of [[3], [-1], [0, 0], [0.5]])
      assert.throws(() => bench.machine.releaseCompletions(wrong), /order is/);
    assert.equal(
      bench.machine.heldRequests().map(({ tag, sector, sectorCount }) => [tag, sector, sectorCount]),
      [
        [1, 1, 1],
        [2, 2, 1],
        [3, 3, 1],
      ],
    );
    bench.machine.releaseCompletions([2, 0, 1]);
    assert.equal(
      bench.device.reap().map(({ tag }) => tag),
      [3, 1, 2],
    );
    assert.equal(bench.machine.heldRequests(), []);
    bench.finish();
  });
}

function permutations(items: readonly number[]): number[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item) =>
    permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}

flushes.run();
