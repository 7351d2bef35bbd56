// test-timeout: 60
// The deadline scheduler: batches, starvation, expiry, merging at insertion, what goes past it; and random programs against a plain model.
//
// Requests are submitted by hand to a drive that takes one at a time and holds its completions, so what waits is known.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { BlockDevice, BlockOperation, BlockRequestOptions } from '../../../src/block-device.ts';
import type { DeadlineConfig, DriveConfig, MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { DeadlineModel, type Piece } from './deadline-model.ts';

const NAMES: readonly BlockOperation[] = ['read', 'write', 'discard', 'writeZeroes', 'flush'];

type Issued = [BlockOperation, number, number];

class Bench {
  readonly machine: Machine;
  readonly device: BlockDevice;

  private constructor(machine: Machine) {
    this.machine = machine;
    this.device = machine.blockDevice();
  }

  static async open(
    build: Build,
    deadline?: DeadlineConfig,
    drive: DriveConfig = {},
    config: MachineConfig = {},
  ): Promise<Bench> {
    const machine = await openMachine(build, {
      drives: [
        {
          size: '1MiB',
          scheduler: 'deadline',
          queueDepth: 1,
          ...drive,
          ...(deadline === undefined ? {} : { deadline }),
        },
      ],
      records: 8192,
      buffers: '16MiB',
      limits: { blockRequests: 1024 },
      ...config,
    });
    const bench = new Bench(machine);
    machine.holdCompletions(true);
    return bench;
  }

  submit(
    operation: BlockOperation,
    sector: number,
    sectorCount: number,
    more: Partial<BlockRequestOptions> = {},
  ): void {
    const data = operation === 'write' ? { data: new Uint8Array(sectorCount * 512) } : {};
    this.device.submit({ operation, sector, sectorCount, ...data, ...more });
    this.machine.run();
  }

  read(sector: number, sectorCount = 1): void {
    this.submit('read', sector, sectorCount);
  }

  write(sector: number, sectorCount = 1, more: Partial<BlockRequestOptions> = {}): void {
    this.submit('write', sector, sectorCount, more);
  }

  /** What went to the drive since the last call. */
  issued(): Issued[] {
    return this.machine.records
      .take()
      .flatMap(({ kind, operation, address, count }) =>
        kind === 'issued' ? [[NAMES[operation] as BlockOperation, address, count]] : [],
      );
  }

  /** Releases one after the other to the end; all that went to the drive since the last call. */
  drain(): Issued[] {
    this.machine.run();
    while (this.machine.heldCompletions() > 0) this.machine.releaseCompletion();
    this.device.reap();
    assert.equal(poolsInUse(this.machine), NO_POOL_IN_USE);
    return this.issued();
  }

  /** As drain, of single sectors: r or w and the sector. */
  order(): string {
    return this.drain()
      .map(([operation, sector]) => `${operation[0]}${sector}`)
      .join(' ');
  }
}

/** Sectors that are far apart, so that nothing merges. */
const apart = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, index) => from + index * 4);

const deadline = suite('deadline');

for (const build of BUILDS) {
  deadline(`${build}: waiting requests leave in ascending order, from the one that came first`, async () => {
    const bench = await Bench.open(build);
    for (const sector of [500, 300, 100, 400, 200]) bench.read(sector);
    // 500 was alone and went at once; then the oldest, 300, and upwards; then the oldest that is left
    assert.is(bench.order(), 'r500 r300 r400 r100 r200');
  });

  deadline(`${build}: a write is dispatched after 2 batches of 16 reads (row 47)`, async () => {
    const bench = await Bench.open(build);
    bench.machine.holdDispatch(true);
    bench.write(1000);
    for (const sector of apart(40)) bench.read(sector);
    bench.machine.holdDispatch(false);
    const order = bench.drain();
    assert.is(order.length, 41);
    assert.is(
      order.findIndex(([operation]) => operation === 'write'),
      32,
    );
    assert.equal(
      order.flatMap(([operation, sector]) => (operation === 'read' ? [sector] : [])),
      apart(40),
    );
  });

  deadline(`${build}: fifoBatch and writesStarved say how long reads go on`, async () => {
    for (const [tunables, expected] of [
      [{ fifoBatch: 2, writesStarved: 1 }, 'r0 r4 w400 w404 r8 r12 w408 r16'],
      [{ fifoBatch: 1, writesStarved: 3 }, 'r0 r4 r8 w400 r12 r16 w404 w408'],
      [{ fifoBatch: 2, writesStarved: 0 }, 'w400 w404 w408 r0 r4 r8 r12 r16'],
    ] as const) {
      const bench = await Bench.open(build, tunables);
      bench.machine.holdDispatch(true);
      for (const sector of apart(5)) bench.read(sector);
      for (const sector of apart(3, 400)) bench.write(sector);
      bench.machine.holdDispatch(false);
      assert.is(bench.order(), expected, JSON.stringify(tunables));
    }
  });

  deadline(`${build}: a batch goes on while higher sectors come, and ends with none`, async () => {
    const bench = await Bench.open(build, { fifoBatch: 3 });
    bench.machine.holdDispatch(true);
    for (const sector of [100, 104]) bench.read(sector);
    for (const sector of [0, 4]) bench.write(sector);
    bench.machine.holdDispatch(false);
    // r100 is with the drive, r104 follows in its batch
    bench.read(108);
    bench.read(112);
    assert.is(bench.order(), 'r100 r104 r108 r112 w0 w4');
  });

  deadline(
    `${build}: an expired request is where the next batch begins, not the batch that runs`,
    async () => {
      for (const [operation, ms] of [
        ['read', 10],
        ['write', 20],
      ] as const) {
        for (const [fifoBatch, isExpired, expected] of [
          [1, false, [0, 4, 8, 12, 40]],
          [1, true, [0, 40, 4, 8, 12]],
          [3, false, [0, 4, 8, 12, 40]],
          [3, true, [0, 4, 8, 40, 12]],
        ] as const) {
          const bench = await Bench.open(build, { fifoBatch, readExpireMs: 10, writeExpireMs: 20 });
          bench.machine.holdDispatch(true);
          bench.submit(operation, 0, 1);
          bench.submit(operation, 40, 1);
          for (const sector of [4, 8, 12]) bench.submit(operation, sector, 1);
          bench.machine.holdDispatch(false);
          bench.machine.advance(ms * 1_000_000 - (isExpired ? 0 : 1));
          assert.equal(
            bench.drain().map(([, sector]) => sector),
            expected,
            `${operation}, batches of ${fifoBatch}`,
          );
        }
      }
    },
  );

  deadline(`${build}: insertion merges what the plug could not (row 45)`, async () => {
    for (const [scheduler, expected] of [
      [
        'none',
        [
          ['write', 0, 8],
          ['write', 8, 16],
        ],
      ],
      ['deadline', [['write', 0, 24]]],
    ] as const) {
      const bench = await Bench.open(build, undefined, { scheduler });
      bench.device.plug(() => {
        for (const sector of [0, 16, 8])
          bench.device.submit({ operation: 'write', sector, data: new Uint8Array(8 * 512) });
      });
      assert.equal(bench.drain(), expected, scheduler);
      const { block } = bench.machine.counters;
      assert.is(block.writes + block.writeMerges, 3);
    }
  });

  deadline(`${build}: a bio joins a waiting request at either end, and joins two to one`, async () => {
    const bench = await Bench.open(build);
    bench.read(900);
    bench.write(8, 4);
    bench.write(16, 4);
    bench.write(4, 4);
    bench.write(12, 4);
    assert.equal(bench.drain(), [
      ['read', 900, 1],
      ['write', 4, 16],
    ]);
    assert.is(bench.machine.counters.block.writeMerges, 3);
    assert.is(bench.machine.diskStat().write_merges, 3);
  });

  deadline(
    `${build}: without frontMerges only the request that merged last takes a bio in front`,
    async () => {
      const bench = await Bench.open(build, { frontMerges: false });
      bench.read(900);
      bench.write(8, 4);
      bench.write(100, 4);
      bench.write(96, 4);
      // 8 came first and is the one-entry cache; 100 is not
      bench.write(4, 4);
      assert.equal(bench.drain(), [
        ['read', 900, 1],
        ['write', 4, 8],
        ['write', 96, 4],
        ['write', 100, 4],
      ]);
    },
  );

  deadline(`${build}: a request that takes in an older one leaves when that would have`, async () => {
    const bench = await Bench.open(build, { readExpireMs: 10, fifoBatch: 1 });
    bench.read(0);
    bench.read(104, 4);
    bench.machine.advance(5_000_000);
    bench.read(40, 1);
    bench.read(96, 4);
    bench.read(100, 4);
    bench.machine.advance(5_000_000);
    assert.equal(
      bench.drain().map(([, sector]) => sector),
      [0, 96, 40],
    );
  });

  deadline(`${build}: a batch goes on behind the request that was to follow and became a part`, async () => {
    const bench = await Bench.open(build);
    for (const sector of [100, 104, 200, 300]) bench.read(sector);
    bench.machine.releaseCompletion();
    bench.machine.run();
    // 104 is at the drive, 200 is to follow; the second of these makes it the end of the first
    bench.read(190, 8);
    bench.read(198, 2);
    assert.equal(
      bench.drain().map(([, sector, count]) => [sector, count]),
      [
        [100, 1],
        [104, 1],
        [300, 1],
        [190, 11],
      ],
    );
  });

  deadline(`${build}: what comes behind a request that took in the oldest one is not lost`, async () => {
    const bench = await Bench.open(build, { readExpireMs: 10, fifoBatch: 1 });
    bench.read(0);
    bench.read(104, 4);
    bench.machine.advance(5_000_000);
    bench.read(96, 4);
    // it joins 96, which takes the place of 104, first and last of those that wait
    bench.read(100, 4);
    bench.read(500);
    assert.is(bench.order(), 'r0 r96 r500');
  });

  deadline(`${build}: a request that a limit keeps from merging is not the last that merged`, async () => {
    const bench = await Bench.open(build, { frontMerges: false }, {}, { limits: { maxSectors: 16 } });
    bench.read(900);
    bench.write(100, 12);
    bench.write(92, 8);
    // 92 came after that and is the one-entry cache
    bench.write(88, 4);
    assert.equal(bench.drain(), [
      ['read', 900, 1],
      ['write', 100, 12],
      ['write', 88, 12],
    ]);
  });

  deadline(`${build}: limits hold for requests that merge with each other`, async () => {
    const bench = await Bench.open(build, {}, {}, { limits: { maxSectors: 16 } });
    bench.read(900);
    bench.write(0, 6);
    bench.write(12, 6);
    bench.write(6, 6);
    assert.equal(bench.drain().slice(1), [
      ['write', 0, 12],
      ['write', 12, 6],
    ]);
  });

  deadline(
    `${build}: discards and write-zeroes go with the writes, in order, and merge with nothing`,
    async () => {
      const bench = await Bench.open(build);
      bench.read(900);
      bench.submit('discard', 8, 4);
      bench.submit('writeZeroes', 12, 4);
      bench.write(4, 4);
      bench.read(950);
      assert.equal(bench.drain(), [
        ['read', 900, 1],
        ['read', 950, 1],
        ['discard', 8, 4],
        ['writeZeroes', 12, 4],
        ['write', 4, 4],
      ]);
    },
  );

  deadline(`${build}: flushes and FUA go past it`, async () => {
    const bench = await Bench.open(build);
    bench.read(900);
    bench.read(0);
    bench.write(4);
    bench.write(8, 1, { fua: true });
    bench.device.submit({ operation: 'flush' });
    assert.equal(
      bench.drain().map(([operation, sector]) => [operation, sector]),
      [
        ['read', 900],
        ['write', 8],
        ['flush', 0],
        ['read', 0],
        ['write', 4],
      ],
    );
  });

  deadline(`${build}: merge: false sorts and merges nothing`, async () => {
    const bench = await Bench.open(build, {}, {}, { merge: false });
    bench.read(900);
    for (const sector of [8, 4, 12]) bench.read(sector, 4);
    assert.equal(bench.drain().slice(1), [
      ['read', 8, 4],
      ['read', 12, 4],
      ['read', 4, 4],
    ]);
  });

  deadline(`${build}: each drive has its own, and plugged requests of both are sorted`, async () => {
    const { machine } = await Bench.open(build, undefined, undefined, {
      drives: [1, 2, 3].map((number) =>
        number === 2 ? { size: '1MiB' } : { size: '1MiB', scheduler: 'deadline', queueDepth: 1 },
      ),
      records: 256,
    });
    for (const drive of [1, 2]) machine.holdCompletions(true, drive);
    const devices = [0, 1, 2].map((drive) => machine.blockDevice(drive));
    machine.records.take();
    devices[0]?.plug(() => {
      for (const sector of [40, 20, 30])
        for (const device of devices) device.submit({ operation: 'read', sector, sectorCount: 1 });
    });
    machine.run();
    for (const drive of [0, 1, 2]) machine.holdCompletions(false, drive);
    machine.run();
    const issued = machine.records.take().filter(({ kind }) => kind === 'issued');
    assert.equal(
      [0, 1, 2].map((drive) => issued.filter(({ device }) => device === drive).map(({ address }) => address)),
      [
        [40, 20, 30],
        [40, 20, 30],
        [40, 20, 30],
      ],
    );
    for (const device of devices) device.reap();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  deadline(`${build}: random programs go to the drive as a plain model says`, async () => {
    const pieces = fc.record<Piece>({
      operation: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom<BlockOperation>('read', 'write') },
        { weight: 1, arbitrary: fc.constantFrom<BlockOperation>('discard', 'writeZeroes') },
      ),
      sector: fc.nat(40),
      sectorCount: fc.integer({ min: 1, max: 4 }),
      noMerge: fc.oneof(
        { weight: 9, arbitrary: fc.constant(false) },
        { weight: 1, arbitrary: fc.constant(true) },
      ),
    });
    const acts = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('submit' as const), pieces: fc.tuple(pieces) }) },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('plug' as const),
          pieces: fc.array(pieces, { minLength: 1, maxLength: 8 }),
        }),
      },
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('release' as const) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(12) }) },
    );
    const tunables = fc.record({
      readExpireMs: fc.nat(20),
      writeExpireMs: fc.nat(60),
      writesStarved: fc.nat(3),
      fifoBatch: fc.nat(5),
      frontMerges: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        tunables,
        fc.integer({ min: 1, max: 2 }),
        fc.constantFrom(8, 12, 2560),
        fc.constantFrom(2, 4, 128),
        fc.array(acts, { maxLength: 80, size: 'max' }),
        async (chosen, queueDepth, maxSectors, maxSegments, program) => {
          const bench = await Bench.open(
            build,
            chosen,
            { queueDepth, size: '64KiB' },
            {
              cache: '16KiB',
              buffers: '2MiB',
              payload: 'none',
              limits: { maxSectors, maxSegments, blockRequests: 1024, bios: 1024 },
            },
          );
          const model = new DeadlineModel(chosen, queueDepth, maxSectors, maxSegments);
          const submit = (piece: Piece): unknown => bench.device.submit(piece);
          for (const act of program) {
            if (act.kind === 'submit') {
              submit(act.pieces[0]);
              model.submit(act.pieces[0]);
            } else if (act.kind === 'plug') {
              bench.device.plug(() => act.pieces.forEach(submit));
              model.plug(act.pieces);
            } else if (act.kind === 'advance') {
              bench.machine.advance(act.ms * 1_000_000);
              model.advance(act.ms);
            } else if (model.inFlight > 0) {
              bench.machine.releaseCompletion();
              model.release();
            }
            bench.machine.run();
          }
          while (model.inFlight > 0) model.release();
          assert.equal(bench.drain(), model.issued);
          const { block } = bench.machine.counters;
          assert.is(block.readMerges + block.writeMerges, model.merges);
        },
      ),
      { seed: 47, numRuns: build === 'release' ? 150 : 50 },
    );
  });
}

deadline.run();
